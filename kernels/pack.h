/* Neurons that have died for good leave the loops. With the proximal step and penalized biases, a neuron whose parameters
   are all zero gets no gradient, since activation(0) = 0, and moves no more once its momentum is below l1 (optimizer.h):
   the model without it takes the same steps. */
#ifndef ALLOMETER_PACK_H
#define ALLOMETER_PACK_H

#include "workspace.h"

enum { STEPS_BETWEEN_PACKS = 64 };

/* Before the first pack, with a team_sync between. */
KERNEL void pack_start(const struct allometer_model *model, struct workspace *w) {
    for (int32_t h = TEAM_RANK; neurons_can_leave(model) && h < model->width; h += TEAM_SIZE)
        w->place[h] = (float)h;
}

KERNEL int pack_is_due(const struct allometer_model *model, int32_t step) {
    return pack_is_possible(model) && step % STEPS_BETWEEN_PACKS == STEPS_BETWEEN_PACKS - 1;
}

/* 1 where a neuron may move again, else 0, into alive. momentum_limit: half of that which the proximal step overcomes. */
KERNEL void find_alive(const int D, const int O, float momentum_limit, struct workspace *w) {
    FOR_LANES(h, w->width) {
        vf alive = vf_set(0.0f), one = vf_set(1.0f);
        for (int j = 0; j < D + 1 + O; ++j) {
            const int64_t at = (int64_t)j * w->parameters.stride + h;
            alive = vf_select(vf_load(w->parameters.rows + at) == vf_set(0.0f), alive, one);
            alive = vf_select(vf_abs(vf_load(w->first + at)) <= vf_set(momentum_limit), alive, one);
        }
        vf_store(w->alive + h, alive);
    }
}

/* Moves the neurons that are alive to the front of a row, in their order, and zeroes what they leave. */
KERNEL void pack_row(const float *alive, int32_t width, float *row) {
    int32_t end = 0;
    for (int32_t h = 0; h < width; ++h) {
        if (alive[h] != 0) row[end++] = row[h];
    }
    for (; end < width; ++end) row[end] = 0;
}

/* Takes those out that are not alive. Begins and ends with the whole team together. */
KERNEL_COLD void pack_alive(const int D, const int O, const struct allometer_model *model,
                            struct workspace *w) {
    int32_t n_alive = 0;
    for (int32_t h = 0; h < w->width; ++h) n_alive += w->alive[h] != 0;
    if (n_alive < w->width) {
        for (int j = TEAM_RANK; j < D + 1 + O; j += TEAM_SIZE) {
            const int64_t at = (int64_t)j * w->parameters.stride;
            pack_row(w->alive, w->width, w->parameters.rows + at);
            pack_row(w->alive, w->width, w->first + at);
            if (model->optimizer != ALLOMETER_OPTIMIZER_SGD) pack_row(w->alive, w->width, w->second + at);
        }
        if (TEAM_RANK == 0) pack_row(w->alive, w->width, w->place);
        w->width = n_alive > 0 ? n_alive : 1; /* with none alive a dead one, at place 0, stays */
    }
    team_sync();
}

/* Takes the dead out. Begins and ends with the whole team together. */
KERNEL_COLD void pack_neurons(const int D, const int O, const struct allometer_model *model,
                              float momentum_limit, struct workspace *w) {
    find_alive(D, O, momentum_limit, w);
    team_sync();
    pack_alive(D, O, model, w);
}

/* Puts every neuron back into its place, to be read after a team_sync; the optimizer's state is of no use any more. */
KERNEL_COLD void unpack_neurons(const int D, const int O, const struct allometer_model *model,
                                struct workspace *w) {
    if (w->width == model->width) return;
    for (int j = TEAM_RANK; j < D + 1 + O; j += TEAM_SIZE) {
        float *row = w->parameters.rows + (int64_t)j * w->parameters.stride;
        for (int32_t i = w->width - 1; i >= 0; --i) {
            const float theta = row[i];
            row[i] = 0;
            row[(int32_t)w->place[i]] = theta;
        }
    }
    w->width = model->width;
}

/* Pads short rows, so that lanes beyond the last neuron hold zero; the optimizer's state is of no use any more. */
KERNEL_COLD void pad_rows(const int D, const int O, const struct allometer_model *model,
                          struct workspace *w) {
    const int32_t stride = w->parameters.stride, padded = lanes_padded(model->width);
    float *rows = w->parameters.rows;
    if (stride == padded) return;
    for (int32_t i = O - 1; i >= 0; --i) rows[(D + 1 + O) * padded + i] = rows[(D + 1 + O) * stride + i];
    for (int32_t j = D + O; j >= 0; --j) {
        for (int32_t h = padded - 1; h >= 0; --h) {
            rows[j * padded + h] = h < model->width ? rows[j * stride + h] : 0.0f;
        }
    }
    w->parameters.stride = padded;
}

#endif
