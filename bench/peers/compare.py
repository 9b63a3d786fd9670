"""Ours and its peers on the same work, turn by turn in one run. Usage: compare.py [--device cpu|cuda] [--rounds N] [--threads N]
[--json FILE] [CASE...]; bench/peers/run makes its environment.

On the CPU training cases run on --threads threads each, fits on one; on a GPU all have it to themselves in turn. Every round runs
ours, then each peer, so that a machine that slows down slows all of them; the ratio is taken within the round. What is compared
must be the same work: the final training losses of the same initial models on the same samples must agree (mean over models, to 1
part in 1,000); of fits, those count that end within 1e-6 of the lowest cost that any of them reached.
"""
import argparse
import importlib.metadata
import json
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LOSS_TOLERANCE = 1e-3
READY_SECONDS, WORK_SECONDS = 150, 100  # on a GPU, whose minutes count; a CPU is waited for
CASES = {
    "cpu": ["train h8 s64 d1 o1 silu t500 m256", "train h128 s256 d2 o2 silu t100 m64", "train h1024 s256 d2 o2 silu t50 m16",
            "train h64 s256 d2 o2 l4 silu t50 m32", "fit power-offset n20", "fit bnsl-1 n50", "fit bnsl-2 n50"],
    "cuda": ["train h128 s256 d2 o2 silu t200 m8192", "train h8 s64 d1 o1 silu t1000 m32768", "fit power-offset n20 m131072",
             "train h64 s256 d2 o2 l4 silu t50 m4096", "train h1024 s1024 d2 o2 silu t50 m1024", "fit bnsl-1 n50 m32768"],
}
TORCH = {"PyTorch baddbmm": ["train_torch.py", "baddbmm"], "PyTorch compiled": ["train_torch.py", "compiled"],
         "PyTorch vmap": ["train_torch.py", "vmap"]}
PEERS = {
    ("cpu", "train"): {**TORCH, "JAX vmap": ["train_jax.py", "vmap"], "JAX vmap, pmap": ["train_jax.py", "devices"]},
    ("cpu", "fit"): {"scipy curve_fit": ["fit_scipy.py"], "JAX vmap": ["fit_jax.py"], "GSL multifit": ["bench/fit_gsl"]},
    ("cuda", "train"): {**TORCH, "PyTorch compiled sums": ["train_torch.py", "sums"], "JAX vmap": ["train_jax.py", "vmap"]},
    ("cuda", "fit"): {"JAX vmap": ["fit_jax.py"]},
}
# The first of those that are to be used, where that has been said.
ONE_GPU = (os.environ.get("CUDA_VISIBLE_DEVICES") or "0").split(",")[0]


