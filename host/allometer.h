/* The public interface of liballometer: all that a program needs to plan, train, measure, store and fit.

   A sweep from its file to its store:

       #include <allometer/allometer.h>
       #include <stdio.h>

       int main(void) {
           struct allometer_error error;
           struct allometer_sweep *sweep;
           struct allometer_store *store;
           struct allometer_device *device;
           if (allometer_sweep_load("sweep.yaml", &sweep, &error)
               || allometer_store_open("runs.db", sweep, &store, &error)
               || allometer_cpu.open(&device, NULL, &error)
               || allometer_run(sweep, store, &allometer_cpu, device, NULL, NULL, &error)
               || allometer_store_close(store, &error)) {
               fprintf(stderr, "%s\n", error.message);
               return error.code;
           }
           allometer_cpu.close(device);
           allometer_sweep_free(sweep);
           return 0;
       }

   Compile it with: cc example.c $(pkg-config --cflags --libs allometer).

   A law fitted to every group of a table's rows:

       #include <allometer/allometer.h>
       #include <stdio.h>

       int main(void) {
           const char *groups[] = {"task"};
           struct allometer_fit_options options = {.law = allometer_law_find("power-offset"),
                                                   .objective = ALLOMETER_OBJECTIVE_MSLE,
                                                   .x = {"size"},
                                                   .y = "loss",
                                                   .groups = groups,
                                                   .n_groups = 1,
                                                   .confidence = 0.95,
                                                   .backend = &allometer_cpu};
           struct allometer_error error;
           struct allometer_table *table;
           struct allometer_fits *fits;
           if (allometer_cpu.open(&options.device, NULL, &error)
               || allometer_table_read_csv("runs.csv", &table, &error)
               || allometer_fit(table, &options, &fits, &error)) {
               fprintf(stderr, "%s\n", error.message);
               return error.code;
           }
           for (size_t g = 0; g < fits->n_groups; g++) {
               const struct allometer_fit_group *group = &fits->groups[g];
               printf("%s: %s", group->key[0], allometer_group_status_names[group->status]);
               for (int p = 0; p < group->law->n_parameters; p++)
                   printf(", %s = %g [%g, %g]", group->law->parameters[p].name, group->values[p],
                          group->lower[p], group->upper[p]);
               printf("\n");
           }
           allometer_fits_free(fits);
           allometer_table_free(table);
           allometer_cpu.close(options.device);
           return 0;
       }

   Models that no sweep spans, or that learn rows of the program's own, begin as one that allometer_sweep_model gives, with all
   defaults; what is changed in it allometer_model_check looks at, and the backend's `train` trains any number of them.

   What a function hands out through a pointer to a pointer is the caller's to free, with the function of its kind; it is
   NULL after an error. Pointers may be NULL where a comment says so, in every function that frees, and for error; a struct of
   options may be all zeros but for what its comments ask. The library never ends the program, though OpenMP does where it
   cannot start its threads, and prints to the given files only. Messages that advise name the program's options: --where.

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
