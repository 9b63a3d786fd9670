#define _GNU_SOURCE /* nftw */
/* Kept weights as .npy files, numpy's format 1.0. */
#include "store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_ARRAYS = 2 * (ALLOMETER_MAX_DEPTH + 1) };

/* One array of a model's weights: rows x columns, or a vector where columns is 0. */
struct array {
    char name[32];
    int rows, columns;
};

/* The arrays of allometer_n_parameters, in its order; returns their number. */
static int list_arrays(const struct allometer_model *model, struct array arrays[MAX_ARRAYS]) {
    const int D = model->n_inputs, H = model->width, L = model->depth, O = model->n_outputs;
    int n = 0;
    for (int l = 1; l <= L + 1; l++) {
        char layer[24];
        snprintf(layer, sizeof layer, l == 1 ? "input" : l <= L ? "hidden%d" : "output", l);
        const int rows = l <= L ? H : O;
        struct array weight = {.rows = rows, .columns = l == 1 ? D : H}, bias = {.rows = rows};
        snprintf(weight.name, sizeof weight.name, "%s_weight", layer);
        snprintf(bias.name, sizeof bias.name, "%s_bias", layer);
        arrays[n++] = weight;
        arrays[n++] = bias;
    }
    return n;
}

static size_t array_size(struct array array) {
    return (size_t)array.rows * (size_t)(array.columns ? array.columns : 1);
}

/* Magic, version 1.0, length of the header; the header is padded so that the data begin at a multiple of 64. */
static enum allometer_code write_npy(const char *path, struct array array, const float *values,
                                     struct allometer_error *error) {
    static const char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    char shape[32], header[128];
    snprintf(shape, sizeof shape, array.columns ? "(%d, %d)" : "(%d,)", array.rows, array.columns);
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10); /* 0x76 = 128 - 10 */
    int length = snprintf(header + 10, sizeof header - 10,
                          "{'descr': '%cf4', 'fortran_order': False, 'shape': %s, }", order, shape);
    header[10 + length] = ' ';
    header[sizeof header - 1] = '\n';

    FILE *file = fopen(path, "wb");
    int written = file && fwrite(header, sizeof header, 1, file) == 1
                  && fwrite(values, sizeof *values, array_size(array), file) == array_size(array);
    int reason = errno;
    if (file && fclose(file) != 0 && written) written = 0, reason = errno;
    return written ? ALLOMETER_OK : allometer_fail(error, ALLOMETER_FAILED, "%s: %s", path, strerror(reason));
}

/* deepest: layers of the deepest model in the file, whose arrays are the columns of the manifest. */
static enum allometer_code write_model(const char *folder, uint64_t index,
                                       const struct allometer_model *model, int deepest, const float *values,
                                       FILE *manifest, struct allometer_error *error) {
    char path[PATH_MAX];
    struct array arrays[MAX_ARRAYS];
    const int n_arrays = list_arrays(model, arrays);
    snprintf(path, sizeof path, "%s/%llu", folder, (unsigned long long)index);
    if (mkdir(path, 0777) != 0)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: %s", path, strerror(errno));
    fprintf(manifest, "%llu,%d,%d,%d,%d", (unsigned long long)index, model->n_inputs, model->width,
            model->depth, model->n_outputs);
    for (int i = 0; i < n_arrays; i++) {
        int length =
            snprintf(path, sizeof path, "%s/%llu/%s.npy", folder, (unsigned long long)index, arrays[i].name);
        if (length >= (int)sizeof path)
            return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: too long a name", folder);
        enum allometer_code code = write_npy(path, arrays[i], values, error);
        if (code) return code;
        values += array_size(arrays[i]);
        if (i == n_arrays - 2)
            for (int l = model->depth; l < deepest; l++) fputs(",,", manifest);
        fprintf(manifest, ",%llu/%s.npy", (unsigned long long)index, arrays[i].name);
    }
    fputc('\n', manifest);
    return ALLOMETER_OK;
}

