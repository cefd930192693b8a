"""JAX's cache of compiled programs on disk, offered: what one process has compiled, the next one reads."""

import os
from pathlib import Path

import jax
import platformdirs
from jax.experimental.compilation_cache import compilation_cache


# JAX keeps what took a second to compile. A fit is dozens of programs, most of which take less.
_LEAST_SECONDS = 0.0


def persistent_cache(path: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs on disk, so that the next process need not compile them again; returns the folder.

    Call it before the first fit. It changes `jax.config`, and so holds for all programs of this process. If
    there is no `path`, the folder is the one that JAX has been given already, in `jax.config` or in the
    environment (`JAX_COMPILATION_CACHE_DIR`), or else one of ours in the user's cache folder. It may be deleted
    at any time. Raises `OSError` if the folder can't be made.
    """
    present: str | None = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if path is None and present:
        folder = Path(present)
    else:
        folder = _folder() if path is None else Path(path).expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        compilation_cache.reset_cache()  # JAX looks for the folder at its first compilation only
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS)
    return folder


def cache_environment() -> dict[str, str]:
    """The environment of a process that is to have the cache from its start; what the user has set stays."""
    ours = {
        "JAX_COMPILATION_CACHE_DIR": str(_folder()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": str(_LEAST_SECONDS),
    }
    return {**ours, **os.environ}


def _folder() -> Path:
    return platformdirs.user_cache_path("sersiclab", appauthor=False) / "compiled"
