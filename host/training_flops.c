#include "backend.h"

#include "activation.h"
#include "optimizer.h"

static const int activation_flops[] = {
#define ROW(id, function, name, flops, kept, formula) [ALLOMETER_ACTIVATION_##id] = flops,
    ACTIVATION_TABLE(ROW)
#undef ROW
};

static const int optimizer_flops[] = {
#define ROW(id, name, flops, formula) [ALLOMETER_OPTIMIZER_##id] = flops,
    OPTIMIZER_TABLE(ROW)
#undef ROW
};

/* Forward: (D + O) H multiply-adds a sample; backward: O H for the output weights, O H for the hidden gradient, D H
   for the input weights. A further hidden layer: H H multiply-adds each of the three. Biases add one each way, an output's residual and loss four. */
double allometer_training_flops(const struct allometer_model *model) {
    double inputs = model->n_inputs, outputs = model->n_outputs, width = model->width;
    double neuron = 4 * inputs + 6 * outputs + 2 + activation_flops[model->activation];
    double further = (model->depth - 1) * width * (6 * width + 2 + activation_flops[model->activation]);
    double sample = width * neuron + outputs * 6 + further;
    double step =
        model->batch * sample + (double)allometer_n_parameters(model) * optimizer_flops[model->optimizer];
    return model->steps * step;
}
