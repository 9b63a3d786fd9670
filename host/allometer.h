/* The public interface of liballometer: all that a program needs to plan, train, measure, store and fit.

   A sweep from its file to its store:

       #include <allometer/allometer.h>
       #include <stdio.h>

       int main(void) {
           struct allometer_error error;
           struct allometer_device_options all_threads = {0};
           struct allometer_run_options whole = {0};
           struct allometer_sweep *sweep;
           struct allometer_store *store;
           struct allometer_device *device;
           if (allometer_sweep_load("sweep.yaml", &sweep, &error)
               || allometer_store_open("runs.db", sweep, &store, &error)
               || allometer_cpu.open(&device, &all_threads, &error)
               || allometer_run(sweep, store, &allometer_cpu, device, &whole, NULL, &error)
               || allometer_store_close(store, &error)) {
               fprintf(stderr, "%s\n", error.message);
               return error.code;
           }
           allometer_cpu.close(device);
           allometer_sweep_free(sweep);
           return 0;
       }

   Compile it with: cc example.c $(pkg-config --cflags --libs allometer).

   What a function hands out through a pointer to a pointer is the caller's to free, with the function of its kind; it is
   NULL after an error, apart from devices. Pointers may be NULL where a comment says so, in every function that frees, and for error; a struct of
   options may be all zeros but for what its comments ask. The library never ends the program, and prints to the given files only.

   Threads: functions keep no state between calls, so that threads may call them at once, each on its own objects. Several may
   read one sweep, table or fits, and train or fit on one device of the CPU; whoever changes or frees an object must be alone with
   it. Numbers are read and written with a decimal point, whatever the locale; only messages of errors follow it. */
#ifndef ALLOMETER_H
#define ALLOMETER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "model.h"
#include "backend.h"
#include "sweep.h"
#include "plan.h"
#include "store.h"
#include "run.h"
#include "table.h"
#include "laws.h"
#include "formula_parse.h"
#include "fit.h"

#ifdef __cplusplus
}
#endif

#endif
