/* How fast models train here, and how far that is from what this machine can do. Cases are short strings that can be
   given back on the command line: bench [--instruction-set NAME] [--threads N] [--json] ['train h128 s256 d2 o2 silu'] */
#include "backend.h"
#include "ceiling.h"
#include "names.h"

#include <argp.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 7, MODELS_PER_THREAD = 2 };

static const char *const cases[] = {
    "train h8 s64 d1 o1 silu",     "train h32 s256 d1 o1 silu",      "train h100 s200 d1 o1 silu",
    "train h128 s256 d2 o2 silu",  "train h128 s256 d8 o8 silu",     "train h1024 s256 d2 o2 silu",
    "train h128 s4096 d2 o2 silu", "train h128 s256 d2 o2 relu",     "train h128 s256 d2 o2 gelu",
    "train h128 s256 d2 o2 tanh",  "train h128 s256 d2 o2 identity", "train h128 s256 d2 o2 sine",
};

#define ROW(set) extern const struct ceiling ceiling_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW
static const struct ceiling *const ceilings[] = {
#define ROW(set) &ceiling_##set,
    ALLOMETER_INSTRUCTION_SETS
#undef ROW
};

struct arguments {
    const char *instruction_set, *only;
    int threads, json;
};

struct spread {
    double least, median, most;
};

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct spread spread_of(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, ascending);
    return (struct spread){values[0], values[n / 2], values[n - 1]};
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void quit(const char *message) {
    fprintf(stderr, "bench: %s\n", message);
    exit(2);
}

static struct allometer_model case_parse(const char *text) {
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
    char activation[32] = "";
    if (sscanf(text, "train h%d s%d d%d o%d %31s", &model.width, &model.samples, &model.n_inputs,
               &model.n_outputs, activation)
            != 5
        || (model.activation = allometer_name_find(&allometer_activations, activation)) < 0
        || model.n_inputs != model.n_outputs) {
        quit("a case looks like 'train h128 s256 d2 o2 silu', with as many outputs (o) as inputs (d)");
    }
    model.batch = model.samples;
    model.n_subtasks = model.n_outputs;
    for (int k = 0; k < model.n_subtasks && k < ALLOMETER_MAX_SUBTASKS; ++k) {
        model.subtasks[k] = (struct allometer_subtask){
            .first_input = k, .n_inputs = 1, .first_output = k, .n_outputs = 1, .weight = 1, .frequency = 1};
    }
    model.steps = (int32_t)(1.5e8 / ((double)model.width * model.samples)) + 1;
    struct allometer_error error;
    if (allometer_model_check(&model, &error) != ALLOMETER_OK) quit(error.message);
    return model;
}

static enum allometer_code ignore(void *user, size_t index, const struct allometer_result *result,
                                  const float *weights, struct allometer_error *error) {
    (void)user, (void)index, (void)weights, (void)error;
    return result->status == ALLOMETER_MODEL_DONE ? ALLOMETER_OK : ALLOMETER_FAILED;
}

/* Neuron-samples per second on all threads: H * S * T of every model over the wall-clock time of them all. */
static struct spread train_rate(struct allometer_device *device, const struct allometer_model *model,
                                int threads) {
    struct allometer_model models[256];
    size_t n = (size_t)(threads * MODELS_PER_THREAD);
    if (n > sizeof models / sizeof models[0]) n = sizeof models / sizeof models[0];
    for (size_t i = 0; i < n; ++i) models[i] = *model, models[i].seed = i;
    double rates[REPEATS + 1];
    for (int r = 0; r <= REPEATS; ++r) {
        struct allometer_training training = {.models = models, .n_models = n, .done = ignore};
        struct allometer_error error = {0};
        double start = now();
        if (allometer_cpu.train(device, &training, &error) != ALLOMETER_OK) quit(error.message);
        rates[r] = (double)n * model->width * model->batch * model->steps / (now() - start);
    }
    return spread_of(rates + 1, REPEATS); /* the first was the warm-up */
}

