/* What one instruction set's compilation of the kernels offers to cpu.c. */
#ifndef ALLOMETER_CPU_KERNELS_H
#define ALLOMETER_CPU_KERNELS_H

#include "model.h"

#include <stddef.h>

struct cpu_kernels {
    const char *name;
    int lanes;
    size_t (*workspace_bytes)(const struct allometer_model *model);
    /* memory: workspace_bytes(model) of it, aligned to 64. */
    void (*train)(const struct allometer_model *model, float *memory, struct allometer_result *result,
                  float *weights);
};

#endif
