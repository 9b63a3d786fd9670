#include "sweep_keys.h"
#include "text.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SETTING(field) offsetof(struct allometer_sweep_settings, field)
#define MODEL(field)   SETTING(model.field)
#define SUBTASK(field) MODEL(subtasks[0].field)

#define TEXT(at)          ALLOMETER_KEY_TEXT, 0, at, 0, 0, 0, NULL
#define NUMBER(at, a, b)  ALLOMETER_KEY_NUMBER, 1, at, a, b, ALLOMETER_CLOSED, NULL
#define ABOVE(at, a, b)   ALLOMETER_KEY_NUMBER, 1, at, a, b, ALLOMETER_ABOVE_LOW, NULL
#define BELOW(at, a, b)   ALLOMETER_KEY_NUMBER, 1, at, a, b, ALLOMETER_BELOW_HIGH, NULL
#define INTEGER(at, a, b) ALLOMETER_KEY_INTEGER, 1, at, a, b, ALLOMETER_CLOSED, NULL
#define WORD(at, names)   ALLOMETER_KEY_WORD, 1, at, 0, 0, 0, &allometer_##names
#define FIXED(at, names)  ALLOMETER_KEY_WORD, 0, at, 0, 0, 0, &allometer_##names

/* The longest training: more steps than a counter of random numbers or a patient user has. */
#define LONGEST 1000000000

