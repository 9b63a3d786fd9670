/* What is measured of one deep model: each subtask's loss on the held-out set, and which neurons of which layer serve
   it, by three measures (model.h, struct allometer_layer). */
#ifndef ALLOMETER_DEEP_MEASURE_H
#define ALLOMETER_DEEP_MEASURE_H

#include "deep_train.h"
#include "measure.h"

/* What served (K, L, H) holds is a sum of these. */
enum { N_MEASURES = 3, BY_THRESHOLD = 1, BY_ABLATION = 2, BY_PATH = 4 };

/* ---- losses, and by how much they rise without a neuron ---------------------------------------------------------- */

/* The held-out samples from `first` on, as many as a block holds, and what all layers give for them. */
KERNEL struct batch held_out_chunk(const struct deep *w, int32_t first) {
    const struct allometer_model *model = w->model;
    const int32_t rest = model->test_samples - first;
    struct sample_range range = {model->test_samples, first, 1, 0, 0, 0, 0};
    struct batch chunk = w->batch;
    chunk.n = rest < w->block ? rest : w->block;
    deep_draw(w, range, chunk.n);
    deep_outputs(w, &chunk, 0);
    return chunk;
}

/* As measure_losses. */
KERNEL_APART void deep_measure_losses(const struct deep *w, struct allometer_result *result) {
    const struct allometer_model *model = w->model;
    ablations_start(w);
    for (int32_t first = 0; first < model->test_samples; first += w->block) {
        const struct batch chunk = held_out_chunk(w, first);
        deep_losses(w, &chunk, 1.0f, 0, 1);
        for (int32_t k = TEAM_RANK; k < model->n_subtasks; k += TEAM_SIZE) {
            result->loss[k] += sums_total(w, SUM_LOSS, k);
            result->accuracy[k] += sums_total(w, SUM_RIGHT, k);
            w->held_out[k] += model->mixed ? sums_total(w, SUM_WEIGHT, k) : (float)chunk.n;
        }
        means_add(w, &chunk, 1.0f / (float)model->test_samples);
    }
    for (int32_t k = TEAM_RANK; k < model->n_subtasks; k += TEAM_SIZE) {
        result->loss[k] /= w->held_out[k];
        result->accuracy[k] /= w->held_out[k];
    }
    for (int32_t first = 0; first < model->test_samples; first += w->block) {
        const struct batch chunk = held_out_chunk(w, first);
        ablations_add(w, &chunk);
    }
    for (int32_t k = TEAM_RANK; k < model->n_subtasks; k += TEAM_SIZE) {
        if (model->subtasks[k].loss != ALLOMETER_LOSS_CROSS_ENTROPY) result->accuracy[k] = NAN;
    }
}

/* ---- paths through the network ----------------------------------------------------------------------------------- */

/* What a weight contributes to a path: its absolute value, or, given a threshold, 1 above it and else 0. */
KERNEL float path_weight(float weight, float threshold) {
    const float size = fabsf(weight);
    return threshold < 0 ? size : size > threshold ? 1.0f : 0.0f;
}

/* paths[0] (L, H): for each neuron the sum over paths from subtask k's inputs to it and on to the subtask's outputs of the
   products of path_weight. A residual connection counts 1. Ends with a team_sync. */
