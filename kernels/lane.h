/* The machine that a kernel sees. Kernels are written once over the names below; this header gives them to
   the CPU, lane_cuda.h to CUDA and to its stand-in.

   A team works on one model: on the CPU one thread, on CUDA one block of threads. Work over an index is
   spread over the team's lanes: on the CPU the LANES elements of one vector, on CUDA the threads of the
   block, one element each.

     vf vi vu            one float, int32 or uint32 for each lane; comparing two vf gives a mask, which only
                         vf_select and vm_and take
     FOR_LANES(i, n)     i runs over the first element of each lane vector of 0 .. n - 1; arrays that are read
                         or written in it hold lanes_padded(n) elements
     vf_load, vf_store   a lane vector at p[i], p[i + 1], ...
     vi_index(i)         each lane's own index: i, i + 1, ...
     team_sync()         all lanes have arrived, and see each other's writes
     TEAM_SIZE, TEAM_RANK  how many scalar workers the team has, and which one this is: 1 and 0 on the CPU
     LANE(v, l)          element l of a lane vector, for the little that is scalar by nature

   Every sum over lanes is taken in an order that depends on the team's size and the lane width alone. */
#ifndef ALLOMETER_LANE_H
#define ALLOMETER_LANE_H

#include <stdint.h>

#if defined(__CUDACC__) || (defined(ALLOMETER_CUDA_STANDIN) && defined(__cplusplus))
#include "lane_cuda.h"
#else

#include <math.h>
#include <string.h>
#include <Random123/philox.h>

#if defined(__AVX512F__)
#define LANES                   16
#define SLEEF_F(name, accuracy) Sleef_##name##f16_##accuracy##avx512f
#elif defined(__AVX2__)
#define LANES                   8
#define SLEEF_F(name, accuracy) Sleef_##name##f8_##accuracy##avx2
#elif defined(__SSE2__)
#define LANES                   4
#define SLEEF_F(name, accuracy) Sleef_##name##f4_##accuracy##sse2
#elif defined(__ARM_NEON)
#define LANES                   4
#define SLEEF_F(name, accuracy) Sleef_##name##f4_##accuracy##advsimd
#else
#error "lane.h knows AVX-512, AVX2, SSE2 and NEON"
#endif
#if LANES > 4 || defined(__SSE2__)
#include <immintrin.h>
#endif
#include <sleef.h>

#define KERNEL_HOST KERNEL /* also called by the host, to size what kernels use */
#define KERNEL_COLD static __attribute__((noinline, unused)) /* once, not in every specialization */
#ifdef ALLOMETER_FEW_SPECIALIZATIONS /* for builds that look at the text and not at speed, see specialize.h */
#define KERNEL static inline __attribute__((unused))
#define UNROLL
#else
#define KERNEL static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* PREFIX_avx512 and "avx512" where INSTRUCTION_SET is avx512: what a file compiled once per set exports. */
#define LANES_PASTE(a, b)    a##b
#define LANES_EXPAND(a, b)   LANES_PASTE(a, b)
#define LANES_SYMBOL(prefix) LANES_EXPAND(prefix, INSTRUCTION_SET)
#define LANES_TEXT(a)        #a
#define LANES_STRING(a)      LANES_TEXT(a)
#define LANES_NAME           LANES_STRING(INSTRUCTION_SET)

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef vi vm; /* a mask: -1 or 0 */
#define LANE(v, l)           ((v)[l])

/* ---- the team ---- */

#define TEAM_SIZE       1
#define TEAM_RANK       0
#define TEAM_PARTIALS   1 /* parts that a sum over the team is left in: a block's warps */
#define TEAM_PARTIAL    0 /* that of this thread */
#define team_sync()     ((void)0)
#define FOR_LANES(i, n) for (int32_t i = 0; i < (n); i += LANES)

/* FOR_LANES in steps of TILE vectors while there are that many, then of one. BODY(i, tile) is a macro or
   function whose tile is a compile-time constant. */
