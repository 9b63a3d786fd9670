/* Tables on a terminal. */
#include "grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

char *grid_cell(struct grid *grid, size_t row, size_t column) {
    return grid->cells[row * grid->n_columns + column];
}

/* What the text takes on a terminal: bytes that do not continue a UTF-8 character. */
static size_t width(const char *text) {
    size_t n = 0;
    for (; *text; ++text) n += (*text & 0xc0) != 0x80;
    return n;
}

enum allometer_code grid_print(struct grid *grid, size_t n_left, FILE *file, struct allometer_error *error) {
    size_t *widest = calloc(grid->n_columns, sizeof *widest);
    if (!widest) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for a table");
    for (size_t i = 0; i < grid->n_rows * grid->n_columns; ++i) {
        size_t here = width(grid->cells[i]), column = i % grid->n_columns;
        if (here > widest[column]) widest[column] = here;
    }
    for (size_t row = 0; row < grid->n_rows; ++row) {
        for (size_t column = 0; column < grid->n_columns; ++column) {
            const char *text = grid_cell(grid, row, column);
            int last = column + 1 == grid->n_columns, left = column < n_left || last;
            int pad = (int)(widest[column] - width(text));
            fprintf(file, "%*s%s%*s%s", left ? 0 : pad, "", text, left && !last ? pad : 0, "",
                    last ? "\n" : "  ");
        }
    }
    free(widest);
    return ALLOMETER_OK;
}

/* Copies what fits, whole UTF-8 characters only; spaces for what would move a terminal's cursor, or do worse. */
void grid_put_text(char *into, const char *text) {
    size_t n = strlen(text), most = 30;
    if (n > most) {
        for (n = most - 3; n > 0 && (text[n] & 0xc0) == 0x80; --n) {
        }
    }
    snprintf(into, GRID_CELL, "%.*s%s", (int)n, text, n < strlen(text) ? "..." : "");
    for (; *into; ++into) {
        if ((unsigned char)*into < ' ' || *into == 0x7f) *into = ' ';
    }
}

void grid_put_number(char *into, double value, int digits) {
    if (isnan(value))
        snprintf(into, GRID_CELL, "-");
    else
        snprintf(into, GRID_CELL, "%.*g", digits, value);
}
