#include "fit_internal.h"

#include <stdint.h>
#include <stdlib.h>

struct fit_memory {
    struct fit_memory *next;
    max_align_t bytes[];
};

void *fit_allocate(struct fit_memory **memory, size_t n, size_t size) {
    if (size && n > (SIZE_MAX - sizeof(struct fit_memory)) / size) return NULL;
    struct fit_memory *block = calloc(1, sizeof *block + n * size);
    if (!block) return NULL;
    block->next = *memory;
    *memory = block;
    return block->bytes;
}

void fit_memory_free(struct fit_memory *memory) {
    while (memory) {
        struct fit_memory *next = memory->next;
        free(memory);
        memory = next;
    }
}
