#include "backend.h"
#include "model_problem.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int __attribute__((format(printf, 3, 4)))
found(struct model_problem *problem, const char *path, const char *format, ...) {
    snprintf(problem->path, sizeof problem->path, "%s", path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->message, sizeof problem->message, format, arguments);
    va_end(arguments);
    return 1;
}

/* The same of subtask k, whose path begins the message; written only when something is wrong, for millions of models are right. */
static int __attribute__((format(printf, 3, 4)))
found_in(struct model_problem *problem, int k, const char *format, ...) {
    snprintf(problem->path, sizeof problem->path, "task.subtasks.%d", k);
    int n = snprintf(problem->message, sizeof problem->message, "%s ", problem->path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->message + n, sizeof problem->message - (size_t)n, format, arguments);
    va_end(arguments);
    return 1;
}

static int check_key(const struct allometer_model *model, const struct allometer_sweep_key *key, int subtask,
                     struct model_problem *problem) {
    double value = sweep_key_get(key, subtask, model);
    if (sweep_key_accepts(key, value)) return 0;
    char path[SWEEP_PATH_SIZE], text[64], expected[256];
    sweep_key_path(key, subtask, path);
    sweep_key_format(key, value, text, sizeof text);
    sweep_key_expectation(key, expected, sizeof expected);
    return found(problem, path, "%s is %s, expected %s", path, text, expected);
}

/* Every field that a sweep file can set; any seed is as good as another. */
static int check_ranges(const struct allometer_model *model, struct model_problem *problem) {
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        if (!key->is_axis || key->kind == ALLOMETER_KEY_SEED) continue;
        const int of_subtask = sweep_key_of_subtask(key);
        if (of_subtask && (model->data || key->offset >= offsetof(struct allometer_model, subtasks[0].count)))
            continue; /* of a sweep file's entry */
        int n_subtasks = of_subtask ? model->n_subtasks : 1;
        for (int subtask = 0; subtask < n_subtasks; subtask++)
            if (check_key(model, key, subtask, problem)) return 1;
    }
    return 0;
}

/* What subtask k can take or give within a series. */
static int check_series(const struct allometer_model *model, int k, struct model_problem *problem) {
    const struct allometer_subtask *subtask = &model->subtasks[k];
    const struct allometer_function_shape *shape = &allometer_function_shapes[subtask->function];
    const char *function = allometer_functions.rows[subtask->function].name;
    if (subtask->feeds && model->mixed)
        return found_in(problem, k, "feeds another, expected none to where each sample has one subtask");
    if (subtask->feeds && k == model->n_subtasks - 1)
        return found_in(problem, k, "is the last and feeds another, expected one after it");
    if (subtask->feeds && (shape->n_outputs != 1 || shape->loss != ALLOMETER_LOSS_MEAN_SQUARED_ERROR))
        return found_in(problem, k, "feeds another, expected a function of one value, not %s", function);
    if (subtask->feeds && subtask->weight != 0)
        return found_in(problem, k, "feeds another and weighs %g, expected 0", (double)subtask->weight);
    if (k > 0 && subtask[-1].feeds && shape->n_inputs != 1)
        return found_in(problem, k, "follows in a series, expected a function of one input, not %s",
                        function);
    return 0;
}

/* Sines are computed up to SINE_REACH (kernels/float_maths.h). Of what a series feeds only its run tells. */
static int check_frequency(const struct allometer_model *model, int k, struct model_problem *problem) {
    enum { SINE_REACH = 100000 };
    const struct allometer_subtask *subtask = &model->subtasks[k];
    const double most = fmax(fabs((double)model->low), fabs((double)model->high)),
                 reach = SINE_REACH / (M_PI * most);
    if ((k > 0 && subtask[-1].feeds) || fabs((double)subtask->frequency) <= reach) return 0;
    const struct allometer_name *function = &allometer_functions.rows[subtask->function];
    if (!strstr(function->formula, "frequency")) return 0;
    return found_in(problem, k, "has frequency %g, expected at most %.6g for %s of inputs from %g to %g",
                    (double)subtask->frequency, reach, function->name, (double)model->low,
                    (double)model->high);
}

