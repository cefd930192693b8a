"""A catalogue: the rows of many fits."""

import contextlib
import dataclasses
import html
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sersiclab.catalogue.chunks import QUICK
from sersiclab.catalogue.columns import DONE, Columns, latest
from sersiclab.catalogue.fitting_many import Prepared, fit_all
from sersiclab.catalogue.folder_lock import locked
from sersiclab.catalogue.image_identity import ImageIdentifier, image_difference
from sersiclab.catalogue.job import Job
from sersiclab.catalogue.job_tasks import repeated_tasks
from sersiclab.catalogue.method_texts import method_of
from sersiclab.catalogue.parquet import write_parquet
from sersiclab.catalogue.quantity_table import in_ascii, quantity_table
from sersiclab.catalogue.recipe_identity import recipe_identity
from sersiclab.catalogue.run_arguments import checked_executor, checked_jobs, checked_method, checked_timeout
from sersiclab.catalogue.run_folder import RunConfiguration, RunFolder
from sersiclab.catalogue.run_many import Plan, run_tasks
from sersiclab.catalogue.stores import AbstractStore, MemoryStore
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.documents import storage
from sersiclab.documents.spec import from_dict
from sersiclab.inference import AbstractMethod
from sersiclab.inference.running.program import precision
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError, InputKeyError, StateError


if TYPE_CHECKING:
    from astropy.table import QTable

