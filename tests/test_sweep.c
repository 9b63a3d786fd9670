/* What a sweep file says is what its models are. */
#include "compare.h"
#include "sweep_internal.h"
#include "text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TASK "task: {subtasks: [{function: square}]}\n"

static struct allometer_sweep *parse(const char *text) {
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    enum allometer_code code = allometer_sweep_parse("good.yaml", text, strlen(text), &sweep, &error);
    if (code) print_error("%s\n%s\n", text, error.message);
    assert_int_equal(code, ALLOMETER_OK);
    return sweep;
}

/* Of a model: what it sets. */
static size_t model_bytes(const struct allometer_model *model) {
    return offsetof(struct allometer_model, subtasks) + (size_t)model->n_subtasks * sizeof *model->subtasks;
}

static struct allometer_model model_of(const struct allometer_sweep *sweep, uint64_t index,
                                       struct allometer_axis_value *values) {
    struct allometer_model model;
    struct allometer_error error = {0};
    assert_int_equal(allometer_sweep_model(sweep, index, &model, values, &error), ALLOMETER_OK);
    return model;
}

static struct allometer_model only_model(const char *text) {
    struct allometer_sweep *sweep = parse(text);
    assert_int_equal(allometer_sweep_n_models(sweep), 1);
    struct allometer_model model = model_of(sweep, 0, NULL);
    allometer_sweep_free(sweep);
    return model;
}

static void every_field_is_set(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(
        "name: all of it\n"
        "seed: 9007199254740991\n"
        "task:\n"
        "  composition: parallel\n"
        "  subtasks:\n"
        "    - {function: sine, weight: 0.75, frequency: 2.5}\n"
        "    - {function: product, weight: 0.125}\n"
        "    - {function: parity, bits: 5}\n"
        "    - {function: step, weight: 0}\n"
        "  inputs: {low: -2, high: 3, samples: 500, distribution: even, weights: bootstrap, fresh: false}\n"
        "  scale: 128\n"
        "model: {width: 100, depth: 3, residual: true, activation: gelu, initialization: kaiming_normal,"
        " initialization_gain: 0.5}\n"
        "train: {optimizer: adamw, learning_rate: 3.0e-3, schedule: cosine, warmup: 10, steps: 4e4, batch: "
        "32,\n"
        "        prune: 60, retrain: 2e4, prune_rounds: 3, beta1: 0.5, beta2: 0.75, epsilon: "
        "1e-6, weight_decay: 0.0625}\n"
        "penalty: {l1: 3e-5, l2: 3e-4, biases: true, l1_step: proximal}\n"
        "measure: {threshold: 2e-3, ablation_share: 0.25, path_share: 0.5, samples: 2000, keep_weights: "
        "true}\n");
    assert_string_equal(allometer_sweep_name(sweep), "all of it");
    assert_int_equal(allometer_sweep_keep_weights(sweep), 1);
    struct allometer_model model = model_of(sweep, 0, NULL), expected;
    memset(&expected, 0, sizeof expected);
    expected.seed = 9007199254740991;
    expected.n_inputs = 1 + 2 + 5 + 1, expected.width = 100, expected.n_outputs = 1 + 1 + 2 + 1,
    expected.depth = 3, expected.residual = 1;
    expected.activation = ALLOMETER_ACTIVATION_GELU;
    expected.initialization = ALLOMETER_INITIALIZATION_KAIMING_NORMAL;
    expected.initialization_gain = 0.5f;
    expected.n_subtasks = 4;
    expected.subtasks[0] = (struct allometer_subtask){
        ALLOMETER_FUNCTION_SINE, ALLOMETER_LOSS_MEAN_SQUARED_ERROR, 0, 1, 0, 1, 0.75f, 2.5f, 1, 0, 0};
    expected.subtasks[1] = (struct allometer_subtask){
        ALLOMETER_FUNCTION_PRODUCT, ALLOMETER_LOSS_MEAN_SQUARED_ERROR, 1, 2, 1, 1, 0.125f, 1, 1, 0, 0};
    expected.subtasks[2] = (struct allometer_subtask){
        ALLOMETER_FUNCTION_PARITY, ALLOMETER_LOSS_CROSS_ENTROPY, 3, 5, 2, 2, 1, 1, 1, 0, 0};
    expected.subtasks[3] = (struct allometer_subtask){
        ALLOMETER_FUNCTION_STEP, ALLOMETER_LOSS_MEAN_SQUARED_ERROR, 8, 1, 4, 1, 0, 1, 1, 0, 0};
    expected.scale = 128;
    expected.distribution = ALLOMETER_DISTRIBUTION_EVEN, expected.weighting = ALLOMETER_WEIGHTING_BOOTSTRAP;
    expected.low = -2, expected.high = 3;
    expected.samples = 500, expected.batch = 32;
    expected.optimizer = ALLOMETER_OPTIMIZER_ADAMW, expected.schedule = ALLOMETER_SCHEDULE_COSINE;
    expected.steps = 40000, expected.warmup_steps = 10;
    expected.prune = 60, expected.retrain = 20000, expected.prune_rounds = 3;
    expected.learning_rate = 3e-3f;
    expected.beta1 = 0.5f, expected.beta2 = 0.75f, expected.epsilon = 1e-6f, expected.weight_decay = 0.0625f;
    expected.l1 = 3e-5f, expected.l2 = 3e-4f;
    expected.penalize_biases = 1, expected.l1_step = ALLOMETER_L1_PROXIMAL;
    expected.test_samples = 2000, expected.threshold = 2e-3f, expected.ablation_share = 0.25f,
    expected.path_share = 0.5f;
    assert_memory_equal(&model, &expected, model_bytes(&model));
    allometer_sweep_free(sweep);
}

