#include "ceiling.h"

#include "float_maths.h"

/* Enough independent chains to cover the latency of two units of 4 to 5 cycles, few enough for 16 registers. */
enum { CHAINS = 12, PARALLEL = 4, ROUNDS = 1 << 12 };

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

static double multiply_adds(double seconds, float *memory, size_t n) {
    vf chain[CHAINS], factor = vf_set(0.999f), term = vf_set(0.001f);
    for (int c = 0; c < CHAINS; ++c) chain[c] = vf_set((float)c);
    MEASURE(
        2.0 * ROUNDS * CHAINS * LANES, for (int round = 0; round < ROUNDS; ++round) {
            UNROLL for (int c = 0; c < CHAINS; ++c) chain[c] = chain[c] * factor + term;
        });
    for (int c = 0; c < CHAINS; ++c) sink = vf_sum(chain[c]);
    return units / elapsed;
}

/* A sum for each chain, so that only the function itself is waited for. */
#define FUNCTION_RATE(name, function)                                                                     \
    static double name(double seconds, float *memory, size_t n) {                                         \
        vf x[PARALLEL], total[PARALLEL];                                                                  \
        for (int c = 0; c < PARALLEL; ++c) x[c] = vf_set(0.1f * (float)(c + 1)), total[c] = vf_set(0.0f); \
        MEASURE(                                                                                          \
            1.0 * ROUNDS * PARALLEL * LANES, for (int round = 0; round < ROUNDS; ++round) {               \
                UNROLL for (int c = 0; c < PARALLEL; ++c) {                                               \
                    total[c] = total[c] + function(x[c]);                                                 \
                    x[c] = x[c] + 1e-6f;                                                                  \
                }                                                                                         \
            });                                                                                           \
        for (int c = 0; c < PARALLEL; ++c) sink = vf_sum(total[c]);                                       \
        return units / elapsed;                                                                           \
    }
FUNCTION_RATE(exponentials, vf_exp_u15)
FUNCTION_RATE(reciprocals, vf_reciprocal_u15)

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
                                               {multiply_adds, exponentials, reciprocals, bytes, bytes}};
