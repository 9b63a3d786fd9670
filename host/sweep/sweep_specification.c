#include "sweep_internal.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void write_number(FILE *file, double value) {
    char text[TEXT_NUMBER_SIZE];
    text_from_double(text, value);
    fputs(text, file);
}

static void write_value(FILE *file, const struct allometer_sweep_key *key, double value) {
    char text[64], *end;
    sweep_key_format(key, value, text, sizeof text);
    int is_truth = key->names == &allometer_truths;
    int is_number = key->kind != ALLOMETER_KEY_WORD && (strtod(text, &end), end != text);
    if (is_truth || is_number)
        fputs(text, file);
    else
        text_write_json(file, text);
}

/* Axes as they were written, not value by value: a million seeds stay one line. */
static void write_axis(FILE *file, const struct sweep_axis *axis) {
    static const char *const forms[] = {"values", "linear", "log", "start"};
    fprintf(file, "{\"%s\": ", forms[axis->form]);
    if (axis->form == SWEEP_AXIS_VALUES) {
        for (uint64_t i = 0; i < axis->n_values; i++) {
            fputs(i ? ", " : "[", file);
            if (axis->key->kind == ALLOMETER_KEY_NUMBER)
                write_number(file, axis->values[i]);
            else
                write_value(file, axis->key, axis->values[i]);
        }
        fputs("]}", file);
        return;
    }
    if (axis->form == SWEEP_AXIS_COUNT) {
        write_number(file, axis->first);
    } else {
        fputc('[', file);
        write_number(file, axis->first);
        fputs(", ", file);
        write_number(file, axis->last);
        fputc(']', file);
    }
    fprintf(file, ", \"count\": %llu}", (unsigned long long)axis->n_written);
}

static void write_keys(FILE *file, const struct allometer_sweep *sweep) {
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        if (key->kind == ALLOMETER_KEY_TEXT)
            continue; /* names change no result; of a file its checksum says all */
        if (!sweep->data && strncmp(key->path, "task.data.", 10) == 0) continue;
        int n_subtasks = sweep_key_of_subtask(key) ? sweep->settings.model.n_subtasks : 1;
        for (int subtask = 0; subtask < n_subtasks; subtask++) {
            char path[SWEEP_PATH_SIZE];
            sweep_key_path(key, subtask, path);
            if (sweep_axes_find(&sweep->axes, path)) continue; /* its axis says all */
            fprintf(file, "\"%s\": ", path);
            write_value(file, key, sweep_key_get(key, subtask, &sweep->settings));
            fputs(",\n ", file);
        }
    }
}

static void write_data(FILE *file, const struct data *data) {
    fprintf(file,
            "\"task.data\": {\"rows\": %d, \"inputs\": %d, \"subtasks\": %d, \"checksum\": \"%016llx\"},\n ",
            data->rows.n_rows, data->rows.n_inputs, data->n_subtasks, (unsigned long long)data->checksum);
}

static void write_groups(FILE *file, const struct sweep_axes *axes) {
    int n_groups = 0;
    for (size_t i = 0; i < axes->n_axes; i++) {
        int n_members = 0;
        for (size_t j = 0; j < axes->n_axes; j++) {
            if (axes->axes[j].group != axes->axes[i].group) continue;
            if (j < i) break; /* written where its first axis stands */
            if (j == i) continue;
            if (n_members++ == 0) fprintf(file, "%s[\"%s\"", n_groups++ ? ", " : "", axes->axes[i].path);
            fprintf(file, ", \"%s\"", axes->axes[j].path);
        }
        if (n_members) fputc(']', file);
    }
}

char *sweep_specification_make(const struct allometer_sweep *sweep) {
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file) return NULL;
    fputc('{', file);
    write_keys(file, sweep);
    if (sweep->data) write_data(file, sweep->data);
    fputs("\"axes\": {", file);
    for (size_t i = 0; i < sweep->axes.n_axes; i++) {
        fprintf(file, "%s\"%s\": ", i ? ",\n  " : "", sweep->axes.axes[i].path);
        write_axis(file, &sweep->axes.axes[i]);
    }
    fputs("},\n \"zip\": [", file);
    write_groups(file, &sweep->axes);
    fputs("]}\n", file);
    int failed = ferror(file);
    if (fclose(file) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
