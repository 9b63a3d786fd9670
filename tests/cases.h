/* Models that tests and benches share, and the backend that they run on. */
#ifndef ALLOMETER_CASES_H
#define ALLOMETER_CASES_H

#include "backend.h"

/* Added to a function: it feeds the next one. */
enum { CASE_FEEDS = 1000 };

/* A small model with PyTorch's defaults and `n` subtasks of these functions side by side, or in series (n_inputs and
   n_outputs follow; parity takes three bits). */
struct allometer_model case_model(int32_t width, int32_t samples, const int32_t *functions, int32_t n);

/* Case number i of the list: every activation, optimizer, loss, initialization, distribution and weighting, depth, sizes that
   divide nothing, mini-batches and fresh draws. name: 96 bytes. Returns 0 past the end. */
int case_at(size_t i, struct allometer_model *model, char *name);

/* The backend under test: environment variable ALLOMETER_TEST_BACKEND (default cpu) with instruction set
   ALLOMETER_TEST_INSTRUCTION_SET (default: the best). Where it cannot be opened: prints why and exits with 77 (skip). */
struct backend_under_test {
    const struct allometer_backend *backend;
    struct allometer_device *device;
};
struct backend_under_test backend_under_test_open(int threads, int reverse);
void backend_under_test_close(struct backend_under_test *under_test);

/* Trains all models at once; results: M; weights: M pointers to allometer_n_parameters floats each, or NULL. Fails the
   running test with the backend's message if it fails. */
void train_all(const struct backend_under_test *under_test, const struct allometer_model *models,
               size_t n_models, struct allometer_result *results, float **weights);
/* The same; layers: M pointers to allometer_n_layers rows each, which stay as they are where a model has none. The results'
   own pointers are NULL. */
void train_all_layers(const struct backend_under_test *under_test, const struct allometer_model *models,
                      size_t n_models, struct allometer_result *results, float **weights,
                      struct allometer_layer **layers);
/* The kept weights of one model, of a training of its own; to be freed. */
float *train_one(const struct backend_under_test *under_test, const struct allometer_model *model,
                 struct allometer_result *result);

#endif
