#include "sweep_explain.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libcyaml 1.x logs a reason, "Backtrace:", and one line for each key or index from the fault outwards:
       Load: Unexpected key: widht
       Load: Backtrace:
         in mapping (line: 2, column: 10)
         in mapping field 'model' (line: 2, column: 3)
   Its lines are those of the last value taken, so ours come from the marks. */
void sweep_log_take(cyaml_log_t level, void *context, const char *format, va_list arguments) {
    struct sweep_log *log = context;
    char line[512], name[SWEEP_LOG_NAME];
    if (level != CYAML_LOG_ERROR) return;
    vsnprintf(line, sizeof line, format, arguments);
    unsigned entry;
    if (log->n_names < SWEEP_LOG_DEPTH && sscanf(line, " in mapping field '%127[^']'", name) == 1) {
        snprintf(log->names[log->n_names++], SWEEP_LOG_NAME, "%s", name);
    } else if (log->n_names < SWEEP_LOG_DEPTH && sscanf(line, " in sequence entry '%u'", &entry) == 1) {
        /* counted from 1 once the entry is met */
        snprintf(log->names[log->n_names++], SWEEP_LOG_NAME, "%u", entry ? entry - 1 : 0);
    } else if (!*log->reason) {
        const char *reason = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
        snprintf(log->reason, sizeof log->reason, "%.*s", (int)strcspn(reason, "\n"), reason);
    }
}

/* The schema of the value at which the fault was met. */
static const cyaml_schema_value_t *schema_at(const struct sweep_log *log,
                                             const cyaml_schema_value_t *schema) {
    for (int i = log->n_names - 1; i >= 0; i--) {
        if (schema->type == CYAML_SEQUENCE) {
            schema = schema->sequence.entry;
            continue;
        }
        if (schema->type != CYAML_MAPPING) return schema;
        const cyaml_schema_field_t *field = schema->mapping.fields;
        while (field->key && strcmp(field->key, log->names[i]) != 0) field++;
        if (!field->key) return schema;
        schema = &field->value;
    }
    return schema;
}

static void path_of(const struct sweep_log *log, char *path, size_t size) {
    *path = '\0';
    for (int i = log->n_names - 1; i >= 0; i--) {
        size_t length = strlen(path);
        snprintf(path + length, size - length, "%s%s", length ? "." : "", log->names[i]);
    }
}

static void expectation(const cyaml_schema_value_t *schema, const char *path, char *text, size_t size) {
    if (schema->type == CYAML_MAPPING) {
        int n = snprintf(text, size, "keys such as %s", schema->mapping.fields[0].key);
        for (int i = 1; i < 4 && schema->mapping.fields[i].key && n > 0 && (size_t)n < size; i++)
            n += snprintf(text + n, size - (size_t)n, ", %s", schema->mapping.fields[i].key);
        return;
    }
    const struct allometer_sweep_key *key = sweep_key_find(path);
    if (key)
        sweep_key_expectation(key, text, size);
    else
        snprintf(text, size, schema->type == CYAML_SEQUENCE ? "a list" : "a single value");
}

/* The first axis whose path ends with the name, or NULL. */
static const char *axis_that_ends_with(const char *name, const cyaml_schema_value_t *axes) {
    for (const cyaml_schema_field_t *field = axes->mapping.fields; field->key; field++) {
        const char *dot = strrchr(field->key, '.');
        if (dot && strcmp(dot + 1, name) == 0) return field->key;
    }
    return NULL;
}

static enum allometer_code explain_unknown(const char *section, const char *name,
                                           const cyaml_schema_value_t *schema,
                                           const struct sweep_marks *marks, struct allometer_error *error) {
    char path[SWEEP_LOG_DEPTH * SWEEP_LOG_NAME + 256], expected[512];
    snprintf(path, sizeof path, "%s%s%s", section, *section ? "." : "", name);
    struct text_nearest nearest = {.word = name};
    for (const cyaml_schema_field_t *field = schema->mapping.fields;
         schema->type == CYAML_MAPPING && field->key; field++)
        text_nearest_offer(&nearest, field->key);
    if (!nearest.best && strcmp(section, "axes") == 0) nearest.best = axis_that_ends_with(name, schema);
    if (nearest.best)
        return sweep_marks_fail(marks, path, error, "unknown key '%.200s', did you mean '%s'?", path,
                                nearest.best);
    expectation(schema, section, expected, sizeof expected);
    return sweep_marks_fail(marks, path, error, "unknown key '%.200s', expected %s", path, expected);
}

static enum allometer_code explain_twice(const char *path, const struct sweep_marks *marks,
                                         struct allometer_error *error) {
    const struct sweep_mark *first = sweep_marks_find(marks, path), *last = first;
    for (size_t i = 0; i < marks->n_marks; i++)
        if (strcmp(marks->marks[i].path, path) == 0) last = &marks->marks[i];
    return allometer_fail(error, ALLOMETER_BAD_INPUT,
                          "%s:%d: '%s' is given twice, first on line %d, expected once", marks->file,
                          last ? last->line : 1, path, first ? first->line : 1);
}

enum allometer_code sweep_explain(const struct sweep_log *log, cyaml_err_t fault,
                                  const cyaml_schema_value_t *root, const struct sweep_marks *marks,
                                  struct allometer_error *error) {
    static const char unknown[] = "Unexpected key: ", twice[] = "Mapping field already seen";
    char path[SWEEP_LOG_DEPTH * SWEEP_LOG_NAME], expected[512];
    /* The marks were read: it is YAML. */
    if (fault == CYAML_ERR_OOM || fault == CYAML_ERR_LIBYAML_PARSER || fault == CYAML_ERR_LIBYAML_PARSER_INIT)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    const cyaml_schema_value_t *schema = schema_at(log, root);
    path_of(log, path, sizeof path);
    if (fault == CYAML_ERR_INVALID_KEY && strncmp(log->reason, unknown, sizeof unknown - 1) == 0)
        return explain_unknown(path, log->reason + sizeof unknown - 1, schema, marks, error);
    if (strncmp(log->reason, twice, sizeof twice - 1) == 0) return explain_twice(path, marks, error);
    const struct sweep_mark *mark = sweep_marks_find(marks, path);
    if (fault != CYAML_ERR_INVALID_VALUE || !mark)
        return sweep_marks_fail(marks, path, error, "'%s': %s", path,
                                *log->reason ? log->reason : cyaml_strerror(fault));
    expectation(schema, path, expected, sizeof expected);
    const char *what = *path ? path : "the file";
    if (mark->kind == SWEEP_SCALAR && *mark->text)
        return sweep_marks_fail(marks, path, error, "%s is '%.100s', expected %s", what, mark->text,
                                expected);
    return sweep_marks_fail(marks, path, error, "%s %s, expected %s", what,
                            mark->kind == SWEEP_LIST      ? "is a list"
                            : mark->kind == SWEEP_MAPPING ? "holds keys"
                                                          : "is empty",
                            expected);
}
