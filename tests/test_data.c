/* Rows of a file: what is read from each format, what is refused with its place, and networks that learn them against the
   reference. */
#include "cases.h"
#include "compare.h"
#include "data.h"
#include "reference.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct data_source source_of(const char *file) {
    return (struct data_source){file, "none", "last", "none", "others", 0, 0};
}

static struct data *read_data(const struct data_source *source) {
    struct data *data;
    struct allometer_error error = {0};
    if (data_read(source, scratch_folder, &data, &error)) fail_msg("%s", error.message);
    return data;
}

static const char table[] = "a,lang,b,y\n1,fr,10,0.5\n2,de,20,1.5\n3,fr,30,2.5\n4,7,40,3.5\n";

static void columns_are_chosen(void **state) {
    (void)state;
    scratch_write("data_x.csv", table, strlen(table));
    struct data_source source = source_of("data_x.csv");
    source.subtask_column = "lang";
    struct data *data = read_data(&source);
    const float inputs[] = {1, 10, 2, 20, 3, 30, 4, 40}, targets[] = {0.5, 1.5, 2.5, 3.5};
    assert_int_equal(data->rows.n_rows, 4);
    assert_int_equal(data->rows.n_inputs, 2);
    assert_memory_equal(data->rows.inputs, inputs, sizeof inputs);
    assert_memory_equal(data->rows.targets, targets, sizeof targets);
    assert_int_equal(data->n_subtasks, 3); /* 7, de, fr */
    assert_memory_equal(data->rows.subtasks, ((int32_t[]){2, 1, 2, 0}), 4 * sizeof(int32_t));
    static const char *const names[] = {"7", "de", "fr"};
    for (int k = 0; k < 3; k++) assert_string_equal(data->rows.names[k], names[k]);
    const uint64_t checksum = data->checksum;
    data_free(data);

    source.inputs = "b , y", source.target = "a", source.is_standardized = 1;
    data = read_data(&source);
    const double first = -3 / 2.23606797749979; /* 10 .. 40 have mean 25 and deviation sqrt(125) */
    assert_close("standardized", (double)data->rows.inputs[0], first, 0, 1e-6);
    assert_close("last", (double)data->rows.inputs[7], -first, 0, 1e-6);
    assert_true(data->rows.targets[3] == 4 && data->checksum != checksum);
    data_free(data);
}

/* The mean of 60 ones is not quite one. */
static void constant_columns_are_standardized_to_zero(void **state) {
    (void)state;
    enum { N = 60 };
    char text[16 * N] = "one,x,y\n";
    for (int i = 0; i < N; i++) sprintf(text + strlen(text), "1,%d,%d\n", i, i);
    scratch_write("data_constant.csv", text, strlen(text));
    struct data_source source = source_of("data_constant.csv");
    source.is_standardized = 1;
    struct data *data = read_data(&source);
    for (int i = 0; i < N; i++) {
        assert_true(data->rows.inputs[2 * i] == 0);
        assert_true(data->rows.inputs[2 * i + 1] != 0);
    }
    data_free(data);
}

/* Seconds since 1970, of which single precision holds every 128th; and what is next to nothing in it. */
static void columns_far_from_zero_are_standardized(void **state) {
    (void)state;
    enum { N = 60 };
    char text[64 * N] = "seconds,small,y\n";
    for (int i = 0; i < N; i++) sprintf(text + strlen(text), "%d,%de-300,%d\n", 1700000000 + i, i, i);
    scratch_write("data_far.csv", text, strlen(text));
    struct data_source source = source_of("data_far.csv");
    source.is_standardized = 1;
    struct data *data = read_data(&source);
    for (int i = 0; i < N; i++) {
        const double expected = (i - (N - 1) / 2.0) / sqrt((N * N - 1) / 12.0);
        /* what single precision rounds, 6e-8 */
        assert_close("seconds", (double)data->rows.inputs[2 * i], expected, 0, 1e-7);
        assert_close("small", (double)data->rows.inputs[2 * i + 1], expected, 0, 1e-7);
    }
    data_free(data);
}

