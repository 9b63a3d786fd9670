/* A batch of fits on all GPUs: each takes every n-th problem, largest first, in launches of problems of like size. */
#include "cuda_device.h"
#include "cuda_fit.h"
#include "cuda_kernels.h"

#include <algorithm>
#include <new>
#include <nvtx3/nvToolsExt.h>
#include <vector>

/* ---- what goes to a GPU: all arrays in one piece of its memory ---- */

enum { ALIGNMENT = 256 };

/* An array of the host (none: of results), and where a kernel's pointer to its copy is to be written. */
struct packed_array {
    const void *from;
    size_t bytes, offset;
    void *pointer;
};

/* One GPU's part of a batch. */
struct fit_part {
    struct cuda_slot *slot;
    std::vector<int64_t> problems; /* of the batch: largest first; none: all of it, as it stands */
    size_t n_problems;
    bool resampled;                                   /* some of them */
    const struct allometer_fit_problem *own_problems; /* in that order */
    double *parameters;                               /* starts, then results */
    struct allometer_fit_outcome *outcomes;
    std::vector<struct allometer_fit_problem> gathered_problems;
    std::vector<double> gathered_parameters;
    std::vector<struct allometer_fit_outcome> gathered_outcomes;
    std::vector<struct packed_array> arrays;
    struct cuda_fit_launch launch; /* what all launches share */
    size_t bytes;                  /* of the packed arrays */
    char *on_device;
    double *rows;
    int32_t *counts;
    struct cuda_fit_count *launched; /* a count for each launch */
    double *waiting[2];              /* what one launch leaves, and what the next does */
};

