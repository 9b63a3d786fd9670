/* What `allometer fit` says on standard error beside its results: groups without a fit, rows left out, few clusters. */
#include "verb_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The line of a text file; the row of a store, which has no lines. */
static void print_first(const struct allometer_fits *fits, size_t at) {
    size_t row = fits->rows[at], line = fits->table->lines[row];
    fprintf(stderr, line ? "line %zu" : "row %zu", line ? line : row + 1);
}

/* Whether the row, marked for fitting, is why its group ended with that status. */
static int is_reason(const struct allometer_fits *fits, size_t at, int32_t status) {
    double y = fits->y[at];
    int not_positive = 0, infinite = isinf(y), missing = isnan(y);
    for (int c = 0; c < fits->law->n_columns; ++c) {
        double x = fits->x[c][at];
        not_positive |= x <= 0, infinite |= isinf(x), missing |= isnan(x);
    }
    if (missing || !fits->train[at]) return 0;
    return status == ALLOMETER_GROUP_X_NOT_POSITIVE   ? not_positive
           : status == ALLOMETER_GROUP_Y_NOT_POSITIVE ? y <= 0
                                                      : status == ALLOMETER_GROUP_NOT_FINITE && infinite;
}

/* The first row of the table that gave a group that status; the fits' n_rows if no single row did. */
static size_t find_reason(const struct allometer_fits *fits, int32_t status) {
    size_t first = fits->n_rows;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        if (group->status != status) continue;
        for (size_t at = group->first_row; at < group->first_row + group->n_rows; ++at) {
            if (!is_reason(fits, at, status)) continue;
            if (first == fits->n_rows || fits->rows[at] < fits->rows[first]) first = at;
        }
    }
    return first;
}

static void note_groups(const struct allometer_fits *fits, size_t n_failed) {
    const char *between = "";
    if (n_failed == fits->n_groups)
        fputs("allometer: no group could be fitted: ", stderr);
    else
        fprintf(stderr, "allometer: %zu of %zu groups could not be fitted: ", n_failed, fits->n_groups);
    for (int32_t status = 0; status < ALLOMETER_GROUP_STATUS_COUNT; ++status) {
        size_t n = 0, first;
        for (size_t g = 0; g < fits->n_groups; ++g) n += fits->groups[g].status == status;
        if (n == 0 || allometer_group_has_values(status)) continue;
        fprintf(stderr, "%s%s (%zu group%s", between, allometer_group_status_names[status], n,
                n == 1 ? "" : "s");
        between = ", ";
        first = find_reason(fits, status);
        if (first < fits->n_rows) fputs("; first: ", stderr), print_first(fits, first);
        putc(')', stderr);
    }
    putc('\n', stderr);
}

/* Rows that a column leaves out: what they lack is no concern of another column's note. */
static void note_missing(const struct allometer_fits *fits, const char *name, const double *values) {
    size_t n = 0, first = 0;
    for (size_t at = 0; at < fits->n_rows; ++at) {
        if (!fits->train[at] || !isnan(values[at])) continue;
        if (n++ == 0 || fits->rows[at] < fits->rows[first]) first = at;
    }
    if (n == 0) return;
    fprintf(stderr, "allometer: %zu row%s left out: no number in %s (first: ", n, n == 1 ? "" : "s", name);
    print_first(fits, first);
    fputs(")\n", stderr);
}

/* Of about as few clusters as parameters, few resamples differ: where each lies at one x of its own, what they share is not
   told from the law (measured: 85 % of 95 % intervals hold the truth). */
static void note_clusters(const struct allometer_fits *fits) {
    size_t fewest = SIZE_MAX;
    int enough = 0;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        if (!allometer_group_has_values(group->status)) continue;
        if (group->n_units < fewest) fewest = group->n_units, enough = group->law->n_parameters + 2;
    }
    if (!fits->options.cluster || !fits->options.bootstrap || fewest >= (size_t)enough) return;
    fprintf(stderr, "allometer: few clusters: %zu of %s%s; ", fewest, fits->options.cluster,
            fits->n_groups > 1 ? " in one group" : "");
    fputs(fewest < 2 ? "a bootstrap of one tells no interval\n"
                     : "where a cluster has one x only, intervals may be too narrow\n",
          stderr);
}

/* Groups whose intervals come from standard errors, though resamples were asked for. */
static void note_resamples(const struct allometer_fits *fits) {
    size_t n = 0;
    for (size_t g = 0; g < fits->n_groups && fits->options.bootstrap; ++g) {
        n += allometer_group_has_values(fits->groups[g].status)
             && fits->groups[g].n_resamples < ALLOMETER_FEWEST_RESAMPLES;
    }
    if (n == 0 || fits->law->candidates) return;
    fprintf(stderr,
            "allometer: fewer than %d resamples reached a minimum that their points determine in %zu of %zu "
            "group%s: intervals from standard errors%s\n",
            ALLOMETER_FEWEST_RESAMPLES, n, fits->n_groups, fits->n_groups == 1 ? "" : "s",
            fits->options.cluster ? ", as of points that are independent" : "");
}

struct written {
    double number;
    const char *text;
};

static int by_number_and_text(const void *a, const void *b) {
    const struct written *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* One number that is written in two ways, as tables from two programs do, parts groups: rarely what is meant. */
static void note_written(const struct allometer_fits *fits, size_t column) {
    struct written *all = malloc((fits->n_groups + 1) * sizeof *all);
    size_t n = 0, i = 1;
    for (size_t g = 0; all && g < fits->n_groups; ++g) {
        all[n].text = fits->groups[g].key[column];
        /* beyond 2^53 a double does not tell whole numbers, such as those of runs, from their neighbors */
        n += allometer_cell_number(all[n].text, &all[n].number) && fabs(all[n].number) < 0x1p53;
    }
    if (n) qsort(all, n, sizeof *all, by_number_and_text);
    while (i < n && (all[i].number != all[i - 1].number || strcmp(all[i].text, all[i - 1].text) == 0)) ++i;
    if (i < n)
        fprintf(stderr, "allometer: %s and %s in %s are one number, but two groups: these go by the text\n",
                all[i - 1].text, all[i].text, fits->options.groups[column]);
    free(all);
}

int verb_fit_notes(const struct allometer_fits *fits, int quiet) {
    size_t n_failed = 0;
    for (size_t g = 0; g < fits->n_groups; ++g)
        n_failed += !allometer_group_has_values(fits->groups[g].status);
    for (int c = 0; c < fits->law->n_columns && !quiet; ++c)
        note_missing(fits, fits->options.x[c], fits->x[c]);
    if (!quiet) note_missing(fits, fits->options.y, fits->y);
    for (size_t c = 0; c < fits->options.n_groups && !quiet; ++c) note_written(fits, c);
    if (!quiet) note_clusters(fits), note_resamples(fits);
    if (n_failed && (!quiet || n_failed == fits->n_groups)) note_groups(fits, n_failed);
    return n_failed < fits->n_groups;
}
