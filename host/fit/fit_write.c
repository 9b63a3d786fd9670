/* Results as files: fits.csv, predictions.csv and JSON. A number that does not exist is an empty cell, or null. */
#include "fit_internal.h"
#include "output.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const objective_names[ALLOMETER_OBJECTIVE_COUNT] = {"mse", "msle", "huber"};

static void write_cell(FILE *file, double value) {
    char text[TEXT_NUMBER_SIZE];
    putc(',', file);
    if (isnan(value)) return;
    text_from_double(text, value);
    fputs(text, file);
}

/* n cells, each with the comma behind it. */
static void write_texts(FILE *file, const char *const *texts, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        allometer_csv_write_field(texts[i], file);
        putc(',', file);
    }
}

/* One cell: name=value pairs, since each group may have another law. */
static void write_parameters(FILE *file, const struct allometer_fit_group *group) {
    putc(',', file);
    for (int p = 0; p < group->law->n_parameters; ++p) {
        char text[TEXT_NUMBER_SIZE];
        text_from_double(text, group->values[p]);
        fprintf(file, "%s%s=%s", p ? ";" : "", group->law->parameters[p].name, text);
    }
}

/* One cell: name=bound pairs of the parameters that are not free. */
static void write_held(FILE *file, const struct allometer_fit_group *group) {
    const char *between = "";
    putc(',', file);
    for (int p = 0; p < group->law->n_parameters; ++p) {
        if (!group->held[p]) continue;
        fprintf(file, "%s%s=%s", between, group->law->parameters[p].name,
                allometer_held_names[group->held[p]]);
        between = ";";
    }
}

enum allometer_code allometer_fits_write_csv(const struct allometer_fits *fits, const char *path,
                                             struct allometer_error *error) {
    const struct allometer_law *law = fits->law;
    struct output output;
    enum allometer_code code = output_begin(&output, path, error);
    if (code) return code;
    FILE *file = output.file;
    write_texts(file, fits->options.groups, fits->options.n_groups);
    fputs("law,status,n,objective,rmsle_train,rmsle_test", file);
    for (size_t i = 0; i < fit_n_reported(fits); ++i) {
        const char *name = fit_reported_name(fits, i);
        fprintf(file, ",%s,%s_se,%s_lower,%s_upper", name, name, name, name);
    }
    for (int c = 0; c < law->n_candidates; ++c)
        fprintf(file, ",weight_%s", allometer_laws[law->candidates[c]].name);
    fputs(law->candidates ? ",parameters,held\n" : ",held\n", file);
    for (size_t g = 0; g < fits->n_groups; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        write_texts(file, group->key, fits->options.n_groups);
        allometer_csv_write_field(group->law->name, file);
        fprintf(file, ",%s,%zu", allometer_group_status_names[group->status], group->n_train);
        write_cell(file, group->objective);
        write_cell(file, group->rmsle_train);
        write_cell(file, group->rmsle_test);
        for (size_t i = 0; i < fit_n_reported(fits); ++i) {
            write_cell(file, group->values[i]);
            write_cell(file, group->errors[i]);
            write_cell(file, group->lower[i]);
            write_cell(file, group->upper[i]);
        }
        for (int c = 0; c < law->n_candidates; ++c) write_cell(file, group->weights[c]);
        if (law->candidates) write_parameters(file, group);
        write_held(file, group);
        putc('\n', file);
    }
    return output_finish(&output, ALLOMETER_OK, error);
}

enum allometer_code allometer_fits_write_resamples(const struct allometer_fits *fits, const char *path,
                                                   struct allometer_error *error) {
    size_t P = (size_t)fits->law->n_parameters, R = (size_t)fits->options.bootstrap;
    if (!fits->resamples) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: no resamples were kept", path);
    }
    struct output output;
    enum allometer_code code = output_begin(&output, path, error);
    if (code) return code;
    FILE *file = output.file;
    write_texts(file, fits->options.groups, fits->options.n_groups);
    fputs("resample,status", file);
    for (size_t p = 0; p < fit_n_reported(fits); ++p) fprintf(file, ",%s", fit_reported_name(fits, p));
    putc('\n', file);
    for (size_t i = 0; i < fits->n_groups * R; ++i) {
        const struct allometer_fit_group *group = &fits->groups[i / R];
        int32_t status = allometer_group_has_values(group->status) ? fits->resample_status[i] : group->status;
        write_texts(file, group->key, fits->options.n_groups);
        fprintf(file, "%zu,%s", i % R + 1, allometer_group_status_names[status]);
        for (size_t p = 0; p < P; ++p) write_cell(file, fits->resamples[i * P + p]);
        for (size_t q = 0; q < fits->options.n_quantities; ++q)
            write_cell(file, allometer_group_has_values(status)
                                 ? fit_quantity(fits, q, fits->resamples + i * P, NULL)
                                 : NAN);
        putc('\n', file);
    }
    return output_finish(&output, ALLOMETER_OK, error);
}

