"""The posterior density in the unconstrained space."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import log_density

import sersiclab.parameters.priors as sl
from sersiclab.data.image import Image
from sersiclab.model import Model, joint, render
from sersiclab.model.density import Density
from sersiclab.parameters import Tied
from sersiclab.profiles import Exponential, FlatSky, PointSource, Sersic
from sersiclab.rendering import FourierRenderer, HybridRenderer, PixelRenderer


@pytest.fixture
def image(rng):
    data = rng.normal(size=(25, 32))
    data[4, 5] = np.nan
    mask = ~np.isfinite(data)
    mask[:3] = True
    return Image(data, sigma=rng.uniform(0.5, 2, size=data.shape), mask=mask)


@pytest.fixture
def model():
    return Model(
        {
            "galaxy": Sersic(
                xc=sl.Normal(15, 1),
                yc=sl.TruncatedNormal(12, 1, low=10),
                flux=sl.LogUniform(1, 1e3),
                r_eff=sl.TruncatedNormal(4, 2, low=0.5, high=30),
                n=sl.Uniform(0.5, 4),
                ellip=sl.TruncatedNormal(0.3, 0.2, low=0, high=0.9),
                theta=sl.Angle(),
            ),
            "sky": FlatSky(level=sl.Normal(0, 0.1)),
        }
    )


constrain = jax.jit(lambda density, u: density.constrain(u))
unconstrain = jax.jit(lambda density, values: density.unconstrain(values))


@jax.jit
def log_density_of_parameters(density, u):
    likelihood = jnp.sum(density.pointwise_log_likelihood(density.constrain(u)))
    return density.log_prior(u, jacobian=False) + likelihood


def test_constrain_and_unconstrain_are_inverse(model, image):
    density = Density.of(model, image)
    values = {**model.initial, "galaxy.n": 3.2, "galaxy.theta": -0.4}
    back = constrain(density, unconstrain(density, values))
    assert set(back) == set(model.free)
    for path, value in values.items():
        assert float(back[path]) == pytest.approx(value, rel=1e-4, abs=1e-5)


def test_log_density_is_numpyros(model, image):
    density = Density.of(model, image)
    u = jnp.linspace(-0.5, 0.5, len(model.free))
    values = constrain(density, u)
    expected = jax.jit(lambda x: log_density(joint, (model, image), {}, x)[0])(values)
    actual = log_density_of_parameters(density, u)
    assert float(actual) == pytest.approx(float(expected), rel=1e-5)


def test_jacobian_is_that_of_the_transform(model, image):
    density = Density.of(model, image)
    u = jnp.linspace(-0.5, 0.5, len(model.free))
    slopes = jnp.diag(jax.jacfwd(lambda v: jnp.stack([constrain(density, v)[path] for path in density.paths]))(u))
    with_jacobian, without = jax.jit(lambda d, v: (d.log_prior(v), d.log_prior(v, jacobian=False)))(density, u)
    np.testing.assert_allclose(with_jacobian - without, jnp.sum(jnp.log(jnp.abs(slopes))), rtol=1e-4)


def test_masked_pixels_do_not_matter_even_if_nan(model, image):
    density = Density.of(model, image)
    u = jnp.zeros(len(model.free))
    value_and_gradient = jax.jit(jax.value_and_grad(lambda v, d: d.log_density(v)))
    value, gradient = value_and_gradient(u, density)
    assert np.isfinite(gradient).all()
    other = Image(np.where(image.mask, 1e6, image.data), sigma=image.sigma, mask=image.mask)
    assert value_and_gradient(u, Density.of(model, other))[0] == value


def test_residuals_are_in_sigma(model, image):
    residuals = jax.jit(lambda d, v: d.residuals(v))(Density.of(model, image), model.initial)
    expected = np.where(image.valid, (image.data - render(model, image)) / image.sigma, 0)
    np.testing.assert_allclose(residuals, expected, atol=1e-4)


def test_priors_images_and_masks_are_arguments(model, image):
    traces = []

    @jax.jit
    def f(density, u):
        traces.append(1)
        return density.log_density(u)

    u = jnp.zeros(len(model.free))
    first = f(Density.of(model, image), u)
    other = Image(2 * np.nan_to_num(image.data), sigma=image.sigma)
    second = f(Density.of(model.replace({"galaxy.n": sl.Uniform(1, 3, init=2)}), other), u)
    assert len(traces) == 1
    assert first != second


def test_many_components_are_drawn_as_one_by_one(image):
    def galaxy(i):
        return Sersic(sl.Normal(10 + 3 * i, 1), 12.0, 50.0 + i, 2.0 + i, sl.Uniform(0.5, 4), 0.1 * i, 0.3)

    model = Model(
        {
            "sky": FlatSky(sl.Normal(0.1, 1)),
            **{f"s{i}": galaxy(i) for i in range(3)},
            "disk": Exponential(Tied("s1.xc", offset=-4.0), 8.0, sl.LogUniform(1, 100), 3.0, 0.5, 1.0),
            "star": PointSource(Tied("s0.xc"), 20.0, Tied("disk.flux", scale=2.0)),
        }
    )
    density = Density.of(model, image)
    drawn = jax.jit(lambda d, v: d.mean(v))(density, model.initial)
    np.testing.assert_allclose(drawn, render(model, image), rtol=1e-4, atol=1e-5)


def test_operations_do_not_grow_with_the_number_of_sources(image):
    def size(count):
        galaxy = Sersic(sl.Normal(15, 1), sl.Normal(12, 1), sl.LogUniform(1, 1e3), 3.0, sl.Uniform(0.5, 4), 0.3, 1.0)
        model = Model({f"s{i}": galaxy for i in range(count)})
        density = Density.of(model, image)
        u = jnp.zeros(len(model.free))
        return len(str(jax.make_jaxpr(jax.value_and_grad(lambda v: density.log_density(v)))(u)))

    # Only the lists of which number goes where grow.
    assert size(30) < 1.1 * size(3)


@pytest.mark.parametrize(
    "renderer", [HybridRenderer(), PixelRenderer(), FourierRenderer()], ids=lambda r: type(r).__name__
)
def test_out_of_range_nothing_is_nan(renderer, image):
    """Rounding, and ties of traced numbers, may lead out of a parameter's range, which no check can tell."""
    usual = {"xc": 15.0, "yc": 12.0, "flux": 50.0, "r_eff": 3.0, "n": 2.0, "ellip": 0.3, "theta": 1.0}
    wrong = {"n": (-5, 0, 0.1, 1e6), "r_eff": (-3, 0, 1e-9, 1e7), "ellip": (-2, 1, 50), "xc": (-1e6, 1e9)}

    @jax.jit
    def both(density, u):
        return density.mean(density.constrain(u)), jax.value_and_grad(density.log_density)(u)

    for change in [{}, *({name: float(value)} for name, values in wrong.items() for value in values)]:
        galaxies = {
            f"s{i}": Sersic(**{name: Tied("sky.level", offset=value) for name, value in numbers.items()})
            for i, numbers in enumerate((usual, {**usual, **change}))
        }
        checked = Model({"sky": FlatSky(sl.Normal(0, 1))}, renderer=renderer)
        model = eqx.tree_at(lambda model: model.components, checked, {**galaxies, **checked.components})
        density = Density.of(model, image)
        for number in jax.tree.leaves(both(density, jnp.zeros(1))):
            assert np.all(np.isfinite(number)), change