static enum allometer_code write_models(const struct store_file *file, const char *folder, int deepest,
                                        FILE *manifest, uint64_t *n_models, struct allometer_error *error) {
    sqlite3_stmt *statement;
    enum allometer_code code =
        store_prepare(file,
                      "SELECT id, inputs, width, depth, outputs, floats FROM weights JOIN model"
                      " ON id = weights.model ORDER BY id",
                      &statement, error);
    int step = SQLITE_DONE;
    while (!code && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct allometer_model model = {.n_inputs = sqlite3_column_int(statement, 1),
                                              .width = sqlite3_column_int(statement, 2),
                                              .depth = sqlite3_column_int(statement, 3),
                                              .n_outputs = sqlite3_column_int(statement, 4)};
        if (model.n_inputs < 1 || model.n_inputs > ALLOMETER_MAX_GENERAL_INPUTS || model.width < 1
            || model.width > ALLOMETER_MAX_WIDTH || model.depth < 1 || model.depth > ALLOMETER_MAX_DEPTH
            || model.n_outputs < 1 || model.n_outputs > ALLOMETER_MAX_GENERAL_OUTPUTS
            || sqlite3_column_bytes(statement, 5) != allometer_n_parameters(&model) * (int64_t)sizeof(float))
            code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: the weights of model %lld are damaged",
                                  file->path, (long long)sqlite3_column_int64(statement, 0));
        else
            code = write_model(folder, (uint64_t)sqlite3_column_int64(statement, 0), &model, deepest,
                               sqlite3_column_blob(statement, 5), manifest, error);
        if (!code) ++*n_models;
    }
    if (!code && step != SQLITE_DONE) code = store_fail(file, "reading weights", error);
    sqlite3_finalize(statement);
    return code;
}

static enum allometer_code find_deepest(const struct store_file *file, int *deepest,
                                        struct allometer_error *error) {
    int64_t depth;
    enum allometer_code code =
        store_ask(file, "SELECT max(depth) FROM weights JOIN model ON id = weights.model", "reading weights",
                  &depth, error);
    if (code) return code;
    *deepest = (int)depth;
    if (*deepest >= 1 && *deepest <= ALLOMETER_MAX_DEPTH) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: holds a model of %d layers, expected 1 to %d",
                          file->path, *deepest, ALLOMETER_MAX_DEPTH);
}

/* Makes the folder, or takes an empty one. */
static enum allometer_code folder_make(const char *folder, int *is_new, struct allometer_error *error) {
    *is_new = mkdir(folder, 0777) == 0;
    if (*is_new) return ALLOMETER_OK;
    int reason = errno, n_entries = 0;
    DIR *listing = reason == EEXIST ? opendir(folder) : NULL;
    if (!listing) return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %s", folder, strerror(reason));
    while (n_entries <= 2 && readdir(listing)) n_entries++; /* . and .. */
    closedir(listing);
    if (n_entries > 2)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: not empty; name a folder to be made", folder);
    return ALLOMETER_OK;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind;
    if (place->level > 0) remove(path);
    return 0;
}

/* All is there, or nothing: what is not whole would look as if it were. */
static void folder_clear(const char *folder, int is_new) {
    nftw(folder, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
    if (is_new) rmdir(folder);
}

static enum allometer_code write_folder(const struct store_file *file, const char *folder, int deepest,
                                        uint64_t *n_models, struct allometer_error *error) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/manifest.csv", folder);
    FILE *manifest = fopen(name, "w");
    enum allometer_code code = ALLOMETER_OK;
    if (manifest) {
        struct array arrays[MAX_ARRAYS];
        const int n_arrays = list_arrays(&(struct allometer_model){.depth = deepest}, arrays);
        fputs("model,inputs,width,depth,outputs", manifest);
        for (int i = 0; i < n_arrays; i++) fprintf(manifest, ",%s", arrays[i].name);
        fputc('\n', manifest);
        code = write_models(file, folder, deepest, manifest, n_models, error);
    }
    int failed = !manifest || ferror(manifest);
    if (manifest && fclose(manifest) != 0) failed = 1;
    if (failed && !code) code = allometer_fail(error, ALLOMETER_FAILED, "%s: %s", name, strerror(errno));
    return code;
}

enum allometer_code allometer_store_export_weights(const char *path, const char *folder, uint64_t *n_models,
                                                   struct allometer_error *error) {
    *n_models = 0;
    struct store_file file;
    struct allometer_store_summary summary;
    enum allometer_code code = store_file_open(&file, path, STORE_READ, NULL, error);
    if (code) return code;
    code = store_file_summarize(&file, &summary, error);
    if (!code && summary.n_weights == 0)
        code = allometer_fail(
            error, ALLOMETER_BAD_INPUT,
            "%s: no weights were kept; set `keep_weights: true` under `measure` in the sweep", path);
    int deepest = 1, is_new = 0;
    if (!code) code = find_deepest(&file, &deepest, error);
    if (!code) code = folder_make(folder, &is_new, error);
    if (!code) {
        code = write_folder(&file, folder, deepest, n_models, error);
        if (code) folder_clear(folder, is_new);
    }
    store_file_close(&file);
    return code;
}
