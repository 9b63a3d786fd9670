/* Fits on the CPU: what the kernels of each instruction set offer, and the choice among them. */
#ifndef ALLOMETER_CPU_FIT_H
#define ALLOMETER_CPU_FIT_H

#include "backend.h"
#include "fitting.h"

struct fit_kernels {
    int32_t (*lanes)(void);
    int32_t (*state)(const struct allometer_fitting *fitting); /* doubles, of a problem that waits */
    /* Fits the problems order[0 .. n - 1]. rows: capacity * (columns + 2) * lanes doubles, capacity the most points
       of any of them; waiting: room * state; counts: the most units of any. */
    void (*solve)(const struct allometer_fitting *fitting, const int64_t *order, int64_t n, double *rows,
                  double *waiting, int64_t room, int32_t *counts, int32_t capacity);
};

/* Fits the whole batch with the kernels of an instruction set that this machine has. A fit's result depends on its own
   points, start, bounds and stream alone, and on the instruction set. */
enum allometer_code fit_on_cpu(const char *instruction_set, int threads,
                               const struct allometer_fitting *fitting, struct allometer_error *error);

#endif
