/* The host's half of the stand-in: devices, memory, streams. One lock over all of it. */
#include "standin_internal.h"
#include "nvtx3/nvToolsExt.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace {

int number_from_environment(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

const char *text_from_environment(const char *name) {
    const char *text = getenv(name);
    return text && *text ? text : nullptr;
}

struct allocation {
    standin_pages pages;
    int device;
};

struct device_state {
    size_t used;
    std::map<const void *, int> shared_limit; /* by kernel, once raised */
};

std::recursive_mutex lock;
std::map<char *, allocation> device_memory, host_memory; /* by first address */
std::map<int, device_state> devices;
std::vector<standin_stream *> streams;
std::string report;
cudaError_t sticky = cudaSuccess, last = cudaSuccess;
int calls, nvtx_depth;
thread_local int device_now;

enum { DEFAULT_SHARED_LIMIT = 49152, MULTIPROCESSORS = 2 };
#ifdef STANDIN_TSAN
enum {
    MAX_THREADS = 96
}; /* per multiprocessor: clang's sanitizer forgets threads where there are more than 255 */
#else
enum { MAX_THREADS = 512 };
#endif

cudaError_t returned(cudaError_t error) {
    if (error != cudaSuccess) last = error;
    return error;
}

/* Every call that can fail on a device passes here first. */
cudaError_t enter(void) {
    ++calls;
    if (standin_settings_now.fail_call > 0 && --standin_settings_now.fail_call == 0) {
        return returned(cudaErrorMemoryAllocation);
    }
    return returned(sticky);
}
#define ENTER()                                        \
    std::lock_guard<std::recursive_mutex> guard(lock); \
    do {                                               \
        cudaError_t entered = enter();                 \
        if (entered != cudaSuccess) return entered;    \
    } while (0)

/* Whether bytes at p lie inside one allocation of memory (on that device, unless device < 0). */
bool inside(const std::map<char *, allocation> &memory, const void *p, size_t bytes, int device) {
    char *first = static_cast<char *>(const_cast<void *>(p));
    auto next = memory.upper_bound(first);
    if (next == memory.begin()) return false;
    const auto &[start, found] = *--next;
    return first + bytes <= start + found.pages.bytes && (device < 0 || found.device == device);
}

void make_accessible(int device, bool accessible) {
    for (auto &[start, memory] : device_memory)
        if (memory.device == device) standin_pages_protect(&memory.pages, accessible);
}

cudaError_t misuse_error(cudaError_t error, const char *what) {
    standin_misuse("%s", what);
    return returned(error);
}

} // namespace

struct standin_stream {
    int device;
    std::deque<std::function<bool()>> queued; /* each returns false if it went wrong */
    bool asked;                               /* since it last ran */
};

standin_settings standin_settings_now = {
    number_from_environment("ALLOMETER_STANDIN_DEVICES", 2),
    number_from_environment("ALLOMETER_STANDIN_SHARED", 232448),
    number_from_environment("ALLOMETER_STANDIN_MIXED", 0),
    number_from_environment("ALLOMETER_STANDIN_REVERSE", 0),
    number_from_environment("ALLOMETER_STANDIN_ERROR", 0),
    number_from_environment("ALLOMETER_STANDIN_MEMORY", 1 << 30),
    text_from_environment("ALLOMETER_STANDIN_DROP"),
    text_from_environment("ALLOMETER_STANDIN_SITES"),
    0,
};

/* ---- reports ---- */

void standin_misuse(const char *format, ...) {
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "stand-in: %s\n", text);
    if (report.empty()) report = text;
}

const char *standin_report(void) {
    return report.c_str();
}

int standin_calls(void) {
    return calls;
}

int standin_live(void) {
    return int(device_memory.size() + host_memory.size() + streams.size()) + nvtx_depth;
}

void standin_reset(void) {
    for (standin_stream *stream : streams) stream->queued.clear();
    report.clear();
    sticky = cudaSuccess;
    standin_settings_now.fail_call = 0;
}

int nvtxRangePushA(const char *) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    return nvtx_depth++;
}

int nvtxRangePop(void) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (nvtx_depth == 0) standin_misuse("an NVTX range ends that was not begun");
    return --nvtx_depth;
}

/* ---- errors and devices ---- */

cudaError_t cudaGetLastError(void) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    cudaError_t error = last;
    last = cudaSuccess;
    return sticky != cudaSuccess ? sticky : error;
}

