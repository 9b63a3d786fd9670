/* The CPU backend: the kernels compiled once per instruction set, the best of them chosen at run time, OpenMP over
   models. */
#include "allowance.h"
#include "backend.h"
#include "clock.h"
#include "cpu_fit.h"
#include "cpu_queue.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(set) extern const struct cpu_kernels allometer_cpu_kernels_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW

static const struct cpu_kernels *const all_kernels[] = {/* narrowest first */
#define ROW(set) &allometer_cpu_kernels_##set,
                                                        ALLOMETER_INSTRUCTION_SETS
#undef ROW
};
enum { N_KERNELS = sizeof all_kernels / sizeof all_kernels[0] };

struct allometer_device {
    const struct cpu_kernels *kernels;
    int threads, reverse;
    char description[128];
};

static int instruction_set_runs_here(const char *name) {
#if defined(__x86_64__)
    if (strcmp(name, "avx512") == 0) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    }
    if (strcmp(name, "avx2") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return strcmp(name, "sse2") == 0 || strcmp(name, "neon") == 0;
}

static enum allometer_code choose_kernels(const char *wanted, const struct cpu_kernels **kernels,
                                          struct allometer_error *error) {
    char known[128] = "";
    *kernels = NULL;
    for (int i = 0; i < N_KERNELS; ++i) {
        const char *name = all_kernels[i]->name;
        if (!instruction_set_runs_here(name)) continue;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", known[0] ? ", " : "", name);
        if (!wanted || strcmp(wanted, name) == 0) *kernels = all_kernels[i];
    }
    if (*kernels) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT,
                          "instruction set '%s' is not one that this machine has: %s", wanted ? wanted : "",
                          known);
}

static enum allometer_code cpu_open(struct allometer_device **device,
                                    const struct allometer_device_options *options,
                                    struct allometer_error *error) {
    static const struct allometer_device_options defaults;
    const struct cpu_kernels *kernels;
    *device = NULL;
    if (!options) options = &defaults;
    enum allometer_code code = choose_kernels(options->instruction_set, &kernels, error);
    if (code != ALLOMETER_OK) return code;
    if (options->threads < 0 || options->threads > ALLOMETER_MAX_THREADS) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "threads: %d, expected 0 (all) to %d",
                              options->threads, ALLOMETER_MAX_THREADS);
    }
    *device = malloc(sizeof **device);
    if (!*device) return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    (*device)->kernels = kernels;
    (*device)->threads = options->threads > 0 ? options->threads : default_threads();
    (*device)->reverse = options->reverse;
    snprintf((*device)->description, sizeof(*device)->description, "CPU: %s (%d lanes), %d thread%s",
             kernels->name, kernels->lanes, (*device)->threads, (*device)->threads == 1 ? "" : "s");
    return ALLOMETER_OK;
}

static void cpu_close(struct allometer_device *device) {
    free(device);
}

static const char *cpu_describe(const struct allometer_device *device) {
    return device->description;
}

static const char *cpu_instruction_set(const struct allometer_device *device) {
    return device->kernels->name;
}

static size_t cpu_memory(const struct allometer_device *device, const struct allometer_model *model,
                         int *concurrent) {
    *concurrent = device->threads;
    return device->kernels->workspace_bytes(model) + device->kernels->group_bytes(model);
}

/* What the threads of one training share. */
struct training_state {
    const struct allometer_training *training;
    const struct cpu_kernels *kernels;
    struct queue queue;
    size_t workspace_bytes, group_bytes, weights_bytes, layers_bytes; /* that each thread needs */
    struct allometer_error *error;
    _Atomic int code; /* the first failure, an allometer_code; written inside the critical section */
};

/* What one thread works in; what nothing is to be kept in is NULL. */
struct training_memory {
    float *workspace, *group, *weights;
    struct allometer_layer *layers;
};

/* Aligned for the kernels; NULL for 0 bytes. *ready: 0 where there was not enough memory. */
static void *piece(size_t bytes, int *ready) {
    void *memory = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    *ready &= memory || !bytes;
    return memory;
}

/* trained: NULL, or what the training of a group left, which took `seconds` for this model. */
static void train_and_report(struct training_state *state, size_t index, const struct cpu_trained *trained,
                             double seconds, struct training_memory *memory) {
    const struct allometer_training *training = state->training;
    const struct allometer_model *model = &training->models[index];
    float *weights = training->keep_weights ? memory->weights : NULL;
    struct allometer_result result;
    const double start = seconds_now();
    state->kernels->train(model, trained, memory->workspace, &result, weights, memory->layers);
    result.seconds = seconds + seconds_now() - start;
    if (allometer_is_general(model) && result.status == ALLOMETER_MODEL_DONE) result.layers = memory->layers;
#pragma omp critical(allometer_model_done)
    if (state->code == ALLOMETER_OK) {
        state->code = training->done(training->user, index, &result, weights, state->error);
    }
}

