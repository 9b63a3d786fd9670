/* The run of a sweep: its models, less those stored already, trained on one backend and stored. */
#ifndef ALLOMETER_RUN_H
#define ALLOMETER_RUN_H

#include "store.h"

struct allometer_run_progress {
    uint64_t n_models; /* of this shard */
    uint64_t n_done,
        n_diverged;           /* of them stored, the diverged among them; by this run and by those before */
    uint64_t n_trained;       /* by this run */
    double seconds;           /* since this run began */
    double models_per_second; /* of this run; 0 while unknown */
    double seconds_left;      /* estimated; NaN while unknown */
};

struct allometer_run_options {
    unsigned shard, n_shards; /* models whose index mod n_shards is shard - 1; 1 / 1, or 0 / 0, for all */
    double flops;  /* of all models of the shard, for the estimated time; 0: models are taken as equal */
    size_t window; /* models handed to the backend at once; 0 for 4096 */
    const volatile sig_atomic_t *stop; /* may be NULL; set: the models in flight are finished and stored */
    /* Called about every `progress_seconds` (0: 0.1), before the first model and after the last, from a thread of the
       run; may be NULL. */
    void (*progress)(void *user, const struct allometer_run_progress *progress);
    double progress_seconds;
    void *user;
};

/* sweep: the one that the store was opened with, or its equal. Trains and stores until all are done (OK), *stop is set (INTERRUPTED), or something fails: what was stored before
   stays in every case, and a further run goes on from there. Memory does not grow with the number of models.
   options: NULL for all models. finished: how far it got; may be NULL. */
enum allometer_code allometer_run(const struct allometer_sweep *sweep, struct allometer_store *store,
                                  const struct allometer_backend *backend, struct allometer_device *device,
                                  const struct allometer_run_options *options,
                                  struct allometer_run_progress *finished, struct allometer_error *error);

#endif
