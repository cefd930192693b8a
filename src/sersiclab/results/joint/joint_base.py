"""The part of a fit of several images that everything else builds on: the fits of its images, and their sums."""

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import scaling
from sersiclab.model.joint_density import JointDensity, joint_density
from sersiclab.parameters.tree import base_path
from sersiclab.rendering import AbstractRenderer
from sersiclab.results import log_likelihood
from sersiclab.results.arviz_groups import named
from sersiclab.results.declared_units import in_image_units
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived
from sersiclab.results.fit import Fit
from sersiclab.results.joint.image_fits import fit_of_image
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    import xarray as xr


class AbstractJoint(AbstractDrawn):
    """A model that was fitted to several images."""

    images: Images

    def of(self, name: str) -> Fit:
        """Return the fit of one image: its model image, residual, observables, profiles, plots and verdict.

        Arguments:
            name: the name of the image.

        Returns:
            The fit, with the draws of the image's own parameters, in its own pixels: `galaxy.flux.r` of this fit is
            `galaxy.flux` there.

        Raises:
            ValueError: there is no such image, or it has no data.

        Example:
            >>> fit.of("r").summary().loc["galaxy.flux", "unit"]
            'image'
        """
        if name not in self._fits:
            found = fit_of_image(self, self.images, self._place(name))
            found.derived.update(self._derived_of(name))
            self._fits[name] = found
        return self._fits[name]

    @cached_property
    def _fits(self) -> dict[str, Fit]:
        return {}

    def _derived_of(self, name: str) -> dict[str, Derived]:
        """Return the derived quantities of an image: "B/T.g" is B/T in the image g."""
        suffix = f".{name}"
        return {key.removesuffix(suffix): each for key, each in self.derived.items() if key.endswith(suffix)}

    def _place(self, name: str) -> int:
        names = list(self.fitted_images)
        if name not in names:
            raise InputError(f"{name!r} is not an image of this fit; it has {names}")
        return names.index(name)

    def each(self) -> dict[str, Fit]:
        """Return the fit of every image, by name."""
        return {name: self.of(name) for name in self.fitted_images}

    def _check_images(self) -> None:
        """Raise unless the images are those that the model knows."""
        if not isinstance(self.images, Images):
            raise InputTypeError(f"images must be Images, such as sl.Images({{'g': image}}), got {self.images!r}")
        if not self.model.images:
            raise InputError("model must know its images: give model.for_images(images)")
        unknown = [label.name for label in self.model.images if label.name not in self.images]
        if unknown:
            raise InputError(f"images must hold those of the model, got none for {', '.join(unknown)}")

    @property
    def fitted_images(self) -> dict[str, Image]:
        """The images by name, except those without a usable pixel."""
        return {label.name: self.images[label.name] for label in self.model.images}

    @property
    def exponent(self) -> int:
        return scaling.common_exponent(self.fitted_images.values())

    @property
    def units(self) -> dict[str, str]:
        return {path: in_image_units(info.unit, self._image_unit(path)) for path, info in self.infos.items()}

    def _image_unit(self, path: str) -> str | None:
        """Return the unit of the images that a parameter belongs to; None if they have none, or several."""
        node = path.removeprefix(base_path(path)).removeprefix(".")
        own = [label.name for label in self.model.images if node in (label.name, label.band)]
        units = {self.images[name].unit for name in own or self.fitted_images}
        return units.pop() if len(units) == 1 else None

    def density(self, renderer: AbstractRenderer | None = None) -> JointDensity:
        model = self.model if renderer is None else dataclasses.replace(self.model, renderer=renderer)
        return joint_density(model, self.images)

    @property
    def chi2(self) -> float:
        """The sum of squared residuals over the unmasked pixels of all images, at `best`."""
        return sum(fit.chi2 for fit in self.each().values())

    @cached_property
    def log_likelihood(self) -> "xr.Dataset":
        """The log likelihood at every draw, as an xarray Dataset with a variable for each image, by its name.

        Each has one number for each unmasked pixel (chain, draw, pixel_g), with the pixels' `y_g` and `x_g`. Where
        those would not fit in memory, one for each square patch of pixels (chain, draw, patch_g). Raises `ValueError`
        without draws.
        """
        import xarray as xr

        each = {name: self.log_likelihood_of(name) for name in self.fitted_images}
        together = xr.merge([named(data, name) for name, data in each.items()], combine_attrs="drop")
        for name, data in each.items():
            together[name].attrs["patch_size"] = data.attrs["patch_size"]
        return together

    def log_likelihood_of(self, name: str) -> "xr.Dataset":
        """Return the log likelihood of one image's pixels at every draw, as the variable `data` of a Dataset.

        Arguments:
            name: the name of the image.

        Returns:
            The data of the variable of `log_likelihood` with this name, with the pixels' `y` and `x`.

        Raises:
            ValueError: there is no such image, it has no data, or the method makes no draws.
        """
        self.need_draws("log_likelihood")
        if name not in self._likelihoods:
            fit = self.of(name)
            self._likelihoods[name] = log_likelihood.pointwise(
                fit.model, fit.image, fit.draws, images=len(self.fitted_images)
            )
        return self._likelihoods[name]

    @cached_property
    def _likelihoods(self) -> "dict[str, xr.Dataset]":
        return {}
