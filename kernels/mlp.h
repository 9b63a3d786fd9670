/* One model: y_o = c_o + sum_h v_oh activation(b_h + sum_d w_hd x_d), and its loss.

   D, O and the activation are compile-time constants here: the model's own D and O rounded up (specialize.h). What is
   added by the rounding stays exactly zero: its inputs, weights and residuals are zero, hence its gradients too. */
#ifndef ALLOMETER_MLP_H
#define ALLOMETER_MLP_H

#include "activation.h"
#include "task.h"

enum { MAX_ROWS = ALLOMETER_MAX_INPUTS + 1 + ALLOMETER_MAX_OUTPUTS };

/* Sample vectors that forward works on at once, and neurons that backward does: enough to hide latency and share what is
   loaded, few enough to stay in registers. Measured on AVX-512 and AVX2; CUDA's lanes hide latency by themselves. */
#define FORWARD_TILE(D, O)  (LANES == 1 ? 1 : LANES == 16 && (D) + (O) <= 5 ? 4 : 2)
#define BACKWARD_TILE(D, O) (LANES == 16 && (D) + (O) <= 5 ? 2 : 1)

/* With many inputs and outputs not even one neuron's weights and sums stay in registers: forward and backward then take
   several passes over a block of samples, each with so many vectors of outputs, or rows of gradients of so many neurons. */
#define IN_PASSES(D, O) (LANES > 1 && (D) + (O) > 7)
#define PASS_VECTORS(O) ((O) > 8 || (LANES < 16 && (O) > 4) ? 1 : 2)
#define PASS_ROWS       (LANES == 16 ? 8 : 4)
#define PASS_NEURONS    2

/* R = D + 1 + O rows of one float per neuron: D input weights, the bias, O output weights; then the output biases. */
struct parameters {
    float *rows; /* (R, H), row j at rows + j * stride; then (O) */
    int32_t stride;
};

/* Of as many neurons as half a lane vector or less, so long as the model trains: several rows share a vector. */
KERNEL_HOST int32_t short_row(int32_t width) {
    int32_t stride = LANES;
    while (stride > 1 && stride / 2 >= width) stride /= 2;
    return stride < LANES ? stride : lanes_padded(width);
}

KERNEL_HOST int64_t parameters_floats(const int D, const int O, int32_t width) {
    return (int64_t)(D + 1 + O) * lanes_padded(width) + lanes_padded(ALLOMETER_MAX_OUTPUTS);
}

KERNEL float *parameters_output_bias(const int D, const int O, const struct parameters *p) {
    return p->rows + (int64_t)(D + 1 + O) * p->stride;
}

/* What the team leaves behind of its sums: TEAM_PARTIALS rows, each a loss per subtask and a residual per output. */
enum {
    PARTIAL_RESIDUAL = ALLOMETER_MAX_OUTPUTS, /* and so many subtasks */
    PARTIAL_ROW = 2 * ALLOMETER_MAX_OUTPUTS
};

KERNEL float partial_total(const float *partial, int32_t column) {
    float total = 0;
    for (int32_t row = 0; row < TEAM_PARTIALS; ++row) total += partial[row * PARTIAL_ROW + column];
    return total;
}

/* ---- blocks of samples ----------------------------------------------------------------------------------------- */

/* On the CPU, forward, loss and backward take one block of samples after the other, so that what forward keeps for
   backward, every neuron's activations and their derivatives, is still in the core's cache. CUDA's threads have no fast
   memory for it and compute both again: there a block is the whole batch. */
KERNEL_HOST int32_t block_samples(int32_t width, int32_t batch) {
    if (LANES == 1) return batch;
    enum { KEPT_FLOATS = 1 << 17, LEAST = 128 };
    const int32_t block = KEPT_FLOATS / (2 * width) / LEAST * LEAST;
    return batch <= block || batch <= LEAST ? lanes_padded(batch) : block > LEAST ? block : LEAST;
}

