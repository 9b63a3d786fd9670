/* From a parsed formula to a law. */
#include "formula_parser.h"

#include <stdlib.h>
#include <string.h>

static enum allometer_code make_law(struct formula_parser *parser, int root) {
    struct formula_law *made = parser->made;
    unsigned char positive[ALLOMETER_MAX_PARAMETERS] = {0};
    int P = made->program.n_parameters;
    const int C = made->program.n_columns, is_law = parser->kind == FORMULA_OF_LAW;
    if (P == 0 && is_law) {
        formula_fail_at(parser, parser->text, "nothing to fit: every name in it is a column");
        return parser->code;
    }
    /* a program's value is that of its last slot: of a name alone, an instruction that gives it */
    if (parser->nodes.nodes[root].kind <= FORMULA_COLUMN) {
        root = formula_node_instruction(&parser->nodes, ALLOMETER_OPERATION_multiply, root,
                                        formula_node_constant(&parser->nodes, 1));
    }
    if (root < 0 || !formula_nodes_program(&parser->nodes, root, P, C, &made->program)) {
        formula_fail_full(parser, parser->text);
        return parser->code;
    }
    for (int c = 0; c < C && is_law; ++c) {
        if (formula_reads_column(&made->program, c)) continue;
        return allometer_fail(parser->error, ALLOMETER_BAD_INPUT,
                              "formula '%s' does not contain the column '%s' of --x", parser->text,
                              parser->known[c]);
    }
    if (is_law) formula_positive(&made->program, positive);
    if (!formula_take_logs(&made->program, positive)) {
        formula_fail_full(parser, parser->text);
        return parser->code;
    }
    for (int p = 0; p < P; ++p) {
        made->parameters[p] = (struct allometer_law_parameter){
            made->names[p], positive[p] ? ALLOMETER_ROLE_POSITIVE : ALLOMETER_ROLE_ANY, ""};
    }
    made->law = (struct allometer_law){.id = ALLOMETER_LAW_FORMULA,
                                       .name = made->text,
                                       .formula = made->text,
                                       .source = "a formula",
                                       .n_parameters = P,
                                       .n_columns = C,
                                       .form = ALLOMETER_COLUMNS_PLAIN,
                                       .parameters = made->parameters,
                                       .program = &made->program};
    return ALLOMETER_OK;
}

static enum allometer_code parse(const char *text, enum formula_kind kind, const char *const *known,
                                 int n_known, struct allometer_law **law, struct allometer_error *error) {
    int most = kind == FORMULA_OF_PARAMETERS ? ALLOMETER_MAX_PARAMETERS : ALLOMETER_MAX_LAW_COLUMNS;
    *law = NULL;
    if (n_known < (kind == FORMULA_OF_LAW) || n_known > most) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%d names for a formula; expected 1 to %d", n_known,
                              most);
    }
    if (strlen(text) > FORMULA_TEXT_MOST) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "a formula of more than %d bytes",
                              FORMULA_TEXT_MOST);
    }
    struct formula_parser parser = {
        .text = text, .at = text, .kind = kind, .known = known, .n_known = n_known, .error = error};
    parser.made = calloc(1, sizeof *parser.made);
    if (!parser.made) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for a formula");
    strcpy(parser.made->text, text);
    *(kind == FORMULA_OF_PARAMETERS ? &parser.made->program.n_parameters : &parser.made->program.n_columns) =
        n_known;
    int root = formula_parse(&parser);
    enum allometer_code code = root < 0 ? parser.code : make_law(&parser, root);
    if (code == ALLOMETER_OK)
        *law = &parser.made->law;
    else
        free(parser.made);
    return code;
}

enum allometer_code allometer_law_parse(const char *text, const char *const *columns, int n_columns,
                                        struct allometer_law **law, struct allometer_error *error) {
    return parse(text, FORMULA_OF_LAW, columns, n_columns, law, error);
}

enum allometer_code allometer_law_parse_columns(const char *text, const char *const *columns, int n_columns,
                                                struct allometer_law **law, struct allometer_error *error) {
    return parse(text, FORMULA_OF_COLUMNS, columns, n_columns, law, error);
}

enum allometer_code allometer_law_parse_parameters(const char *text, const char *const *parameters,
                                                   int n_parameters, struct allometer_law **law,
                                                   struct allometer_error *error) {
    return parse(text, FORMULA_OF_PARAMETERS, parameters, n_parameters, law, error);
}

void allometer_law_free(struct allometer_law *law) {
    free(law);
}
