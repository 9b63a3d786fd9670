#include "names.h"

/* Whose tables are the one place of their names. */
#include "activation.h"
#include "optimizer.h"
#include "task.h"

#include <string.h>

#define NAMES(variable, expected_count, ...)                                               \
    static const struct allometer_name variable##_rows[] = {__VA_ARGS__};                  \
    _Static_assert(sizeof variable##_rows / sizeof variable##_rows[0] == (expected_count), \
                   "one row for each of " #variable);                                      \
    const struct allometer_names variable = {variable##_rows, expected_count};

#define ACTIVATION(id, function, name, flops, kept, formula) [ALLOMETER_ACTIVATION_##id] = {name, formula},
#define FUNCTION(id, function, name, n_inputs, n_outputs, loss, binary, formula) \
    [ALLOMETER_FUNCTION_##id] = {name, formula},
#define LOSS(id, name, formula)             [ALLOMETER_LOSS_##id] = {name, formula},
#define OPTIMIZER(id, name, flops, formula) [ALLOMETER_OPTIMIZER_##id] = {name, formula},
#define SCHEDULE(id, name, formula)         [ALLOMETER_SCHEDULE_##id] = {name, formula},
#define INITIALIZATION(id, name, formula)   [ALLOMETER_INITIALIZATION_##id] = {name, formula},

NAMES(allometer_activations, ALLOMETER_ACTIVATION_COUNT, ACTIVATION_TABLE(ACTIVATION))
NAMES(allometer_functions, ALLOMETER_FUNCTION_COUNT, FUNCTION_TABLE(FUNCTION))
NAMES(allometer_losses, ALLOMETER_LOSS_COUNT, LOSS_TABLE(LOSS))
NAMES(allometer_optimizers, ALLOMETER_OPTIMIZER_COUNT, OPTIMIZER_TABLE(OPTIMIZER))
NAMES(allometer_schedules, ALLOMETER_SCHEDULE_COUNT, SCHEDULE_TABLE(SCHEDULE))
NAMES(allometer_initializations, ALLOMETER_INITIALIZATION_COUNT, INITIALIZATION_TABLE(INITIALIZATION))

#define SHAPE(id, function, name, n_inputs, n_outputs, loss, binary, formula) \
    [ALLOMETER_FUNCTION_##id] = {n_inputs, n_outputs, ALLOMETER_LOSS_##loss, binary},

const struct allometer_function_shape allometer_function_shapes[ALLOMETER_FUNCTION_COUNT] = {
    FUNCTION_TABLE(SHAPE)};

NAMES(allometer_distributions,
      ALLOMETER_DISTRIBUTION_COUNT, [ALLOMETER_DISTRIBUTION_UNIFORM] = {"uniform", "independent draws"},
      [ALLOMETER_DISTRIBUTION_EVEN] = {"even", "evenly spaced, each variable in an order of its own"})

NAMES(allometer_weightings, ALLOMETER_WEIGHTING_COUNT, [ALLOMETER_WEIGHTING_EQUAL] = {"equal", "1"},
      [ALLOMETER_WEIGHTING_TRAPEZOID] = {"trapezoid", "of the trapezoidal rule"},
      [ALLOMETER_WEIGHTING_BOOTSTRAP] = {"bootstrap",
                                         "exponential, mean 1: the Bayesian bootstrap (Rubin 1981)"})

NAMES(allometer_l1_steps, ALLOMETER_L1_COUNT,
      [ALLOMETER_L1_SUBGRADIENT] = {"subgradient", "l1 sign(theta) is added to the gradient"},
      [ALLOMETER_L1_PROXIMAL] = {"proximal", "soft threshold after each step: exact zeros"})

NAMES(allometer_compositions, 3,
      {"parallel",
       "side by side, each with inputs and outputs of its own; {series: [...]} among them for a chain"},
      {"control",
       "one subtask for each sample, told by control inputs; variables and outputs are shared, weights are "
       "shares of the samples"},
      {"series", "one chain: each subtask takes what the one before it gives"})
NAMES(allometer_as_needed, 1, {"needed", "as many as a subtask takes"})
NAMES(allometer_truths, 2, {"false", ""}, {"true", ""})
NAMES(allometer_batches, 1, {"full", "all samples in every step"})

int32_t allometer_name_find(const struct allometer_names *names, const char *name) {
    for (size_t i = 0; i < names->n_rows; i++)
        if (strcmp(names->rows[i].name, name) == 0) return (int32_t)i;
    return -1;
}
