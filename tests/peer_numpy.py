"""A peer for the test of bench/peers/compare.py: networks of one hidden layer, SiLU, trained by numpy with the gradient written out,
in double precision. Usage: peer_numpy.py LEARNING_RATE CASE MODELS_FILE"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench/peers"))
import numpy as np

from peer import Models, serve

rate, case, path = float(sys.argv[1]), *sys.argv[2:]
models = Models(case, path)


def loss_and_gradient(parameters, x, target):
    w1, b1, w2, b2 = parameters
    a = x @ w1 + b1
    sigmoid = 1 / (1 + np.exp(-a))
    y = a * sigmoid
    residual = y @ w2 + b2 - target
    d_output = 2 * models.scale * residual / models.S
    d_a = d_output @ w2.transpose(0, 2, 1) * (sigmoid + y * (1 - sigmoid))

    def penalty(w):
        return models.l1 * np.sign(w) + 2 * models.l2 * w

    gradient = [x.transpose(0, 2, 1) @ d_a + penalty(w1), d_a.sum(axis=1, keepdims=True),
                y.transpose(0, 2, 1) @ d_output + penalty(w2), d_output.sum(axis=1, keepdims=True)]
    return (residual ** 2).mean(axis=1).sum(axis=1), gradient


def work():
    begin = time.perf_counter()
    x, target = models.x.astype(float), models.target.astype(float)
    parameters = [p.astype(float) for p in models.parameters]
    first, second = [0 * p for p in parameters], [0 * p for p in parameters]
    for t in range(models.T):
        loss, gradient = loss_and_gradient(parameters, x, target)
        for p, g, m, v in zip(parameters, gradient, first, second):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            step = rate * (1 + np.cos(np.pi * t / models.T)) / 2
            p -= step * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
    return {"seconds": time.perf_counter() - begin, "losses": loss.tolist(), "note": "numpy"}


serve(work)
