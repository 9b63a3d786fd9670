/* From a table to logarithms. */
#include "composite_sample.h"
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct row {
    size_t at; /* in the table */
    double model, subtask, neurons, loss, cluster;
    int is_good;
};

static int row_order(const void *a, const void *b) {
    const struct row *one = a, *two = b;
    if (one->model != two->model) return one->model < two->model ? -1 : 1;
    return (one->subtask > two->subtask) - (one->subtask < two->subtask);
}

static enum allometer_code read_rows(const struct allometer_table *table,
                                     const struct composite_options *options, struct row *rows,
                                     struct allometer_error *error) {
    const char *const names[] = {"model", "subtask", options->neurons, options->loss,
                                 options->cluster ? options->cluster : "model"};
    size_t columns[5];
    for (int i = 0; i < 5; i++) {
        enum allometer_code code = allometer_table_find_number(table, names[i], &columns[i], error);
        if (code) return code;
    }
    for (size_t r = 0; r < table->n_rows; r++) {
        double value[5];
        for (int i = 0; i < 5; i++) value[i] = table->columns[columns[i]].numbers[r];
        for (int i = 0; i < 2; i++)
            if (isnan(value[i]))
                return allometer_fail(error, ALLOMETER_BAD_INPUT,
                                      "%s:%zu: column '%s': expected a number, found none", table->source,
                                      table->lines[r], names[i]);
        if (fabs(value[0]) >= 0x1p53)
            return allometer_fail(error, ALLOMETER_BAD_INPUT,
                                  "%s:%zu: column 'model': expected a number that a double tells from its "
                                  "neighbors, below 2^53",
                                  table->source, table->lines[r]);
        rows[r] = (struct row){r, value[0], value[1], value[2], value[3], value[4], 1};
        for (int i = 0; i < 5; i++)
            rows[r].is_good &= isfinite(value[i]) && (i < 2 || i == 4 || value[i] > 0);
    }
    unsigned char *passes = malloc(table->n_rows + 1);
    enum allometer_code code =
        passes ? fit_filter_rows(table, options->filters, options->n_filters, passes, error)
               : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
    for (size_t r = 0; r < table->n_rows && !code; r++) rows[r].is_good &= passes[r];
    free(passes);
    qsort(rows, table->n_rows, sizeof *rows, row_order);
    return code;
}

static int is_constant(const double *values, int32_t n, int32_t stride) {
    int32_t i = 1;
    while (i < n && values[i * stride] == values[0]) i++;
    return i >= n;
}

/* Slopes are asked for, against the neurons of each subtask and of all: none of them may be the same everywhere. */
static enum allometer_code check_spread(const struct allometer_table *table, const char *neurons,
                                        const struct sample *sample, const struct composite *composite,
                                        struct allometer_error *error) {
    for (int32_t k = 0; k < sample->K; k++)
        if (is_constant(sample->neurons + k, sample->M, sample->K))
            return allometer_fail(
                error, ALLOMETER_BAD_INPUT,
                "%s: subtask %g has the same '%s' in all %d models, expected several for an exponent",
                table->source, composite->subtasks[k].number, neurons, sample->M);
    if (is_constant(sample->total, sample->M, 1))
        return allometer_fail(
            error, ALLOMETER_BAD_INPUT,
            "%s: '%s' of all subtasks together are the same in all %d models, expected several",
            table->source, neurons, sample->M);
    return ALLOMETER_OK;
}

/* From the rows of one more model, which are sorted by subtask. */
static void name_functions(const struct allometer_table *table, const struct row *rows, int is_first,
                           struct composite_subtask *subtasks, int32_t K) {
    size_t column;
    if (allometer_table_find(table, "function", &column, NULL) || !table->columns[column].texts) return;
    for (int32_t k = 0; k < K; k++) {
        const char *function = table->columns[column].texts[rows[k].at];
        if (is_first)
            subtasks[k].function = function;
        else if (subtasks[k].function && strcmp(subtasks[k].function, function) != 0)
            subtasks[k].function = NULL;
    }
}

/* K is what the first model has; a model with a bad row, or other subtasks, is left out. */
static enum allometer_code take_models(const struct allometer_table *table, const struct row *rows,
                                       struct sample *sample, struct composite *composite,
                                       struct allometer_error *error) {
    const size_t n = table->n_rows;
    while ((size_t)sample->K < n && rows[sample->K].model == rows[0].model) sample->K++;
    const int32_t K = sample->K;
    sample->neurons = malloc((n + 1) * sizeof(double)), sample->loss = malloc((n + 1) * sizeof(double));
    sample->total = malloc((n + 1) * sizeof(double)), sample->cluster = malloc((n + 1) * sizeof(double));
    composite->subtasks = calloc((size_t)K + 1, sizeof *composite->subtasks);
    if (!sample->neurons || !sample->loss || !sample->total || !sample->cluster || !composite->subtasks)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
    for (int32_t k = 0; k < K; k++) composite->subtasks[k].number = rows[k].subtask;
    for (size_t first = 0, next; first < n; first = next) {
        int is_good = 1;
        double total = 0;
        for (next = first; next < n && rows[next].model == rows[first].model; next++) {
            is_good &= rows[next].is_good && next - first < (size_t)K
                       && rows[next].subtask == composite->subtasks[next - first].number;
            total += rows[next].neurons;
        }
        if (!is_good || next - first != (size_t)K) {
            composite->n_left_out++;
            continue;
        }
        for (int32_t k = 0; k < K; k++) {
            sample->neurons[sample->M * K + k] = log(rows[first + (size_t)k].neurons);
            sample->loss[sample->M * K + k] = log(rows[first + (size_t)k].loss);
        }
        name_functions(table, rows + first, sample->M == 0, composite->subtasks, K);
        sample->total[sample->M] = log(total);
        sample->cluster[sample->M++] = rows[first].cluster;
    }
    composite->n_subtasks = K, composite->n_models = sample->M;
    if (K < 2)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: one subtask, expected two at least for a composite law", table->source);
    if (sample->M < K + 4)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: %d of %d models have a finite loss and neurons above 0 in every subtask, "
                              "expected at least %d",
                              table->source, sample->M, sample->M + composite->n_left_out, K + 4);
    return ALLOMETER_OK;
}

enum allometer_code sample_read(const struct allometer_table *table, const struct composite_options *options,
                                struct sample *sample, struct composite *composite,
                                struct allometer_error *error) {
    struct row *rows = calloc(table->n_rows + 1, sizeof *rows);
    enum allometer_code code =
        rows ? read_rows(table, options, rows, error)
             : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
    if (!code && table->n_rows == 0)
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: no models", table->source);
    if (!code) code = take_models(table, rows, sample, composite, error);
    if (!code) code = check_spread(table, options->neurons, sample, composite, error);
    free(rows);
    return code;
}

void sample_free(struct sample *sample) {
    free(sample->neurons), free(sample->loss), free(sample->total), free(sample->cluster);
    *sample = (struct sample){0};
}
