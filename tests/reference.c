#include "reference_internal.h"
#include "reference_random.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the model ------------------------------------------------------------------------------------------------- */

struct layer layer_of(const struct allometer_model *m, int l) {
    struct layer layer = {m->n_inputs, m->width, 0, 0};
    for (int before = 0;; ++before) {
        if (before == m->depth) layer.out = m->n_outputs;
        layer.biases = layer.weights + layer.in * layer.out;
        if (before == l) return layer;
        layer.weights = layer.biases + layer.out;
        layer.in = m->width;
    }
}

/* Half-widths or deviations of a layer's weights and biases; returns whether the weights are normal. */
static int scales_of(const struct allometer_model *m, int l, double *weight, double *bias) {
    struct layer layer = layer_of(m, l);
    *weight = 1 / sqrt(layer.in), *bias = 0;
    switch (m->initialization) {
    case ALLOMETER_INITIALIZATION_LINEAR:
        *bias = *weight;
        break;
    case ALLOMETER_INITIALIZATION_UNIFORM:
        if (l == 0) *weight = 1;
        *bias = *weight;
        break;
    case ALLOMETER_INITIALIZATION_NORMAL:
        return 1;
    case ALLOMETER_INITIALIZATION_XAVIER_UNIFORM:
        *weight = sqrt(6. / (layer.in + layer.out));
        break;
    case ALLOMETER_INITIALIZATION_XAVIER_NORMAL:
        *weight = sqrt(2. / (layer.in + layer.out));
        return 1;
    case ALLOMETER_INITIALIZATION_KAIMING_UNIFORM:
        *weight = sqrt(6. / layer.in);
        break;
    case ALLOMETER_INITIALIZATION_KAIMING_NORMAL:
        *weight = sqrt(2. / layer.in);
        return 1;
    }
    return 0;
}

static double initial(const struct allometer_model *m, int is_normal, uint32_t stream, int number, int step,
                      int index) {
    double draw =
        is_normal ? normal(m->seed, stream, (uint32_t)number, (uint32_t)step, (uint32_t)index)
                  : 2 * uniform(word(m->seed, stream, (uint32_t)number, (uint32_t)step, (uint32_t)index)) - 1;
    return m->initialization_gain * draw;
}

/* With one hidden layer a neuron draws its own row of numbers: input weights, bias, output weights. */
void reference_initialize(const struct allometer_model *m, double *theta) {
    const int shallow = !allometer_is_general(m), D = m->n_inputs;
    for (int l = 0; l <= m->depth; ++l) {
        struct layer layer = layer_of(m, l);
        double weight, bias;
        int is_normal = scales_of(m, l, &weight, &bias);
        for (int i = 0; i < layer.out; ++i) {
            for (int j = 0; j < layer.in; ++j) {
                double draw = !shallow ? initial(m, is_normal, LAYER, i, l, j)
                              : l == 0 ? initial(m, is_normal, INITIAL, j, 0, i)
                                       : initial(m, is_normal, INITIAL, D + 1 + i, 0, j);
                theta[layer.weights + i * layer.in + j] = weight * draw;
            }
            double draw = !shallow ? initial(m, 0, LAYER_BIAS, 0, l, i)
                          : l == 0 ? initial(m, 0, INITIAL, D, 0, i)
                                   : initial(m, 0, OUTPUT_BIAS, 0, 0, i);
            theta[layer.biases + i] = bias * draw;
        }
    }
}

static double activation_value(int kind, double x) {
    switch (kind) {
    case ALLOMETER_ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case ALLOMETER_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case ALLOMETER_ACTIVATION_GELU:
        return 0.5 * x * (1 + erf(x / M_SQRT2));
    case ALLOMETER_ACTIVATION_TANH:
        return tanh(x);
    case ALLOMETER_ACTIVATION_IDENTITY:
        return x;
    case ALLOMETER_ACTIVATION_SINE:
        return sin(x);
    }
    return NAN;
}

