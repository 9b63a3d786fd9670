/* The command line: finds the verb and leaves the rest to its file. */
#include "text.h"
#include "verbs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb verbs[] = {
    {"sweep", "train the models of a sweep file and store what is measured", verb_sweep},
    {"fit", "fit a scaling law to a store or a CSV file", verb_fit},
    {"export", "write a store's results as CSV or JSON, its weights as .npy", verb_export},
    {"merge", "unite stores of one sweep, such as its shards", verb_merge},
    {"laws", "list the scaling laws", verb_laws},
    {"tasks", "list what a sweep file may name: functions, activations, optimizers, keys", verb_tasks},
    {"info", "list versions, backends and devices", verb_info},
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

static void print_help(FILE *file) {
    fputs("Usage: allometer VERB [OPTION...]\n"
          "Trains thousands of tiny networks at once and fits scaling laws to what they learned.\n\n",
          file);
    for (int i = 0; i < N_VERBS; i++) fprintf(file, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    fputs("\nExample: allometer sweep sweep.yaml --out runs.db && allometer export runs.db > runs.csv\n"
          "`allometer VERB --help` tells more and shows an example of each.\n",
          file);
}

static int unknown_verb(const char *word) {
    struct text_nearest nearest = {.word = word};
    for (int i = 0; i < N_VERBS; i++) text_nearest_offer(&nearest, verbs[i].name);
    fprintf(stderr, "allometer: unknown verb '%s'", word);
    if (nearest.best) fprintf(stderr, "; did you mean '%s'?", nearest.best);
    fputs("\nTry `allometer --help'.\n", stderr);
    return VERB_BAD_USAGE;
}

/* What was printed may still fail to arrive: a full disk, a closed pipe. */
static int finish_output(int code) {
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code) return code; /* who failed has said why */
    perror("allometer: cannot write to standard output");
    return VERB_FAILED;
}

int main(int argc, char **argv) {
    /* A limit on file sizes shall be an error that can be told, not the end of the process. */
    signal(SIGXFSZ, SIG_IGN);
    argp_err_exit_status = VERB_BAD_USAGE;
    argp_program_version = "allometer " ALLOMETER_VERSION;
    if (argc < 2) {
        print_help(stderr);
        return VERB_BAD_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return finish_output(VERB_DONE);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts(argp_program_version);
        return finish_output(VERB_DONE);
    }
    for (int i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, argv[1]) != 0) continue;
        char name[64];
        snprintf(name, sizeof name, "allometer %s", verbs[i].name);
        argv[1] = name;
        return finish_output(verbs[i].run(argc - 1, argv + 1));
    }
    return unknown_verb(argv[1]);
}
