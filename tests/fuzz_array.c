/* Feeds bytes to the reader of .npy and IDX files: whatever they are, they are read or refused with a message, nothing leaks
   and nothing is read outside of them. Linked with libFuzzer, or with fuzz_driver.c where there is none. */
#include "array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(int holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    struct allometer_array array;
    struct allometer_error error = {0};
    char *exact = malloc(n_bytes ? n_bytes : 1); /* no byte more, so that reading past the end is seen */
    require(exact != NULL);
    if (n_bytes) memcpy(exact, bytes, n_bytes);
    enum allometer_code code = allometer_array_parse(exact, n_bytes, "fuzz.npy", &array, &error);
    free(exact);
    if (code) {
        require(code == ALLOMETER_BAD_INPUT && error.code == code && !array.values);
        require(strncmp(error.message, "fuzz.npy: ", 10) == 0);
        return 0;
    }
    require(array.n_rows > 0 && array.n_columns > 0 && (size_t)(array.n_rows * array.n_columns) <= n_bytes);
    for (int64_t i = 0; i < array.n_rows * array.n_columns; ++i) require(isfinite(array.values[i]));
    allometer_array_free(&array);
    return 0;
}
