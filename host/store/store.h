/* The store: one SQLite file per sweep, the only place that knows SQL.

   Tables, made to be read by people too: `sweep` (name, specification), `axis`, `run` (one row per launch: version,
   device), `model` (axes and measures), `subtask`, `layer`, `weights`; and the views `results`, one wide row per model
   and subtask with every axis under its name, and `layers`, with one more row for each hidden layer of a deep model. A model's row is complete or absent, and depends on its index alone.
   While a sweep writes, others may read the file; a second writer is refused. */
#ifndef ALLOMETER_STORE_H
#define ALLOMETER_STORE_H

#include "sweep.h"
#include "table.h"

#include <stdio.h>

struct allometer_store;

/* Name and version of the library beneath: "SQLite 3.40.1". */
const char *allometer_store_library(void);

/* Opens the file of a sweep for writing: creates it, or goes on with it. BAD_INPUT: a file that is no database, or
   a foreign, damaged or newer one; another specification (the message names the keys that differ). FAILED: another
   process is writing to it; I/O. sweep must outlive the store. */
enum allometer_code allometer_store_open(const char *path, const struct allometer_sweep *sweep,
                                         struct allometer_store **store, struct allometer_error *error);
/* Commits what is pending and closes; the store is gone also where this fails. NULL is fine. */
enum allometer_code allometer_store_close(struct allometer_store *store, struct allometer_error *error);

/* What it was opened with. */
const struct allometer_sweep *allometer_store_sweep(const struct allometer_store *store);

/* Who trains: noted once per launch, before the first model is added. */
struct allometer_store_run {
    const char *backend, *device, *instruction_set; /* instruction_set may be "" */
    unsigned shard, n_shards;                       /* 1 / 1: all */
};
enum allometer_code allometer_store_begin(struct allometer_store *store,
                                          const struct allometer_store_run *run,
                                          struct allometer_error *error);
/* Models stored that were trained on another backend or instruction set: results of the two agree to a tolerance,
   not bit for bit. */
enum allometer_code allometer_store_count_foreign(struct allometer_store *store, const char *backend,
                                                  const char *instruction_set, uint64_t *n_models,
                                                  struct allometer_error *error);

/* Models stored whose index mod n_shards is shard - 1, 1 / 1 for all, and how many of them diverged. */
enum allometer_code allometer_store_count(struct allometer_store *store, unsigned shard, unsigned n_shards,
                                          uint64_t *n_stored, uint64_t *n_diverged,
                                          struct allometer_error *error);
/* is_stored[i] becomes 1 where model first + i is stored, else 0; i < n. */
enum allometer_code allometer_store_window(struct allometer_store *store, uint64_t first, size_t n,
                                           unsigned char *is_stored, struct allometer_error *error);

/* Adds one model, as allometer_sweep_model gives it and its values. weights: allometer_n_parameters(model) floats, or NULL.
   Rows are committed together about every second; what is not committed when the process dies is trained again. One
   thread at a time adds, others may ask meanwhile. BAD_INPUT: a model of no such index, or before a run is noted.
   FAILED: it is stored already; I/O, where models that were not committed are lost with it. */
enum allometer_code allometer_store_add(struct allometer_store *store, uint64_t index,
                                        const struct allometer_model *model,
                                        const struct allometer_axis_value *values,
                                        const struct allometer_result *result, const float *weights,
                                        struct allometer_error *error);
enum allometer_code allometer_store_commit(struct allometer_store *store, struct allometer_error *error);

/* ---- What needs no sweep, only its file ------------------------------------------------------------------------ */

struct allometer_store_summary {
    char name[256];
    uint64_t n_models, n_stored, n_diverged; /* of the sweep; of them in this file; of those */
    uint64_t n_weights;                      /* models with kept weights */
    int has_layers;                          /* whether the view `layers` has any row */
    int n_makers;                            /* what trained its models, told apart: version, backend and */
    char makers[256];                        /* instruction set, such as "0.1.0 cpu avx2, 0.1.0 cuda" */
};
enum allometer_code allometer_store_summarize(const char *path, struct allometer_store_summary *summary,
                                              struct allometer_error *error);

/* The view `results`, ordered by model and subtask. CSV: an empty cell is a missing value. JSON: an array of objects,
   one a line; null is a missing value. Numbers have the digits that give the stored double back. */
enum allometer_store_rows {
    ALLOMETER_STORE_RESULTS, /* as above */
    ALLOMETER_STORE_LAYERS, /* the view `layers`: of deep models one row per model, subtask and hidden layer, from 1 */
};
enum allometer_store_format { ALLOMETER_STORE_CSV, ALLOMETER_STORE_JSON };
enum allometer_code allometer_store_export(const char *path, enum allometer_store_rows rows,
                                           enum allometer_store_format format, FILE *file,
                                           struct allometer_error *error);

/* Kept weights as files for numpy.load: folder/MODEL/input_weight.npy (H, D), input_bias.npy (H), of a deep
   model's layer l = 2 .. L hiddenl_weight.npy (H, H) and hiddenl_bias.npy (H), output_weight.npy (O, H), output_bias.npy (O),
   all float32, and folder/manifest.csv, which names them. The folder must not exist or
   be empty. */
enum allometer_code allometer_store_export_weights(const char *path, const char *folder, uint64_t *n_models,
                                                   struct allometer_error *error);

/* The rows of `results` whose model is done, as a table for `fit`; n_diverged counts the models left out. BAD_INPUT: none
   is done. Free the table with allometer_table_free. n_diverged may be NULL. */
enum allometer_code allometer_store_read_table(const char *path, struct allometer_table **table,
                                               uint64_t *n_diverged, struct allometer_error *error);

/* Unites files of one sweep, such as its shards, in `out`, which is created or added to (and may not be an input). All or nothing: BAD_INPUT
   and an untouched `out` if specifications differ, or if a model is in two of them with different results. */
enum allometer_code allometer_store_merge(const char *out, const char *const *inputs, size_t n_inputs,
                                          struct allometer_store_summary *summary,
                                          struct allometer_error *error);

#endif
