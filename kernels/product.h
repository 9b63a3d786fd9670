/* Matrix products of one team: the work of deep models. A tile of the result stays in registers while the index that is
   summed over runs, in order, so that a sum depends on its own operands alone. */
#ifndef ALLOMETER_PRODUCT_H
#define ALLOMETER_PRODUCT_H

#include "lane.h"

#if LANES == 1
#include "product_cuda.h"
#else

/* out[i][j] = start + sum_k a(i, k) b[k][j] for i < I, j < J, k < K, where a(i, k) = a[i * a_row + k * a_column]; start is
   bias[i] or add[i][j], laid out like out, or 0 where both are NULL. Where `times` is not NULL, scaled[i][j] = times[i][j]
   times the same, both laid out like out, which may then be NULL. Rows of b and out hold row_padded(J) floats; what lies in
   their padding counts for nothing but must be readable. */
struct product {
    int32_t I, J, K;
    float *out, *scaled;
    const float *a, *b, *bias, *add, *times;
    int64_t out_row, a_row, a_column, b_row;
};

KERNEL struct product product_of(int32_t I, int32_t J, int32_t K, float *out, int64_t out_row) {
    const struct product p = {I, J, K, out, NULL, NULL, NULL, NULL, NULL, NULL, out_row, 0, 0, 0};
    return p;
}

/* Floats between rows of n: whole lane vectors, an odd number of them, so that a column of rows meets every set of a
   cache. */
KERNEL_HOST int32_t row_padded(int32_t n) {
    return (lanes_padded(n) / LANES | 1) * LANES;
}

/* Rows and lane vectors of a tile: on AVX-512 24 of 32 registers for sums, on other processors 12 of 16. */
enum { TILE_ROWS = LANES == 16 ? 8 : 4, TILE_COLUMNS = 3 };

/* `rows` rows from i, `columns` lane vectors from j. */
KERNEL void product_tile(const int rows, const int columns, const struct product *p, int32_t i, int32_t j) {
    vf sum[TILE_ROWS][TILE_COLUMNS];
    UNROLL for (int r = 0; r < rows; ++r) {
        const int64_t row = i + r;
        UNROLL for (int c = 0; c < columns; ++c) {
            sum[r][c] = vf_set(p->bias ? p->bias[row] : 0.0f);
            if (p->add) sum[r][c] = vf_load(p->add + row * p->out_row + j + c * LANES);
        }
    }
    const float *left = p->a + i * p->a_row, *right = p->b + j;
    const int64_t a_row = p->a_row, a_column = p->a_column, b_row = p->b_row;
    for (int32_t k = p->K; k > 0; --k, left += a_column, right += b_row) {
        vf b[TILE_COLUMNS];
        UNROLL for (int c = 0; c < columns; ++c) b[c] = vf_load(right + c * LANES);
        UNROLL for (int r = 0; r < rows; ++r) {
            const float a = left[r * a_row];
            UNROLL for (int c = 0; c < columns; ++c) sum[r][c] = sum[r][c] + a * b[c];
        }
    }
    UNROLL for (int r = 0; r < rows; ++r) {
        UNROLL for (int c = 0; c < columns; ++c) {
            const int64_t e = (i + r) * p->out_row + j + c * LANES;
            if (p->out) vf_store(p->out + e, sum[r][c]);
            if (p->times) vf_store(p->scaled + e, vf_load(p->times + e) * sum[r][c]);
        }
    }
}

KERNEL void product_rows(const int columns, const struct product *p, int32_t j) {
    int32_t i = 0;
    for (; i + TILE_ROWS <= p->I; i += TILE_ROWS) product_tile(TILE_ROWS, columns, p, i, j);
    for (; i + 4 <= p->I; i += 4) product_tile(4, columns, p, i, j);
    for (; i + 2 <= p->I; i += 2) product_tile(2, columns, p, i, j);
    if (i < p->I) product_tile(1, columns, p, i, j);
}

KERNEL_COLD void multiply(struct product operands) {
    const struct product *p = &operands;
    for (int32_t j = 0, left = lanes_padded(p->J) / LANES; left > 0;) {
        const int columns = left == 4             ? 2
                            : left < TILE_COLUMNS ? left
                                                  : TILE_COLUMNS; /* 2 and 2, not 3 and 1 */
        if (columns == 3) product_rows(3, p, j);
        if (columns == 2) product_rows(2, p, j);
        if (columns == 1) product_rows(1, p, j);
        j += columns * LANES, left -= columns;
    }
}
/* The same, where a_row is 1. */
KERNEL void multiply_turned(struct product operands) {
    multiply(operands);
}

/* Position (row, at) runs over rows x n; `at` is the first element of a lane vector. */
#define FOR_ELEMENTS(row, at, rows, n)         \
    for (int32_t row = 0; row < (rows); ++row) \
        for (int32_t at = 0; at < (n); at += LANES)

/* ---- products of rows with rows ---- */

