"""Where only a flux and a sky are free, the posterior is exactly normal: every method must hit it."""

import numpy as np
import pytest

from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, fit
from sersiclab.rendering import HybridRenderer


PATHS = ["galaxy.flux", "sky.level"]


def best(result):
    return np.array([result.best[path] for path in PATHS])


def check_draws(result, mean, covariance, *, effective):
    """Means within 5, variances within 6 Monte Carlo errors of this number of independent draws."""
    draws = np.stack([result.draws[path].ravel() for path in PATHS])
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(draws.mean(axis=1) - mean) / sd, 5 / np.sqrt(effective))
    np.testing.assert_array_less(np.abs(draws.var(axis=1) / sd**2 - 1), 6 * np.sqrt(2 / effective))
    correlation = np.corrcoef(draws)[0, 1]
    exact = covariance[0, 1] / sd.prod()
    assert abs(correlation - exact) < 5 * (1 - exact**2) / np.sqrt(effective)


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_map_is_the_mean(linear, unit):
    model, image, mean, covariance = linear(unit=unit)
    result = fit(model, image, MAP(), progress=False)
    np.testing.assert_allclose((best(result) - mean) / np.sqrt(np.diag(covariance)), 0, atol=2e-3)
    assert result.draws == {}
    assert (result.status, result.message) == ("complete", "")


def test_map_in_double_precision(linear, x64):
    model, image, mean, covariance = linear()
    result = fit(model, image, MAP(), progress=False)
    np.testing.assert_allclose((best(result) - mean) / np.sqrt(np.diag(covariance)), 0, atol=1e-6)


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_laplace_is_exact(linear, unit):
    model, image, mean, covariance = linear(unit=unit)
    result = fit(model, image, Laplace(draws=2000), progress=False)
    assert result.draws["galaxy.flux"].shape == (1, 2000)
    widths = unit * np.array([30.0, 0.1])  # the unconstrained space of a normal prior is in its widths
    np.testing.assert_allclose(result.covariance * np.outer(widths, widths), covariance, rtol=2e-4)
    check_draws(result, mean, covariance, effective=2000)


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_nuts_is_exact(linear, unit):
    model, image, mean, covariance = linear(unit=unit)
    result = fit(model, image, NUTS(warmup=100, draws=500), progress=False)
    assert result.draws["galaxy.flux"].shape == (2, 500)
    check_draws(result, mean, covariance, effective=400)
    assert result.summary()["r_hat"].max() < 1.03
    assert not result.stats["diverging"].any()


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_svi_is_exact(linear, unit):
    model, image, mean, covariance = linear(unit=unit)
    result = fit(model, image, SVI(draws=2000), progress=False)
    widths = unit * np.array([30.0, 0.1])
    np.testing.assert_allclose(
        result.covariance * np.outer(widths, widths), covariance, rtol=2e-3, atol=1e-4 * widths.prod()
    )
    check_draws(result, mean, covariance, effective=2000)


def test_what_builds_on_svi_is_exact(linear):
    model, image, mean, covariance = linear()
    flow = SVI("flow", steps=50)
    for proposal in (SVI(), flow):
        check_draws(fit(model, image, Importance(proposal), progress=False), mean, covariance, effective=800)
    check_draws(fit(model, image, NUTS(draws=500, transport=flow), progress=False), mean, covariance, effective=400)


def test_nuts_in_double_precision(linear, x64):
    model, image, mean, covariance = linear()
    result = fit(model, image, NUTS(warmup=100, draws=500, chains=3), progress=False)
    assert result.draws["galaxy.flux"].shape == (3, 500)
    check_draws(result, mean, covariance, effective=600)


def test_every_method_with_the_true_renderer(linear):
    model, image, mean, covariance = linear(renderer=HybridRenderer())
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((best(fit(model, image, MAP(), progress=False)) - mean) / sd, 0, atol=5e-3)
    check_draws(fit(model, image, Laplace(), progress=False), mean, covariance, effective=1000)
    check_draws(fit(model, image, SVI(), progress=False), mean, covariance, effective=1000)
    check_draws(fit(model, image, NUTS(warmup=100, draws=300), progress=False), mean, covariance, effective=200)


def test_statistics_of_the_sampler(linear):
    model, image, mean, covariance = linear()
    result = fit(model, image, NUTS(warmup=60, draws=50, max_tree_depth=3), progress=False)
    assert set(result.stats) == {
        "lp", "energy", "diverging", "acceptance_rate", "tree_depth", "n_steps", "step_size"
    }  # fmt: skip
    assert {array.shape for array in result.stats.values()} == {(2, 50)}
    assert result.stats["tree_depth"].max() <= 3
    assert result.stats["n_steps"].max() <= 7
    # Up to a constant, lp is minus half the squared distance from the mean, and `best` is its highest.
    draws = np.stack([result.draws[path] for path in PATHS], axis=-1) - mean
    distance = np.einsum("cdi,ij,cdj->cd", draws, np.linalg.inv(covariance), draws)
    offset = result.stats["lp"] + 0.5 * distance
    np.testing.assert_allclose(offset, offset.mean(), atol=0.02)
    assert result.best["galaxy.flux"] == result.draws["galaxy.flux"].flat[np.argmax(result.stats["lp"])]
    # The energy is kinetic plus potential, and the kinetic part has mean d / 2 = 1.
    kinetic = result.stats["energy"] + result.stats["lp"]
    assert kinetic.min() > -0.01


def test_the_seed_decides_the_draws(linear):
    model, image, *_ = linear()
    method = NUTS(warmup=40, draws=20)
    first, again, other = (fit(model, image, method, seed=seed, progress=False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.draws["galaxy.flux"], again.draws["galaxy.flux"])
    assert (first.draws["galaxy.flux"] != other.draws["galaxy.flux"]).all()


def test_an_informative_prior_counts(linear):
    wide, image, *_ = linear()
    narrow, _, mean, covariance = linear(prior_sd=(1.0, 0.1))
    result = fit(narrow, image, MAP(), progress=False)
    assert abs(result.best["galaxy.flux"] - mean[0]) < 0.01 * np.sqrt(covariance[0, 0])
    assert abs(result.best["galaxy.flux"] - fit(wide, image, MAP(), progress=False).best["galaxy.flux"]) > 3
