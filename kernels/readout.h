/* How well each hidden layer of a trained model holds the inner functions of its series. */
#ifndef ALLOMETER_READOUT_H
#define ALLOMETER_READOUT_H

#include "model.h"

#include <stddef.h>

/* Bytes that allometer_readout works in. */
size_t allometer_readout_bytes(const struct allometer_model *model);

/* Fills readout_loss and the correlations of every inner subtask's rows (L, K), from the held-out samples: every other one
   gives the linear read-out (least squares in double precision, with a ridge of 1e-10 of the mean square, so that neurons
   that say the same do no harm), the rest its mean squared error; all give the correlations, of neurons that are allocated
   to a subtask by threshold: what they give themselves, without what flows past them. NaN where there is none, or nothing
   varies. weights: the model's parameters. 0 where memory is out. */
int allometer_readout(const struct allometer_model *model, const float *weights,
                      struct allometer_layer *layers);

#endif
