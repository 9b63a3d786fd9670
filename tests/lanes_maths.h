/* The vector functions of lane.h, each as an array function, compiled for each instruction set. */
#ifndef ALLOMETER_LANES_MATHS_H
#define ALLOMETER_LANES_MATHS_H

#include <stddef.h>
#include <stdint.h>

/* name, units in the last place that it promises, range, reference in double precision */
#define MATHS_TABLE(ROW)                                        \
    ROW(exp_u15, 1.5, -87.3, 88.0, exp(x))                      \
    ROW(reciprocal_u15, 1.5, 1e-30, 1e30, 1 / x)                \
    ROW(sigmoid_u40, 4.0, -87.0, 87.0, 1 / (1 + exp(-x)))       \
    ROW(sin_u15, 1.5, -100.0, 100.0, sin(x))                    \
    ROW(cos_u15, 1.5, -100.0, 100.0, cos(x))                    \
    ROW(tanh_u40, 4.0, -20.0, 20.0, tanh(x))                    \
    ROW(normal_u70, 7.0, -2.0, 6.0, 0.5 * erfc(-x * sqrt(0.5))) \
    ROW(log_u10, 1.0, 1e-30, 1e30, log(x))                      \
    ROW(sqrt, 0.5, 1e-30, 1e30, sqrt(x))

/* The same of double precision: range, and reference in long double */
#define DOUBLE_MATHS_TABLE(ROW)                        \
    ROW(exp_u10, 1.0, -707.0, 709.78, expl(x))         \
    ROW(log_u10, 1.0, 5e-324, 1.79e308, logl(x))       \
    ROW(log1p_unit_u20, 2.0, 0.0, 1.0, log1pl(x))      \
    ROW(inverse_of_log_u35, 3.5, 1e-307, 4e307, 1 / x) \
    ROW(reciprocal_u15, 1.5, 1e-307, 4e307, 1 / x)     \
    ROW(reciprocal_sqrt_u20, 2.0, 1e-307, 1e307, 1 / sqrtl(x))

/* n: a multiple of 16. */
typedef void maths_function(float *y, const float *x, size_t n);
typedef void double_maths_function(double *y, const double *x, size_t n);

struct lanes_maths {
    const char *name;
#define ROW(function, ulp, low, high, reference) maths_function *function;
    MATHS_TABLE(ROW)
#undef ROW
#define ROW(function, ulp, low, high, reference) double_maths_function *double_##function;
    DOUBLE_MATHS_TABLE(ROW)
#undef ROW
    /* The four words of one counter and key, as every lane computes them; all lanes must agree, or word 0 is ~0. */
    void (*philox)(uint32_t words[4], const uint32_t counter[4], const uint32_t key[2]);
    /* permutation_at of 0 .. n - 1. */
    void (*permutation)(int32_t *image, int32_t n, uint64_t seed, uint32_t which, uint32_t step);
};

#endif
