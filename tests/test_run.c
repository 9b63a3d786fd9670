/* The run of a sweep on a backend that makes results up: whatever ends a run, going on gives the same store in the
   end. */
#include "scratch.h"
#include "compare.h"
#include "run.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static const char plain[] = "name: run\n"
                            "task:\n"
                            "  subtasks: [{function: square}]\n"
                            "model: {width: 3}\n"
                            "measure: {keep_weights: true}\n"
                            "axes:\n"
                            "  task.scale: {log: [1, 512], count: 5}\n"
                            "  seed: {count: 8}\n";
enum { M = 40 };

/* The backend's side of the story. */
struct allometer_device {
    int n_trained;       /* models handed back so far */
    int stop_after;      /* sets *stop after so many; -1: never */
    int fail_after;      /* fails after so many; -1: never */
    int microseconds;    /* that a model takes */
    int n_refused;       /* models that the run did not take */
    size_t most_at_once; /* the largest batch */
    volatile sig_atomic_t stop;
    /* After so many models the next one is stored behind the run's back. */
    const struct allometer_sweep *meddle_with;
    struct allometer_store *store;
    int meddle_after;
};

static const char *describe(const struct allometer_device *device) {
    (void)device;
    return "a fake";
}

static void make_up(const struct allometer_model *model, struct allometer_result *result, float *weights) {
    *result = (struct allometer_result){
        .steps = model->steps, .live = 1, .allocated = {3}, .allocated_ablation = {2}};
    result->status = model->seed == 5 ? ALLOMETER_MODEL_DIVERGED : ALLOMETER_MODEL_DONE;
    result->loss[0] = model->seed == 5 ? NAN : 1 / (model->scale + (float)model->seed);
    if (model->scale > 1000) result->loss[0] = model->scale > 2000 ? NAN : INFINITY;
    result->accuracy[0] = NAN;
    for (int64_t i = 0; i < allometer_n_parameters(model); i++) weights[i] = model->scale + (float)i;
}

static void meddle(struct allometer_device *device, uint64_t index) {
    struct allometer_error error;
    struct allometer_model model;
    struct allometer_axis_value values[3];
    struct allometer_result result;
    float weights[64];
    assert_ok(allometer_sweep_model(device->meddle_with, index, &model, values, &error), error);
    make_up(&model, &result, weights);
    assert_ok(allometer_store_add(device->store, index, &model, values, &result, weights, &error), error);
    assert_ok(allometer_store_commit(device->store, &error), error);
}

/* Backwards: the run promises nothing about order. */
static enum allometer_code train(struct allometer_device *device, const struct allometer_training *training,
                                 struct allometer_error *error) {
    enum allometer_code code = ALLOMETER_OK;
    if (training->n_models > device->most_at_once) device->most_at_once = training->n_models;
    for (size_t i = training->n_models; i-- > 0 && !code;) {
        if (training->stop && *training->stop)
            return allometer_fail(error, ALLOMETER_INTERRUPTED, "interrupted");
        if (device->n_trained == device->fail_after)
            return allometer_fail(error, ALLOMETER_FAILED, "the fake broke");
        struct allometer_result result;
        float *weights = malloc((size_t)allometer_n_parameters(&training->models[i]) * sizeof *weights);
        assert_non_null(weights);
        make_up(&training->models[i], &result, weights);
        if (device->meddle_with && device->n_trained == device->meddle_after) meddle(device, i);
        if (device->microseconds) usleep((useconds_t)device->microseconds);
        code = training->done(training->user, i, &result, training->keep_weights ? weights : NULL, error);
        free(weights);
        device->n_refused += code != ALLOMETER_OK;
        if (++device->n_trained == device->stop_after) device->stop = 1;
    }
    return code;
}

static const struct allometer_backend fake = {.name = "fake", .describe = describe, .train = train};

static struct allometer_device device_new(void) {
    return (struct allometer_device){.stop_after = -1, .fail_after = -1};
}

static enum allometer_code run(const char *name, const struct allometer_sweep *sweep,
                               struct allometer_device *device, struct allometer_run_options options,
                               struct allometer_run_progress *progress, struct allometer_error *error) {
    struct allometer_store *store;
    struct allometer_error closing;
    options.stop = &device->stop;
    assert_ok(allometer_store_open(scratch_path(name), sweep, &store, error), *error);
    enum allometer_code code = allometer_run(sweep, store, &fake, device, &options, progress, error);
    assert_ok(allometer_store_close(store, &closing), closing);
    return code;
}

