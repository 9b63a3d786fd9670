/* Files that are written whole or not at all. */
#ifndef ALLOMETER_OUTPUT_H
#define ALLOMETER_OUTPUT_H

#include "backend.h"

#include <stdio.h>

/* An output under way. */
struct output {
    FILE *file;
    const char *path;       /* as the user has it; must outlive the output */
    char *target, *partial; /* what is replaced at the end, and by what; NULL where it is written directly */
};

/* Tells beforehand, and changes nothing, where output_begin would fail: BAD_INPUT for want of the folder or of the right to write. */
enum allometer_code output_check(const char *path, struct allometer_error *error);

/* Opens the path for writing. A regular file, or one that is not there yet, is written beside itself and takes the name at
   the end; a symbolic link stays, and what it points to is written. Devices, pipes and this process' own standard
   output are written directly. BAD_INPUT: it cannot be opened, or FAILED, for want of room; then there is nothing to finish. */
enum allometer_code output_begin(struct output *output, const char *path, struct allometer_error *error);

/* Closes it. code: that of the writing; unless it is OK, what was there before stays. Returns code, or FAILED where the
   file could not be written, such as on a full disk; the message names it. */
enum allometer_code output_finish(struct output *output, enum allometer_code code,
                                  struct allometer_error *error);

#endif
