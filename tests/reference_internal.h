/* What the reference's files share. */
#ifndef ALLOMETER_REFERENCE_INTERNAL_H
#define ALLOMETER_REFERENCE_INTERNAL_H

#include "reference.h"

/* Layer l = 0 .. depth of theta: weights (out, in), then biases (out). */
struct layer {
    int in, out, weights, biases;
};

struct layer layer_of(const struct allometer_model *m, int l);
/* Whether the penalty is on parameter i. */
int penalized(const struct allometer_model *m, int i);

/* What each hidden layer gives at one sample (L, H), and the neurons' own activations and, unless NULL, slopes (L, H). */
struct signals {
    double *given, *own, *slope;
};

struct signals signals_make(const struct allometer_model *m, int with_slopes);
void signals_free(struct signals *v);
/* y (O) of one sample; silenced, held: see reference_outputs. */
void signals_run(const struct allometer_model *m, const double *theta, const double *x, int silenced,
                 double held, struct signals *v, double *y);

/* One subtask's loss at one sample; dy (O) gets its derivatives where not NULL. */
double subtask_loss(const struct allometer_subtask *subtask, const double *y, const double *target,
                    double *dy);

#endif
