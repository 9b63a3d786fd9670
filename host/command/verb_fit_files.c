/* What `allometer fit` reads and writes. */
#define _GNU_SOURCE /* asprintf */
#include "store.h"
#include "verb_fit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int verb_fit_ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A store may be called otherwise, too. Of a pipe no byte can be looked at twice. */
static int is_store(const char *path) {
    if (verb_fit_ends_with(path, ".db")) return 1;
    static const char beginning[16] = "SQLite format 3";
    char bytes[sizeof beginning];
    struct stat status;
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "rb") : NULL;
    int is_one = file && fread(bytes, sizeof bytes, 1, file) == 1 && !memcmp(bytes, beginning, sizeof bytes);
    if (file) fclose(file);
    return is_one;
}

enum allometer_code verb_fit_read(const struct fit_arguments *arguments, struct allometer_table **table,
                                  struct allometer_error *error) {
    if (!is_store(arguments->path)) return allometer_table_read_csv(arguments->path, table, error);
    uint64_t n_diverged = 0;
    enum allometer_code code = allometer_store_read_table(arguments->path, table, &n_diverged, error);
    struct allometer_store_summary summary;
    if (code != ALLOMETER_OK || arguments->quiet) return code;
    if (n_diverged)
        fprintf(stderr, "allometer: %llu diverged models left out\n", (unsigned long long)n_diverged);
    if (!allometer_store_summarize(arguments->path, &summary, NULL))
        verb_note_stored(arguments->path, &summary);
    return ALLOMETER_OK;
}

/* Columns that a file has of the fit: `own`, and n_ends that begin with the name of each parameter and quantity. */
struct header {
    const char *own[8];
    int n_ends;
};

static const char *reported_name(const struct allometer_fit_options *fit, size_t i) {
    size_t P = (size_t)fit->law->n_parameters;
    return i < P                       ? fit->law->parameters[i].name
           : i - P < fit->n_quantities ? fit->quantities[i - P].name
                                       : NULL;
}

static int count_columns(const struct header *header, const struct allometer_fit_options *fit,
                         const char *name) {
    static const char *const ends[] = {"", "_se", "_lower", "_upper"};
    const char *reported;
    int n = 0;
    for (const char *const *own = header->own; *own; ++own) n += strcmp(*own, name) == 0;
    for (size_t i = 0; (reported = reported_name(fit, i)); ++i) {
        size_t length = strlen(reported);
        for (int e = 0; e < header->n_ends && strncmp(name, reported, length) == 0; ++e)
            n += strcmp(name + length, ends[e]) == 0;
    }
    return n;
}

/* Whoever reads the file must be able to tell its columns apart, by names that the table and the formula may have too. */
static enum allometer_code check_names(const char *option, const struct header *header,
                                       const struct allometer_fit_options *fit,
                                       struct allometer_error *error) {
    const int has_points = header->n_ends == 0;
    const char *name, *twice = NULL, *of = "--y";
    if (has_points && count_columns(header, fit, fit->y)) twice = fit->y;
    for (int c = 0; has_points && c < fit->law->n_columns; ++c)
        if (count_columns(header, fit, fit->x[c])) twice = fit->x[c], of = "--x";
    for (size_t c = 0; c < fit->n_groups; ++c)
        if (count_columns(header, fit, fit->groups[c])) twice = fit->groups[c], of = "--group";
    for (size_t i = 0; (name = reported_name(fit, i)); ++i) {
        if (count_columns(header, fit, name) > 1)
            twice = name, of = i < (size_t)fit->law->n_parameters ? "--law" : "--quantity";
    }
    if (!twice) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT,
                          "--%s: the file has a column '%s' of its own, expected another name in %s", option,
                          twice, of);
}

enum allometer_code verb_fit_check_outputs(const struct fit_arguments *arguments,
                                           struct allometer_error *error) {
    char *kept = NULL; /* allometer_fits_plot names it so */
    if (arguments->keep && asprintf(&kept, "%s.gp", arguments->plot) < 0)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    const struct {
        const char *option, *path;
        struct header header;
    } outputs[] = {
        {"out",
         arguments->out,
         {{"law", "status", "n", "objective", "rmsle_train", "rmsle_test", "held"}, .n_ends = 4}},
        {"predictions", arguments->predictions, {{"train", "yhat", "lower", "upper"}, .n_ends = 0}},
        {"resamples", arguments->resamples, {{"resample", "status"}, .n_ends = 1}},
        {"plot", arguments->plot, {{NULL}, .n_ends = 0}},
        {"keep-plot-files", kept, {{NULL}, .n_ends = 0}}};
    enum allometer_code code = ALLOMETER_OK;
    for (size_t i = 0; code == ALLOMETER_OK && i < sizeof outputs / sizeof *outputs; ++i) {
        const char *path = outputs[i].path;
        code = verb_check_output(outputs[i].option, path, arguments->path, error);
        if (code == ALLOMETER_OK && path && !arguments->composite)
            code = check_names(outputs[i].option, &outputs[i].header, &arguments->options, error);
        for (size_t j = 0; code == ALLOMETER_OK && path && j < i; ++j) {
            if (!outputs[j].path || !verb_is_same_file(outputs[j].path, path)) continue;
            code = allometer_fail(error, ALLOMETER_BAD_INPUT, "--%s and --%s: both are '%s'",
                                  outputs[j].option, outputs[i].option, path);
        }
    }
    free(kept);
    return code;
}

enum allometer_code verb_fit_write(const struct fit_arguments *arguments, const struct allometer_fits *fits,
                                   struct allometer_error *error) {
    enum allometer_code code = ALLOMETER_OK;
    if (arguments->out) code = allometer_fits_write_csv(fits, arguments->out, error);
    if (code == ALLOMETER_OK && arguments->predictions) {
        code = allometer_fits_write_predictions(fits, arguments->predictions, error);
    }
    if (code == ALLOMETER_OK && arguments->resamples) {
        code = allometer_fits_write_resamples(fits, arguments->resamples, error);
    }
    if (code == ALLOMETER_OK && arguments->plot) {
        code = allometer_fits_plot(fits, arguments->plot, arguments->keep, error);
    }
    if (code == ALLOMETER_OK && arguments->json) return allometer_fits_write_json(fits, stdout, error);
    if (code == ALLOMETER_OK && !arguments->quiet) return allometer_fits_print(fits, stdout, error);
    return code;
}
