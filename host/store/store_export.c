/* The views as text, `results` as a table, and the summary of a file. */
#include "store_internal.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const all_rows[] = {
    [ALLOMETER_STORE_RESULTS] = "SELECT * FROM results ORDER BY model, subtask",
    [ALLOMETER_STORE_LAYERS] = "SELECT * FROM layers ORDER BY model, subtask, layer",
};

/* One format: what stands before the first row, between rows, after the last; how a row is written. */
struct format {
    const char *before, *between, *after;
    int has_header;
    void (*row)(sqlite3_stmt *statement, int n_columns, FILE *file);
};

static void csv_header(sqlite3_stmt *statement, int n_columns, FILE *file) {
    for (int i = 0; i < n_columns; i++) {
        if (i) fputc(',', file);
        allometer_csv_write_field(sqlite3_column_name(statement, i), file);
    }
    fputc('\n', file);
}

/* Weights are stored as the floats that they are, so that stores of all versions can be merged, and read as the sweep file
   has them: 0.7, not 0.699999988079071. */
static double number_at(sqlite3_stmt *statement, int column) {
    const char *name = sqlite3_column_name(statement, column);
    double value = sqlite3_column_double(statement, column);
    return name && strcmp(name, "weight") == 0 ? text_round_float((float)value) : value;
}

static void write_number(sqlite3_stmt *statement, int column, const char *infinity, FILE *file) {
    double value = number_at(statement, column);
    char text[TEXT_NUMBER_SIZE];
    text_from_double(text, value);
    if (isfinite(value))
        fputs(text, file);
    else
        fprintf(file, "%s%s", value < 0 ? "-" : "", infinity);
}

/* "" for NULL; also where SQLite has no memory for a text: the next step tells. */
static const char *text_at(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

static void csv_row(sqlite3_stmt *statement, int n_columns, FILE *file) {
    for (int i = 0; i < n_columns; i++) {
        if (i) fputc(',', file);
        switch (sqlite3_column_type(statement, i)) {
        case SQLITE_NULL:
            break;
        case SQLITE_FLOAT:
            write_number(statement, i, "inf", file);
            break;
        default:
            allometer_csv_write_field(text_at(statement, i), file);
        }
    }
    fputc('\n', file);
}

/* JSON knows no infinity; 1e999 is one of its numbers and reads as infinity. */
static void json_row(sqlite3_stmt *statement, int n_columns, FILE *file) {
    fputc('{', file);
    for (int i = 0; i < n_columns; i++) {
        if (i) fputs(", ", file);
        text_write_json(file, sqlite3_column_name(statement, i));
        fputs(": ", file);
        switch (sqlite3_column_type(statement, i)) {
        case SQLITE_NULL:
            fputs("null", file);
            break;
        case SQLITE_FLOAT:
            write_number(statement, i, "1e999", file);
            break;
        case SQLITE_INTEGER:
            fputs(text_at(statement, i), file);
            break;
        default:
            text_write_json(file, text_at(statement, i));
        }
    }
    fputc('}', file);
}

static const struct format formats[] = {
    [ALLOMETER_STORE_CSV] = {"", "", "", 1, csv_row},
    [ALLOMETER_STORE_JSON] = {"[", ",\n ", "]\n", 0, json_row},
};

enum allometer_code allometer_store_export(const char *path, enum allometer_store_rows rows,
                                           enum allometer_store_format format, FILE *file,
                                           struct allometer_error *error) {
    const struct format *chosen = &formats[format];
    struct store_file source;
    sqlite3_stmt *statement = NULL;
    enum allometer_code code = store_file_open(&source, path, STORE_READ, NULL, error);
    if (code) return code;
    code = store_prepare(&source, all_rows[rows], &statement, error);
    if (!code) {
        int n_columns = sqlite3_column_count(statement), step;
        const char *separator = chosen->before;
        if (chosen->has_header) csv_header(statement, n_columns, file);
        while ((step = sqlite3_step(statement)) == SQLITE_ROW && !ferror(file)) {
            fputs(separator, file);
            chosen->row(statement, n_columns, file);
            separator = chosen->between;
        }
        if (separator == chosen->before) fputs(separator, file);
        fputs(chosen->after, file);
        if (ferror(file) || fflush(file))
            code = allometer_fail(error, ALLOMETER_FAILED, "cannot write the results of %s: %s", path,
                                  strerror(errno));
        else if (step != SQLITE_DONE)
            code = store_fail(&source, "reading results", error);
    }
    sqlite3_finalize(statement);
    store_file_close(&source);
    return code;
}

enum allometer_code store_file_summarize(const struct store_file *file,
                                         struct allometer_store_summary *summary,
                                         struct allometer_error *error) {
    *summary = (struct allometer_store_summary){0};
    sqlite3_stmt *statement;
    enum allometer_code code =
        store_prepare(file,
                      "WITH makers AS (SELECT DISTINCT trim(version || ' ' || backend || ' ' || "
                      "instruction_set) AS maker FROM run"
                      " WHERE id IN (SELECT DISTINCT run FROM model) ORDER BY 1) "
                      "SELECT name, models, (SELECT count(*) FROM model), (SELECT "
                      "count(*) FROM model WHERE status = 'diverged'),"
                      " (SELECT count(*) FROM weights), EXISTS (SELECT 1 FROM layer),"
                      " (SELECT count(*) FROM makers), (SELECT group_concat(maker, ', ') FROM makers)"
                      " FROM sweep",
                      &statement, error);
    if (code) return code;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        snprintf(summary->name, sizeof summary->name, "%s", text_at(statement, 0));
        summary->n_models = (uint64_t)sqlite3_column_int64(statement, 1);
        summary->n_stored = (uint64_t)sqlite3_column_int64(statement, 2);
        summary->n_diverged = (uint64_t)sqlite3_column_int64(statement, 3);
        summary->n_weights = (uint64_t)sqlite3_column_int64(statement, 4);
        summary->has_layers = sqlite3_column_int(statement, 5);
        summary->n_makers = sqlite3_column_int(statement, 6);
        snprintf(summary->makers, sizeof summary->makers, "%s", text_at(statement, 7));
    } else
        code = store_fail(file, "reading the summary", error);
    sqlite3_finalize(statement);
    return code;
}

