/* A model that breaks one rule is refused, with the field, its value and what was expected. */
#include "backend.h"
#include "model_problem.h"
#include "sweep_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* A square and a parity: inputs 0 and 1 to 3, outputs 0 and 1 to 2. */
static struct allometer_model good_model(void) {
    struct allometer_sweep *sweep;
    struct allometer_model model;
    static const char text[] = "task: {subtasks: [{function: square}, {function: parity, bits: 3}]}";
    assert_int_equal(allometer_sweep_parse("good.yaml", text, sizeof text - 1, &sweep, NULL), ALLOMETER_OK);
    assert_int_equal(allometer_sweep_model(sweep, 0, &model, NULL, NULL), ALLOMETER_OK);
    allometer_sweep_free(sweep);
    return model;
}

static void expect_refusal(const struct allometer_model *model, const char *first, const char *second) {
    struct allometer_error error = {0};
    assert_int_equal(allometer_model_check(model, &error), ALLOMETER_BAD_INPUT);
    int told = strstr(error.message, first) && strstr(error.message, second);
    if (!told) print_error("'%s' does not hold '%s' and '%s'\n", error.message, first, second);
    assert_true(told);
}

static void expect_good(const struct allometer_model *model) {
    struct allometer_error error = {0};
    enum allometer_code code = allometer_model_check(model, &error);
    if (code) print_error("%s\n", error.message);
    assert_int_equal(code, ALLOMETER_OK);
}

/* Just outside and NaN for numbers; -1 and one past the last word for words. */
static void every_range_has_ends(void **state) {
    (void)state;
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        if (!key->is_axis || key->kind == ALLOMETER_KEY_SEED) continue;
        if (strstr(key->path, "count") || strstr(key->path, "exponent")) continue; /* of no model */
        struct allometer_sweep_settings settings = {.model = good_model()};
        int subtask = sweep_key_of_subtask(key) ? 1 : 0;
        char path[SWEEP_PATH_SIZE];
        sweep_key_path(key, subtask, path);
        double bad[3] = {key->low - 1, key->high + 1, NAN};
        int n_bad = 2;
        if (key->kind == ALLOMETER_KEY_WORD) bad[1] = (double)key->names->n_rows;
        if (key->kind == ALLOMETER_KEY_NUMBER) {
            bad[0] = key->ends == ALLOMETER_ABOVE_LOW ? key->low : nextafter(key->low, -INFINITY) * 2 - 1e-30;
            bad[1] = key->ends == ALLOMETER_BELOW_HIGH ? key->high : INFINITY;
            n_bad = 3;
        }
        for (int k = 0; k < n_bad; k++) {
            struct allometer_sweep_settings broken = settings;
            sweep_key_set(key, subtask, bad[k], &broken);
            expect_refusal(&broken.model, path, ", expected ");
        }
        expect_good(&settings.model);
    }
}

/* A value that a field of the model may not have, and what the refusal says. */
struct broken_field {
    int32_t *field;
    int32_t value;
    const char *parts[2];
};

static void expect_refusals(struct allometer_model *model, const struct allometer_model *good,
                            const struct broken_field *breaks, size_t n) {
    for (size_t i = 0; i < n; i++) {
        *model = *good;
        *breaks[i].field = breaks[i].value;
        expect_refusal(model, breaks[i].parts[0], breaks[i].parts[1]);
    }
}

