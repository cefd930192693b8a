"""The state of a run in a file, from which it is continued if it is killed."""

import dataclasses
import hashlib
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from sersiclab._version import __version__
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.documents import storage
from sersiclab.documents.spec import to_dict
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model import Model
from sersiclab.runtime.errors import InputError, InputTypeError


KIND = "checkpoint"
# Seconds between two checkpoints, by default.
EVERY = 120.0


@dataclasses.dataclass(frozen=True)
class Identity:
    """The inputs of a run: only a run with the same inputs continues from a checkpoint. Large parts are digests."""

    sersiclab: str
    model: str
    image: str
    method: str
    seed: str
    init: str
    precision: str

    def differences(self, other: Mapping[str, str]) -> str:
        """Return the differences from another run's inputs, in words."""
        own, words = dataclasses.asdict(self), []
        for name, value in own.items():
            if other.get(name) != value:
                short = name not in ("model", "image", "init")
                words.append(f"{name} {other.get(name)} (now {value})" if short else f"another {name}")
        return ", ".join(words)


def identity(
    model: Model, image: Image | Images, method: object, seed: int, init: tuple[Any, ...], *, double: bool
) -> Identity:
    """Return the identity of a run that begins with `init`, of whatever parts that consists."""
    return Identity(
        sersiclab=__version__,
        model=_digest(json.dumps(to_dict(model))),
        image=_digest(*content(image)),
        method=repr(method),
        seed=str(seed),
        init=_digest(*init),
        precision="double" if double else "single",
    )


def content(image: Image | Images) -> tuple[Any, ...]:
    """Return the data of an image, or of several with their names, without the values of masked pixels."""
    if isinstance(image, Images):
        return tuple(part for name, each in image.items() for part in (name, *content(each)))
    psf = () if image.psf is None else image.psf
    how = image.psf_oversampling, image.psf_includes_pixel, image.psf_centre
    return image.valid, image.data[image.valid], image.sigma[image.valid], psf, *how


def _digest(*parts: Any) -> str:
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.shape}{part.dtype.str}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        else:
            found.update(repr(part).encode())
    return found.hexdigest()[:16]


class Checkpoint:
    """A file that holds the state of a run, and is rewritten `every` few seconds.

    `state` is the state that an earlier process left there, None if there is no file, and `spent` the seconds that it
    took. Raises `ValueError` if the file is of another run, or `OSError` if it can't be written.
    """

    def __init__(self, path: str | Path, of: Identity, *, every: float) -> None:
        self.path, self._of, self._every = storage.checked_suffix(path), of, every
        target = storage.check_free(path, mark=storage.MARK)
        tree = storage.read(path, KIND) if target.exists() and target.stat().st_size else {}
        if tree and (differences := of.differences(tree["identity"])):
            raise InputError(
                f"the checkpoint {path} is of another run: {differences}. "
                "Delete it to begin anew, or choose another file"
            )
        self.state: Mapping[str, Any] | None = tree.get("state")
        self.spent: dict[str, float] = tree.get("spent", {})
        self._last = time.monotonic()
        self._failed = False

    @property
    def due(self) -> bool:
        """Whether it is time to write the state."""
        return time.monotonic() - self._last >= self._every

    def write(self, monitor: Monitor, state: Mapping[str, Any]) -> None:
        """Write a state. If that fails, the earlier one is kept and the run continues, with a warning."""
        compiling, elapsed = monitor.compile_seconds, monitor.progress.elapsed
        seconds = {"compile": compiling, "run": elapsed - compiling}
        spent = {name: value + self.spent.get(name, 0.0) for name, value in seconds.items()}
        tree = {"identity": dataclasses.asdict(self._of), "spent": spent, "state": dict(state)}
        try:
            storage.write(self.path, KIND, tree)
        except OSError as error:
            if not self._failed:
                warnings.warn(f"no checkpoint could be written to {self.path}, the run goes on: {error}", stacklevel=2)
            self._failed = True
        self._last = time.monotonic()


def wanted(path: object, every: object, method: Any) -> TypeGuard[str | Path]:
    """Return whether a checkpoint is to be written. Warns if the method writes none.

    Raises `TypeError` or `ValueError` unless `path` is a path or None, and `every` a positive number.
    """
    if not isinstance(path, str | Path | None):
        raise InputTypeError(f"checkpoint must be a path or None, got {path!r}")
    if isinstance(every, bool) or not isinstance(every, int | float):
        raise InputTypeError(f"checkpoint_every must be a number of seconds, got {every!r}")
    if not every > 0:
        raise InputError(f"checkpoint_every must be positive, got {every!r}")
    if path is not None and not method.writes_checkpoints:
        name = type(method).__name__
        warnings.warn(f"{name} writes no checkpoint, only NUTS does: if it is stopped, it begins anew", stacklevel=4)
        return False
    return path is not None
