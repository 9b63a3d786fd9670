/* From a table's rows to groups: filters, the columns that take part, rows alike in the group columns. */
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum allometer_code out_of_memory(struct allometer_error *error) {
    return allometer_fail(error, ALLOMETER_FAILED, "out of memory while grouping rows");
}

struct filter {
    size_t column;
    int numeric; /* the value and all cells that it is compared with are numbers */
    double number;
    const char *text;
    enum allometer_comparison comparison;
};

/* Among those rows, or all if rows is NULL. */
static enum allometer_code resolve_filter(const struct allometer_table *table,
                                          const struct allometer_fit_filter *wanted, const size_t *rows,
                                          size_t n_rows, struct filter *filter,
                                          struct allometer_error *error) {
    const int is_ordered = wanted->comparison > ALLOMETER_NOT_EQUAL;
    *filter = (struct filter){.comparison = wanted->comparison};
    /* a missing cell is told as an empty text, however it is written */
    filter->text = allometer_cell_is_missing(wanted->value) ? "" : wanted->value;
    enum allometer_code code = allometer_table_find(table, wanted->column, &filter->column, error);
    if (code != ALLOMETER_OK) return code;
    if (allometer_cell_number(wanted->value, &filter->number)) {
        code = allometer_table_find_number_in(table, wanted->column, rows, n_rows, &filter->column,
                                              is_ordered ? error : NULL);
        filter->numeric = code == ALLOMETER_OK;
        return is_ordered ? code : ALLOMETER_OK;
    }
    if (!is_ordered) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT,
                          "%s: '%s' compared with '%s': only numbers are larger or smaller than others",
                          table->source, wanted->column, wanted->value);
}

/* Beyond 2^53 a double does not tell whole numbers, such as those of runs, from their neighbors: their digits do. */
static int same_number(const struct allometer_column *column, const struct filter *filter, size_t row) {
    static const char digits[] = "0123456789";
    const char *text = column->texts ? column->texts[row] : "", *wanted = filter->text;
    if (column->numbers[row] != filter->number) return 0;
    if (!(fabs(filter->number) >= 0x1p53 && *text)) return 1;
    return text[strspn(text, digits)] || wanted[strspn(wanted, digits)] || strcmp(text, wanted) == 0;
}

static int filter_passes(const struct allometer_table *table, const struct filter *filter, size_t row) {
    char buffer[ALLOMETER_NUMBER_LENGTH];
    if (!filter->numeric) {
        int same = strcmp(allometer_table_text(table, filter->column, row, buffer), filter->text) == 0;
        return filter->comparison == ALLOMETER_EQUAL ? same : !same;
    }
    double value = table->columns[filter->column].numbers[row];
    switch (filter->comparison) {
    case ALLOMETER_EQUAL:
        return same_number(&table->columns[filter->column], filter, row);
    case ALLOMETER_NOT_EQUAL:
        return !same_number(&table->columns[filter->column], filter, row);
    case ALLOMETER_LESS:
        return value < filter->number;
    case ALLOMETER_LESS_OR_EQUAL:
        return value <= filter->number;
    case ALLOMETER_GREATER:
        return value > filter->number;
    case ALLOMETER_GREATER_OR_EQUAL:
        return value >= filter->number;
    }
    return 0;
}

enum allometer_code fit_filter_rows(const struct allometer_table *table,
                                    const struct allometer_fit_filter *filters, size_t n_filters,
                                    unsigned char *passes, struct allometer_error *error) {
    memset(passes, 1, table->n_rows);
    for (size_t i = 0; i < n_filters; ++i) {
        struct filter filter;
        enum allometer_code code = resolve_filter(table, &filters[i], NULL, table->n_rows, &filter, error);
        if (code != ALLOMETER_OK) return code;
        for (size_t row = 0; row < table->n_rows; ++row)
            passes[row] = passes[row] && filter_passes(table, &filter, row);
    }
    return ALLOMETER_OK;
}

/* What a row says in the group columns. */
struct key {
    const char *texts[ALLOMETER_MAX_GROUP_COLUMNS];
    char numbers[ALLOMETER_MAX_GROUP_COLUMNS][ALLOMETER_NUMBER_LENGTH]; /* of columns without texts */
};

