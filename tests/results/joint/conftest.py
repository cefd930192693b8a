"""A fit of a galaxy in three bands, and fits with draws made by numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sersiclab as sl


BANDS = {"g": (60.0, 4.0, 25.0), "r": (110.0, 3.6, 25.2), "i": (150.0, 3.3, 24.8)}  # flux, r_eff, zero-point
SHAPE = (24, 26)


def gaussian(fwhm: float) -> np.ndarray:
    y, x = np.indices((7, 7)) - 3
    psf = np.exp(-0.5 * (x**2 + y**2) / (fwhm / 2.355) ** 2)
    return psf / psf.sum()


def blank(band: str, **more: Any) -> sl.Image:
    options: dict[str, Any] = {"sigma": 0.05, "psf": gaussian(2.5), "band": band, "pixel_scale": 0.2} | more
    return sl.Image(np.zeros(options.pop("shape", SHAPE)), **options)


def galaxy(**changes: Any) -> sl.Sersic:
    known: dict[str, Any] = {
        "xc": sl.Normal(12, 1),
        "yc": sl.Normal(11, 1),
        "flux": sl.LogUniform(1, 1e4, init=100.0),
        "r_eff": sl.LogUniform(0.5, 20, init=3.5),
        "n": 1.5,
        "ellip": sl.Uniform(0, 0.9, init=0.3),
        "theta": sl.Angle(init=0.6),
    }
    return sl.Sersic(**known | changes)


def observed(band: str, seed: int, **more: Any) -> sl.Image:
    flux, r_eff, zeropoint = BANDS[band]
    truth = galaxy(xc=12.3, yc=11.1, flux=flux, r_eff=r_eff, ellip=0.3, theta=0.7)
    return sl.simulate(sl.Model({"galaxy": truth}), blank(band, zeropoint=zeropoint, **more), seed=seed)


@pytest.fixture(scope="session")
def images() -> sl.Images:
    return sl.Images({band: observed(band, seed) for seed, band in enumerate(BANDS)})


@pytest.fixture(scope="session")
def model() -> sl.Model:
    smooth = galaxy(flux=sl.PerBand(sl.LogUniform(1, 1e4, init=100.0)), r_eff=sl.Polynomial(sl.LogUniform(0.5, 20.0)))
    return sl.Model({"galaxy": smooth, "sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.05)))})


@pytest.fixture(scope="session")
def fit(model: sl.Model, images: sl.Images) -> sl.JointFit:
    """One by Laplace's approximation, whose covariance and draws are those of one normal distribution."""
    return sl.fit(model, images, sl.Laplace(draws=400), progress=False)


MakeJoint = Callable[..., sl.JointFit]


@pytest.fixture
def make() -> MakeJoint:
    """Return a fit with normal draws about the initial values, by 1 % of them unless `width` says otherwise."""

    def made(model: sl.Model, images: sl.Images, *, width: float = 0.01, draws: int = 60, **more: Any) -> sl.JointFit:
        model, rng = model.for_images(images), np.random.default_rng(3)
        best = model.initial
        drawn = {
            path: value + width * (abs(value) or 1.0) * rng.normal(size=(2, draws // 2)) for path, value in best.items()
        }
        return sl.JointFit(
            **{"model": model, "images": images, "method": sl.NUTS(), "seed": 1, "draws": drawn, "best": best} | more
        )

    return made