/* A chain beside others, and the same as one composition: subtasks count through its stages. */
static void series_are_laid_out(void **state) {
    (void)state;
    struct allometer_model model = only_model("task:\n  subtasks:\n  - {function: product, weight: 2}\n"
                                              "  - {series: [{function: squared_differences}, {function: "
                                              "square_root}, {function: sine, frequency: 3}],"
                                              " weight: 0.5}\n  - {function: cube}\n");
    static const int32_t expected[][5] = {/* feeds, first input, inputs, first output, outputs */
                                          {0, 0, 2, 0, 1},
                                          {1, 2, 4, 1, 0},
                                          {1, 2, 4, 1, 0},
                                          {0, 2, 4, 1, 1},
                                          {0, 6, 1, 2, 1}};
    assert_int_equal(model.n_subtasks, 5);
    for (int k = 0; k < 5; k++) {
        const struct allometer_subtask *subtask = &model.subtasks[k];
        const int32_t found[] = {subtask->feeds, subtask->first_input, subtask->n_inputs,
                                 subtask->first_output, subtask->n_outputs};
        assert_memory_equal(found, expected[k], sizeof found);
    }
    assert_int_equal(model.n_inputs, 7);
    assert_int_equal(model.n_outputs, 3);
    assert_true(model.subtasks[1].weight == 0 && model.subtasks[3].weight == 0.5f);
    assert_true(model.subtasks[3].frequency == 3);

    model = only_model(
        "task: {composition: series, subtasks: [{function: square}, {function: sine, weight: 3}]}");
    assert_true(model.subtasks[0].feeds && !model.subtasks[1].feeds && model.subtasks[1].weight == 3);
    struct allometer_model other =
        only_model("task: {subtasks: [{series: [{function: square}, {function: sine}], weight: 3}]}");
    assert_memory_equal(&model, &other, model_bytes(&model));
}

