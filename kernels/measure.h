/* What is measured of one trained model: each subtask's loss on the held-out set, and which neurons serve it. */
#ifndef ALLOMETER_MEASURE_H
#define ALLOMETER_MEASURE_H

#include "train.h"

/* Into `partial`, over the chunk, each subtask's sum of losses and how many samples it has right: a count, which is exact,
   where shares of all samples would be rounded one by one. */
KERNEL_COLD void losses_sum(const struct allometer_model *model, const struct batch *batch, float *partial) {
    float *own = partial + TEAM_PARTIAL * PARTIAL_ROW;
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        vf loss = vf_set(0.0f), right = vf_set(0.0f), correct;
        FOR_LANES(s, batch->n) {
            const vf weight = vf_load(batch->weight + s);
            loss = loss + weight * loss_at(batch, &model->subtasks[k], s, weight, 0, &correct);
            right = right + weight * correct;
        }
        team_sum_store(own + k, loss);
        team_sum_store(own + PARTIAL_RESIDUAL + k, right);
    }
}

/* Each subtask's mean loss and accuracy on the held-out set, in chunks of the batch's size, and in a second run over it,
   once the mean activations are known, every neuron's rise. rise: (K + 1, H), zero; its last row is for the means. */
KERNEL void measure_losses(const int D, const int O, const int kind, const struct allometer_model *model,
                           struct workspace *w, float *rise, struct allometer_result *result) {
    float *mean = rise + (int64_t)model->n_subtasks * w->parameters.stride;
    const int32_t chunks = (model->test_samples + model->batch - 1) / model->batch;
    for (int32_t run = 0; run < 2 * chunks; ++run) {
        const int32_t first = run % chunks * model->batch, rest = model->test_samples - first;
        struct sample_range range = {model->test_samples, first, 1, 0, 0, 0, 0};
        w->batch.n = rest < model->batch ? rest : model->batch;
        batch_draw(model, range, &w->batch);
        team_sync();
        forward_all(D, O, kind, &w->parameters, model->width, &w->batch, w->kept, w->scratch);
        losses_sum(model, &w->batch, w->partial);
        team_sync();
        if (run < chunks) {
            for (int32_t k = TEAM_RANK; k < model->n_subtasks; k += TEAM_SIZE) {
                result->loss[k] += partial_total(w->partial, k);
                result->accuracy[k] += partial_total(w->partial, PARTIAL_RESIDUAL + k);
                if (run < chunks - 1) continue;
                const int classifies = model->subtasks[k].loss == ALLOMETER_LOSS_CROSS_ENTROPY;
                result->loss[k] /= (float)model->test_samples;
                result->accuracy[k] = classifies ? result->accuracy[k] / (float)model->test_samples : NAN;
            }
            activation_add(D, kind, model, &w->parameters, &w->batch, 1.0f / (float)model->test_samples,
                           mean);
        } else {
            ablation_add(D, kind, model, &w->parameters, &w->batch, mean, rise);
        }
        team_sync();
    }
}

/* 1 for each neuron at h that subtask k has been allocated by the threshold rule, else 0: both an incoming weight
   from the subtask's inputs and an outgoing one to its outputs above the threshold. */
KERNEL vf allocated_by_threshold(const int D, const struct allometer_model *model, const struct parameters *p,
                                 int32_t k, int32_t h) {
    const struct allometer_subtask *subtask = &model->subtasks[k];
    const float *neuron = p->rows + h;
    vf in = vf_set(0.0f), out = vf_set(0.0f), one = vf_set(1.0f), threshold = vf_set(model->threshold);
    for (int32_t d = subtask->first_input; d < subtask->first_input + subtask->n_inputs; ++d) {
        in = vf_select(vf_abs(vf_load(neuron + d * p->stride)) > threshold, one, in);
    }
    for (int32_t o = subtask->first_output; o < subtask->first_output + subtask->n_outputs; ++o) {
        out = vf_select(vf_abs(vf_load(neuron + (D + 1 + o) * p->stride)) > threshold, one, out);
    }
    return in * out;
}

/* The same by ablation: silencing the neuron raises the subtask's loss by more than ablation_share of it. */
KERNEL vf allocated_by_ablation(const struct allometer_model *model, const float *rise, int32_t stride,
                                int32_t k, int32_t h, float loss) {
    vf limit = vf_set(model->ablation_share * loss * (float)model->test_samples);
    return vf_select(vf_load(rise + (int64_t)k * stride + h) > limit, vf_set(1.0f), vf_set(0.0f));
}

