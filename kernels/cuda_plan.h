/* How models are laid on the device: with which kernel, team and memory, and in which order. */
#ifndef ALLOMETER_CUDA_PLAN_H
#define ALLOMETER_CUDA_PLAN_H

#include "cuda_kernels.h"

#include <stddef.h>
#include <vector>

/* Depends on the model and on shared_limit (bytes that one block may have) alone: so do the model's results. */
struct cuda_placement {
    const struct cuda_kernel *kernel;
    int32_t team; /* threads: whole warps, or a power of two within one */
    bool in_shared;
    size_t bytes;      /* of the workspace; of a deep model's, what lies in global memory */
    size_t near_bytes; /* of shared memory that a deep model takes beside the queue's */
};

struct cuda_placement cuda_place(const struct allometer_model *model, size_t shared_limit);

/* A block of a launch whose workspaces take up to that many bytes. Which teams share a block decides no result. */
struct cuda_block {
    int32_t teams;     /* of `team` threads each */
    size_t team_bytes; /* of shared memory for each */
};

struct cuda_block cuda_block_of(const struct cuda_placement *place, size_t workspace_bytes);

struct cuda_entry {
    size_t index; /* of the model */
    double cost;
    struct cuda_placement placement;
    double group_cost; /* of the group's first */
};

/* All models, those that may share a launch side by side: the groups by their most costly model, then longest first. */
std::vector<struct cuda_entry> cuda_plan(const struct allometer_model *models, size_t n_models,
                                         size_t shared_limit, bool reverse);

/* Whether two models may share a launch: same kernel and team, and memory of about the same size. */
bool cuda_same_group(const struct cuda_placement &a, const struct cuda_placement &b);

#endif
