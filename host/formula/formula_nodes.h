/* A formula between its text and its program: a list of nodes, each after those that it reads. */
#ifndef ALLOMETER_FORMULA_NODES_H
#define ALLOMETER_FORMULA_NODES_H

#include "program.h"

enum formula_node_kind { FORMULA_PARAMETER, FORMULA_COLUMN, FORMULA_CONSTANT, FORMULA_INSTRUCTION };

struct formula_node {
    enum formula_node_kind kind;
    int index;    /* of the parameter or column; the operation */
    int a, b;     /* nodes that an instruction reads: one operand twice where it has one */
    double value; /* of a constant */
};

struct formula_nodes {
    struct formula_node nodes[ALLOMETER_MAX_SLOTS];
    int n;
};

/* Each gives the node's number, an equal one where there is one, or -1 where the list is full. Instructions on
   constants become constants, powers of whole numbers products. */
int formula_node_add(struct formula_nodes *nodes, enum formula_node_kind kind, int index);
int formula_node_constant(struct formula_nodes *nodes, double value);
int formula_node_instruction(struct formula_nodes *nodes, enum allometer_operation operation, int a, int b);

/* The program that computes the last argument's node: what it does not need is left out. 0 where it is too long. */
int formula_nodes_program(const struct formula_nodes *nodes, int root, int n_parameters, int n_columns,
                          struct allometer_program *program);

/* What can be told of a program's parameters (formula_shape.c). */

/* Marks with 1 (P marks, all 0 before) the parameters that only have a value where they are positive: the base of a
   power, or what a logarithm or root is taken of, but for factors that are not parameters. */
void formula_positive(const struct allometer_program *program, unsigned char *positive);
/* The same of the parameters that make up an exponent, with columns and each other. */
void formula_exponents(const struct allometer_program *program, unsigned char *exponents);
/* Makes the program take the logarithms of the marked parameters in place of these. 0 where it gets too long. */
int formula_take_logs(struct allometer_program *program, const unsigned char *marks);
/* Marks a set of parameters, out of the candidates, in which the formula is linear if the others are kept. */
void formula_linear(const struct allometer_program *program, const unsigned char *candidate,
                    unsigned char *linear);
/* Whether the formula reads that column at all. */
int formula_reads_column(const struct allometer_program *program, int column);

#endif
