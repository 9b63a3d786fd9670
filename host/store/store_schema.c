/* The tables and the views of a store, and what a file says of its sweep. */
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

/* Columns of `model` beside the axes, in the order in which store.c binds them. An axis of the same name, such as
   `seed`, is the column itself. First what training the model gives wherever and whenever it is trained. */
static const struct {
    const char *name, *type;
} columns[] = {
    {"seed", "INTEGER NOT NULL"},
    {"inputs", "INTEGER NOT NULL"},
    {"width", "INTEGER NOT NULL"},
    {"depth", "INTEGER NOT NULL"},
    {"outputs", "INTEGER NOT NULL"},
    {"parameters", "INTEGER NOT NULL"},
    {"status", "TEXT NOT NULL"},
    {"steps", "INTEGER NOT NULL"},
    {"train_loss", "REAL"},
    {"l1_norm", "REAL"},
    {"l2_norm_squared", "REAL"},
    {"live", "INTEGER NOT NULL"},
    {"shared", "INTEGER NOT NULL"},
    {"live_ablation", "INTEGER NOT NULL"},
    {"shared_ablation", "INTEGER NOT NULL"},
    {"run", "INTEGER NOT NULL"},
    {"seconds", "REAL"},
};
enum { N_RESULT_COLUMNS = 15 };
#define N_COLUMNS (sizeof columns / sizeof *columns)

int store_is_own_column(const char *name) {
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (sqlite3_stricmp(columns[i].name, name) == 0) return 1;
    return 0;
}

void store_columns(sqlite3_str *sql, const struct store_sweep *sweep, enum store_columns which,
                   const char *format) {
    int n = 0;
    for (size_t i = 0; i < sweep->n_axes; i++)
        if (!store_is_own_column(sweep->axes[i].name)) {
            if (n++) sqlite3_str_appendall(sql, ", ");
            sqlite3_str_appendf(sql, format, sweep->axes[i].name, sweep->axes[i].name);
        }
    for (size_t i = 0; i < (which == STORE_COLUMNS_ALL ? N_COLUMNS : N_RESULT_COLUMNS); i++) {
        if (n++) sqlite3_str_appendall(sql, ", ");
        sqlite3_str_appendf(sql, format, columns[i].name, columns[i].name);
    }
}

static void model_table(sqlite3_str *sql, const struct store_sweep *sweep) {
    sqlite3_str_appendall(sql, "CREATE TABLE model (id INTEGER PRIMARY KEY");
    for (size_t i = 0; i < sweep->n_axes; i++)
        if (!store_is_own_column(sweep->axes[i].name))
            sqlite3_str_appendf(sql, ", \"%w\" %s", sweep->axes[i].name,
                                sweep->axes[i].is_text ? "TEXT" : "NUMERIC");
    for (size_t i = 0; i < N_COLUMNS; i++)
        sqlite3_str_appendf(sql, ", %s %s", columns[i].name, columns[i].type);
    /* Of those that diverged alone: an entry for each model that is done would cost as much as its row. */
    sqlite3_str_appendall(sql, "); CREATE INDEX model_diverged ON model (status) WHERE status = 'diverged';");
}

/* What is not the same on every run (seconds, run) stays out, so that two exports of one sweep are equal. */
static void results_view(sqlite3_str *sql, const struct store_sweep *sweep) {
    sqlite3_str_appendall(sql, "CREATE VIEW results AS SELECT model.id AS model, ");
    store_columns(sql, sweep, STORE_COLUMNS_RESULT, "model.\"%w\" AS \"%w\"");
    sqlite3_str_appendall(
        sql, ", subtask, function, weight, loss, accuracy, allocated, allocated_ablation"
             " FROM model JOIN subtask ON subtask.model = model.id;"
             "CREATE VIEW layers AS SELECT results.*, layer, neurons_threshold, neurons_threshold_shared,"
             " neurons_ablation, neurons_ablation_shared, neurons_path, neurons_path_shared, neurons_agreed,"
             " readout_loss, correlation, least_correlation FROM results JOIN layer USING (model, subtask);");
}

static const char fixed_tables[] =
    "CREATE TABLE sweep (name TEXT NOT NULL, models INTEGER NOT NULL, specification TEXT NOT NULL);"
    "CREATE TABLE axis (position INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL);"
    "CREATE TABLE run (id INTEGER PRIMARY KEY, version TEXT NOT NULL, backend TEXT NOT NULL,"
    " device TEXT NOT NULL, instruction_set TEXT NOT NULL, shard TEXT NOT NULL, started TEXT NOT NULL);"
    "CREATE TABLE subtask (model INTEGER NOT NULL, subtask INTEGER NOT NULL, function TEXT NOT NULL,"
    "    weight REAL NOT NULL, loss REAL, accuracy REAL, allocated INTEGER,"
    "    allocated_ablation INTEGER, PRIMARY KEY (model, subtask)) WITHOUT ROWID;"
    "CREATE TABLE layer (model INTEGER NOT NULL, subtask INTEGER NOT NULL, layer INTEGER NOT NULL,"
    "    neurons_threshold INTEGER, neurons_threshold_shared INTEGER, neurons_ablation INTEGER,"
    " neurons_ablation_shared INTEGER, neurons_path INTEGER, neurons_path_shared INTEGER,"
    " neurons_agreed INTEGER, readout_loss REAL, correlation REAL, least_correlation REAL,"
    "    PRIMARY KEY (model, subtask, layer)) WITHOUT ROWID;"
    "CREATE TABLE weights (model INTEGER PRIMARY KEY, floats BLOB NOT NULL);";

