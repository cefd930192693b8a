"""`read_catalogue`: the catalogue of a run that is finished, or still at work."""

from collections.abc import Iterable
from pathlib import Path

from sersiclab.catalogue.catalogue import Catalogue
from sersiclab.catalogue.job import Job
from sersiclab.catalogue.parquet import need_pyarrow
from sersiclab.catalogue.run_folder import RunFolder
from sersiclab.documents import storage


def read_catalogue(folder: str | Path, *, jobs: Iterable[Job] | None = None) -> Catalogue:
    """Read the catalogue that `fit_many` wrote to a folder, also while it is still at work.

    Arguments:
        folder: the folder.
        jobs: the jobs of the run, which `Catalogue.fit` and `Catalogue.retry` need.

    Returns:
        The catalogue.

    Raises:
        FileNotFoundError: if the folder holds no catalogue.
        ValueError: if it is damaged, or was written by a newer sersiclab.
        ImportError: if pyarrow is not installed.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> jobs = [sl.Job("a", sl.Image(np.ones((4, 5)), sigma=1.0), model)]
        >>> written = sl.fit_many(jobs, sl.MAP(), folder="run1", progress=False)
        >>> sl.read_catalogue("run1").ids
        ['a']
    """
    need_pyarrow()
    store = RunFolder(storage.user_path(folder, "folder"))
    return Catalogue(store, store.configuration(), jobs)
