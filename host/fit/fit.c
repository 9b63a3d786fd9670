/* Fits of a law to every group: starts, pruned early; the best of them; its bootstrap; all as problems of batches. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRUNE_ITERATIONS = 12, /* of every start, before the best go on */
    KEPT_STARTS = 16,      /* of each group, beside the user's own */
    /* The many starts of a formula, which are worse than a law's, are pruned twice. */
    MANY_STARTS = 512,
    KEPT_OF_FORMULA = 128,
    MORE_ITERATIONS = 60,
    AROUND = 256, /* starts around the best minimum, where there were many: another may be next to it */
    MAX_ITERATIONS = 1000,      /* of one fit, by default */
    BATCH_PARAMETERS = 1 << 23, /* problems x P of one batch at most, or a group's own: 64 MB */
};

#define SAME_COST 1.001 /* ratio of costs up to which the user's start decides between minima */

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

/* A batch under construction: room for so many problems. */
struct batch {
    struct fit_memory *memory;
    struct allometer_fitting fitting;
    struct allometer_fit_problem *problems;
    double *parameters; /* starts, then results */
};

static enum allometer_code batch_make(struct batch *batch, const struct fit_work *work, size_t capacity,
                                      struct allometer_error *error) {
    const struct allometer_fit_options *options = &work->fits->options;
    *batch = (struct batch){0};
    batch->problems = fit_allocate(&batch->memory, capacity, sizeof *batch->problems);
    batch->parameters = fit_allocate(&batch->memory, capacity * (size_t)work->n_parameters, sizeof(double));
    struct allometer_fit_outcome *outcomes = fit_allocate(&batch->memory, capacity, sizeof *outcomes);
    if (!batch->problems || !batch->parameters || !outcomes) {
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu fits", capacity);
    }
    batch->fitting = (struct allometer_fitting){
        .law = (int32_t)options->law->id,
        .program = options->law->program,
        .objective = (int32_t)options->objective,
        .delta = options->delta,
        .max_iterations = options->max_iterations ? options->max_iterations : MAX_ITERATIONS,
        .seed = options->seed,
        .points = {.target = work->target, .weight = work->weight, .units = work->units},
        .sets = work->sets,
        .lower = work->lower,
        .upper = work->upper,
        .prior_mean = work->prior_mean,
        .prior_precision = work->prior_precision,
        .prior_reach = work->prior_reach,
        .problems = batch->problems,
        .starts = batch->parameters,
        .parameters = batch->parameters,
        .outcomes = outcomes,
        .n_sets = (int64_t)work->fits->n_groups,
    };
    for (int c = 0; c < work->n_columns; ++c) batch->fitting.points.columns[c] = work->columns[c];
    return ALLOMETER_OK;
}

static void batch_add(struct batch *batch, const struct fit_work *work, size_t group, uint32_t resample,
                      const double *start) {
    size_t P = (size_t)work->n_parameters, f = (size_t)batch->fitting.n_problems++;
    batch->problems[f] = (struct allometer_fit_problem){.set = (int32_t)group, .resample = resample};
    memcpy(batch->parameters + f * P, start, P * sizeof *start);
}

static enum allometer_code batch_run(struct batch *batch, const struct fit_work *work,
                                     struct allometer_error *error) {
    const struct allometer_fit_options *options = &work->fits->options;
    return options->backend->fit(options->device, &batch->fitting, error);
}

static int is_minimum(int32_t status) {
    return status >= 0 && status <= ALLOMETER_FIT_COST;
}

/* Lower cost first; of costs that differ by rounding alone, a minimum first. */
static int better(const struct allometer_fit_outcome *a, const struct allometer_fit_outcome *b) {
    int a_is_finite = a->status != ALLOMETER_FIT_NOT_FINITE,
        b_is_finite = b->status != ALLOMETER_FIT_NOT_FINITE;
    if (!a_is_finite || !b_is_finite) return a_is_finite && !b_is_finite;
    if (fabs(a->cost - b->cost) <= 1e-9 * fabs(b->cost) && is_minimum(a->status) != is_minimum(b->status)) {
        return is_minimum(a->status);
    }
    return a->cost < b->cost;
}

