#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct backend_under_test backend_under_test_open(int threads, int reverse) {
    const char *name = getenv("ALLOMETER_TEST_BACKEND");
    struct allometer_device_options options = {threads, getenv("ALLOMETER_TEST_INSTRUCTION_SET"), reverse};
    struct allometer_error error = {0};
    struct backend_under_test under_test = {allometer_backend_find(name ? name : "cpu", &error), NULL};
    if (!under_test.backend
        || under_test.backend->open(&under_test.device, &options, &error) != ALLOMETER_OK) {
        printf("skipped: %s\n", error.message);
        exit(77);
    }
    return under_test;
}

void backend_under_test_close(struct backend_under_test *under_test) {
    under_test->backend->close(under_test->device);
}

struct collected {
    const struct allometer_model *models;
    struct allometer_result *results;
    float **weights;
    struct allometer_layer **layers;
};

static enum allometer_code collect(void *user, size_t index, const struct allometer_result *result,
                                   const float *weights, struct allometer_error *error) {
    (void)error;
    struct collected *all = user;
    all->results[index] = *result;
    all->results[index].layers = NULL;
    if (all->layers && result->layers) {
        memcpy(all->layers[index], result->layers,
               (size_t)allometer_n_layers(&all->models[index]) * sizeof **all->layers);
    }
    if (all->weights) {
        memcpy(all->weights[index], weights,
               (size_t)allometer_n_parameters(&all->models[index]) * sizeof *weights);
    }
    return ALLOMETER_OK;
}

void train_all_layers(const struct backend_under_test *under_test, const struct allometer_model *models,
                      size_t n_models, struct allometer_result *results, float **weights,
                      struct allometer_layer **layers) {
    struct collected all = {models, results, weights, layers};
    struct allometer_training training = {models, n_models, weights != NULL, NULL, collect, &all};
    struct allometer_error error = {0};
    if (under_test->backend->train(under_test->device, &training, &error) != ALLOMETER_OK)
        fail_msg("%s", error.message);
}

void train_all(const struct backend_under_test *under_test, const struct allometer_model *models,
               size_t n_models, struct allometer_result *results, float **weights) {
    train_all_layers(under_test, models, n_models, results, weights, NULL);
}

float *train_one(const struct backend_under_test *under_test, const struct allometer_model *model,
                 struct allometer_result *result) {
    float *weights = calloc((size_t)allometer_n_parameters(model), sizeof *weights);
    train_all(under_test, model, 1, result, &weights);
    return weights;
}