/* Variables that mixed samples have: inputs but those that tell the subtask. */
static int32_t count_variables(const struct allometer_model *model) {
    return model->n_inputs - (model->control ? model->n_subtasks : 0);
}

/* What subtask k takes and gives, and from where, after so many inputs and outputs of those before it. */
static int check_subtask(const struct allometer_model *model, int k, int32_t n_inputs, int32_t n_outputs,
                         struct model_problem *problem) {
    const struct allometer_subtask *subtask = &model->subtasks[k];
    if ((subtask->function == ALLOMETER_FUNCTION_DATA) != (model->data != NULL))
        return found_in(problem, k, "is %s, expected data for rows of a file and for nothing else",
                        model->data ? "a function" : "data");
    const struct allometer_function_shape *shape = &allometer_function_shapes[subtask->function];
    const char *function = allometer_functions.rows[subtask->function].name;
    if (check_series(model, k, problem) || check_frequency(model, k, problem)) return 1;
    const struct allometer_subtask *before = k > 0 && subtask[-1].feeds ? &subtask[-1] : NULL;
    const int32_t takes = before ? before->n_inputs : shape->n_inputs,
                  gives = subtask->feeds ? 0 : shape->n_outputs,
                  first_input = before ? before->first_input : n_inputs;
    if (takes && subtask->n_inputs != takes)
        return found_in(problem, k, "takes %d inputs, expected %d for %s", subtask->n_inputs, takes,
                        function);
    if (!model->data && subtask->n_outputs != gives)
        return found_in(problem, k, "has %d outputs, expected %d for %s", subtask->n_outputs, gives,
                        function);
    if (!model->data && subtask->loss != shape->loss)
        return found_in(problem, k, "has loss number %d, expected %d (%s) for %s", subtask->loss, shape->loss,
                        allometer_losses.rows[shape->loss].name, function);
    if (subtask->first_input != first_input || subtask->first_output != n_outputs)
        return found_in(problem, k, "starts at input %d and output %d, expected %d and %d",
                        subtask->first_input, subtask->first_output, first_input, n_outputs);
    const int32_t n_variables = count_variables(model);
    if (model->mixed
        && (subtask->n_inputs < 1 || subtask->n_inputs > n_variables || subtask->n_outputs < 1
            || subtask->n_outputs > model->n_outputs))
        return found_in(problem, k,
                        "takes %d of %d variables and %d of %d outputs, expected as many as there are",
                        subtask->n_inputs, n_variables, subtask->n_outputs, model->n_outputs);
    return 0;
}

/* Subtasks stand side by side: each takes the inputs and outputs that follow those of the one before. Those of mixed samples
   share them: each takes some of the variables, and the first of the outputs. */
