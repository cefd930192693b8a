"""Writing files so that none is ever incomplete, and storing trees of plain values and arrays as ASDF files."""

import contextlib
import glob
import itertools
import os
import platform
import shutil
import time
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab._version import __version__
from sersiclab.documents.references import check_references
from sersiclab.runtime.errors import InputError, InputTypeError


FORMAT = 1  # increased when earlier versions could no longer read new files
SUFFIX = ".asdf"
MARK = b"\nsersiclab:"  # near the beginning of every ASDF file that sersiclab writes
_BEGINNING = 2**16  # bytes
_PREFIX = ".sersiclab-"  # of temporary files
_STALE = 86400.0  # seconds: an older temporary file was left behind by a process that was killed
_RECENT = 60.0  # seconds: an older one was left behind if its process has ended
_NUMBERS = itertools.count()


@contextlib.contextmanager
def writing(path: str | Path, *, overwrite: bool = False, mark: bytes | None = None) -> Iterator[Path]:
    """Yield the path of a temporary file to write to, which replaces `path` when the block ends.

    The file at `path` is therefore always complete: the earlier one is kept if writing fails (a full disk, an
    interrupt), and nothing else is left behind. The temporary name ends with that of `path`. An existing file is
    replaced with `overwrite`, or if it is empty, or if it has `mark` near its beginning, which shows that it is an
    earlier version of the document. Raises `FileExistsError` for any other file, and `OSError` if it can't write.
    """
    target = check_free(path, overwrite=overwrite, mark=mark)
    temporary = target.with_name(f"{_PREFIX}{_origin()}-{target.name}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        check_free(path, overwrite=overwrite, mark=mark)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    _sweep(target)


def write_text(path: str | Path, text: str, *, overwrite: bool = False, mark: bytes | None = None) -> Path:
    """Write a text in UTF-8 by way of `writing`, and return the path."""
    path = user_path(path)
    with writing(path, overwrite=overwrite, mark=mark) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def user_path(path: Any, label: str = "path") -> Path:
    """Return a path that a user gave as the argument `label`, with ~ as the home folder."""
    if not isinstance(path, str | os.PathLike):
        raise InputTypeError(f"{label} must be a text or a Path, got {path!r}")
    return Path(path).expanduser()


def check_free(path: str | Path, *, overwrite: bool = False, mark: bytes | None = None) -> Path:
    """Raise the error that `writing` would raise, before the work whose result it would write.

    Returns the absolute path of the file, with links resolved.
    """
    target = Path(os.path.realpath(user_path(path)))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist; create it, or save elsewhere")
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder, expected the name of a file")
    if target.exists():
        if not target.is_file():
            raise OSError(f"{path} is not a regular file")
        if not os.access(target, os.W_OK):
            raise PermissionError(f"{path} is read-only")
        if not (overwrite or target.stat().st_size == 0 or (mark is not None and _begins_with(target, mark))):
            what = "already exists" if mark is None else "already exists and holds something else"
            raise FileExistsError(f"{path} {what}; pass overwrite=True to replace it")
    return target


def _begins_with(target: Path, mark: bytes) -> bool:
    with target.open("rb") as file:
        return mark in file.read(_BEGINNING)


def _sync_folder(folder: Path) -> None:
    """Flush the folder's new entry to the disk, if the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _origin() -> str:
    """Return twelve digits for a temporary name: for the machine, the process and the file."""
    return f"{_machine():04x}{os.getpid() & 0xFFFFFF:06x}{next(_NUMBERS) & 0xFF:02x}"


def _machine() -> int:
    return zlib.crc32(platform.node().encode()) & 0xFFFF


def _sweep(target: Path) -> None:
    """Delete temporary files for this target that killed processes left behind."""
    for left in target.parent.glob(f"{_PREFIX}{'[0-9a-f]' * 12}-{glob.escape(target.name)}"):
        with contextlib.suppress(OSError):
            age = time.time() - left.stat().st_mtime
            if age > _STALE or (age > _RECENT and _is_orphan(left.name.removeprefix(_PREFIX)[:12])):
                left.unlink()


def _is_orphan(origin: str) -> bool:
    """Whether the process that made this name ran on this machine and has ended."""
    if os.name != "posix" or int(origin[:4], 16) != _machine():
        return False
    try:
        os.kill(int(origin[4:10], 16), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def write(path: str | Path, kind: str, tree: dict[str, Any], *, overwrite: bool = False) -> Path:
    """Write a tree of dicts, lists, texts, numbers, None and arrays to `path`, and return the path.

    `kind` is the kind of the tree. The file appears whole or not at all (see `writing`); one that `write` wrote before
    is replaced. Raises `ValueError` for a suffix other than .asdf.
    """
    import asdf

    path = checked_suffix(path)
    document = {"sersiclab": {"format": FORMAT, "kind": kind, "version": __version__, **_plain(tree)}}
    with writing(path, overwrite=overwrite, mark=MARK) as temporary, temporary.open("wb") as file:
        asdf.AsdfFile(document).write_to(file)  # given a path, asdf leaves a temporary file behind if it fails
    return path


def read(path: str | Path, *kinds: str) -> dict[str, Any]:
    """Read a tree of one of these kinds that `write` wrote, with arrays in memory and in native byte order.

    Raises `FileNotFoundError`, or `ValueError` if the file is of another origin, kind or newer format.
    """
    path = checked_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        check_references(path)
        tree = _content(path)
    except (InputError, RecursionError) as error:
        raise InputError(f"{path} is not a readable ASDF file: {error}") from error
    if not isinstance(tree, dict) or "kind" not in tree:
        raise InputError(f"{path} was not written by sersiclab")
    written = tree.get("format")
    if not isinstance(written, int):
        raise InputError(f"{path} is damaged: its format must be a whole number, got {written!r}")
    if written > FORMAT:
        raise InputError(
            f"{path} was written by sersiclab {tree.get('version')}, in format {written}; this version "
            f"({__version__}) reads up to format {FORMAT}: upgrade sersiclab"
        )
    if tree["kind"] not in kinds:
        raise InputError(f"{path} holds a {tree['kind']}, expected a {kinds[0]}")
    return tree


def _content(path: Path) -> Any:
    """Return the content of an ASDF file that sersiclab wrote; None if it has none."""
    import asdf

    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("error", asdf.exceptions.AsdfConversionWarning)  # arrays cut short
        try:
            file = stack.enter_context(asdf.open(path, lazy_load=False, memmap=False, validate_checksums=True))
            content = dict(file.tree).get("sersiclab")
        except Exception as error:  # the errors of asdf, of YAML and of a block's compression have no common class
            raise InputError(str(error)) from error
        return _native(content, set())


def checked_suffix(path: str | Path) -> Path:
    """Return the path, whose suffix must be .asdf; raise `ValueError` for any other."""
    path = user_path(path)
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"the file's name must end in {SUFFIX}, got {str(path)!r}")
    return path


def _plain(node: Any) -> Any:
    """Return numpy and JAX scalars as Python numbers, tuples as lists, JAX arrays as numpy arrays.

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
        raise InputTypeError(f"a file keeps numbers, texts and arrays of numbers, not {node!r}")
    return np.ascontiguousarray(array) if array.ndim else array.item()


def _native(node: Any, seen: set[int]) -> Any:
    """Return a tree in plain dicts, lists and arrays; `seen` holds the ids of its dicts and lists so far.

    A few lines of YAML in which each node refers several times to the one before stand for more nodes than fit in
    memory.
    """
    if isinstance(node, dict | list):
        if id(node) in seen:
            raise InputError("one of its nodes is in several places, as in no file of sersiclab")
        seen.add(id(node))
    if isinstance(node, dict):
        return {key: _native(value, seen) for key, value in node.items()}
    if isinstance(node, list):
        return [_native(value, seen) for value in node]
    if isinstance(node, str | bool | int | float) or node is None:
        return node
    try:
        array = np.asarray(node)
    except Exception as error:  # asdf makes the array only now, from a block that may be damaged
        raise InputError(str(error)) from error
    return np.array(array, dtype=array.dtype.newbyteorder("="))
