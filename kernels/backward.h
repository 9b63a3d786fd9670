/* The derivatives of one model's loss by the parameters of its neurons. */
#ifndef ALLOMETER_BACKWARD_H
#define ALLOMETER_BACKWARD_H

#include "mlp.h"

#if LANES > 1

/* upstream times the activation's derivative; that of max(0, x) is 1 or 0. */
KERNEL vf through_activation(const int kind, vf upstream, vf value, vf derivative) {
    if (kind == ALLOMETER_ACTIVATION_RELU) return vf_where_positive(value, upstream);
    return upstream * derivative;
}

/* What comes from output o added to what comes from those before it. Held: of two products that are added, compilers choose
   which is rounded. */
KERNEL vf through_output(const int o, vf upstream, vf residual, vf theta) {
    return o == 0 ? residual * theta : vf_held(upstream) + residual * theta;
}

/* A lane owns samples: each row's sums over the block for `tile` neurons from h on, to be added over the lanes, at
   sums[row * pitch], sums[row * pitch + 1], ... */
KERNEL void backward_tile(const int D, const int O, const int kind, const int tile,
                          const struct parameters *p, const struct batch *batch, struct kept kept, int32_t h,
                          vf *sums, int32_t pitch) {
    vf theta[MAX_TILE][MAX_ROWS], sum[MAX_TILE][MAX_ROWS];
    EACH(u, tile) {
        UNROLL for (int j = 0; j < D + 1 + O; ++j) {
            theta[u][j] = vf_set(p->rows[j * p->stride + h + u]);
            sum[u][j] = vf_set(0.0f);
        }
    }
    const float *row = kept.rows + (int64_t)2 * h * kept.block;
    FOR_LANES(s, batch->n) {
        vf a[MAX_TILE], derivative[MAX_TILE];
        if (activation_is_kept(kind)) {
            EACH(u, tile) a[u] = vf_load(row + 2 * u * kept.block + s);
            EACH(u, tile) derivative[u] = vf_load(row + (2 * u + 1) * kept.block + s);
        } else {
            vf z[MAX_TILE];
            EACH(u, tile) z[u] = theta[u][D];
            UNROLL for (int d = 0; d < D; ++d) {
                EACH(u, tile) z[u] = z[u] + theta[u][d] * vf_load(batch->x + d * batch->stride + s);
            }
            activation(kind, tile, z, a, derivative);
        }
        EACH(u, tile) {
            vf upstream = vf_set(0.0f);
            UNROLL for (int o = 0; o < O; ++o) {
                vf residual = vf_load(batch->output + o * batch->stride + s);
                upstream = through_output(o, upstream, residual, theta[u][D + 1 + o]);
                sum[u][D + 1 + o] = sum[u][D + 1 + o] + residual * a[u];
            }
            vf delta = through_activation(kind, upstream, a[u], derivative[u]);
            sum[u][D] = sum[u][D] + delta;
            UNROLL for (int d = 0; d < D; ++d) {
                sum[u][d] = sum[u][d] + vf_load(batch->x + d * batch->stride + s) * delta;
            }
        }
    }
    EACH(u, tile) {
        UNROLL for (int j = 0; j < D + 1 + O; ++j) sums[j * pitch + u] = sum[u][j];
    }
}

/* The first of several passes: the loss's derivatives by what enters `tile` neurons from h on take the place of their
   activations' derivatives. Their sums belong to the biases. */
KERNEL void backward_enter(const int D, const int O, const int tile, const struct parameters *p,
                           const struct batch *batch, struct kept kept, int32_t h, vf *sums) {
    vf theta[MAX_TILE][ALLOMETER_MAX_OUTPUTS], sum[MAX_TILE];
    float *row = kept.rows + (int64_t)(2 * h + 1) * kept.block;
    EACH(u, tile) {
        UNROLL for (int o = 0; o < O; ++o) theta[u][o] = vf_set(p->rows[(D + 1 + o) * p->stride + h + u]);
        sum[u] = vf_set(0.0f);
    }
    FOR_LANES(s, batch->n) {
        vf upstream[MAX_TILE];
        EACH(u, tile) upstream[u] = vf_set(0.0f);
        UNROLL for (int o = 0; o < O; ++o) {
            const vf residual = vf_held(vf_load(batch->output + o * batch->stride + s));
            EACH(u, tile) upstream[u] = upstream[u] + residual * theta[u][o];
        }
        EACH(u, tile) {
            float *derivative = row + 2 * u * kept.block + s;
            const vf delta = upstream[u] * vf_load(derivative);
            sum[u] = sum[u] + delta;
            vf_store(derivative, delta);
        }
    }
    EACH(u, tile) sums[u] = sum[u];
}

