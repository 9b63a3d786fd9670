#define _GNU_SOURCE /* asprintf */
#include "verb_sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sweep_arguments {
    const char *path, *out, *device;
    struct allometer_device_options device_options;
    unsigned shard, n_shards;
    int dry_run, json, quiet;
};

enum {
    OPTION_OUT = 'o',
    OPTION_DEVICE = 'd',
    OPTION_SHARD = 's',
    OPTION_DRY_RUN = 'n',
    OPTION_QUIET = 'q',
    OPTION_THREADS = 't',
    OPTION_JSON = 0x100,
    OPTION_INSTRUCTION_SET
};

static const struct argp_option options[] = {
    {"out", OPTION_OUT, "RUNS.db", 0, "The store; SWEEP.db beside SWEEP.yaml unless said otherwise", 0},
    {"device", OPTION_DEVICE, "auto|cpu|cuda", 0,
     "auto (unless said otherwise) is cuda where there is a GPU, else cpu", 0},
    {"shard", OPTION_SHARD, "I/N", 0, "Train every Nth model only, from the Ith on; see merge", 0},
    {"dry-run", OPTION_DRY_RUN, 0, 0, "Print models, parameters, operations, time and memory; train nothing",
     0},
    {"threads", OPTION_THREADS, "N", 0, "Of the CPU; by default as many as the process is granted", 0},
    {"instruction-set", OPTION_INSTRUCTION_SET, "NAME", 0,
     "Of the CPU; the best there is unless said otherwise", 0},
    {"json", OPTION_JSON, 0, 0, "Print the summary, or the plan of a dry run, as JSON on standard output", 0},
    {"quiet", OPTION_QUIET, 0, 0, "Print errors only", 0},
    {0},
};

static void parse_shard(struct sweep_arguments *arguments, const char *value, struct argp_state *state) {
    unsigned long long shard = 0, n_shards = 0;
    int length = 0; /* of 9 digits at most: what is longer does not end where it should */
    if (value[strspn(value, "0123456789/")] || sscanf(value, "%9llu/%9llu%n", &shard, &n_shards, &length) != 2
        || value[length] || shard < 1 || shard > n_shards)
        argp_error(state, "--shard: '%s', expected I/N with I from 1 to N, such as 3/8", value);
    arguments->shard = (unsigned)shard, arguments->n_shards = (unsigned)n_shards;
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct sweep_arguments *arguments = state->input;
    switch (key) {
    case OPTION_OUT:
        arguments->out = value;
        return 0;
    case OPTION_DEVICE:
        arguments->device = verb_device(state, value);
        return 0;
    case OPTION_SHARD:
        parse_shard(arguments, value, state);
        return 0;
    case OPTION_DRY_RUN:
        arguments->dry_run = 1;
        return 0;
    case OPTION_THREADS:
        arguments->device_options.threads =
            (int)verb_integer(state, "threads", value, 1, ALLOMETER_MAX_THREADS);
        return 0;
    case OPTION_INSTRUCTION_SET:
        arguments->device_options.instruction_set = value;
        return 0;
    case OPTION_JSON:
        arguments->json = 1;
        return 0;
    case OPTION_QUIET:
        arguments->quiet = 1;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path) argp_error(state, "one sweep at a time: unexpected '%s'", value);
        arguments->path = value;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->path) argp_error(state, "expected a sweep file, such as sweep.yaml");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "SWEEP.yaml",
    "Trains the models that a sweep file spans and stores what is measured of each. Given again, it goes on "
    "where it ended, however it ended. Ctrl-C ends it after the models in flight, with exit code 130; a "
    "second one at once.\v"
    "Examples:\n"
    "  allometer sweep sweep.yaml --dry-run\n"
    "  allometer sweep sweep.yaml --out runs.db\n"
    "  allometer sweep sweep.yaml --shard 3/8 --out shard-3.db",
    0,
    0,
    0};

static volatile sig_atomic_t stop; /* the signal that asked for it, or 0 */
static volatile sig_atomic_t is_quiet;

static void ask_to_stop(int number) {
    static const char note[] = "\nallometer: stops after the models in flight; again: at once\n";
    int before = errno;
    __atomic_store_n(&stop, number, __ATOMIC_RELAXED);
    signal(SIGINT, SIG_DFL), signal(SIGTERM, SIG_DFL); /* whichever is the second */
    if (!is_quiet && write(STDERR_FILENO, note, sizeof note - 1) < 0) is_quiet = 1;
    errno = before;
}

/* A second Ctrl-C ends the program at once, which the store survives. A reader of the messages that is gone, such as tee
   after the same Ctrl-C, ends nothing. */
