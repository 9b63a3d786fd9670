/* What benchmarks tell of their repeats: least, median and most, of odd and of even numbers of them. */
#include "../bench/spread.c"
#include "compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void the_median_has_as_many_below_as_above(void **state) {
    (void)state;
    static const double medians[] = {5, 4, 3, 3.5};
    for (int n = 1; n <= 4; ++n) {
        double values[] = {5, 3, 1, 4};
        const struct spread spread = bench_spread(values, n);
        assert_close("median", spread.median, medians[n - 1], 0, 0);
        assert_true(spread.least <= spread.median && spread.median <= spread.most);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_median_has_as_many_below_as_above)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
