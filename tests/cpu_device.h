/* The CPU, opened before a program's tests and closed after them. */
#ifndef ALLOMETER_CPU_DEVICE_H
#define ALLOMETER_CPU_DEVICE_H

#include "backend.h"

static struct allometer_device *device;

/* cmocka's set-up and tear-down of a group of tests. */
static inline int open_device(void **state) {
    (void)state;
    return (int)allometer_cpu.open(&device, &(struct allometer_device_options){0}, NULL);
}

static inline int close_device(void **state) {
    (void)state;
    allometer_cpu.close(device);
    return 0;
}

#endif
