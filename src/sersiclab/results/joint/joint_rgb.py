"""Colour composites of a fit of several images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.data.arrays import Plane
from sersiclab.data.astrometry import celestial
from sersiclab.data.image import Image
from sersiclab.model import render_components
from sersiclab.parameters.scalars import check_finite
from sersiclab.plots import plot_composites
from sersiclab.plots.isophotes import sky_image
from sersiclab.plots.rgb import Channels
from sersiclab.results.fit import Fit
from sersiclab.results.joint.joint_base import AbstractJoint
from sersiclab.results.joint.joint_figures import title
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    from matplotlib.figure import Figure

Names = tuple[str, str, str]
APART = 0.1  # pixels by which the pixel grids of two images may differ


def plot_rgb(fit: AbstractJoint, images: Sequence[str] | None, *, stretch: float | None, q: float) -> "Figure":
    """Plot colour composites of data, model and residual; see `JointFit.plot_rgb`."""
    for name, value in (("stretch", stretch), ("q", q)):
        if value is not None:
            check_finite(name, value)
            if value <= 0:
                raise InputError(f"{name} must be positive, got {value:g}")
    names = _by_wavelength(fit) if images is None else _checked_names(images, fit)
    _check_grids({name: fit.images[name] for name in names})
    fits = [fit.of(name) for name in names]
    channels = Channels(
        names, *zip(*(_channel(each, factor) for each, factor in zip(fits, _factors(fits), strict=True)), strict=True)
    )
    return plot_composites(channels, stretch=stretch, q=q, title=title(fit))


def _channel(fit: Fit, factor: float) -> tuple[Plane, Plane, float]:
    """Return data and model without the sky, and the typical sigma, times a factor; masked data are NaN."""
    image, sky = fit.image, sky_image(fit.model, render_components(fit.model, fit.image, fit.best))
    data = np.where(image.mask, np.nan, image.data - sky)
    return factor * data, factor * (fit.model_image - sky), factor * float(np.median(image.sigma[image.valid]))


def _factors(fits: Sequence[Fit]) -> list[float]:
    """Return the factors by which images get one zero-point or, if one has none, models of equal brightness."""
    zeropoints = [fit.image.zeropoint for fit in fits if fit.image.zeropoint is not None]
    if len(zeropoints) == len(fits):
        return [float(10.0 ** (-0.4 * (zeropoint - zeropoints[0]))) for zeropoint in zeropoints]
    totals = [abs(float(_channel(fit, 1.0)[1].sum())) for fit in fits]
    return [totals[0] / total if total > 0 else 1.0 for total in totals]


def _by_wavelength(fit: AbstractJoint) -> Names:
    """Return the images of the longest, the middle and the shortest wavelength: red, green, blue."""
    known = {label.name: label.wavelength for label in fit.model.images}
    lengths = sorted({length for length in known.values() if length is not None})
    if None in known.values() or len(lengths) < 3:
        raise InputError(
            "plot_rgb needs three images of different known wavelengths: name them, red first, such as "
            f"images=('i', 'r', 'g'); this fit has {list(known)}"
        )
    middle = min(lengths[1:-1], key=lambda length: abs(length - 0.5 * (lengths[0] + lengths[-1])))
    red, green, blue = (
        next(name for name, own in known.items() if own == length) for length in (lengths[-1], middle, lengths[0])
    )
    return red, green, blue


def _checked_names(images: Any, fit: AbstractJoint) -> Names:
    """Return the names that the user gave."""
    if isinstance(images, str) or not isinstance(images, Sequence):
        raise InputTypeError(f"images must be three names, red first, such as ('i', 'r', 'g'), got {images!r}")
    known = list(fit.fitted_images)
    if len(images) != 3 or len(set(images)) != 3 or any(name not in known for name in images):
        raise InputError(f"images must be three different names, red first, of {known}, got {list(images)}")
    red, green, blue = images
    return red, green, blue


def _check_grids(images: Mapping[str, Image]) -> None:
    """Raise `ValueError` unless all images have the same pixels."""
    (first, reference), *others = images.items()
    differ = [name for name, image in others if not _same_grid(reference, image)]
    if differ:
        raise InputError(
            f"images must lie on one pixel grid for a composite; {' and '.join(differ)} and {first} do not: resample "
            "them, or name others"
        )


def _same_grid(one: Image, other: Image) -> bool:
    """Whether two images have one shape and, where both have a WCS, the same pixels on the sky."""
    if one.shape != other.shape:
        return False
    first, second = celestial(one.wcs), celestial(other.wcs)
    if first is None or second is None:
        return True
    ny, nx = one.shape
    corners = np.array([[0, nx - 1, 0, nx - 1], [0, 0, ny - 1, ny - 1]], float)
    moved = np.array(second.world_to_pixel(first.pixel_to_world(*corners)))
    return bool(np.abs(moved - corners).max() < APART)
