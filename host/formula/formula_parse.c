/* The parser of formulas: recursive descent over the text, straight to nodes.

     sum      = product {("+" | "-") product}
     product  = signed {("*" | "/") signed}
     signed   = ("-" | "+") signed | power
     power    = operand [("^" | "**") signed]
     operand  = number | name | function "(" sum {"," sum} ")" | "(" sum ")" */
#include "formula_parser.h"
#include "formula_words.h"
#include "text.h"

#include <string.h>

enum {
    DEPTH_MOST = 100,  /* parentheses within each other */
    SHOWN_BEFORE = 50, /* of a formula around an error, in characters */
    SHOWN_AFTER = 25
};

static int is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* ---- errors ---- */

/* Where a character begins that is n characters before (or, with step 1, after) this place, or the text's end. */
static const char *characters_away(const char *from, const char *end, int step, int n) {
    while (n > 0 && from != end) {
        from += step;
        if ((*from & 0xc0) != 0x80) --n;
    }
    return from;
}

int formula_fail_at(struct formula_parser *parser, const char *where, const char *message) {
    char shown[4 * (SHOWN_BEFORE + SHOWN_AFTER) + 1], mark[SHOWN_BEFORE + 8] = "";
    if (parser->code != ALLOMETER_OK) return -1;
    const char *end = parser->text + strlen(parser->text);
    const char *begin = characters_away(where, parser->text, -1, SHOWN_BEFORE);
    const char *stop = characters_away(where, end, 1, SHOWN_AFTER);
    size_t n = 0, n_mark = 0;
    for (const char *c = begin; c < stop && n < sizeof shown - 1; ++c) {
        shown[n++] = (unsigned char)*c < ' ' ? ' ' : *c; /* no line breaks */
        if (c < where && (*c & 0xc0) != 0x80 && n_mark < sizeof mark - 1) mark[n_mark++] = ' ';
    }
    shown[n] = mark[n_mark] = 0;
    int cut = begin > parser->text;
    parser->code =
        allometer_fail(parser->error, ALLOMETER_BAD_INPUT, "formula: %s\n  %s%s%s\n  %s%s^", message,
                       cut ? "..." : "", shown, stop < end ? "..." : "", cut ? "   " : "", mark);
    return -1;
}

int formula_fail_full(struct formula_parser *parser, const char *where) {
    char message[64];
    snprintf(message, sizeof message, "too long: more than %d numbers and operations", ALLOMETER_MAX_SLOTS);
    return formula_fail_at(parser, where, message);
}

static int checked(struct formula_parser *parser, const char *where, int node) {
    return node < 0 && parser->code == ALLOMETER_OK ? formula_fail_full(parser, where) : node;
}

/* ---- the grammar: each function gives a node, or -1 after an error ---- */

static int parse_sum(struct formula_parser *parser);
static int parse_signed(struct formula_parser *parser);

