/* Options of `allometer fit` that are lists or conditions. */
#include "text.h"
#include "verb_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double verb_fit_number(struct argp_state *state, const char *option, const char *text) {
    double value = NAN;
    if (!text_to_double(text, &value)) argp_error(state, "--%s: '%s', expected a number", option, text);
    return value;
}

/* Cuts the text at the next comma; NULL at its end. Arguments live as long as the program, so they are cut in place. */
static char *next_item(char **text) {
    return strsep(text, ",");
}

/* The same for names: one in backquotes may hold commas. */
static char *next_name(struct argp_state *state, const char *option, char **text) {
    if (!*text || **text != '`') return next_item(text);
    char *name = *text + 1, *end = strchr(name, '`');
    if (!end || (end[1] && end[1] != ','))
        argp_error(state, "--%s: '%s', expected a second ` after the column's name", option, *text);
    *text = end[1] ? end + 2 : NULL;
    *end = 0;
    return name;
}

static char *cut_value(struct argp_state *state, const char *option, char *item, const char *form) {
    char *equals = strchr(item, '=');
    if (!equals || equals == item) argp_error(state, "--%s: '%s', expected %s", option, item, form);
    *equals = 0;
    return equals + 1;
}

static struct allometer_fit_setting *add_setting(struct fit_arguments *arguments, struct argp_state *state,
                                                 const char *name) {
    if (arguments->options.n_settings == MAX_LIST)
        argp_error(state, "more than %d starts and bounds", MAX_LIST);
    struct allometer_fit_setting *setting = &arguments->settings[arguments->options.n_settings++];
    *setting = (struct allometer_fit_setting){name, NAN, NAN, NAN};
    return setting;
}

static void parse_bound(struct allometer_fit_setting *setting, struct argp_state *state, char *low) {
    char *high = strchr(low, ':');
    if (!high) argp_error(state, "--bound: '%s', expected PARAMETER=LOW:HIGH", low);
    *high++ = 0;
    if (strcmp(low, "-inf") == 0)
        setting->low = -INFINITY;
    else if (*low)
        setting->low = verb_fit_number(state, "bound", low);
    if (strcmp(high, "inf") == 0)
        setting->high = INFINITY;
    else if (*high)
        setting->high = verb_fit_number(state, "bound", high);
}

void verb_fit_settings(struct fit_arguments *arguments, struct argp_state *state, const char *option,
                       char *list) {
    const char *form = strcmp(option, "bound") == 0 ? "PARAMETER=LOW:HIGH" : "PARAMETER=VALUE";
    for (char *item; (item = next_item(&list));) {
        char *value = cut_value(state, option, item, form);
        struct allometer_fit_setting *setting = add_setting(arguments, state, item);
        if (strcmp(option, "bound") == 0)
            parse_bound(setting, state, value);
        else if (strcmp(option, "start") == 0)
            setting->start = verb_fit_number(state, option, value);
        else
            setting->low = setting->high = verb_fit_number(state, option, value);
    }
}

/* Ends the text before `end` and the blanks in front of it: "name = ...". */
static void cut_blanks(char *text, char *end) {
    while (end > text && end[-1] == ' ') --end;
    *end = 0;
}

static struct allometer_fit_filter parse_condition(struct argp_state *state, const char *option, char *text) {
    static const struct {
        const char *sign;
        enum allometer_comparison comparison;
    } signs[] = {
        {"!=", ALLOMETER_NOT_EQUAL}, {"<=", ALLOMETER_LESS_OR_EQUAL}, {">=", ALLOMETER_GREATER_OR_EQUAL},
        {"==", ALLOMETER_EQUAL},     {"=", ALLOMETER_EQUAL},          {"<", ALLOMETER_LESS},
        {">", ALLOMETER_GREATER}};
    size_t at = strcspn(text, "!=<>");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; ++i) {
        size_t length = strlen(signs[i].sign);
        if (at == 0 || strncmp(text + at, signs[i].sign, length) != 0) continue;
        char *value = text + at + length;
        cut_blanks(text, text + at);
        return (struct allometer_fit_filter){text, value + strspn(value, " "), signs[i].comparison};
    }
    argp_error(state, "--%s: '%s', expected COLUMN=VALUE, or !=, <, <=, >, >=", option, text);
    return (struct allometer_fit_filter){0};
}

void verb_fit_filter(struct fit_arguments *arguments, struct argp_state *state, char *text) {
    if (arguments->options.n_filters == MAX_LIST) argp_error(state, "more than %d conditions", MAX_LIST);
    arguments->filters[arguments->options.n_filters++] = parse_condition(state, "where", text);
}

void verb_fit_train(struct fit_arguments *arguments, struct argp_state *state, char *text) {
    if (arguments->options.train_column)
        argp_error(state, "--train is given twice, expected one condition; --where may be repeated");
    struct allometer_fit_filter train = parse_condition(state, "train", text);
    arguments->options.train_column = train.column;
    arguments->options.train_value = train.value;
    arguments->options.train_comparison = train.comparison;
}

