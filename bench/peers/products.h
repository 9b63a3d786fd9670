/* The products of a deep model's hidden layers, for one instruction set. */
#ifndef ALLOMETER_PRODUCTS_H
#define ALLOMETER_PRODUCTS_H

#include <stdint.h>

/* Letters: H neurons, S samples. Rows are row_padded floats apart: of weights (H, H), of values (H, S). */
struct products {
    const char *name;
    int32_t (*row_padded)(int32_t n);
    /* out (H, S) = weights values; out (H, S) = weights' values; out (H, H) = deltas values', by way of scratch (S, H). */
    void (*forward)(int32_t H, int32_t S, float *out, const float *weights, const float *values);
    void (*upstream)(int32_t H, int32_t S, float *out, const float *weights, const float *deltas);
    void (*gradient)(int32_t H, int32_t S, float *out, const float *deltas, const float *values,
                     float *scratch);
};

#endif
