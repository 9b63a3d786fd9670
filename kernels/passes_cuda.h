/* Forward and backward of one model on threads. A thread owns samples, or neurons, whose sums stay in registers, and loops over
   neurons, or over samples: with few inputs and outputs it owns two, and one load from shared memory brings two or four of the
   others, which the whole team reads together. Activations are computed again by backward: there is no fast memory to keep
   them in. */
#ifndef ALLOMETER_PASSES_CUDA_H
#define ALLOMETER_PASSES_CUDA_H

#include "mlp.h"

/* As many as registers hold without spilling a thread's other values. bench/cuda_paper reads these two. */
#ifndef OWNED
#define OWNED(D, O)   ((D) + (O) <= 8 ? 2 : 1)
#define AT_ONCE(D, O) ((D) + (O) <= 4 ? 4 : (D) + (O) <= 8 ? 2 : (D) + (O) <= 16 ? 4 : 2)
#endif
enum { MAX_OWNED = 2 };
/* Of those that are loaded at once, as many as are activated at once. */
#define STEP(D, O) (AT_ONCE(D, O) * OWNED(D, O) <= MAX_TILE ? AT_ONCE(D, O) : MAX_TILE / OWNED(D, O))

/* What a team shares out: owners (of OWNED samples or neurons) to a thread each, and where threads are left over, the
   parts (AT_ONCE of the others) to several groups, so many to each but the last, whose sums are added in the groups' order. */
struct sharing {
    int32_t owners, parts, groups, each;
};

KERNEL_HOST struct sharing sharing_of(const int owned, const int at_once, int32_t n_owned, int32_t n_looped,
                                      int32_t team) {
    struct sharing sharing = {(n_owned + owned - 1) / owned, (n_looped + at_once - 1) / at_once, 1, 0};
    sharing.each = sharing.parts;
    if (2 * sharing.owners <= team && sharing.parts > 1) {
        sharing.each = quotient_up(sharing.parts, quotient(team, sharing.owners));
        sharing.groups = quotient_up(sharing.parts, sharing.each);
    }
    return sharing;
}

/* Room for the samples of a whole batch, also where fewer are left. */
KERNEL_HOST struct sharing forward_sharing(const int D, const int O, int32_t width, int32_t batch,
                                           int32_t team) {
    return sharing_of(OWNED(D, O), AT_ONCE(D, O), lanes_padded(batch), width, team);
}

KERNEL_HOST struct sharing backward_sharing(const int D, const int O, int32_t width, int32_t batch,
                                            int32_t team) {
    return sharing_of(OWNED(D, O), AT_ONCE(D, O), width, batch, team);
}

/* Floats that the groups' sums take. Neurons that leave make room for more groups (packs): at
   most one owner to a thread. */
KERNEL_HOST int64_t sharing_floats(const int D, const int O, const struct allometer_model *model,
                                   int32_t team, int32_t packs) {
    const struct sharing forward = forward_sharing(D, O, model->width, model->batch, team),
                         backward = backward_sharing(D, O, model->width, model->batch, team);
    const int64_t threads = packs ? team : (int64_t)backward.owners * backward.groups;
    const int64_t outputs = forward.groups > 1 ? (int64_t)forward.owners * forward.groups * O : 0,
                  gradients = packs || backward.groups > 1 ? threads * (D + 1 + O) : 0;
    return OWNED(D, O) * (outputs > gradients ? outputs : gradients);
}

/* Of the i-th owner of a pass, group after group. */
KERNEL int32_t group_of(struct sharing sharing, int32_t i) {
    return sharing.groups > 1 ? quotient(i, sharing.owners) : 0;
}

KERNEL int32_t group_begin(struct sharing sharing, int32_t group) {
    return group * sharing.each;
}

KERNEL int32_t group_end(struct sharing sharing, int32_t group) {
    const int32_t end = (group + 1) * sharing.each;
    return end < sharing.parts ? end : sharing.parts;
}

/* Adds neurons from .. to - 1 to the outputs of the samples at s. What lies beyond the last neuron is zero and adds nothing. */
KERNEL void forward_owned(const int D, const int O, const int kind, const struct parameters *p,
                          const struct batch *batch, int32_t s, int32_t from, int32_t to,
                          vf y[MAX_OWNED][ALLOMETER_MAX_OUTPUTS]) {
    const int owned = OWNED(D, O), at_once = AT_ONCE(D, O), step = STEP(D, O);
    vf x[MAX_OWNED][ALLOMETER_MAX_INPUTS];
    EACH(u, owned) {
        UNROLL for (int d = 0; d < D; ++d) x[u][d] = vf_load(batch->x + d * batch->stride + s + u);
        UNROLL for (int o = 0; o < O; ++o) y[u][o] = from == 0 ? parameters_output_bias(D, O, p)[o] : 0.0f;
    }
    ROLLED for (int32_t h = from; h < to; h += at_once) {
        float theta[MAX_ROWS][QUAD];
        UNROLL for (int j = 0; j < D + 1 + O; ++j) quad_load(at_once, p->rows + j * p->stride + h, theta[j]);
        UNROLL for (int n = 0; n < at_once; n += step) {
            vf z[MAX_TILE], a[MAX_TILE], unused[MAX_TILE];
            EACH(t, step * owned) {
                z[t] = theta[D][n + t / owned];
                UNROLL for (int d = 0; d < D; ++d) z[t] = z[t] + theta[d][n + t / owned] * x[t % owned][d];
            }
            activation(kind, step * owned, z, a, unused);
            EACH(t, step * owned) {
                UNROLL for (int o = 0; o < O; ++o) y[t % owned][o] =
                    y[t % owned][o] + theta[D + 1 + o][n + t / owned] * a[t];
            }
        }
    }
}

