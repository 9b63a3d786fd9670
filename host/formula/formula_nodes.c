#include "formula_nodes.h"
#include "formula.h"

#include <math.h>

enum { WHOLE_POWER_MOST = 64 }; /* above, exp(n log x) is as good, and a negative x unlikely */

static int add(struct formula_nodes *nodes, struct formula_node node) {
    for (int i = 0; i < nodes->n; ++i) {
        const struct formula_node *other = &nodes->nodes[i];
        if (other->kind == node.kind && other->index == node.index && other->a == node.a && other->b == node.b
            && other->value == node.value && signbit(other->value) == signbit(node.value)) {
            return i;
        }
    }
    if (nodes->n == ALLOMETER_MAX_SLOTS) return -1;
    nodes->nodes[nodes->n] = node;
    return nodes->n++;
}

int formula_node_add(struct formula_nodes *nodes, enum formula_node_kind kind, int index) {
    return add(nodes, (struct formula_node){.kind = kind, .index = index});
}

int formula_node_constant(struct formula_nodes *nodes, double value) {
    return add(nodes, (struct formula_node){.kind = FORMULA_CONSTANT, .value = value});
}

static int is_constant(const struct formula_nodes *nodes, int node) {
    return nodes->nodes[node].kind == FORMULA_CONSTANT;
}

static double compute(enum allometer_operation operation, double a, double b) {
    vd da, db, y = formula_step((int)operation, vd_set(a), vd_set(b), &da, &db);
    return vd_get(&y, 0);
}

int formula_node_instruction(struct formula_nodes *nodes, enum allometer_operation operation, int a, int b) {
    if (a < 0 || b < 0) return -1;
    if (operation == ALLOMETER_OPERATION_power && is_constant(nodes, b)) {
        double exponent = nodes->nodes[b].value;
        if (exponent == 1) return a;
        if (exponent == 0.5) return formula_node_instruction(nodes, ALLOMETER_OPERATION_sqrt, a, a);
        if (exponent == trunc(exponent) && fabs(exponent) <= WHOLE_POWER_MOST)
            operation = ALLOMETER_OPERATION_whole_power;
    }
    if (is_constant(nodes, a) && is_constant(nodes, b)) {
        return formula_node_constant(nodes, compute(operation, nodes->nodes[a].value, nodes->nodes[b].value));
    }
    return add(nodes,
               (struct formula_node){.kind = FORMULA_INSTRUCTION, .index = (int)operation, .a = a, .b = b});
}

int formula_nodes_program(const struct formula_nodes *nodes, int root, int n_parameters, int n_columns,
                          struct allometer_program *program) {
    unsigned char needed[ALLOMETER_MAX_SLOTS] = {0};
    int slot[ALLOMETER_MAX_SLOTS], counts[FORMULA_INSTRUCTION + 1] = {0}; /* by kind */
    needed[root] = 1;
    for (int i = root; i >= 0; --i) {
        const struct formula_node *node = &nodes->nodes[i];
        if (!needed[i]) continue;
        counts[node->kind]++;
        if (node->kind == FORMULA_INSTRUCTION) needed[node->a] = needed[node->b] = 1;
    }
    int first = n_parameters + n_columns + counts[FORMULA_CONSTANT];
    if (first + counts[FORMULA_INSTRUCTION] > ALLOMETER_MAX_SLOTS) return 0;
    *program = (struct allometer_program){
        .n_parameters = n_parameters, .n_columns = n_columns, .n_constants = counts[FORMULA_CONSTANT]};
    for (int i = 0, k = 0; i <= root; ++i) {
        const struct formula_node *node = &nodes->nodes[i];
        if (!needed[i]) continue;
        switch (node->kind) {
        case FORMULA_PARAMETER:
            slot[i] = node->index;
            break;
        case FORMULA_COLUMN:
            slot[i] = n_parameters + node->index;
            break;
        case FORMULA_CONSTANT:
            program->constants[k] = node->value;
            slot[i] = n_parameters + n_columns + k++;
            break;
        case FORMULA_INSTRUCTION:
            slot[i] = first + program->n_instructions;
            program->code[program->n_instructions++] = (struct allometer_instruction){
                (uint8_t)node->index, (uint8_t)slot[node->a], (uint8_t)slot[node->b]};
            break;
        }
    }
    return 1;
}