/* (H, 2, block): a neuron's activations at rows + 2 h block, then their derivatives, whose place passes give to what backward
   makes of them. */
struct kept {
    float *rows;
    int32_t block;
};

KERNEL_HOST int64_t kept_floats(int32_t width, int32_t batch) {
    return LANES == 1 ? 0 : (int64_t)2 * width * block_samples(width, batch);
}

/* The block that begins at sample `first`. */
KERNEL struct batch batch_block(const struct batch *batch, int32_t first, int32_t block) {
    struct batch part = *batch;
    part.n = batch->n - first < block ? batch->n - first : block;
    part.x += first;
    part.target += first;
    part.output += first;
    part.weight += first;
    return part;
}

/* ---- forward: a lane owns samples and loops over neurons ----------------------------------------------------- */

/* Activations of neuron h at `tile` sample vectors, the first at s; with keeps, left for backward with their derivatives. */
KERNEL void neuron_forward(const int D, const int kind, const int tile, const int keeps,
                           const struct parameters *p, const struct batch *batch, int32_t s, int32_t h,
                           struct kept kept, vf *a) {
    const float *neuron = p->rows + h;
    vf z[MAX_TILE], derivative[MAX_TILE];
    EACH(u, tile) z[u] = vf_set(neuron[D * p->stride]);
    UNROLL for (int d = 0; d < D; ++d) {
        EACH(u, tile)
        z[u] = z[u] + neuron[d * p->stride] * vf_load(batch->x + d * batch->stride + s + u * LANES);
    }
    activation(kind, tile, z, a, derivative);
    if (!keeps) return;
    float *row = kept.rows + (int64_t)2 * h * kept.block + s;
    EACH(u, tile) vf_store(row + u * LANES, a[u]);
    EACH(u, tile) vf_store(row + kept.block + u * LANES, derivative[u]);
}

/* Adds neurons from .. to - 1 to the outputs of `tile` sample vectors, n apart, the first at s. */
KERNEL void forward_tile(const int D, const int O, const int kind, const int tile, const struct parameters *p,
                         const struct batch *batch, int32_t s, int32_t from, int32_t to, float *output,
                         struct kept kept) {
    vf y[MAX_TILE][ALLOMETER_MAX_OUTPUTS];
    UNROLL for (int o = 0; o < O; ++o) {
        EACH(u, tile) y[u][o] = vf_set(from == 0 ? parameters_output_bias(D, O, p)[o] : 0.0f);
    }
    const float *neuron = p->rows + from;
    for (int32_t h = from; h < to; ++h, ++neuron) {
        vf a[MAX_TILE];
        neuron_forward(D, kind, tile, LANES > 1 && activation_is_kept(kind), p, batch, s, h, kept, a);
        UNROLL for (int o = 0; o < O; ++o) {
            EACH(u, tile) y[u][o] = y[u][o] + neuron[(D + 1 + o) * p->stride] * a[u];
        }
    }
    UNROLL for (int u = 0; u < tile; ++u) {
        UNROLL for (int o = 0; o < O; ++o) vf_store(output + o * batch->stride + s + u * LANES, y[u][o]);
    }
}

/* The second of two passes: outputs of `tile` sample vectors, summed over neurons in forward_tile's order. */
KERNEL void forward_outputs(const int D, const int O, const int tile, const struct parameters *p,
                            int32_t width, const struct batch *batch, int32_t s, struct kept kept) {
    vf y[MAX_TILE][ALLOMETER_MAX_OUTPUTS];
    UNROLL for (int o = 0; o < O; ++o) {
        EACH(u, tile) y[u][o] = vf_set(parameters_output_bias(D, O, p)[o]);
    }
    const float *neuron = p->rows + (D + 1) * p->stride, *row = kept.rows + s;
    for (int32_t h = 0; h < width; ++h, ++neuron, row += 2 * kept.block) {
        vf a[MAX_TILE];
        EACH(u, tile) a[u] = vf_held(vf_load(row + u * LANES));
        UNROLL for (int o = 0; o < O; ++o) {
            EACH(u, tile) y[u][o] = y[u][o] + neuron[o * p->stride] * a[u];
        }
    }
    UNROLL for (int o = 0; o < O; ++o) {
        EACH(u, tile) vf_store(batch->output + o * batch->stride + s + u * LANES, y[u][o]);
    }
}

