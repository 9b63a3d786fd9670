/* Mixed samples: each belongs to one subtask, and all subtasks share the inputs and outputs. A subtask reads variables of its
   own choice, or the rows come from a file; K control inputs after the variables may tell which subtask it is, 1 for
   that and 0 for the others.

   The control inputs are dense, though all but one are 0: through the matrix products of deep.h they cost what any input costs,
   less than gathering a row of biases for each sample would on lanes that own samples. */
#ifndef ALLOMETER_MIXED_H
#define ALLOMETER_MIXED_H

#include "mlp.h"

/* What mixed_prepare leaves for the draws. */
struct mixture {
    float *cumulative; /* (K): share of the samples of subtasks 0 .. k */
    float *reads;      /* (K, MOST_READ): the variables that a subtask reads */
};
enum { MOST_READ = ALLOMETER_MAX_INPUTS };

/* Which permutation of random.h is meant: of the variables, one for each subtask; of a file's rows. */
enum { MIXED_READS = 0x40000000, MIXED_SPLIT = 0x20000000 };

KERNEL int32_t mixed_variables(const struct allometer_model *model) {
    return model->n_inputs - (model->control ? model->n_subtasks : 0);
}

/* The inputs that are a subtask's own: where all are shared, the control input that names it, or all if there is none. */
KERNEL int32_t subtask_first_input(const struct allometer_model *model, int32_t k) {
    if (!model->mixed) return model->subtasks[k].first_input;
    return model->control ? mixed_variables(model) + k : 0;
}

KERNEL int32_t subtask_n_inputs(const struct allometer_model *model, int32_t k) {
    if (!model->mixed) return model->subtasks[k].n_inputs;
    return model->control ? 1 : model->n_inputs;
}

/* One lane works through the K subtasks in order; ends with a team_sync. */
KERNEL_COLD void mixed_prepare(const struct allometer_model *model, struct mixture *mixture) {
    if (TEAM_RANK == 0 && !model->data) {
        float total = 0, sum = 0;
        for (int32_t k = 0; k < model->n_subtasks; ++k) total += model->subtasks[k].weight;
        for (int32_t k = 0; k < model->n_subtasks; ++k) {
            sum += model->subtasks[k].weight;
            mixture->cumulative[k] = sum / total;
            struct permutation order =
                permutation_make(model->seed, (uint32_t)k, MIXED_READS, mixed_variables(model));
            for (int32_t i = 0; i < model->subtasks[k].n_inputs; ++i)
                mixture->reads[k * MOST_READ + i] = (float)permutation_at(&order, i);
        }
    }
    team_sync();
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* The subtask of each lane's sample. Training samples are shared out by weight, evenly but for one random offset (systematic
   sampling: the number of each subtask is within one of its share, and right on average); held-out ones equally. */
