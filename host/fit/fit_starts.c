/* Where a fit begins. Most laws are, but for a few parameters, linear in logarithms: those few are drawn from ranges that
   the data give, by a low-discrepancy sequence, and the others follow by linear least squares. */
#include "fit_starts.h"

#include <math.h>
#include <string.h>

struct fit_sequence fit_sequence_of(int d) {
    struct fit_sequence sequence;
    double r = 2;
    for (int i = 0; i < 40; ++i) r = pow(1 + r, 1.0 / (d + 1));
    for (int j = 0; j < 2 * ALLOMETER_MAX_PARAMETERS; ++j) sequence.step[j] = pow(r, -(j + 1));
    return sequence;
}

double fit_sequence_draw(const struct fit_sequence *sequence, int index, int j) {
    double at = 0.5 + index * sequence->step[j];
    return at - floor(at);
}

static int is_drawn(enum allometer_role role) {
    return role != ALLOMETER_ROLE_SCALE && role != ALLOMETER_ROLE_EXPONENT;
}

static double draw(const struct group_points *points, enum allometer_role role, int index, int j) {
    double span = points->x_high[0] - points->x_low[0], range = points->y_high - points->y_low;
    double u = even_draw(points, index, j);
    switch (role) {
    case ALLOMETER_ROLE_ASYMPTOTE: /* some of noisy points lie below it */
        if (index >= points->n_below) return sorted_quantile(points->sorted, points->n, 0.5 * u);
        return points->y_low > 0 ? 0.999 * u * points->y_low : points->y_low - range * u;
    case ALLOMETER_ROLE_CEILING:
        return points->y_high + range * pow(10, 3 * u - 2);
    case ALLOMETER_ROLE_LEVEL:
        return points->y_low + u * range;
    case ALLOMETER_ROLE_POSITION:
        return points->x_low[0] + u * span;
    case ALLOMETER_ROLE_INVERSE:
        return -points->x_high[0] - 2 + u * (span + 2);
    case ALLOMETER_ROLE_WIDTH:
        return log(0.01) + u * log(100 * fmax(0.1, span / 3));
    case ALLOMETER_ROLE_SHAPE:
        return log(0.05) + u * log(40);
    default:
        return 0;
    }
}

void fit_solve_normal(double *a, double *b, int m) {
    for (int j = 0; j < m; ++j) a[j * m + j] = a[j * m + j] > 0 ? a[j * m + j] * (1 + 1e-9) : 1;
    for (int j = 0; j < m; ++j) {
        for (int k = j + 1; k < m; ++k) {
            double factor = a[k * m + j] / a[j * m + j];
            for (int i = j; i < m; ++i) a[k * m + i] -= factor * a[j * m + i];
            b[k] -= factor * b[j];
        }
    }
    for (int j = m - 1; j >= 0; --j) {
        for (int k = j + 1; k < m; ++k) b[j] -= a[j * m + k] * b[k];
        b[j] /= a[j * m + j];
    }
}

/* The law without its asymptote is exp(sum of linear parameters times their derivatives): draws the others, then takes
   those that fit log(y - asymptote) best. An error of y weighs as much as it does in the objective. */
