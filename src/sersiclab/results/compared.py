"""The rows of a comparison of fits: one fit, or fits of one image each that count together."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sersiclab.data.image import Image
from sersiclab.results import criteria, log_likelihood
from sersiclab.results.base import AbstractFit
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.runtime.errors import InputError, InputTypeError


class Compared(NamedTuple):
    """One fit, or independent fits of several images, whose predictions add up.

    `images` has the fit of each image by its name, which is empty if there is only one.
    """

    fits: tuple[AbstractDrawn, ...]
    images: dict[str, AbstractDrawn]

    @staticmethod
    def of(label: str, given: Any) -> "Compared":
        """Return what the user gave. Raises `TypeError` unless it is a fit, or a mapping of images to fits."""
        if isinstance(given, AbstractDrawn):
            names = list(given.fitted_images)
            return Compared((given,), dict.fromkeys(names, given) if len(names) > 1 else {"": given})
        if not isinstance(given, Mapping) or not all(isinstance(fit, AbstractFit) for fit in given.values()):
            raise InputTypeError(
                f"fits[{label!r}] must be a fit, or a mapping of the names of images to their fits, got {given!r}"
            )
        if not given:
            raise InputError(f"fits[{label!r}] must hold at least one fit, got none")
        return Compared(tuple(given.values()), dict(given) if len(given) > 1 else {"": next(iter(given.values()))})

    @property
    def has_draws(self) -> bool:
        return all(fit.draws for fit in self.fits)

    @property
    def free(self) -> int:
        """The number of free parameters."""
        return sum(len(fit.model.free) for fit in self.fits)

    @property
    def bic(self) -> float:
        """The Bayesian information criterion of all fits together."""
        likelihood = sum(criteria.log_likelihood(fit) for fit in self.fits)
        return -2.0 * likelihood + self.free * float(np.log(sum(criteria.number(fit) for fit in self.fits)))

    @property
    def log_evidence(self) -> float:
        return sum(criteria.log_evidence(fit) for fit in self.fits)

    @property
    def patch(self) -> int:
        """The side of the smallest patches of pixels that fit in memory."""
        sizes = []
        for fit in self.fits:
            number = next(iter(fit.draws.values())).size * len(fit.fitted_images)
            sizes += [log_likelihood.patch_size(image, number) for image in fit.fitted_images.values()]
        return math.lcm(*sizes)

    def image(self, name: str) -> Image:
        """Return one of the images."""
        found = self.images[name].fitted_images
        return found[name] if name in found else next(iter(found.values()))

    def pointwise(self, size: int, names: list[str]) -> criteria.Pointwise:
        """Return the log predictive densities of the patches of the images in this order."""
        if len(self.fits) == 1:
            (fit,) = self.fits
            return criteria.pointwise(fit, size, names if len(names) > 1 else list(fit.fitted_images))
        return criteria.Pointwise.of([criteria.pointwise(self.images[name], size) for name in names])


def check_same(entries: Mapping[str, Compared]) -> None:
    """Raise `ValueError` unless all are fits of the same data and mask."""
    (first, reference), *others = entries.items()
    for label, entry in others:
        if set(entry.images) != set(reference.images):
            raise InputError(
                f"fits can be compared only for the same pixels: {first!r} has {_listed(reference)}, {label!r} has "
                f"{_listed(entry)}"
            )
        for name in reference.images:
            where = f" of image {name!r}" if name else ""
            _check_same_pixels(first, reference.image(name), label, entry.image(name), where)


def _listed(entry: Compared) -> str:
    return f"the images {', '.join(entry.images)}" if len(entry.images) > 1 else "one image"


def _check_same_pixels(first: str, image: Image, label: str, other: Image, where: str) -> None:
    """Raise unless two images have the same data in the same unmasked pixels, whatever their sigma and PSF."""
    must = "fits can be compared only for the same pixels"
    if image.shape != other.shape:
        raise InputError(f"{must}: {first!r} has an image{where} of shape {image.shape}, {label!r} of {other.shape}")
    differ = int(np.sum(image.mask != other.mask))
    if differ:
        raise InputError(
            f"{must}: the masks of {first!r} and {label!r}{where} differ in {differ} pixels; fit both with one"
        )
    valid = image.valid
    if not np.array_equal(image.data[valid], other.data[valid]):
        changed = int(np.sum(image.data[valid] != other.data[valid]))
        raise InputError(f"{must}: the data of {first!r} and {label!r}{where} differ in {changed} pixels")
