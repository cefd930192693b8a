"""The jobs of a catalogue: a stamp of a mosaic for each source of a table, cut when it is fitted."""

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Float

from sersiclab.catalogue.group_models import GroupModel
from sersiclab.catalogue.job import Job, Recipe
from sersiclab.catalogue.joint_stamps import JointStamp
from sersiclab.catalogue.mosaics import Held
from sersiclab.catalogue.neighbourhoods import Other
from sersiclab.catalogue.stamps import Stamp
from sersiclab.model import Model
from sersiclab.runtime.errors import InputKeyError


NEAREST = 100  # rows of the table around a galaxy that can be its neighbours


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Jobs(Sequence[Job]):
    """The jobs of a table of sources: each is made when it is asked for, by its number or by the galaxy's name.

    Attributes:
        stamps: the stamp of each galaxy, or its stamps in several bands, in the order of the table.
        model: the model, or the recipe, of every galaxy.
        table: the positions and labels of all sources, if neighbours are modelled; else empty.
    """

    stamps: tuple[Stamp, ...] | tuple[JointStamp, ...]
    model: Model | Recipe
    table: tuple[Other, ...] = ()

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """The names of the galaxies."""
        return tuple(stamp.id for stamp in self.stamps)

    @property
    def positions(self) -> Float[np.ndarray, "n 2"]:
        """x and y of each galaxy in the mosaic, in pixels from 0; NaN where the table has none."""
        return np.array([(stamp.x, stamp.y) for stamp in self.stamps]).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self.stamps)

    @overload
    def __getitem__(self, key: int | str) -> Job: ...

    @overload
    def __getitem__(self, key: slice) -> "Jobs": ...

    def __getitem__(self, key: int | str | slice) -> "Job | Jobs":
        if isinstance(key, slice):
            return dataclasses.replace(self, stamps=self.stamps[key])
        if isinstance(key, str):
            if key not in self._rows:
                raise InputKeyError(f"there is no job {key!r}")
            return self._job(self.stamps[self._rows[key]])
        return self._job(self.stamps[key])

    def __iter__(self) -> Iterator[Job]:
        return map(self._job, self.stamps)

    def _job(self, stamp: Stamp | JointStamp) -> Job:
        if not self.table or isinstance(stamp, JointStamp):
            return Job(stamp.id, stamp, self.model)
        stamp = dataclasses.replace(stamp, others=self._around(stamp))
        return Job(stamp.id, stamp, GroupModel(stamp, self.model))

    def _around(self, stamp: Stamp) -> tuple[Other, ...]:
        if not np.isfinite((stamp.x, stamp.y)).all():
            return ()
        _, rows = self._tree.query((stamp.x, stamp.y), k=min(NEAREST, len(self.table)))
        return tuple(self.table[row] for row in np.atleast_1d(rows).tolist())

    @functools.cached_property
    def _rows(self) -> Mapping[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    @functools.cached_property
    def _tree(self) -> Any:
        from scipy.spatial import KDTree

        return KDTree([(other.x, other.y) for other in self.table])

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __repr__(self) -> str:
        if not self.stamps:
            return "Jobs(no galaxies)"
        number = f"{len(self)} stamp{'s' if len(self) > 1 else ''}"
        first, lines = self.stamps[0], [f"Jobs({number} {self._shape()}"]
        if isinstance(first, JointStamp):
            lines += [f"{name}: {_planes(stamp)}" for name, stamp in zip(first.names, first.stamps, strict=True)]
            first = first.stamps[0]
        else:
            lines.append(_planes(first))
        others = {"mask": "masked", "model": "modelled if they touch, else masked", "ignore": "ignored"}
        lines += [f"model: {_name(self.model)}, neighbours {others[first.neighbours]})"]
        return "\n  ".join(lines)

    def _shape(self) -> str:
        every = [stamp.stamps[0] if isinstance(stamp, JointStamp) else stamp for stamp in self.stamps]
        sizes, size = {stamp.size for stamp in every}, every[0].size
        if len(sizes) > 1:
            return "of several sizes"
        return "of the sizes of their segments" if size is None else f"of {size[1]} x {size[0]} pixels (x, y)"


def _planes(stamp: Stamp) -> str:
    planes = [f"{name}: {_shown(value)}" for name, value in stamp.mosaic.planes]
    if stamp.psf.source is not None:
        planes.append(f"psf: {'one each' if stamp.psf.own else stamp.psf}")
    return ", ".join(planes)


def _shown(value: str | float | Held) -> str:
    if isinstance(value, Held):
        return type(value.value).__name__
    return os.path.basename(value) if isinstance(value, str) else f"{value:g}"


def _name(model: Any) -> str:
    return getattr(model, "__name__", repr(model).partition("\n")[0])