static double activation_slope(int kind, double x) {
    double sigmoid = 1 / (1 + exp(-x));
    switch (kind) {
    case ALLOMETER_ACTIVATION_SILU:
        return sigmoid * (1 + x * (1 - sigmoid));
    case ALLOMETER_ACTIVATION_RELU:
        return x > 0;
    case ALLOMETER_ACTIVATION_GELU:
        return 0.5 * (1 + erf(x / M_SQRT2)) + x * exp(-x * x / 2) / sqrt(2 * M_PI);
    case ALLOMETER_ACTIVATION_TANH:
        return 1 - tanh(x) * tanh(x);
    case ALLOMETER_ACTIVATION_IDENTITY:
        return 1;
    case ALLOMETER_ACTIVATION_SINE:
        return cos(x);
    }
    return NAN;
}

struct signals signals_make(const struct allometer_model *m, int with_slopes) {
    size_t n = (size_t)m->depth * (size_t)m->width;
    return (struct signals){calloc(n, 8), calloc(n, 8), with_slopes ? calloc(n, 8) : NULL};
}

void signals_free(struct signals *v) {
    free(v->given), free(v->own), free(v->slope);
}

void signals_run(const struct allometer_model *m, const double *theta, const double *x, int silenced,
                 double held, struct signals *v, double *y) {
    const int H = m->width;
    for (int l = 0; l <= m->depth; ++l) {
        struct layer layer = layer_of(m, l);
        const double *from = l == 0 ? x : v->given + (l - 1) * H;
        for (int i = 0; i < layer.out; ++i) {
            double z = theta[layer.biases + i];
            for (int j = 0; j < layer.in; ++j) z += theta[layer.weights + i * layer.in + j] * from[j];
            if (l == m->depth) {
                y[i] = z;
                continue;
            }
            int n = l * H + i;
            v->own[n] = n == silenced ? held : activation_value(m->activation, z);
            if (v->slope) v->slope[n] = activation_slope(m->activation, z);
            v->given[n] = v->own[n] + (m->residual && l > 0 ? from[i] : 0);
        }
    }
}

void reference_outputs(const struct allometer_model *m, const double *theta, const double *x, int silenced,
                       double held, double *y) {
    struct signals v = signals_make(m, 0);
    signals_run(m, theta, x, silenced, held, &v, y);
    signals_free(&v);
}

/* ---- loss, gradient, training ------------------------------------------------------------------------------------ */

double subtask_loss(const struct allometer_subtask *subtask, const double *y, const double *target,
                    double *dy) {
    const int first = subtask->first_output, end = first + subtask->n_outputs;
    double total = 0;
    if (subtask->loss == ALLOMETER_LOSS_MEAN_SQUARED_ERROR) {
        for (int o = first; o < end; ++o) {
            total += (y[o] - target[o]) * (y[o] - target[o]);
            if (dy) dy[o] = 2 * (y[o] - target[o]);
        }
        return total;
    }
    int own = first + (int)target[first];
    for (int o = first; o < end; ++o) total += exp(y[o] - y[own]);
    for (int o = first; dy && o < end; ++o) dy[o] = exp(y[o] - y[own]) / total - (o == own);
    return log(total);
}

/* By how much subtask k's loss at sample s counts in the objective. */
static double share_of(const struct allometer_model *m, const struct reference_batch *batch, int s, int k) {
    if (m->mixed) return batch->owner[s] == k ? m->scale * batch->weight[s] / batch->n : 0;
    return m->scale * m->subtasks[k].weight * batch->weight[s] / batch->n;
}

int penalized(const struct allometer_model *m, int i) {
    for (int l = 0; !m->penalize_biases && l <= m->depth; ++l) {
        struct layer layer = layer_of(m, l);
        if (i >= layer.biases && i < layer.biases + layer.out) return 0;
    }
    return 1;
}

/* The objective without the penalty. */
static double data_loss(const struct allometer_model *m, const double *theta,
                        const struct reference_batch *batch, int silenced, double held) {
    double total = 0, y[ALLOMETER_MAX_GENERAL_OUTPUTS];
    for (int s = 0; s < batch->n; ++s) {
        reference_outputs(m, theta, batch->x + s * m->n_inputs, silenced, held, y);
        for (int k = 0; k < m->n_subtasks; ++k) {
            if (m->mixed && batch->owner[s] != k) continue;
            total += share_of(m, batch, s, k)
                     * subtask_loss(&m->subtasks[k], y, batch->target + s * m->n_outputs, NULL);
        }
    }
    return total;
}

