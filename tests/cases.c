#include "cases.h"

#include "names.h"

#include <stdio.h>

struct allometer_model case_model(int32_t width, int32_t samples, const int32_t *functions, int32_t n) {
    struct allometer_model model = {
        .seed = 1,
        .width = width,
        .depth = 1,
        .initialization_gain = 1,
        .n_subtasks = n,
        .scale = 1,
        .low = -1,
        .high = 1,
        .samples = samples,
        .batch = samples,
        .steps = 100,
        .prune_rounds = 1,
        .learning_rate = 3e-3f,
        .momentum = 0.9f,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .epsilon = 1e-8f,
        .weight_decay = 0.01f,
        .test_samples = 50,
        .threshold = 1e-3f,
        .ablation_share = 0.1f,
        .path_share = 0.01f,
    };
    for (int32_t k = 0; k < n; ++k) {
        const int32_t function = functions[k] % CASE_FEEDS, feeds = functions[k] >= CASE_FEEDS;
        const struct allometer_function_shape *shape = &allometer_function_shapes[function];
        struct allometer_subtask *subtask = &model.subtasks[k];
        *subtask = (struct allometer_subtask){
            .function = function,
            .loss = shape->loss,
            .first_input = model.n_inputs,
            .n_inputs = shape->n_inputs ? shape->n_inputs : 3,
            .first_output = model.n_outputs,
            .n_outputs = feeds ? 0 : shape->n_outputs,
            .weight = feeds ? 0 : 1.0f / (float)(k + 1),
            .frequency = 1.5f,
            .count = 1,
            .feeds = feeds,
        };
        if (k > 0 && subtask[-1].feeds)
            subtask->first_input = subtask[-1].first_input, subtask->n_inputs = subtask[-1].n_inputs;
        else
            model.n_inputs += subtask->n_inputs;
        model.n_outputs += subtask->n_outputs;
    }
    return model;
}

#define F(function) ALLOMETER_FUNCTION_##function
#define FUNCTIONS(...) \
    .functions = {__VA_ARGS__}, .n_functions = sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)

struct case_row {
    const char *name;
    int32_t width, samples;
    int32_t functions[ALLOMETER_FUNCTION_COUNT], n_functions;
    struct allometer_model set; /* fields that are not zero replace the case's */
    int32_t batch;              /* of a mini-batch */
};

