/* Models of several hidden layers. Layer l = 0 .. L takes what layer l - 1 gives, the first the D inputs, the last gives the
   O outputs:  z_l = W_l a_(l-1) + b_l,  a_l = activation(z_l), with residual and l >= 1 plus a_(l-1),  y = z_L.
   All are the same three matrix products, over lanes that own samples. */
#ifndef ALLOMETER_DEEP_H
#define ALLOMETER_DEEP_H

#include "mixed.h"
#include "optimizer.h"
#include "product.h"
#include "mlp.h"

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

/* Samples that go through all layers together: on the CPU as many as leave their activations in the second-level cache, in
   whole tiles; on CUDA all. */
KERNEL_HOST int32_t deep_block(const struct allometer_model *model) {
    const int64_t cache_floats = 96 * 1024, tile = TILE_COLUMNS * LANES;
    const int64_t most = cache_floats / (2 * (model->depth + 1) * (int64_t)model->width) / tile * tile;
    if (LANES == 1 || model->batch <= most) return model->batch;
    return (int32_t)(most < 2 * tile ? 2 * tile : most);
}

/* What a team needs for one model. S is here the samples of a block; their rows hold `row` floats. */
struct deep {
    const struct allometer_model *model;
    int32_t block;
    int64_t row;
    float *theta, *first, *second; /* parameters and the optimizer's state, layer after layer */
    float *gradient;               /* the same, summed over blocks of samples */
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
    float *rise;     /* (K, L, H): loss of a subtask without a neuron */
    float *served;   /* (K, L, H): by which measures a neuron serves a subtask, as a sum of powers of two */
    float *paths;    /* (PATH_ARRAYS, L, H) */
};
enum { PATH_ARRAYS = 3 };

/* Every array and its length in floats, in the order in which they lie. */
#define DEEP_TABLE(ROW)                                                                          \
    ROW(theta, deep_parameters_floats(model))                                                    \
    ROW(first, deep_parameters_floats(model))                                                    \
    ROW(second, model->optimizer == ALLOMETER_OPTIMIZER_SGD ? 0 : deep_parameters_floats(model)) \
    ROW(gradient, deep_parameters_floats(model))                                                 \
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
    ROW(value, model->depth * model->width * row)                                                \
    ROW(slope, model->depth * model->width * row)                                                \
    ROW(delta, model->width *row)                                                                \
    ROW(below, model->width *row)                                                                \
    ROW(upstream, model->residual ? model->width *row : 0)                                       \
    ROW(transposed, transposed_floats(model))                                                    \
    ROW(partial, (int64_t)partials *sums_row(model))                                             \
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

/* Lengths in whole lane vectors, so that each array is aligned. */
KERNEL_HOST int64_t deep_floats(const struct allometer_model *model, int32_t partials) {
    const int64_t stride = row_padded(model->batch), row = row_padded(deep_block(model));
    int64_t total = 0;
#define ROW(array, length) total += ((length) + LANES - 1) / LANES * LANES;
    DEEP_TABLE(ROW)
#undef ROW
    return total;
}