static void images_have_labels_beside_them(void **state) {
    (void)state;
    const char images[] = "\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\3\xc8\0\xff\1\2\3",
               labels[] = "\0\0\x08\1\0\0\0\2\1\0";
    scratch_write("data_images.idx", images, sizeof images - 1);
    scratch_write("data_labels.idx", labels, sizeof labels - 1);
    struct data_source source = source_of("data_images.idx");
    source.target_file = "data_labels.idx", source.n_classes = 2, source.subtask_column = "1";
    struct data *data = read_data(&source);
    assert_int_equal(data->rows.n_inputs, 2); /* all but the subtask's column */
    assert_memory_equal(data->rows.inputs, ((float[]){200, 255, 1, 3}), 4 * sizeof(float));
    assert_memory_equal(data->rows.targets, ((float[]){1, 0}), 2 * sizeof(float));
    assert_memory_equal(data->rows.subtasks, ((int32_t[]){0, 1}), 2 * sizeof(int32_t));
    data_free(data);

    const char several[] = "id,class,size\n7,1,0\n8,0,1\n";
    scratch_write("data_labels.csv", several, strlen(several));
    source.target_file = "data_labels.csv";
    static const char *const columns[] = {"class", "last"};
    for (int i = 0; i < 2; i++) {
        source.target = columns[i];
        data = read_data(&source);
        assert_memory_equal(data->rows.targets, ((float[]){1 - (float)i, (float)i}), 2 * sizeof(float));
        data_free(data);
    }
}

static void refuse(struct data_source source, const char *message) {
    struct data *data;
    struct allometer_error error = {0};
    assert_int_equal(data_read(&source, scratch_folder, &data, &error), ALLOMETER_BAD_INPUT);
    assert_null(data);
    if (!strstr(error.message, message)) fail_msg("'%s', expected '%s' in it", error.message, message);
}

static void bad_files_are_told_by_row_and_column(void **state) {
    (void)state;
    scratch_write("data_x.csv", table, strlen(table));
    const struct data_source good = source_of("data_x.csv");
    struct data_source source = good;
    refuse(source, "data_x.csv:2: column 'lang' is 'fr', expected a finite number");
    source.inputs = "a", source.target = "c";
    refuse(source, "no column 'c'");
    source = good, source.subtask_column = "lang", source.n_classes = 3;
    refuse(source, "data_x.csv:2: column 'y' is '0.5', expected a class from 0 to 2");
    source = good, source.inputs = "a,a,a,a,a";
    refuse(source, "data_x.csv: column 'a' is among the inputs twice");
    source = good, source.inputs = "a,y";
    refuse(source, "column 'y' is an input and the target");
    source = good, source.subtask_column = "y", source.inputs = "a,b";
    refuse(source, "column 'y' tells the subtask and is the target");
    source = good,
    source.inputs = "a , a column of a name of more than sixty-three bytes such as tables have";
    refuse(source, "no column 'a column of a name of more than sixty-three bytes such as tables have'");
    source = good, source.inputs = "";
    refuse(source, "no column is left");
    source = good, source.target_file = "data_labels.idx";
    refuse(source, "data_labels.idx: 2 rows, expected as many as in");
    refuse(source_of("data_absent.csv"), "data_absent.csv: No such file");
    refuse(source_of("."), "is no file");
    const char gap[] = "a,y\n1,2\n3,\n", ragged[] = "a,y\n1,2\n3\n", one[] = "a,y\n1,2\n";
    scratch_write("data_bad.csv", gap, strlen(gap));
    refuse(source_of("data_bad.csv"), "data_bad.csv:3: column 'y' is '', expected a finite number");
    const char missing[] = "a,y\n1,2\n3,NA\n";
    scratch_write("data_bad.csv", missing, strlen(missing));
    refuse(source_of("data_bad.csv"), "data_bad.csv:3: column 'y' is 'NA', expected a finite number");
    scratch_write("data_bad.csv", ragged, strlen(ragged));
    refuse(source_of("data_bad.csv"), "data_bad.csv:3: 1 fields, expected 2");
    scratch_write("data_bad.csv", one, strlen(one));
    refuse(source_of("data_bad.csv"), "data_bad.csv: 1 rows, expected 2 to");
    const char beyond[] = "a,y\n1,1\n3,2\n";
    scratch_write("data_bad.csv", beyond, strlen(beyond));
    source = source_of("data_bad.csv"), source.n_classes = 2;
    refuse(source, "data_bad.csv:3: column 'y' is '2', expected a class from 0 to 1");
    source = source_of("data_images.idx"), source.n_classes = 2;
    refuse(source, "data_images.idx: row 0, column 2 is 255, expected a class from 0 to 1");
    source = source_of("data_images.idx"), source.target = "3";
    refuse(source, "column '3', expected a number from 0 to 2");
    char many[8192] = "k,y,z\n";
    sprintf(many + strlen(many), "%063d,0,0\n%063dx,0,0\n", 0, 0);
    scratch_write("data_bad.csv", many, strlen(many));
    source = source_of("data_bad.csv"), source.subtask_column = "k", source.inputs = "y";
    refuse(source, "data_bad.csv:3: column 'k'");
    strcpy(many, "k,x,y\n");
    for (int k = 0; k < 257; k++) sprintf(many + strlen(many), "%d,0,0\n", k);
    scratch_write("data_bad.csv", many, strlen(many));
    source = source_of("data_bad.csv"), source.subtask_column = "k", source.inputs = "x";
    refuse(source, "data_bad.csv:258: column 'k' is '256', expected one of the 256 subtasks above");
}

