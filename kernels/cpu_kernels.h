/* What one instruction set's compilation of the kernels offers to cpu.c. */
#ifndef ALLOMETER_CPU_KERNELS_H
#define ALLOMETER_CPU_KERNELS_H

#include "model.h"

#include <stddef.h>

/* What a model's training among others has come to. */
struct cpu_trained {
    int32_t steps;
    float train_loss;
    const float *theta; /* (H, R), then (O), as in train_models.h; every `lanes`-th float */
};

struct cpu_kernels {
    const char *name;
    int lanes;
    size_t (*workspace_bytes)(const struct allometer_model *model);
    /* Trains and measures a model, or measures it if it is trained. trained: may be NULL. memory: workspace_bytes(model) of it,
       aligned to 64. weights: NULL, or where to keep them; layers: where the rows of a deep model go. */
    void (*train)(const struct allometer_model *model, const struct cpu_trained *trained, float *memory,
                  struct allometer_result *result, float *weights, struct allometer_layer *layers);
    /* Bytes that training `lanes` models of this shape at once takes; 0 for those that are better trained one by one. */
    size_t (*group_bytes)(const struct allometer_model *model);
    /* Trains `lanes` models of one shape (cpu_queue.h) with the bits that `train` gives them. memory: as train's, group as
       group_bytes says, where the trained parameters lie afterwards. */
    void (*train_group)(const struct allometer_model *const *models, float *memory, float *group,
                        struct cpu_trained *trained);
};

/* Of one instruction set: for models of several hidden layers (lanes_deep.c), and for groups of small ones (lanes_models.c). */
#define FURTHER_KERNELS(set)                                                                                \
    size_t deep_workspace_bytes_##set(const struct allometer_model *model);                                 \
    void train_deep_##set(const struct allometer_model *model, float *memory,                               \
                          struct allometer_result *result, float *weights, struct allometer_layer *layers); \
    size_t group_bytes_##set(const struct allometer_model *model);                                          \
    void train_group_##set(const struct allometer_model *const *models, float *memory, float *group,        \
                           struct cpu_trained *trained);
#define ROW(set) FURTHER_KERNELS(set)
ALLOMETER_INSTRUCTION_SETS
#undef ROW

#endif
