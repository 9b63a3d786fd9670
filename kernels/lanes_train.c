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
        const struct parameters trained =                                                  \
            train_model(D, O, ALLOMETER_ACTIVATION_##kind, model, memory, result);         \
        copy_weights(D, O, model, &trained, weights);                                      \
    }

#define ROW(id, function, name, flops, kept, formula) SPECIALIZATION_TABLE(TRAIN_FUNCTION, id)
ACTIVATION_TABLE(ROW)
#undef ROW

#define TRAIN_POINTER(kind, D, O) TRAIN_NAME(kind, D, O),
static train_function *const train_functions[ALLOMETER_ACTIVATION_COUNT][N_SPECIALIZATIONS] = {
#define ROW(id, function, name, flops, kept, formula) \
    [ALLOMETER_ACTIVATION_##id] = {SPECIALIZATION_TABLE(TRAIN_POINTER, id)},
    ACTIVATION_TABLE(ROW)
#undef ROW
};

static size_t workspace_bytes(const struct allometer_model *model) {
    if (allometer_is_general(model)) return LANES_SYMBOL(deep_workspace_bytes_)(model);
    struct specialization size = specializations[specialization_index(model)];
    return (size_t)workspace_floats(size.D, size.O, model, TEAM_SIZE, TEAM_PARTIALS) * sizeof(float);
}

/* Subnormal numbers count as zero while a model trains. What decays toward zero, the weights and moments of a neuron
   that l2 alone lets die, stays among them for thousands of steps, and a processor takes tens of times longer over each. */
static uint64_t subnormals_off(void) {
#if defined __x86_64__
    const uint32_t before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040u); /* flush to zero, denormals are zero */
#elif defined __aarch64__
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | 1u << 24)); /* flush to zero */
#else
    const uint64_t before = 0;
#endif
    return before;
}

static void subnormals_restore(uint64_t before) {
#if defined __x86_64__
    __builtin_ia32_ldmxcsr((uint32_t)before);
#elif defined __aarch64__
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

static void train(const struct allometer_model *model, float *memory, struct allometer_result *result,
                  float *weights, struct allometer_layer *layers) {
    const uint64_t before = subnormals_off();
    if (allometer_is_general(model))
        LANES_SYMBOL(train_deep_)(model, memory, result, weights, layers);
    else
        train_functions[model->activation][specialization_index(model)](model, memory, result, weights);
    subnormals_restore(before);
}

extern const struct cpu_kernels LANES_SYMBOL(allometer_cpu_kernels_);
const struct cpu_kernels LANES_SYMBOL(allometer_cpu_kernels_) = {
    .name = LANES_NAME,
    .lanes = LANES,
    .workspace_bytes = workspace_bytes,
    .train = train,
};
