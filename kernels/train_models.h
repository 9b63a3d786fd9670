/* The training of LANES small models of one shape at once, one in each lane: no sum runs over lanes, and no step waits for
   another model's.

   A model ends with the bits that train.h gives it alone: each expression is the same there, and sums over samples are taken in
   the order of its lanes: those of samples l, l + LANES, ... one after the other, then halves of the l folded onto each other. */
#ifndef ALLOMETER_TRAIN_MODELS_H
#define ALLOMETER_TRAIN_MODELS_H

#include "cpu_kernels.h"
#include "train.h"

#if LANES > 1

/* Models in step with each other. Each element of an array is a lane vector, one float for each model. */
struct models {
    const struct allometer_model *const *model; /* (LANES) */
    int32_t width, samples;                     /* H, and S padded as train.h pads it */
    float *theta, *first, *second;              /* (H, R) as MAX_ROWS counts them, then (O) */
    float *last;                                /* of models that have ended, their theta */
    float *x, *target, *weight; /* (D, S), (O, S), (S), samples in the order of models_place */
    float *residual, *kept;     /* (O, S / ROUNDS) and (H, 2, S / ROUNDS) of one round */
    float *part;                /* (H, R, ROUNDS) of the gradients */
    float *rates;               /* (LANES) of as many steps */
};

/* Sums over samples are taken in ROUNDS, each of CHAINS of those that train.h's lanes take: enough of them to hide latency. */
enum { CHAINS = LANES < MAX_TILE ? LANES : MAX_TILE, ROUNDS = LANES / CHAINS };

#define MODELS_TABLE(ROW)                                          \
    ROW(theta, (int64_t)model->width *(D + 1 + O) + O)             \
    ROW(first, (int64_t)model->width *(D + 1 + O) + O)             \
    ROW(second, (int64_t)model->width *(D + 1 + O) + O)            \
    ROW(last, (int64_t)model->width *(D + 1 + O) + O)              \
    ROW(x, (int64_t)D *lanes_padded(model->batch))                 \
    ROW(target, (int64_t)O *lanes_padded(model->batch))            \
    ROW(weight, lanes_padded(model->batch))                        \
    ROW(residual, (int64_t)O *lanes_padded(model->batch) / ROUNDS) \
    ROW(part, (int64_t)model->width *(D + 1 + O) * ROUNDS)         \
    ROW(rates, LANES)                                              \
    ROW(kept, (int64_t)2 * model->width * lanes_padded(model->batch) / ROUNDS)

KERNEL_HOST int64_t models_floats(const int D, const int O, const struct allometer_model *model) {
    int64_t total = 0;
#define ROW(array, length) total += length;
    MODELS_TABLE(ROW)
#undef ROW
    return total * LANES;
}

/* Where sample s lies: round after round, in each the samples of its chains side by side. */
KERNEL int32_t models_place(const struct models *g, int32_t s) {
    const int32_t lane = s % LANES, round = lane % ROUNDS, chain = lane / ROUNDS;
    return (round * (g->samples / LANES) + s / LANES) * CHAINS + chain;
}

/* The sum of n vectors, the second half added onto the first, and so on. */
KERNEL vf models_fold(const int n, vf *x) {
#define FOLD(half)                                                                 \
    if (n > (half)) {                                                              \
        UNROLL for (int i = 0; i < (half); ++i) x[i] = x[i] + x[(i + (half)) % n]; \
    }
    FOLD(8);
    FOLD(4);
    FOLD(2);
    FOLD(1);
#undef FOLD
    return x[0];
}

/* What the loss comes to in each round, and the residuals; (O, ROUNDS) each. */
struct models_loss {
    vf loss[ALLOMETER_MAX_OUTPUTS][ROUNDS], residual[ALLOMETER_MAX_OUTPUTS][ROUNDS];
};

