"""The result of a fit of several images."""

import dataclasses
import html
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sersiclab.data.image_set import Images
from sersiclab.documents.fit_format import write_fit
from sersiclab.documents.fit_parts import PARTS
from sersiclab.model import Model
from sersiclab.results import comparison, figures, provenance
from sersiclab.results.contents import check_contents
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.draws import Derived, Draws
from sersiclab.results.joint import joint_figures, joint_files, joint_rgb, joint_table
from sersiclab.results.joint.joint_judge import judge_together
from sersiclab.results.joint.joint_sampled import AbstractJointSampled
from sersiclab.results.verdict import Verdict, approximation
from sersiclab.results.verdict.deviations import ApproximationCheck


if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import QTable
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class JointFit(AbstractJointSampled):
    """The result of a fit of several images together, the same for every method.

    `fit.of(name)` is the fit of one image, with everything that a `Fit` has, such as `fit.of("r").residual`,
    `model_image` and `observables`. A JointFit is immutable.

    Arguments:
        model: the model that was fitted; its `images` are those that have data.
        images: the images that it was fitted to.
        method: the method, such as `NUTS()`.
        seed: the seed of the fit.
        draws: an array (chain, draw) for each free parameter, such as `galaxy.flux.g`; empty for a method without.
        best: the values with the highest posterior density: the MAP, or the best draw.
        stats: the statistics of the sampler (chain, draw), under ArviZ's names.
        covariance: the covariance of the parameters in the unconstrained space, in the order of `model.free`.
        status: "complete", or why the run ended early.
        message: what went wrong, if anything did.
        timing: seconds, by the stage of the run.
        derived: the quantities that `derive` computed, by name, such as "B/T.g".
        versions: the versions of the packages that computed the fit.
        unfinished: the state from which `resume` continues a cancelled run; it is not saved.

    Raises:
        TypeError: if an argument has the wrong type, or `best` or `draws` hold anything but numbers.
        ValueError: if the parameters of `best` or `draws` are not those of the model, shapes differ, or images of the
            model are missing.

    Example:
        Methods make fits: `fit = sl.fit(model, images, sl.NUTS())`. In the examples of the methods, `fit` is one of a
        galaxy in the bands g and r.
    """

    model: Model
    images: Images
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

    def __post_init__(self) -> None:
        check_contents(self)
        self._check_images()
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
        """Whether to trust this fit: a `level` and `reasons`, which name the images that they concern."""
        return self._verdict

    @cached_property
    def _verdict(self) -> Verdict:
        return judge_together(self, self.each)

    @property
    def approximation(self) -> ApproximationCheck | None:
        """How closely the posterior resembles its approximation; None if the draws are those of the posterior."""
        return self._approximation

    @cached_property
    def _approximation(self) -> ApproximationCheck | None:
        return approximation.checked(self)

    def compare(self, other: Any, *, patch: int | None = None) -> "pd.DataFrame":
        """Compare this fit with another of the same pixels by how well their models predict the data.

        Arguments:
            other: the other fit of these images; or `{name: fit}`, a separate fit of each image.
            patch: the side of the squares of pixels to leave out at a time; see `sersiclab.compare`.

        Returns:
            The table of `sersiclab.compare`, with the rows "this" and "other".

        Raises:
            TypeError: if `other` is neither a fit nor a mapping of fits.
            ValueError: if it is a fit of other data, other images or another mask.

        Example:
            >>> table = fit.compare({"g": fit.of("g"), "r": fit.of("r")})
            >>> table["free"].astype(int).to_dict()
            {'this': 6, 'other': 10}
        """
        return comparison.compare({"this": self, "other": other}, patch=patch)

    def agreement(self, other: AbstractDrawn) -> "pd.DataFrame":
        """Compare the parameters of two fits of one model, made by another method or from another start.

        Arguments:
            other: the other fit.

        Returns:
            The table of `Fit.agreement`.

        Raises:
            TypeError: if `other` is not a fit.
            ValueError: if the fits have no quantity in common.

        Example:
            >>> bool((fit.agreement(fit)["in_sigma"] == 0).all())
            True
        """
        return comparison.agreement(self, other)

    def plot(self) -> "Figure":
        """Plot data, model and residual of every image in a row, with its χ² per pixel.

        Returns:
            A matplotlib figure, which a notebook shows. `fit.of("g").plot()` also has the profile of an image.

        Example:
            >>> fit.plot().savefig("bands.pdf")
        """
        return joint_figures.plot(self)

    def plot_bands(self, paths: "list[str] | None" = None) -> "Figure":
        """Plot every parameter that varies between images against wavelength, with its error.

        Components share a panel for each parameter. A smooth function of wavelength is a curve, the median of the
        draws with their 68 % band.

        Arguments:
            paths: the parameters, observables and derived quantities to plot, rows of `bands()`; by default the
                parameters that vary.

        Returns:
            A matplotlib figure. Without wavelengths its axis has the names of the images.

        Raises:
            ValueError: if a path is unknown, or none is given and no parameter varies.

        Example:
            >>> fit.plot_bands(["galaxy.flux", "galaxy.r_eff"]).savefig("bands.png")
        """
        return joint_figures.plot_bands(self, paths)

    def plot_rgb(
        self, images: "tuple[str, str, str] | None" = None, *, stretch: float | None = None, q: float = 8.0
    ) -> "Figure":
        """Plot colour composites of data, model and residual (Lupton et al. 2004, PASP 116, 133), by astropy.

        Images with zero-points are in one unit of flux density; otherwise the model is equally bright in all three.
        The sky is subtracted. Masked pixels are black, and where the residual is zero it is grey.

        Arguments:
            images: the names of three images, red first. By default those of the longest, a middle and the shortest
                wavelength.
            stretch: the brightness per pixel up to which the scale is linear, in the unit of the red image; by default
                a few sigma.
            q: Lupton's softening: the larger, the fainter are bright regions.

        Returns:
            A matplotlib figure.

        Raises:
            ValueError: if there are not three images on one pixel grid with different wavelengths, or a number is not
                positive.

        Example:
            ```python
            fit.plot_rgb(("i", "r", "g")).savefig("composite.png")
            ```
        """
        return joint_rgb.plot_rgb(self, images, stretch=stretch, q=q)

    def plot_corner(self, paths: "list[str] | None" = None) -> "Figure":
        """Plot marginal and pairwise posterior densities.

        Arguments:
            paths: the parameters to plot; all by default.

        Returns:
            A matplotlib figure.

        Raises:
            ValueError: if the method makes no draws, or a path is unknown.

        Example:
            >>> fit.plot_corner(["galaxy.flux.g", "galaxy.flux.r"]).savefig("corner.png")
        """
        self.need_draws("plot_corner")
        return figures.plot_corner(self, paths)

    def to_table(self) -> "QTable":
        """Return the fit as one row of an astropy table; `astropy.table.vstack` makes a catalogue of many.

        Returns:
            The columns of `Fit.to_table`. A quantity that differs between images has one for each band or image, such
            as `galaxy_flux_g` and `galaxy_mag_g`, in the unit of that image; one that they share has one. A smooth
            function of wavelength has one for each node, such as `galaxy_r_eff_at_0_47`, and for each image. `chi2_g`
            is that of the image g.

        Example:
            >>> table = fit.to_table()
            >>> [name for name in table.colnames if "flux" in name]
            ['galaxy_flux_g', 'galaxy_flux_g_err', 'galaxy_flux_r', 'galaxy_flux_r_err']
        """
        return joint_table.to_table(self, self.each())

    def to_latex(self, *, caption: str = "") -> str:
        """Return a LaTeX table of the free parameters, the observables and the derived quantities.

        Arguments:
            caption: the caption, in LaTeX.

        Returns:
            A table like that of `Fit.to_latex`, which also has the smooth functions of wavelength in every image.

        Example:
            >>> "galaxy.n & $1.50" in fit.to_latex(caption="Sérsic fit in two bands")
            True
        """
        return joint_table.to_latex(self, self.each(), caption=caption)

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the images at `best` to one FITS file: SCI_g, MODEL_g, RESIDUAL_g, SIGMA_g, MASK_g, PSF_g, COMP_*_g.

        Each image is in its own pixels, with its WCS. The primary header describes the fit, and the extension
        PARAMETERS holds `to_table()`. `Image.read(f"{path}[SCI_g]", psf=f"{path}[PSF_g]")` reads an image with its
        errors and its mask. Where names differ only in capitals, EXTVER tells them apart: it counts the images from 1.

        Arguments:
            path: the file.
            overwrite: replace a file that exists.

        Returns:
            The path.

        Raises:
            OSError: if the file exists, unless `overwrite`.

        Example:
            >>> path = fit.write_fits("galaxy-bands.fits")
            >>> sl.Image.read(f"{path}[SCI_r]", psf=f"{path}[PSF_r]").shape
            (24, 27)
        """
        return joint_files.write_fits(self, self.each(), self.to_table(), path, overwrite=overwrite)

    def write_regions(self, folder: str | Path, *, overwrite: bool = False) -> dict[str, Path]:
        """Write the components at `best` as DS9 regions, a file such as `g.reg` for each image in its own pixels.

        Arguments:
            folder: the folder of the files, which is made if there is none.
            overwrite: replace files that exist.

        Returns:
            The path of each image's file.

        Raises:
            ValueError: if `folder` is a file.
            FileExistsError: if one of the files exists, unless `overwrite`.

        Example:
            >>> print(fit.write_regions("regions")["g"].read_text())
            # Region file format: DS9
            ...
            ellipse(14.0000,12.5000,3.0000,2.1000,130.107) # text={galaxy r_eff}
        """
        return joint_files.write_regions(self.each(), folder, overwrite=overwrite)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the whole fit to a file, which `sersiclab.load` reads back exactly.

        Arguments:
            path: the file, whose name ends in `.asdf`. A file that sersiclab saved before is replaced.
            overwrite: replace any other file too.

        Returns:
            The path.

        Raises:
            ValueError: if the name does not end in `.asdf`.
            FileExistsError: if another file exists, unless `overwrite`.

        Example:
            >>> again = sl.load(fit.save("bands.asdf"))
            >>> again.best == fit.best
            True
        """
        return write_fit(path, {name: getattr(self, name) for name in (*PARTS, "images")}, overwrite=overwrite)

    def __repr__(self) -> str:
        shape = next((array.shape for array in self.draws.values()), None)
        draws = "no draws" if shape is None else f"{shape[0]} x {shape[1]} draws"
        names = ", ".join(label.name for label in self.model.images)
        return (
            f"JointFit({type(self.method).__name__}, images {names}, {', '.join(self.model.components)}, "
            f"{len(self.model.free)} free parameters, {draws}, reduced_chi2={self.reduced_chi2:.4g}, "
            f"verdict={self.verdict.level!r})"
        )

    def _repr_html_(self) -> str:
        reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in self.verdict.reasons)
        table = self.summary().to_html(float_format=lambda x: f"{x:.5g}", na_rep="")
        return f"<p>{html.escape(repr(self))}</p>{table}<p><b>{self.verdict.level}</b></p><ul>{reasons}</ul>"
