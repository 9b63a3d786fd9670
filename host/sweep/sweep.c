#include "sweep_internal.h"
#include "sweep_unused.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST_BYTES = 4 << 20,  /* of a file; lists of values are what makes one long */
    MOST_CHECKED = 100000, /* models that loading looks at: all of a usual sweep */
};

static enum allometer_code read_key(const struct sweep_document *document, const struct sweep_marks *marks,
                                    const struct allometer_sweep_key *key, int subtask,
                                    struct allometer_sweep *sweep, struct allometer_error *error) {
    char path[SWEEP_PATH_SIZE], expected[256];
    sweep_key_path(key, subtask, path);
    sweep_key_expectation(key, expected, sizeof expected);
    const char *written = sweep_document_text(document, key, subtask),
               *text = written ? written : key->standard;
    if (!text) return sweep_marks_fail(marks, path, error, "%s is missing, expected %s", path, expected);
    if (!*text) return sweep_marks_fail(marks, path, error, "%s is empty, expected %s", path, expected);
    if (key->kind == ALLOMETER_KEY_TEXT) {
        char **field = (char **)((char *)&sweep->settings + key->offset);
        *field = strdup(text);
        return *field ? ALLOMETER_OK
                      : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    }
    double value;
    if (sweep_key_parse(key, text, &value)) {
        sweep_key_set(key, subtask, value, &sweep->settings);
        return ALLOMETER_OK;
    }
    struct text_nearest nearest = {.word = text};
    for (size_t i = 0; key->names && i < key->names->n_rows; i++)
        text_nearest_offer(&nearest, key->names->rows[i].name);
    return sweep_marks_fail(marks, path, error, "%s is '%.100s', expected %s%s%s%s", path, text, expected,
                            nearest.best ? "; did you mean " : "", nearest.best ? nearest.best : "",
                            nearest.best ? "?" : "");
}

static enum allometer_code read_keys(const struct sweep_document *document, const struct sweep_marks *marks,
                                     struct allometer_sweep *sweep, struct allometer_error *error) {
    const unsigned n_subtasks = document->n_stages;
    const int has_data = sweep_marks_find(marks, "task.data.file") != NULL;
    if (has_data && n_subtasks > 0)
        return sweep_marks_fail(marks, "task.subtasks", error,
                                "task.subtasks stands beside task.data.file, expected one of the two");
    if (!has_data && sweep_marks_find(marks, "task.data"))
        return sweep_marks_fail(marks, "task.data", error,
                                "task.data.file is missing, expected the path of a file");
    if ((n_subtasks < 1 && !has_data) || n_subtasks > ALLOMETER_MAX_SUBTASKS)
        return sweep_marks_fail(marks, "task.subtasks", error,
                                "task.subtasks has %u entries, expected 1 to %d such as {function: square}",
                                n_subtasks, ALLOMETER_MAX_SUBTASKS);
    sweep->settings.model.n_subtasks = (int32_t)n_subtasks;
    enum allometer_code code = ALLOMETER_OK;
    for (size_t i = 0; i < sweep_n_keys && !code; i++) {
        unsigned n = sweep_key_of_subtask(&sweep_keys[i]) ? n_subtasks : 1;
        for (unsigned subtask = 0; subtask < n && !code; subtask++)
            code = read_key(document, marks, &sweep_keys[i], (int)subtask, sweep, error);
    }
    return code;
}

/* The file of task.data, from the folder of the sweep file. */
static enum allometer_code read_data(const struct sweep_marks *marks, struct allometer_sweep *sweep,
                                     struct allometer_error *error) {
    if (!sweep_marks_find(marks, "task.data.file")) return ALLOMETER_OK;
    const char *slash = strrchr(marks->file, '/');
    char *folder = slash ? strndup(marks->file, (size_t)(slash - marks->file)) : strdup(".");
    if (!folder) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    struct allometer_error fault = {0};
    enum allometer_code code = data_read(&sweep->settings.data, folder, &sweep->data, &fault);
    free(folder);
    if (code == ALLOMETER_BAD_INPUT)
        code = sweep_marks_fail(marks, "task.data.file", error, "%s", fault.message);
    else if (code)
        code = allometer_fail(error, code, "%s", fault.message);
    return code;
}

/* A key that a subtask may not have, nor an axis of it. */
static enum allometer_code refuse_given(const struct sweep_marks *marks, int k, const char *key,
                                        const char *why, struct allometer_error *error) {
    char axis[SWEEP_PATH_SIZE + 8];
    snprintf(axis, sizeof axis, "axes.task.subtasks.%d.%s", k, key);
    const char *const paths[] = {axis + strlen("axes."), axis};
    for (int i = 0; i < 2; i++)
        if (sweep_marks_find(marks, paths[i]))
            return sweep_marks_fail(marks, paths[i], error, "%s is given for %s", paths[i], why);
    return ALLOMETER_OK;
}