static struct allometer_sweep *sweep_of(const char *text) {
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    scratch_write("data_sweep.yaml", text, strlen(text));
    if (allometer_sweep_load(scratch_path("data_sweep.yaml"), &sweep, &error)) fail_msg("%s", error.message);
    return sweep;
}

/* 90 rows: three subtasks of two inputs, whose target is a number, or its sign. */
static void write_rows(void) {
    char text[8192] = "a,b,k,y,c\n";
    for (int i = 0; i < 90; i++) {
        double a = (i * 37 % 90) / 45.0 - 1, b = (i * 53 % 90) / 45.0 - 1, y = i % 3 ? a * b : a - b;
        sprintf(text + strlen(text), "%.4f,%.4f,%d,%.4f,%d\n", a, b, i % 3, y, y > 0);
    }
    scratch_write("data_rows.csv", text, strlen(text));
}

static void networks_learn_rows_as_the_reference_does(void **state) {
    (void)state;
    static const char *const tasks[] = {"target: y", "target: y, control: true",
                                        "target: c, classes: 2, control: true"};
    write_rows();
    struct backend_under_test under_test = backend_under_test_open(2, 0);
    for (int t = 0; t < 3; t++) {
        char text[512];
        snprintf(
            text, sizeof text,
            "task: {data: {file: data_rows.csv, inputs: 'a,b', subtask_column: k, %s}}\n"
            "model: {width: 11, depth: %d}\ntrain: {steps: 60, batch: %s, learning_rate: 3.0e-3}\nseed: 5\n",
            tasks[t], 1 + t % 2, t == 1 ? "20" : "full");
        struct allometer_sweep *sweep = sweep_of(text);
        struct allometer_model model;
        struct allometer_result result, expected;
        struct allometer_error error = {0};
        if (allometer_sweep_model(sweep, 0, &model, NULL, &error)) fail_msg("%s", error.message);
        assert_int_equal(model.samples, 72);
        assert_int_equal(model.test_samples, 18);
        const size_t n = (size_t)allometer_n_parameters(&model);
        double *reference = calloc(n, sizeof *reference), *theta = calloc(n, sizeof *theta);
        float *weights = train_one(&under_test, &model, &result);
        for (size_t i = 0; i < n; i++) theta[i] = (double)weights[i];
        reference_train(&model, reference);
        reference_measure(&model, reference, &expected, NULL);
        assert_doubles_close(tasks[t], theta, reference, n, 0.1 * (double)model.learning_rate, 1e-3);
        assert_floats_close(tasks[t], result.loss, expected.loss, 3, 1e-6, 1e-2);
        if (model.data->n_classes)
            assert_floats_close("accuracy", result.accuracy, expected.accuracy, 3, 1e-6, 0);
        free(reference), free(theta), free(weights);
        allometer_sweep_free(sweep);
    }
    backend_under_test_close(&under_test);
}

/* Of four million weights: added up one by one, those that are small beside the sum would be lost. */
static void norms_of_many_weights_are_exact(void **state) {
    (void)state;
    enum { WIDE = 2048, ROWS = 2 };
    struct allometer_data rows = {
        ROWS, WIDE, 0, calloc(ROWS * WIDE, sizeof(float)), (const float[ROWS]){0}, (const int32_t[ROWS]){0},
        NULL};
    struct allometer_model model = case_model(WIDE, 1, (int32_t[]){ALLOMETER_FUNCTION_DATA}, 1);
    struct allometer_result result;
    model.data = &rows, model.mixed = 1;
    model.n_inputs = model.subtasks[0].n_inputs = WIDE;
    model.test_samples = 1, model.steps = 0;
    struct backend_under_test under_test = backend_under_test_open(1, 0);
    float *weights = train_one(&under_test, &model, &result);
    backend_under_test_close(&under_test);
    double l1 = 0, l2 = 0;
    for (int64_t i = 0; i < allometer_n_parameters(&model); i++) {
        const int64_t out = (int64_t)WIDE * (WIDE + 1);
        if ((i >= out - WIDE && i < out) || i == out + WIDE) continue; /* biases, not penalized */
        l1 += fabs((double)weights[i]), l2 += (double)weights[i] * (double)weights[i];
    }
    assert_close("l1", (double)result.l1_norm, l1, 0, 1e-5);
    assert_close("l2", (double)result.l2_norm_squared, l2, 0, 1e-5);
    free(weights), free((void *)(uintptr_t)rows.inputs);
}

