/* What a neuron of one hidden layer is worth: by how much the loss rises without it. */
#ifndef ALLOMETER_ABLATION_H
#define ALLOMETER_ABLATION_H

#include "mlp.h"

/* By how much the subtask's loss at sample s rises when a neuron's activation changes by -a; v: its output weights,
   row o at v + o * stride. The batch holds outputs, not residuals. */
KERNEL vf ablation_rise(const struct batch *batch, const struct allometer_subtask *subtask, int32_t s,
                        const float *v, int32_t stride, vf a) {
    const int32_t first = subtask->first_output, end = first + subtask->n_outputs;
    vf rise = vf_set(0.0f);
    if (subtask->loss == ALLOMETER_LOSS_MEAN_SQUARED_ERROR) {
        for (int32_t o = first; o < end; ++o) {
            vf part = vf_load(v + o * stride) * a;
            float residual = batch->output[o * batch->stride + s] - batch->target[o * batch->stride + s];
            rise = rise + part * (part - 2.0f * residual);
        }
        return rise;
    }
    const int32_t class_output = first + (int32_t)batch->target[first * batch->stride + s];
    const float own = batch->output[class_output * batch->stride + s];
    /* logits relative to the class' own, of which the largest come before the sums of the others' exponentials, lest these
       overflow */
    vf most = vf_set(0.0f), most_without = most, with = most, without = most;
    for (int round = 0; round < 2; ++round) {
        for (int32_t o = first; o < end; ++o) {
            const vf gap = vf_set(batch->output[o * batch->stride + s] - own);
            const vf part = (vf_load(v + o * stride) - vf_load(v + class_output * stride)) * a;
            if (o == class_output) continue;
            if (round == 0) {
                most = vf_select(gap > most, gap, most);
                most_without = vf_select(gap - part > most_without, gap - part, most_without);
            } else {
                with = with + vf_exp_u15(gap - most);
                without = without + vf_exp_u15(gap - part - most_without);
            }
        }
    }
    const vf none = vf_set(0.0f);
    return vf_log_of_sum(vf_exp_u15(none - most_without), without) + most_without
           - (vf_log_of_sum(vf_exp_u15(none - most), with) + most);
}

KERNEL vf neuron_activation(const int D, const int kind, const struct parameters *p,
                            const struct batch *batch, int32_t h, int32_t s) {
    vf z = vf_load(p->rows + (int64_t)D * p->stride + h), a, unused;
    for (int d = 0; d < D; ++d) {
        z = z + batch->x[d * batch->stride + s] * vf_load(p->rows + (int64_t)d * p->stride + h);
    }
    activation(kind, 1, &z, &a, &unused);
    return a;
}

/* Adds every neuron's activations over the batch, times share each, to mean: (H). As distances from the first sample: of a
   neuron that holds a constant these are 0, where each of many equal terms would be rounded the same way. */
KERNEL_COLD void activation_add(const int D, const int kind, const struct allometer_model *model,
                                const struct parameters *p, const struct batch *batch, float share,
                                float *mean) {
    FOR_LANES(h, model->width) {
        const vf first = neuron_activation(D, kind, p, batch, h, 0);
        vf total = vf_set(0.0f);
        for (int32_t s = 1; s < batch->n; ++s)
            total = total + (neuron_activation(D, kind, p, batch, h, s) - first);
        vf_store(mean + h, vf_load(mean + h) + share * (total + (float)batch->n * first));
    }
}

/* Adds every neuron's rise over the batch, for every subtask, to rise: (K, H). A silenced neuron is held at its mean
   activation: at zero, a neuron that does nothing but hold a constant would look needed, where the output bias would
   have served. */
KERNEL_COLD void ablation_add(const int D, const int kind, const struct allometer_model *model,
                              const struct parameters *p, const struct batch *batch, const float *mean,
                              float *rise) {
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        FOR_LANES(h, model->width) {
            const float *v = p->rows + (int64_t)(D + 1) * p->stride + h;
            vf total = vf_load(rise + (int64_t)k * p->stride + h);
            for (int32_t s = 0; s < batch->n; ++s) {
                vf a = neuron_activation(D, kind, p, batch, h, s) - vf_load(mean + h);
                total =
                    total + batch->weight[s] * ablation_rise(batch, &model->subtasks[k], s, v, p->stride, a);
            }
            vf_store(rise + (int64_t)k * p->stride + h, total);
        }
    }
}

#endif
