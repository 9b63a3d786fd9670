"""scipy's curve_fit on the problems of a case. Usage: fit_scipy.py CASE PROBLEMS_FILE

As its manual advises for problems without bounds: method='lm' (MINPACK's lmder with finite differences), the residuals of log
y, the same starts, coordinates and points; it stops at its default, a relative change of 1e-8."""
import json
import sys
import time
import warnings

from peer import serve, threads_from_environment

threads_from_environment()
import numpy as np
from scipy.optimize import curve_fit

from fit_laws import laws

warnings.simplefilter("ignore")  # of fits without a covariance
case, path = sys.argv[1:]
law = laws(np)[case.split()[1]]
fits = json.load(open(path))["fits"]
for fit in fits:
    fit["x0"], fit["target"] = np.array(fit["x0"]), np.array(fit["target"])


def work():
    costs = []
    begin = time.perf_counter()
    for fit in fits:
        try:
            with np.errstate(all="ignore"):
                info = curve_fit(law, fit["x0"], fit["target"], fit["start"], method="lm", maxfev=20000, full_output=True)[2]
            costs.append(float(np.sum(info["fvec"] ** 2)))
        except (RuntimeError, ValueError):
            costs.append(float("inf"))
    return {"seconds": time.perf_counter() - begin, "costs": costs, "note": ""}


serve(work)