static int check_layout(const struct allometer_model *model, struct model_problem *problem) {
    int32_t n_inputs = 0, n_outputs = 0;
    double weights = 0;
    if (model->n_inputs < 1)
        return found(problem, "task.subtasks", "the model has %d inputs, expected 1 or more",
                     model->n_inputs);
    for (int k = 0; k < model->n_subtasks; k++) {
        const struct allometer_subtask *subtask = &model->subtasks[k];
        if (check_subtask(model, k, n_inputs, n_outputs, problem)) return 1;
        weights += (double)subtask->weight;
        if (model->mixed) continue;
        if (k == 0 || !subtask[-1].feeds) n_inputs += subtask->n_inputs;
        n_outputs += subtask->n_outputs;
    }
    if (model->mixed) n_inputs = model->n_inputs, n_outputs = model->n_outputs;
    const int32_t n_variables = count_variables(model);
    if (model->mixed && !model->data && n_variables > ALLOMETER_MAX_INPUTS) /* each has an order of its own */
        return found(problem, "task.inputs.variables", "task.inputs.variables is %d, expected at most %d",
                     n_variables, ALLOMETER_MAX_INPUTS);
    if (n_inputs > ALLOMETER_MAX_GENERAL_INPUTS)
        return found(problem, "task.subtasks", "task.subtasks take %d inputs, expected at most %d", n_inputs,
                     ALLOMETER_MAX_GENERAL_INPUTS);
    if (n_outputs > ALLOMETER_MAX_GENERAL_OUTPUTS)
        return found(problem, "task.subtasks", "task.subtasks have %d outputs, expected at most %d",
                     n_outputs, ALLOMETER_MAX_GENERAL_OUTPUTS);
    if (model->n_inputs != n_inputs || model->n_outputs != n_outputs)
        return found(problem, "task.subtasks",
                     "the model has %d inputs and %d outputs, expected its subtasks' %d and %d",
                     model->n_inputs, model->n_outputs, n_inputs, n_outputs);
    if (!(weights > 0))
        return found(problem, "task.subtasks", "task.subtasks all have weight 0, expected one above 0");
    /* the kernels take shares of their sum */
    if (model->mixed && (weights < (double)FLT_MIN || weights > (double)FLT_MAX))
        return found(
            problem, "task.subtasks",
            "task.subtasks' weights come to %g together, expected %g to %g: their shares count alone",
            weights, (double)FLT_MIN, (double)FLT_MAX);
    return 0;
}

/* Rows of a file as its models take them, which a sweep's do by themselves. */
static int check_data(const struct allometer_model *model, struct model_problem *problem) {
    const struct allometer_data *data = model->data;
    const int32_t n_outputs = data->n_classes ? data->n_classes : 1,
                  n_inputs = data->n_inputs + (model->control ? model->n_subtasks : 0),
                  loss = data->n_classes ? ALLOMETER_LOSS_CROSS_ENTROPY : ALLOMETER_LOSS_MEAN_SQUARED_ERROR;
    if (!model->mixed)
        return found(problem, "task.data", "rows of a file are not mixed, expected mixed samples");
    if (model->n_inputs != n_inputs || model->n_outputs != n_outputs)
        return found(problem, "task.data",
                     "the model has %d inputs and %d outputs, expected the file's %d and %d", model->n_inputs,
                     model->n_outputs, n_inputs, n_outputs);
    if ((int64_t)model->samples + model->test_samples > data->n_rows)
        return found(problem, "task.data",
                     "the model takes %d rows and %d held out, expected no more than %d", model->samples,
                     model->test_samples, data->n_rows);
    for (int k = 0; k < model->n_subtasks; k++)
        if (model->subtasks[k].n_inputs != data->n_inputs || model->subtasks[k].n_outputs != n_outputs
            || model->subtasks[k].loss != loss)
            return found_in(problem, k,
                            "takes %d inputs to %d outputs with loss number %d, expected %d, %d and %d",
                            model->subtasks[k].n_inputs, model->subtasks[k].n_outputs,
                            model->subtasks[k].loss, data->n_inputs, n_outputs, loss);
    return 0;
}

/* What the rows hold, which a sweep looks at when it reads them. A class that is none would count as no class in the loss. */
static int check_rows(const struct allometer_model *model, struct model_problem *problem) {
    const struct allometer_data *data = model->data;
    for (int32_t row = 0; row < data->n_rows; row++) {
        const float target = data->targets[row], *inputs = data->inputs + (int64_t)row * data->n_inputs;
        if (data->subtasks[row] < 0 || data->subtasks[row] >= model->n_subtasks)
            return found(problem, "task.data", "row %d is of subtask %d, expected one of %d", row,
                         data->subtasks[row], model->n_subtasks);
        if (data->n_classes && !(target >= 0 && target < (float)data->n_classes && target == floorf(target)))
            return found(problem, "task.data", "row %d has target %g, expected a class from 0 to %d", row,
                         (double)target, data->n_classes - 1);
        if (!isfinite(target))
            return found(problem, "task.data", "row %d has target %g, expected a finite number", row,
                         (double)target);
        for (int32_t d = 0; d < data->n_inputs; d++)
            if (!isfinite(inputs[d]))
                return found(problem, "task.data", "row %d has input %g, expected a finite number", row,
                             (double)inputs[d]);
    }
    return 0;
}