enum allometer_code store_schema_create(const struct store_file *file, const struct store_sweep *sweep,
                                        struct allometer_error *error) {
    sqlite3_str *sql = sqlite3_str_new(file->db);
    sqlite3_str_appendf(sql, "BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d; %s",
                        STORE_APPLICATION, STORE_VERSION, fixed_tables);
    model_table(sql, sweep);
    results_view(sql, sweep);
    for (size_t i = 0; i < sweep->n_axes; i++)
        sqlite3_str_appendf(sql, "INSERT INTO axis (name, kind) VALUES (%Q, '%s');", sweep->axes[i].name,
                            sweep->axes[i].is_text ? "text" : "number");
    sqlite3_str_appendf(sql, "INSERT INTO sweep VALUES (%Q, %lld, %Q); COMMIT;", sweep->name,
                        (long long)sweep->n_models, sweep->specification);
    char *text = sqlite3_str_finish(sql);
    enum allometer_code code = store_execute(file, text, "creating", error);
    sqlite3_free(text);
    if (code) sqlite3_exec(file->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static char *column_copy(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return strdup(text ? text : "");
}

static enum allometer_code axes_read(const struct store_file *file, struct store_sweep *sweep,
                                     struct allometer_error *error) {
    sqlite3_stmt *statement;
    enum allometer_code code =
        store_prepare(file, "SELECT name, kind = 'text' FROM axis ORDER BY position", &statement, error);
    int step = SQLITE_DONE;
    while (!code && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_axis *axes = realloc(sweep->axes, (sweep->n_axes + 1) * sizeof *axes);
        if (axes) sweep->axes = axes;
        char *name = axes ? column_copy(statement, 0) : NULL;
        if (!name)
            code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", file->path);
        else
            axes[sweep->n_axes++] = (struct store_axis){name, sqlite3_column_int(statement, 1)};
    }
    if (!code && step != SQLITE_DONE) code = store_fail(file, "reading the axes", error);
    sqlite3_finalize(statement);
    return code;
}

enum allometer_code store_sweep_read(const struct store_file *file, struct store_sweep *sweep,
                                     struct allometer_error *error) {
    *sweep = (struct store_sweep){0};
    sqlite3_stmt *statement;
    enum allometer_code code =
        store_prepare(file, "SELECT name, specification, models FROM sweep", &statement, error);
    if (code) return code;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        sweep->name = column_copy(statement, 0);
        sweep->specification = column_copy(statement, 1);
        sweep->n_models = (uint64_t)sqlite3_column_int64(statement, 2);
        if (!sweep->name || !sweep->specification)
            code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", file->path);
    } else
        code = store_fail(file, "reading the sweep", error);
    sqlite3_finalize(statement);
    if (!code) code = axes_read(file, sweep, error);
    if (code) store_sweep_free(sweep);
    return code;
}

void store_sweep_free(struct store_sweep *sweep) {
    for (size_t i = 0; i < sweep->n_axes; i++) free(sweep->axes[i].name);
    free(sweep->axes);
    free(sweep->name);
    free(sweep->specification);
    *sweep = (struct store_sweep){0};
}

/* ?1: the specification in the file, ?2: the new one; leaves of either that the other has not, or has otherwise. */
static const char differences[] =
    "WITH leaf AS (SELECT side, replace(substr(fullkey, 3), '\"', '') AS key,"
    "   iif(type IN ('true', 'false', 'null'), type, value) AS value"
    "   FROM (SELECT 1 AS side, ?1 AS text UNION ALL SELECT 2, ?2), json_tree(text)"
    "   WHERE type NOT IN ('object', 'array')),"
    " pair AS (SELECT key, max(value) FILTER (WHERE side = 1) AS a, max(value) FILTER (WHERE side = 2) AS b"
    "   FROM leaf GROUP BY key)"
    " SELECT key, coalesce(a, 'nothing'), coalesce(b, 'nothing') FROM pair WHERE a IS NOT b";

enum allometer_code store_specification_compare(const struct store_file *file, const char *specification,
                                                const char *whose, struct allometer_error *error) {
    struct store_sweep stored;
    enum allometer_code code = store_sweep_read(file, &stored, error);
    if (code) return code;
    if (strcmp(stored.specification, specification) == 0) {
        store_sweep_free(&stored);
        return ALLOMETER_OK;
    }
    enum { SHOWN = 4 };
    size_t n_differences = 0;
    sqlite3_str *list = sqlite3_str_new(NULL);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(file->db, differences, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, stored.specification, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, specification, -1, SQLITE_STATIC);
        int step;
        while ((step = sqlite3_step(statement)) == SQLITE_ROW)
            if (n_differences++ < SHOWN)
                sqlite3_str_appendf(list, "%s%s (%s there, %s in %s)", n_differences > 1 ? ", " : ": ",
                                    sqlite3_column_text(statement, 0), sqlite3_column_text(statement, 1),
                                    sqlite3_column_text(statement, 2), whose);
        if (step == SQLITE_DONE && n_differences == 0)
            sqlite3_str_appendall(list, ", whose axes stand in another order");
        sqlite3_finalize(statement);
    }
    if (n_differences > SHOWN) sqlite3_str_appendf(list, " and %d more", (int)(n_differences - SHOWN));
    char *text = sqlite3_str_finish(list);
    code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: holds another specification of sweep '%s'%s",
                          file->path, stored.name, text ? text : "");
    sqlite3_free(text);
    store_sweep_free(&stored);
    return code;
}

enum allometer_code store_files_compare(const struct store_file *file, const struct store_file *other,
                                        struct allometer_error *error) {
    struct store_sweep sweep;
    enum allometer_code code = store_sweep_read(other, &sweep, error);
    if (code) return code;
    code = store_specification_compare(file, sweep.specification, other->path, error);
    store_sweep_free(&sweep);
    return code;
}
