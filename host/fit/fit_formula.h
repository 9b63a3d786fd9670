/* What the starts of a formula's fit are made from: the sizes at which its parameters begin to matter. */
#ifndef ALLOMETER_FIT_FORMULA_H
#define ALLOMETER_FIT_FORMULA_H

#include "fit_internal.h"

enum {
    SEARCH_POINTS = 256, /* of a group that a draw is judged by, at most, spread evenly */
    SEARCH_FEW = 33,     /* of these that sizes are taken from */
    SEARCH_FEWER = 9,    /* of these, where sizes are found anew for each draw */
    SEARCH_USES = 4,     /* of one parameter, that are looked at */
};

/* What the starts of one group are made from. */
struct formula_search {
    const struct fit_work *work;
    const struct allometer_law *law; /* what y is to be: the fit's law, or what it is the exponential of */
    struct allometer_law exponent;
    struct allometer_program exponent_program;
    int P, n, n_few, on_logs;
    double columns[ALLOMETER_MAX_LAW_COLUMNS][SEARCH_POINTS], y[SEARCH_POINTS], weight[SEARCH_POINTS];
    const double *lower, *upper;                         /* P */
    unsigned char linear[ALLOMETER_MAX_PARAMETERS];      /* solved for; else drawn */
    unsigned char is_exponent[ALLOMETER_MAX_PARAMETERS]; /* made of by + - * / with columns and each other */
    const double *given; /* P values, NaN of those whose sizes are sought beside the others; NULL: of all */
    double size[ALLOMETER_MAX_PARAMETERS];               /* at which a parameter begins to matter, above 0, */
    double sizes[ALLOMETER_MAX_PARAMETERS][SEARCH_USES]; /* in each of its uses */
    int n_uses[ALLOMETER_MAX_PARAMETERS];
    int n_partners[ALLOMETER_MAX_PARAMETERS]; /* what the parameter must be to cancel what it is added to: */
    double partners[ALLOMETER_MAX_PARAMETERS][SEARCH_FEW]; /* values at the points, rising */
    /* 1 or -1 where a sine or cosine turns by a phase in proportion to the parameter or to its inverse; else 0. */
    int turns[ALLOMETER_MAX_PARAMETERS];
    double
        slowest[ALLOMETER_MAX_PARAMETERS]; /* what it is for a quarter of a cycle from first to last point */
    int has_range
        [ALLOMETER_MAX_PARAMETERS]; /* what the parameter must be to turn a product with columns over: */
    double low[ALLOMETER_MAX_PARAMETERS],
        high[ALLOMETER_MAX_PARAMETERS]; /* the logarithm of its size at the points */
};

static inline int search_is_positive(const struct formula_search *search, int p) {
    return search->law->parameters[p].role == ALLOMETER_ROLE_POSITIVE;
}

/* fit_formula_sizes.c: fills the search from what it holds of a group's points. */
void formula_find_sizes(struct formula_search *search);

#endif
