"""The cache of JAX's compiled programs on disk."""

import os
import stat
import time
import warnings
import zlib
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

from sersiclab.runtime.errors import InputTypeError


# By default JAX caches programs that took a second to compile. A fit is dozens of programs, most of them faster.
_LEAST_SECONDS = 0.0
_SWEPT = ".sersiclab-swept"  # its time is that of the last search for incomplete files
_ZLIB = b"x"  # the first byte of a zlib stream


def persistent_cache(path: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs on disk, so that later processes do not need to compile them again.

    Call it before the first fit. It changes `jax.config`, and thus affects all programs of this process. The folder may
    be deleted at any time, and processes may share it. Incomplete files, left by a process that was killed or by a full
    disk, are deleted. Warns if other users can write to the folder, since its files are executed.

    Arguments:
        path: the folder. By default, the folder that JAX already uses, according to `jax.config` or the environment
            (`JAX_COMPILATION_CACHE_DIR`), or else one in the user's cache folder.

    Returns:
        The folder.

    Raises:
        TypeError: if `path` is not a path.
        OSError: if the folder can't be created.

    Example:
        >>> folder = sl.persistent_cache()
        >>> folder.is_dir()
        True
    """
    if not isinstance(path, str | os.PathLike | None):
        raise InputTypeError(f"path must be that of a folder, or None, got {path!r}")
    present = cache_folder()
    if path is None and present:
        folder = Path(present)
    else:
        folder = _folder() if path is None else Path(path).expanduser().absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        compilation_cache.reset_cache()  # JAX looks for the folder at its first compilation only
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS)
    _warn_if_exposed(folder)
    _sweep(folder)
    # Raised while another process is writing the file; the program is then compiled here as well.
    warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
    return folder


def cache_folder() -> str | None:
    """Return the folder in which JAX keeps compiled programs; None if it keeps none."""
    return jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]


def _sweep(folder: Path) -> None:
    """Delete incomplete files, which JAX would not replace. Each file is examined once."""
    mark = folder / _SWEPT
    try:
        since = mark.stat().st_mtime_ns if mark.exists() else 0
        began = time.time_ns()
        for file in folder.glob("*-cache"):
            if file.stat().st_mtime_ns >= since and not _is_whole(file):
                file.unlink(missing_ok=True)
        mark.touch()
        os.utime(mark, ns=(began, began))
    except OSError:  # another process is deleting them, or the folder is read-only
        return


def _is_whole(file: Path) -> bool:
    """Return whether a zlib file ends with its stream and has the right checksum; True for other compressions."""
    data = file.read_bytes()
    if data[:1] not in (b"", _ZLIB):
        return True
    stream = zlib.decompressobj()
    try:
        stream.decompress(data)
    except zlib.error:
        return False
    return stream.eof


def cache_environment() -> dict[str, str]:
    """Return the environment of a process that uses the cache from its start; the user's own settings are kept."""
    ours = {
        "JAX_COMPILATION_CACHE_DIR": str(_folder()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": str(_LEAST_SECONDS),
    }
    environment = {**ours, **os.environ}
    _warn_if_exposed(Path(environment["JAX_COMPILATION_CACHE_DIR"]))
    return environment


def _folder() -> Path:
    import platformdirs  # which only this function needs

    return platformdirs.user_cache_path("sersiclab", appauthor=False) / "compiled"


def _warn_if_exposed(folder: Path) -> None:
    """Warn if another user could put programs into the folder, or another folder in its place."""
    if os.name != "posix" or not folder.exists():
        return
    path = folder.resolve()
    reasons = [reason for place in (path, *path.parents) if (reason := _exposure(place, is_parent=place != path))]
    if reasons:
        warnings.warn(
            f"other users can change the compilation cache {folder}, whose files are executed: {'; '.join(reasons)}. "
            "Choose a folder of your own (persistent_cache(path)), or run chmod go-w on it",
            stacklevel=3,
        )


def _exposure(place: Path, *, is_parent: bool) -> str:
    """Return the reason why other users can write here; empty if only this user and the administrator can."""
    found = place.stat()
    if not is_parent and found.st_uid not in (0, os.geteuid()):
        return f"{place} belongs to another user"
    if is_parent and found.st_mode & stat.S_ISVTX:
        return ""  # other users can rename only their own files
    if found.st_mode & stat.S_IWOTH:
        return f"{place} is writable by everyone"
    if found.st_mode & stat.S_IWGRP and found.st_gid not in (0, os.getegid()):
        return f"{place} is writable by a group"
    return ""
