#include "backend.h"

/* Of one neuron and one sample: the activation and its derivative, forward and backward together. */
static const int activation_flops[ALLOMETER_ACTIVATION_COUNT] = {
    [ALLOMETER_ACTIVATION_SILU] = 8, /* exp, 1 + e, 1 / e, z s; 1 - s, z (1 - s), 1 + ..., s ... */
    [ALLOMETER_ACTIVATION_RELU] = 2,     [ALLOMETER_ACTIVATION_GELU] = 10, [ALLOMETER_ACTIVATION_TANH] = 3,
    [ALLOMETER_ACTIVATION_IDENTITY] = 0, [ALLOMETER_ACTIVATION_SINE] = 2,
};

/* Of one parameter and one step. Adam: two moments (3 each and a square), two corrections, a root, a quotient, the
   update and the penalty. */
static const int optimizer_flops[ALLOMETER_OPTIMIZER_COUNT] = {
    [ALLOMETER_OPTIMIZER_ADAM] = 16, [ALLOMETER_OPTIMIZER_ADAMW] = 18, [ALLOMETER_OPTIMIZER_SGD] = 8};

/* Forward: (D + O) H multiply-adds a sample; backward: O H for the output weights, O H for the hidden gradient, D H
   for the input weights. Biases add one each way, an output's residual and loss four. */
double allometer_training_flops(const struct allometer_model *model) {
    double inputs = model->n_inputs, outputs = model->n_outputs, width = model->width;
    double neuron = 4 * inputs + 6 * outputs + 2 + activation_flops[model->activation];
    double sample = width * neuron + outputs * 6;
    double step =
        model->batch * sample + (double)allometer_n_parameters(model) * optimizer_flops[model->optimizer];
    return model->steps * step;
}
