/* What is wrong with a model, for messages that also know where it was written. */
#ifndef ALLOMETER_MODEL_PROBLEM_H
#define ALLOMETER_MODEL_PROBLEM_H

#include "sweep_keys.h"

struct model_problem {
    char path[SWEEP_PATH_SIZE]; /* "train.warmup" */
    char message[512];          /* "train.warmup is 50, expected at most train.steps (10)" */
};

/* 1 with the first problem found, else 0. */
int model_problem_find(const struct allometer_model *model, struct model_problem *problem);
/* The same of the rules between fields alone, where each is within its range: a tenth of the time. */
int model_problem_find_between(const struct allometer_model *model, struct model_problem *problem);

#endif