static char *export(const char *name) {
    struct allometer_error error;
    FILE *file = fopen(scratch_path("export"), "w");
    assert_ok(allometer_store_export(scratch_path(name), ALLOMETER_STORE_RESULTS, ALLOMETER_STORE_CSV, file,
                                     &error),
              error);
    assert_int_equal(fclose(file), 0);
    return scratch_read("export", NULL);
}

static void assert_same_results(const char *one, const char *other) {
    char *a = export(one), *b = export(other);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void test_all_models_are_trained_once(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    for (size_t window = 1; window <= 64; window *= 4) {
        struct allometer_device device = device_new();
        struct allometer_run_progress progress;
        struct allometer_store_summary summary;
        char name[16];
        snprintf(name, sizeof name, "%zu.db", window);
        assert_ok(
            run(name, sweep, &device, (struct allometer_run_options){.window = window}, &progress, &error),
            error);
        assert_int_equal(device.n_trained, M);
        assert_true(device.most_at_once <= window);
        assert_int_equal(progress.n_models, M);
        assert_int_equal(progress.n_done, M);
        assert_int_equal(progress.n_trained, M);
        assert_int_equal(progress.n_diverged, 5);
        assert_true(progress.seconds_left == 0);
        assert_ok(allometer_store_summarize(scratch_path(name), &summary, &error), error);
        assert_int_equal(summary.n_stored, M);
        assert_int_equal(summary.n_diverged, 5);
        assert_int_equal(summary.n_weights, M);
        assert_same_results("1.db", name);
        /* Once more: nothing is left to do. */
        assert_ok(run(name, sweep, &device, (struct allometer_run_options){0}, &progress, &error), error);
        assert_int_equal(device.n_trained, M);
        assert_int_equal(progress.n_trained, 0);
        assert_int_equal(progress.n_diverged, 5);
    }
    allometer_sweep_free(sweep);
}

/* The last step may be the one that goes too far, if only for one subtask. */
static void test_an_infinite_loss_is_a_diverged_model(void **state) {
    (void)state;
    struct allometer_sweep *sweep = scratch_sweep("task: {subtasks: [{function: square}, {function: cube}]}\n"
                                                  "model: {width: 3}\n"
                                                  "axes: {task.scale: {values: [1, 2000, 3000]}}\n");
    struct allometer_error error;
    struct allometer_run_progress progress;
    struct allometer_device device = device_new();
    assert_ok(run("runs.db", sweep, &device, (struct allometer_run_options){0}, &progress, &error), error);
    assert_int_equal(progress.n_diverged, 2);
    char *text = export("runs.db");
    assert_non_null(strstr(text, ",done,10000,0,0,0,1,0,0,0,0,square,1,1,,3,2\n"));
    assert_non_null(strstr(text, ",diverged,10000,0,,,0,0,0,0,0,square,1,,,0,0"));
    free(text);
    allometer_sweep_free(sweep);
}

/* Whose read-out tells it, in the layers' rows: of a training as it is, not one that is made up. */
static void test_an_inner_subtask_has_the_loss_of_its_best_layer(void **state) {
    (void)state;
    enum { SEEDS = 12, L = 3 };
    static const char *const names[] = {"model", "subtask", "layer", "loss", "readout_loss"};
    struct allometer_sweep *sweep =
        scratch_sweep("task: {subtasks: [{series: [{function: square}, {function: sine}]}]}\n"
                      "model: {width: 4, depth: 3}\n"
                      "train: {steps: 20}\n"
                      "axes: {seed: {count: 12}}\n");
    struct allometer_error error;
    struct allometer_device *device;
    struct allometer_store *store;
    struct allometer_table *table;
    double *cells[5], least[SEEDS], last[SEEDS], loss[SEEDS];
    assert_ok(allometer_cpu.open(&device, &(struct allometer_device_options){.threads = 1}, &error), error);
    assert_ok(allometer_store_open(scratch_path("series.db"), sweep, &store, &error), error);
    assert_ok(allometer_run(sweep, store, &allometer_cpu, device, NULL, NULL, &error), error);
    assert_ok(allometer_store_close(store, &error), error);
    allometer_cpu.close(device);
    FILE *file = fopen(scratch_path("layers.csv"), "w");
    assert_ok(allometer_store_export(scratch_path("series.db"), ALLOMETER_STORE_LAYERS, ALLOMETER_STORE_CSV,
                                     file, &error),
              error);
    assert_int_equal(fclose(file), 0);
    assert_ok(allometer_table_read_csv(scratch_path("layers.csv"), &table, &error), error);
    for (int i = 0; i < 5; i++) {
        size_t column;
        assert_ok(allometer_table_find_number(table, names[i], &column, &error), error);
        cells[i] = table->columns[column].numbers;
    }
    for (int m = 0; m < SEEDS; m++) least[m] = INFINITY;
    for (size_t row = 0; row < table->n_rows; row++) {
        const int m = (int)cells[0][row];
        if (cells[1][row] != 0) continue;
        least[m] = fmin(least[m], cells[4][row]), loss[m] = cells[3][row];
        if (cells[2][row] == L) last[m] = cells[4][row];
    }
    int n_before_last = 0;
    for (int m = 0; m < SEEDS; m++) n_before_last += least[m] < last[m];
    assert_in_range(n_before_last, 1, SEEDS);
    assert_doubles_close("loss of the inner subtask", loss, least, SEEDS, 0, 0);
    allometer_table_free(table);
    allometer_sweep_free(sweep);
}

static void test_a_stop_at_every_point_is_resumed(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_device device = device_new();
    assert_ok(run("whole.db", sweep, &device, (struct allometer_run_options){0}, NULL, &error), error);
    for (int at = 1; at < M; at++) {
        struct allometer_run_progress progress;
        struct allometer_run_options options = {.window = 7};
        device = device_new();
        device.stop_after = at;
        assert_code(run("stopped.db", sweep, &device, options, &progress, &error), ALLOMETER_INTERRUPTED,
                    error);
        assert_int_equal(progress.n_done, at);
        device = device_new();
        assert_ok(run("stopped.db", sweep, &device, options, &progress, &error), error);
        assert_int_equal(device.n_trained, M - at);
        assert_int_equal(progress.n_done, M);
        assert_same_results("whole.db", "stopped.db");
        assert_int_equal(unlink(scratch_path("stopped.db")), 0);
    }
    allometer_sweep_free(sweep);
}

static void test_a_failing_backend_loses_nothing(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_device device = device_new();
    struct allometer_run_progress progress;
    device.fail_after = 11;
    assert_code(run("runs.db", sweep, &device, (struct allometer_run_options){0}, &progress, &error),
                ALLOMETER_FAILED, error);
    assert_string_equal(error.message, "the fake broke");
    assert_int_equal(progress.n_done, 11);
    device = device_new();
    assert_ok(run("runs.db", sweep, &device, (struct allometer_run_options){0}, &progress, &error), error);
    assert_int_equal(progress.n_trained, M - 11);
    allometer_sweep_free(sweep);
}

static void test_shards_share_the_models_and_merge(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_device device = device_new();
    assert_ok(run("whole.db", sweep, &device, (struct allometer_run_options){0}, NULL, &error), error);
    enum { N = 3 };
    const char *inputs[N];
    uint64_t n_all = 0;
    for (unsigned shard = 1; shard <= N; shard++) {
        struct allometer_run_progress progress;
        char name[16];
        snprintf(name, sizeof name, "%u.db", shard);
        const struct allometer_run_options options = {.shard = shard, .n_shards = N, .window = 4};
        device = device_new();
        assert_ok(run(name, sweep, &device, options, &progress, &error), error);
        assert_int_equal(progress.n_models, progress.n_done);
        assert_int_equal(progress.n_models, device.n_trained);
        n_all += progress.n_models;
        inputs[shard - 1] = scratch_path(name);
    }
    assert_int_equal(n_all, M);
    assert_ok(allometer_store_merge(scratch_path("merged.db"), inputs, N, NULL, &error), error);
    assert_same_results("whole.db", "merged.db");
    assert_code(run("whole.db", sweep, &device, (struct allometer_run_options){.shard = 4, .n_shards = 3},
                    NULL, &error),
                ALLOMETER_BAD_INPUT, error);
    assert_says(error, "shard 4 of 3");
    allometer_sweep_free(sweep);
}

/* A model stored behind the run's back cannot be stored again: the run ends with that error, long before the end. */
static void test_failing_to_store_ends_the_training(void **state) {
    (void)state;
    struct allometer_error error, closing;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_device device = device_new();
    device.microseconds = 20000;
    device.meddle_with = sweep;
    device.meddle_after = 3;
    assert_ok(allometer_store_open(scratch_path("runs.db"), sweep, &device.store, &error), error);
    struct allometer_run_options options = {0};
    struct allometer_run_progress progress;
    assert_code(allometer_run(sweep, device.store, &fake, &device, &options, &progress, &error),
                ALLOMETER_FAILED, error);
    assert_says(error, "runs.db: ");
    assert_int_equal(device.n_refused, 1);
    assert_true(device.n_trained < M);
    assert_ok(allometer_store_close(device.store, &closing), closing);

    /* Whole models or none, and going on works. */
    device = device_new();
    assert_ok(run("runs.db", sweep, &device, options, &progress, &error), error);
    assert_int_equal(progress.n_done, M);
    device = device_new();
    assert_ok(run("whole.db", sweep, &device, options, &progress, &error), error);
    assert_same_results("whole.db", "runs.db");
    allometer_sweep_free(sweep);
}

/* Each under its own number, also where results come faster than they are stored: many of them, and few with more weights
   than the queue takes. */
static void test_more_results_than_the_queue_holds(void **state) {
    (void)state;
    static const struct { int width, depth, n_models; } cases[] = {{3, 1, 5000}, {1024, 2, 7}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct allometer_error error;
        struct allometer_sweep *sweep =
            scratch_sweep("name: run\ntask: {subtasks: [{function: square}]}\nmodel: {width: %d, depth: %d}\n"
                          "measure: {keep_weights: true}\naxes: {seed: {count: %d}}\n",
                          cases[c].width, cases[c].depth, cases[c].n_models);
        struct allometer_device device = device_new();
        struct allometer_table *table;
        uint64_t n_diverged;
        assert_ok(run("runs.db", sweep, &device, (struct allometer_run_options){0}, NULL, &error), error);
        assert_ok(allometer_store_read_table(scratch_path("runs.db"), &table, &n_diverged, &error), error);
        size_t loss, seed;
        assert_ok(allometer_table_find(table, "loss", &loss, &error), error);
        assert_ok(allometer_table_find(table, "seed", &seed, &error), error);
        assert_int_equal(n_diverged, 1);
        assert_int_equal(table->n_rows, cases[c].n_models - 1);
        for (size_t row = 0; row < table->n_rows; row++)
            assert_true(table->columns[loss].numbers[row]
                        == (double)(1 / (1 + (float)table->columns[seed].numbers[row])));
        allometer_table_free(table);
        assert_int_equal(unlink(scratch_path("runs.db")), 0);
        allometer_sweep_free(sweep);
    }
}

struct told {
    int n_calls;
    uint64_t first, last;
    int is_monotonic;
    double models_left, left_at_this_rate;
};

static void listen(void *user, const struct allometer_run_progress *progress) {
    struct told *told = user;
    if (told->n_calls++ == 0) told->first = progress->n_done;
    told->is_monotonic &= progress->n_done >= told->last;
    told->last = progress->n_done;
    if (progress->n_trained && progress->n_done < progress->n_models) {
        told->models_left = (double)(progress->n_models - progress->n_done);
        told->left_at_this_rate = progress->seconds_left * progress->models_per_second;
    }
}

static void test_progress_is_told(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_device device = device_new();
    struct told told = {.is_monotonic = 1};
    device.microseconds = 2000;
    const struct allometer_run_options options = {
        .progress = listen, .progress_seconds = 0.01, .user = &told};
    assert_ok(run("runs.db", sweep, &device, options, NULL, &error), error);
    assert_true(told.n_calls >= 4);
    assert_int_equal(told.first, 0);
    assert_int_equal(told.last, M);
    assert_true(told.is_monotonic);
    assert_true(told.models_left > 0);
    assert_close("models left", told.left_at_this_rate, told.models_left, 0, 1e-12);
    allometer_sweep_free(sweep);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_all_models_are_trained_once),
        TEST(test_an_infinite_loss_is_a_diverged_model),
        TEST(test_a_stop_at_every_point_is_resumed),
        TEST(test_a_failing_backend_loses_nothing),
        TEST(test_shards_share_the_models_and_merge),
        TEST(test_failing_to_store_ends_the_training),
        TEST(test_more_results_than_the_queue_holds),
        TEST(test_progress_is_told),
        TEST(test_an_inner_subtask_has_the_loss_of_its_best_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
