#include "store.h"
#include "verbs.h"

#include <stdio.h>

struct merge_arguments {
    char **files;
    int n_files, quiet;
};

enum { OPTION_QUIET = 'q' };

static const struct argp_option options[] = {
    {"quiet", OPTION_QUIET, 0, 0, "Print neither summary nor notes", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct merge_arguments *arguments = state->input;
    (void)value;
    switch (key) {
    case OPTION_QUIET:
        arguments->quiet = 1;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->files = state->argv + state->next;
        arguments->n_files = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (arguments->n_files < 2) argp_error(state, "expected OUT.db and at least one IN.db");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "OUT.db IN.db...",
    "Unites stores of one sweep, such as its shards, in OUT.db, which is created or added to. All or "
    "nothing: if a specification differs, or a model has different results in two files, OUT.db stays as it "
    "was.\v"
    "Example:\n  allometer merge all.db shard-1.db shard-2.db shard-3.db",
    0,
    0,
    0};

int verb_merge(int argc, char **argv) {
    struct merge_arguments arguments = {0};
    verb_parse(&argp, argc, argv, &arguments);
    struct allometer_error error;
    struct allometer_store_summary summary;
    if (allometer_store_merge(arguments.files[0], (const char *const *)arguments.files + 1,
                              (size_t)arguments.n_files - 1, &summary, &error))
        return verb_fail(&error);
    if (!arguments.quiet)
        fprintf(stderr, "%s: %llu of %llu model%s of sweep '%s', %llu of them diverged\n", arguments.files[0],
                (unsigned long long)summary.n_stored, (unsigned long long)summary.n_models,
                summary.n_models == 1 ? "" : "s", summary.name, (unsigned long long)summary.n_diverged);
    if (!arguments.quiet && summary.n_makers > 1)
        fprintf(stderr,
                "allometer: note: the models were trained by %s, whose results differ by rounding or more\n",
                summary.makers);
    return VERB_DONE;
}