/* Outputs of CHAINS samples, the first at x; what backward needs of them, at kept. */
KERNEL void models_outputs(const int D, const int O, const int kind, const struct models *g, const float *x,
                           float *kept, vf y[][MAX_TILE]) {
    const int R = D + 1 + O;
    const int64_t row = (int64_t)g->samples * LANES, kept_row = row / ROUNDS;
    const float *theta = g->theta, *bias = theta + (int64_t)g->width * R * LANES;
    vf in[ALLOMETER_MAX_INPUTS][MAX_TILE];
    UNROLL for (int o = 0; o < O; ++o) {
        EACH(c, CHAINS) y[o][c] = vf_load(bias + o * LANES);
    }
    UNROLL for (int d = 0; d < D; ++d) {
        EACH(c, CHAINS) in[d][c] = vf_held(vf_load(x + d * row + c * LANES));
    }
    for (int32_t h = 0; h < g->width; ++h, theta += R * LANES, kept += 2 * kept_row) {
        vf z[MAX_TILE], a[MAX_TILE], derivative[MAX_TILE];
        EACH(c, CHAINS) z[c] = vf_load(theta + D * LANES);
        UNROLL for (int d = 0; d < D; ++d) {
            const vf weight = vf_load(theta + d * LANES);
            EACH(c, CHAINS) z[c] = z[c] + weight * in[d][c];
        }
        activation(kind, CHAINS, z, a, derivative);
        if (activation_is_kept(kind)) {
            EACH(c, CHAINS) vf_store(kept + c * LANES, a[c]);
            EACH(c, CHAINS) vf_store(kept + kept_row + c * LANES, derivative[c]);
        }
        UNROLL for (int o = 0; o < O; ++o) {
            const vf weight = vf_load(theta + (D + 1 + o) * LANES);
            EACH(c, CHAINS) y[o][c] = y[o][c] + weight * a[c];
        }
    }
}

/* Forward, and the loss with its derivatives by the outputs, of one round. */
KERNEL void models_forward(const int D, const int O, const int kind, const struct models *g, int32_t round,
                           const vf *scale, struct models_loss *total) {
    const float share = 1.0f / (float)g->model[0]->batch;
    const int64_t row = (int64_t)g->samples * LANES, part = row / ROUNDS, first = round * part;
    vf loss[ALLOMETER_MAX_OUTPUTS][MAX_TILE], sum[ALLOMETER_MAX_OUTPUTS][MAX_TILE];
    UNROLL for (int o = 0; o < O; ++o) {
        EACH(c, CHAINS) loss[o][c] = sum[o][c] = vf_set(0.0f);
    }
    for (int64_t s = 0; s < part; s += CHAINS * LANES) {
        vf y[ALLOMETER_MAX_OUTPUTS][MAX_TILE];
        models_outputs(D, O, kind, g, g->x + first + s, g->kept + s, y);
        UNROLL for (int o = 0; o < O; ++o) {
            EACH(c, CHAINS) {
                const int64_t at = s + c * LANES;
                const vf weight = share * vf_load(g->weight + first + at);
                const vf error = y[o][c] - vf_load(g->target + o * row + first + at);
                const vf residual = 2.0f * (scale[o] * weight) * error;
                loss[o][c] = loss[o][c] + weight * (error * error);
                sum[o][c] = sum[o][c] + residual;
                vf_store(g->residual + o * part + at, residual);
            }
        }
    }
    UNROLL for (int o = 0; o < O; ++o) {
        total->loss[o][round] = models_fold(CHAINS, loss[o]);
        total->residual[o][round] = models_fold(CHAINS, sum[o]);
    }
}

/* Sums of one round for the gradients of neuron h. */
KERNEL void models_backward(const int D, const int O, const int kind, const struct models *g, int32_t round,
                            int32_t h) {
    const int R = D + 1 + O;
    const int64_t row = (int64_t)g->samples * LANES, part = row / ROUNDS;
    const float *x = g->x + round * part, *kept = g->kept + 2 * h * part;
    vf theta[MAX_ROWS], sum[MAX_ROWS][MAX_TILE];
    UNROLL for (int j = 0; j < R; ++j) {
        theta[j] = vf_load(g->theta + ((int64_t)h * R + j) * LANES);
        EACH(c, CHAINS) sum[j][c] = vf_set(0.0f);
    }
    for (int64_t s = 0; s < part; s += CHAINS * LANES) {
        EACH(c, CHAINS) {
            const int64_t at = s + c * LANES;
            vf in[ALLOMETER_MAX_INPUTS], a, derivative, upstream = vf_set(0.0f);
            UNROLL for (int d = 0; d < D; ++d) in[d] = vf_held(vf_load(x + d * row + at));
            if (activation_is_kept(kind)) {
                a = vf_load(kept + at), derivative = vf_load(kept + part + at);
            } else {
                vf z = theta[D];
                UNROLL for (int d = 0; d < D; ++d) z = z + theta[d] * in[d];
                activation(kind, 1, &z, &a, &derivative);
            }
            UNROLL for (int o = 0; o < O; ++o) {
                const vf residual = vf_held(vf_load(g->residual + o * part + at));
                upstream = through_output(o, upstream, residual, theta[D + 1 + o]);
                sum[D + 1 + o][c] = sum[D + 1 + o][c] + residual * a;
            }
            const vf delta = through_activation(kind, upstream, a, derivative);
            sum[D][c] = sum[D][c] + delta;
            UNROLL for (int d = 0; d < D; ++d) sum[d][c] = sum[d][c] + in[d] * delta;
        }
    }
    UNROLL for (int j = 0; j < R; ++j)
        vf_store(g->part + (((int64_t)h * R + j) * ROUNDS + round) * LANES, models_fold(CHAINS, sum[j]));
}

