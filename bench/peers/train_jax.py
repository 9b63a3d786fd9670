"""JAX trains the models of a case. Usage: train_jax.py vmap|devices CASE MODELS_FILE

vmap over models, lax.scan over steps, jit around both, Adam from optax, as the documentation of each has it; devices: the
models shared out to as many CPU devices as there are threads (pmap), so that no operation is too small to be split. On a GPU
products are of full single precision, as ours are, not TF32."""
import functools
import os
import sys
import time

from peer import Models, alone, fastest, on_gpu, serve, sizes, threads_from_environment

threads = threads_from_environment()
how, case, path = sys.argv[1:]
devices = threads if how == "devices" else 1
if not on_gpu():
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
import jax
import jax.numpy as jnp
import numpy as np
import optax

jax.config.update("jax_default_matmul_precision", "highest")
models = Models(case, path)
activation = {"silu": jax.nn.silu, "relu": jax.nn.relu, "gelu": lambda x: jax.nn.gelu(x, approximate=False), "tanh": jnp.tanh,
              "identity": lambda x: x, "sine": jnp.sin}[models.activation]


def objective(parameters, x, target):
    *hidden, weights, biases = parameters
    output = x
    for layer in range(models.L):
        output = activation(output @ hidden[2 * layer] + hidden[2 * layer + 1])
    output = output @ weights + biases
    loss = jnp.square(output - target).mean(axis=0).sum()
    return (models.scale * loss + models.l1 * sum(jnp.abs(w).sum() for w in parameters[::2])
            + models.l2 * sum(jnp.square(w).sum() for w in parameters[::2])), loss


@functools.cache
def trainer(steps):
    optimizer = optax.adam(optax.cosine_decay_schedule(models.learning_rate, models.T))

    def train(parameters, x, target):
        def step(carry, _):
            parameters, state = carry
            gradient, loss = jax.grad(objective, has_aux=True)(parameters, x, target)
            updates, state = optimizer.update(gradient, state)
            return (optax.apply_updates(parameters, updates), state), loss

        return jax.lax.scan(step, (parameters, optimizer.init(parameters)), length=steps)[1][-1]

    return jax.pmap(jax.vmap(train)) if devices > 1 else jax.jit(jax.vmap(train))


def chunk(first, n):
    arrays = [array[first:first + n] for array in (models.x, models.target, *models.parameters)]
    if devices > 1:
        arrays = [a.reshape(devices, n // devices, *a.shape[1:]) for a in arrays]
    arrays = [jnp.asarray(a) for a in arrays]
    return tuple(arrays[2:]), arrays[0], arrays[1]


def seconds(n):
    """Of one model. A GPU takes all steps in the time that compiling for fewer would."""
    train = trainer(models.T if on_gpu() else max(2, models.T // 20))
    some = chunk(0, n)
    train(*some).block_until_ready()
    with alone(path):
        begin = time.perf_counter()
        train(*some).block_until_ready()
        return (time.perf_counter() - begin) / n


at_once = fastest(sizes(models, (4, 16, models.M)), seconds)
train = trainer(models.T)
chunks = [chunk(first, at_once) for first in range(0, models.M, at_once)]
train(*chunks[0]).block_until_ready()


def work():
    begin = time.perf_counter()
    losses = [train(*each) for each in chunks]
    losses = np.concatenate([np.asarray(loss).reshape(-1) for loss in losses])
    taken = time.perf_counter() - begin
    assert np.isfinite(losses).all()
    return {"seconds": taken, "losses": losses.tolist(), "note": f"{at_once} models at once"}


serve(work)
