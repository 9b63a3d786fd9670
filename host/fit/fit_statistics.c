/* From a group's minimum and its bootstrap to what is reported. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>

int fit_is_incomplete(const struct allometer_fits *fits, size_t row) {
    int missing = isnan(fits->y[row]);
    for (int c = 0; c < fits->law->n_columns; ++c) missing |= isnan(fits->x[c][row]);
    return missing;
}

double fit_rmsle(const struct allometer_fits *fits, const struct allometer_fit_group *group, int train) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        if (fits->train[i] != train || fit_is_incomplete(fits, i)) continue;
        double error = log(fits->yhat[i]) - log(fits->y[i]);
        sum += error * error;
        ++n;
    }
    return n && isfinite(sum) ? sqrt(sum / (double)n) : NAN;
}

/* The solver's cost per unit of weight; Huber's loss is half of it. */
static double mean_objective(const struct fit_work *work, size_t g) {
    const struct allometer_fit_group *group = &work->fits->groups[g];
    size_t first = fit_first_point(work, g);
    double weights = 0;
    for (size_t i = first; i < first + group->n_train; ++i) weights += fit_weight(work, i);
    return group->objective / weights / (work->fits->options.objective == ALLOMETER_OBJECTIVE_HUBER ? 2 : 1);
}

static void intervals_from_errors(const struct fit_work *work, struct allometer_fit_group *group,
                                  const struct fit_precision *precision) {
    const struct allometer_fits *fits = work->fits;
    double t = student_quantile(0.5 + 0.5 * fits->options.confidence, precision->degrees);
    for (int j = 0; j < precision->n_free; ++j) {
        int p = precision->free[j];
        double reach = t * precision->deviations[j];
        group->lower[p] = allometer_role_outer(fits->law->parameters[p].role, group->inner[p] - reach);
        group->upper[p] = allometer_role_outer(fits->law->parameters[p].role, group->inner[p] + reach);
    }
}

/* Widens what the errors of a cluster have in common, of which there are as few as clusters. */
static void widen_errors(const struct fit_work *work, size_t g, const struct fit_precision *precision) {
    const int64_t *units = work->units + work->sets[g].first_unit;
    for (int32_t u = 0; u < work->sets[g].n_units; ++u) {
        double mean = 0, *errors = precision->errors + (units[u] - units[0]);
        int64_t n = units[u + 1] - units[u];
        for (int64_t i = 0; i < n; ++i) mean += errors[i] / (double)n;
        for (int64_t i = 0; i < n; ++i) errors[i] += (precision->widening - 1) * mean;
    }
}

/* Standard deviation of a parameter in its own units; NaN where all n, which are sorted, are the same: it is held. */
static double deviation(const double *inner, size_t n, enum allometer_role role) {
    double mean = 0, sum = 0;
    if (inner[0] == inner[n - 1]) return NAN;
    for (size_t i = 0; i < n; ++i) mean += allometer_role_outer(role, inner[i]) / (double)n;
    for (size_t i = 0; i < n; ++i) {
        double distance = allometer_role_outer(role, inner[i]) - mean;
        sum += distance * distance;
    }
    return sqrt(sum / (double)(n - 1));
}

struct fit_interval fit_interval_of_resamples(const struct fit_work *work, size_t group,
                                              const struct fit_precision *precision, double *values,
                                              double estimate, struct fit_interval bounds,
                                              enum allometer_role role) {
    const struct allometer_fits *fits = work->fits;
    double tail = 0.5 * (1 - fits->options.confidence), U = (double)fits->groups[group].n_units;
    /* resamples of U clusters show (U - 1)/U of the variance; those of one, rounding */
    double whole = !fits->options.cluster ? 1 : U > 1 ? sqrt(U / (U - 1)) : NAN;
    size_t R = precision->n_resamples;
    sort_doubles(values, R);
    return (struct fit_interval){
        .error = whole * deviation(values, R, role),
        .lower =
            widened_bound(sorted_quantile(values, R, tail), -1, estimate, precision->widening, bounds.lower),
        .upper = widened_bound(sorted_quantile(values, R, 1 - tail), 1, estimate, precision->widening,
                               bounds.upper),
    };
}

