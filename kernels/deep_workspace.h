/* The memory of models of several hidden layers, and what lies where in it. */
#ifndef ALLOMETER_DEEP_WORKSPACE_H
#define ALLOMETER_DEEP_WORKSPACE_H

#include "mixed.h"
#include "product.h"

#if LANES > 1
#define KERNEL_APART KERNEL_COLD /* see lane_cuda.h */
#endif

KERNEL_HOST int32_t layer_inputs(const struct allometer_model *model, int32_t layer) {
    return layer == 0 ? model->n_inputs : model->width;
}

KERNEL_HOST int32_t layer_outputs(const struct allometer_model *model, int32_t layer) {
    return layer == model->depth ? model->n_outputs : model->width;
}

/* Of a layer's weights, row i at i * row_padded(inputs), and after them its biases. */
KERNEL_HOST int64_t layer_floats(int32_t inputs, int32_t outputs) {
    return (int64_t)outputs * row_padded(inputs) + lanes_padded(outputs);
}

KERNEL_HOST int64_t layer_offset(const struct allometer_model *model, int32_t layer) {
    if (layer == 0) return 0;
    return layer_floats(model->n_inputs, model->width)
           + (layer - 1) * layer_floats(model->width, model->width);
}

KERNEL_HOST int64_t deep_parameters_floats(const struct allometer_model *model) {
    return layer_offset(model, model->depth) + layer_floats(model->width, model->n_outputs);
}

#if LANES == 1
/* Samples that go through all layers together, in whole quads: as many as neurons, so that the gradient, summed over blocks,
   moves about as often as the activations, but from 128 to 256. With 33 to 64 neurons 256, for two arrays of which shared
   memory has room: on an H100 13 % faster with 48. With fewer neurons they are slower, for they take teams of twice the size. */
KERNEL_HOST int32_t deep_block(const struct allometer_model *model) {
    int32_t most = model->width < 128 ? 128 : model->width > 256 ? 256 : model->width;
    if (model->width > 32 && model->width <= 64) most = 256;
    const int32_t blocks = (model->batch + most - 1) / most;
    return lanes_padded((model->batch + blocks - 1) / blocks);
}

#else
/* Samples that go through all layers together: as many as leave their activations in the second-level cache, in whole
   tiles, or all of the batch, for whose rows there is no room beyond it. */
KERNEL_HOST int32_t deep_block(const struct allometer_model *model) {
    const int64_t cache_floats = 96 * 1024, tile = TILE_COLUMNS * LANES;
    const int64_t fit = cache_floats / (2 * (model->depth + 1) * (int64_t)model->width) / tile * tile,
                  most = fit < 2 * tile ? 2 * tile : fit;
    return model->batch <= most ? model->batch : (int32_t)most;
}
#endif

/* What a team needs for one model. S is here the samples of a block; their rows hold `row` floats. */
struct deep {
    const struct allometer_model *model;
    int32_t block;
    int64_t row;
    int64_t near_floats, far_floats; /* that it takes of its two memories */
    float *theta, *first, *second;   /* parameters and the optimizer's state, layer after layer */
    float *gradient;                 /* the same, summed over blocks of samples */
    struct batch batch;
    float *value, *slope; /* (L, H, S): what each hidden layer gives, and the activation's derivative */
    float *delta, *below; /* (H, S): derivatives of the objective by z of two layers in turn */
    float *upstream;      /* (H, S): by what a layer gives, of models with residual */
    float *transposed;    /* of one layer's input */
    float *partial;       /* (TEAM_PARTIALS, sums_row) */
    struct mixture mixture;

    float *alive; /* (L, H): of pruning (deep_prune.h): 1, or 0 where a neuron has left */

