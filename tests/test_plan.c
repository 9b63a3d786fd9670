/* A plan is what its models add up to, and takes seconds and constant memory for a million of them. */
#include "compare.h"
#include "plan.h"
#include "sweep_internal.h"
#include "verb_sweep.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <cmocka.h>

#define TASK "task: {subtasks: [{function: square}, {function: product}]}\n"

static struct allometer_sweep *parse(const char *text) {
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    enum allometer_code code = allometer_sweep_parse("plan.yaml", text, strlen(text), &sweep, &error);
    if (code) print_error("%s\n", error.message);
    assert_int_equal(code, ALLOMETER_OK);
    return sweep;
}

static struct allometer_plan plan_of(const struct allometer_sweep *sweep,
                                     const struct allometer_plan_options *options) {
    struct allometer_plan plan;
    struct allometer_error error = {0};
    assert_int_equal(allometer_plan_make(sweep, options, &plan, &error), ALLOMETER_OK);
    return plan;
}

/* A backend that only counts bytes: 1000 times the width for a model, three at once. */
static size_t counting_memory(const struct allometer_device *device, const struct allometer_model *model,
                              int *concurrent) {
    (void)device;
    *concurrent = 3;
    return 1000 * (size_t)model->width;
}
static const struct allometer_backend counting = {.name = "counting", .memory = counting_memory};

static void a_plan_adds_up(void **state) {
    (void)state;
    /* D = 3, O = 2: 6 H + 2 parameters */
    struct allometer_sweep *sweep = parse(TASK "axes: {model.width: {values: [10, 2, 7]}, seed: {count: 4}}");
    struct allometer_plan_options options = {.flops_per_second = 1e6, .backend = &counting};
    struct allometer_plan plan = plan_of(sweep, &options);
    assert_int_equal(plan.n_models, 12);
    assert_int_equal(plan.n_visited, 12);
    assert_int_equal(plan.least_parameters, 14);
    assert_int_equal(plan.most_parameters, 62);
    assert_true(plan.parameters == 4 * (62 + 14 + 44));
    double flops = 0, measuring = 0, longest = 0;
    for (uint64_t i = 0; i < 12; i++) {
        struct allometer_model model;
        assert_int_equal(allometer_sweep_model(sweep, i, &model, NULL, NULL), ALLOMETER_OK);
        flops += allometer_model_flops(&model);
        measuring += allometer_measuring_flops(&model);
        longest = fmax(longest, allometer_model_flops(&model));
    }
    assert_close("operations", plan.flops, flops, 0, 12 * 2.3e-16); /* a sum of 12 doubles */
    assert_close("measuring", plan.measuring_flops, measuring, 0, 12 * 2.3e-16);
    assert_close("longest", plan.longest_flops, longest, 0, 0);
    assert_close("seconds", plan.seconds, flops / 1e6, 0, 12 * 2.3e-16);
    assert_true(plan.memory_bytes == 3 * 1000 * 10);
    assert_int_equal(plan.concurrent, 3);
    allometer_sweep_free(sweep);
    /* one model of three at once: alone, at a third of the machine's rate */
    sweep = parse(TASK "model: {width: 5}");
    plan = plan_of(sweep, &options);
    assert_true(plan.memory_bytes == 5000);
    assert_int_equal(plan.concurrent, 1);
    plan = plan_of(sweep, NULL);
    assert_true(isnan(plan.seconds) && isnan(plan.memory_bytes));
    allometer_sweep_free(sweep);
    /* one that takes longer than all others together, at a third of the machine's rate */
    sweep = parse(TASK "axes: {model.width: {values: [1000, 2, 3]}}");
    plan = plan_of(sweep, &options);
    assert_true(3 * plan.longest_flops > plan.flops);
    assert_close("seconds", plan.seconds, 3 * plan.longest_flops / 1e6, 0, 2.3e-16);
    allometer_sweep_free(sweep);
}

