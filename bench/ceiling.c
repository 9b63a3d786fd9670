#include "ceiling.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define ROW(set) extern const struct ceiling ceiling_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW
static const struct ceiling *const ceilings[] = {
#define ROW(set) &ceiling_##set,
    ALLOMETER_INSTRUCTION_SETS
#undef ROW
};

static const struct ceiling *chosen;

void ceiling_choose(const char *device_description) {
    for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; ++i) {
        if (strstr(device_description, ceilings[i]->name)) chosen = ceilings[i];
    }
    if (!chosen) bench_quit("no ceiling was compiled for this instruction set");
}

/* Floats that one thread streams through: in its own cache, or far more than all caches hold together. */
static size_t memory_floats(enum ceiling_id id, int threads) {
    if (id == CEILING_CACHE_BYTES) return (256u << 10) / sizeof(float);
    if (id != CEILING_MEMORY_BYTES) return 0;
    size_t share = (512u << 20) / sizeof(float) / (size_t)threads, least = (32u << 20) / sizeof(float);
    return (share > least ? share : least) / 64 * 64;
}

/* `repeats` measurements of all threads at once into rates. */
static void measure(enum ceiling_id id, int threads, double seconds, int repeats, double *rates) {
    const size_t n = memory_floats(id, threads);
    int out_of_memory = 0;
    for (int r = 0; r < repeats; ++r) rates[r] = 0;
#pragma omp parallel num_threads(threads)
    {
        float *memory = n ? aligned_alloc(64, n * sizeof *memory) : NULL;
        for (size_t i = 0; memory && i < n; ++i) memory[i] = 1; /* the thread's own pages, and near it */
        if (n && !memory) {
#pragma omp atomic write
            out_of_memory = 1;
        }
        for (int r = 0; r < repeats; ++r) {
#pragma omp barrier
            double rate = n && !memory ? 0 : chosen->measure[id](seconds, memory, n);
#pragma omp atomic
            rates[r] += rate;
        }
        free(memory);
    }
    if (out_of_memory) bench_quit("out of memory for measuring its bandwidth");
}

double ceiling_now(enum ceiling_id id, int threads, double seconds) {
    double rate;
    measure(id, threads, seconds, 1, &rate);
    return rate;
}

struct spread ceiling_spread(enum ceiling_id id, int threads) {
    double rates[BENCH_REPEATS];
    measure(id, threads, 0.05, BENCH_REPEATS, rates);
    return bench_spread(rates, BENCH_REPEATS);
}

double floor_flops(const struct floor *floor, const double rates[N_CEILINGS]) {
    double seconds = 0;
    for (int id = 0; id < CEILING_CACHE_BYTES; ++id) {
        if (floor->needs[id] > 0) seconds += floor->needs[id] / rates[id];
    }
    return seconds * rates[CEILING_MULTIPLY_ADDS];
}

double floor_rate(const struct floor *floor, const double rates[N_CEILINGS]) {
    double arithmetic = rates[CEILING_MULTIPLY_ADDS] / floor_flops(floor, rates);
    double traffic = rates[CEILING_CACHE_BYTES] / floor->needs[CEILING_CACHE_BYTES];
    return arithmetic < traffic ? arithmetic : traffic;
}
