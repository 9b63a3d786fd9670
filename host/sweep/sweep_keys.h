/* The keys of a sweep file: one row for each, which drives the schema, the ranges, the defaults, the axes, the
   canonical specification, the check of a model and the help. */
#ifndef ALLOMETER_SWEEP_KEYS_H
#define ALLOMETER_SWEEP_KEYS_H

#include "data.h"
#include "names.h"

enum allometer_composition {
    ALLOMETER_COMPOSITION_PARALLEL,
    ALLOMETER_COMPOSITION_CONTROL,
    ALLOMETER_COMPOSITION_SERIES
};

/* What one sweep file sets. The model's subtasks are the entries of the file's list, each of which may stand for several; they,
   their layout and a batch of 0 are completed when a model is made. */
struct allometer_sweep_settings {
    struct allometer_model model;
    int32_t composition, keep_weights;
    int32_t variables; /* of composition control: inputs to choose from; 0: as many as one subtask takes */
    char *name;
    struct data_source data;
    int32_t is_told; /* of data: control inputs tell the subtask */
    float test_share;
};

enum allometer_sweep_key_kind {
    ALLOMETER_KEY_TEXT,    /* char *, any words */
    ALLOMETER_KEY_NUMBER,  /* float */
    ALLOMETER_KEY_INTEGER, /* int32_t */
    ALLOMETER_KEY_SEED,    /* uint64_t, up to 2^53: what a double, and so a table of results, holds exactly */
    ALLOMETER_KEY_WORD,    /* int32_t, the index of one of names */
};

struct allometer_sweep_key {
    const char
        *path; /* "train.learning_rate"; N in "task.subtasks.N.weight" stands for a subtask's index from 0 */
    enum allometer_sweep_key_kind kind;
    int is_axis;      /* may be swept over */
    size_t offset;    /* in the settings; of a subtask's key: that of the first subtask */
    double low, high; /* range */
    enum {
        ALLOMETER_CLOSED,
        ALLOMETER_ABOVE_LOW,
        ALLOMETER_BELOW_HIGH
    } ends;                              /* which end is not in the range */
    const struct allometer_names *names; /* the words of a WORD; words that an INTEGER takes beside numbers */
    const char *standard;                /* the value where the key is absent; NULL if it must be given */
    const char *help;
};

/* All rows, in the order of the specification. */
extern const struct allometer_sweep_key sweep_keys[];
extern const size_t sweep_n_keys;

/* What follows the last dot of a path. */
const char *sweep_path_name(const char *path);
int sweep_key_of_subtask(const struct allometer_sweep_key *key);

enum { SWEEP_PATH_SIZE = 64 };
/* The key's path, with the subtask's index where it has one. */
void sweep_key_path(const struct allometer_sweep_key *key, int subtask, char path[SWEEP_PATH_SIZE]);

/* The key of such a path, or NULL. */
const struct allometer_sweep_key *sweep_key_find(const char *path);

/* Every value of every key is a double exactly: a number, or the index of a word. */
int sweep_key_accepts(const struct allometer_sweep_key *key, double value);
/* 1 and the value if the text is one that the key accepts. */
int sweep_key_parse(const struct allometer_sweep_key *key, const char *text, double *value);
/* settings: struct allometer_sweep_settings, or a model alone where the key is one of a model, as those of axes are. */
void sweep_key_set(const struct allometer_sweep_key *key, int subtask, double value, void *settings);
double sweep_key_get(const struct allometer_sweep_key *key, int subtask, const void *settings);

/* "an integer from 1 to 4096", "one of adam, adamw, sgd". */
void sweep_key_expectation(const struct allometer_sweep_key *key, char *text, size_t size);
/* The value as a sweep file writes it. */
void sweep_key_format(const struct allometer_sweep_key *key, double value, char *text, size_t size);

#endif
