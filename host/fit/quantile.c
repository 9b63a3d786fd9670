#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>

#define PI 3.141592653589793

/* gamma(a + 1/2) / gamma(a); where a is large by its series, since two logarithms would cancel. */
static double gamma_ratio(double a) {
    int sign; /* lgamma alone would write a global */
    if (a < 100) return exp(lgamma_r(a + 0.5, &sign) - lgamma_r(a, &sign));
    double u = 1 / a;
    return sqrt(a) * (1 + u * (-1.0 / 8 + u * (1.0 / 128 + u * (5.0 / 1024 - u * (21.0 / 32768)))));
}

/* x^a y^b / B(a, b), from the logarithm of x^a y^b. */
static double over_beta(double a, double b, double log_powers) {
    int sign;
    if (a == 0.5 || b == 0.5) return gamma_ratio(a == 0.5 ? b : a) / sqrt(PI) * exp(log_powers);
    return exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + log_powers);
}

/* The regularized incomplete beta function I_x(a, b), by Lentz's continued fraction (Abramowitz and Stegun 26.5.8). y: 1 - x,
   which x alone may not tell. */
static double incomplete_beta(double a, double b, double x, double y) {
    if (x <= 0 || y <= 0) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, y, x);
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), fraction;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    fraction = d;
    for (int m = 1; m < 1000; ++m) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), change = 1;
        for (int half = 0; half < 2; ++half) {
            double term = half ? odd : even;
            d = 1 + term * d, c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            change = c * d;
            fraction *= change;
        }
        if (fabs(change - 1) < 1e-15) break;
    }
    return over_beta(a, b, a * (x < 0.5 ? log(x) : log1p(-y)) + b * (y < 0.5 ? log(y) : log1p(-x))) * fraction
           / a;
}

/* The share of the distribution that lies above t > 0, and its density there. */
static double student_above(double t, double degrees, double *density) {
    if (isinf(degrees)) {
        *density = exp(-0.5 * t * t) / sqrt(2 * PI);
        return 0.5 * erfc(t / sqrt(2));
    }
    *density =
        gamma_ratio(0.5 * degrees) / sqrt(PI * degrees) * exp(-0.5 * (degrees + 1) * log1p(t * t / degrees));
    double x = degrees / (degrees + t * t), y = t * t / (degrees + t * t);
    return 0.5 * incomplete_beta(degrees / 2, 0.5, x, y);
}

/* Newton's method on the logarithm of what lies above, which hardly bends; between bounds that close in. */
double student_quantile(double p, double degrees) {
    if (!(p > 0 && p < 1 && degrees > 0)) return NAN;
    if (p < 0.5) return -student_quantile(1 - p, degrees);
    const double wanted = 1 - p;
    double low = 0, high = INFINITY, t = 1;
    for (int i = 0; i < 2000; ++i) {
        double density, above = student_above(t, degrees, &density);
        if (above > wanted)
            low = t;
        else
            high = t;
        double next = t + above / density * log(above / wanted);
        if (!(next > low && next < high)) next = isinf(high) ? 2 * t : 0.5 * (low + high);
        if (fabs(next - t) <= 1e-15 * t || high - low <= 1e-15 * t || next > 1e150) return next;
        t = next;
    }
    return t;
}

double fisher_above(double f, double of, double degrees) {
    if (!(f >= 0 && of > 0 && degrees > 0)) return f < 0 ? 1 : NAN;
    double share = 1 / (1 + of * f / degrees);
    return incomplete_beta(0.5 * degrees, 0.5 * of, share, of * f / degrees * share);
}

double cluster_widening(size_t n, double confidence) {
    double q = 0.5 + 0.5 * confidence, degrees = (double)n - 1;
    return student_quantile(q, degrees) / student_quantile(q, INFINITY) * sqrt((double)n / degrees);
}

double widened_bound(double quantile, int side, double estimate, double widening, double bound) {
    double at = quantile + side * (widening - 1) * fmax(0, side * (quantile - estimate));
    return isnan(at) ? NAN : side * fmin(side * at, side * bound);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_doubles(double *values, size_t n) {
    qsort(values, n, sizeof *values, ascending);
}

double sorted_quantile(const double *sorted, size_t n, double q) {
    if (n == 0) return NAN;
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n) return sorted[n - 1];
    if (isinf(sorted[below]) || at == (double)below) return sorted[below];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

size_t sorted_below(const double *sorted, size_t n, double limit) {
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (sorted[middle] < limit)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}