/* Moves parameter i. */
KERNEL void models_move(struct models *g, const struct update *u, vf penalized, vf gradient, int64_t i) {
    float *theta = g->theta + i * LANES;
    vf_store(theta, update_parameter(u, penalized, vf_load(theta), gradient, g->first + i * LANES,
                                     g->second + i * LANES));
}

/* Moves the parameters of neuron h. */
KERNEL void models_move_neuron(const int D, const int O, struct models *g, const struct update *u,
                               vf penalize_biases, int32_t h) {
    UNROLL for (int j = 0; j < D + 1 + O; ++j) {
        const int64_t i = (int64_t)h * (D + 1 + O) + j;
        vf part[ROUNDS];
        UNROLL for (int r = 0; r < ROUNDS; ++r) part[r] = vf_load(g->part + (i * ROUNDS + r) * LANES);
        models_move(g, u, j == D ? penalize_biases : vf_set(1.0f), models_fold(ROUNDS, part), i);
    }
}

/* Draws model l's samples and initial parameters in a workspace of its own, and takes them over. */
KERNEL_COLD void models_take(const int D, const int O, struct models *g, int l, struct workspace *w) {
    const struct allometer_model *model = g->model[l];
    const struct parameters *p = &w->parameters;
    const int R = D + 1 + O;
    initialize(D, O, model, &w->parameters);
    draw_step(model, 0, &w->batch);
    for (int32_t h = 0; h < g->width; ++h) {
        for (int j = 0; j < R; ++j) g->theta[(h * R + j) * LANES + l] = p->rows[j * p->stride + h];
    }
    for (int o = 0; o < O; ++o) g->theta[(g->width * R + o) * LANES + l] = parameters_output_bias(D, O, p)[o];
    for (int32_t s = 0; s < g->samples; ++s) {
        const int32_t place = models_place(g, s);
        for (int d = 0; d < D; ++d)
            g->x[((int64_t)d * g->samples + place) * LANES + l] = w->batch.x[d * w->batch.stride + s];
        for (int o = 0; o < O; ++o)
            g->target[((int64_t)o * g->samples + place) * LANES + l] =
                w->batch.target[o * w->batch.stride + s];
        g->weight[(int64_t)place * LANES + l] = w->batch.weight[s];
    }
}

/* Carves `group`, models_floats of it aligned to a lane vector; memory: a workspace of any of the models. */
KERNEL_COLD struct models models_start(const int D, const int O, const struct allometer_model *const *models,
                                       float *memory, float *group) {
    const struct allometer_model *model = models[0];
    struct models g = {.model = models, .width = model->width, .samples = lanes_padded(model->batch)};
    int64_t offset = 0;
#define ROW(array, length)    \
    g.array = group + offset; \
    offset += (length)*LANES;
    MODELS_TABLE(ROW)
#undef ROW
    for (int64_t i = 0; i < offset; ++i) group[i] = 0;
    for (int l = 0; l < LANES; ++l) {
        struct workspace w = workspace_carve(D, O, models[l], memory);
        models_take(D, O, &g, l, &w);
    }
    return g;
}

/* Model l has ended after so many steps: what its lane does from now on is of no use. */
KERNEL_COLD void models_leave(const int D, const int O, struct models *g, int l, int32_t step, vf loss,
                              struct cpu_trained *trained) {
    trained[l] = (struct cpu_trained){step, LANE(loss, l), g->last + l};
    for (int32_t i = 0; i < g->width * (D + 1 + O) + O; ++i) g->last[i * LANES + l] = g->theta[i * LANES + l];
}

