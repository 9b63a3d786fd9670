/* Between the CUDA backend's host half of fits (cuda_fit_batch.cu) and its kernels (cuda_fit.cu). */
#ifndef ALLOMETER_CUDA_FIT_H
#define ALLOMETER_CUDA_FIT_H

#include <stdint.h>

extern "C" {
#include "fitting.h"
}

enum {
    CUDA_FIT_TEAM = 32,  /* threads of a block: each works through problems of its own */
    CUDA_FIT_PASSES = 3, /* launches: the later ones go on with problems that the one before let wait */
};

/* What the threads of one launch count together. */
struct cuda_fit_count {
    uint32_t taken, waiting; /* problems handed out; those that wished to wait, of which `room` did */
};

/* Problems of about the same size, on the device. */
struct cuda_fit_launch {
    struct allometer_fitting fitting; /* all pointers to the device's memory */
    int64_t first, end;               /* of the problems */
    int32_t n_parameters, n_columns;
    int32_t capacity, most_units; /* points and units of the largest problem */
    double *
        rows; /* threads x capacity x (columns + 2); thread t's element i at rows[t + i * threads]; of resamples */
    int32_t *counts;                     /* threads x most_units; of resamples */
    struct cuda_fit_count *count;        /* of this launch; 0 before */
    const struct cuda_fit_count *before; /* of the one before; NULL: there is none */
    const double *waiting;               /* states that the one before left */
    double *wait;                        /* where states are left after so many iterations (0: never) ... */
    int32_t wait_after;
    uint32_t room; /* ... while there is room */
};

typedef void cuda_fit_function(struct cuda_fit_launch);

/* The kernel of each law, and of formulas. */
extern cuda_fit_function *const allometer_cuda_fit[ALLOMETER_LAW_COUNT + 1];
/* The iterations after which a problem waits for the second launch, the third, ... */
extern const int32_t allometer_cuda_fit_wait_after[CUDA_FIT_PASSES - 1];
/* How many numbers are the state of a problem of so many parameters. */
int32_t allometer_cuda_fit_state(int32_t n_parameters);

#endif
