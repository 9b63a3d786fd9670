#include "verb_fit.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_JSON = 0x100,
    OPTION_OBJECTIVE,
    OPTION_DELTA,
    OPTION_WEIGHT,
    OPTION_CONFIDENCE,
    OPTION_SEED,
    OPTION_START,
    OPTION_BOUND,
    OPTION_FIX,
    OPTION_PREDICTIONS,
    OPTION_PLOT,
    OPTION_KEEP,
    OPTION_INSTRUCTION_SET,
    OPTION_DEVICE,
    OPTION_BREAKS,
    OPTION_TRAIN,
    OPTION_CLUSTER,
    OPTION_RESAMPLES,
    OPTION_ITERATIONS,
    OPTION_LET,
    OPTION_COMPOSITE,
    OPTION_AT,
    OPTION_QUANTITY,
};

static const struct argp_option options[] = {
    {"law", 'l', "NAME|FORMULA|auto", 0,
     "The law: `allometer laws` lists them; auto: an average that predicts best; or any formula, in which "
     "all names that are no columns of --x are parameters",
     1},
    {"x", 'x', "COLUMN,...", 0, "The independent variable, or as many as the law has", 1},
    {"y", 'y', "COLUMN", 0, "What the law predicts, such as a loss", 1},
    {"group", 'g', "COLUMN,...", 0, "One fit for all rows that are alike in these columns", 1},
    {"train", OPTION_TRAIN, "CONDITION", 0,
     "Fit these rows only, as --where tells them; the law is tried on the others", 1},
    {"where", 'w', "CONDITION", 0, "Read these rows only: COLUMN=VALUE, or !=, <, <=, >, >=; may be repeated",
     1},
    {"let", OPTION_LET, "COLUMN=FORMULA", 0,
     "Make a column of others, such as 'D=flop/(6*N)', for all other options; may be repeated", 1},
    {"weight", OPTION_WEIGHT, "COLUMN", 0, "How much each row counts; 1 unless said otherwise", 1},
    {"composite", OPTION_COMPOSITE, 0, 0,
     "The resource law of all subtasks of a sweep at once, and a test of its hypotheses; --x and --y are "
     "allocated and loss unless said otherwise, a law is not asked for",
     1},
    {"breaks", OPTION_BREAKS, "N|auto", 0,
     "Of the law bnsl: 0 to 6; 1 unless said otherwise. auto: an average of 0 to 3", 1},
    {"objective", OPTION_OBJECTIVE, "mse|msle|huber", 0,
     "What is made small: the squared error of y, of log y (unless said otherwise), or Huber's loss of log y",
     2},
    {"delta", OPTION_DELTA, "DELTA", 0, "Where Huber's loss becomes linear; 0.001 unless said otherwise", 2},
    {"start", OPTION_START, "P=VALUE,...", 0, "Start parameters here; never needed, sometimes faster", 2},
    {"bound", OPTION_BOUND, "P=LOW:HIGH,...", 0,
     "Keep parameters within these bounds; either may be left out", 2},
    {"fix", OPTION_FIX, "P=VALUE,...", 0, "Keep parameters at these values", 2},
    {"iterations", OPTION_ITERATIONS, "N", 0, "Of one fit, at most; 1000 unless said otherwise", 2},
    {"bootstrap", 'b', "N", 0, "Intervals from N resamples; from standard errors unless said otherwise", 3},
    {"cluster", OPTION_CLUSTER, "COLUMN", 0,
     "Resample the values of this column, such as seeds, not single points", 3},
    {"confidence", OPTION_CONFIDENCE, "SHARE", 0, "Of all intervals; 0.95 unless said otherwise", 3},
    {"seed", OPTION_SEED, "N", 0, "Of the resamples; 0 unless said otherwise", 3},
    {"out", 'o', "FITS.csv", 0, "Write one row per group", 4},
    {"at", OPTION_AT, "X,...", 0,
     "Predict y there, in every group, and where a new y would lie; 10x is ten times the largest x fitted. "
     "Of laws of several variables a number of each in turn",
     4},
    {"quantity", OPTION_QUANTITY, "NAME=FORMULA", 0,
     "Report what follows from the law's parameters, such as 'a=beta/(alpha+beta)', with its error; may be "
     "repeated",
     4},
    {"predictions", OPTION_PREDICTIONS, "FILE.csv", 0,
     "Write one row per row read, with the law and where a new y would lie; rows may have an x and no y", 4},
    {"resamples", OPTION_RESAMPLES, "FILE.csv", 0,
     "Write one row per group and resample of --bootstrap, with its parameters", 4},
    {"plot", OPTION_PLOT, "FILE.svg|pdf|png", 0, "Draw every group with its points, through gnuplot", 4},
    {"keep-plot-files", OPTION_KEEP, 0, 0, "Keep the plot's data and script beside it", 4},
    {"json", OPTION_JSON, 0, 0, "Print one JSON object in place of the table", 4},
    {"quiet", 'q', 0, 0, "Print errors only", 4},
    {"device", OPTION_DEVICE, "auto|cpu|cuda", 0,
     "auto (unless said otherwise) is cuda where there is a GPU and much to fit, else cpu", 5},
    {"threads", 't', "N", 0, "Of the CPU; by default as many as the process is granted", 5},
    {"instruction-set", OPTION_INSTRUCTION_SET, "NAME", 0, "The best there is unless said otherwise", 5},
    {0},
};

