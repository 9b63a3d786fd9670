#include "laws.h"
#include "text.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

static const char *column_name(const struct allometer_law *law, int column) {
    return law->n_columns == 1 ? "x" : column == 0 ? "N" : "D";
}

/* "a >= 0; d1, d2 ...": parameters of one role together. */
static void print_bounds(const struct allometer_law *law) {
    char told[ALLOMETER_ROLE_COUNT] = {0};
    const char *between = "\n  bounds: ";
    for (int p = 0; p < law->n_parameters; ++p) {
        enum allometer_role role = law->parameters[p].role;
        if (told[role]++ || !*allometer_role_bounds(role)) continue;
        printf("%s%s", between, law->parameters[p].name);
        for (int other = p + 1; other < law->n_parameters; ++other)
            if (law->parameters[other].role == role) printf(", %s", law->parameters[other].name);
        printf(" %s", allometer_role_bounds(role));
        between = "; ";
    }
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
        print_bounds(law);
        printf("\n  %s\n\n", law->source);
    }
    for (int i = 0; i < ALLOMETER_AVERAGE_COUNT; ++i) {
        const struct allometer_law *law = &allometer_averages[i];
        printf("%s\n  %s; of x\n  %s\n\n", law->name, law->formula, law->source);
    }
}

static void print_json(void) {
    for (int i = 0; i < ALLOMETER_LAW_COUNT + ALLOMETER_AVERAGE_COUNT; ++i) {
        const struct allometer_law *law =
            i < ALLOMETER_LAW_COUNT ? &allometer_laws[i] : &allometer_averages[i - ALLOMETER_LAW_COUNT];
        printf("%s{\"name\": \"%s\", \"other_name\": ", i ? ",\n " : "[", law->name);
        if (law->other_name)
            text_write_json(stdout, law->other_name);
        else
            printf("null");
        printf(", \"formula\": ");
        text_write_json(stdout, law->formula);
        printf(", \"source\": ");
        text_write_json(stdout, law->source);
        printf(", \"columns\": %d, \"parameters\": [", law->n_columns);
        for (int p = 0; p < law->n_parameters; ++p) {
            const struct allometer_law_parameter *parameter = &law->parameters[p];
            printf("%s{\"name\": \"%s\", \"positive\": %s, \"unit\": \"%s\", ", p ? ", " : "",
                   parameter->name, allometer_role_is_log(parameter->role) ? "true" : "false",
                   parameter->unit);
            printf("\"bounds\": \"%s\"}", allometer_role_bounds(parameter->role));
        }
        printf("], \"candidates\": [");
        for (int c = 0; c < law->n_candidates; ++c)
            printf("%s\"%s\"", c ? ", " : "", allometer_laws[law->candidates[c]].name);
        printf("]}");
    }
    puts("]");
}

int verb_laws(int argc, char **argv) {
    const char *documentation =
        "Lists the laws that `allometer fit --law` knows, each with its formula, its "
        "parameters and where it comes from. It takes any other formula as well, such as "
        "--law 'a + b*x^-c'.\v"
        "Example:\n  allometer laws --json";
    return verb_list(argc, argv, documentation, print_text, print_json);
}
