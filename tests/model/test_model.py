"""The model: building, changing, rendering."""

import jax
import numpy as np
import numpyro
import pytest
from numpyro.infer.util import log_density

import sersiclab.parameters.priors as sl
from sersiclab.data.image import Image
from sersiclab.model import Model, joint, lower, render, render_components
from sersiclab.noise import GaussianNoise
from sersiclab.parameters import Tied
from sersiclab.profiles import Exponential, FlatSky, Sersic


SHAPE = (30, 41)


def gaussian_psf(side=9, fwhm=3.0):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / fwhm**2)
    return psf / psf.sum()


@pytest.fixture
def image(rng):
    mask = np.zeros(SHAPE, bool)
    mask[3:6, 30:35] = True
    return Image(rng.normal(size=SHAPE), sigma=np.full(SHAPE, 0.5), psf=gaussian_psf(), mask=mask)


def galaxy(**changes):
    fields = dict(
        xc=sl.Normal(20, 1), yc=14.0, flux=sl.LogUniform(1, 1e3), r_eff=4.0, n=sl.Uniform(0.5, 4), ellip=0.3, theta=1.0
    )
    return Sersic(**{**fields, **changes})


@pytest.fixture
def model():
    disk = Exponential(
        xc=Tied("galaxy.xc"), yc=15.0, flux=20.0, r_eff=sl.LogNormal(1.5, 0.2), ellip=0.5, theta=sl.Angle(init=0.2)
    )
    return Model({"galaxy": galaxy(), "disk": disk, "sky": FlatSky(level=sl.Normal(0, 0.1))})


def test_free_and_initial(model):
    assert list(model.free) == ["galaxy.xc", "galaxy.flux", "galaxy.n", "disk.r_eff", "disk.theta", "sky.level"]
    assert model.initial["disk.theta"] == 0.2


def test_models_compare_by_value_and_keep_their_order(model):
    again = Model(dict(model.components))
    assert again == model
    assert list(again.components) == ["galaxy", "disk", "sky"]
    assert model.replace({"galaxy.n": 2.0}) != model


def test_changes_make_new_models(model):
    simpler = model.replace({"galaxy.n": 4.0})
    assert "galaxy.n" not in simpler.free
    assert "galaxy.n" in model.free
    assert list(model.with_component("bar", galaxy()).components) == ["galaxy", "disk", "sky", "bar"]


def test_without_hands_ties_on(model):
    left = model.without("galaxy")
    assert list(left.components) == ["disk", "sky"]
    assert left.components["disk"].xc == sl.Normal(20, 1)
    with pytest.raises(ValueError, match="'bar' is not a component of this model"):
        model.without("bar")


@pytest.mark.parametrize(
    ("components", "error", "message"),
    [
        ({}, ValueError, "at least one profile, got none"),
        ({"noise": galaxy()}, ValueError, "identifier other than 'noise'"),
        ({"my galaxy": galaxy()}, ValueError, "got 'my galaxy'"),
        ({"galaxy": "sersic"}, TypeError, r"components\['galaxy'\] must be a profile such as Sersic"),
        ({"galaxy": galaxy(n=Tied("disk.n"))}, ValueError, r"galaxy\.n is tied to 'disk\.n'"),
    ],
)
def test_bad_models_are_refused(components, error, message):
    with pytest.raises(error, match=message):
        Model(components)


def test_noise_and_renderer_are_checked():
    with pytest.raises(TypeError, match="noise must be a noise model"):
        Model({"galaxy": galaxy()}, noise="gaussian")
    with pytest.raises(TypeError, match="renderer must be a renderer"):
        Model({"galaxy": galaxy()}, renderer="hybrid")


def test_render_is_the_sum_of_its_components(model, image):
    total = render(model, image)
    parts = render_components(model, image)
    assert total.shape == SHAPE
    assert list(parts) == ["galaxy", "disk", "sky"]
    np.testing.assert_allclose(sum(parts.values()), total, rtol=1e-4, atol=1e-4 * total.max())


def test_values_override_and_missing_ones_are_initial(model, image):
    brighter = render_components(model, image, {"galaxy.flux": 2 * model.initial["galaxy.flux"]})
    usual = render_components(model, image)
    np.testing.assert_allclose(brighter["galaxy"], 2 * usual["galaxy"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(brighter["disk"], usual["disk"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"galaxy.m": 1.0}, r"values has 'galaxy\.m', which is not a parameter"),
        ({"galaxy.n": 11.0}, r"galaxy\.n must lie in \[0\.1, 10\], got 11"),
        ({"disk.ellip": 1.2}, r"disk\.ellip must lie in \[0, 0\.95\], got 1\.2"),
    ],
)
def test_bad_values_are_named(model, image, values, message):
    with pytest.raises(ValueError, match=message):
        render(model, image, values)


def test_new_priors_compile_nothing(model):
    traces = []

    @jax.jit
    def f(tree, n):
        traces.append(1)
        return tree.free["galaxy.n"].distribution().log_prob(n)

    f(lower(model), 2.0)
    f(lower(model.replace({"galaxy.n": sl.Uniform(1, 3, init=2), "disk.ellip": 0.1})), 2.0)
    assert len(traces) == 1


def test_joint_density_is_prior_plus_likelihood(model, image):
    values = model.initial
    expected = sum(float(prior.distribution().log_prob(values[path])) for path, prior in model.free.items())
    residual = ((image.data - render(model, image)) / image.sigma)[image.valid]
    expected += -0.5 * np.sum(residual**2 + np.log(2 * np.pi * 0.5**2))
    actual = jax.jit(lambda x: log_density(joint, (model, image), {}, x)[0])(values)
    assert float(actual) == pytest.approx(expected, rel=1e-5)


def test_joint_has_a_site_per_free_parameter(model, image):
    with numpyro.handlers.seed(rng_seed=0):
        trace = numpyro.handlers.trace(joint).get_trace(model, image)
    assert list(trace) == [*model.free, "data"]


def test_gaussian_noise_is_chi_square(image):
    log_prob = GaussianNoise().distribution(np.zeros(SHAPE), image.sigma).log_prob(image.data)
    expected = -0.5 * (image.data / image.sigma) ** 2 - np.log(image.sigma * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-4)
