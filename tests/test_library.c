/* The library in a program that is not ours: options that make no sense, several threads, a decimal comma. */
#include "allometer.h"
#include "scratch.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

static const char sweep_text[] = "name: small\n"
                                 "task: {subtasks: [{function: square}], inputs: {samples: 32}}\n"
                                 "model: {width: 4}\n"
                                 "train: {steps: 50}\n"
                                 "axes: {seed: {count: 12}}\n";
enum { M = 12 };

struct objects {
    struct allometer_device *device;
    struct allometer_sweep *sweep;
    struct allometer_table *table;
    struct allometer_model models[M];
    struct allometer_fit_options options;
};

static void objects_start(struct objects *objects) {
    struct allometer_error error;
    memset(objects, 0, sizeof *objects);
    assert_ok(allometer_cpu.open(&objects->device, &(struct allometer_device_options){.threads = 2}, &error),
              error);
    assert_ok(allometer_sweep_parse("memory", sweep_text, strlen(sweep_text), &objects->sweep, &error),
              error);
    for (size_t m = 0; m < M; m++)
        assert_ok(allometer_sweep_model(objects->sweep, m, &objects->models[m], NULL, &error), error);
    objects->table = allometer_table_new("memory");
    assert_ok(allometer_table_add_column(objects->table, "n", &error), error);
    assert_ok(allometer_table_add_column(objects->table, "loss", &error), error);
    for (int i = 0; i < 20; i++) {
        const double n = pow(1.5, i + 1), loss = (0.5 + 3 * pow(n, -0.4)) * (1 + 0.01 * sin(7 * i));
        assert_ok(allometer_table_add_row(objects->table, 0, &error), error);
        allometer_table_put_number(objects->table, 0, n);
        allometer_table_put_number(objects->table, 1, loss);
    }
    objects->options = (struct allometer_fit_options){.law = allometer_law_find("power-offset"),
                                                      .objective = ALLOMETER_OBJECTIVE_MSLE,
                                                      .x = {"n"},
                                                      .y = "loss",
                                                      .bootstrap = 40,
                                                      .confidence = 0.95,
                                                      .backend = &allometer_cpu,
                                                      .device = objects->device,
                                                      .bands = 1,
                                                      .n_curve = 20};
}

static void objects_end(struct objects *objects) {
    allometer_table_free(objects->table);
    allometer_sweep_free(objects->sweep);
    allometer_cpu.close(objects->device);
}

static enum allometer_code keep_loss(void *user, size_t index, const struct allometer_result *result,
                                     const float *weights, struct allometer_error *error) {
    (void)weights, (void)error;
    ((float *)user)[index] = result->loss[0];
    return ALLOMETER_OK;
}

/* Each changes one thing of options that are right; the message must name it. */
static void refuses_fit_options(void **state) {
    (void)state;
    struct objects objects;
    objects_start(&objects);
    const struct allometer_fit_options right = objects.options;
    struct {
        const char *word;
        struct allometer_fit_options options;
    } wrong[] = {{"law", right},      {"column x", right},   {"column y", right},   {"backend", right},
                 {"device", right},   {"confidence", right}, {"confidence", right}, {"bootstrap", right},
                 {"n_curve", right},  {"threads", right},    {"max_iter", right},   {"objective", right},
                 {"delta", right},    {"filters", right},    {"settings", right},   {"train column", right},
                 {"threads", right},  {"group col", right},  {"a filter", right},   {"a setting", right},
                 {"quantity", right}, {"comparison", right}, {"comparison", right}, {"finite", right},
                 {"finite", right}};
    wrong[0].options.law = allometer_law_find("no such law");
    wrong[1].options.x[0] = NULL;
    wrong[2].options.y = NULL;
    wrong[3].options.backend = NULL;
    wrong[4].options.device = NULL;
    wrong[5].options.confidence = 95;
    wrong[6].options.confidence = NAN;
    wrong[7].options.bootstrap = -1;
    wrong[8].options.n_curve = -1;
    wrong[9].options.threads = -1;
    wrong[10].options.max_iterations = -1;
    wrong[11].options.objective = ALLOMETER_OBJECTIVE_COUNT;
    wrong[12].options.objective = ALLOMETER_OBJECTIVE_HUBER;
    wrong[13].options.n_filters = 1;
    wrong[14].options.n_settings = 1;
    wrong[15].options.train_column = "n";
    wrong[16].options.threads = ALLOMETER_MAX_THREADS + 1;
    wrong[17].options.groups = (const char *[]){NULL}, wrong[17].options.n_groups = 1;
    wrong[18].options.filters = (struct allometer_fit_filter[]){{.column = "n"}},
    wrong[18].options.n_filters = 1;
    wrong[19].options.settings = (struct allometer_fit_setting[]){{0}}, wrong[19].options.n_settings = 1;
    wrong[20].options.quantities = (struct allometer_fit_quantity[]){{"q", NULL}};
    wrong[20].options.n_quantities = 1;
    wrong[21].options.filters = (struct allometer_fit_filter[]){{"n", "1", (enum allometer_comparison)6}};
    wrong[21].options.n_filters = 1;
    wrong[22].options.train_column = "n", wrong[22].options.train_value = "1";
    wrong[22].options.train_comparison = (enum allometer_comparison)6;
    wrong[23].options.settings = (struct allometer_fit_setting[]){{"a", INFINITY, NAN, NAN}};
    wrong[24].options.settings = (struct allometer_fit_setting[]){{"b", NAN, INFINITY, INFINITY}};
    wrong[23].options.n_settings = wrong[24].options.n_settings = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct allometer_error error;
        struct allometer_fits *fits;
        assert_int_equal(allometer_fit(objects.table, &wrong[i].options, &fits, &error), ALLOMETER_BAD_INPUT);
        assert_null(fits);
        if (!strstr(error.message, wrong[i].word))
            fail_msg("'%s' says nothing of %s", error.message, wrong[i].word);
    }
    objects_end(&objects);
}

