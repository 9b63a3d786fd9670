/* What the starts of a law of the table are made from. */
#ifndef ALLOMETER_FIT_STARTS_H
#define ALLOMETER_FIT_STARTS_H

#include "fit_internal.h"

/* The points of one group, and what is known of their ranges. */
struct group_points {
    const struct fit_work *work;
    size_t first, n;                                  /* of the work's points */
    const double *columns[ALLOMETER_MAX_LAW_COLUMNS]; /* n each, as the law reads them */
    double *y, *sorted;                               /* n each: y, and y in ascending order */
    int on_logs;
    double x_low[ALLOMETER_MAX_LAW_COLUMNS], x_high[ALLOMETER_MAX_LAW_COLUMNS], y_low, y_high;
    const double *lower, *upper; /* P */
    int n_below; /* starts with the asymptote below all y; beyond, it is among the lower half */
    struct fit_sequence sequence;
    double *scratch; /* n * (P + 1) */
};

/* Coordinate j of draw `index`, in (0, 1). */
static inline double even_draw(const struct group_points *points, int index, int j) {
    return fit_sequence_draw(&points->sequence, index, j);
}

/* Parameter p at the user's start, if there is one, and within its bounds, before others are made to suit it. */
static inline double settled(const struct group_points *points, int p, double value) {
    double wanted = points->work->wanted[p];
    return fit_within(isnan(wanted) ? value : wanted, points->lower[p], points->upper[p]);
}

/* fit_starts_sum.c: of laws that are an asymptote and one exponential of each column (or of its logarithm: a power of it),
   in the order asymptote, scales, rates; and of Kaplan's. */
void start_sum(const struct group_points *points, int index, double *start);
void start_kaplan(const struct group_points *points, int index, double *start);

#endif
