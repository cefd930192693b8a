"""Mock images of a galaxy like one that was fitted, with known parameters."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len

from sersiclab.data.arrays import Mask, Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, render, render_components
from sersiclab.model.simulate import simulate
from sersiclab.parameters.priors import Angle
from sersiclab.profiles import AbstractSky
from sersiclab.results import Fit, circular


Noise = Literal["residuals", "model"]
REACH, SIGNIFICANT = 4, 5.0  # pixels; standard errors that a correlation exceeds


class Mock(NamedTuple):
    """A mock image, the model to fit and the truth, by path."""

    model: Model
    image: Image
    truth: dict[str, float]


def recovered_paths(model: Model, *, patches: bool) -> list[str]:
    """Return the parameters whose truth is known; in patches of a mosaic, that of the sky is not."""
    skies = {name for name, part in model.components.items() if isinstance(part, AbstractSky)} if patches else set()
    return [path for path in model.free if path.partition(".")[0] not in skies]


def mock_of(fit: Fit, noise: Noise, psf: Any, rng: np.random.Generator, *, patch: Image | None = None) -> Mock:
    """Return a mock of a fit's image, or one in a `patch` of sky, with parameters of one of the fit's draws."""
    chain, draw = (int(rng.integers(size)) for size in next(iter(fit.draws.values())).shape)
    truth = {path: float(draws[chain, draw]) for path, draws in fit.draws.items()}
    truth = {path: circular.wrap(v) if isinstance(fit.model.free[path], Angle) else v for path, v in truth.items()}
    if patch is not None:
        return Mock(fit.model, _injected(fit.model, truth, patch, psf, rng), truth)
    image = fit.image
    if psf is not None:
        image = _with_data(image, image.data, psf=psf)
    if noise == "model":
        data = simulate(fit.model, image, truth, seed=int(rng.integers(2**31))).data
    else:
        data = render(fit.model, image, truth) + _like_residuals(fit, rng) * np.where(image.mask, 0.0, image.sigma)
    return Mock(fit.model, _with_data(fit.image, data), truth)


def _injected(model: Model, truth: Mapping[str, float], patch: Image, psf: Any, rng: np.random.Generator) -> Image:
    """Return a patch of sky with the light of a galaxy; with the photon noise of that light, if the gain is known."""
    seen = patch if psf is None else _with_data(patch, patch.data, psf=psf)
    parts = render_components(model, seen, truth)
    light = sum(np.asarray(part) for name, part in parts.items() if not isinstance(model.components[name], AbstractSky))
    if patch.gain is None:
        return _with_data(patch, patch.data + light)
    variance = np.maximum(light, 0.0) / patch.gain
    noisy = patch.data + light + rng.normal(size=patch.shape) * np.sqrt(variance)
    return _with_data(patch, noisy, sigma=np.sqrt(patch.sigma**2 + variance))


def _like_residuals(fit: Fit, rng: np.random.Generator) -> Plane:
    """Return noise in units of sigma with the residuals' values, with random signs, and with their correlation.

    The correlation is that of neighbouring pixels, up to `REACH`, where it is significant; independent pixels stay so.
    """
    valid = fit.image.valid
    values = fit.residual[valid]
    noise = rng.choice(values, size=valid.shape) * rng.choice([-1.0, 1.0], size=valid.shape)
    white = np.fft.rfft2(noise)
    return np.fft.irfft2(white * np.sqrt(_spectrum(fit.residual, valid)), s=valid.shape)


def _spectrum(residual: Plane, valid: Mask) -> Float[np.ndarray, "ky kx"]:
    """Return the power spectrum of the residuals, with a mean of one, from their significant correlations."""
    sides: Any = [next_fast_len(n + REACH) for n in valid.shape]
    planes = [np.fft.rfft2(plane, s=sides) for plane in (np.where(valid, residual, 0.0), valid.astype(float))]
    products, pairs = (np.fft.irfft2(np.abs(plane) ** 2, s=sides) for plane in planes)
    pairs = np.maximum(pairs, 1.0)
    lags = [np.minimum(np.arange(n), n - np.arange(n)) for n in sides]
    correlation = products / pairs / (products[0, 0] / pairs[0, 0])
    near = (lags[0][:, None] <= REACH) & (lags[1] <= REACH)
    kept = np.where(near & (np.abs(correlation) > SIGNIFICANT / np.sqrt(pairs)), correlation, 0.0)
    around = [np.where(np.arange(n) <= n // 2, np.arange(n), np.arange(n) - n) for n in valid.shape]
    rows, columns = (np.where(np.abs(k) <= REACH, k, n // 2) for k, n in zip(around, sides, strict=True))
    spectrum = np.fft.rfft2(kept[np.ix_(rows, columns)]).real
    return np.maximum(spectrum, 0.0)


def _with_data(image: Image, data: Plane, *, psf: Any = None, sigma: Plane | None = None) -> Image:
    fields: dict[str, Any] = image.fields | {"data": np.where(image.mask, 0.0, data)}
    fields |= {} if sigma is None else {"sigma": sigma}
    return Image(**{**fields, "psf": psf}) if psf is not None else Image.restored(**fields)