/* The group of each row, through a hash table of group numbers by their keys. */
struct grouping {
    struct allometer_fits *fits;
    size_t columns[ALLOMETER_MAX_GROUP_COLUMNS];
    size_t *slots, n_slots; /* group + 1; 0: empty; a power of two of them */
    size_t capacity;        /* of fits->groups */
};

uint64_t fit_hash_key(const struct allometer_fits *fits, const char *const *texts) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t c = 0; c < fits->options.n_groups; ++c) {
        const char *text = texts[c];
        do hash = (hash ^ (unsigned char)*text) * 1099511628211u;
        while (*text++);
    }
    return hash;
}

static int is_group(const struct allometer_fits *fits, size_t group, const struct key *key) {
    for (size_t c = 0; c < fits->options.n_groups; ++c) {
        if (strcmp(key->texts[c], fits->groups[group].key[c]) != 0) return 0;
    }
    return 1;
}

static int add_group(struct grouping *grouping, const struct key *key) {
    struct allometer_fits *fits = grouping->fits;
    size_t n_columns = fits->options.n_groups;
    if (fits->n_groups == grouping->capacity) {
        size_t capacity = grouping->capacity ? 2 * grouping->capacity : 16;
        struct allometer_fit_group *groups = realloc(fits->groups, capacity * sizeof *groups);
        if (!groups) return 0;
        fits->groups = groups;
        grouping->capacity = capacity;
    }
    struct allometer_fit_group group = {.status = FIT_PENDING};
    group.key = fit_allocate(&fits->memory, n_columns, sizeof *group.key);
    if (!group.key) return 0;
    for (size_t c = 0; c < n_columns; ++c) {
        char *copy = fit_allocate(&fits->memory, strlen(key->texts[c]) + 1, 1);
        if (!copy) return 0;
        group.key[c] = strcpy(copy, key->texts[c]);
    }
    fits->groups[fits->n_groups++] = group;
    return 1;
}

static int grow_slots(struct grouping *grouping) {
    const struct allometer_fits *fits = grouping->fits;
    size_t n = grouping->n_slots ? 2 * grouping->n_slots : 64;
    size_t *slots = calloc(n, sizeof *slots);
    if (!slots) return 0;
    for (size_t g = 0; g < fits->n_groups; ++g) {
        size_t at = fit_hash_key(fits, fits->groups[g].key) & (n - 1);
        while (slots[at]) at = (at + 1) & (n - 1);
        slots[at] = g + 1;
    }
    free(grouping->slots);
    grouping->slots = slots;
    grouping->n_slots = n;
    return 1;
}

/* Finds the group of a row, or makes it. 0: out of memory. */
static int find_group(struct grouping *grouping, size_t row, size_t *group) {
    struct allometer_fits *fits = grouping->fits;
    struct key key;
    if (2 * (fits->n_groups + 1) > grouping->n_slots && !grow_slots(grouping)) return 0;
    for (size_t c = 0; c < fits->options.n_groups; ++c)
        key.texts[c] = allometer_table_text(fits->table, grouping->columns[c], row, key.numbers[c]);
    size_t mask = grouping->n_slots - 1, at = fit_hash_key(fits, key.texts) & mask;
    while (grouping->slots[at] && !is_group(fits, grouping->slots[at] - 1, &key)) at = (at + 1) & mask;
    if (!grouping->slots[at]) {
        if (!add_group(grouping, &key)) return 0;
        grouping->slots[at] = fits->n_groups;
    }
    *group = grouping->slots[at] - 1;
    fits->groups[*group].n_rows++;
    return 1;
}

/* Where the kept rows' x, y, weight and train mark are. */
struct row_columns {
    size_t x[ALLOMETER_MAX_LAW_COLUMNS], y, weight;
    struct filter train;
};

static enum allometer_code find_columns(const struct allometer_fits *fits, const size_t *kept,
                                        struct row_columns *columns, struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    const struct allometer_table *table = fits->table;
    size_t n = fits->n_rows;
    enum allometer_code code = allometer_table_find_number_in(table, options->y, kept, n, &columns->y, error);
    for (int c = 0; c < fits->law->n_columns && code == ALLOMETER_OK; ++c)
        code = allometer_table_find_number_in(table, options->x[c], kept, n, &columns->x[c], error);
    if (code == ALLOMETER_OK && options->weight)
        code = allometer_table_find_number_in(table, options->weight, kept, n, &columns->weight, error);
    if (code == ALLOMETER_OK && options->train_column) {
        struct allometer_fit_filter wanted = {options->train_column, options->train_value,
                                              options->train_comparison};
        code = resolve_filter(table, &wanted, kept, n, &columns->train, error);
    }
    return code;
}

