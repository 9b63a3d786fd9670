#include "cpu_queue.h"

#include <stdlib.h>

/* A model and what decides which others it can be trained with. */
struct entry {
    int32_t shape[6]; /* its D, H, O, S, activation and optimizer; zeros: with none */
    int32_t steps;
    double cost;
    size_t index;
};

static struct entry entry_make(const struct allometer_training *training, const struct cpu_kernels *kernels,
                               size_t index) {
    const struct allometer_model *model = &training->models[index];
    struct entry entry = {.steps = model->steps, .cost = allometer_model_flops(model), .index = index};
    if (kernels->group_bytes(model) == 0) return entry;
    const int32_t shape[] = {model->n_inputs, model->width,      model->n_outputs,
                             model->batch,    model->activation, model->optimizer};
    for (int i = 0; i < 6; ++i) entry.shape[i] = shape[i];
    return entry;
}

static int compare_shapes(const struct entry *x, const struct entry *y) {
    for (int i = 0; i < 6; ++i) {
        if (x->shape[i] != y->shape[i]) return x->shape[i] < y->shape[i] ? -1 : 1;
    }
    return 0;
}

/* Shape by shape, in each the longest first. */
static int compare_entries(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    const int shapes = compare_shapes(x, y);
    if (shapes != 0) return shapes;
    if (x->steps != y->steps) return x->steps > y->steps ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int costliest_first(const void *a, const void *b) {
    const struct queue_unit *x = a, *y = b;
    if (x->cost != y->cost) return x->cost > y->cost ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Whether the n entries make a group: of one shape, and lanes that end before the others idle for an eighth at most. */
static int is_group(const struct entry *entries, size_t n) {
    const struct entry *last = &entries[n - 1];
    return entries->shape[1] > 0 && compare_shapes(entries, last) == 0
           && 8 * (int64_t)last->steps >= 7 * (int64_t)entries->steps;
}

/* Cuts the entries into units, of which at most `groups` are groups; returns how many are. */
static size_t cut(const struct entry *entries, size_t n, size_t lanes, size_t groups, struct queue *queue) {
    size_t found = 0;
    queue->n_units = 0;
    for (size_t i = 0; i < n;) {
        const int whole = found < groups && i + lanes <= n && is_group(entries + i, lanes);
        struct queue_unit unit = {.cost = 0, .first = i, .n = whole ? lanes : 1};
        for (size_t end = i + unit.n; i < end; ++i) unit.cost += entries[i].cost;
        queue->units[queue->n_units++] = unit;
        found += whole;
    }
    return found;
}

enum allometer_code queue_make(const struct allometer_training *training, const struct cpu_kernels *kernels,
                               int threads, int reverse, struct queue *queue, struct allometer_error *error) {
    const size_t n = training->n_models, lanes = (size_t)kernels->lanes;
    struct entry *entries = malloc((n ? n : 1) * sizeof *entries);
    *queue = (struct queue){.order = malloc((n ? n : 1) * sizeof *queue->order),
                            .units = malloc((n ? n : 1) * sizeof *queue->units)};
    if (!entries || !queue->order || !queue->units) {
        free(entries);
        queue_free(queue);
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory: a queue of %zu models", n);
    }
    for (size_t i = 0; i < n; ++i) entries[i] = entry_make(training, kernels, i);
    qsort(entries, n, sizeof *entries, compare_entries);
    for (size_t i = 0; i < n; ++i) queue->order[i] = entries[i].index;
    /* As many groups for each thread: what is left goes one by one, and no thread waits for another's group. */
    const size_t groups = cut(entries, n, lanes, SIZE_MAX, queue);
    cut(entries, n, lanes, groups - groups % (size_t)threads, queue);
    qsort(queue->units, queue->n_units, sizeof *queue->units, costliest_first);
    for (size_t i = 0; reverse && i < queue->n_units / 2; ++i) {
        struct queue_unit *other = &queue->units[queue->n_units - 1 - i], unit = queue->units[i];
        queue->units[i] = *other;
        *other = unit;
    }
    free(entries);
    return ALLOMETER_OK;
}

void queue_free(struct queue *queue) {
    free(queue->order);
    free(queue->units);
}
