/* The training of one model by one team, from first step to last without leaving fast memory. */
#ifndef ALLOMETER_TRAIN_H
#define ALLOMETER_TRAIN_H

#include "backward.h"
#include "optimizer.h"
#include "prune.h"

/* Half-widths (or deviations) of an initialization: input weights and biases, output weights and biases. */
struct initial_scales {
    int32_t normal;
    float weight_in, bias_in, weight_out, bias_out;
};

KERNEL struct initial_scales initial_scales_of(int32_t initialization, float in, float hidden, float out) {
    struct initial_scales s = {0, 1.0f / sqrtf(in), 0.0f, 1.0f / sqrtf(hidden), 0.0f};
    switch (initialization) {
    case ALLOMETER_INITIALIZATION_LINEAR:
        s.bias_in = s.weight_in, s.bias_out = s.weight_out;
        break;
    case ALLOMETER_INITIALIZATION_UNIFORM:
        s.weight_in = s.bias_in = 1.0f, s.bias_out = s.weight_out;
        break;
    case ALLOMETER_INITIALIZATION_NORMAL:
        s.normal = 1;
        break;
    case ALLOMETER_INITIALIZATION_XAVIER_NORMAL:
    case ALLOMETER_INITIALIZATION_XAVIER_UNIFORM:
        s.normal = initialization == ALLOMETER_INITIALIZATION_XAVIER_NORMAL;
        s.weight_in = sqrtf((s.normal ? 2.0f : 6.0f) / (in + hidden));
        s.weight_out = sqrtf((s.normal ? 2.0f : 6.0f) / (hidden + out));
        break;
    case ALLOMETER_INITIALIZATION_KAIMING_NORMAL:
    case ALLOMETER_INITIALIZATION_KAIMING_UNIFORM:
        s.normal = initialization == ALLOMETER_INITIALIZATION_KAIMING_NORMAL;
        s.weight_in = sqrtf((s.normal ? 2.0f : 6.0f) / in);
        s.weight_out = sqrtf((s.normal ? 2.0f : 6.0f) / hidden);
        break;
    }
    return s;
}

/* Number `number` of an index, uniform on (-1, 1) or standard normal. */
KERNEL vf initial_draw(uint64_t seed, enum random_stream stream, uint32_t step, vi index, int32_t number,
                       int32_t normal) {
    struct vu4 words = random_words(seed, stream, (uint32_t)number / 4, step, index);
    int32_t pair = number & 2;
    if (!normal) return 2.0f * random_uniform(words.word[number & 3]) - 1.0f;
    vf one, two;
    random_normal_pair(words.word[pair], words.word[pair + 1], &one, &two);
    return number & 1 ? two : one;
}

/* Depends on the seed and the neuron's number, not on the width, but for the scales. */
KERNEL_COLD void initialize(const int D, const int O, const struct allometer_model *model,
                            struct parameters *p) {
    struct initial_scales scales = initial_scales_of(model->initialization, (float)model->n_inputs,
                                                     (float)model->width, (float)model->n_outputs);
    float gain = model->initialization_gain;
    FOR_LANES(h, model->width) {
        vm inside = vi_less(vi_index(h), model->width);
        for (int32_t number = 0; number < model->n_inputs + 1 + model->n_outputs; ++number) {
            int32_t past = number - model->n_inputs; /* 0: the bias */
            float scale = past < 0 ? scales.weight_in : past == 0 ? scales.bias_in : scales.weight_out;
            int32_t row = past < 0 ? number : D + past;
            vf draw = initial_draw(model->seed, STREAM_INITIAL, 0, vi_index(h), number, scales.normal);
            vf_store(p->rows + row * p->stride + h, vf_select(inside, gain * scale * draw, vf_set(0.0f)));
        }
    }
    FOR_LANES(o, model->n_outputs) {
        vf draw = initial_draw(model->seed, STREAM_OUTPUT_BIAS, 0, vi_index(o), 0, 0);
        vf bias =
            vf_select(vi_less(vi_index(o), model->n_outputs), gain * scales.bias_out * draw, vf_set(0.0f));
        vf_store(parameters_output_bias(D, O, p) + o, bias);
    }
}

