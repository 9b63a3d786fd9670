/* How fast models train and laws are fitted here, and how far that is from what this machine can do. Cases are short
   strings that can be given back on the command line. */
#include "report.h"

#include <argp.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const struct bench_kind *const kinds[] = {&bench_training, &bench_fitting};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

struct arguments {
    struct bench_options bench;
    const char *only, *commit, *csv, *device;
    int all, json;
};

static int positive(const char *text, struct argp_state *state) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > 4096)
        argp_error(state, "'%s', expected a whole number of 1 to 4096", text);
    return (int)value;
}

static error_t parse(int key, char *text, struct argp_state *state) {
    struct arguments *arguments = state->input;
    switch (key) {
    case 'a':
        arguments->all = 1;
        return 0;
    case 'c':
        arguments->csv = text;
        return 0;
    case 'C':
        arguments->commit = text;
        return 0;
    case 'd':
        arguments->device = text;
        return 0;
    case 'i':
        arguments->bench.instruction_set = text;
        return 0;
    case 't':
        arguments->bench.threads = positive(text, state);
        return 0;
    case 'r':
        arguments->bench.repeats = positive(text, state);
        if (arguments->bench.repeats > BENCH_REPEATS) argp_error(state, "at most %d repeats", BENCH_REPEATS);
        return 0;
    case 's':
        arguments->bench.seconds = strtod(text, &text);
        if (*text || !(arguments->bench.seconds > 0)) argp_error(state, "expected seconds above 0");
        return 0;
    case 'R':
        arguments->bench.rates_only = 1;
        return 0;
    case 'k':
        arguments->bench.check = 1;
        return 0;
    case 'j':
        arguments->json = 1;
        return 0;
    case 'p':
        arguments->bench.problems = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->only) argp_error(state, "'%s' beside '%s', expected one case", text, arguments->only);
        arguments->only = text;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
    {"all", 'a', NULL, 0, "the whole range of cases", 0},
    {"device", 'd', "cpu|cuda", 0, "default: cpu; cuda has no ceilings here", 0},
    {"instruction-set", 'i', "NAME", 0, "default: the best that this machine has", 0},
    {"threads", 't', "N", 0, "default: all", 0},
    {"repeats", 'r', "N", 0, "default: 7", 0},
    {"seconds", 's', "X", 0, "no further repeat once a case has taken as long", 0},
    {"rates-only", 'R', NULL, 0, "no ceilings", 0},
    {"check", 'k', NULL, 0, "of a device: its models must reach the CPU's losses", 0},
    {"json", 'j', NULL, 0, "a JSON record instead of a table", 0},
    {"csv", 'c', "FILE", 0, "write what a picture needs", 0},
    {"commit", 'C', "TEXT", 0, "for the record", 0},
    {"problems", 'p', "FILE", 0, "of one case: write what it worked on and what it reached, for a peer", 0},
    {0},
};
static const struct argp argp = {.options = options,
                                 .parser = parse,
                                 .args_doc = "['train h128 s256 d2 o2 silu' | 'fit bnsl-1 n50']",
                                 .doc = "Speed of training and fitting against this machine's ceiling."};

static const struct bench_kind *kind_of(const char *text) {
    for (int k = 0; k < N_KINDS; ++k) {
        size_t n = strlen(kinds[k]->word);
        if (strncmp(text, kinds[k]->word, n) == 0 && text[n] == ' ') return kinds[k];
    }
    bench_quit("a case begins with 'train' or 'fit'");
}

static void run_kind(const struct arguments *arguments, const struct bench_kind *kind,
                     struct allometer_device *device, struct report *report) {
    const char *const only[] = {arguments->only, NULL};
    report_kind(report, kind);
    for (const char *const *name = arguments->only ? only : kind->cases; *name; ++name) {
        if (!**name && !arguments->all) break;
        if (!**name) continue;
        struct bench_result result = kind->run(*name, device, &arguments->bench);
        report_case(report, kind, *name, &result);
    }
}

int main(int argc, char **argv) {
    struct arguments arguments = {
        .device = "cpu",
        .bench = {.threads = omp_get_max_threads(), .repeats = BENCH_REPEATS, .seconds = INFINITY}};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);

    const struct allometer_device_options device_options = {arguments.bench.threads,
                                                            arguments.bench.instruction_set, 0};
    struct allometer_device *device;
    struct allometer_error error = {0};
    const struct allometer_backend *backend = allometer_backend_find(arguments.device, &error);
    if (!backend || backend->open(&device, &device_options, &error) != ALLOMETER_OK)
        bench_quit(error.message);
    arguments.bench.backend = backend;
    if (backend != &allometer_cpu) arguments.bench.rates_only = 1;
    if (!arguments.bench.rates_only) ceiling_choose(backend->describe(device));
    struct report report = {.json = arguments.json};
    if (arguments.csv && !(report.csv = fopen(arguments.csv, "w"))) bench_quit("cannot write the CSV");
    report_begin(&report, backend->describe(device), arguments.commit);
    for (int id = 0; id < N_CEILINGS && !arguments.bench.rates_only; ++id) {
        struct spread one = ceiling_spread((enum ceiling_id)id, 1), all = one;
        if (arguments.bench.threads > 1) all = ceiling_spread((enum ceiling_id)id, arguments.bench.threads);
        report_ceiling(&report, (enum ceiling_id)id, one, all);
    }
    if (report.json) printf("},\n \"cases\": [");
    for (int k = 0; k < N_KINDS; ++k) {
        if (!arguments.only || kind_of(arguments.only) == kinds[k])
            run_kind(&arguments, kinds[k], device, &report);
    }
    report_end(&report);
    backend->close(device);
    return 0;
}