KERNEL vi mixed_owner(const struct allometer_model *model, const struct mixture *mixture,
                      struct sample_range range, vi sample) {
    const int32_t K = model->n_subtasks;
    vi owner = vi_set(0);
    float offset = 0;
    if (!range.test) {
        struct vu4 words =
            random_words(model->seed, STREAM_OWNER, 0, range.fresh ? range.step : 0, vi_set(0));
        offset = LANE(random_uniform(words.word[0]), 0);
    }
    for (int l = 0; l < LANES; ++l) {
        const int32_t i = LANE(sample, l) < range.n_total ? LANE(sample, l) : range.n_total - 1;
        if (range.test) {
            LANE(owner, l) = (int32_t)((int64_t)i * K / range.n_total);
            continue;
        }
        const float position = ((float)i + offset) / (float)range.n_total;
        int32_t low = 0, high = K - 1; /* the first whose cumulative share is above the position */
        while (low < high) {
            const int32_t middle = (low + high) / 2;
            if (mixture->cumulative[middle] > position) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        LANE(owner, l) = low;
    }
    return owner;
}

/* The targets, from the variables of the sample vector at s. Lanes whose subtasks are of one kind are done together. */
KERNEL vf mixed_target(const struct allometer_model *model, const struct mixture *mixture,
                       const struct batch *batch, vi owner, int32_t s) {
    float x[MOST_READ * LANES];
    vf target = vf_set(0.0f);
    int done[LANES];
    for (int l = 0; l < LANES; ++l) {
        const int32_t k = LANE(owner, l);
        done[l] = 0;
        for (int32_t i = 0; i < model->subtasks[k].n_inputs; ++i) {
            const int32_t variable = (int32_t)mixture->reads[k * MOST_READ + i];
            x[i * LANES + l] = batch->x[(int64_t)variable * batch->stride + s + l];
        }
    }
    for (int l = 0; l < LANES; ++l) {
        if (done[l]) continue;
        const struct allometer_subtask *own = &model->subtasks[LANE(owner, l)];
        /* What lanes of other kinds hold beyond their own inputs is not read: they take another function's value. */
        for (int32_t i = 0; i < own->n_inputs; ++i) {
            for (int m = 0; m < LANES; ++m) {
                if (i >= model->subtasks[LANE(owner, m)].n_inputs) x[i * LANES + m] = 0;
            }
        }
        struct function_inputs in = {x, LANES, own->n_inputs, own->frequency};
        vf value = function_target(own->function, in);
        for (int m = l; m < LANES; ++m) {
            const struct allometer_subtask *other = &model->subtasks[LANE(owner, m)];
            if (done[m] || other->function != own->function || other->n_inputs != own->n_inputs
                || other->frequency != own->frequency)
                continue;
            LANE(target, m) = LANE(value, m);
            done[m] = 1;
        }
    }
    return target;
}

/* Samples of functions: variables, targets, classes. */
KERNEL vi mixed_functions(const struct allometer_model *model, const struct mixture *mixture,
                          struct sample_range range, vi sample, const struct batch *batch, int32_t s) {
    const float middle = 0.5f * (model->low + model->high);
    vi owner = mixed_owner(model, mixture, range, sample);
    vf binary = vf_set(0.0f), classes = vf_set(0.0f);
    for (int l = 0; l < LANES; ++l) {
        const struct allometer_subtask *own = &model->subtasks[LANE(owner, l)];
        LANE(binary, l) = function_is_binary(own->function) ? 1.0f : 0.0f;
        LANE(classes, l) = own->loss == ALLOMETER_LOSS_CROSS_ENTROPY ? (float)own->n_outputs : 0.0f;
    }
    for (int32_t d = 0; d < mixed_variables(model); ++d) {
        vf value = batch_input(model, range, sample, d);
        vf sign = vf_select(value < vf_set(middle), vf_set(-1.0f), vf_set(1.0f));
        vf_store(batch->x + (int64_t)d * batch->stride + s, vf_select(binary > vf_set(0.0f), sign, value));
    }
    vf_store(batch->target + s, mixed_target(model, mixture, batch, owner, s));
    vf_store(batch->classes + s, classes);
    return owner;
}

/* Rows of a file: the first of a random order are held out, the others are for training. */
KERNEL vi mixed_rows(const struct allometer_model *model, struct sample_range range, vi sample,
                     const struct batch *batch, int32_t s) {
    const struct allometer_data *data = model->data;
    struct permutation order = permutation_make(model->seed, 0, MIXED_SPLIT, data->n_rows);
    vi owner = vi_set(0);
    vf target = vf_set(0.0f);
    for (int l = 0; l < LANES; ++l) {
        const int32_t i = LANE(sample, l) < range.n_total ? LANE(sample, l) : range.n_total - 1;
        const int32_t row = permutation_at(&order, range.test ? i : model->test_samples + i);
        const float *values = data->inputs + (int64_t)row * data->n_inputs;
        for (int32_t d = 0; d < data->n_inputs; ++d) batch->x[(int64_t)d * batch->stride + s + l] = values[d];
        LANE(target, l) = data->targets[row];
        LANE(owner, l) = data->subtasks[row];
    }
    vf_store(batch->target + s, target);
    vf_store(batch->classes + s, vf_set((float)data->n_classes));
    return owner;
}

/* Fills the batch's inputs, targets, classes, owners and weights. Each lane writes the samples that it owns. */
KERNEL_COLD void mixed_draw(const struct allometer_model *model, const struct mixture *mixture,
                            struct sample_range range, const struct batch *batch) {
    FOR_LANES(s, batch->n) {
        vi sample = batch_sample(model, range, s);
        vm inside = vi_less(vi_index(s), batch->n);
        vf_store(batch->weight + s, vf_select(inside, batch_weight(model, range, sample), vf_set(0.0f)));
        vi owner = model->data ? mixed_rows(model, range, sample, batch, s)
                               : mixed_functions(model, mixture, range, sample, batch, s);
        vf_store(batch->owner + s, vf_from_vu((vu)owner));
        for (int32_t k = 0; model->control && k < model->n_subtasks; ++k) {
            vf named = vf_select(owner == vi_set(k), vf_set(1.0f), vf_set(0.0f));
            vf_store(batch->x + (int64_t)(mixed_variables(model) + k) * batch->stride + s, named);
        }
    }
}

/* ---- loss -------------------------------------------------------------------------------------------------------- */

/* Each sample's loss into batch->loss and whether its class is right into batch->right; with `scale`, the outputs become
   scale * weight * dloss/dy. Regression has one output, the first. */
KERNEL void mixed_sample_losses(const struct allometer_model *model, const struct batch *batch, float scale,
                                int derive) {
    const int32_t O = model->n_outputs;
    FOR_LANES(s, batch->n) {
        float *y = batch->output + s;
        vf target = vf_load(batch->target + s), classes = vf_load(batch->classes + s);
        vf zero = vf_set(0.0f), one = vf_set(1.0f), residual = vf_load(y) - target;
        vf largest = vf_load(y), rest = zero, own = zero, told = zero;
        for (int32_t c = 1; c < O; ++c) {
            vf logit = vf_load(y + (int64_t)c * batch->stride);
            logit = vf_select(classes > vf_set((float)c), logit, largest);
            told = vf_select(logit > largest, vf_set((float)c), told);
            largest = vf_select(largest >= logit, largest, logit);
        }
        for (int32_t c = 0; c < O; ++c) {
            const vf logit = vf_load(y + (int64_t)c * batch->stride), e = vf_exp_u15(logit - largest);
            const vm is_own = target == vf_set((float)c);
            rest = rest + vf_select(classes > vf_set((float)c), vf_select(is_own, zero, e), zero);
            own = vf_select(is_own, logit, own);
        }
        const vm regression = classes == zero;
        /* as in loss_cross_entropy */
        const vf likely = vf_select(regression, one, vf_exp_u15(own - largest));
        vf_store(batch->loss + s,
                 vf_select(regression, residual * residual, vf_log_of_sum(likely, rest) + (largest - own)));
        vf_store(batch->right + s, vf_select(regression, zero, vf_select(target == told, one, zero)));
        if (!derive) continue;
        const vf weight = scale * vf_load(batch->weight + s), sum = likely + rest;
        for (int32_t c = 0; c < O; ++c) {
            float *logit = y + (int64_t)c * batch->stride;
            const vf e = vf_exp_u15(vf_load(logit) - largest);
            vf slope = vf_select(target == vf_set((float)c), -rest, e) / sum;
            slope = vf_select(classes > vf_set((float)c), slope, zero);
            vf_store(logit, weight * vf_select(regression, c == 0 ? 2.0f * residual : zero, slope));
        }
    }
}

/* Over a block, for each subtask: sums of the weighted losses, of what is right, and of the weights, into sums (3, K), or
   added to those of the blocks before. A lane owns subtasks and loops over samples, in their order. */
KERNEL void mixed_sums(const struct allometer_model *model, const struct batch *batch, int first,
                       float *sums) {
    const int32_t K = model->n_subtasks;
    FOR_LANES(k, K) {
        float *at = sums + k;
        const int32_t column = lanes_padded(K);
        vf zero = vf_set(0.0f), loss = first ? zero : vf_load(at),
           right = first ? zero : vf_load(at + column), weight = first ? zero : vf_load(at + 2 * column);
        const vf own = vf_from_vu((vu)vi_index(k));
        for (int32_t s = 0; s < batch->n; ++s) {
            vf share = vf_select(own == vf_set(batch->owner[s]), vf_set(batch->weight[s]), vf_set(0.0f));
            loss = loss + share * batch->loss[s];
            right = right + share * batch->right[s];
            weight = weight + share;
        }
        vf_store(at, loss);
        vf_store(at + column, right);
        vf_store(at + 2 * column, weight);
    }
}

#endif