/* Lanes of a and b in turn, from the first half of the lanes or from the second. */
KERNEL vf interleave_low(vf a, vf b) {
#if LANES == 16
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif LANES == 8
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}

KERNEL vf interleave_high(vf a, vf b) {
#if LANES == 16
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif LANES == 8
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

/* LANES x LANES numbers, of which the rows from `rows` on count as 0: interleaving rows l and l + LANES / 2 turns the
   number of row and lane, as one, by a bit. */
KERNEL_COLD void transpose_block(const float *m, int64_t m_row, int32_t rows, float *out, int64_t out_row) {
    vf from[LANES], to[LANES];
    UNROLL for (int l = 0; l < LANES; ++l) from[l] = l < rows ? vf_load(m + l * m_row) : vf_set(0.0f);
    UNROLL for (int bits = 1; bits < LANES; bits *= 2) {
        UNROLL for (int l = 0; l < LANES / 2; ++l) {
            to[2 * l] = interleave_low(from[l], from[l + LANES / 2]);
            to[2 * l + 1] = interleave_high(from[l], from[l + LANES / 2]);
        }
        UNROLL for (int l = 0; l < LANES; ++l) from[l] = to[l];
    }
    UNROLL for (int l = 0; l < LANES; ++l) vf_store(out + l * out_row, from[l]);
}

/* The columns of m (rows, n) as n rows of row_padded(rows) floats. */
KERNEL_COLD void transpose(const float *m, int64_t m_row, int32_t rows, int32_t n, float *out) {
    const int64_t out_row = row_padded(rows);
    for (int32_t i = 0; i < rows; i += LANES) {
        for (int32_t j = 0; j < n; j += LANES)
            transpose_block(m + i * m_row + j, m_row, rows - i, out + j * out_row + i, out_row);
    }
}

/* Lanes own the index that is summed over: sum[r * columns + c] += a[r][k] b[c][k] at those of k that are below K. */
KERNEL void rows_tile_add(const int rows, const int whole, const float *const *a, const float *const *b,
                          int32_t k, int32_t K, vf *sum) {
    const int columns = LANES / rows;
    const vm inside = vi_less(vi_index(k), K);
    const vf zero = vf_set(0.0f);
    vf left[LANES];
    UNROLL for (int r = 0; r < rows; ++r) {
        left[r] = vf_load(a[r] + k);
        left[r] = whole ? vf_held(left[r]) : vf_select(inside, left[r], zero);
    }
    UNROLL for (int c = 0; c < columns; ++c) {
        vf right = vf_load(b[c] + k);
        right = whole ? vf_held(right) : vf_select(inside, right, zero);
        UNROLL for (int r = 0; r < rows; ++r) sum[r * columns + c] = sum[r * columns + c] + left[r] * right;
    }
}

KERNEL void rows_tile(const int rows, const struct product *p, int32_t i, int32_t j) {
    const int columns = LANES / rows;
    const float *a[LANES], *b[LANES];
    vf sum[LANES];
    float total[LANES];
    int32_t k = 0;
    UNROLL for (int r = 0; r < rows; ++r) a[r] = p->a + (i + r < p->I ? i + r : p->I - 1) * p->a_row;
    UNROLL for (int c = 0; c < columns; ++c) b[c] = p->b + (j + c < p->J ? j + c : p->J - 1) * p->b_row;
    UNROLL for (int l = 0; l < LANES; ++l) sum[l] = vf_set(0.0f);
    for (; k + LANES <= p->K; k += LANES) rows_tile_add(rows, 1, a, b, k, p->K, sum);
    if (k < p->K) rows_tile_add(rows, 0, a, b, k, p->K, sum);
    vf_store(total, vf_sums(sum));
    for (int r = 0; r < rows && i + r < p->I; ++r) {
        for (int c = 0; c < columns && j + c < p->J; ++c) {
            const int64_t e = (i + r) * p->out_row + j + c;
            p->out[e] = (p->add ? p->add[e] : 0.0f) + total[r * columns + c];
        }
    }
}

/* out[i][j] = add[i][j] + sum_k a[i][k] b[j][k]: as multiply of the transposed b, for which scratch has room, or where
   there are few rows on one side without that copy and without tiles that are mostly empty. */
KERNEL_COLD void multiply_rows(struct product operands, float *scratch) {
    const struct product *p = &operands;
    const int32_t rows = p->I <= 2 ? 2 : p->J <= 2 ? LANES / 2 : 4;
    if (p->I > 8 && p->J > 8) {
        transpose(p->b, p->b_row, p->J, p->K, scratch);
        operands.b = scratch, operands.b_row = row_padded(p->J);
        multiply(operands);
        return;
    }
    for (int32_t i = 0; i < p->I; i += rows) {
        for (int32_t j = 0; j < p->J; j += LANES / rows) {
            if (p->I <= 2)
                rows_tile(2, p, i, j);
            else if (p->J <= 2)
                rows_tile(LANES / 2, p, i, j);
            else
                rows_tile(4, p, i, j);
        }
    }
}
#endif

#endif
