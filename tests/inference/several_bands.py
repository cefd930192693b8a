"""Mock galaxies in five bands, drawn by GalSim from a truth that lies in the family of the model."""

from collections.abc import Mapping

import galsim
import numpy as np

import sersiclab as sl


WAVELENGTHS = {"g": 0.48, "r": 0.62, "i": 0.75, "z": 0.9, "y": 1.02}
SIDE = 48
GALSIM = galsim.GSParams(folding_threshold=1e-3, maxk_threshold=1e-4, kvalue_accuracy=1e-6)


def straight(ends: tuple[float, float], wavelength: float) -> float:
    """Return the value of a function whose logarithm is linear between the first and the last wavelength."""
    first, last = min(WAVELENGTHS.values()), max(WAVELENGTHS.values())
    share = (wavelength - first) / (last - first)
    return float(ends[0] ** (1 - share) * ends[1] ** share)


def bent(ends: tuple[float, float], wavelength: float, low: float, high: float) -> float:
    """Return the value of a function whose logit is linear between the first and the last wavelength."""
    odds = straight(((ends[0] - low) / (high - ends[0]), (ends[1] - low) / (high - ends[1])), wavelength)
    return low + (high - low) * odds / (1 + odds)


def truth_of(rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Return the parameters of a galaxy in every band; size and index are functions of wavelength."""
    centre = SIDE / 2 - 0.5 + rng.normal(size=2)
    shape = {"xc": centre[0], "yc": centre[1], "ellip": rng.uniform(0.2, 0.6), "theta": rng.uniform(0, np.pi)}
    size = rng.uniform(3.5, 5.5)
    sizes, indices = (size, size * rng.uniform(0.7, 0.95)), (rng.uniform(1.0, 1.8), rng.uniform(1.8, 3.0))
    found = {}
    for name, wavelength in WAVELENGTHS.items():
        own = {"flux": 150.0 + 150.0 * rng.random(), "level": 0.02 * rng.normal()}
        own |= {"r_eff": straight(sizes, wavelength), "n": bent(indices, wavelength, 0.5, 8.0)}
        found[name] = {key: float(value) for key, value in (shape | own).items()}
    return found


def drawn(values: Mapping[str, float], fwhm: float, rng: np.random.Generator, sigma: float) -> sl.Image:
    """Return GalSim's picture of a galaxy with noise."""
    psf = galsim.Moffat(beta=3.0, fwhm=fwhm, trunc=4.5 * fwhm, gsparams=GALSIM)
    major, ratio = values["r_eff"], 1.0 - values["ellip"]
    galaxy = galsim.Sersic(values["n"], half_light_radius=major, flux=values["flux"], gsparams=GALSIM)
    # Theta is counted from the y axis; a shear keeps the area, so that the semi-major axis is made right by a dilation.
    galaxy = galaxy.dilate(np.sqrt(ratio)).shear(q=ratio, beta=(values["theta"] + np.pi / 2) * galsim.radians)
    offset = (values["xc"] - (SIDE - 1) / 2, values["yc"] - (SIDE - 1) / 2)
    picture = galsim.Convolve(galaxy, psf).drawImage(nx=SIDE, ny=SIDE, scale=1.0, offset=offset, dtype=float).array
    data = picture + values["level"] + sigma * rng.normal(size=picture.shape)
    kernel = psf.drawImage(nx=31, ny=31, scale=1.0, dtype=float).array
    return sl.Image(data, sigma=sigma, psf=kernel / kernel.sum())


def mock(seed: int) -> tuple[sl.Images, dict[str, dict[str, float]]]:
    """Return the images of a galaxy, and its parameters in every band."""
    rng = np.random.default_rng(seed)
    truth = truth_of(rng)
    images = {name: drawn(values, 2.6 + 0.2 * i, rng, 0.05) for i, (name, values) in enumerate(truth.items())}
    return sl.Images(images, wavelengths=WAVELENGTHS), truth


def model() -> sl.Model:
    """Return a model with a flux and a sky for every band, and linear functions for size and index."""
    galaxy = sl.Sersic(
        xc=sl.Normal(SIDE / 2 - 0.5, 2),
        yc=sl.Normal(SIDE / 2 - 0.5, 2),
        flux=sl.PerBand(sl.LogUniform(10, 2000, init=200.0)),
        r_eff=sl.Polynomial(sl.LogUniform(1, 20, init=4.0), degree=1),
        n=sl.Polynomial(sl.Uniform(0.5, 8, init=1.8), degree=1),
        ellip=sl.Uniform(0, 0.9, init=0.4),
        theta=sl.Angle(init=0.5),
    )
    return sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0, 0.1)))})


def pulls(fit: sl.JointFit, truth: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return (mean - truth) / sd of every parameter in every band; angles modulo pi."""
    found = {}
    for name, values in truth.items():
        draws = fit.of(name).draws
        for key, value in values.items():
            array = draws[f"sky.{key}" if key == "level" else f"galaxy.{key}"]
            away = float(array.mean()) - value
            away = (away + np.pi / 2) % np.pi - np.pi / 2 if key == "theta" else away
            found[f"{key} in {name}"] = away / float(array.std())
    return found
