"""PyTorch trains the models of a case. Usage: train_torch.py baddbmm|compiled|vmap CASE MODELS_FILE

Many models at once: baddbmm over stacked parameters, or torch.func.vmap of one model's gradient (PyTorch's tutorial on model
ensembling). Adam with fused=True, the fastest that its manual names; compiled: the objective through torch.compile."""
import math
import sys
import time

from peer import Models, fastest, serve, threads_from_environment

threads = threads_from_environment()
import torch

torch.set_num_threads(threads)
torch.manual_seed(0)
how, case, path = sys.argv[1:]
models = Models(case, path)
activation = {"silu": torch.nn.functional.silu, "relu": torch.relu, "gelu": torch.nn.functional.gelu, "tanh": torch.tanh,
              "identity": lambda x: x, "sine": torch.sin}[models.activation]


def penalty(parameters):
    return (models.l1 * sum(weights.abs().sum() for weights in parameters[::2])
            + models.l2 * sum(weights.square().sum() for weights in parameters[::2]))


def network(affine, parameters, x):
    *hidden, weights, biases = parameters
    for layer in range(models.L):
        x = activation(affine(hidden[2 * layer + 1], x, hidden[2 * layer]))
    return affine(biases, x, weights)


def objective(x, target, *parameters):
    loss = (network(torch.baddbmm, parameters, x) - target).square().mean(dim=1).sum(dim=1)
    return models.scale * loss.sum() + penalty(parameters), loss


def objective_of_one(parameters, x, target):
    loss = (network(torch.addmm, parameters, x) - target).square().mean(dim=0).sum()
    return models.scale * loss + penalty(parameters), loss


if how == "compiled":
    objective = torch.compile(objective, dynamic=False)
gradient_of_all = torch.func.vmap(torch.func.grad(objective_of_one, has_aux=True))


def train(first, n, steps):
    chunk = slice(first, first + n)
    parameters = [torch.tensor(array[chunk], requires_grad=True) for array in models.parameters]
    x, target = torch.tensor(models.x[chunk]), torch.tensor(models.target[chunk])
    optimizer = torch.optim.Adam(parameters, lr=models.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, models.T)
    for _ in range(steps):
        if how == "vmap":
            with torch.no_grad():
                gradients, loss = gradient_of_all(tuple(parameters), x, target)
            for parameter, gradient in zip(parameters, gradients):
                parameter.grad = gradient
        else:
            optimizer.zero_grad()
            value, loss = objective(x, target, *parameters)
            value.backward()
        optimizer.step()
        schedule.step()
    return loss.detach()


def seconds(n, steps):
    train(0, n, 2)
    begin = time.perf_counter()
    train(0, n, steps)
    return (time.perf_counter() - begin) / n


sizes = (4, 16) if how == "compiled" else (4, 16, models.M)  # each is a compilation of half a minute
at_once = fastest([n for n in sizes if models.M % n == 0], lambda n: seconds(n, max(2, models.T // 20)))


def work():
    begin = time.perf_counter()
    losses = torch.cat([train(first, at_once, models.T) for first in range(0, models.M, at_once)])
    taken = time.perf_counter() - begin
    assert math.isfinite(losses.sum())
    return {"seconds": taken, "losses": losses.tolist(), "note": f"{at_once} models at once"}


serve(work)
