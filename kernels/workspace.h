/* The memory that a team works in: one piece, carved the same way on every machine. */
#ifndef ALLOMETER_WORKSPACE_H
#define ALLOMETER_WORKSPACE_H

#include "mlp.h"

/* Whether neurons can die for good, see pack.h. */
KERNEL_HOST int pack_is_possible(const struct allometer_model *model) {
    return model->l1_step == ALLOMETER_L1_PROXIMAL && model->l1 > 0 && model->penalize_biases;
}

/* ... or leave the loops at all, see prune.h. */
KERNEL_HOST int neurons_can_leave(const struct allometer_model *model) {
    return pack_is_possible(model) || model->prune > 0;
}

struct workspace {
    int32_t width; /* neurons that are not packed away */
    struct parameters parameters;
    float *first, *second; /* optimizer state, (R, H) and the output biases each */
    struct batch batch;
    float *partial;       /* (TEAM_PARTIALS, PARTIAL_ROW) */
    float *scratch;       /* see scratch_floats */
    float *gradient;      /* (R, H) summed over blocks of samples */
    float *alive, *place; /* (H) for pack.h: 1 or 0; the neurons' places before they were packed */
    float *
        worth; /* (K + 1, H) for prune.h: rises of the subtasks' losses; means, then what a neuron is worth */
    struct kept kept;
};

/* Parts of outputs or gradients where several lanes share a sample or a neuron. */
KERNEL_HOST int64_t scratch_floats(const int D, const int O, const struct allometer_model *model,
                                   int32_t team) {
#if LANES == 1
    return lanes_padded((int32_t)sharing_floats(D, O, model, team, neurons_can_leave(model)));
#else
    (void)D, (void)O, (void)model, (void)team;
    return 0;
#endif
}

/* Every array of a workspace and its length in floats, in the order in which they lie; all but the last begin as zero.
   team: scalar workers. */
#define WORKSPACE_TABLE(ROW)                                                                             \
    ROW(parameters.rows, parameters_floats(D, O, model->width))                                          \
    ROW(first, parameters_floats(D, O, model->width))                                                    \
    ROW(second, model->optimizer == ALLOMETER_OPTIMIZER_SGD ? 0 : parameters_floats(D, O, model->width)) \
    ROW(batch.x, (int64_t)D *lanes_padded(model->batch))                                                 \
    ROW(batch.target, (int64_t)O *lanes_padded(model->batch))                                            \
    ROW(batch.output, (int64_t)O *lanes_padded(model->batch))                                            \
    ROW(batch.weight, lanes_padded(model->batch))                                                        \
    ROW(partial, (int64_t)partials *PARTIAL_ROW)                                                         \
    ROW(scratch, scratch_floats(D, O, model, team))                                                      \
    ROW(gradient, LANES > 1 ? (int64_t)(D + 1 + O) * lanes_padded(model->width) : 0)                     \
    ROW(alive, neurons_can_leave(model) ? lanes_padded(model->width) : 0)                                \
    ROW(place, neurons_can_leave(model) ? lanes_padded(model->width) : 0)                                \
    ROW(worth, model->prune > 0 ? (int64_t)(model->n_subtasks + 1) * lanes_padded(model->width) : 0)     \
    ROW(kept.rows, kept_floats(model->width, model->batch))

KERNEL_HOST int64_t workspace_floats(const int D, const int O, const struct allometer_model *model,
                                     int32_t team, int32_t partials) {
    int64_t total = 0;
#define ROW(array, length) total += length;
    WORKSPACE_TABLE(ROW)
#undef ROW
    return total;
}

/* Carves `memory`, aligned to a lane vector, and zeroes it; ends with a team_sync. */
KERNEL_COLD struct workspace workspace_carve(const int D, const int O, const struct allometer_model *model,
                                             float *memory) {
    struct workspace w;
    const int32_t team = TEAM_SIZE, partials = TEAM_PARTIALS;
    int64_t offset = 0;
#define ROW(array, length)     \
    w.array = memory + offset; \
    offset += length;
    WORKSPACE_TABLE(ROW)
#undef ROW
    w.width = model->width;
    w.parameters.stride = model->prune > 0 ? lanes_padded(model->width) : short_row(model->width);
    w.batch.stride = lanes_padded(model->batch);
    w.batch.n = model->batch;
    w.kept.block = block_samples(model->width, model->batch);
    offset -= kept_floats(model->width, model->batch);
    for (int64_t i = TEAM_RANK; i < offset; i += TEAM_SIZE) memory[i] = 0;
    team_sync();
    return w;
}

#endif
