"""Files: a tree of plain values and arrays, to and from one ASDF file."""

import uuid
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab._version import __version__


FORMAT = 1  # raised when a reader of today could no longer read what is written
SUFFIX = ".asdf"


def write(path: str | Path, kind: str, tree: dict[str, Any]) -> Path:
    """Write a tree of dicts, lists, texts, numbers, None and arrays to `path`, and return the path.

    `kind` says what the tree is. The file appears whole or not at all: it is written beside its place
    and then moved there. Raises `ValueError` for a suffix other than .asdf.
    """
    import asdf

    path = _checked(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it, or save elsewhere")
    document = {"sersiclab": {"format": FORMAT, "kind": kind, "version": __version__, **_plain(tree)}}
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex}{SUFFIX}")
    try:
        asdf.AsdfFile(document).write_to(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def read(path: str | Path, kind: str) -> dict[str, Any]:
    """Read back the tree of that kind which `write` wrote, arrays in memory and in native byte order.

    Raises `FileNotFoundError`, or `ValueError` if the file is of another origin, kind or newer format.
    """
    import asdf

    path = _checked(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", asdf.exceptions.AsdfConversionWarning)  # arrays cut short
            with asdf.open(path, lazy_load=False, memmap=False, validate_checksums=True) as file:
                tree = _native(dict(file.tree).get("sersiclab"))
    except Exception as error:
        raise ValueError(f"{path} is not a readable ASDF file: {error}") from error
    if not isinstance(tree, dict) or "kind" not in tree:
        raise ValueError(f"{path} was not written by sersiclab")
    if tree["format"] > FORMAT:
        raise ValueError(
            f"{path} was written by sersiclab {tree['version']}, in format {tree['format']}; this version "
            f"({__version__}) reads up to format {FORMAT}: upgrade sersiclab"
        )
    if tree["kind"] != kind:
        raise ValueError(f"{path} holds a {tree['kind']}, expected a {kind}")
    return tree


def _checked(path: str | Path) -> Path:
    path = Path(path).expanduser()
    if path.suffix.lower() != SUFFIX:
        raise ValueError(f"the file's name must end in {SUFFIX}, got {str(path)!r}")
    return path


def _plain(node: Any) -> Any:
    """Numpy and JAX scalars as Python numbers, tuples as lists, JAX arrays as numpy arrays.

    ASDF sorts the keys of a plain dict, but the order of a model's components matters.
    """
    if isinstance(node, dict):
        return OrderedDict((key, _plain(value)) for key, value in node.items())
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    if isinstance(node, np.generic):
        return node.item()
    if node is None or isinstance(node, str | bool | int | float):
        return node
    array = np.asarray(node)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"a file keeps numbers, texts and arrays of numbers, not {node!r}")
    return np.ascontiguousarray(array) if array.ndim else array.item()


def _native(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _native(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_native(value) for value in node]
    if isinstance(node, str | bool | int | float) or node is None:
        return node
    array = np.asarray(node)
    return np.array(array, dtype=array.dtype.newbyteorder("="))
