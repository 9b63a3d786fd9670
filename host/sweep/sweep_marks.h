/* Where each key of a YAML document stands, in the document's order: for messages, and for what depends on order. */
#ifndef ALLOMETER_SWEEP_MARKS_H
#define ALLOMETER_SWEEP_MARKS_H

#include "backend.h"

enum sweep_mark_kind { SWEEP_SCALAR, SWEEP_LIST, SWEEP_MAPPING };

struct sweep_mark {
    char *path; /* "model.width", "axes.task.scale.log.0" */
    char *text; /* of a scalar, else NULL */
    enum sweep_mark_kind kind;
    int line;
};

struct sweep_marks {
    const char *file; /* for messages */
    struct sweep_mark *marks;
    size_t n_marks, n_allocated;
};

/* Walks the document once. Refuses what the schema need not meet: text that is not UTF-8, faulty YAML, anchors
   and aliases, several documents, keys that are not words, nesting deeper than any sweep. sweep_marks_free either
   way. */
enum allometer_code sweep_marks_read(const char *file, const char *bytes, size_t n_bytes,
                                     struct sweep_marks *marks, struct allometer_error *error);
void sweep_marks_free(struct sweep_marks *marks);

/* The first mark of that path, or NULL. */
const struct sweep_mark *sweep_marks_find(const struct sweep_marks *marks, const char *path);
/* BAD_INPUT "file:line: message", the line that of the path or of the nearest key around it. */
enum allometer_code sweep_marks_fail(const struct sweep_marks *marks, const char *path,
                                     struct allometer_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
