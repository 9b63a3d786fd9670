#include "verb_sweep.h"
#include "allowance.h"
#include "clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

static enum allometer_code ignore_result(void *user, size_t index, const struct allometer_result *result,
                                         const float *weights, struct allometer_error *error) {
    (void)user, (void)index, (void)result, (void)weights, (void)error;
    return ALLOMETER_OK;
}

/* The model for a moment: a few steps, beside which a device's first launch is little, or one of a wide and deep model. Of
   that neither all samples nor the measuring, either of which may take hours. */
static struct allometer_model short_copy(const struct allometer_model *model) {
    const double most_flops = 1e9, least_batch = 256;
    struct allometer_model copy = *model;
    copy.prune = copy.test_samples = 0;
    copy.steps = 1;
    const double batch = fmax(least_batch, copy.batch * most_flops / allometer_training_flops(&copy));
    if (batch < copy.batch) copy.batch = (int32_t)batch;
    if (allometer_training_flops(&copy) < 2 * most_flops) copy.steps = 16;
    return copy;
}

/* Trains as many copies of a model as the device takes at once, for a few steps and then for more, and when it has no
   more steps, more copies, until the time taken says something about the rate. */
static enum allometer_code measure_rate(const struct allometer_backend *backend,
                                        struct allometer_device *device, const struct allometer_model *model,
                                        double *flops_per_second, struct allometer_error *error) {
    static const double long_enough = 0.2;
    int concurrent = 1;
    backend->memory(device, model, &concurrent);
    size_t n = (size_t)concurrent;
    const size_t most_models = n > 1 << 14 ? n : 1 << 14; /* several GPUs take more at once */
    struct allometer_model *models = malloc(most_models * sizeof *models), short_model = short_copy(model);
    if (!models) return allometer_fail(error, ALLOMETER_FAILED, "out of memory: %zu models", most_models);
    enum allometer_code code = ALLOMETER_OK;
    double seconds = 0;
    for (int64_t steps = short_model.steps; !code && seconds < long_enough && n <= most_models;) {
        short_model.steps = steps < model->steps ? (int32_t)steps : model->steps;
        if (short_model.warmup_steps > short_model.steps) short_model.warmup_steps = short_model.steps;
        for (size_t i = 0; i < n; i++) models[i] = short_model;
        const struct allometer_training training = {.models = models, .n_models = n, .done = ignore_result};
        double begun = seconds_now();
        code = backend->train(device, &training, error);
        seconds = seconds_now() - begun;
        *flops_per_second = (double)n * allometer_training_flops(&short_model) / seconds;
        if (short_model.steps < model->steps)
            steps *= 4;
        else
            n *= 4;
    }
    free(models);
    return code;
}

enum allometer_code sweep_plan(const struct allometer_sweep *sweep, unsigned shard, unsigned n_shards,
                               int measure, const struct allometer_backend *backend,
                               struct allometer_device *device, struct allometer_plan *plan,
                               struct allometer_error *error) {
    struct allometer_plan_options options = {
        .shard = shard, .n_shards = n_shards, .backend = backend, .device = device};
    enum allometer_code code = ALLOMETER_OK;
    if (measure) {
        struct allometer_model model;
        code = allometer_sweep_model(sweep, allometer_sweep_n_models(sweep) / 2, &model, NULL, error);
        if (!code) code = measure_rate(backend, device, &model, &options.flops_per_second, error);
    } else
        options.most_visited = 100000; /* enough for the estimates of a run, and over in a moment */
    return code ? code : allometer_plan_make(sweep, &options, plan, error);
}

/* On the disk of a file, or, where it is not there yet, of its folder; 0 where it is not known. */
static double disk_available(const char *path) {
    struct statvfs status;
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash) slash[slash == folder] = '\0';
    int failed = statvfs(path, &status) != 0 && (!folder || statvfs(slash ? folder : ".", &status) != 0);
    free(folder);
    return failed ? 0 : (double)status.f_bavail * (double)status.f_frsize;
}

enum allometer_code sweep_plan_check(const struct allometer_plan *plan,
                                     const struct allometer_backend *backend, const char *out,
                                     struct allometer_error *error) {
    struct allometer_plan still = *plan;
    struct allometer_store_summary stored;
    struct allometer_error unknown; /* no store, or none yet: opening it tells */
    if (allometer_store_summarize(out, &stored, &unknown) == ALLOMETER_OK && plan->n_models > 0
        && stored.n_models >= plan->n_models) {
        /* Those that are stored may be of other shards: as many as these can be are not counted. */
        const uint64_t others = stored.n_models - plan->n_models;
        still.n_models -= stored.n_stored > others ? stored.n_stored - others : 0;
        still.disk_bytes *= (double)still.n_models / (double)plan->n_models;
    }
    /* The machine's memory says nothing about a GPU's. */
    double memory = strcmp(backend->name, "cpu") == 0 ? allowed_memory("") : 0;
    return allometer_plan_check(&still, memory, disk_available(out), error);
}
