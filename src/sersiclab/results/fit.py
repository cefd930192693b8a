"""The result of a fit."""

import dataclasses
import html
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sersiclab.data.image import Image
from sersiclab.documents import storage
from sersiclab.model import Model, render
from sersiclab.model.accuracy import RenderError, render_error
from sersiclab.model.density import Density
from sersiclab.noise import AbstractNormalNoise
from sersiclab.parameters import ParameterInfo, parameter_info
from sersiclab.results import approximation, comparison, document, figures, files, per_draw, posterior, radial, table
from sersiclab.results import derived as derived_quantities
from sersiclab.results.contents import check_contents
from sersiclab.results.derived import Derived, Function
from sersiclab.results.observables import observables
from sersiclab.results.summary import summarise
from sersiclab.results.verdict import Verdict, judge
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.runtime.seeds import checked_seed


if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import QTable
    from matplotlib.figure import Figure

Draws = Float[np.ndarray, "chain draw"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """The result of a fit, the same whatever the method: draws, best values and what they mean.

    `draws` holds an array (chain, draw) for every free parameter, and nothing for a method without
    draws (MAP). Draws of an `Angle` are unwrapped: they lie within pi/2 of their circular mean, which
    lies in [0, pi). `best` is the MAP or the draw with the highest posterior density. `stats` holds the
    sampler's statistics under ArviZ's names. `covariance` is that of the parameters in the
    unconstrained space of `Density`, in the order of `model.free`. `status` is "complete", or says
    what happened. `message` says what went wrong, if anything did. `timing` is in seconds. `unfinished`
    is what `resume` goes on with after a cancelled run; it is not saved.

    A fit does not change, but remembers what it computed, the quantities of `derive` among it.
    """

    model: Model
    image: Image
    method: Any
    seed: int
    draws: dict[str, Draws]
    best: dict[str, float]
    stats: dict[str, Draws] = dataclasses.field(default_factory=dict)
    covariance: Float[np.ndarray, "d d"] | None = None
    status: str = "complete"
    message: str = ""
    timing: dict[str, float] = dataclasses.field(default_factory=dict)
    derived: dict[str, Derived] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=document.versions)
    unfinished: Any = dataclasses.field(default=None, metadata={"saved": False})

    def __post_init__(self) -> None:
        check_contents(self)
        paths = list(self.model.free)

        def settle(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        settle("draws", {path: np.asarray(self.draws[path]) for path in paths if self.draws})
        settle("best", {path: float(self.best[path]) for path in paths})
        settle("stats", {name: np.asarray(array) for name, array in self.stats.items()})

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"unfinished": None}  # threads and chains can't be pickled

    def summary(self) -> "pd.DataFrame":
        """A table with a row for every free parameter, then for every derived quantity.

        Columns: mean, sd, the quantiles q5, q16, q50, q84 and q95, r_hat, ess_bulk, ess_tail (Vehtari et
        al. 2021, arXiv:1903.08008), best, unit. Nothing is rounded. Angles have their circular mean, in
        [0, pi), and circular sd, and the quantiles of the unwrapped draws, which may lie outside. r_hat
        is NaN for one chain; without draws there is only `best`, and `sd` from the covariance if there
        is one, to first order.
        """
        return summarise(self, self.derived)

    def derive(self, fn: Function, *, name: str, unit: str = "") -> Float[np.ndarray, "..."]:
        """Draws (chain, draw) of a quantity derived from the components, remembered under `name`.

        `fn` takes the drawn components by name and gives one number, with JAX functions:
        `fit.derive(lambda s: s["bulge"].flux / (s["bulge"].flux + s["disk"].flux), name="B/T")`.
        It then has a row in `summary()` and a variable in `posterior` (where a `/` in its name becomes
        `_`), and is saved. A quantity of the same name is replaced. Without draws the result is the
        value at `best`, an array of shape ().
        """
        self._check_name(name)
        result = derived_quantities.derive(fn, self, name=name, unit=unit)
        self.derived[name] = result
        self.__dict__.pop("posterior", None)
        return result.draws if self.draws else np.asarray(result.best)

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"name must be a text such as 'B/T', got {name!r}")
        taken = [*self.model.free, *(other for other in self.derived if other != name)]
        if posterior.variable(name) in map(posterior.variable, taken):
            raise InputError(f"name must differ from those of other quantities, got {name!r}; taken: {taken}")

    @cached_property
    def posterior(self) -> Any:
        """The posterior as the installed ArviZ has it: InferenceData (0.x) or DataTree (1.x).

        Groups: posterior (with derived quantities), log_likelihood (by pixel, or by square patches of pixels
        where that would not fit in memory; rendered when `arviz.loo`, or anything else, first asks for it),
        sample_stats, observed_data and constant_data. Raises `ValueError` if the method makes no draws.
        """
        self._need_draws("posterior")
        return posterior.build(self)

    @cached_property
    def log_likelihood(self) -> Any:
        """The log likelihood of unmasked pixels, or patches of them, at every draw (xarray Dataset)."""
        self._need_draws("log_likelihood")
        return posterior.log_likelihood(self.model, self.image, self.draws)

    def posterior_predictive(self, n: int = 100, *, seed: int = 0) -> Float[np.ndarray, "n y x"]:
        """`n` images that the posterior predicts, with noise: of draws chosen at random."""
        self._need_draws("posterior_predictive")
        return posterior.predictive(self.model, self.image, self.draws, n, seed)

    @cached_property
    def model_sd(self) -> Float[np.ndarray, "y x"]:
        """How uncertain the model image is: its standard deviation over all draws, pixel by pixel, without noise."""
        self._need_draws("model_sd")
        return per_draw.moments(Density.of(self.model, self.image), per_draw.flat(self.draws), self.best).sd

    def radial_profile(self) -> "pd.DataFrame":
        """The mean brightness in elliptical rings about the first source at `best`, a row for each ring.

        `radius` along the major axis in pixels; `data` less the sky, and its `error`; `model_q16`, `model_q50`
        and `model_q84` are quantiles of all sources' PSF-convolved light over the draws, `bulge_q16` ... those of
        each. In image units per pixel. Without draws the quantiles are the value at `best`.
        """
        return radial.radial_profile(self)

    def curve_of_growth(self) -> "pd.DataFrame":
        """The light within ellipses about the first source at `best`, a row for each, as far as the image holds them.

        Columns as of `radial_profile`, but summed; `radius` is the ellipse's. Where data are masked the model stands
        in. The model is PSF-convolved, and approaches its `flux` beyond the image.
        """
        return radial.curve_of_growth(self)

    @cached_property
    def model_image(self) -> Float[np.ndarray, "y x"]:
        """The model at `best`, PSF-convolved and with sky."""
        return render(self.model, self.image, self.best)

    @cached_property
    def residual(self) -> Float[np.ndarray, "y x"]:
        """(data - model) / sigma at `best`; zero where masked."""
        image, valid = self.image, self.image.valid
        scaled = np.zeros(image.shape)
        np.subtract(image.data, self.model_image, out=scaled, where=valid)
        return np.divide(scaled, image.sigma, out=scaled, where=valid)

    @cached_property
    def white_residual(self) -> Float[np.ndarray, "y x"]:
        """The residual at `best`, made independent numbers of unit variance if the noise is correlated."""
        noise, valid = self.model.noise.among(self.image.valid), self.image.valid
        if not isinstance(noise, AbstractNormalNoise):
            return self.residual
        white = noise.whitened(jnp.asarray(self.residual), jnp.ones(self.image.shape))
        return np.where(valid, np.asarray(white, dtype=float), 0.0)

    @cached_property
    def approximation(self) -> "approximation.Check | None":
        """How like the posterior its approximation is; None if the draws are not of one, but of the posterior."""
        if "log_weight" in self.stats:
            return approximation.check_guide(self)
        if "lp" in self.stats or not self.draws or self.covariance is None:
            return None
        return approximation.check(self)

    @cached_property
    def render_error(self) -> RenderError:
        """How exactly the model is drawn at `best`."""
        return render_error(self.model, self.image, self.best)

    @property
    def chi2(self) -> float:
        """The sum of squared residuals over the unmasked pixels, at `best`."""
        return float(np.sum(self.residual**2))

    @property
    def dof(self) -> int:
        """Degrees of freedom: unmasked pixels less free parameters."""
        return int(self.image.valid.sum()) - len(self.model.free)

    @property
    def reduced_chi2(self) -> float:
        """`chi2` per degree of freedom; NaN if none is left."""
        return self.chi2 / self.dof if self.dof > 0 else float("nan")

    @cached_property
    def bic(self) -> float:
        """The Bayesian information criterion, -2 ln L + k ln N at `best` (Schwarz 1978, Ann. Stat. 6, 461)."""
        return comparison.bic(self)

    @cached_property
    def log_evidence(self) -> float:
        """ln of the data's density under the model, its priors included, in the normal approximation; NaN for MAP.

        ln Z = ln p(data, u) + d/2 ln 2 pi + 1/2 ln |C| at the mode, with the covariance C of the d parameters in
        the unconstrained space (MacKay 2003, chapter 27). Draws of the posterior itself give the first term by
        their mean, which lies d/2 below the mode's. Exact for normal posteriors; with copies of a mode, or a
        parameter at its bound, it is not.
        """
        return comparison.log_evidence(self)

    def compare(self, other: "Fit", *, patch: int | None = None) -> "pd.DataFrame":
        """This fit and another of the same pixels: see `sersiclab.compare`."""
        return comparison.compare({"this": self, "other": other}, patch=patch)

    def agreement(self, other: "Fit") -> "pd.DataFrame":
        """How far two fits of one model agree, by another method or from another start: a row for each quantity.

        `mean` and `sd` of this and of the `other` fit (the best value without draws), their `difference` (circular
        for angles), the same `in_sigma`, the root mean square of both sd, and the `sd_ratio`. Of parameters and
        derived quantities that both have; raises `ValueError` if there are none.
        """
        return comparison.agreement(self, other)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether to trust this fit: `level` (ok, caution or bad), `reasons`, and plain words by `str`."""
        return judge(self)

    def plot(self) -> "Figure":
        """Data, model and residual, and the surface-brightness profile, as a matplotlib figure."""
        return figures.plot(self)

    def plot_posterior(self, *, seed: int = 0) -> "Figure":
        """An image that the posterior predicts, the model's uncertainty, and profiles with bands of 68 % of draws."""
        self._need_draws("plot_posterior")
        checked_seed(seed)
        return figures.plot_posterior(self, seed=seed)

    def plot_corner(self, paths: "list[str] | None" = None) -> "Figure":
        """Marginal and pairwise posterior densities of parameters and derived quantities."""
        self._need_draws("plot_corner")
        return figures.plot_corner(self, paths)

    @cached_property
    def observables(self) -> dict[str, Derived]:
        """What follows from the parameters, for every draw, as far as the image knows its place on the sky.

        By path: `galaxy.axis_ratio`, `galaxy.r_circ`, `bulge.fraction` (B/T); `galaxy.mag` with a zero-point,
        `galaxy.r_eff_arcsec` with a pixel scale, `galaxy.mean_sb` and `galaxy.central_sb` with both, `galaxy.ra`,
        `galaxy.dec` (ICRS, degrees) and `galaxy.pa` (east of north, degrees) with a WCS. Magnitudes are NaN
        where a flux is not positive. Each has `draws`, `best`, `sd` and `unit`.
        """
        return observables(self)

    def to_table(self) -> "QTable":
        """One row of an astropy `QTable`, so that `astropy.table.vstack` makes a catalogue of many fits.

        For every parameter, observable and derived quantity a column such as `galaxy_r_eff` with its unit,
        the mean of the draws (circular for angles) or, without draws, the best value, and its standard
        deviation in `galaxy_r_eff_err`; then chi2, dof, reduced_chi2, verdict and status. `.write` makes
        ECSV, FITS or VOTable of it.
        """
        return table.to_table(self)

    def to_latex(self, *, caption: str = "") -> str:
        """A LaTeX table of the free parameters, the observables and the derived quantities.

        The median with the distances to the 16 % and 84 % quantiles, or, without draws, the best value with
        its standard deviation, rounded to two digits of the error.
        """
        return table.to_latex(self, caption=caption)

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the images at `best` to a FITS file: SCI, MODEL, RESIDUAL (data - model), SIGMA, MASK, PSF, COMP_*.

        All have the WCS; the primary header says what was done, PARAMETERS holds `to_table()`, and
        `Image.read(path, psf=f"{path}[PSF]")` gives the image back. Raises `OSError` where the file exists.
        """
        return files.write_fits(self, path, overwrite=overwrite)

    def write_regions(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the components at `best` as DS9 regions: ellipses in image pixels.

        Raises `FileExistsError` where the file exists.
        """
        return storage.write_text(path, files.ds9_regions(self), overwrite=overwrite)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the whole fit to an `.asdf` file, which `sersiclab.load` reads back exactly.

        A file that sersiclab saved before is replaced. Raises `FileExistsError` for any other, unless `overwrite`.
        """
        return storage.write(path, "fit", document.to_tree(self), overwrite=overwrite)

    @property
    def infos(self) -> dict[str, ParameterInfo]:
        """What the classes declare about the free parameters, by path."""
        owners = self.model.owners
        return {path: parameter_info(owners[path.split(".")[0]])[path.split(".", 1)[1]] for path in self.model.free}

    def _need_draws(self, what: str) -> None:
        if not self.draws:
            method = type(self.method).__name__
            raise InputError(f"{what} needs draws, and {method} made none: use Laplace() or NUTS()")

    def __repr__(self) -> str:
        shape = next((array.shape for array in self.draws.values()), None)
        draws = "no draws" if shape is None else f"{shape[0]} x {shape[1]} draws"
        return (
            f"Fit({type(self.method).__name__}, {', '.join(self.model.components)}, {len(self.model.free)} free "
            f"parameters, {draws}, reduced_chi2={self.reduced_chi2:.4g}, verdict={self.verdict.level!r})"
        )

    def _repr_html_(self) -> str:
        reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in self.verdict.reasons)
        table = self.summary().to_html(float_format=lambda x: f"{x:.5g}", na_rep="")
        return f"<p>{html.escape(repr(self))}</p>{table}<p><b>{self.verdict.level}</b></p><ul>{reasons}</ul>"
