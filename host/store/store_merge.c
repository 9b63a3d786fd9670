/* Uniting files of one sweep: every row of every input goes into one transaction on the output. */
#include "store_internal.h"

#include <string.h>
#include <sys/stat.h>

/* One table on its way. The row that `select` gives is the parameters of `insert`, and its first columns, with all that
   must be equal, are those of `same`. */
struct copy {
    sqlite3_stmt *select, *insert, *same;
    int64_t run_offset; /* what the numbers of runs are raised by */
};

/* A value that memory is out for would be stored as a missing one. */
static int bind_row(sqlite3_stmt *statement, const struct copy *copy) {
    int n = sqlite3_bind_parameter_count(statement), reason = SQLITE_OK;
    for (int i = 0; i < n && !reason; i++) {
        const char *name = sqlite3_column_name(copy->select, i);
        if (!name)
            reason = SQLITE_NOMEM;
        else if (strcmp(name, "run") == 0)
            reason = sqlite3_bind_int64(statement, i + 1,
                                        sqlite3_column_int64(copy->select, i) + copy->run_offset);
        else
            reason = sqlite3_bind_value(statement, i + 1, sqlite3_column_value(copy->select, i));
    }
    return reason == SQLITE_OK;
}

/* The row goes in, or is there already and the same. */
static enum allometer_code copy_row(const struct store_file *out, const struct store_file *input,
                                    const struct copy *copy, struct allometer_error *error) {
    if (!bind_row(copy->insert, copy)) return store_fail(out, "merging", error);
    int step = sqlite3_step(copy->insert);
    sqlite3_reset(copy->insert);
    if (step != SQLITE_DONE) return store_fail(out, "merging", error);
    if (sqlite3_changes(out->db)) return ALLOMETER_OK;
    if (!bind_row(copy->same, copy)) return store_fail(out, "comparing models", error);
    step = sqlite3_step(copy->same);
    sqlite3_reset(copy->same);
    if (step == SQLITE_ROW) return ALLOMETER_OK;
    if (step != SQLITE_DONE) return store_fail(out, "comparing models", error);
    return allometer_fail(
        error, ALLOMETER_BAD_INPUT,
        "%s: model %lld has other results here than in the files before; was it trained on another"
        " device or instruction set? Table `run` tells; nothing was merged",
        input->path, (long long)sqlite3_column_int64(copy->select, 0));
}

static enum allometer_code copy_table(const struct store_file *out, const struct store_file *input,
                                      const char *select, const char *insert, const char *same,
                                      int64_t run_offset, struct allometer_error *error) {
    struct copy copy = {.run_offset = run_offset};
    enum allometer_code code = store_prepare(input, select, &copy.select, error);
    if (!code) code = store_prepare(out, insert, &copy.insert, error);
    if (!code) code = store_prepare(out, same, &copy.same, error);
    int step = SQLITE_DONE;
    while (!code && (step = sqlite3_step(copy.select)) == SQLITE_ROW)
        code = copy_row(out, input, &copy, error);
    if (!code && step != SQLITE_DONE) code = store_fail(input, "reading", error);
    sqlite3_finalize(copy.select);
    sqlite3_finalize(copy.insert);
    sqlite3_finalize(copy.same);
    return code;
}

static enum allometer_code copy_runs(const struct store_file *out, const struct store_file *input,
                                     int64_t *offset, struct allometer_error *error) {
    enum allometer_code code =
        store_ask(out, "SELECT coalesce(max(id), 0) FROM run", "merging", offset, error);
    if (code) return code;
    return copy_table(out, input,
                      "SELECT id AS run, version, backend, device, instruction_set, shard, started FROM run",
                      "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", "SELECT 1", *offset, error);
}

static enum allometer_code copy_models(const struct store_file *out, const struct store_file *input,
                                       const struct store_sweep *sweep, int64_t run_offset,
                                       struct allometer_error *error) {
    sqlite3_str *select = sqlite3_str_new(NULL), *insert = sqlite3_str_new(NULL),
                *same = sqlite3_str_new(NULL);
    sqlite3_str_appendall(select, "SELECT id, ");
    store_columns(select, sweep, STORE_COLUMNS_ALL, "\"%w\" AS \"%w\"");
    sqlite3_str_appendall(select, " FROM model");
    sqlite3_str_appendall(insert, "INSERT OR IGNORE INTO model (id, ");
    store_columns(insert, sweep, STORE_COLUMNS_ALL, "\"%w\"");
    sqlite3_str_appendall(insert, ") VALUES (?, ");
    store_columns(insert, sweep, STORE_COLUMNS_ALL, "?");
    sqlite3_str_appendall(insert, ")");
    sqlite3_str_appendall(same, "SELECT 1 FROM model WHERE (id, ");
    store_columns(same, sweep, STORE_COLUMNS_RESULT, "\"%w\"");
    sqlite3_str_appendall(same, ") IS (?, ");
    store_columns(same, sweep, STORE_COLUMNS_RESULT, "?");
    sqlite3_str_appendall(same, ")");
    char *texts[] = {sqlite3_str_finish(select), sqlite3_str_finish(insert), sqlite3_str_finish(same)};
    enum allometer_code code = copy_table(out, input, texts[0], texts[1], texts[2], run_offset, error);
    for (int i = 0; i < 3; i++) sqlite3_free(texts[i]);
    return code;
}

