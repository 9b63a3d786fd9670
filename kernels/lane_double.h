/* The machine of lane.h for work in double precision: half as many lanes, each with a problem of its own.

     vd vmd              one double for each lane; a mask, from comparing two vd or from vmd_and, vmd_or, vmd_not
     VD_LANES            how many lanes a vd has: 8, 4 or 2 on the CPU, 1 on CUDA, where a lane is a thread
     vd_NAME_uNN         functions of vd, the NN tenths of a unit in the last place that they promise in the name
     vmd_bits            a mask's lanes as the bits of a number, the first lowest
     vd_get, vd_put      one lane's element, for work that is done lane by lane
     VD_UNROLL, VD_ROLL  before a loop over parameters: that it should be unrolled, on CUDA in whole, so that what it
                         indexes stays in registers; or that CUDA should not
     VD_FORGET           that on CUDA what follows should read memory again, rather than have registers hold it all
     VD_HIDE             a pointer's origin, so that on CUDA what it points to stays in memory */
#ifndef ALLOMETER_LANE_DOUBLE_H
#define ALLOMETER_LANE_DOUBLE_H

#include "lane.h"

#if defined(__CUDACC__) || defined(ALLOMETER_CUDA_STANDIN)

#define VD_LANES  1
#define VD_UNROLL UNROLL
#ifdef ALLOMETER_CUDA_STANDIN
#define VD_ROLL
#define VD_FORGET()
#define VD_HIDE(p) (void)(p)
#else
#define VD_ROLL     _Pragma("unroll 1")
#define VD_FORGET() asm volatile("" ::: "memory")
#define VD_HIDE(p)  asm volatile("" : "+l"(p))
#endif

typedef double vd;
typedef int vmd;
typedef int64_t vdi;

/* Philox4x32-10: the counter in, four random words out. */
KERNEL void scalar_philox(uint32_t words[4], uint64_t key) {
    struct vu4 random =
        lane_philox(words[0], words[1], words[2], words[3], (uint32_t)key, (uint32_t)(key >> 32));
    for (int w = 0; w < 4; ++w) words[w] = random.word[w];
}

KERNEL vd vd_set(double x) {
    return x;
}

KERNEL vd vd_load(const double *p) {
    return *p;
}

KERNEL void vd_store(double *p, vd v) {
    *p = v;
}

KERNEL double vd_get(const vd *v, int lane) {
    (void)lane;
    return *v;
}

KERNEL void vd_put(vd *v, int lane, double x) {
    (void)lane;
    *v = x;
}

KERNEL vd vd_select(vmd mask, vd yes, vd no) {
    return mask ? yes : no;
}

KERNEL vmd vmd_and(vmd a, vmd b) {
    return a & b;
}

KERNEL vmd vmd_or(vmd a, vmd b) {
    return a | b;
}

KERNEL vmd vmd_not(vmd a) {
    return !a;
}

KERNEL unsigned vmd_bits(vmd a) {
    return (unsigned)a;
}

KERNEL vmd vmd_of_lane(int lane) {
    return lane == 0;
}

KERNEL vd vd_abs(vd x) {
    return fabs(x);
}

KERNEL vd vd_sqrt(vd x) {
    return sqrt(x);
}

