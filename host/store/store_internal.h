/* What the files of the store share. */
#ifndef ALLOMETER_STORE_INTERNAL_H
#define ALLOMETER_STORE_INTERNAL_H

#include "store.h"

#include <pthread.h>
#include <sqlite3.h>

/* Written into every file: PRAGMA application_id ("Allo") and PRAGMA user_version. */
enum { STORE_APPLICATION = 0x416c6c6f, STORE_VERSION = 2 };

struct store_axis {
    char *name;
    int is_text;
};

/* What a file says about the sweep it belongs to. */
struct store_sweep {
    char *name, *specification;
    uint64_t n_models;
    struct store_axis *axes;
    size_t n_axes;
};

/* An open file. Every statement and its errors go through it. */
struct store_file {
    sqlite3 *db;
    char *path; /* as the user has it, for messages */
    char *name; /* of the file itself, beside which its log and its lock stand; links lead to it */
    int lock;   /* file descriptor, or -1 */
};

struct allometer_store {
    struct store_file file;
    const struct allometer_sweep *sweep;
    pthread_mutex_t mutex; /* of all below, and of the database's connection */
    sqlite3_stmt *add_model, *add_subtask, *add_layer, *add_weights, *window;
    int64_t run;
    size_t n_pending; /* models of the open transaction; 0: none is open */
    double begun;     /* when it was begun, in seconds of the monotonic clock */
};

/* store_file.c */
enum store_access { STORE_READ, STORE_WRITE };
/* Opens a file and checks that it is ours. With STORE_WRITE takes the writer's lock, creates what is missing and
   sets *is_new where the file holds no tables yet. */
enum allometer_code store_file_open(struct store_file *file, const char *path, enum store_access access,
                                    int *is_new, struct allometer_error *error);
void store_file_close(struct store_file *file);
/* FAILED where another file has its name by now, or none. */
enum allometer_code store_file_check_place(const struct store_file *file, struct allometer_error *error);
/* Closes a file and deletes it with all that stands beside it. */
void store_file_delete(struct store_file *file);
/* The message for the last error of the database, "PATH: what happened while DOING". */
enum allometer_code store_fail(const struct store_file *file, const char *doing,
                               struct allometer_error *error);
enum allometer_code store_execute(const struct store_file *file, const char *sql, const char *doing,
                                  struct allometer_error *error);
enum allometer_code store_prepare(const struct store_file *file, const char *sql, sqlite3_stmt **statement,
                                  struct allometer_error *error);
/* The number that a query gives: the first column of its first row. */
enum allometer_code store_ask(const struct store_file *file, const char *sql, const char *doing,
                              int64_t *number, struct allometer_error *error);
/* store_schema.c */
enum allometer_code store_schema_create(const struct store_file *file, const struct store_sweep *sweep,
                                        struct allometer_error *error);
enum allometer_code store_sweep_read(const struct store_file *file, struct store_sweep *sweep,
                                     struct allometer_error *error);
void store_sweep_free(struct store_sweep *sweep);
/* BAD_INPUT with the keys that differ, unless the file holds this specification; whose: what gave it. */
enum allometer_code store_specification_compare(const struct store_file *file, const char *specification,
                                                const char *whose, struct allometer_error *error);
enum allometer_code store_files_compare(const struct store_file *file, const struct store_file *other,
                                        struct allometer_error *error);
/* Whether a column of `model` that is no axis has this name. */
int store_is_own_column(const char *name);
/* Appends the columns of `model`, each in the format (its name is given twice), with commas between: all of them, or
   the first of them, which a model's result consists of. */
enum store_columns { STORE_COLUMNS_ALL, STORE_COLUMNS_RESULT };
void store_columns(sqlite3_str *sql, const struct store_sweep *sweep, enum store_columns which,
                   const char *format);

/* store_export.c */
enum allometer_code store_file_summarize(const struct store_file *file,
                                         struct allometer_store_summary *summary,
                                         struct allometer_error *error);

#endif