static void skip_spaces(struct formula_parser *parser) {
    while (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n' || *parser->at == '\r')
        ++parser->at;
}

/* Whether that sign comes next, which is then behind; spaces are behind either way. */
static int take(struct formula_parser *parser, const char *sign) {
    size_t n = strlen(sign);
    skip_spaces(parser);
    if (strncmp(parser->at, sign, n) != 0) return 0;
    parser->at += n;
    return 1;
}

static int instruction(struct formula_parser *parser, const char *where, enum allometer_operation operation,
                       int a, int b) {
    return checked(parser, where, formula_node_instruction(&parser->nodes, operation, a, b));
}

static int parse_number(struct formula_parser *parser) {
    char digits[64];
    const char *begin = parser->at, *c = begin;
    while (is_digit(*c)) ++c;
    if (*c == '.') ++c;
    while (is_digit(*c)) ++c;
    if (*c == 'e' || *c == 'E') {
        const char *exponent = c + 1 + (c[1] == '+' || c[1] == '-');
        if (is_digit(*exponent)) {
            for (c = exponent; is_digit(*c);) ++c;
        }
    }
    size_t n = (size_t)(c - begin);
    double value;
    if (n >= sizeof digits) return formula_fail_at(parser, begin, "a number of too many digits");
    memcpy(digits, begin, n);
    digits[n] = 0;
    if (!text_to_double(digits, &value))
        return formula_fail_at(parser, begin, "expected a number, such as 0.5 or 2e-3");
    parser->at = c;
    if (is_letter(*c) || *c == '`')
        return formula_fail_at(parser, c, "expected an operator: a product is written 2*x");
    return checked(parser, begin, formula_node_constant(&parser->nodes, value));
}

/* Whether something stands here that begins an operand. */
static int at_operand(const struct formula_parser *parser) {
    char c = *parser->at;
    return c == '(' || c == '`' || c == '.' || is_letter(c) || is_digit(c);
}

/* What follows is not what was expected: an operand, where a product without its sign was meant, or something else. */
static int fail_expected(struct formula_parser *parser, const char *message) {
    static const char product[] = "expected an operator before this: a product is written with *";
    const char *at = parser->at;
    if (*at == '.' && is_letter(at[1]) && at > parser->text && (is_letter(at[-1]) || is_digit(at[-1])))
        return formula_fail_at(parser, at, "a name with a dot stands in `backquotes`");
    return formula_fail_at(parser, at, at_operand(parser) ? product : message);
}

static int parse_call(struct formula_parser *parser, const char *begin,
                      const struct formula_function *function) {
    char message[96];
    int operands[2];
    for (int i = 0; i < function->n_operands; ++i) {
        if (i > 0 && !take(parser, ",")) {
            snprintf(message, sizeof message, "expected a comma: %s takes %d arguments", function->text,
                     function->n_operands);
            return fail_expected(parser, message);
        }
        operands[i] = parse_sum(parser);
        if (operands[i] < 0) return -1;
    }
    if (!take(parser, ")")) {
        snprintf(message, sizeof message, "expected ')': %s takes %d argument%s", function->text,
                 function->n_operands, function->n_operands == 1 ? "" : "s");
        return fail_expected(parser, message);
    }
    return instruction(parser, begin, function->operation, operands[0], operands[function->n_operands - 1]);
}

/* The node of a name that is known, length n; -1 of one that is not, or after an error. */
static int find_known(struct formula_parser *parser, const char *begin, size_t n) {
    enum formula_node_kind kind = parser->kind == FORMULA_OF_PARAMETERS ? FORMULA_PARAMETER : FORMULA_COLUMN;
    int i = 0;
    while (i < parser->n_known && !formula_name_is(begin, n, parser->known[i])) ++i;
    return i < parser->n_known ? checked(parser, begin, formula_node_add(&parser->nodes, kind, i)) : -1;
}

static int parse_parameter(struct formula_parser *parser, const char *begin, size_t n) {
    struct formula_law *made = parser->made;
    int p = 0, P = made->program.n_parameters;
    char message[96];
    if (parser->kind == FORMULA_OF_PARAMETERS)
        return formula_fail_at(parser, begin, "no parameter of the law has this name");
    if (parser->kind == FORMULA_OF_COLUMNS)
        return formula_fail_at(
            parser, begin,
            "no column of numbers has this name; one with blanks or signs stands in `backquotes`");
    while (p < P && !formula_name_is(begin, n, made->names[p])) ++p;
    if (p == P) {
        if (P == ALLOMETER_MAX_PARAMETERS) {
            snprintf(message, sizeof message, "more than %d parameters", ALLOMETER_MAX_PARAMETERS);
            return formula_fail_at(parser, begin, message);
        }
        if (n >= FORMULA_NAME_SIZE) {
            snprintf(message, sizeof message, "a name of more than %d bytes", FORMULA_NAME_SIZE - 1);
            return formula_fail_at(parser, begin, message);
        }
        memcpy(made->names[p], begin, n);
        made->program.n_parameters++;
    }
    return checked(parser, begin, formula_node_add(&parser->nodes, FORMULA_PARAMETER, p));
}

/* The first character of a name that is a sign or a blank, as texts of papers have them: U+00A0 to U+00BF but for their
   letters, the cross and the obelus, general punctuation, superscripts but letters, mathematical operators. NULL: none. */
static const char *find_sign(const char *name, const char *end) {
    for (const unsigned char *c = (const unsigned char *)name; c < (const unsigned char *)end; ++c) {
        int latin = c[0] == 0xc2 && c[1] >= 0xa0 && c[1] != 0xaa && c[1] != 0xb5 && c[1] != 0xba;
        int times = c[0] == 0xc3 && (c[1] == 0x97 || c[1] == 0xb7);
        int punctuation = c[0] == 0xe2 && (c[1] == 0x80 || (c[1] == 0x81 && c[2] != 0xb1 && c[2] != 0xbf));
        int mathematical = c[0] == 0xe2 && c[1] >= 0x88 && c[1] <= 0x8b;
        if (latin || times || punctuation || mathematical) return (const char *)c;
    }
    return NULL;
}

/* A column, a function's call, a constant or a parameter: what the name is, in this order. */
static int parse_name(struct formula_parser *parser) {
    const char *begin = parser->at, *c = begin;
    char message[96];
    while (is_letter(*c) || is_digit(*c)) ++c;
    size_t n = (size_t)(c - begin);
    parser->at = c;
    skip_spaces(parser);
    int called = *parser->at == '(';
    int known = called ? -1 : find_known(parser, begin, n);
    if (known >= 0 || parser->code != ALLOMETER_OK) return known;
    const char *sign = find_sign(begin, begin + n);
    if (sign) return formula_fail_at(parser, sign, "no letter of a name: write + - * / ^, and plain blanks");
    const struct formula_function *function = formula_function_find(begin, n);
    if (function && called) return ++parser->at, parse_call(parser, begin, function);
    if (function) {
        snprintf(message, sizeof message, "expected '(': %s is a function", function->text);
        return formula_fail_at(parser, parser->at, message);
    }
    if (called) {
        char name[FORMULA_NAME_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)(n < FORMULA_NAME_SIZE ? n : FORMULA_NAME_SIZE - 1), begin);
        struct text_nearest nearest = {.word = name};
        for (int i = 0; n > 1 && allometer_formula_word(i); ++i)
            text_nearest_offer(&nearest, allometer_formula_word(i));
        snprintf(message, sizeof message, "no such function; %s%s%sa product is written with *",
                 nearest.best ? "did you mean '" : "", nearest.best ? nearest.best : "",
                 nearest.best ? "'? " : "");
        return formula_fail_at(parser, begin, message);
    }
    const double *constant = formula_constant_find(begin, n);
    if (constant) return checked(parser, begin, formula_node_constant(&parser->nodes, *constant));
    return parse_parameter(parser, begin, n);
}

