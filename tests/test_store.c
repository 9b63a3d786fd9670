/* The store: what goes in comes out bit for bit, whatever the order and however often it was closed; what is not ours is
   refused and left as it was. */
#include "scratch.h"
#include "store.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char plain[] = "name: stored\n"
                            "task:\n"
                            "  subtasks: [{function: square, weight: 0.75}, {function: parity, bits: 3}]\n"
                            "model: {width: 5}\n"
                            "train: {steps: 10}\n"
                            "axes:\n"
                            "  task.scale: {log: [1, 512], count: 6}\n"
                            "  train.optimizer: {values: [adam, sgd]}\n"
                            "  seed: {start: 3, count: 4}\n";
enum { M = 6 * 2 * 4 };

/* A result that depends on the model's index alone, with all kinds of floats. */
static struct allometer_result result_of(uint64_t index) {
    uint32_t bits = (uint32_t)index * 2654435761u & 0xbfffffffu; /* any float but infinity and NaN */
    float odd;
    memcpy(&odd, &bits, sizeof odd);
    struct allometer_result result = {
        .status = index % 7 == 6 ? ALLOMETER_MODEL_DIVERGED : ALLOMETER_MODEL_DONE,
        .steps = 10,
        .train_loss = odd,
        .l1_norm = 0.1f + (float)index,
        .l2_norm_squared = index % 7 == 6 ? INFINITY : 1e-42f, /* a denormal */
        .live = 4,
        .loss = {1.0f / (float)(index + 3), index % 7 == 6 ? NAN : 0.3f},
        .accuracy = {NAN, 0.875f},
        .allocated = {(int32_t)index, 2},
        .allocated_ablation = {1, 0},
        .seconds = 0.5,
    };
    return result;
}

static void add(struct allometer_store *store, const struct allometer_sweep *sweep, uint64_t index,
                const struct allometer_result *result) {
    struct allometer_error error;
    struct allometer_model model;
    struct allometer_axis_value values[8];
    float weights[5 * (4 + 1 + 3) + 3];
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) weights[i] = (float)index + (float)i / 64;
    assert_ok(allometer_sweep_model(sweep, index, &model, values, &error), error);
    assert_int_equal(allometer_n_parameters(&model), sizeof weights / sizeof *weights);
    assert_ok(allometer_store_add(store, index, &model, values, result, weights, &error), error);
}

static struct allometer_store *open_store(const char *name, const struct allometer_sweep *sweep) {
    struct allometer_error error;
    struct allometer_store *store;
    assert_ok(allometer_store_open(scratch_path(name), sweep, &store, &error), error);
    assert_ok(
        allometer_store_begin(store, &(struct allometer_store_run){"fake", "a fake", "none", 1, 1}, &error),
        error);
    return store;
}

/* Stores the models first, first + step, ... below M. */
static void fill(const char *name, const struct allometer_sweep *sweep, int first, int step) {
    struct allometer_error error;
    struct allometer_store *store = open_store(name, sweep);
    for (int i = first; i < M && i >= 0; i += step) {
        struct allometer_result result = result_of((uint64_t)i);
        add(store, sweep, (uint64_t)i, &result);
    }
    assert_ok(allometer_store_close(store, &error), error);
}

static char *export(const char *name, enum allometer_store_format format) {
    struct allometer_error error;
    FILE *file = fopen(scratch_path("export"), "w");
    assert_ok(allometer_store_export(scratch_path(name), format, file, &error), error);
    assert_int_equal(fclose(file), 0);
    return scratch_read("export", NULL);
}

static double cell(const struct allometer_table *table, const char *column, size_t row) {
    struct allometer_error error;
    size_t at;
    assert_ok(allometer_table_find(table, column, &at, &error), error);
    return table->columns[at].numbers[row];
}

