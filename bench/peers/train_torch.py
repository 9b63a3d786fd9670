"""PyTorch trains the models of a case. Usage: train_torch.py baddbmm|compiled|sums|vmap CASE MODELS_FILE

Many models at once: baddbmm over stacked parameters, or torch.func.vmap of one model's gradient (PyTorch's tutorial on model
ensembling). Adam with fused=True, the fastest that its manual names. compiled: the objective through torch.compile; sums: also
with products of few inputs or outputs written as sums, which the compiler fuses with what stands around them. On a GPU a whole
step, Adam included, is captured as a CUDA graph (CUDA semantics, "whole-network capture") and replayed, and products are of full
single precision, as ours are, not TF32."""
import gc
import math
import os
import sys
import time

from peer import Models, alone, fastest, on_gpu, serve, sizes, threads_from_environment

threads = threads_from_environment()
import torch

torch.set_num_threads(threads)
torch.manual_seed(0)
torch.set_float32_matmul_precision("highest")
device = torch.device("cuda" if on_gpu() else "cpu")
how, case, path = sys.argv[1:]
models = Models(case, path)
activation = {"silu": torch.nn.functional.silu, "relu": torch.relu, "gelu": torch.nn.functional.gelu, "tanh": torch.tanh,
              "identity": lambda x: x, "sine": torch.sin}[models.activation]
rates = [models.learning_rate * (1 + math.cos(math.pi * t / models.T)) / 2 for t in range(models.T)]
everything = [torch.tensor(array, device=device) for array in (models.x, models.target, *models.parameters)]


def penalty(parameters):
    return (models.l1 * sum(weights.abs().sum() for weights in parameters[::2])
            + models.l2 * sum(weights.square().sum() for weights in parameters[::2]))


def sums(biases, x, weights):
    if min(weights.shape[-2:]) > 8:
        return torch.baddbmm(biases, x, weights)
    return (x.unsqueeze(-1) * weights.unsqueeze(-3)).sum(dim=-2) + biases


def network(affine, parameters, x):
    *hidden, weights, biases = parameters
    for layer in range(models.L):
        x = activation(affine(hidden[2 * layer + 1], x, hidden[2 * layer]))
    return affine(biases, x, weights)


def objective(x, target, *parameters):
    affine = sums if how == "sums" else torch.baddbmm
    loss = (network(affine, parameters, x) - target).square().mean(dim=1).sum(dim=1)
    return models.scale * loss.sum() + penalty(parameters), loss


def objective_of_one(parameters, x, target):
    loss = (network(torch.addmm, parameters, x) - target).square().mean(dim=0).sum()
    return models.scale * loss + penalty(parameters), loss


if how in ("compiled", "sums"):
    objective = torch.compile(objective, dynamic=False)
gradient_of_all = torch.func.vmap(torch.func.grad(objective_of_one, has_aux=True))


class Trainer:
    """Of n models at once; what a step needs stays where it is, so that a graph of it can be replayed."""

    def __init__(self, n):
        self.n = n
        self.x, self.target, *self.parameters = [torch.zeros_like(array[:n]) for array in everything]
        for parameter in self.parameters:
            parameter.requires_grad_()
        # A graph reads the rate from the GPU's memory.
        rate = torch.tensor(models.learning_rate, device=device) if on_gpu() else models.learning_rate
        self.optimizer = torch.optim.Adam(self.parameters, lr=rate, fused=True, capturable=on_gpu())
        self.load(0)
        self.run = self.step
        if on_gpu() and "PEER_WITHOUT_GRAPH" not in os.environ:
            self.capture()

    def load(self, first):
        with torch.no_grad():
            for here, array in zip([self.x, self.target, *self.parameters], everything):
                here.copy_(array[first:first + self.n])
            for state in self.optimizer.state.values():
                for moment in state.values():
                    moment.zero_()

    def set_rate(self, rate):
        group = self.optimizer.param_groups[0]
        if on_gpu():
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate

    def step(self):
        if how == "vmap":
            with torch.no_grad():
                gradients, self.loss = gradient_of_all(tuple(self.parameters), self.x, self.target)
            for parameter, gradient in zip(self.parameters, gradients):
                parameter.grad = gradient
        else:
            self.optimizer.zero_grad()
            value, self.loss = objective(self.x, self.target, *self.parameters)
            value.backward()
        self.optimizer.step()

    def capture(self):
        try:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self.step()
            torch.cuda.current_stream().wait_stream(stream)
            self.optimizer.zero_grad()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.step()
        except RuntimeError as error:
            if "out of memory" in str(error):
                raise
            # What a failed capture leaves behind is not to be trusted: begin again, and without.
            print(error, file=sys.stderr, flush=True)
            os.environ["PEER_WITHOUT_GRAPH"] = "1"
            os.execv(sys.executable, [sys.executable, *sys.argv])
        self.run = self.graph.replay

    def train(self, first, steps):
        self.load(first)
        for rate in rates[:steps]:
            self.set_rate(rate)
            self.run()
        return self.loss.detach().clone()


def wait():
    if on_gpu():
        torch.cuda.synchronize()


def seconds(n):
    """Of one model."""
    steps = max(2, models.T // 20)
    trainer = Trainer(n)
    trainer.train(0, 2)
    wait()
    with alone(path):
        begin = time.perf_counter()
        trainer.train(0, steps)
        wait()
        taken = (time.perf_counter() - begin) / n
    del trainer
    gc.collect()
    if on_gpu():
        torch.cuda.empty_cache()
    return taken


at_once = fastest(sizes(models, (4, 16, models.M)), seconds)
trainer = Trainer(at_once)
trainer.train(0, 2)
wait()


def work():
    begin = time.perf_counter()
    losses = torch.cat([trainer.train(first, models.T) for first in range(0, models.M, at_once)]).tolist()
    taken = time.perf_counter() - begin
    assert math.isfinite(sum(losses))
    graph = "" if not on_gpu() else ", CUDA graph" if trainer.run != trainer.step else ", no CUDA graph"
    return {"seconds": taken, "losses": losses, "note": f"{at_once} models at once{graph}"}


serve(work)