KERNEL_COLD void path_sums(const struct deep *w, int32_t k, float threshold) {
    const struct allometer_model *model = w->model;
    const struct allometer_subtask *subtask = &model->subtasks[k];
    const int32_t first_input = subtask_first_input(model, k), n_inputs = subtask_n_inputs(model, k);
    const int64_t width = model->width, n = hidden_neurons(w);
    float *in = w->paths, *given = in + n,
          *out = given + n; /* to the neuron, to what the layer gives; onward from there */
    for (int32_t layer = 0; layer < model->depth; ++layer) {
        const float *weights = layer_weights(w, w->theta, layer);
        const int32_t first = layer == 0 ? first_input : 0,
                      end = layer == 0 ? first + n_inputs : model->width;
        for (int32_t h = TEAM_RANK; h < width; h += TEAM_SIZE) {
            const float *row = weights + (int64_t)h * row_padded(layer_inputs(model, layer));
            float sum = 0;
            for (int32_t g = first; g < end; ++g)
                sum += path_weight(row[g], threshold) * (layer == 0 ? 1.0f : given[(layer - 1) * width + g]);
            in[layer * width + h] = sum;
            given[layer * width + h] =
                sum + (model->residual && layer > 0 ? given[(layer - 1) * width + h] : 0.0f);
        }
        team_sync();
    }
    for (int32_t layer = model->depth; layer > 0; --layer) {
        const float *weights = layer_weights(w, w->theta, layer);
        const int last = layer == model->depth;
        const int32_t first = last ? subtask->first_output : 0,
                      end = last ? first + subtask->n_outputs : model->width;
        for (int32_t g = TEAM_RANK; g < width; g += TEAM_SIZE) {
            float sum = model->residual && !last ? out[layer * width + g] : 0.0f;
            for (int32_t h = first; h < end; ++h)
                sum += path_weight(weights[(int64_t)h * row_padded(model->width) + g], threshold)
                       * (last ? 1.0f : out[layer * width + h]);
            out[(layer - 1) * width + g] = sum;
            in[(layer - 1) * width + g] *= sum;
        }
        team_sync();
    }
}

/* ---- allocation -------------------------------------------------------------------------------------------------- */

/* served (K, L, H). Ends with a team_sync. */
KERNEL_APART void neurons_served(const struct deep *w, const struct allometer_result *result) {
    const struct allometer_model *model = w->model;
    const int32_t width = model->width, n = model->depth * width;
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        float *served = w->served + (int64_t)k * n;
        const float *rise = w->rise + (int64_t)k * n;
        const float limit = (1.0f + model->ablation_share) * result->loss[k], n_samples = w->held_out[k];
        path_sums(w, k, model->threshold);
        for (int32_t i = TEAM_RANK; i < n; i += TEAM_SIZE)
            served[i] = (float)((w->paths[i] > 0 ? BY_THRESHOLD : 0)
                                + (rise[i] / n_samples > limit ? BY_ABLATION : 0));
        path_sums(w, k, -1.0f);
        for (int32_t layer = TEAM_RANK; layer < model->depth; layer += TEAM_SIZE) {
            float total = 0;
            for (int32_t h = 0; h < width; ++h) total += w->paths[layer * width + h];
            for (int32_t h = 0; h < width; ++h) {
                if (w->paths[layer * width + h] > model->path_share * total)
                    served[layer * width + h] += (float)BY_PATH;
            }
        }
        team_sync();
    }
}

/* Rows `layers` (L, K) and the sums over layers, from served. subtasks: in how many of them each neuron serves, by each
   measure (N_MEASURES, L, H), in w->paths. */
KERNEL_APART void count_neurons(const struct deep *w, struct allometer_result *result,
                                struct allometer_layer *layers) {
    const struct allometer_model *model = w->model;
    const int32_t K = model->n_subtasks, width = model->width, n = model->depth * width;
    float *subtasks = w->paths;
    for (int32_t i = TEAM_RANK; i < n; i += TEAM_SIZE) {
        for (int32_t m = 0; m < N_MEASURES; ++m) {
            subtasks[m * n + i] = 0;
            for (int32_t k = 0; k < K; ++k)
                subtasks[m * n + i] += (float)((int32_t)w->served[(int64_t)k * n + i] >> m & 1);
        }
    }
    team_sync();
    for (int32_t row = TEAM_RANK; row < model->depth * K; row += TEAM_SIZE) {
        const int32_t layer = row / K, k = row % K;
        int32_t own[N_MEASURES] = {0, 0, 0}, shared[N_MEASURES] = {0, 0, 0}, agreed = 0;
        for (int32_t h = 0; h < width; ++h) {
            const int32_t i = layer * width + h, served = (int32_t)w->served[(int64_t)k * n + i];
            agreed += served == 0 || served == (BY_THRESHOLD | BY_ABLATION | BY_PATH);
            UNROLL for (int m = 0; m < N_MEASURES; ++m) {
                own[m] += served >> m & 1;
                shared[m] += (served >> m & 1) && subtasks[m * n + i] > 1;
            }
        }
        const struct allometer_layer counts = {own[0],    shared[0], own[1], shared[1], own[2],
                                               shared[2], agreed,    NAN,    NAN,       NAN};
        layers[row] = counts;
    }
    team_sync();
    for (int32_t k = TEAM_RANK; k < K; k += TEAM_SIZE) {
        for (int32_t layer = 0; layer < model->depth; ++layer) {
            result->allocated[k] += layers[layer * K + k].threshold;
            result->allocated_ablation[k] += layers[layer * K + k].ablation;
        }
    }
    if (TEAM_RANK != 0) return;
    for (int32_t i = 0; i < n; ++i) {
        result->live += subtasks[i] > 0, result->shared += subtasks[i] > 1;
        result->live_ablation += subtasks[n + i] > 0, result->shared_ablation += subtasks[n + i] > 1;
    }
}

