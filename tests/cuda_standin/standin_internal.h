#ifndef ALLOMETER_STANDIN_INTERNAL_H
#define ALLOMETER_STANDIN_INTERNAL_H

#include "cuda_runtime.h"

/* Notes misuse (the first is kept) and prints it. */
void standin_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum { STANDIN_FILL = 0xff }; /* of memory that nobody has written: NaN as a float */

/* Pages of their own: data of `bytes` that starts on a multiple of 16 and ends, but for a little slack, at an
   inaccessible page. */
struct standin_pages {
    char *start; /* of the mapping */
    size_t mapped, bytes;
    char *data;
};
bool standin_pages_map(standin_pages *pages, size_t bytes);
void standin_pages_unmap(standin_pages *pages);
void standin_pages_poison(standin_pages *pages);       /* marks the slack too */
bool standin_pages_intact(const standin_pages *pages); /* the slack around the data is untouched */
void standin_pages_protect(const standin_pages *pages, bool accessible);

/* Runs all blocks of a grid to their end; false if any went wrong. */
bool standin_run_grid(const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                      const std::function<void()> &body);

#endif