static void start_log_linear(const struct group_points *points, int index, double *start) {
    const struct allometer_law *law = points->work->fits->law;
    int P = law->n_parameters, m = 0, scale = 0, linear[ALLOMETER_MAX_PARAMETERS];
    double *values = points->scratch, *derivatives = values + points->n, asymptote = 0;
    double a[ALLOMETER_MAX_PARAMETERS * ALLOMETER_MAX_PARAMETERS] = {0}, b[ALLOMETER_MAX_PARAMETERS] = {0};
    for (int p = 0, j = 0; p < P; ++p) {
        enum allometer_role role = law->parameters[p].role;
        start[p] = is_drawn(role) ? draw(points, role, index, j++) : 0;
        start[p] = settled(points, p, start[p]);
        if (!is_drawn(role) && points->lower[p] < points->upper[p] && isnan(points->work->wanted[p]))
            linear[m++] = p;
        if (role == ALLOMETER_ROLE_ASYMPTOTE) asymptote = start[p];
        if (role == ALLOMETER_ROLE_SCALE) scale = p;
    }
    allometer_law_evaluate_formed(law, start, points->columns, points->n, values, derivatives);
    for (size_t i = 0; i < points->n; ++i) {
        double y = points->y[i], above = y - asymptote, least = 1e-3 * (points->y_high - points->y_low);
        if (!(above > least)) above = least > 0 ? least : 1e-300;
        const double *d = derivatives + i * (size_t)P;
        /* the same, but where y is so large that the difference would be rounding */
        double term = fabs(asymptote) < 1e12 ? values[i] - asymptote : d[scale];
        double error = log(above) - log(term), row[ALLOMETER_MAX_PARAMETERS];
        double weight = above / (points->on_logs ? y : points->y_high != 0 ? points->y_high : points->y_low);
        if (!isfinite(error) || !isfinite(weight)) continue;
        for (int j = 0; j < m; ++j) row[j] = d[linear[j]] / term;
        for (int j = 0; j < m; ++j) {
            b[j] += weight * weight * row[j] * error;
            for (int k = 0; k < m; ++k) a[j * m + k] += weight * weight * row[j] * row[k];
        }
    }
    fit_solve_normal(a, b, m);
    for (int j = 0; j < m; ++j) {
        int p = linear[j];
        if (isfinite(b[j])) start[p] = fit_within(start[p] + b[j], points->lower[p], points->upper[p]);
    }
}

/* log(y - e_inf) - alpha log(e_0 - y) = log beta - c log x: a line, once e_inf, e_0 and alpha are drawn. */
static void start_m4(const struct group_points *points, int index, double *start) {
    static const enum allometer_role roles[] = {ALLOMETER_ROLE_ASYMPTOTE, ALLOMETER_ROLE_CEILING,
                                                ALLOMETER_ROLE_SHAPE};
    double a[4] = {0}, b[2] = {0};
    for (int p = 0; p < 3; ++p) start[p] = settled(points, p, draw(points, roles[p], index, p));
    double alpha = exp(start[2]);
    for (size_t i = 0; i < points->n; ++i) {
        double y = points->y[i], above = y - start[0], below = start[1] - y;
        double weight = 1 / (1 / above + alpha / below) / (points->on_logs ? y : 1);
        double error = log(above) - alpha * log(below), row[2] = {1, -points->columns[0][i]};
        if (!(above > 0 && below > 0)) continue;
        for (int j = 0; j < 2; ++j) {
            b[j] += weight * weight * row[j] * error;
            for (int k = 0; k < 2; ++k) a[j * 2 + k] += weight * weight * row[j] * row[k];
        }
    }
    fit_solve_normal(a, b, 2);
    for (int j = 0; j < 2; ++j) start[3 + j] = b[j];
}

static void start_logarithmic(const struct group_points *points, int index, double *start) {
    (void)index;
    start[1] = settled(points, 1, 0); /* a logarithm of the law needs it above 0 at all points */
    start[0] = 0.5 * (points->y_low + points->y_high)
               + fmax(start[1] * points->x_low[0], start[1] * points->x_high[0]);
}

/* Noise makes many minima of a law of several shapes. */
enum { KEPT_STARTS = 16, KEPT_OF_SHAPES = 64 };

static const struct {
    int n;       /* starts */
    int n_kept;  /* starts that go on after a few iterations */
    int n_drawn; /* parameters that are drawn for one; 0: as the law's roles say */
    void (*start)(const struct group_points *points, int index, double *start);
} plans[ALLOMETER_LAW_COUNT] = {
    [ALLOMETER_LAW_power] = {1, 1, 0, start_log_linear},
    [ALLOMETER_LAW_power_offset] = {16, KEPT_STARTS, 0, start_log_linear},
    [ALLOMETER_LAW_exponential] = {96, KEPT_STARTS, 1, start_sum},
    [ALLOMETER_LAW_logarithmic] = {1, 1, 0, start_logarithmic},
    [ALLOMETER_LAW_m3] = {32, KEPT_STARTS, 0, start_log_linear},
    [ALLOMETER_LAW_m4] = {128, KEPT_OF_SHAPES, 3, start_m4},
    [ALLOMETER_LAW_resource] = {1, 1, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_0] = {16, KEPT_STARTS, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_1] = {256, KEPT_OF_SHAPES, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_2] = {512, KEPT_OF_SHAPES, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_3] = {768, KEPT_OF_SHAPES, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_4] = {1024, KEPT_OF_SHAPES, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_5] = {1024, KEPT_OF_SHAPES, 0, start_log_linear},
    [ALLOMETER_LAW_bnsl_6] = {1024, KEPT_OF_SHAPES, 0, start_log_linear},
    [ALLOMETER_LAW_chinchilla] = {192, 128, 2, start_sum},
    [ALLOMETER_LAW_kaplan] = {128, KEPT_OF_SHAPES, 2, start_kaplan},
};

