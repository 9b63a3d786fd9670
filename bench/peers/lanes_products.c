#include "products.h"

#include "product.h"

static void forward(int32_t H, int32_t S, float *out, const float *weights, const float *values) {
    struct product p = {.I = H, .J = S, .K = H, .out = out, .a = weights, .b = values};
    p.out_row = p.b_row = row_padded(S), p.a_row = row_padded(H), p.a_column = 1;
    multiply(p);
}

static void upstream(int32_t H, int32_t S, float *out, const float *weights, const float *deltas) {
    struct product p = {.I = H, .J = S, .K = H, .out = out, .a = weights, .b = deltas};
    p.out_row = p.b_row = row_padded(S), p.a_row = 1, p.a_column = row_padded(H);
    multiply(p);
}

static void gradient(int32_t H, int32_t S, float *out, const float *deltas, const float *values,
                     float *scratch) {
    struct product p = {.I = H, .J = H, .K = S, .out = out, .a = deltas, .b = values};
    p.out_row = row_padded(H), p.a_row = p.b_row = row_padded(S), p.a_column = 1;
    multiply_rows(p, scratch);
}

extern const struct products LANES_SYMBOL(products_);
const struct products LANES_SYMBOL(products_) = {LANES_NAME, row_padded, forward, upstream, gradient};
