/* Tables of numbers that a test makes: columns, then rows. */
#ifndef ALLOMETER_MADE_TABLE_H
#define ALLOMETER_MADE_TABLE_H

#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* An empty table with the columns of names, which commas part. */
static inline struct allometer_table *make_table_of(const char *names) {
    struct allometer_table *table = allometer_table_new("made");
    assert_non_null(table);
    while (*names) {
        char name[32] = "";
        const size_t length = strcspn(names, ",");
        assert_true(length < sizeof name);
        memcpy(name, names, length);
        assert_int_equal(allometer_table_add_column(table, name, NULL), ALLOMETER_OK);
        names += length + (names[length] == ',');
    }
    return table;
}

/* One number for each column; lines count as in a CSV file. */
static inline void add_row(struct allometer_table *table, const double *numbers) {
    assert_int_equal(allometer_table_add_row(table, table->n_rows + 2, NULL), ALLOMETER_OK);
    for (size_t c = 0; c < table->n_columns; ++c) allometer_table_put_number(table, c, numbers[c]);
}

#endif
