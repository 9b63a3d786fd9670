/* Models of several hidden layers. Layer l = 0 .. L takes what layer l - 1 gives, the first the D inputs, the last gives the
   O outputs:  z_l = W_l a_(l-1) + b_l,  a_l = activation(z_l), with residual and l >= 1 plus a_(l-1),  y = z_L.
   All are the same three matrix products, over lanes that own samples. */
#ifndef ALLOMETER_DEEP_H
#define ALLOMETER_DEEP_H

#include "deep_workspace.h"
#include "optimizer.h"

/* ---- samples and losses ------------------------------------------------------------------------------------------ */

KERNEL_APART void deep_draw(const struct deep *w, struct sample_range range, int32_t n) {
    struct batch batch = w->batch;
    batch.n = n;
    if (w->model->mixed) {
        mixed_draw(w->model, &w->mixture, range, &batch);
    } else {
        batch_draw(w->model, range, &batch);
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
    float *own = w->partial + TEAM_PARTIAL * sums_row(model);
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

#if LANES > 1
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
    for (int32_t h = 0; h < rows; ++h) {
        const int64_t e = h * row;
#define BODY(s, tile) activate_tile(kind, tile, z + e + s, slope + e + s, skipped ? skipped + e + s : NULL)
        FOR_LANE_TILES(s, n, MAX_TILE, BODY);
#undef BODY
    }
}

KERNEL_COLD void activate(int32_t kind, int32_t rows, int32_t n, int64_t row, float *z, float *slope,
                          const float *skipped) {
    switch (kind) {
#define ROW(id, ...)                                                               \
    case ALLOMETER_ACTIVATION_##id:                                                \
        activate_rows(ALLOMETER_ACTIVATION_##id, rows, n, row, z, slope, skipped); \
        break;
        ACTIVATION_TABLE(ROW)
#undef ROW
    }
}
#endif

/* The layers from `layer` on, of a block's samples; ends with a team_sync. */
KERNEL_COLD void deep_forward(const struct deep *w, const struct batch *block, int32_t layer) {
    const struct allometer_model *model = w->model;
    for (; layer <= model->depth; ++layer) {
        const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
        float *weights = layer_weights(w, w->theta, layer);
        const struct rows in = layer_value(w, block, layer - 1), out = layer_value(w, block, layer);
        struct product p = product_of(outputs, block->n, inputs, out.at, out.row);
        p.a = weights, p.a_row = row_padded(inputs), p.a_column = 1;
        p.b = in.at, p.b_row = in.row;
        p.bias = layer_biases(w, weights, layer);
        const float *skipped = model->residual && layer > 0 ? in.at : NULL;
#if LANES == 1
        if (layer < model->depth)
            p.slope = layer_slope(w, layer), p.skipped = skipped, p.activation = model->activation;
        multiply(p);
        team_sync();
#else
        multiply(p);
        if (layer < model->depth)
            activate(model->activation, outputs, block->n, w->row, out.at, layer_slope(w, layer), skipped);
#endif
    }
}

/* One copy of it, for where speed is not all. */
KERNEL_APART void deep_outputs(const struct deep *w, const struct batch *block, int32_t layer) {
    deep_forward(w, block, layer);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

KERNEL float row_sum(const float *row, int32_t n) {
    vf total = vf_set(0.0f);
    int32_t s = 0;
    for (; s + LANES <= n; s += LANES) total = total + vf_load(row + s);
    if (s < n) total = total + vf_select(vi_less(vi_index(s), n), vf_load(row + s), vf_set(0.0f));
    return vf_sum(total);
}

#if LANES == 1
/* The gradients of a layer's biases from delta (out_l, S): four threads a row, neighbors. */
KERNEL void biases_gradient(float *biases, int32_t outputs, struct rows delta, int32_t n, int first) {
    const int32_t part = TEAM_RANK % QUAD;
    for (int32_t base = 0; base < outputs; base += TEAM_SIZE / QUAD) {
        const int32_t h = base + TEAM_RANK / QUAD;
        float sum = 0;
        for (int32_t s = part * QUAD; h < outputs && s < n; s += QUAD * QUAD) {
            const struct quad quad = quad_read(delta.at + h * delta.row + s);
            UNROLL for (int u = 0; u < QUAD; ++u) sum += s + u < n ? quad.at[u] : 0.0f;
        }
        sum += __shfl_xor_sync(0xffffffffu, sum, 1);
        sum += __shfl_xor_sync(0xffffffffu, sum, 2);
        if (part == 0 && h < outputs) biases[h] = first ? sum : biases[h] + sum;
    }
}
#else
KERNEL void biases_gradient(float *biases, int32_t outputs, struct rows delta, int32_t n, int first) {
    for (int32_t h = 0; h < outputs; ++h) {
        const float sum = row_sum(delta.at + h * delta.row, n);
        biases[h] = first ? sum : biases[h] + sum;
    }
}
#endif

/* The gradient of one layer's weights and biases from delta (out_l, S), added to that of the blocks before. */
KERNEL_COLD void layer_gradient(const struct deep *w, const struct batch *block, int32_t layer,
                                struct rows delta, int first) {
    const int32_t inputs = layer_inputs(w->model, layer), outputs = layer_outputs(w->model, layer);
    const struct rows in = layer_value(w, block, layer - 1);
    float *gradient = layer_weights(w, w->gradient, layer), *biases = layer_biases(w, gradient, layer);
    struct product p = product_of(outputs, inputs, block->n, gradient, row_padded(inputs));
    p.a = delta.at, p.a_row = delta.row, p.a_column = 1;
    p.b = in.at, p.b_row = in.row;
    p.add = first ? NULL : gradient;
    multiply_rows(p, w->transposed);
    biases_gradient(biases, outputs, delta, block->n, first);
}

/* By z of layer - 1, into `below`, from delta of the layer; with residual what layer - 1 gives also flows past it. */
KERNEL_COLD void layer_below(const struct deep *w, const struct batch *block, int32_t layer,
                             struct rows delta, float *below) {
    const struct allometer_model *model = w->model;
    struct product p = product_of(model->width, block->n, layer_outputs(model, layer),
                                  model->residual ? w->upstream : NULL, w->row);
    p.scaled = below, p.times = layer_slope(w, layer - 1);
    p.a = layer_weights(w, w->theta, layer), p.a_row = 1, p.a_column = row_padded(model->width);
    p.b = delta.at, p.b_row = delta.row;
    p.add = model->residual && layer < model->depth ? w->upstream : NULL;
    multiply_turned(p);
}

/* From the derivatives of the objective by the outputs, which the block holds: every layer's gradient, the last layer's
   first. Ends with a team_sync. */
KERNEL_COLD void deep_backward(const struct deep *w, const struct batch *block, int first) {
    const int32_t depth = w->model->depth;
    struct rows delta = layer_value(w, block, depth);
    for (int32_t layer = depth; layer >= 0; --layer) {
        float *below = (depth - layer) % 2 ? w->below : w->delta;
        layer_gradient(w, block, layer, delta, first);
        team_sync(); /* both products use the same shared memory */
        if (layer > 0) layer_below(w, block, layer, delta, below);
        delta.at = below, delta.row = w->row;
        team_sync();
    }
}

#if LANES == 1
/* Four weights; what the padding of their row holds stays 0. */
KERNEL void quad_update(const struct deep *w, const struct update *u, int64_t e, float alive) {
    const int moments = w->model->optimizer != ALLOMETER_OPTIMIZER_SGD;
    struct quad theta = quad_read(w->theta + e), gradient = quad_read(w->gradient + e),
                first = quad_read(w->first + e), second = moments ? quad_read(w->second + e) : first;
    UNROLL for (int c = 0; c < QUAD; ++c) theta.at[c] =
        update_parameter(u, vf_set(1.0f), theta.at[c], alive * gradient.at[c], &first.at[c], &second.at[c]);
    quad_write(w->theta + e, theta);
    quad_write(w->first + e, first);
    if (moments) quad_write(w->second + e, second);
}
#endif

/* Every parameter, from its gradient; those of neurons that have been pruned away stay 0. */
KERNEL_COLD void deep_update(const struct deep *w, const struct update *u) {
    const struct allometer_model *model = w->model;
    for (int32_t layer = 0; layer <= model->depth; ++layer) {
        const int32_t inputs = layer_inputs(model, layer), outputs = layer_outputs(model, layer);
        const int64_t row = row_padded(inputs), at = layer_offset(model, layer), biases = at + outputs * row;
        const float *alive =
            model->prune > 0 && layer < model->depth ? w->alive + layer * model->width : NULL;
#if LANES == 1
        for (int32_t i = TEAM_RANK * QUAD; i < outputs * row; i += TEAM_SIZE * QUAD)
            quad_update(w, u, at + i, alive ? alive[i / (int32_t)row] : 1.0f);
#else
        FOR_ELEMENTS(i, j, outputs, inputs) {
            const int64_t e = at + i * row + j;
            vf theta = vf_load(w->theta + e), gradient = vf_load(w->gradient + e);
            if (alive) gradient = alive[i] * gradient;
            vf_store(w->theta + e,
                     update_parameter(u, vf_set(1.0f), theta, gradient, w->first + e, w->second + e));
        }
#endif
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
