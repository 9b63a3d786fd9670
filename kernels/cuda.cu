/* The CUDA backend: one team trains one model; launches of many models each, on several streams of every GPU, so that
   results come back and are written while others train. A module of its own, loaded where a GPU is asked for. */
#include "cuda_device.h"

#include <algorithm>
#include <new>
#include <nvtx3/nvToolsExt.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

enum { MODELS_PER_LAUNCH = 8192 };
static const double seconds_per_launch =
    1.0; /* aimed at: Ctrl-C waits as long, and models that are in flight */
static const size_t kept_bytes_per_launch = (size_t)256 << 20;

/* What one call of train() shares. */
struct training_run {
    struct allometer_device *device;
    const struct allometer_training *training;
    std::vector<struct cuda_entry> plan;
    size_t next;      /* first entry that has not been launched */
    double work_left; /* of those */
    struct allometer_error *error;
};

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A named range in the profiler for as long as it lives. */
struct profiler_range {
    explicit profiler_range(const char *name) {
        nvtxRangePushA(name);
    }
    ~profiler_range() {
        nvtxRangePop();
    }
    profiler_range(const profiler_range &) = delete;
    profiler_range &operator=(const profiler_range &) = delete;
};

/* ---- one launch ---- */

/* Blocks that the GPU runs at once, of a launch with workspaces of that size. */
static enum allometer_code resident_blocks(const struct cuda_gpu *gpu, const struct cuda_placement &place,
                                           size_t bytes, size_t *blocks, struct allometer_error *error) {
    const struct cuda_block block = cuda_block_of(&place, bytes);
    int per_multiprocessor = 0;
    CUDA_CHECK(error, cudaOccupancyMaxActiveBlocksPerMultiprocessor(
                          &per_multiprocessor, place.kernel->function, place.team * block.teams,
                          (size_t)block.teams * block.team_bytes));
    *blocks = (size_t)std::max(1, per_multiprocessor) * (size_t)gpu->multiprocessors;
    return ALLOMETER_OK;
}

/* What a launch holds, before it is made. */
struct launch_size {
    size_t n, grid;
    size_t workspace_bytes; /* of the largest model */
    struct cuda_block block;
    size_t model_bytes;               /* of the model with the most subtasks */
    size_t kept_floats, arena_floats; /* of one model; of one block, if in global memory */
    double work;
};

/* A model's length up to its last subtask, aligned: room for the most subtasks is many times as long. */
static size_t model_bytes(const struct allometer_model *model) {
    const size_t bytes =
        offsetof(struct allometer_model, subtasks) + (size_t)model->n_subtasks * sizeof *model->subtasks;
    return (bytes + alignof(struct allometer_model) - 1) / alignof(struct allometer_model)
           * alignof(struct allometer_model);
}

static size_t kept_floats(const struct allometer_training *training, const struct allometer_model *model) {
    const int64_t weights = training->keep_weights ? allometer_n_parameters(model) : 0;
    return (size_t)(cuda_layers_floats(model) + weights);
}

static bool fits(const struct training_run *run, const struct launch_size *size,
                 const struct cuda_entry &entry, double work_wanted, size_t n_wanted) {
    if (size->n == 0) return true;
    const size_t floats = kept_floats(run->training, &run->training->models[entry.index]);
    const size_t kept = std::max(size->kept_floats, floats) * sizeof(float) * (size->n + 1);
    return size->n < MODELS_PER_LAUNCH && kept <= kept_bytes_per_launch
           && (size->n < n_wanted || size->work < work_wanted)
           && cuda_same_group(entry.placement, run->plan[run->next].placement);
}

/* The next models of the plan: enough to fill the GPU, and as many as take about the time aimed at; less where they are
   the last, to leave some for the other GPUs. */
