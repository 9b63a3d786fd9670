#include "ceiling.h"
#include "bench.h"

#include "float_maths.h"

/* Enough independent chains to cover the latency of two units of 4 to 5 cycles, few enough for 16 registers. */
enum { CHAINS = 12, ROUNDS = 1 << 16 };

static volatile float sink;

static double multiply_adds(double seconds) {
    vf chain[CHAINS], factor = vf_set(0.999f), term = vf_set(0.001f);
    for (int c = 0; c < CHAINS; ++c) chain[c] = vf_set((float)c);
    double start = bench_now(), elapsed = 0, operations = 0;
    while (elapsed < seconds) {
        for (int round = 0; round < ROUNDS; ++round) {
            UNROLL for (int c = 0; c < CHAINS; ++c) chain[c] = chain[c] * factor + term;
        }
        operations += 2.0 * ROUNDS * CHAINS * LANES;
        elapsed = bench_now() - start;
    }
    for (int c = 0; c < CHAINS; ++c) sink = vf_sum(chain[c]);
    return operations / elapsed;
}

static double exponentials(double seconds) {
    enum { PARALLEL = 4 };
    vf x[PARALLEL], total = vf_set(0.0f);
    for (int c = 0; c < PARALLEL; ++c) x[c] = vf_set(0.1f * (float)c);
    double start = bench_now(), elapsed = 0, operations = 0;
    while (elapsed < seconds) {
        for (int round = 0; round < ROUNDS / 16; ++round) {
            UNROLL for (int c = 0; c < PARALLEL; ++c) {
                total = total + vf_exp_u15(x[c]);
                x[c] = x[c] + 1e-6f;
            }
        }
        operations += 1.0 * ROUNDS / 16 * PARALLEL * LANES;
        elapsed = bench_now() - start;
    }
    sink = vf_sum(total);
    return operations / elapsed;
}

extern const struct ceiling LANES_SYMBOL(ceiling_);
const struct ceiling LANES_SYMBOL(ceiling_) = {LANES_NAME, multiply_adds, exponentials};
