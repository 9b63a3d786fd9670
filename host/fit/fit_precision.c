/* Standard errors, and the last digits of the parameters. The solver's normal equations square the condition of the
   problem; here the Jacobian itself is factored, in extended precision, a few times for each group. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POLISH_STEPS = 4, ESCAPE_STEPS = 20 };
#define LEAST_CHANGE   1e-12 /* of the law, as a share of it, that is more than rounding */
#define POLISH_PROMISE 1e-6  /* of the cost, at most: Newton's steps only finish what the solver has found */

/* Householder's method on the n x m matrix a, column by column in memory: leaves R in its upper triangle, and the
   same reflections of the column behind it. */
static void factor(long double *a, size_t n, int m) {
    for (int j = 0; j < m && (size_t)j < n; ++j) {
        long double *v = a + (size_t)j * n, norm = 0;
        for (size_t i = (size_t)j; i < n; ++i) norm += v[i] * v[i];
        norm = sqrtl(norm);
        if (norm == 0) continue;
        long double pivot = v[j] > 0 ? -norm : norm, scale;
        v[j] -= pivot;
        scale = 1 / (pivot * v[j]);
        for (int k = j + 1; k <= m; ++k) {
            long double *other = a + (size_t)k * n, dot = 0;
            for (size_t i = (size_t)j; i < n; ++i) dot += v[i] * other[i];
            for (size_t i = (size_t)j; i < n; ++i) other[i] += dot * scale * v[i];
        }
        v[j] = pivot;
    }
}

/* R^-1 of the upper triangle R of a, whose columns had length 1; 0 if one of them is, but for rounding, a sum of those
   before it. */
static int invert(const long double *a, size_t n, int m, double *inverse) {
    long double z[ALLOMETER_MAX_PARAMETERS][ALLOMETER_MAX_PARAMETERS] = {{0}}; /* R^-1 */
    for (int j = 0; j < m; ++j) {
        const long double *column = a + (size_t)j * n;
        if (!(fabsl(column[j]) > 1e-13L)) return 0;
        z[j][j] = 1 / column[j];
        for (int i = j - 1; i >= 0; --i) {
            for (int k = i + 1; k <= j; ++k) z[i][j] -= a[(size_t)k * n + (size_t)i] * z[k][j];
            z[i][j] /= a[(size_t)i * n + (size_t)i];
        }
    }
    for (int i = 0; i < m * m; ++i) inverse[i] = (double)z[i / m][i % m];
    return 1;
}

static double length(const double *values, int n) {
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += values[i] * values[i];
    return sqrt(sum);
}

/* Residuals, and the free columns of the Jacobian times the root of each weight, scaled to length 1 (norms); behind
   them the residuals times that root. */
static void fill_jacobian(const struct fit_work *work, size_t group, struct fit_precision *precision,
                          const double *derivatives, const double *values, long double *a,
                          long double *norms) {
    size_t first = fit_first_point(work, group), n = work->fits->groups[group].n_train;
    size_t P = (size_t)work->n_parameters;
    int on_logs = fit_on_logs(work->fits);
    for (size_t i = 0; i < n; ++i) {
        double target = work->target[first + i];
        precision->errors[i] = target - (on_logs ? log(values[i]) : values[i]);
        a[(size_t)precision->n_free * n + i] = precision->errors[i] * sqrtl(fit_weight(work, first + i));
    }
    for (int j = 0; j < precision->n_free; ++j) {
        long double *column = a + (size_t)j * n;
        norms[j] = 0;
        for (size_t i = 0; i < n; ++i) {
            long double d = derivatives[i * P + (size_t)precision->free[j]];
            column[i] = sqrtl(fit_weight(work, first + i)) * (on_logs ? d / values[i] : d);
            norms[j] += column[i] * column[i];
        }
        norms[j] = sqrtl(norms[j]);
        for (size_t i = 0; i < n && norms[j] > 0; ++i) column[i] /= norms[j];
    }
}

