#include "sweep_marks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEEPEST = 16, PATH_SIZE = 512 };

/* An open list or mapping of the document. */
struct level {
    enum sweep_mark_kind kind;
    size_t path_length; /* of its own path */
    size_t n_items;
    int key_line;
    int has_key; /* of a mapping: the next scalar is a value */
};

struct walk {
    struct sweep_marks *marks;
    const char *bytes;
    size_t n_bytes;
    struct level levels[DEEPEST];
    size_t depth, n_documents;
    char path[PATH_SIZE];
};

static int line_of(const yaml_event_t *event) {
    return (int)event->start_mark.line + 1;
}

static enum allometer_code refuse(const struct walk *walk, int line, const char *what,
                                  struct allometer_error *error) {
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:%d: %s", walk->marks->file, line, what);
}

static enum allometer_code add_mark(struct walk *walk, enum sweep_mark_kind kind, const char *text, int line,
                                    struct allometer_error *error) {
    struct sweep_marks *marks = walk->marks;
    if (marks->n_marks == marks->n_allocated) {
        size_t n = marks->n_allocated ? 2 * marks->n_allocated : 64;
        struct sweep_mark *grown = realloc(marks->marks, n * sizeof *grown);
        if (!grown) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
        marks->marks = grown;
        marks->n_allocated = n;
    }
    struct sweep_mark mark = {strdup(walk->path), text ? strdup(text) : NULL, kind, line};
    marks->marks[marks->n_marks++] = mark;
    if (!mark.path || (text && !mark.text))
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    return ALLOMETER_OK;
}

/* Appends a key or an index to the path of the innermost level. */
static enum allometer_code enter_child(struct walk *walk, const char *name, int line,
                                       struct allometer_error *error) {
    size_t length = walk->levels[walk->depth - 1].path_length;
    int n = snprintf(walk->path + length, PATH_SIZE - length, "%s%s", length ? "." : "", name);
    if (n < 0 || (size_t)n >= PATH_SIZE - length)
        return refuse(walk, line, "a key of hundreds of letters, expected a shorter one", error);
    return ALLOMETER_OK;
}

/* Before a value: its path is complete and its line known. */
static enum allometer_code begin_value(struct walk *walk, const yaml_event_t *event, int *line,
                                       struct allometer_error *error) {
    *line = line_of(event);
    if (walk->depth == 0) return ALLOMETER_OK;
    struct level *level = &walk->levels[walk->depth - 1];
    if (level->kind == SWEEP_LIST) {
        char index[24];
        snprintf(index, sizeof index, "%zu", level->n_items++);
        return enter_child(walk, index, *line, error);
    }
    if (!level->has_key) return refuse(walk, *line, "a list or mapping as a key, expected a word", error);
    level->has_key = 0;
    *line = level->key_line;
    return ALLOMETER_OK;
}

static enum allometer_code take_scalar(struct walk *walk, const yaml_event_t *event,
                                       struct allometer_error *error) {
    const char *text = (const char *)event->data.scalar.value;
    int line = line_of(event);
    if (event->data.scalar.anchor) return refuse(walk, line, "an anchor (&), expected plain values", error);
    if (strlen(text) != event->data.scalar.length)
        return refuse(walk, line, "a zero byte inside a text", error);
    struct level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;
    if (level && level->kind == SWEEP_MAPPING && !level->has_key) {
        level->has_key = 1;
        level->key_line = line;
        return enter_child(walk, text, line, error);
    }
    enum allometer_code code = begin_value(walk, event, &line, error);
    return code ? code : add_mark(walk, SWEEP_SCALAR, text, line, error);
}

static enum allometer_code open_level(struct walk *walk, const yaml_event_t *event, enum sweep_mark_kind kind,
                                      struct allometer_error *error) {
    int line;
    const yaml_char_t *anchor =
        kind == SWEEP_LIST ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    if (anchor) return refuse(walk, line_of(event), "an anchor (&), expected plain values", error);
    if (walk->depth == DEEPEST)
        return refuse(walk, line_of(event), "nested deeper than any sweep file", error);
    enum allometer_code code = begin_value(walk, event, &line, error);
    if (!code) code = add_mark(walk, kind, NULL, line, error);
    if (code) return code;
    walk->levels[walk->depth++] = (struct level){.kind = kind, .path_length = strlen(walk->path)};
    return ALLOMETER_OK;
}

