/* The CUDA backend on the stand-in: equal to the CPU's, the same in either order, and tidy. */
#include "cuda_trainings.h"

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
        assert_true(place.team * block.teams <= place.kernel->threads); /* or it would not be launched */
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
        struct allometer_error error = {};
        auto *device = reinterpret_cast<struct allometer_device *>(&error); /* none */
        standin_settings_now.error = c.error;
        standin_settings_now.devices = c.devices;
        assert_int_equal(allometer_cuda.open(&device, &options, &error), ALLOMETER_BAD_INPUT);
        if (!strstr(error.message, c.says)) fail_msg("'%s', expected '%s'", error.message, c.says);
        assert_null(device);
        allometer_cuda.close(device);
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
    assert_int_equal(allometer_cuda.open(&device, nullptr, &error), ALLOMETER_OK);
    assert_string_equal(allometer_cuda.describe(device),
                        "CUDA: 1 x stand-in 0 (sm_90), 2 multiprocessors; not used, "
                        "being of another kind: stand-in 1 (sm_120)");
    allometer_cuda.memory(device, &model, &one);
    assert_true(one > 0 && two == 2 * one);
    allometer_cuda.close(device);
    assert_int_equal(standin_live(), 0);
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
        ROW(teams_are_of_every_size),   ROW(order_decides_nothing),
        ROW(gpus_of_one_kind_are_used), ROW(models_that_share_a_warp_are_as_alone),
        ROW(no_gpu_is_said_plainly),
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
