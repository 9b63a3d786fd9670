/* The axes of a sweep: any model's place on each from the model's index alone. */
#ifndef ALLOMETER_SWEEP_AXES_H
#define ALLOMETER_SWEEP_AXES_H

#include "sweep_document.h"

/* A sweep's most models, and an axis' most values: beyond what any machine trains. */
#define SWEEP_MOST_MODELS 1000000000000

enum sweep_axis_form { SWEEP_AXIS_VALUES, SWEEP_AXIS_LINEAR, SWEEP_AXIS_LOG, SWEEP_AXIS_COUNT };

struct sweep_axis {
    const struct allometer_sweep_key *key;
    int subtask;
    char path[SWEEP_PATH_SIZE];
    enum sweep_axis_form form;
    double first, last; /* of linear and log: the ends; of count: the first value and the last */
    uint64_t n_written; /* as the file says; */
    uint64_t n_values;  /* less what rounding to integers made equal */
    double *values;     /* where they are not computed: `values`, and what lies rounded between ends */
    size_t group;       /* axes of one group move together */
    uint64_t stride;    /* models between one value and the next */
    size_t mark;        /* place in the file */
};

struct sweep_axes {
    struct sweep_axis *axes; /* in the order of the file */
    size_t n_axes;
    uint64_t n_models;
};

/* sweep_axes_free either way. */
enum allometer_code sweep_axes_read(const struct sweep_document *document, const struct sweep_marks *marks,
                                    struct sweep_axes *axes, struct allometer_error *error);
void sweep_axes_free(struct sweep_axes *axes);

/* BAD_INPUT where an axis, or a group of zipped ones, has a value twice. */
enum allometer_code sweep_axes_check_repeats(const struct sweep_marks *marks, const struct sweep_axes *axes,
                                             struct allometer_error *error);

/* The axis of a key's path, or NULL. */
struct sweep_axis *sweep_axes_find(const struct sweep_axes *axes, const char *path);
/* The axis' value number i. */
double sweep_axis_value(const struct sweep_axis *axis, uint64_t i);

#endif
