#include "table.h"
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Texts are packed into blocks, which never move, so that cells can point into them. */
struct allometer_table_block {
    struct allometer_table_block *next;
    size_t used, size;
    char bytes[];
};

static const char *keep_text(struct allometer_table *table, const char *text, size_t length) {
    struct allometer_table_block *block = table->blocks;
    if (!block || block->size - block->used <= length) {
        size_t size = length < 65536 ? 65536 : length + 1;
        block = malloc(sizeof *block + size);
        if (!block) return NULL;
        *block = (struct allometer_table_block){.next = table->blocks, .size = size};
        table->blocks = block;
    }
    char *kept = block->bytes + block->used;
    memcpy(kept, text, length);
    kept[length] = 0;
    block->used += length + 1;
    return kept;
}

static enum allometer_code out_of_memory(const struct allometer_table *table, struct allometer_error *error) {
    return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory after %zu rows", table->source,
                          table->n_rows);
}

struct allometer_table *allometer_table_new(const char *source) {
    struct allometer_table *table = calloc(1, sizeof *table);
    if (table && !(table->source = strdup(source))) free(table), table = NULL;
    return table;
}

void allometer_table_free(struct allometer_table *table) {
    if (!table) return;
    for (size_t c = 0; c < table->n_columns; ++c) {
        free(table->columns[c].name);
        free(table->columns[c].numbers);
        free(table->columns[c].texts);
    }
    while (table->blocks) {
        struct allometer_table_block *next = table->blocks->next;
        free(table->blocks);
        table->blocks = next;
    }
    free(table->columns);
    free(table->lines);
    free(table->source);
    free(table);
}

enum allometer_code allometer_table_add_column(struct allometer_table *table, const char *name,
                                               struct allometer_error *error) {
    if (table->n_rows) {
        return allometer_fail(error, ALLOMETER_FAILED, "%s: column '%s' comes after the first row",
                              table->source, name);
    }
    struct allometer_column *columns = realloc(table->columns, (table->n_columns + 1) * sizeof *columns);
    if (!columns) return out_of_memory(table, error);
    table->columns = columns;
    char *copy = strdup(name);
    if (!copy) return out_of_memory(table, error);
    columns[table->n_columns++] = (struct allometer_column){.name = copy};
    return ALLOMETER_OK;
}

static int reserve_rows(struct allometer_table *table, size_t capacity) {
    size_t *lines = realloc(table->lines, capacity * sizeof *lines);
    if (!lines) return 0;
    table->lines = lines;
    for (size_t c = 0; c < table->n_columns; ++c) {
        struct allometer_column *column = &table->columns[c];
        double *numbers = realloc(column->numbers, capacity * sizeof *numbers);
        if (!numbers) return 0;
        column->numbers = numbers;
        if (!column->texts) continue;
        const char **texts = realloc(column->texts, capacity * sizeof *texts);
        if (!texts) return 0;
        column->texts = texts;
    }
    table->row_capacity = capacity;
    return 1;
}

enum allometer_code allometer_table_add_row(struct allometer_table *table, size_t line,
                                            struct allometer_error *error) {
    if (table->n_rows == table->row_capacity) {
        size_t capacity = table->row_capacity ? 2 * table->row_capacity : 64;
        if (!reserve_rows(table, capacity)) return out_of_memory(table, error);
    }
    table->lines[table->n_rows] = line;
    for (size_t c = 0; c < table->n_columns; ++c) {
        struct allometer_column *column = &table->columns[c];
        column->numbers[table->n_rows] = NAN;
        if (column->texts) column->texts[table->n_rows] = "";
    }
    ++table->n_rows;
    return ALLOMETER_OK;
}

void allometer_table_put_number(struct allometer_table *table, size_t column, double value) {
    table->columns[column].numbers[table->n_rows - 1] = value;
}

int allometer_cell_is_missing(const char *text) {
    static const char *const words[] = {"", "NA", "N/A", "#N/A", "NaN", "-NaN", "null", "None"};
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
        if (strcasecmp(text, words[i]) == 0) return 1;
    }
    return 0;
}

int allometer_cell_number(const char *text, double *value) {
    const char *word = text + (*text == '+' || *text == '-');
    if (strcasecmp(word, "inf") == 0 || strcasecmp(word, "infinity") == 0) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return 1;
    }
    return text_to_double(text, value);
}

