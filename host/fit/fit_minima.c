/* The minimum of every group: starts, pruned early; the best of them. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRUNE_ITERATIONS = 12, /* of every start, before the best go on */
    /* The many starts of a formula, which are worse than a law's, are pruned twice. */
    MANY_STARTS = 512,
    MOST_KEPT = 128, /* of each group, beside the user's own */
    MORE_ITERATIONS = 60,
    AROUND = 256,       /* starts around the best minimum, where there were many: another may be next to it */
    KEPT_OF_COARSE = 8, /* minima of a group's coarse points that go on on all of them */
};

#define COARSE_ERROR 1.1   /* ratio of costs on coarse points up to which either may be the lower on all */
#define SAME_COST    1.001 /* ratio of costs up to which the user's start decides between minima */

/* Lower cost first; of costs that differ by rounding alone, a minimum first. */
static int better(const struct allometer_fit_outcome *a, const struct allometer_fit_outcome *b) {
    int a_is_finite = a->status != ALLOMETER_FIT_NOT_FINITE,
        b_is_finite = b->status != ALLOMETER_FIT_NOT_FINITE;
    if (!a_is_finite || !b_is_finite) return a_is_finite && !b_is_finite;
    if (fabs(a->cost - b->cost) <= 1e-9 * fabs(b->cost)
        && fit_is_minimum(a->status) != fit_is_minimum(b->status)) {
        return fit_is_minimum(a->status);
    }
    return a->cost < b->cost;
}

/* The kept best starts of one group after a few iterations: problems of the next batch. */
static void keep_best(struct fit_batch *into, const struct fit_batch *from, const struct fit_work *work,
                      size_t most, size_t begin, size_t end) {
    size_t kept[MOST_KEPT], n = 0, P = (size_t)work->n_parameters;
    const struct allometer_fit_outcome *outcomes = from->fitting.outcomes;
    for (size_t f = begin; f < end; ++f) {
        size_t at = n < most ? n++ : n;
        if (at == most && !better(&outcomes[f], &outcomes[kept[--at]])) continue;
        while (at > 0 && better(&outcomes[f], &outcomes[kept[at - 1]])) kept[at] = kept[at - 1], --at;
        kept[at] = f;
    }
    size_t g = (size_t)from->problems[begin].set;
    int own = fit_first_start_is_own(work);
    if (own) fit_batch_add(into, work, g, 0, from->parameters + begin * P);
    for (size_t i = 0; i < n; ++i) {
        if (!own || kept[i] != begin) fit_batch_add(into, work, g, 0, from->parameters + kept[i] * P);
    }
}

/* The best minima of a group's coarse points, each once: problems of the batch on all points. */
static void keep_minima(struct fit_batch *into, const struct fit_batch *from, const struct fit_work *work,
                        size_t begin, size_t end) {
    const struct allometer_fit_outcome *outcomes = from->fitting.outcomes, *last = NULL;
    size_t g = (size_t)from->problems[begin].set, P = (size_t)work->n_parameters;
    int own = fit_first_start_is_own(work);
    if (own) fit_batch_add(into, work, g, 0, from->parameters + begin * P);
    double most = INFINITY;
    for (int i = own; i < KEPT_OF_COARSE; ++i) {
        size_t best = end;
        for (size_t f = begin; f < end; ++f) {
            int is_new = !last || outcomes[f].cost > (1 + 1e-6) * last->cost;
            if (is_new && (best == end || better(&outcomes[f], &outcomes[best]))) best = f;
        }
        if (best == end || outcomes[best].cost > most) return;
        if (!last) most = COARSE_ERROR * outcomes[best].cost;
        last = &outcomes[best];
        fit_batch_add(into, work, g, 0, from->parameters + best * P);
    }
}

static int n_positive(const double *parameters, size_t P) {
    int n = 0;
    for (size_t p = 0; p < P; ++p) n += parameters[p] > 0;
    return n;
}

