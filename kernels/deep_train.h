/* The training of one deep model by one team, from first step to last. */
#ifndef ALLOMETER_DEEP_TRAIN_H
#define ALLOMETER_DEEP_TRAIN_H

#include "deep_prune.h"
#include "train.h"

/* Weight (i, j) of a layer depends on the seed, the layer, i and j alone, but for the scale. */
KERNEL_APART void layer_initialize(const struct deep *w, int32_t layer) {
    const struct allometer_model *model = w->model;
    const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
    const struct initial_scales s =
        layer == 0 ? initial_scales_of(model->initialization, (float)inputs, (float)outputs, 1.0f)
                   : initial_scales_of(model->initialization, 1.0f, (float)inputs, (float)outputs);
    const float weight_scale = model->initialization_gain * (layer == 0 ? s.weight_in : s.weight_out),
                bias_scale = model->initialization_gain * (layer == 0 ? s.bias_in : s.bias_out);
    float *weights = layer_weights(w, w->theta, layer), *biases = layer_biases(w, weights, layer);
    FOR_ELEMENTS(i, j, outputs, inputs) {
        vf draw = initial_draw(model->seed, STREAM_LAYER, (uint32_t)layer, vi_index(j), i, s.normal);
        vm inside = vi_less(vi_index(j), inputs);
        vf_store(weights + (int64_t)i * row_padded(inputs) + j,
                 vf_select(inside, weight_scale * draw, vf_set(0.0f)));
    }
    FOR_LANES(i, outputs) {
        vf draw = initial_draw(model->seed, STREAM_LAYER_BIAS, (uint32_t)layer, vi_index(i), 0, 0);
        vf_store(biases + i, vf_select(vi_less(vi_index(i), outputs), bias_scale * draw, vf_set(0.0f)));
    }
}

/* As train_steps. */
KERNEL int32_t deep_train_steps(const struct deep *w, float *train_loss) {
    const struct allometer_model *model = w->model;
    struct update update = update_start(model);
    const float share = 1.0f / (float)model->batch;
    const int32_t redraw = model->fresh || model->batch < model->samples;
    *train_loss = 0;
    for (int32_t layer = 0; layer <= model->depth; ++layer) layer_initialize(w, layer);
    for (int64_t i = TEAM_RANK; model->prune && i < hidden_neurons(w); i += TEAM_SIZE) w->alive[i] = 1;
    for (int32_t step = 0; step < model->steps; ++step) {
        if (redraw || step == 0) {
            deep_draw(w, step_range(model, step), model->batch);
        }
        const int32_t kept = prune_kept(model, step);
        if (kept) deep_worth(w, w->paths);
        for (int32_t first = 0; first < model->batch; first += w->block) {
            const struct batch block = deep_block_at(w, first);
            deep_forward(w, &block, 0);
            deep_losses(w, &block, share, 1, first == 0);
            deep_backward(w, &block, first == 0);
        }
        *train_loss = 0;
        for (int32_t k = 0; k < model->n_subtasks; ++k) {
            *train_loss += (model->mixed ? share : model->subtasks[k].weight) * sums_total(w, SUM_LOSS, k);
        }
        if (!isfinite(*train_loss)) return step;
        update_advance(&update, model, step);
        deep_update(w, &update);
        team_sync();
        if (kept) deep_prune(w, kept);
    }
    return model->steps;
}

#endif
