/* Exponentials and logarithms of lane_double.h: inlined and all but free of branches, so that a law's constant parts
   leave its loop and points overlap. Polynomials are minimax fits of our own; reductions as in fdlibm (Sun Microsystems
   1993). */
#ifndef ALLOMETER_DOUBLE_MATHS_H
#define ALLOMETER_DOUBLE_MATHS_H

#define DOUBLE_MAGIC 0x1.8p52 /* adding it rounds to an integer, left in the low bits */
#define LOG2_HIGH    0x1.62e42feep-1
#define LOG2_LOW     0x1.a39ef35793c76p-33 /* 32 bits of log 2, so that small multiples are exact, and the rest */

/* 1 / x of normal x below 2^1022. */
KERNEL vd vd_reciprocal_u15(vd x) {
#if VD_LANES == 1
    vd y = vd_reciprocal_guess(x);
    y = y + y * (1 - x * y);
    return y + y * (1 - x * y);
#elif VD_LANES == 8 /* half the time of a division: 14 bits and two steps of Newton's method */
    vd y = (vd)_mm512_rcp14_pd((__m512d)x);
    y = y + y * (1 - x * y);
    return y + y * (1 - x * y);
#else
    return 1 / x;
#endif
}

/* 1 / sqrt(x) of positive normal x. */
KERNEL vd vd_reciprocal_sqrt_u20(vd x) {
#if VD_LANES == 1
    vd y = vd_reciprocal_sqrt_guess(x), half = 0.5 * x;
    y = y + y * (0.5 - half * y * y);
    return y + y * (0.5 - half * y * y);
#elif VD_LANES == 8
    vd y = (vd)_mm512_rsqrt14_pd((__m512d)x), half = 0.5 * x;
    y = y + y * (0.5 - half * y * y);
    return y + y * (0.5 - half * y * y);
#else
    return 1 / vd_sqrt(x);
#endif
}

/* y 2^n of a y near 1 and an n of -1022 to 1024, which `shifted` holds in its low bits; 0 where x < -707. */
KERNEL vd scale_by_power(vd y, vd n, vd shifted, vd x) {
#if VD_LANES == 8
    (void)shifted;
    return (vd)_mm512_maskz_scalef_pd(_mm512_cmp_pd_mask((__m512d)x, _mm512_set1_pd(-707), _CMP_NLT_UQ),
                                      (__m512d)y, (__m512d)n);
#else
    (void)n; /* in two steps: 2^1024 is not a double; overflows as it should */
    y = y * vd_of_bits(((vd_bits(shifted) + 1022) & 0x7ff) << 52) * 2;
    return vd_select(x < vd_set(-707), vd_set(0), y);
#endif
}

/* exp(x); 0 below -707, so that nothing on the way is subnormal, which would be slow. */
KERNEL vd vd_exp_u10(vd x) {
    vd inside = vd_min(vd_set(710), vd_max(vd_set(-707), x)); /* NaN stays NaN */
    vd shifted = inside * 0x1.71547652b82fep0 + DOUBLE_MAGIC;
    vd n = shifted - DOUBLE_MAGIC;
    vd r = (inside - n * LOG2_HIGH) - n * LOG2_LOW, r2 = r * r, r4 = r2 * r2;
    vd low = (0.5 + r * 0x1.5555555555557p-3) + r2 * (0x1.5555555555556p-5 + r * 0x1.11111111100dcp-7);
    vd middle = (0x1.6c16c16c162d4p-10 + r * 0x1.a01a01abe7fe1p-13)
                + r2 * (0x1.a01a01a6d889cp-16 + r * 0x1.71de0231960ebp-19);
    vd high = (0x1.27e4db646b17ep-22 + r * 0x1.af4de97ca4194p-26) + r2 * 0x1.1f730349868cep-29;
    return scale_by_power(1 + (r + r2 * (low + r4 * (middle + r4 * high))), n, shifted, x);
}

