/* The specification of one model and what is measured of it: plain data that the host fills, that every
   backend reads, and that crosses to a device as it stands.

   Letters used everywhere: M models, S samples in a batch, N samples in the training set, D inputs, H hidden
   neurons of a layer, L hidden layers, O outputs, K subtasks, T training steps. */
#ifndef ALLOMETER_MODEL_H
#define ALLOMETER_MODEL_H

#include <stdint.h>

#ifdef __CUDACC__ /* kernels ask the same of a model as the host */
#define ALLOMETER_INLINE static inline __host__ __device__
#else
#define ALLOMETER_INLINE static inline
#endif

enum {
    /* D and O that kernels are specialized for, */
    ALLOMETER_MAX_INPUTS = 16,
    ALLOMETER_MAX_OUTPUTS = 16,
    /* and those of the general kernels, whose sizes are known at run time. */
    ALLOMETER_MAX_GENERAL_INPUTS = 4096,
    ALLOMETER_MAX_GENERAL_OUTPUTS = 256,
    ALLOMETER_MAX_SUBTASKS = 256,    /* K */
    ALLOMETER_MAX_WIDTH = 4096,      /* H */
    ALLOMETER_MAX_DEPTH = 8,         /* L, hidden layers */
    ALLOMETER_MAX_DEEP_WIDTH = 2048, /* H of a model of several hidden layers */
    ALLOMETER_MAX_SAMPLES = 65536,   /* S, and N of a stored training set */
};

/* The identifiers below index the tables of their headers (activation.h, task.h, optimizer.h, random.h),
   where each row carries its name and formula; _COUNT closes each list. */
enum allometer_activation {
    ALLOMETER_ACTIVATION_SILU,
    ALLOMETER_ACTIVATION_RELU,
    ALLOMETER_ACTIVATION_GELU,
    ALLOMETER_ACTIVATION_TANH,
    ALLOMETER_ACTIVATION_IDENTITY,
    ALLOMETER_ACTIVATION_SINE,
    ALLOMETER_ACTIVATION_COUNT
};

enum allometer_function {
    ALLOMETER_FUNCTION_SQUARE,
    ALLOMETER_FUNCTION_CUBE,
    ALLOMETER_FUNCTION_ABSOLUTE,
    ALLOMETER_FUNCTION_SINE,
    ALLOMETER_FUNCTION_EXPONENTIAL,
    ALLOMETER_FUNCTION_PRODUCT,
    ALLOMETER_FUNCTION_STEP,
    ALLOMETER_FUNCTION_PARITY,
    ALLOMETER_FUNCTION_FOURTH_POWER,
    ALLOMETER_FUNCTION_COSINE,
    ALLOMETER_FUNCTION_SQUARED_SINE,
    ALLOMETER_FUNCTION_EXPONENTIAL_SQUARE,
    ALLOMETER_FUNCTION_TANH,
    ALLOMETER_FUNCTION_POSITIVE_PART,
    ALLOMETER_FUNCTION_DATA,
    ALLOMETER_FUNCTION_SQUARE_ROOT,
    ALLOMETER_FUNCTION_SQUARED_DIFFERENCES,
    ALLOMETER_FUNCTION_COUNT
};

enum allometer_loss { ALLOMETER_LOSS_MEAN_SQUARED_ERROR, ALLOMETER_LOSS_CROSS_ENTROPY, ALLOMETER_LOSS_COUNT };

enum allometer_optimizer {
    ALLOMETER_OPTIMIZER_ADAM,
    ALLOMETER_OPTIMIZER_ADAMW,
    ALLOMETER_OPTIMIZER_SGD,
    ALLOMETER_OPTIMIZER_COUNT
};

enum allometer_schedule { ALLOMETER_SCHEDULE_CONSTANT, ALLOMETER_SCHEDULE_COSINE, ALLOMETER_SCHEDULE_COUNT };

enum allometer_initialization {
    ALLOMETER_INITIALIZATION_LINEAR,
    ALLOMETER_INITIALIZATION_UNIFORM,
    ALLOMETER_INITIALIZATION_NORMAL,
    ALLOMETER_INITIALIZATION_XAVIER_UNIFORM,
    ALLOMETER_INITIALIZATION_XAVIER_NORMAL,
    ALLOMETER_INITIALIZATION_KAIMING_UNIFORM,
    ALLOMETER_INITIALIZATION_KAIMING_NORMAL,
    ALLOMETER_INITIALIZATION_COUNT
};