/* A formula may have minima that mirror each other, such as both signs of a width: the one with the most parameters
   above 0 of problems begin .. end - 1 that are as good as the best. */
static size_t without_mirrors(const struct fit_batch *batch, size_t P, size_t begin, size_t end,
                              size_t best) {
    const struct allometer_fit_outcome *outcomes = batch->fitting.outcomes;
    double most = (1 + 1e-9) * outcomes[best].cost;
    for (size_t f = begin; f < end; ++f) {
        if (fit_is_minimum(outcomes[f].status) && outcomes[f].cost <= most
            && n_positive(batch->parameters + f * P, P) > n_positive(batch->parameters + best * P, P)) {
            best = f;
        }
    }
    return best;
}

static void take_best(const struct fit_batch *batch, struct fit_work *work) {
    struct allometer_fit_group *groups = work->fits->groups;
    const struct allometer_fit_outcome *outcomes = batch->fitting.outcomes;
    size_t P = (size_t)work->n_parameters, n = (size_t)batch->fitting.n_problems;
    for (size_t f = 0, end; f < n; f = end) {
        size_t best = f, g = (size_t)batch->problems[f].set;
        for (end = f + 1; end < n && (size_t)batch->problems[end].set == g; ++end) {
            if (better(&outcomes[end], &outcomes[best])) best = end;
        }
        if (work->fits->law->program) best = without_mirrors(batch, P, f, end, best);
        /* of minima alike, such as two exponentials that have changed places, the one that the user's start leads to */
        if (fit_first_start_is_own(work) && fit_is_minimum(outcomes[f].status)
            && outcomes[f].cost <= SAME_COST * outcomes[best].cost) {
            best = f;
        }
        /* starts around a minimum of all points were judged on a few of them, and may all have left it for a worse one */
        if (work->fine && fit_is_minimum(groups[g].status) && groups[g].objective <= outcomes[best].cost)
            continue;
        groups[g].status = outcomes[best].status;
        groups[g].iterations = outcomes[best].iterations;
        groups[g].objective = outcomes[best].cost;
        memcpy(groups[g].inner, batch->parameters + best * P, P * sizeof(double));
        fit_order_breaks(work, g, groups[g].inner);
    }
}

/* Starts of all problems, which stand there group by group; around: of those near the groups' minima. */
static enum allometer_code fill_starts(struct fit_batch *batch, const struct fit_work *work, int around,
                                       struct allometer_error *error) {
    size_t P = (size_t)work->n_parameters, n = (size_t)work->n_starts;
    int out_of_memory = 0, threads = batch->fitting.n_problems > (int64_t)n ? work->fits->options.threads : 1;
#pragma omp parallel num_threads(threads) reduction(| : out_of_memory)
    {
        double *scratch = malloc((fit_start_scratch(work) + 1) * sizeof *scratch);
        out_of_memory = !scratch;
#pragma omp for schedule(dynamic)
        for (int64_t f = 0; f < batch->fitting.n_problems; f += (int64_t)n) {
            size_t g = (size_t)batch->problems[f].set;
            double *starts = batch->parameters + (size_t)f * P;
            if (scratch && around)
                fit_formula_starts_around(work, g, starts);
            else if (scratch)
                fit_starts(work, g, starts, scratch);
        }
        free(scratch);
    }
    if (!out_of_memory) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_FAILED, "out of memory for starts");
}

/* Runs the batch, and replaces it by that of the best of each group: `most` of them, or, if 0, those that go on on all
   points. */
static enum allometer_code prune(struct fit_batch *batch, const struct fit_work *work, size_t most,
                                 struct allometer_error *error) {
    size_t n = (size_t)batch->fitting.n_problems;
    struct fit_batch best = {0};
    enum allometer_code code = fit_batch_run(batch, work, error);
    if (code == ALLOMETER_OK) code = fit_batch_make(&best, most ? work : work->fine, n, error);
    for (size_t f = 0, end; f < n && code == ALLOMETER_OK; f = end) {
        for (end = f + 1; end < n && batch->problems[end].set == batch->problems[f].set;) ++end;
        if (most)
            keep_best(&best, batch, work, most, f, end);
        else
            keep_minima(&best, batch, work, f, end);
    }
    fit_memory_free(batch->memory);
    *batch = best;
    return code;
}

