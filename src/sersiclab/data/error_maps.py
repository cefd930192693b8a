"""The error map of an image: given as such, as weights, or by the properties of the detector."""

import warnings
from typing import Any

import numpy as np

from sersiclab.data.arrays import Mask, Plane
from sersiclab.data.blanks import Blank, blanks, without_data
from sersiclab.data.planes import plane_of
from sersiclab.runtime.errors import InputError


def error_map(
    data: Plane,
    mask: Mask,
    *,
    sigma: Any,
    weight: Any,
    invvar: Any,
    gain: float | None,
    read_noise: float,
    sky_level: float,
) -> tuple[Plane, Mask, list[Blank]]:
    """Return the error map, the mask with the pixels that it makes unusable, and the pixels that hold no data.

    Pixels without data are looked for only if the errors come from the detector's properties. Raises `InputError`
    unless exactly one error map is given, or if no pixel is left.
    """
    given = {
        name: value for name, value in (("sigma", sigma), ("weight", weight), ("invvar", invvar)) if value is not None
    }
    if read_noise < 0:
        raise InputError(f"read_noise must not be negative, got {read_noise:g}")
    if len(given) > 1:
        raise InputError(f"give one of sigma, weight and invvar, got {' and '.join(given)}")
    if not given and gain is None:
        raise InputError("the image needs an error map: give sigma, weight, invvar, or the detector's gain")
    if given and (read_noise or sky_level):
        raise InputError(f"give {next(iter(given))}, or the detector's gain, read_noise and sky_level, not both")
    blank = [] if given else blanks(data, ~mask)
    if blank:
        warnings.warn(f"{without_data(blank)}: they are excluded from the fit (give sigma= to use them)", stacklevel=5)
        mask = mask | np.any([part.pixels for part in blank], axis=0)
    if sigma is not None:
        errors = plane_of("sigma", sigma, data.shape)
    elif given:
        ((name, value),) = given.items()
        errors = inverse_variance(name, value, data.shape, mask)
    else:
        errors = detector_sigma(data, mask, gain or 1.0, read_noise, sky_level)
    errors, usable_mask = exclude_unusable(errors, mask)
    if usable_mask.all():
        why = "mask excludes every pixel" if mask.all() else "sigma is usable in no pixel that mask leaves"
        raise InputError(f"{why}: nothing is left to fit (True means excluded)")
    return errors, usable_mask, blank


def inverse_variance(name: str, value: Any, shape: tuple[int, ...], mask: Any) -> Plane:
    """Return the sigma of 1/sigma², infinite where that is zero."""
    invvar = plane_of(name, value, shape)
    if ((invvar < 0) & ~mask).any():
        raise InputError(f"{name} must not be negative (it is 1/sigma²), got {invvar[~mask].min():g}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 / np.sqrt(np.where(invvar > 0, invvar, 0.0))


def detector_sigma(data: Plane, mask: Mask, gain: float, read_noise: float, sky_level: float) -> Plane:
    """Return sigma from `sigma² = (data + sky_level)/gain + (read_noise/gain)²`."""
    variance = np.maximum(data + sky_level, 0.0) / gain + (read_noise / gain) ** 2
    # Excluding the pixels that happen to be negative would make the others too bright on average.
    noiseless = (variance == 0) & ~mask
    if noiseless.any():
        raise InputError(
            f"gain gives no noise to the {noiseless.sum()} pixels where data + sky_level is not positive; "
            "give sky_level, the sky that was subtracted, or read_noise"
        )
    return np.sqrt(variance)


def exclude_unusable(sigma: Plane, mask: Mask) -> tuple[Plane, Mask]:
    """Return the error map, and the mask extended by pixels whose sigma is zero or not finite; warn of these."""
    negative = (sigma < 0) & ~mask
    if negative.any():
        y, x = np.argwhere(negative)[0]
        raise InputError(
            f"sigma must be positive, got {negative.sum()} negative pixels, the first {sigma[y, x]:g} at [{y}, {x}]"
        )
    unusable = ~(np.isfinite(sigma) & (sigma > 0)) & ~mask
    if unusable.any():
        warnings.warn(
            f"sigma is zero or not finite in {unusable.sum()} pixels: they are excluded from the fit", stacklevel=6
        )
    return sigma, mask | unusable
