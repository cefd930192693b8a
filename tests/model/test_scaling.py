"""Numbers out of reach of single precision: every prior, tie, noise and picture is the same in a scaled image."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import sersiclab as sl
from sersiclab import parameters
from sersiclab.model import scaling
from sersiclab.model.density import Density


FACTORS = [2.0**-133, 2.0**-87, 2.0**133]

FLUX_PRIORS = {
    "Normal": lambda f: sl.Normal(50 * f, 3 * f, init=51 * f),
    "TruncatedNormal": lambda f: sl.TruncatedNormal(50 * f, 3 * f, low=40 * f, high=70 * f),
    "half open": lambda f: sl.TruncatedNormal(50 * f, 3 * f, low=40 * f),
    "LogNormal": lambda f: sl.LogNormal(math.log(50 * f), 0.1),
    "Uniform": lambda f: sl.Uniform(20 * f, 90 * f, init=51 * f),
    "LogUniform": lambda f: sl.LogUniform(20 * f, 90 * f),
    "Custom normal": lambda f: sl.Custom(dist.Normal(50 * f, 3 * f), init=51 * f),
    "Custom gamma": lambda f: sl.Custom(dist.Gamma(5.0, 0.1 / f), init=51 * f),
    "Custom truncated": lambda f: sl.Custom(
        dist.LeftTruncatedDistribution(dist.StudentT(4.0, 50 * f, 3 * f), low=10 * f), init=51 * f
    ),
}
NOISES = {
    "Gaussian": lambda f: sl.GaussianNoise(),
    "Poisson": lambda f: sl.PoissonNoise(gain=20.0 / f, sky=3.0 * f),
    "inflated": lambda f: sl.InflatedNoise(sl.StudentTNoise(), floor=sl.LogUniform(1e-3 * f, 0.3 * f)),
    "mixture": lambda f: sl.MixtureNoise(),
}


def image(f):
    data = np.random.default_rng(1).normal(1.0, 0.1, (12, 14))
    return sl.Image(data * f, sigma=np.full(data.shape, 0.1 * f))


def model(f, flux="LogUniform", noise="Gaussian"):
    """Two galaxies and a tilted sky, with ties between quantities that scale and others that do not."""
    rest = {"r_eff": 2.0, "ellip": 0.2, "theta": 0.3}
    part = sl.Tied("a.flux", scale=0.1, offset=f)
    return sl.Model(
        {
            "a": sl.Exponential(xc=sl.Normal(6, 1), yc=5.0, flux=FLUX_PRIORS[flux](f), **rest),
            "b": sl.Sersic(
                xc=8.0, yc=sl.Normal(7, 1), flux=sl.Tied("a.flux", scale=0.2, offset=2.0 * f), n=2.0, **rest
            ),
            "c": sl.Exponential(xc=2.0, yc=2.0, flux=sl.Tied("a.xc", scale=0.3 * f), **rest),
            "d": sl.Exponential(xc=9.0, yc=2.0, flux=sl.Tied("a.xc", by=part), **rest),
            "sky": sl.TiltedSky(level=sl.Normal(0.0, 0.5 * f), slope_x=0.01 * f, slope_y=sl.Normal(0.0, 0.1 * f)),
        },
        noise=NOISES[noise](f),
    )


CASES = [*((prior, "Gaussian") for prior in FLUX_PRIORS), *(("Uniform", noise) for noise in NOISES)]


@pytest.mark.parametrize(("flux", "noise"), CASES)
def test_the_density_is_the_same_in_every_unit(flux, noise):
    of_one = model(1.0, flux, noise)
    reference, powers = Density.of(of_one, image(1.0)), scaling.powers(of_one.owners)
    near = {path: value + 0.01 * abs(value) for path, value in of_one.initial.items()}
    values = reference.values(near)
    u = reference.unconstrain(values)
    for f in FACTORS:
        density = Density.of(model(f, flux, noise), image(f))
        # Nothing is compiled anew.
        assert jax.tree.structure(density) == jax.tree.structure(reference)
        there = {path: value * f ** powers[path] for path, value in near.items()}
        at = density.values(there)
        back = density.outward(np.asarray(at.vector, float))
        np.testing.assert_allclose(back, list(there.values()), rtol=1e-6)
        np.testing.assert_allclose(
            scaling.times(density.mean(at), -int(density.exponent)) / f, reference.mean(values), rtol=2e-5
        )
        found = np.asarray(density.pointwise_log_likelihood(at), float) + density.log_unit / 168 + math.log(f)
        np.testing.assert_allclose(found, reference.pointwise_log_likelihood(values), rtol=1e-4, atol=1e-3)
        # Only of a distribution of one's own the unconstrained space depends on the unit.
        v = density.unconstrain(at)
        if not flux.startswith("Custom"):
            np.testing.assert_allclose(v, u, rtol=1e-3, atol=1e-4)
        unit = float(np.sum(np.asarray(density.shift))) * math.log(2) + sum(powers[p] for p in near) * math.log(f)
        assert float(density.log_prior(v, jacobian=False)) + unit == pytest.approx(
            float(reference.log_prior(u, jacobian=False)), abs=2e-3
        )


@pytest.mark.parametrize("f", FACTORS)
def test_pictures_and_mock_images_are_the_same_in_every_unit(f):
    of_one, other = model(1.0), model(f)
    np.testing.assert_allclose(sl.render(other, image(f)) / f, sl.render(of_one, image(1.0)), rtol=1e-5)
    parts = sl.render_components(other, image(f))
    for name, part in sl.render_components(of_one, image(1.0)).items():
        np.testing.assert_allclose(parts[name] / f, part, rtol=1e-5)
    mock, expected = sl.simulate(other, image(f), seed=3), sl.simulate(of_one, image(1.0), seed=3)
    np.testing.assert_allclose(mock.data / f, expected.data, rtol=1e-4)
    assert sl.render_error(other, image(f)).max_sigma < 2 * sl.render_error(of_one, image(1.0)).max_sigma + 1e-5


def test_usual_numbers_stay_as_they_are():
    for f in (1e-5, 1.0, 1e6):
        assert scaling.exponent_of(image(f)) == 0
    some = model(1.0)
    assert scaling.scaled(some.owners, 0) == some.owners
    assert sl.render(some, image(1.0)).dtype == jnp.result_type(float)


def test_a_typical_sigma_is_that_of_the_pixels_that_count():
    data, sigma, mask = np.zeros((40, 40)), np.full((40, 40), 1e10), np.ones((40, 40), bool)
    sigma[20, 20], mask[20, 20] = 1e-30, False
    assert scaling.exponent_of(sl.Image(data, sigma=sigma, mask=mask)) == 1 - math.frexp(1e-30)[1]


class Mine(parameters.AbstractPrior):
    """A prior of the user's own."""

    init: float | None = None

    def distribution(self):
        return dist.Normal(0.0, 1.0)

    def transform(self):
        return dist.transforms.IdentityTransform()

    def support(self):
        return -math.inf, math.inf

    def median(self):
        return 0.0


@pytest.mark.parametrize("prior", [Mine(), sl.Custom(dist.VonMises(0.0, 1.0), init=0.0)])
def test_a_prior_that_cannot_be_scaled_is_named(prior):
    star = sl.Model({"star": sl.PointSource(xc=5.0, yc=5.0, flux=prior)})
    with pytest.raises(ValueError, match=r"(?s)^star\.flux: this image's numbers .* multiply data, sigma"):
        Density.of(star, image(1e-36))
    assert Density.of(star, image(1.0)).paths == ("star.flux",)


def test_what_is_in_no_unit_of_the_image_is_left_as_it_is():
    owners = scaling.scaled(model(1.0).owners, 100)
    for name, owner in model(1.0).owners.items():
        for key, value in parameters.own_parameters(owner).items():
            if parameters.parameter_info(owner)[key].unit in ("pixel", "rad", ""):
                assert parameters.own_parameters(owners[name])[key] == value