static void operations_grow_as_the_work_does(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(
        "task: {subtasks: [{function: square}], inputs: {samples: 1}}\nmodel: {width: 1, activation: relu}\n"
        "train: {steps: 1, optimizer: sgd}");
    struct allometer_model model;
    assert_int_equal(allometer_sweep_model(sweep, 0, &model, NULL, NULL), ALLOMETER_OK);
    double one = allometer_training_flops(&model);
    /* D = O = H = S = T = 1. Multiply-adds as two: w x + b and v h + c forward; dv, dh and dw back. The rest, biases,
       activation, loss and the updates of four parameters, is more than nothing and less than ten times as much. */
    assert_in_range((uint64_t)one, 5 * 2, 10 * 5 * 2);
    model.steps = 1000;
    assert_close("T", allometer_training_flops(&model), 1000 * one, 0, 0);
    /* of four parameters, 16 operations each for adam and 8 for sgd */
    model.optimizer = ALLOMETER_OPTIMIZER_ADAM;
    assert_close("adam", allometer_training_flops(&model), 1000 * (one + 4 * (16 - 8)), 0, 0);
    model.optimizer = ALLOMETER_OPTIMIZER_SGD;
    model.steps = 1, model.batch = model.samples = 65536, model.width = 4096;
    /* a batch and a width at which all but the neurons is small: 2 D + 3 O multiply-adds, two biases, relu twice */
    assert_close("S H", allometer_training_flops(&model), 65536.0 * 4096 * (4 + 6 + 2 + 2), 0, 0.001);
    /* 90 steps to 1/4 of the neurons in two rounds, by way of 1/2, then 10 steps: 45 + 45 / 2 + 10 / 4 whole ones, but for
       what an output takes, 1e-4 of a step, which stays. A round finds each activation twice, w x + b and relu twice, and takes
       six for its part in the output */
    model.steps = 1;
    one = allometer_training_flops(&model);
    model.steps = 100, model.prune = 1024, model.prune_rounds = 2, model.retrain = 10;
    const double round = 65536.0 * 4096 * (2 * (2 + 1 + 2) + 6);
    assert_close("pruned", allometer_training_flops(&model), 70 * one + 2 * round, 0, 1e-4);
    allometer_sweep_free(sweep);
}

static void measuring_is_work_too(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(
        "task: {subtasks: [{function: square}]}\nmodel: {width: 2048, depth: 8}\nmeasure: {samples: 1000}");
    struct allometer_model model;
    assert_int_equal(allometer_sweep_model(sweep, 0, &model, NULL, NULL), ALLOMETER_OK);
    /* All but the products of H by H is small. Each neuron of layer l = 1 .. L runs the L - l layers after it anew, for each
       sample: H L (L - 1) / 2 times H^2 multiply-adds. Training: three products for each of L - 1 layers, steps and samples. */
    const double square = 2 * 2048.0 * 2048;
    assert_close("of deep", allometer_measuring_flops(&model), 1000 * 2048.0 * 28 * square, 0, 0.01);
    assert_close("steps", allometer_training_flops(&model), (double)model.steps * model.batch * 21 * square,
                 0, 0.1);
    /* Each round of pruning measures a batch. */
    model.prune = 1, model.prune_rounds = 50, model.steps = 100;
    const double pruned = allometer_training_flops(&model);
    model.prune = 0;
    assert_close("rounds", pruned - allometer_training_flops(&model),
                 50.0 * model.batch / model.test_samples * allometer_measuring_flops(&model), 0, 1e-9);
    assert_close("both", allometer_model_flops(&model),
                 allometer_training_flops(&model) + allometer_measuring_flops(&model), 0, 2.3e-16);
    model.test_samples = 0;
    assert_true(allometer_measuring_flops(&model) == 0);
    /* One layer has none after it: the work is that of its neurons. Two runs through all, and the activations found anew for the
       means and for each subtask, are four times D + O multiply-adds or less; K more subtasks, K more times the activations. */
    model.test_samples = 1000, model.depth = 1;
    const double one = allometer_measuring_flops(&model);
    assert_in_range((uint64_t)one, 1000 * 2048 * 4 * 2, 1000 * 2048 * 10 * 2 * 4);
    model.n_subtasks = model.n_outputs = 2, model.n_inputs = 2, model.subtasks[1] = model.subtasks[0];
    const double two = allometer_measuring_flops(&model);
    assert_true(two > 1.5 * one && two < 3 * one);
    allometer_sweep_free(sweep);
}

