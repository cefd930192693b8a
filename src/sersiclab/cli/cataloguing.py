"""`sersiclab many`: a progress bar, a folder of rows, and a summary of what became of the galaxies."""

import argparse
import contextlib
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sersiclab.cli import option_values as options
from sersiclab.parameters.scalars import check_count
from sersiclab.runtime.errors import InputError, MissingPackageError


if TYPE_CHECKING:
    from sersiclab.catalogue import Catalogue

REASONS = 5  # the most frequent messages of failures that are shown
TABLES = ("catalogue.fits", "catalogue.ecsv")


def many(arguments: argparse.Namespace) -> int:
    """Fit the galaxies of a table, and write their catalogue; returns the exit status."""
    from sersiclab.catalogue import fit_many, jobs
    from sersiclab.runtime.compilation import persistent_cache

    with contextlib.suppress(OSError):  # a home directory that is read-only does not prevent a fit
        persistent_cache()
    method, folder = options.method(arguments), arguments.output
    galaxies = jobs(
        arguments.sources,
        arguments.image,
        segmentation=arguments.segmentation,
        size=arguments.size,
        neighbours=arguments.neighbours,
        model=options.read_components(arguments.components),
        **options.data(arguments),
    )
    before, began = _finished_rows(folder), time.monotonic()
    with _executor(arguments) as executor:
        catalogue = fit_many(
            galaxies, method, folder=folder, executor=executor, seed=arguments.seed, timeout=arguments.timeout
        )
    seconds, files = time.monotonic() - began, _write(catalogue, folder)
    report = {
        "galaxies": len(galaxies),
        **catalogue.counts(),
        "failures": _failures(catalogue),
        "in this run": len(catalogue) - before,
        "seconds": seconds,
    }
    sys.stdout.write(json.dumps(report | {"files": files}, indent=2) + "\n" if arguments.json else _text(report, files))
    if arguments.received.number:
        what = "the same command does the rest"
        sys.stderr.write(f"sersiclab many: interrupted by {arguments.received.name}; {what}\n")
        return arguments.received.status
    return 0


def _finished_rows(folder: Path) -> int:
    """Return the number of galaxies that an earlier run has finished."""
    from sersiclab.catalogue import read_catalogue

    return len(read_catalogue(folder)) if (folder / "run.json").exists() else 0


@contextlib.contextmanager
def _executor(arguments: argparse.Namespace) -> Iterator[Executor | None]:
    """Yield the executor that the options ask for; None for this process."""
    if arguments.scheduler is not None:
        if arguments.workers is not None:
            raise InputError("give one of --workers and --scheduler, got both")
        try:
            from dask.distributed import Client
        except ImportError as error:
            raise MissingPackageError("--scheduler needs Dask: pip install 'sersiclab[dask]'") from error
        with Client(arguments.scheduler) as client:
            yield client.get_executor()
    elif arguments.workers is not None:
        check_count("--workers", arguments.workers, least=1)
        with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool
    else:
        yield None


def _write(catalogue: "Catalogue", folder: Path) -> list[str]:
    """Write the whole catalogue beside its parts; an earlier one is replaced."""
    catalogue.to_fits(folder / TABLES[0], overwrite=True)
    catalogue.to_ecsv(folder / TABLES[1], overwrite=True)
    return [str(folder / name) for name in TABLES]


def _failures(catalogue: "Catalogue") -> dict[str, int]:
    """Return the messages of the failures, the most frequent first."""
    table = catalogue.table
    return dict(Counter(str(row["message"]) for row in table if row["status"] != "done").most_common())


def _text(report: dict[str, Any], files: list[str]) -> str:
    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"

    finished = sum(report["status"].values())
    lines = [
        f"{finished} of {report['galaxies']} galaxies: {listed(report['status'])}",
        f"verdicts: {listed(report['verdict'])}",
    ]
    failures = list(report["failures"].items())
    lines += [f"  {number} failed: {message}" for message, number in failures[:REASONS]]
    if len(failures) > REASONS:
        lines.append(f"  and {len(failures) - REASONS} other reasons")
    new, seconds = report["in this run"], report["seconds"]
    lines.append(f"{new} in this run, in {seconds:.1f} s ({new / max(seconds, 1e-9):.2g} a second)")
    return "\n" + "\n".join(lines) + f"\n\nwrote {', '.join(files)}\n"