/* Finds the minimum of the groups begin .. end - 1; around: from that they have. */
static enum allometer_code fit_groups(struct fit_work *work, size_t begin, size_t end, int around,
                                      struct allometer_error *error) {
    size_t n_starts = (size_t)work->n_starts, capacity = (end - begin) * n_starts;
    struct fit_batch batch;
    const double unknown[ALLOMETER_MAX_PARAMETERS] = {0};
    enum allometer_code code = fit_batch_make(&batch, work, capacity, error);
    for (size_t g = begin; g < end && code == ALLOMETER_OK; ++g) {
        int32_t status = work->fits->groups[g].status;
        if (work->sets[g].n_units == 0) continue;
        if (around ? !fit_is_minimum(status) && status != ALLOMETER_FIT_OUT_OF_ITERATIONS
                   : status != FIT_PENDING)
            continue;
        for (size_t i = 0; i < n_starts; ++i) fit_batch_add(&batch, work, g, 0, unknown);
    }
    if (code == ALLOMETER_OK) code = fill_starts(&batch, work, around, error);
    for (int round = work->n_rounds; round > 0 && code == ALLOMETER_OK; --round) {
        batch.fitting.max_iterations = round == work->n_rounds ? PRUNE_ITERATIONS : MORE_ITERATIONS;
        code = prune(&batch, work, round == 2 ? MOST_KEPT : (size_t)work->n_kept, error);
    }
    if (code == ALLOMETER_OK && work->fine) {
        code = prune(&batch, work, 0, error);
        batch.fitting.max_iterations = MORE_ITERATIONS;
        if (code == ALLOMETER_OK) code = prune(&batch, work->fine, 1, error);
    }
    if (code == ALLOMETER_OK) code = fit_batch_run(&batch, work, error);
    if (code == ALLOMETER_OK) take_best(&batch, work);
    fit_memory_free(batch.memory);
    return code;
}

/* The same of all groups, some at a time. */
static enum allometer_code fit_batches(struct fit_work *work, int around, struct allometer_error *error) {
    size_t G = work->fits->n_groups,
           n = fit_groups_per_batch((size_t)work->n_starts, (size_t)work->n_parameters);
    enum allometer_code code = ALLOMETER_OK;
    for (size_t g = 0; g < G && code == ALLOMETER_OK; g += n) {
        code = fit_groups(work, g, g + n < G ? g + n : G, around, error);
    }
    return code;
}

static enum allometer_code find_minima(struct fit_work *work, struct allometer_error *error) {
    int are_many = work->fits->law->program && work->n_starts >= MANY_STARTS;
    work->n_rounds = are_many ? 2 : work->n_starts > 1;
    enum allometer_code code = fit_batches(work, 0, error);
    if (code != ALLOMETER_OK || !are_many) return code;
    struct fit_work near = *work;
    near.n_starts = AROUND, near.n_rounds = 1;
    return fit_batches(&near, 1, error);
}

enum allometer_code fit_find_minima(struct fit_work *work, struct allometer_error *error) {
    if (!work->n_starts) {
        work->n_starts = fit_n_starts(work) + fit_n_starts_of_noise(work);
        work->n_kept = fit_n_kept(work);
    }
    if (fit_n_large(work) == 0) return find_minima(work, error);
    struct fit_work coarse, others;
    struct fit_memory *memory = NULL;
    enum allometer_code code = fit_coarsen(work, &coarse, &others, &memory, error);
    if (code == ALLOMETER_OK) code = find_minima(&others, error);
    if (code == ALLOMETER_OK) code = find_minima(&coarse, error);
    fit_memory_free(memory);
    return code;
}
