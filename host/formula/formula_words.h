/* The words that a formula may use without making them parameters. */
#ifndef ALLOMETER_FORMULA_WORDS_H
#define ALLOMETER_FORMULA_WORDS_H

#include "program.h"

#include <stddef.h>

struct formula_function {
    const char *text;
    enum allometer_operation operation;
    int n_operands;
};

/* Whether a name of n bytes is that word. */
int formula_name_is(const char *name, size_t n, const char *word);
/* The function, or the constant's value, of a name of n bytes; NULL if there is none. */
const struct formula_function *formula_function_find(const char *name, size_t n);
const double *formula_constant_find(const char *name, size_t n);

#endif
