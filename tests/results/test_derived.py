from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from sersiclab.results import Fit


MakeFit = Callable[..., Fit]


def test_draws_are_those_of_the_formula(make_fit: MakeFit) -> None:
    fit = make_fit()
    found = fit.derive(lambda s: s["core"].flux / (s["galaxy"].flux + s["core"].flux), name="B/T")
    core, galaxy = fit.draws["core.flux"], fit.draws["galaxy.flux"]
    assert found.shape == (2, 400)
    assert_allclose(found, core / (core + galaxy), rtol=1e-5)
    row = fit.summary().loc["B/T"]
    assert row["mean"] == pytest.approx(np.mean(core / (core + galaxy)), rel=1e-5)
    assert row["best"] == pytest.approx(100 / 3100, rel=1e-5)


def test_ties_and_fixed_parameters_are_numbers_in_the_function(make_fit: MakeFit) -> None:
    fit = make_fit()
    assert_allclose(fit.derive(lambda s: s["core"].xc, name="x"), fit.draws["galaxy.xc"], rtol=1e-6)


def test_it_is_remembered_with_its_unit_and_replaced_by_name(make_fit: MakeFit) -> None:
    fit = make_fit(shape=(2, 20))
    fit.derive(lambda s: s["galaxy"].r_eff, name="size", unit="pixel")
    first = fit.posterior
    fit.derive(lambda s: 0.2 * s["galaxy"].r_eff, name="size", unit="arcsec")
    assert fit.summary().loc["size", "unit"] == "arcsec"
    assert_allclose(fit.posterior["posterior"]["size"], 0.2 * np.asarray(first["posterior"]["size"]), rtol=1e-5)
    assert list(fit.summary().index).count("size") == 1


def test_more_draws_than_are_evaluated_at_once(make_fit: MakeFit) -> None:
    fit = make_fit(shape=(2, 601))
    assert_allclose(fit.derive(lambda s: jnp.log(s["galaxy"].n), name="ln n"), np.log(fit.draws["galaxy.n"]), rtol=1e-4)


def test_without_draws_it_is_the_value_at_best_with_a_first_order_sd(make_fit: MakeFit) -> None:
    covariance = np.diag(np.full(9, 0.01**2))
    fit = make_fit(draws={}, stats={}, covariance=covariance)
    found = fit.derive(lambda s: 2.0 * s["core"].flux + s["sky"].level, name="q")
    assert found.shape == ()
    assert float(found) == pytest.approx(205.0)
    # The priors' scales are 50 and 1.
    assert fit.summary().loc["q", "sd"] == pytest.approx(0.01 * np.hypot(2 * 50, 1), rel=1e-4)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda s: np.log10(s["galaxy"].flux), TypeError, "jax.numpy"),
        (lambda s: 1.0 if s["galaxy"].n > 2 else 0.0, TypeError, "no `if`"),
        (lambda s: jnp.stack([s["galaxy"].n, s["galaxy"].n]), ValueError, r"one number a draw, got shape \(2,\)"),
        (lambda s: s["bulge"].n, KeyError, "bulge"),
    ],
)
def test_a_function_that_will_not_do_is_named(make_fit: MakeFit, function: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        make_fit().derive(function, name="q")


@pytest.mark.parametrize(
    ("name", "error"), [("galaxy.n", ValueError), ("", TypeError), (3, TypeError), ("B_T", ValueError)]
)
def test_a_name_must_be_new(make_fit: MakeFit, name: object, error: type) -> None:
    fit = make_fit()
    fit.derive(lambda s: s["galaxy"].n, name="B/T")
    with pytest.raises(error, match="name must"):
        fit.derive(lambda s: s["galaxy"].n, name=name)