enum allometer_distribution {
    ALLOMETER_DISTRIBUTION_UNIFORM, /* independent draws from [low, high) */
    ALLOMETER_DISTRIBUTION_EVEN, /* evenly spaced over [low, high], each input variable in an order of its own */
    ALLOMETER_DISTRIBUTION_COUNT
};

enum allometer_weighting {
    ALLOMETER_WEIGHTING_EQUAL,
    ALLOMETER_WEIGHTING_TRAPEZOID, /* one evenly spaced input: weights of the trapezoidal rule */
    ALLOMETER_WEIGHTING_BOOTSTRAP, /* independent exponential weights of mean 1: the Bayesian bootstrap of the
                                      training set (Rubin 1981) */
    ALLOMETER_WEIGHTING_COUNT
};

enum allometer_proximal { ALLOMETER_L1_SUBGRADIENT, ALLOMETER_L1_PROXIMAL, ALLOMETER_L1_COUNT };

/* One subtask: outputs first_output .. first_output + n_outputs - 1 must become `function` of inputs
   first_input .. first_input + n_inputs - 1. */
struct allometer_subtask {
    int32_t function; /* enum allometer_function */
    int32_t loss;     /* enum allometer_loss; given by the function */
    int32_t first_input, n_inputs;
    int32_t first_output, n_outputs;
    float weight;    /* beta: multiplies this subtask's loss; >= 0 */
    float frequency; /* of the functions whose formula names it, such as sin(pi * frequency * x) */
    /* Of a sweep file's entry, which stands for `count` subtasks, the i-th of weight * i^-exponent; of a model's, 1 and 0. */
    int32_t count;
    float exponent;
    /* 1: an inner subtask of a series. The next one takes what its function gives; it has no outputs and no loss of its
       own, and shares the inputs and the first output of the whole series. */
    int32_t feeds;
};

/* Rows of numbers, of all models of a sweep: from a file (data.h), and the sweep's; or a program's own. Which of them a model
   holds out, its seed tells. */
struct allometer_data {
    int32_t n_rows, n_inputs, n_classes; /* n_classes: 0 for regression */
    const float *inputs;                 /* (rows, inputs) */
    const float *targets;                /* (rows); of a classification the class, from 0 */
    const int32_t *subtasks;             /* (rows); from 0 */
    const char *const *names;            /* (subtasks) as the file has them; NULL where all rows are one */
};

/* Everything that one model's result depends on. The objective is
       scale * sum_k weight_k * loss_k + l1 * sum |theta| + l2 * sum theta^2,
   theta all weights, and all biases too where penalize_biases is set. */
struct allometer_model {
    uint64_t seed; /* the key of every random number of this model */

    int32_t n_inputs, width, n_outputs; /* D, H, O */
    int32_t depth;                      /* L: hidden layers, all of H neurons */
    /* 1: from the second hidden layer on, what a layer gives is activation(W a + b) + a, a being what it takes; the neuron
       is the activation alone. */
    int32_t residual;
    int32_t activation, initialization; /* enums above */
    float initialization_gain; /* multiplies the initial weights and biases; 1 for the plain scheme */

    int32_t n_subtasks; /* K */
    /* 1: each sample belongs to one subtask, and all share the inputs and outputs; weights are shares of the samples, and
       the loss is the mean over all of them (mixed.h). */
    int32_t mixed;
    int32_t control; /* 1: the last K inputs of mixed samples tell the subtask, 1 for it and 0 else */
    float scale;     /* alpha */
    /* Of mixed samples: where they come from; NULL: functions of random variables. */
    const struct allometer_data *data;

    int32_t distribution, weighting; /* of the inputs; enums above */
    float low, high;                 /* range of every input variable; `parity` draws -1 and 1 instead */
    int32_t samples;                 /* N of the training set; ignored when fresh */
    int32_t batch;                   /* S of one step; equal to samples: full batch */
    int32_t fresh;                   /* 1: every step draws `batch` new samples */

    int32_t optimizer, schedule; /* enums above */
    int32_t steps, warmup_steps; /* T; the first warmup_steps of them raise the rate linearly from 0 */
    float learning_rate;
    float momentum;              /* of sgd */
    float beta1, beta2, epsilon; /* of adam and adamw */
    float weight_decay;          /* of adamw: decoupled, in addition to the penalty */
    /* Where prune > 0, each hidden layer loses all but so many neurons while training, `retrain` steps before its end, in
       prune_rounds rounds (prune.h). */
    int32_t prune, retrain, prune_rounds;