/* The law by its name, and what the names of columns must be for it. */
static void find_law(struct fit_arguments *arguments, struct argp_state *state) {
    char name[32];
    const char *wanted = arguments->law;
    if (!wanted) argp_error(state, "expected --law, such as --law power; `allometer laws` lists them");
    if (strcmp(wanted, "bnsl") == 0) {
        int breaks = arguments->breaks == BREAKS_UNSAID ? 1 : arguments->breaks;
        snprintf(name, sizeof name, breaks == BREAKS_AUTO ? "bnsl-auto" : "bnsl-%d", breaks);
        wanted = name;
    } else if (arguments->breaks != BREAKS_UNSAID) {
        argp_error(state, "--breaks goes with --law bnsl, not with %s", wanted);
    }
    const struct allometer_law *law = allometer_law_find(wanted);
    if (!law) {
        law = arguments->formula = verb_formula(wanted, arguments->options.x, arguments->n_x);
    }
    if (!law) {
        struct text_nearest nearest = {.word = wanted};
        for (int i = 0; i < ALLOMETER_LAW_COUNT; ++i) text_nearest_offer(&nearest, allometer_laws[i].name);
        for (int i = 0; i < ALLOMETER_AVERAGE_COUNT; ++i)
            text_nearest_offer(&nearest, allometer_averages[i].name);
        argp_error(state, "unknown law '%s'; %s%s%s`allometer laws` lists them", wanted,
                   nearest.best ? "did you mean '" : "", nearest.best ? nearest.best : "",
                   nearest.best ? "'? " : "");
    }
    arguments->options.law = law;
    if (arguments->n_x != law->n_columns) {
        argp_error(state, "--x: law %s has %d independent variable%s, %d column%s given", law->name,
                   law->n_columns, law->n_columns == 1 ? "" : "s", arguments->n_x,
                   arguments->n_x == 1 ? "" : "s");
    }
}

