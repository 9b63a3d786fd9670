/* Fits on the CPU: problems in order of size, OpenMP over chunks of them. */
#include "cpu_fit.h"
#include "backend.h"

#include <stdlib.h>
#include <string.h>

/* Fits that a thread works through in one go, and those among them that can wait for others, for each of its lanes. */
enum { MOST_FITS = 512, MOST_WAITING = 64 };
/* Points of all fits together for which a further thread is started: the work of a tenth of a millisecond or more. */
enum { POINTS_WORTH_A_THREAD = 2048 };

#define ROW(set) extern const struct fit_kernels fit_kernels_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW

static const struct fit_kernels *find_kernels(const char *name) {
#define ROW(set) \
    if (strcmp(name, #set) == 0) return &fit_kernels_##set;
    ALLOMETER_INSTRUCTION_SETS
#undef ROW
    return NULL;
}

static int64_t set_points(const struct allometer_fitting *fitting, int32_t set) {
    int64_t first = fitting->sets[set].first_unit, end = first + fitting->sets[set].n_units;
    return fitting->points.units ? fitting->points.units[end] - fitting->points.units[first] : end - first;
}

struct sized {
    int64_t size, problem;
};

static int larger_first(const void *a, const void *b) {
    const struct sized *one = a, *two = b;
    if (one->size != two->size) return one->size < two->size ? 1 : -1;
    return one->problem < two->problem ? -1 : one->problem > two->problem;
}

/* Problems of like size share lanes, so that few lanes wait for longer ones. */
static int64_t *order_by_size(const struct allometer_fitting *fitting, int64_t *largest) {
    int64_t n = fitting->n_problems;
    struct sized *sized = malloc((size_t)n * sizeof *sized);
    int64_t *order = malloc((size_t)n * sizeof *order);
    int sorted = 1;
    for (int64_t f = 0; f < n && sized; ++f) {
        sized[f] = (struct sized){set_points(fitting, fitting->problems[f].set), f};
        sorted &= f == 0 || sized[f].size <= sized[f - 1].size;
    }
    if (sized && order) {
        if (!sorted) qsort(sized, (size_t)n, sizeof *sized, larger_first);
        for (int64_t f = 0; f < n; ++f) order[f] = sized[f].problem;
        *largest = sized[0].size;
    } else {
        free(order);
        order = NULL;
    }
    free(sized);
    return order;
}

enum allometer_code fit_on_cpu(const char *instruction_set, int threads,
                               const struct allometer_fitting *fitting, struct allometer_error *error) {
    const struct fit_kernels *kernels = find_kernels(instruction_set);
    if (!kernels)
        return allometer_fail(error, ALLOMETER_FAILED, "no fits for instruction set '%s'", instruction_set);
    if (fitting->n_problems == 0) return ALLOMETER_OK;
    int64_t largest = 0, *order = order_by_size(fitting, &largest);
    if (!order)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %lld fits",
                              (long long)fitting->n_problems);
    if (largest > INT32_MAX / 2) {
        free(order);
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%lld points in one fit are too many",
                              (long long)largest);
    }

    int out_of_memory = 0;
    int64_t lanes = kernels->lanes(), n = fitting->n_problems;
    const int64_t worth = 1 + n * largest / POINTS_WORTH_A_THREAD;
    if (threads > worth) threads = (int)worth;
    int64_t chunk = n / (threads * 4) / lanes * lanes;
    chunk = chunk < lanes ? lanes : chunk > MOST_FITS * lanes ? MOST_FITS * lanes : chunk;
    int64_t room = chunk < MOST_WAITING * lanes ? chunk : MOST_WAITING * lanes;
    size_t rows = (size_t)largest * (size_t)(allometer_fitting_columns(fitting) + 2) * (size_t)lanes;
#pragma omp parallel num_threads(threads) reduction(| : out_of_memory)
    {
        double *scratch = calloc(rows, sizeof *scratch); /* lanes that never get a problem */
        int32_t *counts = malloc(((size_t)largest + 1) * sizeof *counts);
        double *waiting = malloc((size_t)room * (size_t)kernels->state(fitting) * sizeof *waiting);
        out_of_memory = !scratch || !counts || !waiting;
#pragma omp for schedule(dynamic)
        for (int64_t begin = 0; begin < n; begin += chunk) {
            if (out_of_memory) continue;
            int64_t length = n - begin < chunk ? n - begin : chunk;
            int32_t capacity = (int32_t)set_points(fitting, fitting->problems[order[begin]].set);
            kernels->solve(fitting, order + begin, length, scratch, waiting, room, counts, capacity);
        }
        free(scratch);
        free(counts);
        free(waiting);
    }
    free(order);
    if (out_of_memory) {
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for fits of %lld points",
                              (long long)largest);
    }
    return ALLOMETER_OK;
}