/* Of all threads at once. */
static struct spread ceiling_rate(double (*measure)(double), int threads) {
    double rates[REPEATS];
    for (int r = 0; r < REPEATS; ++r) {
        double total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
        total += measure(0.1);
        rates[r] = total;
    }
    return spread_of(rates, REPEATS);
}

static error_t parse(int key, char *text, struct argp_state *state) {
    struct arguments *arguments = state->input;
    switch (key) {
    case 'i':
        arguments->instruction_set = text;
        return 0;
    case 't':
        arguments->threads = atoi(text);
        return 0;
    case 'j':
        arguments->json = 1;
        return 0;
    case ARGP_KEY_ARG:
        arguments->only = text;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static void print_case(const struct arguments *arguments, const char *name, struct spread rate,
                       double share) {
    if (arguments->json) {
        printf(",\n  {\"case\": \"%s\", \"neuron_samples_per_s\": [%.4g, %.4g, %.4g], "
               "\"share_of_multiply_add_peak\": %.3f}",
               name, rate.least, rate.median, rate.most, share);
    } else {
        printf("%-32s %8.3f %8.3f %8.3f   %5.1f %%\n", name, rate.least * 1e-9, rate.median * 1e-9,
               rate.most * 1e-9, share * 100);
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    const struct argp_option options[] = {
        {"instruction-set", 'i', "NAME", 0, "default: the best that this machine has", 0},
        {"threads", 't', "N", 0, "default: all", 0},
        {"json", 'j', NULL, 0, "a JSON record instead of a table", 0},
        {0},
    };
    const struct argp argp = {options,
                              parse,
                              "['train h128 s256 d2 o2 silu']",
                              "Training speed against this machine's ceiling.",
                              NULL,
                              NULL,
                              NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);

    struct allometer_device_options device_options = {arguments.threads, arguments.instruction_set, 0};
    struct allometer_device *device;
    struct allometer_error error = {0};
    if (allometer_cpu.open(&device, &device_options, &error) != ALLOMETER_OK) quit(error.message);
    const int threads = arguments.threads ? arguments.threads : omp_get_max_threads();
    const struct ceiling *ceiling = NULL;
    for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; ++i) {
        if (strstr(allometer_cpu.describe(device), ceilings[i]->name)) ceiling = ceilings[i];
    }
    struct spread peak = ceiling_rate(ceiling->multiply_adds, threads);
    struct spread exponentials = ceiling_rate(ceiling->exponentials, threads);
    if (arguments.json) {
        printf("[{\"device\": \"%s\", \"compiler\": \"%s\", \"multiply_add_flops\": %.4g, "
               "\"exponentials_per_s\": %.4g}",
               allometer_cpu.describe(device), __VERSION__, peak.median, exponentials.median);
    } else {
        printf("%s; compiler %s\n", allometer_cpu.describe(device), __VERSION__);
        printf("ceiling: %.1f (%.1f to %.1f) GFLOP/s multiply-add, %.2f (%.2f to %.2f) G exponentials/s\n",
               peak.median * 1e-9, peak.least * 1e-9, peak.most * 1e-9, exponentials.median * 1e-9,
               exponentials.least * 1e-9, exponentials.most * 1e-9);
        printf("%-32s %8s %8s %8s   share of the multiply-add peak\n", "1e9 neuron-samples/s", "least",
               "median", "most");
    }
    for (size_t i = 0; i < (arguments.only ? 1 : sizeof cases / sizeof cases[0]); ++i) {
        const char *name = arguments.only ? arguments.only : cases[i];
        struct allometer_model model = case_parse(name);
        struct spread rate = train_rate(device, &model, threads);
        double neuron_samples = (double)model.width * model.batch * model.steps;
        print_case(&arguments, name, rate,
                   rate.median * allometer_training_flops(&model) / neuron_samples / peak.median);
    }
    if (arguments.json) printf("]\n");
    allometer_cpu.close(device);
    return 0;
}
