"""Whether the sources of a model are still at the objects on which they started."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from sersiclab.detection import find
from sersiclab.parameters import at, own_parameters
from sersiclab.profiles import AbstractSource
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.levels import Reason


Place = tuple[float, float]

STILL = 2.0  # pixels: a centre that moved less is still on its object
LOST = 2.0  # half-light radii: a model that is farther from its object, and on no other, has lost it


class _Move(NamedTuple):
    """The start and the best centre of a source."""

    start: Place
    best: Place

    @property
    def length(self) -> float:
        return math.dist(self.start, self.best)


def target_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report sources that left the object on which they started, if no other component measures that object.

    The image is searched only if a centre moved.
    """
    moves = _moves(fit)
    seen: set[_Move] = set()
    for name, move in moves.items():
        if not STILL < move.length < math.inf or move in seen or not _inside(fit, move.start):
            continue
        seen.add(move)
        found = find(fit.image, move.start)
        still = [other.best for other in moves.values() if other.length <= STILL and _inside(fit, other.best)]
        if not found.there or any(found.source_at(place) == found.there for place in still):
            continue
        now = found.source_at(move.best) if _inside(fit, move.best) else 0
        if now == found.there or (not now and move.length < LOST * found.target().r_eff):
            continue
        onto = "another source" if now else "a place without a source"
        yield (
            "bad",
            f"{name} has moved from the source at {_written(move.start)}, where it started, to {onto} at "
            f"{_written(move.best)}: it no longer measures its target. Mask other sources, as detect does, or model "
            'them too (guess with sources="auto"), and give its centre a narrow prior.',
        )


def _moves(fit: AbstractFit) -> dict[str, _Move]:
    """Return the start and the best centre of each source."""
    owners = fit.model.owners
    started, ended = at(owners, fit.model.initial), at(owners, fit.best)
    return {
        name: _Move(_centre(started[name]), _centre(ended[name]))
        for name, part in fit.model.components.items()
        if isinstance(part, AbstractSource)
    }


def _centre(source: object) -> Place:
    own = own_parameters(source)  # pyright: ignore[reportArgumentType]
    return float(own["xc"]), float(own["yc"])


def _inside(fit: AbstractFit, place: Place) -> bool:
    ny, nx = fit.image.shape
    return -0.5 <= place[0] <= nx - 0.5 and -0.5 <= place[1] <= ny - 0.5


def _written(place: Place) -> str:
    return f"({place[0]:.1f}, {place[1]:.1f})"
