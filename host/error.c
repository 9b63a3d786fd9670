#include "backend.h"

#include <stdarg.h>
#include <stdio.h>

enum allometer_code allometer_fail(struct allometer_error *error, enum allometer_code code,
                                   const char *format, ...) {
    if (!error) return code;
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return code;
}
