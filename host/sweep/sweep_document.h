/* A sweep file as text: what libcyaml found under each key, in the shape of the schema that the table of keys
   makes. Nothing is converted or checked against ranges here. */
#ifndef ALLOMETER_SWEEP_DOCUMENT_H
#define ALLOMETER_SWEEP_DOCUMENT_H

#include "sweep_keys.h"
#include "sweep_marks.h"

#include <cyaml/cyaml.h>

/* One axis as it is written. A list without entries has a count of 0, as if it were absent: the marks know. */
struct sweep_axis_text {
    char **values, **linear, **log;
    unsigned values_count, linear_count, log_count;
    char *count, *start;
};

/* What may be swept over: a key and, for a subtask's key, which subtask's. */
struct sweep_axis_slot {
    const struct allometer_sweep_key *key;
    int subtask;
    char path[SWEEP_PATH_SIZE];
    const struct sweep_axis_text *text; /* NULL where the file does not sweep over it */
};

/* Every member of a document is one slot, which the schema addresses by its index. */
union sweep_slot {
    char *text;
    struct sweep_axis_text *axis;
    union sweep_slot *subtasks;
    unsigned count;
};

/* One subtask: an entry of the list of subtasks, or a stage of an entry that is a series. Subtasks are counted through all
   stages. */
struct sweep_stage {
    const union sweep_slot *keys;  /* by the index in the table of keys */
    const union sweep_slot *entry; /* the same of the entry, where it is a series; else NULL */
    unsigned entry_index, stage, n_stages;
};

struct sweep_document {
    union sweep_slot *slots;
    struct sweep_stage *stages;
    unsigned n_stages;
    struct sweep_axis_slot *axes; /* all n_axes that there can be */
    size_t n_axes;
    cyaml_schema_value_t root, subtask, stage;
    cyaml_schema_field_t *fields; /* of every mapping */
};

/* sweep_document_free either way. */
enum allometer_code sweep_document_load(const char *bytes, size_t n_bytes, const struct sweep_marks *marks,
                                        struct sweep_document *document, struct allometer_error *error);
/* Names every mark of a subtask by its number, as messages do from here on. */
enum allometer_code sweep_document_number(const struct sweep_document *document, struct sweep_marks *marks,
                                          struct allometer_error *error);
void sweep_document_free(struct sweep_document *document);

/* sweep_series.c: the stages, from the slots of n_entries entries: of each one for every key, then its series and their number. */
enum allometer_code sweep_document_flatten(struct sweep_document *document, const union sweep_slot *entries,
                                           unsigned n_entries, const struct sweep_marks *marks,
                                           struct allometer_error *error);

/* The text under a key, or NULL if the file does not set it. */
const char *sweep_document_text(const struct sweep_document *document, const struct allometer_sweep_key *key,
                                int subtask);

#endif
