/* The threads of a grid as fibers on one thread of the host. All blocks are in flight at once and take turns at
   each barrier, so that a queue is shared out among them as on a device. */
#include "standin_internal.h"
#include "sanitizers.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <set>
#include <vector>

standin_thread *standin_current;

namespace {

enum { WARP = 32, STACK_BYTES = 512 * 1024 };

enum fiber_state { READY, AT_BARRIER, AT_WARP_BARRIER, AT_SHUFFLE, DONE };

struct block_run;

struct fiber {
    ~fiber() {
        sanitizer_close(&sanitized);
        standin_pages_unmap(&stack);
    }

    standin_thread visible; /* first: standin_current points here */
    fiber_state state;
    void *stack_pointer;
    standin_pages stack;
    sanitized_stack sanitized;
    block_run *block;
    const char *file; /* where it waits */
    int line;
    uint32_t mask; /* lanes of its warp that it waits for, at a shuffle or a warp's barrier */
    uint32_t value;
    int operand, width;
    enum standin_shuffle kind;
};

/* Barriers that the same threads meet at: addresses only, which take turns, so that an early arrival at the next one
   cannot order the threads that still leave this one. */
struct barrier_keys {
    int n_met;
    char keys[2];
};

struct block_run {
    std::vector<fiber *> fibers; /* by thread index */
    standin_pages shared;
    barrier_keys barriers;
    std::vector<barrier_keys> warp_barriers; /* by the first thread of those that meet */
};

std::vector<std::unique_ptr<fiber>> pool; /* kept from launch to launch: making one is slow */
const std::function<void()> *kernel_body;
bool failed;
char complaint[512];
void *host_stack_pointer;
sanitized_stack host;
char start_key, end_key;

fiber *current_fiber(void) {
    return reinterpret_cast<fiber *>(standin_current);
}

/* May be called by a thread of the grid, so it only takes a note. */
__attribute__((format(printf, 1, 2))) void fail_launch(const char *format, ...) {
    if (failed) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint, sizeof complaint, format, arguments);
    va_end(arguments);
    failed = true;
}

/* ---- switching stacks ---- */

extern "C" void standin_switch(void **save, void *load);
#if defined(__x86_64__)
/* Saves what the ABI asks a callee to keep, then swaps stacks. */
__asm__(".text\n.globl standin_switch\n.hidden standin_switch\n.type standin_switch,@function\n"
        "standin_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
        ".size standin_switch,.-standin_switch\n");
enum { SAVED_WORDS = 6, RETURN_WORD = 6 };
#elif defined(__aarch64__)
__asm__(".text\n.globl standin_switch\n.hidden standin_switch\n.type standin_switch,%function\n"
        "standin_switch:\n"
        "sub sp,sp,#160\n"
        "stp x19,x20,[sp,#0]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
        "stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\n"
        "stp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\n"
        "mov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
        "ldp x19,x20,[sp,#0]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\n"
        "ldp x27,x28,[sp,#64]\nldp x29,x30,[sp,#80]\n"
        "ldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
        "add sp,sp,#160\nret\n"
        ".size standin_switch,.-standin_switch\n");
enum { SAVED_WORDS = 20, RETURN_WORD = 11 };
#else
#error "the stand-in switches stacks on x86-64 and 64-bit ARM only"
#endif

/* From the host's thread into a fiber, until it waits or ends. */
void resume(fiber *f) {
    standin_current = &f->visible;
    sanitizer_leave(&host, &f->sanitized, false);
    standin_switch(&host_stack_pointer, f->stack_pointer);
    sanitizer_arrive(&host, &f->sanitized);
    standin_current = nullptr;
}

/* From the running fiber back to the host's thread. */
void suspend(fiber_state state) {
    fiber *f = current_fiber();
    f->state = state;
    sanitizer_leave(&f->sanitized, &host, state == DONE);
    standin_switch(&f->stack_pointer, host_stack_pointer);
    sanitizer_arrive(&f->sanitized, &host);
}

void fiber_main(void) {
    sanitizer_arrive(&current_fiber()->sanitized, &host);
    sanitizer_acquire(&start_key);
    (*kernel_body)();
    sanitizer_release(&end_key);
    suspend(DONE);
    abort(); /* nobody resumes a thread that is done */
}

fiber *fiber_from_pool(size_t index) {
    while (pool.size() <= index) {
        auto f = std::make_unique<fiber>();
        if (!standin_pages_map(&f->stack, STACK_BYTES)) {
            perror("stand-in: no memory for a thread's stack");
            abort();
        }
        sanitizer_open(&f->sanitized, f->stack.data, STACK_BYTES);
        pool.push_back(std::move(f));
    }
    fiber *f = pool[index].get();
    void **words = reinterpret_cast<void **>(f->stack.data + STACK_BYTES) - (SAVED_WORDS + 4);
    memset(words, 0, (SAVED_WORDS + 4) * sizeof *words);
    words[RETURN_WORD] = reinterpret_cast<void *>(fiber_main);
    f->stack_pointer = words;
    f->sanitized.fake_stack = nullptr;
    f->state = READY;
    return f;
}

