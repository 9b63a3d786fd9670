/* What the sanitizers must be told of fibers; nothing where they are off. */
#ifndef ALLOMETER_STANDIN_SANITIZERS_H
#define ALLOMETER_STANDIN_SANITIZERS_H

#include <stddef.h>

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define STANDIN_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__) /* gcc */
#define STANDIN_ASAN
#endif
#ifdef STANDIN_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef STANDIN_TSAN /* set by the build: fibers.cpp itself is compiled without that sanitizer */
#include <sanitizer/tsan_interface.h>
#endif

/* A stack, and what the sanitizers keep for it while it does not run. */
struct sanitized_stack {
    const void *bottom;
    size_t bytes;
    void *fake_stack, *fiber;
};

static inline void sanitizer_open(sanitized_stack *stack, void *bottom, size_t bytes) {
    *stack = {bottom, bytes, nullptr, nullptr};
#ifdef STANDIN_ASAN
    __asan_unpoison_memory_region(bottom, bytes); /* an abandoned thread leaves its frames marked */
#endif
#ifdef STANDIN_TSAN
    stack->fiber = __tsan_create_fiber(0);
#endif
}

static inline void sanitizer_close(sanitized_stack *stack) {
    (void)stack;
#ifdef STANDIN_TSAN
    __tsan_destroy_fiber(stack->fiber);
#endif
}

/* The stack that runs now belongs to no fiber of ours: the thread of the host. */
static inline void sanitizer_adopt(sanitized_stack *stack) {
    (void)stack;
#ifdef STANDIN_TSAN
    stack->fiber = __tsan_get_current_fiber();
#endif
}

/* Just before leaving one stack for another; ending: the one left will not run again. The thread sanitizer is
   told not to take a switch for synchronization. */
static inline void sanitizer_leave(sanitized_stack *from, const sanitized_stack *to, bool ending) {
    (void)from, (void)to, (void)ending;
#ifdef STANDIN_ASAN
    __sanitizer_start_switch_fiber(ending ? nullptr : &from->fake_stack, to->bottom, to->bytes);
#endif
#ifdef STANDIN_TSAN
    __tsan_switch_to_fiber(to->fiber, __tsan_switch_to_fiber_no_sync);
#endif
}

/* Just after arriving on a stack, from another whose place is noted. */
static inline void sanitizer_arrive(sanitized_stack *here, sanitized_stack *from) {
    (void)here, (void)from;
#ifdef STANDIN_ASAN
    __sanitizer_finish_switch_fiber(here->fake_stack, &from->bottom, &from->bytes);
#endif
}

static inline void sanitizer_acquire(void *key) {
    (void)key;
#ifdef STANDIN_TSAN
    __tsan_acquire(key);
#endif
}

static inline void sanitizer_release(void *key) {
    (void)key;
#ifdef STANDIN_TSAN
    __tsan_release(key);
#endif
}

#endif
