/* The CUDA backend on the stand-in: equal to the CPU's, the same in either order, tidy, and sound when calls fail. */
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
#include <memory>
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

/* Widths and numbers of samples below, at and above each size of a team; none or few divide each other. */
static std::vector<struct allometer_model> shapes(void) {
    std::vector<struct allometer_model> models;
    for (int32_t width : {1, 2, 7, 31, 32, 33, 100, 129, 255, 257}) {
        for (int32_t samples : {1, 2, 5, 31, 33, 64, 127, 256, 300}) {
#ifdef STANDIN_TSAN /* slow, and blind to larger teams (see MAX_THREADS in runtime.cpp) */
            if (width > 100 || samples > 64) continue;
#endif
            struct allometer_model model = model_of(width, samples, 3);
            model.activation = (width + samples) % ALLOMETER_ACTIVATION_COUNT;
            model.optimizer = width % ALLOMETER_OPTIMIZER_COUNT;
            model.fresh = samples % 3 == 0;
            if (!model.fresh && samples % 3 == 1) model.batch = (samples + 1) / 2;
            if (width < 40 && samples < 70)
                model.depth = 1 + (width + samples) % 3, model.residual = samples % 2;
            models.push_back(model);
        }
    }
    return models;
}

static std::vector<struct allometer_model> all_cases(int32_t steps) {
    std::vector<struct allometer_model> models;
    struct allometer_model model;
    char name[96];
    for (size_t i = 0; case_at(i, &model, name); ++i) {
        if (model.steps > steps) model.steps = steps;
#ifdef STANDIN_TSAN
        if (model.width > 100 || model.batch > 64 || model.steps > 3) model.steps = 1;
#endif
        models.push_back(model);
    }
    return models;
}

/* ---- comparing ---- */

/* Sums run in another order, and sine, exponential and the like end in other digits. Adam divides by the gradient's own
   size, so a parameter whose gradient is mere rounding may go either way: a tenth of what the steps can move it. */
static void assert_close_to_cpu(const std::vector<struct allometer_model> &models) {
    const trained cpu = train_well(allometer_cpu, models), cuda = train_well(allometer_cuda, models);
    for (size_t i = 0; i < models.size(); ++i) {
        const struct allometer_model &model = models[i];
        char name[128];
        snprintf(name, sizeof name, "model %zu (h%d s%d d%d o%d %d)", i, model.width, model.batch,
                 model.n_inputs, model.n_outputs, model.activation);
        struct comparison c =
            compare_floats(cuda.weights[i].data(), cuda.weights[i].size(), cpu.weights[i].data(),
                           cpu.weights[i].size(), 0.1 * model.steps * (double)model.learning_rate, 1e-4);
        if (!c.passed) comparison_report(c, name, __FILE__, __LINE__);
        c = compare_floats(cuda.results[i].loss, (size_t)model.n_subtasks, cpu.results[i].loss,
                           (size_t)model.n_subtasks, 1e-6, 1e-3);
        if (!c.passed) comparison_report(c, name, __FILE__, __LINE__);
        const float norms[] = {cuda.results[i].train_loss, cuda.results[i].l1_norm},
                    expected[] = {cpu.results[i].train_loss, cpu.results[i].l1_norm};
        c = compare_floats(norms, 2, expected, 2, 1e-6, 1e-3);
        if (!c.passed) comparison_report(c, name, __FILE__, __LINE__);
        assert_int_equal(cuda.results[i].status, cpu.results[i].status);
        assert_int_equal(cuda.results[i].steps, cpu.results[i].steps);
        assert_in_range(cuda.results[i].live - cpu.results[i].live + 1, 0, 2);
        assert_true(cuda.results[i].seconds > 0);
    }
}

