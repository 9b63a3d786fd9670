/* Results for reading: one line per group, or one line per parameter where there is a single group. */
#include "fit_internal.h"
#include "grid.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The value, rounded to that many digits; plain: without an exponent up to six, so that 950 is no 9.5e+02. */
static void put_digits(char *into, double value, int digits, int plain) {
    snprintf(into, GRID_CELL / 2, "%.*g", digits, value);
    if (plain && digits < 6) snprintf(into, GRID_CELL / 2, "%.6g", strtod(into, NULL));
}

/* The value with as many digits as its standard error supports: two of the error's. */
static void put_value(char *into, double value, double error) {
    if (isnan(value)) {
        snprintf(into, GRID_CELL, "-");
    } else if (!(error > 0) || !isfinite(error)) {
        snprintf(into, GRID_CELL, "%.6g", value);
    } else {
        double size = fmax(fabs(value), error);
        int digits = (int)floor(log10(size)) - (int)floor(log10(error)) + 2;
        digits = digits < 2 ? 2 : digits > 12 ? 12 : digits;
        put_digits(into, value, digits, size < 999999);
        strcat(into, " ± ");
        put_digits(into + strlen(into), error, 2, size < 999999);
    }
}

/* Behind the value of a parameter that has no standard error. */
static const char *const held_words[ALLOMETER_HELD_COUNT] = {
    [ALLOMETER_HELD_NOT] = "",
    [ALLOMETER_HELD_LOWER] = " at bound",
    [ALLOMETER_HELD_UPPER] = " at bound",
    [ALLOMETER_HELD_FIXED] = " fixed",
};

/* How many columns lie between n and rmsle: the law's parameters and quantities, or of an average the law that weighs most and what
   each weighs. */
static size_t n_middle(const struct allometer_fits *fits) {
    return fits->law->candidates ? 1 + (size_t)fits->law->n_candidates : fit_n_reported(fits);
}

static void fill_middle_titles(struct grid *grid, const struct allometer_fits *fits, size_t column) {
    const struct allometer_law *law = fits->law;
    if (law->candidates) grid_put_text(grid_cell(grid, 0, column++), "law");
    for (int c = 0; c < law->n_candidates; ++c, ++column)
        grid_put_text(grid_cell(grid, 0, column), allometer_laws[law->candidates[c]].name);
    for (size_t i = 0; i < fit_n_reported(fits); ++i, ++column)
        grid_put_text(grid_cell(grid, 0, column), fit_reported_name(fits, i));
}

static void put_weight(char *into, double weight) {
    if (isnan(weight))
        snprintf(into, GRID_CELL, "-");
    else
        snprintf(into, GRID_CELL, "%.2f", weight);
}

static void fill_middle(struct grid *grid, const struct allometer_fits *fits, size_t row, size_t column) {
    const struct allometer_law *law = fits->law;
    const struct allometer_fit_group *group = &fits->groups[row - 1];
    if (law->candidates)
        grid_put_text(grid_cell(grid, row, column++), group->law == law ? "-" : group->law->name);
    for (int c = 0; c < law->n_candidates; ++c, ++column)
        put_weight(grid_cell(grid, row, column), group->weights[c]);
    for (size_t i = 0; i < fit_n_reported(fits); ++i, ++column) {
        char *into = grid_cell(grid, row, column);
        put_value(into, group->values[i], group->errors[i]);
        if (!(group->errors[i] > 0))
            snprintf(into + strlen(into), GRID_CELL / 2, "%s", held_words[group->held[i]]);
    }
}

static void fill_groups(struct grid *grid, const struct allometer_fits *fits) {
    size_t n_key = fits->options.n_groups, after = n_key + 1 + n_middle(fits);
    static const char *const titles[] = {"rmsle", "rmsle outside", "status"};
    for (size_t c = 0; c < n_key; ++c) grid_put_text(grid_cell(grid, 0, c), fits->options.groups[c]);
    grid_put_text(grid_cell(grid, 0, n_key), "n");
    fill_middle_titles(grid, fits, n_key + 1);
    for (size_t i = 0; i < 3; ++i) grid_put_text(grid_cell(grid, 0, after + i), titles[i]);
    for (size_t g = 0; g < fits->n_groups; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        for (size_t c = 0; c < n_key; ++c) grid_put_text(grid_cell(grid, g + 1, c), group->key[c]);
        snprintf(grid_cell(grid, g + 1, n_key), GRID_CELL, "%zu", group->n_train);
        fill_middle(grid, fits, g + 1, n_key + 1);
        grid_put_number(grid_cell(grid, g + 1, after), group->rmsle_train, 3);
        grid_put_number(grid_cell(grid, g + 1, after + 1), group->rmsle_test, 3);
        grid_put_text(grid_cell(grid, g + 1, after + 2), allometer_group_status_names[group->status]);
    }
}