/* ---- the parameters themselves ------------------------------------------------------------------------------------ */

/* Row by row: one sum of millions would lose what is small beside it. */
KERNEL_APART void deep_norms(const struct deep *w, struct allometer_result *result) {
    const struct allometer_model *model = w->model;
    vf l1 = vf_set(0.0f), l2 = vf_set(0.0f);
    for (int32_t layer = 0; layer <= model->depth; ++layer) {
        const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
        const float *weights = layer_weights(w, w->theta, layer),
                    *biases = layer_biases(w, layer_weights(w, w->theta, layer), layer);
        for (int32_t i = 0; i < outputs; ++i) {
            const float *row = weights + (int64_t)i * row_padded(inputs);
            vf row_l1 = vf_set(0.0f), row_l2 = row_l1;
            FOR_LANES(j, inputs) {
                vf theta = vf_select(vi_less(vi_index(j), inputs), vf_load(row + j), vf_set(0.0f));
                row_l1 = row_l1 + vf_abs(theta), row_l2 = row_l2 + theta * theta;
            }
            l1 = l1 + row_l1, l2 = l2 + row_l2;
        }
        if (!model->penalize_biases) continue;
        FOR_LANES(i, outputs) {
            vf theta = vf_select(vi_less(vi_index(i), outputs), vf_load(biases + i), vf_set(0.0f));
            l1 = l1 + vf_abs(theta), l2 = l2 + theta * theta;
        }
    }
    float *own = w->partial + TEAM_PARTIAL * sums_row(model);
    team_sum_store(own, l1);
    team_sum_store(own + lanes_padded(model->n_subtasks), l2);
    team_sync();
    if (TEAM_RANK != 0) return;
    result->l1_norm = sums_total(w, SUM_LOSS, 0);
    result->l2_norm_squared = sums_total(w, SUM_RIGHT, 0);
}

/* Kept weights, in the order and shapes of allometer_n_parameters. */
KERNEL_APART void deep_copy_weights(const struct deep *w, float *weights) {
    for (int32_t layer = 0; layer <= w->model->depth; ++layer) {
        const int32_t inputs = layer_inputs(w->model, layer), outputs = layer_outputs(w->model, layer);
        const float *theta = layer_weights(w, w->theta, layer),
                    *biases = layer_biases(w, layer_weights(w, w->theta, layer), layer);
        for (int32_t i = TEAM_RANK; i < outputs; i += TEAM_SIZE) {
            for (int32_t j = 0; j < inputs; ++j)
                weights[(int64_t)i * inputs + j] = theta[(int64_t)i * row_padded(inputs) + j];
            weights[(int64_t)outputs * inputs + i] = biases[i];
        }
        weights += (int64_t)outputs * (inputs + 1);
    }
}

/* Trains and measures one deep model in `memory` (deep_floats of it) and *w, which the team shares; layers: (L, K). As
   train_model. */
KERNEL void train_deep(const struct allometer_model *model, struct deep_memory memory, struct deep *w,
                       struct allometer_result *result, float *weights, struct allometer_layer *layers) {
    float train_loss;
    deep_carve(model, memory, w);
    const int32_t steps = deep_train_steps(w, &train_loss);
    const int diverged = steps < model->steps;
    result_start(result, diverged, steps, train_loss);
    if (!diverged) {
        deep_measure_losses(w, result);
        neurons_served(w, result);
        count_neurons(w, result, layers);
        deep_norms(w, result);
    }
    if (weights) deep_copy_weights(w, weights);
}

#endif