static bool same(const trained &a, const trained &b) {
    const size_t compared =
        offsetof(struct allometer_result, allocated_ablation) + sizeof a.results[0].allocated_ablation;
    for (size_t i = 0; i < a.results.size(); ++i) {
        if (memcmp(&a.results[i], &b.results[i], compared) != 0) return false;
        if (a.weights[i].size() != b.weights[i].size()) return false;
        if (memcmp(a.weights[i].data(), b.weights[i].data(), a.weights[i].size() * sizeof(float)) != 0)
            return false;
    }
    return true;
}

static int reset(void **state) {
    (void)state;
    standin_reset();
    standin_settings_now.devices = 2;
    standin_settings_now.shared = 232448;
    standin_settings_now.reverse = standin_settings_now.mixed = standin_settings_now.error = 0;
    return 0;
}

/* ---- tests ---- */

static void shapes_equal_the_cpu(void **state) {
    (void)state;
    assert_close_to_cpu(shapes());
}

static void cases_equal_the_cpu(void **state) {
    (void)state;
    std::vector<struct allometer_model> models = all_cases(10);
    models.push_back(model_of_rows());
    assert_close_to_cpu(models);
}

/* 16 inputs and outputs; 4096 neurons and 5000 samples, which no block's shared memory holds. */
static void extremes_equal_the_cpu(void **state) {
    (void)state;
#ifdef STANDIN_TSAN
    skip();
#endif
    std::vector<int32_t> functions(16, ALLOMETER_FUNCTION_SQUARE);
    struct allometer_model many = case_model(30, 40, functions.data(), 16);
    struct allometer_model some = case_model(30, 40, functions.data(), 7);
    many.steps = some.steps = 5;
    struct allometer_model wide = model_of(4096, 3, 2), deep = model_of(3, 5000, 2), many_wide = many;
    many_wide.width = 1000;
    many_wide.steps = 1;
    many_wide.activation = some.activation = ALLOMETER_ACTIVATION_GELU;
    assert_close_to_cpu({many, some, wide, deep, many_wide});
}

static void shared_and_global_memory_agree(void **state) {
    (void)state;
    const std::vector<struct allometer_model> models = all_cases(5);
    const trained shared = train_well(allometer_cuda, models);
    standin_settings_now.shared = 4352; /* too little for all but the smallest workspaces */
    const trained global = train_well(allometer_cuda, models);
    for (size_t i = 0; i < models.size(); ++i) { /* the teams differ, so the sums do */
        struct comparison c =
            compare_floats(global.weights[i].data(), global.weights[i].size(), shared.weights[i].data(),
                           shared.weights[i].size(), 0.5 * (double)models[i].learning_rate, 1e-4);
        if (!c.passed) comparison_report(c, "global memory", __FILE__, __LINE__);
    }
}

static void order_decides_nothing(void **state) {
    (void)state;
    std::vector<struct allometer_model> models = all_cases(10);
    models.push_back(model_of(400, 300, 2));
    const trained forward = train_well(allometer_cuda, models);
    standin_settings_now.reverse = 1;
    assert_true(same(forward, train_well(allometer_cuda, models)));
    standin_settings_now.devices = 1;
    assert_true(same(forward, train_well(allometer_cuda, models)));
    const trained without_weights = train_well(allometer_cuda, models, false);
    for (size_t i = 0; i < models.size(); ++i) {
        assert_true(without_weights.weights[i].empty());
        assert_true(without_weights.results[i].train_loss == forward.results[i].train_loss);
    }
}

