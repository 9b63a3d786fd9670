"""What all peers share: a peer is a program that prepares itself, then works once for every line on its standard input and
answers each with a line of JSON."""
import contextlib
import fcntl
import json
import os
import sys

LEAST_SECONDS = 0.3  # of an answer, as BENCH_SECONDS of ours


def threads_from_environment():
    """Keeps this process to as many cores as it may have threads; to be called before numpy and its like are loaded."""
    n = int(os.environ.get("OMP_NUM_THREADS", "1"))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
    return n


def serve(work):
    """work() returns what is to be answered: "seconds", and what else there is to say. It is called until it has taken long
    enough; answered are its mean seconds. Anything that a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        seconds = []
        while sum(seconds) < LEAST_SECONDS:
            answer = work()
            seconds.append(answer["seconds"])
        print(json.dumps({**answer, "seconds": sum(seconds) / len(seconds)}), file=answers, flush=True)


class Models:
    """The models of a case 'train h128 s256 d2 o2 silu t200 m64', as `bench --problems` wrote them."""

    # What train_case.c gives every model.
    scale, learning_rate, l1, l2 = 16.0, 3e-3, 3e-5, 3e-4

    def __init__(self, case, path):
        import numpy as np

        words = case.split()
        self.activation = words[-3]
        numbers = {word[0]: int(word[1:]) for word in words[1:] if word != self.activation}
        self.H, self.S, self.D, self.O, self.T, self.M = (numbers[letter] for letter in "hsdotm")
        self.L = numbers.get("l", 1)
        S, D, O = self.S, self.D, self.O
        sizes = [D] + self.L * [self.H] + [O]
        rows = np.fromfile(path, dtype=np.float32).reshape(self.M, -1)
        cuts = [S * D, S * O]
        for inputs, outputs in zip(sizes, sizes[1:]):
            cuts += [outputs * inputs, outputs]
        x, target, *layers, loss = np.split(rows, np.cumsum(cuts), axis=1)
        self.x, self.target, self.loss = x.reshape(-1, S, D), target.reshape(-1, S, O), loss[:, 0]
        # Of each layer, one after the other: weights (M, inputs, outputs), biases (M, 1, outputs).
        self.parameters = []
        for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            weights, biases = layers[2 * layer:2 * layer + 2]
            self.parameters.append(weights.reshape(-1, outputs, inputs).transpose(0, 2, 1).copy())
            self.parameters.append(biases.reshape(-1, 1, outputs).copy())
        self.neuron_samples = float(self.H) * self.L * S * self.T * self.M


def on_gpu():
    return os.environ.get("PEER_DEVICE") == "cuda"


def sizes(models, on_cpu):
    """How many models at once are worth a try: on a GPU as many as fill it, one array of activations being 1 GB at most, and an
    eighth of that, of which the caches hold more."""
    if not on_gpu():
        return [n for n in on_cpu if models.M % n == 0]
    most = models.M
    while most % 2 == 0 and 4.0 * most * models.S * models.H * models.L > 1.1e9:
        most //= 2
    return [most, most // 8] if most % 8 == 0 else [most]


@contextlib.contextmanager
def alone(path):
    """While no other peer of the same file is in here."""
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fastest(sizes, seconds):
    """The size for which seconds(size) is least; those that do not fit in memory are left out."""
    timed, error = {}, None
    for size in sizes:
        try:
            timed[size] = seconds(size)
        except RuntimeError as trouble:
            if "memory" not in str(trouble).lower():
                raise
            error = RuntimeError(str(trouble))  # without what its frames hold in memory
    if not timed:
        raise error
    return min(timed, key=timed.get)
