"""The posterior density for samplers of other packages, against scipy and exact derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats as st

import sersiclab as sl
from sersiclab.model import Model
from sersiclab.profiles import Sersic

from ..inference.conftest import BlobRenderer


LAWS = {
    "galaxy.xc": (sl.Normal(8.0, 0.5), st.norm(8.0, 0.5)),
    "galaxy.yc": (sl.TruncatedNormal(7.0, 1.0, low=6.0), st.truncnorm(-1.0, np.inf, 7.0, 1.0)),
    "galaxy.flux": (sl.LogUniform(10.0, 1e3), st.loguniform(10.0, 1e3)),
    "galaxy.r_eff": (sl.Custom(dist.Gamma(4.0, 2.0)), st.gamma(4.0, scale=0.5)),
    "galaxy.n": (sl.TruncatedNormal(2.0, 1.0, low=0.5, high=8.0), st.truncnorm(-1.5, 6.0, 2.0, 1.0)),
    "galaxy.ellip": (sl.Uniform(0.0, 0.9), st.uniform(0.0, 0.9)),
    "galaxy.theta": (sl.Angle(), st.uniform(0.0, np.pi)),
}
VALUES = {
    "galaxy.xc": 8.3,
    "galaxy.yc": 6.4,
    "galaxy.flux": 80.0,
    "galaxy.r_eff": 2.2,
    "galaxy.n": 1.7,
    "galaxy.ellip": 0.35,
    "galaxy.theta": 0.9,
}


def blob(unit=1.0):
    priors = {path.split(".")[1]: prior for path, (prior, _) in LAWS.items()}
    priors["flux"] = sl.LogUniform(10.0 * unit, 1e3 * unit)
    return Model({"galaxy": Sersic(**priors)}, renderer=BlobRenderer())


def picture(unit=1.0):
    rng = np.random.default_rng(11)
    data = rng.normal(size=(15, 17))
    mask = np.zeros(data.shape, bool)
    mask[3, 4:9] = True
    return sl.Image(data * unit, sigma=rng.uniform(0.5, 2.0, data.shape) * unit, mask=mask)


@pytest.fixture
def posterior(x64):
    return sl.Posterior(blob(), picture())


def test_points_and_values_are_each_others_inverse(posterior):
    u = posterior.unconstrain(VALUES)
    back = posterior.constrain(u)
    assert list(back) == list(posterior.paths) == list(LAWS)
    for path, value in VALUES.items():
        assert float(back[path]) == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(back.vector, list(VALUES.values()), rtol=1e-9)


def test_the_prior_of_values_is_scipys(posterior):
    expected = sum(law.logpdf(VALUES[path]) for path, (_, law) in LAWS.items())
    assert float(posterior.log_prior(VALUES)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("path", ["galaxy.ellip", "galaxy.flux", "galaxy.yc", "galaxy.r_eff"])
def test_excluded_values_have_no_chance(posterior, path):
    assert float(posterior.log_prior({**VALUES, path: -1.0})) == -np.inf


def test_a_points_prior_has_the_jacobian(posterior):
    u = posterior.unconstrain(VALUES)
    jacobian = jax.jacfwd(lambda u: posterior.constrain(u).vector)(u)
    sign, log_det = np.linalg.slogdet(jacobian)
    assert sign > 0
    assert float(posterior.log_prior(u)) == pytest.approx(float(posterior.log_prior(VALUES)) + log_det, rel=1e-9)


def test_the_likelihood_is_scipys_over_unmasked_pixels(posterior):
    image = picture()
    mean = sl.render(blob(), image, VALUES)
    expected = st.norm(mean, image.sigma).logpdf(image.data)[image.valid].sum()
    u = posterior.unconstrain(VALUES)
    assert float(posterior.log_likelihood(VALUES)) == pytest.approx(expected, rel=1e-9)
    assert float(posterior.log_likelihood(u)) == pytest.approx(expected, rel=1e-9)
    assert float(posterior.log_density(u)) == pytest.approx(expected + float(posterior.log_prior(u)), rel=1e-9)


def test_the_unit_cube_becomes_draws_from_the_priors(posterior):
    cube = np.random.default_rng(2).uniform(size=(4000, len(LAWS)))
    draws = jax.vmap(posterior.prior_transform)(cube)
    for k, (path, (_, law)) in enumerate(LAWS.items()):
        np.testing.assert_allclose(law.cdf(np.asarray(draws[path])), cube[:, k], atol=1e-6)


@pytest.mark.parametrize("corner", [0.0, 1.0])
def test_the_cubes_corners_are_numbers(posterior, corner):
    values = posterior.prior_transform(np.full(len(LAWS), corner))
    assert np.isfinite(values.vector).all()
    assert np.isfinite(float(posterior.log_likelihood(values)))


def test_a_prior_without_quantiles_is_named():
    class Nameless(dist.Gamma):
        def icdf(self, q):
            raise NotImplementedError

        def cdf(self, value):
            raise NotImplementedError

    model = blob().replace({"galaxy.r_eff": sl.Custom(Nameless(4.0, 2.0), init=2.0)})
    with pytest.raises(ValueError, match=r"galaxy.r_eff has no prior_transform: its prior, Nameless, has neither"):
        sl.Posterior(model, picture()).prior_transform(np.full(len(LAWS), 0.5))


def test_derivatives_are_those_of_finite_differences(posterior):
    u = np.asarray(posterior.unconstrain(VALUES))
    gradient = jax.grad(posterior.log_density)(u)
    for k in range(u.size):
        step = 1e-5 * np.eye(u.size)[k]
        slope = float(posterior.log_density(u + step) - posterior.log_density(u - step)) / 2e-5
        assert float(gradient[k]) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_another_image_compiles_nothing(x64, monkeypatch):
    traced = []
    one, other = (sl.Posterior(blob(), image) for image in (picture(), picture(2.0)))
    u = one.unconstrain(VALUES)

    @eqx.filter_jit
    def density(posterior, u):
        traced.append(1)
        return posterior.log_density(u)

    assert float(density(one, u)) != float(density(other, u))
    assert traced == [1]


def test_tiny_units_change_the_likelihood_by_a_constant(x64):
    """The density of data in units of 1e-30 is higher by a factor 1e30 a pixel."""
    unit = 1e-30
    image, tiny = picture(), sl.Posterior(blob(unit), picture(unit))
    here = {**VALUES, "galaxy.flux": VALUES["galaxy.flux"] * unit}
    u = tiny.unconstrain(here)
    assert float(tiny.constrain(u)["galaxy.flux"]) == pytest.approx(here["galaxy.flux"], rel=1e-9)
    expected = float(sl.Posterior(blob(), image).log_likelihood(VALUES)) - image.valid.sum() * np.log(unit)
    assert float(tiny.log_likelihood(here)) + tiny.log_unit == pytest.approx(expected, rel=1e-9)
    assert float(tiny.log_prior(here)) == pytest.approx(
        float(sl.Posterior(blob(), image).log_prior(VALUES)) - np.log(unit), rel=1e-9
    )


def test_single_precision_keeps_values_in_tiny_units():
    unit = 1e-30
    tiny = sl.Posterior(blob(unit), picture(unit))
    here = {**VALUES, "galaxy.flux": VALUES["galaxy.flux"] * unit}
    assert float(tiny.constrain(tiny.unconstrain(here))["galaxy.flux"]) == pytest.approx(here["galaxy.flux"], rel=1e-5)
    assert bool(jnp.isfinite(tiny.log_density(tiny.unconstrain(here))))


def test_what_is_no_model_or_image_is_refused():
    with pytest.raises(TypeError, match="image must be an Image"):
        sl.Posterior(blob(), picture().data)
    with pytest.raises(TypeError, match="model must be a Model"):
        sl.Posterior(blob().components["galaxy"], picture())
    with pytest.raises(ValueError, match=r"galaxy.xc is free and has no value"):
        sl.Posterior(blob(), picture()).log_likelihood({"galaxy.n": 2.0})