/* ---- waiting ---- */

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "train.h:123" */
std::string site(const char *file, int line) {
    return std::string(base_name(file)) + ":" + std::to_string(line);
}

std::string where(const fiber *f) {
    if (f->state == DONE) return "has ended";
    const char *what = f->state == AT_BARRIER        ? "waits at barrier "
                       : f->state == AT_WARP_BARRIER ? "waits at a warp's barrier "
                                                     : "waits at shuffle ";
    return what + site(f->file, f->line);
}

/* Adds the place of a barrier to the file that was asked for. */
void note_site(const fiber *f) {
    static std::set<std::string> seen;
    if (!standin_settings_now.sites || !seen.insert(site(f->file, f->line)).second) return;
    FILE *sites = fopen(standin_settings_now.sites, "a");
    if (!sites) return;
    fprintf(sites, "%s\n", site(f->file, f->line).c_str());
    fclose(sites);
}

/* Whether this barrier is the one to be left out. Runs in the threads of the grid: nothing here may order them,
   as allocating memory might. */
bool dropped(const char *file, int line) {
    const char *drop = standin_settings_now.drop, *name = base_name(file);
    if (!drop) return false;
    const size_t length = strlen(name);
    return strncmp(drop, name, length) == 0 && drop[length] == ':' && atoi(drop + length + 1) == line;
}

uint32_t thread_index(const fiber *f) {
    return f->visible.thread.y * f->visible.block_size.x + f->visible.thread.x;
}

/* Threads that must wait together but do not: says of both where they are. */
void report_divergence(const fiber *a, const fiber *b) {
    fail_launch("threads of block %u diverge: thread %u %s, thread %u %s", a->visible.block.x,
                thread_index(a), where(a).c_str(), thread_index(b), where(b).c_str());
}

bool same_place(const fiber *a, const fiber *b) {
    return a->state == b->state && a->state != DONE && a->line == b->line
           && (a->file == b->file || strcmp(a->file, b->file) == 0);
}

/* A fiber that f waits for and that is not there; NULL if all are. */
const fiber *missing(const fiber *f) {
    const std::vector<fiber *> &all = f->block->fibers;
    const size_t first = f->state == AT_BARRIER ? 0 : thread_index(f) / WARP * WARP;
    const size_t end = f->state == AT_BARRIER ? all.size() : std::min(first + WARP, all.size());
    for (size_t i = first; i < end; ++i) {
        const bool awaited = f->state == AT_BARRIER || (f->mask >> (i - first) & 1);
        if (awaited && (!same_place(f, all[i]) || f->mask != all[i]->mask)) return all[i];
    }
    return nullptr;
}

/* What the fiber receives of its warp: a ballot's bits, or a lane's value; a lane that asks for none keeps its own. */
uint32_t received(const fiber *f, fiber *const *warp, const uint32_t *sent) {
    if (f->kind == STANDIN_BALLOT) {
        uint32_t bits = 0;
        for (int l = 0; l < WARP; ++l) bits |= f->mask >> l & 1 ? sent[l] << l : 0;
        return bits;
    }
    const int lane = int(thread_index(f) % WARP), base = lane / f->width * f->width, own = lane - base;
    const int wanted = f->kind == STANDIN_SHUFFLE_XOR    ? own ^ f->operand
                       : f->kind == STANDIN_SHUFFLE_DOWN ? own + f->operand
                                                         : f->operand % f->width;
    const int source = wanted >= 0 && wanted < f->width ? base + wanted : lane;
    if (!(f->mask >> source & 1))
        fail_launch("a shuffle at %s reads lane %d, which its mask %#x leaves out",
                    site(f->file, f->line).c_str(), source, warp[lane]->mask);
    return sent[source];
}

/* Lets those threads of a warp go on who wait for each other and are all there. */
bool release_warp(block_run *block, size_t first) {
    fiber *const *warp = &block->fibers[first];
    uint32_t sent[WARP], left = 0;
    for (int l = 0; l < WARP; ++l) {
        const fiber *f = warp[l];
        sent[l] = f->value;
        const bool known = left >> l & 1; /* with a lane before it */
        if (!known && (f->state == AT_SHUFFLE || f->state == AT_WARP_BARRIER) && !missing(f)) left |= f->mask;
    }
    for (int l = 0; l < WARP; ++l) {
        fiber *f = warp[l];
        if (!(left >> l & 1)) continue;
        if (f->state == AT_SHUFFLE) {
            f->value = received(f, warp, sent);
        } else if (__builtin_ctz(f->mask) == l) {
            note_site(f);
            ++block->warp_barriers[first + size_t(l)].n_met;
        }
        f->state = READY;
    }
    return left != 0;
}

bool release_barrier(block_run *block) {
    if (block->fibers[0]->state != AT_BARRIER || missing(block->fibers[0])) return false;
    note_site(block->fibers[0]);
    for (fiber *f : block->fibers) f->state = READY;
    ++block->barriers.n_met;
    return true;
}

