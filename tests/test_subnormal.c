/* Weights that decay never become subnormal: a processor would spend tens of times longer on
   each step among them. */
#include "cases.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_decay(void **state) {
    (void)state;
    /* Nothing but an l2 penalty: every step of SGD multiplies each weight by 1 - 2 rate l2 = 0.8. Initial weights lie
       within 1, so after 411 steps all would be below 0.8^411 = 1.5e-40, subnormal. They are 0; or, where a step is not
       fused into one operation, they stand where it became 0, within five times the least normal number. */
    struct allometer_model model = case_model(37, 16, (int32_t[]){ALLOMETER_FUNCTION_SQUARE}, 1);
    model.scale = 0, model.l2 = 1, model.penalize_biases = 1;
    model.optimizer = ALLOMETER_OPTIMIZER_SGD, model.momentum = 0, model.learning_rate = 0.1f;
    model.steps = 411;
    struct allometer_result result;
    struct backend_under_test under_test = backend_under_test_open(1, 0);
    float *weights = train_one(&under_test, &model, &result);
    model.steps = 300; /* 0.8^300 = 8.5e-30: not yet */
    float *before = train_one(&under_test, &model, &result);
    for (int64_t i = 0; i < allometer_n_parameters(&model); ++i) {
        if (fpclassify(weights[i]) == FP_SUBNORMAL)
            fail_msg("weight %lld is %g", (long long)i, (double)weights[i]);
        if (!isnormal(before[i])) fail_msg("weight %lld was %g", (long long)i, (double)before[i]);
    }
    /* The caller's own arithmetic is as it was. */
    volatile float least = FLT_MIN;
    assert_true(least / 4 > 0);
    free(weights), free(before);
    backend_under_test_close(&under_test);
}

int main(void) {
    const char *backend = getenv("ALLOMETER_TEST_BACKEND");
    if (backend && strcmp(backend, "cpu") != 0) {
        puts("skipped: subnormal numbers cost a GPU nothing, so only the CPU flushes them");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
