"""Levenberg-Marquardt in JAX, vmapped over the problems of a case and compiled. Usage: fit_jax.py CASE PROBLEMS_FILE

What a user of JAX would write: exact derivatives (jacfwd), normal equations damped by their diagonal (Marquardt 1963), the
damping a third of itself after a step that succeeds and twice after one that fails, double precision, until a step changes
the cost by less than 1e-12 of it; vmap makes all problems of a batch wait for the last, so that on a GPU, where there are
many, a batch may be a part of them."""
import json
import os
import sys
import time

from peer import alone, fastest, on_gpu, serve, threads_from_environment

threads = threads_from_environment()
os.environ.setdefault("JAX_ENABLE_X64", "1")
import jax
import jax.numpy as jnp
import numpy as np

from fit_laws import laws

case, path = sys.argv[1:]
law = laws(jnp)[case.split()[1]]
fits = json.load(open(path))["fits"]
x, target, start = (jnp.array([fit[key] for fit in fits]) for key in ("x0", "target", "start"))


def fit_one(x, target, start):
    residuals = lambda t: law(x, *t) - target
    cost_of = lambda t: jnp.sum(residuals(t) ** 2)

    def again(state):
        _, _, _, change, steps = state
        return (change > 1e-12) & (steps < 1000)

    def step(state):
        t, cost, damping, change, steps = state
        jacobian, r = jax.jacfwd(residuals)(t), residuals(t)
        normal, gradient = jacobian.T @ jacobian, jacobian.T @ r
        move = jnp.linalg.solve(normal + damping * jnp.diag(jnp.diag(normal) + 1e-300), gradient)
        new_cost = cost_of(t - move)
        better = new_cost <= cost
        stuck = damping > 1e12
        change = jnp.where(better, (cost - new_cost) / cost, jnp.where(stuck, 0.0, change))
        return (jnp.where(better, t - move, t), jnp.where(better, new_cost, cost),
                damping * jnp.where(better, 1 / 3, 2.0), change, steps + 1)

    return jax.lax.while_loop(again, step, (start, cost_of(start), 1e-3, jnp.inf, 0))[1]


fit_all = jax.jit(jax.vmap(fit_one))


def batches(n):
    return [tuple(array[first:first + n] for array in (x, target, start)) for first in range(0, len(fits), n)]


def seconds(n):
    """Of all."""
    some = batches(n)
    fit_all(*some[0]).block_until_ready()
    with alone(path):
        begin = time.perf_counter()
        for batch in some:
            fit_all(*batch).block_until_ready()
        return time.perf_counter() - begin


n = len(fits)
at_once = fastest([n, n // 8] if on_gpu() and n % 8 == 0 else [n], seconds)
ready = batches(at_once)


def work():
    begin = time.perf_counter()
    costs = np.concatenate([np.asarray(cost) for cost in [fit_all(*batch) for batch in ready]])
    taken = time.perf_counter() - begin
    return {"seconds": taken, "costs": np.nan_to_num(costs, nan=np.inf).tolist(), "note": f"{at_once} fits at once" if on_gpu() else ""}


serve(work)