static void shards_add_up_to_the_whole(void **state) {
    (void)state;
    struct allometer_sweep *sweep =
        parse(TASK "axes: {model.width: {count: 13, start: 1}, train.steps: {values: [1, 2, 3]}}");
    struct allometer_plan whole = plan_of(sweep, NULL), sum = {0};
    for (unsigned shard = 1; shard <= 5; shard++) {
        struct allometer_plan part =
            plan_of(sweep, &(struct allometer_plan_options){.shard = shard, .n_shards = 5});
        sum.n_models += part.n_models;
        sum.parameters += part.parameters;
        sum.flops += part.flops;
    }
    assert_int_equal(sum.n_models, 39);
    assert_true(sum.parameters == whole.parameters);
    assert_close("operations of shards", sum.flops, whole.flops, 0, 39 * 2.3e-16);
    struct allometer_plan plan;
    struct allometer_error error = {0};
    for (unsigned shard = 0; shard <= 6; shard += 6) {
        struct allometer_plan_options outside = {.shard = shard, .n_shards = 5};
        assert_int_equal(allometer_plan_make(sweep, &outside, &plan, &error), ALLOMETER_BAD_INPUT);
        assert_non_null(strstr(error.message, "of 5: expected 1 to 5"));
    }
    struct allometer_plan_options empty = {.shard = 100, .n_shards = 100}; /* more shards than models */
    assert_int_equal(plan_of(sweep, &empty).n_models, 0);
    allometer_sweep_free(sweep);
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long peak_kilobytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void a_million_models_are_planned_in_seconds(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(TASK "axes: {task.scale: {log: [1, 512], count: 100},"
                                               " model.width: {count: 100, start: 1}, seed: {count: 100}}");
    assert_int_equal(allometer_sweep_n_models(sweep), 1000000);
    long before = peak_kilobytes();
    double start = seconds_now();
    struct allometer_plan plan = plan_of(sweep, NULL);
    double seconds = seconds_now() - start;
    print_message("a million models planned in %.2f s\n", seconds);
    assert_int_equal(plan.n_visited, 1000000);
    /* 6 H + 2 summed over H = 1 .. 100 and 10^4 of each */
    assert_true(plan.parameters == 1e4 * (6 * 5050 + 200));
    assert_true(seconds < 30); /* about a second; sanitizers and busy machines are slow */
    assert_in_range(peak_kilobytes() - before, 0, 4096); /* the models alone would take 900 MB */
    allometer_sweep_free(sweep);
}

static void more_models_than_are_visited_are_sampled_evenly(void **state) {
    (void)state;
    /* axes of a round number of values, which a plain stride would meet in step */
    struct allometer_sweep *sweep =
        parse(TASK "axes: {model.width: {count: 1000, start: 1}, seed: {count: 1000}}");
    double exact = 1e3 * (6 * 500500 + 2000);
    struct allometer_plan plan = plan_of(sweep, &(struct allometer_plan_options){.most_visited = 20000});
    assert_int_equal(plan.n_models, 1000000);
    assert_int_equal(plan.n_visited, 20000);
    /* evenly spread points miss a mean by about their spacing, 1/20000; a random sample would by 1/250 */
    assert_close("parameters of a sample", plan.parameters, exact, 0, 1e-3);
    allometer_sweep_free(sweep);
    sweep = parse(TASK "axes: {seed: {count: 1e12}}");
    double start = seconds_now();
    plan = plan_of(sweep, &(struct allometer_plan_options){.most_visited = 1000});
    assert_true(seconds_now() - start < 5);
    assert_true(plan.parameters == 1e12 * (6 * 64 + 2));
    struct allometer_model model;
    assert_int_equal(allometer_sweep_model(sweep, 0, &model, NULL, NULL), ALLOMETER_OK);
    assert_close("operations", plan.flops, 1e12 * allometer_model_flops(&model), 0, 1e-12);
    assert_close("measuring", plan.measuring_flops, 1e12 * allometer_measuring_flops(&model), 0, 1e-12);
    allometer_sweep_free(sweep);
}

static void what_is_too_large_is_refused(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(TASK "axes: {seed: {count: 1e6}}\nmodel: {width: 100}");
    struct allometer_plan plan =
        plan_of(sweep, &(struct allometer_plan_options){.most_visited = 10, .backend = &counting});
    struct allometer_error error = {0};
    assert_int_equal(allometer_plan_check(&plan, 3e5, plan.disk_bytes, &error), ALLOMETER_OK);
    assert_int_equal(allometer_plan_check(&plan, 0, 0, &error), ALLOMETER_OK); /* nothing known */
    assert_int_equal(allometer_plan_check(&plan, 299999, 0, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(
        strstr(error.message, "300 kB of memory to train 3 models at once, expected at most the 300 kB"));
    assert_int_equal(allometer_plan_check(&plan, 0, 1e6, &error), ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "1000000 models"));
    assert_non_null(strstr(error.message, "of disk, expected at most the 1 MB"));
    double without = plan.disk_bytes;
    allometer_sweep_free(sweep);
    sweep = parse(TASK "axes: {seed: {count: 1e6}}\nmodel: {width: 100}\nmeasure: {keep_weights: true}");
    plan = plan_of(sweep, &(struct allometer_plan_options){.most_visited = 10});
    assert_close("disk of kept weights", plan.disk_bytes - without, 1e6 * 602 * 4, 0, 1e-9);
    allometer_sweep_free(sweep);
}

static void print(const struct allometer_sweep *sweep, const struct allometer_plan *plan, int json,
                  char *text, size_t size) {
    FILE *file = fmemopen(text, size, "w");
    assert_non_null(file);
    if (json)
        allometer_plan_print_json(plan, sweep, file);
    else
        allometer_plan_print(plan, sweep, file);
    assert_int_equal(fclose(file), 0);
}

static void a_plan_is_printed_whole(void **state) {
    (void)state;
    struct allometer_sweep *sweep =
        parse("name: 'a \"name\"'\n" TASK "axes: {model.width: {log: [1, 4], count: 8}, seed: {count: 3}}");
    struct allometer_plan_options options = {.flops_per_second = 1e9, .backend = &counting};
    struct allometer_plan plan = plan_of(sweep, &options);
    char text[2048];
    print(sweep, &plan, 0, text, sizeof text);
    static const char *const lines[] = {"a \"name\"\n",
                                        "model.width: 4 values (4 more were equal after rounding)\n",
                                        "seed: 3 values\n",
                                        "models      12\n",
                                        "8 to 26 each, 204 in all\n",
                                        "memory      12 kB, 3 models at once\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) assert_non_null(strstr(text, lines[i]));
    print(sweep, &plan, 1, text, sizeof text);
    static const char *const members[] = {"{\"name\": \"a \\\"name\\\"\"",
                                          "\"axes\": {\"model.width\": 4, \"seed\": 3}", "\"models\": 12,",
                                          "\"parameters\": 204,", "\"memory_bytes\": 12000,"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) assert_non_null(strstr(text, members[i]));
    plan.memory_bytes = 999.7e3, plan.seconds = 1234.4 * 86400;
    print(sweep, &plan, 0, text, sizeof text);
    assert_non_null(strstr(text, "memory      1 MB,"));
    assert_non_null(strstr(text, "time        about 1234 days\n"));
    plan.seconds = 100;
    print(sweep, &plan, 0, text, sizeof text);
    assert_non_null(strstr(text, "time        about 100 seconds\n"));
    plan = plan_of(sweep, NULL);
    print(sweep, &plan, 1, text, sizeof text);
    assert_non_null(strstr(text, "\"seconds\": null, \"memory_bytes\": null"));
    allometer_sweep_free(sweep);
}

/* The read-outs of a series hold what every layer gives at every held-out sample. */
static void a_series_asks_for_its_read_outs(void **state) {
    (void)state;
    struct allometer_sweep *sweep =
        parse("task: {composition: series, subtasks: [{function: square}, {function: sine}]}\n"
              "model: {width: 100, depth: 4}\nmeasure: {samples: 60000}");
    const struct allometer_backend cpu = {.name = "cpu", .memory = counting_memory};
    struct allometer_plan_options options = {.backend = &cpu};
    const double values = 4.0 * 60000 * 100 * 4, bytes = plan_of(sweep, &options).memory_bytes;
    assert_true(bytes > values && bytes < 1.1 * values);
    options.backend = &counting;
    assert_true(plan_of(sweep, &options).memory_bytes == 1000 * 100);
    allometer_sweep_free(sweep);
}

/* Each model at work has its own, the one that waits another, and the row of the store a third. */
static void kept_weights_ask_for_memory(void **state) {
    (void)state;
    static const char text[] = TASK "model: {width: 64, depth: 2}\nmeasure: {keep_weights: %s}\n"
                                    "axes: {seed: {count: 9}}\n";
    const struct allometer_backend cpu = {.name = "cpu", .memory = counting_memory};
    const double weights = 4 * (64 * 6 + 2 + 64 * 65);
    for (int is_cpu = 0; is_cpu < 2; is_cpu++) {
        struct allometer_plan_options options = {.backend = is_cpu ? &cpu : &counting};
        double bytes[2];
        for (int keep = 0; keep < 2; keep++) {
            char sweep_text[512];
            snprintf(sweep_text, sizeof sweep_text, text, keep ? "true" : "false");
            struct allometer_sweep *sweep = parse(sweep_text);
            bytes[keep] = plan_of(sweep, &options).memory_bytes;
            allometer_sweep_free(sweep);
        }
        assert_true(bytes[1] == bytes[0] + (is_cpu ? (3 + 2) * weights : 0));
    }
}

/* As eight large GPUs, whose time is that of their launches. */
static size_t n_trained_at_once;
static double flops_trained;

static size_t many_memory(const struct allometer_device *device, const struct allometer_model *model,
                          int *concurrent) {
    (void)device, (void)model;
    *concurrent = 20000;
    return 1000;
}

static enum allometer_code many_train(struct allometer_device *device,
                                      const struct allometer_training *training,
                                      struct allometer_error *error) {
    (void)device, (void)error;
    n_trained_at_once = training->n_models;
    flops_trained = allometer_training_flops(training->models);
    nanosleep(&(struct timespec){0, 250000000}, NULL);
    return ALLOMETER_OK;
}

static void the_rate_of_many_at_once_is_measured(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse(TASK "train: {steps: 100}\naxes: {seed: {count: 50000}}");
    const struct allometer_backend many = {.name = "many", .memory = many_memory, .train = many_train};
    struct allometer_plan plan;
    struct allometer_error error;
    assert_int_equal(sweep_plan(sweep, 1, 1, 1, &many, NULL, &plan, &error), ALLOMETER_OK);
    assert_true(plan.seconds > 0);
    assert_int_equal(n_trained_at_once, 20000);
    allometer_sweep_free(sweep);
}

/* Of which one step takes a core minutes. */
static void the_rate_of_a_large_model_is_measured_in_a_moment(void **state) {
    (void)state;
    struct allometer_sweep *sweep = parse("task: {subtasks: [{function: square}], inputs: {samples: 65536}}\n"
                                          "model: {width: 2048, depth: 8}");
    const struct allometer_backend many = {.name = "many", .memory = many_memory, .train = many_train};
    struct allometer_plan plan;
    struct allometer_error error;
    assert_int_equal(sweep_plan(sweep, 1, 1, 1, &many, NULL, &plan, &error), ALLOMETER_OK);
    assert_true(plan.flops > 1e17 && flops_trained < 1e11);
    assert_true(plan.seconds > 0);
    allometer_sweep_free(sweep);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_adds_up),
        cmocka_unit_test(a_series_asks_for_its_read_outs),
        cmocka_unit_test(kept_weights_ask_for_memory),
        cmocka_unit_test(operations_grow_as_the_work_does),
        cmocka_unit_test(measuring_is_work_too),
        cmocka_unit_test(shards_add_up_to_the_whole),
        cmocka_unit_test(a_million_models_are_planned_in_seconds),
        cmocka_unit_test(more_models_than_are_visited_are_sampled_evenly),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(a_plan_is_printed_whole),
        cmocka_unit_test(the_rate_of_many_at_once_is_measured),
        cmocka_unit_test(the_rate_of_a_large_model_is_measured_in_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
