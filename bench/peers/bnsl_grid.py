"""Broken neural scaling law with one break, by the published procedure (Caballero et al. 2023): a brute-force grid scored by
the squared error of log(y + 1), then scipy's curve_fit, unbounded, from the grid's best. What its authors ask of those
who use it for data of their own is done here for each data set: the grid spans the ranges of its x, y and slopes, and widths
up to 3, at least as finely as theirs (16 values of b and d, 10 of the limit). The law is evaluated as a sum of logarithms,
which does not overflow, and curve_fit starts from the 20 best grid points, of which the best end that is finite is kept.
Usage: bnsl_grid.py CURVES.csv"""
import csv, sys, warnings
import numpy as np
from scipy.optimize import curve_fit
warnings.filterwarnings("ignore")

def law(x, a, log_b, c0, c1, log_d, f):
    z = np.log(x)
    return a + np.exp(log_b - c0 * z - c1 * f * np.logaddexp(0, (z - log_d) / f))

def start(x, y):
    z, target, found = np.log(x), np.log(y + 1), []
    edge = max(2, len(x) // 4)
    def slope(part): # of the logarithms, at one end of the curve
        return -np.polyfit(z[part], np.log(y[part]), 1)[0]
    steepest = max(0.75, 2 * abs(slope(slice(edge))), 2 * abs(slope(slice(-edge, None))))
    slopes = np.linspace(0, steepest, 6)
    for d in np.linspace(z[0], z[-1] + np.log(4), 16):
        for f in (.05, .25, .5, .75, 1.5, 3):
            bend = f * np.logaddexp(0, (z - d) / f)
            for c0 in slopes:
                for c1 in slopes - (c0 > 0) * steepest / 3: # a later slope may be less
                    shape = np.exp(-c0 * (z - z[0]) - c1 * bend)
                    for a in np.linspace(0, .9, 10) * y.min():
                        level = np.linspace(np.log(y.max() / 30), np.log(y.max() * 3), 16)
                        score = np.mean((target - np.log(a + np.exp(level)[:, None] * shape + 1)) ** 2, axis=1)
                        k = np.argmin(score)
                        found.append((score[k], (a, level[k] + c0 * z[0], c0, c1, d, f)))
    return [p for score, p in sorted(found)[:20]]

groups = {}
for row in csv.DictReader(open(sys.argv[1])):
    groups.setdefault((row["Domain"], row["Task"], row["Model"]), []).append(
        (float(row["Seen Examples"]), float(row["Loss"]), row["Training"] == "1"))
out = csv.writer(sys.stdout)
out.writerow(["Domain", "Task", "Model", "procedure", "rmsle"])
errors = {}
for key, rows in groups.items():
    x, y, train = (np.array(column) for column in zip(*sorted(set(rows))))
    train = train.astype(bool)
    best = (np.inf, None)
    for p in start(x[train], y[train]):
        try:
            p, _ = curve_fit(lambda x, *p: np.log(law(x, *p) + 1), x[train], np.log(y[train] + 1), p, maxfev=20000)
        except (RuntimeError, ValueError):
            continue
        cost = np.sum((np.log(law(x[train], *p) + 1) - np.log(y[train] + 1)) ** 2)
        if cost < best[0]:
            best = (cost, p)
    error = np.sqrt(np.mean((np.log(law(x[~train], *best[1])) - np.log(y[~train])) ** 2))
    errors.setdefault(key[0], []).append(error)
    out.writerow([*key, "BNSL procedure", "%.6g" % error])
    sys.stdout.flush()
for domain, of in errors.items():
    print("%s: mean %.4f, median %.4f" % (domain, np.mean(of), np.median(of)), file=sys.stderr)