    /* Of measuring (deep_measure.h) and pruning. */
    float *held_out; /* (K): how many of the samples that are measured are a subtask's */
    float *mean;     /* (L, H): of what the hidden layers give */
    float *rise;     /* (K, L, H): sum of a subtask's losses without a neuron */
    float *served;   /* (K, L, H): by which measures a neuron serves a subtask, as a sum of powers of two */
    float *paths;    /* (PATH_ARRAYS, L, H) */
};
enum { PATH_ARRAYS = 3 };

#if LANES == 1
/* In a block's shared memory: the queue's floats, the products', struct deep, since local memory would be slow to read, and
   what fits of the workspace. */
enum { DEEP_FLOATS = (int)((sizeof(struct deep) + 15) / 16 * 4) };
KERNEL_HOST int32_t deep_shared_offset(int32_t team) {
    return CUDA_QUEUE_FLOATS + STAGE_FLOATS * team;
}
KERNEL_HOST int32_t near_shared_offset(int32_t team) {
    return deep_shared_offset(team) + DEEP_FLOATS;
}
#endif

/* Every array and its length in floats, in the order in which they lie. On CUDA the first lie in shared memory, as far as
   it reaches: what is used most for each float. */
#define DEEP_TABLE(ROW)                                                                          \
    ROW(batch.x, model->n_inputs *stride)                                                        \
    ROW(batch.target, model->n_outputs *stride)                                                  \
    ROW(batch.output, model->n_outputs *stride)                                                  \
    ROW(batch.weight, stride)                                                                    \
    ROW(batch.owner, model->mixed ? stride : 0)                                                  \
    ROW(batch.classes, model->mixed ? stride : 0)                                                \
    ROW(batch.loss, model->mixed ? stride : 0)                                                   \
    ROW(batch.right, model->mixed ? stride : 0)                                                  \
    ROW(mixture.cumulative, model->mixed ? model->n_subtasks : 0)                                \
    ROW(mixture.reads, model->mixed ? (int64_t)model->n_subtasks *MOST_READ : 0)                 \
    ROW(partial, (int64_t)partials *sums_row(model))                                             \
    ROW(delta, model->width *row)                                                                \
    ROW(below, model->width *row)                                                                \
    ROW(upstream, model->residual ? model->width *row : 0)                                       \
    ROW(transposed, transposed_floats(model))                                                    \
    ROW(theta, deep_parameters_floats(model))                                                    \
    ROW(gradient, deep_parameters_floats(model))                                                 \
    ROW(value, model->depth * model->width * row)                                                \
    ROW(slope, model->depth * model->width * row)                                                \
    ROW(first, deep_parameters_floats(model))                                                    \
    ROW(second, model->optimizer == ALLOMETER_OPTIMIZER_SGD ? 0 : deep_parameters_floats(model)) \
    ROW(alive, model->prune > 0 ? model->depth * model->width + LANES : 0)                       \
    ROW(held_out, model->n_subtasks)                                                             \
    ROW(mean, model->depth * model->width)                                                       \
    ROW(rise, (int64_t)model->n_subtasks * model->depth * model->width)                          \
    ROW(served, (int64_t)model->n_subtasks * model->depth * model->width)                        \
    ROW(paths, (int64_t)PATH_ARRAYS * model->depth * model->width)

/* Sums over the team, one row for each part of it: of every subtask's loss, of what is right, and of the weights of mixed
   samples. */
KERNEL_HOST int32_t sums_row(const struct allometer_model *model) {
    return 3 * lanes_padded(model->n_subtasks);
}
enum { SUM_LOSS, SUM_RIGHT, SUM_WEIGHT };

KERNEL_HOST int64_t transposed_floats(const struct allometer_model *model) {
    const int32_t most = model->width > model->n_inputs ? model->width : model->n_inputs;
    return LANES == 1 ? 0 : (int64_t)lanes_padded(deep_block(model)) * row_padded(most);
}

/* Lengths in whole lane vectors, or quads, so that each array is aligned. */
KERNEL_HOST int64_t array_floats(int64_t length) {
    const int64_t unit = lanes_padded(1);
    return (length + unit - 1) / unit * unit;
}

