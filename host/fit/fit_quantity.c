/* Numbers that follow from a law's parameters by the user's formulas, with the intervals that theirs give them. */
#include "fit_internal.h"
#include "formula_parse.h"

#include <math.h>
#include <string.h>

static enum allometer_code check_name(const struct allometer_fits *fits, size_t q,
                                      struct allometer_error *error) {
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *name = fits->options.quantities[q].name;
    if (!*name || name[strspn(name, word)])
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "quantity '%s': expected a name of letters, digits and _", name);
    for (size_t i = 0; i < (size_t)fits->law->n_parameters + q; ++i) {
        if (strcmp(fit_reported_name(fits, i), name) == 0)
            return allometer_fail(error, ALLOMETER_BAD_INPUT,
                                  "quantity '%s': there is one of that name already", name);
    }
    return ALLOMETER_OK;
}

enum allometer_code fit_parse_quantities(struct allometer_fits *fits, struct allometer_error *error) {
    const struct allometer_law *law = fits->law;
    const char *names[ALLOMETER_MAX_PARAMETERS];
    size_t Q = fits->options.n_quantities;
    if (Q && law->candidates)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "law %s has no parameters of its own that a quantity could be made of",
                              law->name);
    fits->quantities = fit_allocate(&fits->memory, Q, sizeof(struct allometer_law *));
    if (!fits->quantities) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for quantities");
    for (int p = 0; p < law->n_parameters; ++p) names[p] = law->parameters[p].name;
    enum allometer_code code = ALLOMETER_OK;
    for (size_t q = 0; q < Q && code == ALLOMETER_OK; ++q) {
        code = check_name(fits, q, error);
        if (code == ALLOMETER_OK)
            code = allometer_law_parse_parameters(fits->options.quantities[q].formula, names,
                                                  law->n_parameters, &fits->quantities[q], error);
    }
    return code;
}

double fit_quantity(const struct allometer_fits *fits, size_t quantity, const double *values,
                    double *derivatives) {
    double value;
    allometer_law_evaluate(fits->quantities[quantity], values, NULL, 1, &value, derivatives);
    return value;
}

size_t fit_n_reported(const struct allometer_fits *fits) {
    return (size_t)fits->law->n_parameters + fits->options.n_quantities;
}

const char *fit_reported_name(const struct allometer_fits *fits, size_t i) {
    size_t P = (size_t)fits->law->n_parameters;
    return i < P ? fits->law->parameters[i].name : fits->options.quantities[i - P].name;
}

/* The delta method: value +- t * sqrt(d' C d). */
static void from_errors(const struct fit_work *work, struct allometer_fit_group *group,
                        const struct fit_precision *precision, size_t q) {
    const struct allometer_fits *fits = work->fits;
    size_t at = (size_t)work->n_parameters + q;
    int m = precision->n_free;
    double variance = 0, derivatives[ALLOMETER_MAX_PARAMETERS];
    fit_quantity(fits, q, group->values, derivatives);
    for (int k = 0; k < m; ++k) {
        double along = 0;
        for (int j = 0; j < m; ++j) {
            int p = precision->free[j];
            double scale = allometer_role_is_log(fits->law->parameters[p].role) ? group->values[p] : 1;
            along += derivatives[p] * scale * precision->root[j * m + k];
        }
        variance += along * along;
    }
    if (variance == 0) { /* of parameters that are held alone */
        group->held[at] = ALLOMETER_HELD_FIXED;
        return;
    }
    double reach =
        student_quantile(0.5 + 0.5 * fits->options.confidence, precision->degrees) * sqrt(variance);
    group->errors[at] = sqrt(variance);
    group->lower[at] = group->values[at] - reach;
    group->upper[at] = group->values[at] + reach;
}

static void from_resamples(const struct fit_work *work, size_t g, const struct fit_precision *precision,
                           size_t q, double *scratch) {
    const struct allometer_fits *fits = work->fits;
    const struct allometer_fit_group *group = &fits->groups[g];
    size_t P = (size_t)work->n_parameters, at = P + q, n_known = 0;
    double values[ALLOMETER_MAX_PARAMETERS];
    for (size_t r = 0; r < precision->n_resamples; ++r) {
        for (size_t p = 0; p < P; ++p)
            values[p] = fit_parameter_value(fits, (int)p, precision->resamples[r * P + p]);
        scratch[r] = fit_quantity(fits, q, values, NULL);
        n_known += !isnan(scratch[r]);
    }
    if (n_known < precision->n_resamples) return; /* quantiles of those that exist would claim too much */
    struct fit_interval of = fit_interval_of_resamples(
        work, g, precision, scratch, group->values[at],
        (struct fit_interval){.lower = -INFINITY, .upper = INFINITY}, ALLOMETER_ROLE_ANY);
    /* of parameters that are held alone; where there is no interval, resamples are alike for being of one cluster */
    if (scratch[0] == scratch[precision->n_resamples - 1] && !isnan(of.lower)) {
        group->held[at] = ALLOMETER_HELD_FIXED;
        return;
    }
    group->errors[at] = of.error, group->lower[at] = of.lower, group->upper[at] = of.upper;
}

void fit_describe_quantities(const struct fit_work *work, size_t g, const struct fit_precision *precision,
                             double *scratch) {
    struct allometer_fit_group *group = &work->fits->groups[g];
    for (size_t q = 0; q < work->fits->options.n_quantities; ++q) {
        double value = fit_quantity(work->fits, q, group->values, NULL);
        group->values[(size_t)work->n_parameters + q] = value;
        if (isnan(value)) continue;
        /* as for parameters: see describe_parameters */
        if (precision->n_resamples && group->status != ALLOMETER_GROUP_UNDETERMINED)
            from_resamples(work, g, precision, q, scratch);
        else
            from_errors(work, group, precision, q);
    }
}