/* x, y, whether it was fitted, the law and its interval: the rest of a line behind the group's key. */
static void write_prediction(FILE *file, int C, double *const *x, size_t at, double y, int is_fitted,
                             double yhat, double lower, double upper) {
    char text[TEXT_NUMBER_SIZE];
    for (int c = 0; c < C; ++c) {
        if (!isnan(x[c][at])) text_from_double(text, x[c][at]), fputs(text, file);
        if (c + 1 < C) putc(',', file);
    }
    write_cell(file, y);
    fprintf(file, ",%d", is_fitted);
    write_cell(file, yhat);
    write_cell(file, lower);
    write_cell(file, upper);
    putc('\n', file);
}

/* In the order of the table, group by group as they stand there; then the points that the options name. */
enum allometer_code allometer_fits_write_predictions(const struct allometer_fits *fits, const char *path,
                                                     struct allometer_error *error) {
    const size_t n_table = fits->table->n_rows, n_at = (size_t)fits->options.n_at;
    struct place {
        const struct allometer_fit_group *group; /* NULL: the row takes no part */
        size_t at;                               /* among the fits' rows */
    } *places = calloc(n_table + 1, sizeof *places);
    struct output output;
    enum allometer_code code =
        places ? output_begin(&output, path, error)
               : allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu predictions", fits->n_rows);
    if (code != ALLOMETER_OK) return free(places), code;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        for (size_t at = group->first_row; at < group->first_row + group->n_rows; ++at)
            places[fits->rows[at]] = (struct place){group, at};
    }
    FILE *file = output.file;
    write_texts(file, fits->options.groups, fits->options.n_groups);
    write_texts(file, fits->options.x, (size_t)fits->law->n_columns);
    allometer_csv_write_field(fits->options.y, file);
    fputs(",train,yhat,lower,upper\n", file);
    for (const struct place *place = places; place < places + n_table; ++place) {
        const size_t at = place->at;
        if (!place->group) continue;
        write_texts(file, place->group->key, fits->options.n_groups);
        write_prediction(file, fits->law->n_columns, fits->x, at, fits->y[at],
                         fits->train[at] && !fit_is_incomplete(fits, at), fits->yhat[at], fits->lower[at],
                         fits->upper[at]);
    }
    for (size_t i = 0; i < fits->n_groups * n_at; ++i) {
        write_texts(file, fits->groups[i / n_at].key, fits->options.n_groups);
        write_prediction(file, fits->law->n_columns, fits->at_x, i, NAN, 0, fits->at_y[i], fits->at_lower[i],
                         fits->at_upper[i]);
    }
    free(places);
    return output_finish(&output, ALLOMETER_OK, error);
}

static void write_json_number(FILE *file, const char *name, double value) {
    char text[TEXT_NUMBER_SIZE] = "null";
    if (isfinite(value)) text_from_double(text, value);
    fprintf(file, "\"%s\": %s", name, text);
}

static void write_json_numbers(FILE *file, const char *const *names, const double *values, int n) {
    for (int i = 0; i < n; ++i) {
        if (i) fputs(", ", file);
        write_json_number(file, names[i], values[i]);
    }
}

static void write_json_weights(FILE *file, const struct allometer_fits *fits,
                               const struct allometer_fit_group *group) {
    fprintf(file, ",\n     \"law\": \"%s\", \"weights\": {", group->law->name);
    for (int c = 0; c < fits->law->n_candidates; ++c) {
        if (c) fputs(", ", file);
        write_json_number(file, allometer_laws[fits->law->candidates[c]].name, group->weights[c]);
    }
    putc('}', file);
}

