#include "sweep_axes.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values between two ends that are rounded, in memory; of integers no more are allowed. */
enum { MOST_ROUNDED = 1000000 };

/* What reading one axis needs. */
struct reading {
    const struct sweep_marks *marks;
    const struct sweep_axis_text *text;
    char path[SWEEP_PATH_SIZE + 16]; /* "axes.model.width" */
    struct allometer_error *error;
};

static enum allometer_code refuse(const struct reading *reading, const char *member, const char *what) {
    char path[SWEEP_PATH_SIZE + 48];
    snprintf(path, sizeof path, "%s%s%s", reading->path, *member ? "." : "", member);
    return sweep_marks_fail(reading->marks, path, reading->error, "%s %s", path, what);
}

static int has(const struct reading *reading, const char *member) {
    char path[SWEEP_PATH_SIZE + 48];
    snprintf(path, sizeof path, "%s.%s", reading->path, member);
    return sweep_marks_find(reading->marks, path) != NULL;
}

/* text: what stands under axes.PATH.member. */
static enum allometer_code read_value(const struct reading *reading, const struct sweep_axis *axis,
                                      const char *text, const char *member, double *value) {
    char what[512], expected[256];
    if (sweep_key_parse(axis->key, text, value)) return ALLOMETER_OK;
    sweep_key_expectation(axis->key, expected, sizeof expected);
    struct text_nearest nearest = {.word = text};
    for (size_t i = 0; axis->key->names && i < axis->key->names->n_rows; i++)
        text_nearest_offer(&nearest, axis->key->names->rows[i].name);
    snprintf(what, sizeof what, "is '%.100s', expected %s%s%s%s", text, expected,
             nearest.best ? "; did you mean " : "", nearest.best ? nearest.best : "",
             nearest.best ? "?" : "");
    return refuse(reading, member, what);
}

/* The same of an end or a start, between which and the others `full` has no place. */
static enum allometer_code read_number(const struct reading *reading, const struct sweep_axis *axis,
                                       const char *text, const char *member, double *value) {
    enum allometer_code code = read_value(reading, axis, text, member, value);
    if (code || !axis->key->names || *value >= axis->key->low) return code;
    char what[192];
    snprintf(what, sizeof what, "is '%.100s', expected a number; words go in values: [...]", text);
    return refuse(reading, member, what);
}

static enum allometer_code read_count(const struct reading *reading, struct sweep_axis *axis) {
    double count;
    if (!reading->text->count) return refuse(reading, "", "has no count, expected one beside linear or log");
    if (text_to_double(reading->text->count, &count) && count == floor(count) && count >= 1
        && count <= (double)SWEEP_MOST_MODELS) {
        axis->n_written = axis->n_values = (uint64_t)count;
        return ALLOMETER_OK;
    }
    char what[256];
    snprintf(what, sizeof what, "is '%.100s', expected an integer from 1 to %lld", reading->text->count,
             (long long)SWEEP_MOST_MODELS);
    return refuse(reading, "count", what);
}

static enum allometer_code read_values(const struct reading *reading, struct sweep_axis *axis) {
    unsigned n = reading->text->values_count;
    if (n == 0) return refuse(reading, "values", "is an empty list, expected at least one value");
    axis->form = SWEEP_AXIS_VALUES;
    axis->n_written = axis->n_values = n;
    axis->values = calloc(n, sizeof *axis->values);
    if (!axis->values) return allometer_fail(reading->error, ALLOMETER_FAILED, "out of memory");
    enum allometer_code code = ALLOMETER_OK;
    for (unsigned i = 0; i < n && !code; i++) {
        char member[32];
        snprintf(member, sizeof member, "values.%u", i);
        code = read_value(reading, axis, reading->text->values[i], member, &axis->values[i]);
    }
    return code;
}

/* Between the ends: integers to the nearest, equal neighbours dropped; numbers to the digits that the arithmetic leaves, so
   that log: [1, 512] meets 8 and not 7.999999999999999. */
static enum allometer_code round_values(const struct reading *reading, struct sweep_axis *axis) {
    const int are_numbers = axis->key->kind == ALLOMETER_KEY_NUMBER;
    if (are_numbers && (axis->n_written > MOST_ROUNDED || axis->first == axis->last)) return ALLOMETER_OK;
    if (axis->n_written > MOST_ROUNDED)
        return refuse(reading, "count", "is above 1000000, expected fewer integers");
    double *values = calloc(axis->n_written, sizeof *values);
    if (!values) return allometer_fail(reading->error, ALLOMETER_FAILED, "out of memory");
    uint64_t n = 0;
    for (uint64_t i = 0; i < axis->n_written; i++) {
        const int is_end = i == 0 || i == axis->n_written - 1;
        double value = sweep_axis_value(axis, i);
        if (!is_end) value = are_numbers ? text_round_double(value) : round(value);
        if (n == 0 || are_numbers || value != values[n - 1]) values[n++] = value;
    }
    axis->values = values;
    axis->n_values = n;
    return ALLOMETER_OK;
}

