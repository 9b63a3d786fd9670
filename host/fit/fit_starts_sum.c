/* Starts of laws that are sums of exponentials, or powers of such sums: their rates are drawn, and the coefficients follow
   by least squares in which none is negative (variable projection, Golub and Pereyra 1973). */
#include "fit_starts.h"

#include <math.h>

enum { MOST_TERMS = ALLOMETER_MAX_LAW_COLUMNS + 1 };

/* y^(1/power) = constant + sum over columns of coefficient * exp(-rate * (x - from)), of which the last is at most 1. */
struct exponential_sum {
    int n; /* columns */
    double rates[ALLOMETER_MAX_LAW_COLUMNS];
    double power;
    double constant;                          /* NaN: to be found */
    double scales[ALLOMETER_MAX_LAW_COLUMNS]; /* found: log(coefficient * exp(rate * from)) */
};

/* The smallest distance of a value of column c to the column's lowest, or, where the term rises, highest. */
static double least_gap(const struct group_points *points, int c, int rises) {
    double end = rises ? points->x_high[c] : points->x_low[c], least = points->x_high[c] - points->x_low[c];
    for (size_t i = 0; i < points->n; ++i) {
        double gap = fabs(points->columns[c][i] - end);
        if (gap > 0) least = fmin(least, gap);
    }
    return least;
}

/* From terms that are all but straight to such as vanish from the first point to the second, or, of a logarithm, within a
   twentieth of its span; of those that may, one in six rises. */
static double draw_rate(const struct group_points *points, int c, int may_rise, double u) {
    double span = points->x_high[c] - points->x_low[c], reach = span / 2;
    int rises = may_rise && u > 5.0 / 6;
    if (!(span > 0)) return u;
    if (may_rise) u = rises ? 6 * u - 5 : 1.2 * u;
    if (points->work->fits->law->form != ALLOMETER_COLUMNS_LOG) reach = least_gap(points, c, rises);
    double rate = 0.1 / span * pow(100 * span / reach, u);
    return rises ? -rate : rate;
}

/* The m coefficients s that minimize s' a s - 2 b' s, none negative but the last where it is free: of all choices of some
   that are not 0 the best. */
static void solve_nonnegative(const double *a, const double *b, int m, int last_is_free, double *s) {
    double least = 0;
    for (int i = 0; i < m; ++i) s[i] = 0;
    for (int choice = 1; choice < 1 << m; ++choice) {
        double part[MOST_TERMS * MOST_TERMS], found[MOST_TERMS], cost = 0;
        int chosen[MOST_TERMS], n = 0, is_valid = 1;
        for (int i = 0; i < m; ++i) {
            if (choice >> i & 1) chosen[n++] = i;
        }
        for (int i = 0; i < n; ++i) {
            found[i] = b[chosen[i]];
            for (int j = 0; j < n; ++j) part[i * n + j] = a[chosen[i] * m + chosen[j]];
        }
        fit_solve_normal(part, found, n);
        for (int i = 0; i < n; ++i) {
            cost -= b[chosen[i]] * found[i];
            is_valid &= found[i] >= 0 || (last_is_free && chosen[i] == m - 1);
        }
        if (!is_valid || !(cost < least)) continue;
        least = cost;
        for (int i = 0; i < m; ++i) s[i] = 0;
        for (int i = 0; i < n; ++i) s[chosen[i]] = found[i];
    }
}

/* Finds the coefficients, and the constant unless it is known. An error of y weighs as much as it does in the objective. */
static void solve_sum(const struct group_points *points, struct exponential_sum *sum) {
    int n = sum->n, has_constant = isnan(sum->constant), m = n + has_constant, is_power = sum->power != 1;
    double a[MOST_TERMS * MOST_TERMS] = {0}, b[MOST_TERMS] = {0}, s[MOST_TERMS], from[MOST_TERMS], most = 0;
    double unit = fmax(fabs(points->y_low), fabs(points->y_high));
    for (int c = 0; c < n; ++c) from[c] = sum->rates[c] > 0 ? points->x_low[c] : points->x_high[c];
    for (size_t i = 0; i < points->n; ++i) {
        double y = points->y[i], row[MOST_TERMS] = {0}, target = y - (has_constant ? 0 : sum->constant),
               scale = 1;
        double weight = fit_weight(points->work, points->first + i) / (points->on_logs ? y * y : 1);
        if (is_power) scale = pow(y / unit, -1 / sum->power), target = 1, weight *= y * y;
        row[n] = scale;
        double size = weight * target * target;
        for (int c = 0; c < n; ++c) row[c] = scale * exp(-sum->rates[c] * (points->columns[c][i] - from[c]));
        for (int j = 0; j < m; ++j) size += weight * row[j] * row[j];
        if (!isfinite(size)) continue;
        most = fmax(most, fabs(target));
        for (int j = 0; j < m; ++j) {
            b[j] += weight * row[j] * target;
            for (int k = 0; k < m; ++k) a[j * m + k] += weight * row[j] * row[k];
        }
    }
    solve_nonnegative(a, b, m, has_constant && points->y_low < 0, s);
    for (int c = 0; c < n; ++c) /* a logarithm: of what has no effect yet, but may get one */
        sum->scales[c] =
            log(fmax(s[c], 1e-6 * most)) + sum->rates[c] * from[c] + (is_power ? log(unit) / sum->power : 0);
    if (has_constant) sum->constant = s[n];
}

void start_sum(const struct group_points *points, int index, double *start) {
    struct exponential_sum sum = {.n = points->work->n_columns, .power = 1, .constant = NAN};
    int n = sum.n, is_known = points->lower[0] == points->upper[0] || !isnan(points->work->wanted[0]);
    for (int c = 0; c < n; ++c) {
        start[1 + n + c] = settled(points, 1 + n + c, draw_rate(points, c, 1, even_draw(points, index, c)));
        sum.rates[c] = start[1 + n + c];
    }
    if (is_known) sum.constant = settled(points, 0, 0);
    solve_sum(points, &sum);
    start[0] = sum.constant;
    for (int c = 0; c < n; ++c) start[1 + c] = sum.scales[c];
}

/* y^(1/alpha_D) = (N_c/N)^(alpha_N/alpha_D) + D_c/D */
void start_kaplan(const struct group_points *points, int index, double *start) {
    start[3] = settled(points, 3, log(draw_rate(points, 1, 0, even_draw(points, index, 0))));
    start[2] = settled(points, 2, start[3] + log(draw_rate(points, 0, 0, even_draw(points, index, 1))));
    double ratio = exp(start[2] - start[3]);
    struct exponential_sum sum = {.n = 2, .rates = {ratio, 1}, .power = exp(start[3])};
    solve_sum(points, &sum);
    start[0] = sum.scales[0] / ratio;
    start[1] = sum.scales[1];
}
