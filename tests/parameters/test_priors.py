"""Priors against scipy, and the laws that every prior keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats as st
from numpyro.distributions import constraints
from scipy.integrate import cumulative_simpson

import sersiclab.parameters.priors as sl
from sersiclab import parameters
from sersiclab.profiles import PointSource


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


FAR = [(12, np.inf), (40, 41), (39, 60), (40, 40.001), (-60, -39), (-np.inf, -1e5), (1e5, np.inf), (-8, 30), (3, 1e9)]


def quantile(low, high, share):
    """A quantile of the truncated standard normal: exp(-x^2 / 2) integrated from its end in the tail."""
    if low + high < 0:
        return -quantile(-high, -low, 1 - share)
    # In x = low + t the density is exp(-low t - t^2 / 2), which falls within some 40 / low.
    start = max(low, -40.0)
    end = min(high - start, 40.0 / max(start, 1.0)) if start > 0 else min(high, 40.0) - start
    t = np.linspace(0.0, end, 400001)
    below = cumulative_simpson(np.exp(-start * t - 0.5 * t**2 - min(0.0, start) ** 2 / 2), x=t, initial=0.0)
    return start + np.interp(share * below[-1], below, t)


@pytest.mark.parametrize(("low", "high"), FAR)
def test_a_far_tail_has_its_quantiles_and_density(low, high):
    prior = sl.TruncatedNormal(0, 1, low=low, high=high)
    width = quantile(low, high, 0.9) - quantile(low, high, 0.1)
    assert prior.median() == pytest.approx(quantile(low, high, 0.5), abs=1e-4 * width + 1e-15 * abs(prior.median()))
    if max(abs(np.nan_to_num([low, high], posinf=0, neginf=0))) > 1e3:
        return  # single precision does not resolve the distribution
    law = prior.distribution()
    draws = np.asarray(law.sample(jax.random.key(1), (2000,)), float)
    assert np.all((draws >= low) & (draws <= high))
    for share in (0.1, 0.5, 0.9):
        assert np.mean(draws < quantile(low, high, share)) == pytest.approx(share, abs=0.04)
    x = np.linspace(quantile(low, high, 1e-4), quantile(low, high, 1 - 1e-4), 20001)
    # In single precision x is good to 3e-6, and its square to 1e-4.
    assert np.trapezoid(np.exp(np.asarray(law.log_prob(x), float)), x) == pytest.approx(1.0, abs=3e-3)


# name -> (distribution, its median): scales far from one, quantile functions that numpyro lacks
CUSTOM = {
    "far normal": (dist.Normal(60.0, 1.0), 60.0),
    "very far normal": (dist.Normal(-1e9, 1.0), -1e9),
    "tiny normal": (dist.Normal(2e-30, 1e-30), 2e-30),
    "far Student t": (dist.StudentT(5.0, 60.0, 1.0), 60.0),
    "far Cauchy": (dist.Cauchy(40.0, 1.0), 40.0),
    "wide gamma": (dist.Gamma(2.0, 1e-15), st.gamma(2.0, scale=1e15).median()),
    "narrow gamma": (dist.Gamma(2.0, 1e20), st.gamma(2.0, scale=1e-20).median()),
    "far Pareto": (dist.Pareto(1e12, 2.0), 1e12 * np.sqrt(2)),
    "beta": (dist.Beta(2.0, 3.0), st.beta(2, 3).median()),
    "far beta": (
        dist.TransformedDistribution(
            dist.Beta(2.0, 3.0), dist.transforms.AffineTransform(500.0, 9.0, domain=constraints.unit_interval)
        ),
        500 + 9 * st.beta(2, 3).median(),
    ),
    "far mixture": (
        dist.MixtureSameFamily(dist.Categorical(np.array([0.3, 0.7])), dist.Normal(np.array([0, 5e6]), 1e6)),
        5e6 + 1e6 * st.norm.ppf(2 / 7),
    ),
}


@pytest.mark.parametrize("name", CUSTOM)
def test_medians_of_custom_priors_have_no_scale_built_in(name):
    law, median = CUSTOM[name]
    assert sl.Custom(law).median() == pytest.approx(median, rel=1e-5)


class Unknown(dist.Distribution):
    """A distribution that says nothing of its quantiles, and has no mean."""

    support = constraints.real

    def log_prob(self, value):
        return -jnp.log(jnp.pi * (1 + value**2))

    @property
    def mean(self):
        return jnp.nan


def test_a_median_that_is_unknown_is_asked_for():
    star = PointSource(xc=sl.Custom(Unknown(validate_args=False)), yc=1.0, flux=1.0)
    bounded = dist.TransformedDistribution(dist.Beta(2.0, 3.0), dist.transforms.AffineTransform(500.0, 9.0))
    with pytest.raises(ValueError, match="can't be computed"):  # numpyro takes its support for the real line
        sl.Custom(bounded).median()
    with pytest.raises(ValueError, match=r"(?s)^star\.xc: the median of its prior .* can't be computed.* init="):
        parameters.initial({"star": star})
    assert parameters.initial({"star": PointSource(xc=sl.Custom(Unknown(), init=3), yc=1.0, flux=1.0)}) == {
        "star.xc": 3
    }


@pytest.mark.parametrize("low", [-np.inf, None])
def test_infinite_bounds_of_their_own_side_are_none(low):
    assert sl.TruncatedNormal(1, 2, low=low, high=3).low is None


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
        (lambda: sl.Custom(dist.Delta(2.0)), "continuous univariate"),
        (lambda: sl.Custom(dist.ImproperUniform(constraints.real, (), ())), "integrates to one"),
        (lambda: sl.TruncatedNormal(0, 1, low=float("nan")), r"TruncatedNormal\.low must be finite, got nan"),
        (lambda: sl.TruncatedNormal(0, 1, low=float("inf")), r"TruncatedNormal\.low must be finite, got inf"),
        (lambda: sl.TruncatedNormal(0, 1, high=float("-inf")), r"TruncatedNormal\.high must be finite, got -inf"),
        (lambda: sl.Uniform(0, 1, init=float("nan")), r"Uniform\.init must be finite, got nan"),
        (lambda: sl.Normal(10**400, 1), r"Normal\.loc must be finite, got inf"),
    ],
)
def test_bad_numbers_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: sl.Custom("normal"),
        lambda: sl.Normal("a", 1),
        lambda: sl.Uniform(None, 1),
        lambda: sl.Normal(np.zeros(3), 1),
        lambda: sl.Normal(0, jnp.ones(1)),
        lambda: sl.Normal(0, 1 + 2j),
        lambda: sl.Normal(True, 1),
        lambda: sl.Normal(0, 1, init="a"),
        lambda: sl.Angle(init="up"),
        lambda: sl.Custom(dist.Normal(0.0, 1.0), init=np.zeros(2)),
        lambda: sl.TruncatedNormal(0, 1, low="0"),
        lambda: sl.Normal(np.timedelta64(1, "s"), 1),
        lambda: sl.Uniform(0, np.array("1")),
    ],
)
def test_what_is_not_a_number_is_refused(make):
    with pytest.raises(TypeError, match=r"Custom needs|must be a number"):
        make()


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (dist.Normal(0.0, -1.0, validate_args=False), "got invalid scale"),
        (dist.Gamma(-1.0, 1.0, validate_args=False), "got invalid concentration"),
        (dist.Uniform(3.0, 1.0, validate_args=False), "low < high, got low=3, high=1"),
        (dist.Normal(0.0, 1.0).mask(False), "whose density integrates to one"),
    ],
)
def test_laws_that_are_none_are_refused(law, message):
    with pytest.raises(ValueError, match=f"^Custom needs a distribution.*{message}"):
        sl.Custom(law)
