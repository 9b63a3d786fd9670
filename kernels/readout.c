/* The kernels' own text runs the trained model once more, for the least instruction set of the machine; sums and the
   solution of the normal equations are in double precision. */
#include "readout.h"

#include "cholesky.h"
#include "deep_measure.h"

#include <stdlib.h>

/* Held-out samples: what the hidden layers give, and what the inner subtasks' functions are. */
struct held_out {
    int32_t N, K, L, H, is_residual;
    float *value;  /* (L, N, H) */
    float *target; /* (K, N) */
};

static void held_out_free(struct held_out *all) {
    free(all->value);
    free(all->target);
}

static void put_weights(struct deep *w, const float *weights) {
    for (int32_t layer = 0; layer <= w->model->depth; ++layer) {
        const int32_t inputs = layer_inputs(w->model, layer), outputs = layer_outputs(w->model, layer);
        float *theta = layer_weights(w, w->theta, layer), *biases = layer_biases(w, theta, layer);
        for (int32_t i = 0; i < outputs; ++i) {
            for (int32_t j = 0; j < inputs; ++j) theta[(int64_t)i * row_padded(inputs) + j] = *weights++;
        }
        for (int32_t i = 0; i < outputs; ++i) biases[i] = *weights++;
    }
}

/* The targets of the block when the series of subtask k ends with it: the model without what follows. */
static void put_targets(const struct deep *w, int32_t k, int32_t first, float *target) {
    struct allometer_model cut = *w->model;
    cut.n_subtasks = k + 1;
    struct batch batch = w->batch;
    struct sample_range range = {cut.test_samples, first, 1, 0, 0, 0, 0};
    batch_draw(&cut, range, &batch);
    memcpy(target, batch.target + cut.subtasks[k].first_output * batch.stride,
           (size_t)batch.n * sizeof *target);
}

static void run_held_out(struct deep *w, struct held_out *all) {
    for (int32_t first = 0; first < all->N; first += w->block) {
        held_out_chunk(w, first);
        if (first + w->batch.n > all->N) w->batch.n = all->N - first;
        for (int32_t l = 0; l < all->L; ++l) {
            for (int32_t s = 0; s < w->batch.n; ++s) {
                float *row = all->value + ((int64_t)l * all->N + first + s) * all->H;
                for (int32_t h = 0; h < all->H; ++h)
                    row[h] = w->value[((int64_t)l * all->H + h) * w->row + s];
            }
        }
        for (int32_t k = 0; k < all->K; ++k) {
            if (w->model->subtasks[k].feeds)
                put_targets(w, k, first, all->target + (int64_t)k * all->N + first);
        }
    }
}

/* Mean squared error on the odd samples of the read-out that fits the even ones, which lie between them where samples are
   evenly spaced; scratch: (H, H), (H), (H). Centered, so that the ridge leaves the constant alone. */
static double readout_loss(const struct held_out *all, int32_t layer, int32_t k, double *scratch) {
    const int32_t H = all->H, n_even = (all->N + 1) / 2, n_odd = all->N / 2;
    const float *value = all->value + (int64_t)layer * all->N * H,
                *target = all->target + (int64_t)k * all->N;
    double *A = scratch, *b = A + (int64_t)H * H, *mean = b + H, target_mean = 0, trace = 0, loss = 0;
    memset(scratch, 0, ((size_t)H * (size_t)H + 2 * (size_t)H) * sizeof *scratch);
    for (int32_t s = 0; s < all->N; s += 2) {
        target_mean += (double)target[s] / n_even;
        for (int32_t h = 0; h < H; ++h) mean[h] += (double)value[(int64_t)s * H + h] / n_even;
    }
    for (int32_t s = 0; s < all->N; s += 2) {
        const float *row = value + (int64_t)s * H;
        for (int32_t i = 0; i < H; ++i) {
            const double left = (double)row[i] - mean[i];
            b[i] += left * ((double)target[s] - target_mean);
            for (int32_t j = 0; j <= i; ++j) A[(int64_t)i * H + j] += left * ((double)row[j] - mean[j]);
        }
    }
    for (int32_t i = 0; i < H; ++i) trace += A[(int64_t)i * H + i];
    const double ridge =
        trace > 0 ? 1e-10 * trace / H : 1.0; /* a layer that gives constants reads out as one */
    for (int32_t i = 0; i < H; ++i) A[(int64_t)i * H + i] += ridge;
    if (isnan(cholesky_factor(A, (size_t)H))) return (double)NAN;
    cholesky_solve(A, (size_t)H, b);
    for (int32_t s = 1; s < all->N; s += 2) {
        double residual = target_mean - (double)target[s];
        for (int32_t h = 0; h < H; ++h) residual += b[h] * ((double)value[(int64_t)s * H + h] - mean[h]);
        loss += residual * residual / n_odd;
    }
    return n_odd ? loss : (double)NAN;
}

