/* How the bench's findings are printed: as a table, as a JSON record, as a CSV for pictures. */
#ifndef ALLOMETER_REPORT_H
#define ALLOMETER_REPORT_H

#include "ceiling.h"

struct report {
    int json;
    FILE *csv; /* NULL: none */
    int n_cases;
    double peak; /* of multiply-adds, floating-point operations per second on all threads */
};

/* commit: of the tree that was built, NULL where it is not known. */
void report_begin(struct report *report, const char *device, const char *commit);
void report_ceiling(struct report *report, enum ceiling_id id, struct spread one, struct spread all);
void report_kind(struct report *report, const struct bench_kind *kind);
void report_case(struct report *report, const struct bench_kind *kind, const char *name,
                 const struct bench_result *result);
void report_end(struct report *report);

#endif
