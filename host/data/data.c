#include "data.h"
#include "array.h"
#include "file_bytes.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_ROWS = 1 << 17, WORD_SIZE = 64 };

/* A file as read: a table, or else an array. */
struct file {
    char path[1024];
    struct allometer_table *table;
    struct allometer_array array;
    struct allometer_error *error;
};

static int is_none(const char *text) {
    return strcmp(text, "none") == 0;
}

static size_t n_rows(const struct file *file) {
    return file->table ? file->table->n_rows : (size_t)file->array.n_rows;
}

static size_t n_columns(const struct file *file) {
    return file->table ? file->table->n_columns : (size_t)file->array.n_columns;
}

static enum allometer_code file_read(struct file *file, const char *folder, const char *path,
                                     struct allometer_error *error) {
    char *bytes = NULL;
    size_t length = 0;
    *file = (struct file){.error = error};
    snprintf(file->path, sizeof file->path, "%s%s%s", *path == '/' ? "" : folder, *path == '/' ? "" : "/",
             path);
    struct stat status;
    if (stat(file->path, &status) == 0 && !S_ISREG(status.st_mode))
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: is no file, expected CSV, .npy or IDX",
                              file->path);
    enum allometer_code code = file_bytes_read(file->path, &bytes, &length, error);
    if (code) return code;
    if (allometer_array_is_one(bytes, length))
        code = allometer_array_parse(bytes, length, file->path, &file->array, error);
    else
        code = allometer_table_parse_csv(bytes, length, file->path, &file->table, error);
    free(bytes);
    if (code) return code;
    if (n_rows(file) < 2 || n_rows(file) > MOST_ROWS)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %zu rows, expected 2 to %d", file->path,
                              n_rows(file), MOST_ROWS);
    return ALLOMETER_OK;
}

static void file_close(struct file *file) {
    allometer_table_free(file->table);
    allometer_array_free(&file->array);
}

static enum allometer_code find_column(const struct file *file, const char *name, size_t *column) {
    double number;
    if (file->table) return allometer_table_find(file->table, name, column, file->error);
    if (!text_to_double(name, &number) || number != floor(number) || number < 0
        || number >= (double)n_columns(file))
        return allometer_fail(file->error, ALLOMETER_BAD_INPUT,
                              "%s: column '%s', expected a number from 0 to %zu", file->path, name,
                              n_columns(file) - 1);
    *column = (size_t)number;
    return ALLOMETER_OK;
}

static double number_at(const struct file *file, size_t row, size_t column) {
    return file->table ? file->table->columns[column].numbers[row]
                       : (double)file->array.values[row * n_columns(file) + column];
}

/* "FILE:LINE: column 'NAME'" or "FILE: row ROW, column COLUMN". */
static enum allometer_code refuse_cell(const struct file *file, size_t row, size_t column,
                                       const char *expected) {
    char buffer[ALLOMETER_NUMBER_LENGTH];
    if (file->table) {
        const struct allometer_column *own = &file->table->columns[column];
        const char *text = own->texts ? own->texts[row] : ""; /* as it stands there: `NA` is not empty */
        if (!*text) text = allometer_table_text(file->table, column, row, buffer);
        return allometer_fail(file->error, ALLOMETER_BAD_INPUT, "%s:%zu: column '%s' is '%.60s', expected %s",
                              file->path, file->table->lines[row], own->name, text, expected);
    }
    return allometer_fail(file->error, ALLOMETER_BAD_INPUT, "%s: row %zu, column %zu is %g, expected %s",
                          file->path, row, column, number_at(file, row, column), expected);
}

static enum allometer_code take_column(const struct file *file, size_t column, size_t stride, float *values) {
    for (size_t row = 0; row < n_rows(file); row++) {
        values[row * stride] = (float)number_at(file, row, column);
        if (!isfinite(values[row * stride])) return refuse_cell(file, row, column, "a finite number");
    }
    return ALLOMETER_OK;
}

/* ---- which columns ------------------------------------------------------------------------------------------------ */

