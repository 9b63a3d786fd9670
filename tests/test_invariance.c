/* The headline property: a model gives the same answer, bit for bit, alone, in any slot of a batch, in a batch of
   hundreds, in either order, on any number of threads; and to a stated tolerance on another instruction set. */
#include "cases.h"
#include "compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MAX_MODELS = 800, STEPS = 20, STRIDE = 1009 /* a prime above the number of models */ };

struct answers {
    size_t n;
    struct allometer_model models[MAX_MODELS];
    struct allometer_result results[MAX_MODELS];
    float *weights[MAX_MODELS];
    struct allometer_layer *layers[MAX_MODELS];
};

static void answers_free(struct answers *a) {
    for (size_t i = 0; i < a->n; ++i) free(a->weights[i]), free(a->layers[i]);
    free(a);
}

/* The objective in units 1/8 as large, and what a step takes from its gradients in the same: every power of two is exact. */
static void change_units(struct allometer_model *model) {
    model->scale *= 8, model->l1 *= 8, model->l2 *= 8;
    if (model->optimizer == ALLOMETER_OPTIMIZER_SGD)
        model->learning_rate /= 8;
    else
        model->epsilon *= 8;
}

/* Every case with `seeds` seeds each; model i of the list stands at place (i * stride) mod n of the batch. stride is
   prime to n or 1. */
static struct answers *train_cases(size_t seeds, size_t stride, int threads, int reverse) {
    struct answers *a = calloc(1, sizeof *a);
    struct allometer_model model;
    char name[96];
    assert_non_null(a);
    while (case_at(a->n / seeds, &model, name)) {
        assert_true(a->n < MAX_MODELS);
        model.seed += 1000 * (a->n % seeds), model.steps = STEPS;
        a->models[a->n++] = model;
    }
    struct allometer_model *placed = calloc(a->n, sizeof *placed);
    struct allometer_result *results = calloc(a->n, sizeof *results);
    float **weights = calloc(a->n, sizeof *weights);
    struct allometer_layer **layers = calloc(a->n, sizeof *layers);
    for (size_t i = 0; i < a->n; ++i) {
        a->weights[i] = calloc((size_t)allometer_n_parameters(&a->models[i]), sizeof **a->weights);
        a->layers[i] = calloc((size_t)allometer_n_layers(&a->models[i]) + 1, sizeof **a->layers);
        placed[i * stride % a->n] = a->models[i], weights[i * stride % a->n] = a->weights[i];
        layers[i * stride % a->n] = a->layers[i];
    }
    struct backend_under_test under_test = backend_under_test_open(threads, reverse);
    train_all_layers(&under_test, placed, a->n, results, weights, layers);
    backend_under_test_close(&under_test);
    for (size_t i = 0; i < a->n; ++i) a->results[i] = results[i * stride % a->n];
    free(placed), free(results), free(weights), free(layers);
    return a;
}

/* All but the seconds, and what may lie unused before them; NaN of equal bits is equal. */
static void assert_same(const struct answers *a, const struct answers *b) {
    const size_t compared =
        offsetof(struct allometer_result, allocated_ablation) + sizeof a->results->allocated_ablation;
    for (size_t i = 0; i < a->n; ++i) {
        const size_t bytes = (size_t)allometer_n_parameters(&a->models[i]) * sizeof(float);
        struct allometer_result x = a->results[i], y = b->results[i];
        if (memcmp(a->weights[i], b->weights[i], bytes) != 0) fail_msg("weights of model %zu differ", i);
        const size_t rows = (size_t)allometer_n_layers(&a->models[i]) * sizeof **a->layers;
        if (memcmp(a->layers[i], b->layers[i], rows) != 0) fail_msg("layers of model %zu differ", i);
        if (memcmp(&x, &y, compared) != 0) fail_msg("results of model %zu differ", i);
    }
}

static void test_slots_threads_order(void **state) {
    (void)state;
    struct answers *first = train_cases(8, 1, 1, 0);
    struct answers *others[] = {train_cases(8, STRIDE, 1, 0), train_cases(8, 1, 2, 0),
                                train_cases(8, STRIDE, 3, 1)};
    for (int i = 0; i < 3; ++i) {
        assert_same(first, others[i]);
        answers_free(others[i]);
    }
    answers_free(first);
}