/* Outputs of the batch's samples. */
KERNEL void forward_on_threads(const int D, const int O, const int kind, const struct parameters *p,
                               int32_t width, const struct batch *batch, float *scratch) {
    const int owned = OWNED(D, O), at_once = AT_ONCE(D, O);
    const struct sharing sharing = forward_sharing(D, O, width, batch->stride, TEAM_SIZE);
    const int32_t stride = sharing.groups > 1 ? owned * sharing.owners : batch->stride;
    float *const output = sharing.groups > 1 ? scratch : batch->output;
    FOR_LANES(i, sharing.owners * sharing.groups) {
        const int32_t group = group_of(sharing, i), s = owned * (i - group * sharing.owners);
        vf y[MAX_OWNED][ALLOMETER_MAX_OUTPUTS];
        forward_owned(D, O, kind, p, batch, s, at_once * group_begin(sharing, group),
                      at_once * group_end(sharing, group), y);
        EACH(u, owned) {
            if (s + u >= batch->n) continue; /* beyond the last sample residuals stay zero */
            UNROLL for (int o = 0; o < O; ++o) vf_store(output + (group * O + o) * stride + s + u, y[u][o]);
        }
    }
    team_sync(); /* whoever owned a sample here, another thread may own it below and in the loss */
    for (int32_t s = TEAM_RANK; sharing.groups > 1 && s < batch->n; s += TEAM_SIZE) {
        for (int o = 0; o < O; ++o) {
            float sum = 0;
            for (int32_t g = 0; g < sharing.groups; ++g) sum += scratch[(g * O + o) * stride + s];
            batch->output[o * batch->stride + s] = sum;
        }
    }
}

/* Gradients over samples from .. to - 1 of the neurons at h, in an array of their own, which stays in registers. */
KERNEL void backward_owned(const int D, const int O, const int kind, const struct parameters *p,
                           const struct batch *batch, int32_t h, int32_t from, int32_t to,
                           vf gradient[MAX_OWNED][MAX_ROWS]) {
    const int owned = OWNED(D, O), at_once = AT_ONCE(D, O), step = STEP(D, O);
    vf theta[MAX_OWNED][MAX_ROWS], sum[MAX_OWNED][MAX_ROWS];
    EACH(u, owned) {
        UNROLL for (int j = 0; j < D + 1 + O; ++j) {
            theta[u][j] = vf_load(p->rows + j * p->stride + h + u);
            sum[u][j] = 0.0f;
        }
    }
    ROLLED for (int32_t s = from; s < to; s += at_once) {
        float x[ALLOMETER_MAX_INPUTS][QUAD], residual[ALLOMETER_MAX_OUTPUTS][QUAD];
        UNROLL for (int d = 0; d < D; ++d) quad_load(at_once, batch->x + d * batch->stride + s, x[d]);
        UNROLL for (int o = 0; o < O; ++o)
            quad_load(at_once, batch->output + o * batch->stride + s, residual[o]);
        UNROLL for (int n = 0; n < at_once; n += step) {
            vf z[MAX_TILE], a[MAX_TILE], derivative[MAX_TILE];
            EACH(t, step * owned) {
                z[t] = theta[t % owned][D];
                UNROLL for (int d = 0; d < D; ++d) z[t] = z[t] + theta[t % owned][d] * x[d][n + t / owned];
            }
            activation(kind, step * owned, z, a, derivative);
            EACH(t, step * owned) {
                const int u = t % owned, i = n + t / owned;
                vf upstream = 0.0f;
                UNROLL for (int o = 0; o < O; ++o) {
                    upstream = upstream + residual[o][i] * theta[u][D + 1 + o];
                    sum[u][D + 1 + o] = sum[u][D + 1 + o] + residual[o][i] * a[t];
                }
                const vf delta = upstream * derivative[t];
                sum[u][D] = sum[u][D] + delta;
                UNROLL for (int d = 0; d < D; ++d) sum[u][d] = sum[u][d] + x[d][i] * delta;
            }
        }
    }
    EACH(u, owned) {
        UNROLL for (int j = 0; j < D + 1 + O; ++j) gradient[u][j] = sum[u][j];
    }
}

#endif
