/* Composite tasks: the functions that subtasks are made of, and the samples a model sees. */
#ifndef ALLOMETER_TASK_H
#define ALLOMETER_TASK_H

#include "random.h"

/* id, function, name, number of inputs (0: as many as the subtask's `bits`), number of outputs, loss, inputs drawn
   as -1 or 1, formula. The function gives the target; of a classification, the class. */
#define FUNCTION_TABLE(ROW)                                                                               \
    ROW(SQUARE, square, "square", 1, 1, MEAN_SQUARED_ERROR, 0, "x^2")                                     \
    ROW(CUBE, cube, "cube", 1, 1, MEAN_SQUARED_ERROR, 0, "x^3")                                           \
    ROW(ABSOLUTE, absolute, "absolute", 1, 1, MEAN_SQUARED_ERROR, 0, "|x|")                               \
    ROW(SINE, sine, "sine", 1, 1, MEAN_SQUARED_ERROR, 0, "sin(pi frequency x)")                           \
    ROW(EXPONENTIAL, exponential, "exponential", 1, 1, MEAN_SQUARED_ERROR, 0, "exp(x)")                   \
    ROW(PRODUCT, product, "product", 2, 1, MEAN_SQUARED_ERROR, 0, "x1 x2")                                \
    ROW(STEP, step, "step", 1, 1, MEAN_SQUARED_ERROR, 0, "1 if x > 0, else 0")                            \
    ROW(PARITY, parity, "parity", 0, 2, CROSS_ENTROPY, 1,                                                 \
        "class 1 if an odd number of the bits (inputs -1 or 1) are 1, else class 0")                      \
    ROW(FOURTH_POWER, fourth_power, "fourth_power", 1, 1, MEAN_SQUARED_ERROR, 0, "x^4")                   \
    ROW(COSINE, cosine, "cosine", 1, 1, MEAN_SQUARED_ERROR, 0, "cos(pi frequency x)")                     \
    ROW(SQUARED_SINE, squared_sine, "squared_sine", 1, 1, MEAN_SQUARED_ERROR, 0, "sin(pi frequency x)^2") \
    ROW(EXPONENTIAL_SQUARE, exponential_square, "exponential_square", 1, 1, MEAN_SQUARED_ERROR, 0,        \
        "exp(x^2)")                                                                                       \
    ROW(TANH, tanh, "tanh", 1, 1, MEAN_SQUARED_ERROR, 0, "tanh(x)")                                       \
    ROW(POSITIVE_PART, positive_part, "positive_part", 1, 1, MEAN_SQUARED_ERROR, 0, "max(0, x)")          \
    ROW(DATA, data, "data", 0, 1, MEAN_SQUARED_ERROR, 0,                                                  \
        "rows of the file task.data.file; no function to be named")                                       \
    ROW(SQUARE_ROOT, square_root, "square_root", 1, 1, MEAN_SQUARED_ERROR, 0, "sqrt(max(0, x))")          \
    ROW(SQUARED_DIFFERENCES, squared_differences, "squared_differences", 4, 1, MEAN_SQUARED_ERROR, 0,     \
        "(x1 - x2)^2 + (x3 - x4)^2")

/* id, name, formula: of one subtask, averaged over its samples. */
#define LOSS_TABLE(ROW)                                                     \
    ROW(MEAN_SQUARED_ERROR, "mean_squared_error", "mean of (y - target)^2") \
    ROW(CROSS_ENTROPY, "cross_entropy", "mean of log(sum_c exp(y_c)) - y_class")

/* Inputs of one sample vector: variable d at x[d * stride]. */
struct function_inputs {
    const float *x;
    int32_t stride, n;
    float frequency;
};

KERNEL vf function_square(struct function_inputs in) {
    vf x = vf_load(in.x);
    return x * x;
}

KERNEL vf function_cube(struct function_inputs in) {
    vf x = vf_load(in.x);
    return x * x * x;
}

KERNEL vf function_absolute(struct function_inputs in) {
    return vf_abs(vf_load(in.x));
}

KERNEL vf function_sine(struct function_inputs in) {
    return vf_sin_u15(3.14159265f * in.frequency * vf_load(in.x));
}

KERNEL vf function_exponential(struct function_inputs in) {
    return vf_exp_u15(vf_load(in.x));
}