/* What stands for the scatter in the parameters' covariance of Huber's loss (1981, section 7.6): the mean square of the clipped
   errors over the square of the share that is not clipped, with his correction for few points. A point is clipped the sooner
   the less it weighs: both are means over the points, as they weigh, of what each one's own limit makes of all errors, times
   the roots of their weights. A limit that is small beside the scatter makes as many errors as parameters, m, next to nothing,
   and holds too few others to count: there the share is the density of the errors around 0 times twice the limit, by the
   difference quotient of their quantiles with the bandwidth of Hall and Sheather 1988. sizes: scratch, 2 n + 1. */
static double hubers_variance(const struct fit_work *work, size_t first, size_t n,
                              const struct fit_precision *precision, double *sizes) {
    size_t m = (size_t)precision->n_free, others = n - m;
    double *squares = sizes + n, clipped = 0, share = 0, wide = 0,
           weights = precision->mean_weight * (double)n;
    for (size_t i = 0; i < n; ++i) sizes[i] = fabs(precision->errors[i]) * sqrt(fit_weight(work, first + i));
    sort_doubles(sizes, n);
    squares[0] = 0; /* squares[i]: the sum of the first i */
    for (size_t i = 0; i < n; ++i) squares[i + 1] = squares[i] + sizes[i] * sizes[i];
    size_t counted = (size_t)fmin(ceil(1.942 / cbrt((double)n) * (double)others), (double)others);
    double reach = sizes[m + counted - 1], near_zero = (double)counted / (double)others;
    for (size_t i = 0; i < n; ++i) {
        double weight = fit_weight(work, first + i) / weights;
        double limit = work->fits->options.delta * sqrt(fit_weight(work, first + i));
        size_t inside = sorted_below(sizes, n, limit);
        double most = fmin(limit, sizes[n - 1]),
               counts = limit < reach ? near_zero : (double)inside / (double)n;
        clipped += weight * (squares[inside] + (double)(n - inside) * most * most);
        share += weight * counts * (limit < reach ? limit / reach : 1);
        wide += weight * counts;
    }
    double correction = 1 + (double)m / (double)n * (1 - wide) / wide;
    return clipped / precision->degrees * correction * correction / (share * share);
}

/* Finds scatter, the mean square of the errors times their weights, and gives what stands for it in the parameters'
   covariance. */
static double find_variance(const struct fit_work *work, size_t group, struct fit_precision *precision,
                            double *scratch) {
    size_t first = fit_first_point(work, group), n = work->fits->groups[group].n_train;
    double sum = 0, weights = 0;
    for (size_t i = 0; i < n; ++i) {
        double weight = fit_weight(work, first + i), error = precision->errors[i];
        sum += weight * error * error, weights += weight;
    }
    precision->mean_weight = weights / (double)n;
    precision->scatter = precision->degrees > 0 ? sum / precision->degrees : NAN;
    if (work->fits->options.objective != ALLOMETER_OBJECTIVE_HUBER || !(precision->degrees > 0))
        return precision->scatter;
    return hubers_variance(work, first, n, precision, scratch);
}

static void find_free(const struct fit_work *work, size_t group, struct fit_precision *precision) {
    for (int p = 0; p < work->n_parameters; ++p) {
        if (fit_what_holds(work, group, p, work->fits->groups[group].inner[p]) == ALLOMETER_HELD_NOT)
            precision->free[precision->n_free++] = p;
    }
}

/* The Jacobian and all that belongs to it at the group's parameters, factored. */
static void factor_at(const struct fit_work *work, size_t group, struct fit_precision *precision,
                      double *values, long double *a, long double *norms) {
    size_t first = fit_first_point(work, group), n = work->fits->groups[group].n_train;
    const double *columns[ALLOMETER_MAX_LAW_COLUMNS];
    for (int c = 0; c < work->n_columns; ++c) columns[c] = work->columns[c] + first;
    allometer_law_evaluate_formed(work->fits->law, work->fits->groups[group].inner, columns, n, values,
                                  values + n);
    fill_jacobian(work, group, precision, values + n, values, a, norms);
    factor(a, n, precision->n_free);
}

