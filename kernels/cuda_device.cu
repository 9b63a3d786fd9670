#include "cuda_device.h"

#include <algorithm>
#include <new>
#include <stdio.h>

enum allometer_code cuda_failed(struct allometer_error *error, cudaError_t status, const char *call,
                                const char *file, int line) {
    const char *slash = strrchr(file, '/');
    return allometer_fail(error, ALLOMETER_FAILED, "CUDA: %s (%s) from %s, %s:%d", cudaGetErrorString(status),
                          cudaGetErrorName(status), call, slash ? slash + 1 : file, line);
}

/* ---- finding GPUs ---- */

static enum allometer_code count_gpus(int *count, struct allometer_error *error) {
    *count = 0; /* left untouched where there is no driver */
    const cudaError_t status = cudaGetDeviceCount(count);
    if (status == cudaErrorInsufficientDriver) {
        return allometer_fail(
            error, ALLOMETER_BAD_INPUT,
            "no GPU: no NVIDIA driver is installed, or one older than this program's CUDA %d.%d",
            CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    }
    if (status == cudaErrorNoDevice || (status == cudaSuccess && *count == 0)) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "no GPU: the driver shows none (if there is one, see CUDA_VISIBLE_DEVICES)");
    }
    if (status != cudaSuccess) return cuda_failed(error, status, "cudaGetDeviceCount", __FILE__, __LINE__);
    return ALLOMETER_OK;
}

/* Lets every kernel with workspaces in shared memory use all that there is. */
static cudaError_t raise_shared_limits(int bytes) {
    const struct {
        const struct cuda_kernel *kernels;
        int n;
    } lists[] = {
#define ROW(id, function, name, flops, kept, formula) {allometer_cuda_small_##id, CUDA_N_SMALL},
        ACTIVATION_TABLE(ROW)
#undef ROW
            {allometer_cuda_large, CUDA_N_LARGE},
        {&allometer_cuda_deep, 1},
    };
    for (const auto &list : lists) {
        for (int i = 0; i < list.n; ++i) {
            const cudaError_t status = cudaFuncSetAttribute(
                list.kernels[i].function, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
            if (status != cudaSuccess) return status;
        }
    }
    return cudaSuccess;
}

/* Takes the first GPU that the kernels were compiled for, and all others of its kind: the same arithmetic, and the
   same choice of memory, whichever of them trains a model. */
static enum allometer_code choose_gpus(struct allometer_device *device, int count,
                                       struct allometer_error *error) {
    std::string skipped;
    for (int number = 0; number < count; ++number) {
        cudaDeviceProp properties;
        CUDA_CHECK(error, cudaGetDeviceProperties(&properties, number));
        const std::string kind = "sm_" + std::to_string(properties.major * 10 + properties.minor);
        const std::string name = std::string(properties.name) + " (" + kind + ")";
        const bool same =
            device->gpus.empty()
            || (kind == device->instruction_set && properties.sharedMemPerBlockOptin == device->shared_limit);
        if (!same) {
            skipped += "; not used, being of another kind: " + name;
            continue;
        }
        CUDA_CHECK(error, cudaSetDevice(number));
        const cudaError_t status = raise_shared_limits((int)properties.sharedMemPerBlockOptin);
        if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction) {
            skipped += "; not used, since the kernels were not compiled for it: " + name;
            continue;
        }
        if (status != cudaSuccess) {
            return cuda_failed(error, status, "cudaFuncSetAttribute", __FILE__, __LINE__);
        }
        if (device->gpus.empty()) {
            device->instruction_set = kind;
            device->shared_limit = properties.sharedMemPerBlockOptin;
            device->description =
                name + ", " + std::to_string(properties.multiProcessorCount) + " multiprocessors";
        }
        device->gpus.push_back({number, properties.multiProcessorCount, {}});
    }
    if (device->gpus.empty()) return allometer_fail(error, ALLOMETER_BAD_INPUT, "no GPU%s", skipped.c_str());
    device->description =
        "CUDA: " + std::to_string(device->gpus.size()) + " x " + device->description + skipped;
    return ALLOMETER_OK;
}

static enum allometer_code open_streams(struct allometer_device *device, struct allometer_error *error) {
    for (int s = 0; s < CUDA_STREAMS; ++s) {
        for (const struct cuda_gpu &gpu : device->gpus) {
            struct cuda_slot slot = {};
            slot.gpu = &gpu;
            CUDA_CHECK(error, cudaSetDevice(gpu.number));
            CUDA_CHECK(error, cudaStreamCreateWithFlags(&slot.stream, cudaStreamNonBlocking));
            device->slots.push_back(slot);
        }
    }
    return ALLOMETER_OK;
}