    float l1, l2;
    int32_t penalize_biases, l1_step; /* l1_step: enum allometer_proximal */

    int32_t test_samples; /* of the held-out set that losses and ablations are measured on */
    float threshold;      /* a neuron is allocated when an incoming and an outgoing weight exceed it */
    float ablation_share; /* ... or, by ablation, when silencing it raises the loss by more than this share */
    float path_share;     /* ... or, in a deep model, when it carries more than this share of the path norm */

    struct allometer_subtask subtasks[ALLOMETER_MAX_SUBTASKS]; /* K of them; the rest may hold anything */
};

enum allometer_status { ALLOMETER_MODEL_DONE, ALLOMETER_MODEL_DIVERGED };

/* Of one subtask in one hidden layer of a deep model: neurons allocated to it, and how many of them also to others, by
   threshold (a path of weights above it leads from the subtask's inputs to the neuron, and one from there to the
   subtask's outputs), by ablation, and by path norm (the sum over such paths of the products of absolute weights);
   and of the layer's H neurons those on which the three agree. */
struct allometer_layer {
    int32_t threshold, shared_threshold, ablation, shared_ablation, path, shared_path, agreed;
    /* Of an inner subtask of a series, else NaN: mean squared error of the best linear read-out of its function from the
       layer; correlation with it of the live neuron that is most correlated, and of the one that is least. */
    float readout_loss, correlation, least_correlation;
};

/* What is measured of one model after its last step (or after the step that diverged). */
struct allometer_result {
    int32_t status;                 /* enum allometer_status */
    int32_t steps;                  /* optimizer steps taken */
    float train_loss;               /* sum_k weight_k * loss_k on the last batch, before the last update */
    float l1_norm, l2_norm_squared; /* sum |theta| and sum theta^2 over weights (and biases if penalized) */
    int32_t live;                   /* neurons allocated to at least one subtask, by threshold */
    int32_t shared;                 /* neurons allocated to several subtasks, by threshold */
    int32_t live_ablation, shared_ablation;    /* the same by ablation */
    float loss[ALLOMETER_MAX_SUBTASKS];        /* of each subtask on the held-out set, unweighted */
    float accuracy[ALLOMETER_MAX_SUBTASKS];    /* share classified correctly; NaN for a regression subtask */
    int32_t allocated[ALLOMETER_MAX_SUBTASKS]; /* neurons, by threshold */
    int32_t allocated_ablation[ALLOMETER_MAX_SUBTASKS]; /* neurons, by ablation */
    double seconds; /* wall-clock time of this model, or its share of a group's; measured by the backend */
    /* (L, K), of a general model that is done; else NULL. What is NaN is measured by the host (readout.h). Belongs to the backend, until the model is handed over. */
    const struct allometer_layer *layers;
};

/* Number of trained parameters of a model, and of floats in its kept weights: input weights (H, D), input
   biases (H), of each further hidden layer its weights (H, H) and biases (H), output weights (O, H), output biases (O),
   in this order, each row-major. */
ALLOMETER_INLINE int64_t allometer_n_parameters(const struct allometer_model *model) {
    const int64_t width = model->width;
    return width * (model->n_inputs + 1 + model->n_outputs) + model->n_outputs
           + (model->depth - 1) * width * (width + 1);
}

/* Whether any of the model's subtasks stand in series. */
ALLOMETER_INLINE int allometer_has_series(const struct allometer_model *model) {
    int32_t k = 0;
    while (k < model->n_subtasks && !model->subtasks[k].feeds) ++k;
    return k < model->n_subtasks;
}

/* Whether the model takes the general kernels, matrix products of sizes known at run time (deep.h), in place of those that are
   specialized for one hidden layer between few inputs and outputs. */
ALLOMETER_INLINE int allometer_is_general(const struct allometer_model *model) {
    return model->depth > 1 || model->mixed || model->n_inputs > ALLOMETER_MAX_INPUTS
           || model->n_outputs > ALLOMETER_MAX_OUTPUTS || allometer_has_series(model);
}

/* Rows of what is measured of a model's layers: (L, K) of a general model, else none. */
ALLOMETER_INLINE int64_t allometer_n_layers(const struct allometer_model *model) {
    return allometer_is_general(model) ? (int64_t)model->depth * model->n_subtasks : 0;
}

#endif
