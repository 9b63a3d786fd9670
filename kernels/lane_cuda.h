/* The machine of lane.h for CUDA: a lane is a thread, a lane vector is one float. A team is a block of whole warps, or,
   for small models, a power of two of neighbors within one warp: then a block holds several teams, which share nothing
   but the queue. The launcher says which: blockDim.x threads a team, blockDim.y teams a block. Also compiled as C++
   against the stand-in for the CUDA runtime (tests/cuda_standin). */
#ifndef ALLOMETER_LANE_CUDA_H
#define ALLOMETER_LANE_CUDA_H

#include <cuda_runtime.h>
#include <curand_philox4x32_x.h>
#include <math.h>
#include <string.h>

#define LANES 1

#ifdef ALLOMETER_CUDA_STANDIN
#define KERNEL       static inline __attribute__((unused))
#define KERNEL_HOST  KERNEL
#define KERNEL_COLD  KERNEL
#define KERNEL_APART KERNEL
#define UNROLL
#define ROLLED
#define team_nanoseconds  standin_nanoseconds
#define team_shared(name) float *name = static_cast<float *>(standin_shared_memory())
#else
#define KERNEL            static __device__ __forceinline__
#define KERNEL_HOST       static __host__ __device__ __forceinline__
/* Inlined too: a call would hide from the compiler that the workspace lies in shared memory. */
#define KERNEL_COLD       KERNEL
/* Functions of their own: what is done too seldom to be worth another copy in a kernel that is large already. */
#define KERNEL_APART      static __device__ __noinline__
#define UNROLL            _Pragma("unroll")
#define ROLLED            _Pragma("unroll 1")
#define team_shared(name) extern __shared__ __align__(16) float name[]
KERNEL uint64_t team_nanoseconds(void) {
    uint64_t now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    return now;
}
#endif

typedef float vf;
typedef int32_t vi;
typedef uint32_t vu;
typedef bool vm;
#define LANE(v, l) (v)

/* ---- the team ---- */

enum { WARP_SIZE = 32 };
#define TEAM_SIZE             ((int32_t)blockDim.x)
#define TEAM_RANK             ((int32_t)threadIdx.x)
#define TEAM_PARTIALS         (TEAM_SIZE > WARP_SIZE ? TEAM_SIZE / WARP_SIZE : 1)
#define TEAM_PARTIAL          (TEAM_RANK / WARP_SIZE)
#define team_sync()           (TEAM_SIZE > WARP_SIZE ? __syncthreads() : __syncwarp(team_lanes()))
#define warp_count(condition) __popc(__ballot_sync(0xffffffffu, condition)) /* in how many of its threads */
#define FOR_LANES(i, n)       for (int32_t i = TEAM_RANK; i < (n); i += TEAM_SIZE)

#define FOR_LANE_TILES(i, n, TILE, BODY) \
    do {                                 \
        FOR_LANES(i, n) {                \
            BODY(i, 1);                  \
        }                                \
    } while (0)

/* Floats that one load from memory brings at most: rows are whole groups of them. */
enum { QUAD = 4 };

KERNEL_HOST int32_t lanes_padded(int32_t n) {
    return (n + QUAD - 1) / QUAD * QUAD;
}

/* Those of the warp that are the team's: bit l for lane l. */
KERNEL uint32_t team_lanes(void) {
    const uint32_t all = 0xffffffffu;
    if (TEAM_SIZE >= WARP_SIZE) return all;
    return (all >> (WARP_SIZE - TEAM_SIZE)) << (threadIdx.y * blockDim.x % WARP_SIZE);
}

/* ---- lane vectors ---- */

KERNEL vf vf_load(const float *p) {
    return *p;
}

KERNEL void vf_store(float *p, vf v) {
    *p = v;
}

/* 1, 2 or 4 floats by one load; p is aligned to as many. */
KERNEL void quad_load(const int n, const float *p, float v[QUAD]) {
#ifdef ALLOMETER_CUDA_STANDIN
    const bool aligned = reinterpret_cast<uintptr_t>(p) % ((size_t)n * sizeof *p) == 0;
    for (int i = 0; i < n; ++i) v[i] = aligned ? p[i] : NAN;
#else
    if (n == 1) v[0] = *p;
    if (n == 2) {
        const float2 two = *reinterpret_cast<const float2 *>(p);
        v[0] = two.x, v[1] = two.y;
    }
    if (n == 4) {
        const float4 four = *reinterpret_cast<const float4 *>(p);
        v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
    }
#endif
}

KERNEL vf vf_set(float x) {
    return x;
}

