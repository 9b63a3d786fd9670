/* A table of runs: columns by name over R rows, read from CSV or filled from a sweep's database. */
#ifndef ALLOMETER_TABLE_H
#define ALLOMETER_TABLE_H

#include "backend.h"

#include <stdio.h>

/* One column. A cell is missing if its text is empty, NA, N/A, #N/A, NaN, -NaN, null or None (any case). */
struct allometer_column {
    char *name;
    double *numbers; /* R values; NaN where the cell is missing or no number */
    const char *
        *texts;     /* R cells as the source wrote them, owned by the table; NULL if they came as numbers */
    size_t n_words; /* cells that are neither missing nor a number: the column is text if there are any */
};

struct allometer_table {
    char *source; /* file name, for messages */
    size_t n_rows, n_columns;
    struct allometer_column *columns;
    size_t *lines;       /* R lines of the source on which the rows begin; 0 where lines mean nothing */
    size_t row_capacity; /* rows that the arrays have room for */
    struct allometer_table_block *blocks; /* what the cells' texts are kept in */
};

/* An empty table; NULL when out of memory. */
struct allometer_table *allometer_table_new(const char *source);
void allometer_table_free(struct allometer_table *table);

/* Filling it: the columns first, then row by row: start one, then put its cells in any order; a cell that is
   not put is missing. FAILED when out of memory. */
enum allometer_code allometer_table_add_column(struct allometer_table *table, const char *name,
                                               struct allometer_error *error);
enum allometer_code allometer_table_add_row(struct allometer_table *table, size_t line,
                                            struct allometer_error *error);
void allometer_table_put_number(struct allometer_table *table, size_t column, double value);
/* text: `length` bytes, copied; taken as a number where it is one. */
enum allometer_code allometer_table_put_text(struct allometer_table *table, size_t column, const char *text,
                                             size_t length, struct allometer_error *error);

/* What the text of a cell is: missing, see above; a number, decimal or an infinity as programs print it. */
int allometer_cell_is_missing(const char *text);
int allometer_cell_number(const char *text, double *value);

/* Finds a column by its exact name. BAD_INPUT lists the columns there are, or says that the name stands
 * twice. */
enum allometer_code allometer_table_find(const struct allometer_table *table, const char *name,
                                         size_t *column, struct allometer_error *error);
/* The same for a column that must hold numbers: BAD_INPUT names the line of the first cell that is none. */
enum allometer_code allometer_table_find_number(const struct allometer_table *table, const char *name,
                                                size_t *column, struct allometer_error *error);
/* The same where these rows alone must hold numbers; the others may hold words. */
enum allometer_code allometer_table_find_number_in(const struct allometer_table *table, const char *name,
                                                   const size_t *rows, size_t n_rows, size_t *column,
                                                   struct allometer_error *error);

/* Where a row is, for messages: "FILE:LINE", or "FILE: row N", from 1, where lines mean nothing. place: of that size. */
enum { ALLOMETER_PLACE_LENGTH = 512 };
const char *allometer_table_place(const struct allometer_table *table, size_t row, char *place);

/* A new column whose numbers follow from others by a formula (formula_parse.h), such as FLOP / (6 * size); missing where
   one of them is. BAD_INPUT: the name is taken, or the formula makes no sense. */
enum allometer_code allometer_table_let(struct allometer_table *table, const char *name, const char *formula,
                                        struct allometer_error *error);

/* The cell as text: as the source wrote it, else the shortest digits that give the number back; "" if
   missing. buffer: ALLOMETER_NUMBER_LENGTH bytes, used where there is no text. */
enum { ALLOMETER_NUMBER_LENGTH = 32 };
const char *allometer_table_text(const struct allometer_table *table, size_t column, size_t row,
                                 char *buffer);

/* Reads a CSV file, plain or gzipped: a header, then rows of as many fields; quoted fields, a byte order
   mark, CRLF and empty lines are fine; the delimiter is a comma, or a tab or semicolon where the header holds
   no comma. BAD_INPUT names the file, line and column. */
enum allometer_code allometer_table_read_csv(const char *path, struct allometer_table **table,
                                             struct allometer_error *error);
/* The same from `length` bytes in memory; source names them in messages. */
enum allometer_code allometer_table_parse_csv(const char *bytes, size_t length, const char *source,
                                              struct allometer_table **table, struct allometer_error *error);

/* Writes one CSV field, quoted where it must be. Returns 0, or -1 on an output error. */
int allometer_csv_write_field(const char *text, FILE *file);

#endif