static void write_json_points(FILE *file, const struct allometer_fits *fits, size_t g) {
    const size_t n_at = (size_t)fits->options.n_at;
    fputs(",\n     \"at\": [", file);
    for (size_t i = 0; i < n_at; ++i) {
        static const char *const names[] = {"yhat", "lower", "upper"};
        const double values[] = {fits->at_y[g * n_at + i], fits->at_lower[g * n_at + i],
                                 fits->at_upper[g * n_at + i]};
        fputs(i ? ",\n      {\"x\": {" : "\n      {\"x\": {", file);
        for (int c = 0; c < fits->law->n_columns; ++c) {
            const double x = fits->at_x[c][g * n_at + i];
            char text[TEXT_NUMBER_SIZE] = "null";
            if (isfinite(x)) text_from_double(text, x);
            if (c) fputs(", ", file);
            text_write_json(file, fits->options.x[c]);
            fprintf(file, ": %s", text);
        }
        fputs("}, ", file);
        write_json_numbers(file, names, values, 3);
        putc('}', file);
    }
    putc(']', file);
}

/* Parameter or quantity i of the group. */
static void write_json_estimate(FILE *file, const struct allometer_fit_group *group, const char *name,
                                size_t i) {
    static const char *const names[] = {"value", "se", "lower", "upper"};
    const double values[] = {group->values[i], group->errors[i], group->lower[i], group->upper[i]};
    text_write_json(file, name);
    fputs(": {", file);
    write_json_numbers(file, names, values, 4);
    if (group->held[i]) fprintf(file, ", \"held\": \"%s\"", allometer_held_names[group->held[i]]);
    putc('}', file);
}

static void write_json_group(FILE *file, const struct allometer_fits *fits,
                             const struct allometer_fit_group *group) {
    static const char *const reasons[] = {"gradient", "step", "cost"};
    static const char *const names[] = {"objective", "rmsle_train", "rmsle_test"};
    const double values[] = {group->objective, group->rmsle_train, group->rmsle_test};
    fputs("    {\"group\": {", file);
    for (size_t c = 0; c < fits->options.n_groups; ++c) {
        if (c) fputs(", ", file);
        text_write_json(file, fits->options.groups[c]);
        fputs(": ", file);
        text_write_json(file, group->key[c]);
    }
    fprintf(file, "}, \"status\": \"%s\", ", allometer_group_status_names[group->status]);
    if (group->status <= ALLOMETER_FIT_COST)
        fprintf(file, "\"stopped_by\": \"%s\", ", reasons[group->status]);
    fprintf(file, "\"n_train\": %zu, \"n_test\": %zu, \"iterations\": %d, \"resamples\": %d, ",
            group->n_train, group->n_test, group->iterations, group->n_resamples);
    write_json_numbers(file, names, values, 3);
    if (fits->law->candidates) write_json_weights(file, fits, group);
    fputs(",\n     \"parameters\": {", file);
    size_t P = (size_t)group->law->n_parameters;
    for (size_t p = 0; p < P; ++p) {
        if (p) fputs(", ", file);
        write_json_estimate(file, group, group->law->parameters[p].name, p);
    }
    if (fits->options.n_quantities) fputs("},\n     \"quantities\": {", file);
    for (size_t q = 0; q < fits->options.n_quantities; ++q) {
        if (q) fputs(", ", file);
        write_json_estimate(file, group, fits->options.quantities[q].name, P + q);
    }
    putc('}', file);
    if (fits->options.n_at) write_json_points(file, fits, (size_t)(group - fits->groups));
    putc('}', file);
}

enum allometer_code allometer_fits_write_json(const struct allometer_fits *fits, FILE *file,
                                              struct allometer_error *error) {
    fputs("{\"law\": ", file);
    text_write_json(file, fits->law->name);
    fputs(", \"formula\": ", file);
    text_write_json(file, fits->law->formula);
    fprintf(file, ", \"objective\": \"%s\", ", objective_names[fits->options.objective]);
    write_json_number(file, "confidence", fits->options.confidence);
    fputs(",\n  \"groups\": [\n", file);
    for (size_t g = 0; g < fits->n_groups; ++g) {
        write_json_group(file, fits, &fits->groups[g]);
        fputs(g + 1 < fits->n_groups ? ",\n" : "\n", file);
    }
    fputs("  ]}\n", file);
    if (fflush(file) == 0 && !ferror(file)) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_FAILED, "JSON: %s", errno ? strerror(errno) : "cannot be written");
}
