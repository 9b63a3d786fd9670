"""Ours and its peers on the same work, turn by turn in one run. Usage: compare.py [--rounds N] [--threads N] [--json FILE]
[CASE...]; bench/peers/run makes its environment.

Training cases run on --threads threads each, fits on one. Every round runs ours, then each peer, so that a machine that slows
down slows all of them; the ratio is taken within the round. What is compared must be the same work: the final training
losses of the same initial models on the same samples must agree (mean over models, to 1 part in 1,000); of fits, those count
that end within 1e-6 of the lowest cost that any of them reached.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "../../build/release/bench/bench")
GSL = os.path.join(HERE, "../../build/release/bench/fit_gsl")
LOSS_TOLERANCE = 1e-3
CASES = ["train h8 s64 d1 o1 silu t500 m256", "train h128 s256 d2 o2 silu t100 m64", "train h1024 s256 d2 o2 silu t50 m16",
         "train h64 s256 d2 o2 l4 silu t50 m32", "fit power-offset n20", "fit bnsl-1 n50",
         "fit bnsl-2 n50"]
PEERS = {
    "train": {"PyTorch baddbmm": ["train_torch.py", "baddbmm"], "PyTorch compiled": ["train_torch.py", "compiled"],
              "PyTorch vmap": ["train_torch.py", "vmap"], "JAX vmap": ["train_jax.py", "vmap"],
              "JAX vmap, pmap": ["train_jax.py", "devices"]},
    "fit": {"scipy curve_fit": ["fit_scipy.py"], "JAX vmap": ["fit_jax.py"], "GSL multifit": [GSL]},
}


class Peer:
    """A process that works when told to; see peer.py."""

    def __init__(self, command, case, file, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                           JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="")
        if command[0].endswith(".py"):
            command = [sys.executable, os.path.join(HERE, command[0]), *command[1:], case, file]
        else:
            command = [*command, case]
        self.words = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.words,
                                        text=True, env=environment)
        self.ready = self.answer() is not None

    def answer(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def work(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        """Its last words, if it failed."""
        self.process.stdin.close()
        failed = self.process.wait() != 0
        self.words.seek(0)
        lines = self.words.read().strip().splitlines()
        return lines[-1] if failed and lines else ""


def ours(case, threads, file=None):
    """Units per second; with a file, also what the peers need."""
    command = [BENCH, "--rates-only", "--json", "--repeats", "1", "--threads", str(threads), case]
    if file:
        command[1:1] = ["--problems", file]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["cases"][0]
    return result["rate"][1] * (1e9 if case.startswith("train") else 1e3)


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
        return f"at the lowest cost: {100 * they[name]:.1f} %, ours {100 * us:.1f} % of those that converged"


def compare(case, rounds, threads, record):
    kind = case.split()[0]
    threads = threads if kind == "train" else 1
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "problems")
        ours(case, threads, file)
        work = (Training if kind == "train" else Fitting)(case, file)
        print(f"\n{case}, {threads} thread{'s' * (threads > 1)} each; least / median / most of {rounds} rounds", flush=True)
        print(f"{work.unit:18} {'':>24} {'ours / theirs':>24}", flush=True)
        peers = {name: Peer(command, case, file, threads) for name, command in PEERS[kind].items()
                 if command[0] != GSL or os.path.exists(GSL)}
        rates, ratios, answers = {name: [] for name in ["ours", *peers]}, {name: [] for name in peers}, {}
        for _ in range(rounds):
            our_rate = ours(case, threads)
            answers = {name: peer.work() for name, peer in peers.items() if peer.ready}
            us, they = work.shares(answers)
            rates["ours"].append(our_rate * us)
            for name, answer in answers.items():
                rates[name].append(work.units() * they[name] / answer["seconds"])
                ratios[name].append(our_rate * us / rates[name][-1])
        failures = {name: peer.end() for name, peer in peers.items()}
    print(f"{'ours':18} {spread(rates['ours'], work.scale):>24}")
    for name in peers:
        if not ratios[name]:
            print(f"{name:18} did not run: {failures[name]}")
            continue
        remark = work.remark(answers, name)
        print(f"{name:18} {spread(rates[name], work.scale):>24} {spread(ratios[name]):>24}  {remark}", flush=True)
        record.append({"case": case, "threads": threads, "peer": name, "unit": work.unit, "rate": rates[name],
                       "our_rate": rates["ours"], "ratio": ratios[name], "remark": remark})


def write_markdown(record, versions, rounds, file):
    print(", ".join(f"{name} {version}" for name, version in versions.items()) + f"; least / median / most of {rounds} rounds:", file=file)
    print("\n| case | peer | ours | theirs | ours / theirs | the same work |\n| --- | --- | --- | --- | --- | --- |", file=file)
    for row in record:
        scale = 1e9 if row["case"].startswith("train") else 1e3
        cells = [row["case"], row["peer"], spread(row["our_rate"], scale) + " " + row["unit"], spread(row["rate"], scale),
                 "**" + spread(row["ratio"]) + "**", row["remark"]]
        print("| " + " | ".join(cells) + " |", file=file)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--json", help="write a record here")
    arguments.add_argument("--markdown", help="write a table here")
    arguments.add_argument("cases", nargs="*", default=CASES)
    arguments = arguments.parse_args()
    sys.path.insert(0, HERE)
    import importlib.metadata as installed

    versions = {name: installed.version(name) for name in ("torch", "jax", "optax", "numpy", "scipy")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    record = []
    for case in arguments.cases:
        compare(case, arguments.rounds, arguments.threads, record)
    if arguments.markdown:
        with open(arguments.markdown, "w") as file:
            write_markdown(record, versions, arguments.rounds, file)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"versions": versions, "comparisons": record}, file, indent=1)


if __name__ == "__main__":
    main()