/* A key counts where one model of the sweep looks at it, and may stand beside what is given to switch it off. */
static void keys_that_count_for_some_are_taken(void **state) {
    (void)state;
    static const char *const texts[] = {
        TASK "model: {residual: true}\naxes: {model.depth: {values: [1, 2]}}\n",
        TASK "measure: {path_share: 0.1}\naxes: {model.depth: {values: [1, 2]}}\n",
        "task: {composition: control, subtasks: [{function: square}]}\nmeasure: {path_share: 0.1}\n",
        TASK "axes: {model.depth: {values: [1, 2]}, model.residual: {values: [false, true]}}\n"
             "zip: [[model.depth, model.residual]]\n",
        TASK "train: {retrain: 9}\naxes: {train.prune: {values: [0, 4]}}\n",
        TASK "train: {prune: 0, retrain: 9}\npenalty: {l1: 0, l1_step: proximal}\n",
        TASK "train: {momentum: 0.9}\naxes: {train.optimizer: {values: [adam, sgd]}}\n",
        TASK "axes: {task.inputs.samples: {values: [8, 16]}, task.inputs.fresh: {values: [true]}}\n",
        "task: {subtasks: [{function: parity}, {function: cube}], inputs: {low: 0}}\n",
        "task: {subtasks: [{function: cube, feeds: true}, {function: sine, feeds: false}]}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) allometer_sweep_free(parse(texts[i]));
}

/* PyTorch's defaults where it has them. */
static void absent_keys_have_their_defaults(void **state) {
    (void)state;
    struct allometer_model model = only_model(TASK), expected;
    memset(&expected, 0, sizeof expected);
    expected.n_inputs = expected.n_outputs = expected.depth = expected.n_subtasks = 1;
    expected.width = 64;
    expected.initialization_gain = expected.scale = 1;
    expected.subtasks[0] =
        (struct allometer_subtask){ALLOMETER_FUNCTION_SQUARE, 0, 0, 1, 0, 1, 1, 1, 1, 0, 0};
    expected.low = -1, expected.high = 1;
    expected.samples = expected.batch = 256;
    expected.steps = 10000, expected.prune_rounds = 1;
    expected.learning_rate = 1e-3f, expected.beta1 = 0.9f, expected.beta2 = 0.999f, expected.epsilon = 1e-8f;
    expected.weight_decay = 0.01f;
    expected.test_samples = 1024, expected.threshold = 1e-3f, expected.ablation_share = 0.1f,
    expected.path_share = 0.01f;
    assert_memory_equal(&model, &expected, model_bytes(&model));
}

static void a_batch_is_full_unless_given(void **state) {
    (void)state;
    assert_int_equal(only_model("task: {subtasks: [{function: cube}], inputs: {samples: 77}}").batch, 77);
    assert_int_equal(only_model(TASK "train: {batch: full}").batch, 256);
    assert_int_equal(only_model(TASK "train: {batch: 9}").batch, 9);
    /* with fresh samples a batch has no training set to fit into */
    assert_int_equal(
        only_model(
            "task: {subtasks: [{function: cube}], inputs: {samples: 7, fresh: true}}\ntrain: {batch: 9}")
            .batch,
        9);
    struct allometer_sweep *sweep = parse(TASK "axes: {task.inputs.samples: {values: [5, 6]}}");
    assert_int_equal(model_of(sweep, 1, NULL).batch, 6);
    allometer_sweep_free(sweep);
}

/* Every axis that can be: 0, 1, ... of its words, or the ends of its range, read back from model and values. */
static void every_key_can_be_an_axis(void **state) {
    (void)state;
    size_t n_swept = 0;
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        if (!key->is_axis) continue;
        char text[512], path[SWEEP_PATH_SIZE], first[64], second[64];
        double low = key->kind == ALLOMETER_KEY_WORD ? 0 : key->low > 0 ? key->low : 0;
        double high = key->kind == ALLOMETER_KEY_WORD ? 1 : key->high > low ? low + 1 : low;
        if (key->ends) low = 0.25, high = 0.5;
        sweep_key_path(key, 0, path);
        sweep_key_format(key, low, first, sizeof first);
        sweep_key_format(key, high, second, sizeof second);
        /* surroundings in which the rules between keys hold for both values */
        const char *subtasks = "[{function: sine}, {function: cube}]";
        if (strstr(path, "bits")) subtasks = "[{function: parity}, {function: cube}]";
        if (strstr(path, "inputs.weights")) subtasks = "[{function: sine}]";
        const char *inputs = strstr(path, "inputs.low")    ? "{high: 9}"
                             : strstr(path, "inputs.high") ? "{low: -9}"
                                                           : "{}";
        if (strstr(path, "inputs.weights")) inputs = "{distribution: even}";
        if (strstr(path, "exponent")) subtasks = "[{function: sine, count: 2}, {function: cube}]";
        const char *train = strstr(path, "momentum")                             ? "{optimizer: sgd}"
                            : strstr(path, "weight_decay")                       ? "{optimizer: adamw}"
                            : strstr(path, "retrain") || strstr(path, "_rounds") ? "{prune: 1}"
                                                                                 : "{}";
        snprintf(text, sizeof text,
                 "task: {subtasks: %s, inputs: %s}\nmodel: {depth: 2}\ntrain: %s\npenalty: {l1: 1}\n"
                 "axes: {%s: {values: [%s, %s]}}\n",
                 subtasks, inputs, train, path, first, second);
        struct allometer_sweep *sweep = parse(text);
        assert_int_equal(allometer_sweep_n_axes(sweep), 1);
        assert_int_equal(allometer_sweep_n_models(sweep), 2);
        assert_string_equal(allometer_sweep_axis_name(sweep, 0), path);
        for (int k = 0; k < 2; k++) {
            struct allometer_axis_value value;
            struct allometer_model model = model_of(sweep, (uint64_t)k, &value);
            if (!strstr(path, "count") && !strstr(path, "exponent")) /* which stand for several subtasks */
                assert_true(sweep_key_get(key, 0, &model) == (k ? high : low));
            assert_true(value.number == (k ? high : low));
            assert_int_equal(allometer_sweep_axis_is_text(sweep, 0), key->kind == ALLOMETER_KEY_WORD);
            if (key->kind == ALLOMETER_KEY_WORD)
                assert_string_equal(value.text, k ? second : first);
            else
                assert_null(value.text);
        }
        allometer_sweep_free(sweep);
        n_swept++;
    }
    assert_in_range(n_swept, 30, sweep_n_keys);
}

