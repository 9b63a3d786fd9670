#include "train_floor.h"

/* Value and derivative of an activation together, once for both passes; of single precision and no more than a few units in
   the last place. An exponential's own instructions are counted with it, what stands around it here. */
static const struct {
    double operations, exponentials, reciprocals;
} activations[ALLOMETER_ACTIVATION_COUNT] = {
    /* s = 1 / (1 + e^-x): 1; x s: 1; s + x s (1 - s): 2 */
    [ALLOMETER_ACTIVATION_SILU] = {4, 1, 1},
    /* maximum and mask */
    [ALLOMETER_ACTIVATION_RELU] = {2, 0, 0},
    /* The density: 2. The distribution from the same exponential (Abramowitz and Stegun 1964, 7.1.26): argument of the
       reciprocal 1, polynomial 5, product, difference and sign 4. x Phi: 1; Phi + x phi: 2 */
    [ALLOMETER_ACTIVATION_GELU] = {15, 1, 1},
    /* 1 - 2 / (1 + e^2x): 3; 1 - y^2: 1 */
    [ALLOMETER_ACTIVATION_TANH] = {4, 1, 1},
    [ALLOMETER_ACTIVATION_IDENTITY] = {0, 0, 0},
    /* One reduction for sine and cosine: 4; a square: 1; two polynomials: 10; which is which, and the signs: 4 */
    [ALLOMETER_ACTIVATION_SINE] = {19, 0, 0},
};

struct floor train_floor(const struct allometer_model *model) {
    const double D = model->n_inputs, O = model->n_outputs, H = model->width, S = model->batch;
    const double L = model->depth, further = (L - 1) / L; /* of a neuron: whether layers lie below its own */
    const double updates = (double)allometer_n_parameters(model) / (H * S * L); /* of parameters */
    double operations = activations[model->activation].operations;
    double reciprocals = activations[model->activation].reciprocals;
    /* Forward D + O; backward O for the hidden gradient, 1 with the derivative, O, D and 1 for the sums; a further layer H
       forward, and backward H for the gradient below it and H for its sums. */
    operations += (2 * D + 3 * O) / L + 3 * H * further + 2;
    /* A residual and its loss, and the sum of the residuals, for each output of a sample. */
    operations += 4 * O / (H * L);
    /* Adam with both penalties: 12, a root and a quotient, each of them as long as a reciprocal, for each parameter. */
    operations += 12 * updates, reciprocals += 2 * updates;
    /* Parameters are read in both passes and written in one, moments read and written; inputs are read in both passes,
       targets in one; outputs are written, become residuals, and are read. What a layer gives to a further one is written,
       and read in both passes; its gradient is written and read. */
    const double floats = 7 * updates + (2 * D + 5 * O) / (H * L) + 5 * further;
    return (struct floor){.needs = {[CEILING_MULTIPLY_ADDS] = 2 * operations,
                                    [CEILING_EXPONENTIALS] = activations[model->activation].exponentials,
                                    [CEILING_RECIPROCALS] = reciprocals,
                                    [CEILING_CACHE_BYTES] = (double)sizeof(float) * floats}};
}
