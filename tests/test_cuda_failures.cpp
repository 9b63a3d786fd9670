/* The CUDA backend on the stand-in: sound when calls fail, when it is stopped, and where memory is short. */
#include "cuda_trainings.h"

/* Whichever call fails: a message that names it, nothing left behind, no result twice; and the next run is fine. */
static void any_call_may_fail(void **state) {
    (void)state;
    const std::vector<struct allometer_model> models = {model_of(5, 9, 1), model_of(40, 9, 1),
                                                        model_of(4096, 3, 1), model_of_rows()};
    const int before = standin_calls();
    const trained expected = train_well(allometer_cuda, models);
    const int n_calls = standin_calls() - before;
    int n_failed = 0;
    for (int call = 1; call <= n_calls; ++call) {
        struct allometer_error error = {};
        trained all;
        standin_settings_now.fail_call = call;
        const enum allometer_code code = train_on(allometer_cuda, models, true, &all, &error);
        standin_reset();
        assert_int_equal(standin_live(), 0);
        for (int calls : all.calls) assert_true(calls <= 1);
        if (code == ALLOMETER_OK) { /* a call of the closing, or for memory, which is asked for again */
            assert_int_equal(all.n_done, models.size());
            continue;
        }
        ++n_failed;
        assert_int_equal(code, ALLOMETER_FAILED);
        if (!strstr(error.message, "out of memory (cudaErrorMemoryAllocation) from cuda"))
            fail_msg("%s", error.message);
        if (!strstr(error.message, "cuda.cu:") && !strstr(error.message, "cuda_device.cu:")
            && !strstr(error.message, "cuda_data.cu:"))
            fail_msg("%s", error.message);
    }
    assert_in_range(n_calls - n_failed, 1, 80);
    assert_true(same(expected, train_well(allometer_cuda, models)));
}

/* Fits of y = 3 / x to sets of 2 to 41 points: of more than one class of sizes, on both GPUs. */
struct fitted {
    std::vector<double> x, y, starts, lower, upper;
    std::vector<struct allometer_fit_set> sets;
    std::vector<struct allometer_fit_problem> problems;
    std::vector<struct allometer_fit_outcome> outcomes;
    struct allometer_fitting fitting;

    fitted() : outcomes(40), fitting() {
        for (int s = 0; s < 40; ++s) {
            sets.push_back({(int64_t)x.size(), s + 2, 0, 1});
            for (int i = 0; i < s + 2; ++i) x.push_back(log(1.0 + i)), y.push_back(3 / (1.0 + i));
            problems.push_back({s, 0});
            starts.push_back(0), lower.push_back(-INFINITY), upper.push_back(INFINITY);
        }
        fitting.law = ALLOMETER_LAW_resource, fitting.objective = ALLOMETER_OBJECTIVE_MSE;
        fitting.max_iterations = 100;
        fitting.points.columns[0] = x.data(), fitting.points.target = y.data();
        fitting.sets = sets.data(), fitting.problems = problems.data();
        fitting.lower = lower.data(), fitting.upper = upper.data();
        fitting.starts = fitting.parameters = starts.data(), fitting.outcomes = outcomes.data();
        fitting.n_sets = fitting.n_problems = 40;
    }
};

/* Whichever call of a fit fails: a message that names it, and nothing left behind. */
static void any_call_of_a_fit_may_fail(void **state) {
    (void)state;
    const struct allometer_device_options options = {0, nullptr, 0};
    int n_failed = 0, n_calls = 1;
    for (int call = 0; call <= n_calls; ++call) { /* 0: none does */
        struct allometer_device *device = nullptr;
        struct allometer_error error = {};
        fitted one;
        assert_int_equal(allometer_cuda.open(&device, &options, &error), ALLOMETER_OK);
        const int live = standin_live(), before = standin_calls();
        standin_settings_now.fail_call = call;
        const enum allometer_code code = allometer_cuda.fit(device, &one.fitting, &error);
        if (call == 0) n_calls = standin_calls() - before;
        standin_reset();
        assert_int_equal(standin_live(), live);
        allometer_cuda.close(device);
        assert_int_equal(standin_live(), 0);
        n_failed += code != ALLOMETER_OK;
        if (code == ALLOMETER_OK) {
            for (double log_c : one.starts) assert_true(fabs(log_c - log(3)) < 1e-12);
        } else if (!strstr(error.message, "out of memory (cudaErrorMemoryAllocation) from cuda")
                   || !strstr(error.message, "cuda_fit_batch.cu:")) {
            fail_msg("%s", error.message);
        }
    }
    assert_in_range(n_calls - n_failed, 0, 4); /* those of cleaning up */
    assert_true(n_failed > 20);
}