/* log(x) and 1 / x of positive normal numbers: with x = m 2^k, one reciprocal of m (1 + m) serves both. */
KERNEL vd log_of_normal(vd x, vd *inverse) {
    const int64_t root_half = 0x3fe6a09e667f3bcd; /* the bits of sqrt(1/2): m lies in [sqrt(1/2), sqrt(2)) */
    vdi bits = vd_bits(x), off = bits - root_half, exponent = off >> 52;
    vd k = vd_of_bits(exponent + (int64_t)0x4338000000000000) - DOUBLE_MAGIC;
    vd m = vd_of_bits(bits - (off & (int64_t)0xfff0000000000000)), d = m - 1, one_more = 1 + m;
    vd both = vd_reciprocal_u15(m * one_more), s = d * (m * both), z = s * s, z2 = z * z;
    *inverse = one_more * both * vd_of_bits(((1023 - exponent) & 0x7ff) << 52);
    vd p = (0x1.5555555555558p-1 + z * 0x1.99999999952d7p-2)
           + z2 * (0x1.2492492df281ap-2 + z * 0x1.c71c62e3f11e6p-3);
    p = p + z2 * z2 * ((0x1.7462b51cb66b1p-3 + z * 0x1.39fe51a7c18f9p-3) + z2 * 0x1.2b5900de53b32p-3);
    vd half = 0.5 * d * d;
    return k * LOG2_HIGH - ((half - (s * (half + z * p) + k * LOG2_LOW)) - d);
}

KERNEL vmd is_normal(vd x) {
    return vmd_and(x >= vd_set(0x1p-1022), x < vd_set(HUGE_VAL));
}

/* What log_of_normal(|x|) left in y and *inverse, put right where x is not normal. */
KERNEL vd log_repaired(vd x, vd y, vd *inverse) {
    vmd normal = is_normal(x);
    vd unused, other = log_of_normal(vd_abs(x) * 0x1p54, &unused) - 54 * 0.6931471805599453; /* subnormal */
    other = vd_select(x > vd_set(0), other, vd_set((double)NAN));
    other = vd_select(x == vd_set(0), vd_set(-HUGE_VAL), other);
    other = vd_select(x == vd_set(HUGE_VAL), x, other);
    *inverse = vd_select(normal, *inverse, 1 / x);
    return vd_select(normal, y, other);
}

/* log(x), and 1 / x within 3.5 units where x is no more than 2^1022; NaN below 0. */
KERNEL vd vd_log_inverse_u10(vd x, vd *inverse) {
    vd y = log_of_normal(vd_abs(x), inverse); /* a negative number's bits would overflow in there */
    return vmd_any(vmd_not(is_normal(x))) ? log_repaired(x, y, inverse) : y;
}

/* The same of n numbers: one look at all of them leaves the processor several logarithms to work on at a time. */
KERNEL void tile_log_inverse_u10(const int n, const vd *x, vd *y, vd *inverse) {
    vmd normal = is_normal(x[0]);
    for (int i = 0; i < n; ++i) {
        y[i] = log_of_normal(vd_abs(x[i]), &inverse[i]);
        normal = vmd_and(normal, is_normal(x[i]));
    }
    if (!vmd_any(vmd_not(normal))) return;
    for (int i = 0; i < n; ++i) y[i] = log_repaired(x[i], y[i], &inverse[i]);
}

KERNEL vd vd_log_u10(vd x) {
    vd unused;
    return vd_log_inverse_u10(x, &unused);
}

/* log(1 + x) for x in [0, 1], and 1 / (1 + x): with s = x / (2 + x), log(1 + x) = log((1 + s) / (1 - s)), an odd series
   in s <= 1/3. One reciprocal serves both. */
KERNEL vd vd_log1p_unit_u20(vd x, vd *inverse) {
    vd one_more = 1 + x, two_more = 2 + x, both = vd_reciprocal_u15(one_more * two_more);
    vd s = x * one_more * both, z = s * s, z2 = z * z, z4 = z2 * z2;
    *inverse = two_more * both;
    vd low = (0x1.5555555555555p-1 + z * 0x1.999999999a3dfp-2)
             + z2 * (0x1.24924923d422cp-2 + z * 0x1.c71c727164156p-3);
    vd middle = (0x1.745cf0aa6a011p-3 + z * 0x1.3b18b34a260a3p-3)
                + z2 * (0x1.10ac6a3d3e5f6p-3 + z * 0x1.eb913ba3ef69ep-4);
    vd high = 0x1.687604d0c86a1p-4 + z * 0x1.4b0ed4be611b2p-3;
    return x - s * (x - z * (low + z4 * (middle + z4 * high))); /* 2 s is x - s x */
}

#endif
