/* GPUs and what is kept on them, for cuda.cu. */
#ifndef ALLOMETER_CUDA_DEVICE_H
#define ALLOMETER_CUDA_DEVICE_H

#include "cuda_plan.h"

#include <string>

extern "C" {
#include "backend.h"
}

/* Returns from the function, with a message that names the call, unless it succeeded. */
#define CUDA_CHECK(error, call)                                                                            \
    do {                                                                                                   \
        const cudaError_t cuda_status = (call);                                                            \
        if (cuda_status != cudaSuccess) return cuda_failed(error, cuda_status, #call, __FILE__, __LINE__); \
    } while (0)

enum allometer_code cuda_failed(struct allometer_error *error, cudaError_t status, const char *call,
                                const char *file, int line);

enum { CUDA_STREAMS = 4 /* for each GPU: groups of models overlap, and their results with the next */ };

/* Rows of a file and their copy on one GPU. */
struct cuda_rows {
    const struct allometer_data *on_host;
    char *on_gpu, *staged; /* staged: pinned, while they are copied */
};

struct cuda_gpu {
    int number; /* as CUDA counts */
    int multiprocessors;
    std::vector<struct cuda_rows> rows; /* that the models of this training learn */
};

/* One stream's launch and all that belongs to it. */
struct cuda_slot {
    const struct cuda_gpu *gpu;
    cudaStream_t stream;

    size_t models_capacity, results_capacity, kept_capacity, arena_capacity; /* bytes; models; floats */
    char *models;                                                            /* on the host, pinned */
    struct allometer_result *results;
    uint64_t *nanoseconds;
    float *kept;
    struct cuda_batch on_device;

    size_t first, n; /* entries of the plan that are in flight; n = 0: none */
    double work, started_seconds;
    double rate; /* work per second, of the last launch; 0: unknown */
};

struct allometer_device {
    std::vector<struct cuda_gpu> gpus;
    std::vector<struct cuda_slot> slots; /* GPUs in turn, so that slot g is of GPU g */
    size_t shared_limit;                 /* bytes of shared memory that a block may have */
    bool reverse;
    std::string description, instruction_set;
};

enum allometer_code cuda_open(struct allometer_device **device,
                              const struct allometer_device_options *options, struct allometer_error *error);
void cuda_close(struct allometer_device *device);
/* The backend's fit (cuda_fit_batch.cu). */
enum allometer_code cuda_fit(struct allometer_device *device, const struct allometer_fitting *fitting,
                             struct allometer_error *error);

/* Copies the rows that models learn to every GPU; may leave some behind where it fails. */
enum allometer_code cuda_rows_upload(struct allometer_device *device, const struct allometer_model *models,
                                     size_t n_models, struct allometer_error *error);
/* Where that GPU has the copy, or NULL. */
const struct allometer_data *cuda_rows_find(const struct cuda_gpu *gpu, const struct allometer_data *data);
/* Nothing may still read them. */
void cuda_rows_free(struct allometer_device *device);

/* Room for n models of model_bytes, kept_floats of what is kept and arena_floats of workspaces in global memory, each of
   them all. */
enum allometer_code cuda_slot_reserve(struct cuda_slot *slot, size_t n, size_t model_bytes,
                                      size_t kept_floats, size_t arena_floats, struct allometer_error *error);
/* Gives back the workspaces that idle streams keep for the next training: no stream of the GPU may be at work. */
void cuda_arenas_free(struct allometer_device *device, const struct cuda_gpu *gpu);

#endif