static enum allometer_code close_level(struct walk *walk) {
    walk->depth--;
    if (walk->depth) walk->path[walk->levels[walk->depth - 1].path_length] = '\0';
    return ALLOMETER_OK;
}

static enum allometer_code take_event(struct walk *walk, const yaml_event_t *event,
                                      struct allometer_error *error) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(walk, event, error);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(walk, event, SWEEP_LIST, error);
    case YAML_MAPPING_START_EVENT:
        return open_level(walk, event, SWEEP_MAPPING, error);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_level(walk);
    case YAML_ALIAS_EVENT:
        return refuse(walk, line_of(event), "an alias (*), expected plain values", error);
    case YAML_DOCUMENT_START_EVENT:
        if (walk->n_documents++ == 0) return ALLOMETER_OK;
        return refuse(walk, line_of(event), "a second document, expected one sweep in a file", error);
    default:
        return ALLOMETER_OK;
    }
}

/* What libyaml says, with a word more where the cause is a tab or the encoding. */
static enum allometer_code explain(const struct walk *walk, const yaml_parser_t *parser,
                                   struct allometer_error *error) {
    if (parser->error == YAML_MEMORY_ERROR)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", walk->marks->file);
    size_t line = parser->problem_mark.line;
    const char *start = walk->bytes, *end = walk->bytes + walk->n_bytes;
    if (parser->error == YAML_READER_ERROR) {
        line = 0;
        for (const char *c = start; c < end && (size_t)(c - start) < parser->problem_offset; c++)
            line += *c == '\n';
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:%zu: %s, expected text in UTF-8",
                              walk->marks->file, line + 1, parser->problem);
    }
    for (size_t i = 0; start && i < line; i++) {
        start = memchr(start, '\n', (size_t)(end - start));
        if (start) start++;
    }
    while (start && start < end && *start == ' ') start++;
    int tab = start && start < end && *start == '\t';
    char context[128] = "";
    if (parser->context)
        snprintf(context, sizeof context, " %s that begins on line %zu", parser->context,
                 parser->context_mark.line + 1);
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:%zu: %s%s%s", walk->marks->file, line + 1,
                          parser->problem ? parser->problem : "not YAML", context,
                          tab ? " (a tab: indent with spaces)" : "");
}

enum allometer_code sweep_marks_read(const char *file, const char *bytes, size_t n_bytes,
                                     struct sweep_marks *marks, struct allometer_error *error) {
    *marks = (struct sweep_marks){.file = file};
    struct walk walk = {.marks = marks, .bytes = bytes, .n_bytes = n_bytes};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", file);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, n_bytes);
    enum allometer_code code = ALLOMETER_OK;
    int done = 0;
    while (!code && !done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            code = explain(&walk, &parser, error);
            break;
        }
        code = take_event(&walk, &event, error);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return code;
}

void sweep_marks_free(struct sweep_marks *marks) {
    for (size_t i = 0; i < marks->n_marks; i++) {
        free(marks->marks[i].path);
        free(marks->marks[i].text);
    }
    free(marks->marks);
    *marks = (struct sweep_marks){0};
}

const struct sweep_mark *sweep_marks_find(const struct sweep_marks *marks, const char *path) {
    for (size_t i = 0; i < marks->n_marks; i++)
        if (strcmp(marks->marks[i].path, path) == 0) return &marks->marks[i];
    return NULL;
}

enum allometer_code sweep_marks_fail(const struct sweep_marks *marks, const char *path,
                                     struct allometer_error *error, const char *format, ...) {
    char message[sizeof error->message], around[PATH_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(around, sizeof around, "%s", path);
    const struct sweep_mark *mark = sweep_marks_find(marks, around);
    while (!mark && *around) {
        char *dot = strrchr(around, '.');
        *(dot ? dot : around) = '\0';
        mark = sweep_marks_find(marks, around);
    }
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:%d: %s", marks->file, mark ? mark->line : 1,
                          message);
}