static enum allometer_code size_launch(const struct training_run *run, const struct cuda_slot *slot,
                                       struct launch_size *size) {
    const std::vector<struct cuda_entry> &plan = run->plan;
    const struct cuda_placement &place = plan[run->next].placement;
    size_t resident = 0;
    enum allometer_code code = resident_blocks(slot->gpu, place, place.bytes, &resident, run->error);
    if (code != ALLOMETER_OK) return code;
    const size_t n_gpus = run->device->gpus.size(), teams = (size_t)cuda_block_of(&place, place.bytes).teams;
    const size_t n_wanted = std::min(resident * teams, (plan.size() - run->next + n_gpus - 1) / n_gpus);
    const double work_wanted =
        std::min(slot->rate * seconds_per_launch, run->work_left / (2.0 * (double)run->device->slots.size()));
    *size = {};
    for (size_t i = run->next; i < plan.size() && fits(run, size, plan[i], work_wanted, n_wanted); ++i) {
        const struct allometer_model *model = &run->training->models[plan[i].index];
        size->n += 1;
        size->work += plan[i].cost;
        size->workspace_bytes = std::max(size->workspace_bytes, plan[i].placement.bytes);
        size->kept_floats = std::max(size->kept_floats, kept_floats(run->training, model));
        size->model_bytes = std::max(size->model_bytes, model_bytes(model));
    }
    code = resident_blocks(slot->gpu, place, size->workspace_bytes, &resident, run->error);
    size->block = cuda_block_of(&place, size->workspace_bytes);
    size->grid = std::min((size->n + teams - 1) / teams, resident);
    size->arena_floats = place.in_shared ? 0 : (size->workspace_bytes / sizeof(float) + 31) / 32 * 32;
    return code;
}

/* Workspaces in global memory: as many blocks as there is room for in the slot's memory, or in half of that and of what is
   free, since the other streams need some too. */
static enum allometer_code fit_arena(const struct cuda_slot *slot, struct launch_size *size,
                                     struct allometer_error *error) {
    if (size->arena_floats == 0 || size->grid * size->arena_floats <= slot->arena_capacity)
        return ALLOMETER_OK;
    const size_t own = slot->arena_capacity * sizeof(float);
    size_t available, total;
    CUDA_CHECK(error, cudaMemGetInfo(&available, &total));
    available += own;
    const size_t blocks = std::max(own, available / 2) / (size->arena_floats * sizeof(float));
    if (blocks == 0) {
        return allometer_fail(error, ALLOMETER_FAILED,
                              "a model needs %.1f MB of the GPU's memory, of which %.1f MB are free",
                              2e-6 * (double)size->workspace_bytes, 1e-6 * (double)available);
    }
    size->grid = std::min(size->grid, blocks);
    return ALLOMETER_OK;
}

static enum allometer_code reserve(struct cuda_slot *slot, struct launch_size *size,
                                   struct allometer_error *error) {
    const enum allometer_code code = fit_arena(slot, size, error);
    if (code != ALLOMETER_OK) return code;
    return cuda_slot_reserve(slot, size->n, size->n * size->model_bytes, size->n * size->kept_floats,
                             size->grid * size->arena_floats, error);
}

/* Memory for a launch. wait: there is none until others on the same GPU have ended; then idle streams give theirs back. */
static enum allometer_code make_room(const struct training_run *run, struct cuda_slot *slot,
                                     struct launch_size *size, bool *wait) {
    *wait = false;
    const enum allometer_code code = reserve(slot, size, run->error);
    if (code == ALLOMETER_OK) return code;
    for (const struct cuda_slot &other : run->device->slots) *wait |= other.gpu == slot->gpu && other.n > 0;
    if (*wait) return ALLOMETER_OK;
    cuda_arenas_free(run->device, slot->gpu);
    return reserve(slot, size, run->error);
}

/* Launches the next models, unless they must wait for memory. */
static enum allometer_code launch(struct training_run *run, struct cuda_slot *slot, bool *launched) {
    const profiler_range range("allometer launch");
    struct allometer_error *error = run->error;
    struct launch_size size;
    bool wait = false;
    CUDA_CHECK(error, cudaSetDevice(slot->gpu->number));
    enum allometer_code code = size_launch(run, slot, &size);
    if (code == ALLOMETER_OK) code = make_room(run, slot, &size, &wait);
    if (code != ALLOMETER_OK || wait) return code;
    *launched = true;

