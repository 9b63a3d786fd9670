/* What is done group by group outside of the backend, on all threads. */
#include "fit_internal.h"

enum allometer_code fit_each_group(const struct allometer_fits *fits, size_t begin, size_t end,
                                   fit_group_job job, void *user, struct allometer_error *error) {
    struct allometer_error first = {0};
#pragma omp parallel for schedule(dynamic, 4) num_threads(fits->options.threads) if (end - begin > 1)
    for (size_t g = begin; g < end; ++g) {
        struct allometer_error own = {0};
        if (job(user, g, &own) == ALLOMETER_OK) continue;
#pragma omp critical
        if (!first.code) first = own;
    }
    return first.code ? allometer_fail(error, first.code, "%s", first.message) : ALLOMETER_OK;
}
