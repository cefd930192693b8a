"""Blank patches of a mosaic: stamps without a source in their middle, into which mock galaxies are injected."""

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sersiclab.catalogue.catalogue import Catalogue
from sersiclab.catalogue.job_list import Jobs
from sersiclab.catalogue.stamps import Stamp
from sersiclab.data.image import Image
from sersiclab.results import Fit
from sersiclab.runtime.errors import InputError, SersiclabError


# The middle of a patch, as a share of its sides, has no source; those around it are masked, as in any stamp.
MIDDLE = 0.5
# Places that are looked at for each patch that is needed, before the mosaic counts as full.
TRIES = 100

Place = tuple[int, int]  # x, y
NEEDS_MOSAIC = 'noise="patches" needs a catalogue of stamps of one mosaic, as sl.jobs makes them, with its jobs at hand'


def blank_patches(catalogue: Any, fits: Sequence[Fit], number: int, seed: int) -> list[Image]:
    """Return images of different blank places of the catalogue's mosaic, the i-th of the shape of the i-th fit's.

    The fits are used again and again if there are fewer. Patches don't overlap, lie within the mosaic, have the error
    map, the mask and the PSF of their place, and are those of a smaller number if that is asked for. Raises
    `ValueError`, with the number that was found, if there are too few.
    """
    stamps = _stamps(catalogue)
    shapes = [fits[i % len(fits)].image.shape for i in range(number)]
    search = _PatchSearch(stamps, max(max(shape) for shape in shapes))
    places = iter(search.places(np.random.default_rng([seed, len(stamps)]), TRIES * number))
    found: list[Image] = []
    for shape in shapes:
        patch = next((patch for place in places if (patch := search.patch(place, shape)) is not None), None)
        if patch is None:
            raise InputError(
                f"the mosaic has too few blank patches: {len(found)} of {shape[1]} x {shape[0]} pixels (x, y) were "
                f'found for {number} mocks. Ask for fewer, n={len(found)}, or use noise="residuals"'
            )
        found.append(patch)
    return found


def _stamps(catalogue: Any) -> list[Stamp]:
    """Return the stamps of a catalogue's jobs."""
    jobs = catalogue.jobs if isinstance(catalogue, Catalogue) else None
    images = jobs.stamps if isinstance(jobs, Jobs) else [job.image for job in jobs or ()]
    stamps = [image for image in images if isinstance(image, Stamp) and np.isfinite(image.x + image.y)]
    if not stamps or any(stamp.mosaic != stamps[0].mosaic for stamp in stamps):
        raise InputError(NEEDS_MOSAIC)
    return stamps


class _PatchSearch:
    """Looks for patches of a mosaic, which are `side` pixels wide or less, away from the sources of a table."""

    def __init__(self, stamps: Sequence[Stamp], side: int) -> None:
        from scipy.spatial import KDTree

        self._stamps, self._side = stamps, side
        self._shape = stamps[0].mosaic.opened().shape
        self._sources: Any = KDTree([(stamp.x, stamp.y) for stamp in stamps])
        self._taken: list[Place] = []

    def places(self, rng: np.random.Generator, most: int) -> Iterator[Place]:
        """Yield places in a random order, half a side apart."""
        ny, nx = self._shape
        step, room = max(self._side // 2, 1), self._side // 2 + 1
        rows, columns = (np.arange(room + rng.integers(step), size - room, step) for size in (ny, nx))
        order = rng.permutation(rows.size * columns.size)[:most]
        yield from ((int(columns[k % columns.size]), int(rows[k // columns.size])) for k in order.tolist())

    def patch(self, place: Place, shape: tuple[int, int]) -> Image | None:
        """Return the image of a place; None if a source is in its middle, or a patch that was taken overlaps."""
        if any(max(abs(x - place[0]), abs(y - place[1])) < self._side for x, y in self._taken):
            return None
        if self._sources.query(place, p=np.inf)[0] <= MIDDLE * max(shape) / 2:
            return None
        _, nearest = self._sources.query(place)
        stamp = dataclasses.replace(
            self._stamps[int(nearest)],
            id=f"patch at x = {place[0]}, y = {place[1]}",
            x=float(place[0]),
            y=float(place[1]),
            size=shape,
            neighbours="mask",
            label=None,
            others=(),
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there is no source, for one
                cut = stamp.cut()
        except SersiclabError:  # nothing but masked pixels
            return None
        rows, columns = (slice(int(n * (1 - MIDDLE) / 2), n - int(n * (1 - MIDDLE) / 2)) for n in shape)
        if cut.surroundings.labels.any() or cut.image.mask[rows, columns].any():
            return None
        self._taken.append(place)
        return cut.image
