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

static int is_swept(const struct allometer_sweep *sweep, const char *key) {
    for (size_t i = 0; i < sweep->axes.n_axes; i++)
        if (strcmp(sweep->axes.axes[i].path, key) == 0) return 1;
    return 0;
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
    return ALLOMETER_OK;
}

/* What only some optimizers have. */
static enum allometer_code check_optimizer(const struct sweep_marks *marks,
                                           const struct allometer_sweep *sweep,
                                           struct allometer_error *error) {
    enum { ADAM = 1 << ALLOMETER_OPTIMIZER_ADAM, ADAMW = 1 << ALLOMETER_OPTIMIZER_ADAMW };
    static const struct {
        const char *key, *takers;
        int optimizers;
    } keys[] = {
        {"train.momentum", "sgd", 1 << ALLOMETER_OPTIMIZER_SGD},
        {"train.weight_decay", "adamw (for adam and sgd there is penalty.l2)", ADAMW},
        {"train.beta1", "adam and adamw", ADAM | ADAMW},
        {"train.beta2", "adam and adamw", ADAM | ADAMW},
        {"train.epsilon", "adam and adamw", ADAM | ADAMW},
    };
    const int32_t own = sweep->settings.model.optimizer;
    char place[PATH_SIZE];
    if (is_swept(sweep, "train.optimizer")) return ALLOMETER_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!(keys[i].optimizers >> own & 1) && given(marks, keys[i].key, place))
            return sweep_marks_fail(marks, place, error,
                                    "%s is given for train.optimizer %s, expected only with %s", place,
                                    allometer_optimizers.rows[own].name, keys[i].takers);
    return ALLOMETER_OK;
}

/* Key after key that has a meaning beside another alone. */
static enum allometer_code check_beside(const struct sweep_marks *marks, const char *key, const char *other,
                                        struct allometer_error *error) {
    char place[PATH_SIZE], unused[PATH_SIZE];
    if (!given(marks, key, place) || given(marks, other, unused)) return ALLOMETER_OK;
    return sweep_marks_fail(marks, place, error, "%s is given without %s, expected only beside it", place,
                            other);
}

/* `frequency` and `bits` mean something to the functions whose formulas name them. */
static enum allometer_code check_function(const struct sweep_marks *marks,
                                          const struct allometer_sweep *sweep, int k, const char *name,
                                          struct allometer_error *error) {
    char key[SWEEP_PATH_SIZE], place[PATH_SIZE], takers[256] = "";
    snprintf(key, sizeof key, "task.subtasks.%d.function", k);
    const int own = sweep->settings.model.subtasks[k].function;
    if (is_swept(sweep, key) || strstr(allometer_functions.rows[own].formula, name)) return ALLOMETER_OK;
    snprintf(key, sizeof key, "task.subtasks.%d.%s", k, name);
    if (!given(marks, key, place)) return ALLOMETER_OK;
    for (size_t i = 0; i < allometer_functions.n_rows; i++) {
        const struct allometer_name *row = &allometer_functions.rows[i];
        if (!strstr(row->formula, name)) continue;
        snprintf(takers + strlen(takers), sizeof takers - strlen(takers), "%s%s", *takers ? " or " : "",
                 row->name);
    }
    return sweep_marks_fail(marks, place, error, "%s is given for %s, expected only with function %s", place,
                            allometer_functions.rows[own].name, takers);
}

static enum allometer_code check_subtask(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                         int k, struct allometer_error *error) {
    char exponent[SWEEP_PATH_SIZE], count[SWEEP_PATH_SIZE];
    snprintf(exponent, sizeof exponent, "task.subtasks.%d.exponent", k);
    snprintf(count, sizeof count, "task.subtasks.%d.count", k);
    enum allometer_code code = check_function(marks, sweep, k, "frequency", error);
    if (!code) code = check_function(marks, sweep, k, "bits", error);
    return code ? code : check_beside(marks, exponent, count, error);
}

enum allometer_code sweep_check_unused(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                       struct allometer_error *error) {
    char place[PATH_SIZE];
    enum allometer_code code = check_data(marks, sweep, error);
    if (!code) code = check_optimizer(marks, sweep, error);
    if (!code) code = check_beside(marks, "train.retrain", "train.prune", error);
    if (!code) code = check_beside(marks, "train.prune_rounds", "train.prune", error);
    for (int k = 0; k < sweep->settings.model.n_subtasks && !code; k++)
        code = check_subtask(marks, sweep, k, error);
    if (!code && sweep->settings.composition != ALLOMETER_COMPOSITION_CONTROL
        && given(marks, "task.inputs.variables", place))
        code = sweep_marks_fail(marks, place, error,
                                "%s is given, expected only with task.composition control", place);
    return code;
}