KERNEL void forward_passes(const int D, const int O, const int kind, const struct parameters *p,
                           int32_t width, const struct batch *batch, struct kept kept) {
    vf unused[MAX_TILE];
#define BODY(s, tile) neuron_forward(D, kind, tile, 1, p, batch, s, h, kept, unused)
    for (int32_t h = 0; h < width; ++h) FOR_LANE_TILES(s, batch->n, MAX_TILE, BODY);
#undef BODY
#define BODY(s, tile) forward_outputs(D, O, tile, p, width, batch, s, kept)
    FOR_LANE_TILES(s, batch->n, PASS_VECTORS(O), BODY);
#undef BODY
}

#if LANES == 1
#include "passes_cuda.h"
#endif

/* Outputs of one block of samples; scratch holds parts of them where several lanes share a sample. */
KERNEL void forward(const int D, const int O, const int kind, const struct parameters *p, int32_t width,
                    const struct batch *batch, struct kept kept, float *scratch) {
#if LANES == 1
    (void)kept;
    forward_on_threads(D, O, kind, p, width, batch, scratch);
#else
    (void)scratch;
    if (IN_PASSES(D, O)) {
        forward_passes(D, O, kind, p, width, batch, kept);
        return;
    }
#define BODY(s, tile) forward_tile(D, O, kind, tile, p, batch, s, 0, width, batch->output, kept)
    FOR_LANE_TILES(s, batch->n, FORWARD_TILE(D, O), BODY);
#undef BODY
#endif
}

/* Outputs of all samples. */
KERNEL void forward_all(const int D, const int O, const int kind, const struct parameters *p, int32_t width,
                        const struct batch *batch, struct kept kept, float *scratch) {
    for (int32_t first = 0; first < batch->n; first += kept.block) {
        const struct batch block = batch_block(batch, first, kept.block);
        forward(D, O, kind, p, width, &block, kept, scratch);
    }
}

/* ---- loss: a lane owns samples --------------------------------------------------------------------------------- */

/* One subtask's loss at one sample vector; with `scale`, the outputs become scale * dloss/dy. correct: 1 where the
   class that the network tells, the first of those with the largest output, is right. */
KERNEL vf loss_squared_error(const struct batch *batch, const struct allometer_subtask *subtask, int32_t s,
                             vf scale, int derive) {
    vf total = vf_set(0.0f);
    for (int32_t o = subtask->first_output; o < subtask->first_output + subtask->n_outputs; ++o) {
        float *y = batch->output + o * batch->stride + s;
        vf residual = vf_load(y) - vf_load(batch->target + o * batch->stride + s);
        total = total + residual * residual;
        if (derive) vf_store(y, 2.0f * scale * residual);
    }
    return total;
}

