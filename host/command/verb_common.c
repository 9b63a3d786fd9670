/* What the verbs share: parsing with suggestions, and how errors are told. */
#include "output.h"
#include "text.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct argp_option own_options[] = {
    {"help", 0, 0, 0, 0, 0}, {"usage", 0, 0, 0, 0, 0}, {"version", 0, 0, 0, 0, 0}, {0}};

/* The row that word names; else NULL, and a name that it begins, or almost is, is offered. getopt would take a beginning
   for the name, and so --predict 1e21 for --predictions with that file. */
static const struct argp_option *find_option(const struct argp_option *options, const char *word,
                                             struct text_nearest *nearest) {
    for (; options->name || options->key || options->doc; options++) {
        if (!options->name) continue;
        if (strcmp(options->name, word) == 0) return options;
        if (strncmp(options->name, word, strlen(word)) == 0)
            nearest->best = options->name, nearest->distance = 0;
        text_nearest_offer(nearest, options->name);
    }
    return NULL;
}

void verb_parse(const struct argp *argp, int argc, char **argv, void *input) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0) continue;
        const char *word = argv[i] + 2;
        size_t length = strcspn(word, "=");
        char *name = strndup(word, length);
        if (!name) break;
        struct text_nearest nearest = {.word = name};
        const struct argp_option *option = find_option(argp->options, name, &nearest);
        if (option) {
            /* The next word is this option's value, whatever it looks like. */
            if (option->arg && !(option->flags & OPTION_ARG_OPTIONAL) && word[length] == '\0') i++;
        } else if (!find_option(own_options, name, &nearest)) {
            fprintf(stderr, "%s: unknown option '--%s'", argv[0], name);
            if (nearest.best) fprintf(stderr, "; did you mean '--%s'?", nearest.best);
            fprintf(stderr, "\nTry `%s --help'.\n", argv[0]);
            exit(VERB_BAD_USAGE);
        }
        free(name);
    }
    if (argp_parse(argp, argc, argv, 0, NULL, input) == 0) return;
    fprintf(stderr, "allometer: out of memory\n"); /* all else argp has told, and ended the program */
    exit(VERB_FAILED);
}

int verb_fail(const struct allometer_error *error) {
    fprintf(stderr, "allometer: %s\n", error->message);
    return error->code == ALLOMETER_BAD_INPUT ? VERB_BAD_USAGE : VERB_FAILED;
}

long verb_integer(struct argp_state *state, const char *option, const char *text, long low, long high) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < low || value > high)
        argp_error(state, "--%s: '%s' is not a whole number from %ld to %ld", option, text, low, high);
    return value;
}

const char *verb_device(struct argp_state *state, const char *text) {
    if (strcmp(text, "auto") != 0 && strcmp(text, "cpu") != 0 && strcmp(text, "cuda") != 0)
        argp_error(state, "--device: '%s', expected auto, cpu or cuda", text);
    return text;
}

enum allometer_code verb_open_device(const char *name, const struct allometer_device_options *options,
                                     int quiet, const struct allometer_backend **backend,
                                     struct allometer_device **device, struct allometer_error *error) {
    int is_auto = !name || strcmp(name, "auto") == 0;
    if (!is_auto && strcmp(name, "cuda") == 0 && options->instruction_set)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "--instruction-set is of the CPU, expected no --device cuda beside it");
    /* Who names threads or an instruction set means the CPU. */
    if (!is_auto || !(options->threads || options->instruction_set)) {
        *backend = allometer_backend_find(is_auto ? "cuda" : name, error);
        enum allometer_code code = *backend ? (*backend)->open(device, options, error) : error->code;
        if (!code || !is_auto) return code;
        if (!quiet) fprintf(stderr, "allometer: no GPU, using the CPU (%s)\n", error->message);
    }
    *backend = &allometer_cpu;
    return (*backend)->open(device, options, error);
}

static int is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The file's name in its folder, and the folder; of inode 0 if there is none. */
static const char *name_and_folder(const char *path, struct stat *folder) {
    const char *slash = strrchr(path, '/');
    char *above = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!above || stat(above, folder) != 0) *folder = (struct stat){0};
    free(above);
    return slash ? slash + 1 : path;
}

int verb_is_same_file(const char *a, const char *b) {
    struct stat at_a, at_b;
    if (strcmp(a, b) == 0) return 1;
    if (stat(a, &at_a) == 0 && stat(b, &at_b) == 0) return S_ISREG(at_a.st_mode) && is_same(&at_a, &at_b);
    return strcmp(name_and_folder(a, &at_a), name_and_folder(b, &at_b)) == 0 && at_a.st_ino
           && is_same(&at_a, &at_b);
}

enum allometer_code verb_check_output(const char *option, const char *output, const char *input,
                                      struct allometer_error *error) {
    struct stat read;
    if (!output) return ALLOMETER_OK;
    if (stat(input, &read) == 0 && S_ISREG(read.st_mode) && verb_is_same_file(output, input))
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "--%s: '%s' is the file that is read", option,
                              output);
    return output_check(output, error);
}

void verb_note_stored(const char *path, const struct allometer_store_summary *summary) {
    if (summary->n_stored == summary->n_models) return;
    fprintf(stderr, "allometer: note: %s holds %llu of the sweep's %llu model%s\n", path,
            (unsigned long long)summary->n_stored, (unsigned long long)summary->n_models,
            summary->n_models == 1 ? "" : "s");
}

enum { OPTION_JSON = 0x100 };

static error_t parse_list(int key, char *value, struct argp_state *state) {
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

int verb_list(int argc, char **argv, const char *documentation, void (*print_text)(void),
              void (*print_json)(void)) {
    const struct argp_option options[] = {
        {"json", OPTION_JSON, 0, 0, "Print JSON, to be read by other programs", 0}, {0}};
    const struct argp argp = {options, parse_list, "", documentation, 0, 0, 0};
    int json = 0;
    verb_parse(&argp, argc, argv, &json);
    (json ? print_json : print_text)();
    return VERB_DONE;
}
