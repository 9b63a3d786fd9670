/* What the files of a sweep share. */
#ifndef ALLOMETER_SWEEP_INTERNAL_H
#define ALLOMETER_SWEEP_INTERNAL_H

#include "model_problem.h"
#include "sweep.h"
#include "sweep_axes.h"

struct allometer_sweep {
    char *specification;
    struct data *data;                        /* NULL: functions */
    struct allometer_sweep_settings settings; /* of every model, before its axes */
    struct sweep_axes axes;
};

/* The canonical text, to be freed; NULL where memory is out. */
char *sweep_specification_make(const struct allometer_sweep *sweep);

/* sweep_model.c: the model at that index, and unless NULL the values that it has along each axis. 1 where it may not be:
   the problem tells why. */
int sweep_make_model(const struct allometer_sweep *sweep, uint64_t index, struct allometer_model *model,
                     struct allometer_axis_value *values, struct model_problem *problem);

#endif