/* With the own class' exponential apart from the rest: where the network is sure, the loss is what these leave of 1. */
KERNEL vf loss_cross_entropy(const struct batch *batch, const struct allometer_subtask *subtask, int32_t s,
                             vf scale, int derive, vf *correct) {
    float *y = batch->output + subtask->first_output * batch->stride + s;
    vf target = vf_load(batch->target + subtask->first_output * batch->stride + s);
    vf largest = vf_load(y), rest = vf_set(0.0f), own = rest, told = rest;
    for (int32_t c = 1; c < subtask->n_outputs; ++c) {
        vf logit = vf_load(y + c * batch->stride);
        told = vf_select(logit > largest, vf_set((float)c), told);
        largest = vf_select(largest >= logit, largest, logit); /* NaN in either becomes NaN in the sum */
    }
    for (int32_t c = 0; c < subtask->n_outputs; ++c) {
        const vf logit = vf_load(y + c * batch->stride), e = vf_exp_u15(logit - largest);
        const vm is_own = target == vf_set((float)c);
        rest = rest + vf_select(is_own, vf_set(0.0f), e);
        own = vf_select(is_own, logit, own);
    }
    const vf likely = vf_exp_u15(own - largest);
    *correct = vf_select(target == told, vf_set(1.0f), vf_set(0.0f));
    if (derive) {
        const vf sum = likely + rest;
        for (int32_t c = 0; c < subtask->n_outputs; ++c) {
            const vf e = vf_exp_u15(vf_load(y + c * batch->stride) - largest);
            vf_store(y + c * batch->stride, scale * (vf_select(target == vf_set((float)c), -rest, e) / sum));
        }
    }
    return vf_log_of_sum(likely, rest) + (largest - own);
}

KERNEL vf loss_at(const struct batch *batch, const struct allometer_subtask *subtask, int32_t s, vf scale,
                  int derive, vf *correct) {
    *correct = vf_set(0.0f);
    if (subtask->loss == ALLOMETER_LOSS_CROSS_ENTROPY) {
        return loss_cross_entropy(batch, subtask, s, scale, derive, correct);
    }
    return loss_squared_error(batch, subtask, s, scale, derive);
}

/* Leaves x's sum over the team, or adds it to that of the blocks before. */
KERNEL void partial_put(float *partial, int first, vf x) {
    if (first) {
        team_sum_store(partial, x);
    } else {
        team_sum_add(partial, x);
    }
}

/* Of a subtask with one output, whose error is squared, the loss and the sum of the residuals in one go. */
KERNEL void loss_of_one_output(const struct batch *batch, const float share, const float scale, int32_t o,
                               vf *loss, vf *sum) {
    *loss = *sum = vf_set(0.0f);
    FOR_LANES(s, batch->n) {
        float *y = batch->output + o * batch->stride + s;
        const vf weight = share * vf_load(batch->weight + s);
        const vf error = vf_load(y) - vf_load(batch->target + o * batch->stride + s);
        const vf residual = 2.0f * (scale * weight) * error;
        *loss = *loss + weight * (error * error);
        *sum = *sum + residual;
        vf_store(y, residual);
    }
}

/* Every subtask's weighted mean loss over the model's whole batch, as far as this block adds to it, and the outputs turned
   into derivatives of the objective with their sums, into `partial`; to be read after a team_sync. */
KERNEL_COLD void loss_and_residuals(const struct allometer_model *model, const struct batch *batch, int first,
                                    float *partial) {
    float *own = partial + TEAM_PARTIAL * PARTIAL_ROW;
    const float share = 1.0f / (float)model->batch;
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        const struct allometer_subtask *subtask = &model->subtasks[k];
        const int32_t begin = subtask->first_output, end = begin + subtask->n_outputs;
        const float scale = model->scale * subtask->weight;
        vf total = vf_set(0.0f), sum, correct;
        if (end - begin == 1 && subtask->loss == ALLOMETER_LOSS_MEAN_SQUARED_ERROR) {
            loss_of_one_output(batch, share, scale, begin, &total, &sum);
            partial_put(own + k, first, total);
            partial_put(own + PARTIAL_RESIDUAL + begin, first, sum);
            continue;
        }
        FOR_LANES(s, batch->n) {
            const vf weight = share * vf_load(batch->weight + s);
            total = total + weight * loss_at(batch, subtask, s, scale * weight, 1, &correct);
        }
        partial_put(own + k, first, total);
        for (int32_t o = begin; o < end; ++o) {
            sum = vf_set(0.0f);
            FOR_LANES(s, batch->n) sum = sum + vf_load(batch->output + o * batch->stride + s);
            partial_put(own + PARTIAL_RESIDUAL + o, first, sum);
        }
    }
}

#endif