/* Copies x, y and the train mark of the kept rows, sorted by group. */
static enum allometer_code copy_rows(struct allometer_fits *fits, const size_t *kept, const size_t *group_of,
                                     struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    const struct allometer_table *table = fits->table;
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
    struct row_columns columns = {0};
    enum allometer_code code = find_columns(fits, kept, &columns, error);
    if (code != ALLOMETER_OK) return code;
    size_t n = fits->n_rows, first = 0, n_marked = 0, n_train = 0;
    fits->rows = fit_allocate(&fits->memory, n, sizeof *fits->rows);
    fits->y = fit_allocate(&fits->memory, n, sizeof *fits->y);
    fits->train = fit_allocate(&fits->memory, n, sizeof *fits->train);
    int allocated = fits->rows && fits->y && fits->train;
    for (int c = 0; c < fits->law->n_columns; ++c) {
        fits->x[c] = fit_allocate(&fits->memory, n, sizeof *fits->x[c]);
        allocated = allocated && fits->x[c];
    }
    if (!allocated) return out_of_memory(error);
    for (size_t g = 0; g < fits->n_groups; ++g) {
        fits->groups[g].first_row = first;
        first += fits->groups[g].n_rows;
        fits->groups[g].n_rows = 0; /* counted again below */
    }
    for (size_t i = 0; i < n; ++i) {
        struct allometer_fit_group *group = &fits->groups[group_of[i]];
        size_t at = group->first_row + group->n_rows++, row = kept[i];
        fits->rows[at] = row;
        for (int c = 0; c < fits->law->n_columns; ++c)
            fits->x[c][at] = table->columns[columns.x[c]].numbers[row];
        fits->y[at] = table->columns[columns.y].numbers[row];
        fits->train[at] = !options->train_column || filter_passes(table, &columns.train, row);
        n_marked += fits->train[at];
        /* what counts for nothing is no point: it adds no degree of freedom */
        if (options->weight && table->columns[columns.weight].numbers[row] == 0) fits->train[at] = 0;
        n_train += fits->train[at];
    }
    if (n_marked && n_train == 0) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: --weight: every row to be fitted has %s 0",
                              table->source, options->weight);
    }
    if (n_train == 0) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: --train: no row has %s%s%s", table->source,
                              options->train_column, signs[options->train_comparison], options->train_value);
    }
    return ALLOMETER_OK;
}

enum allometer_code fit_collect_rows(struct allometer_fits *fits, struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    const struct allometer_table *table = fits->table;
    struct grouping grouping = {.fits = fits};
    enum allometer_code code = ALLOMETER_OK;
    if (options->n_groups > ALLOMETER_MAX_GROUP_COLUMNS) {
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%zu group columns; at most %d", options->n_groups,
                              ALLOMETER_MAX_GROUP_COLUMNS);
    }
    for (size_t c = 0; c < options->n_groups && code == ALLOMETER_OK; ++c) {
        code = allometer_table_find(table, options->groups[c], &grouping.columns[c], error);
    }
    if (code != ALLOMETER_OK) return code;

    size_t n = table->n_rows, *kept = malloc((n + 1) * sizeof *kept),
           *group_of = malloc((n + 1) * sizeof *group_of);
    unsigned char *passes = malloc(n + 1);
    code = kept && group_of && passes
               ? fit_filter_rows(table, options->filters, options->n_filters, passes, error)
               : out_of_memory(error);
    for (size_t row = 0; row < n && code == ALLOMETER_OK; ++row) {
        if (passes[row]) kept[fits->n_rows++] = row;
    }
    if (code == ALLOMETER_OK && n == 0) {
        code =
            allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: there is no row below the header", table->source);
    } else if (code == ALLOMETER_OK && fits->n_rows == 0) {
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: none of the %zu rows takes part",
                              table->source, n);
    }
    for (size_t i = 0; i < fits->n_rows && code == ALLOMETER_OK; ++i) {
        if (!find_group(&grouping, kept[i], &group_of[i])) code = out_of_memory(error);
    }
    if (code == ALLOMETER_OK) code = copy_rows(fits, kept, group_of, error);
    free(grouping.slots);
    free(passes);
    free(kept);
    free(group_of);
    return code;
}