static void test_results_come_back_bit_for_bit(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("runs.db", sweep, 0, 1);
    struct allometer_table *table;
    uint64_t n_diverged;
    assert_ok(allometer_store_read_table(scratch_path("runs.db"), &table, &n_diverged, &error), error);
    assert_int_equal(n_diverged, M / 7);
    assert_int_equal(table->n_rows, 2 * (M - M / 7));
    for (size_t row = 0; row < table->n_rows; row++) {
        uint64_t index = (uint64_t)cell(table, "model", row);
        int k = (int)cell(table, "subtask", row);
        assert_int_equal(k, row % 2);
        struct allometer_result expected = result_of(index);
        struct allometer_model model;
        struct allometer_axis_value values[3];
        assert_ok(allometer_sweep_model(sweep, index, &model, values, &error), error);
        assert_true(cell(table, "train_loss", row) == expected.train_loss);
        assert_true(cell(table, "l2_norm_squared", row) == expected.l2_norm_squared);
        assert_true(cell(table, "loss", row) == expected.loss[k]);
        assert_true(k ? cell(table, "accuracy", row) == 0.875 : isnan(cell(table, "accuracy", row)));
        assert_true(cell(table, "allocated", row) == expected.allocated[k]);
        assert_true(cell(table, "task.scale", row) == values[0].number);
        assert_true(cell(table, "seed", row) == (double)model.seed);
        assert_true(cell(table, "weight", row) == model.subtasks[k].weight);
        assert_true(cell(table, "parameters", row) == (double)allometer_n_parameters(&model));
    }
    allometer_table_free(table);

    /* The text says the same: what the table read from CSV holds is what the store holds. */
    free(export("runs.db", ALLOMETER_STORE_CSV));
    assert_ok(allometer_table_read_csv(scratch_path("export"), &table, &error), error);
    assert_int_equal(table->n_rows, 2 * M);
    for (size_t row = 0; row < table->n_rows; row++) {
        struct allometer_result expected = result_of(row / 2);
        assert_true(cell(table, "train_loss", row) == expected.train_loss);
        if (isnan(expected.loss[row % 2]))
            assert_true(isnan(cell(table, "loss", row)));
        else
            assert_true(cell(table, "loss", row) == expected.loss[row % 2]);
    }
    allometer_table_free(table);
    allometer_sweep_free(sweep);
}

static void test_json_holds_missing_and_infinite_values(void **state) {
    (void)state;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_error error;
    allometer_store_close(open_store("runs.db", sweep), &error);
    char *text = export("runs.db", ALLOMETER_STORE_JSON);
    assert_string_equal(text, "[]\n");
    free(text);
    fill("runs.db", sweep, 6, M);
    text = export("runs.db", ALLOMETER_STORE_JSON);
    assert_non_null(strstr(text, "[{\"model\": 6, "));
    assert_non_null(strstr(text, "\"l2_norm_squared\": 1e999"));
    assert_non_null(strstr(text, "\"loss\": null"));
    assert_non_null(strstr(text, "\"train.optimizer\": \"sgd\""));
    assert_string_equal(text + strlen(text) - 3, "}]\n");
    free(text);
    allometer_sweep_free(sweep);
}

/* Forward at once; backward; in three pieces with a reopening between. */
static void test_order_and_reopening_do_not_matter(void **state) {
    (void)state;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("forward.db", sweep, 0, 1);
    fill("backward.db", sweep, M - 1, -1);
    for (int piece = 0; piece < 3; piece++) fill("pieces.db", sweep, piece, 3);
    char *forward = export("forward.db", ALLOMETER_STORE_CSV),
         *other = export("backward.db", ALLOMETER_STORE_CSV);
    assert_string_equal(forward, other);
    free(other);
    other = export("pieces.db", ALLOMETER_STORE_CSV);
    assert_string_equal(forward, other);
    free(other);
    free(forward);
    allometer_sweep_free(sweep);
}

static void test_a_store_knows_what_is_done(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("runs.db", sweep, 1, 5);
    struct allometer_store *store = open_store("runs.db", sweep);
    unsigned char is_stored[M];
    assert_ok(allometer_store_window(store, 0, M, is_stored, &error), error);
    for (int i = 0; i < M; i++) assert_int_equal(is_stored[i], i % 5 == 1);
    assert_ok(allometer_store_window(store, 10, 3, is_stored, &error), error);
    assert_int_equal(is_stored[0] * 4 + is_stored[1] * 2 + is_stored[2], 2);
    uint64_t n_stored, n_diverged;
    assert_ok(allometer_store_count(store, 1, 1, &n_stored, &n_diverged, &error), error);
    assert_int_equal(n_stored, 10);  /* 1, 6, 11, ..., 46 */
    assert_int_equal(n_diverged, 2); /* 6 and 41 */
    assert_ok(allometer_store_count(store, 2, 2, &n_stored, &n_diverged, &error), error);
    assert_int_equal(n_stored, 5); /* the odd ones */
    assert_ok(allometer_store_count_foreign(store, "fake", "none", &n_stored, &error), error);
    assert_int_equal(n_stored, 0);
    assert_ok(allometer_store_count_foreign(store, "fake", "other", &n_stored, &error), error);
    assert_int_equal(n_stored, 10);

    /* A model is stored once. */
    struct allometer_model model;
    struct allometer_axis_value values[3];
    struct allometer_result result = result_of(1);
    assert_ok(allometer_sweep_model(sweep, 1, &model, values, &error), error);
    assert_code(allometer_store_add(store, 1, &model, values, &result, NULL, &error), ALLOMETER_FAILED,
                error);
    assert_ok(allometer_store_close(store, &error), error);
    allometer_sweep_free(sweep);
}