static void expect_axis(const char *axis, const double *expected, size_t n, double relative) {
    char text[512];
    snprintf(text, sizeof text, TASK "axes: {%s}\n", axis);
    struct allometer_sweep *sweep = parse(text);
    double *actual = calloc(n + 1, sizeof *actual);
    assert_non_null(actual);
    assert_int_equal(allometer_sweep_n_models(sweep), n);
    for (size_t i = 0; i < n; i++) {
        struct allometer_axis_value value;
        model_of(sweep, i, &value);
        actual[i] = value.number;
    }
    assert_doubles_close(axis, actual, expected, n, 0, relative);
    free(actual);
    allometer_sweep_free(sweep);
}

static void axes_span_what_they_say(void **state) {
    (void)state;
    expect_axis("seed: {count: 4}", (double[]){0, 1, 2, 3}, 4, 0);
    expect_axis("seed: {count: 3, start: 7}", (double[]){7, 8, 9}, 3, 0);
    expect_axis("task.scale: {values: [3, 0.1, 2e2]}", (double[]){3, 0.1, 200}, 3, 0);
    expect_axis("task.scale: {linear: [0, 1], count: 5}", (double[]){0, 0.25, 0.5, 0.75, 1}, 5, 0);
    expect_axis("task.scale: {linear: [1, -0], count: 3}", (double[]){1, 0.5, 0}, 3, 0);
    expect_axis("task.scale: {linear: [0.3, 7], count: 1}", (double[]){0.3}, 1, 0);
    expect_axis("task.scale: {log: [1, 512], count: 10}", (double[]){1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
                10, 0);
    expect_axis("task.scale: {log: [100, 0.01], count: 3}", (double[]){100, 1, 0.01}, 3, 0);
    expect_axis("task.scale: {linear: [0.1, 0.5], count: 5}", (double[]){0.1, 0.2, 0.3, 0.4, 0.5}, 5, 0);
    /* the ends are those of the file, with more digits than what lies between: 49 * (1 / 49) and 0.7 + (0.1 - 0.7) are not */
    expect_axis("task.scale: {log: [1, 1.0000000000000002], count: 2}", (double[]){1, 1 + DBL_EPSILON}, 2, 0);
    expect_axis("task.scale: {log: [49, 1], count: 2}", (double[]){49, 1}, 2, 0);
    expect_axis("task.scale: {linear: [0.7, 0.1], count: 2}", (double[]){0.7, 0.1}, 2, 0);
    /* integers are rounded to the nearest; 1, 1.59, 2.52, 4: none equal */
    expect_axis("model.width: {log: [1, 4], count: 4}", (double[]){1, 2, 3, 4}, 4, 0);
    /* 1, 1.22, 1.49, 1.81, 2.21, 2.69, 3.28, 4: equal neighbours dropped */
    expect_axis("model.width: {log: [1, 4], count: 8}", (double[]){1, 2, 3, 4}, 4, 0);
    expect_axis("model.width: {linear: [1, 2], count: 4}", (double[]){1, 2}, 2, 0);
    /* the paper's scales: 2^(9k/99), its 20th 3.53 and its 77th 128 to the printed digits */
    struct allometer_sweep *sweep = parse(TASK "axes: {task.scale: {log: [1, 512], count: 100}}");
    assert_close("scale 20 of 100", (double)model_of(sweep, 20, NULL).scale, 3.53, 0.005, 0);
    assert_close("scale 77 of 100", (double)model_of(sweep, 77, NULL).scale, 128, 0.005, 0);
    allometer_sweep_free(sweep);
    sweep = parse(TASK "axes: {model.width: {log: [1, 4], count: 8}}");
    assert_int_equal(sweep->axes.axes[0].n_written, 8);
    assert_int_equal(sweep->axes.axes[0].n_values, 4);
    allometer_sweep_free(sweep);
}

static void axes_cross_in_the_order_of_the_file(void **state) {
    (void)state;
    struct allometer_sweep *sweep =
        parse(TASK "axes:\n  train.learning_rate: {values: [0.5, 0.25]}\n"
                   "  model.activation: {values: [relu, tanh, silu]}\n  seed: {count: 4}\n");
    assert_int_equal(allometer_sweep_n_models(sweep), 24);
    assert_string_equal(allometer_sweep_axis_name(sweep, 0), "train.learning_rate");
    assert_string_equal(allometer_sweep_axis_name(sweep, 1), "model.activation");
    assert_string_equal(allometer_sweep_axis_name(sweep, 2), "seed");
    static const char *const activations[] = {"relu", "tanh", "silu"};
    for (uint64_t index = 24; index-- > 0;) { /* backwards: no state between calls */
        struct allometer_axis_value values[3];
        struct allometer_model model = model_of(sweep, index, values);
        assert_int_equal(model.seed, index % 4);
        assert_string_equal(values[1].text, activations[index / 4 % 3]);
        assert_string_equal(values[1].text, allometer_activations.rows[model.activation].name);
        assert_true(model.learning_rate == (index < 12 ? 0.5f : 0.25f));
    }
    struct allometer_model model;
    struct allometer_error error;
    assert_int_equal(allometer_sweep_model(sweep, 24, &model, NULL, &error), ALLOMETER_BAD_INPUT);
    allometer_sweep_free(sweep);
}

static void zipped_axes_move_together(void **state) {
    (void)state;
    struct allometer_sweep *sweep =
        parse("task: {subtasks: [{function: square}, {function: square}]}\n"
              "axes:\n  task.subtasks.0.weight: {values: [0.5, 0.75, 0.875]}\n  seed: {count: 2}\n"
              "  task.subtasks.1.weight: {values: [0.5, 0.25, 0.125]}\n  model.width: {count: 5, start: 1}\n"
              "zip: [[task.subtasks.1.weight, task.subtasks.0.weight]]\n");
    assert_int_equal(allometer_sweep_n_models(sweep), 3 * 2 * 5);
    for (uint64_t index = 0; index < 30; index++) {
        struct allometer_axis_value values[4];
        struct allometer_model model = model_of(sweep, index, values);
        assert_true(model.subtasks[0].weight + model.subtasks[1].weight == 1);
        assert_true(values[0].number + values[2].number == 1);
        assert_int_equal(model.width, 1 + index % 5);
        assert_int_equal(model.seed, index / 5 % 2);
        assert_true(model.subtasks[0].weight == (index < 10 ? 0.5f : index < 20 ? 0.75f : 0.875f));
    }
    allometer_sweep_free(sweep);
}

static void expect_same_specification(const char *a, const char *b, int same) {
    struct allometer_sweep *first = parse(a), *second = parse(b);
    int equal = strcmp(allometer_sweep_specification(first), allometer_sweep_specification(second)) == 0;
    if (equal != same) print_error("%s\nand\n%s\n", a, b);
    assert_int_equal(equal, same);
    allometer_sweep_free(first);
    allometer_sweep_free(second);
}

static void specifications_are_equal_where_results_are(void **state) {
    (void)state;
    expect_same_specification(TASK, "name: other\n" TASK, 1);
    expect_same_specification(TASK, TASK "model: {activation: silu, width: 64}\nseed: 0\n", 1);
    expect_same_specification(TASK "train: {learning_rate: 3e-3, steps: 1000}",
                              TASK "train: {steps: 1e3, learning_rate: 0.0030}", 1);
    expect_same_specification(TASK "axes: {seed: {count: 3}}",
                              TASK "seed: 5\naxes: {seed: {start: 0, count: 3}}", 1);
    expect_same_specification(TASK, "task: {subtasks: [{function: cube}]}", 0);
    expect_same_specification(TASK "axes: {seed: {count: 3}, model.width: {values: [2]}}",
                              TASK "axes: {model.width: {values: [2]}, seed: {count: 3}}", 0);
    expect_same_specification(
        TASK "axes: {seed: {count: 2}, model.width: {values: [2, 3]}}",
        TASK "axes: {seed: {count: 2}, model.width: {values: [2, 3]}}\nzip: [[seed, model.width]]", 0);
    /* neighbours among floats, and among doubles */
    expect_same_specification(TASK "penalty: {l1: 0.1}", TASK "penalty: {l1: 0.10000001}", 0);
    expect_same_specification(TASK "axes: {penalty.l1: {values: [0.1]}}",
                              TASK "axes: {penalty.l1: {values: [0.10000000000000002]}}", 0);
}

/* Each key that a result depends on, at its default and at another value. */
static void every_key_is_in_the_specification(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(TASK);
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        char path[SWEEP_PATH_SIZE], quoted[SWEEP_PATH_SIZE + 4];
        sweep_key_path(key, 0, path);
        snprintf(quoted, sizeof quoted, "\"%s\":", path);
        const char *specification = allometer_sweep_specification(sweep),
                   *found = strstr(specification, quoted);
        int is_told = key->kind != ALLOMETER_KEY_TEXT && strncmp(path, "task.data.", 10) != 0;
        assert_int_equal(found != NULL, is_told);
        if (found) assert_null(strstr(found + 1, quoted));
        assert_in_range(strlen(key->help), 4, 80);
        double value;
        if (key->standard && key->kind != ALLOMETER_KEY_TEXT)
            assert_true(sweep_key_parse(key, key->standard, &value));
    }
    allometer_sweep_free(sweep);
}

