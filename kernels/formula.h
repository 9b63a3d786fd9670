/* Formulas over lanes: a program's value and its exact derivatives by the parameters, at several points at once, which
   share what it costs to find out what an instruction does. formula_begin, then the columns, formula_forward and
   formula_backward.

   Reverse mode: on the way forward each instruction leaves its value and its slopes by its two operands, so that the way
   back is the same two multiply-adds for all of them. That costs about as much again as the value, however many
   parameters there are; forward mode would cost as much for each parameter. */
#ifndef ALLOMETER_FORMULA_H
#define ALLOMETER_FORMULA_H

#include "law.h"
#include "program.h"

/* ---- one function for each row of ALLOMETER_INSTRUCTIONS: the value, and the slopes by a and b ----
   A function of one operand is not told of b, nor of its slope, which is 0. */

KERNEL vd formula_add(vd a, vd b, vd *da, vd *db) {
    *da = *db = vd_set(1);
    return a + b;
}

KERNEL vd formula_subtract(vd a, vd b, vd *da, vd *db) {
    *da = vd_set(1);
    *db = vd_set(-1);
    return a - b;
}

KERNEL vd formula_multiply(vd a, vd b, vd *da, vd *db) {
    *da = b;
    *db = a;
    return a * b;
}

KERNEL vd formula_divide(vd a, vd b, vd *da, vd *db) {
    vd y = a / b;
    *da = vd_set(1) / b;
    *db = -y / b;
    return y;
}

/* NaN below 0; at 0 the limits from above. */
KERNEL vd formula_power(vd a, vd b, vd *da, vd *db) {
    vd zero = vd_set(0), one = vd_set(1), log_a = vd_log_u10(a);
    vd y = vd_select(b == zero, one, vd_exp_u10(b * log_a));
    vd below_one = vd_select(b < zero, -vd_set(INFINITY), vd_select(b == zero, zero, vd_set(INFINITY)));
    vd at_zero = vd_select(b > one, zero, vd_select(b == one, one, below_one));
    *da = vd_select(a == zero, at_zero, b * y / a);
    *db = vd_select(y == zero, zero, y * log_a);
    return y;
}

/* b is the same whole number for all lanes: a constant. */
KERNEL vd formula_whole_power(vd a, vd b, vd *da, vd *db) {
    int n = (int)vd_get(&b, 0), size = n < 0 ? -n : n;
    vd less = vd_set(1), square = a; /* a^(size - 1) */
    for (int rest = size - 1; rest > 0; rest >>= 1) {
        if (rest & 1) less = less * square;
        square = square * square;
    }
    vd y = n == 0 ? vd_set(1) : n > 0 ? less * a : vd_set(1) / (less * a);
    *da = n == 0 ? vd_set(0) : n > 0 ? b * less : b * y / a;
    *db = vd_set(0);
    return y;
}

KERNEL vd formula_negate(vd a, vd *da) {
    *da = vd_set(-1);
    return -a;
}

KERNEL vd formula_exp(vd a, vd *da) {
    *da = vd_exp_u10(a);
    return *da;
}

KERNEL vd formula_expm1(vd a, vd *da) {
    *da = vd_exp_u10(a);
    return vd_expm1_u10(a);
}

KERNEL vd formula_log(vd a, vd *da) {
    *da = vd_set(1) / a;
    return vd_log_u10(a);
}

KERNEL vd formula_log2(vd a, vd *da) {
    vd y = formula_log(a, da);
    *da = *da * vd_set(1.4426950408889634);
    return y * vd_set(1.4426950408889634);
}

KERNEL vd formula_log10(vd a, vd *da) {
    vd y = formula_log(a, da);
    *da = *da * vd_set(0.4342944819032518);
    return y * vd_set(0.4342944819032518);
}

KERNEL vd formula_log1p(vd a, vd *da) {
    *da = vd_set(1) / (vd_set(1) + a);
    return vd_log1p_u10(a);
}

KERNEL vd formula_sqrt(vd a, vd *da) {
    vd y = vd_sqrt(a);
    *da = vd_set(0.5) / y;
    return y;
}

KERNEL vd formula_abs(vd a, vd *da) {
    *da = vd_select(a < vd_set(0), vd_set(-1), vd_set(1));
    return vd_abs(a);
}

KERNEL vd formula_tanh(vd a, vd *da) {
    vd y = vd_tanh_u10(a);
    *da = vd_set(1) - y * y;
    return y;
}

KERNEL vd formula_sin(vd a, vd *da) {
    *da = vd_cos_u10(a);
    return vd_sin_u10(a);
}

KERNEL vd formula_cos(vd a, vd *da) {
    *da = -vd_sin_u10(a);
    return vd_cos_u10(a);
}

KERNEL vd formula_atan(vd a, vd *da) {
    *da = vd_set(1) / (vd_set(1) + a * a);
    return vd_atan_u10(a);
}

KERNEL vd formula_erf(vd a, vd *da) {
    *da = vd_set(1.1283791670955126) * vd_exp_u10(-a * a); /* 2 / sqrt(pi) */
    return vd_erf_u10(a);
}

