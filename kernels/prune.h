/* Pruning to a budget: of each hidden layer the neurons that are worth most stay and train on, the others leave it for good.
   A neuron is worth what the training loss, the subtasks by their weights, would rise if it gave its mean over the step's
   samples in place of what it gives; measured before the step, acted on after it. Whose parameters are then all zero, as the
   proximal step leaves them, leave first, whether they have been packed away (pack.h) or not. Round i of R = prune_rounds leaves
   H (prune / H)^(i / R) neurons after i / R of the steps before the last `retrain` (as Han et al. 2015 and Zhu and Gupta 2017
   prune weights). The optimizer's state and the learning rate go on as if nothing had happened. */
#ifndef ALLOMETER_PRUNE_H
#define ALLOMETER_PRUNE_H

#include "ablation.h"
#include "float_maths.h"
#include "pack.h"

#include <float.h>

/* Neurons that each hidden layer keeps after this step, from 0; 0: all that there are. */
KERNEL int32_t prune_kept(const struct allometer_model *model, int32_t step) {
    const int64_t last = model->steps - model->retrain, rounds = model->prune_rounds,
                  taken = (int64_t)step + 1;
    if (model->prune == 0 || taken > last) return 0;
    const int64_t round = (taken * rounds + last - 1) / last;
    if (round * last / rounds != taken) return 0;
    if (round == rounds) return model->prune;
    const float width = (float)model->width, share = (float)round / (float)rounds;
    const vf factor = vf_exp_u15(share * vf_log_u10(vf_set((float)model->prune / width)));
    return (int32_t)(width * LANE(factor, 0) + 0.5f);
}

/* 1 into alive where one of n is among the `kept` that are worth most, the first of equals, else 0. To be read after a
   team_sync. */
KERNEL void keep_worthiest(const float *worth, int32_t n, int32_t kept, float *alive) {
    for (int32_t h = TEAM_RANK; h < n; h += TEAM_SIZE) {
        int32_t better = 0;
        for (int32_t g = 0; g < n; ++g) better += worth[g] > worth[h] || (worth[g] == worth[h] && g < h);
        alive[h] = better < kept ? 1.0f : 0.0f;
    }
}

/* Of a training that is about to diverge anything may be worth NaN, which ranks last of what is left. */
KERNEL vf worth_or_least(vf worth) {
    return vf_select(worth >= vf_set(-FLT_MAX), worth, vf_set(-FLT_MAX));
}

/* ---- one hidden layer -------------------------------------------------------------------------------------------- */

/* Before the step's samples go through the network block by block. */
KERNEL_COLD void worth_start(const int D, const int kind, const struct allometer_model *model,
                             struct workspace *w) {
    const int32_t stride = w->parameters.stride;
    FOR_LANES(h, model->width) {
        for (int32_t k = 0; k <= model->n_subtasks; ++k) vf_store(w->worth + k * stride + h, vf_set(0.0f));
    }
    activation_add(D, kind, model, &w->parameters, &w->batch, 1.0f / (float)w->batch.n,
                   w->worth + model->n_subtasks * stride);
}

/* The block holds outputs. Begins and ends with a team_sync. */
KERNEL_COLD void worth_add(const int D, const int kind, const struct allometer_model *model,
                           struct workspace *w, const struct batch *block) {
    team_sync();
    ablation_add(D, kind, model, &w->parameters, block, w->worth + model->n_subtasks * w->parameters.stride,
                 w->worth);
    team_sync();
}

/* Begins and ends with the whole team together. */
KERNEL_COLD void prune_neurons(const int D, const int O, const struct allometer_model *model, int32_t kept,
                               struct workspace *w) {
    const int32_t stride = w->parameters.stride;
    float *worth = w->worth + model->n_subtasks * stride;
    FOR_LANES(h, w->width) {
        vf total = vf_set(0.0f), is_zero = vf_set(1.0f);
        for (int32_t k = 0; k < model->n_subtasks; ++k)
            total = total + model->subtasks[k].weight * vf_load(w->worth + k * stride + h);
        for (int j = 0; j < D + 1 + O; ++j)
            is_zero = vf_select(vf_load(w->parameters.rows + (int64_t)j * stride + h) == vf_set(0.0f),
                                is_zero, vf_set(0.0f));
        vf_store(worth + h, vf_select(is_zero > vf_set(0.0f), vf_set(-INFINITY), worth_or_least(total)));
    }
    team_sync();
    keep_worthiest(worth, w->width, kept, w->alive);
    team_sync();
    pack_alive(D, O, model, w);
}

#endif