/* The samples of step t. */
KERNEL struct sample_range step_range(const struct allometer_model *model, int32_t step) {
    struct sample_range range = {model->samples, 0, 0, model->fresh, (uint32_t)step, 0, 0};
    if (model->fresh) {
        range.n_total = model->batch;
    } else if (model->batch < model->samples) {
        int64_t start = (int64_t)step * model->batch;
        range.first = (int32_t)(start % model->samples);
        range.epoch = (uint32_t)(start / model->samples);
        range.shuffled = 1;
        range.step = 0;
    }
    return range;
}

KERNEL void draw_step(const struct allometer_model *model, int32_t step, struct batch *batch) {
    batch_draw(model, step_range(model, step), batch);
}

/* Moves the parameters at `at`, once their gradients are complete. */
KERNEL void update_at(const struct update *u, vf penalized, vf gradient, struct workspace *w, int64_t at) {
    const vf theta = vf_load(w->parameters.rows + at);
    vf_store(w->parameters.rows + at,
             update_parameter(u, penalized, theta, gradient, w->first + at, w->second + at));
}

KERNEL_COLD void update_output_biases(const int D, const int O, const struct allometer_model *model,
                                      const struct update *u, struct workspace *w) {
    const int64_t at = (int64_t)(D + 1 + O) * w->parameters.stride;
    FOR_LANES(o, O) {
        vf gradient = vf_set(0.0f);
        for (int32_t row = 0; row < TEAM_PARTIALS; ++row) {
            gradient = gradient + vf_load(w->partial + row * PARTIAL_ROW + PARTIAL_RESIDUAL + o);
        }
        update_at(u, vf_set((float)model->penalize_biases), gradient, w, at + o);
    }
}

#if LANES == 1

/* Moves every parameter of the neuron at h. */
KERNEL_COLD void update_neuron(const int D, const int O, const struct allometer_model *model,
                               const struct update *u, struct workspace *w, int32_t h,
                               const vf gradient[MAX_ROWS]) {
    for (int j = 0; j < D + 1 + O; ++j) {
        const int penalized = j != D || model->penalize_biases;
        update_at(u, vf_set((float)penalized), gradient[j], w, (int64_t)j * w->parameters.stride + h);
    }
}

/* Gradients and the optimizer's step. */
KERNEL void backward_and_update(const int D, const int O, const int kind, const struct allometer_model *model,
                                const struct update *u, struct workspace *w) {
    const int owned = OWNED(D, O), at_once = AT_ONCE(D, O);
    const struct sharing sharing = backward_sharing(D, O, w->width, w->batch.n, TEAM_SIZE);
    const int32_t stride = owned * sharing.owners;
    FOR_LANES(i, sharing.owners * sharing.groups) {
        const int32_t group = group_of(sharing, i), h = owned * (i - group * sharing.owners);
        vf gradient[MAX_OWNED][MAX_ROWS];
        backward_owned(D, O, kind, &w->parameters, &w->batch, h, at_once * group_begin(sharing, group),
                       at_once * group_end(sharing, group), gradient);
        ROLLED for (int own = 0; own < owned; ++own) {
            vf one[MAX_ROWS]; /* chosen, not indexed: an index known only at run time would need memory */
            UNROLL for (int j = 0; j < D + 1 + O; ++j) {
                one[j] = own == 0 ? gradient[0][j] : gradient[owned - 1][j];
                if (sharing.groups > 1) w->scratch[(group * (D + 1 + O) + j) * stride + h + own] = one[j];
            }
            if (sharing.groups == 1 && h + own < w->width) update_neuron(D, O, model, u, w, h + own, one);
        }
    }
    if (sharing.groups == 1) return;
    team_sync();
    FOR_LANES(h, w->width) {
        vf sum[MAX_ROWS];
        UNROLL for (int j = 0; j < D + 1 + O; ++j) {
            sum[j] = 0;
            for (int32_t g = 0; g < sharing.groups; ++g)
                sum[j] += w->scratch[(g * (D + 1 + O) + j) * stride + h];
        }
        update_neuron(D, O, model, u, w, h, sum);
    }
}