KERNEL vf function_product(struct function_inputs in) {
    return vf_load(in.x) * vf_load(in.x + in.stride);
}

KERNEL vf function_step(struct function_inputs in) {
    return vf_select(vf_load(in.x) > vf_set(0.0f), vf_set(1.0f), vf_set(0.0f));
}

KERNEL vf function_parity(struct function_inputs in) {
    vf sign = vf_set(1.0f); /* of the product of -x: -1 for an odd number of ones */
    for (int32_t d = 0; d < in.n; ++d) sign = sign * -vf_load(in.x + d * in.stride);
    return 0.5f - 0.5f * sign;
}

KERNEL vf function_fourth_power(struct function_inputs in) {
    vf square = function_square(in);
    return square * square;
}

KERNEL vf function_cosine(struct function_inputs in) {
    return vf_cos_u15(3.14159265f * in.frequency * vf_load(in.x));
}

KERNEL vf function_squared_sine(struct function_inputs in) {
    vf sine = function_sine(in);
    return sine * sine;
}

KERNEL vf function_exponential_square(struct function_inputs in) {
    return vf_exp_u15(function_square(in));
}

KERNEL vf function_tanh(struct function_inputs in) {
    return vf_tanh_u40(vf_load(in.x));
}

KERNEL vf function_positive_part(struct function_inputs in) {
    vf x = vf_load(in.x);
    return vf_select(x > vf_set(0.0f), x, vf_set(0.0f));
}

/* Of no use: the rows hold their targets (mixed.h). */
KERNEL vf function_data(struct function_inputs in) {
    (void)in;
    return vf_set(0.0f);
}

KERNEL vf function_square_root(struct function_inputs in) {
    vf x = vf_load(in.x);
    return vf_sqrt(vf_select(x > vf_set(0.0f), x, vf_set(0.0f)));
}

KERNEL vf function_squared_differences(struct function_inputs in) {
    vf first = vf_load(in.x) - vf_load(in.x + in.stride);
    vf second = vf_load(in.x + 2 * in.stride) - vf_load(in.x + 3 * in.stride);
    return first * first + second * second;
}

KERNEL vf function_target(int32_t function, struct function_inputs in) {
    switch (function) {
#define ROW(id, f, name, n_inputs, n_outputs, loss, binary, formula) \
    case ALLOMETER_FUNCTION_##id:                                    \
        return function_##f(in);
        FUNCTION_TABLE(ROW)
#undef ROW
    }
    return vf_set(0.0f);
}

KERNEL int function_is_binary(int32_t function) {
    switch (function) {
#define ROW(id, f, name, n_inputs, n_outputs, loss, binary, formula) \
    case ALLOMETER_FUNCTION_##id:                                    \
        return binary;
        FUNCTION_TABLE(ROW)
#undef ROW
    }
    return 0;
}

/* S samples in fast memory; rows of `stride` floats. Rows of inputs and outputs that the model does not have, up to
   the specialized D and O, stay zero. */
struct batch {
    int32_t n, stride; /* S, and S padded */
    float *x;          /* (D, S) */
    float *target;     /* (O, S); of a classification the class, in its first output's row */
    float *output;     /* (O, S); turned into the loss' derivative in place */
    float *weight;     /* (S); mean 1 over the training set, 0 in the padding */
    /* Of mixed samples (S): the subtask; its number of classes or 0; the loss; whether the class is right. */
    float *owner, *classes, *loss, *right;
};

/* Which samples a batch holds: n_total of them in all, of which this batch shows those at order[first + s]. */
struct sample_range {
    int32_t n_total, first, test, fresh;
    uint32_t step, epoch;
    int32_t shuffled; /* take position first + s of the epoch's order, not sample first + s */
};

/* Number of the sample in each lane. A mini-batch runs over the end of an epoch into the next one's order. */
KERNEL vi batch_sample(const struct allometer_model *model, struct sample_range range, int32_t s) {
    vi sample = vi_index(range.first + s);
    if (!range.shuffled) return sample;
    struct permutation now = permutation_make(model->seed, 0, range.epoch, range.n_total);
    struct permutation next = permutation_make(model->seed, 0, range.epoch + 1, range.n_total);
    for (int l = 0; l < LANES; ++l) {
        int32_t position = LANE(sample, l), over = position - range.n_total;
        LANE(sample, l) =
            over < 0 ? permutation_at(&now, position) : permutation_at(&next, over % range.n_total);
    }
    return sample;
}