/* The kept best starts of one group after a few iterations: problems of the next batch. */
static void keep_best(struct batch *into, const struct batch *from, const struct fit_work *work, size_t most,
                      size_t begin, size_t end) {
    size_t kept[KEPT_OF_FORMULA], n = 0, P = (size_t)work->n_parameters;
    const struct allometer_fit_outcome *outcomes = from->fitting.outcomes;
    for (size_t f = begin; f < end; ++f) {
        size_t at = n < most ? n++ : n;
        if (at == most && !better(&outcomes[f], &outcomes[kept[--at]])) continue;
        while (at > 0 && better(&outcomes[f], &outcomes[kept[at - 1]])) kept[at] = kept[at - 1], --at;
        kept[at] = f;
    }
    size_t g = (size_t)from->problems[begin].set;
    int own = fit_first_start_is_own(work);
    if (own) batch_add(into, work, g, 0, from->parameters + begin * P);
    for (size_t i = 0; i < n; ++i) {
        if (!own || kept[i] != begin) batch_add(into, work, g, 0, from->parameters + kept[i] * P);
    }
}

static int n_positive(const double *parameters, size_t P) {
    int n = 0;
    for (size_t p = 0; p < P; ++p) n += parameters[p] > 0;
    return n;
}

/* A formula may have minima that mirror each other, such as both signs of a width: the one with the most parameters
   above 0 of problems begin .. end - 1 that are as good as the best. */
static size_t without_mirrors(const struct batch *batch, size_t P, size_t begin, size_t end, size_t best) {
    const struct allometer_fit_outcome *outcomes = batch->fitting.outcomes;
    double most = (1 + 1e-9) * outcomes[best].cost;
    for (size_t f = begin; f < end; ++f) {
        if (is_minimum(outcomes[f].status) && outcomes[f].cost <= most
            && n_positive(batch->parameters + f * P, P) > n_positive(batch->parameters + best * P, P)) {
            best = f;
        }
    }
    return best;
}

static void take_best(const struct batch *batch, struct fit_work *work) {
    struct allometer_fit_group *groups = work->fits->groups;
    size_t P = (size_t)work->n_parameters, n = (size_t)batch->fitting.n_problems;
    for (size_t f = 0, end; f < n; f = end) {
        size_t best = f, g = (size_t)batch->problems[f].set;
        for (end = f + 1; end < n && (size_t)batch->problems[end].set == g; ++end) {
            if (better(&batch->fitting.outcomes[end], &batch->fitting.outcomes[best])) best = end;
        }
        if (work->fits->law->program) best = without_mirrors(batch, P, f, end, best);
        /* of minima alike, such as two exponentials that have changed places, the one that the user's start leads to */
        const struct allometer_fit_outcome *first = &batch->fitting.outcomes[f];
        if (fit_first_start_is_own(work) && is_minimum(first->status)
            && first->cost <= SAME_COST * batch->fitting.outcomes[best].cost) {
            best = f;
        }
        groups[g].status = batch->fitting.outcomes[best].status;
        groups[g].iterations = batch->fitting.outcomes[best].iterations;
        groups[g].objective = batch->fitting.outcomes[best].cost;
        memcpy(groups[g].inner, batch->parameters + best * P, P * sizeof(double));
        fit_order_breaks(work, g, groups[g].inner);
    }
}

/* Starts of all problems, which stand there group by group; around: of those near the groups' minima. */
static enum allometer_code fill_starts(struct batch *batch, const struct fit_work *work, int around,
                                       struct allometer_error *error) {
    size_t P = (size_t)work->n_parameters, n = (size_t)work->n_starts;
    int out_of_memory = 0, threads = batch->fitting.n_problems > (int64_t)n ? fit_threads(work->fits) : 1;
#pragma omp parallel num_threads(threads) reduction(| : out_of_memory)
    {
        double *scratch = malloc((fit_start_scratch(work) + 1) * sizeof *scratch);
        out_of_memory = !scratch;
#pragma omp for schedule(dynamic)
        for (int64_t f = 0; f < batch->fitting.n_problems; f += (int64_t)n) {
            size_t g = (size_t)batch->problems[f].set;
            double *starts = batch->parameters + (size_t)f * P;
            if (scratch && around)
                fit_formula_starts_around(work, g, work->fits->groups[g].inner, (int)n, starts);
            else if (scratch)
                fit_starts(work, g, starts, scratch);
        }
        free(scratch);
    }
    if (!out_of_memory) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_FAILED, "out of memory for starts");
}

