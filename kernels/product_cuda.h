/* Matrix products of one team on CUDA. A thread keeps a tile of the result in registers. Slices of both operands, of some k
   each, pass through shared memory, laid out so that the tile's rows and columns are neighbors whichever way the operand
   lies; while one slice is multiplied, the next is on its way. Where there are fewer tiles than threads, groups of threads
   share the k of each slice. What is done with the sums before they are stored rides along. */
#ifndef ALLOMETER_PRODUCT_CUDA_H
#define ALLOMETER_PRODUCT_CUDA_H

#include "cuda_kernels.h"

/* A thread's tile; k of a slice; floats of shared memory for each thread: of a slice, and of the two that the team needs. */
enum { TILE_ROWS = 2 * QUAD, TILE_COLUMNS = QUAD, LONGEST_SLICE = 32 };
enum { SLICE_FLOATS = 16, STAGE_FLOATS = 2 * SLICE_FLOATS };

/* As the CPU's struct product, with rows of whole quads, any of which may be read and written up to its end: what lies in the
   padding, even what is not a number, counts for nothing. */
struct product {
    int32_t I, J, K;
    float *out, *scaled;
    const float *a, *b, *bias, *add, *times;
    int32_t out_row, a_row, a_column, b_row; /* a_row or a_column is 1 */
    float *slope; /* NULL, or laid out like out: out becomes activation(sum) + skipped, this the derivative */
    const float *skipped; /* laid out like out, or NULL */
    int32_t activation;
};

KERNEL struct product product_of(int32_t I, int32_t J, int32_t K, float *out, int32_t out_row) {
    struct product p;
    memset(&p, 0, sizeof p);
    p.I = I, p.J = J, p.K = K, p.out = out, p.out_row = out_row;
    return p;
}

/* Whole quads, an odd number of them: eight rows meet every bank of shared memory. */
KERNEL_HOST int32_t row_padded(int32_t n) {
    return (lanes_padded(n) / QUAD | 1) * QUAD;
}

