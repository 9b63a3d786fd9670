/* A formula as a program: plain data that the host's parser writes and every backend runs (formula.h).

   A program works on slots, each a number: first the P parameters (in the solver's coordinates), then the C columns, then the constants, then one
   for the result of each instruction. The last is the formula's value. An instruction reads slots before its own. */
#ifndef ALLOMETER_PROGRAM_H
#define ALLOMETER_PROGRAM_H

#include "law_table.h"

#include <stdint.h>

enum {
    ALLOMETER_MAX_SLOTS = 192, /* less than 256: an operand is one byte */
};

/* ROW(name, as it is written, operands). What is written as a word is a function of the formula language. */
#define ALLOMETER_INSTRUCTIONS(ROW)                                                    \
    ROW(add, "+", 2)                                                                   \
    ROW(subtract, "-", 2)                                                              \
    ROW(multiply, "*", 2)                                                              \
    ROW(divide, "/", 2)                                                                \
    ROW(power, "^", 2)                                                                 \
    ROW(whole_power, "^n", 2) /* by the whole number n = b: of negative numbers too */ \
    ROW(negate, "-", 1)                                                                \
    ROW(exp, "exp", 1)                                                                 \
    ROW(expm1, "expm1", 1)                                                             \
    ROW(log, "log", 1)                                                                 \
    ROW(log2, "log2", 1)                                                               \
    ROW(log10, "log10", 1)                                                             \
    ROW(log1p, "log1p", 1)                                                             \
    ROW(sqrt, "sqrt", 1)                                                               \
    ROW(abs, "abs", 1)                                                                 \
    ROW(tanh, "tanh", 1)                                                               \
    ROW(sin, "sin", 1)                                                                 \
    ROW(cos, "cos", 1)                                                                 \
    ROW(atan, "atan", 1)                                                               \
    ROW(erf, "erf", 1)                                                                 \
    ROW(softplus, "softplus", 1)                                                       \
    ROW(logistic, "logistic", 1)                                                       \
    ROW(min, "min", 2)                                                                 \
    ROW(max, "max", 2)

enum allometer_operation {
#define ALLOMETER_ROW(name, ...) ALLOMETER_OPERATION_##name,
    ALLOMETER_INSTRUCTIONS(ALLOMETER_ROW)
#undef ALLOMETER_ROW
        ALLOMETER_OPERATION_COUNT
};

struct allometer_instruction {
    uint8_t operation, a, b; /* enum allometer_operation; slots */
};

struct allometer_program {
    int32_t n_parameters, n_columns, n_constants, n_instructions; /* all of them together: slots */
    double constants[ALLOMETER_MAX_SLOTS];
    struct allometer_instruction code[ALLOMETER_MAX_SLOTS];
};

#endif