int fit_n_starts(const struct fit_work *work) {
    if (work->fits->law->program) return fit_formula_n_starts(work);
    return plans[work->fits->law->id].n;
}

int fit_n_kept(const struct fit_work *work) {
    return work->fits->law->program ? KEPT_OF_SHAPES : plans[work->fits->law->id].n_kept;
}

int fit_n_starts_of_noise(const struct fit_work *work) {
    const struct allometer_law *law = work->fits->law;
    int n = 0;
    if (law->program || plans[law->id].start == start_sum) return 0; /* which find the asymptote */
    for (int p = 0; p < law->n_parameters; ++p) n += law->parameters[p].role == ALLOMETER_ROLE_ASYMPTOTE;
    return n ? fit_n_starts(work) / 2 : 0;
}

size_t fit_start_scratch(const struct fit_work *work) {
    size_t most = 0;
    for (size_t g = 0; g < work->fits->n_groups; ++g) {
        if (fit_n_points(work, g) > most) most = fit_n_points(work, g);
    }
    return most * (size_t)(work->n_parameters + 3);
}

static int n_drawn_of(const struct allometer_law *law) {
    int n = plans[law->id].n_drawn;
    if (n) return n;
    for (int p = 0; p < law->n_parameters; ++p) n += is_drawn(law->parameters[p].role);
    return n;
}

static struct group_points points_of(const struct fit_work *work, size_t group, double *scratch) {
    size_t first = fit_first_point(work, group), n = fit_n_points(work, group),
           P = (size_t)work->n_parameters;
    struct group_points points = {.work = work,
                                  .first = first,
                                  .n = n,
                                  .y = scratch,
                                  .sorted = scratch + n,
                                  .on_logs = fit_on_logs(work->fits),
                                  .y_low = INFINITY,
                                  .y_high = -INFINITY,
                                  .lower = work->lower + group * P,
                                  .upper = work->upper + group * P,
                                  .n_below = fit_n_starts(work),
                                  .sequence = fit_sequence_of(n_drawn_of(work->fits->law))};
    points.scratch = points.sorted + points.n;
    for (size_t i = 0; i < points.n; ++i) {
        double target = work->target[first + i];
        points.y[i] = points.on_logs ? exp(target) : target;
        points.y_low = fmin(points.y_low, points.y[i]), points.y_high = fmax(points.y_high, points.y[i]);
    }
    memcpy(points.sorted, points.y, points.n * sizeof *points.y);
    sort_doubles(points.sorted, points.n);
    for (int c = 0; c < work->n_columns; ++c) {
        points.columns[c] = work->columns[c] + first;
        points.x_low[c] = INFINITY, points.x_high[c] = -INFINITY;
        for (size_t i = 0; i < points.n; ++i) {
            points.x_low[c] = fmin(points.x_low[c], points.columns[c][i]);
            points.x_high[c] = fmax(points.x_high[c], points.columns[c][i]);
        }
    }
    return points;
}

void fit_starts(const struct fit_work *work, size_t group, double *starts, double *scratch) {
    if (work->fits->law->program) {
        fit_formula_starts(work, group, starts);
        return;
    }
    size_t P = (size_t)work->n_parameters;
    const struct group_points points = points_of(work, group, scratch);
    for (int i = 0; i < work->n_starts; ++i) {
        double *start = starts + (size_t)i * P;
        plans[work->fits->law->id].start(&points, i, start);
        for (size_t p = 0; p < P; ++p) start[p] = settled(&points, (int)p, start[p]);
    }
}