/* Position (row, at) runs over rows x n. */
#define FOR_ELEMENTS(row, at, rows, n)                                                            \
    for (int32_t row##_at = TEAM_RANK; row##_at < (rows) * (n); row##_at += TEAM_SIZE)            \
        for (int32_t row = row##_at / (n), at = row##_at - row * (n), row##_once = 1; row##_once; \
             row##_once = 0)

struct quad {
    float at[QUAD];
};

KERNEL struct quad quad_read(const float *p) {
    struct quad q;
    quad_load(QUAD, p, q.at);
    return q;
}

KERNEL void quad_write(float *p, struct quad q) {
#ifdef ALLOMETER_CUDA_STANDIN
    const bool aligned = reinterpret_cast<uintptr_t>(p) % sizeof q == 0;
    for (int u = 0; u < QUAD; ++u) p[u] = aligned ? q.at[u] : NAN;
#else
    *reinterpret_cast<float4 *>(p) = make_float4(q.at[0], q.at[1], q.at[2], q.at[3]);
#endif
}

/* Into shared memory, by one instruction: the compiler would take it apart, to share it with the stores beside it. */
KERNEL void quad_write_shared(float *p, struct quad q) {
#ifdef ALLOMETER_CUDA_STANDIN
    quad_write(p, q);
#else
    asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"((uint32_t)__cvta_generic_to_shared(p)),
                 "f"(q.at[0]), "f"(q.at[1]), "f"(q.at[2]), "f"(q.at[3])
                 : "memory");
#endif
}

/* Parts of n of equal size, at most `most`: the size. */
KERNEL int32_t even_part(int32_t n, int32_t most) {
    return n <= most ? n : quotient_up(n, quotient_up(n, most));
}

/* What a thread brings of one operand: quads along the operand's contiguous index, neighbors in the other threads, in one
   or two rounds a slice. */
struct bringer {
    const float *from;   /* the thread's first quad of the slice that comes next */
    int32_t step;        /* to the next k */
    int32_t k, k_step;   /* first k of the thread's quad in a slice; from round to round */
    int32_t to, width;   /* its place in the slice; the slice's floats for each k */
    int32_t two, inside; /* rounds; the rows or columns are some of the operand's */
};
enum { ROUNDS = 2 };

/* extent: rows or columns of the slice; n: of the operand from `at` on. lies_along: k is the operand's contiguous index, and
   its rows or columns stand `row_floats` apart, or else those of k do. */
KERNEL struct bringer bringer_of(const int lies_along, const float *at, int32_t row_floats, int32_t extent,
                                 int32_t n) {
    struct bringer b;
    const int32_t across = lies_along ? row_floats : 1, along = lies_along ? 1 : row_floats;
    const int32_t each = lies_along ? extent : extent / QUAD, unit = lies_along ? QUAD : 1;
    const int32_t row = quotient(TEAM_RANK, each), in_row = TEAM_RANK - row * each;
    const int32_t x = lies_along ? in_row : in_row * QUAD;
    b.k_step = unit * quotient(TEAM_SIZE, each);
    b.k = unit * row < b.k_step ? unit * row : LONGEST_SLICE; /* threads that are left over bring nothing */
    b.width = extent;
    b.to = b.k * extent + x;
    b.from = at + x * across + b.k * along;
    b.step = along;
    b.inside = x < n;
    b.two = 0;
    return b;
}

/* Of the slice that has `left` k to go; nothing beyond the end. */
KERNEL void bring(struct bringer *b, int32_t left, int32_t slice, struct quad hold[ROUNDS]) {
    UNROLL for (int q = 0; q < ROUNDS; ++q) {
        const int32_t k = b->k + q * b->k_step;
        const struct quad nothing = {{0, 0, 0, 0}};
        hold[q] = nothing;
        if ((q == 0 || b->two) && b->inside && k < slice && k < left)
            hold[q] = quad_read(b->from + q * b->k_step * b->step);
    }
    b->from += slice * b->step;
}

/* What has been brought into its place. What is past the end may be anything, even not a number: it becomes 0. */
KERNEL void leave(const int lies_along, const struct bringer *b, int32_t left, int32_t slice,
                  struct quad hold[ROUNDS], float *tile) {
    UNROLL for (int q = 0; q < ROUNDS; ++q) {
        const int32_t k = b->k + q * b->k_step;
        if ((q > 0 && !b->two) || k >= slice) continue;
        float *to = tile + b->to + q * b->k_step * b->width;
        if (lies_along && left < slice) {
            UNROLL for (int u = 0; u < QUAD; ++u) hold[q].at[u] = k + u < left ? hold[q].at[u] : 0.0f;
        }
        if (lies_along) {
            UNROLL for (int u = 0; u < QUAD; ++u) to[u * b->width] = hold[q].at[u];
        } else {
            quad_write_shared(to, hold[q]);
        }
    }
}

KERNEL void activate_quad(int32_t kind, struct quad *z, struct quad *slope) {
    const struct quad before = *z;
    activation(kind, QUAD, before.at, z->at, slope->at);
}

/* The team's threads over a part of the result. */
struct team_grid {
    int32_t rows, columns, groups; /* threads; groups, a power of two of them, share the k of a slice */
    int32_t row, column, group;    /* of this thread; group >= groups: idle */
};

KERNEL struct team_grid team_grid_of(const struct product *p) {
    struct team_grid g;
    const int32_t most_columns = TEAM_SIZE / QUAD < WARP_SIZE ? TEAM_SIZE / QUAD : WARP_SIZE;
    g.columns = even_part((p->J + TILE_COLUMNS - 1) / TILE_COLUMNS, most_columns);
    const int32_t rows = quotient(TEAM_SIZE, g.columns), most_rows = TEAM_SIZE / TILE_ROWS;
    g.rows = even_part((p->I + TILE_ROWS - 1) / TILE_ROWS, rows < most_rows ? rows : most_rows);
    const int32_t tiles = g.rows * g.columns;
    g.groups = 1;
    while (2 * g.groups * tiles <= TEAM_SIZE && 16 * g.groups <= p->K) g.groups *= 2;
    g.group = quotient(TEAM_RANK, tiles);
    const int32_t own = TEAM_RANK - g.group * tiles;
    if (g.rows % 4 == 0 && g.columns % 8 == 0) { /* a warp reads little of either operand */
        const int32_t warp = own / WARP_SIZE, lane = own % WARP_SIZE,
                      warp_row = quotient(warp, g.columns / 8);
        g.row = warp_row * 4 + lane / 8;
        g.column = (warp - warp_row * (g.columns / 8)) * 8 + lane % 8;
    } else {
        g.row = quotient(own, g.columns);
        g.column = own - g.row * g.columns;
    }
    return g;
}

/* The longest slice that fits the stage, and that the threads bring in so many rounds. */
KERNEL int32_t slice_of(int32_t K, struct bringer *a, struct bringer *b) {
    int32_t slice = LONGEST_SLICE;
    while (slice > QUAD
           && (slice > ROUNDS * a->k_step || slice > ROUNDS * b->k_step || slice >= 2 * K
               || slice * (a->width + b->width) > SLICE_FLOATS * TEAM_SIZE))
        slice /= 2;
    a->two = slice > a->k_step, b->two = slice > b->k_step;
    return slice;
}

/* The next `n` k, a multiple of four. */
KERNEL void product_tile(const float *a, int32_t a_width, const float *b, int32_t b_width, int32_t n,
                         float sum[TILE_ROWS][TILE_COLUMNS]) {
    for (; n > 0; n -= QUAD) {
        UNROLL for (int k = 0; k < QUAD; ++k, a += a_width, b += b_width) {
            const struct quad upper = quad_read(a), lower = quad_read(a + a_width / 2), right = quad_read(b);
            UNROLL for (int r = 0; r < TILE_ROWS; ++r) {
                const float left = r < QUAD ? upper.at[r % QUAD] : lower.at[r % QUAD];
                UNROLL for (int c = 0; c < TILE_COLUMNS; ++c) sum[r][c] += left * right.at[c];
            }
        }
    }
}

/* Adds up the groups' sums, into the first group's. */
KERNEL void groups_fold(const struct team_grid *g, float *stage, float sum[TILE_ROWS][TILE_COLUMNS]) {
    const int32_t tiles = g->rows * g->columns;
    team_sync();
    for (int32_t half = g->groups / 2; half > 0; half /= 2) {
        const int32_t floats = half * tiles;
        if (g->group >= half && g->group < 2 * half) {
            float *own = stage + TEAM_RANK - floats;
            UNROLL for (int e = 0; e < TILE_ROWS * TILE_COLUMNS; ++e) own[e * floats] =
                sum[e / TILE_COLUMNS][e % TILE_COLUMNS];
        }
        team_sync();
        if (g->group < half) {
            const float *other = stage + TEAM_RANK;
            UNROLL for (int e = 0; e < TILE_ROWS * TILE_COLUMNS; ++e)
                sum[e / TILE_COLUMNS][e % TILE_COLUMNS] += other[e * floats];
        }
        stage += TILE_ROWS * TILE_COLUMNS * floats; /* where nobody reads any more */
    }
}

/* Four rows of a tile; in what follows, the first n of them are the result's. */
struct four_rows {
    struct quad row[QUAD];
};

KERNEL struct four_rows rows_read(const float *at, int32_t step, int32_t n) {
    struct four_rows rows;
    UNROLL for (int r = 0; r < QUAD; ++r) rows.row[r] = quad_read(at + (r < n ? r : 0) * step);
    return rows;
}

KERNEL void rows_add(struct four_rows *rows, struct four_rows other) {
    UNROLL for (int r = 0; r < QUAD; ++r) {
        UNROLL for (int c = 0; c < QUAD; ++c) rows->row[r].at[c] += other.row[r].at[c];
    }
}

KERNEL void rows_multiply(struct four_rows *rows, struct four_rows other) {
    UNROLL for (int r = 0; r < QUAD; ++r) {
        UNROLL for (int c = 0; c < QUAD; ++c) rows->row[r].at[c] *= other.row[r].at[c];
    }
}

KERNEL void rows_write(float *at, int32_t step, int32_t n, const struct four_rows *rows) {
    UNROLL for (int r = 0; r < QUAD; ++r) {
        if (r < n) quad_write(at + r * step, rows->row[r]);
    }
}

/* The sums of four rows from i on, and four columns from j on. */
KERNEL void rows_finish(const struct product *p, int32_t i, int32_t j, const float sum[][TILE_COLUMNS]) {
    const int32_t n = p->I - i, step = p->out_row, e = i * step + j;
    if (n <= 0 || j >= p->J) return;
    struct four_rows rows;
    UNROLL for (int r = 0; r < QUAD; ++r) {
        const float bias = p->bias ? p->bias[i + (r < n ? r : 0)] : 0.0f;
        UNROLL for (int c = 0; c < QUAD; ++c) rows.row[r].at[c] = sum[r][c] + bias;
    }
    if (p->add) rows_add(&rows, rows_read(p->add + e, step, n));
    if (p->slope) {
        struct four_rows slope;
        UNROLL for (int r = 0; r < QUAD; ++r) activate_quad(p->activation, &rows.row[r], &slope.row[r]);
        rows_write(p->slope + e, step, n, &slope);
    }
    if (p->skipped) rows_add(&rows, rows_read(p->skipped + e, step, n));
    if (p->out) rows_write(p->out + e, step, n, &rows);
    if (!p->times) return;
    rows_multiply(&rows, rows_read(p->times + e, step, n));
    rows_write(p->scaled + e, step, n, &rows);
}

/* The part of the result from row i and column j on. a_along, b_along: K is the operand's contiguous index. */
KERNEL void product_part(const int a_along, const int b_along, const struct product *p, struct team_grid g,
                         int32_t i, int32_t j, float *stage) {
    const int32_t rows = g.rows * TILE_ROWS, columns = g.columns * TILE_COLUMNS, K = p->K;
    const float *const from_a = p->a + i * p->a_row, *const from_b = p->b + j * (b_along ? p->b_row : 1);
    struct bringer a = bringer_of(a_along, from_a, a_along ? p->a_row : p->a_column, rows, p->I - i),
                   b = bringer_of(b_along, from_b, p->b_row, columns, p->J - j);
    const int32_t slice = slice_of(K, &a, &b);
    while (g.groups * QUAD > slice) g.groups /= 2;
    const int32_t each = g.group < g.groups ? slice / g.groups : 0, first = g.group * each;
    struct quad hold_a[ROUNDS], hold_b[ROUNDS];
    float sum[TILE_ROWS][TILE_COLUMNS];
    UNROLL for (int r = 0; r < TILE_ROWS; ++r) {
        UNROLL for (int c = 0; c < TILE_COLUMNS; ++c) sum[r][c] = 0;
    }
    int32_t now = 0;
    bring(&a, K, slice, hold_a);
    bring(&b, K, slice, hold_b);
    leave(a_along, &a, K, slice, hold_a, stage);
    leave(b_along, &b, K, slice, hold_b, stage + slice * rows);
    for (int32_t left = K - slice;; left -= slice) { /* after this slice */
        float *const tile = stage + now, *const next = stage + (SLICE_FLOATS * TEAM_SIZE - now);
        team_sync();
        if (left > 0) {
            bring(&a, left, slice, hold_a);
            bring(&b, left, slice, hold_b);
        }
        product_tile(tile + first * rows + g.row * QUAD, rows,
                     tile + slice * rows + first * columns + g.column * QUAD, columns, each, sum);
        if (left <= 0) break;
        leave(a_along, &a, left, slice, hold_a, next);
        leave(b_along, &b, left, slice, hold_b, next + slice * rows);
        now = SLICE_FLOATS * TEAM_SIZE - now;
    }
    if (g.groups > 1) groups_fold(&g, stage, sum);
    if (g.group > 0) return;
    rows_finish(p, i + g.row * QUAD, j + g.column * QUAD, sum);
    rows_finish(p, i + rows / 2 + g.row * QUAD, j + g.column * QUAD, sum + QUAD);
}

/* Begins and ends with the whole team together; what it leaves is to be read after a team_sync, which must also stand
   between two products. */
KERNEL void multiply_as(const int a_along, const int b_along, const struct product *p) {
    team_shared(shared);
    float *stage = shared + CUDA_QUEUE_FLOATS;
    const struct team_grid g = team_grid_of(p);
    for (int32_t i = 0; i < p->I; i += g.rows * TILE_ROWS) {
        for (int32_t j = 0; j < p->J; j += g.columns * TILE_COLUMNS) {
            if (i + j > 0) team_sync(); /* the part before this one has been multiplied */
            product_part(a_along, b_along, p, g, i, j, stage);
        }
    }
}

KERNEL void multiply(struct product p) {
    multiply_as(1, 0, &p);
}

/* The same, where a_row is 1. */
KERNEL void multiply_turned(struct product p) {
    multiply_as(0, 0, &p);
}

/* out[i][j] = add[i][j] + sum_k a[i][k] b[j][k]. */
KERNEL void multiply_rows(struct product p, float *scratch) {
    (void)scratch;
    multiply_as(1, 1, &p);
}

#endif
