/* A small sweep and made-up results of it in a store, for the tests of the store. */
#ifndef ALLOMETER_STORED_H
#define ALLOMETER_STORED_H

#include "scratch.h"
#include "store.h"

#include <math.h>
#include <string.h>

static const char plain[] = "name: stored\n"
                            "task:\n"
                            "  subtasks: [{function: square, weight: 0.7}, {function: parity, bits: 3}]\n"
                            "model: {width: 5}\n"
                            "train: {steps: 10}\n"
                            "axes:\n"
                            "  task.scale: {log: [1, 512], count: 6}\n"
                            "  train.optimizer: {values: [adam, sgd]}\n"
                            "  seed: {start: 3, count: 4}\n";
enum { M = 6 * 2 * 4 };

/* A result that depends on the model's index alone, with all kinds of floats. */
static inline struct allometer_result result_of(uint64_t index) {
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
        .shared = 3,
        .live_ablation = 5,
        .shared_ablation = 2,
        .loss = {1.0f / (float)(index + 3), index % 7 == 6 ? NAN : 0.3f},
        .accuracy = {NAN, 0.875f},
        .allocated = {(int32_t)index, 2},
        .allocated_ablation = {1, 0},
        .seconds = 0.5,
    };
    return result;
}

static inline void add(struct allometer_store *store, const struct allometer_sweep *sweep, uint64_t index,
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

static inline struct allometer_store *open_store(const char *name, const struct allometer_sweep *sweep) {
    struct allometer_error error;
    struct allometer_store *store;
    assert_ok(allometer_store_open(scratch_path(name), sweep, &store, &error), error);
    assert_ok(
        allometer_store_begin(store, &(struct allometer_store_run){"fake", "a fake", "none", 1, 1}, &error),
        error);
    return store;
}

/* Stores the models first, first + step, ... below M. */
static inline void fill(const char *name, const struct allometer_sweep *sweep, int first, int step) {
    struct allometer_error error;
    struct allometer_store *store = open_store(name, sweep);
    for (int i = first; i < M && i >= 0; i += step) {
        struct allometer_result result = result_of((uint64_t)i);
        add(store, sweep, (uint64_t)i, &result);
    }
    assert_ok(allometer_store_close(store, &error), error);
}

static inline char *export(const char *name, enum allometer_store_format format) {
    struct allometer_error error;
    FILE *file = fopen(scratch_path("export"), "w");
    assert_ok(allometer_store_export(scratch_path(name), ALLOMETER_STORE_RESULTS, format, file, &error),
              error);
    assert_int_equal(fclose(file), 0);
    return scratch_read("export", NULL);
}

#endif
