/* 'train h128 s256 d2 o2 silu': models of one hidden layer, full batch, two for each thread, about 1.5e8 neuron-samples
   long each, or 32 small ones as long together; 'l4' before the activation: of four; ' t200 m64' behind it: 64 models of
   200 steps. */
#include "names.h"
#include "train_case.h"
#include "train_floor.h"

#include <math.h>
#include <stdlib.h>

/* A GPU trains hundreds to thousands of models at once: eight rounds of them, two where they are tiny. */
enum { MODELS_PER_THREAD = 2, ROUNDS_ON_GPU = 8, MODELS_ON_GPU = 16384 };
/* The smallest models come by the hundred: the CPU takes them in groups. */
enum { SMALL_NEURON_SAMPLES = 2048, SMALL_MODELS_PER_THREAD = 32 };

static const char *const cases[] = {
    "train h8 s64 d1 o1 silu",
    "train h32 s256 d1 o1 silu",
    "train h100 s200 d1 o1 silu",
    "train h128 s256 d2 o2 silu",
    "train h128 s256 d8 o8 silu",
    "train h1024 s256 d2 o2 silu",
    "train h128 s4096 d2 o2 silu",
    "train h128 s256 d2 o2 relu",
    "train h128 s256 d2 o2 gelu",
    "train h128 s256 d2 o2 tanh",
    "train h128 s256 d2 o2 identity",
    "train h128 s256 d2 o2 sine",
    "train h64 s256 d2 o2 l4 silu",
    "", /* the rest of the range */
    "train h8 s256 d2 o2 silu",
    "train h16 s256 d2 o2 silu",
    "train h32 s256 d2 o2 silu",
    "train h64 s256 d2 o2 silu",
    "train h256 s256 d2 o2 silu",
    "train h512 s256 d2 o2 silu",
    "train h128 s64 d2 o2 silu",
    "train h128 s1024 d2 o2 silu",
    "train h8 s4096 d2 o2 silu",
    "train h1024 s64 d2 o2 silu",
    "train h1024 s4096 d2 o2 silu",
    "train h128 s256 d1 o1 silu",
    "train h128 s256 d1 o2 silu",
    "train h128 s256 d2 o1 silu",
    "train h128 s256 d4 o4 silu",
    "train h128 s256 d8 o1 silu",
    "train h128 s256 d1 o8 silu",
    "train h8 s64 d1 o1 relu",
    "train h8 s64 d1 o1 gelu",
    "train h8 s64 d1 o1 tanh",
    "train h8 s64 d1 o1 identity",
    "train h8 s64 d1 o1 sine",
    "train h1024 s256 d8 o8 gelu",
    "train h16 s256 d2 o2 l4 silu",
    "train h256 s256 d2 o2 l4 silu",
    "train h64 s256 d2 o2 l2 relu",
    NULL,
};

/* Output k is the square of one input, which it shares where there are fewer inputs than outputs; inputs that are left
   over belong to it too, and tell it nothing. */
static void lay_subtasks(struct allometer_model *model) {
    const int D = model->n_inputs, O = model->n_outputs, each = D > O ? D / O : 1;
    model->n_subtasks = O;
    for (int k = 0; k < O; ++k) {
        int first = k * each % D;
        model->subtasks[k] = (struct allometer_subtask){.function = ALLOMETER_FUNCTION_SQUARE,
                                                        .first_input = first,
                                                        .n_inputs = k == O - 1 && D > O ? D - first : each,
                                                        .first_output = k,
                                                        .n_outputs = 1,
                                                        .weight = 1,
                                                        .frequency = 1};
    }
}

static int out_of_range(const struct allometer_model *model, int n_models) {
    return model->width < 1 || model->width > ALLOMETER_MAX_WIDTH || model->samples < 1
           || model->samples > ALLOMETER_MAX_SAMPLES || model->n_inputs < 1
           || model->n_inputs > ALLOMETER_MAX_INPUTS || model->n_outputs < 1
           || model->n_outputs > ALLOMETER_MAX_OUTPUTS || model->depth < 1
           || model->depth > ALLOMETER_MAX_DEPTH || model->steps < 0 || n_models < 1 || n_models > 1000000;
}

/* Of one step: hidden neurons of all layers, times samples. */
static double neuron_samples(const struct allometer_model *model) {
    return (double)model->width * model->depth * model->batch;
}

struct allometer_model train_case_parse(const char *text, int *n_models) {
    struct allometer_model model = {
        .depth = 1,
        .initialization_gain = 1,
        .scale = 16,
        .distribution = ALLOMETER_DISTRIBUTION_EVEN,
        .low = -1,
        .high = 1,
        .learning_rate = 3e-3f,
        .schedule = ALLOMETER_SCHEDULE_COSINE,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .epsilon = 1e-8f,
        .l1 = 3e-5f,
        .l2 = 3e-4f,
        .test_samples = 16,
        .threshold = 1e-3f,
        .ablation_share = 0.1f,
    };
    char activation[32] = "", rest[32] = "";
    int end = 0, n = 1;
    sscanf(text, "train h%d s%d d%d o%d%n l%d%n", &model.width, &model.samples, &model.n_inputs,
           &model.n_outputs, &end, &model.depth, &end);
    int fields = end ? sscanf(text + end, " %31s %31[^\n]", activation, rest) : 0;
    if (fields < 1 || (model.activation = allometer_name_find(&allometer_activations, activation)) < 0
        || (fields == 2 && sscanf(rest, "t%d m%d", &model.steps, &n) != 2) || out_of_range(&model, n)) {
        bench_quit(
            "a case looks like 'train h128 s256 d2 o2 silu' (hidden neurons, samples, inputs, outputs, "
            "activation), with 'l4' before the activation for 4 hidden layers, and ' t200 m64' behind it "
            "for 200 steps and 64 models");
    }
    if (fields == 2) *n_models = n;
    model.batch = model.samples;
    const double products = model.depth > 1 ? 1 + model.width / 64 : 1; /* and long beside the measuring */
    if (fields < 2) model.steps = (int32_t)(1.5e8 / (neuron_samples(&model) * products)) + 1;
    lay_subtasks(&model);
    return model;
}

