/* Small models that a thread trains in groups, one in each lane: the same bits as alone, whoever shares the group. */
#include "cases.h"
#include "cpu_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ROW(set) extern const struct cpu_kernels allometer_cpu_kernels_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW

static const struct cpu_kernels *const all_kernels[] = {
#define ROW(set) &allometer_cpu_kernels_##set,
    ALLOMETER_INSTRUCTION_SETS
#undef ROW
};
enum { N_KERNELS = sizeof all_kernels / sizeof all_kernels[0], MAX_MODELS = 400 };

#define F(function) ALLOMETER_FUNCTION_##function

/* One shape for each pair of D and O, and for what sizes can do: divide lanes or not, fill rows or not. */
static const struct shape {
    int32_t width, samples, functions[2], n, shared_input;
} shapes[] = {
    {8, 64, {F(SQUARE)}, 1, 0},        {16, 64, {F(PRODUCT)}, 1, 0}, {5, 33, {F(SQUARE), F(CUBE)}, 2, 1},
    {1, 70, {F(SINE), F(CUBE)}, 2, 0}, {17, 7, {F(ABSOLUTE)}, 1, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static struct allometer_model small_model(const struct shape *shape, int32_t activation, uint64_t seed) {
    struct allometer_model model = case_model(shape->width, shape->samples, shape->functions, shape->n);
    if (shape->shared_input) model.subtasks[1].first_input = 0, model.n_inputs = 1;
    model.activation = activation, model.seed = seed;
    model.steps = 64, model.l1 = 3e-5f, model.l2 = 3e-4f;
    return model;
}

/* Makes a model differ from the others of its group in all that may differ there. */
static void vary(struct allometer_model *model, size_t i) {
    model->steps -= (int32_t)(i % 5);
    model->learning_rate *= (float)(1 + i % 3);
    model->schedule = (int32_t)(i % 2), model->warmup_steps = (int32_t)(i % 4) * 5;
    model->scale = (float)(1 + i % 7), model->l2 *= (float)(i % 3), model->l1 *= (float)(i % 4);
    model->penalize_biases = i % 3 == 0;
    model->beta1 = 0.8f + 0.02f * (float)(i % 6), model->beta2 = i % 2 ? 0.99f : 0.999f;
    model->weighting = i % 4 == 2 ? ALLOMETER_WEIGHTING_BOOTSTRAP : ALLOMETER_WEIGHTING_EQUAL;
    model->distribution = (int32_t)(i % 2), model->initialization = (int32_t)(i % 5);
    model->low = -1 - 0.1f * (float)(i % 3);
}

/* Trains n models as one batch and each alone, and compares weights and results. */
static void assert_same_as_alone(const struct allometer_model *models, size_t n, int threads, int reverse) {
    const size_t compared = offsetof(struct allometer_result, allocated_ablation)
                            + sizeof((struct allometer_result *)0)->allocated_ablation;
    struct backend_under_test many = backend_under_test_open(threads, reverse),
                              one = backend_under_test_open(1, 0);
    struct allometer_result *results = calloc(n, sizeof *results), alone;
    float **weights = calloc(n, sizeof *weights);
    for (size_t i = 0; i < n; ++i)
        weights[i] = calloc((size_t)allometer_n_parameters(&models[i]), sizeof **weights);
    train_all(&many, models, n, results, weights);
    for (size_t i = 0; i < n; ++i) {
        const size_t bytes = (size_t)allometer_n_parameters(&models[i]) * sizeof(float);
        float *expected = train_one(&one, &models[i], &alone);
        if (memcmp(weights[i], expected, bytes) != 0) fail_msg("weights of model %zu of %zu differ", i, n);
        if (memcmp(&results[i], &alone, compared) != 0) fail_msg("results of model %zu of %zu differ", i, n);
        free(expected), free(weights[i]);
    }
    backend_under_test_close(&many), backend_under_test_close(&one);
    free(results), free(weights);
}

static void every_activation_and_shape(void **state) {
    (void)state;
    for (int32_t activation = 0; activation < ALLOMETER_ACTIVATION_COUNT; ++activation) {
        for (int s = 0; s < N_SHAPES; ++s) {
            struct allometer_model models[16];
            for (size_t i = 0; i < 16; ++i) {
                models[i] = small_model(&shapes[s], activation, i);
                vary(&models[i], i);
            }
            assert_same_as_alone(models, 16, 1, 0);
        }
    }
}

static void every_optimizer_and_number(void **state) {
    (void)state;
    const size_t numbers[] = {1, 15, 16, 17, 40};
    for (int32_t optimizer = 0; optimizer < ALLOMETER_OPTIMIZER_COUNT; ++optimizer) {
        for (int c = 0; c < 5; ++c) {
            struct allometer_model models[40];
            for (size_t i = 0; i < numbers[c]; ++i) {
                models[i] = small_model(&shapes[0], ALLOMETER_ACTIVATION_TANH, i);
                vary(&models[i], i);
                models[i].optimizer = optimizer;
            }
            assert_same_as_alone(models, numbers[c], 1, 0);
        }
    }
}

/* Of those that diverge some do in the first steps, some later; the others go on. */
static void some_diverge(void **state) {
    (void)state;
    struct backend_under_test under_test = backend_under_test_open(1, 0);
    struct allometer_model models[48];
    struct allometer_result results[48];
    int diverged = 0;
    for (size_t i = 0; i < 48; ++i) {
        models[i] = small_model(&shapes[0], ALLOMETER_ACTIVATION_RELU, i);
        models[i].optimizer = ALLOMETER_OPTIMIZER_SGD;
        if (i % 3 == 0) models[i].learning_rate = i % 2 ? 1e20f : 3.0f + (float)i;
    }
    train_all(&under_test, models, 48, results, NULL);
    for (size_t i = 0; i < 48; ++i) diverged += results[i].status == ALLOMETER_MODEL_DIVERGED;
    assert_in_range(diverged, 8, 40);
    backend_under_test_close(&under_test);
    assert_same_as_alone(models, 48, 1, 0);
}

static size_t mixed_batch(struct allometer_model *models) {
    for (size_t i = 0; i < MAX_MODELS; ++i) {
        models[i] = small_model(&shapes[i * i % N_SHAPES], (int32_t)(i / 7 % 2), i);
        vary(&models[i], i);
        if (i % 11 == 0) models[i].steps = (int32_t)(i % 97);
        if (i % 13 == 0) models[i].optimizer = ALLOMETER_OPTIMIZER_SGD;
        if (i % 17 == 0) models[i].fresh = 1;
        if (i % 19 == 0) models[i].l1_step = ALLOMETER_L1_PROXIMAL;
    }
    return MAX_MODELS;
}

static void mixed_batches_on_threads(void **state) {
    (void)state;
    struct allometer_model *models = calloc(MAX_MODELS, sizeof *models);
    const size_t n = mixed_batch(models);
    assert_same_as_alone(models, n, 1, 0);
    assert_same_as_alone(models, n, 2, 1);
    assert_same_as_alone(models, n, 3, 0);
    free(models);
}

/* Units hold each model once; groups are of one shape, whole, and as many for each thread. */
static void queues_are_whole(void **state) {
    (void)state;
    struct allometer_model *models = calloc(MAX_MODELS, sizeof *models);
    const size_t n = mixed_batch(models);
    const struct allometer_training training = {.models = models, .n_models = n};
    for (int k = 0; k < N_KERNELS; ++k) {
        for (int threads = 1; threads < 6; ++threads) {
            struct queue queue;
            size_t seen[MAX_MODELS] = {0}, groups = 0;
            assert_int_equal(queue_make(&training, all_kernels[k], threads, threads % 2, &queue, NULL),
                             ALLOMETER_OK);
            for (size_t i = 0; i < queue.n_units; ++i) {
                const struct queue_unit *unit = &queue.units[i];
                const struct allometer_model *first = &models[queue.order[unit->first]];
                for (size_t j = 0; j < unit->n; ++j) {
                    const struct allometer_model *model = &models[queue.order[unit->first + j]];
                    ++seen[queue.order[unit->first + j]];
                    assert_int_equal(model->width, first->width);
                    assert_int_equal(model->activation, first->activation);
                    assert_int_equal(model->optimizer, first->optimizer);
                    if (unit->n > 1) assert_true(!model->fresh && model->l1_step != ALLOMETER_L1_PROXIMAL);
                }
                if (unit->n > 1) assert_int_equal(unit->n, all_kernels[k]->lanes);
                groups += unit->n > 1;
            }
            for (size_t i = 0; i < n; ++i) assert_int_equal(seen[i], 1);
            assert_true(groups >= 5);
            assert_int_equal(groups % (size_t)threads, 0);
            queue_free(&queue);
        }
    }
    free(models);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_activation_and_shape),
        cmocka_unit_test(every_optimizer_and_number),
        cmocka_unit_test(some_diverge),
        cmocka_unit_test(mixed_batches_on_threads),
        cmocka_unit_test(queues_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
