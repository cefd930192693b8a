"""The part of a fit that is computed from its draws: tables, derived quantities, and ArviZ's objects."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.arrays import Plane
from sersiclab.model.density import Density
from sersiclab.results import arviz_groups, criteria, modes, per_draw, predictions, radial
from sersiclab.results import derived as derived_quantities
from sersiclab.results.base import AbstractFit
from sersiclab.results.derived import FunctionOfComponents
from sersiclab.results.draws import Derived
from sersiclab.results.observables import observables
from sersiclab.results.summary import summarise
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    import pandas as pd


class AbstractSampled(AbstractFit):
    """A fit with everything that is computed from its draws, or from its best values if it has none."""

    def summary(self) -> "pd.DataFrame":
        """Return a table with a row for every free parameter, then for every derived quantity.

        Nothing is rounded.

        Returns:
            A table with the columns mean, sd, the quantiles q5, q16, q50, q84 and q95, r_hat, ess_bulk, ess_tail
            (Vehtari et al. 2021, [arXiv:1903.08008](https://arxiv.org/abs/1903.08008)), best and unit. An angle has
            its circular mean, in [0, π), its circular sd, and the quantiles of the unwrapped draws, which may lie
            outside. r_hat is NaN for a single chain. Without draws only `best` is known, and, to first order, `sd`
            if there is a covariance.

        Example:
            >>> fit.summary().loc["galaxy.n", ["mean", "sd"]].astype(float).round(2).to_dict()
            {'mean': 1.5, 'sd': 0.05}
        """
        return summarise(self, self.derived)

    def derive(self, fn: FunctionOfComponents, *, name: str, unit: str = "") -> Float[np.ndarray, "..."]:
        """Compute a quantity from the components at every draw, and keep it under `name`.

        The quantity then has a row in `summary()` and a variable in `posterior` (where `/` in its name becomes `_`),
        and is saved. It replaces an earlier quantity of that name.

        Arguments:
            fn: a function of the components by name, in JAX functions, that returns one number.
            name: the name of the quantity, such as "B/T" for the share of a bulge.
            unit: its unit, as astropy writes it.

        Returns:
            Its draws (chain, draw); without draws its value at `best`, an array of shape ().

        Raises:
            TypeError: if `fn` is not a function that JAX can trace, or `name` or `unit` is not a string.
            ValueError: if `fn` does not return one number, or another quantity has this name.

        Example:
            >>> fit.derive(lambda s: s["galaxy"].flux / s["galaxy"].r_eff ** 2, name="density", unit="pix-2").shape
            (2, 50)
        """
        self._check_name(name)
        result = derived_quantities.derive(fn, self, name=name, unit=unit)
        self.derived[name] = result
        vars(self).pop("posterior", None)
        return result.draws if self.draws else np.asarray(result.best)

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"name must be a string such as 'B/T', got {name!r}")
        taken = [*self.model.free, *(other for other in self.derived if other != name)]
        if arviz_groups.variable(name) in map(arviz_groups.variable, taken):
            raise InputError(f"name must differ from those of other quantities, got {name!r}; taken: {taken}")

    @cached_property
    def posterior(self) -> Any:
        """The posterior as a native object of the installed ArviZ: InferenceData (0.x) or DataTree (1.x).

        Its groups are posterior (with the derived quantities), log_likelihood (by pixel, or by square patches of
        pixels if that would not fit in memory; computed when `arviz.loo` or anything else first needs it),
        sample_stats, observed_data and constant_data. `to_arviz` adds prior and posterior_predictive. Raises
        `ValueError` if the method makes no draws.
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
            `posterior_predictive["data"]` (chain, draw, pixel) and `observed_data["data"]` (pixel) hold the unmasked
            pixels only, as the log likelihood does, with the pixels' `y` and `x`.

        Raises:
            TypeError: if a number is not an integer.
            ValueError: if the method makes no draws, or a number is negative.

        Example:
            >>> groups = fit.to_arviz(prior=1000, predictive=20)  # for arviz.plot_ppc and plot_dist_comparison
            >>> groups["posterior_predictive"]["data"].shape
            (1, 20, 648)
        """
        self.need_draws("to_arviz")
        return arviz_groups.build(self, self._observed, prior=prior, predictive=predictive, seed=seed)

    @property
    def _observed(self) -> list[arviz_groups.Observed]:
        return [arviz_groups.Observed("", self.model, self.image, self.draws)]

    def posterior_predictive(self, n: int = 100, *, seed: int = 0) -> Float[np.ndarray, "n y x"]:
        """Draw images from the posterior predictive distribution: models of random draws, with noise.

        Arguments:
            n: the number of images. Draws are repeated only if there are fewer.
            seed: the seed of the choice of draws and of the noise.

        Returns:
            The images (n, y, x), in image units. Masked pixels are predicted too.

        Raises:
            ValueError: if the method makes no draws, or `n` is less than 1.

        Example:
            >>> spread = fit.posterior_predictive(20, seed=1).std(axis=0)
            >>> spread.shape
            (24, 27)
        """
        self.need_draws("posterior_predictive")
        return predictions.predictive(self.model, self.image, self.draws, n, seed)

    @cached_property
    def model_sd(self) -> Plane:
        """The uncertainty of the model image: its standard deviation over all draws in each pixel, without noise."""
        self.need_draws("model_sd")
        return per_draw.moments(Density.of(self.model, self.image), per_draw.flat(self.draws), self.best).sd

    def radial_profile(self) -> "pd.DataFrame":
        """Return the mean brightness in elliptical rings about the first source at `best`.

        Returns:
            A row for each ring, with the columns `radius`, along the major axis in pixels; `data`, less the sky, and
            its `error`; `model_q16`, `model_q50` and `model_q84`, quantiles over the draws of the PSF-convolved light
            of all sources together; and `bulge_q16` ... of each source if there are several. In image units per pixel.
            Without draws the quantiles are the value at `best`.

        Raises:
            ValueError: if the model has no source.

        Example:
            >>> axes = fit.radial_profile().plot("radius", ["data", "model_q50"], logy=True)
        """
        return radial.radial_profile(self)

    def curve_of_growth(self) -> "pd.DataFrame":
        """Return the light within ellipses about the first source at `best`, out to the edge of the image.

        The model replaces masked data. It is PSF-convolved, and approaches its `flux` beyond the image.

        Returns:
            A row for each ellipse, with the columns of `radial_profile`, but summed, in image units; `radius` is the
            semi-major axis of the ellipse.

        Raises:
            ValueError: if the model has no source.

        Example:
            >>> axes = fit.curve_of_growth().plot("radius", ["data", "model_q50"])
        """
        return radial.curve_of_growth(self)

    @cached_property
    def observables(self) -> dict[str, Derived]:
        """Quantities that follow from the parameters and from the image's calibration, for every draw.

        By path: `galaxy.axis_ratio`, `galaxy.r_circ`, `bulge.fraction` (B/T); `galaxy.mag` with a zero-point;
        `galaxy.r_eff_arcsec` with a pixel scale; `galaxy.mean_sb` and `galaxy.central_sb` with both; and `galaxy.ra`,
        `galaxy.dec` (ICRS, degrees) and `galaxy.pa` (east of north, degrees) with a WCS. Magnitudes are NaN where a
        flux is not positive. Each has `draws`, `best`, `sd` and `unit`.
        """
        return observables(self)

    @cached_property
    def modes(self) -> "pd.DataFrame":
        """The modes of the posterior, with the share of the draws, and mean and sd of each parameter in each.

        Columns are `share`, and the paths of the parameters, `galaxy.r_eff` and `galaxy.r_eff_sd`. Only `SMC` tells
        modes apart; with other methods all draws are one.

        Raises:
            ValueError: the method makes no draws.
        """
        return modes.table(self)

    @cached_property
    def bic(self) -> float:
        """The Bayesian information criterion, -2 ln L + k ln N at `best` (Schwarz 1978, Ann. Stat. 6, 461)."""
        return criteria.bic(self)

    @cached_property
    def log_evidence(self) -> float:
        """ln Z, the log density of the data under model and priors; NaN for MAP.

        `SMC` estimates it from its populations, whatever the posterior: `stats["log_evidence"]` has the estimate of
        each. With other methods it is that of the normal approximation,
        ln Z = ln p(data, u) + d/2 ln 2π + 1/2 ln |C| at the mode, with the covariance C of the d parameters in the
        unconstrained space (MacKay 2003, chapter 27). With draws of the posterior itself, the first term is their
        mean plus d/2, by which it lies below the mode. Exact for normal posteriors; wrong for a posterior with several
        modes, or with a parameter at its bound.
        """
        return criteria.log_evidence(self)