static void fill_parameters(struct grid *grid, const struct allometer_fits *fits) {
    static const char *const titles[] = {"parameter", "value", "lower", "upper", "unit"};
    const struct allometer_fit_group *group = &fits->groups[0];
    for (size_t c = 0; c < grid->n_columns; ++c) grid_put_text(grid_cell(grid, 0, c), titles[c]);
    for (size_t row = 1; row < grid->n_rows; ++row) {
        size_t p = row - 1, P = (size_t)group->law->n_parameters;
        grid_put_text(grid_cell(grid, row, 0),
                      p < P ? group->law->parameters[p].name : fit_reported_name(fits, p));
        put_value(grid_cell(grid, row, 1), group->values[p], group->errors[p]);
        if (fits->law->candidates)
            snprintf(grid_cell(grid, row, 1) + strlen(grid_cell(grid, row, 1)), GRID_CELL / 2, "%s",
                     held_words[group->held[p]]);
        if (group->held[p] && !(group->lower[p] < group->upper[p])) {
            grid_put_text(grid_cell(grid, row, 2), held_words[group->held[p]] + 1);
        } else {
            grid_put_number(grid_cell(grid, row, 2), group->lower[p], 6);
            grid_put_number(grid_cell(grid, row, 3), group->upper[p], 6);
        }
        if (grid->n_columns > 4 && p < P)
            grid_put_text(grid_cell(grid, row, 4), group->law->parameters[p].unit);
    }
}

static void print_summary(const struct allometer_fits *fits, FILE *file) {
    const struct allometer_fit_group *group = &fits->groups[0];
    char inside[GRID_CELL], outside[GRID_CELL];
    grid_put_number(inside, group->rmsle_train, 3);
    grid_put_number(outside, group->rmsle_test, 3);
    fprintf(file, "%s: %zu points, rmsle %s", allometer_group_status_names[group->status], group->n_train,
            inside);
    if (group->n_test) fprintf(file, "; outside: %zu points, rmsle %s", group->n_test, outside);
    putc('\n', file);
    for (int c = 0; c < fits->law->n_candidates; ++c) {
        char weight[GRID_CELL];
        put_weight(weight, group->weights[c]);
        fprintf(file, "%s%s %s", c ? ", " : "weights: ", allometer_laws[fits->law->candidates[c]].name,
                weight);
    }
    if (group->law != fits->law) fprintf(file, "\n\n%s: %s", group->law->name, group->law->formula);
    fputs(fits->law->candidates ? "\n\n" : "\n", file);
}

/* What a status means, and what the user may do about it. */
static const char *const advice[ALLOMETER_GROUP_STATUS_COUNT] = {
    [ALLOMETER_FIT_STALLED] =
        "no step lowers the cost, and yet it is no minimum: the law may overflow; try --bound",
    [ALLOMETER_FIT_OUT_OF_ITERATIONS] =
        "the cost still falls, though slowly: the points may not pin the law down; "
        "try --iterations, or a law with fewer parameters",
    [ALLOMETER_FIT_NOT_FINITE] = "the law has no finite value at any start; try --start or --bound, or --let "
                                 "where a column is very far from 1",
    [ALLOMETER_GROUP_UNDETERMINED] =
        "a minimum, but the points leave a parameter open; try --fix, or a law with "
        "fewer parameters",
    [ALLOMETER_GROUP_TOO_FEW_POINTS] =
        "fewer points than free parameters; try --fix, or a law with fewer parameters",
    [ALLOMETER_GROUP_X_CONSTANT] = "an independent variable has one value only",
    [ALLOMETER_GROUP_X_NOT_POSITIVE] =
        "the law takes the logarithm of x; leave such rows out with --where 'x>0'",
    [ALLOMETER_GROUP_Y_NOT_POSITIVE] =
        "the objective takes the logarithm of y; leave such rows out with --where "
        "'y>0', or take --objective mse",
    [ALLOMETER_GROUP_NOT_FINITE] =
        "an infinite y among the points; leave such rows out, as with --where 'y!=inf'",
};
static const char infinite_x[] =
    "an infinite x among the points; leave such rows out, as with --where 'x!=inf'";

/* The same of averages of laws, where it is another. */
static const char *const advice_of_averages[ALLOMETER_GROUP_STATUS_COUNT] = {
    [ALLOMETER_GROUP_TOO_FEW_POINTS] = "an average of laws takes three points",
    [ALLOMETER_GROUP_Y_NOT_POSITIVE] =
        "laws are averaged by logarithms of y; leave such rows out with --where 'y>0'",
};