/* The rows are the samples: keys that say how samples are drawn would change nothing. */
static void keys_of_drawn_samples_are_refused(void **state) {
    (void)state;
    static const char *const keys[] = {"composition: series}",
                                       "inputs: {samples: 50}}",
                                       "inputs: {low: 0}}",
                                       "inputs: {distribution: even}}",
                                       "scale: 1}\nmeasure: {samples: 9}",
                                       "scale: 1}\naxes: {task.inputs.samples: {values: [10, 20]}}"};
    static const char *const paths[] = {"task.composition", "task.inputs.samples",
                                        "task.inputs.low",  "task.inputs.distribution",
                                        "measure.samples",  "axes.task.inputs.samples"};
    write_rows();
    for (int i = 0; i < 6; i++) {
        char text[256], said[128];
        snprintf(text, sizeof text, "task: {data: {file: data_rows.csv, target: y}, %s\n", keys[i]);
        snprintf(said, sizeof said, "%s is given beside task.data.file", paths[i]);
        struct allometer_sweep *sweep;
        struct allometer_error error = {0};
        scratch_write("data_sweep.yaml", text, strlen(text));
        assert_int_equal(allometer_sweep_load(scratch_path("data_sweep.yaml"), &sweep, &error),
                         ALLOMETER_BAD_INPUT);
        if (!strstr(error.message, said)) fail_msg("%s\nexpected: %s", error.message, said);
    }
}

/* What is too much is told of the key that can change it. */
static void parts_of_long_files_are_limited(void **state) {
    (void)state;
    enum { ROWS = 70000 };
    char *rows = malloc(4 * (ROWS + 1));
    assert_non_null(rows);
    for (int i = 0; i <= ROWS; i++) memcpy(rows + 4 * i, i ? "1,2\n" : "x,y\n", 4);
    scratch_write("data_long.csv", rows, 4 * (ROWS + 1));
    free(rows);
    static const struct {
        double share;
        const char *said;
    } parts[] = {{0.01, "test_share is 0.01: 69300 rows to train on and 700 held out"},
                 {0.99, "test_share is 0.99: 700 rows to train on and 69300 held out"}};
    for (int i = 0; i < 2; i++) {
        char text[128];
        struct allometer_sweep *sweep;
        struct allometer_error error = {0};
        snprintf(text, sizeof text, "task: {data: {file: data_long.csv, test_share: %g}}\n", parts[i].share);
        scratch_write("data_sweep.yaml", text, strlen(text));
        assert_int_equal(allometer_sweep_load(scratch_path("data_sweep.yaml"), &sweep, &error),
                         ALLOMETER_BAD_INPUT);
        if (!strstr(error.message, parts[i].said)) fail_msg("%s", error.message);
        assert_non_null(strstr(error.message, "at most 65536"));
    }
}

/* A file that has changed makes another sweep. */
static void the_specification_knows_the_rows(void **state) {
    (void)state;
    const char sweep_file[] = "task: {data: {file: data_x.csv, subtask_column: lang}}\n";
    scratch_write("data_x.csv", table, strlen(table));
    struct allometer_sweep *one = sweep_of(sweep_file), *same = sweep_of(sweep_file);
    char changed[sizeof table];
    memcpy(changed, table, sizeof table);
    changed[strlen(changed) - 2] = '6';
    scratch_write("data_x.csv", changed, strlen(changed));
    struct allometer_sweep *other = sweep_of(sweep_file);
    assert_string_equal(allometer_sweep_specification(one), allometer_sweep_specification(same));
    assert_string_not_equal(allometer_sweep_specification(one), allometer_sweep_specification(other));
    allometer_sweep_free(one), allometer_sweep_free(same), allometer_sweep_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_chosen),
        cmocka_unit_test(constant_columns_are_standardized_to_zero),
        cmocka_unit_test(columns_far_from_zero_are_standardized),
        cmocka_unit_test(images_have_labels_beside_them),
        cmocka_unit_test(bad_files_are_told_by_row_and_column),
        cmocka_unit_test(keys_of_drawn_samples_are_refused),
        cmocka_unit_test(parts_of_long_files_are_limited),
        cmocka_unit_test(networks_learn_rows_as_the_reference_does),
        cmocka_unit_test(norms_of_many_weights_are_exact),
        cmocka_unit_test(the_specification_knows_the_rows),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
