#include "fit_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static enum allometer_code find_parameter(const struct allometer_law *law, const char *name, int *parameter,
                                          struct allometer_error *error) {
    char names[256] = "";
    size_t length = 0;
    for (*parameter = 0; *parameter < law->n_parameters; ++*parameter) {
        if (strcmp(law->parameters[*parameter].name, name) == 0) return ALLOMETER_OK;
        if (length >= sizeof names - 1) continue; /* full: snprintf tells what it would have written */
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", length ? ", " : "",
                                   law->parameters[*parameter].name);
    }
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "law %s has no parameter '%s'; it has %s", law->name,
                          name, names);
}

/* A user's bound in the solver's coordinates: for a logarithm, 0 and less is no bound from below. One at infinity is finite
   there, so that it takes the place of the law's own. */
static double inner_bound(enum allometer_role role, double value) {
    if (isinf(value)) return copysign(DBL_MAX, value);
    if (allometer_role_is_log(role) && value <= 0) return -INFINITY;
    return allometer_role_inner(role, value);
}

static enum allometer_code apply_setting(struct fit_work *work, const struct allometer_fit_setting *setting,
                                         double *lower, double *upper, struct allometer_error *error) {
    int p;
    enum allometer_code code = find_parameter(work->fits->law, setting->parameter, &p, error);
    if (code != ALLOMETER_OK) return code;
    enum allometer_role role = work->fits->law->parameters[p].role;
    int positive = allometer_role_is_log(role), fixed = setting->low == setting->high;
    if (setting->low > setting->high) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "parameter %s: low bound %g is above the high bound %g", setting->parameter,
                              setting->low, setting->high);
    }
    if (isinf(setting->start) || (fixed && isinf(setting->low))) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "parameter %s: expected a finite number",
                              setting->parameter);
    }
    if (positive && (setting->start <= 0 || setting->high <= 0 || (fixed && setting->low <= 0))) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "parameter %s of law %s: expected a number above 0",
                              setting->parameter, work->fits->law->name);
    }
    /* of several bounds all hold, and so does a fixed value beside them */
    if (!isnan(setting->low)) lower[p] = fmax(lower[p], inner_bound(role, setting->low));
    if (!isnan(setting->high)) upper[p] = fmin(upper[p], inner_bound(role, setting->high));
    if (lower[p] > upper[p]) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "parameter %s: its bounds, or fixed values, leave nothing between them",
                              setting->parameter);
    }
    if (!isnan(setting->start)) work->wanted[p] = allometer_role_inner(role, setting->start);
    return ALLOMETER_OK;
}

enum allometer_code fit_set_bounds(struct fit_work *work, struct allometer_error *error) {
    const struct allometer_fit_options *options = &work->fits->options;
    size_t P = (size_t)work->n_parameters, G = work->fits->n_groups;
    double lower[ALLOMETER_MAX_PARAMETERS], upper[ALLOMETER_MAX_PARAMETERS];
    for (size_t p = 0; p < P; ++p) lower[p] = -INFINITY, upper[p] = INFINITY, work->wanted[p] = NAN;
    for (size_t i = 0; i < options->n_settings; ++i) {
        enum allometer_code code = apply_setting(work, &options->settings[i], lower, upper, error);
        if (code != ALLOMETER_OK) return code;
    }
    work->lower = fit_allocate(&work->memory, G * P, sizeof *work->lower);
    work->upper = fit_allocate(&work->memory, G * P, sizeof *work->upper);
    if (!work->lower || !work->upper)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu groups", G);
    for (size_t i = 0; i < G * P; ++i) work->lower[i] = lower[i % P], work->upper[i] = upper[i % P];
    return ALLOMETER_OK;
}

/* Where the user set no bound: limits of a loss are not negative where no loss is; breaks lie near the data, since
   nothing could tell where they are if they did not; others stay where they still shape the law. */
