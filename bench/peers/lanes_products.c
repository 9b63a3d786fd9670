#include "products.h"

#include "product.h"

static void forward(int32_t H, int32_t S, float *out, const float *weights, const float *values) {
    multiply((struct product){H, S, H, out, weights, values, NULL, NULL, row_padded(S), row_padded(H), 1,
                              row_padded(S), 1});
}

static void upstream(int32_t H, int32_t S, float *out, const float *weights, const float *deltas) {
    multiply((struct product){H, S, H, out, weights, deltas, NULL, NULL, row_padded(S), 1, row_padded(H),
                              row_padded(S), 1});
}

static void gradient(int32_t H, int32_t S, float *out, const float *deltas, const float *values,
                     float *scratch) {
    const struct transposed t = transpose(values, row_padded(S), H, S, scratch);
    multiply((struct product){H, H, S, out, deltas, t.at, NULL, NULL, row_padded(H), row_padded(S), 1, t.row,
                              t.column});
}

extern const struct products LANES_SYMBOL(products_);
const struct products LANES_SYMBOL(products_) = {LANES_NAME, row_padded, forward, upstream, gradient};
