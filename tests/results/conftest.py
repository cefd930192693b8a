"""Fits with draws made by numpy, of a known distribution, on a small non-square image."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, NUTS
from sersiclab.model import Model, render
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Angle, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.profiles import FlatSky, PointSource, Sersic
from sersiclab.results import Fit


TRUTH = {
    "galaxy.xc": 22.3,
    "galaxy.yc": 13.6,
    "galaxy.flux": 3000.0,
    "galaxy.r_eff": 4.0,
    "galaxy.n": 2.0,
    "galaxy.ellip": 0.4,
    "galaxy.theta": 3.1,
    "core.flux": 100.0,
    "sky.level": 5.0,
}
SD = {
    "galaxy.xc": 0.1,
    "galaxy.yc": 0.1,
    "galaxy.flux": 60.0,
    "galaxy.r_eff": 0.1,
    "galaxy.n": 0.1,
    "galaxy.ellip": 0.02,
    "galaxy.theta": 0.1,
    "core.flux": 5.0,
    "sky.level": 0.1,
}


def galaxy() -> Model:
    return Model(
        {
            "galaxy": Sersic(
                xc=Normal(22, 1),
                yc=Normal(14, 1),
                flux=LogUniform(10, 1e5),
                r_eff=LogUniform(0.5, 20),
                n=TruncatedNormal(2.5, 1, low=0.5, high=8),
                ellip=Uniform(0, 0.9),
                theta=Angle(),
            ),
            "core": PointSource(xc=Tied("galaxy.xc"), yc=Tied("galaxy.yc"), flux=Normal(100, 50)),
            "sky": FlatSky(level=Normal(5, 1)),
        }
    )


def gaussian_psf() -> np.ndarray:
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-(x**2 + y**2) / (2 * 1.2**2))
    return psf / psf.sum()


def observed(model: Model, values: dict[str, float], *, shape: tuple[int, int] = (30, 45), **more: Any) -> Image:
    rng = np.random.default_rng(5)
    sigma = np.linspace(0.8, 1.2, shape[0] * shape[1]).reshape(shape)
    mask = np.zeros(shape, bool)
    mask[3:8, 30:40] = True
    blank = Image(np.zeros(shape), sigma=sigma, psf=gaussian_psf())
    data = render(model, blank, values) + sigma * rng.normal(size=shape)
    data[mask] = np.nan
    return Image(data, sigma=sigma, psf=gaussian_psf(), mask=mask, **more)


@pytest.fixture(scope="session")
def scene() -> tuple[Model, Image]:
    model = galaxy()
    return model, observed(model, TRUTH)


@pytest.fixture
def make_fit(scene: tuple[Model, Image]) -> Callable[..., Fit]:
    """A sound fit of independent normal draws, 2 x 400 by default, but for what the caller changes."""

    def make(shape: tuple[int, int] = (2, 400), **changes: Any) -> Fit:
        rng = np.random.default_rng(11)
        model, image = scene
        draws = {path: TRUTH[path] + SD[path] * rng.normal(size=shape) for path in model.free}
        stats = {"lp": rng.normal(size=shape), "diverging": np.zeros(shape, bool)}
        return Fit(
            **{
                "model": model,
                "image": image,
                "method": NUTS(draws=shape[1], chains=shape[0]),
                "seed": 3,
                "draws": draws,
                "best": TRUTH,
                "stats": stats,
                "timing": {"compile": 1.5, "run": 0.1 + 0.2},
            }
            | changes
        )

    return make


@pytest.fixture
def map_fit(make_fit: Callable[..., Fit]) -> Fit:
    return make_fit(method=MAP(), draws={}, stats={})


@pytest.fixture
def truth() -> dict[str, float]:
    return dict(TRUTH)


@pytest.fixture
def sds() -> dict[str, float]:
    return dict(SD)