static enum allometer_code ignore(void *user, size_t index, const struct allometer_result *result,
                                  const float *weights, struct allometer_error *error) {
    (void)user, (void)index, (void)weights, (void)error;
    return result->status == ALLOMETER_MODEL_DONE ? ALLOMETER_OK : ALLOMETER_FAILED;
}

struct training_case {
    const struct allometer_backend *backend;
    struct allometer_device *device;
    struct allometer_training training;
};

/* Neuron-samples of every model and step. */
static double train_once(void *user) {
    struct training_case *one = user;
    const struct allometer_model *model = one->training.models;
    struct allometer_error error = {0};
    if (one->backend->train(one->device, &one->training, &error) != ALLOMETER_OK) bench_quit(error.message);
    return (double)one->training.n_models * neuron_samples(model) * model->steps;
}

static enum allometer_code keep_result(void *user, size_t index, const struct allometer_result *result,
                                       const float *weights, struct allometer_error *error) {
    (void)weights, (void)error;
    ((struct allometer_result *)user)[index] = *result;
    return ALLOMETER_OK;
}

/* Trains a few of the models for a few steps here and on the CPU. Quits where their losses differ by more than the orders of
   their sums explain. */
static void check_against_cpu(const char *text, const struct bench_options *options,
                              struct allometer_device *device, const struct allometer_model *models) {
    enum { N = 5, STEPS = 20 };
    const struct allometer_device_options cpu_options = {options->threads, NULL, 0};
    struct allometer_model few[N];
    struct allometer_result here[N], there[N];
    struct allometer_device *cpu;
    struct allometer_error error = {0};
    for (int m = 0; m < N; ++m) few[m] = models[0], few[m].seed = (uint64_t)m, few[m].steps = STEPS;
    struct allometer_training training = {.models = few, .n_models = N, .done = keep_result, .user = here};
    if (options->backend->train(device, &training, &error) != ALLOMETER_OK) bench_quit(error.message);
    training.user = there;
    if (allometer_cpu.open(&cpu, &cpu_options, &error) != ALLOMETER_OK
        || allometer_cpu.train(cpu, &training, &error) != ALLOMETER_OK)
        bench_quit(error.message);
    allometer_cpu.close(cpu);
    for (int m = 0; m < N; ++m) {
        const double values[] = {(double)here[m].train_loss, (double)here[m].loss[0]},
                     expected[] = {(double)there[m].train_loss, (double)there[m].loss[0]};
        for (int i = 0; i < 2; ++i) {
            if (fabs(values[i] - expected[i]) <= 1e-6 + 1e-3 * fabs(expected[i])) continue; /* not NaN */
            char message[256];
            snprintf(message, sizeof message,
                     "%s, model %d after %d steps: %s loss %.9g, on the CPU %.9g; expected 1 part in 1,000",
                     text, m, STEPS, i ? "held-out" : "training", values[i], expected[i]);
            bench_quit(message);
        }
    }
}

static struct bench_result run(const char *text, struct allometer_device *device,
                               const struct bench_options *options) {
    const int on_cpu = options->backend == &allometer_cpu;
    int n = 0;
    struct allometer_model model = train_case_parse(text, &n);
    if (n == 0 && on_cpu) {
        n = options->threads * MODELS_PER_THREAD;
        if (neuron_samples(&model) <= SMALL_NEURON_SAMPLES && model.depth == 1) {
            n = options->threads * SMALL_MODELS_PER_THREAD;
            model.steps = model.steps * MODELS_PER_THREAD / SMALL_MODELS_PER_THREAD + 1;
        }
    }
    if (n == 0) {
        int concurrent = 1; /* on all GPUs */
        options->backend->memory(device, &model, &concurrent);
        n = concurrent * (concurrent * ROUNDS_ON_GPU <= MODELS_ON_GPU ? ROUNDS_ON_GPU : 2);
        model.steps = model.steps / 4 + 1;
    }
    struct allometer_model *models = malloc((size_t)n * sizeof *models);
    if (!models) bench_quit("out of memory");
    for (int i = 0; i < n; ++i) models[i] = model, models[i].seed = (uint64_t)i;
    if (options->check && !on_cpu) check_against_cpu(text, options, device, models);
    struct training_case one = {
        options->backend, device, {.models = models, .n_models = (size_t)n, .done = ignore}};
    struct floor floor = train_floor(&model);
    struct bench_result result = bench_repeat(options, train_once, &one, &floor);
    result.of_peak *= allometer_training_flops(&model) / (neuron_samples(&model) * model.steps);
    if (options->check && !on_cpu)
        snprintf(result.remark, sizeof result.remark, "losses equal the CPU's to 1 part in 1,000");
    if (options->problems) train_problems_write(options->backend, device, models, n, options->problems);
    free(models);
    return result;
}

const struct bench_kind bench_training = {"train", "1e9 neuron-samples/s", NULL, 1e9, cases, run};