/* With an error the count stays untouched, as CUDA leaves it. */
cudaError_t cudaGetDeviceCount(int *count) {
    ENTER();
    if (standin_settings_now.error) return returned(cudaError_t(standin_settings_now.error));
    *count = standin_settings_now.devices;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    ENTER();
    if (device < 0 || device >= standin_settings_now.devices) return returned(cudaErrorInvalidDevice);
    device_now = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
    ENTER();
    if (device < 0 || device >= standin_settings_now.devices) return returned(cudaErrorInvalidDevice);
    *properties = cudaDeviceProp();
    snprintf(properties->name, sizeof properties->name, "stand-in %d", device);
    properties->major = standin_settings_now.mixed && device % 2 == 1 ? 12 : 9;
    properties->multiProcessorCount = MULTIPROCESSORS;
    properties->sharedMemPerBlockOptin = size_t(standin_settings_now.shared);
    return cudaSuccess;
}

/* ---- memory ---- */

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    ENTER();
    *total = size_t(standin_settings_now.memory);
    *available = *total - devices[device_now].used;
    return cudaSuccess;
}

cudaError_t standin_malloc(void **pointer, size_t bytes) {
    ENTER();
    allocation memory = {{}, device_now};
    if (bytes == 0) return returned(cudaErrorInvalidValue);
    if (devices[device_now].used + bytes > size_t(standin_settings_now.memory)
        || !standin_pages_map(&memory.pages, bytes)) {
        return returned(cudaErrorMemoryAllocation);
    }
    standin_pages_poison(&memory.pages);
    standin_pages_protect(&memory.pages, false);
    devices[device_now].used += bytes;
    device_memory[memory.pages.data] = memory;
    *pointer = memory.pages.data;
    return cudaSuccess;
}

cudaError_t standin_malloc_host(void **pointer, size_t bytes) {
    ENTER();
    allocation memory = {{}, -1};
    if (bytes == 0) return returned(cudaErrorInvalidValue);
    if (!standin_pages_map(&memory.pages, bytes)) return returned(cudaErrorMemoryAllocation);
    standin_pages_poison(&memory.pages);
    host_memory[memory.pages.data] = memory;
    *pointer = memory.pages.data;
    return cudaSuccess;
}

static cudaError_t release(std::map<char *, allocation> &memory, void *pointer) {
    if (!pointer) return cudaSuccess;
    auto found = memory.find(static_cast<char *>(pointer));
    if (found == memory.end())
        return misuse_error(cudaErrorInvalidValue, "frees memory that is not allocated");
    for (standin_stream *stream : streams) {
        if (!stream->queued.empty() && (found->second.device < 0 || stream->device == found->second.device)) {
            cudaStreamSynchronize(stream); /* as cudaFree does */
        }
    }
    standin_pages_protect(&found->second.pages, true);
    const bool intact = standin_pages_intact(&found->second.pages);
    if (found->second.device >= 0) devices[found->second.device].used -= found->second.pages.bytes;
    standin_pages_protect(&found->second.pages, false); /* for good: nothing else may come to lie there */
    madvise(found->second.pages.start, found->second.pages.mapped, MADV_DONTNEED);
    memory.erase(found);
    return intact ? cudaSuccess
                  : misuse_error(cudaErrorIllegalAddress, "a write beyond the bounds of an allocation");
}

/* Freeing must work after an error, so it is not made to fail. */
cudaError_t cudaFree(void *pointer) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    return release(device_memory, pointer);
}

cudaError_t cudaFreeHost(void *pointer) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    return release(host_memory, pointer);
}

/* ---- streams ---- */

