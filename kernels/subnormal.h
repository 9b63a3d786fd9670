/* How a thread of the CPU takes subnormal numbers. */
#ifndef ALLOMETER_SUBNORMAL_H
#define ALLOMETER_SUBNORMAL_H

#include <stdint.h>

/* Subnormal numbers count as zero while a model trains. What decays toward zero, the weights and moments of a neuron
   that l2 alone lets die, stays among them for thousands of steps, and a processor takes tens of times longer over each. */
static inline uint64_t subnormals_off(void) {
#if defined __x86_64__
    const uint32_t before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040u); /* flush to zero, denormals are zero */
#elif defined __aarch64__
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | 1u << 24)); /* flush to zero */
#else
    const uint64_t before = 0;
#endif
    return before;
}

static inline void subnormals_restore(uint64_t before) {
#if defined __x86_64__
    __builtin_ia32_ldmxcsr((uint32_t)before);
#elif defined __aarch64__
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

#endif