# Rows that a notebook shows.
SHOWN_ROWS = 20


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Catalogue:
    """The rows of many fits, one for each galaxy, which `fit_many` and `read_catalogue` return.

    A galaxy that was fitted again has several versions of its row; everything here shows the last one. A catalogue is
    immutable: `retry` returns a new one.

    Arguments:
        store: where the rows are kept.
        configuration: how they were fitted.
        jobs: the jobs, if they are at hand. `fit` and `retry` need them.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> jobs = [sl.Job(name, sl.Image(np.ones((4, 5)), sigma=1.0), model) for name in ("b", "a10", "a2")]
        >>> catalogue = sl.fit_many(jobs, sl.MAP(), progress=False)
        >>> len(catalogue), list(catalogue)
        (3, ['a2', 'a10', 'b'])
        >>> round(catalogue.fit("b").best["sky.level"], 3)
        0.952
    """

    store: AbstractStore
    configuration: RunConfiguration
    jobs: Iterable[Job] | None = None

    @cached_property
    def _columns(self) -> Columns:
        return latest(self.store.read(leave=("model",)))

    @property
    def folder(self) -> Path | None:
        """The folder of the run; None if the catalogue is in memory."""
        return self.store.path if isinstance(self.store, RunFolder) else None

    @property
    def ids(self) -> list[str]:
        """The names of the galaxies, in natural order: "a2" before "a10"."""
        return self._columns.arrays["id"].tolist()

    @property
    def failed(self) -> list[str]:
        """The names of the galaxies without a fit, whose status is "failed" or "timeout"."""
        return [name for name, status in zip(self.ids, self._columns.arrays["status"], strict=True) if status != DONE]

    def __len__(self) -> int:
        return len(self._columns)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.ids)}

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the galaxies by status, and those with a fit by verdict.

        Returns:
            Numbers under "status", by "done", "failed" and "timeout", and under "verdict", by "ok", "caution" and
            "bad", the most frequent first.

        Example:
            ```python
            catalogue.counts()["verdict"]
            ```
        """
        arrays = self._columns.arrays
        done = arrays["status"] == DONE
        found = {"status": arrays["status"].tolist(), "verdict": arrays["verdict"][done].tolist()}
        return {name: dict(Counter(values).most_common()) for name, values in found.items()}

    @cached_property
    def table(self) -> "QTable":
        """The catalogue as an astropy table with units, one row for each galaxy.

        It has the columns of `Fit.to_table`, such as `galaxy_r_eff` and `galaxy_r_eff_err`, and for each quantity its
        value at the highest posterior density (`galaxy_r_eff_best`) and the quantiles of its draws (`_q16`, `_q50`,
        `_q84`), in pixels, arcsec, magnitudes and degrees, and fluxes in the image's unit. Numbers of galaxies without
        a fit are NaN. Centres such as `galaxy_xc` are in pixels of the stamp; if that was cut from a mosaic, `x0` and
        `y0` are its first pixel there.

        Before them come `id`, `version`, `status`, `message`, `verdict`, `reasons`, `notes` (the warnings of making
        the image and the model), `seconds`, `seed`, `method`, `chi2`, `dof` and `reduced_chi2`.

        A joint fit of several images has a column for each image where a quantity differs between them, such as
        `galaxy_flux_g` and `galaxy_mag_g`, one where it does not, `chi2_g` for each image, and the names of the images
        that were fitted in `bands`. Numbers of images that a galaxy lacks are NaN.
        """
        configuration = self.configuration
        return quantity_table(self._columns, {"seed": configuration.seed, "x64": configuration.double})

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the catalogue to one Parquet file, with the columns of its parts.

        Arguments:
            path: the file.
            overwrite: replace a file that exists.

        Returns:
            The path.

        Raises:
            FileExistsError: if the file exists, unless `overwrite`.
            ImportError: if pyarrow is not installed.

        Example:
            ```python
            pandas.read_parquet(catalogue.to_parquet("catalogue.parquet"))
            ```
        """
        return write_parquet(latest(self.store.read()), storage.user_path(path), overwrite=overwrite)

    def to_ecsv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write `table` to an ECSV file, a text with units that astropy reads.

        Arguments:
            path: the file.
            overwrite: replace a file that exists.

        Returns:
            The path.

        Raises:
            FileExistsError: if the file exists, unless `overwrite`.

        Example:
            ```python
            astropy.table.QTable.read(catalogue.to_ecsv("catalogue.ecsv"))
            ```
        """
        path = storage.user_path(path)
        with storage.writing(path, overwrite=overwrite) as temporary:
            self.table.write(temporary, format="ascii.ecsv")
        return path

    def to_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write `table` to a FITS file. Characters that FITS does not know are replaced in texts.

        Arguments:
            path: the file.
            overwrite: replace a file that exists.

        Returns:
            The path.

        Raises:
            FileExistsError: if the file exists, unless `overwrite`.

        Example:
            ```python
            astropy.table.QTable.read(catalogue.to_fits("catalogue.fits"))
            ```
        """
        table = in_ascii(self.table)
        path = storage.user_path(path)
        with storage.writing(path, overwrite=overwrite) as temporary:
            table.write(temporary, format="fits")
        return path

    def fit(self, id: str) -> Fit | JointFit:
        """Return the whole fit of a galaxy, for plots and the widget; a `JointFit` if it has several images.

        Fits by `MAP` and `Laplace` are computed again from the job, with the same result; those of other methods were
        saved with the catalogue.

        Arguments:
            id: the name of the galaxy.

        Returns:
            The fit.

        Raises:
            KeyError: if no galaxy has this name.
            ValueError: if the galaxy has no fit, or its image is not the one that was fitted; the message says why.
            RuntimeError: if the job is needed, and not at hand.
        """
        place = self._place(id)
        row = {name: array[place] for name, array in self._columns.arrays.items()}
        if row["status"] != DONE:
            raise InputError(f"{id!r} has no fit: {row['message']}")
        if (kept := self.store.fit(id, int(row["version"]))) is not None:
            return kept
        method = method_of(row["method"])
        if not isinstance(method, QUICK):
            raise StateError(f"the fit of {id!r} was saved, but its file is gone")
        with precision(self.configuration.double):
            model, image = self._loaded(id, row["recipe"], row["image"])
            fit = fit_all([Prepared(model, image, int(row["seed"]))], method)[0]
        if isinstance(fit, Exception):
            raise fit
        return fit

    def _loaded(self, name: str, recipe: str, identity: str) -> tuple[Model, Image | Images]:
        """Return the model and the image of a row, also if the job at hand has another model than the row."""
        job = self.job(name)
        if words := image_difference(identity, ImageIdentifier()(job)):
            raise InputError(f"the fit of {name!r} can't be computed again, since its job has another image: {words}")
        if recipe_identity(job.model) == recipe:
            return job.load()
        models = latest(self.store.read(only=("id", "version", "model"))).arrays["model"]
        return from_dict(json.loads(models[self._place(name)])), job.load_image()

    def retry(
        self,
        ids: str | Iterable[str] | None = None,
        method: AbstractMethod | None = None,
        *,
        jobs: Iterable[Job] | None = None,
        executor: Executor | None = None,
        timeout: float | None = None,
        progress: bool = True,
    ) -> "Catalogue":
        """Fit some galaxies again, such as those that failed. Each gets a new version of its row.

        Arguments:
            ids: the names of the galaxies; by default those in `failed`.
            method: the method; by default that of the run.
            jobs: their jobs, with other models perhaps; by default those at hand.
            executor: fits in other processes, as in `fit_many`.
            timeout: seconds after which a job is given up.
            progress: whether to show a progress bar.

        Returns:
            The catalogue with the new rows.

        Raises:
            KeyError: if a galaxy, or its job, is unknown.
            ValueError: if a galaxy has a fit, and its job another image than the one that was fitted.
            RuntimeError: if the jobs are not at hand.

        Example:
            ```python
            better = catalogue.retry(["id-17", "id-23"], sl.NUTS())
            ```
        """
        names = self.failed if ids is None else [ids] if isinstance(ids, str) else list(ids)
        arrays, run = self._columns.arrays, self.configuration
        versions = {name: int(arrays["version"][self._place(name)]) + 1 for name in names}
        plan = Plan(
            checked_method(run.method if method is None else method),
            run.seed,
            run.double,
            timeout=checked_timeout(timeout),
            draws=run.draws,
            progress=progress,
        )
        if jobs is None:
            jobs = self._jobs()
        images = {name: arrays["image"][self._place(name)] for name in set(names) - set(self.failed)}
        tasks = repeated_tasks(checked_jobs(jobs), versions, images, run.seed)
        store = self.store.copy() if isinstance(self.store, MemoryStore) else self.store
        with locked(store.path) if isinstance(store, RunFolder) else contextlib.nullcontext():
            run_tasks(iter(tasks), plan, store, checked_executor(executor), total=len(tasks))
        return Catalogue(store, run, self.jobs)

    def _place(self, name: str) -> int:
        if name not in self._places:
            raise InputKeyError(f"the catalogue has no galaxy {name!r}; it has {len(self)}, such as {self.ids[:3]}")
        return self._places[name]

    def job(self, id: str) -> Job:
        """Return the job of a galaxy.

        Arguments:
            id: the name of the galaxy.

        Raises:
            KeyError: if no job has this name.
            RuntimeError: if the jobs are not at hand.
        """
        from sersiclab.catalogue.job_list import Jobs  # which imports astropy's units

        jobs = self._jobs()
        if isinstance(jobs, Jobs):  # which makes jobs as they are asked for
            return jobs[id]
        for job in jobs:
            if job.id == id:
                return job
        raise InputKeyError(f"no job has the id {id!r}")

    def _jobs(self) -> Iterable[Job]:
        if self.jobs is None:
            raise StateError("the jobs are not at hand: pass them to sl.read_catalogue(folder, jobs=jobs)")
        return self.jobs

    def __repr__(self) -> str:
        status = ", ".join(f"{number} {name}" for name, number in self.counts()["status"].items())
        verdicts = ", ".join(f"{number} {name}" for name, number in self.counts()["verdict"].items())
        where = "in memory" if self.folder is None else f"in {self.folder}"
        count = f"{len(self)} {'galaxy' if len(self) == 1 else 'galaxies'}"
        return f"Catalogue({count} {where}: {status or 'no rows'}; verdicts: {verdicts or 'none'})"

    def _repr_html_(self) -> str:
        head = quantity_table(self._columns.at(slice(SHOWN_ROWS)), {})
        return f"<p>{html.escape(repr(self))}</p>{head._repr_html_()}"