/* Carves `memory`, aligned to a lane vector, and zeroes all of it; ends with a team_sync. */
KERNEL_COLD struct deep deep_carve(const struct allometer_model *model, float *memory) {
    struct deep w;
    const int32_t partials = TEAM_PARTIALS;
    const int64_t stride = row_padded(model->batch), row = row_padded(deep_block(model));
    int64_t offset = 0;
#define ROW(array, length)     \
    w.array = memory + offset; \
    offset += ((length) + LANES - 1) / LANES * LANES;
    DEEP_TABLE(ROW)
#undef ROW
    w.model = model;
    w.block = deep_block(model);
    w.row = row;
    w.batch.stride = (int32_t)stride;
    w.batch.n = model->batch;
    for (int64_t i = TEAM_RANK; i < offset; i += TEAM_SIZE) memory[i] = 0;
    team_sync();
    if (model->mixed) mixed_prepare(model, &w.mixture);
    return w;
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

/* ---- samples and losses ------------------------------------------------------------------------------------------ */

KERNEL void deep_draw(struct deep *w, struct sample_range range) {
    if (w->model->mixed) {
        mixed_draw(w->model, &w->mixture, range, &w->batch);
    } else {
        batch_draw(w->model, range, &w->batch);
    }
    team_sync();
}

KERNEL struct batch deep_block_at(const struct deep *w, int32_t first) {
    struct batch block = batch_block(&w->batch, first, w->block);
    if (w->model->mixed)
        block.owner += first, block.classes += first, block.loss += first, block.right += first;
    return block;
}

/* Every subtask's loss at a block's samples and what is right, times `share` each, into `partial`, or added to that of the
   blocks before; with `derive`, the outputs become derivatives of the objective. Ends with a team_sync. */
KERNEL_COLD void deep_losses(const struct deep *w, const struct batch *block, float share, int derive,
                             int first) {
    const struct allometer_model *model = w->model;
    const int32_t column = lanes_padded(model->n_subtasks);
    if (model->mixed) {
        mixed_sample_losses(model, block, model->scale * share, derive);
        team_sync();
        mixed_sums(model, block, first, w->partial);
        team_sync();
        return;
    }
    float *own = w->partial + (TEAM_RANK / (TEAM_SIZE / TEAM_PARTIALS)) * sums_row(model);
    for (int32_t k = 0; k < model->n_subtasks; ++k) {
        const struct allometer_subtask *subtask = &model->subtasks[k];
        vf loss = vf_set(0.0f), right = vf_set(0.0f), correct;
        FOR_LANES(s, block->n) {
            vf weight = share * vf_load(block->weight + s), scale = model->scale * subtask->weight * weight;
            loss = loss + weight * loss_at(block, subtask, s, scale, derive, &correct);
            right = right + weight * correct;
        }
        partial_put(own + SUM_LOSS * column + k, first, loss);
        partial_put(own + SUM_RIGHT * column + k, first, right);
    }
    team_sync();
}

KERNEL float sums_total(const struct deep *w, int32_t kind, int32_t k) {
    const float *column = w->partial + kind * lanes_padded(w->model->n_subtasks) + k;
    float total = 0;
    for (int32_t row = 0; row < TEAM_PARTIALS; ++row) total += column[row * sums_row(w->model)];
    return total;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* z becomes activation(z) + skipped; skipped: NULL, or what the layer takes. */
KERNEL void activate_tile(const int kind, const int tile, float *z, float *slope, const float *skipped) {
    vf before[MAX_TILE], value[MAX_TILE], derivative[MAX_TILE];
    EACH(u, tile) before[u] = value[u] = derivative[u] = vf_load(z + u * LANES);
    activation(kind, tile, before, value, derivative);
    EACH(u, tile) vf_store(slope + u * LANES, derivative[u]);
    EACH(u, tile) vf_store(z + u * LANES, skipped ? value[u] + vf_load(skipped + u * LANES) : value[u]);
}

KERNEL void activate_rows(const int kind, int32_t rows, int32_t n, int64_t row, float *z, float *slope,
                          const float *skipped) {
#if LANES == 1
    FOR_ELEMENTS(h, s, rows, n) {
        const int64_t e = h * row + s;
        activate_tile(kind, 1, z + e, slope + e, skipped ? skipped + e : NULL);
    }
#else
    for (int32_t h = 0; h < rows; ++h) {
        const int64_t e = h * row;
#define BODY(s, tile) activate_tile(kind, tile, z + e + s, slope + e + s, skipped ? skipped + e + s : NULL)
        FOR_LANE_TILES(s, n, MAX_TILE, BODY);
#undef BODY
    }
#endif
}

KERNEL_COLD void activate(int32_t kind, int32_t rows, int32_t n, int64_t row, float *z, float *slope,
                          const float *skipped) {
#if LANES == 1
    activate_rows(kind, rows, n, row, z, slope, skipped);
#else
    switch (kind) {
#define ROW(id, ...)                                                               \
    case ALLOMETER_ACTIVATION_##id:                                                \
        activate_rows(ALLOMETER_ACTIVATION_##id, rows, n, row, z, slope, skipped); \
        break;
        ACTIVATION_TABLE(ROW)
#undef ROW
    }
#endif
}

/* The layers from `layer` on, of a block's samples; ends with a team_sync. */
KERNEL_COLD void deep_forward(const struct deep *w, const struct batch *block, int32_t layer) {
    const struct allometer_model *model = w->model;
    for (; layer <= model->depth; ++layer) {
        const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
        float *weights = layer_weights(w, w->theta, layer);
        const struct rows in = layer_value(w, block, layer - 1), out = layer_value(w, block, layer);
        struct product p;
        p.I = outputs, p.J = block->n, p.K = inputs;
        p.out = out.at, p.out_row = out.row;
        p.a = weights, p.a_row = row_padded(inputs), p.a_column = 1;
        p.b = in.at, p.b_row = in.row, p.b_column = 1;
        p.bias = layer_biases(w, weights, layer), p.add = NULL, p.times = NULL, p.scaled = NULL;
        multiply(p);
        team_sync();
        if (layer == model->depth) return;
        activate(model->activation, outputs, block->n, w->row, out.at, layer_slope(w, layer),
                 model->residual && layer > 0 ? in.at : NULL);
        team_sync();
    }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

KERNEL float row_sum(const float *row, int32_t n) {
    vf total = vf_set(0.0f);
    int32_t s = 0;
    for (; s + LANES <= n; s += LANES) total = total + vf_load(row + s);
    if (s < n) total = total + vf_select(vi_less(vi_index(s), n), vf_load(row + s), vf_set(0.0f));
    return vf_sum(total);
}

/* The gradient of one layer's weights and biases from delta (out_l, S), added to that of the blocks before. */
KERNEL_COLD void layer_gradient(const struct deep *w, const struct batch *block, int32_t layer,
                                struct rows delta, int first) {
    const int32_t inputs = layer_inputs(w->model, layer), outputs = layer_outputs(w->model, layer);
    const struct rows in = layer_value(w, block, layer - 1);
    float *gradient = layer_weights(w, w->gradient, layer), *biases = layer_biases(w, gradient, layer);
    struct product p;
    p.I = outputs, p.J = inputs, p.K = block->n;
    p.out = gradient, p.out_row = row_padded(inputs);
    p.a = delta.at, p.a_row = delta.row, p.a_column = 1;
    p.b = in.at, p.b_row = in.row, p.b_column = 1;
    p.bias = NULL, p.add = first ? NULL : gradient, p.times = NULL, p.scaled = NULL;
    multiply_rows(p, w->transposed);
    for (int32_t h = TEAM_SIZE - 1 - TEAM_RANK; h < outputs;
         h += TEAM_SIZE) { /* the last have the least to do */
        const float sum = row_sum(delta.at + h * delta.row, block->n);
        biases[h] = first ? sum : biases[h] + sum;
    }
}

/* By z of layer - 1, into `below`, from delta of the layer; with residual what layer - 1 gives also flows past it. */
KERNEL_COLD void layer_below(const struct deep *w, const struct batch *block, int32_t layer,
                             struct rows delta, float *below) {
    const struct allometer_model *model = w->model;
    struct product p;
    p.I = model->width, p.J = block->n, p.K = layer_outputs(model, layer);
    p.out = model->residual ? w->upstream : NULL, p.out_row = w->row;
    p.scaled = below, p.times = layer_slope(w, layer - 1);
    p.a = layer_weights(w, w->theta, layer), p.a_row = 1, p.a_column = row_padded(model->width);
    p.b = delta.at, p.b_row = delta.row, p.b_column = 1;
    p.bias = NULL, p.add = model->residual && layer < model->depth ? w->upstream : NULL;
    multiply(p);
}

/* From the derivatives of the objective by the outputs, which the block holds: every layer's gradient, the last layer's
   first. Ends with a team_sync. */
KERNEL_COLD void deep_backward(const struct deep *w, const struct batch *block, int first) {
    const int32_t depth = w->model->depth;
    struct rows delta = layer_value(w, block, depth);
    for (int32_t layer = depth; layer >= 0; --layer) {
        float *below = (depth - layer) % 2 ? w->below : w->delta;
        layer_gradient(w, block, layer, delta, first);
        if (layer > 0) layer_below(w, block, layer, delta, below);
        delta.at = below, delta.row = w->row;
        team_sync();
    }
}

/* Every parameter, from its gradient; those of neurons that have been pruned away stay 0. */
KERNEL_COLD void deep_update(const struct deep *w, const struct update *u) {
    const struct allometer_model *model = w->model;
    for (int32_t layer = 0; layer <= model->depth; ++layer) {
        const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
        const int64_t row = row_padded(inputs), at = layer_offset(model, layer), biases = at + outputs * row;
        const float *alive =
            model->prune > 0 && layer < model->depth ? w->alive + layer * model->width : NULL;
        FOR_ELEMENTS(i, j, outputs, inputs) {
            const int64_t e = at + i * row + j;
            vf theta = vf_load(w->theta + e), gradient = vf_load(w->gradient + e);
            if (alive) gradient = alive[i] * gradient;
            vf_store(w->theta + e,
                     update_parameter(u, vf_set(1.0f), theta, gradient, w->first + e, w->second + e));
        }
        FOR_LANES(i, outputs) {
            const int64_t e = biases + i;
            vf theta = vf_load(w->theta + e), gradient = vf_load(w->gradient + e);
            if (alive) gradient = vf_load(alive + i) * gradient;
            theta = update_parameter(u, vf_set((float)model->penalize_biases), theta, gradient, w->first + e,
                                     w->second + e);
            vf_store(w->theta + e, theta);
        }
    }
}

#endif
