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
    char buffer[32];
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
                                    const struct allometer_fit_filter *wanted, int *passes, size_t stride,
                                    struct allometer_error *error) {
    struct filter filter;
    enum allometer_code code = resolve_filter(table, wanted, NULL, table->n_rows, &filter, error);
    for (size_t row = 0; row < table->n_rows && !code; ++row) {
        int *at = (int *)((char *)passes + row * stride);
        *at = *at && filter_passes(table, &filter, row);
    }
    return code;
}

/* The group of each row, through a hash table of group numbers by their key: the texts of the group columns. */
struct grouping {
    struct allometer_fits *fits;
    size_t columns[ALLOMETER_MAX_GROUP_COLUMNS];
    size_t *slots, n_slots; /* group + 1; 0: empty; a power of two of them */
    size_t capacity;        /* of fits->groups */
};

static uint64_t hash_key(const struct grouping *grouping, size_t row) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    char buffer[32];
    for (size_t c = 0; c < grouping->fits->options.n_groups; ++c) {
        const char *text = allometer_table_text(grouping->fits->table, grouping->columns[c], row, buffer);
        do hash = (hash ^ (unsigned char)*text) * 1099511628211u;
        while (*text++);
    }
    return hash;
}

static int same_key(const struct grouping *grouping, size_t group, size_t row) {
    char buffer[32];
    for (size_t c = 0; c < grouping->fits->options.n_groups; ++c) {
        const char *text = allometer_table_text(grouping->fits->table, grouping->columns[c], row, buffer);
        if (strcmp(text, grouping->fits->groups[group].key[c]) != 0) return 0;
    }
    return 1;
}

static int add_group(struct grouping *grouping, size_t row) {
    struct allometer_fits *fits = grouping->fits;
    size_t n_columns = fits->options.n_groups;
    char buffer[32];
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
        const char *text = allometer_table_text(fits->table, grouping->columns[c], row, buffer);
        char *copy = fit_allocate(&fits->memory, strlen(text) + 1, 1);
        if (!copy) return 0;
        group.key[c] = strcpy(copy, text);
    }
    fits->groups[fits->n_groups++] = group;
    return 1;
}

static int grow_slots(struct grouping *grouping, const uint64_t *hashes) {
    size_t n = grouping->n_slots ? 2 * grouping->n_slots : 64;
    size_t *slots = calloc(n, sizeof *slots);
    if (!slots) return 0;
    for (size_t g = 0; g < grouping->fits->n_groups; ++g) {
        size_t at = hashes[g] & (n - 1);
        while (slots[at]) at = (at + 1) & (n - 1);
        slots[at] = g + 1;
    }
    free(grouping->slots);
    grouping->slots = slots;
    grouping->n_slots = n;
    return 1;
}

/* Fills group_of[i] for the n kept rows. */
static int find_groups(struct grouping *grouping, const size_t *kept, size_t n, size_t *group_of) {
    struct allometer_fits *fits = grouping->fits;
    uint64_t *hashes = malloc((n + 1) * sizeof *hashes); /* of the groups */
    int done = hashes != NULL;
    for (size_t i = 0; i < n && done; ++i) {
        if (2 * (fits->n_groups + 1) > grouping->n_slots) done = grow_slots(grouping, hashes);
        uint64_t hash = hash_key(grouping, kept[i]);
        size_t at = hash & (grouping->n_slots - 1), mask = grouping->n_slots - 1;
        while (done && grouping->slots[at] && !same_key(grouping, grouping->slots[at] - 1, kept[i]))
            at = (at + 1) & mask;
        if (done && !grouping->slots[at]) {
            hashes[fits->n_groups] = hash;
            done = add_group(grouping, kept[i]);
            grouping->slots[at] = fits->n_groups;
        }
        if (done) group_of[i] = grouping->slots[at] - 1, fits->groups[group_of[i]].n_rows++;
    }
    free(hashes);
    free(grouping->slots);
    return done;
}