struct columns {
    size_t target, subtask; /* SIZE_MAX: none */
    size_t *inputs, n_inputs;
};

static enum allometer_code add_input(const struct file *file, struct columns *columns, size_t column) {
    if (columns->n_inputs == ALLOMETER_MAX_GENERAL_INPUTS || columns->n_inputs == n_columns(file))
        return allometer_fail(file->error, ALLOMETER_BAD_INPUT,
                              "%s: more than %zu inputs, expected each column once", file->path,
                              columns->n_inputs);
    columns->inputs[columns->n_inputs++] = column;
    return ALLOMETER_OK;
}

/* One of the list's names: neither the target, which would be told, nor a column that is there already. */
static enum allometer_code add_named(const struct file *file, const char *name, struct columns *columns) {
    size_t column;
    enum allometer_code code = find_column(file, name, &column);
    if (code) return code;
    if (column == columns->target)
        return allometer_fail(file->error, ALLOMETER_BAD_INPUT,
                              "%s: column '%s' is an input and the target, expected one of the two",
                              file->path, name);
    for (size_t i = 0; i < columns->n_inputs; i++)
        if (columns->inputs[i] == column)
            return allometer_fail(file->error, ALLOMETER_BAD_INPUT,
                                  "%s: column '%s' is among the inputs twice, expected once", file->path,
                                  name);
    return add_input(file, columns, column);
}

static enum allometer_code list_inputs(const struct file *file, const char *names, struct columns *columns) {
    enum allometer_code code = ALLOMETER_OK;
    if (strcmp(names, "others") == 0) {
        for (size_t c = 0; c < n_columns(file) && !code; c++)
            if (c != columns->target && c != columns->subtask) code = add_input(file, columns, c);
    } else {
        while (!code && *names) {
            const size_t length = strcspn(names, ","), begin = strspn(names, " ");
            size_t end = length;
            while (end > begin && names[end - 1] == ' ') end--;
            char *name = strndup(names + begin, end - begin);
            code = name ? add_named(file, name, columns)
                        : allometer_fail(file->error, ALLOMETER_FAILED, "%s: out of memory", file->path);
            free(name);
            names += length + (names[length] == ',');
        }
    }
    if (!code && columns->n_inputs == 0)
        code = allometer_fail(file->error, ALLOMETER_BAD_INPUT, "%s: no column is left for the inputs",
                              file->path);
    return code;
}

static enum allometer_code choose_columns(const struct file *file, const struct data_source *source,
                                          struct columns *columns) {
    enum allometer_code code = ALLOMETER_OK;
    *columns = (struct columns){.target = SIZE_MAX, .subtask = SIZE_MAX};
    columns->inputs = calloc(n_columns(file), sizeof *columns->inputs);
    if (!columns->inputs)
        return allometer_fail(file->error, ALLOMETER_FAILED, "%s: out of memory", file->path);
    if (is_none(source->target_file)) {
        columns->target = n_columns(file) - 1;
        if (strcmp(source->target, "last") != 0) code = find_column(file, source->target, &columns->target);
    }
    if (!code && !is_none(source->subtask_column))
        code = find_column(file, source->subtask_column, &columns->subtask);
    if (!code && columns->subtask == columns->target && columns->target != SIZE_MAX)
        code = allometer_fail(file->error, ALLOMETER_BAD_INPUT,
                              "%s: column '%s' tells the subtask and is the target, expected another target",
                              file->path, source->subtask_column);
    return code ? code : list_inputs(file, source->inputs, columns);
}

/* ---- what they hold ------------------------------------------------------------------------------------------------ */

static enum allometer_code read_targets(const struct file *file, size_t column, int32_t n_classes,
                                        float *targets) {
    enum allometer_code code = take_column(file, column, 1, targets);
    char expected[64];
    snprintf(expected, sizeof expected, "a class from 0 to %d", n_classes - 1);
    for (size_t row = 0; row < n_rows(file) && !code && n_classes; row++)
        if (targets[row] != floorf(targets[row]) || targets[row] < 0 || targets[row] >= (float)n_classes)
            code = refuse_cell(file, row, column, expected);
    return code;
}

