/* The order in which the CPU's threads take models, and which of them they train in one go. */
#ifndef ALLOMETER_CPU_QUEUE_H
#define ALLOMETER_CPU_QUEUE_H

#include "backend.h"
#include "cpu_kernels.h"

/* Models order[first] .. order[first + n - 1]: one, or as many of one shape as the kernels have lanes. */
struct queue_unit {
    double cost;
    size_t first, n;
};

struct queue {
    size_t *order; /* of the models */
    struct queue_unit *units;
    size_t n_units;
};

/* Costliest units first, or last. What a model comes to does not depend on the unit that it is in. FAILED: out of memory. */
enum allometer_code queue_make(const struct allometer_training *training, const struct cpu_kernels *kernels,
                               int threads, int reverse, struct queue *queue, struct allometer_error *error);
void queue_free(struct queue *queue);

#endif