#define FOR_LANE_TILES(i, n, TILE, BODY)                          \
    do {                                                          \
        int32_t i = 0;                                            \
        for (; i + ((TILE)-1) * LANES < (n); i += (TILE)*LANES) { \
            BODY(i, TILE);                                        \
        }                                                         \
        for (; i < (n); i += LANES) {                             \
            BODY(i, 1);                                           \
        }                                                         \
    } while (0)

KERNEL_HOST int32_t lanes_padded(int32_t n) {
    return (n + LANES - 1) / LANES * LANES;
}

/* ---- lane vectors ---- */

KERNEL vf vf_load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

KERNEL void vf_store(float *p, vf v) {
    memcpy(p, &v, sizeof v);
}

KERNEL vf vf_set(float x) {
    return x - (vf){0};
}

KERNEL vi vi_set(int32_t x) {
    return x - (vi){0};
}

KERNEL vu vu_set(uint32_t x) {
    return x - (vu){0};
}

KERNEL vi vi_index(int32_t i) {
    vi v = {0};
    for (int l = 0; l < LANES; ++l) v[l] = i + l;
    return v;
}

KERNEL vm vi_less(vi a, int32_t b) {
    return a < (b - (vi){0});
}

KERNEL vf vf_select(vm mask, vf yes, vf no) {
    return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}

KERNEL vf vf_from_vu(vu x) { /* exact below 2^24 */
    return __builtin_convertvector((vi)x, vf);
}

KERNEL vf vf_abs(vf x) {
    return (vf)((vi)x & 0x7fffffff);
}

/* The larger; NaN in a stays NaN: x86 takes the second operand where either is NaN. */
KERNEL vf vf_at_least(vf a, float low) {
#if LANES == 16
    return (vf)_mm512_max_ps((__m512)vf_set(low), (__m512)a);
#elif LANES == 8
    return (vf)_mm256_max_ps((__m256)vf_set(low), (__m256)a);
#elif defined(__SSE2__)
    return (vf)_mm_max_ps((__m128)vf_set(low), (__m128)a);
#else
    return (vf)vmaxq_f32((float32x4_t)vf_set(low), (float32x4_t)a);
#endif
}

/* x where `value` is above 0, else 0. */
KERNEL vf vf_where_positive(vf value, vf x) {
#if LANES == 16 /* one instruction with what makes x */
    return (vf)_mm512_maskz_mov_ps(_mm512_cmp_ps_mask((__m512)value, _mm512_setzero_ps(), _CMP_GT_OQ),
                                   (__m512)x);
#else
    return vf_select(value > vf_set(0.0f), x, vf_set(0.0f));
#endif
}

KERNEL vf vf_clamp(vf a, float low, float high) {
    a = vf_at_least(a, low);
#if LANES == 16
    return (vf)_mm512_min_ps((__m512)vf_set(high), (__m512)a);
#elif LANES == 8
    return (vf)_mm256_min_ps((__m256)vf_set(high), (__m256)a);
#elif defined(__SSE2__)
    return (vf)_mm_min_ps((__m128)vf_set(high), (__m128)a);
#else
    return (vf)vminq_f32((float32x4_t)vf_set(high), (float32x4_t)a);
#endif
}

/* x, in a register: gcc would load what comes from memory again for each of its uses. */
KERNEL vf vf_held(vf x) {
#ifdef __x86_64__
    __asm__("" : "+v"(x));
#else
    __asm__("" : "+w"(x));
#endif
    return x;
}

KERNEL vf vf_sqrt(vf x) {
#if LANES == 16
    return (vf)_mm512_sqrt_ps((__m512)x);
#elif LANES == 8
    return (vf)_mm256_sqrt_ps((__m256)x);
#else
    for (int l = 0; l < LANES; ++l) x[l] = sqrtf(x[l]);
    return x;
#endif
}

/* Each lane's element from the lane whose number differs in the bit h, a constant. Of two vectors, one after the other: lanes
   without that bit take from the first, those with it from the second, their own element or the other lane's. */
