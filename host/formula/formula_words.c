#include "formula_words.h"
#include "formula_parse.h"

#include <string.h>

static const struct formula_function functions[] = {
#define ROW(name, text, operands) {text, ALLOMETER_OPERATION_##name, operands},
    ALLOMETER_INSTRUCTIONS(ROW)
#undef ROW
        {"pow", ALLOMETER_OPERATION_power, 2},
    {"ln", ALLOMETER_OPERATION_log, 1},
    {"arctan", ALLOMETER_OPERATION_atan, 1},
    {"sigmoid", ALLOMETER_OPERATION_logistic, 1},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static const struct {
    const char *text;
    double value;
} constants[] = {{"pi", 3.14159265358979323846}, {"e", 2.7182818284590452354}};
enum { N_CONSTANTS = sizeof constants / sizeof *constants };

int formula_name_is(const char *name, size_t n, const char *word) {
    return strlen(word) == n && strncmp(word, name, n) == 0;
}

/* Signs such as + have a row too. */
static int is_word(const char *text) {
    return text[0] >= 'a' && text[0] <= 'z';
}

const struct formula_function *formula_function_find(const char *name, size_t n) {
    for (int i = 0; i < N_FUNCTIONS; ++i) {
        if (is_word(functions[i].text) && formula_name_is(name, n, functions[i].text)) return &functions[i];
    }
    return NULL;
}

const double *formula_constant_find(const char *name, size_t n) {
    for (int i = 0; i < N_CONSTANTS; ++i) {
        if (formula_name_is(name, n, constants[i].text)) return &constants[i].value;
    }
    return NULL;
}

const char *allometer_formula_word(int index) {
    int n = 0;
    for (int i = 0; i < N_FUNCTIONS; ++i) {
        if (is_word(functions[i].text) && n++ == index) return functions[i].text;
    }
    return index - n < N_CONSTANTS ? constants[index - n].text : NULL;
}
