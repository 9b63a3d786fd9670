#include "reference.h"
#include "train_case.h"

#include <stdlib.h>

static enum allometer_code keep_loss(void *user, size_t index, const struct allometer_result *result,
                                     const float *weights, struct allometer_error *error) {
    (void)weights, (void)error;
    ((float *)user)[index] = result->train_loss;
    return ALLOMETER_OK;
}

static void write_floats(FILE *file, const double *values, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        float value = (float)values[i];
        if (fwrite(&value, sizeof value, 1, file) != 1) bench_quit("cannot write the models");
    }
}

void train_problems_write(const struct allometer_backend *backend, struct allometer_device *device,
                          const struct allometer_model *models, int n_models, const char *path) {
    const size_t n_parameters = (size_t)allometer_n_parameters(models);
    float *losses = malloc((size_t)n_models * sizeof *losses);
    double *theta = malloc(n_parameters * sizeof *theta);
    FILE *file = fopen(path, "wb");
    if (!losses || !theta || !file) bench_quit("cannot write the models");
    struct allometer_training training = {
        .models = models, .n_models = (size_t)n_models, .done = keep_loss, .user = losses};
    struct allometer_error error = {0};
    if (backend->train(device, &training, &error) != ALLOMETER_OK) bench_quit(error.message);
    for (int m = 0; m < n_models; ++m) {
        struct reference_batch batch = reference_batch_make(&models[m], 0, 0);
        reference_initialize(&models[m], theta);
        write_floats(file, batch.x, (int64_t)batch.n * models[m].n_inputs);
        write_floats(file, batch.target, (int64_t)batch.n * models[m].n_outputs);
        write_floats(file, theta, (int64_t)n_parameters);
        write_floats(file, &(double){(double)losses[m]}, 1);
        reference_batch_free(&batch);
    }
    if (fclose(file) != 0) bench_quit("cannot write the models");
    free(losses);
    free(theta);
}
