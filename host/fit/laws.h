/* The laws as the host sees them: the rows of law_table.h, and a law's value and derivatives at given points. */
#ifndef ALLOMETER_LAWS_H
#define ALLOMETER_LAWS_H

#include "law_table.h"
#include "program.h"

#include <stddef.h>

struct allometer_law_parameter {
    const char *name;
    enum allometer_role role;
    const char *unit;
};

/* A row of the table, a formula (formula_parse.h), or an average of rows, which has no parameters of its own. */
struct allometer_law {
    enum allometer_law_id id;      /* ALLOMETER_LAW_FORMULA: a formula */
    const char *name, *other_name; /* other_name may be NULL */
    const char *formula, *source;
    int n_parameters, n_columns; /* P, and how many independent variables */
    enum allometer_column_form form;
    const struct allometer_law_parameter *parameters;
    const struct allometer_program *program; /* of a formula; else NULL */
    const enum allometer_law_id *candidates; /* of an average; else NULL */
    int n_candidates;
};

enum { ALLOMETER_AVERAGE_COUNT = 2, ALLOMETER_MAX_CANDIDATES = 8 };

extern const struct allometer_law allometer_laws[ALLOMETER_LAW_COUNT];
extern const struct allometer_law allometer_averages[ALLOMETER_AVERAGE_COUNT];

/* The law or average of that name or other name; NULL if there is none, or no name. */
const struct allometer_law *allometer_law_find(const char *name);

/* Whether the solver's coordinate of such a parameter is its logarithm; and both ways between the two. */
int allometer_role_is_log(enum allometer_role role);
double allometer_role_inner(enum allometer_role role, double value);
double allometer_role_outer(enum allometer_role role, double coordinate);

/* Where a fit keeps such a parameter unless the user sets another bound, such as ">= 0 if all y are"; "" if anywhere. */
const char *allometer_role_bounds(enum allometer_role role);

/* The law's values (n) and, unless NULL, derivatives by the coordinates (n x P) at points whose independent variables
   are given as they are (columns[c][i]). parameters: P, in the solver's coordinates. NaN of an average: evaluate the law of a
   group in its place. */
void allometer_law_evaluate(const struct allometer_law *law, const double *parameters,
                            const double *const *columns, size_t n, double *values, double *derivatives);
/* The same at points in the form that the law reads: logarithms, where it takes them. */
void allometer_law_evaluate_formed(const struct allometer_law *law, const double *parameters,
                                   const double *const *columns, size_t n, double *values,
                                   double *derivatives);

#endif
