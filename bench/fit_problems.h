/* Synthetic curves with known truth, and one start for each, the same on every machine: what fitters are compared on. */
#ifndef ALLOMETER_FIT_PROBLEMS_H
#define ALLOMETER_FIT_PROBLEMS_H

#include "fitting.h"
#include "laws.h"

enum { FIT_PROBLEMS_FOR_PEERS = 200 }; /* the first of them */

struct fit_problems {
    struct allometer_fitting fitting;
    double *columns[ALLOMETER_MAX_LAW_COLUMNS], *target, *starts, *lower, *upper;
    struct allometer_fit_set *sets;
    struct allometer_fit_problem *problems;
    struct allometer_fit_outcome *outcomes;
    double *memory; /* all the numbers above */
};

/* n curves of n_points each, evenly spaced in log x over 1 .. 1e4 (of further columns: drawn from it), 1 % noise on
   log y; objective: squared error of log y. Starts: the truth, each coordinate moved by a normal number of deviation
   0.1. Returns 0 when out of memory. */
int fit_problems_make(struct fit_problems *problems, const struct allometer_law *law, int n_points,
                      int64_t n);
void fit_problems_free(struct fit_problems *problems);

#endif