/* Sums of the products of n_rows rows of samples with what `tile` neurons keep of each sample, the first at `neuron`. */
KERNEL void backward_products(const int n_rows, const int tile, const float *rows, const struct batch *batch,
                              const float *neuron, struct kept kept, vf *sums, int32_t pitch) {
    vf sum[PASS_ROWS][MAX_TILE];
    UNROLL for (int j = 0; j < n_rows; ++j) {
        EACH(u, tile) sum[j][u] = vf_set(0.0f);
    }
    FOR_LANES(s, batch->n) {
        vf own[MAX_TILE];
        EACH(u, tile) own[u] = vf_held(vf_load(neuron + 2 * u * kept.block + s));
        UNROLL for (int j = 0; j < n_rows; ++j) {
            const vf row = vf_held(vf_load(rows + j * batch->stride + s));
            EACH(u, tile) sum[j][u] = sum[j][u] + row * own[u];
        }
    }
    UNROLL for (int j = 0; j < n_rows; ++j) {
        EACH(u, tile) sums[j * pitch + u] = sum[j][u];
    }
}

/* The same of any number of rows. */
KERNEL void backward_rows(const int n_rows, const int tile, const float *rows, const struct batch *batch,
                          const float *neuron, struct kept kept, vf *sums, int32_t pitch) {
    const int left = n_rows % PASS_ROWS, whole = n_rows - left;
    UNROLL for (int j = 0; j < whole; j += PASS_ROWS) {
        backward_products(PASS_ROWS, tile, rows + j * batch->stride, batch, neuron, kept, sums + j * pitch,
                          pitch);
    }
    if (left)
        backward_products(left, tile, rows + whole * batch->stride, batch, neuron, kept, sums + whole * pitch,
                          pitch);
}

/* What backward_tile does, in passes. */
KERNEL void backward_passes(const int D, const int O, const int tile, const struct parameters *p,
                            const struct batch *batch, struct kept kept, int32_t h, vf *sums, int32_t pitch) {
    const float *neuron = kept.rows + (int64_t)2 * h * kept.block;
    backward_enter(D, O, tile, p, batch, kept, h, sums + D * pitch);
    backward_rows(O, tile, batch->output, batch, neuron, kept, sums + (D + 1) * pitch, pitch);
    backward_rows(D, tile, batch->x, batch, neuron + kept.block, kept, sums, pitch);
}

/* The sums of `neurons` neurons from h on; zero up to pitch. */
KERNEL void backward_neurons(const int D, const int O, const int kind, const struct parameters *p,
                             int32_t neurons, const struct batch *batch, struct kept kept, int32_t h,
                             vf *sums, int32_t pitch) {
    int32_t l = 0;
    if (IN_PASSES(D, O)) {
        for (; l + PASS_NEURONS <= neurons; l += PASS_NEURONS)
            backward_passes(D, O, PASS_NEURONS, p, batch, kept, h + l, sums + l, pitch);
        for (; l < neurons; ++l) backward_passes(D, O, 1, p, batch, kept, h + l, sums + l, pitch);
    } else {
        for (; l + BACKWARD_TILE(D, O) <= neurons; l += BACKWARD_TILE(D, O))
            backward_tile(D, O, kind, BACKWARD_TILE(D, O), p, batch, kept, h + l, sums + l, pitch);
        for (; l < neurons; ++l) backward_tile(D, O, kind, 1, p, batch, kept, h + l, sums + l, pitch);
    }
    for (; l < pitch; ++l) {
        for (int j = 0; j < D + 1 + O; ++j) sums[j * pitch + l] = vf_set(0.0f);
    }
}

/* Gradients over a block of samples; added to those of the blocks before it. gradient: as the parameters lie. */
KERNEL void backward(const int D, const int O, const int kind, const struct parameters *p, int32_t width,
                     const struct batch *block, struct kept kept, int first, float *gradient) {
    const int32_t pitch = p->stride < LANES ? p->stride : LANES, /* short rows share vectors */
        step = p->stride < LANES ? LANES : p->stride, n = (D + 1 + O) * pitch;
    vf sums[MAX_ROWS * LANES];
    FOR_LANES(h, width) {
        backward_neurons(D, O, kind, p, width - h < LANES ? width - h : LANES, block, kept, h, sums, pitch);
        for (int32_t i = n; i % LANES; ++i) sums[i] = vf_set(0.0f);
        float *at = gradient + h;
        for (int32_t i = 0; i < n; i += LANES, at += step) {
            const vf sum = vf_sums(sums + i);
            vf_store(at, first ? sum : vf_load(at) + sum);
        }
    }
}

#endif

#endif
