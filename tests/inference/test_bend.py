"""A thin curved ridge, whose posterior a grid gives exactly."""

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import Importance, Laplace, fit
from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.bend import bend
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import unconstrain
from sersiclab.inference.search.minimiser import minimise
from sersiclab.model import Model, render
from sersiclab.model.density import Density
from sersiclab.parameters.priors import LogUniform
from sersiclab.profiles import Sersic

from .conftest import BlobRenderer


LOW, HIGH = 10.0, 1e4
PATHS = ["one.flux", "other.flux"]
QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)
CASES = {"free": (900.0, 600.0, 2.0), "at a bound": (2500.0, 30.0, 1.0)}


class Ridge:
    """Two galaxies at one place, nearly alike: the sum of the fluxes is known, which is whose is not."""

    def __init__(self, one, other, sigma, *, noise=True):
        place = {"xc": 14.0, "yc": 13.0, "n": 0.5, "ellip": 0.3, "theta": 0.4}
        components = {
            "one": Sersic(flux=LogUniform(LOW, HIGH), r_eff=3.0, **place),
            "other": Sersic(flux=LogUniform(LOW, HIGH), r_eff=3.8, **place),
        }
        self.model = Model(components, renderer=BlobRenderer())
        empty = Image(np.zeros((26, 29)), sigma=sigma)
        units = ((1.0, 0.0), (0.0, 1.0))
        self.columns = np.stack(
            [np.ravel(render(self.model, empty, dict(zip(PATHS, unit, strict=True)))) for unit in units], axis=1
        ).astype(float)
        self.sigma = sigma
        data = self.columns @ [one, other]
        data = data + noise * np.random.default_rng(6).normal(scale=sigma, size=data.size)
        self.image = Image(data.reshape(26, 29), sigma=sigma)

    def log_likelihood(self, fluxes):
        """By linear algebra, of an array of pairs of fluxes."""
        data = self.image.data.ravel()
        normal, target = self.columns.T @ self.columns, self.columns.T @ data
        quadratic = np.einsum("...i,ij,...j->...", fluxes, normal, fluxes)
        return -0.5 * (quadratic - 2 * fluxes @ target) / self.sigma**2

    def exact(self):
        """Of each ln flux, the ends of the cells of a grid and the probability below them."""
        total = sum(self.image.data.ravel() @ np.linalg.pinv(self.columns).T)
        ends = [(0.2 * total, 1.4 * total, 3001), (LOW, 1.4 * total, 1501)]
        edges = [np.linspace(np.log(low), np.log(high), size) for low, high, size in ends]
        ln = [0.5 * (edge[1:] + edge[:-1]) for edge in edges]
        log_density = self.log_likelihood(np.exp(np.stack(np.meshgrid(*ln, indexing="ij"), axis=-1)))
        density = np.exp(log_density - log_density.max())
        for edge, axis in zip(edges, (1, 0), strict=True):
            below = np.concatenate([[0.0], np.cumsum(density.sum(axis=axis))])
            yield edge, below / below[-1]

    def worst(self, result):
        """By how much the share of the draws below an exact quantile is wrong, at worst."""
        wrongs = []
        for path, (edges, below) in zip(PATHS, self.exact(), strict=True):
            for quantile in QUANTILES:
                end = np.interp(quantile, below, edges)
                wrongs.append(abs(np.mean(np.log(result.draws[path]) < end) - quantile))
        return max(wrongs)


@pytest.mark.parametrize("case", CASES)
def test_a_curved_ridge_is_exact(case):
    ridge = Ridge(*CASES[case])
    result = fit(ridge.model, ridge.image, Importance(draws=3000), progress=False)
    laplace = fit(ridge.model, ridge.image, Laplace(draws=20_000), progress=False)
    effective = result.summary()["ess_bulk"].min()
    assert effective > 2000
    assert result.stats["pareto_k"][0, 0] < 0.7
    assert ridge.worst(result) < 4 * 0.5 / np.sqrt(effective)
    assert ridge.worst(laplace) > 0.03, "a posterior that is no test"


@pytest.mark.parametrize("seed", range(3))
def test_a_ridge_with_two_long_arms_is_exact_or_distrusted(seed):
    """Either of the two may have next to nothing: far from any normal distribution, in any coordinates."""
    ridge = Ridge(300.0, 200.0, 2.0)
    result = fit(ridge.model, ridge.image, Importance(draws=2000), seed=seed, progress=False)
    distrusted = result.verdict.level == "bad"
    assert distrusted or ridge.worst(result) < 4 * 0.5 / np.sqrt(result.summary()["ess_bulk"].min())


def problem_of(ridge):
    density, monitor = Density.of(ridge.model, ridge.image), Monitor("test", None)
    start = unconstrain(monitor, density, np.array([500.0, 500.0]))
    return Problem(density, start, np.zeros(2, bool), seed=0), monitor


def test_the_shift_is_the_third_derivative_of_the_posterior():
    """Without noise in the data the two are the same; by finite differences of the exact posterior."""
    ridge = Ridge(900.0, 600.0, 1.0, noise=False)
    problem, monitor = problem_of(ridge)
    found = bend(problem, monitor, minimise(problem, monitor, jacobian=True))

    def potential(y):
        share = (found.middle + found.axes @ np.asarray(y)) / 4  # v is linear in the logarithm of the flux
        return -ridge.log_likelihood(np.exp(np.log(LOW) + np.log(HIGH / LOW) * share))

    h = 0.05
    along = [potential((sign * h, other * h)) for sign in (1, 0, -1) for other in (1, -1)]
    third = ((along[0] - 2 * along[2] + along[4]) - (along[1] - 2 * along[3] + along[5])) / (2 * h**3)
    assert abs(third) > 0.3
    assert found.forms[1, 0, 0] == pytest.approx(third, rel=0.05)
    assert np.count_nonzero(found.forms) == 1


def test_points_and_their_volume():
    ridge = Ridge(*CASES["free"])
    problem, monitor = problem_of(ridge)
    found = bend(problem, monitor, minimise(problem, monitor, jacobian=True))
    s, step = np.random.default_rng(2).normal(size=(20, 2)), 1e-5
    u, log_volume = found.forward(s)
    for row, volume in zip(s, log_volume, strict=True):
        ends = [found.forward(row + sign * step * np.eye(2))[0] for sign in (1, -1)]
        jacobian = (ends[0] - ends[1]) / (2 * step)
        expected = np.linalg.slogdet(jacobian)[1] - np.linalg.slogdet(found.axes)[1]
        assert volume == pytest.approx(expected, abs=1e-6)
    assert np.all(np.isfinite(u))
    far = np.array([[1e3, 0.0], [-1e3, 0.0], [0.0, 1e200]])
    assert np.all(found.forward(far)[1] == -np.inf)
