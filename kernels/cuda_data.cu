/* Rows of files that models learn, copied to every GPU once for a training. */
#include "cuda_device.h"

/* The rows in one piece, on the host (pinned) or on a GPU: what tells where they are, inputs, targets, subtasks. */
struct rows_layout {
    size_t inputs, targets, subtasks, bytes; /* offsets; in all */
};

static struct rows_layout rows_layout_of(const struct allometer_data *data) {
    enum { ALIGNMENT = 16 };
    const size_t n = (size_t)data->n_rows;
    struct rows_layout layout;
    layout.inputs = (sizeof *data + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    layout.targets = layout.inputs + n * (size_t)data->n_inputs * sizeof *data->inputs;
    layout.subtasks = layout.targets + n * sizeof *data->targets;
    layout.bytes = layout.subtasks + n * sizeof *data->subtasks;
    return layout;
}

static void rows_pack(const struct allometer_data *data, const struct rows_layout *layout, const char *on_gpu,
                      char *staged) {
    struct allometer_data copy = *data;
    copy.names = nullptr; /* for the host */
    copy.inputs = reinterpret_cast<const float *>(on_gpu + layout->inputs);
    copy.targets = reinterpret_cast<const float *>(on_gpu + layout->targets);
    copy.subtasks = reinterpret_cast<const int32_t *>(on_gpu + layout->subtasks);
    memcpy(staged, &copy, sizeof copy);
    memcpy(staged + layout->inputs, data->inputs, layout->targets - layout->inputs);
    memcpy(staged + layout->targets, data->targets, layout->subtasks - layout->targets);
    memcpy(staged + layout->subtasks, data->subtasks, layout->bytes - layout->subtasks);
}

static enum allometer_code upload(const struct cuda_slot *slot, const struct allometer_data *data,
                                  struct cuda_rows *rows, struct allometer_error *error) {
    const struct rows_layout layout = rows_layout_of(data);
    CUDA_CHECK(error, cudaSetDevice(slot->gpu->number));
    CUDA_CHECK(error, cudaMallocHost(&rows->staged, layout.bytes));
    CUDA_CHECK(error, cudaMalloc(&rows->on_gpu, layout.bytes));
    rows_pack(data, &layout, rows->on_gpu, rows->staged);
    CUDA_CHECK(error, cudaMemcpyAsync(rows->on_gpu, rows->staged, layout.bytes, cudaMemcpyHostToDevice,
                                      slot->stream));
    CUDA_CHECK(error, cudaStreamSynchronize(slot->stream));
    cudaFreeHost(rows->staged);
    rows->staged = nullptr;
    return ALLOMETER_OK;
}

const struct allometer_data *cuda_rows_find(const struct cuda_gpu *gpu, const struct allometer_data *data) {
    for (const struct cuda_rows &rows : gpu->rows) {
        if (rows.on_host == data) return reinterpret_cast<const struct allometer_data *>(rows.on_gpu);
    }
    return nullptr;
}

enum allometer_code cuda_rows_upload(struct allometer_device *device, const struct allometer_model *models,
                                     size_t n_models, struct allometer_error *error) {
    for (size_t i = 0; i < n_models; ++i) {
        if (!models[i].data || cuda_rows_find(&device->gpus[0], models[i].data)) continue;
        for (size_t g = 0; g < device->gpus.size(); ++g) {
            std::vector<struct cuda_rows> &rows = device->gpus[g].rows;
            rows.push_back({models[i].data, nullptr, nullptr});
            enum allometer_code code = upload(&device->slots[g], models[i].data, &rows.back(), error);
            if (code != ALLOMETER_OK) return code;
        }
    }
    return ALLOMETER_OK;
}

void cuda_rows_free(struct allometer_device *device) {
    for (struct cuda_gpu &gpu : device->gpus) {
        cudaSetDevice(gpu.number);
        for (const struct cuda_rows &rows : gpu.rows) {
            cudaFreeHost(rows.staged);
            cudaFree(rows.on_gpu);
        }
        gpu.rows.clear();
    }
}