/* A value that tells a subtask: a number, or a word where it is none. */
struct kind {
    double number;
    char word[WORD_SIZE];
};

static int kind_order(const void *a, const void *b) {
    const struct kind *one = a, *two = b;
    const int words = (*one->word != 0) - (*two->word != 0);
    if (words) return words;
    if (*one->word) return strcmp(one->word, two->word);
    return (one->number > two->number) - (one->number < two->number);
}

static struct kind kind_at(const struct file *file, size_t row, size_t column) {
    struct kind kind = {.number = number_at(file, row, column)};
    char buffer[ALLOMETER_NUMBER_LENGTH];
    if (isnan(kind.number))
        snprintf(kind.word, sizeof kind.word, "%s", allometer_table_text(file->table, column, row, buffer));
    return kind;
}

/* The kinds as text, one after another, behind pointers to each (n). */
static char **name_kinds(const struct kind *kinds, size_t n) {
    char **names = malloc(n * (sizeof *names + WORD_SIZE));
    for (size_t k = 0; k < n && names; k++) {
        names[k] = (char *)(names + n) + k * WORD_SIZE;
        if (*kinds[k].word)
            memcpy(names[k], kinds[k].word, WORD_SIZE);
        else
            text_from_double(names[k], kinds[k].number);
    }
    return names;
}

static enum allometer_code read_subtasks(const struct file *file, size_t column, struct data *data,
                                         int32_t *subtasks) {
    struct kind kinds[ALLOMETER_MAX_SUBTASKS];
    data->n_subtasks = 0;
    for (int pass = 0; pass < 2; pass++) { /* the values there are, then each row's */
        for (size_t row = 0; row < n_rows(file); row++) {
            struct kind kind = kind_at(file, row, column);
            if (isnan(kind.number) && !*kind.word) return refuse_cell(file, row, column, "a subtask");
            if (strlen(kind.word) == WORD_SIZE - 1)
                return refuse_cell(file, row, column, "the name of a subtask, of 62 characters at most");
            const struct kind *known = NULL;
            if (pass)
                known = bsearch(&kind, kinds, (size_t)data->n_subtasks, sizeof kind, kind_order);
            else
                for (int32_t k = 0; k < data->n_subtasks && !known; k++)
                    if (kind_order(&kinds[k], &kind) == 0) known = &kinds[k];
            if (known) {
                subtasks[row] = (int32_t)(known - kinds);
                continue;
            }
            if (data->n_subtasks == ALLOMETER_MAX_SUBTASKS)
                return refuse_cell(file, row, column, "one of the 256 subtasks above, the most there can be");
            kinds[data->n_subtasks++] = kind;
        }
        if (!pass) qsort(kinds, (size_t)data->n_subtasks, sizeof *kinds, kind_order);
    }
    char **names = name_kinds(kinds, (size_t)data->n_subtasks);
    if (!names) return allometer_fail(file->error, ALLOMETER_FAILED, "%s: out of memory", file->path);
    data->rows.names = (const char *const *)names;
    return ALLOMETER_OK;
}

/* By how much a cell differs from the first one, and that from the mean of such gaps: 0 throughout a constant column. */
static double off_mean(const struct file *file, size_t row, size_t column, double mean_gap) {
    return number_at(file, row, column) - number_at(file, 0, column) - mean_gap;
}

/* As take_column, to mean 0 and deviation 1, a constant column to 0; from the file's own numbers: of times or years single
   precision leaves few digits beside what all have in common. */