static int is_average(const struct fit_arguments *arguments) {
    const struct allometer_law *law = arguments->law ? allometer_law_find(arguments->law) : NULL;
    return (law && law->candidates) || arguments->breaks == BREAKS_AUTO;
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct fit_arguments *arguments = state->input;
    struct allometer_fit_options *fit = &arguments->options;
    switch (key) {
    case 'l':
        arguments->law = value;
        return 0;
    case 'x':
    case 'g':
        verb_fit_columns(arguments, state, key == 'x' ? "x" : "group", value);
        return 0;
    case 'y':
        fit->y = value;
        return 0;
    case 'w':
        verb_fit_filter(arguments, state, value);
        return 0;
    case 'o':
        arguments->out = value;
        return 0;
    case 'q':
        arguments->quiet = 1;
        return 0;
    case 'b':
        fit->bootstrap = (int32_t)verb_integer(state, "bootstrap", value, 0, 10000000);
        if (fit->bootstrap == 1)
            argp_error(state, "--bootstrap: one resample has no spread, expected 0, or 2 and more");
        return 0;
    case 't':
        arguments->device_options.threads =
            (int)verb_integer(state, "threads", value, 1, ALLOMETER_MAX_THREADS);
        return 0;
    case OPTION_TRAIN:
        verb_fit_train(arguments, state, value);
        return 0;
    case OPTION_WEIGHT:
        fit->weight = value;
        return 0;
    case OPTION_CLUSTER:
        fit->cluster = value;
        return 0;
    case OPTION_BREAKS:
        arguments->breaks =
            strcmp(value, "auto") == 0 ? BREAKS_AUTO : (int)verb_integer(state, "breaks", value, 0, 6);
        return 0;
    case OPTION_OBJECTIVE:
        verb_fit_objective(arguments, state, value);
        return 0;
    case OPTION_DELTA:
        fit->delta = verb_fit_number(state, "delta", value);
        if (!(fit->delta > 0)) argp_error(state, "--delta: '%s', expected a number above 0", value);
        return 0;
    case OPTION_START:
        verb_fit_settings(arguments, state, "start", value);
        return 0;
    case OPTION_BOUND:
        verb_fit_settings(arguments, state, "bound", value);
        return 0;
    case OPTION_FIX:
        verb_fit_settings(arguments, state, "fix", value);
        return 0;
    case OPTION_AT:
        verb_fit_at(arguments, state, value);
        return 0;
    case OPTION_QUANTITY:
        verb_fit_quantity(arguments, state, value);
        return 0;
    case OPTION_LET:
        verb_fit_let(arguments, state, value);
        return 0;
    case OPTION_CONFIDENCE:
        fit->confidence = verb_fit_number(state, "confidence", value);
        if (!(fit->confidence > 0 && fit->confidence < 1)) {
            argp_error(state, "--confidence: '%s', expected a share between 0 and 1, such as 0.95", value);
        }
        return 0;
    case OPTION_SEED:
        fit->seed = (uint64_t)verb_integer(state, "seed", value, 0, INT64_MAX);
        return 0;
    case OPTION_PREDICTIONS:
        arguments->predictions = value;
        return 0;
    case OPTION_ITERATIONS:
        fit->max_iterations = (int32_t)verb_integer(state, "iterations", value, 1, 100000000);
        return 0;
    case OPTION_RESAMPLES:
        arguments->resamples = value;
        return 0;
    case OPTION_PLOT:
        if (!verb_fit_ends_with(value, ".svg") && !verb_fit_ends_with(value, ".pdf")
            && !verb_fit_ends_with(value, ".png")) {
            argp_error(state, "--plot: '%s', expected a file that ends in .svg, .pdf or .png", value);
        }
        arguments->plot = value;
        return 0;
    case OPTION_COMPOSITE:
        arguments->composite = 1;
        return 0;
    case OPTION_KEEP:
        arguments->keep = 1;
        return 0;
    case OPTION_JSON:
        arguments->json = 1;
        return 0;
    case OPTION_DEVICE:
        arguments->device = verb_device(state, value);
        return 0;
    case OPTION_INSTRUCTION_SET:
        arguments->device_options.instruction_set = value;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path) argp_error(state, "one table at a time: unexpected '%s'", value);
        arguments->path = strcmp(value, "-") == 0 ? "/dev/stdin" : value;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->path) argp_error(state, "expected a table, such as runs.csv or runs.db");
        if (fit->cluster && !fit->bootstrap && (arguments->composite || !is_average(arguments))) {
            argp_error(state,
                       "--cluster goes with --bootstrap, such as --bootstrap 2000, or with --law auto");
        }
        verb_fit_check(arguments, state);
        if (arguments->composite) return 0;
        if (!arguments->n_x || !fit->y) argp_error(state, "expected --x and --y, columns of the table");
        if (arguments->resamples && !fit->bootstrap) {
            argp_error(state, "--resamples goes with --bootstrap, such as --bootstrap 2000");
        }
        find_law(arguments, state);
        if (arguments->n_numbers % arguments->n_x)
            argp_error(state, "--at: %d numbers, expected %d for each point, one of each column of --x",
                       arguments->n_numbers, arguments->n_x);
        fit->n_at = arguments->n_numbers / arguments->n_x;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "DATA.csv|DATA.db",
    "Fits a scaling law to every group of a table's rows: a CSV file (gzipped "
    "or not) or the store of a sweep. Starting "
    "points are found from the data.\v"
    "Examples:\n"
    "  allometer fit curves.csv --law auto --x examples --y loss --group task \\\n"
    "      --plot curves.svg\n"
    "  allometer fit runs.csv --law power --x parameters --y loss\n"
    "  allometer fit runs.db --law power --x allocated --y loss --group subtask \\\n"
    "      --bootstrap 2000 --cluster seed\n"
    "  allometer fit runs.db --composite --bootstrap 2000 --cluster seed\n"
    "  allometer fit runs.csv --law 'E + A/N^alpha + B/D^beta' --x N,D --y loss\n"
    "  allometer fit runs.csv --let 'D=flop/(6*N)' --law chinchilla --x N,D \\\n"
    "      --y loss --objective huber --bootstrap 4000 \\\n"
    "      --quantity 'a=beta/(alpha+beta)'\n"
    "  allometer fit runs.csv --law auto --x compute --y loss --at 1e22,10x\n"
    "  allometer fit curves.csv --law bnsl --breaks 1 --x examples --y loss \\\n"
    "      --group task --train training=1 \\\n"
    "      --predictions predictions.csv --plot curves.svg\n",
    0,
    0,
    0};