static enum allometer_code read_ends(const struct reading *reading, struct sweep_axis *axis,
                                     enum sweep_axis_form form) {
    const char *member = form == SWEEP_AXIS_LOG ? "log" : "linear";
    char **ends = form == SWEEP_AXIS_LOG ? reading->text->log : reading->text->linear;
    unsigned n = form == SWEEP_AXIS_LOG ? reading->text->log_count : reading->text->linear_count;
    axis->form = form;
    if (axis->key->kind == ALLOMETER_KEY_WORD)
        return refuse(reading, member, "spans words, expected values: [...]");
    if (n != 2) return refuse(reading, member, "does not hold two numbers, expected [first, last]");
    char names[2][24];
    for (int i = 0; i < 2; i++) snprintf(names[i], sizeof names[i], "%s.%d", member, i);
    enum allometer_code code = read_number(reading, axis, ends[0], names[0], &axis->first);
    if (!code) code = read_number(reading, axis, ends[1], names[1], &axis->last);
    if (!code && form == SWEEP_AXIS_LOG && !(axis->first > 0 && axis->last > 0))
        code = refuse(reading, member, "has an end that is not above 0, expected two numbers above 0");
    if (!code) code = read_count(reading, axis);
    if (!code) code = round_values(reading, axis);
    return code;
}

static enum allometer_code read_counting(const struct reading *reading, struct sweep_axis *axis) {
    axis->form = SWEEP_AXIS_COUNT;
    if (!reading->text->count)
        return refuse(reading, "", "spans nothing, expected values, linear, log or count");
    if (axis->key->kind == ALLOMETER_KEY_WORD)
        return refuse(reading, "count", "counts words, expected values: [...]");
    enum allometer_code code = read_count(reading, axis);
    if (code) return code;
    const char *start = reading->text->start ? reading->text->start : "0";
    code = read_number(reading, axis, start, "start", &axis->first);
    if (code) return code;
    axis->last = axis->first + (double)(axis->n_values - 1);
    if (sweep_key_accepts(axis->key, axis->last)) return ALLOMETER_OK;
    char what[384], expected[256], last[TEXT_NUMBER_SIZE];
    sweep_key_expectation(axis->key, expected, sizeof expected);
    text_from_double(last, axis->last);
    snprintf(what, sizeof what, "counts up to %s, expected %s", last, expected);
    return refuse(reading, "count", what);
}

static enum allometer_code read_axis(const struct reading *reading, struct sweep_axis *axis) {
    int n_forms = has(reading, "values") + has(reading, "linear") + has(reading, "log");
    if (n_forms > 1) return refuse(reading, "", "has several spans, expected one of values, linear, log");
    if (n_forms && reading->text->start)
        return refuse(reading, "start", "goes with a count alone, expected no start");
    if (has(reading, "values")) {
        if (reading->text->count)
            return refuse(reading, "count", "stands beside values, expected one of the two");
        return read_values(reading, axis);
    }
    if (has(reading, "linear")) return read_ends(reading, axis, SWEEP_AXIS_LINEAR);
    if (has(reading, "log")) return read_ends(reading, axis, SWEEP_AXIS_LOG);
    return read_counting(reading, axis);
}

static int compare_marks(const void *a, const void *b) {
    const struct sweep_axis *first = a, *second = b;
    return (first->mark > second->mark) - (first->mark < second->mark);
}

/* Joins an axis that zip.G lists to the group of the first there: that is the leader, NULL until it is met. */
static enum allometer_code join(const struct sweep_mark *mark, struct sweep_axes *axes,
                                struct sweep_axis **leader, const struct sweep_marks *marks,
                                struct allometer_error *error) {
    struct sweep_axis *axis = sweep_axes_find(axes, mark->text);
    if (!axis) {
        struct text_nearest nearest = {.word = mark->text};
        for (size_t i = 0; i < axes->n_axes; i++) text_nearest_offer(&nearest, axes->axes[i].path);
        return sweep_marks_fail(marks, mark->path, error, "%s is '%.100s', expected one of the axes%s%s%s",
                                mark->path, mark->text, nearest.best ? "; did you mean " : "",
                                nearest.best ? nearest.best : "", nearest.best ? "?" : "");
    }
    int is_joined = axis == *leader;
    for (size_t i = 0; i < axes->n_axes; i++)
        is_joined |= &axes->axes[i] != axis && axes->axes[i].group == axis->group;
    if (is_joined)
        return sweep_marks_fail(marks, mark->path, error,
                                "%s is '%.100s', which is zipped already, expected each axis once",
                                mark->path, mark->text);
    if (!*leader) *leader = axis;
    if (axis->n_values != (*leader)->n_values)
        return sweep_marks_fail(marks, mark->path, error,
                                "zip joins %s with %llu values and %s with %llu, expected as many",
                                (*leader)->path, (unsigned long long)(*leader)->n_values, axis->path,
                                (unsigned long long)axis->n_values);
    axis->group = (*leader)->group;
    return ALLOMETER_OK;
}

