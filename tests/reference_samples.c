/* The samples that the reference learns. */
#include "reference.h"
#include "reference_random.h"

#include <stdlib.h>

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
    case ALLOMETER_FUNCTION_SQUARE_ROOT:
        return sqrt(fmax(0, x[0]));
    case ALLOMETER_FUNCTION_SQUARED_DIFFERENCES:
        return (x[0] - x[1]) * (x[0] - x[1]) + (x[2] - x[3]) * (x[2] - x[3]);
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
        uint32_t which = d == 0 ? ALLOMETER_MAX_INPUTS : (uint32_t)d;
        int rank =
            d == 0 && !m->mixed ? sample : permuted(m->seed, which, test ? 0x80000000u : 0, n_total, sample);
        position = test ? (rank + 0.5) / n_total : (double)rank / (n_total > 1 ? n_total - 1 : 1);
    }
    return m->low + ((double)m->high - m->low) * position;
}

/* Mixed samples: the subtask by its share of the samples, or equal shares of the held-out ones. */
static int owner_of(const struct allometer_model *m, int step, int test, int n_total, int sample) {
    if (m->data)
        return m->data->subtasks[permuted(m->seed, 0, 0x20000000u, m->data->n_rows,
                                          test ? sample : m->test_samples + sample)];
    if (test) return (int)((long long)sample * m->n_subtasks / n_total);
    double offset = uniform(word(m->seed, OWNER, 0, m->fresh ? (uint32_t)step : 0, 0)), total = 0, sum = 0;
    for (int k = 0; k < m->n_subtasks; ++k) total += m->subtasks[k].weight;
    for (int k = 0; k < m->n_subtasks; ++k) {
        sum += m->subtasks[k].weight;
        if (sum / total > (sample + offset) / n_total) return k;
    }
    return m->n_subtasks - 1;
}

static void mixed_sample(const struct allometer_model *m, int step, int test, int n_total, int sample, int k,
                         double *x, double *target) {
    const struct allometer_subtask *own = &m->subtasks[k];
    const int V = m->n_inputs - (m->control ? m->n_subtasks : 0);
    double read[ALLOMETER_MAX_INPUTS];
    if (m->control) x[V + k] = 1;
    if (m->data) {
        int row =
            permuted(m->seed, 0, 0x20000000u, m->data->n_rows, test ? sample : m->test_samples + sample);
        for (int d = 0; d < V; ++d) x[d] = m->data->inputs[row * V + d];
        *target = m->data->targets[row];
        return;
    }
    for (int d = 0; d < V; ++d) {
        x[d] = input(m, step, test, n_total, sample, d);
        if (own->function == ALLOMETER_FUNCTION_PARITY) x[d] = x[d] < 0.5 * (m->low + m->high) ? -1 : 1;
    }
    for (int i = 0; i < own->n_inputs; ++i) read[i] = x[permuted(m->seed, (uint32_t)k, 0x40000000u, V, i)];
    *target = function_value(own, read);
}

struct reference_batch reference_batch_make(const struct allometer_model *m, int step, int test) {
    const int D = m->n_inputs, O = m->n_outputs, n = test ? m->test_samples : m->batch;
    const int n_total = test ? m->test_samples : m->fresh ? m->batch : m->samples;
    struct reference_batch batch = {n, calloc((size_t)n * D, 8), calloc((size_t)n * O, 8),
                                    calloc((size_t)n, 8), calloc((size_t)n, sizeof(int))};
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
        if (m->mixed) {
            batch.owner[s] = owner_of(m, step, test, n_total, sample);
            mixed_sample(m, step, test, n_total, sample, batch.owner[s], batch.x + s * D,
                         batch.target + s * O);
        }
        double value = 0;
        for (int k = 0; k < m->n_subtasks && !m->mixed; ++k) {
            const struct allometer_subtask *subtask = &m->subtasks[k];
            double *x = batch.x + s * D + subtask->first_input;
            const double given = value; /* by the subtask before */
            const int fed = k > 0 && subtask[-1].feeds;
            for (int i = 0; !fed && i < subtask->n_inputs; ++i) {
                x[i] = input(m, step, test, n_total, sample, subtask->first_input + i);
                if (subtask->function == ALLOMETER_FUNCTION_PARITY)
                    x[i] = x[i] < 0.5 * (m->low + m->high) ? -1 : 1;
            }
            value = function_value(subtask, fed ? &given : x);
            if (subtask->n_outputs) batch.target[s * O + subtask->first_output] = value;
        }
    }
    return batch;
}

void reference_batch_free(struct reference_batch *batch) {
    free(batch->x);
    free(batch->target);
    free(batch->weight);
    free(batch->owner);
}
