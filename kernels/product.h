/* Matrix products of one team: the work of deep models. A tile of the result stays in registers while the index that is
   summed over runs, in order, so that a sum depends on its own operands alone. */
#ifndef ALLOMETER_PRODUCT_H
#define ALLOMETER_PRODUCT_H

#include "lane.h"

/* out[i][j] = start + sum_k a(i, k) b[k][j] for i < I, j < J, k < K, where a(i, k) = a[i * a_row + k * a_column]; start is
   bias[i] or add[i][j], laid out like out, or 0 where both are NULL. Rows of b and out hold row_padded(J) floats; what
   lies in their padding counts for nothing but must be readable. */
struct product {
    int32_t I, J, K;
    float *out;
    const float *a, *b, *bias, *add;
    int64_t out_row, a_row, a_column, b_row;
    int64_t b_column; /* 1 on the CPU */
};

/* Floats between rows of n: whole lane vectors, an odd number of them, so that a column of rows meets every set of a
   cache; on CUDA odd, so that it meets every bank of shared memory. */
KERNEL_HOST int32_t row_padded(int32_t n) {
    return (lanes_padded(n) / LANES | 1) * LANES;
}

/* Rows and lane vectors of a tile: on AVX-512 24 of 32 registers for sums, on other processors 12 of 16. */
enum { TILE_ROWS = LANES == 16 ? 8 : 4, TILE_COLUMNS = LANES == 1 ? 4 : 3 };

#if LANES == 1
/* Where an index would pass the end it stays there: what is read twice is stored once. */
#define TILE_AT(index, end) ((index) < (end) ? (index) : (end)-1)
#define TILE_INSIDE(i, j)   ((i) < p->I && (j) < p->J)
#else
#define TILE_AT(index, end) (index)
#define TILE_INSIDE(i, j)   1
#endif

/* `rows` rows from i, `columns` lane vectors from j, `step` floats apart. */
KERNEL void product_tile(const int rows, const int columns, const struct product *p, int32_t i, int32_t j,
                         int32_t step) {
    vf sum[TILE_ROWS][TILE_COLUMNS];
    const float *a[TILE_ROWS], *b[TILE_COLUMNS];
    UNROLL for (int r = 0; r < rows; ++r) {
        const int64_t row = TILE_AT(i + r, p->I);
        a[r] = p->a + row * p->a_row;
        UNROLL for (int c = 0; c < columns; ++c) {
            sum[r][c] = vf_set(p->bias ? p->bias[row] : 0.0f);
            if (p->add
                && TILE_INSIDE(i + r, j + c * step)) /* past the end lies what another lane may be writing */
                sum[r][c] = vf_load(p->add + row * p->out_row + j + c * step);
        }
    }
    UNROLL for (int c = 0; c < columns; ++c) b[c] = p->b + TILE_AT(j + c * step, p->J) * p->b_column;
    const int64_t a_column = p->a_column, b_row = p->b_row;
    for (int32_t k = 0; k < p->K; ++k) {
        vf right[TILE_COLUMNS];
        UNROLL for (int c = 0; c < columns; ++c) right[c] = vf_load(b[c] + k * b_row);
        UNROLL for (int r = 0; r < rows; ++r) {
            const float left = a[r][k * a_column];
            UNROLL for (int c = 0; c < columns; ++c) sum[r][c] = sum[r][c] + left * right[c];
        }
    }
    UNROLL for (int r = 0; r < rows; ++r) {
        UNROLL for (int c = 0; c < columns; ++c) {
            if (TILE_INSIDE(i + r, j + c * step))
                vf_store(p->out + (i + r) * p->out_row + j + c * step, sum[r][c]);
        }
    }
}

