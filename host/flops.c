#include "backend.h"

#include "activation.h"
#include "optimizer.h"

#include <math.h>

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

/* Of one step with so many neurons in each hidden layer. Forward: (D + O) H multiply-adds a sample; backward: O H for the
   output weights, O H for the hidden gradient, D H for the input weights. A further hidden layer: H H multiply-adds each of
   the three. Biases add one each way, an output's residual and loss four. */
static double step_flops(const struct allometer_model *model, double width) {
    const double inputs = model->n_inputs, outputs = model->n_outputs, further = model->depth - 1,
                 own = activation_flops[model->activation];
    const double sample =
        width * (4 * inputs + 6 * outputs + 2 + own) + outputs * 6 + further * width * (6 * width + 2 + own);
    const double parameters = width * (inputs + 1 + outputs) + outputs + further * width * (width + 1);
    return model->batch * sample + parameters * optimizer_flops[model->optimizer];
}

/* Of one sample, what it takes to find by how much the losses rise without each neuron: a general model runs anew, for each,
   all layers after its own. With one layer of a specialized model a neuron's activation is found anew, once for its mean and
   for each subtask, and its part in the outputs: of each a product, a difference, and its square with the residual. */
static double ablation_flops(const struct allometer_model *model, double first, double further, double last) {
    const double width = model->width, depth = model->depth;
    if (allometer_is_general(model)) return depth * width * ((depth - 1) / 2 * further + last);
    return (1 + model->n_subtasks) * first + width * 6 * model->n_outputs;
}

/* Of one sample: all losses `times` times, and ablations. */
static double sample_flops(const struct allometer_model *model, double times) {
    const double width = model->width, own = activation_flops[model->activation],
                 first = width * (2 * (double)model->n_inputs + 1 + own),
                 further = width * (2 * width + 1 + own), last = model->n_outputs * (2 * width + 1 + 4);
    return times * (first + (model->depth - 1) * further + last)
           + ablation_flops(model, first, further, last);
}

/* Neurons that are pruned are packed away from a single hidden layer, after each round (prune.h); of a general model they
   stay in their places. Each round takes a batch's ablations; a general model's run all layers twice more. */
double allometer_training_flops(const struct allometer_model *model) {
    const double width = model->width;
    if (model->prune == 0) return model->steps * step_flops(model, width);
    const int general = allometer_is_general(model);
    const int64_t last = model->steps - model->retrain, rounds = model->prune_rounds;
    double flops = (double)rounds * model->batch * sample_flops(model, general ? 2 : 0);
    if (general) return flops + model->steps * step_flops(model, width);
    for (int64_t i = 0; i < rounds; ++i) {
        const int64_t steps = (i + 1) * last / rounds - i * last / rounds;
        const double kept = round(width * pow(model->prune / width, (double)i / (double)rounds));
        flops += (double)steps * step_flops(model, kept);
    }
    return flops + model->retrain * step_flops(model, model->prune);
}

/* Of the held-out samples twice all losses, once for the means, once for what neurons are held against. The read-outs of a
   series (readout.h) are normal equations of every layer. */
double allometer_measuring_flops(const struct allometer_model *model) {
    const double width = model->width;
    double sample = sample_flops(model, 2);
    if (allometer_has_series(model)) sample += model->depth * width * width * model->n_subtasks;
    return model->test_samples * sample;
}

double allometer_model_flops(const struct allometer_model *model) {
    return allometer_training_flops(model) + allometer_measuring_flops(model);
}
