#include "laws.h"
#include "text.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_JSON = 0x100 };

static error_t parse(int key, char *value, struct argp_state *state) {
    switch (key) {
    case OPTION_JSON:
        *(int *)state->input = 1;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected '%s'", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {{"json", OPTION_JSON, 0, 0, "Print one JSON array", 0}, {0}};
static const struct argp argp = {
    options,
    parse,
    "",
    "Lists the laws that `allometer fit --law` knows, each with its formula, its "
    "parameters and where it comes from.\v"
    "Example:\n  allometer laws --json",
    0,
    0,
    0};

static const char *column_name(const struct allometer_law *law, int column) {
    return law->n_columns == 1 ? "x" : column == 0 ? "N" : "D";
}

static void print_text(void) {
    for (int i = 0; i < ALLOMETER_LAW_COUNT; ++i) {
        const struct allometer_law *law = &allometer_laws[i];
        printf("%s%s%s%s\n  %s\n  ", law->name, law->other_name ? " (or " : "",
               law->other_name ? law->other_name : "", law->other_name ? ")" : "", law->formula);
        for (int p = 0; p < law->n_parameters; ++p) {
            const struct allometer_law_parameter *parameter = &law->parameters[p];
            printf("%s%s%s [%s]", p ? ", " : "", parameter->name,
                   allometer_role_is_log(parameter->role) ? " > 0" : "", parameter->unit);
        }
        printf("; of");
        for (int c = 0; c < law->n_columns; ++c) printf(" %s", column_name(law, c));
        printf("\n  %s\n\n", law->source);
    }
}

static void print_json(void) {
    for (int i = 0; i < ALLOMETER_LAW_COUNT; ++i) {
        const struct allometer_law *law = &allometer_laws[i];
        printf("%s{\"name\": \"%s\", \"formula\": ", i ? ",\n " : "[", law->name);
        text_write_json(stdout, law->formula);
        printf(", \"source\": ");
        text_write_json(stdout, law->source);
        printf(", \"columns\": %d, \"parameters\": [", law->n_columns);
        for (int p = 0; p < law->n_parameters; ++p) {
            const struct allometer_law_parameter *parameter = &law->parameters[p];
            printf("%s{\"name\": \"%s\", \"positive\": %s, \"unit\": \"%s\"}", p ? ", " : "", parameter->name,
                   allometer_role_is_log(parameter->role) ? "true" : "false", parameter->unit);
        }
        printf("]}");
    }
    puts("]");
}

int verb_laws(int argc, char **argv) {
    int json = 0;
    verb_parse(&argp, argc, argv, &json);
    if (json)
        print_json();
    else
        print_text();
    return VERB_DONE;
}
