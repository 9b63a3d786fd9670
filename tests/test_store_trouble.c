/* The store in trouble: what is not ours is refused and left as it was, damage is survived, a full disk loses nothing. */
#include "stored.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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
    allometer_sweep_free(sweep);
    const char *last = strstr(plain, "  seed:"), *axes = strstr(plain, "axes:\n") + strlen("axes:\n");
    sweep = scratch_sweep("%.*s%s%.*s", (int)(axes - plain), plain, last, (int)(last - axes), axes);
    assert_code(allometer_store_open(scratch_path("runs.db"), sweep, &store, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_says(error, "whose axes stand in another order");
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
    assert_int_equal(symlink("runs.db", scratch_path("link.db")), 0);
    assert_code(allometer_store_open(scratch_path("link.db"), sweep, &second, &error), ALLOMETER_FAILED,
                error);
    assert_says(error, "link.db: another allometer is writing");
    struct allometer_store_summary summary;
    assert_ok(allometer_store_summarize(scratch_path("link.db"), &summary, &error), error);
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

/* A log left behind would be taken for that of the next file of the name. */
static void test_a_failed_merge_leaves_nothing_behind(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("first.db", sweep, 0, 2);
    fill("second.db", sweep, 1, 2);
    allometer_sweep_free(sweep);
    sweep = scratch_sweep("%spenalty: {l1: 0.5}\n", plain);
    fill("other.db", sweep, 0, 1);
    const char *const inputs[] = {scratch_path("first.db"), scratch_path("other.db")};
    const char *merged = scratch_path("merged.db");
    assert_code(allometer_store_merge(merged, inputs, 2, NULL, &error), ALLOMETER_BAD_INPUT, error);
    static const char *const names[] = {"merged.db", "merged.db-wal", "merged.db-shm", "merged.db-lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_not_equal(access(scratch_path(names[i]), F_OK), 0);
    assert_int_equal(symlink("real.db", scratch_path("link.db")), 0);
    assert_code(allometer_store_merge(scratch_path("link.db"), inputs, 2, NULL, &error), ALLOMETER_BAD_INPUT,
                error);
    assert_int_not_equal(access(scratch_path("real.db"), F_OK), 0);

    struct allometer_store_summary summary;
    assert_int_equal(rename(scratch_path("first.db"), scratch_path("merged.db")), 0);
    assert_ok(allometer_store_merge(scratch_path("merged.db"),
                                    (const char *const[]){scratch_path("second.db")}, 1, &summary, &error),
              error);
    assert_int_equal(summary.n_stored, M);
    allometer_sweep_free(sweep);
}

/* Some versions have stored 0.7 as a double, others the float next to it: a model's results are the same. */
static void test_how_a_weight_is_rounded_does_not_matter(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    const char *const inputs[] = {scratch_path("first.db"), scratch_path("second.db")};
    fill("first.db", sweep, 0, 1);
    fill("second.db", sweep, 0, 1);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(inputs[1], &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database, "UPDATE subtask SET weight = 0.7 WHERE subtask = 0", NULL, NULL, NULL),
        SQLITE_OK);
    assert_ok(allometer_store_merge(scratch_path("merged.db"), inputs, 2, NULL, &error), error);
    assert_int_equal(
        sqlite3_exec(database, "UPDATE subtask SET allocated = 9 WHERE model = 3", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    assert_code(allometer_store_merge(scratch_path("merged.db"), inputs + 1, 1, NULL, &error),
                ALLOMETER_BAD_INPUT, error);
    assert_says(error, "model 3 has other results");
    allometer_sweep_free(sweep);
}

static void test_a_file_that_goes_away_is_missed(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    struct allometer_store *store = open_store("runs.db", sweep);
    struct allometer_result result = result_of(0);
    add(store, sweep, 0, &result);
    assert_ok(allometer_store_commit(store, &error), error);
    assert_int_equal(rename(scratch_path("runs.db"), scratch_path("moved.db")), 0);
    add(store, sweep, 1, &result);
    assert_code(allometer_store_commit(store, &error), ALLOMETER_FAILED, error);
    assert_says(error, "runs.db: was moved or deleted");
    assert_code(allometer_store_close(store, &error), ALLOMETER_FAILED, error);
    assert_int_equal(rename(scratch_path("moved.db"), scratch_path("runs.db")), 0);
    struct allometer_store_summary summary;
    assert_ok(allometer_store_summarize(scratch_path("runs.db"), &summary, &error), error);
    assert_int_equal(summary.n_stored, 2);
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
        enum allometer_code code = allometer_store_export(scratch_path("bad.db"), ALLOMETER_STORE_RESULTS,
                                                          ALLOMETER_STORE_CSV, nowhere, &error);
        assert_says(error, "bad.db");
        n_refused += code != ALLOMETER_OK;
        if (!allometer_store_read_table(scratch_path("bad.db"), &table, &n, &error))
            allometer_table_free(table);
        allometer_store_merge(scratch_path("merged.db"), (const char *const[]){scratch_path("bad.db")}, 1,
                              NULL, &error);
        unlink(scratch_path("merged.db"));
        char folder[32];
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

/* Nothing stays of weights of which some cannot be written, but a folder that was there. */
static void test_weights_are_written_whole_or_not_at_all(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    uint64_t n;
    sqlite3 *database;
    fill("runs.db", sweep, 0, 1);
    assert_int_equal(sqlite3_open(scratch_path("runs.db"), &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database,
                     "UPDATE weights SET floats = x'00' WHERE model = (SELECT max(model) FROM weights)", NULL,
                     NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    assert_int_equal(mkdir(scratch_path("empty"), 0777), 0);
    for (int i = 0; i < 2; i++) {
        assert_code(allometer_store_export_weights(scratch_path("runs.db"),
                                                   scratch_path(i ? "empty" : "weights"), &n, &error),
                    ALLOMETER_BAD_INPUT, error);
        assert_says(error, "are damaged");
    }
    assert_int_not_equal(access(scratch_path("weights"), F_OK), 0);
    assert_int_equal(rmdir(scratch_path("empty")), 0);
    allometer_sweep_free(sweep);
}

/* SQLite gets a little more memory each time: whatever it lacks some for is told, until there is enough. */
static void test_little_memory_is_survived(void **state) {
    (void)state;
    struct allometer_error error;
    struct allometer_sweep *sweep = scratch_sweep("%s", plain);
    fill("runs.db", sweep, 0, 1);
    FILE *nowhere = fopen("/dev/null", "w");
    enum allometer_code code = ALLOMETER_FAILED;
    int n_refused = 0;
    for (sqlite3_int64 limit = sqlite3_memory_used() + 1024; code; limit += 64, n_refused++) {
        sqlite3_hard_heap_limit64(limit);
        code = allometer_store_export(scratch_path("runs.db"), ALLOMETER_STORE_RESULTS, ALLOMETER_STORE_JSON,
                                      nowhere, &error);
        if (code) assert_says(error, "out of memory");
    }
    sqlite3_hard_heap_limit64(0);
    assert_true(n_refused > 0);
    fclose(nowhere);
    allometer_sweep_free(sweep);
}

/* Nor is anything merged but what was read: weights that there is no memory for are not missing ones. */
static void test_a_merge_with_little_memory_is_right_or_refused(void **state) {
    (void)state;
    enum { WIDTH = 4096, N_FLOATS = WIDTH * 3 + 1 };
    static const float weights[N_FLOATS];
    struct allometer_error error;
    struct allometer_sweep *sweep =
        scratch_sweep("task: {subtasks: [{function: square}]}\nmodel: {width: %d}\n", WIDTH);
    struct allometer_model model;
    const struct allometer_result result = result_of(0);
    assert_ok(allometer_sweep_model(sweep, 0, &model, NULL, &error), error);
    assert_int_equal(allometer_n_parameters(&model), N_FLOATS);
    struct allometer_store *store = open_store("runs.db", sweep);
    assert_ok(allometer_store_add(store, 0, &model, NULL, &result, weights, &error), error);
    assert_ok(allometer_store_close(store, &error), error);

    const char *const input = scratch_path("runs.db"), *const merged = scratch_path("merged.db");
    struct allometer_store_summary summary;
    enum allometer_code code = ALLOMETER_FAILED;
    int n_refused = 0;
    for (sqlite3_int64 limit = sqlite3_memory_used() + 4096; code; limit += 4096, n_refused++) {
        sqlite3_hard_heap_limit64(limit);
        code = allometer_store_merge(merged, &input, 1, &summary, &error);
        if (code) assert_says(error, "out of memory");
    }
    sqlite3_hard_heap_limit64(0);
    assert_true(n_refused > 0);
    assert_int_equal(summary.n_weights, 1);
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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_another_specification_is_refused),
        TEST(test_a_second_writer_is_refused_and_a_reader_is_not),
        TEST(test_what_is_not_ours_is_refused),
        TEST(test_a_failed_merge_leaves_nothing_behind),
        TEST(test_how_a_weight_is_rounded_does_not_matter),
        TEST(test_a_file_that_goes_away_is_missed),
        TEST(test_damage_is_survived),
        TEST(test_weights_are_written_whole_or_not_at_all),
        TEST(test_little_memory_is_survived),
        TEST(test_a_merge_with_little_memory_is_right_or_refused),
        TEST(test_a_full_disk_loses_nothing_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