    const struct cuda_placement &place = run->plan[run->next].placement;
    for (size_t i = 0; i < size.n; ++i) {
        const struct allometer_model *model = &run->training->models[run->plan[run->next + i].index];
        auto *const copy = reinterpret_cast<struct allometer_model *>(slot->models + i * size.model_bytes);
        memcpy(copy, model, model_bytes(model));
        if (model->data) copy->data = cuda_rows_find(slot->gpu, model->data);
    }
    struct cuda_batch batch = slot->on_device;
    batch.n_models = (uint32_t)size.n;
    batch.model_stride = size.model_bytes;
    batch.kept_stride = (int64_t)size.kept_floats;
    batch.arena_stride = (int64_t)size.arena_floats;
    batch.keep_weights = run->training->keep_weights;
    if (size.kept_floats == 0) batch.kept = nullptr;
    batch.team_floats = (int32_t)(size.block.team_bytes / sizeof(float));
    const size_t shared_bytes = (size_t)size.block.teams * size.block.team_bytes;
    const dim3 threads((unsigned)place.team, (unsigned)size.block.teams);
    cudaStream_t stream = slot->stream;
    char *const models = const_cast<char *>(batch.models);

    slot->first = run->next;
    slot->n = size.n; /* from here on something may be in flight */
    slot->work = size.work;
    slot->started_seconds = seconds_now();
    run->next += size.n;
    run->work_left -= size.work;
    CUDA_CHECK(error, cudaMemcpyAsync(models, slot->models, size.n * size.model_bytes, cudaMemcpyHostToDevice,
                                      stream));
    CUDA_CHECK(error, cudaMemsetAsync(batch.next, 0, sizeof *batch.next, stream));
    cuda_function *const kernel = place.kernel->function;
    cudaGetLastError(); /* forgets what failed before, or the launch would be blamed */
    ALLOMETER_LAUNCH(kernel, (unsigned)size.grid, threads, shared_bytes, stream, batch);
    CUDA_CHECK(error, cudaGetLastError());
    CUDA_CHECK(error, cudaMemcpyAsync(slot->results, batch.results, size.n * sizeof *slot->results,
                                      cudaMemcpyDeviceToHost, stream));
    CUDA_CHECK(error, cudaMemcpyAsync(slot->nanoseconds, batch.nanoseconds,
                                      size.n * sizeof *slot->nanoseconds, cudaMemcpyDeviceToHost, stream));
    if (batch.kept) {
        CUDA_CHECK(error, cudaMemcpyAsync(slot->kept, batch.kept, size.n * size.kept_floats * sizeof(float),
                                          cudaMemcpyDeviceToHost, stream));
    }
    slot->on_device.kept_stride = batch.kept_stride;
    return ALLOMETER_OK;
}

/* Hands over the results of a launch that has ended. */
static enum allometer_code deliver(const struct training_run *run, struct cuda_slot *slot) {
    const profiler_range range("allometer results");
    const struct allometer_training *training = run->training;
    const size_t n = slot->n;
    slot->n = 0;
    slot->rate = slot->work / std::max(1e-6, seconds_now() - slot->started_seconds);
    for (size_t i = 0; i < n; ++i) {
        slot->results[i].seconds = 1e-9 * (double)slot->nanoseconds[i];
        const size_t index = run->plan[slot->first + i].index;
        const float *kept = slot->kept + i * (size_t)slot->on_device.kept_stride;
        const float *weights =
            training->keep_weights ? kept + cuda_layers_floats(&training->models[index]) : nullptr;
        slot->results[i].layers = nullptr;
        if (allometer_is_general(&training->models[index]) && slot->results[i].status == ALLOMETER_MODEL_DONE)
            slot->results[i].layers = reinterpret_cast<const struct allometer_layer *>(kept);
        enum allometer_code code =
            training->done(training->user, index, &slot->results[i], weights, run->error);
        if (code != ALLOMETER_OK) return code;
    }
    return ALLOMETER_OK;
}

/* ---- all launches ---- */

