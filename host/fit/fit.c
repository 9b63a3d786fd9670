/* Fits of a law to every group, from options to results. */
#include "fit_internal.h"
#include "allowance.h"
#include "formula_parse.h"

#include <stdlib.h>

const char *const allometer_group_status_names[ALLOMETER_GROUP_STATUS_COUNT] = {
    [ALLOMETER_FIT_GRADIENT] = "converged",
    [ALLOMETER_FIT_STEP] = "converged",
    [ALLOMETER_FIT_COST] = "converged",
    [ALLOMETER_FIT_STALLED] = "stalled",
    [ALLOMETER_FIT_OUT_OF_ITERATIONS] = "out-of-iterations",
    [ALLOMETER_FIT_NOT_FINITE] = "law-not-finite",
    [ALLOMETER_GROUP_UNDETERMINED] = "undetermined",
    [ALLOMETER_GROUP_TOO_FEW_POINTS] = "too-few-points",
    [ALLOMETER_GROUP_X_CONSTANT] = "x-constant",
    [ALLOMETER_GROUP_X_NOT_POSITIVE] = "x-not-positive",
    [ALLOMETER_GROUP_Y_NOT_POSITIVE] = "y-not-positive",
    [ALLOMETER_GROUP_NOT_FINITE] = "not-finite",
};

int allometer_group_has_values(int32_t status) {
    return status >= 0 && status <= ALLOMETER_GROUP_UNDETERMINED && status != ALLOMETER_FIT_NOT_FINITE;
}

static enum allometer_code fit_law(struct allometer_fits *fits, struct allometer_error *error) {
    struct fit_work work = {
        .fits = fits, .n_parameters = fits->law->n_parameters, .n_columns = fits->law->n_columns};
    size_t P = (size_t)work.n_parameters, G = fits->n_groups;
    enum allometer_code code = fit_set_bounds(&work, error);
    if (code == ALLOMETER_OK) code = fit_collect_points(&work, error);
    if (code == ALLOMETER_OK) code = fit_allocate_results(fits, P, error);
    if (code == ALLOMETER_OK) fit_tighten_bounds(&work);
    if (code == ALLOMETER_OK) code = fit_find_minima(&work, error);
    size_t n = fit_groups_per_batch((size_t)fits->options.bootstrap, P);
    for (size_t g = 0; g < G && code == ALLOMETER_OK; g += n) {
        code = fit_describe_groups(&work, g, g + n < G ? g + n : G, error);
    }
    fit_memory_free(work.memory);
    return code;
}

enum allometer_code allometer_fit(const struct allometer_table *table,
                                  const struct allometer_fit_options *options, struct allometer_fits **result,
                                  struct allometer_error *error) {
    *result = NULL;
    enum allometer_code code = fit_check_options(options, error);
    if (code != ALLOMETER_OK) return code;
    struct allometer_fits *fits = calloc(1, sizeof *fits);
    if (!fits) return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    fits->table = table, fits->law = options->law, fits->options = *options;
    if (!options->threads) fits->options.threads = default_threads();
    code = fit_parse_quantities(fits, error);
    if (code == ALLOMETER_OK) code = fit_collect_rows(fits, error);
    if (code == ALLOMETER_OK) code = fits->law->candidates ? fit_average(fits, error) : fit_law(fits, error);
    if (code == ALLOMETER_OK)
        *result = fits;
    else
        allometer_fits_free(fits);
    return code;
}

void allometer_fits_free(struct allometer_fits *fits) {
    if (!fits) return;
    for (size_t q = 0; fits->quantities && q < fits->options.n_quantities; ++q)
        allometer_law_free(fits->quantities[q]);
    fit_memory_free(fits->memory);
    free(fits->groups);
    free(fits);
}
