/* Between the CUDA backend's host half (cuda.cu, cuda_plan.cu) and its kernels (cuda_train*.cu). */
#ifndef ALLOMETER_CUDA_KERNELS_H
#define ALLOMETER_CUDA_KERNELS_H

#include "activation.h"

enum {
    CUDA_MIN_TEAM = 8,
    CUDA_MAX_TEAM = 256,
    CUDA_QUEUE_FLOATS =
        4 /* of shared memory, before the workspace: the number of the model that a team took */
};

/* The models of one launch, on the device. */
struct cuda_batch {
    const char *models;  /* longest first; each ends with its last subtask */
    size_t model_stride; /* bytes from one to the next */
    struct allometer_result *results;
    uint64_t *nanoseconds; /* of each model */
    /* What is kept of model m, at kept + m * kept_stride: the rows of its layers, then, with keep_weights, its weights.
       NULL if nothing is. */
    float *kept;
    int64_t kept_stride;
    int32_t keep_weights;
    int32_t
        team_floats; /* of shared memory for each team: CUDA_QUEUE_FLOATS, and what of the workspace lies there */
    float *arena; /* workspaces in global memory: block b's at arena + b * arena_stride */
    int64_t arena_stride;
    uint32_t *next; /* the first model that no team has taken; starts at 0 */
    uint32_t n_models;
};

typedef void cuda_function(struct cuda_batch);

/* 128 registers, or, where those would spill, 168. */
#define CUDA_THREADS(spills) ((spills) ? 128 : 256)
#define CUDA_BLOCKS(spills)  ((spills) ? 3 : 2)
#define CUDA_SPILLS(kind)                                     \
    (ALLOMETER_ACTIVATION_##kind == ALLOMETER_ACTIVATION_SINE \
     || ALLOMETER_ACTIVATION_##kind == ALLOMETER_ACTIVATION_IDENTITY)

/* The compile-time cases, fewer than on the CPU, since each is compiled for every kind of device: D and O are rounded
   up to the first row that holds both. With few inputs and outputs the activation is a constant too; then also the threads of
   the largest team, and blocks of them to be resident on one multiprocessor. */
#ifdef ALLOMETER_FEW_SPECIALIZATIONS /* see specialize.h */
#define CUDA_SMALL_TABLE(ROW, kind) ROW(kind, 4, 4, CUDA_THREADS(1), CUDA_BLOCKS(1))
#else
#define CUDA_SMALL_TABLE(ROW, kind)                                                  \
    ROW(kind, 1, 1, CUDA_THREADS(0), CUDA_BLOCKS(0))                                 \
    ROW(kind, 2, 2, CUDA_THREADS(CUDA_SPILLS(kind)), CUDA_BLOCKS(CUDA_SPILLS(kind))) \
    ROW(kind, 4, 4, CUDA_THREADS(1), CUDA_BLOCKS(1))
#endif
#define CUDA_LARGE_TABLE(ROW, kind)  ROW(kind, 8, 8) ROW(kind, 16, 16)
#define CUDA_GLOBAL_TABLE(ROW, kind) ROW(kind, 4, 4) ROW(kind, 16, 16) /* workspaces in global memory */

struct cuda_kernel {
    int D, O;    /* 0: any, of a deep model */
    int threads; /* of the largest team */
    int warps;   /* that a multiprocessor's registers hold */
    cuda_function *function;
};

#define CUDA_COUNT(kind, ...) +1
enum {
    CUDA_N_SMALL = 0 CUDA_SMALL_TABLE(CUDA_COUNT, ),
    CUDA_N_LARGE = 0 CUDA_LARGE_TABLE(CUDA_COUNT, ),
    CUDA_N_GLOBAL = 0 CUDA_GLOBAL_TABLE(CUDA_COUNT, )
};

#define ROW(id, function, name, flops, kept, formula) \
    extern const struct cuda_kernel allometer_cuda_small_##id[CUDA_N_SMALL];
ACTIVATION_TABLE(ROW)
#undef ROW
extern const struct cuda_kernel allometer_cuda_large[CUDA_N_LARGE];
extern const struct cuda_kernel allometer_cuda_global[CUDA_N_GLOBAL];
extern const struct cuda_kernel allometer_cuda_deep;

/* Floats that the rows of a model's layers take. */
KERNEL_HOST int64_t cuda_layers_floats(const struct allometer_model *model) {
    return allometer_n_layers(model) * (int64_t)(sizeof(struct allometer_layer) / sizeof(float));
}

#ifdef ALLOMETER_CUDA_STANDIN
#define ALLOMETER_LAUNCH STANDIN_LAUNCH
#else
#define ALLOMETER_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
    (kernel)<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__)
#endif

#endif