/* Runs a block up to where some of its threads wait for others; true when all its threads have ended. */
bool advance(block_run *block) {
    const size_t n = block->fibers.size();
    bool done = true, moved = false;
    for (size_t i = 0; i < n && !failed; ++i) {
        fiber *f = block->fibers[standin_settings_now.reverse ? n - 1 - i : i];
        if (f->state == READY) resume(f);
        done &= f->state == DONE;
    }
    if (failed || done) return true;
    for (size_t i = 0; i + WARP <= n; i += WARP) moved |= release_warp(block, i);
    if (moved || release_barrier(block)) return false;
    for (const fiber *f : block->fibers) {
        const fiber *other = f->state == DONE ? nullptr : missing(f);
        if (!other) continue;
        report_divergence(f, other);
        return true;
    }
    fail_launch("a shuffle outside a whole warp: blocks must be multiples of 32 threads");
    return true;
}

} // namespace

/* ---- what kernels call ---- */

void *standin_shared_memory(void) {
    return standin_current->shared;
}

uint64_t standin_nanoseconds(void) {
    return uint64_t(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

static void wait_at(fiber *f, fiber_state state, barrier_keys *barriers, const char *file, int line) {
    f->file = file;
    f->line = line;
    char *key = &barriers->keys[barriers->n_met % 2];
    sanitizer_release(key);
    suspend(state);
    sanitizer_acquire(key);
}

/* False if the thread is not among those that it names. */
static bool set_mask(fiber *f, uint32_t mask, const char *file, int line) {
    f->mask = mask;
    const bool named = mask >> (thread_index(f) % WARP) & 1;
    if (!named)
        fail_launch("the mask %#x leaves out the thread's own lane at %s", mask, site(file, line).c_str());
    return named;
}

void standin_barrier(const char *file, int line) {
    if (dropped(file, line)) return;
    fiber *f = current_fiber();
    f->mask = 0;
    wait_at(f, AT_BARRIER, &f->block->barriers, file, line);
}

void standin_warp_barrier(uint32_t mask, const char *file, int line) {
    if (dropped(file, line)) return;
    fiber *f = current_fiber();
    if (!set_mask(f, mask, file, line)) return;
    const uint32_t leader = thread_index(f) / WARP * WARP + uint32_t(__builtin_ctz(mask));
    wait_at(f, AT_WARP_BARRIER, &f->block->warp_barriers[leader], file, line);
}

uint32_t standin_exchange(enum standin_shuffle kind, uint32_t mask, uint32_t value, int operand, int width,
                          const char *file, int line) {
    fiber *f = current_fiber();
    if (!set_mask(f, mask, file, line)) return value;
    if (width < 1 || width > WARP || (width & (width - 1)))
        fail_launch("a shuffle of width %d at %s", width, site(file, line).c_str());
    f->file = file;
    f->line = line;
    f->width = width;
    f->kind = kind;
    f->value = value;
    f->operand = operand;
    suspend(AT_SHUFFLE);
    return f->value;
}

bool standin_run_grid(const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                      const std::function<void()> &body) {
    kernel_body = &body;
    failed = false;
    sanitizer_adopt(&host);
    const uint32_t n_threads = block.x * block.y;
    std::vector<std::unique_ptr<block_run>> blocks(grid.x);
    for (uint32_t b = 0; b < grid.x; ++b) {
        blocks[b] = std::make_unique<block_run>();
        if (!standin_pages_map(&blocks[b]->shared, shared_bytes)) {
            perror("stand-in: no memory for shared memory");
            abort();
        }
        standin_pages_poison(&blocks[b]->shared);
        blocks[b]->warp_barriers.resize(n_threads);
        for (uint32_t t = 0; t < n_threads; ++t) {
            fiber *f = fiber_from_pool(size_t(b) * n_threads + t);
            f->visible = {dim3(t % block.x, t / block.x), dim3(b), block, grid, blocks[b]->shared.data};
            f->block = blocks[b].get();
            blocks[b]->fibers.push_back(f);
        }
    }
    std::vector<block_run *> running;
    for (uint32_t b = 0; b < grid.x; ++b) {
        running.push_back(blocks[standin_settings_now.reverse ? grid.x - 1 - b : b].get());
    }
    sanitizer_release(&start_key);
    while (!running.empty() && !failed) {
        for (size_t b = 0; b < running.size();) {
            if (advance(running[b])) {
                running.erase(running.begin() + long(b));
            } else {
                ++b;
            }
        }
    }
    sanitizer_acquire(&end_key);
    for (auto &b : blocks) {
        if (!failed && !standin_pages_intact(&b->shared))
            fail_launch("a write beyond the bounds of shared memory");
        standin_pages_unmap(&b->shared);
    }
    if (failed) {
        standin_misuse("kernel %s: %s", name, complaint);
        pool.clear(); /* threads that were abandoned half-way */
    }
    return !failed;
}
