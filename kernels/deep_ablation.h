/* What the neurons of a deep model are worth: by how much the losses rise without one. */
#ifndef ALLOMETER_DEEP_ABLATION_H
#define ALLOMETER_DEEP_ABLATION_H

#include "deep.h"

KERNEL int64_t hidden_neurons(const struct deep *w) {
    return (int64_t)w->model->depth * w->model->width;
}

/* Before the first samples; each lane zeroes what it adds to. */
KERNEL void ablations_start(const struct deep *w) {
    const int32_t K = w->model->n_subtasks;
    for (int64_t i = TEAM_RANK; i < hidden_neurons(w); i += TEAM_SIZE) w->mean[i] = 0;
    for (int32_t k = TEAM_RANK; k < K; k += TEAM_SIZE) {
        w->held_out[k] = 0;
        for (int64_t i = 0; i < hidden_neurons(w); ++i) w->rise[k * hidden_neurons(w) + i] = 0;
    }
}

/* Adds to mean (L, H) what the neurons give at the block's samples, times share each. */
KERNEL void means_add(const struct deep *w, const struct batch *block, float share) {
    for (int32_t i = TEAM_RANK; i < hidden_neurons(w); i += TEAM_SIZE)
        w->mean[i] += share * row_sum(w->value + i * w->row, block->n);
}

/* Puts what the neuron gives at each sample aside into w->delta and its mean in its place; or, with `back`, undoes that.
   What flows past the neuron is left alone. */
KERNEL void neuron_hold(const struct deep *w, const struct batch *block, int32_t layer, int32_t h, int back) {
    const int64_t width = w->model->width;
    const int past = w->model->residual && layer > 0;
    const float mean = w->mean[layer * width + h] - (past ? w->mean[(layer - 1) * width + h] : 0.0f);
    float *value = layer_value(w, block, layer).at + h * w->row;
    const float *skipped = past ? value - width * w->row : NULL;
    FOR_LANES(s, block->n) {
        if (back) {
            vf_store(value + s, vf_load(w->delta + s));
            continue;
        }
        vf_store(w->delta + s, vf_load(value + s));
        vf_store(value + s, mean + (skipped ? vf_load(skipped + s) : vf_set(0.0f)));
    }
}

/* Adds to rise (K, L, H) the block's sum of every subtask's losses with each neuron held at its mean, the last layer first:
   what comes before a neuron's layer stays. At zero instead, a neuron that does nothing but hold a constant would look
   needed, where a bias would have served. */
KERNEL_APART void ablations_add(const struct deep *w, const struct batch *block) {
    const struct allometer_model *model = w->model;
    for (int32_t layer = model->depth - 1; layer >= 0; --layer) {
        for (int32_t h = 0; h < model->width; ++h) {
            neuron_hold(w, block, layer, h, 0);
            team_sync();
            deep_outputs(w, block, layer + 1);
            deep_losses(w, block, 1.0f, 0, 1);
            for (int32_t k = TEAM_RANK; k < model->n_subtasks; k += TEAM_SIZE) {
                w->rise[k * hidden_neurons(w) + layer * model->width + h] += sums_total(w, SUM_LOSS, k);
            }
            neuron_hold(w, block, layer, h, 1);
        }
    }
}

#endif
