/* Sweep files of many subtasks: entries that stand for several, and control inputs. */
#include "compare.h"
#include "sweep_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct allometer_model model_of(const char *text, uint64_t index) {
    struct allometer_sweep *sweep;
    struct allometer_model model;
    struct allometer_error error = {0};
    if (allometer_sweep_parse("good.yaml", text, strlen(text), &sweep, &error)) fail_msg("%s", error.message);
    assert_int_equal(allometer_sweep_model(sweep, index, &model, NULL, &error), ALLOMETER_OK);
    allometer_sweep_free(sweep);
    return model;
}

/* An entry stands for `count` subtasks, the i-th of weight i^-exponent. */
static void an_entry_stands_for_many(void **state) {
    (void)state;
    struct allometer_model model = model_of(
        "task: {subtasks: [{function: product, count: 3, exponent: 2, weight: 4}, {function: cube}]}", 0);
    const double weights[] = {4, 1, 4.0 / 9, 1};
    assert_int_equal(model.n_subtasks, 4);
    assert_int_equal(model.n_inputs, 7);
    assert_int_equal(model.n_outputs, 4);
    for (int k = 0; k < 4; k++) {
        assert_close("weight", (double)model.subtasks[k].weight, weights[k], 0, 1e-7);
        assert_int_equal(model.subtasks[k].first_input, 2 * k);
        assert_int_equal(model.subtasks[k].first_output, k);
        assert_int_equal(model.subtasks[k].count, 1);
    }
    const char most[] = "task: {subtasks: [{function: square, count: 256}]}\n"
                        "axes: {task.subtasks.0.exponent: {values: [0, 1]}}";
    assert_true(model_of(most, 0).subtasks[255].weight == 1);
    assert_true(model_of(most, 1).subtasks[255].weight == 1.0f / 256);
}

/* One subtask for each sample: variables and outputs are shared, one control input for each subtask follows. */
static void subtasks_are_told_by_control_inputs(void **state) {
    (void)state;
    struct allometer_model model =
        model_of("task: {composition: control, inputs: {variables: 9},\n"
                 "       subtasks: [{function: parity, bits: 3, count: 64}, {function: square}]}",
                 0);
    assert_int_equal(model.mixed && model.control, 1);
    assert_int_equal(model.n_subtasks, 65);
    assert_int_equal(model.n_inputs, 9 + 65);
    assert_int_equal(model.n_outputs, 2);
    assert_int_equal(model.subtasks[63].n_inputs, 3);
    assert_int_equal(model.subtasks[63].first_input + model.subtasks[63].first_output, 0);
    model = model_of(
        "task: {composition: control, subtasks: [{function: parity, bits: 3}, {function: cube}]}", 0);
    assert_int_equal(model.n_inputs, 3 + 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_stands_for_many),
        cmocka_unit_test(subtasks_are_told_by_control_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
