"""Mock galaxies seen by two instruments, drawn by GalSim: other pixels, orientation, parity, PSF, unit and depth."""

import math
from collections.abc import Mapping
from typing import Any

import galsim
import numpy as np
from astropy.wcs import WCS

import sersiclab as sl


SCALES = {"ground": 0.2, "space": 0.08}  # arcsec per pixel
# Degrees from north to the y axis, and the sign of the x axis.
ORIENTATIONS = {"ground": (0.0, 1), "space": (33.0, -1)}
SHAPES = {"ground": (44, 48), "space": (100, 96)}
PSFS = {"ground": galsim.Moffat(beta=3.0, fwhm=3.4, trunc=15.0), "space": galsim.Gaussian(fwhm=2.4)}  # in pixels
UNITS = {"ground": 1.0, "space": 1e-3}
ZEROPOINTS = {"ground": 25.0, "space": 25.0 + 2.5 * math.log10(UNITS["space"])}
SIGMAS = {"ground": 0.12, "space": 0.03}  # in the unit of the ground's image, in each pixel
SKY = (150.0, 2.0)  # degrees, of the galaxy's nominal place
ACCURATE = galsim.GSParams(folding_threshold=1e-3, maxk_threshold=1e-4, kvalue_accuracy=1e-6)


def cd_of(name: str) -> np.ndarray:
    """Arcseconds to the east and north per pixel."""
    angle, parity = ORIENTATIONS[name]
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return SCALES[name] * np.diag([-1.0, 1.0]) @ np.array([[c, -s], [s, c]]) @ np.diag([parity, 1.0])


def wcs_of(name: str, place: np.ndarray) -> WCS:
    """A WCS in which the nominal place of the galaxy lies at `place`."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], SKY
    wcs.wcs.crpix, wcs.wcs.cd = place + 1, cd_of(name) / 3600
    return wcs


def truth_of(rng: np.random.Generator) -> dict[str, float]:
    """The joint parameters, in the pixels of the ground's image; the sky of each image in its own unit."""
    xc, yc = (np.array(SHAPES["ground"][::-1]) - 1) / 2 + rng.normal(size=2)
    flux = rng.uniform(200.0, 400.0)
    return {
        "galaxy.xc": xc,
        "galaxy.yc": yc,
        "galaxy.flux": flux,
        "galaxy.r_eff": rng.uniform(3.0, 5.0),
        "galaxy.n": rng.uniform(1.0, 2.5),
        "galaxy.ellip": rng.uniform(0.2, 0.6),
        "galaxy.theta": rng.uniform(0.0, np.pi),
        "sky.level.ground": 0.02 * rng.normal(),
        "sky.level.space": 0.005 * rng.normal() * UNITS["space"],
    }


def drawn(name: str, truth: Mapping[str, float], rng: np.random.Generator) -> sl.Image:
    """An image of the galaxy, which GalSim takes from the first image's pixels to the sky and to those of this one."""
    ny, nx = SHAPES[name]
    own, first = cd_of(name), cd_of("ground")
    nominal = (np.array(SHAPES["ground"][::-1]) - 1) / 2
    place = (np.array([nx, ny]) - 1) / 2 + rng.uniform(-0.5, 0.5, size=2)
    if name == "ground":
        place = nominal
    moved = np.array([truth["galaxy.xc"], truth["galaxy.yc"]]) - nominal
    centre = place + np.linalg.solve(own, first @ moved)
    q = 1.0 - truth["galaxy.ellip"]
    radius, beta = truth["galaxy.r_eff"] * math.sqrt(q), (truth["galaxy.theta"] + math.pi / 2) * galsim.radians
    galaxy = galsim.Sersic(truth["galaxy.n"], half_light_radius=radius, flux=truth["galaxy.flux"]).shear(q=q, beta=beta)
    on_sky, psf = galsim.JacobianWCS(*first.ravel()).toWorld(galaxy), PSFS[name]
    jacobian = galsim.JacobianWCS(*own.ravel())
    both = galsim.Convolve(on_sky, jacobian.toWorld(psf), gsparams=ACCURATE)
    offset = galsim.PositionD(*(centre - (np.array([nx, ny]) - 1) / 2))
    picture = both.drawImage(nx=nx, ny=ny, wcs=jacobian, offset=offset, dtype=float).array
    unit, sigma = UNITS[name], SIGMAS[name]
    data = unit * (picture + sigma * rng.normal(size=picture.shape)) + truth[f"sky.level.{name}"]
    kernel = psf.drawImage(nx=35, ny=35, scale=1.0, dtype=float).array
    return sl.Image(
        data,
        sigma=unit * sigma,
        psf=kernel / kernel.sum(),
        wcs=wcs_of(name, place),
        zeropoint=ZEROPOINTS[name],
        band="r",
    )


def mock(seed: int) -> tuple[sl.Images, dict[str, float]]:
    """Return the two images of a galaxy, and its parameters."""
    rng = np.random.default_rng(seed)
    truth = truth_of(rng)
    return sl.Images({name: drawn(name, truth, rng) for name in SCALES}), truth


def model() -> sl.Model:
    """Return a model with one galaxy for both images, and a sky for each."""
    galaxy = sl.Sersic(
        xc=sl.Normal(23.5, 3.0),
        yc=sl.Normal(21.5, 3.0),
        flux=sl.LogUniform(10, 4000, init=250.0),
        r_eff=sl.LogUniform(1, 20, init=4.0),
        n=sl.Uniform(0.5, 8, init=1.8),
        ellip=sl.Uniform(0, 0.9, init=0.4),
        theta=sl.Angle(init=0.5),
    )
    levels = {"ground": sl.Normal(0, 0.1), "space": sl.Normal(0, 0.1 * UNITS["space"])}
    return sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(level=sl.PerImage(levels))})


def pulls(fit: Any, truth: Mapping[str, float]) -> dict[str, float]:
    """Return (mean - truth) / sd of every parameter; angles modulo pi."""
    found = {}
    for path, value in truth.items():
        away = fit.draws[path] - value
        away = (away + np.pi / 2) % np.pi - np.pi / 2 if path.endswith("theta") else away
        found[path] = float(away.mean() / away.std())
    return found