void fit_tighten_bounds(struct fit_work *work) {
    const struct allometer_fits *fits = work->fits;
    size_t P = (size_t)work->n_parameters;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        size_t first = fit_first_point(work, g), n = fits->groups[g].n_train;
        if (fits->groups[g].status != FIT_PENDING) continue;
        double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
        for (size_t i = first; i < first + n; ++i) {
            x_low = fmin(x_low, work->columns[0][i]), x_high = fmax(x_high, work->columns[0][i]);
            y_low = fmin(y_low, fits->y[work->point_rows[i]]),
            y_high = fmax(y_high, fits->y[work->point_rows[i]]);
        }
        double span = x_high - x_low;
        for (size_t p = 0; p < P; ++p) {
            double low = -INFINITY, high = INFINITY;
            double *lower = &work->lower[g * P + p], *upper = &work->upper[g * P + p];
            switch (fits->law->parameters[p].role) {
            case ALLOMETER_ROLE_ASYMPTOTE:
                low = y_low >= 0 ? 0 : -INFINITY;
                break;
            case ALLOMETER_ROLE_CEILING:
                low = y_low >= 0 ? 0 : -INFINITY, high = y_high + 1e2 * (y_high - y_low);
                break;
            case ALLOMETER_ROLE_SHAPE:
                low = log(1e-3), high = log(1e3);
                break;
            case ALLOMETER_ROLE_INVERSE: /* beyond: no effect on any point, or the same on all */
                low = -x_high - 20, high = -x_low + 20;
                break;
            case ALLOMETER_ROLE_POSITION:
                low = x_low - span / 2, high = x_high + span / 2;
                break;
            case ALLOMETER_ROLE_WIDTH:
                low = log(1e-3), high = log(fmax(2, span));
                break;
            default:
                break;
            }
            if (isinf(*lower) && low <= *upper) *lower = low;
            if (isinf(*upper) && high >= *lower) *upper = high;
        }
    }
}

enum { BREAK_PARAMETERS = 3 }; /* change of slope, position, width: in this order */

static int is_break(const struct allometer_law *law, int p) {
    return p + BREAK_PARAMETERS <= law->n_parameters && law->parameters[p].role == ALLOMETER_ROLE_EXPONENT
           && law->parameters[p + 1].role == ALLOMETER_ROLE_POSITION
           && law->parameters[p + 2].role == ALLOMETER_ROLE_WIDTH;
}

void fit_order_breaks(const struct fit_work *work, size_t group, double *parameters) {
    const struct allometer_law *law = work->fits->law;
    const double *lower = work->lower + group * (size_t)work->n_parameters;
    const double *upper = work->upper + group * (size_t)work->n_parameters;
    double kept[BREAK_PARAMETERS];
    for (int i = 0; i < law->n_parameters; ++i) {
        for (int j = i + BREAK_PARAMETERS; is_break(law, i) && j < law->n_parameters; ++j) {
            if (!is_break(law, j) || parameters[i + 1] <= parameters[j + 1]
                || memcmp(lower + i, lower + j, sizeof kept) != 0
                || memcmp(upper + i, upper + j, sizeof kept) != 0) {
                continue;
            }
            memcpy(kept, parameters + i, sizeof kept);
            memcpy(parameters + i, parameters + j, sizeof kept);
            memcpy(parameters + j, kept, sizeof kept);
        }
    }
}

double fit_parameter_value(const struct allometer_fits *fits, int p, double coordinate) {
    const struct allometer_law_parameter *parameter = &fits->law->parameters[p];
    for (size_t i = 0; i < fits->options.n_settings; ++i) {
        const struct allometer_fit_setting *setting = &fits->options.settings[i];
        if (strcmp(setting->parameter, parameter->name) != 0) continue;
        if (coordinate == inner_bound(parameter->role, setting->low)) return setting->low;
        if (coordinate == inner_bound(parameter->role, setting->high)) return setting->high;
    }
    return allometer_role_outer(parameter->role, coordinate);
}