/* Loading CUDA takes half a second, in which a CPU core fits some ten thousand curves of a hundred points. */
static enum allometer_code open_device(struct fit_arguments *arguments, const struct allometer_table *table,
                                       struct allometer_error *error) {
    struct allometer_fit_options *fit = &arguments->options;
    double n_points = (double)table->n_rows * (fit->bootstrap > 100 ? fit->bootstrap : 100);
    const char *device = arguments->device ? arguments->device : "auto";
    if (strcmp(device, "auto") == 0 && n_points < 1e7) device = "cpu";
    fit->threads = arguments->device_options.threads;
    return verb_open_device(device, &arguments->device_options, 1, &fit->backend, &fit->device, error);
}

int verb_fit(int argc, char **argv) {
    struct fit_arguments arguments = {.options = {.objective = ALLOMETER_OBJECTIVE_MSLE, .confidence = 0.95},
                                      .breaks = BREAKS_UNSAID};
    struct allometer_error error = {0};
    struct allometer_table *table = NULL;
    struct allometer_fits *fits = NULL;
    verb_parse(&argp, argc, argv, &arguments);
    struct allometer_fit_options *fit = &arguments.options;
    if (!(fit->delta > 0)) fit->delta = 1e-3;
    fit->groups = arguments.groups;
    fit->filters = arguments.filters;
    fit->settings = arguments.settings;
    fit->quantities = arguments.quantities;
    fit->at = arguments.at, fit->at_is_factor = arguments.at_is_factor;
    fit->bands = arguments.predictions != NULL;
    fit->keep_resamples = arguments.resamples != NULL;
    fit->n_curve = arguments.plot ? 201 : 0; /* with every fourth point both ends remain */

    enum allometer_code code = verb_fit_check_outputs(&arguments, &error);
    if (code == ALLOMETER_OK) code = verb_fit_read(&arguments, &table, &error);
    if (code == ALLOMETER_OK) code = open_device(&arguments, table, &error);
    for (int i = 0; i < arguments.n_made && code == ALLOMETER_OK; ++i) {
        code = allometer_table_let(table, arguments.made[i][0], arguments.made[i][1], &error);
    }
    int any = 1;
    if (code == ALLOMETER_OK && arguments.composite) {
        code = verb_fit_composite(&arguments, table, &error);
    } else if (code == ALLOMETER_OK) {
        if (!arguments.quiet) verb_formula_warn(arguments.formula, fit->x, arguments.n_x, table);
        code = allometer_fit(table, fit, &fits, &error);
        if (code == ALLOMETER_OK) code = verb_fit_write(&arguments, fits, &error);
        if (code == ALLOMETER_OK) any = verb_fit_notes(fits, arguments.quiet);
    }
    allometer_fits_free(fits);
    allometer_table_free(table);
    allometer_law_free(arguments.formula);
    if (fit->device) fit->backend->close(fit->device);
    if (code != ALLOMETER_OK) return verb_fail(&error);
    return any ? VERB_DONE : VERB_FAILED;
}
