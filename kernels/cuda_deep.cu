/* The training kernel for models of several hidden layers, of any number of inputs and outputs and any activation. What is
   used most of a workspace lies in shared memory, the rest in global memory. */
#include "cuda_train.h"

TRAIN_KERNEL(shared, DEEP, 0, 0, CUDA_MAX_TEAM, 1, KIND_OF_THE_MODEL, IN_GLOBAL_MEMORY)
const struct cuda_kernel allometer_cuda_deep = {0, 0, CUDA_MAX_TEAM, CUDA_MAX_TEAM / WARP_SIZE,
                                                TRAIN_NAME(shared, DEEP, 0, 0)};
