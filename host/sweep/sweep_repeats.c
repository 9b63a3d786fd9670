/* Values that an axis lists twice: models that are the same but for their number. */
#include "sweep_axes.h"

#include <stdio.h>
#include <stdlib.h>

/* Place i of the axes of one group. */
struct place {
    const struct sweep_axes *axes;
    size_t group;
    uint64_t i;
};

/* As a model has it: numbers are floats there. */
static double value_at(const struct sweep_axis *axis, uint64_t i) {
    const double value = sweep_axis_value(axis, i);
    return axis->key->kind == ALLOMETER_KEY_NUMBER ? (float)value : value;
}

static int compare_values(const struct place *a, const struct place *b) {
    for (size_t j = 0; j < a->axes->n_axes; j++) {
        const struct sweep_axis *axis = &a->axes->axes[j];
        if (axis->group != a->group) continue;
        double first = value_at(axis, a->i), second = value_at(axis, b->i);
        if (first != second) return first < second ? -1 : 1;
    }
    return 0;
}

static int compare_places(const void *a, const void *b) {
    const struct place *first = a, *second = b;
    int order = compare_values(first, second);
    return order ? order : (first->i > second->i) - (first->i < second->i);
}

static enum allometer_code refuse(const struct sweep_marks *marks, const struct sweep_axis *axis,
                                  uint64_t repeat, int is_zipped, struct allometer_error *error) {
    char path[SWEEP_PATH_SIZE + 48], value[64];
    if (axis->form == SWEEP_AXIS_VALUES)
        snprintf(path, sizeof path, "axes.%s.values.%llu", axis->path, (unsigned long long)repeat);
    else
        snprintf(path, sizeof path, "axes.%s", axis->path);
    sweep_key_format(axis->key, sweep_axis_value(axis, repeat), value, sizeof value);
    return sweep_marks_fail(marks, path, error, "axes.%s has '%s' twice%s, expected each value once",
                            axis->path, value, is_zipped ? ", zipped with the same both times" : "");
}

static enum allometer_code check_group(const struct sweep_marks *marks, const struct sweep_axes *axes,
                                       const struct sweep_axis *leader, struct allometer_error *error) {
    uint64_t n = leader->n_values;
    int n_members = 0, n_lists = 0;
    for (size_t j = 0; j < axes->n_axes; j++) {
        const struct sweep_axis *axis = &axes->axes[j];
        if (axis->group != leader->group) continue;
        /* Counted, or between two ends: each value is there once. */
        if (axis->form != SWEEP_AXIS_VALUES && (axis->values || axis->first != axis->last))
            return ALLOMETER_OK;
        n_lists += axis->form == SWEEP_AXIS_VALUES;
        n_members++;
    }
    if (n < 2) return ALLOMETER_OK;
    if (!n_lists) return refuse(marks, leader, 1, n_members > 1, error);
    struct place *places = calloc(n, sizeof *places);
    if (!places) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    for (uint64_t i = 0; i < n; i++) places[i] = (struct place){axes, leader->group, i};
    qsort(places, n, sizeof *places, compare_places);
    uint64_t repeat = n;
    for (uint64_t i = 1; i < n; i++)
        if (compare_values(&places[i - 1], &places[i]) == 0 && places[i].i < repeat) repeat = places[i].i;
    free(places);
    return repeat < n ? refuse(marks, leader, repeat, n_members > 1, error) : ALLOMETER_OK;
}

enum allometer_code sweep_axes_check_repeats(const struct sweep_marks *marks, const struct sweep_axes *axes,
                                             struct allometer_error *error) {
    enum allometer_code code = ALLOMETER_OK;
    for (size_t i = 0; i < axes->n_axes && !code; i++) {
        size_t first = 0;
        while (axes->axes[first].group != axes->axes[i].group) first++;
        if (first == i) code = check_group(marks, axes, &axes->axes[i], error);
    }
    return code;
}
