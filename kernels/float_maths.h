/* Vector maths in single precision, written once over lane vectors. tile_NAME works on n vectors at once, stage by stage,
   and vf_NAME on one: a processor looks a hundred instructions ahead, which is too few to overlap whole functions with
   each other. n is a compile-time constant up to MAX_TILE. The name says the largest error, in tenths of a unit in the
   last place. */
#ifndef ALLOMETER_FLOAT_MATHS_H
#define ALLOMETER_FLOAT_MATHS_H

#include "lane.h"

enum { MAX_TILE = 4 };

#define EACH(u, n) UNROLL for (int u = 0; u < (n); ++u)

/* y = coefficients[0] x^(count - 1) + ... + coefficients[count - 1]; count is a compile-time constant. */
KERNEL void tile_polynomial(const int n, const vf *x, const float *coefficients, const int count, vf *y) {
    EACH(u, n) y[u] = vf_set(coefficients[0]);
    UNROLL for (int i = 1; i < count; ++i) {
        EACH(u, n) y[u] = y[u] * x[u] + coefficients[i];
    }
}

/* 1 / x for normal x of magnitude below 2^126. */
KERNEL void tile_reciprocal_u15(const int n, const vf *x, vf *y) {
    vf guess[MAX_TILE];
    EACH(u, n) guess[u] = vf_reciprocal_guess(x[u]);
    if (!RECIPROCAL_GUESS_IS_EXACT) { /* a step of Newton's method */
        EACH(u, n) guess[u] = guess[u] + guess[u] * (1.0f - x[u] * guess[u]);
    }
    EACH(u, n) y[u] = guess[u];
}

/* sign x = turns log(2) + r with |r| <= log(2) / 2, and power = 2^turns; sign is a compile-time constant, 1 or -1. */
KERNEL void tile_split_powers(const int n, const float sign, const vf *x, vf *r, vf *power) {
    const float magic = 0x1.8p23f + 127; /* adding it rounds, and leaves an exponent's bits lowest */
    vf shifted[MAX_TILE], turns[MAX_TILE];
    EACH(u, n) shifted[u] = x[u] * (sign * 0x1.715476p0f) + magic;
    EACH(u, n) turns[u] = shifted[u] - magic;
    EACH(u, n)
    r[u] = sign * x[u] - turns[u] * 0x1.62e4p-1f; /* log 2 in two parts: the first product is exact */
    EACH(u, n) r[u] = r[u] - turns[u] * 0x1.7f7d1cp-20f;
    EACH(u, n) power[u] = vf_from_bits(vf_bits(shifted[u]) << 23);
}

/* exp(sign x), where sign x is clamped to [-87.3, 88], so never infinite nor subnormal. NaN stays NaN. */
KERNEL void tile_exp_signed_u15(const int n, const float sign, const vf *x, vf *y) {
    const float low = sign > 0 ? -87.3f : -88.0f, high = sign > 0 ? 88.0f : 87.3f;
#if LANES == 1 /* has an instruction for most of it */
    EACH(u, n) y[u] = expf(sign * vf_clamp(x[u], low, high));
#else
    vf clamped[MAX_TILE], r[MAX_TILE], p[MAX_TILE];
    const float minimax[] = {
        /* in relative error */
        0x1.6a23cep-10f, 0x1.123a2p-7f, 0x1.5558f2p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f, 1.0f, 1.0f};
    EACH(u, n) clamped[u] = vf_clamp(x[u], low, high);
    tile_split_powers(n, sign, clamped, r, y);
    tile_polynomial(n, r, minimax, 7, p);
    EACH(u, n) y[u] = p[u] * y[u];
#endif
}

/* exp(x) for x clamped to [-87.3, 88]. */
KERNEL void tile_exp_u15(const int n, const vf *x, vf *y) {
    tile_exp_signed_u15(n, 1.0f, x, y);
}

/* 1 / (1 + exp(-x)), for x clamped to [-88, 87.3]. On CUDA, where instructions are what counts, not clamped, and for
   negative x up to |x| / 2 units off, of a value that is as small as exp(x). */
KERNEL void tile_sigmoid_u40(const int n, const vf *x, vf *y) {
#if LANES == 1
    EACH(u, n) y[u] = vf_reciprocal_guess(1.0f + vf_exp2_approximate(x[u] * -0x1.715476p0f));
#else
    tile_exp_signed_u15(n, -1.0f, x, y);
    EACH(u, n) y[u] = 1.0f + y[u];
    tile_reciprocal_u15(n, y, y);
#endif
}

/* tanh(x) = e / (e + 2) with e = exp(2x) - 1, which is small where x is, without cancellation. */
KERNEL void tile_tanh_u40(const int n, const vf *x, vf *y) {
    vf doubled[MAX_TILE], r[MAX_TILE], power[MAX_TILE], p[MAX_TILE], e[MAX_TILE];
    const float minimax[] = {/* of (exp(r) - 1 - r) / r^2 */
                             0x1.6bebe8p-10f, 0x1.1227f8p-7f, 0x1.555674p-5f, 0x1.5554b0p-3f, 0x1.fffffep-2f};
    EACH(u, n) doubled[u] = vf_clamp(2.0f * x[u], -20.0f, 20.0f); /* beyond, tanh rounds to +-1 */
    tile_split_powers(n, 1.0f, doubled, r, power);
    tile_polynomial(n, r, minimax, 5, p);
    EACH(u, n) p[u] = r[u] + r[u] * r[u] * p[u];
    EACH(u, n) e[u] = p[u] * power[u] + (power[u] - 1.0f);
    EACH(u, n) p[u] = e[u] + 2.0f;
    tile_reciprocal_u15(n, p, p);
    EACH(u, n) y[u] = e[u] * p[u];
}

