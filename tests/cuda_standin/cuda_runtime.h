/* A stand-in for the CUDA runtime: what cuda.cu and the kernels use of it, for gcc and clang on the CPU. A block
   is a set of fibers, one for each thread, x before y. Nothing queued on a stream happens before a call that waits for it,
   so a missing wait shows. Misuse fails the call or the launch, and is described by standin_report(). */
#ifndef ALLOMETER_STANDIN_CUDA_RUNTIME_H
#define ALLOMETER_STANDIN_CUDA_RUNTIME_H

#include <functional>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tuple>

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline __attribute__((always_inline, unused))
#define __launch_bounds__(...)

/* ---- what a kernel sees ---- */

struct uint2 {
    uint32_t x, y;
};
struct uint4 {
    uint32_t x, y, z, w;
};
struct dim3 {
    uint32_t x, y, z;
    dim3(uint32_t x_ = 1, uint32_t y_ = 1, uint32_t z_ = 1) : x(x_), y(y_), z(z_) {
    }
};
static inline uint2 make_uint2(uint32_t x, uint32_t y) {
    return uint2{x, y};
}
static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
    return uint4{x, y, z, w};
}

/* The thread that runs now. */
struct standin_thread {
    dim3 thread, block, block_size, grid_size;
    void *shared;
};
extern standin_thread *standin_current;
#define threadIdx (standin_current->thread)
#define blockIdx  (standin_current->block)
#define blockDim  (standin_current->block_size)
#define gridDim   (standin_current->grid_size)

void *standin_shared_memory(void);
uint64_t standin_nanoseconds(void);

enum standin_shuffle { STANDIN_SHUFFLE_XOR, STANDIN_SHUFFLE_DOWN, STANDIN_SHUFFLE_INDEX, STANDIN_BALLOT };
void standin_barrier(const char *file, int line);
void standin_warp_barrier(uint32_t mask, const char *file, int line);
uint32_t standin_exchange(enum standin_shuffle kind, uint32_t mask, uint32_t value, int operand, int width,
                          const char *file, int line);

template <typename T>
static inline T standin_exchange_value(enum standin_shuffle kind, uint32_t mask, T value, int operand,
                                       int width, const char *file, int line) {
    static_assert(sizeof(T) == 4, "the stand-in exchanges words of 32 bits");
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    word = standin_exchange(kind, mask, word, operand, width, file, line);
    memcpy(&value, &word, sizeof value);
    return value;
}

#define __syncthreads()  standin_barrier(__FILE__, __LINE__)
#define __syncwarp(mask) standin_warp_barrier(mask, __FILE__, __LINE__)
#define __shfl_xor_sync(mask, value, lanes) \
    standin_exchange_value(STANDIN_SHUFFLE_XOR, mask, value, lanes, 32, __FILE__, __LINE__)
#define __shfl_down_sync(mask, value, lanes, width) \
    standin_exchange_value(STANDIN_SHUFFLE_DOWN, mask, value, lanes, width, __FILE__, __LINE__)
#define __shfl_sync(mask, value, lane) \
    standin_exchange_value(STANDIN_SHUFFLE_INDEX, mask, value, lane, 32, __FILE__, __LINE__)

#define __ballot_sync(mask, condition) \
    standin_exchange(STANDIN_BALLOT, mask, (condition) ? 1u : 0u, 0, 32, __FILE__, __LINE__)
#define __popc __builtin_popcount

