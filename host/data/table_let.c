/* Columns that follow from others by a formula. */
#include "formula_nodes.h"
#include "formula_parse.h"
#include "table.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int continues_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Whether the formula reads the column: its name stands there as a whole word, but for that of a function, or in
   backquotes. */
static int mentions(const char *formula, const char *name) {
    size_t n = strlen(name), length;
    for (const char *at = formula; *at; at += length ? length : 1) {
        int quoted = *at == '`';
        at += quoted;
        for (length = 0; quoted ? at[length] && at[length] != '`' : continues_word(at[length]);) ++length;
        int same = n && length == n && strncmp(at, name, n) == 0;
        int is_number = isdigit((unsigned char)*at),
            is_called = at[length + strspn(at + length, " \t\r\n")] == '(';
        if (same && (quoted || !(is_number || is_called))) return 1;
        if (quoted && at[length]) ++length;
    }
    return 0;
}

/* A column of the table's rows, for values that are numbers. */
static enum allometer_code append(struct allometer_table *table, const char *name, double **numbers,
                                  struct allometer_error *error) {
    struct allometer_column *columns = realloc(table->columns, (table->n_columns + 1) * sizeof *columns);
    if (columns) table->columns = columns;
    char *copy = strdup(name);
    *numbers = malloc((table->row_capacity + 1) * sizeof **numbers);
    if (!columns || !copy || !*numbers) {
        free(copy);
        free(*numbers);
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory for column '%s'", table->source,
                              name);
    }
    columns[table->n_columns++] = (struct allometer_column){.name = copy, .numbers = *numbers};
    return ALLOMETER_OK;
}

enum allometer_code allometer_table_let(struct allometer_table *table, const char *name, const char *formula,
                                        struct allometer_error *error) {
    const char *names[ALLOMETER_MAX_LAW_COLUMNS];
    const double *inputs[ALLOMETER_MAX_LAW_COLUMNS];
    double *numbers;
    int n = 0;
    for (size_t c = 0; c < table->n_columns; ++c) {
        const struct allometer_column *column = &table->columns[c];
        if (strcmp(column->name, name) == 0) {
            return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: there is a column '%s' already",
                                  table->source, name);
        }
        if (!mentions(formula, column->name)) continue;
        size_t found;
        enum allometer_code code = allometer_table_find_number(table, column->name, &found, error);
        if (code != ALLOMETER_OK) return code;
        if (n == ALLOMETER_MAX_LAW_COLUMNS) {
            return allometer_fail(error, ALLOMETER_BAD_INPUT, "'%s' reads more than %d columns", formula,
                                  ALLOMETER_MAX_LAW_COLUMNS);
        }
        names[n] = column->name, inputs[n++] = column->numbers;
    }
    struct allometer_law *law;
    enum allometer_code code = allometer_law_parse_columns(formula, names, n, &law, error);
    if (code != ALLOMETER_OK) return code;
    code = append(table, name, &numbers, error);
    if (code == ALLOMETER_OK) allometer_law_evaluate(law, NULL, inputs, table->n_rows, numbers, NULL);
    allometer_law_free(law);
    return code;
}
