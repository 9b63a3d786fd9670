/* The words that a sweep file, a store and a help text use for the identifiers of model.h. */
#ifndef ALLOMETER_NAMES_H
#define ALLOMETER_NAMES_H

#include "model.h"

#include <stddef.h>

struct allometer_name {
    const char *name;
    const char *formula; /* or a few words where there is none; "" where the name says it all */
};

/* Rows are indexed by the enum of model.h. */
struct allometer_names {
    const struct allometer_name *rows;
    size_t n_rows;
};

extern const struct allometer_names allometer_activations, allometer_functions, allometer_losses,
    allometer_optimizers, allometer_schedules, allometer_initializations, allometer_distributions,
    allometer_weightings, allometer_l1_steps, allometer_compositions, allometer_truths, allometer_batches,
    allometer_as_needed;

/* What a function asks of the network. */
struct allometer_function_shape {
    int32_t n_inputs; /* 0: as many as the subtask's bits */
    int32_t n_outputs;
    int32_t loss;      /* enum allometer_loss */
    int32_t is_binary; /* its inputs are -1 or 1 */
};
extern const struct allometer_function_shape allometer_function_shapes[ALLOMETER_FUNCTION_COUNT];

/* Index of the name, or -1. */
int32_t allometer_name_find(const struct allometer_names *names, const char *name);

#endif