/* Four, or two, to a warp, each with steps and samples of its own: as if each were alone. */
static void models_that_share_a_warp_are_as_alone(void **state) {
    (void)state;
    std::vector<struct allometer_model> models;
    for (int i = 0; i < 11; ++i) {
        models.push_back(model_of(6 + i % 3 * 5, 40 + i % 4 * 8, 2 + i));
        models[(size_t)i].activation = i % 2;
        assert_in_range(cuda_place(&models[(size_t)i], 232448).team, CUDA_MIN_TEAM, WARP_SIZE / 2);
    }
    models[5].optimizer = ALLOMETER_OPTIMIZER_SGD, models[5].learning_rate = 1e6f; /* diverges */
    const trained together = train_well(allometer_cuda, models);
    assert_int_equal(together.results[5].status, ALLOMETER_MODEL_DIVERGED);
    for (size_t i = 0; i < models.size(); ++i) {
        const trained alone = train_well(allometer_cuda, {models[i]});
        trained one = together;
        one.results = {together.results[i]}, one.weights = {together.weights[i]};
        assert_true(same(alone, one));
    }
}

/* From a part of a warp to the largest block: what the tests above go through. */
static void teams_are_of_every_size(void **state) {
    (void)state;
    int n_of[CUDA_MAX_TEAM + 1] = {0};
    for (const struct allometer_model &model : shapes()) {
        const struct cuda_placement place = cuda_place(&model, 232448);
        const struct cuda_block block = cuda_block_of(&place, place.bytes);
        assert_int_equal(place.team * block.teams % WARP_SIZE, 0);
        assert_true((size_t)block.teams * block.team_bytes <= 232448);
        if (block.teams > 1) assert_int_equal(block.team_bytes / sizeof(float) % WARP_SIZE, place.team);
        ++n_of[place.team];
    }
    for (int team : {8, 16, 32, 64}) assert_true(n_of[team] > 0);
}

static void no_gpu_is_said_plainly(void **state) {
    (void)state;
    const struct {
        int error, devices, mixed;
        const char *says;
    } cases[] = {
        {cudaErrorInsufficientDriver, 2, 0, "no GPU: no NVIDIA driver is installed, or one older"},
        {cudaErrorNoDevice, 2, 0, "no GPU: the driver shows none"},
        {0, 0, 0, "no GPU: the driver shows none"},
    };
    const struct allometer_device_options options = {0, nullptr, 0};
    for (const auto &c : cases) {
        struct allometer_device *device = nullptr;
        struct allometer_error error = {};
        standin_settings_now.error = c.error;
        standin_settings_now.devices = c.devices;
        assert_int_equal(allometer_cuda.open(&device, &options, &error), ALLOMETER_BAD_INPUT);
        if (!strstr(error.message, c.says)) fail_msg("'%s', expected '%s'", error.message, c.says);
    }
}

static void gpus_of_one_kind_are_used(void **state) {
    (void)state;
    const struct allometer_device_options options = {0, nullptr, 0};
    struct allometer_device *device = nullptr;
    struct allometer_error error = {};
    int one, two;
    const struct allometer_model model = model_of(64, 64, 1);
    assert_int_equal(allometer_cuda.open(&device, &options, &error), ALLOMETER_OK);
    assert_string_equal(allometer_cuda.describe(device), "CUDA: 2 x stand-in 0 (sm_90), 2 multiprocessors");
    assert_string_equal(allometer_cuda.instruction_set(device), "sm_90");
    const size_t bytes = allometer_cuda.memory(device, &model, &two);
    assert_in_range(bytes, 3 * 4 * 64 * 5, 20000);
    allometer_cuda.close(device);
    standin_settings_now.mixed = 1;
    assert_int_equal(allometer_cuda.open(&device, &options, &error), ALLOMETER_OK);
    assert_string_equal(allometer_cuda.describe(device),
                        "CUDA: 1 x stand-in 0 (sm_90), 2 multiprocessors; not used, "
                        "being of another kind: stand-in 1 (sm_120)");
    allometer_cuda.memory(device, &model, &one);
    assert_true(one > 0 && two == 2 * one);
    allometer_cuda.close(device);
    assert_int_equal(standin_live(), 0);
}

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
        if (code == ALLOMETER_OK) continue; /* a call of the closing, whose failure changes nothing */
        ++n_failed;
        assert_int_equal(code, ALLOMETER_FAILED);
        if (!strstr(error.message, "out of memory (cudaErrorMemoryAllocation) from cuda"))
            fail_msg("%s", error.message);
        if (!strstr(error.message, "cuda.cu:") && !strstr(error.message, "cuda_device.cu:")
            && !strstr(error.message, "cuda_data.cu:"))
            fail_msg("%s", error.message);
    }
    assert_in_range(n_calls - n_failed, 1, 40);
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

