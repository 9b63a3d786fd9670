#include "run_writer.h"
#include "clock.h"
#include "readout.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Results: room for what is trained while the disk syncs, and how many wake the writer, who else looks when progress is to be
   told; a switch of threads for each would cost as much as storing it. Bytes: of kept weights, which may be long. */
enum { CAPACITY = 1024, AT_ONCE = 64, CAPACITY_BYTES = 16 << 20 };

struct entry {
    uint64_t index;
    struct allometer_result result; /* as much of it as its subtasks need */
    size_t n_bytes;                 /* of the two below */
    float *weights;                 /* owned, or NULL */
    struct allometer_layer *layers; /* owned, or NULL: the result's own */
};

struct run_writer {
    const struct allometer_sweep *sweep;
    struct allometer_store *store;
    const struct allometer_run_options *options;
    struct allometer_axis_value *values; /* of the entry being stored */
    pthread_t thread;

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t filled, emptied;
    struct entry entries[CAPACITY]; /* a ring; those that count here are nobody's but the writer's */
    size_t first, n_entries, n_bytes;
    int is_finishing;
    struct allometer_error error; /* of storing; its code is OK while all is well */

    /* The writer's alone. */
    struct allometer_run_progress progress;
    double flops_before, flops_trained;
    double begun, told, committed; /* seconds of the monotonic clock */
};

/* Time left by work rather than by models where the work is known: the longest models come first. */
static void estimate(struct run_writer *writer) {
    struct allometer_run_progress *progress = &writer->progress;
    progress->seconds = seconds_now() - writer->begun;
    progress->models_per_second = progress->seconds > 0 ? (double)progress->n_trained / progress->seconds : 0;
    double left = (double)(progress->n_models - progress->n_done), trained = (double)progress->n_trained;
    if (left > 0 && writer->options->flops > 0) {
        left = fmax(writer->options->flops - writer->flops_before - writer->flops_trained, 0);
        trained = writer->flops_trained;
    }
    progress->seconds_left = left <= 0 ? 0 : trained > 0 ? left / trained * progress->seconds : NAN;
}

/* Seconds between two calls of progress. */
static double interval(const struct run_writer *writer) {
    return writer->options->progress_seconds > 0 ? writer->options->progress_seconds : 0.1;
}

static void tell(struct run_writer *writer, int always) {
    double now = seconds_now();
    if (!writer->options->progress || (!always && now - writer->told < interval(writer))) return;
    writer->told = now;
    estimate(writer);
    writer->options->progress(writer->options->user, &writer->progress);
}

/* What no backend measures: an inner subtask's loss is that of its read-out from the layer that holds it best. */
static enum allometer_code measure_series(const struct allometer_model *model, struct entry *entry,
                                          struct allometer_error *error) {
    const int K = model->n_subtasks;
    if (!allometer_readout(model, entry->weights, entry->layers))
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for the read-outs of a model");
    for (int k = 0; k < K; k++) {
        if (!model->subtasks[k].feeds) continue;
        entry->result.loss[k] = entry->layers[k].readout_loss;
        for (int layer = 1; layer < model->depth; layer++)
            entry->result.loss[k] = fminf(entry->result.loss[k], entry->layers[layer * K + k].readout_loss);
    }
    return ALLOMETER_OK;
}

static enum allometer_code store_entry(struct run_writer *writer, struct entry *entry,
                                       struct allometer_error *error) {
    struct allometer_model model;
    enum allometer_code code =
        allometer_sweep_model(writer->sweep, entry->index, &model, writer->values, error);
    if (!code && entry->result.status == ALLOMETER_MODEL_DONE && allometer_has_series(&model))
        code = measure_series(&model, entry, error);
    const int keep = allometer_sweep_keep_weights(writer->sweep);
    if (!code)
        code = allometer_store_add(writer->store, entry->index, &model, writer->values, &entry->result,
                                   keep ? entry->weights : NULL, error);
    if (code) return code;
    writer->progress.n_done++;
    writer->progress.n_trained++;
    writer->progress.n_diverged += entry->result.status == ALLOMETER_MODEL_DIVERGED;
    writer->flops_trained += allometer_model_flops(&model);
    return ALLOMETER_OK;
}

/* The mutex is held here and in the next three. */
static int is_worth_waking(const struct run_writer *writer) {
    return writer->n_entries >= AT_ONCE || writer->n_bytes >= CAPACITY_BYTES;
}

static int is_full(const struct run_writer *writer) {
    return writer->n_entries == CAPACITY || writer->n_bytes >= CAPACITY_BYTES;
}

/* How many entries to store next, once that is worth while or the interval has passed; perhaps none. */
static size_t await_entries(struct run_writer *writer) {
    if (!is_worth_waking(writer) && !writer->is_finishing) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(1e9 * fmin(interval(writer), 0.1));
        if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
        pthread_cond_timedwait(&writer->filled, &writer->mutex, &until);
    }
    return writer->n_entries < AT_ONCE ? writer->n_entries : AT_ONCE;
}

static void release_entries(struct run_writer *writer, size_t n) {
    for (size_t i = 0; i < n; i++) writer->n_bytes -= writer->entries[(writer->first + i) % CAPACITY].n_bytes;
    writer->first = (writer->first + n) % CAPACITY;
    writer->n_entries -= n;
    if (n) pthread_cond_signal(&writer->emptied);
}

