/* The training of models of several hidden layers, for one instruction set. */
#include "deep_measure.h"
#include "cpu_kernels.h"

size_t LANES_SYMBOL(deep_workspace_bytes_)(const struct allometer_model *model) {
    return (size_t)deep_floats(model, TEAM_PARTIALS, 0) * sizeof(float);
}

void LANES_SYMBOL(train_deep_)(const struct allometer_model *model, float *memory,
                               struct allometer_result *result, float *weights,
                               struct allometer_layer *layers) {
    struct deep w;
    train_deep(model, (struct deep_memory){NULL, memory, 0}, &w, result, weights, layers);
}
