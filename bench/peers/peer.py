"""What all peers share: a peer is a program that prepares itself, then works once for every line on its standard input and
answers each with a line of JSON."""
import json
import os
import sys


def threads_from_environment():
    """Keeps this process to as many cores as it may have threads; to be called before numpy and its like are loaded."""
    n = int(os.environ.get("OMP_NUM_THREADS", "1"))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
    return n


def serve(work):
    """work() returns what is to be answered. Anything that a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(work()), file=answers, flush=True)


class Models:
    """The models of a case 'train h128 s256 d2 o2 silu t200 m64', as `bench --problems` wrote them."""

    # What train_case.c gives every model.
    scale, learning_rate, l1, l2 = 16.0, 3e-3, 3e-5, 3e-4

    def __init__(self, case, path):
        import numpy as np

        words = case.split()
        self.H, self.S, self.D, self.O, self.T, self.M = (int(words[i][1:]) for i in (1, 2, 3, 4, 6, 7))
        self.activation = words[5]
        H, S, D, O = self.H, self.S, self.D, self.O
        rows = np.fromfile(path, dtype=np.float32).reshape(self.M, -1)
        parts = np.split(rows, np.cumsum([S * D, S * O, H * D, H, O * H, O]), axis=1)
        self.x, self.target = parts[0].reshape(-1, S, D), parts[1].reshape(-1, S, O)
        self.weight_in = parts[2].reshape(-1, H, D).transpose(0, 2, 1).copy()  # (M, D, H)
        self.bias_in = parts[3].reshape(-1, 1, H)
        self.weight_out = parts[4].reshape(-1, O, H).transpose(0, 2, 1).copy()  # (M, H, O)
        self.bias_out = parts[5].reshape(-1, 1, O)
        self.loss = parts[6][:, 0]
        self.neuron_samples = float(H) * S * self.T * self.M


def fastest(sizes, seconds):
    """The size for which seconds(size) is least; each is timed once, and twice if it is among the best."""
    return min(sizes, key=seconds)