static inline uint32_t atomicAdd(uint32_t *address, uint32_t value) {
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

/* ---- what the host sees ---- */

enum cudaError_t { /* the values of CUDA */
                   cudaSuccess = 0,
                   cudaErrorInvalidValue = 1,
                   cudaErrorMemoryAllocation = 2,
                   cudaErrorInvalidConfiguration = 9,
                   cudaErrorInsufficientDriver = 35,
                   cudaErrorInvalidDeviceFunction = 98,
                   cudaErrorNoDevice = 100,
                   cudaErrorInvalidDevice = 101,
                   cudaErrorNoKernelImageForDevice = 209,
                   cudaErrorInvalidResourceHandle = 400,
                   cudaErrorNotReady = 600,
                   cudaErrorIllegalAddress = 700,
                   cudaErrorLaunchFailure = 719,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum { cudaStreamNonBlocking = 1 };
#define CUDART_VERSION 13000

struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount;
    size_t sharedMemPerBlockOptin;
};

typedef struct standin_stream *cudaStream_t;

const char *cudaGetErrorName(cudaError_t error);
const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError(void);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device);
cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
cudaError_t standin_malloc(void **pointer, size_t bytes);
cudaError_t standin_malloc_host(void **pointer, size_t bytes);
cudaError_t cudaFree(void *pointer);
cudaError_t cudaFreeHost(void *pointer);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t
cudaStreamQuery(cudaStream_t stream); /* says once that it is not ready, then runs what is queued */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream);
cudaError_t standin_set_attribute(const void *kernel, cudaFuncAttribute attribute, int value);
cudaError_t standin_occupancy(int *blocks, const void *kernel, int block_size, size_t shared_bytes);
void standin_launch(const void *kernel, const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                    cudaStream_t stream, std::function<void()> body);

template <typename T> static inline cudaError_t cudaMalloc(T **pointer, size_t bytes) {
    void *memory = nullptr;
    cudaError_t error = standin_malloc(&memory, bytes);
    if (error == cudaSuccess) *pointer = static_cast<T *>(memory);
    return error;
}
template <typename T> static inline cudaError_t cudaMallocHost(T **pointer, size_t bytes) {
    void *memory = nullptr;
    cudaError_t error = standin_malloc_host(&memory, bytes);
    if (error == cudaSuccess) *pointer = static_cast<T *>(memory);
    return error;
}
template <typename K>
static inline cudaError_t cudaFuncSetAttribute(K *kernel, cudaFuncAttribute attribute, int value) {
    return standin_set_attribute(reinterpret_cast<const void *>(kernel), attribute, value);
}
template <typename K>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, K *kernel,
                                                                        int block_size, size_t shared_bytes) {
    return standin_occupancy(blocks, reinterpret_cast<const void *>(kernel), block_size, shared_bytes);
}

/* A launch takes its arguments' values when it is queued. */
template <typename... P, typename... A>
static inline std::function<void()> standin_call(void (*kernel)(P...), A... arguments) {
    std::tuple<P...> kept(arguments...);
    return [=] { std::apply(kernel, kept); };
}

#define STANDIN_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                 \
    standin_launch(reinterpret_cast<const void *>(kernel), #kernel, grid, block, shared_bytes, stream, \
                   standin_call(kernel, __VA_ARGS__))

/* ---- what a test sees ----
   Set from the environment when first used:
     ALLOMETER_STANDIN_DEVICES   how many devices there are (2)
     ALLOMETER_STANDIN_SHARED    bytes of shared memory that a block may have (232448)
     ALLOMETER_STANDIN_MIXED     1: every second device is of another kind
     ALLOMETER_STANDIN_REVERSE   1: threads and blocks run in reverse order
     ALLOMETER_STANDIN_ERROR     cudaGetDeviceCount returns this error
     ALLOMETER_STANDIN_MEMORY    bytes of memory that a device has (1 GiB)
     ALLOMETER_STANDIN_DROP      "train.h:123": the barrier on that line does nothing
     ALLOMETER_STANDIN_SITES     a file to which the place of each barrier met is added, once per process */
struct standin_settings {
    int devices, shared, mixed, reverse, error, memory;
    const char *drop, *sites;
    int fail_call; /* this call from now on (1: the next) that can fail does */
};
extern standin_settings standin_settings_now;
const char *standin_report(void); /* the first misuse since the start or the last reset; "" if none */
int standin_calls(void);          /* calls that can fail, so far */
int standin_live(void);           /* allocations, streams and NVTX ranges now open */
/* Forgets errors and reports, but for cudaGetLastError's, as CUDA does; drops what streams still hold. */
void standin_reset(void);

#endif
