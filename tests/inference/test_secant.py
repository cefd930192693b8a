"""What a descent learns of the curvature that the Gauss-Newton matrix leaves out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import eigh

from sersiclab.data.image import Image
from sersiclab.inference.search import secant
from sersiclab.inference.search.descent import Descent, evaluate, judge
from sersiclab.inference.search.minimiser import aim_of
from sersiclab.model import Model
from sersiclab.model.density import Density
from sersiclab.model.simulate import simulate
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import Sersic


def positive(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random symmetric matrix with positive eigenvalues."""
    root = rng.normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


def symmetric(rng: np.random.Generator, size: int) -> np.ndarray:
    root = rng.normal(size=(size, size))
    return root + root.T


def test_the_next_step_would_have_had_the_right_curvature():
    rng = np.random.default_rng(1)
    for _ in range(20):
        curvature, whole, missing = positive(rng, 5), positive(rng, 5), symmetric(rng, 5)
        step = rng.normal(size=5)
        found = np.asarray(secant.learned(missing, step, whole @ step, curvature))
        np.testing.assert_allclose((curvature + found) @ step, whole @ step, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(found, found.T, atol=1e-4)


def test_nothing_is_learned_where_the_gradient_falls_along_the_step():
    assert np.isnan(secant.learned(jnp.zeros((2, 2)), jnp.ones(2), -jnp.ones(2), jnp.eye(2))).all()
    assert np.isnan(secant.learned(jnp.zeros((2, 2)), jnp.zeros(2), jnp.zeros(2), jnp.eye(2))).all()


def test_the_sum_is_kept_between_multiples_of_the_curvature():
    rng = np.random.default_rng(2)
    for size in (0.01, 1.0, 100.0):
        curvature, missing = positive(rng, 6), size * symmetric(rng, 6)
        whole = np.asarray(secant.completed(jnp.asarray(curvature), jnp.asarray(missing)), dtype=float)
        ratios = eigh(whole, curvature, eigvals_only=True)
        assert ratios.min() >= secant.LEAST - 0.01
        assert ratios.max() <= secant.MOST + 0.01
        if size == 0.01:
            np.testing.assert_allclose(whole, curvature + missing, atol=2e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_left_out(bad):
    curvature = jnp.eye(3)
    np.testing.assert_array_equal(secant.completed(curvature, curvature.at[0, 0].set(bad)), curvature)
    np.testing.assert_array_equal(secant.completed(-curvature, curvature), -curvature)


def faint_galaxy(seed: int) -> tuple[Model, Image]:
    """A galaxy with a signal-to-noise ratio of about 10."""
    galaxy = Sersic(
        xc=Normal(16, 2, init=16.0),
        yc=Normal(15, 2, init=15.0),
        flux=LogUniform(10, 1e4, init=300.0),
        r_eff=LogUniform(0.5, 30, init=3.0),
        n=Uniform(0.5, 8, init=2.0),
        ellip=Uniform(0, 0.9, init=0.3),
        theta=Angle(init=0.5),
    )
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.3**2)
    empty = Image(np.zeros((30, 33)), sigma=2.0, psf=psf / psf.sum())
    truth = {"xc": 15.7, "yc": 15.2, "flux": 180.0, "r_eff": 3.5, "n": 1.5, "ellip": 0.4, "theta": 0.9}
    model = Model({"galaxy": galaxy})
    return model, simulate(model, empty, {f"galaxy.{key}": value for key, value in truth.items()}, seed=seed)


def descents(*, learning: bool) -> tuple[list[int], list[float]]:
    """The iterations of the descents for some faint galaxies, and minus the log posteriors that they reach."""

    def one(density, aim, state):
        return judge(density, state, evaluate(density, state.trial, aim), learning=learning)

    step = jax.jit(one)
    counts, costs = [], []
    for seed in range(8):
        model, image = faint_galaxy(seed)
        density = Density.of(model, image)
        start = density.unconstrain({path: prior.init for path, prior in model.free.items()})
        state = Descent.at(density, start)
        while not state.ended and state.iterations < 100:
            state = step(density, aim_of(jacobian=True), state)
        counts.append(int(state.iterations))
        costs.append(0.5 * float(jnp.sum(state.expansion.pixels**2)) - float(state.expansion.log_prior))
    return counts, costs


def test_faint_galaxies_need_fewer_iterations_and_reach_the_same_maximum():
    plain, wanted = descents(learning=False)
    counts, found = descents(learning=True)
    np.testing.assert_allclose(found, wanted, atol=0.01)
    assert sum(counts) < 0.8 * sum(plain), (counts, plain)