/* log(1 + exp(a)) */
KERNEL vd formula_softplus(vd a, vd *da) {
    return softplus(a, da);
}

/* 1 / (1 + exp(-a)) */
KERNEL vd formula_logistic(vd a, vd *da) {
    vd e = vd_exp_u10(-vd_abs(a)), one = vd_set(1), share = one / (one + e);
    *da = e * share * share;
    return vd_select(a < vd_set(0), e * share, share);
}

/* NaN where either is: what is missing is no bound. */
KERNEL vd formula_min(vd a, vd b, vd *da, vd *db) {
    vmd first = vmd_or(a < b, a != a);
    *da = vd_select(first, vd_set(1), vd_set(0));
    *db = vd_set(1) - *da;
    return vd_select(first, a, b);
}

KERNEL vd formula_max(vd a, vd b, vd *da, vd *db) {
    vmd first = vmd_or(a > b, a != a);
    *da = vd_select(first, vd_set(1), vd_set(0));
    *db = vd_set(1) - *da;
    return vd_select(first, a, b);
}

#define FORMULA_OF_1(name) (db[i] = vd_set(0), formula_##name(a[i], &da[i]))
#define FORMULA_OF_2(name) formula_##name(a[i], b[i], &da[i], &db[i])

/* At n points: y, and the slopes by a and b. */
KERNEL void formula_steps(int operation, int n, const vd *a, const vd *b, vd *y, vd *da, vd *db) {
    switch (operation) {
#define ROW(name, text, operands)                                       \
    case ALLOMETER_OPERATION_##name:                                    \
        for (int i = 0; i < n; ++i) y[i] = FORMULA_OF_##operands(name); \
        break;
        ALLOMETER_INSTRUCTIONS(ROW)
#undef ROW
    }
}

KERNEL vd formula_step(int operation, vd a, vd b, vd *da, vd *db) {
    vd y = *da = *db = vd_set(NAN); /* what it is of no operation */
    formula_steps(operation, 1, &a, &b, &y, da, db);
    return y;
}

/* ---- the program ---- */

enum { FORMULA_TAPE = VD_LANES > 1 ? 256 : ALLOMETER_MAX_SLOTS };

/* Of n points: slot s of point i at [s * n + i]. */
struct formula_tape {
    vd value[FORMULA_TAPE], da[FORMULA_TAPE], db[FORMULA_TAPE], pull[FORMULA_TAPE];
};

KERNEL int formula_slots(const struct allometer_program *program) {
    return program->n_parameters + program->n_columns + program->n_constants + program->n_instructions;
}

/* How many points go through a tape at once: what fits; on CUDA 1, which the compiler must see. */
KERNEL int formula_most_points(const struct allometer_program *program) {
    return VD_LANES > 1 ? FORMULA_TAPE / formula_slots(program) : 1;
}

/* Fills the slots of parameters and constants; where those of the columns are that are still to be filled. */
KERNEL vd *formula_begin(const struct allometer_program *program, const vd *t, int n,
                         struct formula_tape *tape) {
    vd *columns = tape->value + program->n_parameters * n, *constants = columns + program->n_columns * n;
    for (int p = 0; p < program->n_parameters; ++p) {
        for (int i = 0; i < n; ++i) tape->value[p * n + i] = t[p];
    }
    for (int k = 0; k < program->n_constants; ++k) {
        for (int i = 0; i < n; ++i) constants[k * n + i] = vd_set(program->constants[k]);
    }
    return columns;
}

/* Fills the values of the instructions, and their slopes; where the formula's own values are. */
KERNEL const vd *formula_forward(const struct allometer_program *program, int n, struct formula_tape *tape) {
    int at = (formula_slots(program) - program->n_instructions) * n;
    for (int k = 0; k < program->n_instructions; ++k, at += n) {
        struct allometer_instruction step = program->code[k];
        formula_steps(step.operation, n, tape->value + step.a * n, tape->value + step.b * n, tape->value + at,
                      tape->da + at, tape->db + at);
    }
    return tape->value + at - n;
}

/* The pull of an operand and what comes through one result: nothing of an operand that does not move it, though the result
   pulls without end, as x/c does in (x/c)^0.5 where x is 0. */
KERNEL vd formula_pulled(vd so_far, vd pull, vd slope) {
    return vd_select(slope == vd_set(0), so_far, so_far + pull * slope);
}

/* The derivatives of the formula by every slot (pull), from the last to the first. */
KERNEL void formula_backward(const struct allometer_program *program, int n, struct formula_tape *tape) {
    const int n_slots = formula_slots(program), first = n_slots - program->n_instructions;
    for (int at = 0; at < n_slots * n; ++at) tape->pull[at] = vd_set(at >= (n_slots - 1) * n);
    for (int s = n_slots - 1; s >= first; --s) {
        struct allometer_instruction step = program->code[s - first];
        vd *a = tape->pull + step.a * n, *b = tape->pull + step.b * n;
        for (int i = 0, at = s * n; i < n; ++i, ++at) {
            a[i] = formula_pulled(a[i], tape->pull[at], tape->da[at]);
            b[i] = formula_pulled(b[i], tape->pull[at], tape->db[at]);
        }
    }
}

#endif