/* What Newton's step (after Gauss) from the factored Jacobian promises to lower the cost by, as a share of the cost;
   fills the step, m long. */
static double newton_step(const long double *a, const long double *norms, size_t n, int m, double *step) {
    const long double *right = a + (size_t)m * n;
    long double z[ALLOMETER_MAX_PARAMETERS], promise = 0, cost = 0;
    for (size_t i = 0; i < n; ++i) cost += right[i] * right[i];
    for (int j = m - 1; j >= 0; --j) {
        z[j] = right[j];
        promise += right[j] * right[j];
        for (int k = j + 1; k < m; ++k) z[j] -= a[(size_t)k * n + (size_t)j] * z[k];
        z[j] /= a[(size_t)j * n + (size_t)j];
        step[j] = (double)(z[j] / norms[j]);
    }
    return (double)(promise / cost);
}

/* Moves the free parameters, within their bounds. */
static void take_step(const struct fit_work *work, size_t group, const struct fit_precision *precision,
                      const double *step) {
    double *inner = work->fits->groups[group].inner;
    for (int j = 0; j < precision->n_free; ++j) {
        size_t p = (size_t)precision->free[j], at = group * (size_t)work->n_parameters + p;
        inner[p] = fit_within(inner[p] + step[j], work->lower[at], work->upper[at]);
    }
}

/* As the columns of the Jacobian are of its changes. */
static double law_size(const struct fit_work *work, size_t group) {
    size_t first = fit_first_point(work, group), n = work->fits->groups[group].n_train;
    double sum = 0;
    for (size_t i = first; i < first + n; ++i) {
        double target = fit_on_logs(work->fits) ? 1 : work->target[i];
        sum += target * target * fit_weight(work, i);
    }
    return sqrt(sum);
}

static long double sum_of_squares(const long double *values, size_t n) {
    long double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += values[i] * values[i];
    return sum;
}

/* Where parameters make up for each other in all but the last digits, as a and b in a + b*(x + 1e9), the squared condition
   hides the way down from the solver: takes Newton's step if it promises much and half of that comes true. */
static int escape(const struct fit_work *work, size_t group, struct fit_precision *precision, double *values,
                  long double *a, long double *norms) {
    struct allometer_fit_group *of = &work->fits->groups[group];
    size_t n = of->n_train, P = (size_t)work->n_parameters;
    int m = precision->n_free;
    double before[ALLOMETER_MAX_PARAMETERS], step[ALLOMETER_MAX_PARAMETERS];
    double promise = newton_step(a, norms, n, m, step);
    long double cost = sum_of_squares(a + (size_t)m * n, n), after;
    if (!(promise >= POLISH_PROMISE && sqrtl(cost) > LEAST_CHANGE * law_size(work, group))) return 0;
    memcpy(before, of->inner, P * sizeof *before);
    take_step(work, group, precision, step);
    factor_at(work, group, precision, values, a, norms);
    after = sum_of_squares(a + (size_t)m * n, n);
    if (after <= (1 - promise / 2) * cost) return of->objective = (double)after, 1;
    memcpy(of->inner, before, P * sizeof *before);
    factor_at(work, group, precision, values, a, norms);
    return 0;
}

/* Takes Newton's steps from the solver's minimum for as long as each promises less than the one before, and the cost stays
   what it is: far away, where nothing moves the law, steps promise nothing either. */
