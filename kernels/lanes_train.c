/* The training kernel for one instruction set: every case of specialize.h and the choice among them. */
#include "lane.h"
#include "measure.h"
#include "specialize.h"
#include "subnormal.h"
#include "cpu_kernels.h"

typedef void train_function(const struct allometer_model *, const struct cpu_trained *, float *,
                            struct allometer_result *, float *);

/* Puts parameters into the model's workspace that were trained among others' (train_models.h). */
KERNEL_COLD void put_trained(const int D, const int O, const struct cpu_trained *trained,
                             struct workspace *w) {
    const int R = D + 1 + O;
    const struct parameters *p = &w->parameters;
    for (int32_t h = 0; h < w->width; ++h) {
        for (int j = 0; j < R; ++j) p->rows[j * p->stride + h] = trained->theta[(h * R + j) * LANES];
    }
    for (int o = 0; o < O; ++o)
        parameters_output_bias(D, O, p)[o] = trained->theta[(w->width * R + o) * LANES];
}

#define TRAIN_NAME(kind, D, O) train_##kind##_##D##_##O
#define TRAIN_FUNCTION(kind, D, O)                                                        \
    static void TRAIN_NAME(kind, D, O)(const struct allometer_model *model,               \
                                       const struct cpu_trained *trained, float *memory,  \
                                       struct allometer_result *result, float *weights) { \
        struct workspace w = workspace_carve(D, O, model, memory);                        \
        float loss = trained ? trained->train_loss : 0.0f;                                \
        int32_t steps = trained ? trained->steps : 0;                                     \
        if (trained)                                                                      \
            put_trained(D, O, trained, &w);                                               \
        else                                                                              \
            steps = train_steps(D, O, ALLOMETER_ACTIVATION_##kind, model, &w, &loss);     \
        measure_model(D, O, ALLOMETER_ACTIVATION_##kind, model, &w, steps, loss, result); \
        copy_weights(D, O, model, &w.parameters, weights);                                \
    }

#define ROW(id, function, name, flops, kept, formula) SPECIALIZATION_TABLE(TRAIN_FUNCTION, id)
ACTIVATION_TABLE(ROW)
#undef ROW

#define TRAIN_POINTER(kind, D, O) TRAIN_NAME(kind, D, O),
static train_function *const train_functions[ALLOMETER_ACTIVATION_COUNT][N_SPECIALIZATIONS] = {
#define ROW(id, function, name, flops, kept, formula) \
    [ALLOMETER_ACTIVATION_##id] = {SPECIALIZATION_TABLE(TRAIN_POINTER, id)},
    ACTIVATION_TABLE(ROW)
#undef ROW
};

static size_t workspace_bytes(const struct allometer_model *model) {
    if (allometer_is_general(model)) return LANES_SYMBOL(deep_workspace_bytes_)(model);
    struct specialization size = specializations[specialization_index(model)];
    return (size_t)workspace_floats(size.D, size.O, model, TEAM_SIZE, TEAM_PARTIALS) * sizeof(float);
}

static void train(const struct allometer_model *model, const struct cpu_trained *trained, float *memory,
                  struct allometer_result *result, float *weights, struct allometer_layer *layers) {
    const uint64_t before = subnormals_off();
    if (allometer_is_general(model))
        LANES_SYMBOL(train_deep_)(model, memory, result, weights, layers);
    else
        train_functions[model->activation][specialization_index(model)](model, trained, memory, result,
                                                                        weights);
    subnormals_restore(before);
}

extern const struct cpu_kernels LANES_SYMBOL(allometer_cpu_kernels_);
const struct cpu_kernels LANES_SYMBOL(allometer_cpu_kernels_) = {
    .name = LANES_NAME,
    .lanes = LANES,
    .workspace_bytes = workspace_bytes,
    .train = train,
    .group_bytes = LANES_SYMBOL(group_bytes_),
    .train_group = LANES_SYMBOL(train_group_),
};
