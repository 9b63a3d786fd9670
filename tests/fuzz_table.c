/* Feeds bytes to the reader of CSV files: whatever they are, they are read or refused with a message, nothing leaks and
   nothing is read outside of them. Linked with libFuzzer, or with fuzz_driver.c where there is none. */
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(int holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    struct allometer_table *table;
    struct allometer_error error = {0};
    char *exact = malloc(n_bytes ? n_bytes : 1); /* no byte more, so that reading past the end is seen */
    require(exact != NULL);
    if (n_bytes) memcpy(exact, bytes, n_bytes);
    enum allometer_code code = allometer_table_parse_csv(exact, n_bytes, "fuzz.csv", &table, &error);
    free(exact);
    if (code) {
        require(code == ALLOMETER_BAD_INPUT && error.code == code && !table);
        require(strncmp(error.message, "fuzz.csv:", 9) == 0);
        return 0;
    }
    size_t n_words = 0, last = 0;
    char buffer[32];
    require(table->n_columns > 0);
    for (size_t row = 0; row < table->n_rows; ++row) {
        require(table->lines[row] > last); /* rows come line after line */
        last = table->lines[row];
        for (size_t c = 0; c < table->n_columns; ++c) {
            const char *text = allometer_table_text(table, c, row, buffer);
            n_words += strlen(text) > 0 && isnan(table->columns[c].numbers[row]);
        }
    }
    for (size_t c = 0; c < table->n_columns; ++c) {
        size_t column = 0;
        n_words -= table->columns[c].n_words;
        enum allometer_code found = allometer_table_find_number(table, table->columns[c].name, &column, NULL);
        require(found == ALLOMETER_BAD_INPUT || (column == c && table->columns[c].n_words == 0));
    }
    require(n_words == 0);
    allometer_table_free(table);
    return 0;
}
