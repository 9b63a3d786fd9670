#include "array.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIMENSIONS = 8 };
static const char npy_magic[] = "\x93NUMPY";
enum { NPY_MAGIC_LENGTH = sizeof npy_magic - 1 };

/* How an element is written. code: of IDX, 0 where it has none. */
static const struct element {
    char kind; /* as NumPy has it: f, i, u */
    int size, code;
} elements[] = {
    {'u', 1, 0x08}, {'i', 1, 0x09}, {'i', 2, 0x0b}, {'i', 4, 0x0c},
    {'f', 4, 0x0d}, {'f', 8, 0x0e}, {'i', 8, 0},
};
enum { N_ELEMENTS = sizeof elements / sizeof *elements };

/* A file being read: what is left of it starts at `at`. */
struct reading {
    const unsigned char *bytes;
    size_t length, at;
    const char *source;
    struct allometer_error *error;

    const struct element *element;
    int is_big_endian, n_dimensions;
    int64_t dimensions[MOST_DIMENSIONS];
};

static enum allometer_code fail_at(const struct reading *reading, size_t at, const char *what) {
    return allometer_fail(reading->error, ALLOMETER_BAD_INPUT, "%s: byte %zu: %s", reading->source, at, what);
}

static uint64_t integer_at(const unsigned char *bytes, int size, int is_big_endian) {
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | bytes[is_big_endian ? i : size - 1 - i];
    return value;
}

static float number_at(const unsigned char *bytes, const struct element *element, int is_big_endian) {
    const uint64_t bits = integer_at(bytes, element->size, is_big_endian);
    if (element->kind == 'u') return (float)bits;
    if (element->kind == 'i') {
        const int unused = 64 - 8 * element->size; /* shifted up and down again, the sign fills them */
        return (float)((int64_t)(bits << unused) >> unused);
    }
    if (element->size == 8) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return (float)value;
    }
    const uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

/* ---- the header of .npy: a dictionary of Python, written by a program ------------------------------------------- */

static void skip_spaces(struct reading *reading, size_t end) {
    while (reading->at < end && (reading->bytes[reading->at] == ' ' || reading->bytes[reading->at] == '\n'))
        reading->at++;
}

/* 1 and past it, if the text stands next. */
static int take(struct reading *reading, size_t end, const char *text) {
    skip_spaces(reading, end);
    const size_t length = strlen(text);
    if (end - reading->at < length || memcmp(reading->bytes + reading->at, text, length) != 0) return 0;
    reading->at += length;
    return 1;
}

static enum allometer_code take_type(struct reading *reading, size_t end) {
    const size_t start = reading->at;
    const unsigned char *text = reading->bytes + start; /* '<f4' with its quotes */
    if (end - start >= 5 && (text[0] == '\'' || text[0] == '"') && text[4] == text[0]
        && strchr("<>|=", text[1])) {
        for (int i = 0; i < N_ELEMENTS; ++i) {
            if (elements[i].kind == text[2] && elements[i].size == text[3] - '0' && elements[i].size != 2
                && !(elements[i].size == 1 && elements[i].kind == 'i'))
                reading->element = &elements[i];
        }
        reading->is_big_endian = text[1] == '>';
        reading->at += 5;
    }
    if (reading->element) return ALLOMETER_OK;
    return fail_at(reading, start,
                   "the type of the elements, expected one of '<f4', '<f8', '<i4', '<i8', '|u1'");
}

