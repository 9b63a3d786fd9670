/* CSV as people have it, and what is refused, with its place. */
#include "table.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

static struct allometer_table *read_text(const char *text) {
    struct allometer_table *table;
    struct allometer_error error = {0};
    if (allometer_table_parse_csv(text, strlen(text), "t.csv", &table, &error) != ALLOMETER_OK) {
        print_message("%s\n", error.message);
        fail();
    }
    return table;
}

static void refuse(const char *text, size_t length, const char *message) {
    struct allometer_table *table;
    struct allometer_error error = {0};
    assert_int_equal(allometer_table_parse_csv(text, length, "t.csv", &table, &error), ALLOMETER_BAD_INPUT);
    assert_null(table);
    if (!strstr(error.message, message)) {
        print_message("message '%s', expected '%s'\n", error.message, message);
        fail();
    }
}

/* The text may hold zeros. */
#define REFUSE(text, message) refuse(text, sizeof(text) - 1, message)

static const char *text_at(const struct allometer_table *table, size_t column, size_t row) {
    static char buffer[32];
    return allometer_table_text(table, column, row, buffer);
}

static void test_csv_as_people_have_it(void **state) {
    (void)state;
    struct allometer_table *table = read_text("\xef\xbb\xbfmodel,\"loss, test\",n\r\n"
                                              "\"6 Enc, 6 \"\"Dec\"\"\",1.5e-3,007\r\n"
                                              "\r\n"
                                              "\"two\nlines\", NA ,inf\r\n"
                                              "x,,-2");
    assert_int_equal(table->n_rows, 3);
    assert_int_equal(table->n_columns, 3);
    assert_string_equal(table->columns[0].name, "model");
    assert_string_equal(table->columns[1].name, "loss, test");
    assert_string_equal(text_at(table, 0, 0), "6 Enc, 6 \"Dec\"");
    assert_string_equal(text_at(table, 0, 1), "two\nlines");
    assert_true(table->columns[1].numbers[0] == 1.5e-3);
    assert_true(isnan(table->columns[1].numbers[1]) && isnan(table->columns[1].numbers[2]));
    assert_string_equal(text_at(table, 1, 1), "");
    assert_string_equal(text_at(table, 2, 0), "007"); /* a name that looks like a number stays as it is */
    assert_true(table->columns[2].numbers[0] == 7 && table->columns[2].numbers[1] == INFINITY);
    assert_int_equal(table->columns[0].n_words, 3);
    assert_int_equal(table->columns[1].n_words, 0);
    const size_t lines[] = {2, 4, 6};
    assert_memory_equal(table->lines, lines, sizeof lines);
    allometer_table_free(table);
}

static void test_other_delimiters_and_line_ends(void **state) {
    (void)state;
    const char *const texts[] = {"a\tb\n1\t2 3\n",    "a;b\n1;2 3\n",       "a,b\r1,2 3\r",
                                 "a,b\n1,2 3",        "a;b\r\"1,5\";2 3\r", "\"a, b\"\tb\n1\t2 3\n",
                                 "a;m\tb\n1;0\t2 3\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        struct allometer_table *table = read_text(texts[i]);
        assert_int_equal(table->n_rows, 1);
        assert_int_equal(table->n_columns, 2);
        assert_string_equal(text_at(table, 1, 0), "2 3");
        allometer_table_free(table);
    }
}

/* Lines of a field in quotes count, however they end. */
static void test_lines_are_counted(void **state) {
    (void)state;
    static const char *const texts[] = {"a,b\n\"1\n\n2\",3\n4,5\n", "a,b\r\n\"1\r\n\r\n2\",3\r\n4,5\r\n",
                                        "a,b\r\"1\r\r2\",3\r4,5\r"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        struct allometer_table *table = read_text(texts[i]);
        assert_int_equal(table->n_rows, 2);
        assert_int_equal(table->lines[0], 2);
        assert_int_equal(table->lines[1], 5);
        allometer_table_free(table);
    }
}

static void test_what_is_a_number(void **state) {
    (void)state;
    struct allometer_table *table =
        read_text("v\n1\n+2.5\n.5\n1e3\n-inf\n0x10\n1e999\n\"1,5\"\n1 000\nNaN\n-nan\n");
    const double expected[] = {1, 2.5, 0.5, 1000, -INFINITY};
    const struct allometer_column *column = &table->columns[0];
    assert_memory_equal(column->numbers, expected, sizeof expected);
    for (int row = 5; row < 11; ++row) assert_true(isnan(column->numbers[row]));
    assert_int_equal(column->n_words,
                     4); /* NaN, of either sign, is a missing value, the four before are words */
    size_t found = 0;
    struct allometer_error error;
    const size_t rows[] = {0, 4, 9, 10}, more[] = {0, 7, 6};
    assert_int_equal(allometer_table_find_number_in(table, "v", rows, 4, &found, NULL), ALLOMETER_OK);
    assert_int_equal(allometer_table_find_number_in(table, "v", more, 3, &found, &error),
                     ALLOMETER_BAD_INPUT);
    assert_non_null(
        strstr(error.message, "t.csv:9: column 'v': expected a number, found '1,5'; numbers are"));
    assert_int_equal(allometer_table_find_number(table, "v", &found, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "t.csv:7: column 'v': expected a number, found '0x10'"));
    allometer_table_free(table);
}