#define VF_OWN_LANE(l, h)   (((l) & (h)) != 0 ? LANES + (l) : (l))
#define VF_OTHER_LANE(l, h) (((l) & (h)) != 0 ? LANES + ((l) ^ (h)) : ((l) ^ (h)))
#define VF_SWAP_LANE(l, h)  ((l) ^ (h))
#if LANES == 16
#define VF_SHUFFLE(a, b, FROM, h)                                                                         \
    __builtin_shufflevector(a, b, FROM(0, h), FROM(1, h), FROM(2, h), FROM(3, h), FROM(4, h), FROM(5, h), \
                            FROM(6, h), FROM(7, h), FROM(8, h), FROM(9, h), FROM(10, h), FROM(11, h),     \
                            FROM(12, h), FROM(13, h), FROM(14, h), FROM(15, h))
#elif LANES == 8
#define VF_SHUFFLE(a, b, FROM, h)                                                                         \
    __builtin_shufflevector(a, b, FROM(0, h), FROM(1, h), FROM(2, h), FROM(3, h), FROM(4, h), FROM(5, h), \
                            FROM(6, h), FROM(7, h))
#else
#define VF_SHUFFLE(a, b, FROM, h) \
    __builtin_shufflevector(a, b, FROM(0, h), FROM(1, h), FROM(2, h), FROM(3, h))
#endif
#define VF_SWAP(x, h) VF_SHUFFLE(x, x, VF_SWAP_LANE, h)

/* Sum over the lanes, halves folded onto each other. */
KERNEL float vf_sum(vf x) {
#if LANES == 16
    x = x + VF_SWAP(x, 8);
#endif
#if LANES >= 8
    x = x + VF_SWAP(x, 4);
#endif
    x = x + VF_SWAP(x, 2);
    x = x + VF_SWAP(x, 1);
    return x[0];
}

/* Lane l of the result: vf_sum(x[l]). Overwrites x. */
KERNEL vf vf_sums(vf x[LANES]) {
#define FOLD(h)                                                      \
    UNROLL for (int i = 0; i < (h); ++i) {                           \
        const vf own = VF_SHUFFLE(x[i], x[i + (h)], VF_OWN_LANE, h); \
        x[i] = own + VF_SHUFFLE(x[i], x[i + (h)], VF_OTHER_LANE, h); \
    }
#if LANES == 16
    FOLD(8)
#endif
#if LANES >= 8
    FOLD(4)
#endif
    FOLD(2)
    FOLD(1)
#undef FOLD
    return x[0];
}

/* Leaves the sum of x over the lanes of one TEAM_PARTIALS-th of the team in *partial, which each such part has of
   its own; to be added in the parts' order after a team_sync. */
KERNEL void team_sum_store(float *partial, vf x) {
    *partial = vf_sum(x);
}

/* The same, added to what *partial holds. */
KERNEL void team_sum_add(float *partial, vf x) {
    *partial += vf_sum(x);
}

/* Philox4x32-10 of counter (c0, c1, c2, c3) and key (k0, k1), four words for each lane. */
struct vu4 {
    vu word[4];
};

KERNEL struct vu4 lane_philox(vu c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
    struct vu4 words;
    for (int l = 0; l < LANES; ++l) {
        const philox4x32_ctr_t counter = {{c0[l], c1, c2, c3}};
        const philox4x32_key_t key = {{k0, k1}};
        philox4x32_ctr_t r = philox4x32(counter, key);
        for (int w = 0; w < 4; ++w) words.word[w][l] = r.v[w];
    }
    return words;
}

/* ---- what float_maths.h builds on ---- */

KERNEL vu vf_bits(vf x) {
    return (vu)x;
}

KERNEL vf vf_from_bits(vu x) {
    return (vf)x;
}

/* 1 / x, as exactly as division does or to 14 bits. */
KERNEL vf vf_reciprocal_guess(vf x) {
#if LANES == 16
#define RECIPROCAL_GUESS_IS_EXACT 0
    return (vf)_mm512_rcp14_ps((__m512)x);
#else
#define RECIPROCAL_GUESS_IS_EXACT 1
    return 1.0f / x;
#endif
}

/* Within 1 unit in the last place. */
KERNEL vf vf_log_u10(vf x) {
    return (vf)SLEEF_F(log, u10)(x);
}

#endif
#endif