#else

/* Where rows are shorter than a lane vector: all parameters as one row, which the output biases end. */
KERNEL void update_short_rows(const int D, const int O, const struct allometer_model *model,
                              const struct update *u, struct workspace *w) {
    const int32_t stride = w->parameters.stride, outputs = (D + 1 + O) * stride;
    FOR_LANES(i, outputs + O) {
        const vi index = vi_index(i);
        vf penalized = vf_set(1.0f), gradient = vf_load(w->gradient + i);
        if (!model->penalize_biases) {
            const vm weights =
                vi_less(index, D * stride) | (vi_less(index, outputs) & ~vi_less(index, (D + 1) * stride));
            penalized = vf_select(weights, penalized, vf_set(0.0f));
        }
        if (i + LANES > outputs) { /* what stands before the residuals is not taken */
            const vf residual = vf_load(w->partial + PARTIAL_RESIDUAL + i - outputs);
            gradient = vf_select(vi_less(index, outputs), gradient, residual);
        }
        update_at(u, penalized, gradient, w, i);
    }
}

KERNEL_COLD void update_parameters(const int D, const int O, const struct allometer_model *model,
                                   const struct update *u, struct workspace *w) {
    if (w->parameters.stride < LANES) {
        update_short_rows(D, O, model, u, w);
        return;
    }
    for (int j = 0; j < D + 1 + O; ++j) {
        const vf penalized = vf_set((float)(j != D || model->penalize_biases));
        const int64_t row = (int64_t)j * w->parameters.stride;
        FOR_LANES(h, w->width) update_at(u, penalized, vf_load(w->gradient + row + h), w, row + h);
    }
    update_output_biases(D, O, model, u, w);
}

#endif

/* Trains; returns the number of steps taken, less than T if the loss stopped being finite. */
KERNEL int32_t train_steps(const int D, const int O, const int kind, const struct allometer_model *model,
                           struct workspace *w, float *train_loss) {
    struct update update = update_start(model);
    const int32_t redraw = model->fresh || model->batch < model->samples;
    *train_loss = 0;
    initialize(D, O, model, &w->parameters);
    pack_start(model, w);
    for (int32_t step = 0; step < model->steps; ++step) {
        if (redraw || step == 0) {
            draw_step(model, step, &w->batch);
            team_sync();
        }
        const int32_t kept = prune_kept(model, step);
        if (kept) worth_start(D, kind, model, w);
        for (int32_t first = 0; first < w->batch.n; first += w->kept.block) {
            const struct batch block = batch_block(&w->batch, first, w->kept.block);
            forward(D, O, kind, &w->parameters, w->width, &block, w->kept, w->scratch);
            if (kept) worth_add(D, kind, model, w, &block);
            loss_and_residuals(model, &block, first == 0, w->partial);
            team_sync();
#if LANES > 1
            backward(D, O, kind, &w->parameters, w->width, &block, w->kept, first == 0, w->gradient);
#endif
        }
        *train_loss = 0;
        for (int32_t k = 0; k < model->n_subtasks; ++k) {
            *train_loss += model->subtasks[k].weight * partial_total(w->partial, k);
        }
        if (!isfinite(*train_loss)) return step;
        update_advance(&update, model, step);
#if LANES > 1
        update_parameters(D, O, model, &update, w);
#else
        update_output_biases(D, O, model, &update, w);
        backward_and_update(D, O, kind, model, &update, w);
#endif
        team_sync();
        if (kept) prune_neurons(D, O, model, kept, w);
        if (pack_is_due(model, step))
            pack_neurons(D, O, model, 0.5f * model->l1 / LANE(update.correction1, 0), w);
    }
    return model->steps;
}

#endif