static void each_name_is_told_from_the_others(void **state) {
    (void)state;
    static const struct allometer_names *const tables[] = {
        &allometer_activations, &allometer_functions,       &allometer_losses,        &allometer_optimizers,
        &allometer_schedules,   &allometer_initializations, &allometer_distributions, &allometer_weightings,
        &allometer_l1_steps,    &allometer_compositions,    &allometer_truths,        &allometer_batches};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (size_t i = 0; i < tables[t]->n_rows; i++) {
            assert_non_null(tables[t]->rows[i].name); /* a row that a table of the kernels forgot */
            assert_non_null(tables[t]->rows[i].formula);
            assert_int_equal(allometer_name_find(tables[t], tables[t]->rows[i].name), i);
        }
    assert_int_equal(allometer_name_find(&allometer_functions, "squar"), -1);
}

static void numbers_survive_being_text(void **state) {
    (void)state;
    static const double values[] = {0,
                                    -0.0,
                                    1,
                                    0.1,
                                    1.0 / 3,
                                    3e-5,
                                    1e22,
                                    5e-324,
                                    DBL_MAX,
                                    2.5e-300,
                                    9007199254740993.0,
                                    0.1 + 0.2,
                                    123456789.125,
                                    115558184}; /* the last takes nine digits as a float */
    char text[TEXT_NUMBER_SIZE];
    double back;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        text_from_double(text, values[i]);
        assert_true(text_to_double(text, &back) && back == values[i]);
        text_from_float(text, (float)values[i]);
        if (isfinite((float)values[i]))
            assert_true(text_to_double(text, &back) && (float)back == (float)values[i]);
    }
    static const char *const no_numbers[] = {"",    "+",     ".",     "e5",    "1e", "1e+",
                                             "nan", "inf",   "0x1p3", "1e999", " 1", "1 ",
                                             "1,5", "1_000", "--1",   "1.2.3", "٣"};
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++)
        assert_false(text_to_double(no_numbers[i], &back));
    assert_true(text_to_double("+.5e1", &back) && back == 5);
    assert_true(text_to_double("5.", &back) && back == 5);
}

