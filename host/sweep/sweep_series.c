#define _GNU_SOURCE /* asprintf */
#include "sweep_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys that may not stand where they do: beside `series` all but weight, and weight within it. */
static enum allometer_code check_entry(const union sweep_slot *keys, int is_stage, const char *place,
                                       const struct sweep_marks *marks, struct allometer_error *error) {
    for (size_t i = 0; i < sweep_n_keys; i++) {
        if (!sweep_key_of_subtask(&sweep_keys[i]) || !keys[i].text) continue;
        const char *name = sweep_path_name(sweep_keys[i].path);
        char path[128];
        snprintf(path, sizeof path, "%s.%s", place, name);
        if (is_stage && strcmp(name, "weight") == 0)
            return sweep_marks_fail(marks, path, error, "%s stands within a series, expected beside it",
                                    path);
        if (!is_stage && strcmp(name, "weight") != 0)
            return sweep_marks_fail(marks, path, error,
                                    "%s stands beside a series, expected there: weight alone", path);
    }
    return ALLOMETER_OK;
}

static enum allometer_code add_series(struct sweep_document *document, const union sweep_slot *entry,
                                      unsigned e, const struct sweep_marks *marks,
                                      struct allometer_error *error) {
    const union sweep_slot *stages = entry[sweep_n_keys].subtasks;
    unsigned n_stages = entry[sweep_n_keys + 1].count;
    char place[64];
    snprintf(place, sizeof place, "task.subtasks.%u", e);
    enum allometer_code code = check_entry(entry, 0, place, marks, error);
    for (unsigned s = 0; s < n_stages && !code; s++) {
        snprintf(place, sizeof place, "task.subtasks.%u.series.%u", e, s);
        code = check_entry(&stages[s * sweep_n_keys], 1, place, marks, error);
        document->stages[document->n_stages++] =
            (struct sweep_stage){&stages[s * sweep_n_keys], entry, e, s, n_stages};
    }
    return code;
}

enum allometer_code sweep_document_flatten(struct sweep_document *document, const union sweep_slot *entries,
                                           unsigned n_entries, const struct sweep_marks *marks,
                                           struct allometer_error *error) {
    size_t n_slots = sweep_n_keys + 2, n_stages = 0;
    for (unsigned e = 0; e < n_entries; e++) n_stages += 1 + entries[e * n_slots + sweep_n_keys + 1].count;
    document->stages = calloc(n_stages + 1, sizeof *document->stages);
    if (!document->stages) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
    enum allometer_code code = ALLOMETER_OK;
    for (unsigned e = 0; e < n_entries && !code; e++) {
        const union sweep_slot *entry = &entries[e * n_slots];
        char path[64];
        snprintf(path, sizeof path, "task.subtasks.%u.series", e);
        if (entry[sweep_n_keys + 1].count)
            code = add_series(document, entry, e, marks, error);
        else if (sweep_marks_find(marks, path))
            code = sweep_marks_fail(marks, path, error,
                                    "%s has no entries, expected such as {function: square}", path);
        else
            document->stages[document->n_stages++] = (struct sweep_stage){entry, NULL, e, 0, 1};
    }
    return code;
}

/* The number of subtask that a path starting with "task.subtasks." speaks of, and where what follows it begins. */
static int stage_of(const struct sweep_document *document, const char *path, unsigned *number,
                    const char **rest) {
    static const char prefix[] = "task.subtasks.", series[] = ".series.";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0) return 0;
    char *end;
    unsigned long entry = strtoul(path + sizeof prefix - 1, &end, 10), stage = 0;
    int has_stage = strncmp(end, series, sizeof series - 1) == 0;
    if (has_stage) stage = strtoul(end + sizeof series - 1, &end, 10);
    for (unsigned i = 0; i < document->n_stages; i++) {
        const struct sweep_stage *s = &document->stages[i];
        if (s->entry_index != entry || s->stage != (has_stage ? stage : s->n_stages - 1)) continue;
        *number = i;
        *rest = end;
        return 1;
    }
    return 0;
}

enum allometer_code sweep_document_number(const struct sweep_document *document, struct sweep_marks *marks,
                                          struct allometer_error *error) {
    for (size_t i = 0; i < marks->n_marks; i++) {
        unsigned number;
        const char *rest;
        char *path;
        if (!stage_of(document, marks->marks[i].path, &number, &rest)) continue;
        /* What holds the stages is none of them. */
        const int is_series = !*rest && document->stages[number].entry
                              && marks->marks[i].kind == SWEEP_MAPPING
                              && !strstr(marks->marks[i].path, ".series.");
        if ((is_series ? asprintf(&path, "task.subtasks")
                       : asprintf(&path, "task.subtasks.%u%s", number, rest))
            < 0)
            return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", marks->file);
        free(marks->marks[i].path);
        marks->marks[i].path = path;
    }
    return ALLOMETER_OK;
}
