#include "sweep_unused.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = SWEEP_PATH_SIZE + 8 };

/* Where a key is given, or its axis; NULL where neither is. place: PATH_SIZE bytes. */
static const char *given(const struct sweep_marks *marks, const char *key, char *place) {
    snprintf(place, PATH_SIZE, "axes.%s", key);
    if (sweep_marks_find(marks, place)) return place;
    snprintf(place, PATH_SIZE, "%s", key);
    return sweep_marks_find(marks, place) ? place : NULL;
}

/* What the rows of a file take the place of. */
static enum allometer_code check_data(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                      struct allometer_error *error) {
    static const char *const keys[] = {
        "task.composition",    "task.inputs.variables", "task.inputs.low",          "task.inputs.high",
        "task.inputs.samples", "measure.samples",       "task.inputs.distribution",
    };
    char place[PATH_SIZE];
    for (size_t i = 0; sweep->data && i < sizeof keys / sizeof *keys; i++)
        if (given(marks, keys[i], place))
            return sweep_marks_fail(
                marks, place, error,
                "%s is given beside task.data.file, expected none: the file's rows are the"
                " samples, of which task.data.test_share are held out",
                place);
    if (sweep->data && sweep->settings.is_told && sweep->data->n_subtasks == 1)
        return sweep_marks_fail(marks, "task.data.control", error,
                                "task.data.control is true, expected only where a task.data.subtask_column "
                                "tells several subtasks: the input of a single one would never change");
    return ALLOMETER_OK;
}

/* Beside which values of another key a key means something. */
struct rule {
    const char *key, *other;
    int words;      /* these, a bit each, where `other` is a word; */
    double above;   /* else those above this */
    int may_be_off; /* 1: `other` may be given to switch it off, and the key, but no axis, left standing */
    const char *expected; /* the words; NULL of what is above a number */
};

/* The values of a key: of its axis, where it has one, or the one that all models have. */
struct values {
    const struct sweep_axis *axis;
    const struct allometer_sweep_key *key;
    double value;
    uint64_t n;
};

static struct values values_of(const struct allometer_sweep *sweep, const char *path, int subtask) {
    const struct sweep_axis *axis = sweep_axes_find(&sweep->axes, path);
    if (axis) return (struct values){.axis = axis, .key = axis->key, .n = axis->n_values};
    const struct allometer_sweep_key *key = sweep_key_find(path);
    return (struct values){.key = key, .value = sweep_key_get(key, subtask, &sweep->settings), .n = 1};
}

static double value_at(const struct values *values, uint64_t i) {
    return values->axis ? sweep_axis_value(values->axis, i) : values->value;
}

static int is_met(const struct rule *rule, const struct values *values) {
    for (uint64_t i = 0; i < values->n; i++) {
        const double value = value_at(values, i);
        if (rule->words ? value < 32 && rule->words >> (int)value & 1 : value > rule->above) return 1;
    }
    return 0;
}

static enum allometer_code check_rule(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                      const struct rule *rule, int subtask, struct allometer_error *error) {
    char place[PATH_SIZE], unused[PATH_SIZE];
    if (!given(marks, rule->key, place)) return ALLOMETER_OK;
    if (rule->may_be_off && strcmp(place, rule->key) == 0 && given(marks, rule->other, unused))
        return ALLOMETER_OK;
    const struct values others = values_of(sweep, rule->other, subtask);
    if (is_met(rule, &others)) return ALLOMETER_OK;
    char expected[64], first[64];
    snprintf(expected, sizeof expected, "one above %g", rule->above);
    sweep_key_format(others.key, value_at(&others, 0), first, sizeof first);
    return sweep_marks_fail(marks, place, error, "%s is given for %s %s%s, expected only with %s", place,
                            rule->other, first, others.n > 1 ? " and the like" : "",
                            rule->expected ? rule->expected : expected);
}