static void catch_signals(int quiet) {
    is_quiet = quiet;
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* SWEEP.yaml -> SWEEP.db; the caller frees it. */
static char *default_out(const char *path) {
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    int stem = dot && dot > (slash ? slash + 1 : path) ? (int)(dot - path) : (int)strlen(path);
    char *out = NULL;
    return asprintf(&out, "%.*s.db", stem, path) < 0 ? NULL : out;
}

static void print_plan(const struct sweep_arguments *arguments, const struct allometer_sweep *sweep,
                       const struct allometer_plan *plan) {
    if (arguments->json)
        allometer_plan_print_json(plan, sweep, stdout);
    else
        allometer_plan_print(plan, sweep, stdout);
}

/* n_stored: models in the store, of all shards. */
static void print_summary(const struct sweep_arguments *arguments,
                          const struct allometer_run_progress *progress, uint64_t n_stored,
                          uint64_t n_models) {
    if (arguments->json)
        printf("{\"models\": %llu, \"done\": %llu, \"diverged\": %llu, \"trained\": %llu, \"stored\": %llu, "
               "\"seconds\": %.3f}\n",
               (unsigned long long)progress->n_models, (unsigned long long)progress->n_done,
               (unsigned long long)progress->n_diverged, (unsigned long long)progress->n_trained,
               (unsigned long long)n_stored, progress->seconds);
    if (arguments->quiet) return;
    char shard[64] = "";
    if (arguments->n_shards > 1)
        snprintf(shard, sizeof shard, " of shard %u/%u", arguments->shard, arguments->n_shards);
    if (stop && progress->n_done < progress->n_models) {
        fprintf(stderr,
                "allometer: stopped with %llu of %llu model%s%s in %s; the same command goes on from there\n",
                (unsigned long long)progress->n_done, (unsigned long long)progress->n_models,
                progress->n_models == 1 ? "" : "s", shard, arguments->out);
        return;
    }
    fprintf(stderr, "%s: %llu model%s%s, %llu of them diverged; %llu trained now", arguments->out,
            (unsigned long long)progress->n_done, progress->n_done == 1 ? "" : "s", shard,
            (unsigned long long)progress->n_diverged, (unsigned long long)progress->n_trained);
    if (arguments->n_shards > 1)
        fprintf(stderr, "; the store holds %llu of the sweep's %llu", (unsigned long long)n_stored,
                (unsigned long long)n_models);
    fputc('\n', stderr);
}

static enum allometer_code warn_of_foreign(struct allometer_store *store,
                                           const struct allometer_backend *backend,
                                           const struct allometer_device *device,
                                           struct allometer_error *error) {
    const char *set = backend->instruction_set ? backend->instruction_set(device) : "";
    uint64_t n = 0;
    enum allometer_code code = allometer_store_count_foreign(store, backend->name, set, &n, error);
    if (n)
        fprintf(stderr,
                "allometer: note: %llu stored models were trained on another backend or instruction set than "
                "%s %s: the two agree to a tolerance, not bit for bit\n",
                (unsigned long long)n, backend->name, set);
    return code;
}

static enum allometer_code train(const struct sweep_arguments *arguments, const struct allometer_sweep *sweep,
                                 const struct allometer_plan *plan, const struct allometer_backend *backend,
                                 struct allometer_device *device, struct allometer_error *error) {
    struct allometer_store *store;
    enum allometer_code code = sweep_plan_check(plan, backend, arguments->out, error);
    if (!code) code = allometer_store_open(arguments->out, sweep, &store, error);
    if (code) return code;
    if (!arguments->quiet) code = warn_of_foreign(store, backend, device, error);
    if (!code) {
        struct allometer_run_options run_options = {
            .shard = arguments->shard, .n_shards = arguments->n_shards, .flops = plan->flops, .stop = &stop};
        struct allometer_run_progress finished;
        if (!arguments->quiet) {
            fprintf(stderr, "%s: %s\n", allometer_sweep_name(sweep), backend->describe(device));
            sweep_progress_begin(&run_options);
        }
        catch_signals(arguments->quiet);
        code = allometer_run(sweep, store, backend, device, &run_options, &finished, error);
        sweep_progress_end(&run_options);
        uint64_t n_stored = 0, n_diverged;
        struct allometer_error unknown;
        if ((!code || code == ALLOMETER_INTERRUPTED)
            && !allometer_store_count(store, 1, 1, &n_stored, &n_diverged, &unknown))
            print_summary(arguments, &finished, n_stored, allometer_sweep_n_models(sweep));
    }
    struct allometer_error lost;
    if (allometer_store_close(store, &lost) && (!code || code == ALLOMETER_INTERRUPTED))
        code = allometer_fail(error, lost.code, "%s", lost.message);
    return code;
}

static int sweep(struct sweep_arguments *arguments, const struct allometer_sweep *sweep) {
    struct allometer_error error;
    struct allometer_plan plan;
    const struct allometer_backend *backend;
    struct allometer_device *device;
    if (verb_open_device(arguments->device, &arguments->device_options, arguments->quiet, &backend, &device,
                         &error))
        return verb_fail(&error);
    enum allometer_code code = sweep_plan(sweep, arguments->shard, arguments->n_shards, arguments->dry_run,
                                          backend, device, &plan, &error);
    if (!code && arguments->dry_run)
        print_plan(arguments, sweep, &plan);
    else if (!code)
        code = train(arguments, sweep, &plan, backend, device, &error);
    backend->close(device);
    if (code == ALLOMETER_INTERRUPTED) return 128 + stop;
    return code ? verb_fail(&error) : VERB_DONE;
}

int verb_sweep(int argc, char **argv) {
    struct sweep_arguments arguments = {.shard = 1, .n_shards = 1};
    verb_parse(&argp, argc, argv, &arguments);
    struct allometer_error error;
    struct allometer_sweep *loaded;
    if (allometer_sweep_load(arguments.path, &loaded, &error)) return verb_fail(&error);
    char *out = default_out(arguments.path);
    if (!arguments.out) arguments.out = out;
    int code = arguments.out ? sweep(&arguments, loaded) : VERB_FAILED;
    free(out);
    allometer_sweep_free(loaded);
    return code;
}
