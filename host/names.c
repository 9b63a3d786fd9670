#include "names.h"

#include <string.h>

#define NAMES(variable, word, expected_count, ...)                                         \
    static const struct allometer_name variable##_rows[] = {__VA_ARGS__};                  \
    _Static_assert(sizeof variable##_rows / sizeof variable##_rows[0] == (expected_count), \
                   "one row per " word);                                                   \
    const struct allometer_names variable = {word, variable##_rows, expected_count};

NAMES(allometer_activations, "activation",
      ALLOMETER_ACTIVATION_COUNT, [ALLOMETER_ACTIVATION_SILU] = {"silu", "z / (1 + exp(-z))"},
      [ALLOMETER_ACTIVATION_RELU] = {"relu", "max(0, z)"},
      [ALLOMETER_ACTIVATION_GELU] = {"gelu", "z (1 + erf(z / sqrt(2))) / 2"},
      [ALLOMETER_ACTIVATION_TANH] = {"tanh", "tanh(z)"}, [ALLOMETER_ACTIVATION_IDENTITY] = {"identity", "z"},
      [ALLOMETER_ACTIVATION_SINE] = {"sine", "sin(z)"})

NAMES(allometer_functions, "function",
      ALLOMETER_FUNCTION_COUNT, [ALLOMETER_FUNCTION_SQUARE] = {"square", "x^2"},
      [ALLOMETER_FUNCTION_CUBE] = {"cube", "x^3"}, [ALLOMETER_FUNCTION_ABSOLUTE] = {"absolute", "|x|"},
      [ALLOMETER_FUNCTION_SINE] = {"sine", "sin(pi frequency x)"},
      [ALLOMETER_FUNCTION_EXPONENTIAL] = {"exponential", "exp(x)"},
      [ALLOMETER_FUNCTION_PRODUCT] = {"product", "x1 x2"},
      [ALLOMETER_FUNCTION_STEP] = {"step", "1 where x > 0, else 0"},
      [ALLOMETER_FUNCTION_PARITY] = {"parity",
                                     "whether an odd number of `bits` inputs, each -1 or 1, is 1; a class"})

const struct allometer_function_shape allometer_function_shapes[ALLOMETER_FUNCTION_COUNT] = {
    [ALLOMETER_FUNCTION_SQUARE] = {1, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_CUBE] = {1, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_ABSOLUTE] = {1, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_SINE] = {1, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_EXPONENTIAL] = {1, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_PRODUCT] = {2, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_STEP] = {1, 1, ALLOMETER_LOSS_MEAN_SQUARED_ERROR},
    [ALLOMETER_FUNCTION_PARITY] = {0, 2, ALLOMETER_LOSS_CROSS_ENTROPY},
};

NAMES(allometer_losses, "loss", ALLOMETER_LOSS_COUNT,
      [ALLOMETER_LOSS_MEAN_SQUARED_ERROR] = {"mean_squared_error", "mean of (f(x) - y)^2"},
      [ALLOMETER_LOSS_CROSS_ENTROPY] = {"cross_entropy", "mean of -log softmax(f(x))[y]"})

NAMES(allometer_optimizers, "optimizer",
      ALLOMETER_OPTIMIZER_COUNT, [ALLOMETER_OPTIMIZER_ADAM] = {"adam", "Adam (Kingma and Ba 2015)"},
      [ALLOMETER_OPTIMIZER_ADAMW] = {"adamw",
                                     "Adam with decoupled weight decay (Loshchilov and Hutter 2019)"},
      [ALLOMETER_OPTIMIZER_SGD] = {"sgd", "gradient descent with momentum"})

NAMES(allometer_schedules, "schedule",
      ALLOMETER_SCHEDULE_COUNT, [ALLOMETER_SCHEDULE_CONSTANT] = {"constant", "the learning rate throughout"},
      [ALLOMETER_SCHEDULE_COSINE] = {"cosine", "from the learning rate to 0 along half a cosine"})

NAMES(allometer_initializations, "initialization", ALLOMETER_INITIALIZATION_COUNT,
      [ALLOMETER_INITIALIZATION_LINEAR] = {"linear",
                                           "PyTorch's nn.Linear: uniform within 1/sqrt(fan in), biases too"},
      [ALLOMETER_INITIALIZATION_UNIFORM] = {"uniform", "uniform within 1"},
      [ALLOMETER_INITIALIZATION_NORMAL] = {"normal", "normal, deviation 1"},
      [ALLOMETER_INITIALIZATION_XAVIER_UNIFORM] = {"xavier_uniform",
                                                   "uniform within sqrt(6 / (fan in + fan out))"},
      [ALLOMETER_INITIALIZATION_XAVIER_NORMAL] = {"xavier_normal",
                                                  "normal, deviation sqrt(2 / (fan in + fan out))"},
      [ALLOMETER_INITIALIZATION_KAIMING_UNIFORM] = {"kaiming_uniform", "uniform within sqrt(6 / fan in)"},
      [ALLOMETER_INITIALIZATION_KAIMING_NORMAL] = {"kaiming_normal", "normal, deviation sqrt(2 / fan in)"})

NAMES(allometer_distributions, "distribution",
      ALLOMETER_DISTRIBUTION_COUNT, [ALLOMETER_DISTRIBUTION_UNIFORM] = {"uniform", "independent draws"},
      [ALLOMETER_DISTRIBUTION_EVEN] = {"even", "evenly spaced, each variable in an order of its own"})

NAMES(allometer_weightings, "weights", ALLOMETER_WEIGHTING_COUNT, [ALLOMETER_WEIGHTING_EQUAL] = {"equal", ""},
      [ALLOMETER_WEIGHTING_TRAPEZOID] = {"trapezoid", "of the trapezoidal rule"},
      [ALLOMETER_WEIGHTING_BOOTSTRAP] = {"bootstrap",
                                         "exponential, mean 1: the Bayesian bootstrap (Rubin 1981)"})

NAMES(allometer_l1_steps, "step", ALLOMETER_L1_COUNT, [ALLOMETER_L1_SUBGRADIENT] = {"subgradient", ""},
      [ALLOMETER_L1_PROXIMAL] = {"proximal", "soft threshold after each step: exact zeros"})

NAMES(allometer_compositions, "composition", 1,
      {"parallel", "side by side, each with inputs and outputs of its own"})
NAMES(allometer_truths, "truth", 2, {"false", ""}, {"true", ""})
NAMES(allometer_batches, "batch", 1, {"full", "all samples in every step"})

int32_t allometer_name_find(const struct allometer_names *names, const char *name) {
    for (size_t i = 0; i < names->n_rows; i++)
        if (strcmp(names->rows[i].name, name) == 0) return (int32_t)i;
    return -1;
}
