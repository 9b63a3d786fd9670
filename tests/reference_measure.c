#include "reference_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Mean loss of each subtask (K), with neuron `silenced` held at activation `held`; accuracy (K) where not NULL. */
static void held_out_losses(const struct allometer_model *m, const double *theta,
                            const struct reference_batch *batch, int silenced, double held, double *loss,
                            double *accuracy) {
    double y[ALLOMETER_MAX_GENERAL_OUTPUTS], *n = calloc((size_t)m->n_subtasks, 8),
                                             *right = calloc((size_t)m->n_subtasks, 8);
    for (int k = 0; k < m->n_subtasks; ++k) loss[k] = 0;
    for (int s = 0; s < batch->n; ++s) {
        const double *target = batch->target + s * m->n_outputs;
        reference_outputs(m, theta, batch->x + s * m->n_inputs, silenced, held, y);
        for (int k = 0; k < m->n_subtasks; ++k) {
            const struct allometer_subtask *subtask = &m->subtasks[k];
            if (m->mixed && batch->owner[s] != k) continue;
            loss[k] += subtask_loss(subtask, y, target, NULL), n[k] += 1;
            int best = 1, is_class = subtask->loss == ALLOMETER_LOSS_CROSS_ENTROPY;
            int own = subtask->first_output + (is_class ? (int)target[subtask->first_output] : 0);
            for (int o = subtask->first_output; o < subtask->first_output + subtask->n_outputs; ++o) {
                if (y[o] > y[own] || (y[o] == y[own] && o < own)) best = 0;
            }
            right[k] += best;
        }
    }
    for (int k = 0; k < m->n_subtasks; ++k) {
        loss[k] /= n[k];
        if (accuracy)
            accuracy[k] = m->subtasks[k].loss == ALLOMETER_LOSS_CROSS_ENTROPY ? right[k] / n[k] : NAN;
    }
    free(n), free(right);
}

void reference_losses(const struct allometer_model *m, const double *theta, double *loss) {
    struct reference_batch batch = reference_batch_make(m, 0, 1);
    held_out_losses(m, theta, &batch, -1, 0, loss, NULL);
    reference_batch_free(&batch);
}

/* Sums over all paths of subtask k through each neuron (L, H), of the products of absolute weights; where crisp, of ones
   for weights above the threshold. Path by path, from neuron `from` of layer l (or input `from` where l is -1) on. */
static double paths_onward(const struct allometer_model *m, const double *theta, int k, int crisp, int l,
                           int from) {
    const struct allometer_subtask *subtask = &m->subtasks[k];
    struct layer layer = layer_of(m, l + 1);
    double total = 0;
    for (int i = 0; i < layer.out; ++i) {
        double size = fabs(theta[layer.weights + i * layer.in + from]);
        if (crisp) size = size > (double)m->threshold;
        if (l + 1 < m->depth)
            total += size * paths_onward(m, theta, k, crisp, l + 1, i);
        else if (i >= subtask->first_output && i < subtask->first_output + subtask->n_outputs)
            total += size;
    }
    if (m->residual && l >= 0 && l + 1 < m->depth) total += paths_onward(m, theta, k, crisp, l + 1, from);
    return total;
}

static double paths_to(const struct allometer_model *m, const double *theta, int k, int crisp, int l, int h) {
    const struct allometer_subtask *subtask = &m->subtasks[k];
    struct layer layer = layer_of(m, l);
    double total = 0;
    for (int j = 0; j < layer.in; ++j) {
        double size = fabs(theta[layer.weights + h * layer.in + j]);
        if (crisp) size = size > (double)m->threshold;
        if (l == 0) {
            const int first = m->control ? m->n_inputs - m->n_subtasks + k
                              : m->mixed ? 0
                                         : subtask->first_input;
            const int end = m->control ? first + 1 : m->mixed ? m->n_inputs : first + subtask->n_inputs;
            total += j >= first && j < end ? size : 0;
            continue;
        }
        for (int before = l - 1; before >= 0;
             --before) { /* along residual connections from each layer before */
            total += size * paths_to(m, theta, k, crisp, before, j);
            if (!m->residual) break;
        }
    }
    return total;
}

void reference_measure(const struct allometer_model *m, const double *theta, struct allometer_result *result,
                       struct allometer_layer *layers) {
    const int H = m->width, n = m->depth * H, K = m->n_subtasks;
    struct reference_batch batch = reference_batch_make(m, 0, 1);
    struct signals v = signals_make(m, 0);
    double y[ALLOMETER_MAX_GENERAL_OUTPUTS], *mean = calloc((size_t)n, 8), *loss = calloc((size_t)K, 8),
                                             *accuracy = calloc((size_t)K, 8),
                                             *without = calloc((size_t)(n * K), 8);
    int *served = calloc((size_t)(n * K), sizeof *served);
    memset(result, 0, sizeof *result);
    for (int s = 0; s < batch.n; ++s) {
        signals_run(m, theta, batch.x + s * m->n_inputs, -1, 0, &v, y);
        for (int i = 0; i < n; ++i) mean[i] += v.own[i] / batch.n;
    }
    held_out_losses(m, theta, &batch, -1, 0, loss, accuracy);
    for (int i = 0; i < n; ++i) held_out_losses(m, theta, &batch, i, mean[i], without + i * K, NULL);
    for (int k = 0; k < K; ++k) {
        double *norm = calloc((size_t)n, 8), *total = calloc((size_t)m->depth, 8);
        result->loss[k] = (float)loss[k], result->accuracy[k] = (float)accuracy[k];
        for (int i = 0; i < n; ++i) {
            norm[i] =
                layers ? paths_to(m, theta, k, 0, i / H, i % H) * paths_onward(m, theta, k, 0, i / H, i % H)
                       : 0;
            total[i / H] += norm[i];
        }
        for (int i = 0; i < n; ++i) {
            double crisp =
                paths_to(m, theta, k, 1, i / H, i % H) * paths_onward(m, theta, k, 1, i / H, i % H);
            served[i * K + k] = (crisp > 0)
                                | (without[i * K + k] - loss[k] > m->ablation_share * loss[k]) << 1
                                | (norm[i] > m->path_share * total[i / H]) << 2;
        }
        free(norm), free(total);
    }
    for (int i = 0; i < n; ++i) {
        int shares[3] = {0, 0, 0};
        for (int k = 0; k < K; ++k)
            for (int measure = 0; measure < 3; ++measure) shares[measure] += served[i * K + k] >> measure & 1;
        result->live += shares[0] > 0, result->shared += shares[0] > 1;
        result->live_ablation += shares[1] > 0, result->shared_ablation += shares[1] > 1;
        for (int k = 0; k < K; ++k) {
            int own = served[i * K + k];
            result->allocated[k] += own & 1, result->allocated_ablation[k] += own >> 1 & 1;
            if (!layers) continue;
            struct allometer_layer *row = &layers[i / H * K + k];
            row->threshold += own & 1, row->shared_threshold += (own & 1) && shares[0] > 1;
            row->ablation += own >> 1 & 1, row->shared_ablation += (own >> 1 & 1) && shares[1] > 1;
            row->path += own >> 2, row->shared_path += (own >> 2) && shares[2] > 1;
            row->agreed += own == 0 || own == 7;
        }
    }
    for (int i = 0; i < allometer_n_parameters(m); ++i) {
        if (!penalized(m, i)) continue;
        result->l1_norm += (float)fabs(theta[i]), result->l2_norm_squared += (float)(theta[i] * theta[i]);
    }
    free(mean), free(served), free(loss), free(accuracy), free(without);
    signals_free(&v);
    reference_batch_free(&batch);
}
