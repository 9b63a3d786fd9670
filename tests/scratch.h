/* A folder that a test may fill, and sweeps written into it. */
#ifndef ALLOMETER_SCRATCH_H
#define ALLOMETER_SCRATCH_H

#include "sweep.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static char scratch_folder[64];

/* cmocka's set-up and tear-down of one test. */
static inline int scratch_make(void **state) {
    (void)state;
    snprintf(scratch_folder, sizeof scratch_folder, "/tmp/allometer-test-XXXXXX");
    return mkdtemp(scratch_folder) ? 0 : -1;
}

static inline int scratch_remove(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_folder);
    return system(command);
}

/* The path of a file in the folder; the last eight stay valid. */
static inline const char *scratch_path(const char *name) {
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

static inline void scratch_write(const char *name, const char *text, size_t size) {
    FILE *file = fopen(scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The whole file and a final zero; the caller frees it. */
static inline char *scratch_read(const char *name, size_t *size) {
    FILE *file = fopen(scratch_path(name), "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    rewind(file);
    char *text = malloc((size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    text[length] = '\0';
    fclose(file);
    if (size) *size = (size_t)length;
    return text;
}

/* A sweep from the text of its file. */
static inline struct allometer_sweep *scratch_sweep(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static inline struct allometer_sweep *scratch_sweep(const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    scratch_write("sweep.yaml", text, (size_t)length);
    struct allometer_sweep *sweep;
    struct allometer_error error;
    if (allometer_sweep_load(scratch_path("sweep.yaml"), &sweep, &error)) fail_msg("%s", error.message);
    return sweep;
}

/* Passes the code on, having printed what went wrong where it is not the expected one. */
#define assert_code(call, expected, error)                                                                  \
    do {                                                                                                    \
        enum allometer_code code_ = (call);                                                                 \
        if (code_ != (expected)) fail_msg("%s: code %d, %s", #call, code_, code_ ? (error).message : "OK"); \
    } while (0)
#define assert_ok(call, error) assert_code(call, ALLOMETER_OK, error)
#define assert_says(error, part)                                                                         \
    do {                                                                                                 \
        if (!strstr((error).message, (part))) fail_msg("'%s' does not say '%s'", (error).message, part); \
    } while (0)

#endif
