"""The result of a fit."""

import dataclasses
import html
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.documents import storage
from sersiclab.documents.fit_format import write_fit
from sersiclab.documents.fit_parts import PARTS
from sersiclab.model import Model
from sersiclab.results import comparison, figures, files, provenance, table
from sersiclab.results.contents import check_contents
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived, Draws
from sersiclab.results.sampled import AbstractSampled
from sersiclab.results.verdict import Verdict, approximation
from sersiclab.results.verdict.deviations import ApproximationCheck
from sersiclab.results.verdict.judge import judge, judge_part
from sersiclab.runtime.errors import InputError
from sersiclab.runtime.seeds import checked_seed


if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import QTable
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Fit(AbstractSampled):
    """The result of a fit, the same for every method: draws, best values, and quantities computed from them.

    A Fit is immutable; derived quantities are cached. A pickled Fit leaves its caches behind.

    Arguments:
        model: the model that was fitted.
        image: the image that it was fitted to.
        method: the method, such as `NUTS()`.
        seed: the seed of the fit.
        draws: an array (chain, draw) for each free parameter; empty for a method without draws (`MAP`). Draws of an
            `Angle` are unwrapped: they lie within π/2 of their circular mean, which lies in [0, π).
        best: the values with the highest posterior density: the MAP, or the best draw.
        stats: the statistics of the sampler (chain, draw), under ArviZ's names.
        covariance: the covariance of the parameters in the unconstrained space of `Posterior`, in the order of
            `model.free`; None if it is not known.
        status: "complete", or why the run ended early.
        message: what went wrong, if anything did.
        timing: seconds, by the stage of the run.
        derived: the quantities that `derive` computed, by name.
        versions: the versions of the packages that computed the fit.
        unfinished: the state from which `resume` continues a cancelled run; it is not saved.
        part_of: the fit of several images of which this is one image.

    Raises:
        TypeError: if an argument has the wrong type, or `best` or `draws` hold anything but numbers.
        ValueError: if the parameters of `best` or `draws` are not those of the model, or shapes differ.

    Example:
        Methods make fits: `fit = sl.fit(model, image, sl.NUTS())`. One made by hand has all the same properties:

        >>> import numpy as np
        >>> import sersiclab as sl
        >>> model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 1.0))})
        >>> image = sl.Image(np.full((4, 5), 2.0), sigma=1.0)
        >>> fit = sl.Fit(model, image, sl.MAP(), 0, {}, {"sky.level": 1.5})
        >>> round(fit.chi2, 3), fit.dof
        (5.0, 19)

        In the examples of the methods, `fit` and `other` are two fits of a galaxy in one image.
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
    versions: dict[str, str] = dataclasses.field(default_factory=provenance.versions)
    unfinished: Any = None
    part_of: AbstractDrawn | None = None

    def __post_init__(self) -> None:
        check_contents(self)
        checked_image(self.image)
        paths = list(self.model.free)

        def settle(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        settle("draws", {path: np.asarray(self.draws[path]) for path in paths if self.draws})
        settle("best", {path: float(self.best[path]) for path in paths})
        settle("stats", {name: np.asarray(array) for name, array in self.stats.items()})

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: caches can be computed again, threads and chains can't be pickled."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)} | {"unfinished": None}

    @property
    def verdict(self) -> Verdict:
        """Whether to trust this fit: a `level` ("ok", "caution" or "bad") and `reasons`; `str` gives both as text."""
        return self._verdict

    @cached_property
    def _verdict(self) -> Verdict:
        return judge(self) if self.part_of is None else judge_part(self, self.part_of)

    @property
    def approximation(self) -> ApproximationCheck | None:
        """How closely the posterior resembles its approximation; None if the draws are those of the posterior."""
        return self._approximation

    @cached_property
    def _approximation(self) -> ApproximationCheck | None:
        return approximation.checked(self) if self.part_of is None else None

    def compare(self, other: "Fit", *, patch: int | None = None) -> "pd.DataFrame":
        """Compare this fit with another of the same pixels by how well their models predict the data.

        Arguments:
            other: the other fit.
            patch: the side of the squares of pixels to leave out at a time; see `sersiclab.compare`.

        Returns:
            The table of `sersiclab.compare`, with the rows "this" and "other".

        Raises:
            TypeError: if `other` is not a Fit.
            ValueError: if it is a fit of other data or another mask.

        Example:
            >>> fit.compare(other)["bic_diff"].idxmin()
            'this'
        """
        return comparison.compare_with(self, other, patch=patch)

    def agreement(self, other: "Fit") -> "pd.DataFrame":
        """Compare the parameters of two fits of one model, made by another method or from another start.

        Arguments:
            other: the other fit.

        Returns:
            A row for each parameter and derived quantity that both have: `mean` and `sd` of this fit, those of the
            `other` (the best value without draws), their `difference` (circular for angles), the same `in_sigma`, the
            root mean square of both sd, and the `sd_ratio`.

        Raises:
            TypeError: if `other` is not a Fit.
            ValueError: if the fits have no quantity in common.

        Example:
            >>> bool(fit.agreement(other).loc["galaxy.r_eff", "in_sigma"] < -3.0)
            True
        """
        return comparison.agreement(self, other)

    def plot(self) -> "Figure":
        """Plot data, model and residual as images, and the surface-brightness profile.

        Returns:
            A matplotlib figure, which a notebook shows.

        Example:
            >>> fit.plot().savefig("fit.pdf")
        """
        return figures.plot(self)

    def plot_posterior(self, *, seed: int = 0) -> "Figure":
        """Plot an image drawn from the posterior predictive, the model's uncertainty, and profiles with 68 % bands.

        Arguments:
            seed: the seed of the image.

        Returns:
            A matplotlib figure.

        Raises:
            ValueError: if the method makes no draws.

        Example:
            ```python
            fit.plot_posterior(seed=1).savefig("posterior.png")
            ```
        """
        self.need_draws("plot_posterior")
        predicted = self.posterior_predictive(1, seed=checked_seed(seed))[0]
        return figures.plot_posterior(self, self.model_sd, predicted, (self.radial_profile(), self.curve_of_growth()))

    def plot_corner(self, paths: "list[str] | None" = None) -> "Figure":
        """Plot marginal and pairwise posterior densities.

        Arguments:
            paths: the parameters and derived quantities to plot; all by default.

        Returns:
            A matplotlib figure.

        Raises:
            ValueError: if the method makes no draws, or a path is unknown.

        Example:
            >>> fit.plot_corner(["galaxy.r_eff", "galaxy.n"]).savefig("corner.png")
        """
        self.need_draws("plot_corner")
        return figures.plot_corner(self, paths)

    def to_table(self) -> "QTable":
        """Return the fit as one row of an astropy table; `astropy.table.vstack` makes a catalogue of many.

        Returns:
            For every parameter, observable and derived quantity a column such as `galaxy_r_eff` with its unit: the
            mean of the draws (circular for angles) or, without draws, the best value; and its standard deviation in
            `galaxy_r_eff_err`. Then chi2, dof, reduced_chi2, verdict and status. `.write` saves it as ECSV, FITS or
            VOTable.

        Example:
            >>> from astropy.table import vstack
            >>> catalogue = vstack([fit.to_table(), other.to_table()])
            >>> catalogue.write("catalogue.ecsv")
            >>> len(catalogue), catalogue["galaxy_r_eff"].unit
            (2, Unit("pix"))
        """
        return table.to_table(self, self.observables)

    def to_latex(self, *, caption: str = "") -> str:
        """Return a LaTeX table of the free parameters, the observables and the derived quantities.

        Arguments:
            caption: the caption, in LaTeX.

        Returns:
            The median with the distances to the 16 % and 84 % quantiles or, without draws, the best value with its
            standard deviation, rounded to two digits of the error.

        Example:
            >>> "galaxy.n & $1.50" in fit.to_latex(caption="Sérsic fit")
            True
        """
        more = {**self.observables, **self.derived}
        return table.to_latex(self, more, image_unit=self.image.unit, caption=caption)

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the images at `best` to a FITS file: SCI, MODEL, RESIDUAL (data - model), SIGMA, MASK, PSF, COMP_*.

        All have the WCS. The primary header describes the fit, and the extension PARAMETERS holds `to_table()`.
        `Image.read(path, psf=f"{path}[PSF]")` reads the image.

        Arguments:
            path: the file.
            overwrite: replace a file that exists.

        Returns:
            The path.

        Raises:
            OSError: if the file exists, unless `overwrite`.

        Example:
            >>> path = fit.write_fits("galaxy-model.fits")
            >>> sl.Image.read(path, psf=f"{path}[PSF]").shape
            (24, 27)
        """
        return files.write_fits(self, self.to_table(), path, overwrite=overwrite)

    def write_regions(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the components at `best` as DS9 regions: ellipses in image pixels.

        Arguments:
            path: the file.
            overwrite: replace a file that exists.

        Returns:
            The path.

        Raises:
            FileExistsError: if the file exists, unless `overwrite`.

        Example:
            >>> print(fit.write_regions("galaxy.reg").read_text())
            # Region file format: DS9
            ...
            ellipse(14.0000,12.5000,3.0000,2.1000,130.107) # text={galaxy r_eff}
        """
        return storage.write_text(path, files.ds9_regions(self), overwrite=overwrite)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the whole fit to a file, which `sersiclab.load` reads back exactly.

        Arguments:
            path: the file, whose name ends in `.asdf`. A file that sersiclab saved before is replaced.
            overwrite: replace any other file too.

        Returns:
            The path.

        Raises:
            ValueError: if the name does not end in `.asdf`, or this is one image of a joint fit.
            FileExistsError: if another file exists, unless `overwrite`.

        Example:
            >>> again = sl.load(fit.save("galaxy.asdf"))
            >>> again.best == fit.best
            True
        """
        if self.part_of is not None:
            raise InputError("this is one image of a joint fit, by whose draws it was made: save the joint fit")
        return write_fit(path, {name: getattr(self, name) for name in (*PARTS, "image")}, overwrite=overwrite)

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
