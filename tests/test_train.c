/* The training kernel against the reference: initial parameters, gradients, 100 steps, measures. */
#include "cases.h"
#include "compare.h"
#include "reference.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct backend_under_test under_test;

static double *doubles(size_t n) {
    double *p = calloc(n, sizeof *p);
    assert_non_null(p);
    return p;
}

/* The kernel's parameters after `steps` steps, widened; result may be NULL. */
static double *trained(struct allometer_model model, int32_t steps, struct allometer_result *result) {
    struct allometer_result own;
    model.steps = steps;
    float *weights = train_one(&under_test, &model, result ? result : &own);
    size_t n = (size_t)allometer_n_parameters(&model);
    double *theta = doubles(n);
    for (size_t i = 0; i < n; ++i) theta[i] = (double)weights[i];
    free(weights);
    return theta;
}

/* Normal draws come from logarithms of numbers near 1, which single precision holds to 2^-24 absolutely, not
   relatively. */
static void test_initial_parameters(void **state) {
    (void)state;
    struct allometer_model model;
    char name[96];
    for (size_t i = 0; case_at(i, &model, name); ++i) {
        size_t n = (size_t)allometer_n_parameters(&model);
        double *theta = trained(model, 0, NULL), *expected = doubles(n);
        reference_initialize(&model, expected);
        assert_doubles_close(name, theta, expected, n, 8 * FLT_EPSILON, 4 * FLT_EPSILON);
        free(theta);
        free(expected);
    }
}

/* Derivative of the reference's objective by parameter i, by central differences. */
static double finite_difference(const struct allometer_model *model, double *theta,
                                const struct reference_batch *batch, size_t i) {
    const double step = 1e-6, centre = theta[i];
    theta[i] = centre + step;
    double up = reference_objective(model, theta, batch);
    theta[i] = centre - step;
    double down = reference_objective(model, theta, batch);
    theta[i] = centre;
    return (up - down) / (2 * step);
}

/* The reference's derivatives are held to central differences, at some parameters since each takes two objectives; then
   the kernel's to the reference's, at all. One step of plain gradient descent of rate 1 gives the kernel's gradient as the
   difference of its parameters, to the rounding of these: the tolerance is four units of that plus one part in 10^5 of
   the largest derivative, which holds the rounding of the sums over samples. The penalty's l1 part is left out: it has a
   test of its own through training. */
static void test_gradient(void **state) {
    (void)state;
    struct allometer_model model;
    char name[96];
    for (size_t c = 0; case_at(c, &model, name); ++c) {
        model.optimizer = ALLOMETER_OPTIMIZER_SGD, model.schedule = ALLOMETER_SCHEDULE_CONSTANT,
        model.warmup_steps = 0;
        model.learning_rate = 1, model.momentum = 0, model.l1 = 0;
        size_t n = (size_t)allometer_n_parameters(&model), n_checked = n < 40 ? n : 40;
        struct allometer_result result;
        double *start = trained(model, 0, NULL), *end = trained(model, 1, &result), *by_hand = doubles(n);
        double *kernel = doubles(n), *difference = doubles(n_checked), *checked = doubles(n_checked);
        double largest = 0;
        struct reference_batch batch = reference_batch_make(&model, 0, 0);
        reference_gradient(&model, start, &batch, by_hand);
        for (size_t i = 0; i < n; ++i) {
            kernel[i] = start[i] - end[i];
            largest = fmax(largest, fabs(by_hand[i]) + fabs(start[i]) * 0.1);
        }
        for (size_t j = 0; j < n_checked; ++j) {
            size_t i = j * n / n_checked;
            checked[j] = by_hand[i];
            difference[j] = finite_difference(&model, start, &batch, i);
        }
        char what[128];
        snprintf(what, sizeof what, "%s: reference", name);
        assert_doubles_close(what, checked, difference, n_checked, 1e-8 * (1 + largest), 1e-6);
        snprintf(what, sizeof what, "%s: kernel", name);
        assert_doubles_close(what, kernel, by_hand, n, 4 * FLT_EPSILON + 1e-5 * largest, 1e-5);
        model.scale = 1, model.l2 = 0;
        snprintf(what, sizeof what, "%s: train_loss", name);
        assert_close(what, (double)result.train_loss, reference_objective(&model, start, &batch), 0, 1e-5);
        reference_batch_free(&batch);
        free(start), free(end), free(by_hand), free(kernel), free(difference), free(checked);
    }
}