/* Memory in two parts: of the near one (shared memory, on CUDA) the arrays that fit, in their order, and those that follow
   them and still do; the others of the far one. */
struct deep_memory {
    float *near, *far;
    int64_t near_floats;
};

/* Takes `floats` from what is left: the array, or NULL where there is no memory, only a plan. */
KERNEL_HOST float *memory_take(struct deep_memory *left, int64_t floats, int64_t *far_floats) {
    float *array = left->far;
    if (floats <= left->near_floats) {
        array = left->near;
        left->near_floats -= floats;
        if (array) left->near += floats;
        return array;
    }
    *far_floats += floats;
    if (array) left->far += floats;
    return array;
}

/* Of the far part. */
KERNEL_HOST int64_t deep_floats(const struct allometer_model *model, int32_t partials, int64_t near_floats) {
    const int64_t stride = row_padded(model->batch), row = row_padded(deep_block(model));
    struct deep_memory left = {NULL, NULL, near_floats};
    int64_t total = 0;
#define ROW(array, length) memory_take(&left, array_floats(length), &total);
    DEEP_TABLE(ROW)
#undef ROW
    return total;
}

/* Says in *w what lies where in `memory`, which is aligned to a lane vector. One thread's work: all of a team's, inlined where
   a thread has no register left, got a wrong total on an H100 in some warps, under compute-sanitizer always, and zeroed what
   lies behind the workspace. */
KERNEL_APART void deep_lay(const struct allometer_model *model, struct deep_memory memory, int32_t partials,
                           struct deep *w) {
    const int64_t stride = row_padded(model->batch), row = row_padded(deep_block(model));
    struct deep_memory left = memory;
    int64_t total = 0;
    w->model = model;
    w->block = deep_block(model);
    w->row = row;
    w->batch.stride = (int32_t)stride;
    w->batch.n = model->batch;
#define ROW(array, length) w->array = memory_take(&left, array_floats(length), &total);
    DEEP_TABLE(ROW)
#undef ROW
    w->near_floats = memory.near_floats - left.near_floats;
    w->far_floats = total;
}

/* Carves `memory` and zeroes all of it; *w, which the team shares, says what lies where. Ends with a team_sync. */
KERNEL_COLD void deep_carve(const struct allometer_model *model, struct deep_memory memory, struct deep *w) {
    if (TEAM_RANK == 0) deep_lay(model, memory, TEAM_PARTIALS, w);
    team_sync();
    for (int64_t i = TEAM_RANK; i < w->near_floats; i += TEAM_SIZE) memory.near[i] = 0;
    for (int64_t i = TEAM_RANK; i < w->far_floats; i += TEAM_SIZE) memory.far[i] = 0;
    team_sync();
    if (model->mixed) mixed_prepare(model, &w->mixture);
}

KERNEL float *layer_weights(const struct deep *w, float *parameters, int32_t layer) {
    return parameters + layer_offset(w->model, layer);
}

/* parameters: of the layer, as layer_weights gives them. */
KERNEL float *layer_biases(const struct deep *w, float *parameters, int32_t layer) {
    return parameters + (int64_t)layer_outputs(w->model, layer) * row_padded(layer_inputs(w->model, layer));
}

/* (out_l, S) of a block of the batch: what a layer gives. Layer -1 gives the inputs. */
struct rows {
    float *at;
    int64_t row;
};

KERNEL struct rows layer_value(const struct deep *w, const struct batch *block, int32_t layer) {
    struct rows rows = {w->value + (int64_t)layer * w->model->width * w->row, w->row};
    if (layer < 0) rows.at = block->x, rows.row = block->stride;
    if (layer == w->model->depth) rows.at = block->output, rows.row = block->stride;
    return rows;
}

KERNEL float *layer_slope(const struct deep *w, int32_t layer) {
    return w->slope + (int64_t)layer * w->model->width * w->row;
}

#endif