/* In Germany a comma stands where a point stands here. */
static void nothing_depends_on_the_locale(void **state) {
    (void)state;
    static const char make[] = "cd '" BINARY_DIR "' && mkdir -p locales && { test -d locales/de_DE.UTF-8 || "
                               "localedef -i de_DE -f UTF-8 locales/de_DE.UTF-8 >/dev/null 2>&1; }";
    int made = system(make) == 0; /* before the first look: a locale not found is remembered as such */
    setenv("LOCPATH", BINARY_DIR "/locales", 1);
    if (!made || !setlocale(LC_ALL, "de_DE.UTF-8")) {
        print_message("no locale with a decimal comma can be made here (localedef and its sources)\n");
        unsetenv("LOCPATH");
        skip();
    }
    char with_comma[16];
    snprintf(with_comma, sizeof with_comma, "%.1f", 0.5);
    assert_string_equal(with_comma, "0,5"); /* else this tests nothing */
    static const char text[] =
        TASK "train: {learning_rate: 2.5e-3}\naxes: {task.scale: {linear: [0.5, 1.5], count: 3}}";
    struct allometer_sweep *there = parse(text);
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    struct allometer_sweep *here = parse(text);
    assert_string_equal(allometer_sweep_specification(there), allometer_sweep_specification(here));
    assert_true(model_of(there, 0, NULL).learning_rate == 2.5e-3f);
    allometer_sweep_free(there);
    allometer_sweep_free(here);
}

