/* What one instruction set's compilation of the kernels offers to cpu.c. */
#ifndef ALLOMETER_CPU_KERNELS_H
#define ALLOMETER_CPU_KERNELS_H

#include "model.h"

#include <stddef.h>

struct cpu_kernels {
    const char *name;
    int lanes;
    size_t (*workspace_bytes)(const struct allometer_model *model);
    /* memory: workspace_bytes(model) of it, aligned to 64. weights: NULL, or where to keep them; layers: where the
       rows of a deep model go. */
    void (*train)(const struct allometer_model *model, float *memory, struct allometer_result *result,
                  float *weights, struct allometer_layer *layers);
};

/* Of one instruction set, for models of several hidden layers (lanes_deep.c). */
#define DEEP_KERNELS(set)                                                     \
    size_t deep_workspace_bytes_##set(const struct allometer_model *model);   \
    void train_deep_##set(const struct allometer_model *model, float *memory, \
                          struct allometer_result *result, float *weights, struct allometer_layer *layers);
#define ROW(set) DEEP_KERNELS(set)
ALLOMETER_INSTRUCTION_SETS
#undef ROW

#endif