static void test_alone(void **state) {
    (void)state;
    struct answers *batch = train_cases(2, 1, 2, 0), *alone = train_cases(2, 1, 1, 0);
    struct backend_under_test under_test = backend_under_test_open(1, 0);
    for (size_t i = 0; i < alone->n; ++i) {
        free(alone->weights[i]);
        alone->weights[i] = train_one(&under_test, &alone->models[i], &alone->results[i]);
        train_all_layers(&under_test, &alone->models[i], 1, &alone->results[i], NULL, &alone->layers[i]);
    }
    backend_under_test_close(&under_test);
    assert_same(batch, alone);
    answers_free(batch), answers_free(alone);
}

/* Between instruction sets sums run in another order: 20 steps of Adam keep parameters within a tenth of what a
   parameter can move in all. */
static void test_instruction_sets(void **state) {
    (void)state;
    const char *sets[] = {"sse2", "avx2", "avx512", "neon"};
    const char *chosen = getenv("ALLOMETER_TEST_INSTRUCTION_SET"),
               *backend = getenv("ALLOMETER_TEST_BACKEND");
    if (chosen || (backend && strcmp(backend, "cpu") != 0)) skip();
    struct answers *best = train_cases(1, 1, 2, 0);
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; ++s) {
        struct allometer_device *device;
        struct allometer_device_options options = {1, sets[s], 0};
        struct allometer_error error;
        if (allometer_cpu.open(&device, &options, &error) != ALLOMETER_OK) {
            print_message("%s\n", error.message);
            continue;
        }
        allometer_cpu.close(device);
        setenv("ALLOMETER_TEST_INSTRUCTION_SET", sets[s], 1);
        struct answers *other = train_cases(1, 1, 2, 0);
        unsetenv("ALLOMETER_TEST_INSTRUCTION_SET");
        for (size_t i = 0; i < best->n; ++i) {
            const struct allometer_model *model = &best->models[i];
            size_t n = (size_t)allometer_n_parameters(model);
            struct comparison c = compare_floats(other->weights[i], n, best->weights[i], n,
                                                 0.1 * STEPS * (double)model->learning_rate, 1e-4);
            if (!c.passed) comparison_report(c, sets[s], __FILE__, __LINE__);
            c = compare_floats(other->results[i].loss, (size_t)model->n_subtasks, best->results[i].loss,
                               (size_t)model->n_subtasks, 1e-6, 1e-2);
            if (!c.passed) comparison_report(c, sets[s], __FILE__, __LINE__);
        }
        answers_free(other);
    }
    answers_free(best);
}

/* Held-out losses are those of the parameters, here as they begin, however many samples a step takes: fewer than a tile of
   a matrix product, or many. Sums run in another order. */
static void test_batches(void **state) {
    (void)state;
    struct backend_under_test under_test = backend_under_test_open(1, 0);
    struct allometer_model model = case_model(
        1100, 300, (int32_t[]){ALLOMETER_FUNCTION_SQUARE + CASE_FEEDS, ALLOMETER_FUNCTION_CUBE}, 2);
    struct allometer_result all, few;
    model.steps = 0;
    free(train_one(&under_test, &model, &all));
    const int32_t batches[] = {1, 20, 49};
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; ++i) {
        model.batch = batches[i];
        free(train_one(&under_test, &model, &few));
        assert_floats_close("few samples a step", &few.loss[1], &all.loss[1], 1, 0, 1e-4);
    }
    backend_under_test_close(&under_test);
}

static void test_units_of_the_objective(void **state) {
    (void)state;
    const char *backend = getenv("ALLOMETER_TEST_BACKEND");
    if (backend && strcmp(backend, "cpu") != 0) skip(); /* devices may divide by a reciprocal */
    struct answers *plain = train_cases(1, 1, 2, 0), *other = train_cases(1, 1, 2, 0);
    struct backend_under_test under_test = backend_under_test_open(2, 0);
    for (size_t i = 0; i < other->n; ++i) change_units(&other->models[i]);
    train_all_layers(&under_test, other->models, other->n, other->results, other->weights, other->layers);
    backend_under_test_close(&under_test);
    assert_same(plain, other);
    answers_free(plain), answers_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_threads_order),    cmocka_unit_test(test_alone),
        cmocka_unit_test(test_instruction_sets),       cmocka_unit_test(test_batches),
        cmocka_unit_test(test_units_of_the_objective),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