double reference_objective(const struct allometer_model *m, const double *theta,
                           const struct reference_batch *batch) {
    double total = data_loss(m, theta, batch, -1, 0);
    for (int i = 0; i < allometer_n_parameters(m); ++i)
        total += penalized(m, i) ? m->l2 * theta[i] * theta[i] : 0;
    return total;
}

void reference_gradient(const struct allometer_model *m, const double *theta,
                        const struct reference_batch *batch, double *gradient) {
    const int H = m->width, O = m->n_outputs, P = (int)allometer_n_parameters(m);
    double y[ALLOMETER_MAX_GENERAL_OUTPUTS], dy[ALLOMETER_MAX_GENERAL_OUTPUTS];
    struct signals v = signals_make(m, 1);
    double *upstream = calloc((size_t)H, 8), *below = calloc((size_t)H, 8);
    for (int i = 0; i < P; ++i) gradient[i] = penalized(m, i) ? 2 * m->l2 * theta[i] : 0;
    for (int s = 0; s < batch->n; ++s) {
        const double *x = batch->x + s * m->n_inputs;
        signals_run(m, theta, x, -1, 0, &v, y);
        memset(dy, 0, sizeof dy);
        for (int k = 0; k < m->n_subtasks; ++k) {
            const struct allometer_subtask *subtask = &m->subtasks[k];
            if (m->mixed && batch->owner[s] != k) continue;
            subtask_loss(subtask, y, batch->target + s * O, dy);
            for (int o = subtask->first_output; o < subtask->first_output + subtask->n_outputs; ++o) {
                dy[o] *= share_of(m, batch, s, k);
            }
        }
        for (int l = m->depth; l >= 0; --l) { /* upstream: by what the layer gives */
            struct layer layer = layer_of(m, l);
            const double *from = l == 0 ? x : v.given + (l - 1) * H;
            memset(below, 0, (size_t)H * 8);
            for (int i = 0; i < layer.out; ++i) {
                double d = l == m->depth ? dy[i] : upstream[i] * v.slope[l * H + i];
                gradient[layer.biases + i] += d;
                for (int j = 0; j < layer.in; ++j) {
                    gradient[layer.weights + i * layer.in + j] += d * from[j];
                    if (l > 0) below[j] += d * theta[layer.weights + i * layer.in + j];
                }
                if (m->residual && l > 0 && l < m->depth) below[i] += upstream[i];
            }
            memcpy(upstream, below, (size_t)H * 8);
        }
    }
    free(upstream), free(below);
    signals_free(&v);
}

static double rate_at(const struct allometer_model *m, int step) {
    if (step < m->warmup_steps) return m->learning_rate * (step + 1.0) / m->warmup_steps;
    if (m->schedule == ALLOMETER_SCHEDULE_CONSTANT) return m->learning_rate;
    return m->learning_rate * 0.5 * (1 + cos(M_PI * (step - m->warmup_steps) / (m->steps - m->warmup_steps)));
}

/* Neurons that each layer keeps after the step, or 0: in round i of R, after i / R of the steps before `retrain`. */
static int pruned_width(const struct allometer_model *m, int step) {
    for (int64_t round = 1; m->prune && round <= m->prune_rounds; ++round) {
        if (round * (m->steps - m->retrain) / m->prune_rounds != step + 1) continue;
        return (int)lround(m->width * pow((double)m->prune / m->width, (double)round / m->prune_rounds));
    }
    return 0;
}

/* The training loss with each neuron (L, H) at its mean; of those that are gone, nothing. */
static void losses_without(const struct allometer_model *m, const double *theta,
                           const struct reference_batch *batch, const char *gone, double *losses) {
    struct signals v = signals_make(m, 0);
    double y[ALLOMETER_MAX_GENERAL_OUTPUTS];
    for (int n = 0; n < m->depth * m->width; ++n) {
        double mean = 0;
        for (int s = 0; s < batch->n; ++s) {
            signals_run(m, theta, batch->x + s * m->n_inputs, -1, 0, &v, y);
            mean += v.own[n] / batch->n;
        }
        losses[n] = gone[n] ? -INFINITY : data_loss(m, theta, batch, n, mean);
    }
    signals_free(&v);
}

