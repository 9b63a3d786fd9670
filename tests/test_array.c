/* The readers of .npy and IDX: each element type against bytes written by hand, and what is refused, with its place. */
#include "array.h"
#include "compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A .npy file of version 1 or 2 in `bytes`; returns its length. */
static size_t npy(char *bytes, int version, const char *header, const void *data, size_t n_bytes) {
    const size_t length = strlen(header), before = version == 1 ? 10 : 12;
    memcpy(bytes, "\x93NUMPY", 6);
    memset(bytes + 6, 0, 6);
    bytes[6] = (char)version;
    bytes[8] = (char)(length & 255), bytes[9] = (char)(length >> 8);
    memcpy(bytes + before, header, length);
    memcpy(bytes + before + length, data, n_bytes);
    return before + length + n_bytes;
}

static void expect_values(const char *name, const char *bytes, size_t length, int64_t n_rows,
                          int64_t n_columns, const double *expected) {
    struct allometer_array array;
    struct allometer_error error = {0};
    if (allometer_array_parse(bytes, length, "x", &array, &error)) fail_msg("%s: %s", name, error.message);
    assert_int_equal(array.n_rows, n_rows);
    assert_int_equal(array.n_columns, n_columns);
    double values[16];
    for (int64_t i = 0; i < n_rows * n_columns; ++i) values[i] = (double)array.values[i];
    assert_doubles_close(name, values, expected, (size_t)(n_rows * n_columns), 0, 0);
    allometer_array_free(&array);
}

#define HEADER(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }      \n"

static void every_type_is_read(void **state) {
    (void)state;
    char bytes[512];
    const double six[] = {1, -2, 3, -4.5, 0, 7}, whole[] = {1, -2, 3, -4, 0, 7},
                 one[] = {200, 0, 255, 1, 2, 3};
    const float f4[] = {1, -2, 3, -4.5f, 0, 7};
    const int32_t i4[] = {1, -2, 3, -4, 0, 7};
    const int64_t i8[] = {1, -2, 3, -4, 0, 7};
    const unsigned char u1[] = {200, 0, 255, 1, 2, 3};
    const unsigned char big[] = {0x3f, 0x80, 0, 0,
                                 0xc0, 0,    0, 0}; /* 1 and -2 in float32, most significant first */
    expect_values("f4", bytes, npy(bytes, 1, HEADER("<f4", "(3, 2)"), f4, sizeof f4), 3, 2, six);
    expect_values("f8", bytes, npy(bytes, 2, HEADER("<f8", "(2, 3)"), six, sizeof six), 2, 3, six);
    expect_values("i4", bytes, npy(bytes, 3, HEADER("<i4", "(6,)"), i4, sizeof i4), 6, 1, whole);
    expect_values("i8", bytes, npy(bytes, 1, HEADER("<i8", "(1, 3, 2)"), i8, sizeof i8), 1, 6, whole);
    expect_values("u1", bytes, npy(bytes, 1, HEADER("|u1", "(3, 2)"), u1, sizeof u1), 3, 2, one);
    expect_values(">f4", bytes, npy(bytes, 1, HEADER(">f4", "(2, 1)"), big, sizeof big), 2, 1, six);
    expect_values("any order of keys", bytes,
                  npy(bytes, 1, "{'shape':(2,),'fortran_order':False,'descr':'|u1'}", u1, 2), 2, 1, one);
}

static void idx_is_read(void **state) {
    (void)state;
    const char images[] = "\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\3\xc8\0\xff\1\2\3";
    const char shorts[] = "\0\0\x0b\1\0\0\0\2\xff\xfe\1\0";
    expect_values("images", images, sizeof images - 1, 2, 3, (const double[]){200, 0, 255, 1, 2, 3});
    expect_values("shorts", shorts, sizeof shorts - 1, 2, 1, (const double[]){-2, 256});
}

static void refuse(const char *bytes, size_t length, const char *message) {
    struct allometer_array array;
    struct allometer_error error = {0};
    char *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    assert_int_equal(allometer_array_parse(exact, length, "x.npy", &array, &error), ALLOMETER_BAD_INPUT);
    free(exact);
    assert_null(array.values);
    if (strncmp(error.message, "x.npy: ", 7) != 0 || !strstr(error.message, message))
        fail_msg("'%s', expected '%s' in it", error.message, message);
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } headers[] = {
        {HEADER("<f2", "(2,)"), "byte 20: the type of the elements"},
        {HEADER("<c8", "(1,)"), "the type of the elements"},
        {HEADER("|O", "(2,)"), "the type of the elements"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", "Fortran order"},
        {"{'descr': '<f4', 'fortran_order': False, }", "lacks one of"},
        {"{'descr': '<f4', 'shape': (2,), }", "lacks one of"},
        {HEADER("<f4", "2"), "expected a shape"},
        {HEADER("<f4", "(2"), "expected a dimension"},
        {HEADER("<f4", "(-2,)"), "expected a dimension"},
        {HEADER("<f4", "(0,)"), "the array is empty"},
        {HEADER("<f4", "(3, 0)"), "the array is empty"},
        {HEADER("<f4", "(3,)"), "the file ends, expected more elements than the 2"},
        {HEADER("<f4", "(4611686018427387904, 4, 4)"), "expected more elements"},
        {HEADER("<f4", "(99999999999999999999,)"), "expected a comma"},
        {HEADER("<f4", "(1,)"), "8 bytes follow the header, expected 4"},
        {"{'descr': '<f4', 'other': 1}", "byte 27: expected 'descr'"},
        {"[]", "begins with {"},
    };
    char bytes[512];
    const float data[] = {1, 2}, bad[] = {1, 2, 3, (float)HUGE_VAL};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; ++i)
        refuse(bytes, npy(bytes, 1, headers[i].header, data, sizeof data), headers[i].message);
    refuse(bytes, npy(bytes, 1, HEADER("<f4", "(2, 2)"), bad, sizeof bad),
           "row 1, column 1: not a finite number");
    refuse(bytes, npy(bytes, 4, HEADER("<f4", "(2,)"), data, sizeof data), "byte 6: the version");
    const size_t whole = npy(bytes, 1, HEADER("<f4", "(2,)"), data, sizeof data);
    for (size_t length = 0; length < whole; ++length) refuse(bytes, length, "byte ");
    refuse("\0\0\x07\1\0\0\0\1\1", 9, "byte 2: the type");
    refuse("\0\0\x08\0", 4, "byte 3: the number of dimensions");
    refuse("\0\0\x08\1\0\0\0\2\1", 9, "byte 9: the file ends, expected more elements than the 1");
    refuse("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff\1", 13, "expected more elements");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(idx_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