/* clang-format off */
const struct allometer_sweep_key sweep_keys[] = {
    {"name", TEXT(SETTING(name)), "sweep", "what the sweep is called"},
    {"seed", ALLOMETER_KEY_SEED, 1, MODEL(seed), 0, 0x1p53 - 1, ALLOMETER_CLOSED, NULL, "0", "of every random number of a model"},

    {"task.composition", FIXED(SETTING(composition), compositions), "parallel", "how the subtasks stand together"},
    {"task.subtasks.N.function", WORD(SUBTASK(function), functions), NULL, "what the outputs must become"},
    {"task.subtasks.N.weight", NUMBER(SUBTASK(weight), 0, FLT_MAX), "1", "beta: multiplies the subtask's loss"},
    {"task.subtasks.N.frequency", NUMBER(SUBTASK(frequency), -FLT_MAX, FLT_MAX), "1", "of functions with a frequency"},
    {"task.subtasks.N.bits", INTEGER(SUBTASK(n_inputs), 1, ALLOMETER_MAX_INPUTS), "2", "of `parity`: its inputs"},
    {"task.subtasks.N.count", INTEGER(SUBTASK(count), 1, ALLOMETER_MAX_SUBTASKS), "1", "how many such subtasks there are"},
    {"task.subtasks.N.exponent", NUMBER(SUBTASK(exponent), 0, 100), "0", "of Zipf's law: the i-th of them weighs i^-exponent as much"},
    {"task.subtasks.N.feeds", FIXED(SUBTASK(feeds), truths), "false", "the next one takes what it gives, as within a `series`"},
    {"task.inputs.variables", ALLOMETER_KEY_INTEGER, 0, SETTING(variables), 1, ALLOMETER_MAX_INPUTS, ALLOMETER_CLOSED, &allometer_as_needed,
     "needed", "of composition control: inputs of which each subtask takes some, by seed"},
    {"task.data.file", TEXT(SETTING(data.file)), "none", "rows to learn in place of functions: CSV, .npy or IDX"},
    {"task.data.target_file", TEXT(SETTING(data.target_file)), "none", "the targets, where a file of their own holds them"},
    {"task.data.target", TEXT(SETTING(data.target)), "last", "column of the target"},
    {"task.data.inputs", TEXT(SETTING(data.inputs)), "others", "columns of the inputs, parted by commas"},
    {"task.data.subtask_column", TEXT(SETTING(data.subtask_column)), "none", "whose values tell the subtasks"},
    {"task.data.classes", ALLOMETER_KEY_INTEGER, 0, SETTING(data.n_classes), 0, ALLOMETER_MAX_GENERAL_OUTPUTS, ALLOMETER_CLOSED, NULL, "0",
     "that the target is one of, from 0; 0: it is a number"},
    {"task.data.test_share", ALLOMETER_KEY_NUMBER, 0, SETTING(test_share), 0, 1, ALLOMETER_CLOSED, NULL, "0.2",
     "of the rows, by seed: held out"},
    {"task.data.standardize", FIXED(SETTING(data.is_standardized), truths), "false", "give each input mean 0 and deviation 1"},
    {"task.data.control", FIXED(SETTING(is_told), truths), "false", "tell the subtask, by an input for each"},
    {"task.inputs.low", NUMBER(MODEL(low), -FLT_MAX, FLT_MAX), "-1", "least value of every input"},
    {"task.inputs.high", NUMBER(MODEL(high), -FLT_MAX, FLT_MAX), "1", "greatest value of every input"},
    {"task.inputs.samples", INTEGER(MODEL(samples), 1, ALLOMETER_MAX_SAMPLES), "256", "size of the training set"},
    {"task.inputs.distribution", WORD(MODEL(distribution), distributions), "uniform", "of the inputs"},
    {"task.inputs.weights", WORD(MODEL(weighting), weightings), "equal", "of the samples in the loss"},
    {"task.inputs.fresh", WORD(MODEL(fresh), truths), "false", "draw new samples for every step, uniformly"},
    {"task.scale", NUMBER(MODEL(scale), 0, FLT_MAX), "1", "alpha: multiplies the task's loss against the penalty"},

    {"model.width", INTEGER(MODEL(width), 1, ALLOMETER_MAX_WIDTH), "64", "neurons of a hidden layer; up to 2048 where there are several"},
    {"model.depth", INTEGER(MODEL(depth), 1, ALLOMETER_MAX_DEPTH), "1", "hidden layers, all of this width"},
    {"model.residual", WORD(MODEL(residual), truths), "false", "from the second hidden layer on, a layer adds what it takes to what it gives"},
    {"model.activation", WORD(MODEL(activation), activations), "silu", "of the hidden neurons"},
    {"model.initialization", WORD(MODEL(initialization), initializations), "linear", "of weights and biases"},
    {"model.initialization_gain", NUMBER(MODEL(initialization_gain), 0, FLT_MAX), "1", "multiplies what is drawn"},

    {"train.optimizer", WORD(MODEL(optimizer), optimizers), "adam", "how a step follows from a gradient"},
    {"train.learning_rate", NUMBER(MODEL(learning_rate), 0, FLT_MAX), "0.001", "after the warm-up"},
    {"train.schedule", WORD(MODEL(schedule), schedules), "constant", "of the learning rate"},
    {"train.warmup", INTEGER(MODEL(warmup_steps), 0, LONGEST), "0", "first steps, in which the rate rises from 0"},
    {"train.steps", INTEGER(MODEL(steps), 1, LONGEST), "10000", "of the optimizer"},
    {"train.batch", ALLOMETER_KEY_INTEGER, 1, MODEL(batch), 1, ALLOMETER_MAX_SAMPLES, ALLOMETER_CLOSED, &allometer_batches, "full",
     "samples of one step"},
    {"train.prune", INTEGER(MODEL(prune), 0, ALLOMETER_MAX_WIDTH), "0", "neurons that each hidden layer keeps, those worth most to the loss; 0: all"},
    {"train.retrain", INTEGER(MODEL(retrain), 0, LONGEST), "0", "of the steps, those after the pruning"},
    {"train.prune_rounds", INTEGER(MODEL(prune_rounds), 1, LONGEST), "1", "in which neurons are pruned, evenly over the steps before"},
    {"train.momentum", BELOW(MODEL(momentum), 0, 1), "0", "of sgd"},
    {"train.beta1", BELOW(MODEL(beta1), 0, 1), "0.9", "of adam and adamw: decay of the mean gradient"},
    {"train.beta2", BELOW(MODEL(beta2), 0, 1), "0.999", "of adam and adamw: decay of the mean squared gradient"},
    {"train.epsilon", ABOVE(MODEL(epsilon), 0, FLT_MAX), "1e-8", "of adam and adamw: added to the root mean square"},
    {"train.weight_decay", NUMBER(MODEL(weight_decay), 0, FLT_MAX), "0.01", "of adamw, beside the penalty; of biases as penalty.biases says"},

    {"penalty.l1", NUMBER(MODEL(l1), 0, FLT_MAX), "0", "multiplies the sum of absolute weights"},
    {"penalty.l2", NUMBER(MODEL(l2), 0, FLT_MAX), "0", "multiplies the sum of squared weights"},
    {"penalty.biases", WORD(MODEL(penalize_biases), truths), "false", "penalize biases too"},
    {"penalty.l1_step", WORD(MODEL(l1_step), l1_steps), "subgradient", "how l1 enters a step"},

    {"measure.threshold", NUMBER(MODEL(threshold), 0, FLT_MAX), "0.001", "of weights that allocate a neuron"},
    {"measure.ablation_share", NUMBER(MODEL(ablation_share), 0, FLT_MAX), "0.1", "rise of the loss that allocates it"},
    {"measure.path_share", NUMBER(MODEL(path_share), 0, FLT_MAX), "0.01", "of a layer's path norm that allocates it"},
    {"measure.samples", INTEGER(MODEL(test_samples), 1, ALLOMETER_MAX_SAMPLES), "1024", "of the held-out set"},
    {"measure.keep_weights", FIXED(SETTING(keep_weights), truths), "false", "store every trained weight"},
};
/* clang-format on */

