#include "run.h"
#include "run_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 4096 };

struct run {
    const struct allometer_sweep *sweep;
    struct allometer_store *store;
    const struct allometer_run_options *options;
    unsigned shard, n_shards;
    struct run_writer *writer;

    struct allometer_model *models; /* the window: models and their indices in the sweep */
    uint64_t *indices;
    size_t n_window, capacity;
    unsigned char *is_stored; /* of one stretch of `capacity` indices */
    uint64_t next;            /* first index not looked at */
};

static int is_stopped(const struct run *run) {
    return allometer_stop_asked(run->options->stop);
}

/* Fills the window with the shard's next models that are not stored, looking at a stretch of indices at a time. */
static enum allometer_code next_window(struct run *run, struct allometer_error *error) {
    uint64_t n_models = allometer_sweep_n_models(run->sweep);
    enum allometer_code code = ALLOMETER_OK;
    run->n_window = 0;
    while (!code && run->n_window < run->capacity && run->next < n_models && !is_stopped(run)) {
        uint64_t first = run->next, left = n_models - first;
        size_t n = left < run->capacity ? (size_t)left : run->capacity;
        code = allometer_store_window(run->store, first, n, run->is_stored, error);
        for (size_t i = 0; !code && i < n && run->n_window < run->capacity; i++) {
            uint64_t index = run->next++;
            if (index % run->n_shards != run->shard - 1 || run->is_stored[i]) continue;
            code = allometer_sweep_model(run->sweep, index, &run->models[run->n_window], NULL, error);
            run->indices[run->n_window++] = index;
        }
    }
    return code;
}

/* A last step that goes too far shows in no loss of training, but in those of the held-out samples: all are finite, or, of
   mixed samples, missing where a subtask has none. */
static int went_too_far(const struct allometer_model *model, const struct allometer_result *result) {
    int n_finite = 0, n_missing = 0, n_infinite = 0;
    for (int k = 0; k < model->n_subtasks; k++) {
        if (model->subtasks[k].feeds) continue;
        n_finite += isfinite(result->loss[k]) != 0;
        n_missing += isnan(result->loss[k]) != 0;
        n_infinite += isinf(result->loss[k]) != 0;
    }
    return n_infinite > 0 || n_finite == 0 || (n_missing > 0 && !model->mixed);
}

/* What is measured of a model that diverged. */
static struct allometer_result diverged(const struct allometer_result *measured) {
    struct allometer_result result = {.status = ALLOMETER_MODEL_DIVERGED,
                                      .steps = measured->steps,
                                      .train_loss = measured->train_loss,
                                      .l1_norm = NAN,
                                      .l2_norm_squared = NAN,
                                      .seconds = measured->seconds};
    for (int k = 0; k < ALLOMETER_MAX_SUBTASKS; k++) result.loss[k] = result.accuracy[k] = NAN;
    return result;
}

static enum allometer_code model_done(void *user, size_t at, const struct allometer_result *result,
                                      const float *weights, struct allometer_error *error) {
    struct run *run = user;
    struct allometer_result own;
    if (result->status == ALLOMETER_MODEL_DONE && went_too_far(&run->models[at], result))
        own = diverged(result), result = &own;
    return run_writer_add(run->writer, run->indices[at], &run->models[at], result, weights, error);
}

/* Whose inner subtasks are measured from their weights. */
static int holds_series(const struct run *run) {
    size_t i = 0;
    while (i < run->n_window && !allometer_has_series(&run->models[i])) i++;
    return i < run->n_window;
}

static enum allometer_code train_windows(struct run *run, const struct allometer_backend *backend,
                                         struct allometer_device *device, struct allometer_error *error) {
    for (;;) {
        enum allometer_code code = next_window(run, error);
        if (code) return code;
        if (is_stopped(run)) return allometer_fail(error, ALLOMETER_INTERRUPTED, "interrupted");
        if (run->n_window == 0) return ALLOMETER_OK;
        struct allometer_training training = {
            .models = run->models,
            .n_models = run->n_window,
            .keep_weights = allometer_sweep_keep_weights(run->sweep) || holds_series(run),
            .stop = run->options->stop,
            .done = model_done,
            .user = run,
        };
        code = backend->train(device, &training, error);
        if (code) return code;
    }
}

static uint64_t shard_size(const struct run *run) {
    uint64_t n_models = allometer_sweep_n_models(run->sweep);
    return n_models / run->n_shards + (n_models % run->n_shards >= run->shard);
}

enum allometer_code allometer_run(const struct allometer_sweep *sweep, struct allometer_store *store,
                                  const struct allometer_backend *backend, struct allometer_device *device,
                                  const struct allometer_run_options *options,
                                  struct allometer_run_progress *finished, struct allometer_error *error) {
    static const struct allometer_run_options defaults;
    if (!options) options = &defaults;
    if (finished) *finished = (struct allometer_run_progress){0};
    if (!backend || !device)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "run: no %s is given",
                              backend ? "device" : "backend");
    const struct allometer_sweep *stored = allometer_store_sweep(store);
    if (strcmp(allometer_sweep_specification(sweep), allometer_sweep_specification(stored)) != 0)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "run: sweep '%s', but the store was opened with another, '%s'",
                              allometer_sweep_name(sweep), allometer_sweep_name(stored));
    struct run run = {.sweep = sweep, .store = store, .options = options};
    run.shard = options->n_shards ? options->shard : 1;
    run.n_shards = options->n_shards ? options->n_shards : 1;
    run.capacity = options->window ? options->window : WINDOW;
    if (run.shard < 1 || run.shard > run.n_shards)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "shard %u of %u: expected 1 to %u", run.shard,
                              run.n_shards, run.n_shards);
    const char *instruction_set = backend->instruction_set ? backend->instruction_set(device) : "";
    const struct allometer_store_run who = {backend->name, backend->describe(device), instruction_set,
                                            run.shard, run.n_shards};
    struct allometer_run_progress progress = {.n_models = shard_size(&run)};
    enum allometer_code code =
        allometer_store_count(store, run.shard, run.n_shards, &progress.n_done, &progress.n_diverged, error);
    if (!code) code = allometer_store_begin(store, &who, error);
    run.models = malloc(run.capacity * sizeof *run.models);
    run.indices = malloc(run.capacity * sizeof *run.indices);
    run.is_stored = malloc(run.capacity);
    if (!code && (!run.models || !run.indices || !run.is_stored))
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory: a window of %zu models", run.capacity);
    if (!code) code = run_writer_start(sweep, store, options, &progress, &run.writer, error);
    if (!code) {
        code = train_windows(&run, backend, device, error);
        struct allometer_error lost;
        if (run_writer_finish(run.writer, &progress, &lost) && (!code || code == ALLOMETER_INTERRUPTED))
            code = allometer_fail(error, lost.code, "%s", lost.message);
    }
    free(run.models);
    free(run.indices);
    free(run.is_stored);
    if (finished) *finished = progress;
    return code;
}