static void refuses_models(void **state) {
    (void)state;
    struct objects objects;
    struct allometer_error error;
    float loss[M];
    objects_start(&objects);
    struct allometer_training training = {.models = objects.models, .n_models = M, .user = loss};
    assert_int_equal(allometer_cpu.train(objects.device, &training, &error), ALLOMETER_BAD_INPUT);
    training.done = keep_loss;
    objects.models[M - 1].width = -1;
    assert_int_equal(allometer_model_check(&objects.models[M - 1], &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "model.width is -1"));
    training.n_models = 0;
    assert_ok(allometer_cpu.train(objects.device, &training, &error), error);
    training = (struct allometer_training){.n_models = 1, .done = keep_loss};
    assert_int_equal(allometer_cpu.train(objects.device, &training, &error), ALLOMETER_BAD_INPUT);
    assert_null(allometer_backend_find(NULL, &error));
    assert_null(allometer_law_find(NULL));
    struct allometer_device *device;
    const struct allometer_device_options many = {.threads = ALLOMETER_MAX_THREADS + 1};
    assert_int_equal(allometer_cpu.open(&device, &many, &error), ALLOMETER_BAD_INPUT);
    assert_null(device);
    double value = 0;
    const double x = 2, *const columns[] = {&x};
    allometer_law_evaluate(allometer_law_find("auto"), &x, columns, 1, &value, NULL);
    assert_true(isnan(value));
    objects_end(&objects);
}

static void refuses_sweeps_and_stores(void **state) {
    (void)state;
    struct objects objects;
    struct allometer_error error;
    struct allometer_sweep *empty, *other;
    struct allometer_store *store;
    struct allometer_axis_value values[1];
    struct allometer_model model;
    struct allometer_result result = {.status = ALLOMETER_MODEL_DONE};
    struct allometer_store_summary summary;
    objects_start(&objects);
    assert_int_equal(allometer_sweep_parse("memory", NULL, 0, &empty, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "memory:1: the file is empty"));
    assert_int_equal(allometer_store_merge(scratch_path("all.db"), NULL, 0, &summary, &error),
                     ALLOMETER_BAD_INPUT);

    assert_ok(allometer_store_open(scratch_path("runs.db"), objects.sweep, &store, &error), error);
    assert_ok(allometer_sweep_model(objects.sweep, 0, &model, values, &error), error);
    assert_int_equal(allometer_store_add(store, 0, &model, values, &result, NULL, &error),
                     ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "allometer_store_begin"));
    assert_int_equal(allometer_store_add(store, M, &model, values, &result, NULL, &error),
                     ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "model 12, expected one below 12"));

    const struct allometer_store_run run = {"cpu", "a device", "", 1, 1};
    uint64_t n_stored, n_diverged;
    assert_ok(allometer_store_begin(store, &run, &error), error);
    assert_ok(allometer_store_add(store, 0, &model, values, &result, NULL, &error), error);
    assert_int_equal(allometer_store_add(store, 0, &model, values, &result, NULL, &error), ALLOMETER_FAILED);
    assert_non_null(strstr(error.message, "model 0 is stored already"));
    assert_ok(allometer_store_add(store, 1, &model, values, &result, NULL, &error), error);
    assert_ok(allometer_store_commit(store, &error), error);
    assert_ok(allometer_store_count(store, 1, 1, &n_stored, &n_diverged, &error), error);
    assert_int_equal(n_stored, 2); /* the first was not lost with the one that was refused */

    static const char other_text[] = "name: other\ntask: {subtasks: [{function: cube}]}\n";
    assert_ok(allometer_sweep_parse("memory", other_text, strlen(other_text), &other, &error), error);
    struct allometer_run_progress finished = {.n_done = 7};
    assert_int_equal(allometer_run(other, store, &allometer_cpu, objects.device, NULL, &finished, &error),
                     ALLOMETER_BAD_INPUT);
    assert_int_equal(finished.n_done, 0);
    assert_non_null(strstr(error.message, "'other', but the store was opened with another, 'small'"));
    assert_int_equal(allometer_run(objects.sweep, store, NULL, NULL, NULL, NULL, &error),
                     ALLOMETER_BAD_INPUT);
    assert_int_equal(allometer_run(objects.sweep, store, &allometer_cpu, NULL, NULL, NULL, &error),
                     ALLOMETER_BAD_INPUT);
    assert_ok(allometer_store_close(store, &error), error);
    assert_ok(allometer_store_summarize(scratch_path("runs.db"), &summary, &error), error);
    assert_int_equal(summary.n_stored, 2);
    allometer_sweep_free(other);
    objects_end(&objects);
}

