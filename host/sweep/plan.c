#include "plan.h"
#include "readout.h"
#include "sweep_internal.h"
#include "text.h"

#include <math.h>
#include <string.h>

/* Visited one by one this takes about a second. */
#define MOST_VISITED 2000000

/* Bytes of the store at rest, a fifth above what 20,000 models of two axes and two subtasks took (141 each); 9 is
   SQLite's widest number. */
enum { EMPTY_STORE_BYTES = 65536, MODEL_BYTES = 72, AXIS_BYTES = 9, SUBTASK_BYTES = 40, LAYER_BYTES = 24 };

static double store_bytes(const struct allometer_sweep *sweep, const struct allometer_model *model) {
    double bytes = MODEL_BYTES + AXIS_BYTES * (double)allometer_sweep_n_axes(sweep)
                   + SUBTASK_BYTES * model->n_subtasks + LAYER_BYTES * (double)allometer_n_layers(model);
    if (allometer_sweep_keep_weights(sweep))
        bytes += (double)sizeof(float) * (double)allometer_n_parameters(model);
    return bytes;
}

static void add_model(const struct allometer_sweep *sweep, const struct allometer_plan_options *options,
                      const struct allometer_model *model, struct allometer_plan *plan) {
    int64_t n_parameters = allometer_n_parameters(model);
    double flops = allometer_model_flops(model);
    if (plan->n_visited == 0 || n_parameters < plan->least_parameters) plan->least_parameters = n_parameters;
    if (n_parameters > plan->most_parameters) plan->most_parameters = n_parameters;
    if (flops > plan->longest_flops) plan->longest_flops = flops;
    plan->parameters += (double)n_parameters;
    plan->flops += flops;
    plan->measuring_flops += allometer_measuring_flops(model);
    plan->disk_bytes += store_bytes(sweep, model);
    plan->n_visited++;
    if (!options->backend) return;
    int concurrent = 1;
    double bytes = (double)options->backend->memory(options->device, model, &concurrent);
    if ((uint64_t)concurrent > plan->n_models) concurrent = (int)plan->n_models;
    bytes *= concurrent;
    /* Read-outs are the host's, one at a time; a GPU's memory holds none. Nor the weights that each thread hands over, of one
       model that waits to be stored, and of the row that holds them. */
    const int is_series = allometer_has_series(model), is_cpu = strcmp(options->backend->name, "cpu") == 0;
    if (is_cpu && is_series) bytes += (double)allometer_readout_bytes(model);
    if (is_cpu && (is_series || allometer_sweep_keep_weights(sweep)))
        bytes += (double)sizeof(float) * (double)n_parameters * (concurrent + 2);
    if (!(bytes <= plan->memory_bytes)) {
        plan->memory_bytes = bytes;
        plan->concurrent = concurrent;
    }
}

/* A step over models that shares no factor with their number meets every model once and, stopped early, leaves
   them evenly spread on every axis: about the golden section. */
static uint64_t spread_step(uint64_t n) {
    uint64_t step = (uint64_t)((double)n * 0.61803398875);
    for (; step > 1; step--) {
        uint64_t a = n, b = step;
        while (b) {
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1) return step;
    }
    return 1;
}

enum allometer_code allometer_plan_make(const struct allometer_sweep *sweep,
                                        const struct allometer_plan_options *options,
                                        struct allometer_plan *plan, struct allometer_error *error) {
    static const struct allometer_plan_options nothing_known = {0};
    if (!options) options = &nothing_known;
    *plan = (struct allometer_plan){.seconds = NAN, .memory_bytes = NAN, .concurrent = 1};
    const unsigned n_shards = options->n_shards ? options->n_shards : 1,
                   shard = options->n_shards ? options->shard : 1;
    if (shard < 1 || shard > n_shards)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "shard %u of %u: expected 1 to %u", shard, n_shards,
                              n_shards);
    const uint64_t n_models = allometer_sweep_n_models(sweep);
    plan->n_models = n_models / n_shards + (n_models % n_shards >= shard);
    uint64_t most = options->most_visited ? options->most_visited : MOST_VISITED;
    uint64_t n_visited = plan->n_models < most ? plan->n_models : most;
    uint64_t step = n_visited < plan->n_models ? spread_step(plan->n_models) : 1, place = 0;
    for (uint64_t i = 0; i < n_visited; i++) {
        struct allometer_model model;
        enum allometer_code code =
            allometer_sweep_model(sweep, shard - 1 + place * n_shards, &model, NULL, error);
        if (code) return code;
        add_model(sweep, options, &model, plan);
        place += step;
        if (place >= plan->n_models) place -= plan->n_models;
    }
    if (n_visited == 0) return ALLOMETER_OK;
    const double share = (double)plan->n_models / (double)n_visited;
    plan->parameters *= share;
    plan->flops *= share;
    plan->measuring_flops *= share;
    plan->disk_bytes *= share;
    plan->disk_bytes += EMPTY_STORE_BYTES;
    if (options->flops_per_second > 0)
        plan->seconds = fmax(plan->flops, plan->longest_flops * plan->concurrent) / options->flops_per_second;
    return ALLOMETER_OK;
}

