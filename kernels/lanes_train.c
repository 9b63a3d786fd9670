/* The training kernel for one instruction set: every case of specialize.h and the choice among them. */
#include "lane.h"
#include "measure.h"
#include "specialize.h"
#include "cpu_kernels.h"

typedef void train_function(const struct allometer_model *, float *, struct allometer_result *, float *);

#define TRAIN_NAME(kind, D, O) train_##kind##_##D##_##O
#define TRAIN_FUNCTION(kind, D, O)                                                         \
    static void TRAIN_NAME(kind, D, O)(const struct allometer_model *model, float *memory, \
                                       struct allometer_result *result, float *weights) {  \
        train_model(D, O, ALLOMETER_ACTIVATION_##kind, model, memory, result, weights);    \
    }

#define ROW(id, function, name, formula) SPECIALIZATION_TABLE(TRAIN_FUNCTION, id)
ACTIVATION_TABLE(ROW)
#undef ROW

#define TRAIN_POINTER(kind, D, O) TRAIN_NAME(kind, D, O),
static train_function *const train_functions[ALLOMETER_ACTIVATION_COUNT][N_SPECIALIZATIONS] = {
#define ROW(id, function, name, formula) \
    [ALLOMETER_ACTIVATION_##id] = {SPECIALIZATION_TABLE(TRAIN_POINTER, id)},
    ACTIVATION_TABLE(ROW)
#undef ROW
};

static size_t workspace_bytes(const struct allometer_model *model) {
    struct specialization size = specializations[specialization_index(model)];
    return (size_t)workspace_floats(size.D, size.O, model, TEAM_SIZE, TEAM_PARTIALS) * sizeof(float);
}

static void train(const struct allometer_model *model, float *memory, struct allometer_result *result,
                  float *weights) {
    train_functions[model->activation][specialization_index(model)](model, memory, result, weights);
}

#define PASTE(a, b)  a##b
#define EXPAND(a, b) PASTE(a, b)
#define TEXT(a)      #a
#define STRING(a)    TEXT(a)
extern const struct cpu_kernels EXPAND(allometer_cpu_kernels_, INSTRUCTION_SET);
const struct cpu_kernels EXPAND(allometer_cpu_kernels_, INSTRUCTION_SET) = {
    .name = STRING(INSTRUCTION_SET),
    .lanes = LANES,
    .workspace_bytes = workspace_bytes,
    .train = train,
};
