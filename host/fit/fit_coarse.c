/* Groups of very many points, such as a loss at every step of a training: their minima are sought on some thousand points
   that stand for all, and found on all of them. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 1024, MANY_POINTS = 4 * BINS };

/* Whether the group is yet to be fitted, and has so many points. */
static int is_large(const struct fit_work *work, size_t group) {
    return work->fits->groups[group].status == FIT_PENDING && fit_n_points(work, group) > MANY_POINTS;
}

size_t fit_n_large(const struct fit_work *work) {
    size_t n = 0;
    for (size_t g = 0; g < work->fits->n_groups; ++g) n += (size_t)is_large(work, g);
    return n;
}

/* A point among a group's, in the order of what the law reads, whatever the order of the rows. */
struct place {
    double x, other, target;
    size_t at;
};

static int by_place(const void *a, const void *b) {
    const struct place *p = a, *q = b;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    if (p->other != q->other) return p->other < q->other ? -1 : 1;
    if (p->target != q->target) return p->target < q->target ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

/* The bin of place i of n: by how many points lie before it, how far along x it is, and, where x is a scale and no logarithm
   yet, along log x; so that neither the many points of a late training nor the few of an early one are lost. It never falls
   with i. */
static size_t bin_of(const struct place *places, size_t n, size_t i, int is_log) {
    double low = places[0].x, high = places[n - 1].x, rank = (double)i / (double)n;
    double along = high > low ? (places[i].x - low) / (high - low) : rank;
    double logs = !is_log && low > 0 && high > low ? log(places[i].x / low) / log(high / low) : along;
    double bin = (rank + along + logs) / 3 * BINS;
    return bin < BINS ? (size_t)bin : BINS - 1; /* the last, too, where the span of x overflows */
}

/* Adds one point for places begin .. end - 1: their weighted mean where the law is smooth and the loss squared, so that
   errors average out; else the one in their middle, as formulas may vary within a bin, and the loss be made for outliers. */
static void add_bin(const struct fit_work *work, struct fit_work *coarse, const struct place *places,
                    size_t begin, size_t end) {
    int is_smooth = !work->fits->law->program && work->n_columns == 1
                    && work->fits->options.objective != ALLOMETER_OBJECTIVE_HUBER;
    size_t middle = places[begin + (end - begin) / 2].at, point = coarse->n_points;
    double weights = 0, x = 0, target = 0;
    for (size_t i = begin; i < end; ++i) {
        double weight = fit_weight(work, places[i].at);
        weights += weight, x += weight * places[i].x, target += weight * places[i].target;
    }
    for (int c = 0; c < work->n_columns; ++c) coarse->columns[c][point] = work->columns[c][middle];
    coarse->target[point] = work->target[middle];
    if (is_smooth) coarse->columns[0][point] = x / weights, coarse->target[point] = target / weights;
    coarse->weight[point] = weights;
    coarse->units[coarse->n_units++] = (int64_t)coarse->n_points++;
}

static enum allometer_code add_group(const struct fit_work *work, struct fit_work *coarse, size_t group,
                                     struct allometer_error *error) {
    size_t n = fit_n_points(work, group), first = fit_first_point(work, group);
    size_t first_unit = coarse->n_units;
    const int is_log = work->fits->law->form == ALLOMETER_COLUMNS_LOG;
    struct place *places = malloc(n * sizeof *places);
    if (!places) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu points", n);
    for (size_t i = 0; i < n; ++i)
        places[i] =
            (struct place){work->columns[0][first + i], work->n_columns > 1 ? work->columns[1][first + i] : 0,
                           work->target[first + i], first + i};
    qsort(places, n, sizeof *places, by_place);
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t bin = bin_of(places, n, begin, is_log);
        for (end = begin + 1; end < n && bin_of(places, n, end, is_log) == bin;) ++end;
        add_bin(work, coarse, places, begin, end);
    }
    free(places);
    coarse->units[coarse->n_units] = (int64_t)coarse->n_points;
    coarse->sets[group].first_unit = (int64_t)first_unit;
    coarse->sets[group].n_units = (int32_t)(coarse->n_units - first_unit);
    return ALLOMETER_OK;
}

/* Sets like the work's, of which the large or all the others are empty. */
static struct allometer_fit_set *select_sets(const struct fit_work *work, struct fit_memory **memory,
                                             int large) {
    struct allometer_fit_set *sets = fit_allocate(memory, work->fits->n_groups, sizeof *sets);
    for (size_t g = 0; g < work->fits->n_groups && sets; ++g) {
        sets[g] = work->sets[g];
        if (is_large(work, g) != large) sets[g].first_unit = sets[g].n_units = 0;
    }
    return sets;
}

enum allometer_code fit_coarsen(const struct fit_work *work, struct fit_work *coarse, struct fit_work *others,
                                struct fit_memory **memory, struct allometer_error *error) {
    const size_t n_large = fit_n_large(work);
    *coarse = *others = *work;
    others->sets = select_sets(work, memory, 0), coarse->sets = select_sets(work, memory, 1);
    int allocated = others->sets && coarse->sets;
    for (int c = 0; c < work->n_columns; ++c) {
        coarse->columns[c] = fit_allocate(memory, n_large * BINS, sizeof(double));
        allocated = allocated && coarse->columns[c];
    }
    coarse->target = fit_allocate(memory, n_large * BINS, sizeof(double));
    coarse->weight = fit_allocate(memory, n_large * BINS, sizeof(double));
    coarse->units = fit_allocate(memory, n_large * BINS + 1, sizeof *coarse->units);
    if (!allocated || !coarse->target || !coarse->weight || !coarse->units)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu groups", n_large);
    coarse->n_points = coarse->n_units = 0, coarse->fine = work->stay_coarse ? NULL : work;
    enum allometer_code code = ALLOMETER_OK;
    for (size_t g = 0; g < work->fits->n_groups && code == ALLOMETER_OK; ++g)
        if (coarse->sets[g].n_units) code = add_group(work, coarse, g, error);
    return code;
}
