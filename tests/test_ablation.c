/* The mean activation that a silenced neuron is held at. */
#include "ablation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "compare.h"

/* Of many samples, of which each adds as much: what is lost of one is lost of all. */
static void test_mean_of_a_constant(void **state) {
    (void)state;
    enum { N = 60000 };
    float rows[2 * LANES], constant[LANES], mean[LANES], *x = calloc(N, sizeof *x);
    assert_non_null(x);
    for (int h = 0; h < LANES; ++h) {
        rows[h] = mean[h] = 0;
        rows[LANES + h] = constant[h] = 0.37f * (float)(h + 1);
    }
    const struct allometer_model model = {.width = LANES};
    const struct parameters parameters = {.rows = rows, .stride = LANES};
    const struct batch batch = {.n = N, .stride = N, .x = x};
    activation_add(1, ALLOMETER_ACTIVATION_IDENTITY, &model, &parameters, &batch, 1.0f / N, mean);
    assert_floats_close("mean", mean, constant, LANES, 0, 1e-6);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mean_of_a_constant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
