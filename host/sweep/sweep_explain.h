/* From what libcyaml logs to a message that names file, line, key and what was expected. */
#ifndef ALLOMETER_SWEEP_EXPLAIN_H
#define ALLOMETER_SWEEP_EXPLAIN_H

#include "sweep_document.h"

enum { SWEEP_LOG_DEPTH = 8, SWEEP_LOG_NAME = 128 };

struct sweep_log {
    char reason[256];
    char names[SWEEP_LOG_DEPTH][SWEEP_LOG_NAME]; /* keys and indices from the fault outwards */
    int n_names;
};

/* libcyaml's log callback; context: struct sweep_log. */
void sweep_log_take(cyaml_log_t level, void *context, const char *format, va_list arguments);

enum allometer_code sweep_explain(const struct sweep_log *log, cyaml_err_t fault,
                                  const cyaml_schema_value_t *root, const struct sweep_marks *marks,
                                  struct allometer_error *error);

#endif