static void the_example_is_a_sweep(void **state) {
    (void)state;
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    enum allometer_code code = allometer_sweep_load(SOURCE_DIR "/experiments/example.yaml", &sweep, &error);
    if (code) print_error("%s\n", error.message);
    assert_int_equal(code, ALLOMETER_OK);
    assert_int_equal(allometer_sweep_n_models(sweep), 32);
    allometer_sweep_free(sweep);
    allometer_sweep_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_set),
        cmocka_unit_test(series_are_laid_out),
        cmocka_unit_test(absent_keys_have_their_defaults),
        cmocka_unit_test(a_batch_is_full_unless_given),
        cmocka_unit_test(every_key_can_be_an_axis),
        cmocka_unit_test(keys_that_count_for_some_are_taken),
        cmocka_unit_test(axes_span_what_they_say),
        cmocka_unit_test(axes_cross_in_the_order_of_the_file),
        cmocka_unit_test(zipped_axes_move_together),
        cmocka_unit_test(specifications_are_equal_where_results_are),
        cmocka_unit_test(every_key_is_in_the_specification),
        cmocka_unit_test(each_name_is_told_from_the_others),
        cmocka_unit_test(numbers_survive_being_text),
        cmocka_unit_test(nothing_depends_on_the_locale),
        cmocka_unit_test(the_example_is_a_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