/* With `composition: series` every subtask feeds the next. Only the last of a series has a loss to weigh; each stage is one
   subtask, for of several the next would take one, and of several that follow one would be fed. */
static enum allometer_code read_series(const struct sweep_document *document, const struct sweep_marks *marks,
                                       struct allometer_sweep *sweep, struct allometer_error *error) {
    struct allometer_model *model = &sweep->settings.model;
    const int is_series = sweep->settings.composition == ALLOMETER_COMPOSITION_SERIES;
    enum allometer_code code = ALLOMETER_OK;
    for (int k = 0; k < model->n_subtasks && !code; k++) {
        if (document->stages[k].entry && sweep->settings.composition != ALLOMETER_COMPOSITION_PARALLEL)
            return sweep_marks_fail(marks, "task.composition", error,
                                    "task.composition is %s, expected parallel where subtasks hold a series",
                                    is_series ? "series" : "control");
        const struct sweep_stage *stage = &document->stages[k];
        if (is_series ? k + 1 < model->n_subtasks : stage->stage + 1 < stage->n_stages) {
            if (!model->subtasks[k].feeds)
                code = refuse_given(marks, k, "feeds", "an inner subtask of a series, expected true or none",
                                    error);
            model->subtasks[k].feeds = 1;
        }
        const int feeds = model->subtasks[k].feeds, follows = k > 0 && model->subtasks[k - 1].feeds;
        if (!code && feeds)
            code = refuse_given(marks, k, "weight", "an inner subtask of a series, expected for the last",
                                error);
        if (!code && (feeds || follows))
            code = refuse_given(marks, k, "count", "a subtask of a series, expected for none", error);
    }
    return code;
}

/* What only models that are measured by layer look at. */
static enum allometer_code refuse_path_share(const struct sweep_marks *marks, struct allometer_error *error) {
    static const char *const paths[] = {"measure.path_share", "axes.measure.path_share"};
    for (int i = 0; i < 2; i++)
        if (sweep_marks_find(marks, paths[i]))
            return sweep_marks_fail(marks, paths[i], error,
                                    "%s is given, expected only where models are measured by layer, such as"
                                    " those of several hidden layers",
                                    paths[i]);
    return ALLOMETER_OK;
}

/* The rules between keys, model by model. */
static enum allometer_code check_models(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                        struct allometer_error *error) {
    uint64_t n_models = sweep->axes.n_models, step = n_models / MOST_CHECKED + 1;
    int is_any_general = step > 1; /* of those that are not looked at some may be */
    for (uint64_t index = 0; index < n_models; index += step) {
        struct allometer_model model;
        struct model_problem problem;
        if (!sweep_make_model(sweep, index, &model, NULL, &problem)) {
            is_any_general = is_any_general || allometer_is_general(&model);
            continue;
        }
        char path[SWEEP_PATH_SIZE + 8];
        snprintf(path, sizeof path, "axes.%s", problem.path);
        if (!sweep_marks_find(marks, path)) snprintf(path, sizeof path, "%s", problem.path);
        if (n_models == 1) return sweep_marks_fail(marks, path, error, "%s", problem.message);
        return sweep_marks_fail(marks, path, error, "%s (in model %llu of %llu)", problem.message,
                                (unsigned long long)index + 1, (unsigned long long)n_models);
    }
    return is_any_general ? ALLOMETER_OK : refuse_path_share(marks, error);
}

static enum allometer_code fill_sweep(const struct sweep_document *document, const struct sweep_marks *marks,
                                      struct allometer_sweep *sweep, struct allometer_error *error) {
    enum allometer_code code = read_keys(document, marks, sweep, error);
    if (!code) code = read_data(marks, sweep, error);
    if (!code) code = read_series(document, marks, sweep, error);
    if (!code) code = sweep_axes_read(document, marks, &sweep->axes, error);
    if (!code) code = sweep_check_unused(marks, sweep, error);
    if (!code) code = check_models(marks, sweep, error);
    if (code) return code;
    sweep->specification = sweep_specification_make(sweep);
    return sweep->specification ? ALLOMETER_OK
                                : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
}

/* Files that are given for a sweep's by mistake: a store, a picture, an archive. */
static enum allometer_code check_text(const char *file, const char *bytes, size_t n_bytes,
                                      struct allometer_error *error) {
    static const char store[] = "SQLite format 3";
    if (n_bytes >= sizeof store && memcmp(bytes, store, sizeof store) == 0)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s:1: is a store (an SQLite database), expected a sweep file", file);
    if (!n_bytes)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:1: the file is empty, expected a sweep", file);
    if (!memchr(bytes, '\0', n_bytes)) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:1: is not text in UTF-8, expected a sweep file",
                          file);
}

