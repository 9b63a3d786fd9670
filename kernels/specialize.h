/* The compile-time cases of the training kernel: D and O are rounded up to the first row that holds both, for each
   activation. Few rows for what is rare: each costs 20 KB of code and seconds of compilation. */
#ifndef ALLOMETER_SPECIALIZE_H
#define ALLOMETER_SPECIALIZE_H

#include "activation.h"

/* SMALL_: the first of them, which several small models share too (train_models.h). */
#ifdef ALLOMETER_FEW_SPECIALIZATIONS /* the same text sooner: for builds that look at it and not at speed */
#define SMALL_SPECIALIZATION_TABLE(ROW, kind) ROW(kind, 2, 2)
#define SPECIALIZATION_TABLE(ROW, kind)       SMALL_SPECIALIZATION_TABLE(ROW, kind) ROW(kind, 16, 16)
#else
#define SMALL_SPECIALIZATION_TABLE(ROW, kind) ROW(kind, 1, 1) ROW(kind, 1, 2) ROW(kind, 2, 1) ROW(kind, 2, 2)
#define SPECIALIZATION_TABLE(ROW, kind)   \
    SMALL_SPECIALIZATION_TABLE(ROW, kind) \
    ROW(kind, 1, 4)                       \
    ROW(kind, 4, 1)                       \
    ROW(kind, 2, 4)                       \
    ROW(kind, 4, 2) ROW(kind, 4, 4) ROW(kind, 1, 8) ROW(kind, 8, 1) ROW(kind, 8, 8) ROW(kind, 16, 16)
#endif

struct specialization {
    int D, O;
};

static const struct specialization specializations[] = {
#define ROW(kind, inputs, outputs) {inputs, outputs},
    SPECIALIZATION_TABLE(ROW, )
#undef ROW
};

#define COUNT(kind, inputs, outputs) +1
enum {
    N_SPECIALIZATIONS = sizeof specializations / sizeof specializations[0],
    N_SMALL_SPECIALIZATIONS = SMALL_SPECIALIZATION_TABLE(COUNT, )
};
#undef COUNT

static inline int specialization_index(const struct allometer_model *model) {
    int index = 0;
    while (specializations[index].D < model->n_inputs || specializations[index].O < model->n_outputs) ++index;
    return index;
}

#endif
