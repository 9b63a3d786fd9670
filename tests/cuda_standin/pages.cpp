/* Memory in pages of its own, between pages that nothing may touch. */
#include "standin_internal.h"

#include <algorithm>
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

/* Between the pages that nothing may touch. */
static char *inner_begin(const standin_pages *pages) {
    return pages->start + sysconf(_SC_PAGESIZE);
}

static char *inner_end(const standin_pages *pages) {
    return pages->start + pages->mapped - sysconf(_SC_PAGESIZE);
}

void standin_pages_poison(standin_pages *pages) {
    memset(inner_begin(pages), SLACK, size_t(inner_end(pages) - inner_begin(pages)));
    memset(pages->data, STANDIN_FILL, pages->bytes);
}

void standin_pages_unmap(standin_pages *pages) {
    munmap(pages->start, pages->mapped);
}

static bool is_slack(const char *from, const char *end) {
    return std::all_of(from, end, [](char byte) { return byte == char(SLACK); });
}

bool standin_pages_intact(const standin_pages *pages) {
    return is_slack(inner_begin(pages), pages->data)
           && is_slack(pages->data + pages->bytes, inner_end(pages));
}

void standin_pages_protect(const standin_pages *pages, bool accessible) {
    const size_t inner = size_t(inner_end(pages) - inner_begin(pages));
    if (inner > 0 && mprotect(inner_begin(pages), inner, accessible ? PROT_READ | PROT_WRITE : PROT_NONE)) {
        perror("stand-in: mprotect");
        abort();
    }
}
