/* The thread that stores results, so that training never waits for the disk: results go through a queue. */
#ifndef ALLOMETER_RUN_WRITER_H
#define ALLOMETER_RUN_WRITER_H

#include "run.h"

struct run_writer;

/* progress: where the shard stands before the first model. */
enum allometer_code run_writer_start(const struct allometer_sweep *sweep, struct allometer_store *store,
                                     const struct allometer_run_options *options,
                                     const struct allometer_run_progress *progress,
                                     struct run_writer **writer, struct allometer_error *error);
/* Copies the result and what it points to into the queue; waits while it is full. weights: the model's, or NULL. Fails with
   the writer's own failure, once there is one. */
enum allometer_code run_writer_add(struct run_writer *writer, uint64_t index,
                                   const struct allometer_model *model, const struct allometer_result *result,
                                   const float *weights, struct allometer_error *error);
/* Stores what is in the queue, commits, ends the thread; progress: where the shard stands now. */
enum allometer_code run_writer_finish(struct run_writer *writer, struct allometer_run_progress *progress,
                                      struct allometer_error *error);

#endif
