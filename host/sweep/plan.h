/* What a sweep will take, before any of it is trained. */
#ifndef ALLOMETER_PLAN_H
#define ALLOMETER_PLAN_H

#include "sweep.h"

#include <stdio.h>

struct allometer_plan_options {
    unsigned shard, n_shards; /* models whose index mod n_shards is shard - 1; 1 / 1, or 0 / 0, for all */
    double flops_per_second;  /* of the whole machine; 0 where it is not known */
    uint64_t most_visited;    /* models looked at; 0 for the default, enough for a million in full */
    const struct allometer_backend *backend; /* with device: for the memory; NULL where it is not known */
    const struct allometer_device *device;
};

struct allometer_plan {
    uint64_t n_models;
    uint64_t n_visited; /* less than n_models: sums are scaled up from evenly spread models */
    int64_t least_parameters, most_parameters; /* of one model */
    double parameters;                         /* of all */
    double flops; /* of training and measuring all models, see allometer_model_flops */
    double measuring_flops;
    double longest_flops; /* of the costliest model: no machine is faster than that one */
    double seconds;       /* NaN where the rate is not known */
    double memory_bytes;  /* of the models trained at once; NaN where the backend is not known */
    int concurrent;       /* of the model that asks for most memory */
    double disk_bytes;    /* of the store, estimated */
};

/* Visits models by index in constant memory. BAD_INPUT for a shard outside 1 .. n_shards or a model that breaks
   a rule. options: NULL for all models and nothing known of the machine. */
enum allometer_code allometer_plan_make(const struct allometer_sweep *sweep,
                                        const struct allometer_plan_options *options,
                                        struct allometer_plan *plan, struct allometer_error *error);

/* BAD_INPUT if the plan asks for more bytes than there are, with both numbers; 0 available: not checked. */
enum allometer_code allometer_plan_check(const struct allometer_plan *plan, double memory_available,
                                         double disk_available, struct allometer_error *error);

/* A line for each axis and each number. */
void allometer_plan_print(const struct allometer_plan *plan, const struct allometer_sweep *sweep, FILE *file);
/* One JSON object; unknown numbers are null. */
void allometer_plan_print_json(const struct allometer_plan *plan, const struct allometer_sweep *sweep,
                               FILE *file);

#endif