static bool known(cudaStream_t stream) {
    return std::find(streams.begin(), streams.end(), stream) != streams.end();
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
    ENTER();
    *stream = new standin_stream{device_now, {}, false};
    streams.push_back(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (!known(stream)) return misuse_error(cudaErrorInvalidResourceHandle, "destroys an unknown stream");
    if (!stream->queued.empty()) standin_misuse("a stream is destroyed with work still queued");
    streams.erase(std::find(streams.begin(), streams.end(), stream));
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    ENTER();
    if (!known(stream)) return misuse_error(cudaErrorInvalidResourceHandle, "asks an unknown stream");
    stream->asked = !stream->asked;
    if (stream->asked && !stream->queued.empty()) return returned(cudaErrorNotReady);
    return cudaStreamSynchronize(stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    ENTER();
    if (!known(stream)) return misuse_error(cudaErrorInvalidResourceHandle, "waits for an unknown stream");
    while (!stream->queued.empty()) {
        auto operation = std::move(stream->queued.front());
        stream->queued.pop_front();
        make_accessible(stream->device, true);
        const bool worked = operation();
        make_accessible(stream->device, false);
        if (!worked) {
            stream->queued.clear();
            return returned(sticky = cudaErrorLaunchFailure);
        }
    }
    return cudaSuccess;
}

/* As CUDA has it: to the device by way of a copy made at once; from the device when all before it is done. */
static cudaError_t copy_pageable(void *to, const void *from, size_t bytes, cudaStream_t stream,
                                 bool to_device) {
    if (to_device) {
        const char *const first = static_cast<const char *>(from);
        const std::vector<char> staged(first, first + bytes);
        stream->queued.push_back([=] {
            memcpy(to, staged.data(), bytes);
            return true;
        });
        return cudaSuccess;
    }
    const cudaError_t status = cudaStreamSynchronize(stream);
    if (status != cudaSuccess) return status;
    make_accessible(stream->device, true);
    memcpy(to, from, bytes);
    make_accessible(stream->device, false);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    ENTER();
    if (!known(stream)) return misuse_error(cudaErrorInvalidResourceHandle, "copies on an unknown stream");
    const bool to_device = kind == cudaMemcpyHostToDevice;
    if (!inside(device_memory, to_device ? to : from, bytes, stream->device)) {
        return misuse_error(cudaErrorInvalidValue, "copies outside the memory of the stream's device");
    }
    const void *const on_host = to_device ? from : to;
    if (!inside(host_memory, on_host, bytes, -1)) {
        if (inside(host_memory, on_host, 1, -1))
            return misuse_error(cudaErrorInvalidValue, "copies beyond pinned memory");
        return copy_pageable(to, from, bytes, stream, to_device);
    }
    if (!to_device) memset(to, STANDIN_FILL, bytes); /* not there before the stream has been waited for */
    stream->queued.push_back([=] {
        memcpy(to, from, bytes);
        return true;
    });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream) {
    ENTER();
    if (!known(stream)) return misuse_error(cudaErrorInvalidResourceHandle, "fills on an unknown stream");
    if (!inside(device_memory, to, bytes, stream->device)) {
        return misuse_error(cudaErrorInvalidValue, "fills outside the memory of the stream's device");
    }
    stream->queued.push_back([=] {
        memset(to, byte, bytes);
        return true;
    });
    return cudaSuccess;
}

/* ---- launches ---- */

cudaError_t standin_set_attribute(const void *kernel, cudaFuncAttribute, int value) {
    ENTER();
    if (value < 0 || size_t(value) > size_t(standin_settings_now.shared))
        return returned(cudaErrorInvalidValue);
    devices[device_now].shared_limit[kernel] = value;
    return cudaSuccess;
}

static size_t launch_limit(const void *kernel, int device) {
    auto raised = devices[device].shared_limit.find(kernel);
    const size_t limit = raised == devices[device].shared_limit.end() ? 0 : size_t(raised->second);
    return std::max<size_t>(limit, DEFAULT_SHARED_LIMIT);
}

cudaError_t standin_occupancy(int *blocks, const void *kernel, int block_size, size_t shared_bytes) {
    ENTER();
    if (block_size < 1 || block_size > 1024) return returned(cudaErrorInvalidValue);
    const size_t fit = (size_t(standin_settings_now.shared) + 1024) / (shared_bytes + 1024);
    const size_t wanted = std::max(1, MAX_THREADS / block_size);
    *blocks = shared_bytes > launch_limit(kernel, device_now) ? 0 : int(std::min(fit, wanted));
    return cudaSuccess;
}

void standin_launch(const void *kernel, const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                    cudaStream_t stream, std::function<void()> body) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (enter() != cudaSuccess) return;
    if (!known(stream)) {
        misuse_error(cudaErrorInvalidResourceHandle, "launches on an unknown stream");
    } else if (stream->device != device_now) {
        misuse_error(cudaErrorInvalidResourceHandle, "launches on a stream of another device");
    } else if (grid.x < 1 || grid.y != 1 || grid.z != 1 || block.x < 1 || block.y < 1 || block.z != 1
               || block.x * block.y > 1024) {
        misuse_error(cudaErrorInvalidConfiguration, "launches a grid or block of unsupported size");
    } else if (shared_bytes > launch_limit(kernel, device_now)) {
        misuse_error(cudaErrorInvalidValue, "launches with more shared memory than its kernel was allowed");
    } else {
        const std::string kept_name = name;
        stream->queued.push_back(
            [=] { return standin_run_grid(kept_name.c_str(), grid, block, shared_bytes, body); });
    }
}
