"""The error map of an image whose user gave none: from other extensions of its file, or measured."""

from typing import Any

import numpy as np
import scipy

from sersiclab.data.arrays import Mask, Plane
from sersiclab.data.blanks import blanks, without_data
from sersiclab.data.fits import Extension
from sersiclab.data.gathering import NOISE, Gathered
from sersiclab.data.headers import Header
from sersiclab.data.photometry import read_gain
from sersiclab.data.scatter import level_and_scatter, scatter_in_boxes


WEIGHTS_AGREE = (0.5, 2.0)  # scatter over that of the weights; resampling correlates pixels, which lowers it
SOURCE_WIDTH = 2.0  # pixels: the smoothing that separates the light of sources from noise


def take_noise(
    result: Gathered, science: Extension, others: dict[str, Extension], *, weight_factor: float | None = None
) -> None:
    """Take an error map from the file's other extensions, else measure one, unless the user gave one.

    A `weight_factor` says that weights times this are 1/sigma², if that has been measured already.
    """
    given = result.arguments
    if given["gain"] is None and all(given[name] is None for name in NOISE):
        if "sigma" in others:
            result.take("sigma", others["sigma"].array, others["sigma"].source)
        elif "variance" in others:
            with np.errstate(invalid="ignore"):
                result.take("sigma", np.sqrt(np.asarray(others["variance"].array, float)), others["variance"].source)
        elif "invvar" in others:
            result.take("invvar", others["invvar"].array, others["invvar"].source)
        elif "weight" in others:
            _take_weight(result, others["weight"], weight_factor)
        elif _is_image(given["data"]):
            _mask_blanks(result)
            _take_measured_noise(result, science.header)
    found = read_gain(science.header, given["unit"])
    if found is not None:
        result.take("gain", *found)


def _take_weight(result: Gathered, weight: Extension, factor: float | None) -> None:
    """Take weights, and rescale them to 1/sigma² if they are something else."""
    data, valid = _usable(result.arguments)
    weights = np.asarray(weight.array, float)
    if factor is None:
        scatter = scatter_by_weight(data, valid, weights)
        factor = factor_of_weight(scatter)
        if factor != 1.0:
            result.warn(rescaled(weight.source, scatter), stacklevel=6)
    result.take("weight", weights * factor, f"{weight.source}" + (f" x {factor:.4g}" if factor != 1.0 else ""))


def scatter_by_weight(data: Plane, valid: Mask, weights: Plane) -> float:
    """Return the scatter of the sky over that of the weights; 0 if it can't be measured."""
    valid = valid & np.isfinite(weights) & (weights > 0)
    if not valid.any():
        return 0.0
    level, _ = level_and_scatter(data[valid])
    return level_and_scatter((data[valid] - level) * np.sqrt(weights[valid]))[1]


def factor_of_weight(scatter: float) -> float:
    """Return the factor that makes weights 1/sigma²: 1 unless the scatter of the sky shows that they are not.

    Drizzled images of HST have exposure times there, unless inverse variances were requested.
    """
    return scatter**-2 if scatter > 0 and not WEIGHTS_AGREE[0] < scatter < WEIGHTS_AGREE[1] else 1.0


def rescaled(source: str, scatter: float) -> str:
    """Return the warning about weights that are rescaled."""
    return (
        f"weight: {source} is not an inverse variance: the sky scatters {scatter:.3g} times as much as it says; it is "
        f"scaled by {scatter**-2:.4g} (give weight= or sigma= to use another)"
    )


def _is_image(data: Any) -> bool:
    """Return whether noise can be measured on this; `Image` reports the problem with anything else."""
    try:
        array = np.asarray(data)
    except ValueError:
        return False
    return array.ndim == 2 and array.size > 0 and array.dtype.kind in "fiub"


def _mask_blanks(result: Gathered) -> None:
    """Exclude pixels that hold a constant in place of data, with which the sky's scatter would be too small."""
    data, valid = _usable(result.arguments)
    found = blanks(data, valid)
    if found:
        text = without_data(found)
        result.warn(f"{text}: they are excluded from the fit (give an error map to use them)", stacklevel=6)
        mask = result.arguments["mask"]
        if mask is None or np.shape(mask) == data.shape:  # `Image` reports the problem with any other
            excluded = np.any([part.pixels for part in found], axis=0)
            result.arguments["mask"] = excluded | (False if mask is None else np.ma.filled(mask, 1) != 0)
        result.notes.append(f"mask: {text}")


def _take_measured_noise(result: Gathered, header: Header) -> None:
    """Measure sigma² = (the sky's scatter)² + (data - sky)/gain on sources, if the header has the gain.

    On the sky, this photon noise would follow the noise itself: pixels that scatter upwards would get less weight than
    pixels that scatter downwards, and every fit would find too faint a sky.
    """
    data, valid = _usable(result.arguments)
    level, scatter = level_and_scatter(data[valid]) if valid.any() else (0.0, 0.0)
    scatter = min(scatter, scatter_in_boxes(np.where(valid, data, np.nan)))
    if not scatter > 0:
        return
    variance = np.full(data.shape, scatter**2)
    text = f"measured: sky {level:.4g} +- {scatter:.4g}"
    found = read_gain(header, result.arguments["unit"])
    if found is not None:
        excess = np.where(valid, data - level, 0.0)
        source = scipy.ndimage.gaussian_filter(excess, SOURCE_WIDTH) > scatter
        variance += np.where(source, np.maximum(excess, 0.0), 0.0) / found[0]
        text += f", photons by gain {found[0]:.6g}"
    result.warn(
        f"there is no error map: sigma is {text}; give sigma=, weight=, invvar= or gain= to use another", stacklevel=5
    )
    result.take("sigma", np.sqrt(variance), text)


def _usable(given: dict[str, Any]) -> tuple[Plane, Mask]:
    data = np.asarray(np.ma.getdata(given["data"]), float)
    valid = np.isfinite(data) & ~np.ma.getmaskarray(given["data"])
    mask = np.zeros(data.shape) if given["mask"] is None else np.ma.filled(given["mask"], 1)
    return data, valid & (np.asarray(mask) == 0 if np.shape(mask) == data.shape else True)