enum allometer_code allometer_sweep_parse(const char *file, const char *bytes, size_t n_bytes,
                                          struct allometer_sweep **sweep, struct allometer_error *error) {
    static const char byte_order_mark[] = "\xef\xbb\xbf"; /* some editors put it before UTF-8 */
    const size_t n_mark = sizeof byte_order_mark - 1;
    struct sweep_marks marks = {0};
    struct sweep_document document = {0};
    if (n_bytes >= n_mark && memcmp(bytes, byte_order_mark, n_mark) == 0) bytes += n_mark, n_bytes -= n_mark;
    *sweep = calloc(1, sizeof **sweep);
    if (!*sweep) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", file);
    enum allometer_code code = check_text(file, bytes, n_bytes, error);
    if (!code) code = sweep_marks_read(file, bytes, n_bytes, &marks, error);
    if (!code) code = sweep_document_load(bytes, n_bytes, &marks, &document, error);
    if (!code) code = sweep_document_number(&document, &marks, error);
    if (!code) code = fill_sweep(&document, &marks, *sweep, error);
    sweep_document_free(&document);
    sweep_marks_free(&marks);
    if (code) {
        allometer_sweep_free(*sweep);
        *sweep = NULL;
    }
    return code;
}

/* A file or a pipe; a directory opens too, and is told apart here. */
static enum allometer_code read_file(FILE *file, const char *path, char *bytes, size_t *n_bytes,
                                     struct allometer_error *error) {
    struct stat status;
    if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode))
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: is a directory, expected a sweep file", path);
    *n_bytes = fread(bytes, 1, MOST_BYTES + 1, file);
    if (ferror(file)) return allometer_fail(error, ALLOMETER_FAILED, "%s: %s", path, strerror(errno));
    if (*n_bytes > MOST_BYTES)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: longer than %d MiB, expected a sweep file",
                              path, MOST_BYTES >> 20);
    return ALLOMETER_OK;
}

enum allometer_code allometer_sweep_load(const char *path, struct allometer_sweep **sweep,
                                         struct allometer_error *error) {
    *sweep = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %s", path, strerror(errno));
    size_t n_bytes = 0;
    char *bytes = malloc(MOST_BYTES + 1);
    enum allometer_code code = bytes ? read_file(file, path, bytes, &n_bytes, error)
                                     : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", path);
    fclose(file);
    if (!code) code = allometer_sweep_parse(path, bytes, n_bytes, sweep, error);
    free(bytes);
    return code;
}

void allometer_sweep_free(struct allometer_sweep *sweep) {
    if (!sweep) return;
    sweep_axes_free(&sweep->axes);
    for (size_t i = 0; i < sweep_n_keys; i++)
        if (sweep_keys[i].kind == ALLOMETER_KEY_TEXT)
            free(*(char **)((char *)&sweep->settings + sweep_keys[i].offset));
    data_free(sweep->data);
    free(sweep->specification);
    free(sweep);
}

const char *allometer_sweep_name(const struct allometer_sweep *sweep) {
    return sweep->settings.name;
}

const char *allometer_sweep_specification(const struct allometer_sweep *sweep) {
    return sweep->specification;
}

int allometer_sweep_keep_weights(const struct allometer_sweep *sweep) {
    return sweep->settings.keep_weights;
}

uint64_t allometer_sweep_n_models(const struct allometer_sweep *sweep) {
    return sweep->axes.n_models;
}

size_t allometer_sweep_n_axes(const struct allometer_sweep *sweep) {
    return sweep->axes.n_axes;
}

const char *allometer_sweep_axis_name(const struct allometer_sweep *sweep, size_t axis) {
    return sweep->axes.axes[axis].path;
}

int allometer_sweep_axis_is_text(const struct allometer_sweep *sweep, size_t axis) {
    return sweep->axes.axes[axis].key->kind == ALLOMETER_KEY_WORD;
}

enum allometer_code allometer_sweep_model(const struct allometer_sweep *sweep, uint64_t index,
                                          struct allometer_model *model, struct allometer_axis_value *values,
                                          struct allometer_error *error) {
    struct model_problem problem;
    if (index >= sweep->axes.n_models)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "model %llu, expected one below %llu",
                              (unsigned long long)index, (unsigned long long)sweep->axes.n_models);
    if (!sweep_make_model(sweep, index, model, values, &problem)) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "model %llu of %llu: %s", (unsigned long long)index + 1,
                          (unsigned long long)sweep->axes.n_models, problem.message);
}