/* After 100 steps single precision has drifted: Adam moves a parameter whose gradient is mere rounding as far as any
   other, so parameters are held to a tenth of the rate times the steps, and losses to one part in 100. */
static void test_hundred_steps(void **state) {
    (void)state;
    struct allometer_model model;
    char name[96];
    for (size_t c = 0; case_at(c, &model, name); ++c) {
        size_t n = (size_t)allometer_n_parameters(&model);
        struct allometer_result result;
        double *theta = trained(model, model.steps, &result), *reference = doubles(n),
               *expected = doubles((size_t)model.n_subtasks), *loss = doubles((size_t)model.n_subtasks);
        reference_train(&model, reference);
        reference_losses(&model, reference, expected);
        for (int k = 0; k < model.n_subtasks; ++k) loss[k] = (double)result.loss[k];
        assert_int_equal(result.status, ALLOMETER_MODEL_DONE);
        assert_int_equal(result.steps, model.steps);
        assert_doubles_close(name, theta, reference, n, 0.1 * model.learning_rate, 1e-3);
        assert_doubles_close(name, loss, expected, (size_t)model.n_subtasks, 1e-6, 1e-2);
        free(theta), free(reference), free(expected), free(loss);
    }
}

/* Measures of the parameters that the kernel itself arrived at, so that counts are exact; a neuron whose weight or rise
   is within rounding of its limit may fall on either side, hence the one neuron of slack for ablations. */
/* What lies within rounding of a limit may be counted or not: one neuron in a layer, by ablation and by path norm. */
static void assert_layers(const char *name, const struct allometer_model *model,
                          const struct allometer_layer *layers, const struct allometer_layer *expected) {
    for (int64_t i = 0; i < allometer_n_layers(model); ++i) {
        const struct allometer_layer *a = &layers[i], *b = &expected[i];
        if (a->threshold != b->threshold || a->shared_threshold != b->shared_threshold
            || abs(a->ablation - b->ablation) > 1 || abs(a->shared_ablation - b->shared_ablation) > 1
            || abs(a->path - b->path) > 1 || abs(a->shared_path - b->shared_path) > 1
            || abs(a->agreed - b->agreed) > 1)
            fail_msg("%s, row %d: %d/%d %d/%d %d/%d %d, expected %d/%d %d/%d %d/%d %d", name, (int)i,
                     a->threshold, a->shared_threshold, a->ablation, a->shared_ablation, a->path,
                     a->shared_path, a->agreed, b->threshold, b->shared_threshold, b->ablation,
                     b->shared_ablation, b->path, b->shared_path, b->agreed);
    }
}

static void test_measures(void **state) {
    (void)state;
    struct allometer_model model;
    char name[96];
    for (size_t c = 0; case_at(c, &model, name); ++c) {
        /* what is exactly zero is above no threshold; of a layer's path norm about half of the neurons have their share */
        model.threshold = model.l1_step == ALLOMETER_L1_PROXIMAL ? 0 : 0.1f;
        model.path_share = 1 / (float)model.width;
        struct allometer_result result, expected;
        struct allometer_layer layers[64] = {{0}}, expected_layers[64] = {{0}}, *own = layers;
        assert_in_range(allometer_n_layers(&model), 0, 64);
        double *theta = trained(model, model.steps, NULL);
        train_all_layers(&under_test, &model, 1, &result, NULL, &own);
        reference_measure(&model, theta, &expected, allometer_is_general(&model) ? expected_layers : NULL);
        assert_layers(name, &model, layers, expected_layers);
        assert_floats_close(name, result.loss, expected.loss, (size_t)model.n_subtasks, 1e-7, 1e-4);
        for (int k = 0; k < model.n_subtasks; ++k) {
            assert_int_equal(result.allocated[k], expected.allocated[k]);
            assert_in_range(result.allocated_ablation[k] + 1 - expected.allocated_ablation[k], 0, 2);
            if (model.subtasks[k].loss == ALLOMETER_LOSS_CROSS_ENTROPY) {
                assert_close(name, result.accuracy[k], expected.accuracy[k], 1e-6, 0);
            } else {
                assert_true(isnan(result.accuracy[k]));
            }
        }
        assert_int_equal(result.live, expected.live);
        assert_int_equal(result.shared, expected.shared);
        assert_in_range(result.live_ablation + 1 - expected.live_ablation, 0, 2);
        assert_in_range(result.shared_ablation + 1 - expected.shared_ablation, 0, 2);
        assert_close(name, result.l1_norm, expected.l1_norm, 0, 1e-5);
        assert_close(name, result.l2_norm_squared, expected.l2_norm_squared, 0, 1e-5);
        free(theta);
    }
}