/* "1.5 GB"; 64 bytes hold any. */
static const char *with_unit(char text[64], double value, const char *const *units, int n_units) {
    int unit = 0;
    while (unit < n_units - 1 && value >= (unit ? 999.5 : 1000)) { /* 999.5 would be printed as 1e+03 */
        value /= 1000;
        unit++;
    }
    snprintf(text, 64, unit && value < 999.5 ? "%.3g %s" : "%.0f %s", value, units[unit]);
    return text;
}

static const char *bytes_text(char text[64], double bytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    return with_unit(text, bytes, units, 6);
}

static const char *seconds_text(char text[64], double seconds) {
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
    int i = 0;
    while (i < 3 && seconds < 2 * units[i].seconds) i++;
    const double n = seconds / units[i].seconds;
    snprintf(text, 64, n < 999.5 ? "%.3g %s" : "%.0f %s", n, units[i].unit);
    return text;
}

enum allometer_code allometer_plan_check(const struct allometer_plan *plan, double memory_available,
                                         double disk_available, struct allometer_error *error) {
    char asked[64], there[64];
    if (memory_available > 0 && plan->memory_bytes > memory_available)
        return allometer_fail(
            error, ALLOMETER_BAD_INPUT,
            "the sweep needs %s of memory to train %d models at once, expected at most the %s that are free",
            bytes_text(asked, plan->memory_bytes), plan->concurrent, bytes_text(there, memory_available));
    if (disk_available > 0 && plan->disk_bytes > disk_available)
        return allometer_fail(
            error, ALLOMETER_BAD_INPUT,
            "the sweep's %llu models need about %s of disk, expected at most the %s that are free",
            (unsigned long long)plan->n_models, bytes_text(asked, plan->disk_bytes),
            bytes_text(there, disk_available));
    return ALLOMETER_OK;
}

void allometer_plan_print(const struct allometer_plan *plan, const struct allometer_sweep *sweep,
                          FILE *file) {
    char text[64];
    locale_t previous = text_enter_locale();
    static const char *const flops_units[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"};
    int is_sampled = plan->n_visited < plan->n_models;
    const char *about = is_sampled ? "about " : "";
    fprintf(file, "sweep       %s\n", allometer_sweep_name(sweep));
    for (size_t i = 0; i < sweep->axes.n_axes; i++) {
        const struct sweep_axis *axis = &sweep->axes.axes[i];
        fprintf(file, "axis        %s: %llu values", axis->path, (unsigned long long)axis->n_values);
        if (axis->n_written > axis->n_values)
            fprintf(file, " (%llu more were equal after rounding)",
                    (unsigned long long)(axis->n_written - axis->n_values));
        fputc('\n', file);
    }
    fprintf(file, "models      %llu\n", (unsigned long long)plan->n_models);
    fprintf(file, "parameters  %lld to %lld each, %s%.0f in all\n", (long long)plan->least_parameters,
            (long long)plan->most_parameters, about, plan->parameters);
    fprintf(file, "operations  %s%s", about, with_unit(text, plan->flops, flops_units, 7));
    fprintf(file, ", of these %s to measure\n", with_unit(text, plan->measuring_flops, flops_units, 7));
    if (!isnan(plan->seconds)) fprintf(file, "time        about %s\n", seconds_text(text, plan->seconds));
    if (!isnan(plan->memory_bytes))
        fprintf(file, "memory      %s, %d model%s at once\n", bytes_text(text, plan->memory_bytes),
                plan->concurrent, plan->concurrent == 1 ? "" : "s");
    fprintf(file, "disk        about %s\n", bytes_text(text, plan->disk_bytes));
    if (is_sampled)
        fprintf(file, "note        from %llu of the models, evenly spread\n",
                (unsigned long long)plan->n_visited);
    uselocale(previous);
}

static void write_number(FILE *file, const char *name, double value) {
    char text[TEXT_NUMBER_SIZE];
    text_from_double(text, value);
    fprintf(file, ", \"%s\": %s", name, isfinite(value) ? text : "null");
}

void allometer_plan_print_json(const struct allometer_plan *plan, const struct allometer_sweep *sweep,
                               FILE *file) {
    fputs("{\"name\": ", file);
    text_write_json(file, allometer_sweep_name(sweep));
    fputs(", \"axes\": {", file);
    for (size_t i = 0; i < sweep->axes.n_axes; i++)
        fprintf(file, "%s\"%s\": %llu", i ? ", " : "", sweep->axes.axes[i].path,
                (unsigned long long)sweep->axes.axes[i].n_values);
    fprintf(file, "}, \"models\": %llu, \"visited\": %llu", (unsigned long long)plan->n_models,
            (unsigned long long)plan->n_visited);
    write_number(file, "parameters_least", (double)plan->least_parameters);
    write_number(file, "parameters_most", (double)plan->most_parameters);
    write_number(file, "parameters", plan->parameters);
    write_number(file, "flops", plan->flops);
    write_number(file, "flops_measuring", plan->measuring_flops);
    write_number(file, "flops_longest", plan->longest_flops);
    write_number(file, "seconds", plan->seconds);
    write_number(file, "memory_bytes", plan->memory_bytes);
    write_number(file, "concurrent", plan->concurrent);
    write_number(file, "disk_bytes", plan->disk_bytes);
    fputs("}\n", file);
}
