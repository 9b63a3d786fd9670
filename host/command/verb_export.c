#include "output.h"
#include "store.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct export_arguments {
    const char *path, *out, *weights;
    enum allometer_store_rows rows;
    enum allometer_store_format format;
    int quiet;
};

enum {
    OPTION_FORMAT = 'f',
    OPTION_OUT = 'o',
    OPTION_QUIET = 'q',
    OPTION_WEIGHTS = 'w',
    OPTION_LAYERS = 'l',
    OPTION_JSON = 0x100
};

static const struct argp_option options[] = {
    {"format", OPTION_FORMAT, "csv|json", 0, "Of the results; csv unless said otherwise", 0},
    {"json", OPTION_JSON, 0, 0, "The same as --format json", 0},
    {"out", OPTION_OUT, "FILE", 0, "Write the results to FILE, not to standard output", 0},
    {"layers", OPTION_LAYERS, 0, 0, "Of deep models: one row for each model, subtask and hidden layer", 0},
    {"weights", OPTION_WEIGHTS, "FOLDER", 0,
     "Write the kept weights to .npy files in a new FOLDER, with a manifest.csv, instead of the results", 0},
    {"quiet", OPTION_QUIET, 0, 0, "Print no notes", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct export_arguments *arguments = state->input;
    switch (key) {
    case OPTION_FORMAT:
        if (strcmp(value, "csv") != 0 && strcmp(value, "json") != 0)
            argp_error(state, "--format: '%s', expected csv or json", value);
        arguments->format = strcmp(value, "csv") == 0 ? ALLOMETER_STORE_CSV : ALLOMETER_STORE_JSON;
        return 0;
    case OPTION_JSON:
        arguments->format = ALLOMETER_STORE_JSON;
        return 0;
    case OPTION_OUT:
        arguments->out = value;
        return 0;
    case OPTION_LAYERS:
        arguments->rows = ALLOMETER_STORE_LAYERS;
        return 0;
    case OPTION_WEIGHTS:
        arguments->weights = value;
        return 0;
    case OPTION_QUIET:
        arguments->quiet = 1;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path) argp_error(state, "one store at a time: unexpected '%s'", value);
        arguments->path = value;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->path) argp_error(state, "expected a store, such as runs.db");
        if (arguments->weights && arguments->rows)
            argp_error(state, "--weights and --layers exclude each other");
        if (arguments->weights && arguments->format == ALLOMETER_STORE_JSON)
            argp_error(state, "--weights writes .npy files and a manifest.csv, expected no JSON beside it");
        if (arguments->weights && arguments->out) argp_error(state, "--weights and --out exclude each other");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "RUNS.db",
    "Writes the results of a store, one row for each model and subtask, in the order of the sweep. Numbers "
    "have the digits that give the stored values back exactly; an empty cell (null in JSON) is a missing "
    "value, 1e999 in JSON infinity. The manual page allometer-columns(5) defines all columns.\v"
    "Columns, beside the axes:\n"
    "  train_loss           weighted sum of the losses of the last training step\n"
    "  loss, accuracy       of the subtask, on held-out samples, unweighted\n"
    "  allocated            neurons of the subtask: weights above measure.threshold\n"
    "                       lead to the neuron and on to the subtask's outputs\n"
    "  live, shared         neurons allocated to at least one subtask, to several\n"
    "  ..._ablation         the same of neurons without which the loss rises by\n"
    "                       measure.ablation_share\n"
    "  l1_norm, l2_norm_squared  of the weights, as the penalty counts them\n"
    "  parameters           weights and biases that pruning left\n\n"
    "Examples:\n"
    "  allometer export runs.db > runs.csv\n"
    "  allometer export runs.db --format json --out runs.json\n"
    "  allometer export runs.db --weights weights\n"
    "  python3 -c \"import numpy; print(numpy.load('weights/0/input_weight.npy'))\"",
    0,
    0,
    0};

static enum allometer_code export_to_file(const struct export_arguments *arguments,
                                          struct allometer_error *error) {
    struct output output;
    enum allometer_code code = verb_check_output("out", arguments->out, arguments->path, error);
    if (!code) code = output_begin(&output, arguments->out, error);
    if (code) return code;
    code = allometer_store_export(arguments->path, arguments->rows, arguments->format, output.file, error);
    return output_finish(&output, code, error);
}

int verb_export(int argc, char **argv) {
    struct export_arguments arguments = {0};
    verb_parse(&argp, argc, argv, &arguments);
    struct allometer_error error;
    struct allometer_store_summary summary;
    enum allometer_code code = allometer_store_summarize(arguments.path, &summary, &error);
    uint64_t n_models = 0;
    if (!code && arguments.weights)
        code = allometer_store_export_weights(arguments.path, arguments.weights, &n_models, &error);
    else if (!code && arguments.out)
        code = export_to_file(&arguments, &error);
    else if (!code)
        code = allometer_store_export(arguments.path, arguments.rows, arguments.format, stdout, &error);
    if (code) return verb_fail(&error);
    if (arguments.quiet) return VERB_DONE;
    if (arguments.weights)
        fprintf(stderr, "%s: weights of %llu model%s\n", arguments.weights, (unsigned long long)n_models,
                n_models == 1 ? "" : "s");
    if (arguments.rows == ALLOMETER_STORE_LAYERS && summary.n_stored && !summary.has_layers)
        fprintf(stderr,
                "allometer: note: %s holds no rows by layer, which are measured of several hidden "
                "layers, of composition control or series, of rows of a file, and of many inputs or outputs, "
                "unless the "
                "model diverged\n",
                arguments.path);
    verb_note_stored(arguments.path, &summary);
    return VERB_DONE;
}