static enum allometer_code take_standardized(const struct file *file, size_t column, size_t stride,
                                             float *values) {
    const size_t n = n_rows(file);
    double mean = 0, widest = 0, square = 0;
    const enum allometer_code code = take_column(file, column, stride, values);
    if (code) return code;
    for (size_t row = 0; row < n; row++) mean += off_mean(file, row, column, 0) / (double)n;
    for (size_t row = 0; row < n; row++) widest = fmax(widest, fabs(off_mean(file, row, column, mean)));
    for (size_t row = 0; row < n && widest > 0; row++) {
        const double share = off_mean(file, row, column, mean) / widest; /* whose square does not underflow */
        square += share * share / (double)n;
    }
    for (size_t row = 0; row < n; row++)
        values[row * stride] =
            widest > 0 ? (float)(off_mean(file, row, column, mean) / widest / sqrt(square)) : 0;
    return ALLOMETER_OK;
}

static uint64_t add_checksum(uint64_t sum, const void *bytes, size_t n) { /* FNV-1a */
    for (size_t i = 0; i < n; i++) sum = (sum ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return sum;
}

static enum allometer_code fill(const struct file *file, const struct file *target_file,
                                const struct data_source *source, const struct columns *columns,
                                struct data *data) {
    const size_t N = n_rows(file), D = columns->n_inputs;
    float *inputs = malloc(N * D * sizeof *inputs), *targets = malloc(N * sizeof *targets);
    int32_t *subtasks = calloc(N, sizeof *subtasks);
    *data = (struct data){{(int32_t)N, (int32_t)D, source->n_classes, inputs, targets, subtasks, NULL}, 1, 0};
    if (!inputs || !targets || !subtasks)
        return allometer_fail(file->error, ALLOMETER_FAILED, "%s: out of memory", file->path);
    enum allometer_code code = ALLOMETER_OK;
    for (size_t d = 0; d < D && !code; d++) {
        code = source->is_standardized ? take_standardized(file, columns->inputs[d], D, inputs + d)
                                       : take_column(file, columns->inputs[d], D, inputs + d);
    }
    size_t target = target_file ? n_columns(target_file) - 1 : columns->target;
    if (!code && target_file && strcmp(source->target, "last") != 0)
        code = find_column(target_file, source->target, &target);
    if (!code) code = read_targets(target_file ? target_file : file, target, source->n_classes, targets);
    if (!code && columns->subtask != SIZE_MAX) code = read_subtasks(file, columns->subtask, data, subtasks);
    if (code) return code;
    data->checksum = add_checksum(0xcbf29ce484222325u, inputs, N * D * sizeof *inputs);
    data->checksum = add_checksum(data->checksum, targets, N * sizeof *targets);
    data->checksum = add_checksum(data->checksum, subtasks, N * sizeof *subtasks);
    for (int32_t k = 0; k < data->n_subtasks && data->rows.names; k++)
        data->checksum = add_checksum(data->checksum, data->rows.names[k], strlen(data->rows.names[k]));
    return ALLOMETER_OK;
}

enum allometer_code data_read(const struct data_source *source, const char *folder, struct data **data,
                              struct allometer_error *error) {
    struct file file, target_file = {0};
    struct columns columns = {.inputs = NULL};
    const int has_two = !is_none(source->target_file);
    *data = NULL;
    enum allometer_code code = file_read(&file, folder, source->file, error);
    if (!code && has_two) code = file_read(&target_file, folder, source->target_file, error);
    if (!code && has_two && n_rows(&target_file) != n_rows(&file))
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %zu rows, expected as many as in %s: %zu",
                              target_file.path, n_rows(&target_file), file.path, n_rows(&file));
    if (!code) code = choose_columns(&file, source, &columns);
    if (!code) {
        *data = calloc(1, sizeof **data);
        code = *data ? fill(&file, has_two ? &target_file : NULL, source, &columns, *data)
                     : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", file.path);
    }
    free(columns.inputs);
    file_close(&file);
    file_close(&target_file);
    if (!code) return ALLOMETER_OK;
    data_free(*data);
    *data = NULL;
    return code;
}

void data_free(struct data *data) {
    if (!data) return;
    free((void *)data->rows.inputs);
    free((void *)data->rows.targets);
    free((void *)data->rows.subtasks);
    free((void *)data->rows.names);
    free(data);
}