/* Moves every problem by a few iterations, and makes the batch of the best of each group. */
static enum allometer_code prune(struct batch *batch, struct batch *best, const struct fit_work *work,
                                 int32_t iterations, size_t most, struct allometer_error *error) {
    size_t n = (size_t)batch->fitting.n_problems;
    *best = (struct batch){0};
    batch->fitting.max_iterations = iterations;
    enum allometer_code code = batch_run(batch, work, error);
    if (code == ALLOMETER_OK) code = batch_make(best, work, n, error);
    for (size_t f = 0, end; f < n && code == ALLOMETER_OK; f = end) {
        for (end = f + 1; end < n && batch->problems[end].set == batch->problems[f].set;) ++end;
        keep_best(best, batch, work, most, f, end);
    }
    return code;
}

/* Finds the minimum of the groups begin .. end - 1; around: from that they have. */
static enum allometer_code fit_groups(struct fit_work *work, size_t begin, size_t end, int around,
                                      struct allometer_error *error) {
    size_t n_starts = (size_t)work->n_starts, capacity = (end - begin) * n_starts;
    struct batch batch, best;
    const double unknown[ALLOMETER_MAX_PARAMETERS] = {0};
    enum allometer_code code = batch_make(&batch, work, capacity, error);
    for (size_t g = begin; g < end && code == ALLOMETER_OK; ++g) {
        int32_t status = work->fits->groups[g].status;
        if (around ? !is_minimum(status) && status != ALLOMETER_FIT_OUT_OF_ITERATIONS : status != -1)
            continue;
        for (size_t i = 0; i < n_starts; ++i) batch_add(&batch, work, g, 0, unknown);
    }
    if (code == ALLOMETER_OK) code = fill_starts(&batch, work, around, error);
    for (int round = work->n_rounds; round > 0 && code == ALLOMETER_OK; --round) {
        int32_t iterations = round == 2 || work->n_rounds == 1 ? PRUNE_ITERATIONS : MORE_ITERATIONS;
        size_t most = round == 2 ? KEPT_OF_FORMULA : (size_t)work->n_kept;
        code = prune(&batch, &best, work, iterations, most, error);
        fit_memory_free(batch.memory);
        batch = best;
    }
    if (code == ALLOMETER_OK) code = batch_run(&batch, work, error);
    if (code == ALLOMETER_OK) take_best(&batch, work);
    fit_memory_free(batch.memory);
    return code;
}

/* Keeps what the resample at hand gave, before those without a minimum are taken out. */
static void keep_resample(struct allometer_fits *fits, size_t g, size_t r, const double *inner,
                          int32_t status) {
    size_t P = (size_t)fits->law->n_parameters, at = g * (size_t)fits->options.bootstrap + r;
    fits->resample_status[at] = status;
    for (size_t p = 0; p < P && allometer_group_has_values(status); ++p) {
        fits->resamples[at * P + p] = fit_parameter_value(fits, (int)p, inner[p]);
    }
}

/* What describing the groups from `begin` on needs: the resamples of group g are the problems from first[g - begin] on. */
struct description {
    struct fit_work *work;
    struct batch batch;
    size_t begin, *first;
};

/* Those of a group's resamples that reached a minimum, and everything that is reported of the group. */
static enum allometer_code describe_group(void *user, size_t g, struct allometer_error *error) {
    const struct description *of = user;
    size_t P = (size_t)of->work->n_parameters, first = of->first[g - of->begin], n = 0;
    for (size_t f = first; f < of->first[g - of->begin + 1]; ++f) {
        double *resample = of->batch.parameters + f * P;
        int32_t status = of->batch.fitting.outcomes[f].status;
        fit_order_breaks(of->work, g, resample);
        if (of->work->fits->resamples) keep_resample(of->work->fits, g, f - first, resample, status);
        if (is_minimum(status))
            memmove(of->batch.parameters + (first + n++) * P, resample, P * sizeof(double));
    }
    return fit_describe_group(of->work, g, of->batch.parameters + first * P, n, error);
}