static void train_unit(struct training_state *state, const struct queue_unit *unit,
                       struct training_memory *memory) {
    enum { MOST_LANES = 16 };
    const size_t *order = state->queue.order + unit->first;
    const struct allometer_model *models[MOST_LANES];
    struct cpu_trained trained[MOST_LANES];
    if (unit->n == 1) {
        train_and_report(state, *order, NULL, 0, memory);
        return;
    }
    const double start = seconds_now();
    for (size_t i = 0; i < unit->n; ++i) models[i] = &state->training->models[order[i]];
    state->kernels->train_group(models, memory->workspace, memory->group, trained);
    const double each = (seconds_now() - start) / (double)unit->n;
    for (size_t i = 0; i < unit->n; ++i) train_and_report(state, order[i], &trained[i], each, memory);
}

static void work_through_queue(struct training_state *state) {
    int ready = 1;
    struct training_memory memory = {.workspace = piece(state->workspace_bytes, &ready),
                                     .group = piece(state->group_bytes, &ready),
                                     .weights = piece(state->weights_bytes, &ready),
                                     .layers = piece(state->layers_bytes, &ready)};
    if (!ready) {
#pragma omp critical(allometer_model_done)
        if (state->code == ALLOMETER_OK) {
            state->code = allometer_fail(
                state->error, ALLOMETER_FAILED, "out of memory: %zu bytes for one thread",
                state->workspace_bytes + state->group_bytes + state->weights_bytes + state->layers_bytes);
        }
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < state->queue.n_units; ++i) {
        if (!ready || state->code != ALLOMETER_OK || allometer_stop_asked(state->training->stop)) continue;
        train_unit(state, &state->queue.units[i], &memory);
    }
    free(memory.workspace);
    free(memory.group);
    free(memory.weights);
    free(memory.layers);
}

static void raise_to(size_t *most, size_t bytes) {
    if (bytes > *most) *most = bytes;
}

static enum allometer_code cpu_train(struct allometer_device *device,
                                     const struct allometer_training *training,
                                     struct allometer_error *error) {
    const struct cpu_kernels *kernels = device->kernels;
    if (!training->done || (training->n_models && !training->models))
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "training: no %s",
                              training->done ? "models" : "function `done`");
    struct training_state state = {.training = training, .kernels = kernels, .error = error};
    enum allometer_code code =
        queue_make(training, kernels, device->threads, device->reverse, &state.queue, error);
    if (code != ALLOMETER_OK) return code;
    for (size_t i = 0; i < training->n_models; ++i) {
        const struct allometer_model *model = &training->models[i];
        raise_to(&state.workspace_bytes, kernels->workspace_bytes(model));
        if (training->keep_weights)
            raise_to(&state.weights_bytes, (size_t)allometer_n_parameters(model) * sizeof(float));
        raise_to(&state.layers_bytes, (size_t)allometer_n_layers(model) * sizeof(struct allometer_layer));
    }
    for (size_t i = 0; i < state.queue.n_units; ++i) {
        const struct queue_unit *unit = &state.queue.units[i];
        if (unit->n > 1)
            raise_to(&state.group_bytes,
                     kernels->group_bytes(&training->models[state.queue.order[unit->first]]));
    }
#pragma omp parallel num_threads(device->threads)
    work_through_queue(&state);
    queue_free(&state.queue);
    if (state.code != ALLOMETER_OK) return (enum allometer_code)state.code;
    if (allometer_stop_asked(training->stop))
        return allometer_fail(error, ALLOMETER_INTERRUPTED, "interrupted");
    return ALLOMETER_OK;
}

static enum allometer_code cpu_fit(struct allometer_device *device, const struct allometer_fitting *fitting,
                                   struct allometer_error *error) {
    return fit_on_cpu(device->kernels->name, device->threads, fitting, error);
}

const struct allometer_backend allometer_cpu = {
    .name = "cpu",
    .description = "all cores; SSE2, AVX2, AVX-512 or NEON, chosen at run time",
    .open = cpu_open,
    .close = cpu_close,
    .describe = cpu_describe,
    .instruction_set = cpu_instruction_set,
    .memory = cpu_memory,
    .train = cpu_train,
    .fit = cpu_fit,
};
