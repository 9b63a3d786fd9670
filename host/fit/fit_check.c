/* Options of a fit that make no sense, whatever the table is. */
#include "fit_internal.h"

#include <math.h>

#define LEAST_DELTA 1e-18

static enum allometer_code check_comparison(enum allometer_comparison comparison,
                                            struct allometer_error *error) {
    if ((unsigned)comparison <= ALLOMETER_GREATER_OR_EQUAL) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: no comparison has the number %d",
                          (int)comparison);
}

/* What must be given and is not; NULL: nothing. */
static const char *find_missing(const struct allometer_fit_options *options) {
    if (!options->law) return "law";
    if (!options->y) return "column y";
    if (!options->backend) return "backend";
    if (!options->device) return "device";
    if (options->n_groups && !options->groups) return "array of group columns";
    if (options->n_filters && !options->filters) return "array of filters";
    if (options->n_settings && !options->settings) return "array of settings";
    if (options->n_quantities && !options->quantities) return "array of quantities";
    if (options->n_at && !options->at) return "array of points to predict at";
    if (options->train_column && !options->train_value) return "value of the train column";
    for (int c = 0; c < options->law->n_columns; ++c)
        if (!options->x[c]) return "column x";
    for (size_t i = 0; i < options->n_groups; ++i)
        if (!options->groups[i]) return "group column";
    for (size_t i = 0; i < options->n_filters; ++i)
        if (!options->filters[i].column || !options->filters[i].value) return "column or value of a filter";
    for (size_t i = 0; i < options->n_settings; ++i)
        if (!options->settings[i].parameter) return "parameter of a setting";
    for (size_t i = 0; i < options->n_quantities; ++i)
        if (!options->quantities[i].name || !options->quantities[i].formula)
            return "name or formula of a quantity";
    return NULL;
}

enum allometer_code fit_check_options(const struct allometer_fit_options *options,
                                      struct allometer_error *error) {
    const struct {
        const char *name;
        int32_t value;
    } counts[] = {{"bootstrap", options->bootstrap},
                  {"max_iterations", options->max_iterations},
                  {"n_curve", options->n_curve},
                  {"n_at", options->n_at},
                  {"threads", options->threads}};
    const char *missing = find_missing(options);
    if (missing) return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: no %s is given", missing);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; ++i) {
        if (counts[i].value < 0)
            return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: %s is %d, expected 0 or more",
                                  counts[i].name, counts[i].value);
    }
    if (options->threads > ALLOMETER_MAX_THREADS)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: threads is %d, expected %d or less",
                              options->threads, ALLOMETER_MAX_THREADS);
    if (!(options->confidence > 0 && options->confidence < 1))
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "fit: confidence is %g, expected a share between 0 and 1", options->confidence);
    if ((unsigned)options->objective >= ALLOMETER_OBJECTIVE_COUNT)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: no objective has the number %d",
                              (int)options->objective);
    enum allometer_code code = check_comparison(options->train_comparison, error);
    for (size_t i = 0; !code && i < options->n_filters; ++i)
        code = check_comparison(options->filters[i].comparison, error);
    if (code) return code;
    const int is_log = options->law->form == ALLOMETER_COLUMNS_LOG;
    for (size_t i = 0; i < (size_t)options->n_at * (size_t)options->law->n_columns; ++i) {
        if (isfinite(options->at[i]) && (options->at[i] > 0 || !is_log)) continue;
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: at is %g, expected a number%s%s",
                              options->at[i], is_log ? " above 0: its logarithm is taken by " : "",
                              is_log ? options->law->name : "");
    }
    /* below, the loss of any error is less than what rounding leaves of a square: every start would be a minimum */
    if (options->objective == ALLOMETER_OBJECTIVE_HUBER && !(options->delta >= LEAST_DELTA))
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "fit: delta is %g, expected %g or more",
                              options->delta, LEAST_DELTA);
    return ALLOMETER_OK;
}
