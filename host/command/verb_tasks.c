#include "sweep_keys.h"
#include "text.h"
#include "verbs.h"

#include <stdio.h>

/* Tables of names.h that a sweep file may draw on, in the order of interest. */
static const struct {
    const char *heading, *key; /* key: of --json */
    const struct allometer_names *names;
} sections[] = {
    {"Functions of subtasks", "functions", &allometer_functions},
    {"Losses, given by the function", "losses", &allometer_losses},
    {"Compositions", "compositions", &allometer_compositions},
    {"Distributions of inputs", "distributions", &allometer_distributions},
    {"Weights of samples", "weights", &allometer_weightings},
    {"Activations", "activations", &allometer_activations},
    {"Initializations", "initializations", &allometer_initializations},
    {"Optimizers", "optimizers", &allometer_optimizers},
    {"Schedules of the learning rate", "schedules", &allometer_schedules},
    {"Steps of the l1 penalty", "l1_steps", &allometer_l1_steps},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

static void print_text(void) {
    for (int i = 0; i < N_SECTIONS; i++) {
        printf("%s\n", sections[i].heading);
        for (size_t row = 0; row < sections[i].names->n_rows; row++)
            printf("  %-20s %s\n", sections[i].names->rows[row].name, sections[i].names->rows[row].formula);
        puts("");
    }
    puts("Keys of a sweep file, their defaults (an axis may have any but those in brackets)");
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        printf("  %s%s%s%*s %-12s %s\n", key->is_axis ? " " : "[", key->path, key->is_axis ? " " : "]",
               (int)(28 - snprintf(NULL, 0, "%s", key->path)), "",
               key->standard ? key->standard : "(required)", key->help);
    }
}

static void print_pair(const char *before, const char *key, const char *value) {
    printf("%s\"%s\": ", before, key);
    if (value)
        text_write_json(stdout, value);
    else
        fputs("null", stdout);
}

static void print_json(void) {
    for (int i = 0; i < N_SECTIONS; i++) {
        printf("%s\"%s\": [", i ? ",\n " : "{", sections[i].key);
        for (size_t row = 0; row < sections[i].names->n_rows; row++) {
            print_pair(row ? ", {" : "{", "name", sections[i].names->rows[row].name);
            print_pair(", ", "formula", sections[i].names->rows[row].formula);
            putchar('}');
        }
        putchar(']');
    }
    fputs(",\n \"keys\": [", stdout);
    for (size_t i = 0; i < sweep_n_keys; i++) {
        const struct allometer_sweep_key *key = &sweep_keys[i];
        print_pair(i ? ",\n  {" : "{", "key", key->path);
        print_pair(", ", "default", key->standard);
        print_pair(", ", "help", key->help);
        printf(", \"axis\": %s}", key->is_axis ? "true" : "false");
    }
    puts("]}");
}

int verb_tasks(int argc, char **argv) {
    const char *documentation =
        "Lists what a sweep file may name, with formulas, and its keys with their defaults.\v"
        "Example:\n  allometer tasks | less\n  allometer tasks --json | jq .functions";
    return verb_list(argc, argv, documentation, print_text, print_json);
}
