/* Random numbers of the reference, in double precision: kernels/random.h states their layout. */
#ifndef ALLOMETER_REFERENCE_RANDOM_H
#define ALLOMETER_REFERENCE_RANDOM_H

#include <Random123/philox.h>
#include <math.h>

enum { INITIAL, OUTPUT_BIAS, INPUT, TEST, WEIGHT, ORDER, LAYER, LAYER_BIAS, OWNER };

static inline uint32_t word(uint64_t seed, uint32_t stream, uint32_t number, uint32_t step, uint32_t index) {
    const philox4x32_ctr_t counter = {{index, step, stream | (number / 4) << 8, 0}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t words = philox4x32(counter, key);
    return words.v[number % 4];
}

static inline double uniform(uint32_t bits) {
    return ((bits >> 9) + 0.5) / 8388608.0;
}

static inline double normal(uint64_t seed, uint32_t stream, uint32_t number, uint32_t step, uint32_t index) {
    double radius = sqrt(-2 * log(uniform(word(seed, stream, number & ~1u, step, index))));
    double angle = 2 * M_PI * uniform(word(seed, stream, number | 1, step, index));
    return radius * (number & 1 ? sin(angle) : cos(angle));
}

static inline uint32_t mix(uint32_t x) {
    x *= 0x9e3779b1u;
    x = (x ^ x >> 15) * 0x85ebca77u;
    return x ^ x >> 13;
}

static inline int permuted(uint64_t seed, uint32_t which, uint32_t step, int n, int i) {
    int half = 1;
    while ((1LL << 2 * half) < n) ++half;
    uint32_t mask = (1u << half) - 1, rounds = half < 4 ? 12 : 8, left, right;
    do {
        left = (uint32_t)i >> half, right = (uint32_t)i & mask;
        for (uint32_t round = 0; round < rounds; ++round) {
            uint32_t key = word(seed, ORDER, round % 4, step, which) * (2 * round + 1);
            uint32_t other = left ^ (mix(right + key) & mask);
            left = right, right = other;
        }
        i = (int)(left << half | right);
    } while (i >= n);
    return i;
}

#endif
