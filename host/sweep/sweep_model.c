/* From a sweep's settings and a model's place among its axes to the model. */
#include "sweep_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The next of a model's subtasks: the i-th of an entry, from 1. */
static void add_subtask(struct allometer_model *model, const struct allometer_subtask *entry, int i,
                        int is_parallel) {
    const struct allometer_function_shape *shape = &allometer_function_shapes[entry->function];
    struct allometer_subtask *subtask = &model->subtasks[model->n_subtasks++];
    *subtask = *entry;
    subtask->count = 1, subtask->exponent = 0;
    if (i > 1) subtask->weight = (float)((double)entry->weight * pow(i, -(double)entry->exponent));
    if (shape->n_inputs) subtask->n_inputs = shape->n_inputs;
    subtask->n_outputs = shape->n_outputs;
    subtask->loss = shape->loss;
    if (is_parallel) {
        subtask->first_input = model->n_inputs, subtask->first_output = model->n_outputs;
        if (subtask->feeds) subtask->n_outputs = 0, subtask->weight = 0;
        model->n_outputs += subtask->n_outputs;
        if (model->n_subtasks > 1 && subtask[-1].feeds)
            subtask->first_input = subtask[-1].first_input, subtask->n_inputs = subtask[-1].n_inputs;
        else
            model->n_inputs += subtask->n_inputs;
    } else {
        if (subtask->n_inputs > model->n_inputs) model->n_inputs = subtask->n_inputs;
        if (subtask->n_outputs > model->n_outputs) model->n_outputs = subtask->n_outputs;
    }
}

/* Rows of a file: as many are held out as the share says, but one at least, and one is left. */
static void complete_data(const struct allometer_sweep *sweep, struct allometer_model *model) {
    const struct data *data = sweep->data;
    const int32_t n_classes = data->rows.n_classes, n_rows = data->rows.n_rows;
    const struct allometer_subtask one = {
        .function = ALLOMETER_FUNCTION_DATA,
        .loss = n_classes ? ALLOMETER_LOSS_CROSS_ENTROPY : ALLOMETER_LOSS_MEAN_SQUARED_ERROR,
        .n_inputs = data->rows.n_inputs,
        .n_outputs = n_classes ? n_classes : 1,
        .weight = 1,
        .frequency = 1,
        .count = 1,
    };
    model->data = &data->rows;
    model->mixed = 1, model->control = sweep->settings.is_told;
    model->n_subtasks = data->n_subtasks;
    for (int k = 0; k < data->n_subtasks; k++) model->subtasks[k] = one;
    model->n_inputs = one.n_inputs + (model->control ? model->n_subtasks : 0);
    model->n_outputs = one.n_outputs;
    const double share = (double)sweep->settings.test_share;
    model->test_samples = (int32_t)fmin(fmax(round(share * n_rows), 1), n_rows - 1);
    model->samples = n_rows - model->test_samples;
    if (model->batch == 0) model->batch = model->samples;
}

/* What the axes and keys leave open: the subtasks themselves, from the entries of `own`, their layout, and a full batch. 0 where
   there are too many. */
static int complete_model(const struct allometer_sweep *sweep, const struct allometer_model *own,
                          struct allometer_model *model) {
    const int is_parallel = sweep->settings.composition != ALLOMETER_COMPOSITION_CONTROL;
    model->n_subtasks = model->n_inputs = model->n_outputs = 0;
    for (int e = 0; e < own->n_subtasks; e++) {
        const struct allometer_subtask *entry = &own->subtasks[e];
        if (entry->count > ALLOMETER_MAX_SUBTASKS - model->n_subtasks) return 0;
        for (int i = 1; i <= entry->count; i++) add_subtask(model, entry, i, is_parallel);
    }
    if (!is_parallel) {
        if (sweep->settings.variables > 0) model->n_inputs = sweep->settings.variables;
        model->mixed = model->control = 1;
        model->n_inputs += model->n_subtasks;
    }
    if (model->batch == 0) model->batch = model->samples;
    return 1;
}

/* What the keys set is within its range since they were read, and what follows from them with it: the first model answers for
   that, and each for the values of its axes. */
int sweep_make_model(const struct allometer_sweep *sweep, uint64_t index, struct allometer_model *model,
                     struct allometer_axis_value *values, struct model_problem *problem) {
    int is_within = index > 0;
    struct allometer_model own;
    const struct allometer_model *all = &sweep->settings.model;
    /* Not the room for entries that are not there: a sweep may have millions of models. */
    memcpy(&own, all,
           offsetof(struct allometer_model, subtasks) + (size_t)all->n_subtasks * sizeof *all->subtasks);
    for (size_t i = 0; i < sweep->axes.n_axes; i++) {
        const struct sweep_axis *axis = &sweep->axes.axes[i];
        double value = sweep_axis_value(axis, index / axis->stride % axis->n_values);
        sweep_key_set(axis->key, axis->subtask, value, &own);
        is_within &= sweep_key_accepts(axis->key, value);
        if (!values) continue;
        int is_text = axis->key->kind == ALLOMETER_KEY_WORD;
        values[i] =
            (struct allometer_axis_value){value, is_text ? axis->key->names->rows[(size_t)value].name : NULL};
    }
    memcpy(model, &own, offsetof(struct allometer_model, subtasks));
    if (sweep->data) {
        complete_data(sweep, model);
        if (model->samples > ALLOMETER_MAX_SAMPLES || model->test_samples > ALLOMETER_MAX_SAMPLES) {
            snprintf(problem->path, sizeof problem->path, "task.data.test_share");
            snprintf(
                problem->message, sizeof problem->message,
                "task.data.test_share is %g: %d rows to train on and %d held out, expected at most %d each",
                (double)sweep->settings.test_share, model->samples, model->test_samples,
                ALLOMETER_MAX_SAMPLES);
            return 1;
        }
    } else if (!complete_model(sweep, &own, model)) {
        snprintf(problem->path, sizeof problem->path, "task.subtasks");
        snprintf(problem->message, sizeof problem->message, "task.subtasks are more than %d, expected fewer",
                 ALLOMETER_MAX_SUBTASKS);
        return 1;
    }
    return is_within ? model_problem_find_between(model, problem) : model_problem_find(model, problem);
}
