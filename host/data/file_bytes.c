#include "file_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum allometer_code file_bytes_read(const char *path, char **bytes, size_t *length,
                                    struct allometer_error *error) {
    size_t capacity = 1 << 16, used = 0;
    enum allometer_code code = ALLOMETER_OK;
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (!file)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %s", path,
                              errno ? strerror(errno) : "no memory");
    char *buffer = malloc(capacity);
    while (buffer) {
        int got = gzread(file, buffer + used,
                         (unsigned)(capacity - used - 1 < 1 << 30 ? capacity - used - 1 : 1 << 30));
        if (got <= 0) break;
        used += (size_t)got;
        if (used < capacity - 1) continue;
        char *grown = realloc(buffer, capacity *= 2);
        if (!grown) free(buffer);
        buffer = grown;
    }
    int status = Z_OK;
    const char *why = gzerror(file, &status);
    if (!buffer) {
        code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory after %zu bytes", path, used);
    } else if (status != Z_OK) {
        size_t length_of_path = strlen(path); /* zlib repeats it */
        if (strncmp(why, path, length_of_path) == 0 && strncmp(why + length_of_path, ": ", 2) == 0)
            why += length_of_path + 2;
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: after %zu bytes: %s", path, used,
                              status == Z_ERRNO ? strerror(errno) : why);
    }
    int close_status = gzclose(file); /* the one place where zlib tells that a file was cut short */
    if (code == ALLOMETER_OK && close_status != Z_OK) {
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: the gzipped file ends too early", path);
    }
    if (code != ALLOMETER_OK) {
        free(buffer);
        return code;
    }
    buffer[used] = 0;
    *bytes = buffer, *length = used;
    return ALLOMETER_OK;
}
