/* Trainings on the stand-in, for the tests of the CUDA backend. */
#ifndef ALLOMETER_CUDA_TRAININGS_H
#define ALLOMETER_CUDA_TRAININGS_H

#include "cuda_plan.h"
#include <cuda_runtime.h>

extern "C" {
#include "cases.h"
#include "compare.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
extern const struct allometer_backend allometer_cuda;
}
#include <stdio.h>
#include <string>
#include <vector>

/* ---- training on either backend ---- */

struct trained {
    std::vector<struct allometer_result> results;
    std::vector<std::vector<float>> weights;
    std::vector<int> calls;
    size_t stop_after = SIZE_MAX, fail_after = SIZE_MAX;
    size_t n_done = 0;
    volatile sig_atomic_t stop = 0;
    const std::vector<struct allometer_model> *models = nullptr;
};

static enum allometer_code collect(void *user, size_t index, const struct allometer_result *result,
                                   const float *weights, struct allometer_error *error) {
    trained *all = static_cast<trained *>(user);
    if (all->n_done == all->fail_after) return allometer_fail(error, ALLOMETER_FAILED, "the disk is full");
    all->results[index] = *result;
    ++all->calls[index];
    const size_t n = (size_t)allometer_n_parameters(&(*all->models)[index]);
    if (weights) all->weights[index].assign(weights, weights + n);
    if (++all->n_done == all->stop_after) all->stop = 1;
    return ALLOMETER_OK;
}

static enum allometer_code train_on(const struct allometer_backend &backend,
                                    const std::vector<struct allometer_model> &models, bool keep_weights,
                                    trained *all, struct allometer_error *error) {
    all->models = &models;
    all->results.assign(models.size(), {});
    all->weights.assign(models.size(), {});
    all->calls.assign(models.size(), 0);
    const struct allometer_device_options options = {1, nullptr, 0};
    struct allometer_device *device = nullptr;
    enum allometer_code code = backend.open(&device, &options, error);
    if (code != ALLOMETER_OK) return code;
    const struct allometer_training training = {models.data(), models.size(), keep_weights,
                                                &all->stop,    collect,       all};
    code = backend.train(device, &training, error);
    backend.close(device);
    return code;
}

static trained train_well(const struct allometer_backend &backend,
                          const std::vector<struct allometer_model> &models, bool keep_weights = true) {
    struct allometer_error error = {};
    trained all;
    if (train_on(backend, models, keep_weights, &all, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    for (int calls : all.calls) assert_int_equal(calls, 1);
    if (standin_report()[0]) fail_msg("%s", standin_report());
    assert_int_equal(standin_live(), 0);
    return all;
}

/* ---- models ---- */

static struct allometer_model model_of(int32_t width, int32_t samples, int32_t steps) {
    static const int32_t functions[] = {ALLOMETER_FUNCTION_SQUARE, ALLOMETER_FUNCTION_SINE};
    struct allometer_model model = case_model(width, samples, functions, 2);
    model.steps = steps;
    model.scale = 4;
    model.l2 = 1e-4f;
    model.seed = (uint64_t)width * 100003 + (uint64_t)samples;
    return model;
}

/* Learns rows of a file: of 12, six are held out, some of either subtask. */
static struct allometer_model model_of_rows(void) {
    enum { ROWS = 12 };
    static float inputs[2 * ROWS], targets[ROWS];
    static int32_t subtasks[ROWS];
    static struct allometer_data data;
    data.n_rows = ROWS, data.n_inputs = 2;
    data.inputs = inputs, data.targets = targets, data.subtasks = subtasks;
    for (int i = 0; i < ROWS; ++i) {
        inputs[2 * i] = 0.1f * (float)i - 0.5f, inputs[2 * i + 1] = 0.07f * (float)(i * 5 % ROWS);
        targets[i] = inputs[2 * i] * inputs[2 * i + 1], subtasks[i] = i % 2;
    }
    static const int32_t functions[] = {ALLOMETER_FUNCTION_DATA, ALLOMETER_FUNCTION_DATA};
    struct allometer_model model = case_model(6, ROWS / 2, functions, 2);
    model.steps = 2, model.mixed = model.control = 1, model.data = &data;
    model.n_inputs = 2 + 2, model.n_outputs = 1, model.test_samples = ROWS / 2;
    for (int k = 0; k < 2; ++k) {
        model.subtasks[k].n_inputs = 2, model.subtasks[k].n_outputs = 1;
        model.subtasks[k].first_input = model.subtasks[k].first_output = 0;
    }
    return model;
}

static bool same(const trained &a, const trained &b) {
    const size_t compared =
        offsetof(struct allometer_result, allocated_ablation) + sizeof a.results[0].allocated_ablation;
    for (size_t i = 0; i < a.results.size(); ++i) {
        if (memcmp(&a.results[i], &b.results[i], compared) != 0) return false;
        if (a.weights[i].size() != b.weights[i].size()) return false;
        if (!a.weights[i].empty()
            && memcmp(a.weights[i].data(), b.weights[i].data(), a.weights[i].size() * sizeof(float)) != 0)
            return false;
    }
    return true;
}

static int reset(void **state) {
    (void)state;
    standin_reset();
    standin_settings_now.devices = 2;
    standin_settings_now.shared = 232448, standin_settings_now.memory = 1 << 30;
    standin_settings_now.reverse = standin_settings_now.mixed = standin_settings_now.error = 0;
    return 0;
}

#endif