static void test_bad_files_are_refused_with_their_place(void **state) {
    (void)state;
    REFUSE("", "t.csv: the file is empty");
    REFUSE("\n\n", "t.csv: the file is empty");
    REFUSE("a,b\n1,2\n3\n", "t.csv:3: 1 fields, expected 2");
    REFUSE("a,b\n1,\"x\ny\"\n1,2,3\n", "t.csv:4: 3 fields, expected 2");
    REFUSE("a,b\n1,\"2\n3,4\n", "t.csv:2:3: this quoted field never ends");
    REFUSE("a,b\n1,2\"3\n", "t.csv:2:4: a quote inside a field");
    REFUSE("a,b\n1,\0\n", "t.csv:2:3: a zero byte");
    refuse("\xff\xfe"
           "a",
           3, "UTF-16");
}

static void test_columns_are_found_by_name(void **state) {
    (void)state;
    struct allometer_table *table = read_text("n,loss,loss,note\n1,2,3,4\n1,2,3,five\n");
    struct allometer_error error = {0};
    size_t column = 99;
    assert_int_equal(allometer_table_find(table, "n", &column, &error), ALLOMETER_OK);
    assert_int_equal(column, 0);
    assert_int_equal(allometer_table_find(table, "N", &column, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "no column 'N'; there are 'n', 'loss'"));
    assert_int_equal(allometer_table_find(table, "loss", &column, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "2 columns are named 'loss'"));
    assert_int_equal(allometer_table_find_number(table, "note", &column, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "t.csv:3: column 'note': expected a number, found 'five'"));
    allometer_table_free(table);
}

static void test_gzip(void **state) {
    (void)state;
    struct allometer_table *table;
    struct allometer_error error;
    const char *path = scratch_path("t.csv.gz"), text[] = "a,b\n1,2\n3,4\n";
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(gzclose(file), Z_OK);
    assert_ok(allometer_table_read_csv(path, &table, &error), error);
    assert_int_equal(table->n_rows, 2);
    allometer_table_free(table);

    size_t size;
    char *bytes = scratch_read("t.csv.gz", &size);
    for (size_t kept = 12; kept < size; ++kept) { /* cut short anywhere behind the header */
        scratch_write("cut.csv.gz", bytes, kept);
        assert_code(allometer_table_read_csv(scratch_path("cut.csv.gz"), &table, &error), ALLOMETER_BAD_INPUT,
                    error);
        assert_null(table);
    }
    free(bytes);
    assert_code(allometer_table_read_csv(scratch_folder, &table, &error), ALLOMETER_BAD_INPUT, error);
    assert_code(allometer_table_read_csv("no such file", &table, &error), ALLOMETER_BAD_INPUT, error);
    assert_string_equal(error.message, "no such file: No such file or directory");
}

static void test_what_is_written_comes_back(void **state) {
    (void)state;
    static const char *const texts[] = {"",    "a b", " a",      "a ",     "\ta",
                                        "a\t", "a,b", "\"a\" b", "a\r\nb", "\t"};
    enum { N = sizeof texts / sizeof *texts };
    FILE *file = fopen(scratch_path("t.csv"), "w");
    assert_non_null(file);
    fputs("text,number\n", file);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(allometer_csv_write_field(texts[i], file), 0);
        fputs(",1\n", file);
    }
    assert_int_equal(fclose(file), 0);
    struct allometer_table *table;
    struct allometer_error error;
    assert_ok(allometer_table_read_csv(scratch_path("t.csv"), &table, &error), error);
    assert_int_equal(table->n_rows, N);
    for (size_t i = 0; i < N; i++) assert_string_equal(text_at(table, 0, i), texts[i]);
    allometer_table_free(table);
}

/* As the store fills it: numbers and texts cell by cell. */
static void test_filled_by_hand(void **state) {
    (void)state;
    struct allometer_error error = {0};
    struct allometer_table *table = allometer_table_new("runs.db");
    assert_int_equal(allometer_table_add_column(table, "loss", &error), ALLOMETER_OK);
    assert_int_equal(allometer_table_add_column(table, "task", &error), ALLOMETER_OK);
    for (size_t row = 0; row < 1000; ++row) {
        assert_int_equal(allometer_table_add_row(table, 0, &error), ALLOMETER_OK);
        if (row % 3) allometer_table_put_number(table, 0, 0.1 * (double)row);
        if (row >= 500) allometer_table_put_text(table, 1, "square", 6, &error);
    }
    assert_string_equal(text_at(table, 0, 1), "0.1");
    assert_string_equal(text_at(table, 0, 0), "");
    assert_string_equal(text_at(table, 1, 499), "");
    assert_string_equal(text_at(table, 1, 999), "square");
    assert_int_equal(allometer_table_add_column(table, "late", &error), ALLOMETER_FAILED);
    allometer_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_as_people_have_it),
        cmocka_unit_test(test_other_delimiters_and_line_ends),
        cmocka_unit_test(test_lines_are_counted),
        cmocka_unit_test(test_what_is_a_number),
        cmocka_unit_test(test_bad_files_are_refused_with_their_place),
        cmocka_unit_test(test_columns_are_found_by_name),
        cmocka_unit_test_setup_teardown(test_gzip, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_what_is_written_comes_back, scratch_make, scratch_remove),
        cmocka_unit_test(test_filled_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
