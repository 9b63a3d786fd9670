/* Activations: one row, one function that leaves value and derivative. */
#ifndef ALLOMETER_ACTIVATION_H
#define ALLOMETER_ACTIVATION_H

#include "float_maths.h"
#include "model.h"

/* id, function, name, operations (value and derivative, an exponential or the like as one), kept (whether backward finds
   it in memory sooner than it computes it again, on the CPU), formula */
#define ACTIVATION_TABLE(ROW)                                                        \
    ROW(SILU, silu, "silu", 8, 1, "x / (1 + exp(-x))")                               \
    ROW(RELU, relu, "relu", 2, 0, "max(0, x)")                                       \
    ROW(GELU, gelu, "gelu", 10, 1, "x Phi(x), Phi the normal distribution function") \
    ROW(TANH, tanh, "tanh", 3, 1, "tanh(x)")                                         \
    ROW(IDENTITY, identity, "identity", 0, 0, "x")                                   \
    ROW(SINE, sine, "sine", 2, 1, "sin(x)")

/* Each leaves the values and derivatives of n vectors x. */
KERNEL void activation_silu(const int n, const vf *x, vf *value, vf *derivative) {
    vf sigmoid[MAX_TILE];
    tile_sigmoid_u40(n, x, sigmoid);
    EACH(u, n) value[u] = x[u] * sigmoid[u];
    EACH(u, n) derivative[u] = sigmoid[u] + value[u] * (1.0f - sigmoid[u]);
}

/* Derivative 0 at 0, as PyTorch has it. NaN stays NaN. */
KERNEL void activation_relu(const int n, const vf *x, vf *value, vf *derivative) {
    EACH(u, n) {
        value[u] = vf_at_least(x[u], 0.0f);
        derivative[u] = vf_select(x[u] <= vf_set(0.0f), vf_set(0.0f), vf_set(1.0f));
    }
}

KERNEL void activation_gelu(const int n, const vf *x, vf *value, vf *derivative) {
    vf distribution[MAX_TILE], density[MAX_TILE];
    tile_normal_u70(n, x, distribution, density);
    EACH(u, n) value[u] = x[u] * distribution[u];
    EACH(u, n) derivative[u] = distribution[u] + x[u] * density[u];
}

KERNEL void activation_tanh(const int n, const vf *x, vf *value, vf *derivative) {
    tile_tanh_u40(n, x, value);
    EACH(u, n) derivative[u] = 1.0f - value[u] * value[u];
}

KERNEL void activation_identity(const int n, const vf *x, vf *value, vf *derivative) {
    EACH(u, n) value[u] = x[u], derivative[u] = vf_set(1.0f);
}

KERNEL void activation_sine(const int n, const vf *x, vf *value, vf *derivative) {
    tile_sine_cosine_u15(n, x, value, derivative);
}

/* kind, of the table, is a compile-time constant wherever it matters for speed, as n is. */
KERNEL void activation(const int kind, const int n, const vf *x, vf *value, vf *derivative) {
    switch (kind) {
#define ROW(id, function, name, flops, kept, formula)   \
    case ALLOMETER_ACTIVATION_##id:                     \
        activation_##function(n, x, value, derivative); \
        break;
        ACTIVATION_TABLE(ROW)
#undef ROW
    default:
        __builtin_unreachable(); /* or compilers would have to say what value and derivative then are */
    }
}

KERNEL int activation_is_kept(const int kind) {
#define ROW(id, function, name, flops, kept, formula) \
    if (kind == ALLOMETER_ACTIVATION_##id) return kept;
    ACTIVATION_TABLE(ROW)
#undef ROW
    return 1;
}

#endif