static void intervals_from_resamples(const struct fit_work *work, size_t g,
                                     const struct fit_precision *precision, double *scratch) {
    const struct allometer_fits *fits = work->fits;
    struct allometer_fit_group *group = &fits->groups[g];
    size_t P = (size_t)work->n_parameters;
    for (size_t p = 0; p < P; ++p) {
        for (size_t r = 0; r < precision->n_resamples; ++r) scratch[r] = precision->resamples[r * P + p];
        struct fit_interval bounds = {.lower = work->lower[g * P + p], .upper = work->upper[g * P + p]};
        struct fit_interval of = fit_interval_of_resamples(work, g, precision, scratch, group->inner[p],
                                                           bounds, fits->law->parameters[p].role);
        group->errors[p] = of.error;
        group->lower[p] = fit_parameter_value(fits, (int)p, of.lower);
        group->upper[p] = fit_parameter_value(fits, (int)p, of.upper);
    }
}

const char *const allometer_held_names[ALLOMETER_HELD_COUNT] = {"", "lower", "upper", "fixed"};

enum allometer_held fit_what_holds(const struct fit_work *work, size_t group, int p, double t) {
    size_t at = group * (size_t)work->n_parameters + (size_t)p;
    if (!(work->lower[at] < work->upper[at])) return ALLOMETER_HELD_FIXED;
    return t <= work->lower[at]   ? ALLOMETER_HELD_LOWER
           : t >= work->upper[at] ? ALLOMETER_HELD_UPPER
                                  : ALLOMETER_HELD_NOT;
}

static void describe_parameters(const struct fit_work *work, size_t g, const struct fit_precision *precision,
                                double *scratch) {
    const struct allometer_law *law = work->fits->law;
    struct allometer_fit_group *group = &work->fits->groups[g];
    for (int p = 0; p < work->n_parameters; ++p) {
        group->values[p] = fit_parameter_value(work->fits, p, group->inner[p]);
        group->held[p] = (unsigned char)fit_what_holds(work, g, p, group->inner[p]);
    }
    for (int j = 0; j < precision->n_free; ++j) {
        int p = precision->free[j];
        double scale =
            allometer_role_is_log(law->parameters[p].role) ? group->values[p] : 1; /* dv / d log v */
        group->errors[p] = scale * precision->deviations[j];
    }
    /* resamples begin where the group ended, and stay there along what the points leave open */
    if (precision->n_resamples && group->status != ALLOMETER_GROUP_UNDETERMINED)
        intervals_from_resamples(work, g, precision, scratch);
    else
        intervals_from_errors(work, group, precision);
    fit_describe_quantities(work, g, precision, scratch);
}

/* x of a group's curve: even along the axis that pictures have, over all rows and a tenth of their span to both sides. */
int fit_curve_points(const struct allometer_fits *fits, const struct allometer_fit_group *group, double *x) {
    int positive = fits->law->form == ALLOMETER_COLUMNS_LOG, n = fits->options.n_curve;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        double at = fits->x[0][i];
        if (isfinite(at) && (at > 0 || !positive)) low = fmin(low, at), high = fmax(high, at);
    }
    const size_t n_at = (size_t)fits->options.n_at;
    const double *at_x = fits->at_x[0] + (size_t)(group - fits->groups) * n_at;
    for (size_t i = 0; i < n_at; ++i) {
        double at = at_x[i];
        if (isfinite(at) && (at > 0 || !positive)) low = fmin(low, at), high = fmax(high, at);
    }
    int logs = positive || (low > 0 && high > 4 * low); /* as plot_axes_of has it */
    if (logs) low = log(low), high = log(high);
    double margin = 0.1 * (high - low);
    for (int i = 0; i < n; ++i) {
        double at = low - margin + (high - low + 2 * margin) * i / (n - 1);
        x[i] = logs ? exp(at) : at;
    }
    return low < high;
}