/* One row for each thing that can differ; the rest of the combinations come from the loops in case_at. */
static const struct case_row rows[] = {
    {"one neuron, one sample", 1, 1, FUNCTIONS(F(SQUARE)), {.scale = 2}, 0},
    {"square", 17, 33, FUNCTIONS(F(SQUARE)), {.scale = 4, .l1 = 3e-5f, .l2 = 3e-4f}, 0},
    {"two squares, even",
     100,
     200,
     FUNCTIONS(F(SQUARE), F(SQUARE)),
     {.scale = 16, .distribution = 1, .l2 = 3e-4f},
     0},
    {"even, few samples, beyond which the function overflows",
     9,
     3,
     FUNCTIONS(F(EXPONENTIAL_SQUARE)),
     {.distribution = 1},
     0},
    {"deep, even, few samples, beyond which the function overflows",
     9,
     3,
     FUNCTIONS(F(EXPONENTIAL_SQUARE)),
     {.depth = 2, .distribution = 1},
     0},
    {"trapezoid",
     16,
     31,
     FUNCTIONS(F(STEP)), /* the sample in the middle is 0 */
     {.distribution = 1, .weighting = ALLOMETER_WEIGHTING_TRAPEZOID},
     0},
    {"bootstrap weights", 13, 50, FUNCTIONS(F(SINE)), {.weighting = ALLOMETER_WEIGHTING_BOOTSTRAP}, 0},
    {"all functions",
     40,
     65,
     FUNCTIONS(F(SQUARE), F(CUBE), F(ABSOLUTE), F(SINE), F(EXPONENTIAL), F(PRODUCT), F(STEP), F(PARITY)),
     {.l2 = 1e-3f, .penalize_biases = 1},
     0},
    {"functions of one input",
     30,
     50,
     FUNCTIONS(F(FOURTH_POWER), F(COSINE), F(SQUARED_SINE), F(EXPONENTIAL_SQUARE), F(TANH), F(POSITIVE_PART)),
     {.l2 = 1e-3f},
     0},
    {"parity", 24, 64, FUNCTIONS(F(PARITY)), {.scale = 3, .low = 1, .high = 4}, 0},
    {"deep parity, all but sure",
     24,
     64,
     FUNCTIONS(F(PARITY), F(PARITY), F(PARITY)),
     {.depth = 2, .initialization_gain = 12, .learning_rate = 1e-5f},
     0},
    {"parity beside regression",
     9,
     20,
     FUNCTIONS(F(ABSOLUTE), F(PARITY), F(STEP)),
     {.initialization_gain = 2},
     0},
    {"product", 33, 48, FUNCTIONS(F(PRODUCT), F(EXPONENTIAL)), {.low = -2, .high = 3}, 0},
    {"mini-batches", 20, 50, FUNCTIONS(F(SINE), F(SQUARE)), {.scale = 2}, 16},
    {"mini-batches, even, weighted",
     20,
     50,
     FUNCTIONS(F(SQUARE)),
     {.distribution = 1, .weighting = ALLOMETER_WEIGHTING_BOOTSTRAP},
     49},
    {"fresh draws", 31, 40, FUNCTIONS(F(SQUARE), F(PARITY)), {.fresh = 1}, 0},
    {"warm-up and cosine", 12, 30, FUNCTIONS(F(CUBE)), {.schedule = 1, .warmup_steps = 37}, 0},
    {"sgd",
     30,
     40,
     FUNCTIONS(F(SQUARE), F(STEP)),
     {.optimizer = ALLOMETER_OPTIMIZER_SGD, .learning_rate = 0.02f, .l2 = 1e-3f},
     0},
    {"adamw, biases",
     30,
     40,
     FUNCTIONS(F(SINE)),
     {.optimizer = ALLOMETER_OPTIMIZER_ADAMW, .penalize_biases = 1},
     0},
    {"adamw",
     30,
     40,
     FUNCTIONS(F(SINE)),
     {.optimizer = ALLOMETER_OPTIMIZER_ADAMW, .weight_decay = 0.5f, .epsilon = 0.1f},
     0},
    {"proximal adam", 30, 40, FUNCTIONS(F(SQUARE)), {.l1 = 1e-2f, .l1_step = ALLOMETER_L1_PROXIMAL}, 0},
    {"proximal sgd",
     30,
     40,
     FUNCTIONS(F(SQUARE)),
     {.optimizer = ALLOMETER_OPTIMIZER_SGD, .l1 = 1e-2f, .l1_step = ALLOMETER_L1_PROXIMAL},
     0},
    {"relu of one input", 9, 31, FUNCTIONS(F(SQUARE)), {.activation = ALLOMETER_ACTIVATION_RELU}, 0},
    {"proximal sgd, biases",
     30,
     40,
     FUNCTIONS(F(SQUARE)),
     {.optimizer = ALLOMETER_OPTIMIZER_SGD,
      .l1 = 1e-2f,
      .l1_step = ALLOMETER_L1_PROXIMAL,
      .penalize_biases = 1},
     0},
    {"proximal adam, dead neurons packed away",
     40,
     40,
     FUNCTIONS(F(SQUARE)),
     {.scale = 8,
      .l1 = 5e-2f,
      .learning_rate = 5e-2f,
      .l1_step = ALLOMETER_L1_PROXIMAL,
      .penalize_biases = 1},
     0},
    {"proximal sgd, dead neurons packed away",
     21,
     30,
     FUNCTIONS(F(SQUARE), F(CUBE)),
     {.optimizer = ALLOMETER_OPTIMIZER_SGD,
      .scale = 2,
      .learning_rate = 2e-2f,
      .l1 = 0.2f,
      .l1_step = ALLOMETER_L1_PROXIMAL,
      .penalize_biases = 1},
     0},
    {"pruned", 24, 40, FUNCTIONS(F(SQUARE), F(PARITY)), {.scale = 4, .prune = 5, .retrain = 7}, 0},
    {"pruned in rounds, proximal, biases, mini-batches",
     33,
     50,
     FUNCTIONS(F(SINE)),
     {.prune = 4,
      .retrain = 3,
      .prune_rounds = 3,
      .scale = 4,
      .l1 = 1e-3f,
      .l1_step = ALLOMETER_L1_PROXIMAL,
      .penalize_biases = 1,
      .weighting = ALLOMETER_WEIGHTING_BOOTSTRAP},
     30},
#define DYING(...)                                                                                      \
    {                                                                                                   \
        __VA_ARGS__, .prune = 6, .learning_rate = 2e-2f, .l1 = 2e-2f, .l1_step = ALLOMETER_L1_PROXIMAL, \
                     .penalize_biases = 1                                                               \
    }
    {"pruned when some have died and left", 12, 16, FUNCTIONS(F(SINE)), DYING(.retrain = 20), 3},
    {"pruned when some have died", 12, 16, FUNCTIONS(F(SINE)), DYING(.retrain = 40), 3},
    {"pruned when some of two layers have died", 12, 16, FUNCTIONS(F(SINE)), DYING(.retrain = 20, .depth = 2),
     3},
    {"pruned in rounds when some of three layers have died", 12, 16, FUNCTIONS(F(SINE)),
     DYING(.retrain = 20, .depth = 3, .residual = 1, .prune_rounds = 6), 3},
    {"pruned to all", 9, 20, FUNCTIONS(F(CUBE)), {.prune = 9, .retrain = 5}, 0},
    {"wide", 301, 20, FUNCTIONS(F(SQUARE)), {.scale = 8}, 0},
    {"two layers",
     17,
     33,
     FUNCTIONS(F(SQUARE), F(PRODUCT)),
     {.depth = 2, .scale = 4, .l1 = 3e-5f, .l2 = 3e-4f},
     0},
    {"four layers, residual",
     7,
     20,
     FUNCTIONS(F(SQUARE), F(SINE)),
     {.depth = 4, .residual = 1, .scale = 4},
     0},
    {"eight layers, residual", 3, 50, FUNCTIONS(F(CUBE)), {.depth = 8, .residual = 1, .scale = 4}, 0},
    {"eight layers", 2, 3, FUNCTIONS(F(EXPONENTIAL)), {.depth = 8}, 0},
    {"two layers of one neuron", 1, 1, FUNCTIONS(F(SQUARE)), {.depth = 2}, 0},
    {"deep parity, mini-batches", 16, 50, FUNCTIONS(F(PARITY), F(ABSOLUTE)), {.depth = 2}, 16},
    {"deep, fresh draws, weighted",
     12,
     18,
     FUNCTIONS(F(PRODUCT)),
     {.depth = 3, .fresh = 1, .weighting = ALLOMETER_WEIGHTING_BOOTSTRAP},
     0},
    {"deep, adamw, biases, warm-up and cosine",
     9,
     40,
     FUNCTIONS(F(SINE)),
     {.depth = 3,
      .optimizer = ALLOMETER_OPTIMIZER_ADAMW,
      .penalize_biases = 1,
      .schedule = 1,
      .warmup_steps = 10},
     0},
    {"deep, pruned in rounds",
     13,
     40,
     FUNCTIONS(F(PRODUCT), F(PARITY)),
     {.depth = 3, .prune = 4, .retrain = 5, .prune_rounds = 2, .scale = 4},
     0},
    {"deep, residual, pruned, sgd",
     11,
     30,
     FUNCTIONS(F(SQUARE)),
     {.depth = 2,
      .residual = 1,
      .prune = 3,
      .retrain = 6,
      .optimizer = ALLOMETER_OPTIMIZER_SGD,
      .learning_rate = 0.02f,
      .scale = 4},
     0},
    {"deep, proximal sgd, biases",
     33,
     40,
     FUNCTIONS(F(SQUARE)),
     {.depth = 2,
      .residual = 1,
      .optimizer = ALLOMETER_OPTIMIZER_SGD,
      .l1 = 1e-2f,
      .l1_step = ALLOMETER_L1_PROXIMAL,
      .penalize_biases = 1},
     0},
    {"series",
     15,
     40,
     FUNCTIONS(F(SQUARED_DIFFERENCES) + CASE_FEEDS, F(SQUARE_ROOT)),
     {.depth = 3, .scale = 2},
     0},
    {"series beside others",
     21,
     40,
     FUNCTIONS(F(CUBE), F(SQUARE) + CASE_FEEDS, F(EXPONENTIAL) + CASE_FEEDS, F(SINE), F(PARITY)),
     {.distribution = 1},
     0},
    {"deep and wide, samples in blocks", 70, 300, FUNCTIONS(F(SQUARE)), {.depth = 2, .scale = 8}, 0},
    {"many samples", 5, 515, FUNCTIONS(F(EXPONENTIAL)), {.scale = 8}, 0},
    {"several blocks of samples", 700, 150, FUNCTIONS(F(SQUARE), F(PARITY)), {.scale = 8}, 0},
    {"a few neurons", 7, 40, FUNCTIONS(F(SQUARE), F(PRODUCT), F(SINE)), {.l1 = 1e-3f, .l2 = 1e-2f}, 0},
    {"a few neurons, adamw, biases",
     3,
     50,
     FUNCTIONS(F(CUBE), F(PARITY)),
     {.optimizer = ALLOMETER_OPTIMIZER_ADAMW, .penalize_biases = 1},
     16},
    {"a few neurons, pruned", 4, 30, FUNCTIONS(F(SINE)), {.scale = 4, .prune = 2, .retrain = 9}, 0},
    {"a few neurons, dead ones packed away",
     8,
     40,
     FUNCTIONS(F(SQUARE)),
     {.scale = 8,
      .l1 = 5e-2f,
      .learning_rate = 5e-2f,
      .l1_step = ALLOMETER_L1_PROXIMAL,
      .penalize_biases = 1},
     0},
};

