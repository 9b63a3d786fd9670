#!/usr/bin/env python3
"""The fits of `bench 'fit bnsl-1 n50'` by scipy's curve_fit, beside ours in the same run: one thread each, turn by turn.

Usage: fit_scipy.py [--rounds N] [CASE...]        after bench/run; numpy and scipy from tools of your choice

curve_fit as its manual advises for problems without bounds: method='lm' (MINPACK's lmder with finite differences), the
residuals of log y, the same starts, coordinates and points. A fit counts if its cost is within 1e-6 of the better of the
two fitters' costs.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import scipy
from scipy.optimize import curve_fit


def bnsl(n):
    def log_y(x, *t):
        exponent = t[1] - t[2] * x
        for i in range(n):
            width = np.exp(t[3 * i + 5])
            exponent = exponent - t[3 * i + 3] * width * np.logaddexp(0, (x - t[3 * i + 4]) / width)
        return np.log(t[0] + np.exp(exponent))

    return log_y


def power_offset(x, a, log_b, c):
    return np.log(a + np.exp(log_b - c * x))


LAWS = {"power-offset": power_offset, "bnsl-1": bnsl(1), "bnsl-2": bnsl(2)}


def theirs(problems, law):
    costs = []
    begin = time.perf_counter()
    for fit in problems:
        try:
            with np.errstate(all="ignore"):
                _, _, info, _, _ = curve_fit(law, fit["x0"], fit["target"], fit["start"], method="lm", maxfev=20000,
                                             full_output=True)
            costs.append(float(np.sum(info["fvec"] ** 2)))
        except (RuntimeError, ValueError):
            costs.append(np.inf)
    return np.array(costs), time.perf_counter() - begin


def ours(bench, case):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        record = json.loads(subprocess.run([bench, "-t1", "--json", "--rates-only", "--problems", file.name, case], check=True,
                                           capture_output=True, text=True).stdout)
        problems = json.load(open(file.name))
    for fit in problems["fits"]:
        fit["x0"], fit["target"] = np.array(fit["x0"]), np.array(fit["target"])
    return problems, record["cases"][0]["rate"][1] * 1e3


def main():
    warnings.simplefilter("ignore")  # of fits without a covariance
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("cases", nargs="*", default=["fit power-offset n20", "fit bnsl-1 n50", "fit bnsl-2 n50"])
    arguments = arguments.parse_args()
    bench = os.path.join(os.path.dirname(__file__), "../../build/release/bench/bench")
    print(f"scipy {scipy.__version__}, numpy {np.__version__}, one thread each; least / median / most of {arguments.rounds} rounds")
    print(f"{'case':24} {'ours, 1e3 fits/s':>22} {'scipy, 1e3 fits/s':>22} {'ratio':>22}  at the minimum: ours, scipy")
    for case in arguments.cases:
        law = LAWS[case.split()[1]]
        rates = []
        for _ in range(arguments.rounds):
            problems, our_rate = ours(bench, case)
            our_costs = np.array([f["cost"] if f["converged"] else np.inf for f in problems["fits"]])
            their_costs, seconds = theirs(problems["fits"], law)
            best = np.minimum(our_costs, their_costs) * (1 + 1e-6)
            we, they = np.mean(our_costs <= best), np.mean(their_costs <= best)
            rates.append((our_rate * we / 1e3, they * len(their_costs) / seconds / 1e3))
        rates = np.array(rates)
        cells = []
        for values in (rates[:, 0], rates[:, 1], rates[:, 0] / rates[:, 1]):
            cells.append(" / ".join(f"{v:.3g}" for v in (values.min(), np.median(values), values.max())))
        print(f"{case:24} {cells[0]:>22} {cells[1]:>22} {cells[2]:>22}  {100 * we:.1f} %, {100 * they:.1f} %")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
