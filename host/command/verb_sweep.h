/* What the files of `allometer sweep` share. */
#ifndef ALLOMETER_VERB_SWEEP_H
#define ALLOMETER_VERB_SWEEP_H

#include "plan.h"
#include "run.h"
#include "verbs.h"

/* verb_sweep_plan.c: plans the shard (both 1-based, as the user gives them) for the device. measure: also train a
   little, to know how fast the device is. */
enum allometer_code sweep_plan(const struct allometer_sweep *sweep, unsigned shard, unsigned n_shards,
                               int measure, const struct allometer_backend *backend,
                               struct allometer_device *device, struct allometer_plan *plan,
                               struct allometer_error *error);
/* Refuses what neither the memory nor the disk that `out` lies on has room for. */
enum allometer_code sweep_plan_check(const struct allometer_plan *plan,
                                     const struct allometer_backend *backend, const char *out,
                                     struct allometer_error *error);

/* verb_sweep_progress.c: a bar on a terminal, lines elsewhere, on stderr. */
void sweep_progress_begin(struct allometer_run_options *options);
void sweep_progress_end(const struct allometer_run_options *options);

#endif
