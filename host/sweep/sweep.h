/* A sweep file (YAML) read into models: the axes span the models, any of which can be had by its index
   without holding the others. */
#ifndef ALLOMETER_SWEEP_H
#define ALLOMETER_SWEEP_H

#include "backend.h"

struct allometer_sweep;

/* One axis' value for one model. text: NULL for numeric axes; else the word, owned by the sweep. */
struct allometer_axis_value {
    double number;
    const char *text;
};

/* Reads and checks the file. BAD_INPUT names file, line, key and what was expected. */
enum allometer_code allometer_sweep_load(const char *path, struct allometer_sweep **sweep,
                                         struct allometer_error *error);
/* The same from n_bytes in memory, which need not stay; file names them in messages, and its folder is where paths that they
   hold start from. */
enum allometer_code allometer_sweep_parse(const char *file, const char *bytes, size_t n_bytes,
                                          struct allometer_sweep **sweep, struct allometer_error *error);
/* NULL is fine. All texts that the functions below return are freed with the sweep. */
void allometer_sweep_free(struct allometer_sweep *sweep);

const char *allometer_sweep_name(const struct allometer_sweep *sweep);
/* Canonical text (JSON, one key order, defaults filled in) of everything that the results depend on: stored
   with a run and compared when the run goes on. */
const char *allometer_sweep_specification(const struct allometer_sweep *sweep);
int allometer_sweep_keep_weights(const struct allometer_sweep *sweep);

uint64_t allometer_sweep_n_models(const struct allometer_sweep *sweep); /* M */
size_t allometer_sweep_n_axes(const struct allometer_sweep *sweep);
const char *allometer_sweep_axis_name(const struct allometer_sweep *sweep, size_t axis); /* "task.scale" */
int allometer_sweep_axis_is_text(const struct allometer_sweep *sweep, size_t axis);

/* Model `index` of M, and its value on each axis (values: n_axes of them, or NULL). Pure: the same index
   gives the same model, in constant time and memory. */
enum allometer_code allometer_sweep_model(const struct allometer_sweep *sweep, uint64_t index,
                                          struct allometer_model *model, struct allometer_axis_value *values,
                                          struct allometer_error *error);

#endif