#if LANES == 1
/* A lane owns tiles; its columns lie apart, so that neighbors read neighbors. */
KERNEL_COLD void multiply(struct product operands) {
    const struct product *p = &operands;
    const int32_t columns = (p->J + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const int32_t tiles = (p->I + TILE_ROWS - 1) / TILE_ROWS * columns;
    for (int32_t t = TEAM_RANK; t < tiles; t += TEAM_SIZE) {
        product_tile(TILE_ROWS, TILE_COLUMNS, p, t / columns * TILE_ROWS, t % columns, columns);
    }
}
#else
KERNEL void product_rows(const int columns, const struct product *p, int32_t j) {
    int32_t i = 0;
    for (; i + TILE_ROWS <= p->I; i += TILE_ROWS) product_tile(TILE_ROWS, columns, p, i, j, LANES);
    for (; i + 4 <= p->I; i += 4) product_tile(4, columns, p, i, j, LANES);
    for (; i + 2 <= p->I; i += 2) product_tile(2, columns, p, i, j, LANES);
    if (i < p->I) product_tile(1, columns, p, i, j, LANES);
}

KERNEL_COLD void multiply(struct product operands) {
    const struct product *p = &operands;
    int32_t j = 0;
    for (; j + (TILE_COLUMNS - 1) * LANES < p->J; j += TILE_COLUMNS * LANES) product_rows(TILE_COLUMNS, p, j);
    if (j + LANES < p->J)
        product_rows(2, p, j);
    else if (j < p->J)
        product_rows(1, p, j);
}
#endif

/* Position (row, at) runs over rows x n; `at` is the first element of a lane vector. */
#if LANES == 1
#define FOR_ELEMENTS(row, at, rows, n)                                                                \
    for (int64_t row##_at = TEAM_RANK; row##_at < (int64_t)(rows) * (n); row##_at += TEAM_SIZE)       \
        for (int32_t row = (int32_t)(row##_at / (n)), at = (int32_t)(row##_at % (n)), row##_once = 1; \
             row##_once; row##_once = 0)
#else
#define FOR_ELEMENTS(row, at, rows, n)         \
    for (int32_t row = 0; row < (rows); ++row) \
        for (int32_t at = 0; at < (n); at += LANES)
#endif

/* A view of m (rows, n) with its columns as rows, for a product's b: on CUDA m itself, on the CPU a copy in scratch, of
   n rows of row_padded(rows). */
struct transposed {
    const float *at;
    int64_t row, column;
};

#if LANES == 1
KERNEL struct transposed transpose(const float *m, int64_t m_row, int32_t rows, int32_t n, float *scratch) {
    (void)rows, (void)n, (void)scratch;
    const struct transposed view = {m, 1, m_row};
    return view;
}
#else
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

/* LANES x LANES numbers: interleaving rows l and l + LANES / 2 turns the number of row and lane, as one, by a bit. */
KERNEL_COLD void transpose_block(const vf rows[LANES], float *out, int64_t out_row) {
    vf from[LANES], to[LANES];
    for (int l = 0; l < LANES; ++l) from[l] = rows[l];
    UNROLL for (int bits = 1; bits < LANES; bits *= 2) {
        UNROLL for (int l = 0; l < LANES / 2; ++l) {
            to[2 * l] = interleave_low(from[l], from[l + LANES / 2]);
            to[2 * l + 1] = interleave_high(from[l], from[l + LANES / 2]);
        }
        UNROLL for (int l = 0; l < LANES; ++l) from[l] = to[l];
    }
    UNROLL for (int l = 0; l < LANES; ++l) vf_store(out + l * out_row, from[l]);
}

KERNEL_COLD struct transposed transpose(const float *m, int64_t m_row, int32_t rows, int32_t n,
                                        float *scratch) {
    const struct transposed view = {scratch, row_padded(rows), 1};
    for (int32_t i = 0; i < rows; i += LANES) {
        for (int32_t j = 0; j < n; j += LANES) {
            vf block[LANES];
            for (int l = 0; l < LANES; ++l)
                block[l] = i + l < rows ? vf_load(m + (i + l) * m_row + j) : vf_set(0.0f);
            transpose_block(block, scratch + j * view.row + i, view.row);
        }
    }
    return view;
}
#endif

#endif