KERNEL vdi vd_bits(vd x) {
    vdi bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

KERNEL vd vd_of_bits(vdi bits) {
    vd x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Within 2^-20 of itself or better (PTX ISA, rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64): one instruction each. */
#ifdef ALLOMETER_CUDA_STANDIN
KERNEL vd vd_reciprocal_guess(vd x) {
    return 1 / x;
}

KERNEL vd vd_reciprocal_sqrt_guess(vd x) {
    return 1 / sqrt(x);
}
#else
KERNEL vd vd_reciprocal_guess(vd x) {
    vd y;
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(y) : "d"(x));
    return y;
}

KERNEL vd vd_reciprocal_sqrt_guess(vd x) {
    vd y;
    asm("rsqrt.approx.ftz.f64 %0, %1;" : "=d"(y) : "d"(x));
    return y;
}
#endif

KERNEL vd vd_tanh_u10(vd x) {
    return tanh(x);
}

KERNEL vd vd_expm1_u10(vd x) {
    return expm1(x);
}

KERNEL vd vd_log1p_u10(vd x) {
    return log1p(x);
}

KERNEL vd vd_sin_u10(vd x) {
    return sin(x);
}

KERNEL vd vd_cos_u10(vd x) {
    return cos(x);
}

KERNEL vd vd_atan_u10(vd x) {
    return atan(x);
}

KERNEL vd vd_erf_u10(vd x) {
    return erf(x);
}

#else

#if defined(__AVX512F__)
#define VD_LANES                8
#define SLEEF_D(name, accuracy) Sleef_##name##d8_##accuracy##avx512f
#elif defined(__AVX2__)
#define VD_LANES                4
#define SLEEF_D(name, accuracy) Sleef_##name##d4_##accuracy##avx2
#elif defined(__SSE2__)
#define VD_LANES                2
#define SLEEF_D(name, accuracy) Sleef_##name##d2_##accuracy##sse2
#else
#define VD_LANES                2
#define SLEEF_D(name, accuracy) Sleef_##name##d2_##accuracy##advsimd
#endif

#ifdef ALLOMETER_FEW_SPECIALIZATIONS
#define VD_UNROLL
#else
#define VD_UNROLL _Pragma("GCC unroll 8") /* loops over few parameters would else wait for their own ends */
#endif
#define VD_ROLL
#define VD_FORGET()
#define VD_HIDE(p) (void)(p)

typedef double vd __attribute__((vector_size(8 * VD_LANES)));
typedef int64_t vmd __attribute__((vector_size(8 * VD_LANES)));
typedef vmd vdi; /* the bits of a vd */

KERNEL void scalar_philox(uint32_t words[4], uint64_t key) {
    const philox4x32_key_t k = {{(uint32_t)key, (uint32_t)(key >> 32)}};
    const philox4x32_ctr_t counter = {{words[0], words[1], words[2], words[3]}};
    philox4x32_ctr_t random = philox4x32(counter, k);
    for (int w = 0; w < 4; ++w) words[w] = random.v[w];
}

KERNEL vd vd_set(double x) {
    return x - (vd){0};
}

KERNEL vd vd_load(const double *p) {
    vd v;
    memcpy(&v, p, sizeof v);
    return v;
}

KERNEL void vd_store(double *p, vd v) {
    memcpy(p, &v, sizeof v);
}

KERNEL double vd_get(const vd *v, int lane) {
    return (*v)[lane];
}

KERNEL void vd_put(vd *v, int lane, double x) {
    (*v)[lane] = x;
}

KERNEL vd vd_select(vmd mask, vd yes, vd no) {
    return (vd)(((vmd)yes & mask) | ((vmd)no & ~mask));
}

KERNEL vmd vmd_and(vmd a, vmd b) {
    return a & b;
}

KERNEL vmd vmd_or(vmd a, vmd b) {
    return a | b;
}

KERNEL vmd vmd_not(vmd a) {
    return ~a;
}

KERNEL unsigned vmd_bits(vmd a) {
#if VD_LANES == 8
    return _mm512_movepi64_mask((__m512i)a);
#elif VD_LANES == 4
    return (unsigned)_mm256_movemask_pd((__m256d)a);
#else
    return (unsigned)((a[0] & 1) | (a[1] & 2));
#endif
}

KERNEL vmd vmd_of_lane(int lane) {
    vmd v = {0};
    v[lane] = -1;
    return v;
}

KERNEL vdi vd_bits(vd x) {
    return (vdi)x;
}

KERNEL vd vd_of_bits(vdi bits) {
    return (vd)bits;
}

KERNEL vd vd_abs(vd x) {
    return (vd)((vmd)x & INT64_MAX);
}

KERNEL vd vd_sqrt(vd x) {
#if VD_LANES == 8
    return (vd)_mm512_sqrt_pd((__m512d)x);
#elif VD_LANES == 4
    return (vd)_mm256_sqrt_pd((__m256d)x);
#else
    for (int l = 0; l < VD_LANES; ++l) x[l] = sqrt(x[l]);
    return x;
#endif
}

KERNEL vd vd_tanh_u10(vd x) {
    return (vd)SLEEF_D(tanh, u10)(x);
}

KERNEL vd vd_expm1_u10(vd x) {
    return (vd)SLEEF_D(expm1, u10)(x);
}

KERNEL vd vd_log1p_u10(vd x) {
    return (vd)SLEEF_D(log1p, u10)(x);
}

KERNEL vd vd_sin_u10(vd x) {
    return (vd)SLEEF_D(sin, u10)(x);
}

KERNEL vd vd_cos_u10(vd x) {
    return (vd)SLEEF_D(cos, u10)(x);
}

KERNEL vd vd_atan_u10(vd x) {
    return (vd)SLEEF_D(atan, u10)(x);
}

KERNEL vd vd_erf_u10(vd x) {
    return (vd)SLEEF_D(erf, u10)(x);
}

#endif

KERNEL int vmd_any(vmd a) {
    return vmd_bits(a) != 0;
}

/* b where either is NaN. */
KERNEL vd vd_max(vd a, vd b) {
#if VD_LANES == 8
    return (vd)_mm512_max_pd((__m512d)a, (__m512d)b);
#else
    return vd_select(a > b, a, b);
#endif
}

KERNEL vd vd_min(vd a, vd b) {
#if VD_LANES == 8
    return (vd)_mm512_min_pd((__m512d)a, (__m512d)b);
#else
    return vd_select(a < b, a, b);
#endif
}

#include "double_maths.h"

/* False for NaN and both infinities. */
KERNEL vmd vd_is_finite(vd x) {
    return vd_abs(x) <= vd_set(1.7976931348623157e308);
}

#endif
