/* The training of small models in groups for one instruction set: its cases, and the choice among them. */
#include "lane.h"
#include "train_models.h"
#include "specialize.h"
#include "subnormal.h"
#include "cpu_kernels.h"

/* Up to so many neuron-samples a group was measured to be faster than its models one by one: those of a round that are kept for
   backward, 32 bytes for each of a model's, stay in the nearest cache. */
enum { MOST_NEURON_SAMPLES = 2048, MOST_KEPT_NEURON_SAMPLES = 1024 };

typedef void group_function(const struct allometer_model *const *, float *, float *, struct cpu_trained *);

#define GROUP_NAME(kind, D, O) train_group_##kind##_##D##_##O
#define GROUP_FUNCTION(kind, D, O)                                                                 \
    static void GROUP_NAME(kind, D, O)(const struct allometer_model *const *models, float *memory, \
                                       float *group, struct cpu_trained *trained) {                \
        struct models g = models_start(D, O, models, memory, group);                               \
        models_train(D, O, ALLOMETER_ACTIVATION_##kind, &g, trained);                              \
    }

#define ROW(id, function, name, flops, kept, formula) SMALL_SPECIALIZATION_TABLE(GROUP_FUNCTION, id)
ACTIVATION_TABLE(ROW)
#undef ROW

#define GROUP_POINTER(kind, D, O) GROUP_NAME(kind, D, O),
static group_function *const group_functions[ALLOMETER_ACTIVATION_COUNT][N_SMALL_SPECIALIZATIONS] = {
#define ROW(id, function, name, flops, kept, formula) \
    [ALLOMETER_ACTIVATION_##id] = {SMALL_SPECIALIZATION_TABLE(GROUP_POINTER, id)},
    ACTIVATION_TABLE(ROW)
#undef ROW
};

/* Whether each output is one subtask, whose error is squared. */
static int squared_errors_alone(const struct allometer_model *model) {
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        const struct allometer_subtask *subtask = &model->subtasks[k];
        if (subtask->loss != ALLOMETER_LOSS_MEAN_SQUARED_ERROR || subtask->first_output != k
            || subtask->n_outputs != 1)
            return 0;
    }
    return model->n_subtasks == model->n_outputs;
}

size_t LANES_SYMBOL(group_bytes_)(const struct allometer_model *model) {
    const int64_t most =
        activation_is_kept(model->activation) ? MOST_KEPT_NEURON_SAMPLES : MOST_NEURON_SAMPLES;
    if (allometer_is_general(model) || model->fresh || model->batch < model->samples
        || neurons_can_leave(model) || model->l1_step == ALLOMETER_L1_PROXIMAL
        || (int64_t)model->width * lanes_padded(model->batch) > most || !squared_errors_alone(model))
        return 0;
    const int index = specialization_index(model);
    if (index >= N_SMALL_SPECIALIZATIONS) return 0;
    return (size_t)models_floats(specializations[index].D, specializations[index].O, model) * sizeof(float);
}

void LANES_SYMBOL(train_group_)(const struct allometer_model *const *models, float *memory, float *group,
                                struct cpu_trained *trained) {
    const uint64_t before = subnormals_off();
    group_functions[models[0]->activation][specialization_index(models[0])](models, memory, group, trained);
    subnormals_restore(before);
}