enum allometer_code allometer_store_summarize(const char *path, struct allometer_store_summary *summary,
                                              struct allometer_error *error) {
    struct store_file file;
    enum allometer_code code = store_file_open(&file, path, STORE_READ, NULL, error);
    if (code) return code;
    code = store_file_summarize(&file, summary, error);
    store_file_close(&file);
    return code;
}

static enum allometer_code put_row(struct allometer_table *table, sqlite3_stmt *statement,
                                   struct allometer_error *error) {
    enum allometer_code code = allometer_table_add_row(table, 0, error);
    for (int i = 0; !code && i < sqlite3_column_count(statement); i++) {
        int type = sqlite3_column_type(statement, i);
        if (type == SQLITE_TEXT)
            code = allometer_table_put_text(table, (size_t)i, (const char *)sqlite3_column_text(statement, i),
                                            (size_t)sqlite3_column_bytes(statement, i), error);
        else if (type != SQLITE_NULL)
            allometer_table_put_number(table, (size_t)i, number_at(statement, i));
    }
    return code;
}

static enum allometer_code fill_table(const struct store_file *file, struct allometer_table *table,
                                      struct allometer_error *error) {
    sqlite3_stmt *statement;
    enum allometer_code code = store_prepare(
        file, "SELECT * FROM results WHERE status = 'done' ORDER BY model, subtask", &statement, error);
    int step = SQLITE_DONE;
    for (int i = 0; !code && i < sqlite3_column_count(statement); i++)
        code = allometer_table_add_column(table, sqlite3_column_name(statement, i), error);
    while (!code && (step = sqlite3_step(statement)) == SQLITE_ROW) code = put_row(table, statement, error);
    if (!code && step != SQLITE_DONE) code = store_fail(file, "reading results", error);
    sqlite3_finalize(statement);
    return code;
}

enum allometer_code allometer_store_read_table(const char *path, struct allometer_table **table,
                                               uint64_t *n_diverged, struct allometer_error *error) {
    *table = NULL;
    struct store_file file;
    struct allometer_store_summary summary;
    enum allometer_code code = store_file_open(&file, path, STORE_READ, NULL, error);
    if (code) return code;
    struct allometer_table *filled = allometer_table_new(path);
    if (!filled) code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", path);
    if (!code) code = fill_table(&file, filled, error);
    if (!code) code = store_file_summarize(&file, &summary, error);
    store_file_close(&file);
    if (!code && filled->n_rows == 0)
        code = summary.n_diverged
                   ? allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: all %llu models diverged", path,
                                    (unsigned long long)summary.n_diverged)
                   : allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: holds no models yet", path);
    if (code) {
        allometer_table_free(filled);
        return code;
    }
    *table = filled;
    if (n_diverged) *n_diverged = summary.n_diverged;
    return ALLOMETER_OK;
}