/* The normal distribution function, and its density, at x. With t = |x| and w = 0.4 t / (1 + 0.4 t), exp(t^2 / 2) times
   the tail beyond t is a polynomial of w within 7e-8 of itself (fitted for t up to 13.5). The error of t^2 / 2 grows with
   t: the name holds from -2 on, and below it is 0.6 x^2 units more. On CUDA, where instructions are what counts, 2 units
   more, and 0.9 x^2. */
KERNEL void tile_normal_u70(const int n, const vf *x, vf *distribution, vf *density) {
    vf t[MAX_TILE], w[MAX_TILE], power[MAX_TILE], tail[MAX_TILE];
    const float minimax[] = {-0.04000207628376149f,  0.11768477432342155f,  -0.08055742131364053f,
                             -0.002007048985665899f, -0.11465252935215596f, 0.05189932986685663f,
                             0.5649724394785121f,    -0.9973502010572759f,  0.49999997411492125f};
    EACH(u, n) power[u] = vf_clamp(x[u], -13.2f, 13.2f); /* beyond, exp(-x^2 / 2) is as small as can be */
    EACH(u, n) t[u] = 0.4f * vf_abs(power[u]);
    EACH(u, n) w[u] = 1.0f + t[u];
    tile_reciprocal_u15(n, w, w);
    EACH(u, n) w[u] = t[u] * w[u];
#if LANES == 1
    EACH(u, n) power[u] = vf_exp2_approximate(power[u] * power[u] * -0x1.715476p-1f);
#else
    EACH(u, n) power[u] = -0.5f * power[u] * power[u];
    tile_exp_u15(n, power, power);
#endif
    tile_polynomial(n, w, minimax, 9, tail);
    EACH(u, n) density[u] = 0.398942280f * power[u];
    EACH(u, n) tail[u] = tail[u] * power[u];
    EACH(u, n) distribution[u] = vf_select(x[u] > vf_set(0.0f), 1.0f - tail[u], tail[u]);
}

/* sin(x) and cos(x) for |x| up to 100000, with an error of 1.5 units in the last place plus 2^-45 |x|; beyond, those of
   some other number. The parts of pi / 2, with few bits, and the polynomials are those of Cephes (Moshier 1992). */
KERNEL void tile_sine_cosine_u15(const int n, const vf *x, vf *sine, vf *cosine) {
    const float magic = 0x1.8p23f;
    vf shifted[MAX_TILE], turns[MAX_TILE], r[MAX_TILE], square[MAX_TILE], s[MAX_TILE], c[MAX_TILE];
    const float of_sine[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f, 0.0f};
    const float of_cosine[] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f, -0.5f,
                               1.0f};
    EACH(u, n) shifted[u] = x[u] * 0x1.45f306p-1f + magic;
    EACH(u, n) turns[u] = shifted[u] - magic;
    EACH(u, n) r[u] = x[u] - turns[u] * 0x1.92p+0f;
    EACH(u, n) r[u] = r[u] - turns[u] * 0x1.fb4p-12f;
    EACH(u, n) r[u] = vf_clamp(r[u] - turns[u] * 0x1.4442d2p-24f, -0.7854f, 0.7854f);
    EACH(u, n) square[u] = r[u] * r[u];
    tile_polynomial(n, square, of_sine, 4, s);
    tile_polynomial(n, square, of_cosine, 5, c);
    EACH(u, n) s[u] = s[u] * r[u] + r[u];
    EACH(u, n) {
        const vu quarter = vf_bits(shifted[u]), sign = quarter << 30; /* of the sine, in the highest bit */
        const vm odd = (quarter & 1u) != 0u;
        const vf first = vf_select(odd, c[u], s[u]), second = vf_select(odd, s[u], c[u]);
        sine[u] = vf_from_bits(vf_bits(first) ^ (sign & 0x80000000u));
        cosine[u] = vf_from_bits(vf_bits(second) ^ ((sign + 0x40000000u) & 0x80000000u));
    }
}

/* ---- one vector ---- */

#define VF_OF_TILE(name)        \
    KERNEL vf vf_##name(vf x) { \
        vf y;                   \
        tile_##name(1, &x, &y); \
        return y;               \
    }
VF_OF_TILE(reciprocal_u15)
VF_OF_TILE(exp_u15)
VF_OF_TILE(sigmoid_u40)
VF_OF_TILE(tanh_u40)

/* log(one + rest) for one of 0 to 1, of which rest >= 0 may be a small part: what rounding takes from their sum is added. */
KERNEL vf vf_log_of_sum(vf one, vf rest) {
    const vf sum = one + rest;
    return vf_log_u10(sum) + (rest - (sum - one)) / sum;
}

KERNEL vf vf_sin_u15(vf x) {
    vf sine, cosine;
    tile_sine_cosine_u15(1, &x, &sine, &cosine);
    return sine;
}

KERNEL vf vf_cos_u15(vf x) {
    vf sine, cosine;
    tile_sine_cosine_u15(1, &x, &sine, &cosine);
    return cosine;
}

#endif
