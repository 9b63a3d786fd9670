#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>

/* The regularized incomplete beta function I_x(a, b), by Lentz's continued fraction (Abramowitz and Stegun 26.5.8). */
static double incomplete_beta(double a, double b, double x) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
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
    int sign; /* lgamma alone would write a global */
    return exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * log(x) + b * log1p(-x))
           * fraction / a;
}

static double student_below(double t, double degrees) {
    double tail = 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
    return t > 0 ? 1 - tail : tail;
}

double student_quantile(double p, double degrees) {
    if (!(p > 0 && p < 1 && degrees > 0)) return NAN;
    if (p < 0.5) return -student_quantile(1 - p, degrees);
    double low = 0, high = 1;
    while (student_below(high, degrees) < p && high < 1e150) high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
        double middle = 0.5 * (low + high);
        if (student_below(middle, degrees) < p)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
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
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}
