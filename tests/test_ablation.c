/* What a loss rises by without a neuron, as the kernel computes it, against sums of exponentials in long double, with
   logits as far apart as they come: exponentials of single precision overflow beyond 88. */
#include "ablation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "compare.h"

enum { CLASSES = 3, TRIALS = 200 };

/* The cross entropy of logits less shift times parts. */
static long double cross_entropy(const float *logits, const float *parts, float shift, int class_of) {
    long double sum = 0, own = (long double)logits[class_of] - (long double)shift * parts[class_of];
    for (int o = 0; o < CLASSES; ++o)
        sum += expl((long double)logits[o] - (long double)shift * parts[o] - own);
    return logl(sum);
}

static void test_cross_entropy_without_a_neuron(void **state) {
    (void)state;
    static const float spreads[] = {1, 30, 150, 1000};
    const struct allometer_subtask subtask = {.loss = ALLOMETER_LOSS_CROSS_ENTROPY, .n_outputs = CLASSES};
    srand48(1);
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; ++i) {
        double rises[TRIALS], expected[TRIALS];
        for (int trial = 0; trial < TRIALS; ++trial) {
            float logits[CLASSES], parts[CLASSES], target = (float)(trial % CLASSES), v[CLASSES * LANES];
            const float shift = (float)(drand48() - 0.5);
            for (int o = 0; o < CLASSES; ++o) {
                logits[o] = spreads[i] * (float)(drand48() - 0.5);
                parts[o] = spreads[i] * (float)(drand48() - 0.5);
                for (int lane = 0; lane < LANES; ++lane) v[o * LANES + lane] = parts[o];
            }
            struct batch batch = {.n = 1, .stride = 1, .output = logits, .target = &target};
            float rise[LANES];
            vf_store(rise, ablation_rise(&batch, &subtask, 0, v, LANES, vf_set(shift)));
            rises[trial] = rise[0];
            expected[trial] = (double)(cross_entropy(logits, parts, shift, trial % CLASSES)
                                       - cross_entropy(logits, parts, 0, trial % CLASSES));
        }
        /* logits and losses of that size are rounded */
        assert_doubles_close("rise", rises, expected, TRIALS, 1e-6 * (1 + spreads[i]), 0);
    }
}

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cross_entropy_without_a_neuron),
                                       cmocka_unit_test(test_mean_of_a_constant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
