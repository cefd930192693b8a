"""Priors against scipy, and the laws that every prior keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats as st

import sersiclab.priors as sl


# name -> (prior, the same distribution in scipy)
PRIORS = {
    "Normal": (sl.Normal(3, 2), st.norm(3, 2)),
    "TruncatedNormal": (sl.TruncatedNormal(4, 1, low=0.5, high=8), st.truncnorm(-3.5, 4, 4, 1)),
    "TruncatedNormal low": (sl.TruncatedNormal(1, 2, low=0.5), st.truncnorm(-0.25, np.inf, 1, 2)),
    "TruncatedNormal high": (sl.TruncatedNormal(1, 2, high=3), st.truncnorm(-np.inf, 1, 1, 2)),
    "TruncatedNormal open": (sl.TruncatedNormal(1, 2), st.norm(1, 2)),
    "LogNormal": (sl.LogNormal(1.0, 0.5), st.lognorm(0.5, scale=np.e)),
    "Uniform": (sl.Uniform(-1, 3), st.uniform(-1, 4)),
    "LogUniform": (sl.LogUniform(10, 1e4), st.loguniform(10, 1e4)),
    "Angle": (sl.Angle(), st.uniform(0, np.pi)),
    "Custom": (sl.Custom(dist.Gamma(3.0, 2.0)), st.gamma(3.0, scale=0.5)),
}


@pytest.fixture(params=PRIORS, ids=list(PRIORS))
def pair(request):
    return PRIORS[request.param]


def test_every_class_is_covered():
    assert {type(prior) for prior, _ in PRIORS.values()} == set(sl.PRIORS)


def test_density_is_scipys(pair):
    prior, truth = pair
    x = truth.ppf([0.05, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(prior.distribution().log_prob(x), truth.logpdf(x), rtol=2e-5, atol=1e-5)


def test_median_is_scipys(pair):
    prior, truth = pair
    assert prior.median() == pytest.approx(truth.median(), rel=1e-5)


def test_transform_is_a_bijection_onto_the_support(pair):
    prior, truth = pair
    transform = prior.transform()
    x = jnp.asarray(truth.ppf([0.01, 0.2, 0.7, 0.99]))
    np.testing.assert_allclose(transform(transform.inv(x)), x, rtol=1e-4)
    u = jnp.linspace(-4, 4, 9)
    if not isinstance(prior, sl.Angle):  # whose line covers the half circle many times
        low, high = truth.support()
        assert np.all((transform(u) >= low) & (transform(u) <= high))
    slope = jax.vmap(jax.grad(transform))(u)
    np.testing.assert_allclose(jnp.log(jnp.abs(slope)), transform.log_abs_det_jacobian(u, transform(u)), atol=1e-4)


def test_priors_are_pytrees_and_compare_by_value(pair):
    prior, _ = pair
    leaves, structure = jax.tree.flatten(prior)
    assert jax.tree.unflatten(structure, leaves) == prior
    assert prior != sl.Normal(99, 1)


def test_samples_follow_scipy(pair):
    prior, truth = pair
    draws = np.asarray(prior.distribution().sample(jax.random.key(0), (4000,)))
    assert st.kstest(draws, truth.cdf).pvalue > 1e-4


def test_deep_tail_median_is_finite():
    assert sl.TruncatedNormal(0, 1, low=12).median() == pytest.approx(st.truncnorm.median(12, np.inf))


def test_infinite_bounds_are_no_bounds():
    assert sl.TruncatedNormal(1, 2, low=-np.inf, high=np.inf) == sl.TruncatedNormal(1, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sl.Normal(0, 0), r"Normal\.scale must be positive and finite, got 0"),
        (lambda: sl.Normal(0, -1), r"Normal\.scale must be positive"),
        (lambda: sl.Normal(float("nan"), 1), r"Normal\.loc must be finite, got nan"),
        (lambda: sl.Uniform(2, 1), r"Uniform needs low < high, got low=2, high=1"),
        (lambda: sl.Uniform(0, float("inf")), r"Uniform\.high must be finite"),
        (lambda: sl.LogUniform(0, 1), r"LogUniform\.low must be positive"),
        (lambda: sl.TruncatedNormal(0, 1, low=3, high=2), r"TruncatedNormal needs low < high"),
        (lambda: sl.Custom(dist.Poisson(3.0)), "continuous univariate"),
        (lambda: sl.Custom(dist.Normal(jnp.zeros(2), 1.0)), "continuous univariate"),
    ],
)
def test_bad_numbers_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [lambda: sl.Custom("normal"), lambda: sl.Normal("a", 1), lambda: sl.Uniform(None, 1)])
def test_what_is_not_a_number_is_refused(make):
    with pytest.raises(TypeError, match=r"Custom needs|must be a number"):
        make()
