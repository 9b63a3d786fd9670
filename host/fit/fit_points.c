/* The points to be fitted, in the form that the solver reads them, and the groups that cannot be. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One point on its way into the pool, and the cell that tells its cluster: those alike are the same unit. */
struct member {
    size_t at; /* among the fits' rows */
    double number;
    const char *text; /* NULL: there is a number only, or nothing (NaN) */
};

static int compare_clusters(const struct member *x, const struct member *y) {
    if (x->text && y->text) return strcmp(x->text, y->text);
    if (x->text || y->text) return x->text ? 1 : -1;
    if (isnan(x->number) || isnan(y->number)) return !!isnan(x->number) - !!isnan(y->number);
    return (x->number > y->number) - (x->number < y->number);
}

static int by_cluster(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    int order = compare_clusters(x, y);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

enum { TAKES_PART = -1, IS_MISSING = -2 };

/* Why a point that is marked for fitting cannot take part, if it cannot and is there. */
static int32_t check_point(const struct fit_work *work, size_t at) {
    const struct allometer_fits *fits = work->fits;
    double y = fits->y[at];
    if (isnan(y)) return IS_MISSING;
    for (int c = 0; c < work->n_columns; ++c) {
        double x = fits->x[c][at];
        if (isnan(x)) return IS_MISSING;
        if (isinf(x)) return ALLOMETER_GROUP_NOT_FINITE;
        if (fits->law->form == ALLOMETER_COLUMNS_LOG && x <= 0) return ALLOMETER_GROUP_X_NOT_POSITIVE;
    }
    if (isinf(y)) return ALLOMETER_GROUP_NOT_FINITE;
    if (fit_on_logs(fits) && y <= 0) return ALLOMETER_GROUP_Y_NOT_POSITIVE;
    return TAKES_PART;
}

/* A row that cannot be a weight is an error of the file, not of the group. */
static enum allometer_code point_weight(const struct allometer_fits *fits, size_t column, size_t at,
                                        double *weight, struct allometer_error *error) {
    size_t row = fits->rows[at];
    *weight = fits->table->columns[column].numbers[row];
    if (*weight >= 0 && isfinite(*weight)) return ALLOMETER_OK;
    char place[ALLOMETER_PLACE_LENGTH], found[ALLOMETER_NUMBER_LENGTH];
    const char *text = allometer_table_text(fits->table, column, row, found);
    return allometer_fail(
        error, ALLOMETER_BAD_INPUT, "%s: column '%s': expected a weight of at least 0, found %.60s",
        allometer_table_place(fits->table, row, place), fits->options.weight, *text ? text : "none");
}

static void add_points(struct fit_work *work, const struct member *members, size_t n, int in_clusters) {
    const struct allometer_fits *fits = work->fits;
    int logs = fits->law->form == ALLOMETER_COLUMNS_LOG, log_y = fit_on_logs(fits);
    for (size_t i = 0; i < n; ++i) {
        size_t at = members[i].at, point = work->n_points++;
        if (i == 0 || !in_clusters || compare_clusters(&members[i - 1], &members[i]) != 0) {
            work->units[work->n_units++] = (int64_t)point;
        }
        for (int c = 0; c < work->n_columns; ++c) {
            work->columns[c][point] = logs ? log(fits->x[c][at]) : fits->x[c][at];
        }
        work->target[point] = log_y ? log(fits->y[at]) : fits->y[at];
        work->point_rows[point] = at;
    }
    work->units[work->n_units] = (int64_t)work->n_points;
}

static int is_constant(const double *values, size_t n) {
    for (size_t i = 1; i < n; ++i) {
        if (values[i] != values[0]) return 0;
    }
    return 1;
}

/* Takes the group's points out again if they cannot be fitted. */
static void check_group(struct fit_work *work, struct allometer_fit_group *group, size_t first_point,
                        size_t first_unit, int n_free) {
    if (group->status == FIT_PENDING && (group->n_train < (size_t)n_free || group->n_train == 0))
        group->status = ALLOMETER_GROUP_TOO_FEW_POINTS;
    int n_constant = 0;
    for (int c = 0; c < work->n_columns && group->status == FIT_PENDING; ++c) {
        n_constant += is_constant(work->columns[c] + first_point, group->n_train);
    }
    /* a formula may well read a column that is constant within a group, beside others */
    if (n_free > 1 && n_constant > (work->fits->law->program ? work->n_columns - 1 : 0))
        group->status = ALLOMETER_GROUP_X_CONSTANT;
    if (group->status == FIT_PENDING) return;
    work->n_points = first_point;
    work->n_units = first_unit;
    work->units[first_unit] = (int64_t)first_point;
}

static int count_free(const struct fit_work *work, size_t group) {
    int n = 0;
    for (int p = 0; p < work->n_parameters; ++p) {
        size_t at = group * (size_t)work->n_parameters + (size_t)p;
        n += work->lower[at] < work->upper[at];
    }
    return n;
}

static enum allometer_code collect_group(struct fit_work *work, size_t g, struct member *members,
                                         size_t cluster, size_t weight, struct allometer_error *error) {
    struct allometer_fits *fits = work->fits;
    const struct allometer_fit_options *options = &fits->options;
    struct allometer_fit_group *group = &fits->groups[g];
    size_t n = 0, first_point = work->n_points, first_unit = work->n_units;
    for (size_t at = group->first_row; at < group->first_row + group->n_rows; ++at) {
        int32_t why = fits->train[at] ? check_point(work, at) : IS_MISSING;
        if (why >= 0) group->status = why;
        if (!fits->train[at] && !isnan(fits->y[at])) group->n_test++;
        if (why != TAKES_PART) continue;
        members[n] = (struct member){.at = at};
        if (options->cluster) {
            const struct allometer_column *column = &fits->table->columns[cluster];
            members[n].number = column->numbers[fits->rows[at]];
            const char *text = column->texts ? column->texts[fits->rows[at]] : "";
            members[n].text = allometer_cell_is_missing(text) ? NULL : text;
        }
        ++n;
    }
    group->n_train = n;
    if (options->cluster) qsort(members, n, sizeof *members, by_cluster);
    add_points(work, members, n, options->cluster != NULL);
    for (size_t i = 0; i < n && options->weight; ++i) {
        enum allometer_code code =
            point_weight(fits, weight, members[i].at, &work->weight[first_point + i], error);
        if (code != ALLOMETER_OK) return code;
    }
    check_group(work, group, first_point, first_unit,
                work->fewest_points ? work->fewest_points : count_free(work, g));
    group->n_units = work->n_units - first_unit;
    /* resamples are drawn from a stream that the group's key names, whatever other groups there are */
    work->sets[g] = (struct allometer_fit_set){.first_unit = (int64_t)first_unit,
                                               .n_units = (int32_t)group->n_units,
                                               .stream = fit_hash_key(fits, group->key)};
    return ALLOMETER_OK;
}

enum allometer_code fit_collect_points(struct fit_work *work, struct allometer_error *error) {
    struct allometer_fits *fits = work->fits;
    const struct allometer_fit_options *options = &fits->options;
    size_t n = fits->n_rows, cluster = 0, weight = 0;
    enum allometer_code code = ALLOMETER_OK;
    if (options->cluster) code = allometer_table_find(fits->table, options->cluster, &cluster, error);
    if (code == ALLOMETER_OK && options->weight) {
        code = allometer_table_find(fits->table, options->weight, &weight, error);
    }
    if (code != ALLOMETER_OK) return code;
    work->row_weights = options->weight ? fits->table->columns[weight].numbers : NULL;
    int allocated = 1;
    for (int c = 0; c < work->n_columns; ++c) {
        work->columns[c] = fit_allocate(&work->memory, n, sizeof *work->columns[c]);
        allocated = allocated && work->columns[c];
    }
    work->target = fit_allocate(&work->memory, n, sizeof *work->target);
    work->weight = options->weight ? fit_allocate(&work->memory, n, sizeof *work->weight) : NULL;
    work->units = fit_allocate(&work->memory, n + 1, sizeof *work->units);
    work->point_rows = fit_allocate(&work->memory, n, sizeof *work->point_rows);
    work->sets = fit_allocate(&work->memory, fits->n_groups, sizeof *work->sets);
    struct member *members = malloc((n + 1) * sizeof *members);
    allocated = allocated && work->target && (work->weight || !options->weight) && work->units
                && work->point_rows && work->sets && members;
    if (!allocated) code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu points", n);
    for (size_t g = 0; g < fits->n_groups && code == ALLOMETER_OK; ++g) {
        code = collect_group(work, g, members, cluster, weight, error);
    }
    free(members);
    return code;
}
