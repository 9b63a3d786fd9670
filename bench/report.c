#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *key, *text;
    double scale;
} ceiling_rows[] = {
#define ROW(id, key, text, scale) {key, text, scale},
    CEILING_TABLE(ROW)
#undef ROW
};

/* The first value of `key` in a file of lines `key : value`, or "unknown". */
static void read_value(const char *path, const char *key, char *value, size_t size) {
    char line[512];
    FILE *file = fopen(path, "r");
    snprintf(value, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || !colon) continue;
        colon += 1 + strspn(colon + 1, " \t");
        colon[strcspn(colon, "\n\"\\")] = '\0';
        snprintf(value, size, "%s", colon);
        break;
    }
    if (file) fclose(file);
}

void report_begin(struct report *report, const char *device, const char *commit) {
    char processor[256], date[32];
    double load = 0;
    time_t now = time(NULL);
    struct tm utc;
    read_value("/proc/cpuinfo", "model name", processor, sizeof processor);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (getloadavg(&load, 1) != 1) load = -1;
    if (report->json) {
        printf("{\"processor\": \"%s\", \"cores\": %ld, \"load_average\": %.2f, \"date\": \"%s\",\n "
               "\"device\": \"%s\",\n "
               "\"compiler\": \"%s\", \"flags\": \"%s\", \"commit\": \"%s\",\n \"ceilings\": {",
               processor, sysconf(_SC_NPROCESSORS_ONLN), load, date, device, __VERSION__,
               ALLOMETER_BENCH_FLAGS, commit ? commit : "unknown");
    } else {
        printf("%s, %ld cores, load average %.2f before the start; %s\n%s; compiler %s, %s; commit %s\n\n",
               processor, sysconf(_SC_NPROCESSORS_ONLN), load, date, device, __VERSION__,
               ALLOMETER_BENCH_FLAGS, commit ? commit : "unknown");
        printf("%-32s %26s   %26s\n", "ceiling: least, median, most", "one thread", "all threads");
    }
    if (report->csv)
        fprintf(report->csv, "case,unit,least,median,most,share_least,share,share_most,gflops,intensity\n");
}

void report_ceiling(struct report *report, enum ceiling_id id, struct spread one, struct spread all) {
    double scale = ceiling_rows[id].scale;
    if (id == CEILING_MULTIPLY_ADDS) report->peak = all.median;
    if (report->json) {
        printf("%s\n  \"%s\": {\"one\": [%.4g, %.4g, %.4g], \"all\": [%.4g, %.4g, %.4g]}", id ? "," : "",
               ceiling_rows[id].key, one.least, one.median, one.most, all.least, all.median, all.most);
    } else {
        printf("%-32s %8.2f %8.2f %8.2f   %8.2f %8.2f %8.2f\n", ceiling_rows[id].text, one.least / scale,
               one.median / scale, one.most / scale, all.least / scale, all.median / scale, all.most / scale);
    }
    if (report->csv)
        fprintf(report->csv, "%s,%s,%.4g,%.4g,%.4g,,,,,\n", ceiling_rows[id].key, "ceiling",
                all.least / scale, all.median / scale, all.most / scale);
    fflush(stdout);
}

void report_kind(struct report *report, const struct bench_kind *kind) {
    if (report->json) return;
    printf("\n%-32s %8s %8s %8s   %s\n", kind->unit, "least", "median", "most",
           kind->note ? kind->note : "share of the mix's ceiling   of the multiply-add peak");
}

void report_case(struct report *report, const struct bench_kind *kind, const char *name,
                 const struct bench_result *result) {
    struct spread rate = result->rate, share = result->share;
    double s = kind->scale;
    if (report->json) {
        printf("%s\n  {\"case\": \"%s\", \"unit\": \"%s\", \"rate\": [%.4g, %.4g, %.4g]",
               report->n_cases ? "," : "", name, kind->unit, rate.least / s, rate.median / s, rate.most / s);
        if (share.median > 0)
            printf(", \"share_of_ceiling\": [%.3f, %.3f, %.3f]", share.least, share.median, share.most);
        if (result->of_peak > 0) printf(", \"share_of_multiply_add_peak\": %.3f", result->of_peak);
        if (result->remark[0]) printf(", \"remark\": \"%s\"", result->remark);
        printf("}");
    } else {
        printf("%-32s %8.3f %8.3f %8.3f   ", name, rate.least / s, rate.median / s, rate.most / s);
        if (share.median > 0)
            printf("%5.1f %5.1f %5.1f %%", share.least * 100, share.median * 100, share.most * 100);
        if (result->of_peak > 0) printf("          %5.1f %%", result->of_peak * 100);
        printf("%s%s\n", result->remark[0] ? "   " : "", result->remark);
    }
    if (report->csv) {
        fprintf(report->csv, "%s,%s,%.4g,%.4g,%.4g,", name, kind->unit, rate.least / s, rate.median / s,
                rate.most / s);
        if (share.median > 0)
            fprintf(report->csv, "%.4g,%.4g,%.4g,%.4g,%.4g\n", share.least, share.median, share.most,
                    share.median * report->peak * 1e-9, result->floor_flops / result->floor_bytes);
        else
            fprintf(report->csv, ",,,,\n");
    }
    if (report->csv) fflush(report->csv);
    report->n_cases++;
    fflush(stdout);
}

void report_end(struct report *report) {
    if (report->json) printf("\n]}\n");
    if (report->csv && fclose(report->csv) != 0) bench_quit("cannot write the CSV");
}