static void test_another_specification_is_refused(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_store *store;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("runs.db", sweep, 0, 1);
    allometer_sweep_free(sweep);
    char *before = export("runs.db", ALLOMETER_STORE_CSV);
    sweep = scratch_sweep("%spenalty: {l1: 0.5, biases: true}\n", plain);
    assert_code(allometer_store_open(scratch_path("runs.db"), sweep, &store, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_says(error, "runs.db: ");
    assert_says(error, "penalty.l1 (0 there, 0.5 in");
    assert_says(error, "penalty.biases (false there, true in");
    assert_null(strstr(error.message, "task.scale"));
    assert_null(store);
    char *after = export("runs.db", ALLOMETER_STORE_CSV);
    assert_string_equal(before, after);
    free(before);
    free(after);
    allometer_sweep_free(sweep);
}

static void test_a_second_writer_is_refused_and_a_reader_is_not(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_store *first, *second;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    first = open_store("runs.db", sweep);
    struct allometer_result result = result_of(0);
    add(first, sweep, 0, &result);
    assert_ok(allometer_store_commit(first, &error), error);
    add(first, sweep, 1, &(struct allometer_result){0});
    assert_code(allometer_store_open(scratch_path("runs.db"), sweep, &second, &error), ALLOMETER_FAILED,
                error);
    assert_says(error, "another allometer is writing");
    struct allometer_store_summary summary;
    assert_ok(allometer_store_summarize(scratch_path("runs.db"), &summary, &error), error);
    assert_int_equal(summary.n_stored, 1); /* what is not committed is nobody else's */
    assert_string_equal(summary.name, "stored");
    assert_int_equal(summary.n_models, M);
    assert_ok(allometer_store_close(first, &error), error);
    second = open_store("runs.db", sweep);
    assert_ok(allometer_store_close(second, &error), error);
    assert_int_not_equal(access(scratch_path("runs.db-lock"), F_OK), 0);
    allometer_sweep_free(sweep);
}

/* Each file, opened to write and to read: refused, and not a byte of it changed. */
static void refuse(const struct allometer_sweep *sweep, const char *name, const char *part) {
    struct allometer_error error;
    struct allometer_store *store;
    struct allometer_store_summary summary;
    size_t size_before, size_after;
    char *before = scratch_read(name, &size_before);
    assert_code(allometer_store_open(scratch_path(name), sweep, &store, &error), ALLOMETER_BAD_INPUT, error);
    assert_says(error, part);
    assert_says(error, name);
    assert_code(allometer_store_summarize(scratch_path(name), &summary, &error), ALLOMETER_BAD_INPUT, error);
    assert_says(error, part);
    char *after = scratch_read(name, &size_after);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_after);
    free(before);
    free(after);
}

static void patch(const char *name, size_t at, unsigned char value) {
    size_t size;
    char *text = scratch_read(name, &size);
    assert_true(at < size);
    text[at] = (char)value;
    scratch_write(name, text, size);
    free(text);
}

static void test_what_is_not_ours_is_refused(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_store *store;
    struct allometer_store_summary summary;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);

    char noise[5000];
    memset(noise, 'x', sizeof noise);
    scratch_write("text.db", noise, sizeof noise);
    refuse(sweep, "text.db", "not a database");

    fill("runs.db", sweep, 0, 1);
    size_t size;
    char *good = scratch_read("runs.db", &size);
    scratch_write("foreign.db", good, size);
    patch("foreign.db", 68, 'B'); /* the application's id: bytes 68 to 71 of an SQLite file */
    refuse(sweep, "foreign.db", "not one of allometer's");
    scratch_write("newer.db", good, size);
    patch("newer.db", 63, 9); /* the user's version: bytes 60 to 63 */
    refuse(sweep, "newer.db", "format 9");
    scratch_write("cut.db", good, size / 2);
    refuse(sweep, "cut.db", "damaged");

    assert_code(allometer_store_summarize(scratch_path("absent.db"), &summary, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_says(error, "No such file");
    assert_int_not_equal(access(scratch_path("absent.db"), F_OK), 0);
    assert_code(allometer_store_open(scratch_path("no/folder.db"), sweep, &store, &error),
                ALLOMETER_BAD_INPUT, error);
    assert_says(error, "No such file");
    assert_code(allometer_store_open(scratch_folder, sweep, &store, &error), ALLOMETER_BAD_INPUT, error);
    assert_says(error, "not a regular file");
    scratch_write("empty.db", "", 0);
    assert_code(allometer_store_summarize(scratch_path("empty.db"), &summary, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_says(error, "no sweep");
    free(good);
    allometer_sweep_free(sweep);
}

/* Bytes turned here and there: whatever is read, nothing crashes, and errors name the file. */
static void test_damage_is_survived(void **state) {
    (void)state;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("runs.db", sweep, 0, 1);
    size_t size;
    char *good = scratch_read("runs.db", &size), *bad = malloc(size);
    assert_non_null(bad);
    FILE *nowhere = fopen("/dev/null", "w");
    uint32_t random = 1;
    int n_refused = 0;
    for (int trial = 0; trial < 60; trial++) {
        memcpy(bad, good, size);
        for (int i = 0; i < 40; i++) {
            random = random * 1664525u + 1013904223u;
            bad[100 + random % (size - 100)] = (char)(random >> 24);
        }
        scratch_write("bad.db", bad, size);
        struct allometer_error error = {.message = "bad.db"};
        struct allometer_table *table;
        struct allometer_store *store;
        uint64_t n;
        enum allometer_code code =
            allometer_store_export(scratch_path("bad.db"), ALLOMETER_STORE_CSV, nowhere, &error);
        assert_says(error, "bad.db");
        n_refused += code != ALLOMETER_OK;
        if (!allometer_store_read_table(scratch_path("bad.db"), &table, &n, &error))
            allometer_table_free(table);
        allometer_store_merge(scratch_path("merged.db"), (const char *const[]){scratch_path("bad.db")}, 1,
                              NULL, &error);
        unlink(scratch_path("merged.db"));
        char folder[16];
        snprintf(folder, sizeof folder, "weights%d", trial);
        allometer_store_export_weights(scratch_path("bad.db"), scratch_path(folder), &n, &error);
        if (!allometer_store_open(scratch_path("bad.db"), sweep, &store, &error))
            allometer_store_close(store, &error);
    }
    assert_true(n_refused > 0);
    fclose(nowhere);
    free(bad);
    free(good);
    allometer_sweep_free(sweep);
}

/* A limit on the file's size stands for a full disk; SQLite's own SQLITE_FULL takes the same way. */
static void test_a_full_disk_loses_nothing_committed(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_store *store;
    struct allometer_sweep *sweep =
        scratch_sweep("%s  train.learning_rate: {linear: [0.001, 0.1], count: 100}\n", plain);
    struct rlimit before, low;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    low = before;
    low.rlim_cur = 300000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    store = open_store("runs.db", sweep);
    enum allometer_code code = ALLOMETER_OK;
    uint64_t n_committed = 0, n = 0;
    while (!code && n < 4800) {
        struct allometer_model model;
        struct allometer_axis_value values[8];
        struct allometer_result result = result_of(n);
        assert_ok(allometer_sweep_model(sweep, n, &model, values, &error), error);
        code = allometer_store_add(store, n, &model, values, &result, NULL, &error);
        if (!code && ++n % 50 == 0) {
            code = allometer_store_commit(store, &error);
            if (!code) n_committed = n;
        }
    }
    assert_int_equal(code, ALLOMETER_FAILED);
    assert_says(error, "runs.db: the disk is full");
    assert_true(n_committed > 0);
    allometer_store_close(store, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    struct allometer_store_summary summary;
    assert_ok(allometer_store_summarize(scratch_path("runs.db"), &summary, &error), error);
    assert_int_equal(summary.n_stored, n_committed);
    store = open_store("runs.db", sweep);
    struct allometer_result result = result_of(n_committed);
    add(store, sweep, n_committed, &result);
    assert_ok(allometer_store_close(store, &error), error);
    allometer_sweep_free(sweep);
}

static void test_shards_merge_into_the_whole(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_store_summary summary;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("whole.db", sweep, 0, 1);
    for (int i = 0; i < 3; i++) fill(i == 0 ? "a.db" : i == 1 ? "b.db" : "c.db", sweep, i, 3);
    const char *const inputs[] = {scratch_path("c.db"), scratch_path("a.db"), scratch_path("b.db")};
    assert_ok(allometer_store_merge(scratch_path("merged.db"), inputs, 2, &summary, &error), error);
    assert_int_equal(summary.n_stored, M / 3 * 2);
    /* Added to what is there, with rows that are there already. */
    assert_ok(allometer_store_merge(scratch_path("merged.db"), inputs, 3, &summary, &error), error);
    assert_int_equal(summary.n_stored, M);
    assert_int_equal(summary.n_weights, M);
    char *whole = export("whole.db", ALLOMETER_STORE_CSV), *merged = export("merged.db", ALLOMETER_STORE_CSV);
    assert_string_equal(whole, merged);
    free(merged);

    /* One bit of one loss of one model makes it another model: nothing is merged. */
    struct allometer_store *store = open_store("other.db", sweep);
    struct allometer_result result = result_of(9);
    add(store, sweep, 9, &result);
    result = result_of(8);
    result.loss[1] = nextafterf(result.loss[1], 1);
    add(store, sweep, 8, &result);
    assert_ok(allometer_store_close(store, &error), error);
    const char *const others[] = {scratch_path("other.db"), scratch_path("a.db"), scratch_path("c.db")};
    assert_code(allometer_store_merge(scratch_path("fresh.db"), others, 3, NULL, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_says(error, "c.db: model 8 has other results");
    assert_int_not_equal(access(scratch_path("fresh.db"), F_OK), 0);
    assert_code(allometer_store_merge(scratch_path("merged.db"), others, 1, NULL, &error),
                ALLOMETER_BAD_INPUT, error);
    merged = export("merged.db", ALLOMETER_STORE_CSV);
    assert_string_equal(whole, merged);
    free(merged);
    free(whole);

    const char *const itself[] = {scratch_path("merged.db")};
    assert_code(allometer_store_merge(itself[0], itself, 1, NULL, &error), ALLOMETER_BAD_INPUT, error);
    assert_says(error, "both read and written");
    allometer_sweep_free(sweep);

    sweep = scratch_sweep("%smeasure: {threshold: 0.5}\n", plain);
    fill("differs.db", sweep, 0, 1);
    const char *const mixed[] = {scratch_path("a.db"), scratch_path("differs.db")};
    assert_code(allometer_store_merge(scratch_path("fresh.db"), mixed, 2, NULL, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_says(error, "measure.threshold");
    assert_int_not_equal(access(scratch_path("fresh.db"), F_OK), 0);
    allometer_sweep_free(sweep);
}

/* The bytes of numpy's format 1.0, written out from its definition. */
static void test_weights_become_npy_files(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    uint64_t n_models;
    fill("runs.db", sweep, 0, 40);
    assert_ok(
        allometer_store_export_weights(scratch_path("runs.db"), scratch_path("weights"), &n_models, &error),
        error);
    assert_int_equal(n_models, 2);
    size_t size;
    char *bytes = scratch_read("weights/40/input_weight.npy", &size);
    static const char expected[] =
        "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (5, 4), }";
    assert_int_equal(size, 128 + 5 * 4 * sizeof(float));
    assert_memory_equal(bytes, expected, sizeof expected - 1);
    assert_int_equal(bytes[127], '\n');
    float value;
    memcpy(&value, bytes + 128 + 7 * sizeof value, sizeof value);
    assert_true(value == 40 + 7 / 64.0f);
    free(bytes);
    bytes = scratch_read("weights/40/output_bias.npy", &size);
    assert_int_equal(size, 128 + 3 * sizeof(float));
    assert_non_null(strstr(bytes + 10, "'shape': (3,), }"));
    memcpy(&value, bytes + 128, sizeof value);
    assert_true(value == 40 + (5 * 4 + 5 + 3 * 5) / 64.0f);
    free(bytes);
    bytes = scratch_read("weights/manifest.csv", NULL);
    assert_string_equal(
        bytes, "model,inputs,width,outputs,input_weight,input_bias,output_weight,output_bias\n"
               "0,4,5,3,0/input_weight.npy,0/input_bias.npy,0/output_weight.npy,0/output_bias.npy\n"
               "40,4,5,3,40/input_weight.npy,40/input_bias.npy,40/output_weight.npy,40/output_bias.npy\n");
    free(bytes);
    assert_code(
        allometer_store_export_weights(scratch_path("runs.db"), scratch_path("weights"), &n_models, &error),
        ALLOMETER_BAD_INPUT, error);
    assert_says(error, "not empty");
    allometer_sweep_free(sweep);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_results_come_back_bit_for_bit),
        TEST(test_json_holds_missing_and_infinite_values),
        TEST(test_order_and_reopening_do_not_matter),
        TEST(test_a_store_knows_what_is_done),
        TEST(test_another_specification_is_refused),
        TEST(test_a_second_writer_is_refused_and_a_reader_is_not),
        TEST(test_what_is_not_ours_is_refused),
        TEST(test_damage_is_survived),
        TEST(test_a_full_disk_loses_nothing_committed),
        TEST(test_shards_merge_into_the_whole),
        TEST(test_weights_become_npy_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
