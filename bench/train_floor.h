/* What training needs at least: counted from the formulas, whatever a kernel does. */
#ifndef ALLOMETER_TRAIN_FLOOR_H
#define ALLOMETER_TRAIN_FLOOR_H

#include "ceiling.h"

/* Of one neuron-sample (one neuron at one sample in one step) of a model of one hidden layer trained by Adam. */
struct floor train_floor(const struct allometer_model *model);

#endif