/* zip: [[axis, axis, ...], ...], from the marks. */
static enum allometer_code read_zip(const struct sweep_marks *marks, struct sweep_axes *axes,
                                    struct allometer_error *error) {
    static const char shape[] = "expected zip: [[axis, axis], ...]";
    struct sweep_axis *leader = NULL;
    for (size_t i = 0; i < marks->n_marks; i++) {
        const struct sweep_mark *mark = &marks->marks[i];
        int is_zip = strcmp(mark->path, "zip") == 0, is_inside = strncmp(mark->path, "zip.", 4) == 0;
        if (!is_zip && !is_inside) continue;
        int is_axis = is_inside && strchr(mark->path + 4, '.') != NULL;
        if (mark->kind != (is_axis ? SWEEP_SCALAR : SWEEP_LIST))
            return sweep_marks_fail(marks, mark->path, error, "%s is not %s, %s", mark->path,
                                    is_axis ? "the name of an axis" : "a list", shape);
        if (is_axis) {
            enum allometer_code code = join(mark, axes, &leader, marks, error);
            if (code) return code;
        } else if (is_inside) {
            leader = NULL;
            size_t n = 0, length = strlen(mark->path);
            while (i + n + 1 < marks->n_marks && strncmp(mark[n + 1].path, mark->path, length) == 0
                   && mark[n + 1].path[length] == '.')
                n++;
            if (n < 2)
                return sweep_marks_fail(marks, mark->path, error, "%s joins fewer than two axes, %s",
                                        mark->path, shape);
        }
    }
    return ALLOMETER_OK;
}

/* Crossed in the order of the file, the last fastest; a group counts where its first axis stands. */
static enum allometer_code count_models(const struct sweep_marks *marks, struct sweep_axes *axes,
                                        struct allometer_error *error) {
    axes->n_models = 1;
    for (size_t i = axes->n_axes; i-- > 0;) {
        struct sweep_axis *axis = &axes->axes[i];
        int is_first = 1;
        for (size_t j = 0; j < i; j++) is_first &= axes->axes[j].group != axis->group;
        if (!is_first) continue;
        for (size_t j = i; j < axes->n_axes; j++)
            if (axes->axes[j].group == axis->group) axes->axes[j].stride = axes->n_models;
        if (axis->n_values > (uint64_t)SWEEP_MOST_MODELS / axes->n_models)
            return sweep_marks_fail(marks, "axes", error, "axes span more than %lld models, expected fewer",
                                    (long long)SWEEP_MOST_MODELS);
        axes->n_models *= axis->n_values;
    }
    return ALLOMETER_OK;
}

enum allometer_code sweep_axes_read(const struct sweep_document *document, const struct sweep_marks *marks,
                                    struct sweep_axes *axes, struct allometer_error *error) {
    *axes = (struct sweep_axes){.axes = calloc(document->n_axes, sizeof *axes->axes)};
    if (!axes->axes) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    for (size_t i = 0; i < document->n_axes; i++) {
        const struct sweep_axis_slot *slot = &document->axes[i];
        if (!slot->text) continue;
        struct sweep_axis *axis = &axes->axes[axes->n_axes++];
        *axis = (struct sweep_axis){.key = slot->key, .subtask = slot->subtask};
        memcpy(axis->path, slot->path, sizeof axis->path);
        struct reading reading = {.marks = marks, .text = slot->text, .error = error};
        snprintf(reading.path, sizeof reading.path, "axes.%s", slot->path);
        const struct sweep_mark *mark = sweep_marks_find(marks, reading.path);
        axis->mark = mark ? (size_t)(mark - marks->marks) : 0;
        if (sweep_key_of_subtask(slot->key) && slot->subtask >= (int)document->n_stages)
            return sweep_marks_fail(marks, reading.path, error, "%s names subtask %d, expected one below %u",
                                    reading.path, slot->subtask, document->n_stages);
        enum allometer_code code = read_axis(&reading, axis);
        if (code) return code;
    }
    qsort(axes->axes, axes->n_axes, sizeof *axes->axes, compare_marks);
    for (size_t i = 0; i < axes->n_axes; i++) axes->axes[i].group = i;
    enum allometer_code code = read_zip(marks, axes, error);
    if (!code) code = sweep_axes_check_repeats(marks, axes, error);
    return code ? code : count_models(marks, axes, error);
}

void sweep_axes_free(struct sweep_axes *axes) {
    for (size_t i = 0; i < axes->n_axes; i++) free(axes->axes[i].values);
    free(axes->axes);
    *axes = (struct sweep_axes){0};
}

struct sweep_axis *sweep_axes_find(const struct sweep_axes *axes, const char *path) {
    for (size_t i = 0; i < axes->n_axes; i++)
        if (strcmp(axes->axes[i].path, path) == 0) return &axes->axes[i];
    return NULL;
}

double sweep_axis_value(const struct sweep_axis *axis, uint64_t i) {
    if (axis->values) return axis->values[i];
    if (axis->form == SWEEP_AXIS_COUNT) return axis->first + (double)i;
    if (i == 0) return axis->first;
    if (i == axis->n_written - 1) return axis->last;
    double share = (double)i / (double)(axis->n_written - 1);
    if (axis->form == SWEEP_AXIS_LOG) return axis->first * pow(axis->last / axis->first, share);
    return axis->first + (axis->last - axis->first) * share;
}