static void apply(const struct case_row *row, struct allometer_model *model) {
#define SET(field) \
    if (row->set.field) model->field = row->set.field;
    SET(scale)
    SET(l1)
    SET(l2)
    SET(distribution)
    SET(weighting)
    SET(penalize_biases)
    SET(initialization_gain)
    SET(fresh)
    SET(schedule)
    SET(warmup_steps)
    SET(activation)
    SET(optimizer)
    SET(weight_decay)
    SET(epsilon)
    SET(l1_step)
    SET(depth)
    SET(residual)
    SET(learning_rate)
    SET(prune)
    SET(retrain)
    SET(prune_rounds)
#undef SET
    if (row->set.low < row->set.high) model->low = row->set.low, model->high = row->set.high;
    if (row->batch) model->batch = row->batch;
}

/* What the general kernels alone can do with one hidden layer. */
static const struct many_row {
    const char *name;
    int32_t functions[3], n_functions; /* in turn */
    int32_t n_subtasks, n_variables;   /* variables: 0 for side by side */
    int32_t width, samples, batch, depth, fresh, distribution;
} many[] = {
    {"forty side by side", {F(SQUARE), F(SINE), F(PARITY)}, 3, 40, 0, 10, 30, 30, 1, 0, 0},
    {"twenty parities by control", {F(PARITY)}, 1, 20, 6, 12, 64, 64, 1, 0, 0},
    {"parity or regression, control", {F(PARITY), F(PRODUCT), F(ABSOLUTE)}, 3, 7, 4, 9, 50, 16, 1, 0, 0},
    {"one subtask by control", {F(EXPONENTIAL)}, 1, 1, 3, 17, 20, 20, 1, 0, 0},
    {"control, fresh draws, two layers", {F(SINE), F(STEP)}, 2, 5, 2, 8, 33, 33, 2, 1, 0},
    {"control, evenly spaced", {F(CUBE), F(SINE)}, 2, 4, 2, 9, 41, 41, 1, 0, 1},
};

