#include "sweep_document.h"
#include "sweep_explain.h"

#include <stdlib.h>
#include <string.h>

/* Slots: the list of subtasks, its length, then one for each key, then one for each axis. In a subtask: one for
   each key, by the index in the whole table, then the list of its stages and its length. */
enum { SLOT_SUBTASKS, SLOT_N_SUBTASKS, SLOT_KEYS };

static const char *const sections[] = {"",          "task",           "task.inputs", "task.subtasks.N",
                                       "model",     "train",          "penalty",     "measure",
                                       "task.data", "task.subtasks.N"};
enum {
    N_SECTIONS = sizeof sections / sizeof sections[0],
    SUBTASK_SECTION = 3,
    STAGE_SECTION = N_SECTIONS - 1
};

#define FIELD_FLAGS (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t axis_fields[] = {
    CYAML_FIELD_SEQUENCE("values", FIELD_FLAGS, struct sweep_axis_text, values, &text_schema, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("linear", FIELD_FLAGS, struct sweep_axis_text, linear, &text_schema, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("log", FIELD_FLAGS, struct sweep_axis_text, log, &text_schema, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("count", FIELD_FLAGS, struct sweep_axis_text, count, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("start", FIELD_FLAGS, struct sweep_axis_text, start, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static int is_child(const char *path, const char *section) {
    size_t length = strlen(section);
    const char *dot = strrchr(path, '.');
    size_t parent = dot ? (size_t)(dot - path) : 0;
    return *path && parent == length && strncmp(path, section, length) == 0;
}

static uint32_t slot_offset(size_t slot) {
    return (uint32_t)(slot * sizeof(union sweep_slot));
}

static cyaml_schema_value_t mapping(enum cyaml_flag flags, const cyaml_schema_field_t *fields,
                                    size_t n_slots) {
    return (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                  .flags = flags,
                                  .data_size = slot_offset(n_slots),
                                  .mapping = {.fields = fields}};
}

/* A list of mappings; its length is in the slot after its own. */
static cyaml_schema_field_t list_field(const char *name, size_t slot, const cyaml_schema_value_t *entry) {
    return (cyaml_schema_field_t){.key = name,
                                  .data_offset = slot_offset(slot),
                                  .count_offset = slot_offset(slot + 1),
                                  .count_size = sizeof(unsigned),
                                  .value = {.type = CYAML_SEQUENCE,
                                            .flags = FIELD_FLAGS,
                                            .data_size = entry->data_size,
                                            .sequence = {entry, 0, CYAML_UNLIMITED}}};
}

static size_t list_axes(struct sweep_axis_slot *axes) {
    size_t n_axes = 0;
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        int n_subtasks = !key->is_axis ? 0 : sweep_key_of_subtask(key) ? ALLOMETER_MAX_SUBTASKS : 1;
        for (int subtask = 0; subtask < n_subtasks; subtask++, n_axes++) {
            if (!axes) continue;
            axes[n_axes] = (struct sweep_axis_slot){.key = key, .subtask = subtask};
            sweep_key_path(key, subtask, axes[n_axes].path);
        }
    }
    return n_axes;
}

/* fields: N_SECTIONS rows of n_fields each, then the axes' row. */
static void make_schema(struct sweep_document *document, size_t n_fields) {
    size_t n_slots = SLOT_KEYS + sweep_n_keys + document->n_axes;
    cyaml_schema_field_t *axes = document->fields + N_SECTIONS * n_fields;
    document->root = mapping(CYAML_FLAG_POINTER, document->fields, n_slots);
    document->subtask = mapping(0, document->fields + SUBTASK_SECTION * n_fields, sweep_n_keys + 2);
    document->stage = mapping(0, document->fields + STAGE_SECTION * n_fields, sweep_n_keys);
    for (size_t i = 0; i < document->n_axes; i++)
        axes[i] = (cyaml_schema_field_t){
            .key = document->axes[i].path,
            .data_offset = slot_offset(SLOT_KEYS + sweep_n_keys + i),
            .value = {CYAML_VALUE_MAPPING(FIELD_FLAGS, struct sweep_axis_text, axis_fields)},
        };
    for (size_t s = 0; s < N_SECTIONS; s++) {
        cyaml_schema_field_t *field = document->fields + s * n_fields;
        for (size_t i = 0; i < sweep_n_keys; i++)
            if (is_child(sweep_keys[i].path, sections[s])) {
                size_t slot = s == SUBTASK_SECTION || s == STAGE_SECTION ? i : SLOT_KEYS + i;
                *field++ = (cyaml_schema_field_t){
                    .key = sweep_path_name(sweep_keys[i].path),
                    .data_offset = slot_offset(slot),
                    .value = {CYAML_VALUE_STRING(FIELD_FLAGS, char, 0, CYAML_UNLIMITED)}};
            }
        /* Their keys' slots are the document's own. */
        for (size_t child = 0; child < N_SECTIONS; child++)
            if (is_child(sections[child], sections[s]))
                *field++ = (cyaml_schema_field_t){
                    .key = sweep_path_name(sections[child]),
                    .value = mapping(CYAML_FLAG_OPTIONAL, document->fields + child * n_fields, n_slots)};
        if (strcmp(sections[s], "task") == 0)
            *field++ = list_field("subtasks", SLOT_SUBTASKS, &document->subtask);
        if (s == SUBTASK_SECTION) *field++ = list_field("series", sweep_n_keys, &document->stage);
        if (s > 0) continue;
        *field++ =
            (cyaml_schema_field_t){.key = "axes", .value = mapping(CYAML_FLAG_OPTIONAL, axes, n_slots)};
        /* Lists within a list are beyond libcyaml: read from the marks. */
        *field++ = (cyaml_schema_field_t)CYAML_FIELD_IGNORE("zip", CYAML_FLAG_OPTIONAL);
    }
}

static cyaml_config_t configuration(struct sweep_log *log) {
    return (cyaml_config_t){
        .log_fn = log ? sweep_log_take : NULL,
        .log_ctx = log,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

enum allometer_code sweep_document_load(const char *bytes, size_t n_bytes, const struct sweep_marks *marks,
                                        struct sweep_document *document, struct allometer_error *error) {
    size_t n_fields =
        sweep_n_keys + N_SECTIONS + 4; /* of a section: keys, sections, subtasks, axes, zip, the end */
    *document = (struct sweep_document){.n_axes = list_axes(NULL)};
    document->axes = calloc(document->n_axes, sizeof *document->axes);
    document->fields = calloc(N_SECTIONS * n_fields + document->n_axes + 1, sizeof *document->fields);
    if (!document->axes || !document->fields)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    list_axes(document->axes);
    make_schema(document, n_fields);

    struct sweep_log log = {.n_names = 0};
    cyaml_config_t settings = configuration(&log);
    cyaml_err_t fault = cyaml_load_data((const uint8_t *)bytes, n_bytes, &settings, &document->root,
                                        (cyaml_data_t **)&document->slots, NULL);
    if (fault) return sweep_explain(&log, fault, &document->root, marks, error);
    if (!document->slots)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s:1: the file is empty, expected a sweep",
                              marks->file);
    for (size_t i = 0; i < document->n_axes; i++)
        document->axes[i].text = document->slots[SLOT_KEYS + sweep_n_keys + i].axis;
    return sweep_document_flatten(document, document->slots[SLOT_SUBTASKS].subtasks,
                                  document->slots[SLOT_N_SUBTASKS].count, marks, error);
}

void sweep_document_free(struct sweep_document *document) {
    cyaml_config_t settings = configuration(NULL);
    if (document->slots) cyaml_free(&settings, &document->root, document->slots, 0);
    free(document->fields);
    free(document->axes);
    free(document->stages);
    *document = (struct sweep_document){0};
}

const char *sweep_document_text(const struct sweep_document *document, const struct allometer_sweep_key *key,
                                int subtask) {
    size_t i = (size_t)(key - sweep_keys);
    if (!sweep_key_of_subtask(key)) return document->slots[SLOT_KEYS + i].text;
    const struct sweep_stage *stage = &document->stages[subtask];
    const int is_last = stage->stage + 1 == stage->n_stages;
    if (strcmp(key->path, "task.subtasks.N.weight") == 0 && stage->entry)
        return is_last ? stage->entry[i].text : NULL;
    return stage->keys[i].text;
}
