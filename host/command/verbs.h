/* The verbs of the command line: one file verb_NAME.c and one row of the table in main.c for each. */
#ifndef ALLOMETER_VERBS_H
#define ALLOMETER_VERBS_H

#include "backend.h"
#include "fit.h"
#include "store.h"

#include <argp.h>

/* Exit codes; a run that a signal ends exits with 128 + the signal, as shells have it. */
enum { VERB_DONE = 0, VERB_FAILED = 1, VERB_BAD_USAGE = 2 };

struct verb {
    const char *name;
    const char *help;                  /* one line */
    int (*run)(int argc, char **argv); /* argv[0] is "allometer NAME"; returns the exit code */
};

int verb_sweep(int argc, char **argv);
int verb_fit(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_merge(int argc, char **argv);
int verb_laws(int argc, char **argv);
int verb_tasks(int argc, char **argv);
int verb_info(int argc, char **argv);

/* argp_parse for a verb: as argp_parse(argp, argc, argv, 0, NULL, input), but an unknown long option gets the
   nearest known one as a suggestion. Exits with VERB_BAD_USAGE on bad usage, as argp does. */
void verb_parse(const struct argp *argp, int argc, char **argv, void *input);

/* The whole of a verb that takes --json and nothing else, and prints a list. */
int verb_list(int argc, char **argv, const char *documentation, void (*print_text)(void),
              void (*print_json)(void));

/* Prints "allometer: MESSAGE" to stderr and returns the exit code for it. */
int verb_fail(const struct allometer_error *error);

/* The whole of text as a number in low .. high, for an option's value; else argp_error, which exits. */
long verb_integer(struct argp_state *state, const char *option, const char *text, long low, long high);

/* The value of --device: auto, cpu or cuda; else argp_error. */
const char *verb_device(struct argp_state *state, const char *text);
/* Opens that device. auto, or NULL: CUDA where there is a GPU, and unless threads or an instruction set are asked for;
   else the CPU, which is told on stderr unless quiet. */
enum allometer_code verb_open_device(const char *name, const struct allometer_device_options *options,
                                     int quiet, const struct allometer_backend **backend,
                                     struct allometer_device **device, struct allometer_error *error);

/* BAD_INPUT where the output, the value of --option (NULL is fine), is the file that is read, by whatever name, or could not
   be written. */
enum allometer_code verb_check_output(const char *option, const char *output, const char *input,
                                      struct allometer_error *error);

/* A note on stderr, where the store does not hold its whole sweep. */
void verb_note_stored(const char *path, const struct allometer_store_summary *summary);

/* Whether both paths name one file, which need not be there yet. */
int verb_is_same_file(const char *a, const char *b);

/* The law that a formula makes (free with allometer_law_free); NULL where the text is but a word, such as a misspelt
   law's name. Exits on other errors. */
struct allometer_law *verb_formula(const char *text, const char *const *columns, int n_columns);
/* Tells of parameters that are also columns: one that was meant and not listed would be fitted; and of e, the constant, where
   a parameter may be meant. law may be NULL. */
void verb_formula_warn(const struct allometer_law *law, const char *const *columns, int n_columns,
                       const struct allometer_table *table);

#endif