static enum allometer_code describe_curve(const struct fit_work *work, size_t g,
                                          const struct fit_precision *precision,
                                          struct allometer_error *error) {
    struct allometer_fits *fits = work->fits;
    size_t n = (size_t)fits->options.n_curve, at = g * n;
    if (n == 0 || work->n_columns != 1 || !fit_curve_points(fits, &fits->groups[g], fits->curve_x + at))
        return ALLOMETER_OK;
    const double *columns[ALLOMETER_MAX_LAW_COLUMNS] = {fits->curve_x + at};
    return fit_bands(work, g, precision, columns, NULL, n, fits->curve_y + at, fits->curve_lower + at,
                     fits->curve_upper + at, error);
}

/* A new y at points that are no rows has the mean weight of the group's. */
static enum allometer_code describe_points(const struct fit_work *work, size_t g,
                                           const struct fit_precision *precision,
                                           struct allometer_error *error) {
    const struct allometer_fits *fits = work->fits;
    const double *columns[ALLOMETER_MAX_LAW_COLUMNS];
    size_t n = (size_t)fits->options.n_at, at = g * n;
    for (int c = 0; c < work->n_columns; ++c) columns[c] = fits->at_x[c] + at;
    if (n == 0) return ALLOMETER_OK;
    return fit_bands(work, g, precision, columns, NULL, n, fits->at_y + at, fits->at_lower + at,
                     fits->at_upper + at, error);
}

enum allometer_code fit_describe_group(struct fit_work *work, size_t g, const double *resamples, size_t n,
                                       struct allometer_error *error) {
    struct allometer_fits *fits = work->fits;
    struct allometer_fit_group *group = &fits->groups[g];
    if (!allometer_group_has_values(group->status)) {
        group->objective = NAN; /* what the solver told of a start */
        return ALLOMETER_OK;
    }
    size_t kept = n >= ALLOMETER_FEWEST_RESAMPLES ? n : 0;
    struct fit_precision precision = {.resamples = resamples, .n_resamples = kept, .widening = 1};
    if (fits->options.cluster)
        precision.widening = cluster_widening(group->n_units, fits->options.confidence);
    precision.errors = malloc(group->n_train * sizeof *precision.errors);
    double *scratch = malloc((kept + 1) * sizeof *scratch);
    enum allometer_code code =
        precision.errors && scratch
            ? fit_precision(work, g, &precision, error)
            : allometer_fail(error, ALLOMETER_FAILED, "out of memory for group %zu", g + 1);
    if (code == ALLOMETER_OK) {
        const double *columns[ALLOMETER_MAX_LAW_COLUMNS];
        size_t first = group->first_row;
        for (int c = 0; c < work->n_columns; ++c) columns[c] = fits->x[c] + first;
        group->n_resamples = precision.n_resamples == kept ? (int32_t)n : 0;
        group->objective = mean_objective(work, g);
        /* of n points, resamples show about (n - P)/n of the variance: residuals are that much smaller than errors */
        if (!fits->options.cluster && precision.n_resamples)
            precision.widening = sqrt((double)group->n_train / precision.degrees);
        describe_parameters(work, g, &precision, scratch);
        if (fits->options.cluster && precision.n_resamples) widen_errors(work, g, &precision);
        code = fit_bands(work, g, &precision, columns, fits->rows + first, group->n_rows, fits->yhat + first,
                         fits->options.bands ? fits->lower + first : NULL, fits->upper + first, error);
        group->rmsle_train = fit_rmsle(fits, group, 1);
        group->rmsle_test = fit_rmsle(fits, group, 0);
    }
    if (code == ALLOMETER_OK) code = describe_curve(work, g, &precision, error);
    if (code == ALLOMETER_OK) code = describe_points(work, g, &precision, error);
    free(precision.errors);
    free(scratch);
    return code;
}
