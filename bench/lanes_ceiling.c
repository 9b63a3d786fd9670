#include "ceiling.h"

#include "float_maths.h"
#include "lane_double.h"

/* Enough independent chains to cover the latency of two units of 4 to 5 cycles, few enough for 16 registers. */
enum { CHAINS = 12, PARALLEL = MAX_TILE, ROUNDS = 1 << 12 };

static volatile float sink, one = 1; /* not known to the compiler */

/* Runs STEP, `done` units at a time, until the time is over. */
#define MEASURE(done, STEP)                             \
    double start = bench_now(), elapsed = 0, units = 0; \
    while (elapsed < seconds) {                         \
        STEP;                                           \
        units += (done);                                \
        elapsed = bench_now() - start;                  \
    }                                                   \
    (void)memory, (void)n

#define MULTIPLY_ADD_RATE(name, vector, lanes, set)                                          \
    static double name(double seconds, float *memory, size_t n) {                            \
        vector chain[CHAINS], factor = set(0.999f), term = set(0.001f);                      \
        for (int c = 0; c < CHAINS; ++c) chain[c] = set((float)c);                           \
        MEASURE(                                                                             \
            2.0 * ROUNDS * CHAINS * lanes, for (int round = 0; round < ROUNDS; ++round) {    \
                UNROLL for (int c = 0; c < CHAINS; ++c) chain[c] = chain[c] * factor + term; \
            });                                                                              \
        for (int c = 0; c < CHAINS; ++c) sink = (float)chain[c][0];                          \
        return units / elapsed;                                                              \
    }
MULTIPLY_ADD_RATE(multiply_adds, vf, LANES, vf_set)
MULTIPLY_ADD_RATE(double_multiply_adds, vd, VD_LANES, vd_set)

/* A sum for each vector, so that only the function itself is waited for. FUNCTION(x, y) works on PARALLEL vectors. */
#define FUNCTION_RATE(name, vector, lanes, set, small, FUNCTION)                                    \
    static double name(double seconds, float *memory, size_t n) {                                   \
        vector x[PARALLEL], y[PARALLEL], total[PARALLEL];                                           \
        for (int c = 0; c < PARALLEL; ++c) x[c] = set(0.1f * (float)(c + 1)), total[c] = set(0.0f); \
        MEASURE(                                                                                    \
            1.0 * ROUNDS * PARALLEL * lanes, for (int round = 0; round < ROUNDS; ++round) {         \
                FUNCTION(x, y);                                                                     \
                EACH(c, PARALLEL) total[c] = total[c] + y[c];                                       \
                EACH(c, PARALLEL) x[c] = x[c] + small;                                              \
            });                                                                                     \
        for (int c = 0; c < PARALLEL; ++c) sink = (float)total[c][0];                               \
        return units / elapsed;                                                                     \
    }
#define EXPONENTIALS(x, y)        tile_exp_u15(PARALLEL, x, y)
#define RECIPROCALS(x, y)         tile_reciprocal_u15(PARALLEL, x, y)
#define DOUBLE_EXPONENTIALS(x, y) EACH(c, PARALLEL) y[c] = vd_exp_u10(x[c])
#define DOUBLE_LOGARITHMS(x, y)   EACH(c, PARALLEL) y[c] = vd_log_u10(x[c])
#define DOUBLE_DIVISIONS(x, y)    EACH(c, PARALLEL) y[c] = vd_reciprocal_u15(x[c])
FUNCTION_RATE(exponentials, vf, LANES, vf_set, 1e-6f, EXPONENTIALS)
FUNCTION_RATE(reciprocals, vf, LANES, vf_set, 1e-6f, RECIPROCALS)
FUNCTION_RATE(double_exponentials, vd, VD_LANES, vd_set, 1e-6, DOUBLE_EXPONENTIALS)
FUNCTION_RATE(double_logarithms, vd, VD_LANES, vd_set, 1e-6, DOUBLE_LOGARITHMS)
FUNCTION_RATE(double_divisions, vd, VD_LANES, vd_set, 1e-6, DOUBLE_DIVISIONS)

/* Pieces, so that a pass through much memory need not end. */
static double bytes(double seconds, float *memory, size_t n) {
    const size_t piece = (64u << 10) / sizeof(float);
    const vf factor = vf_set(one);
    size_t at = 0;
    MEASURE(2.0 * (double)piece * sizeof(float), {
        if (at + piece > n) at = 0;
        float *from = memory + at;
        for (size_t i = 0; i < piece; i += 4 * LANES) {
            UNROLL for (int c = 0; c < 4; ++c) {
                vf_store(from + i + c * LANES, vf_load(from + i + c * LANES) * factor);
            }
        }
        at += piece;
    });
    sink = memory[0];
    return units / elapsed;
}

extern const struct ceiling LANES_SYMBOL(ceiling_);
const struct ceiling LANES_SYMBOL(ceiling_) = {LANES_NAME,
                                               {[CEILING_MULTIPLY_ADDS] = multiply_adds,
                                                [CEILING_EXPONENTIALS] = exponentials,
                                                [CEILING_RECIPROCALS] = reciprocals,
                                                [CEILING_DOUBLE_MULTIPLY_ADDS] = double_multiply_adds,
                                                [CEILING_DOUBLE_EXPONENTIALS] = double_exponentials,
                                                [CEILING_DOUBLE_LOGARITHMS] = double_logarithms,
                                                [CEILING_DOUBLE_DIVISIONS] = double_divisions,
                                                [CEILING_CACHE_BYTES] = bytes,
                                                [CEILING_MEMORY_BYTES] = bytes}};
