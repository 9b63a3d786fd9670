/* Activations: one row, one function that returns the value and leaves the derivative. */
#ifndef ALLOMETER_ACTIVATION_H
#define ALLOMETER_ACTIVATION_H

#include "lane.h"
#include "model.h"

/* id, function, name, operations (value and derivative, an exponential or the like as one), formula */
#define ACTIVATION_TABLE(ROW)                                                     \
    ROW(SILU, silu, "silu", 8, "x / (1 + exp(-x))")                               \
    ROW(RELU, relu, "relu", 2, "max(0, x)")                                       \
    ROW(GELU, gelu, "gelu", 10, "x Phi(x), Phi the normal distribution function") \
    ROW(TANH, tanh, "tanh", 3, "tanh(x)")                                         \
    ROW(IDENTITY, identity, "identity", 0, "x")                                   \
    ROW(SINE, sine, "sine", 2, "sin(x)")

KERNEL vf activation_silu(vf x, vf *derivative) {
    vf sigmoid = vf_reciprocal_u15(1.0f + vf_exp_u15(-x));
    vf value = x * sigmoid;
    *derivative = sigmoid + value * (1.0f - sigmoid);
    return value;
}

/* Derivative 0 at 0, as PyTorch has it. Written so that NaN stays NaN. */
KERNEL vf activation_relu(vf x, vf *derivative) {
    vm off = x <= vf_set(0.0f);
    *derivative = vf_select(off, vf_set(0.0f), vf_set(1.0f));
    return vf_select(off, vf_set(0.0f), x);
}

KERNEL vf activation_gelu(vf x, vf *derivative) {
    vf distribution = 0.5f + 0.5f * vf_erf_u10(x * 0.707106781f);
    vf density = 0.398942280f * vf_exp_u15(-0.5f * x * x);
    *derivative = distribution + x * density;
    return x * distribution;
}

KERNEL vf activation_tanh(vf x, vf *derivative) {
    vf value = vf_tanh_u10(x);
    *derivative = 1.0f - value * value;
    return value;
}

KERNEL vf activation_identity(vf x, vf *derivative) {
    *derivative = vf_set(1.0f);
    return x;
}

KERNEL vf activation_sine(vf x, vf *derivative) {
    *derivative = vf_cos_u10(x);
    return vf_sin_u10(x);
}

/* kind is a compile-time constant wherever it matters for speed. */
KERNEL vf activation(const int kind, vf x, vf *derivative) {
    switch (kind) {
#define ROW(id, function, name, flops, formula) \
    case ALLOMETER_ACTIVATION_##id:             \
        return activation_##function(x, derivative);
        ACTIVATION_TABLE(ROW)
#undef ROW
    }
    return *derivative = x;
}

#endif
