/* The store of a running sweep: opened, asked for what is done, added to. */
#include "store_internal.h"
#include "clock.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

const char *allometer_store_library(void) {
    return "SQLite " SQLITE_VERSION;
}

/* Borrows the sweep's texts; only .axes is the caller's to free. */
static enum allometer_code describe_sweep(const struct allometer_sweep *sweep, struct store_sweep *described,
                                          struct allometer_error *error) {
    size_t n_axes = allometer_sweep_n_axes(sweep);
    *described = (struct store_sweep){.name = (char *)allometer_sweep_name(sweep),
                                      .specification = (char *)allometer_sweep_specification(sweep),
                                      .n_models = allometer_sweep_n_models(sweep),
                                      .axes = calloc(n_axes + 1, sizeof *described->axes),
                                      .n_axes = n_axes};
    if (!described->axes) return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    for (size_t i = 0; i < n_axes; i++)
        described->axes[i] = (struct store_axis){(char *)allometer_sweep_axis_name(sweep, i),
                                                 allometer_sweep_axis_is_text(sweep, i)};
    return ALLOMETER_OK;
}

static enum allometer_code prepare_statements(struct allometer_store *store,
                                              const struct store_sweep *described,
                                              struct allometer_error *error) {
    sqlite3_str *sql = sqlite3_str_new(store->file.db);
    sqlite3_str_appendall(sql, "INSERT INTO model (");
    store_columns(sql, described, STORE_COLUMNS_ALL, "\"%w\"");
    sqlite3_str_appendall(sql, ", id) VALUES (");
    store_columns(sql, described, STORE_COLUMNS_ALL, "?");
    sqlite3_str_appendall(sql, ", ?)");
    char *text = sqlite3_str_finish(sql);
    enum allometer_code code = store_prepare(&store->file, text, &store->add_model, error);
    sqlite3_free(text);
    if (!code)
        code = store_prepare(&store->file, "INSERT INTO subtask VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                             &store->add_subtask, error);
    if (!code)
        code = store_prepare(&store->file, "INSERT INTO layer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             &store->add_layer, error);
    if (!code)
        code = store_prepare(&store->file, "INSERT INTO weights VALUES (?, ?)", &store->add_weights, error);
    if (!code)
        code = store_prepare(&store->file, "SELECT id - ?1 FROM model WHERE id >= ?1 AND id < ?1 + ?2",
                             &store->window, error);
    return code;
}

enum allometer_code allometer_store_open(const char *path, const struct allometer_sweep *sweep,
                                         struct allometer_store **opened, struct allometer_error *error) {
    *opened = NULL;
    struct allometer_store *store = calloc(1, sizeof *store);
    if (!store) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", path);
    int is_new = 0;
    enum allometer_code code = store_file_open(&store->file, path, STORE_WRITE, &is_new, error);
    if (code) {
        free(store);
        return code;
    }
    store->sweep = sweep;
    pthread_mutex_init(&store->mutex, NULL);
    struct store_sweep described;
    code = describe_sweep(sweep, &described, error);
    if (!code)
        code = is_new ? store_schema_create(&store->file, &described, error)
                      : store_specification_compare(&store->file, described.specification, "the sweep file",
                                                    error);
    if (!code) code = prepare_statements(store, &described, error);
    free(described.axes);
    if (code)
        allometer_store_close(store, NULL);
    else
        *opened = store;
    return code;
}

static enum allometer_code commit(struct allometer_store *store, struct allometer_error *error) {
    if (store->n_pending == 0) return ALLOMETER_OK;
    store->n_pending = 0;
    enum allometer_code code = store_execute(&store->file, "COMMIT", "storing results", error);
    if (code) sqlite3_exec(store->file.db, "ROLLBACK", NULL, NULL, NULL);
    return code ? code : store_file_check_place(&store->file, error);
}

enum allometer_code allometer_store_commit(struct allometer_store *store, struct allometer_error *error) {
    pthread_mutex_lock(&store->mutex);
    enum allometer_code code = commit(store, error);
    pthread_mutex_unlock(&store->mutex);
    return code;
}

enum allometer_code allometer_store_close(struct allometer_store *store, struct allometer_error *error) {
    if (!store) return ALLOMETER_OK;
    enum allometer_code code = commit(store, error);
    if (!code) code = store_file_check_place(&store->file, error);
    sqlite3_finalize(store->add_model);
    sqlite3_finalize(store->add_subtask);
    sqlite3_finalize(store->add_layer);
    sqlite3_finalize(store->add_weights);
    sqlite3_finalize(store->window);
    store_file_close(&store->file);
    pthread_mutex_destroy(&store->mutex);
    free(store);
    return code;
}

const struct allometer_sweep *allometer_store_sweep(const struct allometer_store *store) {
    return store->sweep;
}

enum allometer_code allometer_store_begin(struct allometer_store *store,
                                          const struct allometer_store_run *run,
                                          struct allometer_error *error) {
    pthread_mutex_lock(&store->mutex);
    char *sql = sqlite3_mprintf(
        "INSERT INTO run (version, backend, device, instruction_set, shard, started) VALUES"
        " (%Q, %Q, %Q, %Q, '%u/%u', strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 'now'))",
        ALLOMETER_VERSION, run->backend, run->device, run->instruction_set, run->shard, run->n_shards);
    enum allometer_code code = store_execute(&store->file, sql, "noting the run", error);
    sqlite3_free(sql);
    if (!code) store->run = sqlite3_last_insert_rowid(store->file.db);
    pthread_mutex_unlock(&store->mutex);
    return code;
}

/* The first row of a query as whole numbers; b may be NULL. Takes the statement. */
static enum allometer_code ask(struct allometer_store *store, sqlite3_stmt *statement, uint64_t *a,
                               uint64_t *b, struct allometer_error *error) {
    enum allometer_code code = ALLOMETER_OK;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        *a = (uint64_t)sqlite3_column_int64(statement, 0);
        if (b) *b = (uint64_t)sqlite3_column_int64(statement, 1);
    } else
        code = store_fail(&store->file, "counting models", error);
    sqlite3_finalize(statement);
    return code;
}

enum allometer_code allometer_store_count(struct allometer_store *store, unsigned shard, unsigned n_shards,
                                          uint64_t *n_stored, uint64_t *n_diverged,
                                          struct allometer_error *error) {
    static const char sql[] =
        "SELECT (SELECT count(*) FROM model WHERE id % ?1 = ?2),"
        " (SELECT count(*) FROM model WHERE status = 'diverged' AND id % ?1 = ?2)"; /* indexed */
    sqlite3_stmt *statement;
    pthread_mutex_lock(&store->mutex);
    enum allometer_code code = store_prepare(&store->file, sql, &statement, error);
    if (!code) {
        sqlite3_bind_int64(statement, 1, n_shards);
        sqlite3_bind_int64(statement, 2, shard - 1);
        code = ask(store, statement, n_stored, n_diverged, error);
    }
    pthread_mutex_unlock(&store->mutex);
    return code;
}

enum allometer_code allometer_store_count_foreign(struct allometer_store *store, const char *backend,
                                                  const char *instruction_set, uint64_t *n_models,
                                                  struct allometer_error *error) {
    /* Only where a run differs is the whole of `model` looked through. */
    static const char sql[] =
        "WITH other AS (SELECT id FROM run WHERE backend <> ?1 OR instruction_set <> ?2)"
        " SELECT iif((SELECT count(*) FROM other) = 0, 0,"
        " (SELECT count(*) FROM model WHERE run IN other))";
    sqlite3_stmt *statement;
    pthread_mutex_lock(&store->mutex);
    enum allometer_code code = store_prepare(&store->file, sql, &statement, error);
    if (!code) {
        sqlite3_bind_text(statement, 1, backend, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, instruction_set, -1, SQLITE_STATIC);
        code = ask(store, statement, n_models, NULL, error);
    }
    pthread_mutex_unlock(&store->mutex);
    return code;
}

enum allometer_code allometer_store_window(struct allometer_store *store, uint64_t first, size_t n,
                                           unsigned char *is_stored, struct allometer_error *error) {
    memset(is_stored, 0, n);
    pthread_mutex_lock(&store->mutex);
    sqlite3_bind_int64(store->window, 1, (sqlite3_int64)first);
    sqlite3_bind_int64(store->window, 2, (sqlite3_int64)n);
    int step;
    while ((step = sqlite3_step(store->window)) == SQLITE_ROW)
        is_stored[(size_t)sqlite3_column_int64(store->window, 0)] = 1;
    enum allometer_code code = ALLOMETER_OK;
    if (step != SQLITE_DONE) code = store_fail(&store->file, "asking which models are done", error);
    sqlite3_reset(store->window);
    pthread_mutex_unlock(&store->mutex);
    return code;
}

static const char *const status_names[] = {
    [ALLOMETER_MODEL_DONE] = "done", [ALLOMETER_MODEL_DIVERGED] = "diverged"};

/* Steps an insertion to its end. */
static int insert(sqlite3_stmt *statement) {
    int step = sqlite3_step(statement);
    sqlite3_reset(statement);
    return step == SQLITE_DONE;
}

/* Parameters that a model has at the end: of each hidden layer, the neurons that pruning left. */
static int64_t parameters_left(const struct allometer_model *model) {
    const struct allometer_model left = {.n_inputs = model->n_inputs,
                                         .width = model->prune ? model->prune : model->width,
                                         .depth = model->depth,
                                         .n_outputs = model->n_outputs};
    return allometer_n_parameters(&left);
}

static int insert_model(struct allometer_store *store, uint64_t index, const struct allometer_model *model,
                        const struct allometer_axis_value *values, const struct allometer_result *result) {
    sqlite3_stmt *add = store->add_model;
    int at = 0;
    for (size_t i = 0; i < allometer_sweep_n_axes(store->sweep); i++) {
        if (store_is_own_column(allometer_sweep_axis_name(store->sweep, i))) continue;
        if (values[i].text)
            sqlite3_bind_text(add, ++at, values[i].text, -1, SQLITE_STATIC);
        else
            sqlite3_bind_double(add, ++at, values[i].number);
    }
    sqlite3_bind_int64(add, ++at, (sqlite3_int64)model->seed);
    sqlite3_bind_int(add, ++at, model->n_inputs);
    sqlite3_bind_int(add, ++at, model->width);
    sqlite3_bind_int(add, ++at, model->depth);
    sqlite3_bind_int(add, ++at, model->n_outputs);
    sqlite3_bind_int64(add, ++at, parameters_left(model));
    sqlite3_bind_text(add, ++at, status_names[result->status != ALLOMETER_MODEL_DONE], -1, SQLITE_STATIC);
    sqlite3_bind_int(add, ++at, result->steps);
    sqlite3_bind_double(add, ++at, result->train_loss); /* SQLite stores NaN as NULL */
    sqlite3_bind_double(add, ++at, result->l1_norm);
    sqlite3_bind_double(add, ++at, result->l2_norm_squared);
    sqlite3_bind_int(add, ++at, result->live);
    sqlite3_bind_int(add, ++at, result->shared);
    sqlite3_bind_int(add, ++at, result->live_ablation);
    sqlite3_bind_int(add, ++at, result->shared_ablation);
    sqlite3_bind_int64(add, ++at, store->run);
    sqlite3_bind_double(add, ++at, result->seconds);
    sqlite3_bind_int64(add, ++at, (sqlite3_int64)index);
    return insert(add);
}

static int insert_subtask(struct allometer_store *store, uint64_t index, int k,
                          const struct allometer_model *model, const struct allometer_result *result) {
    const struct allometer_subtask *subtask = &model->subtasks[k];
    sqlite3_stmt *add = store->add_subtask;
    sqlite3_bind_int64(add, 1, (sqlite3_int64)index);
    sqlite3_bind_int(add, 2, k);
    const char *name = model->data && model->data->names ? model->data->names[k]
                                                         : allometer_functions.rows[subtask->function].name;
    sqlite3_bind_text(add, 3, name, -1, SQLITE_STATIC);
    sqlite3_bind_double(add, 4, subtask->weight);
    sqlite3_bind_double(add, 5, result->loss[k]);
    sqlite3_bind_double(add, 6, result->accuracy[k]);
    if (!subtask->feeds) {
        sqlite3_bind_int(add, 7, result->allocated[k]);
        sqlite3_bind_int(add, 8, result->allocated_ablation[k]);
    }
    int done = insert(add);
    sqlite3_clear_bindings(add);
    return done;
}

/* Row (layer, k) of a model; layers count from 1. Neurons are counted for what has outputs. */
static int insert_layer(struct allometer_store *store, uint64_t index, const struct allometer_model *model,
                        int k, int layer, const struct allometer_layer *row) {
    const int32_t counts[] = {row->threshold, row->shared_threshold, row->ablation, row->shared_ablation,
                              row->path,      row->shared_path,      row->agreed};
    enum { N_COUNTS = sizeof counts / sizeof *counts };
    sqlite3_stmt *add = store->add_layer;
    sqlite3_clear_bindings(add);
    sqlite3_bind_int64(add, 1, (sqlite3_int64)index);
    sqlite3_bind_int(add, 2, k);
    sqlite3_bind_int(add, 3, layer + 1);
    for (int i = 0; !model->subtasks[k].feeds && i < N_COUNTS; i++) sqlite3_bind_int(add, 4 + i, counts[i]);
    sqlite3_bind_double(add, 4 + N_COUNTS, row->readout_loss);
    sqlite3_bind_double(add, 5 + N_COUNTS, row->correlation);
    sqlite3_bind_double(add, 6 + N_COUNTS, row->least_correlation);
    return insert(add);
}

static int insert_weights(struct allometer_store *store, uint64_t index, const struct allometer_model *model,
                          const float *weights) {
    sqlite3_stmt *add = store->add_weights;
    sqlite3_bind_int64(add, 1, (sqlite3_int64)index);
    sqlite3_bind_blob64(add, 2, weights, (sqlite3_uint64)allometer_n_parameters(model) * sizeof *weights,
                        SQLITE_STATIC);
    int done = insert(add);
    sqlite3_clear_bindings(add);
    return done;
}

enum allometer_code allometer_store_add(struct allometer_store *store, uint64_t index,
                                        const struct allometer_model *model,
                                        const struct allometer_axis_value *values,
                                        const struct allometer_result *result, const float *weights,
                                        struct allometer_error *error) {
    if (index >= allometer_sweep_n_models(store->sweep))
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: model %llu, expected one below %llu",
                              store->file.path, (unsigned long long)index,
                              (unsigned long long)allometer_sweep_n_models(store->sweep));
    pthread_mutex_lock(&store->mutex);
    enum allometer_code code = ALLOMETER_OK;
    if (!store->run)
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: a model before allometer_store_begin",
                              store->file.path);
    if (!code && store->n_pending == 0) {
        code = store_execute(&store->file, "BEGIN IMMEDIATE", "storing results", error);
        store->begun = seconds_now();
    }
    if (!code) {
        store->n_pending++;
        const int is_in = insert_model(store, index, model, values, result);
        int done = is_in;
        for (int k = 0; done && k < model->n_subtasks; k++)
            done = insert_subtask(store, index, k, model, result);
        for (int64_t i = 0; done && result->layers && i < allometer_n_layers(model); i++)
            done = insert_layer(store, index, model, (int)(i % model->n_subtasks),
                                (int)(i / model->n_subtasks), &result->layers[i]);
        if (done && weights) done = insert_weights(store, index, model, weights);
        if (!is_in && sqlite3_extended_errcode(store->file.db) == SQLITE_CONSTRAINT_PRIMARYKEY) {
            /* Nothing of it went in, so that what waits to be committed stays. */
            code = allometer_fail(error, ALLOMETER_FAILED, "%s: model %llu is stored already",
                                  store->file.path, (unsigned long long)index);
        } else if (!done) {
            /* Not to leave half a model; what the last commits hold stays. */
            code = store_fail(&store->file, "storing results", error);
            sqlite3_exec(store->file.db, "ROLLBACK", NULL, NULL, NULL);
            store->n_pending = 0;
        } else if (seconds_now() - store->begun >= 1)
            code = commit(store, error);
    }
    pthread_mutex_unlock(&store->mutex);
    return code;
}
