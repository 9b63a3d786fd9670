/* What a formula's program tells of its parameters. */
#include "formula_nodes.h"

#include <string.h>

static int first_instruction(const struct allometer_program *program) {
    return program->n_parameters + program->n_columns + program->n_constants;
}

/* Marks the parameters among the factors of a slot. */
static void mark_factors(const struct allometer_program *program, int slot, unsigned char *marks) {
    if (slot < program->n_parameters) {
        marks[slot] = 1;
    } else if (slot >= first_instruction(program)) {
        struct allometer_instruction step = program->code[slot - first_instruction(program)];
        if (step.operation != ALLOMETER_OPERATION_multiply && step.operation != ALLOMETER_OPERATION_divide)
            return;
        mark_factors(program, step.a, marks);
        mark_factors(program, step.b, marks);
    }
}

void formula_positive(const struct allometer_program *program, unsigned char *positive) {
    for (int i = 0; i < program->n_instructions; ++i) {
        switch (program->code[i].operation) {
        case ALLOMETER_OPERATION_power:
        case ALLOMETER_OPERATION_log:
        case ALLOMETER_OPERATION_log2:
        case ALLOMETER_OPERATION_log10:
        case ALLOMETER_OPERATION_sqrt:
            mark_factors(program, program->code[i].a, positive);
            break;
        default:
            break;
        }
    }
}

/* Marks the parameters of a slot that is made of them by + - * / alone. */
static void mark_terms(const struct allometer_program *program, int slot, unsigned char *marks) {
    if (slot < program->n_parameters) marks[slot] = 1;
    if (slot < first_instruction(program)) return;
    struct allometer_instruction step = program->code[slot - first_instruction(program)];
    switch (step.operation) {
    case ALLOMETER_OPERATION_add:
    case ALLOMETER_OPERATION_subtract:
    case ALLOMETER_OPERATION_multiply:
    case ALLOMETER_OPERATION_divide:
    case ALLOMETER_OPERATION_negate:
        mark_terms(program, step.a, marks);
        if (step.b != step.a) mark_terms(program, step.b, marks); /* the same of a negation */
        break;
    default:
        break;
    }
}

void formula_exponents(const struct allometer_program *program, unsigned char *exponents) {
    for (int i = 0; i < program->n_instructions; ++i) {
        if (program->code[i].operation != ALLOMETER_OPERATION_power) continue;
        mark_terms(program, program->code[i].b, exponents);
    }
}

int formula_take_logs(struct allometer_program *program, const unsigned char *marks) {
    int n = 0, first = first_instruction(program), slot_of[ALLOMETER_MAX_PARAMETERS];
    for (int p = 0; p < program->n_parameters; ++p) slot_of[p] = marks[p] ? first + n++ : p;
    if (first + program->n_instructions + n > ALLOMETER_MAX_SLOTS) return 0;
    for (int i = program->n_instructions - 1; i >= 0; --i) {
        struct allometer_instruction step = program->code[i];
        uint8_t *operands[] = {&step.a, &step.b};
        for (int k = 0; k < 2; ++k) {
            int slot = *operands[k];
            *operands[k] = (uint8_t)(slot < program->n_parameters ? slot_of[slot]
                                     : slot < first               ? slot
                                                                  : slot + n);
        }
        program->code[i + n] = step;
    }
    for (int p = 0; p < program->n_parameters; ++p) {
        if (!marks[p]) continue;
        program->code[slot_of[p] - first] =
            (struct allometer_instruction){ALLOMETER_OPERATION_exp, (uint8_t)p, (uint8_t)p};
    }
    program->n_instructions += n;
    return 1;
}

/* Whether the formula is linear in all marked parameters together. */
static int is_linear(const struct allometer_program *program, const unsigned char *marks) {
    unsigned char degree[ALLOMETER_MAX_SLOTS] = {0}; /* in the marked parameters; 2: more than linear */
    int slot = first_instruction(program);
    memcpy(degree, marks, (size_t)program->n_parameters);
    for (int i = 0; i < program->n_instructions; ++i, ++slot) {
        struct allometer_instruction step = program->code[i];
        int a = degree[step.a], b = degree[step.b], most = a > b ? a : b;
        switch (step.operation) {
        case ALLOMETER_OPERATION_add:
        case ALLOMETER_OPERATION_subtract:
        case ALLOMETER_OPERATION_negate:
            break;
        case ALLOMETER_OPERATION_multiply:
            most = a + b;
            break;
        case ALLOMETER_OPERATION_divide:
            most = b ? 2 : a;
            break;
        default:
            most = most ? 2 : 0;
        }
        if (most > 1) return 0;
        degree[slot] = (unsigned char)most;
    }
    return 1;
}

/* The largest of the sets that begin with one parameter and take each next one that they can. */
void formula_linear(const struct allometer_program *program, const unsigned char *candidate,
                    unsigned char *linear) {
    int P = program->n_parameters, most = 0;
    memset(linear, 0, (size_t)P);
    for (int begin = 0; begin < P; ++begin) {
        unsigned char marks[ALLOMETER_MAX_PARAMETERS] = {0};
        int n = 0;
        for (int k = 0; k < P; ++k) {
            int p = (begin + k) % P;
            marks[p] = candidate[p];
            if (marks[p] && !is_linear(program, marks)) marks[p] = 0;
            n += marks[p];
        }
        if (n > most) {
            most = n;
            memcpy(linear, marks, (size_t)P);
        }
    }
}

int formula_reads_column(const struct allometer_program *program, int column) {
    int slot = program->n_parameters + column;
    for (int i = 0; i < program->n_instructions; ++i) {
        if (program->code[i].a == slot || program->code[i].b == slot) return 1;
    }
    return 0;
}