/* Per subtask and in all: how many neurons are allocated, by either rule; and the norms of the parameters. */
KERNEL_COLD void measure_allocation(const int D, const int O, const struct allometer_model *model,
                                    struct workspace *w, const float *rise, struct allometer_result *result) {
    const struct parameters *p = &w->parameters;
    float *own = w->partial + TEAM_PARTIAL * PARTIAL_ROW;
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        vf by_threshold = vf_set(0.0f), by_ablation = vf_set(0.0f);
        FOR_LANES(h, model->width) {
            by_threshold = by_threshold + allocated_by_threshold(D, model, p, k, h);
            by_ablation = by_ablation + allocated_by_ablation(model, rise, p->stride, k, h, result->loss[k]);
        }
        team_sum_store(own + k, by_threshold);
        team_sum_store(own + PARTIAL_RESIDUAL + k, by_ablation);
    }
    team_sync();
    for (int32_t k = TEAM_RANK; k < model->n_subtasks; k += TEAM_SIZE) {
        result->allocated[k] = (int32_t)partial_total(w->partial, k);
        result->allocated_ablation[k] = (int32_t)partial_total(w->partial, PARTIAL_RESIDUAL + k);
    }
    team_sync();

    vf one = vf_set(1.0f), zero = vf_set(0.0f), count[4] = {zero, zero, zero, zero}, l1 = zero, l2 = zero;
    FOR_LANES(h, model->width) {
        vf by_threshold = zero, by_ablation = zero;
        for (int32_t k = 0; k < model->n_subtasks; ++k) {
            by_threshold = by_threshold + allocated_by_threshold(D, model, p, k, h);
            by_ablation = by_ablation + allocated_by_ablation(model, rise, p->stride, k, h, result->loss[k]);
        }
        count[0] = count[0] + vf_select(by_threshold > zero, one, zero);
        count[1] = count[1] + vf_select(by_threshold > one, one, zero);
        count[2] = count[2] + vf_select(by_ablation > zero, one, zero);
        count[3] = count[3] + vf_select(by_ablation > one, one, zero);
        vm inside = vi_less(vi_index(h), model->width);
        for (int j = 0; j < D + 1 + O; ++j) {
            if (j == D && !model->penalize_biases) continue;
            vf theta = vf_select(inside, vf_load(p->rows + j * p->stride + h), zero);
            l1 = l1 + vf_abs(theta);
            l2 = l2 + theta * theta;
        }
    }
    for (int c = 0; c < 4; ++c) team_sum_store(own + c, count[c]);
    team_sum_store(own + 4, l1);
    team_sum_store(own + 5, l2);
    team_sync();
    if (TEAM_RANK != 0) return;
    result->live = (int32_t)partial_total(w->partial, 0);
    result->shared = (int32_t)partial_total(w->partial, 1);
    result->live_ablation = (int32_t)partial_total(w->partial, 2);
    result->shared_ablation = (int32_t)partial_total(w->partial, 3);
    result->l1_norm = partial_total(w->partial, 4);
    result->l2_norm_squared = partial_total(w->partial, 5);
    const float *bias = parameters_output_bias(D, O, p);
    for (int32_t o = 0; model->penalize_biases && o < model->n_outputs; ++o) {
        result->l1_norm += fabsf(bias[o]);
        result->l2_norm_squared += bias[o] * bias[o];
    }
}

/* Kept weights, if not NULL, in the order and shapes of allometer_n_parameters. */
KERNEL_COLD void copy_weights(const int D, const int O, const struct allometer_model *model,
                              const struct parameters *p, float *weights) {
    if (!weights) return;
    const int32_t width = model->width, n_inputs = model->n_inputs, n_outputs = model->n_outputs;
    float *bias_in = weights + (int64_t)width * n_inputs, *out = bias_in + width,
          *bias_out = out + (int64_t)n_outputs * width;
    for (int32_t h = TEAM_RANK; h < width; h += TEAM_SIZE) {
        for (int32_t d = 0; d < n_inputs; ++d)
            weights[(int64_t)h * n_inputs + d] = p->rows[(int64_t)d * p->stride + h];
        bias_in[h] = p->rows[(int64_t)D * p->stride + h];
        for (int32_t o = 0; o < n_outputs; ++o) {
            out[(int64_t)o * width + h] = p->rows[(int64_t)(D + 1 + o) * p->stride + h];
        }
    }
    for (int32_t o = TEAM_RANK; o < n_outputs; o += TEAM_SIZE)
        bias_out[o] = parameters_output_bias(D, O, p)[o];
}

/* A result before anything is measured. */
KERNEL void result_start(struct allometer_result *result, int diverged, int32_t steps, float train_loss) {
    for (int32_t k = TEAM_RANK; k < ALLOMETER_MAX_SUBTASKS; k += TEAM_SIZE) {
        result->loss[k] = result->accuracy[k] = diverged ? NAN : 0.0f;
        result->allocated[k] = result->allocated_ablation[k] = 0;
    }
    if (TEAM_RANK == 0) {
        result->status = diverged ? ALLOMETER_MODEL_DIVERGED : ALLOMETER_MODEL_DONE;
        result->steps = steps;
        result->train_loss = train_loss;
        result->l1_norm = result->l2_norm_squared = NAN;
        result->live = result->shared = result->live_ablation = result->shared_ablation = 0;
        result->seconds = 0;
        result->layers = NULL;
    }
}

/* Measures a model that has taken so many steps, fewer than T if it diverged. The team may leave at different times: it meets
   before the memory is used again. */
KERNEL void measure_model(const int D, const int O, const int kind, const struct allometer_model *model,
                          struct workspace *w, int32_t steps, float train_loss,
                          struct allometer_result *result) {
    const int diverged = steps < model->steps;
    unpack_neurons(D, O, model, w);
    pad_rows(D, O, model, w);
    result_start(result, diverged, steps, train_loss);
    if (!diverged) {
        float *rise = w->first; /* the optimizer's state has done its work: (R, H) holds (K + 1, H) */
        for (int64_t i = TEAM_RANK; i < parameters_floats(D, O, model->width); i += TEAM_SIZE) rise[i] = 0;
        measure_losses(D, O, kind, model, w, rise, result);
        measure_allocation(D, O, model, w, rise, result);
    } else {
        team_sync(); /* the weights, where dead neurons have been put back, are read next */
    }
}

/* Trains and measures one model in `memory` (workspace_floats of them); returns its parameters, which lie there. */
KERNEL struct parameters train_model(const int D, const int O, const int kind,
                                     const struct allometer_model *model, float *memory,
                                     struct allometer_result *result) {
    struct workspace w = workspace_carve(D, O, model, memory);
    float train_loss;
    int32_t steps = train_steps(D, O, kind, model, &w, &train_loss);
    measure_model(D, O, kind, model, &w, steps, train_loss, result);
    return w.parameters;
}

#endif