static enum allometer_code check_rules(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                       struct allometer_error *error) {
    enum { ADAM = 1 << ALLOMETER_OPTIMIZER_ADAM, ADAMW = 1 << ALLOMETER_OPTIMIZER_ADAMW };
    static const struct rule rules[] = {
        {"train.momentum", "train.optimizer", 1 << ALLOMETER_OPTIMIZER_SGD, 0, 0, "sgd"},
        {"train.weight_decay", "train.optimizer", ADAMW, 0, 0,
         "adamw (for adam and sgd there is penalty.l2)"},
        {"train.beta1", "train.optimizer", ADAM | ADAMW, 0, 0, "adam and adamw"},
        {"train.beta2", "train.optimizer", ADAM | ADAMW, 0, 0, "adam and adamw"},
        {"train.epsilon", "train.optimizer", ADAM | ADAMW, 0, 0, "adam and adamw"},
        {"train.retrain", "train.prune", 0, 0, 1, NULL},
        {"train.prune_rounds", "train.prune", 0, 0, 1, NULL},
        {"penalty.l1_step", "penalty.l1", 0, 0, 1, NULL},
        {"model.residual", "model.depth", 0, 1, 0, NULL},
    };
    /* Samples that are drawn anew in each step are as many as the batch, unless that is as large as the training set. */
    static const struct rule samples = {"task.inputs.samples",       "task.inputs.fresh", 1, 0, 1,
                                        "false, or train.batch full"},
                             full = {.words = 1};
    const struct values batches = values_of(sweep, "train.batch", 0);
    enum allometer_code code = ALLOMETER_OK;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && !code; i++)
        code = check_rule(marks, sweep, &rules[i], 0, error);
    return code || is_met(&full, &batches) ? code : check_rule(marks, sweep, &samples, 0, error);
}

/* `frequency` and `bits` mean something to the functions whose formulas name them. */
static enum allometer_code check_function(const struct sweep_marks *marks,
                                          const struct allometer_sweep *sweep, int k, const char *name,
                                          struct allometer_error *error) {
    char key[SWEEP_PATH_SIZE], function[SWEEP_PATH_SIZE], takers[256] = "";
    struct rule rule = {.key = key, .other = function, .expected = takers};
    snprintf(key, sizeof key, "task.subtasks.%d.%s", k, name);
    snprintf(function, sizeof function, "task.subtasks.%d.function", k);
    for (size_t i = 0; i < allometer_functions.n_rows; i++) {
        const struct allometer_name *row = &allometer_functions.rows[i];
        if (!strstr(row->formula, name)) continue;
        rule.words |= 1 << i;
        snprintf(takers + strlen(takers), sizeof takers - strlen(takers), "%s%s", *takers ? " or " : "",
                 row->name);
    }
    return check_rule(marks, sweep, &rule, k, error);
}

static enum allometer_code check_subtask(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                         int k, struct allometer_error *error) {
    char exponent[SWEEP_PATH_SIZE], count[SWEEP_PATH_SIZE];
    const struct rule several = {exponent, count, 0, 1, 1, NULL};
    snprintf(exponent, sizeof exponent, "task.subtasks.%d.exponent", k);
    snprintf(count, sizeof count, "task.subtasks.%d.count", k);
    enum allometer_code code = check_function(marks, sweep, k, "frequency", error);
    if (!code) code = check_function(marks, sweep, k, "bits", error);
    return code ? code : check_rule(marks, sweep, &several, k, error);
}

/* Inputs of -1 and 1 have no range. */
static enum allometer_code check_range(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                       struct allometer_error *error) {
    static const char *const keys[] = {"task.inputs.low", "task.inputs.high"};
    char place[PATH_SIZE], function[SWEEP_PATH_SIZE];
    if (sweep->data) return ALLOMETER_OK;
    for (int k = 0; k < sweep->settings.model.n_subtasks; k++) {
        snprintf(function, sizeof function, "task.subtasks.%d.function", k);
        const struct values functions = values_of(sweep, function, k);
        for (uint64_t i = 0; i < functions.n; i++)
            if (!allometer_function_shapes[(int)value_at(&functions, i)].is_binary) return ALLOMETER_OK;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (given(marks, keys[i], place))
            return sweep_marks_fail(marks, place, error,
                                    "%s is given for parity alone, expected none: its inputs are -1 and 1",
                                    place);
    return ALLOMETER_OK;
}

enum allometer_code sweep_check_unused(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                       struct allometer_error *error) {
    char place[PATH_SIZE];
    enum allometer_code code = check_data(marks, sweep, error);
    if (!code) code = check_range(marks, sweep, error);
    if (!code) code = check_rules(marks, sweep, error);
    for (int k = 0; k < sweep->settings.model.n_subtasks && !code; k++)
        code = check_subtask(marks, sweep, k, error);
    if (!code && sweep->settings.composition != ALLOMETER_COMPOSITION_CONTROL
        && given(marks, "task.inputs.variables", place))
        code = sweep_marks_fail(marks, place, error,
                                "%s is given, expected only with task.composition control", place);
    return code;
}