enum allometer_code allometer_table_put_text(struct allometer_table *table, size_t column, const char *text,
                                             size_t length, struct allometer_error *error) {
    struct allometer_column *into = &table->columns[column];
    size_t row = table->n_rows - 1;
    if (!into->texts) {
        /* rows before the first text hold numbers only: an empty text tells allometer_table_text to print
         * them */
        into->texts = malloc(table->row_capacity * sizeof *into->texts);
        if (!into->texts) return out_of_memory(table, error);
        for (size_t r = 0; r <= row; ++r) into->texts[r] = "";
    }
    const char *kept = length ? keep_text(table, text, length) : "";
    if (!kept) return out_of_memory(table, error);
    into->texts[row] = kept;
    double value = NAN;
    int is_number = allometer_cell_number(kept, &value);
    into->numbers[row] = is_number ? value : NAN;
    if (!is_number && !allometer_cell_is_missing(kept)) into->n_words++;
    return ALLOMETER_OK;
}

enum allometer_code allometer_table_find(const struct allometer_table *table, const char *name,
                                         size_t *column, struct allometer_error *error) {
    size_t found = 0;
    for (size_t c = 0; c < table->n_columns; ++c) {
        if (strcmp(table->columns[c].name, name) == 0 && found++ == 0) *column = c;
    }
    if (found == 1) return ALLOMETER_OK;
    if (found > 1) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: %zu columns are named '%s'; rename all but one", table->source, found,
                              name);
    }
    char names[800] = "";
    size_t length = 0;
    for (size_t c = 0; c < table->n_columns && length < sizeof names - 1; ++c) {
        length += (size_t)snprintf(names + length, sizeof names - length, "%s'%s'", c ? ", " : "",
                                   table->columns[c].name);
    }
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: no column '%s'; there are %s", table->source, name,
                          names);
}

const char *allometer_table_place(const struct allometer_table *table, size_t row, char *place) {
    const size_t line = table->lines[row];
    snprintf(place, ALLOMETER_PLACE_LENGTH, line ? "%s:%zu" : "%s: row %zu", table->source,
             line ? line : row + 1);
    return place;
}

static enum allometer_code fail_number(const struct allometer_table *table, size_t column, size_t row,
                                       struct allometer_error *error) {
    const char *text = table->columns[column].texts[row], *hint = "";
    char place[ALLOMETER_PLACE_LENGTH];
    double value = 0;
    int too_large =
        !text_to_double(text, &value) && isinf(value); /* 0 where it is no decimal number at all */
    if (!too_large)
        hint = isdigit((unsigned char)text[0]) || isdigit((unsigned char)text[1])
                   ? "; numbers are written as 1234.5 or 1.2e9, with no separators or units"
                   : "; a missing number is written as nothing, NA or NaN";
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: column '%s': %s '%.80s'%s",
                          allometer_table_place(table, row, place), table->columns[column].name,
                          too_large ? "out of the range of a double:" : "expected a number, found", text,
                          hint);
}

static int is_word(const struct allometer_column *column, size_t row) {
    return isnan(column->numbers[row]) && !allometer_cell_is_missing(column->texts[row]);
}

enum allometer_code allometer_table_find_number_in(const struct allometer_table *table, const char *name,
                                                   const size_t *rows, size_t n_rows, size_t *column,
                                                   struct allometer_error *error) {
    enum allometer_code code = allometer_table_find(table, name, column, error);
    if (code != ALLOMETER_OK || table->columns[*column].n_words == 0) return code;
    for (size_t i = 0; i < n_rows; ++i) {
        size_t row = rows ? rows[i] : i;
        if (is_word(&table->columns[*column], row)) return fail_number(table, *column, row, error);
    }
    return ALLOMETER_OK;
}

enum allometer_code allometer_table_find_number(const struct allometer_table *table, const char *name,
                                                size_t *column, struct allometer_error *error) {
    return allometer_table_find_number_in(table, name, NULL, table->n_rows, column, error);
}

const char *allometer_table_text(const struct allometer_table *table, size_t column, size_t row,
                                 char *buffer) {
    const struct allometer_column *from = &table->columns[column];
    if (from->texts && from->texts[row][0])
        return allometer_cell_is_missing(from->texts[row]) ? "" : from->texts[row];
    if (isnan(from->numbers[row])) return "";
    text_from_double(buffer, from->numbers[row]);
    return buffer;
}