struct work {
    struct objects *objects;
    float loss[M];
    double values[3], upper[3];
};

/* No assertion here: cmocka's are for one thread. What fails stays 0. */
static void *train_and_fit(void *argument) {
    struct work *work = argument;
    struct allometer_fits *fits;
    const struct allometer_training training = {
        .models = work->objects->models, .n_models = M, .done = keep_loss, .user = work->loss};
    allometer_cpu.train(work->objects->device, &training, NULL);
    if (allometer_fit(work->objects->table, &work->objects->options, &fits, NULL) == ALLOMETER_OK) {
        memcpy(work->values, fits->groups[0].values, sizeof work->values);
        memcpy(work->upper, fits->groups[0].upper, sizeof work->upper);
    }
    allometer_fits_free(fits);
    return NULL;
}

static void works_in_threads(void **state) {
    (void)state;
    struct objects objects;
    objects_start(&objects);
    struct work alone = {.objects = &objects}, work[3] = {alone, alone, alone};
    pthread_t threads[3];
    train_and_fit(&alone);
    assert_true(alone.loss[M - 1] > 0 && alone.upper[0] > alone.values[0]);
    for (int t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, train_and_fit, &work[t]), 0);
    for (int t = 0; t < 3; t++) {
        pthread_join(threads[t], NULL);
        assert_memory_equal(&work[t], &alone, sizeof alone);
    }
    objects_end(&objects);
}

/* Everything that holds numbers and is written, in one file. */
static void write_all(const char *name) {
    struct objects objects;
    struct allometer_error error;
    struct allometer_plan plan;
    struct allometer_fits *fits;
    struct allometer_law *law;
    const char *columns[] = {"n"};
    objects_start(&objects);
    FILE *file = fopen(scratch_path(name), "w");
    assert_non_null(file);
    assert_ok(allometer_plan_make(objects.sweep, NULL, &plan, &error), error);
    plan.seconds = 0.125;
    allometer_plan_print(&plan, objects.sweep, file);
    allometer_plan_print_json(&plan, objects.sweep, file);
    fputs(allometer_sweep_specification(objects.sweep), file);
    for (int i = 0; i < 2; i++) {
        assert_ok(allometer_law_parse("0.5*a + b*n^-0.4", columns, 1, &law, &error), error);
        if (i) objects.options.law = law;
        assert_ok(allometer_fit(objects.table, &objects.options, &fits, &error), error);
        assert_ok(allometer_fits_print(fits, file, &error), error);
        assert_ok(allometer_fits_write_json(fits, file, &error), error);
        if (!i && system("gnuplot --version >/dev/null 2>&1") == 0)
            assert_ok(allometer_fits_plot(fits, scratch_path("picture.svg"), 0, &error), error);
        allometer_fits_free(fits);
        allometer_law_free(law);
    }
    assert_int_equal(fclose(file), 0);
    objects_end(&objects);
}

static void writes_points_where_commas_are_used(void **state) {
    (void)state;
    char command[256];
    write_all("point");
    snprintf(command, sizeof command, "localedef -f UTF-8 -i de_DE '%s/de_DE.UTF-8' >/dev/null 2>&1",
             scratch_folder);
    if (system(command) == 0) setenv("LOCPATH", scratch_folder, 1);
    if (!setlocale(LC_ALL, "de_DE.UTF-8") || *localeconv()->decimal_point != ',') {
        print_message("skipped: no locale with a decimal comma\n");
        skip();
    }
    write_all("comma");
    assert_string_equal(setlocale(LC_ALL, NULL), "de_DE.UTF-8");
    snprintf(command, sizeof command, "%.1f", 0.5);
    assert_string_equal(command, "0,5"); /* what was changed for a while is as before */
    setlocale(LC_ALL, "C");
    char *point = scratch_read("point", NULL), *comma = scratch_read("comma", NULL);
    assert_string_equal(point, comma);
    free(point);
    free(comma);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_fit_options),
        cmocka_unit_test(refuses_models),
        cmocka_unit_test_setup_teardown(refuses_sweeps_and_stores, scratch_make, scratch_remove),
        cmocka_unit_test(works_in_threads),
        cmocka_unit_test_setup_teardown(writes_points_where_commas_are_used, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