/* For tests/drop_barriers: models that pass every barrier of the kernels, in teams of a part of a warp, of one and of several,
   in blocks few and small enough for the thread sanitizer (see MAX_THREADS in runtime.cpp). */
static int run_past_every_barrier(void) {
    std::vector<struct allometer_model> models = {
        model_of(33, 5, 3),  model_of(7, 40, 3),   model_of(40, 50, 3), model_of(33, 128, 2),
        model_of(40, 40, 2), model_of(40, 40, 65), model_of_rows()};
    models[1].fresh = 1;
    models[2].batch = 20;
    models[4].depth = 3, models[4].residual = 1, models[4].test_samples = 50;
    models[5].l1_step = ALLOMETER_L1_PROXIMAL,
    models[5].penalize_biases = 1; /* loses neurons, which are packed */
    models[5].scale = 8, models[5].l1 = models[5].learning_rate = 5e-2f;
    for (int32_t depth : {1, 2}) {
        /* An odd width: the sanitizer knows few accesses to each eight bytes, and forgets those of threads that read the
           other half in step; so the last neuron's worth must have no neighbor. */
        struct allometer_model pruned = depth == 1 ? model_of(40, 5, 3) : model_of(21, 40, 3);
        pruned.depth = depth, pruned.prune = 5, pruned.retrain = 1, pruned.test_samples = 50;
        models.push_back(pruned);
    }
    struct allometer_model diverging =
        model_of(40, 40, 50); /* its weights come back from where they were packed */
    diverging.optimizer = ALLOMETER_OPTIMIZER_SGD, diverging.learning_rate = 1e6f;
    diverging.prune = 5, diverging.retrain = 49;
    models.push_back(diverging);
    struct allometer_model mixed;
    char name[96];
    for (size_t i = 0; case_at(i, &mixed, name); ++i) {
        mixed.steps = 2;
        if (mixed.mixed && mixed.batch < mixed.samples) models.push_back(mixed);
    }
    struct allometer_error error = {};
    trained all;
    const enum allometer_code code = train_on(allometer_cuda, models, true, &all, &error);
    if (code != ALLOMETER_OK) printf("%s\n", error.message);
    return code != ALLOMETER_OK;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "races") == 0) return run_past_every_barrier();
    const struct CMUnitTest tests[] = {
#define ROW(name) cmocka_unit_test_setup(name, reset)
        ROW(shapes_equal_the_cpu),      ROW(cases_equal_the_cpu),
        ROW(extremes_equal_the_cpu),    ROW(shared_and_global_memory_agree),
        ROW(any_call_may_fail),         ROW(order_decides_nothing),
        ROW(teams_are_of_every_size),   ROW(models_that_share_a_warp_are_as_alone),
        ROW(gpus_of_one_kind_are_used), ROW(any_call_of_a_fit_may_fail),
        ROW(no_gpu_is_said_plainly),    ROW(stopping_keeps_what_is_finished),
    };
    /* "even" or "odd": every other test, so that two processes share them; the two that take longest apart. */
    std::vector<CMUnitTest> chosen;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; ++i) {
        if (argc < 2 || strcmp(argv[1], i % 2 ? "odd" : "even") == 0) chosen.push_back(tests[i]);
    }
    if (chosen.empty()) {
        fprintf(stderr, "usage: cuda_backend [even|odd|races]\n");
        return 2;
    }
    return _cmocka_run_group_tests("tests", chosen.data(), chosen.size(), NULL, NULL);
}
