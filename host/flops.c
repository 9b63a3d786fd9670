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

/* Of the held-out samples twice all losses, once for the means, once for what neurons are held against. A general model then
   runs anew, for each neuron, all layers after its own. With one layer of a specialized model a neuron's activation is
   found anew in either run, and for each subtask its part in the outputs: of each a product, a difference, and its square
   with the residual. The read-outs of a series (readout.h) are normal equations of every layer. */
double allometer_measuring_flops(const struct allometer_model *model) {
    const double inputs = model->n_inputs, outputs = model->n_outputs, width = model->width,
                 depth = model->depth;
    const double own = activation_flops[model->activation], first = width * (2 * inputs + 1 + own),
                 further = width * (2 * width + 1 + own), last = outputs * (2 * width + 1 + 4);
    double sample = 2 * (first + (depth - 1) * further + last);
    if (allometer_is_general(model))
        sample += depth * width * ((depth - 1) / 2 * further + last);
    else
        sample += (1 + model->n_subtasks) * first + width * 6 * outputs;
    if (allometer_has_series(model)) sample += depth * width * width * model->n_subtasks;
    return model->test_samples * sample;
}

double allometer_model_flops(const struct allometer_model *model) {
    return allometer_training_flops(model) + allometer_measuring_flops(model);
}
