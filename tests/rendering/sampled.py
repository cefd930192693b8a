"""Every profile through the one program that draws sources from their brightness.

What is drawn is linear in the brightness at points that depend on the source's place and shape alone. One program
finds the points, a small one for each profile its brightness there, and another the image: all profiles are
drawn, in both precisions, in about the time that compiling a few of them whole would take.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any
from unittest import mock

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.data.image import Image
from sersiclab.parameters import ParameterInfo, own_parameters, parameter_info, with_parameters
from sersiclab.profiles import MODIFIERS, PROFILES, AbstractExtended, AbstractModifier, AbstractSource, Sersic
from sersiclab.profiles.base import LIGHT, usual_parameters
from sersiclab.rendering import PixelRenderer, patches
from sersiclab.rendering.canvas import Canvas, observe
from sersiclab.rendering.groups import within_ranges


# Square, so that a turned image needs no other program.
SIDE = 61
PLACE = {"xc": 27.3, "yc": 31.8, "flux": 100.0, "i_b": 100.0, "ellip": 0.4, "theta": 0.5}
SOURCES: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (*PROFILES, *MODIFIERS) if issubclass(cls, AbstractSource)
}
EXTENDED = {name: cls for name, cls in SOURCES.items() if issubclass(cls, AbstractExtended)}

# The number of points that are looked up at once.
_BLOCK = 16384


def example(cls: type[Any], size: float = 5.0, part: float = 0.55, **place: float) -> Any:
    """A source of that class: sizes of a few pixels, other parameters at `part` of their usual range."""
    values = {name: _usual(info, size, part) for name, info in usual_parameters(cls).items()}
    at = {name: value for name, value in (PLACE | place).items() if name in values}
    if issubclass(cls, AbstractModifier):
        return cls(example(Sersic, size, part, **place), **values)
    return cls(**(values | at))


def _usual(info: ParameterInfo, size: float, part: float) -> float:
    if info.unit == "pixel":
        return size * (info.start or 1.0) if info.low == 0.0 else 0.1 * size * part
    if info.start is not None:
        return (info.start + part * (0.3 * abs(info.start) + 0.1)) / (size if info.unit == "1/pixel" else 1.0)
    low, high = info.usual or (info.low, info.high)
    return low + part * (high - low) if math.isfinite(low + high) else 1.0 + part


def ends(cls: type[Any]) -> list[tuple[str, float]]:
    """Each parameter, at each end of its range, or near it where it has none."""
    found = []
    for name, info in parameter_info(cls).items():
        if name in ("xc", "yc", "theta", *LIGHT):
            continue
        low = info.low + 1e-3 if info.open_low else info.low
        low, high = (end if math.isfinite(end) else sign * 1e3 for end, sign in ((low, -1.0), (info.high, 1.0)))
        found += [(name, low), (name, high)]
    return found


class _Asked(AbstractExtended):
    """A source at a place, whose brightness is what `answer` says."""

    xc: Any
    yc: Any
    ellip: Any
    theta: Any
    answer: Callable[..., Any] = eqx.field(static=True)
    flux: Any = 1.0

    def shape(self) -> tuple[Any, Any]:
        return self.ellip, self.theta

    def brightness(self, x: Any, y: Any) -> Any:
        return self.answer(x, y)


@jax.jit
def _points(place: Any, canvas: Canvas) -> Any:
    asked = []

    def note(x: Any, y: Any) -> Any:
        asked.append((x, y))
        return jnp.zeros_like(x)

    # What is noted would not leave a checkpoint.
    with mock.patch.object(jax, "checkpoint", lambda function: function):
        patches.draw(_Asked(*place, note), canvas, patches.Fineness())
    return asked


@jax.jit
def _image(place: Any, answers: Any, canvas: Canvas) -> Any:
    remaining = iter(answers)
    return observe(patches.draw(_Asked(*place, lambda x, y: next(remaining)), canvas, patches.Fineness()), canvas)


@jax.jit
def _place(source: Any, values: Any) -> Any:
    held = within_ranges(with_parameters(source, values))
    return [jnp.asarray(number, dtype=float) for number in (held.xc, held.yc, *held.shape())]


@jax.jit
def _light(source: Any, values: Any, x: Any, y: Any) -> Any:
    return within_ranges(with_parameters(source, values)).brightness(x, y)


@jax.jit
def _slope(source: Any, values: Any, change: Any, x: Any, y: Any) -> Any:
    return jax.jvp(lambda v: _light(source, v, x, y), (values,), (change,))[1]


def canvas_with(psf: np.ndarray) -> Canvas:
    return PixelRenderer().prepare(Image(np.zeros((SIDE, SIDE)), sigma=1.0, psf=psf))


def numbers(source: Any) -> Any:
    """The source with its numbers as arrays, so that other ones need no other program."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=float), source)


def looked_up(function: Callable[..., Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`function(x, y)` at any points, always by the same program."""
    count = -(-x.size // _BLOCK) * _BLOCK
    blocks = [np.pad(axis.ravel(), (0, count - x.size), constant_values=1.0).reshape(-1, _BLOCK) for axis in (x, y)]
    return np.concatenate([function(a, b) for a, b in zip(*blocks, strict=True)])[: x.size].reshape(x.shape)


def light_at(source: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A source's brightness at offsets from its centre."""
    source, values = numbers(source), numbers(own_parameters(source))
    return looked_up(lambda a, b: _light(source, values, a, b), np.asarray(x, float), np.asarray(y, float))


def draw(source: Any, canvas: Canvas, *, slope: str | None = None, **values: float) -> np.ndarray:
    """The image of a source with other `values`, or how it changes with `slope`, any parameter but the centre."""
    source, values = numbers(source), numbers({**own_parameters(source), **values})
    change = {name: jnp.asarray(name == slope, dtype=float) for name in values}
    place = _place(source, values)

    def of(a: Any, b: Any) -> Any:
        return _light(source, values, a, b) if slope is None else _slope(source, values, change, a, b)

    asked = [[np.asarray(axis) for axis in pair] for pair in _points(place, canvas)]
    x, y = (np.concatenate([pair[i].ravel() for pair in asked]) for i in (0, 1))
    answers = np.split(looked_up(of, x, y), np.cumsum([pair[0].size for pair in asked])[:-1])
    shaped = [answer.reshape(pair[0].shape) for answer, pair in zip(answers, asked, strict=True)]
    return np.asarray(_image(place, shaped, canvas), float)


def changed(source: Any, **values: float) -> Any:
    return with_parameters(source, {**own_parameters(source), **values})


SIGMA = 4.0 / np.sqrt(8 * np.log(2))


@cache
def round_psf() -> np.ndarray:
    y = np.arange(41) - 20.0
    psf = np.exp(-(y[:, None] ** 2 + y**2) / (2 * SIGMA**2))
    return psf / psf.sum()


@cache
def lopsided_psf() -> np.ndarray:
    """Rectangular, lopsided, and off its array's centre."""
    y, x = np.arange(27)[:, None] - 13.0, np.arange(35) - 17.0
    psf = np.exp(-(x**2 + y**2) / (2 * SIGMA**2)) + 0.3 * np.exp(-((x - 3) ** 2 + (y - 2) ** 2) / (2 * 1.2 * SIGMA**2))
    return psf / psf.sum()
