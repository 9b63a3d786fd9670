/* What a block does, in every training kernel. */
#ifndef ALLOMETER_CUDA_TRAIN_H
#define ALLOMETER_CUDA_TRAIN_H

#include "cuda_kernels.h"
#include "deep_measure.h"

/* For one activation, or for that of each model. */
enum { KIND_OF_THE_MODEL = -1 };

/* D = O = 0: deep models. Trains one model from first step to last, then takes the next from the queue. The order in which blocks take models
   decides nothing but who trains them. */
KERNEL void train_queue(const int D, const int O, const int kind, const struct cuda_batch *batch,
                        uint32_t *taken, float *memory) {
    for (;;) {
        if (TEAM_RANK == 0) *taken = atomicAdd(batch->next, 1u);
        team_sync(); /* also between the models, for the memory */
        const uint32_t m = *taken;
        if (m >= batch->n_models) return;
        const struct allometer_model *model = &batch->models[m];
        const uint64_t start = team_nanoseconds();
        float *kept = batch->kept ? batch->kept + m * batch->kept_stride : nullptr;
        float *weights = batch->keep_weights ? kept + cuda_layers_floats(model) : nullptr;
        if (D == 0) {
            train_deep(model, memory, &batch->results[m], weights,
                       reinterpret_cast<struct allometer_layer *>(kept));
        } else {
            train_model(D, O, kind == KIND_OF_THE_MODEL ? model->activation : kind, model, memory,
                        &batch->results[m], weights);
        }
        if (TEAM_RANK == 0) batch->nanoseconds[m] = team_nanoseconds() - start;
    }
}

#define TRAIN_NAME(place, kind, D, O) train_##place##_##kind##_##D##_##O
/* blocks: of the largest team, to be resident on one multiprocessor; leaves 65536 / (CUDA_MAX_TEAM * blocks) registers.
   Stated because ptxas, left to choose, spills some of them on some devices. */
#define TRAIN_KERNEL(place, kind, D, O, blocks, kind_value, memory)                          \
    static __global__ void __launch_bounds__(CUDA_MAX_TEAM, blocks)                          \
        TRAIN_NAME(place, kind, D, O)(struct cuda_batch batch) {                             \
        team_shared(shared);                                                                 \
        train_queue(D, O, kind_value, &batch, reinterpret_cast<uint32_t *>(shared), memory); \
    }
#define IN_SHARED_MEMORY (shared + CUDA_QUEUE_FLOATS)
#define IN_GLOBAL_MEMORY (batch.arena + blockIdx.x * batch.arena_stride)

#endif