KERNEL struct update models_update_start(const struct models *g, vf *penalize_biases) {
    struct update u = update_start(g->model[0]);
    for (int l = 0; l < LANES; ++l) {
        const struct update one = update_start(g->model[l]);
        LANE(u.beta1, l) = LANE(one.beta1, 0), LANE(u.beta2, l) = LANE(one.beta2, 0);
        LANE(u.epsilon, l) = LANE(one.epsilon, 0), LANE(u.decay, l) = LANE(one.decay, 0);
        LANE(u.l1, l) = LANE(one.l1, 0), LANE(u.l2, l) = LANE(one.l2, 0);
        LANE(*penalize_biases, l) = (float)g->model[l]->penalize_biases;
    }
    return u;
}

KERNEL_COLD void models_rates(struct models *g, int32_t step) {
    for (int l = 0; l < LANES; ++l) {
        const vf rates = scheduled_rates(g->model[l], step);
        for (int t = 0; t < LANES; ++t) g->rates[t * LANES + l] = LANE(rates, t);
    }
}

/* Trains the models. */
KERNEL void models_train(const int D, const int O, const int kind, struct models *g,
                         struct cpu_trained *trained) {
    const int R = D + 1 + O;
    const int32_t K = g->model[0]->n_subtasks;
    vf penalize_biases = vf_set(0.0f), active = vf_set(1.0f), loss = vf_set(0.0f);
    vf weight[ALLOMETER_MAX_OUTPUTS], scale[ALLOMETER_MAX_OUTPUTS];
    for (int32_t k = 0; k < O; ++k) {
        weight[k] = scale[k] = vf_set(0.0f);
        for (int l = 0; l < LANES && k < K; ++l) {
            LANE(weight[k], l) = g->model[l]->subtasks[k].weight;
            LANE(scale[k], l) = g->model[l]->scale * g->model[l]->subtasks[k].weight;
        }
    }
    struct update update = models_update_start(g, &penalize_biases);
    for (int32_t step = 0, left = LANES, next = 0;; ++step) {
        if (step == next) { /* some end here */
            next = INT32_MAX;
            for (int l = 0; l < LANES; ++l) {
                if (LANE(active, l) == 0) continue;
                if (g->model[l]->steps == step) {
                    models_leave(D, O, g, l, step, loss, trained);
                    LANE(active, l) = 0, --left;
                } else if (g->model[l]->steps < next) {
                    next = g->model[l]->steps;
                }
            }
        }
        if (left == 0) return;
        struct models_loss total;
        for (int32_t round = 0; round < ROUNDS; ++round) {
            models_forward(D, O, kind, g, round, scale, &total);
            if (round < ROUNDS - 1) {
                for (int32_t h = 0; h < g->width; ++h) models_backward(D, O, kind, g, round, h);
            }
        }
        loss = vf_set(0.0f);
        UNROLL for (int o = 0; o < O; ++o) {
            if (o < K) loss = loss + weight[o] * models_fold(ROUNDS, total.loss[o]);
        }
        const vf zero_or_nan = vf_select(active == vf_set(0.0f), vf_set(0.0f), loss * 0.0f);
        if (vf_sum(zero_or_nan) != 0) {
            for (int l = 0; l < LANES; ++l) {
                if (LANE(active, l) == 0 || isfinite(LANE(loss, l))) continue;
                models_leave(D, O, g, l, step, loss, trained);
                LANE(active, l) = 0, --left;
            }
        }
        if (step % LANES == 0) models_rates(g, step);
        update_step(&update, vf_load(g->rates + step % LANES * LANES));
        /* Roots and quotients of one neuron are waited for while the next one's sums are taken. */
        for (int32_t h = 0; h < g->width; ++h) {
            models_backward(D, O, kind, g, ROUNDS - 1, h);
            models_move_neuron(D, O, g, &update, penalize_biases, h);
        }
        UNROLL for (int o = 0; o < O; ++o) {
            const vf gradient = models_fold(ROUNDS, total.residual[o]);
            models_move(g, &update, penalize_biases, gradient, g->width * R + o);
        }
    }
}

#endif

#endif