template <typename T> static void reserve(struct fit_part *part, const T *from, size_t n, const T **pointer) {
    part->bytes = (part->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    part->arrays.push_back({from, n * sizeof **pointer, part->bytes, (void *)pointer});
    part->bytes += n * sizeof **pointer;
}

template <typename T> static void pack(struct fit_part *part, const T *from, size_t n, const T **pointer) {
    *pointer = nullptr;
    if (from && n > 0) reserve(part, from, n, pointer);
}

static size_t unit_begin(const struct allometer_fitting *fitting, int64_t unit) {
    return (size_t)(fitting->points.units ? fitting->points.units[unit] : unit);
}

static size_t set_points(const struct allometer_fitting *fitting, int32_t set) {
    const int64_t first = fitting->sets[set].first_unit;
    return unit_begin(fitting, first + fitting->sets[set].n_units) - unit_begin(fitting, first);
}

/* The part's problems and starts in their order; where that is the batch's own, nothing is copied. */
static void gather(const struct allometer_fitting *fitting, struct fit_part *part) {
    const size_t P = (size_t)part->launch.n_parameters;
    if (part->problems.empty()) {
        part->n_problems = (size_t)fitting->n_problems;
        part->own_problems = fitting->problems;
        part->parameters = fitting->parameters;
        part->outcomes = fitting->outcomes;
        return;
    }
    part->n_problems = part->problems.size();
    for (int64_t f : part->problems) {
        const double *const start = fitting->starts + f * (int64_t)P;
        part->gathered_problems.push_back(fitting->problems[f]);
        part->gathered_parameters.insert(part->gathered_parameters.end(), start, start + P);
    }
    part->gathered_outcomes.resize(part->n_problems);
    part->own_problems = part->gathered_problems.data();
    part->parameters = part->gathered_parameters.data();
    part->outcomes = part->gathered_outcomes.data();
}

static void pack_part(const struct allometer_fitting *fitting, struct fit_part *part) {
    struct allometer_fitting *to = &part->launch.fitting;
    const size_t P = (size_t)part->launch.n_parameters, n = part->n_problems,
                 n_sets = (size_t)fitting->n_sets;
    int64_t n_units = 0;
    for (size_t s = 0; s < n_sets; ++s)
        n_units = std::max(n_units, fitting->sets[s].first_unit + fitting->sets[s].n_units);
    const size_t n_points = unit_begin(fitting, n_units);
    for (int32_t c = 0; c < part->launch.n_columns; ++c)
        pack(part, fitting->points.columns[c], n_points, &to->points.columns[c]);
    pack(part, fitting->points.target, n_points, &to->points.target);
    pack(part, fitting->points.weight, n_points, &to->points.weight);
    pack(part, fitting->points.units, (size_t)n_units + 1, &to->points.units);
    pack(part, fitting->sets, n_sets, &to->sets);
    pack(part, fitting->lower, n_sets * P, &to->lower);
    pack(part, fitting->upper, n_sets * P, &to->upper);
    pack(part, fitting->prior_mean, n_sets * P, &to->prior_mean);
    pack(part, fitting->prior_precision, n_sets * P, &to->prior_precision);
    pack(part, fitting->prior_reach, n_sets * P, &to->prior_reach);
    pack(part, fitting->law == ALLOMETER_LAW_FORMULA ? fitting->program : nullptr, 1, &to->program);
    pack(part, part->own_problems, n, &to->problems);
    pack(part, part->problems.empty() ? fitting->starts : part->parameters, n * P, &to->starts);
    reserve<struct allometer_fit_outcome>(part, nullptr, n,
                                          const_cast<const struct allometer_fit_outcome **>(&to->outcomes));
}

/* Straight from the caller's arrays: to lock their pages, or to copy them into such as are, costs more than the driver's own
   way of copying them. */
static enum allometer_code upload(struct fit_part *part, struct allometer_error *error) {
    CUDA_CHECK(error, cudaSetDevice(part->slot->gpu->number));
    CUDA_CHECK(error, cudaMalloc(&part->on_device, part->bytes));
    for (const struct packed_array &array : part->arrays) {
        char *const copy = part->on_device + array.offset;
        memcpy(array.pointer, &copy, sizeof copy);
        if (!array.from) continue;
        CUDA_CHECK(error, cudaMemcpyAsync(copy, array.from, array.bytes, cudaMemcpyHostToDevice,
                                          part->slot->stream));
    }
    part->launch.fitting.parameters = const_cast<double *>(part->launch.fitting.starts);
    return ALLOMETER_OK;
}

/* ---- launches ---- */

struct fit_class { /* problems of like size */
    size_t first, end, n_blocks;
    int32_t capacity;
};

static cuda_fit_function *kernel_of(const struct cuda_fit_launch *launch) {
    return allometer_cuda_fit[launch->fitting.law];
}

/* Of copies of points, which resamples alone need. */
static size_t thread_bytes(const struct fit_part *part, int32_t capacity) {
    if (!part->resampled) return 0;
    return (size_t)capacity * (size_t)(part->launch.n_columns + 2) * sizeof(double)
           + (size_t)part->launch.most_units * sizeof(int32_t);
}

/* Classes of sizes that differ by less than a factor of two, each with as many blocks as the GPU runs at once and its
   memory holds. */
static enum allometer_code make_classes(const struct allometer_fitting *fitting, const struct fit_part *part,
                                        std::vector<struct fit_class> *classes,
                                        struct allometer_error *error) {
    size_t available, total;
    int per_multiprocessor = 0;
    CUDA_CHECK(error, cudaMemGetInfo(&available, &total));
    CUDA_CHECK(error, cudaOccupancyMaxActiveBlocksPerMultiprocessor(
                          &per_multiprocessor, kernel_of(&part->launch), CUDA_FIT_TEAM, 0));
    const size_t resident =
        (size_t)std::max(1, per_multiprocessor) * (size_t)part->slot->gpu->multiprocessors;
    for (size_t first = 0, end, n = part->n_problems; first < n; first = end) {
        const size_t largest = set_points(fitting, part->own_problems[first].set);
        for (end = first + 1; end < n && 2 * set_points(fitting, part->own_problems[end].set) > largest;)
            ++end;
        const size_t bytes = CUDA_FIT_TEAM * thread_bytes(part, (int32_t)largest);
        const size_t wanted = std::min(resident, (end - first + CUDA_FIT_TEAM - 1) / CUDA_FIT_TEAM);
        const size_t n_blocks = std::min(wanted, available / 2 / std::max<size_t>(1, bytes));
        if (n_blocks == 0) {
            return allometer_fail(
                error, ALLOMETER_FAILED,
                "fits of %zu points need %.1f MB of the GPU's memory, of which %.1f MB are free", largest,
                2e-6 * (double)bytes, 1e-6 * (double)available);
        }
        classes->push_back({first, end, n_blocks, (int32_t)largest});
    }
    return ALLOMETER_OK;
}

/* The memory that launches share, as long as no two of them run at once. */
static enum allometer_code reserve_launches(struct fit_part *part,
                                            const std::vector<struct fit_class> &classes,
                                            struct allometer_error *error) {
    size_t rows = 0, counts = 0, most = 0, available, total;
    for (const struct fit_class &one : classes) {
        const size_t threads = one.n_blocks * CUDA_FIT_TEAM;
        rows = std::max(rows, threads * (size_t)one.capacity * (size_t)(part->launch.n_columns + 2));
        counts = std::max(counts, threads * (size_t)part->launch.most_units);
        most = std::max(most, one.end - one.first);
    }
    if (part->resampled) {
        CUDA_CHECK(error, cudaMalloc(&part->rows, rows * sizeof *part->rows));
        CUDA_CHECK(error, cudaMalloc(&part->counts, std::max<size_t>(1, counts) * sizeof *part->counts));
    }
    const size_t count_bytes = classes.size() * CUDA_FIT_PASSES * sizeof *part->launched;
    CUDA_CHECK(error, cudaMalloc(&part->launched, count_bytes));
    CUDA_CHECK(error, cudaMemsetAsync(part->launched, 0, count_bytes, part->slot->stream));
    CUDA_CHECK(error, cudaMemGetInfo(&available, &total));
    const size_t state = (size_t)allometer_cuda_fit_state(part->launch.n_parameters) * sizeof(double);
    part->launch.room = (uint32_t)std::min(most / 2 + 1, available / 4 / state);
    if (part->launch.fitting.max_iterations <= allometer_cuda_fit_wait_after[0]) part->launch.room = 0;
    for (double *&waiting : part->waiting)
        if (part->launch.room) CUDA_CHECK(error, cudaMalloc(&waiting, part->launch.room * state));
    return ALLOMETER_OK;
}

/* A class, and then what of it has been long under way. */
static enum allometer_code launch_class(const struct fit_part *part, const struct fit_class *one,
                                        struct cuda_fit_count *count, struct allometer_error *error) {
    struct cuda_fit_launch launch = part->launch;
    launch.first = (int64_t)one->first, launch.end = (int64_t)one->end;
    launch.capacity = one->capacity;
    launch.rows = part->rows, launch.counts = part->counts;
    cuda_fit_function *const kernel = kernel_of(&launch);
    const int n_passes = launch.room ? CUDA_FIT_PASSES : 1;
    for (int pass = 0; pass < n_passes; ++pass) {
        launch.count = count + pass;
        launch.before = pass ? count + pass - 1 : nullptr;
        launch.waiting = part->waiting[(pass + 1) % 2];
        launch.wait = part->waiting[pass % 2];
        launch.wait_after = pass + 1 < n_passes ? allometer_cuda_fit_wait_after[pass] : 0;
        cudaGetLastError(); /* forgets what failed before, or the launch would be blamed */
        ALLOMETER_LAUNCH(kernel, (unsigned)one->n_blocks, (unsigned)CUDA_FIT_TEAM, 0, part->slot->stream,
                         launch);
        CUDA_CHECK(error, cudaGetLastError());
    }
    return ALLOMETER_OK;
}

static enum allometer_code launch_part(const struct allometer_fitting *fitting, struct fit_part *part,
                                       struct allometer_error *error) {
    std::vector<struct fit_class> classes;
    enum allometer_code code = upload(part, error);
    if (code == ALLOMETER_OK) code = make_classes(fitting, part, &classes, error);
    if (code == ALLOMETER_OK) code = reserve_launches(part, classes, error);
    for (size_t i = 0; i < classes.size() && code == ALLOMETER_OK; ++i)
        code = launch_class(part, &classes[i], part->launched + i * CUDA_FIT_PASSES, error);
    return code;
}

static enum allometer_code collect_part(const struct allometer_fitting *fitting, struct fit_part *part,
                                        struct allometer_error *error) {
    CUDA_CHECK(error, cudaSetDevice(part->slot->gpu->number));
    const struct allometer_fitting *on_device = &part->launch.fitting;
    const size_t P = (size_t)part->launch.n_parameters, n = part->n_problems;
    const cudaStream_t stream = part->slot->stream;
    CUDA_CHECK(error, cudaMemcpyAsync(part->parameters, on_device->parameters, n * P * sizeof(double),
                                      cudaMemcpyDeviceToHost, stream));
    CUDA_CHECK(error, cudaMemcpyAsync(part->outcomes, on_device->outcomes, n * sizeof *part->outcomes,
                                      cudaMemcpyDeviceToHost, stream));
    CUDA_CHECK(error, cudaStreamSynchronize(stream));
    for (size_t i = 0; i < part->problems.size(); ++i) {
        const size_t f = (size_t)part->problems[i];
        memcpy(fitting->parameters + f * P, part->parameters + i * P, P * sizeof(double));
        fitting->outcomes[f] = part->outcomes[i];
    }
    return ALLOMETER_OK;
}

/* ---- the whole batch ---- */

/* Empty: as they stand. */
static std::vector<int64_t> largest_first(const struct allometer_fitting *fitting, bool reverse) {
    const auto larger = [&](int64_t a, int64_t b) {
        return set_points(fitting, fitting->problems[a].set) > set_points(fitting, fitting->problems[b].set);
    };
    std::vector<int64_t> order((size_t)fitting->n_problems);
    for (size_t f = 0; f < order.size(); ++f)
        order[f] = reverse ? fitting->n_problems - 1 - (int64_t)f : (int64_t)f;
    if (!reverse && std::is_sorted(order.begin(), order.end(), larger)) return {};
    std::stable_sort(order.begin(), order.end(), larger);
    return order;
}

static enum allometer_code fit_in_parts(struct allometer_device *device,
                                        const struct allometer_fitting *fitting,
                                        std::vector<struct fit_part> *parts, struct allometer_error *error) {
    const std::vector<int64_t> order = largest_first(fitting, device->reverse);
    const size_t n = (size_t)fitting->n_problems, n_parts = std::min(device->gpus.size(), n);
    if (set_points(fitting, fitting->problems[order.empty() ? 0 : order[0]].set) > INT32_MAX / 2)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "more than %d points in one fit", INT32_MAX / 2);
    parts->resize(n_parts);
    for (size_t i = 0; i < n_parts; ++i) {
        struct fit_part *part = &(*parts)[i];
        part->slot = &device->slots[i]; /* the first of each GPU's */
        cuda_arenas_free(device, part->slot->gpu);
        for (size_t f = i; f < n && !(order.empty() && n_parts == 1); f += n_parts)
            part->problems.push_back(order.empty() ? (int64_t)f : order[f]);
        part->launch.fitting = *fitting;
        part->launch.n_parameters = allometer_fitting_parameters(fitting);
        part->launch.n_columns = allometer_fitting_columns(fitting);
        gather(fitting, part);
        for (size_t f = 0; f < part->n_problems; ++f) {
            part->launch.most_units =
                std::max(part->launch.most_units, fitting->sets[part->own_problems[f].set].n_units);
            part->resampled |= part->own_problems[f].resample != 0;
        }
        pack_part(fitting, part);
        enum allometer_code code = launch_part(fitting, part, error);
        if (code != ALLOMETER_OK) return code;
    }
    for (struct fit_part &part : *parts) {
        enum allometer_code code = collect_part(fitting, &part, error);
        if (code != ALLOMETER_OK) return code;
    }
    return ALLOMETER_OK;
}

enum allometer_code cuda_fit(struct allometer_device *device, const struct allometer_fitting *fitting,
                             struct allometer_error *error) {
    if (fitting->n_problems == 0) return ALLOMETER_OK;
    nvtxRangePushA("allometer fit");
    std::vector<struct fit_part> parts;
    enum allometer_code code;
    try {
        code = fit_in_parts(device, fitting, &parts, error);
    } catch (const std::bad_alloc &) {
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for %lld fits",
                              (long long)fitting->n_problems);
    }
    for (struct fit_part &part : parts) { /* after a failure, launches may be in flight */
        if (!part.slot) continue;
        cudaSetDevice(part.slot->gpu->number);
        cudaStreamSynchronize(part.slot->stream);
        cudaFree(part.on_device);
        cudaFree(part.rows);
        cudaFree(part.counts);
        cudaFree(part.launched);
        for (double *waiting : part.waiting) cudaFree(waiting);
    }
    nvtxRangePop();
    return code;
}