enum allometer_code cuda_open(struct allometer_device **device,
                              const struct allometer_device_options *options, struct allometer_error *error) {
    int count;
    *device = nullptr;
    enum allometer_code code = count_gpus(&count, error);
    if (code != ALLOMETER_OK) return code;
    try {
        struct allometer_device *opened = new allometer_device();
        opened->reverse = options && options->reverse;
        opened->slots.reserve((size_t)count * CUDA_STREAMS);
        code = choose_gpus(opened, count, error);
        if (code == ALLOMETER_OK) code = open_streams(opened, error);
        if (code == ALLOMETER_OK)
            *device = opened;
        else
            cuda_close(opened);
        return code;
    } catch (const std::bad_alloc &) {
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    }
}

/* ---- memory ---- */

static void free_models(struct cuda_slot *slot) {
    cudaFreeHost(slot->models);
    cudaFree(const_cast<char *>(slot->on_device.models));
    slot->models = nullptr, slot->on_device.models = nullptr;
    slot->models_capacity = 0;
}

static void free_results(struct cuda_slot *slot) {
    cudaFreeHost(slot->results);
    cudaFreeHost(slot->nanoseconds);
    cudaFree(slot->on_device.results);
    cudaFree(slot->on_device.nanoseconds);
    slot->results = nullptr, slot->nanoseconds = nullptr;
    slot->on_device.results = nullptr, slot->on_device.nanoseconds = nullptr;
    slot->results_capacity = 0;
}

static void free_kept(struct cuda_slot *slot) {
    cudaFreeHost(slot->kept);
    cudaFree(slot->on_device.kept);
    slot->kept = slot->on_device.kept = nullptr;
    slot->kept_capacity = 0;
}

static void free_arena(struct cuda_slot *slot) {
    cudaFree(slot->on_device.arena);
    slot->on_device.arena = nullptr;
    slot->arena_capacity = 0;
}

static enum allometer_code grow_models(struct cuda_slot *slot, size_t bytes, struct allometer_error *error) {
    free_models(slot);
    char *models = nullptr;
    CUDA_CHECK(error, cudaMallocHost(&slot->models, bytes));
    CUDA_CHECK(error, cudaMalloc(&models, bytes));
    slot->on_device.models = models;
    slot->models_capacity = bytes;
    return ALLOMETER_OK;
}

static enum allometer_code grow_results(struct cuda_slot *slot, size_t n, struct allometer_error *error) {
    free_results(slot);
    CUDA_CHECK(error, cudaMallocHost(&slot->results, n * sizeof *slot->results));
    CUDA_CHECK(error, cudaMallocHost(&slot->nanoseconds, n * sizeof *slot->nanoseconds));
    CUDA_CHECK(error, cudaMalloc(&slot->on_device.results, n * sizeof *slot->results));
    CUDA_CHECK(error, cudaMalloc(&slot->on_device.nanoseconds, n * sizeof *slot->nanoseconds));
    slot->results_capacity = n;
    return ALLOMETER_OK;
}

static enum allometer_code grow_kept(struct cuda_slot *slot, size_t floats, struct allometer_error *error) {
    free_kept(slot);
    CUDA_CHECK(error, cudaMallocHost(&slot->kept, floats * sizeof(float)));
    CUDA_CHECK(error, cudaMalloc(&slot->on_device.kept, floats * sizeof(float)));
    slot->kept_capacity = floats;
    return ALLOMETER_OK;
}

static enum allometer_code grow_arena(struct cuda_slot *slot, size_t floats, struct allometer_error *error) {
    free_arena(slot);
    CUDA_CHECK(error, cudaMalloc(&slot->on_device.arena, floats * sizeof(float)));
    slot->arena_capacity = floats;
    return ALLOMETER_OK;
}

enum allometer_code cuda_slot_reserve(struct cuda_slot *slot, size_t n, size_t model_bytes,
                                      size_t kept_floats, size_t arena_floats,
                                      struct allometer_error *error) {
    enum allometer_code code = ALLOMETER_OK;
    if (!slot->on_device.next)
        CUDA_CHECK(error, cudaMalloc(&slot->on_device.next, sizeof *slot->on_device.next));
    if (model_bytes > slot->models_capacity) code = grow_models(slot, model_bytes, error);
    if (code == ALLOMETER_OK && n > slot->results_capacity) code = grow_results(slot, n, error);
    if (code == ALLOMETER_OK && kept_floats > slot->kept_capacity) {
        code = grow_kept(slot, kept_floats, error);
    }
    if (code == ALLOMETER_OK && arena_floats > slot->arena_capacity)
        code = grow_arena(slot, arena_floats, error);
    return code;
}

void cuda_arenas_free(struct allometer_device *device, const struct cuda_gpu *gpu) {
    for (struct cuda_slot &slot : device->slots)
        if (slot.gpu == gpu) free_arena(&slot);
}

void cuda_close(struct allometer_device *device) {
    if (!device) return;
    for (struct cuda_slot &slot : device->slots) {
        cudaSetDevice(slot.gpu->number);
        cudaStreamSynchronize(slot.stream); /* nothing may still write to what is freed here */
        free_models(&slot);
        free_results(&slot);
        free_kept(&slot);
        free_arena(&slot);
        cudaFree(slot.on_device.next);
        cudaStreamDestroy(slot.stream);
    }
    delete device;
}