static enum allometer_code take_shape(struct reading *reading, size_t end) {
    if (!take(reading, end, "(")) return fail_at(reading, reading->at, "expected a shape such as (100, 2)");
    while (!take(reading, end, ")")) {
        int64_t n = 0;
        size_t first = reading->at;
        while (reading->at < end && reading->bytes[reading->at] >= '0' && reading->bytes[reading->at] <= '9'
               && n < INT64_MAX / 16)
            n = 10 * n + (reading->bytes[reading->at++] - '0');
        if (reading->at == first) return fail_at(reading, first, "expected a dimension, a whole number");
        if (reading->n_dimensions == MOST_DIMENSIONS)
            return fail_at(reading, first, "more than 8 dimensions, expected at most 8");
        reading->dimensions[reading->n_dimensions++] = n;
        if (!take(reading, end, ",") && !(reading->at < end && reading->bytes[reading->at] == ')'))
            return fail_at(reading, reading->at, "expected a comma or a closing bracket");
    }
    return ALLOMETER_OK;
}

static enum allometer_code read_npy_header(struct reading *reading) {
    reading->at = NPY_MAGIC_LENGTH;
    if (reading->length < NPY_MAGIC_LENGTH + 4)
        return fail_at(reading, reading->length, "the file ends inside its header");
    const int version = reading->bytes[reading->at];
    if (version < 1 || version > 3)
        return fail_at(reading, reading->at, "the version of .npy, expected 1, 2 or 3");
    const int size = version == 1 ? 2 : 4;
    reading->at += 2;
    if (reading->length - reading->at < (size_t)size)
        return fail_at(reading, reading->length, "the file ends inside its header");
    const uint64_t length = integer_at(reading->bytes + reading->at, size, 0);
    reading->at += (size_t)size;
    if (length > reading->length - reading->at)
        return fail_at(reading, reading->length, "the file ends inside its header");
    const size_t end = reading->at + (size_t)length;
    enum allometer_code code = ALLOMETER_OK;
    int has_order = 0, has_shape = 0;
    if (!take(reading, end, "{"))
        return fail_at(reading, reading->at, "expected a header that begins with {");
    while (!code && !take(reading, end, "}")) {
        if (take(reading, end, "'descr'") && take(reading, end, ":")) {
            skip_spaces(reading, end);
            code = take_type(reading, end);
        } else if (take(reading, end, "'fortran_order'") && take(reading, end, ":")) {
            has_order = 1;
            if (!take(reading, end, "False"))
                code = fail_at(
                    reading, reading->at,
                    "the array is in Fortran order, expected C order: save numpy.ascontiguousarray of it");
        } else if (!has_shape && take(reading, end, "'shape'") && take(reading, end, ":")) {
            has_shape = 1;
            code = take_shape(reading, end);
        } else {
            code = fail_at(reading, reading->at, "expected 'descr', 'fortran_order' or 'shape', each once");
        }
        if (!code && !take(reading, end, ",") && !(reading->at < end && reading->bytes[reading->at] == '}'))
            code = fail_at(reading, reading->at, "expected a comma or a closing brace");
    }
    if (!code && !(reading->element && has_order && has_shape))
        code = fail_at(reading, reading->at, "the header lacks one of 'descr', 'fortran_order', 'shape'");
    reading->at = end;
    return code;
}

/* ---- the header of IDX: two zero bytes, a type, the number of dimensions, each in four bytes -------------------- */

