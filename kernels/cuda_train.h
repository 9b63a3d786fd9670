/* What a team does, in every training kernel. */
#ifndef ALLOMETER_CUDA_TRAIN_H
#define ALLOMETER_CUDA_TRAIN_H

#include "cuda_kernels.h"
#include "deep_measure.h"

/* For one activation, or for that of each model. */
enum { KIND_OF_THE_MODEL = -1 };

KERNEL float *kept_of(const struct cuda_batch *batch, uint32_t m) {
    return batch->kept ? batch->kept + m * batch->kept_stride : nullptr;
}

KERNEL const struct allometer_model *model_of(const struct cuda_batch *batch, uint32_t m) {
    return reinterpret_cast<const struct allometer_model *>(batch->models + m * batch->model_stride);
}

KERNEL float *kept_weights(const struct cuda_batch *batch, uint32_t m) {
    if (!batch->keep_weights) return nullptr;
    return kept_of(batch, m) + cuda_layers_floats(model_of(batch, m));
}

/* D = O = 0: deep models. Trains one model from first step to last, then takes the next from the queue. The order in which
   teams take models decides nothing but who trains them. Its number stays in memory, not in a register of every thread. */
KERNEL void train_queue(const int D, const int O, const int kind, const struct cuda_batch *batch,
                        uint32_t *taken, float *memory) {
    for (;;) {
        if (TEAM_RANK == 0) *taken = atomicAdd(batch->next, 1u);
        team_sync(); /* also between the models, for the memory */
        if (*taken >= batch->n_models) return;
        if (TEAM_RANK == 0) batch->nanoseconds[*taken] = team_nanoseconds();
        const struct allometer_model *model = model_of(batch, *taken);
        if (D == 0) {
            float *const shared = reinterpret_cast<float *>(taken);
            const int32_t near = near_shared_offset(TEAM_SIZE);
            train_deep(model, {shared + near, memory, batch->team_floats - near},
                       reinterpret_cast<struct deep *>(shared + deep_shared_offset(TEAM_SIZE)),
                       &batch->results[*taken], kept_weights(batch, *taken),
                       reinterpret_cast<struct allometer_layer *>(kept_of(batch, *taken)));
        } else {
            const struct parameters trained =
                train_model(D, O, kind == KIND_OF_THE_MODEL ? model->activation : kind, model, memory,
                            &batch->results[*taken]);
            copy_weights(D, O, model, &trained, kept_weights(batch, *taken));
        }
        if (TEAM_RANK == 0) batch->nanoseconds[*taken] = team_nanoseconds() - batch->nanoseconds[*taken];
        team_sync();
    }
}

#define TRAIN_NAME(place, kind, D, O) train_##place##_##kind##_##D##_##O

/* threads: of the largest team; blocks: of that team, to be resident on one multiprocessor. They leave
   65536 / (threads * blocks) registers; stated because ptxas, left to choose, spills some of them on some devices. */
#define TRAIN_KERNEL(place, kind, D, O, threads, blocks, kind_value, memory)                 \
    static __global__ void __launch_bounds__(threads, blocks)                                \
        TRAIN_NAME(place, kind, D, O)(struct cuda_batch batch) {                             \
        team_shared(block_memory);                                                           \
        float *shared = block_memory + threadIdx.y * batch.team_floats;                      \
        train_queue(D, O, kind_value, &batch, reinterpret_cast<uint32_t *>(shared), memory); \
    }
#define IN_SHARED_MEMORY (shared + CUDA_QUEUE_FLOATS)
#define IN_GLOBAL_MEMORY (batch.arena + blockIdx.x * batch.arena_stride)

#endif
