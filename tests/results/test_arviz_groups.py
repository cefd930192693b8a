"""The groups that ArviZ's prior and posterior predictive checks need."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, loguniform, norm

from sersiclab.results import Fit
from sersiclab.results.diagnostics import arviz


MakeFit = Callable[..., Fit]
PRIOR, PREDICTIVE = 400, 30


@pytest.fixture
def small(make_fit: MakeFit) -> Fit:
    return make_fit(shape=(2, 35))


def names(tree: Any) -> set[str]:
    """The groups of an object of ArviZ 0.x or 1.x."""
    return set(tree.groups()) if callable(tree.groups) else set(tree.children)


def test_without_numbers_it_has_the_groups_of_the_posterior(small: Fit) -> None:
    found, known = small.to_arviz(), small.posterior
    assert names(found) == names(known)
    assert not names(found) & {"prior", "posterior_predictive"}
    assert_array_equal(found["posterior"]["galaxy.n"], known["posterior"]["galaxy.n"])


def test_prior_draws_follow_the_priors(small: Fit) -> None:
    prior = small.to_arviz(prior=PRIOR)["prior"]
    assert list(prior.data_vars) == list(small.model.free)
    assert prior["galaxy.n"].sizes == {"chain": 1, "draw": PRIOR}
    assert prior["galaxy.r_eff"].attrs["unit"] == "pixel"
    laws = {"galaxy.xc": norm(22, 1), "galaxy.flux": loguniform(10, 1e5), "sky.level": norm(5, 1)}
    for path, law in laws.items():
        assert kstest(np.ravel(prior[path]), law.cdf).pvalue > 1e-4
    for path, known in small.model.free.items():
        low, high = known.support()
        assert np.all((np.asarray(prior[path]) >= low) & (np.asarray(prior[path]) <= high))


def test_predictive_data_lie_beside_the_observed_ones(small: Fit) -> None:
    found = small.to_arviz(predictive=PREDICTIVE, seed=4)
    predicted, observed = found["posterior_predictive"]["data"], found["observed_data"]["data"]
    assert predicted.sizes == {"chain": 1, "draw": PREDICTIVE, "pixel": int(small.image.valid.sum())}
    y, x = np.asarray(observed["y"]), np.asarray(observed["x"])
    assert_array_equal(observed, small.image.data[y, x])
    assert_array_equal(predicted[0], small.posterior_predictive(PREDICTIVE, seed=4)[:, y, x])
    assert_array_equal(y, small.log_likelihood["y"])
    # About 1350 pixels within 5 sigma of their mean over 30 draws, whose scatter the draws add.
    deviation = (observed - predicted[0].mean("draw")) / small.image.sigma[y, x]
    assert float(np.mean(np.asarray(deviation) ** 2)) < 1.5


def test_seeds_decide(small: Fit) -> None:
    one, same, other = (small.to_arviz(prior=5, predictive=2, seed=seed) for seed in (0, 0, 1))
    for group, name in (("prior", "galaxy.n"), ("posterior_predictive", "data")):
        assert_array_equal(one[group][name], same[group][name])
        assert not np.array_equal(one[group][name], other[group][name])


def test_the_posterior_keeps_its_groups(small: Fit) -> None:
    small.to_arviz(prior=5, predictive=2)
    assert small.posterior["observed_data"]["data"].shape == small.image.shape
    with pytest.raises(KeyError):
        small.posterior["prior"]


def test_predictive_data_are_as_small_as_the_image(small: Fit) -> None:
    data = small.to_arviz(predictive=PREDICTIVE)["posterior_predictive"]["data"]
    assert data.dtype == jax.numpy.result_type(float)


@pytest.mark.filterwarnings("ignore::matplotlib.MatplotlibDeprecationWarning")  # of what ArviZ 0.23 calls
def test_arviz_plots_the_predictive_check(small: Fit) -> None:
    az, found = arviz(), small.to_arviz(predictive=PREDICTIVE)
    if az.__version__.startswith("0."):
        axes = az.plot_ppc(found, num_pp_samples=10, random_seed=1)
        assert len(axes.lines) >= 10
        return
    plot = az.plot_ppc_dist(found, num_samples=10)
    assert "observed_dist" in plot.viz


@pytest.mark.filterwarnings("ignore::matplotlib.MatplotlibDeprecationWarning")
def test_arviz_compares_prior_and_posterior(small: Fit) -> None:
    az, found = arviz(), small.to_arviz(prior=PRIOR)
    if az.__version__.startswith("0."):
        assert np.size(az.plot_dist_comparison(found, var_names=["galaxy.n"])) == 3
    else:
        az.plot_prior_posterior(found, var_names=["galaxy.n"])


@pytest.mark.parametrize(("name", "value", "error"), [("prior", -1, ValueError), ("predictive", 2.5, TypeError)])
def test_numbers_that_are_none_are_refused(small: Fit, name: str, value: float, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        small.to_arviz(**{name: value})  # pyright: ignore[reportArgumentType]


def test_a_fit_without_draws_has_none(map_fit: Fit) -> None:
    with pytest.raises(ValueError, match=r"to_arviz needs draws, and MAP made none"):
        map_fit.to_arviz(prior=10)


def test_means_of_predictions_are_those_of_the_model(small: Fit) -> None:
    images = small.posterior_predictive(200, seed=2)
    valid = small.image.valid
    assert_allclose(images.mean(axis=0)[valid].mean(), small.model_image[valid].mean(), rtol=5e-2)
