/* What the points of a group are before any law: how they scatter, how far their errors go together, where they crowd. */
#include "fit_average.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_SHARE 0.3 /* of the scatter around lines: what is taken for it at least */
enum {
    FEWEST_FOR_SHARE = 12, /* points: of fewer, errors count as independent */
    EVERY_LAG = 256,       /* up to this lag every one is looked at */
    REGIONS = 12,          /* of the range of log x: points that are nearer than that are one crowd */
};
#define LEAST_CORRELATION \
    0.05 /* of errors so far apart; below it they, and all farther ones, are independent */

/* How far point i lies from the parabola through the three around it, over the factor by which independent errors of
   the four grow; NaN where two x are the same. */
static double off_parabola(const struct average_point *p) {
    const double at = p[1].x;
    double off = p[1].y, growth = 1;
    static const int others[] = {0, 2, 3};
    for (int a = 0; a < 3; ++a) {
        double share = 1, from = p[others[a]].x;
        for (int b = 0; b < 3; ++b) {
            if (a != b) share *= (at - p[others[b]].x) / (from - p[others[b]].x);
        }
        off -= share * p[others[a]].y, growth += share * share;
    }
    return fabs(off) / sqrt(growth);
}

/* The same for the line through the two neighbors. */
static double off_line(const struct average_point *p) {
    double span = p[2].x - p[0].x, share = span > 0 ? (p[1].x - p[0].x) / span : 0.5, rest = 1 - share;
    double off = p[1].y - rest * p[0].y - share * p[2].y;
    return fabs(off) / sqrt(1 + share * share + rest * rest);
}

/* The scatter of log y, from how far points lie from their neighbors: the root mean square off lines, or where laws bend
   much, the median off parabolas, which few points at a sharp break do not change. Half of it, so that what is known
   before never outweighs the points. */
double average_noise(const struct average_point *points, size_t n, double *scratch) {
    double sum = 0, line, bent;
    size_t n_bent = 0;
    if (n < 4) return 5e-3;
    for (size_t i = 0; i + 2 < n; ++i) sum += off_line(points + i) * off_line(points + i);
    for (size_t i = 0; i + 3 < n; ++i) {
        double off = off_parabola(points + i);
        if (isfinite(off)) scratch[n_bent++] = off;
    }
    sort_doubles(scratch, n_bent);
    line = sqrt(sum / (double)(n - 2));
    bent = n_bent ? sorted_quantile(scratch, n_bent, 0.5) / 0.6745 : line;
    return fmax(1e-7, 0.5 * fmin(line, fmax(bent, LEAST_SHARE * line)));
}

static int by_x(const void *a, const void *b) {
    const struct average_point *p = a, *q = b;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

/* Far lags are taken ever farther apart, and stand for those between: beside each other they differ by next to nothing. */
static size_t next_lag(size_t lag) {
    return lag + 1 + (lag > EVERY_LAG ? lag / 32 : 0);
}

double average_share(struct average_point *errors, size_t n, double n_used) {
    double square = 0, sum = 1;
    if (n < FEWEST_FOR_SHARE) return 1;
    qsort(errors, n, sizeof *errors, by_x);
    for (size_t i = 0; i < n; ++i) square += errors[i].y * errors[i].y;
    for (size_t lag = 1; lag < n / 3 && square > 0; lag = next_lag(lag)) {
        double product = 0;
        for (size_t i = 0; i + lag < n; ++i) product += errors[i].y * errors[i + lag].y;
        /* what fits n_used parameters looks less correlated than it is, by up to n_used / n: half of it is put back */
        double correlation = (product / square * (double)n / (double)(n - lag)) + 0.5 * n_used / (double)n;
        if (!(correlation >= LEAST_CORRELATION)) break;
        sum += 2 * correlation * (double)(next_lag(lag) - lag);
    }
    return 1 / sum;
}

/* The variance of a sum of all errors, which those of the clusters tell, over what it would be were they independent. That
   the law has taken the mean out is put back: of U clusters it is one U-th. */
double average_cluster_share(const struct average_point *errors, const int64_t *units, size_t n_units) {
    double square = 0, squared_sums = 0;
    if (n_units < 2) return 1;
    for (size_t u = 0; u < n_units; ++u) {
        double sum = 0;
        for (int64_t i = units[u] - units[0]; i < units[u + 1] - units[0]; ++i)
            sum += errors[i].y, square += errors[i].y * errors[i].y;
        squared_sums += sum * sum * (double)n_units / (double)(n_units - 1);
    }
    return squared_sums > square ? square / squared_sums : 1;
}

/* Running sums over the points before, then over those behind. */
void average_crowd(const struct average_point *points, size_t n, double *crowd) {
    double reach = n ? (points[n - 1].x - points[0].x) / REGIONS : 0;
    for (size_t i = 0; i < n; ++i) crowd[i] = 1;
    for (int way = 0; way < 2 && reach > 0; ++way) {
        double sum = 0; /* of distances from the first point, over those within reach */
        for (size_t i = 0, begin = 0; i < n; ++i) {
            const struct average_point *end = way ? &points[n - 1] : points;
            double at = fabs(points[way ? n - 1 - i : i].x - end->x);
            for (; begin < i; ++begin) {
                double gone = fabs(points[way ? n - 1 - begin : begin].x - end->x);
                if (at - gone < reach) break;
                sum -= gone;
            }
            double number = (double)(i - begin);
            crowd[way ? n - 1 - i : i] += fmax(0, number - (number * at - sum) / reach);
            sum += at;
        }
    }
}