/* Copies x, y and the train mark of the kept rows, sorted by group. */
static enum allometer_code copy_rows(struct allometer_fits *fits, const size_t *kept, const size_t *group_of,
                                     struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    const struct allometer_table *table = fits->table;
    size_t n = fits->n_rows, x[ALLOMETER_MAX_LAW_COLUMNS], y, weight = 0;
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
    struct filter train = {0};
    enum allometer_code code = allometer_table_find_number_in(table, options->y, kept, n, &y, error);
    for (int c = 0; c < fits->law->n_columns && code == ALLOMETER_OK; ++c) {
        code = allometer_table_find_number_in(table, options->x[c], kept, n, &x[c], error);
        fits->x[c] = fit_allocate(&fits->memory, n, sizeof *fits->x[c]);
        if (!fits->x[c]) return out_of_memory(error);
    }
    if (code == ALLOMETER_OK && options->weight)
        code = allometer_table_find_number_in(table, options->weight, kept, n, &weight, error);
    if (code == ALLOMETER_OK && options->train_column) {
        struct allometer_fit_filter wanted = {options->train_column, options->train_value,
                                              options->train_comparison};
        code = resolve_filter(table, &wanted, kept, n, &train, error);
    }
    if (code != ALLOMETER_OK) return code;
    fits->rows = fit_allocate(&fits->memory, n, sizeof *fits->rows);
    fits->y = fit_allocate(&fits->memory, n, sizeof *fits->y);
    fits->train = fit_allocate(&fits->memory, n, sizeof *fits->train);
    size_t *next = malloc((fits->n_groups + 1) * sizeof *next), first = 0, n_marked = 0, n_train = 0;
    if (!fits->rows || !fits->y || !fits->train || !next) {
        free(next);
        return out_of_memory(error);
    }
    for (size_t g = 0; g < fits->n_groups; ++g) {
        fits->groups[g].first_row = next[g] = first;
        first += fits->groups[g].n_rows;
    }
    for (size_t i = 0; i < n; ++i) {
        size_t at = next[group_of[i]]++, row = kept[i];
        fits->rows[at] = row;
        for (int c = 0; c < fits->law->n_columns; ++c) fits->x[c][at] = table->columns[x[c]].numbers[row];
        fits->y[at] = table->columns[y].numbers[row];
        fits->train[at] = !options->train_column || filter_passes(table, &train, row);
        n_marked += fits->train[at];
        /* what counts for nothing is no point: it adds no degree of freedom */
        if (options->weight && table->columns[weight].numbers[row] == 0) fits->train[at] = 0;
        n_train += fits->train[at];
    }
    free(next);
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
    struct filter *filters = fit_allocate(&fits->memory, options->n_filters, sizeof *filters);
    if (!filters) return out_of_memory(error);
    for (size_t i = 0; i < options->n_filters && code == ALLOMETER_OK; ++i) {
        code = resolve_filter(table, &options->filters[i], NULL, table->n_rows, &filters[i], error);
    }
    if (code != ALLOMETER_OK) return code;

    size_t *kept = malloc((table->n_rows + 1) * sizeof *kept),
           *group_of = malloc((table->n_rows + 1) * sizeof *kept);
    if (!kept || !group_of) {
        code = out_of_memory(error);
        goto done;
    }
    for (size_t row = 0; row < table->n_rows; ++row) {
        int passes = 1;
        for (size_t i = 0; i < options->n_filters && passes; ++i)
            passes = filter_passes(table, &filters[i], row);
        if (passes) kept[fits->n_rows++] = row;
    }
    if (table->n_rows == 0) {
        code =
            allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: there is no row below the header", table->source);
        goto done;
    }
    if (fits->n_rows == 0) {
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: none of the %zu rows takes part",
                              table->source, table->n_rows);
        goto done;
    }
    code = find_groups(&grouping, kept, fits->n_rows, group_of) ? copy_rows(fits, kept, group_of, error)
                                                                : out_of_memory(error);
done:
    free(kept);
    free(group_of);
    return code;
}
