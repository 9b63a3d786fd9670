/* Optimizers: the step of one parameter from its gradient, with the penalty. */
#ifndef ALLOMETER_OPTIMIZER_H
#define ALLOMETER_OPTIMIZER_H

#include "float_maths.h"
#include "model.h"

/* id, name, operations per parameter and step, formula. g: gradient of the objective (smooth part), t: step from 1. */
#define OPTIMIZER_TABLE(ROW)                                                                            \
    ROW(ADAM, "adam", 16, "theta -= rate m^ / (sqrt(v^) + epsilon) (Kingma and Ba 2015)")               \
    ROW(ADAMW, "adamw", 18, "theta -= rate weight_decay theta, then adam (Loshchilov and Hutter 2019)") \
    ROW(SGD, "sgd", 8, "u = momentum u + g; theta -= rate u")

/* id, name, formula */
#define SCHEDULE_TABLE(ROW)                    \
    ROW(CONSTANT, "constant", "learning_rate") \
    ROW(COSINE, "cosine", "learning_rate (1 + cos(pi t / T)) / 2, t and T counted after the warm-up")

/* id, name, formula: a neuron's input weights and bias, and the output weights and biases, with fan_in and fan_out of
   their own layer; times initialization_gain */
#define INITIALIZATION_TABLE(ROW)                                                                            \
    ROW(LINEAR, "linear", "weights and biases uniform on +-1 / sqrt(fan_in), as PyTorch's nn.Linear")        \
    ROW(UNIFORM, "uniform", "first layer: uniform on +-1; further weights and biases on +-1 / sqrt(fan_in)") \
    ROW(NORMAL, "normal", "weights normal with deviation 1 / sqrt(fan_in); biases 0")                        \
    ROW(XAVIER_UNIFORM, "xavier_uniform", "weights uniform on +-sqrt(6 / (fan_in + fan_out)); biases 0")     \
    ROW(XAVIER_NORMAL, "xavier_normal",                                                                      \
        "weights normal with deviation sqrt(2 / (fan_in + fan_out)); biases 0")                              \
    ROW(KAIMING_UNIFORM, "kaiming_uniform", "weights uniform on +-sqrt(6 / fan_in); biases 0")               \
    ROW(KAIMING_NORMAL, "kaiming_normal", "weights normal with deviation sqrt(2 / fan_in); biases 0")

/* What one step applies to every parameter: the same in all lanes, but where each lane trains a model of its own. */
struct update {
    int32_t optimizer, proximal;
    vf rate;                     /* of this step */
    vf beta1, beta2, epsilon;    /* momentum of sgd is beta1 */
    vf correction1, correction2; /* 1 / (1 - beta^t) */
    vf l1, l2, decay;  /* l1 of sgd's proximal step: over 1 - momentum, since that is how far it moves */
    vf power1, power2; /* beta^t */
    vf rates;          /* of this step and those beside it */
};

KERNEL struct update update_start(const struct allometer_model *model) {
    struct update u;
    u.optimizer = model->optimizer;
    u.proximal = model->l1_step == ALLOMETER_L1_PROXIMAL;
    u.beta1 = vf_set(model->optimizer == ALLOMETER_OPTIMIZER_SGD ? model->momentum : model->beta1);
    u.beta2 = vf_set(model->beta2);
    u.epsilon = vf_set(model->epsilon);
    u.l1 = vf_set(model->l1);
    if (u.proximal && u.optimizer == ALLOMETER_OPTIMIZER_SGD) u.l1 = u.l1 / (1.0f - u.beta1);
    u.l2 = vf_set(model->l2);
    u.decay = vf_set(model->optimizer == ALLOMETER_OPTIMIZER_ADAMW ? model->weight_decay : 0.0f);
    u.power1 = u.power2 = vf_set(1.0f);
    u.rate = u.correction1 = u.correction2 = u.rates = vf_set(0.0f);
    return u;
}

/* Learning rates of steps t, t + 1, ... of T, one to a lane, t from 0: PyTorch's CosineAnnealingLR after a linear warm-up. */
KERNEL vf scheduled_rates(const struct allometer_model *model, int32_t t) {
    vf rate = vf_set(model->learning_rate);
    if (model->schedule == ALLOMETER_SCHEDULE_COSINE) {
        vf done =
            vf_from_vu((vu)vi_index(t - model->warmup_steps)) / (float)(model->steps - model->warmup_steps);
        rate = rate * 0.5f * (1.0f + vf_cos_u15(3.14159265f * done));
    }
    if (t < model->warmup_steps) {
        vf warm = model->learning_rate * vf_from_vu((vu)vi_index(t + 1)) / (float)model->warmup_steps;
        rate = vf_select(vi_less(vi_index(t), model->warmup_steps), warm, rate);
    }
    return rate;
}

/* To the next step, which is taken at that rate. */
KERNEL void update_step(struct update *u, vf rate) {
    u->rate = rate;
    u->power1 = u->power1 * u->beta1;
    u->power2 = u->power2 * u->beta2;
    u->correction1 = 1.0f / (1.0f - u->power1);
    u->correction2 = 1.0f / (1.0f - u->power2);
}

KERNEL void update_advance(struct update *u, const struct allometer_model *model, int32_t step) {
    if (step % LANES == 0) u->rates = scheduled_rates(model, step);
    update_step(u, vf_set(LANE(u->rates, step % LANES)));
}

KERNEL vf soft_threshold(vf x, vf threshold) {
    vf shrunk = vf_abs(x) - threshold;
    vf signed_shrunk = vf_select(x < vf_set(0.0f), -shrunk, shrunk);
    return vf_select(shrunk <= vf_set(0.0f), vf_set(0.0f), signed_shrunk);
}

KERNEL vf sign_or_zero(vf x) {
    vf sign = vf_select(x < vf_set(0.0f), vf_set(-1.0f), vf_set(1.0f));
    return vf_select(x == vf_set(0.0f), vf_set(0.0f), sign);
}

/* One vector of parameters: theta from gradient g, with the optimizer's state at m and v. penalized: 1 where l1, l2 and
   decay apply, else 0. The proximal step thresholds in the metric of the step itself, so that zero is kept exactly while
   |dloss/dtheta| <= l1 (Yun, Lozano and Yang 2021, for Adam; a heavy ball moves 1 / (1 - momentum) as far). */
KERNEL vf update_parameter(const struct update *u, vf penalized, vf theta, vf g, float *m, float *v) {
    const vf l1 = u->l1 * penalized;
    g = g + 2.0f * u->l2 * penalized * theta;
    if (!u->proximal) g = g + l1 * sign_or_zero(theta);
    vf threshold;
    if (u->optimizer == ALLOMETER_OPTIMIZER_SGD) {
        vf velocity = u->beta1 * vf_load(m) + g;
        vf_store(m, velocity);
        threshold = u->rate * l1;
        theta = theta - u->rate * velocity;
    } else {
        theta = theta * (1.0f - u->rate * u->decay * penalized);
        /* Held: of two products that are added, compilers choose which is rounded. */
        vf first = u->beta1 * vf_load(m) + vf_held((1.0f - u->beta1) * g);
        vf second = u->beta2 * vf_load(v) + vf_held((1.0f - u->beta2) * g * g);
        vf_store(m, first);
        vf_store(v, second);
        vf step = u->rate / (vf_sqrt(second * u->correction2) + u->epsilon);
        threshold = l1 * step;
        theta = theta - step * (first * u->correction1);
    }
    return u->proximal ? soft_threshold(theta, threshold) : theta;
}

#endif
