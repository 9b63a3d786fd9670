/* Symmetric positive definite systems of some hundred unknowns at most, in the host's double precision. */
#ifndef ALLOMETER_CHOLESKY_H
#define ALLOMETER_CHOLESKY_H

#include <math.h>
#include <stddef.h>

/* Factors A (n, n) = L L' in place, reading and writing its lower triangle alone. Half the logarithm of its determinant; NaN
   where A is not positive definite, and then A is undefined. */
static inline double cholesky_factor(double *A, size_t n) {
    double half_log = 0;
    for (size_t j = 0; j < n; ++j) {
        for (size_t k = 0; k <= j; ++k) {
            double sum = A[j * n + k];
            for (size_t i = 0; i < k; ++i) sum -= A[j * n + i] * A[k * n + i];
            if (j == k && !(sum > 0)) return (double)NAN;
            A[j * n + k] = j == k ? sqrt(sum) : sum / A[k * n + k];
        }
        half_log += log(A[j * n + j]);
    }
    return half_log;
}

/* Solves A x = b (n) in place of b, with the L that cholesky_factor left. */
static inline void cholesky_solve(const double *L, size_t n, double *b) {
    for (size_t j = 0; j < n; ++j) {
        for (size_t k = 0; k < j; ++k) b[j] -= L[j * n + k] * b[k];
        b[j] /= L[j * n + j];
    }
    for (size_t j = n; j-- > 0;) {
        for (size_t k = j + 1; k < n; ++k) b[j] -= L[k * n + j] * b[k];
        b[j] /= L[j * n + j];
    }
}

#endif
