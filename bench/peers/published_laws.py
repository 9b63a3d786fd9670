"""What the published programs make of the curves of a benchmark: M3 and M4 as in the program of Alabdulmohsin et al. 2022, and one
break as in the script of Caballero et al. 2023 as it stands, in the form that may overflow.

M3, b (1/x + g)^c, takes turns between b and c, by linear regression of log y, and g, the best of those that meet one point. M4,
(y - a) / (y0 - y)^alpha = b x^c, takes turns between b, c and alpha, by regression with signs, y0 at its first value, and a and y0, by
100 rounds of 1,000 steps down the gradient, then rounds of 100 damped Newton steps one coordinate at a time; it is read off 10,000
values of y. y0 starts at 1; where y is an error rate (BB) it starts at 1.001, which also bounds it. Usage: published_laws.py CURVES.csv >RESULTS.csv"""
import csv, sys, warnings
import numpy as np
from scipy.optimize import curve_fit, nnls
warnings.filterwarnings("ignore")
MARGIN, DONE, NOTHING = 1e-3, 1e-10, 1e-5

def m3(x, y, at):
    g, old = 0., 1.
    def off(g):
        return np.linalg.norm(np.log(y) - log_b - c * np.log(1 / x + g))
    for _ in range(10000):
        c, log_b = np.polyfit(np.log(1 / x + g), np.log(y), 1)
        c = max(0, c)
        tried = (y / np.exp(log_b)) ** (1 / c) - 1 / x
        g = min([g, *tried[tried >= 0]], key=off)
        if abs(np.exp(log_b) - old) < DONE:
            break
        old = np.exp(log_b)
    return np.exp(log_b) * (1 / at + g) ** c

def m4(x, y, at, most):
    """All curves at once: lists of arrays, and of the largest y0 (None: unbounded)."""
    C, n = len(x), np.array([len(v) for v in x])
    def table(rows): # curves x points: the last one again where there is none, with weight 0
        return np.array([np.pad(v, (0, n.max() - len(v)), "edge") for v in rows])
    log_x, Y, weight = np.log(table(x)), table(y), (np.arange(n.max()) < n[:, None]) / n[:, None]
    low, high = np.array([v.min() for v in y]) - MARGIN, np.array([v.max() for v in y]) + MARGIN
    bound = np.array([np.inf if b is None else b + MARGIN for b in most])
    y0, a = np.array([1. if b is None else b + MARGIN for b in most]), low.copy()
    regressors = [np.stack([np.ones(k), -np.log(u), np.log(e - v)], 1) for k, u, v, e in zip(n, x, y, y0)]
    p, live, old = np.zeros((C, 3)), np.arange(C), np.ones(C)
    for k in range(10000):
        for i in live:
            p[i] = nnls(regressors[i], np.log(y[i] - a[i]))[0]
        w, v, alpha, f = weight[live], Y[live], p[live, 2], p[live, :1] - p[live, 1:2] * log_x[live]
        la, l0 = a[live], y0[live]
        for _ in range(1000 if k < 100 else 100):
            over_a, over_0 = 1 / (v - la[:, None]), 1 / (l0[:, None] - v)
            r = np.log(v - la[:, None]) - alpha[:, None] * np.log(l0[:, None] - v) - f
            step_a, step_0 = -(w * r * over_a).sum(1), -alpha * (w * r * over_0).sum(1)
            if k < 100:
                la, l0 = la - 1e-8 * step_a, l0 - 1e-8 * step_0
            else:
                bend_a = (w * (1 - r) * over_a ** 2).sum(1)
                bend_0 = alpha * (w * (alpha[:, None] + r) * over_0 ** 2).sum(1)
                la = np.where(abs(bend_a) > NOTHING, la - .1 * step_a / bend_a, la)
                l0 = np.where(abs(bend_0) > NOTHING, l0 - .1 * step_0 / bend_0, l0)
            la = np.minimum(np.maximum(la, 0), low[live])
            l0 = np.minimum(np.maximum(l0, high[live]), bound[live])
        a[live], y0[live] = la, l0
        b = np.exp(p[live, 0])
        still = (abs(b - old[live]) >= DONE) | (k <= 101)
        old[live] = b
        live = live[still]
        if not len(live):
            break
    def read(i):
        f, alpha = np.exp(p[i, 0] - p[i, 1] * np.log(at[i])), p[i, 2]
        if alpha < NOTHING:
            return a[i] + f
        above = np.linspace(0, y0[i] - a[i], 10000)
        below = (y0[i] - a[i] - above) ** alpha
        return a[i] + above[[np.argmin(abs(above - g * below)) for g in f]]
    return [read(i) for i in range(C)]

def bnsl(x, y, at):
    def law(x, a, b, c0, c1, d, f):
        return a + b * x ** -c0 * (1 + (x / d) ** (1 / f)) ** (-c1 * f)
    tenths, levels, quarters = np.arange(0, 1, .1), 1.25 ** np.arange(0, 40, 2.5) - .9, np.arange(0, 1, .25)
    grid = np.stack([v.ravel() for v in np.meshgrid(tenths, levels, quarters, quarters, levels, quarters, indexing="ij")])
    score = [np.mean((np.log(law(x, *part[:, :, None]) + 1) - np.log(y + 1)) ** 2, axis=1) for part in np.array_split(grid, 64, axis=1)]
    best = grid[:, np.argmin(np.concatenate(score))]
    best, _ = curve_fit(lambda x, *p: np.log(law(x, *p) + 1), x, np.log(y + 1), best, maxfev=1000000)
    return law(at, *best)

curves = {}
for row in csv.DictReader(open(sys.argv[1])):
    curve = curves.setdefault((row["Domain"], row["Task"], row["Model"]), ({}, []))
    point = float(row["Seen Examples"]), float(row["Loss"])
    if row["Training"] == "1":
        curve[0][point[0]] = point[1] # of points at the same x the last one counts, as in the program of M3 and M4
    else:
        curve[1].append(point)
data = [(*np.array(sorted(fitted.items())).T, *np.array(beyond).T) for fitted, beyond in curves.values()]
x, y, at, _ = zip(*data)
results = {"published M4": m4(x, y, at, [1. if domain == "BB" else None for domain, _, _ in curves]),
           "published M3": [m3(*curve[:3]) for curve in data], "published BNSL script": [bnsl(*curve[:3]) for curve in data]}
out = csv.writer(sys.stdout)
out.writerow(["Domain", "Task", "Model", "procedure", "rmsle"])
for name, predicted in results.items():
    for key, curve, yhat in zip(curves, data, predicted):
        out.writerow([*key, name, "%.6g" % np.sqrt(np.mean((np.log(yhat) - np.log(curve[3])) ** 2))])
