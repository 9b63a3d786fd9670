/* 'fit bnsl-1 n50': many curves of a law, with noise, one start each, fitted to their minima; ' m1000000' behind it: that
   many; ' formula' behind that: the law as a user's formula. */
#include "bench.h"
#include "fit_floor.h"
#include "fit_problems.h"
#include "formula_parse.h"

#include <inttypes.h>
#include <string.h>

enum { FITS_PER_THREAD = 8192, FITS_ON_GPU = 262144 };

static const char *const cases[] = {"fit power-offset n20",
                                    "fit power-offset n50",
                                    "fit bnsl-1 n50",
                                    "fit bnsl-2 n50",
                                    "fit m4 n50",
                                    "fit chinchilla n240",
                                    "fit power-offset n20 formula",
                                    "fit bnsl-1 n50 formula",
                                    NULL};

/* Laws as formulas of their coordinates and of the form of x that they read, the parameters in the law's order: the same
   problems, from the same starts. */
static const struct {
    enum allometer_law_id law;
    const char *formula;
} formulas[] = {
    {ALLOMETER_LAW_power_offset, "a + exp(b - c*x)"},
    {ALLOMETER_LAW_bnsl_1, "a + exp(b - c0*x - c1*softplus((x - d1)/exp(f1))*exp(f1))"},
};

static struct allometer_law *formula_of(const struct allometer_law *law) {
    static const char *const columns[] = {"x"};
    struct allometer_law *parsed = NULL;
    struct allometer_error error = {0};
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; ++i) {
        if (formulas[i].law == law->id
            && allometer_law_parse(formulas[i].formula, columns, 1, &parsed, &error) != ALLOMETER_OK)
            bench_quit(error.message);
    }
    if (!parsed) bench_quit("as a formula there are power-offset and bnsl-1");
    return parsed;
}

/* Some of the problems, and the costs reached, for another fitter to try. */
static void write_problems(const struct fit_problems *problems, const struct allometer_law *law, int n_points,
                           int64_t n, const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) bench_quit("cannot write the problems");
    fprintf(file, "{\"law\": \"%s\", \"fits\": [", law->name);
    for (int64_t f = 0; f < n; ++f) {
        const struct allometer_fit_outcome *outcome = &problems->outcomes[f];
        fprintf(file, "%s\n {\"converged\": %d, \"cost\": %.17g, \"start\": [", f ? "," : "",
                outcome->status <= ALLOMETER_FIT_COST, outcome->cost);
        for (int p = 0; p < law->n_parameters; ++p)
            fprintf(file, "%s%.17g", p ? ", " : "", problems->starts[f * law->n_parameters + p]);
        for (int c = 0; c < law->n_columns; ++c) {
            fprintf(file, "], \"x%d\": [", c);
            for (int i = 0; i < n_points; ++i)
                fprintf(file, "%s%.17g", i ? ", " : "", problems->columns[c][f * n_points + i]);
        }
        fprintf(file, "], \"target\": [");
        for (int i = 0; i < n_points; ++i)
            fprintf(file, "%s%.17g", i ? ", " : "", problems->target[f * n_points + i]);
        fprintf(file, "]}");
    }
    fprintf(file, "]}\n");
    if (fclose(file) != 0) bench_quit("cannot write the problems");
}

struct fitting_case {
    const struct allometer_backend *backend;
    struct allometer_device *device;
    struct fit_problems problems;
    const struct allometer_law *law;
    int n_points;
    int64_t converged, iterations;
    struct floor floor;
};

/* Fits that converge; the same in every repeat. */
static double fit_once(void *user) {
    struct fitting_case *one = user;
    const struct allometer_fitting *fitting = &one->problems.fitting;
    struct allometer_error error = {0};
    if (one->backend->fit(one->device, fitting, &error) != ALLOMETER_OK) bench_quit(error.message);
    one->converged = one->iterations = 0;
    for (int64_t f = 0; f < fitting->n_problems; ++f) {
        one->converged += fitting->outcomes[f].status <= ALLOMETER_FIT_COST;
        one->iterations += fitting->outcomes[f].iterations;
    }
    one->floor = fit_floor(one->law, one->n_points, (double)one->iterations / (double)one->converged);
    return (double)one->converged;
}

static struct bench_result run(const char *text, struct allometer_device *device,
                               const struct bench_options *options) {
    char name[32];
    const char *end;
    int n_points, length = 0;
    int64_t n =
        options->backend == &allometer_cpu ? FITS_PER_THREAD * (int64_t)options->threads : FITS_ON_GPU;
    const struct allometer_law *law;
    int read = sscanf(text, "fit %31s n%d%n", name, &n_points, &length) == 2;
    end = text + length;
    int counted = read && sscanf(end, " m%" SCNd64 "%n", &n, &length) == 1;
    if (counted) end += length;
    const int as_formula = strcmp(end, " formula") == 0;
    if (!read || (*end && !as_formula) || n_points < 1 || n < 1 || n > INT64_MAX / n_points / 1024
        || !(law = allometer_law_find(name))) {
        bench_quit("a case looks like 'fit bnsl-1 n50': a law of `allometer laws`, and how many points, with "
                   "' m1000' behind it for 1,000 fits, and ' formula' for the law as a formula");
    }
    struct allometer_law *formula = as_formula ? formula_of(law) : NULL;
    struct fitting_case one = {
        .backend = options->backend, .device = device, .law = law, .n_points = n_points};
    if (!fit_problems_make(&one.problems, law, n_points, n)) bench_quit("out of memory");
    if (formula) {
        one.problems.fitting.law = ALLOMETER_LAW_FORMULA;
        one.problems.fitting.program = formula->program;
    }
    struct bench_result result =
        bench_repeat(options, fit_once, &one,
                     fit_floor(law, n_points, 1).needs[CEILING_CACHE_BYTES] > 0 ? &one.floor : NULL);
    result.of_peak = 0;
    snprintf(result.remark, sizeof result.remark, "%.1f %% converged, %.1f iterations each",
             100.0 * (double)one.converged / (double)n, (double)one.iterations / (double)n);
    if (options->problems)
        write_problems(&one.problems, law, n_points, counted ? n : FIT_PROBLEMS_FOR_PEERS, options->problems);
    fit_problems_free(&one.problems);
    allometer_law_free(formula);
    return result;
}

const struct bench_kind bench_fitting = {
    "fit", "1e3 fits/s", "share of the mix's ceiling; one start each, counted in fits that converge",
    1e3,   cases,        run};