class Peer:
    """A process that prepares itself, then works when told to; see peer.py."""

    def __init__(self, command, case, file, arguments, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), PEER_DEVICE=arguments.device,
                           JAX_PLATFORMS=arguments.device, XLA_PYTHON_CLIENT_PREALLOCATE="false",
                           CUDA_VISIBLE_DEVICES=ONE_GPU if arguments.device == "cuda" else "")
        if command[0].endswith(".py"):
            command = [sys.executable, os.path.join(HERE, command[0]), *command[1:], case, file]
        else:
            command = [os.path.join(arguments.build, command[0]), case]
        self.words, self.late, self.patient = tempfile.TemporaryFile("w+"), "", arguments.device == "cpu"
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.words,
                                        text=True, env=environment)

    def answer(self, seconds):
        """None where there is none, or not in time."""
        if not self.patient and not select.select([self.process.stdout], [], [], max(0, seconds))[0]:
            self.late = f"no answer in {seconds:.0f} s"
            self.process.kill()
        line = self.process.stdout.readline()
        while line and not line.startswith("{"):  # a library's word
            line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def wait(self):
        self.ready = self.answer(READY_SECONDS - (time.monotonic() - self.started)) is not None
        self.preparation = time.monotonic() - self.started
        return self

    def work(self):
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.answer(WORK_SECONDS)
        self.ready = answer is not None
        return answer

    def end(self):
        """Its last words, if it failed."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            failed = self.process.wait(timeout=60) != 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            failed = self.process.wait() != 0
        self.words.seek(0)
        lines = self.words.read().strip().splitlines() if failed else []
        errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
        self.words = "\n".join(lines[-30:])
        return self.late or (errors or lines or [""])[-1]


def ours(case, arguments, threads, file=None):
    """Units per second; with a file, also what the peers need."""
    on_gpu = arguments.device == "cuda"
    command = [os.path.join(arguments.build, "bench/bench"), "--device", arguments.device, "--rates-only", "--json",
               "--repeats", "7" if on_gpu else "1", "--seconds", "2", "--threads", str(threads), *(["--problems", file] if file else []), case]
    environment = {"ALLOMETER_MODULE_FOLDER": arguments.build, **os.environ, **({"CUDA_VISIBLE_DEVICES": ONE_GPU} if on_gpu else {})}
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: {(run.stderr.strip() or run.stdout.strip()).splitlines()[-1:]}")
    return json.loads(run.stdout)["cases"][0]["rate"][1] * (1e9 if case.startswith("train") else 1e3)


def spread(values, scale=1.0):
    return " / ".join(f"{v / scale:.3g}" for v in (min(values), statistics.median(values), max(values)))


class Training:
    scale, unit = 1e9, "1e9 neuron-samples/s"

    def __init__(self, case, file):
        from peer import Models

        self.models = Models(case, file)

    def shares(self, answers):
        return 1.0, {name: 1.0 for name in answers}

    def units(self):
        return self.models.neuron_samples

    def remark(self, answers, name):
        mean = float(self.models.loss.mean())
        losses = answers[name]["losses"]
        theirs = sum(losses) / len(losses)
        apart = abs(theirs - mean) / mean
        verdict = "" if apart <= LOSS_TOLERANCE else ", NOT THE SAME WORK"
        return f"final loss {theirs:.6g}, ours {mean:.6g}{verdict}; {answers[name]['note']}"


class Fitting:
    scale, unit = 1e3, "1e3 fits/s"

    def __init__(self, case, file):
        with open(file) as problems:
            fits = json.load(problems)["fits"]
        self.costs = [fit["cost"] if fit["converged"] else float("inf") for fit in fits]

    def shares(self, answers):
        """Of fits at the lowest cost: ours (of those that converged, which alone our rate counts) and each peer's."""
        best = [min(costs) * (1 + 1e-6) for costs in zip(self.costs, *(a["costs"] for a in answers.values()))]

        def share(costs):
            return sum(cost <= least for cost, least in zip(costs, best)) / len(best)

        converged = sum(cost < float("inf") for cost in self.costs) / len(best)
        return share(self.costs) / converged, {name: share(a["costs"]) for name, a in answers.items()}

    def units(self):
        return len(self.costs)

    def remark(self, answers, name):
        us, they = self.shares(answers)
        note = answers[name]["note"]
        return f"at the lowest cost: {100 * they[name]:.1f} %, ours {100 * us:.1f} % of those that converged" + (note and "; " + note)


def start_peers(case, kind, file, arguments, threads):
    """On the CPU one after the other, each having it to itself to find what is fastest; on a GPU their compilers run side by side,
    and peer.alone() keeps their measurements apart."""
    peers = {}
    for name, command in PEERS[arguments.device, kind].items():
        if not command[0].endswith(".py") and not os.path.exists(os.path.join(arguments.build, command[0])):
            continue
        peers[name] = Peer(command, case, file, arguments, threads)
        if arguments.device == "cpu":
            peers[name].wait()
    return peers if arguments.device == "cpu" else {name: peer.wait() for name, peer in peers.items()}