void verb_fit_at(struct fit_arguments *arguments, struct argp_state *state, char *list) {
    for (char *item; (item = next_item(&list));) {
        if (arguments->n_numbers == sizeof arguments->at / sizeof *arguments->at)
            argp_error(state, "--at: more than %d numbers", arguments->n_numbers);
        size_t length = strlen(item);
        const int is_factor = length > 1 && item[length - 1] == 'x';
        double *number = &arguments->at[arguments->n_numbers];
        if (is_factor) item[length - 1] = 0;
        if (!text_to_double(item, number))
            argp_error(state, "--at: '%s%s', expected a number, or one and an x, such as 10x", item,
                       is_factor ? "x" : "");
        arguments->at_is_factor[arguments->n_numbers++] = (unsigned char)is_factor;
    }
}

void verb_fit_let(struct fit_arguments *arguments, struct argp_state *state, char *text) {
    if (arguments->n_made == MAX_LIST) argp_error(state, "more than %d columns to make", MAX_LIST);
    text += strspn(text, " ");
    char *end = *text == '`' ? strchr(text + 1, '`') : NULL; /* of a name that may hold an equals sign */
    char *equals = strchr(end ? end : text, '=');
    if (!equals || equals == text || end == text + 1 || (end && end + 1 + strspn(end + 1, " ") != equals))
        argp_error(state, "--let: '%s', expected COLUMN=FORMULA", text);
    cut_blanks(text, equals);
    if (end) *end = 0, text++;
    arguments->made[arguments->n_made][0] = text;
    arguments->made[arguments->n_made++][1] = equals + 1;
}

void verb_fit_quantity(struct fit_arguments *arguments, struct argp_state *state, char *text) {
    if (arguments->options.n_quantities == MAX_LIST) argp_error(state, "more than %d quantities", MAX_LIST);
    text += strspn(text, " ");
    char *formula = cut_value(state, "quantity", text, "NAME=FORMULA");
    cut_blanks(text, formula - 1);
    arguments->quantities[arguments->options.n_quantities++] = (struct allometer_fit_quantity){text, formula};
}

void verb_fit_columns(struct fit_arguments *arguments, struct argp_state *state, const char *option,
                      char *list) {
    const int is_x = strcmp(option, "x") == 0;
    const char **names = is_x ? arguments->options.x : arguments->groups;
    const size_t most = is_x ? ALLOMETER_MAX_LAW_COLUMNS : ALLOMETER_MAX_GROUP_COLUMNS;
    size_t n = is_x ? (size_t)arguments->n_x : arguments->options.n_groups; /* of the option given before */
    for (char *item; (item = next_name(state, option, &list));) {
        if (!*item) argp_error(state, "--%s: expected names of columns between the commas", option);
        if (n == most) argp_error(state, "--%s: too many columns", option);
        for (size_t i = 0; i < n; ++i)
            if (strcmp(names[i], item) == 0) argp_error(state, "--%s: '%s' twice", option, item);
        names[n++] = item;
    }
    if (is_x)
        arguments->n_x = (int)n;
    else
        arguments->options.n_groups = n;
}

void verb_fit_objective(struct fit_arguments *arguments, struct argp_state *state, const char *value) {
    static const char *const names[ALLOMETER_OBJECTIVE_COUNT] = {"mse", "msle", "huber"};
    int i = 0;
    while (i < ALLOMETER_OBJECTIVE_COUNT && strcmp(value, names[i]) != 0) ++i;
    if (i == ALLOMETER_OBJECTIVE_COUNT)
        argp_error(state, "--objective: '%s', expected mse, msle or huber", value);
    arguments->options.objective = (enum allometer_objective)i;
}

void verb_fit_check(const struct fit_arguments *arguments, struct argp_state *state) {
    const struct allometer_fit_options *fit = &arguments->options;
    const struct {
        const char *option;
        int is_given;
    } of_laws[] = {{"law", arguments->law != NULL},
                   {"group", fit->n_groups > 0},
                   {"train", fit->train_column != NULL},
                   {"weight", fit->weight != NULL},
                   {"breaks", arguments->breaks != BREAKS_UNSAID},
                   {"objective", fit->objective != ALLOMETER_OBJECTIVE_MSLE},
                   {"start, --bound or --fix", fit->n_settings > 0},
                   {"iterations", fit->max_iterations > 0},
                   {"quantity", fit->n_quantities > 0},
                   {"at", arguments->n_numbers > 0},
                   {"predictions", arguments->predictions != NULL},
                   {"resamples", arguments->resamples != NULL},
                   {"plot", arguments->plot != NULL}};
    for (size_t i = 0; arguments->composite && i < sizeof of_laws / sizeof *of_laws; ++i) {
        if (of_laws[i].is_given)
            argp_error(state, "--composite is a law of its own, expected no --%s", of_laws[i].option);
    }
    if (arguments->composite && arguments->n_x > 1)
        argp_error(state, "--x: --composite has 1 independent variable, %d columns given", arguments->n_x);
    if (fit->delta > 0 && fit->objective != ALLOMETER_OBJECTIVE_HUBER)
        argp_error(state, "--delta goes with --objective huber");
    if (arguments->keep && !arguments->plot) argp_error(state, "--keep-plot-files goes with --plot");
}
