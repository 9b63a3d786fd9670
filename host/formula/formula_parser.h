/* What the grammar of formulas (formula_parse.c) and the laws made of them (formula_law.c) share. */
#ifndef ALLOMETER_FORMULA_PARSER_H
#define ALLOMETER_FORMULA_PARSER_H

#include "formula_nodes.h"
#include "formula_parse.h"

enum {
    FORMULA_NAME_SIZE = 64,  /* of a parameter, with its 0 */
    FORMULA_TEXT_MOST = 4000 /* bytes of a formula */
};

/* The law that is made: all in one piece of memory. */
struct formula_law {
    struct allometer_law law; /* first, so that freeing it frees all */
    struct allometer_program program;
    struct allometer_law_parameter parameters[ALLOMETER_MAX_PARAMETERS];
    char names[ALLOMETER_MAX_PARAMETERS][FORMULA_NAME_SIZE];
    char text[FORMULA_TEXT_MOST + 1];
};

/* What the names of a formula may be: columns, all others being parameters; or only what is known. */
enum formula_kind { FORMULA_OF_LAW, FORMULA_OF_COLUMNS, FORMULA_OF_PARAMETERS };

struct formula_parser {
    const char *text, *at;
    enum formula_kind kind;
    const char *const *known; /* names of columns, or of parameters */
    int n_known, depth;
    struct formula_nodes nodes;
    struct formula_law *made;
    struct allometer_error *error;
    enum allometer_code code;
};

/* Parses the whole text into the nodes; gives the node of its value, or -1 after an error. */
int formula_parse(struct formula_parser *parser);
/* The message, then the formula with a mark under the character at `where`. Gives -1. */
int formula_fail_at(struct formula_parser *parser, const char *where, const char *message);
int formula_fail_full(struct formula_parser *parser, const char *where);

#endif
