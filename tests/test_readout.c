/* Read-outs of inner functions, from networks written by hand. */
#include "cases.h"
#include "compare.h"
#include "readout.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { LAYERS = 2, SUBTASKS = 2 };

/* Rows (L, K) of a network of layers of three rectified neurons, for the square of a function of x. */
static void read_out(struct allometer_model model, const float *weights, struct allometer_layer *layers) {
    model.activation = ALLOMETER_ACTIVATION_RELU;
    model.distribution = ALLOMETER_DISTRIBUTION_EVEN, model.test_samples = 2000;
    assert_int_equal(allometer_n_parameters(&model), 12 * model.depth - 2);
    assert_int_equal(allometer_n_layers(&model), model.depth * SUBTASKS);
    assert_true(allometer_readout(&model, weights, layers));
}

static struct allometer_model square_of(int32_t function) {
    struct allometer_model model =
        case_model(3, 10, (int32_t[]){function + CASE_FEEDS, ALLOMETER_FUNCTION_SQUARE}, SUBTASKS);
    model.depth = LAYERS;
    return model;
}

/* Of max(0, x). first, second: the first neuron's weight from x, and in the second layer from it; the others do nothing, or
   are cut off. */
static struct allometer_layer layer_of(float first, float second, int layer) {
    const float weights[] = {first,  -2, 0, 0, 0.3f, 0.5f,                   /* into the first layer */
                             second, 0,  0, 0, 0,    0,    0, 0, 0, 0, 1, 0, /* the second */
                             1,      0,  0, 0};
    struct allometer_layer layers[LAYERS * SUBTASKS];
    read_out(square_of(ALLOMETER_FUNCTION_POSITIVE_PART), weights, layers);
    assert_true(isnan(layers[layer * SUBTASKS + 1].readout_loss)); /* the last subtask has outputs */
    return layers[layer * SUBTASKS];
}

/* For x even on [-1, 1]: the variance of max(0, x) is 1/6 - 1/16 = 5/48; its covariance with max(0, -x) is -1/16, so that
   their correlation is -3/5 and the read-out leaves 16/25 of the variance. Sums over every other of 2000 points, which lie
   off the middle by a quarter of their distance, differ from integrals by parts in 10^3. */
static void test_known_read_outs(void **state) {
    (void)state;
    const double variance = 5.0 / 48;
    struct allometer_layer layer = layer_of(1, 0.5f, 0);
    assert_true(layer.readout_loss < 1e-9f); /* neuron 0 is the function; the ridge takes a part in 10^10 */
    assert_close("correlation", layer.correlation, 1, 1e-6, 0);
    assert_close("least", layer.least_correlation, 1, 1e-6, 0); /* of live neurons: neuron 1 leads nowhere */
    layer = layer_of(1, 0.5f, 1);
    assert_true(layer.readout_loss < 1e-9f);
    assert_close("correlation", layer.correlation, 1, 1e-6, 0);
    layer = layer_of(-1, 0.5f, 1);
    assert_close("read-out", layer.readout_loss, 0.64 * variance, 0, 3e-3);
    assert_close("correlation", layer.correlation, -0.6, 0, 3e-3);
    layer = layer_of(1, 0, 1); /* the second layer gives constants */
    assert_close("constants", layer.readout_loss, variance, 0, 3e-3);
    assert_true(isnan(layer.correlation) && isnan(layer.least_correlation));
}

/* The first layer gives max(0, x) and max(0, -x), which the second one takes: the former with the output before it, or, with
   residual, past it; the latter with the output before it, if there is a weight to it. */
static void test_what_lives(void **state) {
    (void)state;
    struct allometer_layer layers[LAYERS * SUBTASKS];
    struct allometer_model model = square_of(ALLOMETER_FUNCTION_POSITIVE_PART);
    const float cut[] = {1, -1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    read_out(model, cut, layers);
    assert_close("correlation", layers[0].correlation, 1, 1e-6, 0);
    /* Neuron 1 leads to one that leads nowhere. */
    assert_close("least", layers[0].least_correlation, 1, 1e-6, 0);

    const float past[] = {1, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    model.residual = 1;
    read_out(model, past, layers);
    assert_close("correlation", layers[0].correlation, 1, 1e-6, 0);
    assert_close("least", layers[0].least_correlation, -0.6, 0, 3e-3);
    assert_close("own", layers[SUBTASKS].correlation, -0.6, 0, 3e-3); /* the layer gives |x| there */
    assert_close("own", layers[SUBTASKS].least_correlation, -0.6, 0, 3e-3);

    /* what the first layer gives flows past the second to a neuron of the third */
    const float far[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                         0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
    struct allometer_layer three[(LAYERS + 1) * SUBTASKS];
    model.depth = LAYERS + 1;
    read_out(model, far, three);
    assert_close("first", three[0].correlation, 1, 1e-6, 0);
    assert_true(isnan(three[SUBTASKS].correlation));
    assert_close("third", three[2 * SUBTASKS].correlation, 1, 1e-6, 0);
}

/* The second layer gives 1 - max(0, x), and max(0, x - 1/2), whose variance is 13/768 and whose covariance with max(0, x) is
   7/192: what goes down as the function goes up is as good as what goes up with it. */
static void test_either_sign_counts(void **state) {
    (void)state;
    struct allometer_layer layers[LAYERS * SUBTASKS];
    const float weights[] = {1, 0, 1, 0, 0, -0.5f, -1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0};
    read_out(square_of(ALLOMETER_FUNCTION_POSITIVE_PART), weights, layers);
    assert_close("correlation", layers[SUBTASKS].correlation, -1, 1e-6, 0);
    assert_close("least", layers[SUBTASKS].least_correlation, 7.0 / 192 / sqrt(5.0 / 48 * 13 / 768), 0, 3e-3);
}

/* What is constant correlates with nothing, however its mean is rounded: first the function, then the second layer. */
static void test_constants_correlate_with_nothing(void **state) {
    (void)state;
    struct allometer_layer layers[LAYERS * SUBTASKS];
    const float weights[] = {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0.1f, 0, 0, 1, 0, 0, 0};
    struct allometer_model step = square_of(ALLOMETER_FUNCTION_STEP),
                           square = square_of(ALLOMETER_FUNCTION_SQUARE);
    step.low = 1, step.high = 2;
    read_out(step, weights, layers);
    assert_true(isnan(layers[0].correlation) && isnan(layers[0].least_correlation));
    square.low = -1, square.high = 0;
    read_out(square, weights, layers);
    assert_true(isnan(layers[SUBTASKS].correlation) && isnan(layers[SUBTASKS].least_correlation));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_read_outs), cmocka_unit_test(test_what_lives),
        cmocka_unit_test(test_either_sign_counts), cmocka_unit_test(test_constants_correlate_with_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