static void subtasks_stand_side_by_side(void **state) {
    (void)state;
    struct allometer_model good = good_model(), model;
    expect_good(&good);
    const struct broken_field breaks[] = {
        {&model.n_subtasks, 0, {"task.subtasks has 0 entries", "1 to 256"}},
        {&model.n_subtasks, 257, {"task.subtasks has 257 entries", "1 to 256"}},
        {&model.n_subtasks, -1, {"task.subtasks has -1 entries", "1 to 256"}},
        {&model.subtasks[0].n_inputs, 2, {"task.subtasks.0 takes 2 inputs", "expected 1 for square"}},
        {&model.subtasks[0].n_outputs, 0, {"task.subtasks.0 has 0 outputs", "expected 1 for square"}},
        {&model.subtasks[1].n_outputs, 1, {"task.subtasks.1 has 1 outputs", "expected 2 for parity"}},
        {&model.subtasks[1].loss, 0, {"task.subtasks.1 has loss number 0", "1 (cross_entropy) for parity"}},
        {&model.subtasks[0].loss,
         7,
         {"task.subtasks.0 has loss number 7", "0 (mean_squared_error) for square"}},
        {&model.subtasks[1].first_input, 0, {"task.subtasks.1 starts at input 0", "expected 1 and 1"}},
        {&model.subtasks[1].first_output, 2, {"output 2", "expected 1 and 1"}},
        {&model.n_inputs, 3, {"the model has 3 inputs and 3 outputs", "subtasks' 4 and 3"}},
        {&model.n_inputs, INT32_MIN, {"the model has -2147483648 inputs", "expected 1 or more"}},
        {&model.n_outputs, 16, {"the model has 4 inputs and 16 outputs", "subtasks' 4 and 3"}},
    };
    expect_refusals(&model, &good, breaks, sizeof breaks / sizeof breaks[0]);
    /* 129 parities of one bit each: 258 outputs */
    model = good;
    model.n_subtasks = 129;
    for (int k = 0; k < 129; k++)
        model.subtasks[k] = (struct allometer_subtask){
            ALLOMETER_FUNCTION_PARITY, ALLOMETER_LOSS_CROSS_ENTROPY, k, 1, 2 * k, 2, 1, 1, 1, 0, 0};
    model.n_inputs = 129, model.n_outputs = 258;
    expect_refusal(&model, "task.subtasks have 258 outputs", "at most 256");
    model.n_subtasks = 128, model.n_inputs = 128, model.n_outputs = 256;
    expect_good(&model);
}

static void fields_agree_with_each_other(void **state) {
    (void)state;
    struct allometer_model good = good_model(), model = good;
    model.high = model.low;
    expect_refusal(&model, "task.inputs.high is -1", "above task.inputs.low (-1)");
    model = good;
    model.batch = model.samples + 1;
    expect_refusal(&model, "train.batch is 257", "at most task.inputs.samples (256)");
    model.fresh = 1;
    expect_good(&model);
    model.weighting = ALLOMETER_WEIGHTING_BOOTSTRAP;
    expect_refusal(&model, "task.inputs.weights is bootstrap", "task.inputs.fresh");
    model = good;
    model.warmup_steps = model.steps + 1;
    expect_refusal(&model, "train.warmup is 10001", "at most train.steps (10000)");
    model.warmup_steps = model.steps;
    expect_good(&model);
    model = good;
    model.prune = model.width, model.prune_rounds = 10, model.retrain = model.steps - 10;
    expect_good(&model);
    model.retrain++;
    expect_refusal(&model, "train.retrain is 9991",
                   "at most train.steps (10000) less train.prune_rounds (10)");
    model.prune = 0; /* then it says nothing */
    expect_good(&model);
    model = good;
    model.subtasks[0].weight = model.subtasks[1].weight = 0;
    expect_refusal(&model, "all have weight 0", "one above 0");
    model.subtasks[1].weight = 1e-30f;
    expect_good(&model);
}

static void a_trapezoid_has_one_evenly_spaced_input(void **state) {
    (void)state;
    struct allometer_model model = good_model();
    model.weighting = ALLOMETER_WEIGHTING_TRAPEZOID;
    model.distribution = ALLOMETER_DISTRIBUTION_EVEN;
    expect_refusal(&model, "trapezoid, expected equal or bootstrap", "one input");
    model.n_subtasks = model.n_inputs = model.n_outputs = 1;
    expect_good(&model);
    model.samples = model.batch = 1; /* would weigh 1 / 0 */
    expect_refusal(&model, "task.inputs.weights is trapezoid", "2 or more");
    model.samples = model.batch = 2, model.fresh = 1; /* draws, which have no ends */
    expect_refusal(&model, "task.inputs.weights is trapezoid", "fresh is false");
    model.fresh = 0;
    model.distribution = ALLOMETER_DISTRIBUTION_UNIFORM;
    expect_refusal(&model, "trapezoid, expected equal or bootstrap", "even");
    model.distribution = ALLOMETER_DISTRIBUTION_EVEN;
    model.subtasks[0] = model.subtasks[1];
    model.subtasks[0].first_input = model.subtasks[0].first_output = 0;
    model.subtasks[0].n_inputs = 1;
    model.n_outputs = 2;
    expect_refusal(&model, "trapezoid, expected equal or bootstrap", "one input");
}

