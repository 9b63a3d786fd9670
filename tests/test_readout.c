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

/* Square of max(0, x) by two layers of three rectified neurons. first, second: the first neuron's weight from x, and in
   the second layer from it; the others do nothing, or are cut off. */
static struct allometer_layer layer_of(float first, float second, int layer) {
    struct allometer_model model = case_model(
        3, 10, (int32_t[]){ALLOMETER_FUNCTION_POSITIVE_PART + CASE_FEEDS, ALLOMETER_FUNCTION_SQUARE},
        SUBTASKS);
    model.depth = LAYERS, model.activation = ALLOMETER_ACTIVATION_RELU;
    model.distribution = ALLOMETER_DISTRIBUTION_EVEN, model.test_samples = 2000;
    const float weights[] = {first,  -2, 0, 0, 0.3f, 0.5f,                   /* into the first layer */
                             second, 0,  0, 0, 0,    0,    0, 0, 0, 0, 1, 0, /* the second */
                             1,      0,  0, 0};
    struct allometer_layer layers[LAYERS * SUBTASKS];
    assert_int_equal(allometer_n_parameters(&model), sizeof weights / sizeof *weights);
    assert_int_equal(allometer_n_layers(&model), LAYERS * SUBTASKS);
    assert_true(allometer_readout(&model, weights, layers));
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_read_outs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