/* Input variable d of the samples: uniform draws, or even spacing in an order that each variable after the first has
   of its own (a Latin hypercube); of mixed samples, whose order is that of their subtasks, the first one too. Held-out
   even points lie in the middles of test_samples equal parts. */
KERNEL vf batch_input(const struct allometer_model *model, struct sample_range range, vi sample, int32_t d) {
    vf position; /* in [0, 1] */
    if (model->distribution == ALLOMETER_DISTRIBUTION_UNIFORM || range.fresh) {
        enum random_stream stream = range.test ? STREAM_TEST : STREAM_INPUT;
        struct vu4 words = random_words(model->seed, stream, (uint32_t)d / 4, range.step, sample);
        position = random_uniform(words.word[d & 3]);
    } else {
        vi rank = sample;
        if (d > 0 || model->mixed) {
            const uint32_t which =
                (uint32_t)(d > 0 ? d : (int32_t)ALLOMETER_MAX_INPUTS); /* 0 is the samples' own */
            struct permutation order =
                permutation_make(model->seed, which, range.test ? 0x80000000u : 0, range.n_total);
            for (int l = 0; l < LANES; ++l) {
                int32_t i = LANE(sample, l);
                LANE(rank, l) = i < range.n_total ? permutation_at(&order, i) : 0;
            }
        }
        float offset = range.test ? 0.5f : 0.0f;
        float parts = range.test ? (float)range.n_total : (float)(range.n_total > 1 ? range.n_total - 1 : 1);
        position = (vf_from_vu((vu)rank) + offset) / parts;
        /* Lanes beyond the last sample count nothing, if they hold numbers: not far out, where functions overflow. */
        position = vf_select(vi_less(sample, range.n_total), position, vf_set(0.0f));
    }
    return model->low + (model->high - model->low) * position;
}

KERNEL vf batch_weight(const struct allometer_model *model, struct sample_range range, vi sample) {
    if (range.test) return vf_set(1.0f);
    if (model->weighting == ALLOMETER_WEIGHTING_BOOTSTRAP) {
        struct vu4 words = random_words(model->seed, STREAM_WEIGHT, 0, range.fresh ? range.step : 0, sample);
        return -vf_log_u10(random_uniform(words.word[0]));
    }
    if (model->weighting == ALLOMETER_WEIGHTING_TRAPEZOID) {
        float inner = (float)range.n_total / (float)(range.n_total - 1);
        vm first = sample == vi_set(0), last = sample == vi_set(range.n_total - 1);
        return vf_select(first | last, vf_set(0.5f * inner), vf_set(inner));
    }
    return vf_set(1.0f);
}

/* Fills the batch's inputs, targets and weights. Each lane writes the samples that it owns. The stages of a series work on
   their last stage's target in turn. */
KERNEL_COLD void batch_draw(const struct allometer_model *model, struct sample_range range,
                            struct batch *batch) {
    float middle = 0.5f * (model->low + model->high);
    FOR_LANES(s, batch->n) {
        vi sample = batch_sample(model, range, s);
        vm inside = vi_less(vi_index(s), batch->n);
        vf_store(batch->weight + s, vf_select(inside, batch_weight(model, range, sample), vf_set(0.0f)));
        for (int32_t k = 0; k < model->n_subtasks; ++k) {
            const struct allometer_subtask *subtask = &model->subtasks[k];
            float *x = batch->x + subtask->first_input * batch->stride + s;
            float *target = batch->target + subtask->first_output * batch->stride + s;
            const int fed = k > 0 && subtask[-1].feeds;
            for (int32_t i = 0; !fed && i < subtask->n_inputs; ++i) {
                vf value = batch_input(model, range, sample, subtask->first_input + i);
                if (function_is_binary(subtask->function)) {
                    value = vf_select(value < vf_set(middle), vf_set(-1.0f), vf_set(1.0f));
                }
                vf_store(x + i * batch->stride, value);
            }
            struct function_inputs in = {fed ? target : x, batch->stride, subtask->n_inputs,
                                         subtask->frequency};
            vf_store(target, function_target(subtask->function, in));
        }
    }
}

#endif