static enum allometer_code read_idx_header(struct reading *reading) {
    for (int i = 0; i < N_ELEMENTS; ++i)
        if (elements[i].code == reading->bytes[2]) reading->element = &elements[i];
    if (!reading->element || reading->bytes[2] == 0)
        return fail_at(reading, 2, "the type of the elements, expected 8, 9, 11, 12, 13 or 14");
    reading->is_big_endian = 1;
    reading->n_dimensions = reading->bytes[3];
    if (reading->n_dimensions < 1 || reading->n_dimensions > MOST_DIMENSIONS)
        return fail_at(reading, 3, "the number of dimensions, expected 1 to 8");
    if (reading->length < 4 + 4 * (size_t)reading->n_dimensions)
        return fail_at(reading, reading->length, "the file ends inside its header");
    for (int i = 0; i < reading->n_dimensions; ++i)
        reading->dimensions[i] = (int64_t)integer_at(reading->bytes + 4 + 4 * i, 4, 1);
    reading->at = 4 + 4 * (size_t)reading->n_dimensions;
    return ALLOMETER_OK;
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

static enum allometer_code check_size(const struct reading *reading, int64_t *n_rows, int64_t *n_columns) {
    const size_t left = reading->length - reading->at, there = left / (size_t)reading->element->size;
    char what[128];
    *n_rows = reading->n_dimensions ? reading->dimensions[0] : 1;
    *n_columns = 1;
    int is_empty = *n_rows == 0, is_too_large = (uint64_t)*n_rows > there;
    for (int i = 1; i < reading->n_dimensions; ++i) is_empty |= reading->dimensions[i] == 0;
    for (int i = 1; i < reading->n_dimensions && !is_empty && !is_too_large; ++i) {
        const int64_t n = reading->dimensions[i];
        is_too_large = (uint64_t)*n_columns > there / (uint64_t)*n_rows / (uint64_t)n;
        if (!is_too_large) *n_columns *= n;
    }
    if (is_empty)
        return fail_at(reading, reading->at, "the array is empty, expected at least one row and column");
    const uint64_t wanted = (uint64_t)*n_rows * (uint64_t)*n_columns;
    if (!is_too_large && wanted * (uint64_t)reading->element->size == left) return ALLOMETER_OK;
    if (is_too_large) {
        snprintf(what, sizeof what,
                 "the file ends, expected more elements than the %zu that follow the header", there);
    } else {
        snprintf(what, sizeof what, "%zu bytes follow the header, expected %" PRIu64, left,
                 wanted * (uint64_t)reading->element->size);
    }
    return fail_at(reading, is_too_large ? reading->length : reading->at, what);
}

static enum allometer_code read_values(const struct reading *reading, struct allometer_array *array) {
    const int64_t n = array->n_rows * array->n_columns;
    array->values = malloc((size_t)n * sizeof *array->values);
    if (!array->values)
        return allometer_fail(reading->error, ALLOMETER_FAILED, "%s: out of memory", reading->source);
    for (int64_t i = 0; i < n; ++i) {
        const unsigned char *at = reading->bytes + reading->at + i * reading->element->size;
        array->values[i] = number_at(at, reading->element, reading->is_big_endian);
        if (isfinite(array->values[i])) continue;
        const int64_t row = i / array->n_columns, column = i % array->n_columns;
        allometer_array_free(array);
        return allometer_fail(reading->error, ALLOMETER_BAD_INPUT,
                              "%s: row %" PRId64 ", column %" PRId64
                              ": not a finite number in single precision, expected one",
                              reading->source, row, column);
    }
    return ALLOMETER_OK;
}

static int is_npy(const char *bytes, size_t length) {
    return length >= NPY_MAGIC_LENGTH && memcmp(bytes, npy_magic, NPY_MAGIC_LENGTH) == 0;
}

int allometer_array_is_one(const char *bytes, size_t length) {
    return is_npy(bytes, length) || (length >= 4 && bytes[0] == 0 && bytes[1] == 0);
}

enum allometer_code allometer_array_parse(const char *bytes, size_t length, const char *source,
                                          struct allometer_array *array, struct allometer_error *error) {
    struct reading reading = {
        .bytes = (const unsigned char *)bytes, .length = length, .source = source, .error = error};
    *array = (struct allometer_array){0};
    if (!allometer_array_is_one(bytes, length))
        return fail_at(&reading, 0, "expected the beginning of a .npy or an IDX file");
    enum allometer_code code = is_npy(bytes, length) ? read_npy_header(&reading) : read_idx_header(&reading);
    if (!code) code = check_size(&reading, &array->n_rows, &array->n_columns);
    return code ? code : read_values(&reading, array);
}

void allometer_array_free(struct allometer_array *array) {
    free(array->values);
    *array = (struct allometer_array){0};
}
