/* The CPU backend: the kernels compiled once per instruction set, the best of them chosen at run time, OpenMP over
   models. */
#include "backend.h"
#include "cpu_fit.h"
#include "cpu_kernels.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    const struct cpu_kernels *kernels;
    enum allometer_code code = choose_kernels(options->instruction_set, &kernels, error);
    if (code != ALLOMETER_OK) return code;
    if (options->threads < 0) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "threads: %d, expected 0 (all) or more",
                              options->threads);
    }
    *device = malloc(sizeof **device);
    if (!*device) return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    (*device)->kernels = kernels;
    (*device)->threads = options->threads > 0 ? options->threads : omp_get_max_threads();
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
    return device->kernels->workspace_bytes(model);
}

struct queue_entry {
    double cost;
    size_t index;
};

static int longest_first(const void *a, const void *b) {
    const struct queue_entry *x = a, *y = b;
    if (x->cost != y->cost) return x->cost > y->cost ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the threads of one training share. */
struct training_state {
    const struct allometer_training *training;
    const struct cpu_kernels *kernels;
    const struct queue_entry *queue;
    size_t workspace_bytes, weights_floats, layers_bytes;
    struct allometer_error *error;
    _Atomic int code; /* the first failure, an allometer_code; written inside the critical section */
};

static void train_and_report(struct training_state *state, size_t index, float *workspace, float *weights,
                             struct allometer_layer *layers) {
    const struct allometer_training *training = state->training;
    const struct allometer_model *model = &training->models[index];
    struct allometer_result result;
    double start = seconds_now();
    state->kernels->train(model, workspace, &result, weights, layers);
    result.seconds = seconds_now() - start;
    if (allometer_is_general(model) && result.status == ALLOMETER_MODEL_DONE) result.layers = layers;
#pragma omp critical(allometer_model_done)
    if (state->code == ALLOMETER_OK) {
        state->code = training->done(training->user, index, &result, weights, state->error);
    }
}

static void work_through_queue(struct training_state *state) {
    const struct allometer_training *training = state->training;
    size_t weights_bytes = (state->weights_floats * sizeof(float) + 63) / 64 * 64;
    float *workspace = aligned_alloc(64, (state->workspace_bytes + 63) / 64 * 64);
    float *weights = weights_bytes ? aligned_alloc(64, weights_bytes) : NULL;
    struct allometer_layer *layers = state->layers_bytes ? malloc(state->layers_bytes) : NULL;
    int ready = workspace && (weights || !weights_bytes) && (layers || !state->layers_bytes);
    if (!ready) {
#pragma omp critical(allometer_model_done)
        if (state->code == ALLOMETER_OK) {
            state->code =
                allometer_fail(state->error, ALLOMETER_FAILED, "out of memory: %zu bytes for one model",
                               state->workspace_bytes + weights_bytes + state->layers_bytes);
        }
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < training->n_models; ++i) {
        if (!ready || state->code != ALLOMETER_OK || allometer_stop_asked(training->stop)) continue;
        train_and_report(state, state->queue[i].index, workspace, weights, layers);
    }
    free(workspace);
    free(weights);
    free(layers);
}

static enum allometer_code cpu_train(struct allometer_device *device,
                                     const struct allometer_training *training,
                                     struct allometer_error *error) {
    struct training_state state = {.training = training, .kernels = device->kernels, .error = error};
    struct queue_entry *queue = malloc((training->n_models ? training->n_models : 1) * sizeof *queue);
    if (!queue)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory: a queue of %zu models",
                              training->n_models);
    for (size_t i = 0; i < training->n_models; ++i) {
        const struct allometer_model *model = &training->models[i];
        size_t bytes = device->kernels->workspace_bytes(model),
               floats = (size_t)allometer_n_parameters(model),
               layers = (size_t)allometer_n_layers(model) * sizeof(struct allometer_layer);
        if (bytes > state.workspace_bytes) state.workspace_bytes = bytes;
        if (training->keep_weights && floats > state.weights_floats) state.weights_floats = floats;
        if (layers > state.layers_bytes) state.layers_bytes = layers;
        queue[i] = (struct queue_entry){allometer_model_flops(model), i};
    }
    qsort(queue, training->n_models, sizeof *queue, longest_first);
    if (device->reverse) {
        for (size_t i = 0; i < training->n_models / 2; ++i) {
            struct queue_entry other = queue[training->n_models - 1 - i];
            queue[training->n_models - 1 - i] = queue[i];
            queue[i] = other;
        }
    }
    state.queue = queue;
#pragma omp parallel num_threads(device->threads)
    work_through_queue(&state);
    free(queue);
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
