/* A batch of fits: one law on F problems, each a data set, perhaps resampled, and a start. Plain data that the host
   fills and every backend reads.

   Letters: F fits, N points, P parameters. */
#ifndef ALLOMETER_FITTING_H
#define ALLOMETER_FITTING_H

#include "law_table.h"
#include "program.h"

#include <stdint.h>

enum allometer_objective {
    ALLOMETER_OBJECTIVE_MSE,   /* squared error of y */
    ALLOMETER_OBJECTIVE_MSLE,  /* squared error of log y */
    ALLOMETER_OBJECTIVE_HUBER, /* Huber's loss of log y: squared up to delta, then linear */
    ALLOMETER_OBJECTIVE_COUNT
};

/* How a fit ended. The first three are minima; no other is. */
enum allometer_fit_status {
    ALLOMETER_FIT_GRADIENT, /* another step would lower the cost by less than 1e-20 of it */
    ALLOMETER_FIT_STEP,     /* another step would not change any parameter by more than rounding */
    ALLOMETER_FIT_COST,     /* the cost is down to what rounding leaves of it */
    ALLOMETER_FIT_STALLED,  /* no step, however small, lowers the cost: a kink, or a law that overflows */
    ALLOMETER_FIT_OUT_OF_ITERATIONS,
    ALLOMETER_FIT_NOT_FINITE, /* the law has no value at the start */
    ALLOMETER_FIT_STATUS_COUNT
};

/* The points of all data sets, pooled. A unit is what resampling draws: a point, or several that belong together. */
struct allometer_fit_points {
    const double
        *columns[ALLOMETER_MAX_LAW_COLUMNS]; /* N each, in the form that the law reads: plain or log */
    const double *target;                    /* N: y, or log y where the objective is on logs */
    const double *weight;                    /* N, at least 0; NULL: all 1 */
    const int64_t
        *units; /* unit u holds the points units[u] .. units[u + 1] - 1; NULL: each point is a unit */
};

struct allometer_fit_set {
    int64_t first_unit; /* among the pooled units */
    int32_t n_units;
    uint32_t reserved; /* 0 */
    uint64_t stream;   /* tells this set's resamples from another's, in whatever batch it is */
};

struct allometer_fit_problem {
    int32_t set;
    uint32_t
        resample; /* 0: the points as they are; else the number of a bootstrap resample of the set's units */
};

struct allometer_fit_outcome {
    double
        cost; /* of the points, or the resample, and of the prior: sum of weight * error^2 (twice Huber's loss) */
    int32_t status, iterations;
};

struct allometer_fitting {
    int32_t law, objective;                  /* enums */
    const struct allometer_program *program; /* of ALLOMETER_LAW_FORMULA; else not read */
    double delta;                            /* of huber */
    int32_t max_iterations;                  /* 0: evaluate the cost at the start and stop */
    uint64_t seed;                           /* of the resamples */
    struct allometer_fit_points points;
    const struct allometer_fit_set *sets;
    const double *lower, *upper; /* sets x P, in the solver's coordinates; equal: the parameter is fixed */
    /* What is known of the parameters before: sets x P. For each parameter, off = mean - t from the mean, the cost rises
       by precision * reach^2 log(1 + off^2/reach^2), as the logarithm of Student's distribution does: like one more point
       of that weight within the reach, ever more slowly beyond. Precision 0: nothing is known. All NULL: of none. */
    const double *prior_mean, *prior_precision, *prior_reach;
    const struct allometer_fit_problem *problems; /* F */
    const double *starts;                         /* F x P, within the bounds */
    int64_t n_sets, n_problems;
    double *parameters;                     /* F x P, filled; may be the starts */
    struct allometer_fit_outcome *outcomes; /* F, filled */
};

/* P and C of the batch's law. */
static inline int32_t allometer_fitting_parameters(const struct allometer_fitting *fitting) {
    static const int32_t n[] = {
#define ALLOMETER_ROW(function, name, other, formula, P, ...) P,
        ALLOMETER_LAWS(ALLOMETER_ROW)
#undef ALLOMETER_ROW
    };
    return fitting->law == ALLOMETER_LAW_FORMULA ? fitting->program->n_parameters : n[fitting->law];
}

static inline int32_t allometer_fitting_columns(const struct allometer_fitting *fitting) {
    static const int32_t n[] = {
#define ALLOMETER_ROW(function, name, other, formula, P, C, ...) C,
        ALLOMETER_LAWS(ALLOMETER_ROW)
#undef ALLOMETER_ROW
    };
    return fitting->law == ALLOMETER_LAW_FORMULA ? fitting->program->n_columns : n[fitting->law];
}

#endif
