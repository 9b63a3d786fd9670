/* Feeds bytes to the reader of sweep files: whatever they are, they are read or refused with a message, nothing
   leaks and nothing is read outside of them. Linked with libFuzzer, or with fuzz_driver.c where there is none. */
#include "plan.h"
#include "sweep_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(int holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    enum allometer_code code =
        allometer_sweep_parse("fuzz.yaml", (const char *)bytes, n_bytes, &sweep, &error);
    if (code) {
        require(code == ALLOMETER_BAD_INPUT && error.code == code && !sweep);
        require(strncmp(error.message, "fuzz.yaml:", 10) == 0);
        return 0;
    }
    uint64_t n_models = allometer_sweep_n_models(sweep), places[] = {0, n_models / 2, n_models - 1};
    require(n_models > 0 && *allometer_sweep_name(sweep) && *allometer_sweep_specification(sweep) == '{');
    size_t n_axes = allometer_sweep_n_axes(sweep);
    struct allometer_axis_value *values = calloc(n_axes + 1, sizeof *values);
    for (int i = 0; values && i < 3; i++) {
        struct allometer_model model;
        code = allometer_sweep_model(sweep, places[i], &model, values, &error);
        require(code == ALLOMETER_OK || (code == ALLOMETER_BAD_INPUT && i > 0));
        if (code) continue;
        require(allometer_model_check(&model, &error) == ALLOMETER_OK);
        require(allometer_training_flops(&model) > 0);
        for (size_t axis = 0; axis < n_axes; axis++)
            require(allometer_sweep_axis_is_text(sweep, axis) == (values[axis].text != NULL));
    }
    struct allometer_plan plan;
    allometer_plan_make(sweep, &(struct allometer_plan_options){.most_visited = 16}, &plan, &error);
    free(values);
    allometer_sweep_free(sweep);
    return 0;
}
