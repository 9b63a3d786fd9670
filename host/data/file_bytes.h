/* A whole file in memory. */
#ifndef ALLOMETER_FILE_BYTES_H
#define ALLOMETER_FILE_BYTES_H

#include "backend.h"

/* The whole file, inflated where it is gzipped, and a zero byte after it; *bytes to be freed. BAD_INPUT names the file. */
enum allometer_code file_bytes_read(const char *path, char **bytes, size_t *length,
                                    struct allometer_error *error);

#endif
