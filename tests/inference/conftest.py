"""A renderer that compiles in no time, and galaxies for it."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import AbstractSky, FlatSky, Sersic
from sersiclab.rendering import AbstractCanvas, AbstractRenderer


TRACES: list[str] = []


class BlobCanvas(AbstractCanvas):
    shape: tuple[int, int] = eqx.field(static=True)
    y: jnp.ndarray
    x: jnp.ndarray


class BlobRenderer(AbstractRenderer):
    """Draws every galaxy as the elliptical Gaussian with its half-light radius, without a PSF."""

    def check(self, name, component):
        """It draws whatever has these parameters."""

    def prepare(self, image):
        y, x = np.indices(image.shape, dtype=float)
        return BlobCanvas(image.shape, jnp.asarray(y), jnp.asarray(x))

    def render(self, components: Mapping, canvas: BlobCanvas):
        TRACES.append("render")
        return sum(self.render_components(components, canvas).values())

    def render_components(self, components: Mapping, canvas: BlobCanvas):
        return {name: _draw(component, canvas) for name, component in components.items()}


def _draw(component, canvas):
    if isinstance(component, AbstractSky):
        return component.brightness(canvas.x, canvas.y)
    sigma = component.r_eff / jnp.sqrt(2 * jnp.log(2.0))
    x, y, q = canvas.x - component.xc, canvas.y - component.yc, 1 - component.ellip
    along = -x * jnp.sin(component.theta) + y * jnp.cos(component.theta)
    across = x * jnp.cos(component.theta) + y * jnp.sin(component.theta)
    exponent = -0.5 * (along**2 + (across / q) ** 2) / sigma**2
    return component.flux * jnp.exp(exponent) / (2 * jnp.pi * sigma**2 * q)


@pytest.fixture
def traces():
    """One entry for each time that the renderer was traced."""
    TRACES.clear()
    return TRACES


SHAPE = (26, 31)
TRUTH = {"xc": 14.3, "yc": 12.6, "flux": 1000.0, "r_eff": 3.5, "ellip": 0.4, "theta": 0.7}


@pytest.fixture
def blob():
    """`blob(theta=0.1, unit=1.0)`: a model with six free parameters and a sky, and a mock image of it."""

    def make(*, unit=1.0, seed=1, sigma=1.0, mask=None, shape=SHAPE, **truth):
        truth = TRUTH | truth
        sersic = Sersic(
            xc=Normal(15, 2),
            yc=Normal(13, 2),
            flux=LogUniform(10 * unit, 1e5 * unit),
            r_eff=LogUniform(0.5, 20),
            n=0.5,
            ellip=Uniform(0, 0.9),
            theta=Angle(),
        )
        model = Model({"galaxy": sersic, "sky": FlatSky(Normal(0, 0.1 * unit))}, renderer=BlobRenderer())
        values = {f"galaxy.{name}": value for name, value in truth.items()} | {"sky.level": 0.02 * unit}
        values["galaxy.flux"] = truth["flux"] * unit
        empty = Image(np.zeros(shape), sigma=np.full(shape, sigma * unit))
        noise = np.random.default_rng(seed).normal(scale=sigma * unit, size=shape)
        data = render(model, empty, values) + noise
        return model, Image(data, sigma=np.full(shape, sigma * unit), mask=mask), values

    return make


@pytest.fixture
def linear():
    """`linear(unit=1.0)`: only a flux and a sky are free, so that the posterior is exactly normal.

    Gives model, image, and the posterior's mean and covariance by linear algebra in numpy.
    """

    def make(*, unit=1.0, renderer=None, prior_sd=(30.0, 0.1)):
        renderer = BlobRenderer() if renderer is None else renderer
        rng = np.random.default_rng(3)
        shape, prior_mean = (22, 25), np.array([120.0, 0.05]) * unit
        fixed = {"xc": 11.2, "yc": 10.4, "r_eff": 3.0, "n": 1.5, "ellip": 0.3, "theta": 0.5}
        sd = np.array(prior_sd) * unit
        flux, sky = (Normal(mean, width) for mean, width in zip(prior_mean, sd, strict=True))
        model = Model({"galaxy": Sersic(flux=flux, **fixed), "sky": FlatSky(sky)}, renderer=renderer)
        sigma = unit * rng.uniform(0.5, 1.5, shape)
        mask = rng.random(shape) < 0.1
        empty = Image(np.zeros(shape), sigma=sigma)
        design = np.stack([np.ravel(render(model, empty, v)) for v in _units(unit)], axis=1) / unit
        data = design @ (np.array([150.0, 0.1]) * unit) + sigma.ravel() * rng.normal(size=sigma.size)
        data = np.where(mask, np.nan, data.reshape(shape))
        use = ~mask.ravel()
        scaled = design[use] / sigma.ravel()[use, None]
        precision = scaled.T @ scaled + np.diag(sd**-2)
        covariance = np.linalg.inv(precision)
        mean = covariance @ (scaled.T @ (data.ravel()[use] / sigma.ravel()[use]) + prior_mean / sd**2)
        return model, Image(data, sigma=sigma, mask=mask), mean, covariance

    return make


def _units(unit):
    return {"galaxy.flux": unit, "sky.level": 0.0}, {"galaxy.flux": 0.0, "sky.level": unit}
