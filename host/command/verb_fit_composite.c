#include "composite.h"
#include "grid.h"
#include "output.h"
#include "text.h"
#include "verb_fit.h"

#include <math.h>
#include <string.h>

/* A cell of that width, or a dash where there is no number. */
static void print_cell(int width, int digits, double value) {
    if (isnan(value))
        printf("%*s ", width, "-");
    else
        printf("%*.*f ", width, digits, value);
}

static void print_slope(struct composite_slope slope) {
    printf("%10.3f ", slope.value);
    if (isnan(slope.lower))
        printf("%8s to %8s", "-", "-");
    else
        printf("%8.3f to %8.3f", slope.lower, slope.upper);
}

static void print_text(const struct composite *composite, const struct composite_options *options) {
    printf("%d models of %d subtask%s", composite->n_models, composite->n_subtasks,
           composite->n_subtasks == 1 ? "" : "s");
    if (composite->n_left_out)
        printf("; %d more %s left out", composite->n_left_out, composite->n_left_out == 1 ? "was" : "were");
    char interval[GRID_CELL], function[GRID_CELL];
    snprintf(interval, sizeof interval, "%g %% interval", 100 * options->confidence);
    printf("\n\n%-8s %12s %10s %20s %8s %10s %20s%s\n", "subtask", "factor", "exponent", interval, "share",
           "growth", interval, composite->subtasks[0].function ? "  function" : "");
    for (int32_t k = 0; k < composite->n_subtasks; k++) {
        const struct composite_subtask *row = &composite->subtasks[k];
        printf("%-8g %12.4g ", row->number, row->factor);
        print_slope(row->exponent);
        printf(" %8.4f ", row->share);
        print_slope(row->growth);
        grid_put_text(function, row->function ? row->function : "");
        printf("%s%s\n", *function ? "  " : "", function);
    }
    printf("\nloss = factor * neurons^-exponent; share of the neurons ~ neurons in all^growth; %g %% "
           "intervals%s\n",
           100 * options->confidence, options->bootstrap ? " from resamples" : "");
    printf("one exponent for all: %.3f\n", composite->common_exponent);
    if (options->cluster && options->bootstrap)
        printf("p: by how much the slopes change without each value of %s\n", options->cluster);
    putchar('\n');
    printf("%-14s %10s %14s %10s %10s %10s %4s %10s\n", "hypothesis", "parameters", "log likelihood", "AIC",
           "BIC", "ratio", "df", "p");
    for (int i = 0; i < N_HYPOTHESES; i++) {
        const struct composite_hypothesis *row = &composite->hypotheses[i];
        printf("%-14s %10d ", row->name, row->n_parameters);
        print_cell(14, 1, row->log_likelihood), print_cell(10, 1, row->aic), print_cell(10, 1, row->bic);
        if (row->degrees && isnan(row->probability))
            printf("%10.1f %4d %10s  %s\n", row->ratio, row->degrees, "-", row->meaning);
        else if (row->degrees)
            printf("%10.1f %4d %10.2g  %s\n", row->ratio, row->degrees, row->probability, row->meaning);
        else
            printf("%10s %4s %10s  %s\n", "", "", "", row->meaning);
    }
}

static void print_number(const char *before, double value) {
    char text[TEXT_NUMBER_SIZE];
    text_from_double(text, value);
    printf("%s%s", before, isfinite(value) ? text : "null");
}

static void print_json(const struct composite *composite) {
    printf("{\"models\": %d, \"left_out\": %d, \"subtasks\": [", composite->n_models, composite->n_left_out);
    for (int32_t k = 0; k < composite->n_subtasks; k++) {
        const struct composite_subtask *row = &composite->subtasks[k];
        print_number(k ? ",\n  {\"subtask\": " : "{\"subtask\": ", row->number);
        printf(", \"function\": ");
        if (row->function)
            text_write_json(stdout, row->function);
        else
            printf("null");
        print_number(", \"factor\": ", row->factor);
        print_number(", \"exponent\": [", row->exponent.value);
        print_number(", ", row->exponent.lower);
        print_number(", ", row->exponent.upper);
        print_number("], \"share\": ", row->share);
        print_number(", \"growth\": [", row->growth.value);
        print_number(", ", row->growth.lower);
        print_number(", ", row->growth.upper);
        printf("]}");
    }
    print_number("],\n \"common_exponent\": ", composite->common_exponent);
    printf(", \"hypotheses\": [");
    for (int i = 0; i < N_HYPOTHESES; i++) {
        const struct composite_hypothesis *row = &composite->hypotheses[i];
        printf("%s{\"name\": \"%s\", \"parameters\": %d, \"degrees\": %d", i ? ",\n  " : "", row->name,
               row->n_parameters, row->degrees);
        print_number(", \"log_likelihood\": ", row->log_likelihood);
        print_number(", \"aic\": ", row->aic);
        print_number(", \"bic\": ", row->bic);
        print_number(", \"ratio\": ", row->ratio);
        print_number(", \"p\": ", row->probability);
        putchar('}');
    }
    puts("]}");
}

static void write_csv_number(FILE *file, double value) {
    char text[TEXT_NUMBER_SIZE];
    text_from_double(text, value);
    fprintf(file, ",%s", isfinite(value) ? text : "");
}

static enum allometer_code write_csv(const struct composite *composite, const char *path,
                                     struct allometer_error *error) {
    struct output output;
    enum allometer_code code = output_begin(&output, path, error);
    if (code) return code;
    FILE *file = output.file;
    fputs("subtask,n,factor,exponent,exponent_lower,exponent_upper,share,growth,growth_lower,growth_upper,"
          "function\n",
          file);
    for (int32_t k = 0; k < composite->n_subtasks; k++) {
        const struct composite_subtask *row = &composite->subtasks[k];
        const double values[] = {row->factor, row->exponent.value, row->exponent.lower, row->exponent.upper,
                                 row->share,  row->growth.value,   row->growth.lower,   row->growth.upper};
        fprintf(file, "%g,%d", row->number, composite->n_models);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) write_csv_number(file, values[i]);
        fputc(',', file);
        allometer_csv_write_field(row->function ? row->function : "", file);
        fputc('\n', file);
    }
    return output_finish(&output, ALLOMETER_OK, error);
}

enum allometer_code verb_fit_composite(const struct fit_arguments *arguments,
                                       const struct allometer_table *table, struct allometer_error *error) {
    const struct allometer_fit_options *fit = &arguments->options;
    const struct composite_options options = {
        .neurons = arguments->n_x ? fit->x[0] : "allocated",
        .loss = fit->y ? fit->y : "loss",
        .cluster = fit->cluster,
        .filters = fit->filters,
        .n_filters = fit->n_filters,
        .bootstrap = fit->bootstrap,
        .confidence = fit->confidence,
        .seed = fit->seed,
    };
    struct composite composite;
    enum allometer_code code = composite_fit(table, &options, &composite, error);
    if (code) return code;
    if (arguments->out) code = write_csv(&composite, arguments->out, error);
    if (!code && arguments->json)
        print_json(&composite);
    else if (!code && !arguments->quiet)
        print_text(&composite, &options);
    composite_free(&composite);
    return code;
}