/* Bootstraps the groups begin .. end - 1 from their minima, and works out everything that is reported of them. */
static enum allometer_code describe_groups(struct fit_work *work, size_t begin, size_t end,
                                           struct allometer_error *error) {
    size_t R = (size_t)work->fits->options.bootstrap;
    struct description of = {.work = work, .begin = begin};
    enum allometer_code code = batch_make(&of.batch, work, (end - begin) * R, error);
    of.first = fit_allocate(&of.batch.memory, end - begin + 1, sizeof *of.first);
    if (code == ALLOMETER_OK && !of.first)
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu groups", end - begin);
    for (size_t g = begin; g < end && code == ALLOMETER_OK; ++g) {
        const struct allometer_fit_group *group = &work->fits->groups[g];
        for (size_t r = 1; r <= R && allometer_group_has_values(group->status); ++r)
            batch_add(&of.batch, work, g, (uint32_t)r, group->inner);
        of.first[g - begin + 1] = (size_t)of.batch.fitting.n_problems;
    }
    if (code == ALLOMETER_OK && R) code = batch_run(&of.batch, work, error);
    if (code == ALLOMETER_OK) code = fit_each_group(work->fits, begin, end, describe_group, &of, error);
    fit_memory_free(of.batch.memory);
    return code;
}

enum allometer_code fit_resample(const struct fit_work *work, size_t group, double *parameters, size_t *n,
                                 struct allometer_error *error) {
    size_t R = (size_t)work->fits->options.bootstrap, P = (size_t)work->n_parameters;
    struct batch batch;
    enum allometer_code code = batch_make(&batch, work, R, error);
    for (size_t r = 1; r <= R && code == ALLOMETER_OK; ++r)
        batch_add(&batch, work, group, (uint32_t)r, work->fits->groups[group].inner);
    if (code == ALLOMETER_OK) code = batch_run(&batch, work, error);
    *n = 0;
    for (size_t r = 0; r < R && code == ALLOMETER_OK; ++r) {
        if (is_minimum(batch.fitting.outcomes[r].status))
            memcpy(parameters + (*n)++ * P, batch.parameters + r * P, P * sizeof(double));
    }
    fit_memory_free(batch.memory);
    return code;
}

static size_t groups_per_batch(size_t problems, size_t P) {
    size_t n = BATCH_PARAMETERS / ((problems ? problems : 1) * P);
    return n ? n : 1;
}

enum allometer_code fit_find_minima(struct fit_work *work, struct allometer_error *error) {
    if (!work->n_starts) {
        work->n_starts = fit_n_starts(work) + fit_n_starts_of_noise(work);
        work->n_kept = KEPT_STARTS;
    }
    work->n_rounds = work->fits->law->program && work->n_starts >= MANY_STARTS ? 2 : work->n_starts > 1;
    size_t G = work->fits->n_groups, n = groups_per_batch((size_t)work->n_starts, (size_t)work->n_parameters);
    enum allometer_code code = ALLOMETER_OK;
    for (size_t g = 0; g < G && code == ALLOMETER_OK; g += n) {
        code = fit_groups(work, g, g + n < G ? g + n : G, 0, error);
    }
    if (work->n_rounds < 2) return code;
    struct fit_work near = *work;
    near.n_starts = AROUND, near.n_rounds = 1;
    n = groups_per_batch(AROUND, (size_t)work->n_parameters);
    for (size_t g = 0; g < G && code == ALLOMETER_OK; g += n) {
        code = fit_groups(&near, g, g + n < G ? g + n : G, 1, error);
    }
    return code;
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
    size_t n = groups_per_batch((size_t)fits->options.bootstrap, P);
    for (size_t g = 0; g < G && code == ALLOMETER_OK; g += n) {
        code = describe_groups(&work, g, g + n < G ? g + n : G, error);
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
    code = fit_collect_rows(fits, error);
    if (code == ALLOMETER_OK) code = fits->law->candidates ? fit_average(fits, error) : fit_law(fits, error);
    if (code == ALLOMETER_OK)
        *result = fits;
    else
        allometer_fits_free(fits);
    return code;
}

void allometer_fits_free(struct allometer_fits *fits) {
    if (!fits) return;
    fit_memory_free(fits->memory);
    free(fits->groups);
    free(fits);
}