KERNEL vi vi_set(int32_t x) {
    return x;
}

KERNEL vu vu_set(uint32_t x) {
    return x;
}

KERNEL vi vi_index(int32_t i) {
    return i;
}

KERNEL vm vi_less(vi a, int32_t b) {
    return a < b;
}

KERNEL vf vf_select(vm mask, vf yes, vf no) {
    return mask ? yes : no;
}

KERNEL vf vf_from_vu(vu x) { /* exact below 2^24 */
    return (float)(int32_t)x;
}

KERNEL vf vf_abs(vf x) {
    return fabsf(x);
}

/* NaN in a stays NaN, which fminf and fmaxf would lose. */
KERNEL vf vf_at_least(vf a, float low) {
#ifdef ALLOMETER_CUDA_STANDIN
    return a < low ? low : a;
#else
    asm("max.NaN.f32 %0, %0, %1;" : "+f"(a) : "f"(low));
    return a;
#endif
}

KERNEL vf vf_clamp(vf a, float low, float high) {
    a = vf_at_least(a, low);
#ifdef ALLOMETER_CUDA_STANDIN
    return a > high ? high : a;
#else
    asm("min.NaN.f32 %0, %0, %1;" : "+f"(a) : "f"(high));
    return a;
#endif
}

/* For the CPU. */
KERNEL vf vf_held(vf x) {
    return x;
}

KERNEL vf vf_sqrt(vf x) {
    return sqrtf(x);
}

KERNEL float vf_sum(vf x) {
    return x;
}

/* Each warp, or a smaller team, leaves its sum in *partial, halves folded onto each other. Every thread must call. */
KERNEL void team_sum_store(float *partial, vf x) {
    const uint32_t lanes = team_lanes();
    const int32_t width = TEAM_SIZE < WARP_SIZE ? TEAM_SIZE : WARP_SIZE;
    UNROLL for (int offset = WARP_SIZE / 2; offset > 0; offset /= 2) {
        const float other = __shfl_down_sync(lanes, x, offset, width);
        if (offset < width) x += other;
    }
    if (TEAM_RANK % WARP_SIZE == 0) *partial = x;
}

/* The same, added to what *partial holds. */
KERNEL void team_sum_add(float *partial, vf x) {
    float sum = 0;
    team_sum_store(&sum, x);
    if (TEAM_RANK % WARP_SIZE == 0) *partial += sum;
}

struct vu4 {
    vu word[4];
};

/* cuRAND's function takes the counter and the key as words 0 to 3 and 0 to 1 of the published algorithm. (Its
   generators, which are not used here, would put the subsequence into words 2 and 3 and a quarter of the offset into
   words 0 and 1.) */
KERNEL struct vu4 lane_philox(vu c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
    const uint4 words = curand_Philox4x32_10(make_uint4(c0, c1, c2, c3), make_uint2(k0, k1));
    return {{words.x, words.y, words.z, words.w}};
}

/* ---- what float_maths.h builds on ---- */

KERNEL vu vf_bits(vf x) {
    vu bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

KERNEL vf vf_from_bits(vu bits) {
    vf x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 1 / x within 1 unit in the last place, and 2^x within 2^-22 of itself (PTX ISA, rcp and ex2): one instruction each.
   What would be subnormal is 0; 2^x beyond the largest number is infinite, and 1 / infinity is 0. */
#define RECIPROCAL_GUESS_IS_EXACT 1
#ifdef ALLOMETER_CUDA_STANDIN
KERNEL vf vf_reciprocal_guess(vf x) {
    return 1.0f / x;
}

KERNEL vf vf_exp2_approximate(vf x) {
    return exp2f(x);
}
#else
KERNEL vf vf_reciprocal_guess(vf x) {
    vf y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

KERNEL vf vf_exp2_approximate(vf x) {
    vf y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#endif

/* Within 1 unit (same source). */
KERNEL vf vf_log_u10(vf x) {
    return logf(x);
}

/* a / b rounded down or up, for a below 2^20, where the reciprocal's error does not reach from (a + 0.5) / b to the next whole
   number: division of integers takes CUDA dozens of instructions. */
KERNEL_HOST int32_t quotient(int32_t a, int32_t b) {
#if defined __CUDA_ARCH__ || defined ALLOMETER_CUDA_STANDIN
    return (int32_t)(((float)a + 0.5f) * vf_reciprocal_guess((float)b));
#else
    return a / b;
#endif
}
KERNEL_HOST int32_t quotient_up(int32_t a, int32_t b) {
    return quotient(a + b - 1, b);
}

#endif