/* Of memory for ten workspaces three of the GPU's four streams take so much that the fourth has none; one of more than four
   times the size has room only where idle streams give theirs back. */
static void streams_wait_for_memory(void **state) {
    (void)state;
#ifdef STANDIN_TSAN
    skip();
#endif
    std::vector<struct allometer_model> models;
    for (int i = 0; i < 16; ++i) models.push_back(model_of(4096, 3, 3));
    for (int i = 0; i < 3; ++i) models.push_back(model_of(8, 37000, 1));
    const trained expected = train_well(allometer_cuda, models, false);
    const size_t bytes = cuda_place(&models[0], 232448).bytes;
    standin_settings_now.devices = 1;
    standin_settings_now.memory = (int)(10 * bytes);
    for (int reverse : {0, 1}) {
        standin_settings_now.reverse = reverse;
        assert_true(same(expected, train_well(allometer_cuda, models, false)));
    }
}

/* A training has left three streams most of the memory, of which the points of a fit then need half. */
static void fits_get_the_memory_of_a_training(void **state) {
    (void)state;
#ifdef STANDIN_TSAN
    skip();
#endif
    const std::vector<struct allometer_model> models(16, model_of(4096, 3, 3));
    const struct allometer_device_options options = {0, nullptr, 0};
    struct allometer_device *device = nullptr;
    struct allometer_error error = {};
    trained all;
    all.models = &models, all.results.resize(16), all.calls.resize(16);
    const struct allometer_training training = {models.data(), 16, 0, nullptr, collect, &all};
    fitted one;
    standin_settings_now.devices = 1;
    standin_settings_now.memory = (int)(10 * cuda_place(&models[0], 232448).bytes);
    one.x.resize(100000, log(2.0)), one.y.resize(100000, 1.5);
    one.sets[39].n_units = (int32_t)(one.x.size() - (size_t)one.sets[39].first_unit);
    one.fitting.points.columns[0] = one.x.data(), one.fitting.points.target = one.y.data();
    assert_int_equal(allometer_cuda.open(&device, &options, &error), ALLOMETER_OK);
    assert_int_equal(allometer_cuda.train(device, &training, &error), ALLOMETER_OK);
    if (allometer_cuda.fit(device, &one.fitting, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    allometer_cuda.close(device);
    for (double log_c : one.starts) assert_true(fabs(log_c - log(3)) < 1e-12);
}

static void stopping_keeps_what_is_finished(void **state) {
    (void)state;
    std::vector<struct allometer_model> models;
    for (int i = 0; i < 1000; ++i) models.push_back(model_of(10 + i % 3, 20, 2));
    struct allometer_error error = {};
    trained all;
    all.stop_after = 1;
    assert_int_equal(train_on(allometer_cuda, models, false, &all, &error), ALLOMETER_INTERRUPTED);
    assert_in_range(all.n_done, 1, models.size() - 1);
    size_t n_called = 0;
    for (int calls : all.calls) n_called += (size_t)calls;
    assert_int_equal(n_called, all.n_done);
    trained failing;
    failing.fail_after = 20;
    assert_int_equal(train_on(allometer_cuda, models, false, &failing, &error), ALLOMETER_FAILED);
    assert_string_equal(error.message, "the disk is full");
    assert_int_equal(failing.n_done, 20);
    assert_int_equal(standin_live(), 0);
    assert_string_equal(standin_report(), "");
    train_well(allometer_cuda, {});
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define ROW(name) cmocka_unit_test_setup(name, reset)
        ROW(any_call_may_fail),
        ROW(any_call_of_a_fit_may_fail),
        ROW(stopping_keeps_what_is_finished),
        ROW(streams_wait_for_memory),
        ROW(fits_get_the_memory_of_a_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
