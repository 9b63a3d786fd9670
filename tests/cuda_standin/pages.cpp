/* Memory in pages of its own, between pages that nothing may touch. */
#include "standin_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLACK = 0xa5 };

bool standin_pages_map(standin_pages *pages, size_t bytes) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), padded = (bytes + 15) / 16 * 16;
    const size_t inner = (padded + page - 1) / page * page;
    pages->mapped = inner + 2 * page;
    pages->bytes = bytes;
    void *start = mmap(nullptr, pages->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return false;
    pages->start = static_cast<char *>(start);
    pages->data = pages->start + page + inner - padded;
    standin_pages_protect(pages, true);
    return true;
}

void standin_pages_poison(standin_pages *pages) {
    memset(pages->data, STANDIN_FILL, pages->bytes);
    const size_t slack = (16 - pages->bytes % 16) % 16;
    memset(pages->data + pages->bytes, SLACK, slack);
}

void standin_pages_unmap(standin_pages *pages) {
    munmap(pages->start, pages->mapped);
}

bool standin_pages_intact(const standin_pages *pages) {
    const size_t slack = (16 - pages->bytes % 16) % 16;
    for (size_t i = 0; i < slack; ++i) {
        if (static_cast<unsigned char>(pages->data[pages->bytes + i]) != SLACK) return false;
    }
    return true;
}

void standin_pages_protect(const standin_pages *pages, bool accessible) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE));
    if (pages->mapped == 2 * page) return;
    if (mprotect(pages->start + page, pages->mapped - 2 * page,
                 accessible ? PROT_READ | PROT_WRITE : PROT_NONE)) {
        perror("stand-in: mprotect");
        abort();
    }
}
