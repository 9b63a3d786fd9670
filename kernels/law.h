/* The scaling laws over lanes: one function for each row of law_table.h.

     vd law_NAME(const vd *t, const vd *x, vd *d)

   t: P parameters in the solver's coordinates (logarithms of the positive ones); x: the independent variables, in
   the form that the row asks for; d: filled with the P derivatives of the value by t. The forms are such that
   nothing overflows where the value itself does not. */
#ifndef ALLOMETER_LAW_H
#define ALLOMETER_LAW_H

#include "lane_double.h"
#include "law_table.h"

/* log(1 + exp(u)), and its derivative 1 / (1 + exp(-u)). */
KERNEL vd softplus(vd u, vd *slope) {
    vd e = vd_exp_u10(-vd_abs(u)), inverse, log_sum = vd_log1p_unit_u20(e, &inverse);
    *slope = vd_select(u < vd_set(0), e, vd_set(1)) * inverse;
    return vd_max(u, vd_set(0)) + log_sum;
}

KERNEL vd law_power(const vd *t, const vd *x, vd *d) {
    vd y = vd_exp_u10(t[0] - t[1] * x[0]);
    d[0] = y;
    d[1] = -x[0] * y;
    return y;
}

KERNEL vd law_power_offset(const vd *t, const vd *x, vd *d) {
    vd term = vd_exp_u10(t[1] - t[2] * x[0]);
    d[0] = vd_set(1);
    d[1] = term;
    d[2] = -x[0] * term;
    return t[0] + term;
}

KERNEL vd law_exponential(const vd *t, const vd *x, vd *d) {
    return law_power_offset(t, x, d); /* x in place of log x */
}

KERNEL vd law_logarithmic(const vd *t, const vd *x, vd *d) {
    d[0] = vd_set(1);
    d[1] = -x[0];
    return t[0] - t[1] * x[0];
}

KERNEL vd law_m3(const vd *t, const vd *x, vd *d) {
    vd share; /* of gamma in 1/x + gamma */
    vd log_sum = softplus(t[1] + x[0], &share) - x[0];
    vd y = vd_exp_u10(t[0] + t[2] * log_sum);
    d[0] = y;
    d[1] = y * t[2] * share;
    d[2] = y * log_sum;
    return y;
}

/* With y = e_inf + s * range, range = e_0 - e_inf, the share s in (0, 1) solves
     log s - alpha log(1 - s) = v,   v = log beta - c log x - (1 - alpha) log range,
   by Newton's method in q = log(s / (1 - s)), in which the left side is convex (or concave) with a slope between 1
   and alpha: the steps converge from any start, from one side after the first, and each lane stops at its own end. */
KERNEL vd law_m4(const vd *t, const vd *x, vd *d) {
    vd one = vd_set(1), alpha = vd_exp_u10(t[2]);
    vd range = t[1] - t[0], log_range = vd_log_u10(range);
    vd v = t[3] - t[4] * x[0] - (one - alpha) * log_range;
    /* for s near 0 the equation is q = v, for s near 1 it is alpha q = v */
    vd q = vd_select(v < vd_set(0), v, v / alpha), s, rest;
    vmd moving = one <= one;
    for (int step = 0; step < 12 && vmd_any(moving); ++step) {
        /* log s = -softplus(-q), log(1 - s) = -softplus(q) = log s - q */
        vd log_s = -softplus(-q, &rest);
        s = one - rest;
        vd change = (log_s - alpha * (log_s - q) - v) / (rest + alpha * s);
        q = vd_select(moving, q - change, q);
        moving = vmd_and(moving, vd_abs(change) > vd_set(1e-8) * (one + vd_abs(q))); /* errors are squared */
    }
    vd log_rest = -softplus(q, &s); /* log(1 - s) */
    softplus(-q, &rest);
    vd slope = range * s * rest / (rest + alpha * s); /* dy/dv */
    vd dv_drange = (alpha - one) / range;
    d[0] = rest - slope * dv_drange;
    d[1] = s + slope * dv_drange;
    d[2] = slope * alpha * (log_range + log_rest);
    d[3] = slope;
    d[4] = -slope * x[0];
    return t[0] + range * s;
}

KERNEL vd law_resource(const vd *t, const vd *x, vd *d) {
    d[0] = vd_exp_u10(t[0] - x[0]);
    return d[0];
}

/* a + exp(log b - c0 log x - sum_i c_i f_i softplus((log x - log d_i) / f_i)) */
KERNEL vd bnsl(int n_breaks, const vd *t, const vd *x, vd *d) {
    vd exponent = t[1] - t[2] * x[0];
    UNROLL for (int i = 1; i <= n_breaks; ++i) {
        vd c = t[3 * i], f = vd_exp_u10(t[3 * i + 2]), slope;
        vd u = (x[0] - t[3 * i + 1]) * vd_exp_u10(-t[3 * i + 2]);
        vd bend = f * softplus(u, &slope);
        exponent = exponent - c * bend;
        d[3 * i] = -bend;
        d[3 * i + 1] = c * slope;
        d[3 * i + 2] = c * (f * u * slope - bend);
    }
    vd term = vd_exp_u10(exponent);
    d[0] = vd_set(1);
    d[1] = term;
    d[2] = -x[0] * term;
    UNROLL for (int p = 3; p < 3 + 3 * n_breaks; ++p) d[p] = d[p] * term;
    return t[0] + term;
}

#define BNSL_FUNCTION(n)                                      \
    KERNEL vd law_bnsl_##n(const vd *t, const vd *x, vd *d) { \
        return bnsl(n, t, x, d);                              \
    }
BNSL_FUNCTION(0)
BNSL_FUNCTION(1)
BNSL_FUNCTION(2)
BNSL_FUNCTION(3)
BNSL_FUNCTION(4)
BNSL_FUNCTION(5)
BNSL_FUNCTION(6)
#undef BNSL_FUNCTION

KERNEL vd law_chinchilla(const vd *t, const vd *x, vd *d) {
    vd of_size = vd_exp_u10(t[1] - t[3] * x[0]), of_data = vd_exp_u10(t[2] - t[4] * x[1]);
    d[0] = vd_set(1);
    d[1] = of_size;
    d[2] = of_data;
    d[3] = -x[0] * of_size;
    d[4] = -x[1] * of_data;
    return t[0] + of_size + of_data;
}

KERNEL vd law_kaplan(const vd *t, const vd *x, vd *d) {
    vd alpha_n = vd_exp_u10(t[2]), alpha_d = vd_exp_u10(t[3]), ratio = alpha_n / alpha_d;
    vd of_size = ratio * (t[0] - x[0]), of_data = t[1] - x[1], share; /* share of the size in the sum */
    vd log_sum = of_data + softplus(of_size - of_data, &share);
    vd y = vd_exp_u10(alpha_d * log_sum);
    d[0] = y * alpha_n * share;
    d[1] = y * alpha_d * (vd_set(1) - share);
    d[2] = y * alpha_d * share * of_size;
    d[3] = y * alpha_d * (log_sum - share * of_size);
    return y;
}

#endif
