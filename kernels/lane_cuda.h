/* The machine of lane.h for CUDA: a team is a block, a lane is a thread, a lane vector is one float. Also
   compiled as C++ against the stand-in for the CUDA runtime (tests/cuda_standin). The launcher makes every
   block a whole number of warps. */
#ifndef ALLOMETER_LANE_CUDA_H
#define ALLOMETER_LANE_CUDA_H

#include <cuda_runtime.h>
#include <curand_philox4x32_x.h>
#include <math.h>
#include <string.h>

#define LANES 1

#ifdef ALLOMETER_CUDA_STANDIN
#define KERNEL      static inline __attribute__((unused))
#define KERNEL_HOST KERNEL
#define KERNEL_COLD KERNEL
#define UNROLL
#define team_nanoseconds  standin_nanoseconds
#define team_shared(name) float *name = static_cast<float *>(standin_shared_memory())
#else
#define KERNEL            static __device__ __forceinline__
#define KERNEL_HOST       static __host__ __device__ __forceinline__
/* Inlined too: a call would hide from the compiler that the workspace lies in shared memory. */
#define KERNEL_COLD       KERNEL
#define UNROLL            _Pragma("unroll")
#define team_shared(name) extern __shared__ float name[]
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
#define TEAM_SIZE     ((int32_t)blockDim.x)
#define TEAM_RANK     ((int32_t)threadIdx.x)
#define TEAM_PARTIALS (TEAM_SIZE / WARP_SIZE)
#define team_sync()   __syncthreads()
#ifdef ALLOMETER_CUDA_STANDIN /* of a warp's threads, in how many; there each thread goes its own way */
#define warp_count(condition) ((condition) ? WARP_SIZE : 0)
#else
#define warp_count(condition) __popc(__ballot_sync(0xffffffffu, condition))
#endif
#define FOR_LANES(i, n) for (int32_t i = TEAM_RANK; i < (n); i += TEAM_SIZE)

#define FOR_LANE_TILES(i, n, TILE, BODY) \
    do {                                 \
        FOR_LANES(i, n) {                \
            BODY(i, 1);                  \
        }                                \
    } while (0)

KERNEL_HOST int32_t lanes_padded(int32_t n) {
    return n;
}

/* ---- lane vectors ---- */

KERNEL vf vf_load(const float *p) {
    return *p;
}

KERNEL void vf_store(float *p, vf v) {
    *p = v;
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

/* Each warp leaves its sum in *partial, halves of the warp folded onto each other. Every thread must call. */
KERNEL void team_sum_store(float *partial, vf x) {
    UNROLL for (int offset = WARP_SIZE / 2; offset > 0; offset /= 2) {
        x += __shfl_down_sync(0xffffffffu, x, offset);
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

#endif
