/* Formulas in place of a law's name. */
#include "formula_parse.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct allometer_law *verb_formula(const char *text, const char *const *columns, int n_columns) {
    struct allometer_error error = {0};
    struct allometer_law *law;
    enum allometer_code code = allometer_law_parse(text, columns, n_columns, &law, &error);
    if (code != ALLOMETER_OK && strpbrk(text, "+*/^()` ")) exit(verb_fail(&error));
    return law;
}

void verb_formula_warn(const struct allometer_law *law, const struct allometer_table *table) {
    for (int p = 0; law && p < law->n_parameters; ++p) {
        size_t column;
        if (allometer_table_find(table, law->parameters[p].name, &column, NULL) != ALLOMETER_OK) continue;
        fprintf(stderr,
                "allometer: '%s' is a parameter of the formula, and also a column that --x does not list\n",
                law->parameters[p].name);
    }
}
