/* The spans of every group: all of its points, and those up to each of some x, to see how well the others follow. */
#include "fit_average.h"

#include <math.h>
#include <stdlib.h>

enum {
    FEWEST_BEFORE_CUT = 4,
    FEWEST_POINTS = 3, /* of a span: what is known before does for the rest */
};
#define RECENCY 0.3 /* a point weighs as x to this power: laws bend, and the end is what goes on */
static const double cut_shares[N_CUTS] = {0.7, 0.5, 0.25}; /* of the largest x */

static int by_x_and_y(const void *a, const void *b) {
    const struct average_point *p = a, *q = b;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    if (p->y != q->y) return p->y < q->y ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

/* Fitted points in order of x. A row that says again what another said counts once, unless rows have weights or
   clusters. */
static size_t sort_points(struct allometer_fits *spans, const struct allometer_fit_group *whole,
                          int all_count, struct average_point *points) {
    size_t n = 0, kept = 0;
    for (size_t i = whole->first_row; i < whole->first_row + whole->n_rows; ++i) {
        double x = spans->x[0][i], y = spans->y[i];
        if (spans->train[i] && isfinite(x) && isfinite(y) && x > 0 && y > 0)
            points[n++] = (struct average_point){log(x), log(y), i};
    }
    qsort(points, n, sizeof *points, by_x_and_y);
    for (size_t i = 0; i < n; ++i) {
        int again = kept && points[kept - 1].x == points[i].x && points[kept - 1].y == points[i].y;
        if (again && !all_count)
            spans->train[points[i].row] = 0;
        else
            points[kept++] = points[i];
    }
    return kept;
}

/* The largest log x of a span: that share of the largest of all, or what leaves enough points. */
static double cut_at(const struct average_point *points, size_t n, double share) {
    size_t before = 0, least = n < FEWEST_BEFORE_CUT + 1 ? n - 1 : FEWEST_BEFORE_CUT;
    double at = log(share) + points[n - 1].x + 1e-9;
    while (before < n && points[before].x <= at) ++before;
    if (before >= least) return at;
    return points[(size_t)(0.6 * (double)n) > least ? (size_t)(0.6 * (double)n) - 1 : least - 1].x;
}

/* Marks the points of span s up to log x = at, and weighs them by how many lie around each; scratch: n. */
static void make_span(struct average *average, size_t g, size_t s, double at,
                      const struct average_point *points, size_t n, double *scratch) {
    struct allometer_fits *spans = &average->spans;
    size_t first = spans->groups[g * N_SPANS].first_row, rows = spans->groups[g * N_SPANS].n_rows, kept = 0;
    for (size_t i = 0; i < rows; ++i) {
        size_t row = first + s * rows + i;
        spans->train[row] = spans->train[first + i] && !(log(spans->x[0][row]) > at);
        average->alone[row] = 1;
    }
    while (kept < n && points[kept].x <= at) ++kept;
    average_crowd(points, kept, scratch);
    for (size_t i = 0; i < kept; ++i) average->alone[points[i].row + s * rows] = 1 / scratch[i];
}

static int allocate_spans(struct average *average) {
    const struct allometer_fits *fits = average->fits;
    struct allometer_fits *spans = &average->spans;
    size_t n = fits->n_rows * N_SPANS, most = 0;
    *spans = (struct allometer_fits){.table = fits->table, .options = fits->options};
    spans->n_groups = fits->n_groups * N_SPANS, spans->n_rows = n;
    spans->groups = fit_allocate(&average->memory, spans->n_groups, sizeof *spans->groups);
    spans->rows = fit_allocate(&average->memory, n, sizeof *spans->rows);
    spans->x[0] = fit_allocate(&average->memory, n, sizeof(double));
    spans->y = fit_allocate(&average->memory, n, sizeof(double));
    spans->train = fit_allocate(&average->memory, n, 1);
    average->noise = fit_allocate(&average->memory, fits->n_groups, sizeof(double));
    average->share = fit_allocate(&average->memory, fits->n_groups, sizeof(double));
    average->drift = fit_allocate(&average->memory, fits->n_groups, sizeof(double));
    average->mean_weight = fit_allocate(&average->memory, fits->n_groups, sizeof(double));
    average->x_low = fit_allocate(&average->memory, fits->n_groups, sizeof(double));
    average->x_high = fit_allocate(&average->memory, fits->n_groups, sizeof(double));
    average->status = fit_allocate(&average->memory, spans->n_groups, sizeof *average->status);
    average->alone = fit_allocate(&average->memory, n, sizeof(double));
    for (size_t g = 0; g < fits->n_groups; ++g)
        most = most < fits->groups[g].n_rows ? fits->groups[g].n_rows : most;
    average->points = fit_allocate(&average->memory, most, sizeof *average->points);
    average->scratch = fit_allocate(&average->memory, most * (ALLOMETER_MAX_PARAMETERS + 1), sizeof(double));
    return spans->groups && spans->rows && spans->x[0] && spans->y && spans->train && average->noise
           && average->share && average->drift && average->mean_weight && average->x_low && average->x_high
           && average->alone && average->status && average->points && average->scratch;
}

/* Later points weigh more, and a region of log x as much as another, however many points crowd there; the weights of a span
   add up to the number of its points. */
static void set_weights(struct average *average) {
    struct fit_work *work = &average->work;
    for (size_t span = 0; span < work->fits->n_groups; ++span) {
        size_t n = work->fits->groups[span].n_train;
        if (work->fits->groups[span].status != FIT_PENDING) continue;
        size_t first = fit_first_point(work, span);
        double sum = 0, unweighted = 0, last = -INFINITY;
        for (size_t i = first; i < first + n; ++i) last = fmax(last, work->columns[0][i]);
        for (size_t i = first; i < first + n; ++i) {
            double place = exp(RECENCY * (work->columns[0][i] - last)) * average->alone[work->point_rows[i]];
            work->weight[i] = (work->fits->options.weight ? work->weight[i] : 1) * place;
            sum += work->weight[i], unweighted += place;
        }
        if (span % N_SPANS == 0) average->mean_weight[span / N_SPANS] = sum / unweighted;
        for (size_t i = first; i < first + n && sum > 0; ++i) work->weight[i] *= (double)n / sum;
    }
}

/* The points of all spans, as every candidate reads them: all take the logarithm of x. */
static enum allometer_code collect_points(struct average *average, struct allometer_error *error) {
    struct allometer_fits *spans = &average->spans;
    spans->law = average->candidates[0].law;
    average->work = (struct fit_work){.fits = spans, .n_columns = 1, .fewest_points = FEWEST_POINTS};
    for (size_t span = 0; span < spans->n_groups; ++span) spans->groups[span].status = FIT_PENDING;
    enum allometer_code code = fit_collect_points(&average->work, error);
    if (code != ALLOMETER_OK) return code;
    for (size_t span = 0; span < spans->n_groups; ++span) average->status[span] = spans->groups[span].status;
    if (!average->work.weight)
        average->work.weight = fit_allocate(&average->work.memory, spans->n_rows, sizeof(double));
    if (!average->work.weight)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu points", spans->n_rows);
    set_weights(average);
    return ALLOMETER_OK;
}

enum allometer_code average_make_spans(struct average *average, struct allometer_error *error) {
    const struct allometer_fits *fits = average->fits;
    struct allometer_fits *spans = &average->spans;
    if (!allocate_spans(average))
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for the spans of %zu groups",
                              fits->n_groups);
    struct average_point *points = average->points;
    double *scratch = average->scratch;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        size_t rows = group->n_rows, first = group->first_row * N_SPANS;
        for (size_t s = 0; s < N_SPANS; ++s) {
            struct allometer_fit_group *span = &spans->groups[g * N_SPANS + s];
            *span = (struct allometer_fit_group){
                .key = group->key, .first_row = first + s * rows, .n_rows = rows};
            for (size_t i = 0; i < rows; ++i) {
                size_t from = group->first_row + i, to = span->first_row + i;
                spans->rows[to] = fits->rows[from], spans->x[0][to] = fits->x[0][from];
                spans->y[to] = fits->y[from], spans->train[to] = fits->train[from];
            }
        }
        size_t n = sort_points(spans, &spans->groups[g * N_SPANS],
                               fits->options.weight || fits->options.cluster, points);
        average->noise[g] = average_noise(points, n, scratch);
        if (n) average->x_low[g] = exp(points[0].x), average->x_high[g] = exp(points[n - 1].x);
        for (size_t s = 0; s < N_SPANS; ++s) {
            double at = s && n > 1 ? cut_at(points, n, cut_shares[s - 1]) : INFINITY;
            make_span(average, g, s, at, points, n, scratch);
        }
    }
    return collect_points(average, error);
}
