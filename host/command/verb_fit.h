/* What the command line of `allometer fit` says, and how its lists are read. */
#ifndef ALLOMETER_VERB_FIT_H
#define ALLOMETER_VERB_FIT_H

#include "fit.h"
#include "formula_parse.h"
#include "verbs.h"

enum { MAX_LIST = 64, BREAKS_UNSAID = -1, BREAKS_AUTO = -2 };

struct fit_arguments {
    const char *path, *device, *law, *out, *predictions, *resamples, *plot;
    struct allometer_fit_options options;
    struct allometer_law *formula; /* where --law is one */
    const char *groups[ALLOMETER_MAX_GROUP_COLUMNS];
    struct allometer_fit_filter filters[MAX_LIST];
    struct allometer_fit_setting settings[MAX_LIST];
    struct allometer_fit_quantity quantities[MAX_LIST];
    const char *made[MAX_LIST][2];                   /* columns of --let: name, formula */
    double at[MAX_LIST * ALLOMETER_MAX_LAW_COLUMNS]; /* of --at; */
    unsigned char at_is_factor[MAX_LIST * ALLOMETER_MAX_LAW_COLUMNS];
    int n_numbers; /* so many */
    struct allometer_device_options device_options;
    int n_x, n_made, breaks, json, keep, quiet, composite;
};

/* Of one option's text, which is cut in place; a bad one ends the program with a message. */
double verb_fit_number(struct argp_state *state, const char *option, const char *text);
/* --start, --bound, --fix: option tells which. */
void verb_fit_settings(struct fit_arguments *arguments, struct argp_state *state, const char *option,
                       char *list);
void verb_fit_filter(struct fit_arguments *arguments, struct argp_state *state, char *text); /* --where */
void verb_fit_train(struct fit_arguments *arguments, struct argp_state *state, char *text);
void verb_fit_at(struct fit_arguments *arguments, struct argp_state *state, char *list);
void verb_fit_quantity(struct fit_arguments *arguments, struct argp_state *state, char *text);
void verb_fit_let(struct fit_arguments *arguments, struct argp_state *state, char *text);
/* --x, --group: option tells which. A name with a comma in it stands in backquotes. */
void verb_fit_columns(struct fit_arguments *arguments, struct argp_state *state, const char *option,
                      char *list);
/* Refuses options that would be read and not used. */
void verb_fit_check(const struct fit_arguments *arguments, struct argp_state *state);
int verb_fit_ends_with(const char *path, const char *ending);
/* The table: a CSV file, or the store of a sweep. */
enum allometer_code verb_fit_read(const struct fit_arguments *arguments, struct allometer_table **table,
                                  struct allometer_error *error);
/* BAD_INPUT where an output would take the place of the input, or of another output. */
enum allometer_code verb_fit_check_outputs(const struct fit_arguments *arguments,
                                           struct allometer_error *error);
enum allometer_code verb_fit_write(const struct fit_arguments *arguments, const struct allometer_fits *fits,
                                   struct allometer_error *error);
/* --composite: fits, prints and writes the law of all subtasks at once. */
enum allometer_code verb_fit_composite(const struct fit_arguments *arguments,
                                       const struct allometer_table *table, struct allometer_error *error);
/* Tells what became of rows and groups, on standard error; quiet: only if no group could be fitted. Returns whether any
   could. */
int verb_fit_notes(const struct allometer_fits *fits, int quiet);
void verb_fit_objective(struct fit_arguments *arguments, struct argp_state *state, const char *value);

#endif