def compare(case, arguments, late, record):
    kind, rounds = case.split()[0], arguments.rounds
    threads = arguments.threads if kind == "train" or arguments.device == "cuda" else 1
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "problems")
        ours(case, arguments, threads, file)
        work = (Training if kind == "train" else Fitting)(case, file)
        where = "one GPU" if arguments.device == "cuda" else f"{threads} thread{'s' * (threads > 1)} each"
        print(f"\n{case}, {where}; least / median / most of {rounds} rounds", flush=True)
        print(f"{work.unit:21} {'':>24} {'ours / theirs':>24}", flush=True)
        peers = start_peers(case, kind, file, arguments, threads)
        rates, ratios, answers = {name: [] for name in ["ours", *peers]}, {name: [] for name in peers}, {}
        for done in range(rounds):
            if done > 0 and late():
                break
            our_rate = ours(case, arguments, threads)
            fresh = {name: peer.work() for name, peer in peers.items() if peer.ready}
            answers.update({name: answer for name, answer in fresh.items() if answer})
            us, they = work.shares(answers)
            rates["ours"].append(our_rate * us)
            for name, answer in fresh.items():
                if answer:
                    rates[name].append(work.units() * they[name] / answer["seconds"])
                    ratios[name].append(our_rate * us / rates[name][-1] if rates[name][-1] > 0 else float("inf"))
        failures = {name: peer.end() for name, peer in peers.items()}
    print(f"{'ours':21} {spread(rates['ours'], work.scale):>24}")
    for name, peer in peers.items():
        row = {"case": case, "device": arguments.device, "threads": threads, "peer": name, "unit": work.unit, "our_rate": rates["ours"],
               "rate": rates[name], "ratio": ratios[name], "preparation_seconds": peer.preparation}
        row["remark"] = work.remark(answers, name) if ratios[name] else f"did not run: {failures[name]}"
        if peer.words:
            row["words"] = peer.words
        record.append(row)
        numbers = f"{spread(rates[name], work.scale):>24} {spread(ratios[name]):>24}  " if ratios[name] else ""
        print(f"{name:21} {numbers}{row['remark']}; ready after {peer.preparation:.0f} s", flush=True)


def write_markdown(record, versions, rounds, file):
    print(", ".join(f"{name} {version}" for name, version in versions.items()) + f"; least / median / most of {rounds} rounds:", file=file)
    print("\n| case | peer | ours | theirs | ours / theirs | the same work |\n| --- | --- | --- | --- | --- | --- |", file=file)
    for row in record:
        scale = 1e9 if row["case"].startswith("train") else 1e3
        numbers = [spread(row["rate"], scale), "**" + spread(row["ratio"]) + "**"] if row["ratio"] else ["-", "-"]
        cells = [row["case"], row["peer"], spread(row["our_rate"], scale) + " " + row["unit"], *numbers, row["remark"]]
        print("| " + " | ".join(cells) + " |", file=file)


def installed(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments.add_argument("--build", default=os.path.join(HERE, "../../build/release"), help="where ours was built")
    arguments.add_argument("--rounds", type=int, help="5 on the CPU, 3 on a GPU")
    arguments.add_argument("--seconds", type=float, default=float("inf"), help="no round begins later")
    arguments.add_argument("--threads", type=int, help="2 on the CPU; all beside a GPU")
    arguments.add_argument("--json", help="write a record here")
    arguments.add_argument("--markdown", help="write a table here")
    arguments.add_argument("cases", nargs="*")
    arguments = arguments.parse_args()
    begun, on_gpu = time.monotonic(), arguments.device == "cuda"
    arguments.build = os.path.abspath(arguments.build)
    arguments.rounds = arguments.rounds or (3 if on_gpu else 5)
    arguments.threads = arguments.threads or (len(os.sched_getaffinity(0)) if on_gpu else 2)
    sys.path.insert(0, HERE)
    versions = {name: installed(name) for name in ("torch", "jax", "optax", "numpy", "scipy")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    record = []
    for case in arguments.cases or CASES[arguments.device]:
        if time.monotonic() - begun > arguments.seconds:
            print(f"\n{case}: left out, for want of time")
            continue
        compare(case, arguments, lambda: time.monotonic() - begun > arguments.seconds, record)
        if arguments.markdown:
            with open(arguments.markdown, "w") as file:
                write_markdown(record, versions, arguments.rounds, file)
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump({"versions": versions, "comparisons": record}, file, indent=1)


if __name__ == "__main__":
    main()