/* Whether neuron h of layer l has no parameter but zeros. */
static int is_zero(const struct allometer_model *m, const double *theta, int l, int h) {
    const struct layer in = layer_of(m, l), out = layer_of(m, l + 1);
    int zero = theta[in.biases + h] == 0;
    for (int j = 0; j < in.in; ++j) zero &= theta[in.weights + h * in.in + j] == 0;
    for (int i = 0; i < out.out; ++i) zero &= theta[out.weights + i * out.in + h] == 0;
    return zero;
}

/* Marks all but `kept` of each layer as gone, what is zero first, then the least loss. */
static void mark_gone(const struct allometer_model *m, const double *theta, int kept, double *losses,
                      char *gone) {
    for (int l = 0; l < m->depth; ++l) {
        double *own = losses + l * m->width;
        for (int h = 0; h < m->width; ++h)
            if (!gone[l * m->width + h] && is_zero(m, theta, l, h)) own[h] = -DBL_MAX;
        for (int leaving = 0; leaving < m->width - kept; ++leaving) {
            int least = -1;
            for (int h = 0; h < m->width; ++h)
                if (!isnan(own[h]) && (least < 0 || own[h] <= own[least])) least = h;
            gone[l * m->width + least] = 1;
            own[least] = NAN;
        }
    }
}

/* Whether parameter i is a gone neuron's, or weighs what is given by none that is left. */
static int is_frozen(const struct allometer_model *m, const char *gone, int i) {
    int l = m->depth;
    while (l > 0 && i < layer_of(m, l).weights) --l;
    struct layer layer = layer_of(m, l);
    const int at = i - layer.weights, is_bias = i >= layer.biases,
              to = is_bias ? i - layer.biases : at / layer.in, from = is_bias ? -1 : at % layer.in;
    if (l < m->depth && gone[l * m->width + to]) return 1;
    int left = l == 0 || from < 0;
    for (int before = l - 1; !left && before >= (m->residual ? 0 : l - 1); --before)
        left = !gone[before * m->width + from];
    return !left;
}

static double shrink(double x, double by) {
    return fabs(x) <= by ? 0 : x > 0 ? x - by : x + by;
}

void reference_train(const struct allometer_model *m, double *theta) {
    const int P = (int)allometer_n_parameters(m);
    double *g = calloc((size_t)P, 8), *first = calloc((size_t)P, 8), *second = calloc((size_t)P, 8);
    double *losses = calloc((size_t)(m->depth * m->width), 8);
    char *gone = calloc((size_t)(m->depth * m->width), 1);
    reference_initialize(m, theta);
    for (int step = 0; step < m->steps; ++step) {
        struct reference_batch batch = reference_batch_make(m, step, 0);
        const int kept = pruned_width(m, step);
        reference_gradient(m, theta, &batch, g);
        if (kept) losses_without(m, theta, &batch, gone, losses);
        reference_batch_free(&batch);
        double rate = rate_at(m, step), t = step + 1;
        for (int i = 0; i < P; ++i) {
            double l1 = penalized(m, i) ? m->l1 : 0, reach;
            if (m->l1_step == ALLOMETER_L1_SUBGRADIENT) g[i] += l1 * ((theta[i] > 0) - (theta[i] < 0));
            if (m->optimizer == ALLOMETER_OPTIMIZER_SGD) {
                first[i] = m->momentum * first[i] + g[i];
                theta[i] -= rate * first[i];
                reach = rate / (1 - m->momentum);
            } else {
                if (m->optimizer == ALLOMETER_OPTIMIZER_ADAMW && penalized(m, i))
                    theta[i] *= 1 - rate * m->weight_decay;
                first[i] = m->beta1 * first[i] + (1 - m->beta1) * g[i];
                second[i] = m->beta2 * second[i] + (1 - m->beta2) * g[i] * g[i];
                reach = rate / (sqrt(second[i] / (1 - pow(m->beta2, t))) + m->epsilon);
                theta[i] -= reach * first[i] / (1 - pow(m->beta1, t));
            }
            if (m->l1_step == ALLOMETER_L1_PROXIMAL) theta[i] = shrink(theta[i], reach * l1);
        }
        if (kept) mark_gone(m, theta, kept, losses, gone);
        for (int i = 0; m->prune && i < P; ++i)
            if (is_frozen(m, gone, i)) theta[i] = first[i] = second[i] = 0;
    }
    free(losses);
    free(gone);
    free(g);
    free(first);
    free(second);
}
