/* The store: what goes in comes out bit for bit, whatever the order and however often it was closed. */
#include "stored.h"

#include <unistd.h>

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
        assert_true(cell(table, "allocated_ablation", row) == expected.allocated_ablation[k]);
        assert_true(cell(table, "l1_norm", row) == expected.l1_norm);
        assert_true(cell(table, "live", row) == 4 && cell(table, "shared", row) == 3);
        assert_true(cell(table, "live_ablation", row) == 5 && cell(table, "shared_ablation", row) == 2);
        assert_true(cell(table, "task.scale", row) == values[0].number);
        assert_true(cell(table, "seed", row) == (double)model.seed);
        assert_true(cell(table, "weight", row)
                    == (k ? 1 : 0.7)); /* as the sweep file has it, not its float */
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
        assert_true(cell(table, "weight", row) == (row % 2 ? 1 : 0.7));
        if (isnan(expected.loss[row % 2]))
            assert_true(isnan(cell(table, "loss", row)));
        else
            assert_true(cell(table, "loss", row) == expected.loss[row % 2]);
    }
    allometer_table_free(table);
    allometer_sweep_free(sweep);
}

/* Of each layer, counted from 1, its own numbers; of an inner subtask, which has no outputs, no neurons. What pruning left has
   3 neurons in each layer: 2 x 3 + 3, 3 x 3 + 3 and 3 x 2 + 2 parameters. */
static void test_layers_come_back(void **state) {
    (void)state;
    static const char deep[] =
        "task:\n"
        "  subtasks: [{series: [{function: square}, {function: sine}]}, {function: cube}]\n"
        "model: {width: 5, depth: 2}\n"
        "train: {steps: 10, prune: 3, retrain: 2}\n";
    static const char *const counts[] = {
        "neurons_threshold", "neurons_threshold_shared", "neurons_ablation", "neurons_ablation_shared",
        "neurons_path",      "neurons_path_shared",      "neurons_agreed"};
    enum { L = 2, K = 3 };
    struct allometer_error error;
    struct allometer_model model;
    struct allometer_table *table;
    struct allometer_sweep *sweep = scratch_sweep("%s", deep);
    struct allometer_layer layers[L * K];
    for (int i = 0; i < L * K; i++)
        layers[i] = (struct allometer_layer){.threshold = 10 * i,
                                             .shared_threshold = 10 * i + 1,
                                             .ablation = 10 * i + 2,
                                             .shared_ablation = 10 * i + 3,
                                             .path = 10 * i + 4,
                                             .shared_path = 10 * i + 5,
                                             .agreed = 10 * i + 6,
                                             .readout_loss = (float)i + 0.25f,
                                             .correlation = (float)i + 0.5f,
                                             .least_correlation = (float)i + 0.75f};
    const struct allometer_result result = {.allocated = {1, 2, 3}, .layers = layers};
    struct allometer_store *store = open_store("deep.db", sweep);
    assert_ok(allometer_sweep_model(sweep, 0, &model, NULL, &error), error);
    assert_ok(allometer_store_add(store, 0, &model, NULL, &result, NULL, &error), error);
    assert_ok(allometer_store_close(store, &error), error);
    FILE *file = fopen(scratch_path("layers.csv"), "w");
    assert_ok(allometer_store_export(scratch_path("deep.db"), ALLOMETER_STORE_LAYERS, ALLOMETER_STORE_CSV,
                                     file, &error),
              error);
    assert_int_equal(fclose(file), 0);
    assert_ok(allometer_table_read_csv(scratch_path("layers.csv"), &table, &error), error);
    assert_int_equal(table->n_rows, L * K);
    for (size_t row = 0; row < L * K; row++) {
        const int k = (int)cell(table, "subtask", row), layer = (int)cell(table, "layer", row) - 1,
                  i = layer * K + k;
        assert_in_range(layer, 0, L - 1);
        for (int c = 0; c < 7; c++) {
            const double count = cell(table, counts[c], row);
            assert_true(k == 0 ? isnan(count) : count == 10 * i + c);
        }
        const double allocated = cell(table, "allocated", row);
        assert_true(k == 0 ? isnan(allocated) : allocated == k + 1);
        assert_true(cell(table, "readout_loss", row) == i + 0.25);
        assert_true(cell(table, "correlation", row) == i + 0.5);
        assert_true(cell(table, "least_correlation", row) == i + 0.75);
        assert_true(cell(table, "parameters", row) == 9 + 12 + 8);
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
        bytes, "model,inputs,width,depth,outputs,input_weight,input_bias,output_weight,output_bias\n"
               "0,4,5,1,3,0/input_weight.npy,0/input_bias.npy,0/output_weight.npy,0/output_bias.npy\n"
               "40,4,5,1,3,40/input_weight.npy,40/input_bias.npy,40/output_weight.npy,40/output_bias.npy\n");
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
        TEST(test_shards_merge_into_the_whole),
        TEST(test_weights_become_npy_files),
        TEST(test_layers_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
