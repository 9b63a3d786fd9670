/* A table of cells that is printed once all widths are known. */
#ifndef ALLOMETER_GRID_H
#define ALLOMETER_GRID_H

#include "backend.h"

#include <stdio.h>

enum { GRID_CELL = 64 }; /* bytes of a cell, with its 0 */

struct grid {
    size_t n_rows, n_columns;
    char (*cells)[GRID_CELL];
};

char *grid_cell(struct grid *grid, size_t row, size_t column);
/* The first n_left columns and the last stand to the left, the others to the right. FAILED where memory is out. */
enum allometer_code grid_print(struct grid *grid, size_t n_left, FILE *file, struct allometer_error *error);
/* What fits of the text into a cell. */
void grid_put_text(char *into, const char *text);
/* So many digits; "-" for NaN. */
void grid_put_number(char *into, double value, int digits);

#endif
