/* Formulas in place of a law's name. */
#include "formula_parse.h"
#include "verbs.h"

#include <ctype.h>
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

static int continues_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/* Whether e stands in a formula, but for a power of it. */
static int reads_e(const char *formula) {
    size_t n;
    for (const char *at = formula; *at; at += n ? n : 1) {
        for (n = 0; *at == '`' ? at[n] && (n == 0 || at[n] != '`') : continues_word(at[n]);) ++n;
        const char *next = at + n + strspn(at + n, " \t\r\n");
        if (n == 1 && *at == 'e' && *next != '^' && strncmp(next, "**", 2) != 0) return 1;
        n += *at == '`' && at[n];
    }
    return 0;
}

void verb_formula_warn(const struct allometer_law *law, const char *const *columns, int n_columns,
                       const struct allometer_table *table) {
    int e_is_constant = law && reads_e(law->formula);
    for (int c = 0; c < n_columns; ++c) e_is_constant = e_is_constant && strcmp(columns[c], "e") != 0;
    if (e_is_constant)
        fputs("allometer: e in the formula is 2.71828..., and no parameter: that needs another name\n",
              stderr);
    for (int p = 0; law && p < law->n_parameters; ++p) {
        size_t column;
        if (allometer_table_find(table, law->parameters[p].name, &column, NULL) != ALLOMETER_OK) continue;
        fprintf(stderr,
                "allometer: '%s' is a parameter of the formula, and also a column that --x does not list\n",
                law->parameters[p].name);
    }
}
