/* What the cases of the bench share: repeats, their spread, and how a case is run. */
#ifndef ALLOMETER_BENCH_H
#define ALLOMETER_BENCH_H

#include "backend.h"

#include <stdio.h>

enum { BENCH_REPEATS = 7 };
/* Least of a repeat and of the warm-up, ours and a peer's: shared machines have slow moments, and GPUs take tenths of a second
   to their full clock. Of 40 repeats of 5 ms a quarter were 16 % below the median, or more; of 0.3 s, 3 %. peers/peer.py has
   it too. */
#define BENCH_SECONDS 0.3

struct spread {
    double least, median, most;
};

/* Sorts the values. */
struct spread bench_spread(double *values, int n);
double bench_now(void); /* seconds */
_Noreturn void bench_quit(const char *message);

/* What the command line asked of every case. */
struct bench_options {
    const struct allometer_backend *backend;
    int threads, repeats;
    double seconds;       /* of repeats, after which no further one begins */
    int rates_only;       /* no ceilings */
    int check;            /* compare what models reach with the CPU */
    const char *problems; /* file for what a case worked on, so that a peer can do the same; NULL: none */
    const char *instruction_set;
};

/* What a case found. */
struct bench_result {
    struct spread rate;  /* of the kind's own unit, per second, on all threads */
    struct spread share; /* of the floor's ceiling, measured before each repeat; 0: the case has no floor */
    double of_peak;      /* units per multiply-add operation that the machine could do in that time */
    double floor_flops, floor_bytes; /* of one unit at the floor, see floor_flops in ceiling.h */
    char remark[96];
};

struct floor;
/* A warm-up and then options->repeats repeats, each of as many calls of once(user), which returns the units that it did, as
   last BENCH_SECONDS. floor may be NULL. */
struct bench_result bench_repeat(const struct bench_options *options, double (*once)(void *user), void *user,
                                 const struct floor *floor);

/* One kind of case: the first word of its text. */
struct bench_kind {
    const char *word, *unit, *note; /* note: may be NULL */
    double scale;                   /* units per second in one of `unit` */
    const char *const
        *cases; /* NULL-terminated; those that stand after an empty one only if all are asked for */
    struct bench_result (*run)(const char *text, struct allometer_device *device,
                               const struct bench_options *options);
};
extern const struct bench_kind bench_training, bench_fitting;

#endif
