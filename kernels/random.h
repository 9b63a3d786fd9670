/* Random numbers by counter: any of them can be computed anywhere, so nothing is stored and nothing depends on
   order. Philox4x32-10 (Salmon et al. 2011): key = the model's seed, counter = (index, step, stream and block, 0).

   Of one call's four words, number d of an index is word d % 4 of block d / 4. */
#ifndef ALLOMETER_RANDOM_H
#define ALLOMETER_RANDOM_H

#include "float_maths.h"
#include "model.h"

enum random_stream {
    STREAM_INITIAL,     /* index: neuron; number: row of its weights */
    STREAM_OUTPUT_BIAS, /* index: output */
    STREAM_INPUT,       /* index: sample; number: input variable; step: of a fresh draw */
    STREAM_TEST,        /* the same for the held-out set */
    STREAM_WEIGHT,      /* index: sample */
    STREAM_ORDER, /* keys of the permutation `step`; index 0: order of the samples, else of an input variable */
    STREAM_LAYER,      /* of a deep model. index: what the weight takes; number: what it gives; step: layer */
    STREAM_LAYER_BIAS, /* index: what it gives; step: layer */
    STREAM_OWNER,      /* of mixed samples: which subtask they belong to; step: of a fresh draw */
};

KERNEL struct vu4 random_words(uint64_t seed, enum random_stream stream, uint32_t block, uint32_t step,
                               vi index) {
    return lane_philox((vu)index, step, (uint32_t)stream | block << 8, 0, (uint32_t)seed,
                       (uint32_t)(seed >> 32));
}

/* Uniform on the open interval (0, 1): the middles of 2^23 equal parts. */
KERNEL vf random_uniform(vu word) {
    return vf_from_vu(word >> 9) * 0x1p-23f + 0x1p-24f;
}

/* Two independent standard normal numbers from two words (Box and Muller 1958). */
KERNEL void random_normal_pair(vu first, vu second, vf *one, vf *two) {
    vf radius = vf_sqrt(-2.0f * vf_log_u10(random_uniform(first)));
    vf angle = 6.283185307f * random_uniform(second);
    *one = radius * vf_cos_u15(angle);
    *two = radius * vf_sin_u15(angle);
}

/* A permutation of 0 .. n - 1, computed at one place without storing it: a Feistel network over the least even
   number of bits that holds n, walked until it lands inside (Black and Rogaway 2002). Where two places land together
   is uniform from 4 bits a half with 8 rounds, of fewer bits with 12; each round needs a key of its own for that, an
   odd multiple of one of four. */
struct permutation {
    uint32_t key[4];
    int32_t n, half_bits;
};

KERNEL struct permutation permutation_make(uint64_t seed, uint32_t which, uint32_t step, int32_t n) {
    struct permutation p;
    struct vu4 words = random_words(seed, STREAM_ORDER, 0, step, vi_index((int32_t)which));
    for (int w = 0; w < 4; ++w) p.key[w] = LANE(words.word[w], 0);
    p.n = n;
    p.half_bits = 1;
    while (((int64_t)1 << (2 * p.half_bits)) < n) ++p.half_bits;
    return p;
}

KERNEL int32_t permutation_at(const struct permutation *p, int32_t i) {
    const uint32_t mask = (1u << p->half_bits) - 1, rounds = p->half_bits < 4 ? 12 : 8;
    uint32_t x = (uint32_t)i;
    do {
        uint32_t left = x >> p->half_bits, right = x & mask;
        for (uint32_t round = 0; round < rounds; round += 4) {
            for (uint32_t k = 0; k < 4; ++k) {
                uint32_t mixed = (right + p->key[k] * (2 * (round + k) + 1)) * 0x9e3779b1u;
                mixed = (mixed ^ mixed >> 15) * 0x85ebca77u;
                uint32_t next = left ^ ((mixed ^ mixed >> 13) & mask);
                left = right;
                right = next;
            }
        }
        x = left << p->half_bits | right;
    } while (x >= (uint32_t)p->n);
    return (int32_t)x;
}

#endif