/* The proximal step leaves exact zeros, the subgradient step none. */
static void test_exact_zeros(void **state) {
    (void)state;
    struct allometer_model model = case_model(40, 60, (int32_t[]){ALLOMETER_FUNCTION_SQUARE}, 1);
    model.l1 = 0.05f, model.steps = 500, model.learning_rate = 0.01f;
    for (model.l1_step = 0; model.l1_step < ALLOMETER_L1_COUNT; ++model.l1_step) {
        double *theta = trained(model, model.steps, NULL);
        int zeros = 0;
        for (int i = 0; i < model.width; ++i) zeros += theta[i] == 0;
        if (model.l1_step == ALLOMETER_L1_PROXIMAL)
            assert_in_range(zeros, model.width / 2, model.width);
        else
            assert_int_equal(zeros, 0);
        free(theta);
    }
}

/* Two subtasks that share one evenly spaced variable both see all of it. Outputs are 0, so that each loss is the mean of
   exp(2x) over half of 1,024 points, drawn without return: sinh(2) / 2 with a deviation of 0.06. */
static void test_even_variables_are_shared(void **state) {
    (void)state;
    struct allometer_model model = case_model(4, 1024, (int32_t[]){ALLOMETER_FUNCTION_EXPONENTIAL}, 1);
    struct allometer_result result;
    model.subtasks[1] = model.subtasks[0];
    model.n_subtasks = 2, model.mixed = model.control = 1, model.n_inputs = 3;
    model.distribution = ALLOMETER_DISTRIBUTION_EVEN, model.low = -1, model.high = 1;
    model.initialization_gain = 0, model.learning_rate = 0, model.steps = 1, model.test_samples = 1024;
    free(train_one(&under_test, &model, &result));
    for (int k = 0; k < 2; ++k) assert_true(fabs((double)result.loss[k] - sinh(2) / 2) < 0.3);
}

/* A network whose outputs are all the same tells the first class: it is right where that is. The last is asked about many
   samples in small batches: to count them is exact. */
static void test_ties_are_no_knowledge(void **state) {
    (void)state;
    for (int i = 0; i < 4; ++i) {
        struct allometer_model model = case_model(4, 64, (int32_t[]){ALLOMETER_FUNCTION_PARITY}, 1);
        struct allometer_result result;
        model.depth = i == 1 ? 2 : 1;
        if (i == 2) model.mixed = model.control = 1, ++model.n_inputs;
        model.initialization_gain = 0, model.learning_rate = 0, model.steps = 1, model.test_samples = 1000;
        if (i == 3) model.batch = 32, model.test_samples = 60000;
        free(train_one(&under_test, &model, &result));
        struct reference_batch batch = reference_batch_make(&model, 0, 1);
        double first = 0;
        for (int s = 0; s < batch.n; ++s) first += batch.target[s * model.n_outputs] == 0;
        assert_close("ties", (double)result.accuracy[0], (double)((float)first / (float)batch.n), 0, 0);
        reference_batch_free(&batch);
    }
}

static void test_divergence(void **state) {
    (void)state;
    struct allometer_model models[3];
    struct allometer_result results[3], alone;
    for (int i = 0; i < 3; ++i) models[i] = case_model(20, 30, (int32_t[]){ALLOMETER_FUNCTION_SQUARE}, 1);
    models[1].optimizer = ALLOMETER_OPTIMIZER_SGD, models[1].learning_rate = 1e6f;
    train_all(&under_test, models, 3, results, NULL);
    assert_int_equal(results[1].status, ALLOMETER_MODEL_DIVERGED);
    assert_in_range(results[1].steps, 1, 99);
    assert_true(isnan(results[1].loss[0]));
    train_all(&under_test, &models[2], 1, &alone, NULL);
    assert_int_equal(results[2].status, ALLOMETER_MODEL_DONE);
    assert_memory_equal(results[2].loss, alone.loss, sizeof alone.loss[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_parameters),
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_hundred_steps),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_exact_zeros),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_even_variables_are_shared),
        cmocka_unit_test(test_ties_are_no_knowledge),
    };
    under_test = backend_under_test_open(0, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    backend_under_test_close(&under_test);
    return failed;
}
