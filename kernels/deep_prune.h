/* Pruning of deep models, as prune.h has it. What leaves stays in its place as zeros: activation(0) = 0, so that what it
   gives, and the gradients of the weights from it, are 0 too. With residual, what earlier layers gave in that place flows on. */
#ifndef ALLOMETER_DEEP_PRUNE_H
#define ALLOMETER_DEEP_PRUNE_H

#include "deep_ablation.h"
#include "prune.h"

/* What every neuron is worth on the batch, into worth (L, H), which is w->paths, to be read after a team_sync; the neurons
   that have left rank last. Begins with the whole team together. */
KERNEL_APART void deep_worth(const struct deep *w, float *worth) {
    const struct allometer_model *model = w->model;
    const int64_t n = hidden_neurons(w);
    ablations_start(w);
    for (int32_t first = 0; first < model->batch; first += w->block) {
        const struct batch block = deep_block_at(w, first);
        deep_outputs(w, &block, 0);
        means_add(w, &block, 1.0f / (float)model->batch); /* the next product waits before it writes */
    }
    for (int32_t first = 0; first < model->batch; first += w->block) {
        const struct batch block = deep_block_at(w, first);
        deep_outputs(w, &block, 0);
        ablations_add(w, &block);
    }
    team_sync();
    for (int64_t i = TEAM_RANK; i < n; i += TEAM_SIZE) {
        vf total = vf_set(0.0f);
        for (int32_t k = 0; k < model->n_subtasks; ++k)
            total = total + (model->mixed ? 1.0f : model->subtasks[k].weight) * w->rise[k * n + i];
        worth[i] = w->alive[i] != 0 ? LANE(worth_or_least(total), 0) : -INFINITY;
    }
}

KERNEL void element_keep(const struct deep *w, int64_t e, vf stays) {
    vf_store(w->theta + e, stays * vf_load(w->theta + e));
    vf_store(w->first + e, stays * vf_load(w->first + e));
    if (w->model->optimizer != ALLOMETER_OPTIMIZER_SGD)
        vf_store(w->second + e, stays * vf_load(w->second + e));
}

/* 1 where a neuron of `layer` is alive, or, with residual, one of an earlier layer in its place, else 0. */
KERNEL vf gives_something(const struct deep *w, int32_t layer, int32_t h) {
    const int32_t width = w->model->width;
    vf gives = vf_load(w->alive + layer * width + h);
    for (int32_t l = layer - 1; w->model->residual && l >= 0; --l)
        gives = vf_select(vf_load(w->alive + l * width + h) > vf_set(0.0f), vf_set(1.0f), gives);
    return gives;
}

/* Zeroes the parameters of neurons that are not alive, the weights of what nothing gives any more, and the optimizer's
   state of all these. Ends with a team_sync. */
KERNEL_COLD void deep_clear(const struct deep *w) {
    const struct allometer_model *model = w->model;
    for (int32_t layer = 0; layer <= model->depth; ++layer) {
        const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
        const int64_t row = row_padded(inputs), at = layer_offset(model, layer);
        const float *own = layer < model->depth ? w->alive + layer * model->width : NULL;
        FOR_ELEMENTS(i, j, outputs, inputs) {
            const vf one = vf_set(1.0f);
            element_keep(w, at + i * row + j,
                         (own ? vf_set(own[i]) : one) * (layer > 0 ? gives_something(w, layer - 1, j) : one));
        }
        if (!own) continue;
        FOR_LANES(i, outputs) element_keep(w, at + outputs * row + i, vf_load(own + i));
    }
    team_sync();
}

/* Whether the neuron's weights, of what comes and of what goes, and its bias are all zero. */
KERNEL int neuron_is_zero(const struct deep *w, int32_t layer, int32_t h) {
    const struct allometer_model *model = w->model;
    const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer + 1);
    float *in = layer_weights(w, w->theta, layer);
    const float *out = layer_weights(w, w->theta, layer + 1) + h;
    int is_zero = layer_biases(w, in, layer)[h] == 0;
    for (int32_t j = 0; j < inputs; ++j) is_zero &= in[(int64_t)h * row_padded(inputs) + j] == 0;
    for (int32_t i = 0; i < outputs; ++i) is_zero &= out[(int64_t)i * row_padded(model->width)] == 0;
    return is_zero;
}

/* Keeps the worthiest of each layer. Begins and ends with the whole team together. */
KERNEL_APART void deep_prune(const struct deep *w, int32_t kept) {
    const int32_t width = w->model->width;
    for (int32_t i = TEAM_RANK; i < w->model->depth * width; i += TEAM_SIZE) {
        const int is_zero = neuron_is_zero(w, i / width, i % width);
        w->paths[i] = fminf(w->paths[i], is_zero ? -FLT_MAX : FLT_MAX); /* what has left stays below */
    }
    team_sync();
    for (int32_t layer = 0; layer < w->model->depth; ++layer)
        keep_worthiest(w->paths + layer * width, width, kept, w->alive + layer * width);
    team_sync();
    deep_clear(w);
}

#endif
