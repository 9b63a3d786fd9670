/* The vector functions and random numbers of every instruction set that this machine has. */
#include "lanes_maths.h"
#include "backend.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ROW(set) extern const struct lanes_maths lanes_maths_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW
static const struct lanes_maths *const all_sets[] = {
#define ROW(set) &lanes_maths_##set,
    ALLOMETER_INSTRUCTION_SETS
#undef ROW
};
enum { N_SETS = sizeof all_sets / sizeof all_sets[0], CHUNK = 1 << 12 };

static int runs_here(const char *name) {
    struct allometer_device *device;
    struct allometer_device_options options = {1, name, 0};
    if (allometer_cpu.open(&device, &options, NULL) != ALLOMETER_OK) return 0;
    allometer_cpu.close(device);
    return 1;
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Distance of y from the exact value in units in the last place of the float nearest to it. */
static double units(float y, double exact) {
    if (!isfinite(y)) return INFINITY;
    int exponent;
    frexp(exact, &exponent);
    double unit = fmax(ldexp(1.0, exponent - 24), (double)FLT_TRUE_MIN);
    return fabs((double)y - exact) / unit;
}

/* Below this, erf's intermediate results are subnormal and it is up to 2 units off; none of it reaches a result. */
static const double least_magnitude = 1e-30;

/* Floats of [low, high], every `stride`-th by their bits, which visits every binade alike. */
static double worst_units(maths_function *function, double (*reference)(double), double low, double high,
                          float *at) {
    static float x[CHUNK], y[CHUNK];
    double worst = 0;
    const uint32_t stride = 1009;
    for (int negative = 0; negative < 2; ++negative) {
        double from = fmax(least_magnitude, negative ? -high : low), to = negative ? -low : high;
        if (to <= from) continue;
        uint32_t next = bits_of((float)from), last = bits_of(nextafterf((float)to, 0));
        while (next <= last) {
            for (int i = 0; i < CHUNK; ++i, next += next <= last ? stride : 0) {
                float magnitude = float_of(next <= last ? next : last);
                x[i] = negative ? -magnitude : magnitude;
            }
            function(y, x, CHUNK);
            for (int i = 0; i < CHUNK; ++i) {
                double u = units(y[i], reference((double)x[i]));
                if (!(u <= worst)) worst = u, *at = x[i];
            }
        }
    }
    return worst;
}

#define ROW(function, ulp, low, high, expression)  \
    static double reference_##function(double x) { \
        return expression;                         \
    }
MATHS_TABLE(ROW)
#undef ROW

static void test_accuracy(void **state) {
    (void)state;
    int failures = 0;
    for (int s = 0; s < N_SETS; ++s) {
        if (!runs_here(all_sets[s]->name)) continue;
#define ROW(function, ulp, low, high, expression)                                                        \
    {                                                                                                    \
        float at = 0;                                                                                    \
        double worst = worst_units(all_sets[s]->function, reference_##function, low, high, &at);         \
        print_message("%s %s: %.3f units at %.9g, promised %.1f\n", all_sets[s]->name, #function, worst, \
                      (double)at, ulp);                                                                  \
        failures += !(worst <= (ulp) + 1e-6);                                                            \
    }
        MATHS_TABLE(ROW)
#undef ROW
    }
    assert_int_equal(failures, 0);
}

static double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t double_bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_units(double y, long double exact) {
    if (!isfinite(y)) return INFINITY;
    int exponent;
    frexpl(exact, &exponent);
    long double unit = fmaxl(ldexpl(1.0L, exponent - 53), (long double)DBL_TRUE_MIN);
    return (double)(fabsl((long double)y - exact) / unit);
}

/* A million doubles of [low, high], evenly by their bits, of either sign. */
static double worst_double_units(double_maths_function *function, long double (*reference)(long double),
                                 double low, double high, double *at) {
    static double x[CHUNK], y[CHUNK];
    double worst = 0;
    for (int negative = 0; negative < 2; ++negative) {
        double from = fmax(0, negative ? -high : low), to = negative ? -low : high;
        if (to <= from) continue;
        uint64_t next = double_bits_of(from), last = double_bits_of(to),
                 stride = (last - next) / (1 << 20) + 1;
        while (next <= last) {
            for (int i = 0; i < CHUNK; ++i, next += next <= last ? stride : 0) {
                double magnitude = double_of(next <= last ? next : last);
                x[i] = negative ? -magnitude : magnitude;
            }
            function(y, x, CHUNK);
            for (int i = 0; i < CHUNK; ++i) {
                double u = double_units(y[i], reference((long double)x[i]));
                if (!(u <= worst)) worst = u, *at = x[i];
            }
        }
    }
    return worst;
}

#define ROW(function, ulp, low, high, expression)                   \
    static long double double_reference_##function(long double x) { \
        return expression;                                          \
    }
