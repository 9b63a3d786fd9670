/* The models of a training case, and what a peer needs to train the same. */
#ifndef ALLOMETER_TRAIN_CASE_H
#define ALLOMETER_TRAIN_CASE_H

#include "bench.h"

/* The case's model, seed 0; *n_models changes if the text says how many. Quits on text that is no case. */
struct allometer_model train_case_parse(const char *text, int *n_models);

/* Trains the models and writes, in this order, as 32-bit floats: of each model its samples x (S, D) and targets (S, O), its
   initial parameters in the order of allometer_n_parameters, and its training loss before the last step. */
void train_problems_write(const struct allometer_backend *backend, struct allometer_device *device,
                          const struct allometer_model *models, int n_models, const char *path);

#endif