/* What 'x and 'y begin is about the user's columns, unless x are several. */
static void print_about_columns(const struct allometer_fits *fits, const char *text, FILE *file) {
    const char *quote = strchr(text, '\''), *name = NULL;
    if (quote && quote[1] == 'x' && fits->law->n_columns == 1) name = fits->options.x[0];
    if (quote && quote[1] == 'y') name = fits->options.y;
    if (name)
        fprintf(file, "%.*s%s%s\n", (int)(quote + 1 - text), text, name, quote + 2);
    else
        fprintf(file, "%s\n", text);
}

static int has_infinite_y(const struct allometer_fits *fits) {
    for (size_t i = 0; i < fits->n_rows; ++i) {
        if (fits->train[i] && isinf(fits->y[i])) return 1;
    }
    return 0;
}

/* One line for each status that is no plain success. */
static void print_advice(const struct allometer_fits *fits, FILE *file) {
    size_t counts[ALLOMETER_GROUP_STATUS_COUNT] = {0};
    for (size_t g = 0; g < fits->n_groups; ++g) counts[fits->groups[g].status]++;
    for (int status = 0, first = 1; status < ALLOMETER_GROUP_STATUS_COUNT; ++status) {
        const char *other = fits->law->candidates ? advice_of_averages[status] : NULL;
        if (status == ALLOMETER_GROUP_NOT_FINITE && !has_infinite_y(fits)) other = infinite_x;
        if (!counts[status] || !advice[status]) continue;
        if (first) putc('\n', file), first = 0;
        fprintf(file, "%s", allometer_group_status_names[status]);
        if (fits->n_groups > 1) fprintf(file, " (%zu of %zu)", counts[status], fits->n_groups);
        fputs(": ", file);
        print_about_columns(fits, other ? other : advice[status], file);
    }
}

/* Says of each parameter of the law that lies at a bound in how many groups it does; n_told: so far. */
static int print_bounds_of(const struct allometer_fits *fits, const struct allometer_law *law, int n_told,
                           FILE *file) {
    const int is_average = fits->law->candidates != NULL;
    for (int p = 0; p < law->n_parameters; ++p) {
        size_t counts[ALLOMETER_HELD_COUNT] = {0};
        double value = NAN;
        for (size_t g = 0; g < fits->n_groups; ++g) {
            const struct allometer_fit_group *group = &fits->groups[g];
            if (group->law == law && counts[group->held[p]]++ == 0 && group->held[p] == ALLOMETER_HELD_LOWER)
                value = group->values[p];
        }
        for (int held = ALLOMETER_HELD_LOWER; held <= ALLOMETER_HELD_UPPER; ++held) {
            const struct allometer_law_parameter *parameter = &law->parameters[p];
            if (!counts[held]) continue;
            fprintf(file, "%sat bound", n_told++ ? "" : "\n");
            if (fits->n_groups > 1) fprintf(file, " (%zu of %zu)", counts[held], fits->n_groups);
            fprintf(file, ": %s", parameter->name);
            if (is_average) fprintf(file, " of %s", law->name);
            fprintf(file, " has come to its %s bound", allometer_held_names[held]);
            if (held == ALLOMETER_HELD_LOWER && value == 0 && !allometer_role_is_log(parameter->role)) {
                fputs(" 0", file);
                if (!is_average) fprintf(file, "; --bound %s=-1: lifts it", parameter->name);
            }
            putc('\n', file);
        }
    }
    return n_told;
}

/* Parameters at bounds, and what they mean; of an average, those of the laws that weigh most. */
static void print_bounds(const struct allometer_fits *fits, FILE *file) {
    const struct allometer_law *law = fits->law;
    int n_told = 0;
    for (int c = 0; c < law->n_candidates; ++c)
        n_told = print_bounds_of(fits, &allometer_laws[law->candidates[c]], n_told, file);
    if (!law->candidates && print_bounds_of(fits, law, 0, file))
        fputs("the other parameters' intervals hold for the values at which these are kept\n", file);
}

/* Whether there are groups with values, and none of them has resamples enough for an interval. */
static int lacks_resamples(const struct allometer_fits *fits) {
    int any = 0;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        if (!allometer_group_has_values(fits->groups[g].status)) continue;
        if (fits->groups[g].n_resamples >= ALLOMETER_FEWEST_RESAMPLES) return 0;
        any = 1;
    }
    return any;
}

