"""The part of a fit of several images that is computed from its draws, or from its best values if it has none."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.results import arviz_groups, criteria, modes
from sersiclab.results import derived as derived_quantities
from sersiclab.results.derived import FunctionOfComponents
from sersiclab.results.joint import band_tables, colour_table
from sersiclab.results.joint.joint_base import AbstractJoint
from sersiclab.results.summary import summarise
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    import pandas as pd


class AbstractJointSampled(AbstractJoint):
    """A fit of several images with its tables, derived quantities, criteria and ArviZ's objects."""

    def summary(self) -> "pd.DataFrame":
        """Return a table with a row for every free parameter, such as `galaxy.flux.g`, then for derived quantities.

        Returns:
            The columns of `Fit.summary`.

        Example:
            >>> list(fit.summary().index)[:3]
            ['galaxy.xc', 'galaxy.yc', 'galaxy.flux.g']
        """
        return summarise(self, self.derived)

    def bands(self) -> "pd.DataFrame":
        """Return every parameter and observable in every image.

        Returns:
            A table with a row for each parameter, observable and derived quantity (`galaxy.r_eff`, `galaxy.mag`,
            `bulge.fraction`), and for each image the columns `value`, the mean of the draws or the best value without,
            and `sd`. The last column is the `unit`.

        Example:
            >>> fit.bands().loc["galaxy.flux", "r"].round(1).to_dict()
            {'value': 100.0, 'sd': 1.0}
        """
        return band_tables.bands(self.each())

    def colours(self) -> "pd.DataFrame":
        """Return the colours of the components between neighbouring images with zero-points, in magnitudes.

        Returns:
            A table with a row for each component, or total flux, and pair of images, "g - r", and the columns `value`
            and `sd`. The sd takes account of the covariance of the two fluxes; without draws it is that to first order,
            or NaN if there is no covariance.

        Example:
            >>> colours = fit.colours()
            >>> list(colours.columns)
            ['value', 'sd']
        """
        return colour_table.colours(self, self.each())

    def at_wavelength(self, wavelength: Any) -> "pd.DataFrame":
        """Return the smooth functions of wavelength, and the parameters that all images share, at one wavelength.

        Arguments:
            wavelength: in micrometres, or an astropy quantity; it must lie in the range of the images.

        Returns:
            A table with a row for each parameter that is not fixed, and the columns `value`, `sd`, `q16`, `q50` and
            `q84`. Parameters with a value of their own in each band are not known at other wavelengths, and are left
            out, as are those that are tied to them.

        Raises:
            ValueError: the wavelength lies outside the range of the images.

        Example:
            >>> list(fit.at_wavelength(0.55).columns)
            ['value', 'sd', 'q16', 'q50', 'q84']
        """
        return band_tables.at_wavelength(self, wavelength)

    def derive(self, fn: FunctionOfComponents, *, name: str, unit: str = "") -> dict[str, Float[np.ndarray, "..."]]:
        """Compute a quantity from the components of every image at every draw, and keep it.

        "B/T" becomes the quantities "B/T.g", "B/T.r" and so on, which have rows in `summary()` and variables in
        `posterior` (where `/` becomes `_`), and are saved. They replace earlier quantities of these names.

        Arguments:
            fn: a function of the components by name, in JAX functions, that returns one number.
            name: the name of the quantity, such as "B/T" for the share of a bulge.
            unit: its unit, as astropy writes it.

        Returns:
            Its draws (chain, draw) for each image, by name; without draws its values at `best`, arrays of shape ().

        Raises:
            TypeError: if `fn` is not a function that JAX can trace, or `name` or `unit` is not a string.
            ValueError: if `fn` does not return one number, or another quantity has one of the names.

        Example:
            >>> found = fit.derive(lambda s: s["galaxy"].flux / s["galaxy"].r_eff ** 2, name="density", unit="pix-2")
            >>> found["g"].shape, list(fit.derived)
            ((2, 50), ['density.g', 'density.r'])
        """
        self._check_name(name)
        found = {image: derived_quantities.derive(fn, fit, name=name, unit=unit) for image, fit in self.each().items()}
        for image, quantity in found.items():
            self.derived[f"{name}.{image}"] = self.of(image).derived[name] = quantity
            vars(self.of(image)).pop("posterior", None)
        vars(self).pop("posterior", None)
        return {image: each.draws if self.draws else np.asarray(each.best) for image, each in found.items()}

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"name must be a string such as 'B/T', got {name!r}")
        new = [f"{name}.{image}" for image in self.fitted_images]
        taken = [*self.model.free, *(other for other in self.derived if other not in new)]
        for each in new:
            if arviz_groups.variable(each) in map(arviz_groups.variable, taken):
                raise InputError(f"name must differ from those of other quantities, got {name!r}; taken: {taken}")

    @cached_property
    def posterior(self) -> Any:
        """The posterior as a native object of the installed ArviZ: InferenceData (0.x) or DataTree (1.x).

        Its groups are those of `Fit.posterior`. In log_likelihood and observed_data the image g is the variable `g`,
        with dimensions `pixel_g`, or `y_g` and `x_g`, of its own; constant_data has `sigma_g` and `mask_g`.
        `arviz.loo` and others need `var_name="g"`; `compare` takes all images together. Raises `ValueError` if the
        method makes no draws.
        """
        self.need_draws("posterior")
        return arviz_groups.build(self, self._observed)

    def to_arviz(self, *, prior: int = 0, predictive: int = 0, seed: int = 0) -> Any:
        """Return `posterior` with the groups prior and posterior_predictive, which ArviZ's predictive checks need.

        Arguments:
            prior: the number of draws of the free parameters from their priors; 0 leaves the group out.
            predictive: the number of data sets to draw from the posterior predictive distribution; 0 leaves the group
                out. They need 4 bytes for each pixel and data set (8 in double precision).
            seed: the seed of both.

        Returns:
            An object like `posterior`, with its groups; it is not kept. With `predictive`, both
            `posterior_predictive["g"]` (chain, draw, pixel_g) and `observed_data["g"]` (pixel_g) hold the unmasked
            pixels only. A data set has the same draw of the parameters in all images.

        Raises:
            TypeError: if a number is not an integer.
            ValueError: if the method makes no draws, or a number is negative.

        Example:
            >>> groups = fit.to_arviz(prior=1000, predictive=20)
            >>> groups["posterior_predictive"]["g"].shape
            (1, 20, 648)
        """
        self.need_draws("to_arviz")
        return arviz_groups.build(self, self._observed, prior=prior, predictive=predictive, seed=seed)

    @property
    def _observed(self) -> list[arviz_groups.Observed]:
        return [arviz_groups.Observed(name, fit.model, fit.image, fit.draws) for name, fit in self.each().items()]

    @cached_property
    def modes(self) -> "pd.DataFrame":
        """The modes of the posterior, with their shares and the parameters in each; see `Fit.modes`."""
        return modes.table(self)

    @cached_property
    def bic(self) -> float:
        """The Bayesian information criterion, -2 ln L + k ln N, for all images together; see `Fit.bic`."""
        return criteria.bic(self)

    @cached_property
    def log_evidence(self) -> float:
        """ln Z of the data of all images; NaN for MAP. See `Fit.log_evidence`."""
        return criteria.log_evidence(self)
