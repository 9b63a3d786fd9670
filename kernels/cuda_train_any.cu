/* The training kernels that take each model's activation as it comes: for many inputs or outputs, and for workspaces
   in global memory, where choosing it is little of the work. */
#include "cuda_train.h"

#define SHARED_KERNEL(kind, D, O) \
    TRAIN_KERNEL(shared, kind, D, O, CUDA_MAX_TEAM, 1, KIND_OF_THE_MODEL, IN_SHARED_MEMORY)
#define GLOBAL_KERNEL(kind, D, O) \
    TRAIN_KERNEL(global, kind, D, O, CUDA_MAX_TEAM, 1, KIND_OF_THE_MODEL, IN_GLOBAL_MEMORY)
#define SHARED_ROW(kind, D, O) \
    {D, O, CUDA_MAX_TEAM, CUDA_MAX_TEAM / WARP_SIZE, TRAIN_NAME(shared, kind, D, O)},
#define GLOBAL_ROW(kind, D, O) \
    {D, O, CUDA_MAX_TEAM, CUDA_MAX_TEAM / WARP_SIZE, TRAIN_NAME(global, kind, D, O)},
CUDA_LARGE_TABLE(SHARED_KERNEL, ANY)
CUDA_GLOBAL_TABLE(GLOBAL_KERNEL, ANY)
const struct cuda_kernel allometer_cuda_large[CUDA_N_LARGE] = {CUDA_LARGE_TABLE(SHARED_ROW, ANY)};
const struct cuda_kernel allometer_cuda_global[CUDA_N_GLOBAL] = {CUDA_GLOBAL_TABLE(GLOBAL_ROW, ANY)};