/* Every group at the points that the options name. */
static enum allometer_code print_points(const struct allometer_fits *fits, FILE *file,
                                        struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    size_t n_key = options->n_groups, n_at = (size_t)options->n_at, C = (size_t)fits->law->n_columns;
    struct grid grid = {.n_rows = fits->n_groups * n_at + 1, .n_columns = n_key + C + 3};
    if (n_at == 0) return ALLOMETER_OK;
    grid.cells = calloc(grid.n_rows * grid.n_columns, sizeof *grid.cells);
    if (!grid.cells) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for a table");
    for (size_t c = 0; c < n_key; ++c) grid_put_text(grid_cell(&grid, 0, c), options->groups[c]);
    for (size_t c = 0; c < C; ++c) grid_put_text(grid_cell(&grid, 0, n_key + c), options->x[c]);
    const char *const titles[] = {options->y, "lower", "upper"};
    for (size_t c = 0; c < 3; ++c) grid_put_text(grid_cell(&grid, 0, n_key + C + c), titles[c]);
    for (size_t i = 0; i < fits->n_groups * n_at; ++i) {
        const double values[] = {fits->at_y[i], fits->at_lower[i], fits->at_upper[i]};
        for (size_t c = 0; c < n_key; ++c)
            grid_put_text(grid_cell(&grid, i + 1, c), fits->groups[i / n_at].key[c]);
        for (size_t c = 0; c < C; ++c)
            if (!isnan(fits->at_x[c][i]))
                text_from_double(grid_cell(&grid, i + 1, n_key + c), fits->at_x[c][i]);
        for (size_t c = 0; c < 3; ++c) grid_put_number(grid_cell(&grid, i + 1, n_key + C + c), values[c], 6);
    }
    fprintf(file, "\npredicted, and where a new %s would lie, %g %%\n\n", options->y,
            100 * options->confidence);
    enum allometer_code code = grid_print(&grid, n_key, file, error);
    free(grid.cells);
    return code;
}

/* What is fitted, and where the intervals come from. */
static void print_heading(const struct allometer_fits *fits, FILE *file) {
    const struct allometer_fit_options *options = &fits->options;
    const char *units = options->cluster ? options->cluster : "points";
    if (!fits->law->program) fprintf(file, "%s: ", fits->law->name);
    fprintf(file, "%s = %s\n%g %% intervals from ", options->y, fits->law->formula,
            100 * options->confidence);
    if (fits->law->candidates)
        fprintf(file, "the spread of the laws, their errors%s%s and the scatter",
                options->bootstrap ? " among resamples of " : "", options->bootstrap ? units : "");
    else if (!options->bootstrap)
        fputs("standard errors", file);
    else if (lacks_resamples(fits))
        fprintf(file,
                "standard errors%s: fewer than %d resamples reached a minimum that their points determine",
                options->cluster ? ", as of points that are independent" : "", ALLOMETER_FEWEST_RESAMPLES);
    else
        fprintf(file, "%d resamples of %s", options->bootstrap, units);
}

static enum allometer_code print_fits(const struct allometer_fits *fits, FILE *file,
                                      struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    int single = fits->n_groups == 1 && options->n_groups == 0;
    size_t n_lines =
        single ? (size_t)fits->groups[0].law->n_parameters + options->n_quantities : fits->n_groups;
    struct grid grid = {.n_rows = n_lines + 1,
                        .n_columns =
                            single ? (fits->law->program ? 4 : 5) : options->n_groups + n_middle(fits) + 4};
    grid.cells = calloc(grid.n_rows * grid.n_columns, sizeof *grid.cells);
    if (!grid.cells) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for a table");
    print_heading(fits, file);
    fputs(fits->law->candidates && !single ? "\n" : "; ± is one standard error\n", file);
    if (single) {
        print_summary(fits, file);
        fill_parameters(&grid, fits);
    } else {
        putc('\n', file);
        fill_groups(&grid, fits);
    }
    enum allometer_code code = grid_print(&grid, single ? 1 : options->n_groups, file, error);
    free(grid.cells);
    if (code == ALLOMETER_OK) code = print_points(fits, file, error);
    if (code != ALLOMETER_OK) return code;
    print_bounds(fits, file);
    print_advice(fits, file);
    if (fflush(file) == 0 && !ferror(file)) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_FAILED, "output: %s",
                          errno ? strerror(errno) : "cannot be written");
}

enum allometer_code allometer_fits_print(const struct allometer_fits *fits, FILE *file,
                                         struct allometer_error *error) {
    locale_t previous = text_enter_locale();
    enum allometer_code code = print_fits(fits, file, error);
    uselocale(previous);
    return code;
}
