#include "reference.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers: kernels/random.h states the layout ------------------------------------------------------ */

enum { INITIAL, OUTPUT_BIAS, INPUT, TEST, WEIGHT, ORDER };

static uint32_t word(uint64_t seed, uint32_t stream, uint32_t number, uint32_t step, uint32_t index) {
    const philox4x32_ctr_t counter = {{index, step, stream | (number / 4) << 8, 0}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t words = philox4x32(counter, key);
    return words.v[number % 4];
}

static double uniform(uint32_t bits) {
    return ((bits >> 9) + 0.5) / 8388608.0;
}

static double normal(uint64_t seed, uint32_t stream, uint32_t number, uint32_t index) {
    double radius = sqrt(-2 * log(uniform(word(seed, stream, number & ~1u, 0, index))));
    double angle = 2 * M_PI * uniform(word(seed, stream, number | 1, 0, index));
    return radius * (number & 1 ? sin(angle) : cos(angle));
}

static uint32_t mix(uint32_t x) {
    x *= 0x9e3779b1u;
    x = (x ^ x >> 15) * 0x85ebca77u;
    return x ^ x >> 13;
}

static int permuted(uint64_t seed, uint32_t which, uint32_t step, int n, int i) {
    int half = 1;
    while ((1LL << 2 * half) < n) ++half;
    uint32_t mask = (1u << half) - 1, left, right;
    do {
        left = (uint32_t)i >> half, right = (uint32_t)i & mask;
        for (uint32_t round = 0; round < 8; ++round) {
            uint32_t other = left ^ (mix(right + word(seed, ORDER, round % 4, step, which) + round) & mask);
            left = right, right = other;
        }
        i = (int)(left << half | right);
    } while (i >= n);
    return i;
}

/* ---- the model ------------------------------------------------------------------------------------------------- */

struct offsets {
    int in, bias_in, out, bias_out, total; /* (H, D), (H), (O, H), (O) */
};

static struct offsets offsets_of(const struct allometer_model *m) {
    struct offsets at = {0, m->width * m->n_inputs, 0, 0, (int)allometer_n_parameters(m)};
    at.out = at.bias_in + m->width;
    at.bias_out = at.out + m->n_outputs * m->width;
    return at;
}

void reference_initialize(const struct allometer_model *m, double *theta) {
    struct offsets at = offsets_of(m);
    const int D = m->n_inputs, H = m->width, O = m->n_outputs;
    double in = 1 / sqrt(D), out = 1 / sqrt(H), bias_in = 0, bias_out = 0;
    int is_normal = 0;
    switch (m->initialization) {
    case ALLOMETER_INITIALIZATION_LINEAR:
        bias_in = in, bias_out = out;
        break;
    case ALLOMETER_INITIALIZATION_UNIFORM:
        in = bias_in = 1, bias_out = out;
        break;
    case ALLOMETER_INITIALIZATION_NORMAL:
        is_normal = 1;
        break;
    case ALLOMETER_INITIALIZATION_XAVIER_UNIFORM:
        in = sqrt(6. / (D + H)), out = sqrt(6. / (H + O));
        break;
    case ALLOMETER_INITIALIZATION_XAVIER_NORMAL:
        is_normal = 1, in = sqrt(2. / (D + H)), out = sqrt(2. / (H + O));
        break;
    case ALLOMETER_INITIALIZATION_KAIMING_UNIFORM:
        in = sqrt(6. / D), out = sqrt(6. / H);
        break;
    case ALLOMETER_INITIALIZATION_KAIMING_NORMAL:
        is_normal = 1, in = sqrt(2. / D), out = sqrt(2. / H);
        break;
    }
    for (int h = 0; h < H; ++h) {
        for (int n = 0; n < D + 1 + O; ++n) {
            double draw = is_normal ? normal(m->seed, INITIAL, (uint32_t)n, (uint32_t)h)
                                    : 2 * uniform(word(m->seed, INITIAL, (uint32_t)n, 0, (uint32_t)h)) - 1;
            draw *= m->initialization_gain;
            if (n < D)
                theta[at.in + h * D + n] = in * draw;
            else if (n == D)
                theta[at.bias_in + h] = bias_in * draw;
            else
                theta[at.out + (n - D - 1) * H + h] = out * draw;
        }
    }
    for (int o = 0; o < O; ++o) {
        double draw = 2 * uniform(word(m->seed, OUTPUT_BIAS, 0, 0, (uint32_t)o)) - 1;
        theta[at.bias_out + o] = bias_out * draw * m->initialization_gain;
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

static double preactivation(const struct allometer_model *m, const double *theta, const double *x, int h) {
    struct offsets at = offsets_of(m);
    double z = theta[at.bias_in + h];
    for (int d = 0; d < m->n_inputs; ++d) z += theta[at.in + h * m->n_inputs + d] * x[d];
    return z;
}

void reference_outputs(const struct allometer_model *m, const double *theta, const double *x, int silenced,
                       double held, double *y) {
    struct offsets at = offsets_of(m);
    for (int o = 0; o < m->n_outputs; ++o) y[o] = theta[at.bias_out + o];
    for (int h = 0; h < m->width; ++h) {
        double a = h == silenced ? held : activation_value(m->activation, preactivation(m, theta, x, h));
        for (int o = 0; o < m->n_outputs; ++o) y[o] += theta[at.out + o * m->width + h] * a;
    }
}

/* ---- samples --------------------------------------------------------------------------------------------------- */

static double function_value(const struct allometer_subtask *subtask, const double *x) {
    int ones = 0;
    switch (subtask->function) {
    case ALLOMETER_FUNCTION_SQUARE:
        return x[0] * x[0];
    case ALLOMETER_FUNCTION_CUBE:
        return x[0] * x[0] * x[0];
    case ALLOMETER_FUNCTION_ABSOLUTE:
        return fabs(x[0]);
    case ALLOMETER_FUNCTION_SINE:
        return sin(M_PI * subtask->frequency * x[0]);
    case ALLOMETER_FUNCTION_EXPONENTIAL:
        return exp(x[0]);
    case ALLOMETER_FUNCTION_PRODUCT:
        return x[0] * x[1];
    case ALLOMETER_FUNCTION_STEP:
        return x[0] > 0;
    case ALLOMETER_FUNCTION_PARITY:
        for (int d = 0; d < subtask->n_inputs; ++d) ones += x[d] > 0;
        return ones % 2;
    case ALLOMETER_FUNCTION_FOURTH_POWER:
        return pow(x[0], 4);
    case ALLOMETER_FUNCTION_COSINE:
        return cos(M_PI * subtask->frequency * x[0]);
    case ALLOMETER_FUNCTION_SQUARED_SINE:
        return pow(sin(M_PI * subtask->frequency * x[0]), 2);
    case ALLOMETER_FUNCTION_EXPONENTIAL_SQUARE:
        return exp(x[0] * x[0]);
    case ALLOMETER_FUNCTION_TANH:
        return tanh(x[0]);
    case ALLOMETER_FUNCTION_POSITIVE_PART:
        return fmax(x[0], 0);
    }
    return NAN;
}

static double input(const struct allometer_model *m, int step, int test, int n_total, int sample, int d) {
    double position;
    if (m->distribution == ALLOMETER_DISTRIBUTION_UNIFORM || (m->fresh && !test)) {
        int draw = m->fresh && !test ? step : 0;
        position = uniform(word(m->seed, test ? TEST : INPUT, (uint32_t)d, (uint32_t)draw, (uint32_t)sample));
    } else {
        int rank = d == 0 ? sample : permuted(m->seed, (uint32_t)d, test ? 0x80000000u : 0, n_total, sample);
        position = test ? (rank + 0.5) / n_total : (double)rank / (n_total > 1 ? n_total - 1 : 1);
    }
    return m->low + ((double)m->high - m->low) * position;
}

struct reference_batch reference_batch_make(const struct allometer_model *m, int step, int test) {
    const int D = m->n_inputs, O = m->n_outputs, n = test ? m->test_samples : m->batch;
    const int n_total = test ? m->test_samples : m->fresh ? m->batch : m->samples;
    struct reference_batch batch = {n, calloc((size_t)n * D, 8), calloc((size_t)n * O, 8),
                                    calloc((size_t)n, 8)};
    for (int s = 0; s < n; ++s) {
        int sample = s;
        if (!test && !m->fresh && m->batch < m->samples) {
            long long position = (long long)step * m->batch + s;
            sample = permuted(m->seed, 0, (uint32_t)(position / n_total), n_total, (int)(position % n_total));
        }
        batch.weight[s] = 1;
        if (!test && m->weighting == ALLOMETER_WEIGHTING_BOOTSTRAP) {
            batch.weight[s] =
                -log(uniform(word(m->seed, WEIGHT, 0, m->fresh ? (uint32_t)step : 0, (uint32_t)sample)));
        } else if (!test && m->weighting == ALLOMETER_WEIGHTING_TRAPEZOID) {
            int end = sample == 0 || sample == n_total - 1;
            batch.weight[s] = (end ? 0.5 : 1.0) * n_total / (n_total - 1);
        }
        for (int k = 0; k < m->n_subtasks; ++k) {
            const struct allometer_subtask *subtask = &m->subtasks[k];
            double *x = batch.x + s * D + subtask->first_input;
            for (int i = 0; i < subtask->n_inputs; ++i) {
                x[i] = input(m, step, test, n_total, sample, subtask->first_input + i);
                if (subtask->function == ALLOMETER_FUNCTION_PARITY)
                    x[i] = x[i] < 0.5 * (m->low + m->high) ? -1 : 1;
            }
            batch.target[s * O + subtask->first_output] = function_value(subtask, x);
        }
    }
    return batch;
}

void reference_batch_free(struct reference_batch *batch) {
    free(batch->x);
    free(batch->target);
    free(batch->weight);
}

/* ---- loss, gradient, training ------------------------------------------------------------------------------------ */

/* One subtask's loss at one sample; dy (O) gets its derivatives where not NULL. */
static double subtask_loss(const struct allometer_subtask *subtask, const double *y, const double *target,
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

static int penalized(const struct allometer_model *m, int i) {
    struct offsets at = offsets_of(m);
    return m->penalize_biases || i < at.bias_in || (i >= at.out && i < at.bias_out);
}

double reference_objective(const struct allometer_model *m, const double *theta,
                           const struct reference_batch *batch) {
    double total = 0, y[ALLOMETER_MAX_OUTPUTS];
    for (int s = 0; s < batch->n; ++s) {
        reference_outputs(m, theta, batch->x + s * m->n_inputs, -1, 0, y);
        for (int k = 0; k < m->n_subtasks; ++k) {
            total += m->scale * m->subtasks[k].weight * batch->weight[s] / batch->n
                     * subtask_loss(&m->subtasks[k], y, batch->target + s * m->n_outputs, NULL);
        }
    }
    for (int i = 0; i < allometer_n_parameters(m); ++i)
        total += penalized(m, i) ? m->l2 * theta[i] * theta[i] : 0;
    return total;
}

void reference_gradient(const struct allometer_model *m, const double *theta,
                        const struct reference_batch *batch, double *gradient) {
    struct offsets at = offsets_of(m);
    const int D = m->n_inputs, H = m->width, O = m->n_outputs;
    double y[ALLOMETER_MAX_OUTPUTS], dy[ALLOMETER_MAX_OUTPUTS];
    for (int i = 0; i < at.total; ++i) gradient[i] = penalized(m, i) ? 2 * m->l2 * theta[i] : 0;
    for (int s = 0; s < batch->n; ++s) {
        const double *x = batch->x + s * D;
        reference_outputs(m, theta, x, -1, 0, y);
        memset(dy, 0, sizeof dy);
        for (int k = 0; k < m->n_subtasks; ++k) {
            const struct allometer_subtask *subtask = &m->subtasks[k];
            subtask_loss(subtask, y, batch->target + s * O, dy);
            for (int o = subtask->first_output; o < subtask->first_output + subtask->n_outputs; ++o) {
                dy[o] *= m->scale * subtask->weight * batch->weight[s] / batch->n;
            }
        }
        for (int o = 0; o < O; ++o) gradient[at.bias_out + o] += dy[o];
        for (int h = 0; h < H; ++h) {
            double z = preactivation(m, theta, x, h), upstream = 0;
            for (int o = 0; o < O; ++o) {
                gradient[at.out + o * H + h] += dy[o] * activation_value(m->activation, z);
                upstream += dy[o] * theta[at.out + o * H + h];
            }
            double delta = upstream * activation_slope(m->activation, z);
            gradient[at.bias_in + h] += delta;
            for (int d = 0; d < D; ++d) gradient[at.in + h * D + d] += delta * x[d];
        }
    }
}

static double rate_at(const struct allometer_model *m, int step) {
    if (step < m->warmup_steps) return m->learning_rate * (step + 1.0) / m->warmup_steps;
    if (m->schedule == ALLOMETER_SCHEDULE_CONSTANT) return m->learning_rate;
    return m->learning_rate * 0.5 * (1 + cos(M_PI * (step - m->warmup_steps) / (m->steps - m->warmup_steps)));
}

static double shrink(double x, double by) {
    return fabs(x) <= by ? 0 : x > 0 ? x - by : x + by;
}

void reference_train(const struct allometer_model *m, double *theta) {
    const int P = (int)allometer_n_parameters(m);
    double *g = calloc((size_t)P, 8), *first = calloc((size_t)P, 8), *second = calloc((size_t)P, 8);
    reference_initialize(m, theta);
    for (int step = 0; step < m->steps; ++step) {
        struct reference_batch batch = reference_batch_make(m, step, 0);
        reference_gradient(m, theta, &batch, g);
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
    }
    free(g);
    free(first);
    free(second);
}

/* ---- measures -------------------------------------------------------------------------------------------------- */

static double held_out_loss(const struct allometer_model *m, const double *theta,
                            const struct reference_batch *batch, int k, int silenced, double held,
                            double *accuracy) {
    double total = 0, right = 0, y[ALLOMETER_MAX_OUTPUTS];
    const struct allometer_subtask *subtask = &m->subtasks[k];
    for (int s = 0; s < batch->n; ++s) {
        const double *target = batch->target + s * m->n_outputs;
        reference_outputs(m, theta, batch->x + s * m->n_inputs, silenced, held, y);
        total += subtask_loss(subtask, y, target, NULL) / batch->n;
        int best = 1, is_class = subtask->loss == ALLOMETER_LOSS_CROSS_ENTROPY;
        int own = subtask->first_output + (is_class ? (int)target[subtask->first_output] : 0);
        for (int o = subtask->first_output; o < subtask->first_output + subtask->n_outputs; ++o) {
            if (y[o] > y[own]) best = 0;
        }
        right += (double)best / batch->n;
    }
    if (accuracy) *accuracy = subtask->loss == ALLOMETER_LOSS_CROSS_ENTROPY ? right : NAN;
    return total;
}

static int exceeds(const double *theta, int n, int stride, double threshold) {
    for (int i = 0; i < n; ++i) {
        if (fabs(theta[i * stride]) > threshold) return 1;
    }
    return 0;
}

void reference_measure(const struct allometer_model *m, const double *theta,
                       struct allometer_result *result) {
    struct offsets at = offsets_of(m);
    struct reference_batch batch = reference_batch_make(m, 0, 1);
    memset(result, 0, sizeof *result);
    for (int h = -1; h < m->width; ++h) {
        double mean = 0;
        for (int s = 0; h >= 0 && s < batch.n; ++s) {
            mean += activation_value(m->activation, preactivation(m, theta, batch.x + s * m->n_inputs, h))
                    / batch.n;
        }
        int by_threshold = 0, by_ablation = 0;
        for (int k = 0; k < m->n_subtasks; ++k) {
            const struct allometer_subtask *subtask = &m->subtasks[k];
            double accuracy, loss = held_out_loss(m, theta, &batch, k, h, mean, &accuracy);
            if (h < 0) {
                result->loss[k] = (float)loss, result->accuracy[k] = (float)accuracy;
                continue;
            }
            int in = exceeds(theta + at.in + h * m->n_inputs + subtask->first_input, subtask->n_inputs, 1,
                             m->threshold);
            int out = exceeds(theta + at.out + subtask->first_output * m->width + h, subtask->n_outputs,
                              m->width, m->threshold);
            int needed = loss - result->loss[k] > m->ablation_share * result->loss[k];
            result->allocated[k] += in && out, by_threshold += in && out;
            result->allocated_ablation[k] += needed, by_ablation += needed;
        }
        result->live += by_threshold > 0, result->shared += by_threshold > 1;
        result->live_ablation += by_ablation > 0, result->shared_ablation += by_ablation > 1;
    }
    for (int i = 0; i < at.total; ++i) {
        if (!penalized(m, i)) continue;
        result->l1_norm += (float)fabs(theta[i]), result->l2_norm_squared += (float)(theta[i] * theta[i]);
    }
    reference_batch_free(&batch);
}