static int parse_quoted(struct formula_parser *parser) {
    const char *begin = parser->at + 1, *end = strchr(begin, '`');
    if (!end) return formula_fail_at(parser, parser->at, "expected a second ` after the column's name");
    static const char *const unknown[] = {
        [FORMULA_OF_LAW] = "backquotes are for the columns of --x, and this is none of them",
        [FORMULA_OF_COLUMNS] = "no column of numbers has this name",
        [FORMULA_OF_PARAMETERS] = "no parameter of the law has this name",
    };
    int known = find_known(parser, begin, (size_t)(end - begin));
    if (known < 0) return formula_fail_at(parser, begin, unknown[parser->kind]);
    parser->at = end + 1;
    return known;
}

static int parse_operand(struct formula_parser *parser) {
    skip_spaces(parser);
    char c = *parser->at;
    if (is_digit(c) || (c == '.' && is_digit(parser->at[1]))) return parse_number(parser);
    if (is_letter(c)) return parse_name(parser);
    if (c == '`') return parse_quoted(parser);
    if (c == '(') {
        const char *open = parser->at++;
        int node = parse_sum(parser);
        if (node >= 0 && !take(parser, ")")) {
            return *parser->at ? fail_expected(parser, "expected an operator or ')'")
                               : formula_fail_at(parser, open, "this parenthesis is never closed");
        }
        return node;
    }
    if (c == '\0')
        return formula_fail_at(parser, parser->at, "expected a number, a name or '(' here at the end");
    return formula_fail_at(parser, parser->at, "expected a number, a name or '('");
}

static int parse_power(struct formula_parser *parser) {
    int base = parse_operand(parser);
    if (base < 0) return -1;
    skip_spaces(parser);
    const char *where = parser->at;
    if (!take(parser, "**") && !take(parser, "^")) return base;
    return instruction(parser, where, ALLOMETER_OPERATION_power, base, parse_signed(parser));
}

/* Every way into itself that the grammar has leads through here. */
static int parse_signed(struct formula_parser *parser) {
    int node;
    skip_spaces(parser);
    const char *where = parser->at;
    if (++parser->depth > DEPTH_MOST) return formula_fail_at(parser, where, "nested too deeply");
    if (take(parser, "-")) {
        node = parse_signed(parser);
        node = instruction(parser, where, ALLOMETER_OPERATION_negate, node, node);
    } else {
        node = take(parser, "+") ? parse_signed(parser) : parse_power(parser);
    }
    --parser->depth;
    return node;
}

static int parse_product(struct formula_parser *parser) {
    int node = parse_signed(parser);
    while (node >= 0) {
        skip_spaces(parser);
        const char *where = parser->at;
        if (take(parser, "*"))
            node = instruction(parser, where, ALLOMETER_OPERATION_multiply, node, parse_signed(parser));
        else if (take(parser, "/"))
            node = instruction(parser, where, ALLOMETER_OPERATION_divide, node, parse_signed(parser));
        else
            break;
    }
    return node;
}

static int parse_sum(struct formula_parser *parser) {
    int node = parse_product(parser);
    while (node >= 0) {
        skip_spaces(parser);
        const char *where = parser->at;
        if (take(parser, "+"))
            node = instruction(parser, where, ALLOMETER_OPERATION_add, node, parse_product(parser));
        else if (take(parser, "-"))
            node = instruction(parser, where, ALLOMETER_OPERATION_subtract, node, parse_product(parser));
        else
            break;
    }
    return node;
}

int formula_parse(struct formula_parser *parser) {
    int node = parse_sum(parser);
    skip_spaces(parser);
    char c = *parser->at;
    if (node < 0 || c == '\0') return node;
    if (c == ')') return formula_fail_at(parser, parser->at, "this parenthesis was never opened");
    if (c == '=')
        return formula_fail_at(parser, parser->at, "expected an operator; what stands before '=' is --y");
    return fail_expected(parser, "expected an operator: + - * / ^");
}
