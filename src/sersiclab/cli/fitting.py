"""The commands that fit in the terminal: a progress bar, the posterior table, the verdict, and files."""

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sersiclab.cli import inputs
from sersiclab.cli import option_values as options
from sersiclab.documents import storage


if TYPE_CHECKING:
    from sersiclab.data.image import Image
    from sersiclab.model import Model
    from sersiclab.results import Fit
    from sersiclab.results.draws import Derived

BAD = 3
OUTPUTS = ("fit.asdf", "summary.csv", "table.ecsv", "fit.fits", "fit.reg", "fit.png", "fit.html")
CHECKPOINT = "checkpoint.asdf"


def demo(arguments: argparse.Namespace) -> int:
    """Fit the bundled example."""
    from sersiclab import datasets
    from sersiclab.guess import guess

    options.method(arguments)  # wrong options are refused before any work
    image = datasets.example()
    return _fit_and_write(image, guess(image, "sersic"), arguments)


def fit(arguments: argparse.Namespace) -> int:
    """Fit the image that the arguments describe."""
    image, model, position = inputs.image_and_model(arguments)
    if not arguments.mask_neighbours:
        _report_neighbours(inputs.unmodelled_neighbours(image, model, position))
    return _fit_and_write(image, model, arguments)


def _report_neighbours(count: int) -> None:
    """Report sources that may bias the fit on the terminal. Nothing is masked unless the user asks for it."""
    if count > 0:
        what = "source" if count == 1 else "sources"
        sys.stderr.write(
            f"sersiclab fit: {count} other {what} in the image: --mask-neighbours, or --sources auto to model all\n"
        )


def _fit_and_write(image: "Image", model: "Model", arguments: argparse.Namespace) -> int:
    """Fit, print the table and the verdict, and write the files; returns the exit status."""
    from sersiclab.inference import fit
    from sersiclab.runtime.compilation import persistent_cache

    with contextlib.suppress(OSError):  # a home directory that is read-only does not prevent a fit
        persistent_cache()
    method, folder, name = options.method(arguments), arguments.output, f"sersiclab {arguments.command}"
    # The folder is checked before the fit, so that no result is lost.
    folder.mkdir(parents=True, exist_ok=True)
    _check_folder(folder)
    checkpoint = folder / CHECKPOINT if method.writes_checkpoints else None
    if checkpoint is not None and checkpoint.exists():
        if arguments.restart:
            checkpoint.unlink()
        else:
            sys.stderr.write(f"{name}: resuming from {checkpoint}; --restart starts again\n")
    every = arguments.checkpoint_every
    result = fit(model, image, method, seed=arguments.seed, checkpoint=checkpoint, checkpoint_every=every)
    complete = result.status == "complete"
    if not complete:
        sys.stderr.write(f"\n{name}: interrupted by {arguments.received.name}; writing the result so far\n")
    try:
        files = _write(result, folder)
    except KeyboardInterrupt as interrupt:
        raise type(interrupt)(f"while files were written to {folder}; the same command writes them all") from None
    if arguments.json:
        sys.stdout.write(json.dumps(_report(result, files), indent=2) + "\n")
    else:
        sys.stdout.write(_text(result, files))
    if not complete:
        if checkpoint is not None and checkpoint.exists():
            sys.stderr.write(f"{name}: the same command resumes from {checkpoint}\n")
        return arguments.received.status
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return BAD if arguments.strict and result.verdict.level == "bad" else 0


def _check_folder(folder: Path) -> None:
    """Refuse to overwrite files that are not from an earlier fit. An earlier fit is replaced as a whole."""
    try:
        storage.check_free(folder / "fit.asdf", mark=storage.MARK)
        if not (folder / "fit.asdf").exists():
            for name in OUTPUTS:
                storage.check_free(folder / name)
    except FileExistsError as error:
        present = next(name for name in OUTPUTS if (folder / name).exists())
        raise FileExistsError(
            f"{folder / present} already exists and is not from an earlier fit: choose another folder with -o"
        ) from error


def _write(result: "Fit", folder: Path) -> dict[str, Path]:
    """Write all files; the fit comes first, so that a later failure can't lose it."""
    from sersiclab.widget import Workbench

    files = {name: folder / name for name in OUTPUTS}
    result.save(files["fit.asdf"], overwrite=True)
    storage.write_text(files["summary.csv"], result.summary().to_csv(), overwrite=True)
    with storage.writing(files["table.ecsv"], overwrite=True) as temporary:
        result.to_table().write(temporary, format="ascii.ecsv")
    result.write_fits(files["fit.fits"], overwrite=True)
    result.write_regions(files["fit.reg"], overwrite=True)
    with storage.writing(files["fit.png"], overwrite=True) as temporary:
        result.plot().savefig(temporary, dpi=150)
    with Workbench.of(result) as workbench:
        workbench.to_html(files["fit.html"], overwrite=True)
    return files


def _text(result: "Fit", files: Mapping[str, Path]) -> str:
    table = result.summary().to_string(float_format=lambda x: f"{x:.5g}")
    rows = [_row(name, quantity) for name, quantity in result.observables.items()]
    derived = "\n".join(["", "derived from these:", *rows, ""]) if rows else ""
    folder = next(iter(files.values())).parent
    return f"\n{table}\n{derived}\n{result.verdict}\n\nwrote {folder}/{', '.join(files)}\n"


def _row(name: str, quantity: "Derived") -> str:
    """Return a line with a quantity and its error, if that is known."""
    error = f" +- {quantity.sd:.2g}" if math.isfinite(quantity.sd) else ""
    return f"{name:<24}{_with_digits_of(quantity.best, quantity.sd):>14}{error} {quantity.unit}".rstrip()


def _with_digits_of(value: float, error: float) -> str:
    """Return a value rounded to the second digit of its error. Sky coordinates need more than six digits."""
    if not (math.isfinite(error) and error > 0.0):
        return f"{value:.6g}"
    return f"{value:.{max(0, 1 - math.floor(math.log10(error)))}f}"


def _report(result: "Fit", files: Mapping[str, Path]) -> dict[str, Any]:
    """Return the contents of the text at full precision, with null for numbers that are not finite."""
    rows: Any = result.summary().to_dict(orient="index")
    return {
        "method": type(result.method).__name__,
        "seed": result.seed,
        "status": result.status,
        "verdict": {"level": result.verdict.level, "reasons": list(result.verdict.reasons)},
        "chi2": _number(result.chi2),
        "dof": result.dof,
        "reduced_chi2": _number(result.reduced_chi2),
        "parameters": {path: {key: _number(value) for key, value in row.items()} for path, row in rows.items()},
        "observables": {
            name: {"best": _number(quantity.best), "sd": _number(quantity.sd), "unit": quantity.unit}
            for name, quantity in result.observables.items()
        },
        "seconds": {name: _number(value) for name, value in result.timing.items()},
        "versions": dict(result.versions),
        "files": {name: str(path) for name, path in files.items()},
    }


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None
