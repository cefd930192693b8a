"""Rows of a catalogue in Parquet files, by pyarrow, which is an optional package."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.catalogue.columns import COUNTS, DRAWS, TEXTS, WHOLE, Columns
from sersiclab.documents import storage
from sersiclab.runtime.errors import InputError, MissingPackageError


FORMAT = 2  # increased when earlier versions could no longer read new files
_KEY = b"sersiclab"


def need_pyarrow() -> None:
    """Raise `MissingPackageError`, with the command that installs it, if pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            "catalogues in a folder, and Parquet files, need the package pyarrow: pip install 'sersiclab[catalogue]'"
        ) from error


def write_parquet(columns: Columns, path: Path, *, overwrite: bool = False) -> Path:
    """Write columns to a file, which appears whole or not at all. Numbers that are NaN are null there."""
    need_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: _arrow(name, array) for name, array in columns.arrays.items()}
    about = {"format": FORMAT, "units": columns.units}
    table = pa.table(arrays).replace_schema_metadata({_KEY: json.dumps(about).encode()})
    with storage.writing(path, overwrite=overwrite) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def read_parquet(path: Path, *, only: Collection[str] | None = None, leave: Collection[str] = ()) -> Columns:
    """Read columns that `write_parquet` wrote: `only` those named, or all but those to `leave`.

    Raises `ValueError`, which names the file, if it is damaged or of another origin, and `FileNotFoundError`.
    """
    need_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            about = _about(file.schema_arrow.metadata or {}, path)
            names = [n for n in file.schema_arrow.names if (only is None or n in only) and n not in leave]
            table = file.read(columns=names)
        arrays = {name: _plain(name, table.column(name)) for name in names}
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error
    return Columns(arrays, tuple(about["units"]))


def _about(metadata: dict[bytes, bytes], path: Path) -> dict[str, Any]:
    if _KEY not in metadata:
        raise InputError(f"{path} was not written by sersiclab")
    about = json.loads(metadata[_KEY])
    if about["format"] > FORMAT:
        raise InputError(
            f"{path} was written by a newer sersiclab, in format {about['format']}; this version reads up to format "
            f"{FORMAT}: upgrade sersiclab"
        )
    return about


def _arrow(name: str, array: np.ndarray) -> Any:
    import pyarrow as pa

    if name in TEXTS:
        return pa.array(array.tolist(), type=pa.string())
    if name in WHOLE:
        return pa.array(array, type=pa.int64())
    if name.endswith(DRAWS):
        return pa.array(array.tolist(), type=pa.list_(pa.float64()))
    if name in COUNTS:
        return pa.array(np.nan_to_num(array).astype(np.int64), type=pa.int64(), mask=np.isnan(array))
    return pa.array(array, type=pa.float64(), from_pandas=True)


def _plain(name: str, column: Any) -> np.ndarray:
    if name in TEXTS or name.endswith(DRAWS):
        values = column.to_pylist() if name in TEXTS else [_draws(each) for each in column]
        held = np.empty(len(values), dtype=object)
        held[:] = values
        return held
    return np.asarray(column.to_numpy(), dtype=np.int64 if name in WHOLE else float)


def _draws(scalar: Any) -> np.ndarray | None:
    return scalar.values.to_numpy(zero_copy_only=False) if scalar.is_valid else None