DOUBLE_MATHS_TABLE(ROW)
#undef ROW

static void test_double_accuracy(void **state) {
    (void)state;
    int failures = 0;
    for (int s = 0; s < N_SETS; ++s) {
        if (!runs_here(all_sets[s]->name)) continue;
#define ROW(function, ulp, low, high, expression)                                                         \
    {                                                                                                     \
        double at = 0, worst = worst_double_units(all_sets[s]->double_##function,                         \
                                                  double_reference_##function, low, high, &at);           \
        print_message("%s double %s: %.3f units at %.17g, promised %.1f\n", all_sets[s]->name, #function, \
                      worst, at, ulp);                                                                    \
        failures += !(worst <= (ulp) + 1e-6);                                                             \
    }
        DOUBLE_MATHS_TABLE(ROW)
#undef ROW
    }
    assert_int_equal(failures, 0);
}

static void test_double_special_values(void **state) {
    (void)state;
    for (int s = 0; s < N_SETS; ++s) {
        if (!runs_here(all_sets[s]->name)) continue;
        double x[16] = {NAN, -INFINITY, INFINITY, -1e300, 1e300, 0, -0.0, -708, 709.79}, y[16];
        all_sets[s]->double_exp_u10(y, x, 16);
        assert_true(isnan(y[0]) && y[1] == 0 && isinf(y[2]) && y[3] == 0 && isinf(y[4]));
        assert_true(y[5] == 1 && y[6] == 1 && y[7] == 0 && isinf(y[8]));
        all_sets[s]->double_log_u10(y, x, 16);
        assert_true(isnan(y[0]) && isnan(y[1]) && isinf(y[2]) && y[2] > 0 && isnan(y[3]));
        assert_true(isinf(y[5]) && y[5] < 0 && isinf(y[6]) && y[6] < 0);
    }
}

static void test_special_values(void **state) {
    (void)state;
    for (int s = 0; s < N_SETS; ++s) {
        if (!runs_here(all_sets[s]->name)) continue;
        float x[16] = {NAN, -1e30f, 1e30f, -INFINITY, INFINITY, 0, -0.0f}, y[16];
        all_sets[s]->exp_u15(y, x, 16);
        assert_true(isnan(y[0]));
        assert_true(y[1] > 0 && y[1] < 1.3e-38f && y[3] == y[1]);
        assert_true(isfinite(y[2]) && y[2] > 1.6e38f && y[4] == y[2]);
        assert_true(y[5] == 1 && y[6] == 1);
        all_sets[s]->sigmoid_u40(y, x, 16);
        assert_true(y[1] >= 0 && y[1] < 1e-37f && y[2] == 1 && y[3] == y[1] && y[4] == 1 && y[5] == 0.5f);
        all_sets[s]->tanh_u40(y, x, 16);
        assert_true(y[1] == -1 && y[2] == 1 && y[3] == -1 && y[4] == 1 && y[5] == 0);
        all_sets[s]->normal_u70(y, x, 16);
        assert_true(y[1] >= 0 && y[1] < 1e-37f && y[2] == 1 && y[4] == 1);
#define ROW(function, ulp, low, high, expression) \
    all_sets[s]->function(y, x, 16);              \
    assert_true(isnan(y[0]));
        MATHS_TABLE(ROW)
#undef ROW
    }
}

/* Known answers as published with Random123 (kat_vectors, philox4x32 10). */
static void test_philox(void **state) {
    (void)state;
    const struct {
        uint32_t counter[4], key[2], words[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int s = 0; s < N_SETS; ++s) {
        if (!runs_here(all_sets[s]->name)) continue;
        for (int k = 0; k < 3; ++k) {
            uint32_t words[4];
            all_sets[s]->philox(words, known[k].counter, known[k].key);
            assert_memory_equal(words, known[k].words, sizeof known[k].words);
        }
    }
}

static void test_permutations(void **state) {
    (void)state;
    static int32_t image[65536];
    static char seen[65536];
    const struct lanes_maths *set = all_sets[0];
    for (int32_t n = 1; n <= 65536; n = n < 300 ? n + 1 : n * 3 - 1) {
        for (uint32_t step = 0; step < 2; ++step) {
            set->permutation(image, n, 7, 3, step);
            memset(seen, 0, sizeof seen);
            for (int32_t i = 0; i < n; ++i) {
                assert_in_range(image[i], 0, n - 1);
                assert_int_equal(seen[image[i]], 0);
                seen[image[i]] = 1;
            }
        }
    }
}

/* Where one place lands, and where two land together, over many epochs, by Pearson's chi squared. Of an even
   permutation it is normal for so many cells; six standard deviations are allowed. */
static void test_permutation_is_even(void **state) {
    (void)state;
    enum { MOST = 64 };
    static const int32_t numbers[] = {3, 4, 5, 7, 10, 16, 17, 30, MOST};
    static int single[MOST][MOST], pair[3][MOST][MOST];
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; ++k) {
        const int32_t n = numbers[k], ask[3][2] = {{0, 1}, {0, n / 2}, {n / 2, n - 1}};
        const uint32_t epochs = 2000000 / (uint32_t)n;
        int32_t image[MOST];
        memset(single, 0, sizeof single);
        memset(pair, 0, sizeof pair);
        for (uint32_t step = 0; step < epochs; ++step) {
            all_sets[0]->permutation(image, n, 11, 0, step);
            for (int32_t i = 0; i < n; ++i) ++single[i][image[i]];
            for (int a = 0; a < 3; ++a) ++pair[a][image[ask[a][0]]][image[ask[a][1]]];
        }
        double of_one = 0, of_two[3] = {0};
        const double each = epochs / (double)n, both = each / (n - 1);
        for (int32_t i = 0; i < n; ++i) {
            for (int32_t j = 0; j < n; ++j) {
                of_one += (single[i][j] - each) * (single[i][j] - each) / each;
                for (int a = 0; a < 3 && i != j; ++a)
                    of_two[a] += (pair[a][i][j] - both) * (pair[a][i][j] - both) / both;
            }
        }
        const double free_of_one = (n - 1.0) * (n - 1), free_of_two = n * (n - 1.0) - 1;
        assert_true(of_one < free_of_one + 6 * sqrt(2 * free_of_one));
        for (int a = 0; a < 3; ++a) assert_true(of_two[a] < free_of_two + 6 * sqrt(2 * free_of_two));
    }
}

/* How two places 8 apart differ, of 64, the most that 3 bits a half hold; by the same measure. */
static void test_permutation_differences(void **state) {
    (void)state;
    enum { N = 64, EPOCHS = 200000 };
    static int count[N];
    int32_t image[N];
    for (uint32_t step = 0; step < EPOCHS; ++step) {
        all_sets[0]->permutation(image, N, 11, 0, step);
        for (int32_t i = 0; i < N; ++i)
            if (!(i & 8)) ++count[image[i] ^ image[i | 8]];
    }
    double off = 0;
    const double each = EPOCHS * (N / 2.0) / (N - 1);
    for (int d = 1; d < N; ++d) off += (count[d] - each) * (count[d] - each) / each;
    assert_int_equal(count[0], 0);
    assert_true(off < N - 2 + 6 * sqrt(2.0 * (N - 2)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_double_accuracy),
        cmocka_unit_test(test_double_special_values),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_philox),
        cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_permutation_is_even),
        cmocka_unit_test(test_permutation_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