const size_t sweep_n_keys = sizeof sweep_keys / sizeof *sweep_keys;

const char *sweep_path_name(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

int sweep_key_of_subtask(const struct allometer_sweep_key *key) {
    return key->offset >= MODEL(subtasks[0]) && key->offset < MODEL(subtasks[1]);
}

void sweep_key_path(const struct allometer_sweep_key *key, int subtask, char path[SWEEP_PATH_SIZE]) {
    if (sweep_key_of_subtask(key))
        snprintf(path, SWEEP_PATH_SIZE, "task.subtasks.%d.%s", subtask, sweep_path_name(key->path));
    else
        snprintf(path, SWEEP_PATH_SIZE, "%s", key->path);
}

const struct allometer_sweep_key *sweep_key_find(const char *path) {
    int subtask = 0;
    char own[SWEEP_PATH_SIZE];
    sscanf(path, "task.subtasks.%d.", &subtask);
    for (size_t i = 0; i < sweep_n_keys; i++) {
        sweep_key_path(&sweep_keys[i], subtask, own);
        if (strcmp(own, path) == 0) return &sweep_keys[i];
    }
    return NULL;
}

int sweep_key_accepts(const struct allometer_sweep_key *key, double value) {
    switch (key->kind) {
    case ALLOMETER_KEY_TEXT:
        return 0;
    case ALLOMETER_KEY_WORD:
        return value >= 0 && value < (double)key->names->n_rows && value == floor(value);
    case ALLOMETER_KEY_NUMBER:
        value = (float)value;
        break; /* 1e-60 is not above 0 for a model */
    case ALLOMETER_KEY_INTEGER:
    case ALLOMETER_KEY_SEED:
        if (value != floor(value)) return 0;
        break;
    }
    return value >= key->low && value <= key->high && !(key->ends == ALLOMETER_ABOVE_LOW && value == key->low)
           && !(key->ends == ALLOMETER_BELOW_HIGH && value == key->high);
}

int sweep_key_parse(const struct allometer_sweep_key *key, const char *text, double *value) {
    if (key->names) {
        int32_t index = allometer_name_find(key->names, text);
        if (index >= 0) *value = index;
        if (index >= 0 || key->kind == ALLOMETER_KEY_WORD) return index >= 0;
    }
    return text_to_double(text, value) && sweep_key_accepts(key, *value);
}

static size_t offset_of(const struct allometer_sweep_key *key, int subtask) {
    return key->offset + (sweep_key_of_subtask(key) ? (size_t)subtask * sizeof(struct allometer_subtask) : 0);
}

void sweep_key_set(const struct allometer_sweep_key *key, int subtask, double value, void *settings) {
    void *field = (char *)settings + offset_of(key, subtask);
    switch (key->kind) {
    case ALLOMETER_KEY_TEXT:
        break;
    case ALLOMETER_KEY_NUMBER:
        *(float *)field = (float)value;
        break;
    case ALLOMETER_KEY_SEED:
        *(uint64_t *)field = (uint64_t)value;
        break;
    case ALLOMETER_KEY_INTEGER:
    case ALLOMETER_KEY_WORD:
        *(int32_t *)field = (int32_t)value;
        break;
    }
}

double sweep_key_get(const struct allometer_sweep_key *key, int subtask, const void *settings) {
    const void *field = (const char *)settings + offset_of(key, subtask);
    switch (key->kind) {
    case ALLOMETER_KEY_TEXT:
        break;
    case ALLOMETER_KEY_NUMBER:
        return (double)*(const float *)field;
    case ALLOMETER_KEY_SEED:
        return (double)*(const uint64_t *)field;
    case ALLOMETER_KEY_INTEGER:
    case ALLOMETER_KEY_WORD:
        return *(const int32_t *)field;
    }
    return 0;
}

/* "an integer from 1 to 4096"; an end that any float meets goes without saying. */
static void write_range(const struct allometer_sweep_key *key, FILE *file) {
    char low[TEXT_NUMBER_SIZE], high[TEXT_NUMBER_SIZE];
    text_from_double(low, key->low);
    text_from_double(high, key->high);
    int is_low = key->low > (double)-FLT_MAX, is_high = key->high < (double)FLT_MAX;
    fputs(key->kind != ALLOMETER_KEY_NUMBER ? "an integer" : is_high ? "a number" : "a finite number", file);
    if (is_low && key->ends == ALLOMETER_ABOVE_LOW)
        fprintf(file, " above %s", low);
    else if (is_low)
        fprintf(file, is_high ? " from %s" : " of at least %s", low);
    if (is_high) fprintf(file, key->ends == ALLOMETER_BELOW_HIGH ? " and below %s" : " to %s", high);
}

static void write_words(const struct allometer_names *names, FILE *file) {
    for (size_t i = 0; i < names->n_rows; i++) fprintf(file, "%s%s", i ? ", " : "", names->rows[i].name);
}

void sweep_key_expectation(const struct allometer_sweep_key *key, char *text, size_t size) {
    FILE *file = fmemopen(text, size, "w");
    if (!file) {
        snprintf(text, size, "another value");
        return;
    }
    if (key->kind == ALLOMETER_KEY_TEXT) {
        fputs("a few words", file);
    } else if (key->kind != ALLOMETER_KEY_WORD) {
        write_range(key, file);
        if (key->names) fputs(", or ", file);
        if (key->names) write_words(key->names, file);
    } else {
        fputs("one of ", file);
        write_words(key->names, file);
    }
    fclose(file);
}

void sweep_key_format(const struct allometer_sweep_key *key, double value, char *text, size_t size) {
    char number[TEXT_NUMBER_SIZE];
    if (key->kind == ALLOMETER_KEY_NUMBER)
        text_from_float(number, (float)value);
    else
        text_from_double(number, value);
    int is_word = key->names && value >= 0 && value < (double)key->names->n_rows
                  && (key->kind == ALLOMETER_KEY_WORD || value < key->low);
    snprintf(text, size, "%s", is_word ? key->names->rows[(size_t)value].name : number);
}