static void polish(const struct fit_work *work, size_t group, struct fit_precision *precision, double *values,
                   long double *a, long double *norms) {
    struct allometer_fit_group *of = &work->fits->groups[group];
    size_t n = of->n_train, P = (size_t)work->n_parameters;
    int m = precision->n_free;
    double before[ALLOMETER_MAX_PARAMETERS], step[ALLOMETER_MAX_PARAMETERS], least = POLISH_PROMISE;
    factor_at(work, group, precision, values, a, norms);
    if (of->status > ALLOMETER_FIT_COST || work->prior_precision
        || work->fits->options.objective == ALLOMETER_OBJECTIVE_HUBER || (size_t)m >= n) {
        return;
    }
    for (int i = 0; i < ESCAPE_STEPS && escape(work, group, precision, values, a, norms); ++i)
        precision->n_resamples = 0; /* they went no way down either */
    const long double *errors = a + (size_t)m * n, rounding = LEAST_CHANGE * law_size(work, group);
    const long double most = (1 + POLISH_PROMISE) * sum_of_squares(errors, n) + rounding * rounding;
    memcpy(before, of->inner, P * sizeof *before);
    for (int i = 0; i <= POLISH_STEPS; ++i) {
        double promise = newton_step(a, norms, n, m, step);
        if (!(promise < least && sum_of_squares(errors, n) <= most)) break;
        memcpy(before, of->inner, P * sizeof *before);
        if (i == POLISH_STEPS) return;
        take_step(work, group, precision, step);
        least = promise;
        factor_at(work, group, precision, values, a, norms);
    }
    if (memcmp(before, of->inner, P * sizeof *before) == 0) return;
    memcpy(of->inner, before, P * sizeof *before);
    factor_at(work, group, precision, values, a, norms);
}

/* Whether a parameter could be a factor of e larger, or an exponent by 1, and the law, the others making up for it, the same
   but for rounding: as the place of a break between two points, or its width. root: of errors of variance 1, the columns
   of length 1. */
static int is_open(const struct fit_work *work, size_t group, const struct fit_precision *precision,
                   const long double *norms) {
    const double least = LEAST_CHANGE * law_size(work, group);
    int m = precision->n_free, any = 0;
    for (int j = 0; j < m; ++j) {
        enum allometer_role role = work->fits->law->parameters[precision->free[j]].role;
        double change = (double)norms[j] / length(precision->root + j * m, m);
        any |= (allometer_role_is_log(role) || role == ALLOMETER_ROLE_EXPONENT) && !(change > least);
    }
    return any;
}

enum allometer_code fit_precision(struct fit_work *work, size_t group, struct fit_precision *precision,
                                  struct allometer_error *error) {
    struct allometer_fit_group *of = &work->fits->groups[group];
    size_t n = of->n_train, P = (size_t)work->n_parameters;
    long double norms[ALLOMETER_MAX_PARAMETERS];
    precision->n_free = 0;
    find_free(work, group, precision);
    precision->degrees = (double)n - precision->n_free;
    if (!(precision->degrees > 0)) precision->n_resamples = 0; /* each goes through all its points */

    double *values = malloc((n * (P + 1) + 1) * sizeof *values);
    long double *a = malloc(n * (P + 1) * sizeof *a);
    enum allometer_code code = ALLOMETER_OK;
    if (!values || !a) {
        code =
            allometer_fail(error, ALLOMETER_FAILED, "out of memory for the standard errors of %zu points", n);
        goto done;
    }
    polish(work, group, precision, values, a, norms);
    double variance = find_variance(work, group, precision, values);
    int m = precision->n_free, determined = (size_t)m <= n && invert(a, n, m, precision->root)
                                            && !is_open(work, group, precision, norms);
    if (!determined && of->status <= ALLOMETER_FIT_COST) of->status = ALLOMETER_GROUP_UNDETERMINED;
    double deviation = determined ? sqrt(variance) : NAN;
    for (int i = 0; i < m * m; ++i) precision->root[i] *= deviation / (double)norms[i / m];
    for (int j = 0; j < m; ++j) precision->deviations[j] = length(precision->root + j * m, m);
    double widening = precision->degrees > 0 ? sqrt((double)n / precision->degrees) : NAN;
    for (size_t i = 0; i < n; ++i) precision->errors[i] *= widening;
done:
    free(values);
    free(a);
    return code;
}
