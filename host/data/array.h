/* Arrays of numbers in files: NumPy's .npy (versions 1 to 3) and IDX, the format of the MNIST images. */
#ifndef ALLOMETER_ARRAY_H
#define ALLOMETER_ARRAY_H

#include "backend.h"

/* The first dimension counts rows; all further ones together are the columns, of which a list of numbers has one. */
struct allometer_array {
    int64_t n_rows, n_columns;
    float *values; /* (rows, columns), row-major */
};

/* Whether the bytes begin as a file of either format does. */
int allometer_array_is_one(const char *bytes, size_t length);

/* Reads `length` bytes; source names them in messages. Elements: float32, float64, int32, int64 or uint8 in .npy, of
   either byte order, in C order; any type of IDX. BAD_INPUT names the byte at which the file went wrong, or the row and column
   of a number that is not finite. */
enum allometer_code allometer_array_parse(const char *bytes, size_t length, const char *source,
                                          struct allometer_array *array, struct allometer_error *error);
void allometer_array_free(struct allometer_array *array);

#endif
