/* The training kernels for one activation: ACTIVATION, a name of its enum, given by the build. */
#include "cuda_train.h"

#define KERNEL_OF(kind, D, O, threads, blocks) \
    TRAIN_KERNEL(shared, kind, D, O, threads, blocks, ALLOMETER_ACTIVATION_##kind, IN_SHARED_MEMORY)
#define ROW_OF(kind, D, O, threads, blocks) \
    {D, O, threads, (threads) * (blocks) / WARP_SIZE, TRAIN_NAME(shared, kind, D, O)},
#define DEFINE(kind)                  \
    CUDA_SMALL_TABLE(KERNEL_OF, kind) \
    const struct cuda_kernel allometer_cuda_small_##kind[CUDA_N_SMALL] = {CUDA_SMALL_TABLE(ROW_OF, kind)};
#define DEFINE_EXPANDED(kind) DEFINE(kind)
DEFINE_EXPANDED(ACTIVATION)