static void *write_entries(void *user) {
    struct run_writer *writer = user;
    struct allometer_error error = {0};
    size_t n = 0;
    tell(writer, 1);
    for (;;) {
        pthread_mutex_lock(&writer->mutex);
        if (error.code) writer->error = error;
        release_entries(writer, n);
        n = await_entries(writer);
        const size_t first = writer->first;
        const int is_over = n == 0 && writer->is_finishing;
        pthread_mutex_unlock(&writer->mutex);
        if (is_over) break;
        for (size_t i = 0; i < n; i++) {
            struct entry *entry = &writer->entries[(first + i) % CAPACITY];
            /* After a failure the queue is only emptied, so that nobody waits for it. */
            if (!error.code) store_entry(writer, entry, &error);
            free(entry->weights), free(entry->layers);
            tell(writer, 0);
        }
        if (n == 0 && !error.code && seconds_now() - writer->committed > 1) {
            allometer_store_commit(writer->store, &error);
            writer->committed = seconds_now();
        }
        tell(writer, 0);
    }
    if (!error.code) allometer_store_commit(writer->store, &error);
    writer->error = error;
    return NULL;
}

static void *copy(const void *bytes, size_t n_bytes) {
    void *owned = bytes ? malloc(n_bytes) : NULL;
    if (owned) memcpy(owned, bytes, n_bytes);
    return owned;
}

/* Of K subtasks, not of the most that there may be: 100 bytes in place of 4,000. */
static void copy_result(struct allometer_result *to, const struct allometer_result *from, int K) {
    enum { EACH = sizeof(float) };
    _Static_assert(sizeof *to->allocated == EACH && sizeof *to->allocated_ablation == EACH,
                   "all are as wide");
    memcpy(to, from, offsetof(struct allometer_result, loss));
    memcpy(to->loss, from->loss, (size_t)K * EACH);
    memcpy(to->accuracy, from->accuracy, (size_t)K * EACH);
    memcpy(to->allocated, from->allocated, (size_t)K * EACH);
    memcpy(to->allocated_ablation, from->allocated_ablation, (size_t)K * EACH);
    to->seconds = from->seconds;
}

enum allometer_code run_writer_add(struct run_writer *writer, uint64_t index,
                                   const struct allometer_model *model, const struct allometer_result *result,
                                   const float *weights, struct allometer_error *error) {
    const size_t floats = weights ? (size_t)allometer_n_parameters(model) * sizeof *weights : 0,
                 rows = result->layers ? (size_t)allometer_n_layers(model) * sizeof *result->layers : 0;
    float *own_weights = copy(weights, floats);
    struct allometer_layer *own_layers = copy(result->layers, rows);
    enum allometer_code code = ALLOMETER_OK;
    if ((weights && !own_weights) || (result->layers && !own_layers))
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for results");
    pthread_mutex_lock(&writer->mutex);
    while (!code && is_full(writer)) pthread_cond_wait(&writer->emptied, &writer->mutex);
    if (!code && writer->error.code)
        code = allometer_fail(error, writer->error.code, "%s", writer->error.message);
    if (code) {
        free(own_weights), free(own_layers);
    } else {
        struct entry *entry = &writer->entries[(writer->first + writer->n_entries++) % CAPACITY];
        entry->index = index;
        copy_result(&entry->result, result, model->n_subtasks);
        entry->weights = own_weights;
        entry->result.layers = entry->layers = own_layers;
        writer->n_bytes += entry->n_bytes = floats + rows;
        if (is_worth_waking(writer)) pthread_cond_signal(&writer->filled);
    }
    pthread_mutex_unlock(&writer->mutex);
    return code;
}

static void writer_free(struct run_writer *writer) {
    pthread_cond_destroy(&writer->filled);
    pthread_cond_destroy(&writer->emptied);
    pthread_mutex_destroy(&writer->mutex);
    free(writer->values);
    free(writer);
}

enum allometer_code run_writer_start(const struct allometer_sweep *sweep, struct allometer_store *store,
                                     const struct allometer_run_options *options,
                                     const struct allometer_run_progress *progress,
                                     struct run_writer **started, struct allometer_error *error) {
    struct run_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    writer->sweep = sweep;
    writer->store = store;
    writer->options = options;
    writer->progress = *progress;
    writer->begun = writer->committed = seconds_now();
    if (progress->n_models)
        writer->flops_before = options->flops * (double)progress->n_done / (double)progress->n_models;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->filled, &clock);
    pthread_cond_init(&writer->emptied, NULL);
    pthread_condattr_destroy(&clock);
    writer->values = calloc(allometer_sweep_n_axes(sweep) + 1, sizeof *writer->values);
    int failed = !writer->values ? -1 : pthread_create(&writer->thread, NULL, write_entries, writer);
    if (failed) {
        writer_free(writer);
        return allometer_fail(error, ALLOMETER_FAILED, "cannot start a thread to store results: %s",
                              failed < 0 ? "out of memory" : strerror(failed));
    }
    *started = writer;
    return ALLOMETER_OK;
}

enum allometer_code run_writer_finish(struct run_writer *writer, struct allometer_run_progress *progress,
                                      struct allometer_error *error) {
    pthread_mutex_lock(&writer->mutex);
    writer->is_finishing = 1;
    pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    enum allometer_code code = writer->error.code;
    if (code) allometer_fail(error, code, "%s", writer->error.message);
    tell(writer, 1);
    estimate(writer);
    *progress = writer->progress;
    writer_free(writer);
    return code;
}