/* What hangs on a model. */
static const struct {
    const char *select, *insert, *same;
} details[] = {
    {"SELECT * FROM subtask", "INSERT OR IGNORE INTO subtask VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
     /* not the weight, ?4: the specification's, which is the same, and stored as 0.7 or as the float next to it */
     "SELECT 1 FROM subtask WHERE (model, subtask, function, loss, accuracy, allocated,"
     " allocated_ablation) IS (?1, ?2, ?3, ?5, ?6, ?7, ?8)"},
    {"SELECT * FROM layer", "INSERT OR IGNORE INTO layer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     "SELECT 1 FROM layer WHERE (model, subtask, layer, neurons_threshold, neurons_threshold_shared,"
     " neurons_ablation, neurons_ablation_shared, neurons_path, neurons_path_shared, neurons_agreed,"
     " readout_loss, correlation, least_correlation) IS (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {"SELECT * FROM weights", "INSERT OR IGNORE INTO weights VALUES (?, ?)",
     "SELECT 1 FROM weights WHERE (model, floats) IS (?, ?)"},
};

static enum allometer_code copy_file(const struct store_file *out, const struct store_file *input,
                                     const struct store_sweep *sweep, struct allometer_error *error) {
    int64_t offset = 0;
    enum allometer_code code = copy_runs(out, input, &offset, error);
    if (!code) code = copy_models(out, input, sweep, offset, error);
    for (size_t i = 0; i < sizeof details / sizeof *details && !code; i++)
        code = copy_table(out, input, details[i].select, details[i].insert, details[i].same, offset, error);
    return code;
}

/* Opens an input as one snapshot: a sweep that is still writing to it does no harm. */
static enum allometer_code input_open(const char *path, const char *out, struct store_file *input,
                                      struct allometer_error *error) {
    struct stat a, b;
    if (stat(path, &a) == 0 && stat(out, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: is both read and written", path);
    enum allometer_code code = store_file_open(input, path, STORE_READ, NULL, error);
    if (code) return code;
    code = store_execute(input, "BEGIN", "reading", error);
    if (code) store_file_close(input);
    return code;
}

static enum allometer_code merge_all(const struct store_file *out, const struct store_sweep *sweep,
                                     const char *const *inputs, size_t n_inputs,
                                     struct allometer_error *error) {
    enum allometer_code code = store_execute(out, "BEGIN IMMEDIATE", "merging", error);
    for (size_t i = 0; !code && i < n_inputs; i++) {
        struct store_file input;
        code = input_open(inputs[i], out->path, &input, error);
        if (code) break;
        code = store_files_compare(out, &input, error);
        if (!code) code = copy_file(out, &input, sweep, error);
        store_file_close(&input);
    }
    if (!code) code = store_execute(out, "COMMIT", "merging", error);
    if (code) sqlite3_exec(out->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

enum allometer_code allometer_store_merge(const char *path, const char *const *inputs, size_t n_inputs,
                                          struct allometer_store_summary *summary,
                                          struct allometer_error *error) {
    struct store_file first, out;
    struct store_sweep sweep;
    int is_new = 0;
    if (!n_inputs) return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: nothing to merge", path);
    enum allometer_code code = input_open(inputs[0], path, &first, error);
    if (code) return code;
    code = store_sweep_read(&first, &sweep, error);
    store_file_close(&first);
    if (code) return code;
    code = store_file_open(&out, path, STORE_WRITE, &is_new, error);
    if (!code) {
        if (is_new) code = store_schema_create(&out, &sweep, error);
        if (!code) code = merge_all(&out, &sweep, inputs, n_inputs, error);
        if (!code && summary) code = store_file_summarize(&out, summary, error);
        if (code && is_new)
            store_file_delete(&out);
        else
            store_file_close(&out);
    }
    store_sweep_free(&sweep);
    return code;
}