/* Rules between fields. */
static int check_together(const struct allometer_model *model, struct model_problem *problem) {
    if (!(model->low < model->high))
        return found(problem, "task.inputs.high",
                     "task.inputs.high is %g, expected above task.inputs.low (%g)", (double)model->high,
                     (double)model->low);
    if (model->depth > 1 && model->width > ALLOMETER_MAX_DEEP_WIDTH)
        return found(problem, "model.width",
                     "model.width is %d, expected at most %d where model.depth is above 1", model->width,
                     ALLOMETER_MAX_DEEP_WIDTH);
    if (model->data && model->fresh)
        return found(problem, "task.inputs.fresh",
                     "task.inputs.fresh is true, expected false for the rows of a file");
    if (!model->fresh && model->batch > model->samples)
        return found(problem, "train.batch", "train.batch is %d, expected at most %s (%d)", model->batch,
                     model->data ? "the rows that are not held out" : "task.inputs.samples", model->samples);
    if (model->warmup_steps > model->steps)
        return found(problem, "train.warmup", "train.warmup is %d, expected at most train.steps (%d)",
                     model->warmup_steps, model->steps);
    if (model->prune > model->width)
        return found(problem, "train.prune", "train.prune is %d, expected at most model.width (%d)",
                     model->prune, model->width);
    if (model->prune > 0 && (int64_t)model->retrain + model->prune_rounds > model->steps)
        return found(problem, "train.retrain",
                     "train.retrain is %d, expected at most train.steps (%d) less train.prune_rounds (%d)",
                     model->retrain, model->steps, model->prune_rounds);
    if (model->mixed && !model->data && model->test_samples < model->n_subtasks)
        return found(problem, "measure.samples",
                     "measure.samples is %d, expected at least one for each of the %d subtasks",
                     model->test_samples, model->n_subtasks);
    if (model->fresh && model->weighting == ALLOMETER_WEIGHTING_BOOTSTRAP)
        return found(problem, "task.inputs.weights",
                     "task.inputs.weights is bootstrap, expected equal where "
                     "task.inputs.fresh leaves no training set to resample");
    if (model->weighting != ALLOMETER_WEIGHTING_TRAPEZOID) return 0;
    if (model->fresh || model->samples < 2)
        return found(problem, "task.inputs.weights",
                     "task.inputs.weights is trapezoid, expected equal unless "
                     "task.inputs.samples are 2 or more and task.inputs.fresh is false");
    if (model->distribution != ALLOMETER_DISTRIBUTION_EVEN || model->n_inputs != 1
        || allometer_function_shapes[model->subtasks[0].function].is_binary)
        return found(problem, "task.inputs.weights",
                     "task.inputs.weights is trapezoid, expected equal or bootstrap unless "
                     "task.inputs.distribution is even and there is one input");
    return 0;
}

int model_problem_find(const struct allometer_model *model, struct model_problem *problem) {
    if (model->n_subtasks < 1 || model->n_subtasks > ALLOMETER_MAX_SUBTASKS)
        return found(problem, "task.subtasks", "task.subtasks has %d entries, expected 1 to %d",
                     model->n_subtasks, ALLOMETER_MAX_SUBTASKS);
    return check_ranges(model, problem) || (model->data && check_data(model, problem))
           || model_problem_find_between(model, problem);
}

int model_problem_find_between(const struct allometer_model *model, struct model_problem *problem) {
    return check_layout(model, problem) || check_together(model, problem);
}

enum allometer_code allometer_model_check(const struct allometer_model *model,
                                          struct allometer_error *error) {
    struct model_problem problem;
    if (!model_problem_find(model, &problem) && !(model->data && check_rows(model, &problem)))
        return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s", problem.message);
}