/* Moves one slot on, if it can be moved. */
static enum allometer_code advance(struct training_run *run, struct cuda_slot *slot, bool more, bool *moved) {
    if (slot->n > 0) {
        CUDA_CHECK(run->error, cudaSetDevice(slot->gpu->number));
        const cudaError_t status = cudaStreamQuery(slot->stream);
        if (status == cudaErrorNotReady) return ALLOMETER_OK;
        if (status != cudaSuccess) {
            return cuda_failed(run->error, status, "cudaStreamQuery", __FILE__, __LINE__);
        }
        *moved = true;
        enum allometer_code code = deliver(run, slot);
        if (code != ALLOMETER_OK) return code;
    }
    if (!more || run->next == run->plan.size()) return ALLOMETER_OK;
    return launch(run, slot, moved);
}

static enum allometer_code work_through_plan(struct training_run *run) {
    const volatile sig_atomic_t *stop = run->training->stop;
    for (;;) {
        bool moved = false, in_flight = false;
        for (struct cuda_slot &slot : run->device->slots) {
            enum allometer_code code = advance(run, &slot, !allometer_stop_asked(stop), &moved);
            if (code != ALLOMETER_OK) return code;
            in_flight |= slot.n > 0;
        }
        if (!in_flight) break;
        const struct timespec pause = {0, 100000};
        if (!moved) nanosleep(&pause, nullptr);
    }
    if (run->next < run->plan.size()) return allometer_fail(run->error, ALLOMETER_INTERRUPTED, "interrupted");
    return ALLOMETER_OK;
}

static enum allometer_code cuda_train(struct allometer_device *device,
                                      const struct allometer_training *training,
                                      struct allometer_error *error) {
    enum allometer_code code;
    try {
        struct training_run run = {device, training, {}, 0, 0, error};
        {
            const profiler_range range("allometer plan");
            run.plan = cuda_plan(training->models, training->n_models, device->shared_limit, device->reverse);
            for (const struct cuda_entry &entry : run.plan) run.work_left += entry.cost;
        }
        const profiler_range range("allometer train and measure");
        code = cuda_rows_upload(device, training->models, training->n_models, error);
        if (code == ALLOMETER_OK) code = work_through_plan(&run);
    } catch (const std::bad_alloc &) {
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory: a plan of %zu models",
                              training->n_models);
    }
    for (struct cuda_slot &slot : device->slots) { /* after a failure, launches may be in flight */
        if (slot.n == 0) continue;
        cudaSetDevice(slot.gpu->number);
        cudaStreamSynchronize(slot.stream);
        slot.n = 0;
    }
    cuda_rows_free(device);
    return code;
}

/* ---- the backend's table ---- */

static const char *cuda_describe(const struct allometer_device *device) {
    return device->description.c_str();
}

static const char *cuda_instruction_set(const struct allometer_device *device) {
    return device->instruction_set.c_str();
}

static size_t cuda_memory(const struct allometer_device *device, const struct allometer_model *model,
                          int *concurrent) {
    const struct cuda_placement place = cuda_place(model, device->shared_limit);
    *concurrent = 0;
    for (const struct cuda_gpu &gpu : device->gpus) {
        size_t blocks = 1;
        if (cudaSetDevice(gpu.number) != cudaSuccess
            || resident_blocks(&gpu, place, place.bytes, &blocks, nullptr) != ALLOMETER_OK) {
            blocks = (size_t)gpu.multiprocessors;
        }
        *concurrent += (int)blocks * cuda_block_of(&place, place.bytes).teams;
    }
    return place.bytes + place.near_bytes;
}

extern "C" __attribute__((visibility("default"))) const int allometer_cuda_layout = ALLOMETER_MODULE_LAYOUT;
extern "C" __attribute__((visibility("default"))) const struct allometer_backend allometer_cuda = {
    "cuda",        "NVIDIA GPUs from compute capability 8.0 on; all of one kind are used together",
    cuda_open,     cuda_close,
    cuda_describe, cuda_instruction_set,
    cuda_memory,   cuda_train,
    cuda_fit,
};
