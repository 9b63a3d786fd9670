#include "ceiling.h"

/* Machines slow down and speed up by the second, shared ones above all, so that every repeat is compared with ceilings
   measured just before and just after it. */
struct bench_result bench_repeat(const struct bench_options *options, double (*once)(void *user), void *user,
                                 const struct floor *floor) {
    struct bench_result result = {0};
    double rates[BENCH_REPEATS], shares[BENCH_REPEATS], of_peak[BENCH_REPEATS],
        ceilings[2][N_CEILINGS] = {{0}};
    const int compare = floor && !options->rates_only;
    const double begin = bench_now();
    int n = 0;
    for (int r = -1; r < options->repeats; ++r) { /* -1: the warm-up */
        if (r > 0 && bench_now() - begin > options->seconds) break;
        double start = bench_now(), units = 0, taken = 0;
        while (taken < BENCH_SECONDS) units += once(user), taken = bench_now() - start;
        for (int id = 0; compare && id < CEILING_MEMORY_BYTES; ++id) {
            if (id == CEILING_MULTIPLY_ADDS || floor->needs[id] > 0)
                ceilings[(r + 1) & 1][id] = ceiling_now((enum ceiling_id)id, options->threads, 0.01);
        }
        if (r < 0) continue;
        rates[r] = units / taken, n = r + 1;
        if (!compare) continue;
        const double *before = ceilings[r & 1], *after = ceilings[(r + 1) & 1];
        shares[r] = 2 * rates[r] / (floor_rate(floor, before) + floor_rate(floor, after));
        of_peak[r] = 2 * rates[r] / (before[CEILING_MULTIPLY_ADDS] + after[CEILING_MULTIPLY_ADDS]);
    }
    result.rate = bench_spread(rates, n);
    if (!compare) return result;
    result.share = bench_spread(shares, n);
    result.of_peak = bench_spread(of_peak, n).median;
    result.floor_flops = floor_flops(floor, ceilings[0]);
    result.floor_bytes = floor->needs[CEILING_CACHE_BYTES];
    return result;
}