/* What the neuron itself gives at sample s, without what flows past it. */
static double neuron_value(const struct held_out *all, int32_t layer, int32_t h, int32_t s) {
    const float *value = all->value + ((int64_t)layer * all->N + s) * all->H + h;
    const int flows_past = all->is_residual && layer > 0;
    return (double)*value - (flows_past ? (double)*(value - (int64_t)all->N * all->H) : 0.0);
}

/* NaN where either is constant. As distances from the first sample constants are 0, where their mean may be rounded. */
static double correlation(const struct held_out *all, int32_t layer, int32_t h, int32_t k) {
    const float *target = all->target + (int64_t)k * all->N;
    const double first = neuron_value(all, layer, h, 0);
    double x_mean = 0, y_mean = 0, xx = 0, xy = 0, yy = 0;
    for (int32_t s = 0; s < all->N; ++s) {
        x_mean += (neuron_value(all, layer, h, s) - first) / all->N;
        y_mean += ((double)target[s] - (double)*target) / all->N;
    }
    for (int32_t s = 0; s < all->N; ++s) {
        const double x = neuron_value(all, layer, h, s) - first - x_mean,
                     y = (double)target[s] - (double)*target - y_mean;
        xx += x * x, xy += x * y, yy += y * y;
    }
    return xy / sqrt(xx * yy);
}

/* Above 0 where a neuron is allocated to a subtask by threshold, into w->served (L, H). */
static void find_live(const struct deep *w) {
    const int64_t n = hidden_neurons(w);
    memset(w->served, 0, (size_t)n * sizeof *w->served);
    for (int32_t k = 0; k < w->model->n_subtasks; ++k) {
        path_sums(w, k, w->model->threshold);
        for (int64_t i = 0; i < n; ++i) w->served[i] += w->paths[i];
    }
}

static void measure(const struct deep *w, const struct held_out *all, double *scratch,
                    struct allometer_layer *layers) {
    find_live(w);
    for (int32_t row = 0; row < all->L * all->K; ++row) {
        const int32_t layer = row / all->K, k = row % all->K;
        struct allometer_layer *own = &layers[row];
        own->readout_loss = own->correlation = own->least_correlation = NAN;
        if (!w->model->subtasks[k].feeds) continue;
        own->readout_loss = (float)readout_loss(all, layer, k, scratch);
        for (int32_t h = 0; h < all->H; ++h) {
            const int lives = w->served[layer * all->H + h] > 0;
            const float r = lives ? (float)correlation(all, layer, h, k) : NAN;
            if (isnan(r)) continue;
            if (!(fabsf(own->correlation) >= fabsf(r))) own->correlation = r;
            if (!(fabsf(own->least_correlation) <= fabsf(r))) own->least_correlation = r;
        }
    }
}

/* The model as it is run once more: a batch's memory holds a block of held-out samples. */
static struct allometer_model held_out_model(const struct allometer_model *model) {
    struct allometer_model copy = *model;
    copy.batch = model->test_samples < 256 ? model->test_samples : 256;
    return copy;
}

struct readout_bytes {
    size_t workspace, scratch, value, target;
};

static struct readout_bytes bytes_of(const struct allometer_model *model) {
    const size_t N = (size_t)model->test_samples, H = (size_t)model->width;
    return (struct readout_bytes){
        ((size_t)deep_floats(model, TEAM_PARTIALS, 0) * sizeof(float) + 63) / 64 * 64,
        (H * H + 2 * H) * sizeof(double), (size_t)model->depth * N * H * sizeof(float),
        (size_t)model->n_subtasks * N * sizeof(float)};
}

size_t allometer_readout_bytes(const struct allometer_model *model) {
    const struct allometer_model copy = held_out_model(model);
    const struct readout_bytes bytes = bytes_of(&copy);
    return bytes.workspace + bytes.scratch + bytes.value + bytes.target;
}

int allometer_readout(const struct allometer_model *model, const float *weights,
                      struct allometer_layer *layers) {
    const struct allometer_model copy = held_out_model(model);
    const struct readout_bytes bytes = bytes_of(&copy);
    struct held_out all = {
        model->test_samples, model->n_subtasks, model->depth, model->width, model->residual, NULL, NULL};
    float *memory = aligned_alloc(64, bytes.workspace);
    double *scratch = malloc(bytes.scratch);
    all.value = malloc(bytes.value);
    all.target = malloc(bytes.target);
    const int ready = memory && scratch && all.value && all.target;
    if (ready) {
        struct deep w;
        deep_carve(&copy, (struct deep_memory){NULL, memory, 0}, &w);
        put_weights(&w, weights);
        run_held_out(&w, &all);
        measure(&w, &all, scratch, layers);
    }
    held_out_free(&all);
    free(scratch);
    free(memory);
    return ready;
}
