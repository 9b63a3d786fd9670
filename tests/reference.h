/* An independent reference of what the kernels do: plain C, double precision, one loop for each index. */
#ifndef ALLOMETER_REFERENCE_H
#define ALLOMETER_REFERENCE_H

#include "model.h"

/* N samples: x (N, D), target (N, O), weight (N), and of mixed samples the subtask (N). */
struct reference_batch {
    int n;
    double *x, *target, *weight;
    int *owner;
};

/* Parameters in the order of allometer_n_parameters. */
void reference_initialize(const struct allometer_model *model, double *theta);
/* The samples of step `step`, or the held-out set where test is set. Freed by reference_batch_free. */
struct reference_batch reference_batch_make(const struct allometer_model *model, int step, int test);
void reference_batch_free(struct reference_batch *batch);

/* y (O) of one sample. silenced: a neuron held at activation `held`, counted through the layers, or -1 for none. */
void reference_outputs(const struct allometer_model *model, const double *theta, const double *x,
                       int silenced, double held, double *y);
/* The smooth part of the objective: scale * sum_k weight_k loss_k + l2 * sum theta^2. */
double reference_objective(const struct allometer_model *model, const double *theta,
                           const struct reference_batch *batch);
/* Its derivatives (P), by hand. */
void reference_gradient(const struct allometer_model *model, const double *theta,
                        const struct reference_batch *batch, double *gradient);
/* All T steps from the initial parameters. */
void reference_train(const struct allometer_model *model, double *theta);
/* Each subtask's loss (K) on the held-out set. */
void reference_losses(const struct allometer_model *model, const double *theta, double *loss);
/* Losses, accuracies and allocations on the held-out set. layers: NULL, or zeroed rows (L, K). */
void reference_measure(const struct allometer_model *model, const double *theta,
                       struct allometer_result *result, struct allometer_layer *layers);

#endif
