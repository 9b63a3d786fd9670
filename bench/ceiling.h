/* What this machine can do at most, measured: the yardsticks beside every number of the bench. */
#ifndef ALLOMETER_CEILING_H
#define ALLOMETER_CEILING_H

#include "bench.h"

/* id, key of the record, text of the table, units per second in one of the table. A multiply-add counts as two operations;
   exponentials, reciprocals, logarithms are those of the kernels (vf_exp_u15, vf_reciprocal_u15, vd_exp_u10, vd_log_u10);
   bytes are read and written back in place. */
#define CEILING_TABLE(ROW)                                                           \
    ROW(MULTIPLY_ADDS, "multiply_add_flops", "GFLOP/s multiply-add", 1e9)            \
    ROW(EXPONENTIALS, "exponentials_per_s", "1e9 exponentials/s", 1e9)               \
    ROW(RECIPROCALS, "reciprocals_per_s", "1e9 reciprocals/s", 1e9)                  \
    ROW(DOUBLE_MULTIPLY_ADDS, "double_multiply_add_flops", "GFLOP/s in double", 1e9) \
    ROW(DOUBLE_EXPONENTIALS, "double_exponentials_per_s", "1e9 exponentials/s", 1e9) \
    ROW(DOUBLE_LOGARITHMS, "double_logarithms_per_s", "1e9 logarithms/s", 1e9)       \
    ROW(DOUBLE_DIVISIONS, "double_divisions_per_s", "1e9 divisions/s", 1e9)          \
    ROW(CACHE_BYTES, "cache_bytes_per_s", "GB/s cache, 256 KiB a thread", 1e9)       \
    ROW(MEMORY_BYTES, "memory_bytes_per_s", "GB/s memory, 512 MiB in all", 1e9)

enum ceiling_id {
#define ROW(id, key, text, scale) CEILING_##id,
    CEILING_TABLE(ROW)
#undef ROW
        N_CEILINGS
};

/* One compilation for each instruction set; each function runs on the calling thread for about `seconds` and returns
   its units per second. memory: n floats that are its own, finite; only the last two touch it. */
struct ceiling {
    const char *name;
    double (*measure[N_CEILINGS])(double seconds, float *memory, size_t n);
};

/* Chooses the instruction set by its name; quits where it is unknown. */
void ceiling_choose(const char *device_description);
/* Units per second of all threads together, once. */
double ceiling_now(enum ceiling_id id, int threads, double seconds);
/* The same, seven times. */
struct spread ceiling_spread(enum ceiling_id id, int threads);

/* What one unit of work needs at least, whoever computes it and however: so many of each row of the table. */
struct floor {
    double needs[N_CEILINGS];
};

/* Units per second that all threads could do at most, by ceilings measured now (rates[id]): the arithmetic one after the
   other, since it is all the same units' work, or the bytes, whichever takes longer. */
double floor_rate(const struct floor *floor, const double rates[N_CEILINGS]);
/* What one unit comes to in operations of the multiply-add peak of single precision: an exponential counts as many as it
   takes here. */
double floor_flops(const struct floor *floor, const double rates[N_CEILINGS]);

#endif