static void any_seed_is_good(void **state) {
    (void)state;
    struct allometer_model model = good_model();
    model.seed = UINT64_MAX;
    expect_good(&model);
}

/* Of rows of a file all is checked that a sweep sets by itself. */
static void rows_of_a_file_are_taken_as_they_are(void **state) {
    (void)state;
    enum { N_ROWS = 50, D = 2, CLASSES = 3 };
    static float inputs[N_ROWS * D], targets[N_ROWS];
    int32_t of_rows[N_ROWS] = {[7] = 1};
    struct allometer_data data = {N_ROWS, D, CLASSES, inputs, targets, of_rows, NULL};
    struct allometer_model good = good_model(), model;
    good.data = &data, good.mixed = 1, good.n_subtasks = 2, good.n_inputs = D, good.n_outputs = CLASSES;
    good.samples = good.batch = 40, good.test_samples = 10;
    for (int k = 0; k < 2; k++)
        good.subtasks[k] = (struct allometer_subtask){
            ALLOMETER_FUNCTION_DATA, ALLOMETER_LOSS_CROSS_ENTROPY, 0, D, 0, CLASSES, 1, 1, 1, 0, 0};
    expect_good(&good);
    const struct broken_field breaks[] = {
        {&model.mixed, 0, {"are not mixed", "expected mixed"}},
        {&model.fresh, 1, {"task.inputs.fresh is true", "rows of a file"}},
        {&model.test_samples, 11, {"40 rows and 11 held out", "no more than 50"}},
        {&model.control, 1, {"2 inputs and 3 outputs", "4 and 3"}},
        {&model.n_subtasks, 1, {"row 7 is of subtask 1", "one of 1"}},
        {&model.subtasks[1].function, 1 << 30, {"task.subtasks.1 is a function", "data"}},
        {&model.subtasks[1].loss, 0, {"loss number 0", "2, 3 and 1"}},
        {&model.subtasks[0].n_outputs, 1, {"2 inputs to 1 outputs", "2, 3 and 1"}},
    };
    expect_refusals(&model, &good, breaks, sizeof breaks / sizeof breaks[0]);

    static const float no_classes[] = {-1, CLASSES, 0.5f, NAN, INFINITY};
    for (size_t i = 0; i < sizeof no_classes / sizeof *no_classes; i++) {
        targets[3] = no_classes[i];
        expect_refusal(&good, "row 3 has target", "a class from 0 to 2");
    }
    targets[3] = CLASSES - 1;
    expect_good(&good);
    inputs[4 * D + 1] = NAN;
    expect_refusal(&good, "row 4 has input nan", "a finite number");
    inputs[4 * D + 1] = 0;
    data.n_classes = 0, good.n_outputs = 1;
    for (int k = 0; k < 2; k++) good.subtasks[k].n_outputs = 1, good.subtasks[k].loss = 0;
    targets[3] = -0.5f;
    expect_good(&good);
    targets[3] = INFINITY;
    expect_refusal(&good, "row 3 has target inf", "a finite number");
}

/* Evenly spaced samples: the first variable of mixed ones takes the order that the seventeenth of others would. */
static void mixed_variables_are_limited(void **state) {
    (void)state;
    struct allometer_sweep *sweep;
    struct allometer_model model;
    static const char text[] =
        "task: {composition: control, subtasks: [{function: square}, {function: cube}],"
        " inputs: {variables: 16}}";
    assert_int_equal(allometer_sweep_parse("mixed.yaml", text, sizeof text - 1, &sweep, NULL), ALLOMETER_OK);
    assert_int_equal(allometer_sweep_model(sweep, 0, &model, NULL, NULL), ALLOMETER_OK);
    allometer_sweep_free(sweep);
    expect_good(&model);
    ++model.n_inputs;
    expect_refusal(&model, "task.inputs.variables is 17", "at most 16");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_file_are_taken_as_they_are),
        cmocka_unit_test(mixed_variables_are_limited),
        cmocka_unit_test(every_range_has_ends),
        cmocka_unit_test(subtasks_stand_side_by_side),
        cmocka_unit_test(fields_agree_with_each_other),
        cmocka_unit_test(a_trapezoid_has_one_evenly_spaced_input),
        cmocka_unit_test(any_seed_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