static void many_case(const struct many_row *row, struct allometer_model *model) {
    *model = case_model(row->width, row->samples, row->functions, 1);
    model->batch = row->batch, model->depth = row->depth, model->fresh = row->fresh;
    model->distribution = row->distribution, model->scale = 3, model->high = 2;
    model->n_subtasks = row->n_subtasks, model->n_inputs = model->n_outputs = 0;
    for (int32_t k = 0; k < row->n_subtasks; ++k) {
        const struct allometer_model one = case_model(1, 1, &row->functions[k % row->n_functions], 1);
        struct allometer_subtask *subtask = &model->subtasks[k];
        *subtask = one.subtasks[0];
        subtask->weight = 1.0f / (float)(k + 1), subtask->frequency = 0.5f * (float)(k + 1);
        if (row->n_variables) {
            if (one.n_outputs > model->n_outputs) model->n_outputs = one.n_outputs;
            continue;
        }
        subtask->first_input = model->n_inputs, subtask->first_output = model->n_outputs;
        model->n_inputs += one.n_inputs, model->n_outputs += one.n_outputs;
    }
    if (row->n_variables) {
        model->mixed = model->control = 1;
        model->n_inputs = row->n_variables + row->n_subtasks;
    }
}

int case_at(size_t i, struct allometer_model *model, char *name) {
    const size_t n_rows = sizeof rows / sizeof rows[0];
    if (i < n_rows) {
        *model = case_model(rows[i].width, rows[i].samples, rows[i].functions, rows[i].n_functions);
        apply(&rows[i], model);
        model->seed = i;
        snprintf(name, 96, "%s (h%d s%d d%d o%d)", rows[i].name, model->width, model->batch, model->n_inputs,
                 model->n_outputs);
        return 1;
    }
    i -= n_rows;
    if (i < 2 * ALLOMETER_ACTIVATION_COUNT) {
        *model = case_model(19 + (int32_t)i / 2, 37, (int32_t[]){F(SQUARE), F(SINE), F(CUBE)}, 3);
        model->activation = (int32_t)i / 2, model->depth = 1 + (int32_t)i % 2;
        snprintf(name, 96, "%s (h%d l%d s37 d3 o3)", allometer_activations.rows[i / 2].name, model->width,
                 model->depth);
        return 1;
    }
    i -= 2 * ALLOMETER_ACTIVATION_COUNT;
    if (i < sizeof many / sizeof many[0]) {
        many_case(&many[i], model);
        model->seed = 100 + i;
        snprintf(name, 96, "%s (h%d s%d d%d o%d)", many[i].name, model->width, model->batch, model->n_inputs,
                 model->n_outputs);
        return 1;
    }
    i -= sizeof many / sizeof many[0];
    if (i < 2 * ALLOMETER_INITIALIZATION_COUNT) {
        *model = case_model(21 - 10 * (i % 2), 25, (int32_t[]){F(SQUARE), F(EXPONENTIAL)}, 2);
        model->initialization = (int32_t)i / 2, model->depth = 1 + 2 * (int32_t)(i % 2);
        model->seed = UINT64_MAX - i;
        snprintf(name, 96, "%s initialization (h%d l%d s25 d2 o2)",
                 allometer_initializations.rows[i / 2].name, model->width, model->depth);
        return 1;
    }
    return 0;
}
