"""Small mock images to experiment with: generated here, identical every time, with known true parameters."""

import math

import equinox as eqx
import numpy as np
from jaxtyping import Float

from sersiclab import parameters
from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.model.simulate import simulate
from sersiclab.profiles import Exponential, FlatSky, PointSource, Sersic
from sersiclab.runtime.errors import InputError


__all__ = ["example", "moffat", "names", "truth"]

SHAPE = (90, 110)
NEIGHBOUR = PointSource(xc=88.6, yc=70.3, flux=20.0)
NEIGHBOUR_RADIUS = 12.0  # pixels, beyond which the neighbour is below the noise
BACKGROUND_SIGMA = 0.02
SHOT_VARIANCE = 5e-4  # variance per flux in a pixel

_MODELS = {
    "example": Model(
        {
            "galaxy": Sersic(xc=50.7, yc=41.4, flux=100.0, r_eff=7.0, n=2.3, ellip=0.4, theta=0.8),
            "sky": FlatSky(level=0.0),
        }
    ),
    "bulge_disk": Model(
        {
            "bulge": Sersic(xc=50.7, yc=41.4, flux=60.0, r_eff=2.5, n=3.0, ellip=0.15, theta=0.5),
            "disk": Exponential(xc=50.7, yc=41.4, flux=140.0, r_eff=11.0, ellip=0.45, theta=0.8),
            "sky": FlatSky(level=0.01),
        }
    ),
}


def names() -> list[str]:
    """Return the names of the example images."""
    return list(_MODELS)


def example(name: str = "example") -> Image:
    """Make a mock ground-based cutout of 90 x 110 pixels of 0.262 arcsec, in nanomaggies.

    "example" shows one Sérsic galaxy, with the sky subtracted; "bulge_disk" shows a bulge and a disk on a faint sky.
    The galaxy is off centre, a neighbouring star is masked, and the error map varies across the image.

    Arguments:
        name: one of `datasets.names()`.

    Returns:
        The image, the same at every call.

    Example:
        >>> sl.datasets.example().shape
        (90, 110)
    """
    model = _model(name).with_component("neighbour", NEIGHBOUR)
    y, x = np.indices(SHAPE)
    blank = Image(
        np.zeros(SHAPE, np.float32),
        sigma=BACKGROUND_SIGMA,
        psf=moffat(31, fwhm=3.4, beta=3.0, ellip=0.06, theta=0.4),
        mask=np.hypot(x - NEIGHBOUR.xc, y - NEIGHBOUR.yc) < NEIGHBOUR_RADIUS,
        zeropoint=22.5,
        pixel_scale=0.262,
        band="r",
    )
    background = (BACKGROUND_SIGMA * (1.0 + 0.3 * x / SHAPE[1])) ** 2
    shot = SHOT_VARIANCE * np.maximum(render(model, blank), 0.0)
    sigma = np.sqrt(background + shot).astype(np.float32)
    return simulate(model, eqx.tree_at(lambda image: image.sigma, blank, sigma), seed=1)


def truth(name: str = "example") -> dict[str, float]:
    """Return the true value of every parameter by path, such as "galaxy.n".

    Arguments:
        name: one of `datasets.names()`.

    Example:
        >>> sl.datasets.truth()["galaxy.n"]
        2.3
    """
    return dict(parameters.parameters(_model(name).owners))  # pyright: ignore[reportReturnType]


def moffat(
    side: int, *, fwhm: float, beta: float, ellip: float = 0.0, theta: float = 0.0
) -> Float[np.ndarray, "side side"]:
    """Return a Moffat PSF, (1 + m²/α²)^-β, of unit sum; `m` is the elliptical radius (Moffat 1969, A&A 3, 455).

    Arguments:
        side: the number of pixels along each side.
        fwhm: the full width at half maximum along the major axis, in pixels.
        beta: the exponent β, above 1.
        ellip: the ellipticity, 1 - b/a.
        theta: the position angle of the major axis in radians, counter-clockwise from +y.

    Returns:
        The PSF, centred on the middle of the array.
    """
    y, x = np.indices((side, side)) - (side - 1) / 2
    along = -x * math.sin(theta) + y * math.cos(theta)
    across = (x * math.cos(theta) + y * math.sin(theta)) / (1.0 - ellip)
    alpha_squared = 0.25 * fwhm**2 / (2.0 ** (1.0 / beta) - 1.0)
    psf = (1.0 + (along**2 + across**2) / alpha_squared) ** -beta
    return psf / psf.sum()


def _model(name: str) -> Model:
    if not isinstance(name, str) or name not in _MODELS:
        raise InputError(f"name must be one of {', '.join(names())}, got {name!r}")
    return _MODELS[name]
