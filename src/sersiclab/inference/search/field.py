"""The likelihood of a field of sources, with each component rendered in its own window.

The derivatives of many components with respect to all parameters at every pixel would need too much memory, and few of
them matter: far from a source its light is faint. Each source is therefore rendered, with its derivatives, in a window,
and the curvature of the likelihood is the sum of the products of overlapping windows. The light outside the windows
does not bias the result. It is computed at a `Base`, a point where the whole image is rendered, and kept constant near
it, and its part of the slope is added. At the base itself the likelihood and its slope are then exact, so a maximum
that coincides with its base is the maximum of the posterior.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import Program
from sersiclab.inference.running.threads import processors, threads
from sersiclab.inference.search import parts
from sersiclab.inference.search.likelihood import (
    Likelihood,
    Pixelwise,
    is_least_squares,
    noise_values,
    pixelwise,
    with_noise,
)
from sersiclab.inference.search.parts import Member, Part, Window
from sersiclab.model.density import Density
from sersiclab.model.unconstrained import Vector
from sersiclab.noise import GaussianNoise
from sersiclab.profiles import AbstractProfile
from sersiclab.rendering import AbstractCanvas
from sersiclab.rendering.canvas import Light
from sersiclab.rendering.groups import AbstractGroupRenderer
from sersiclab.runtime.memory import check_memory


LARGE = 2**25  # derivatives (pixels times parameters): more are not computed all at once
# With at least MANY components, derivatives are computed component by component if pixels times parameters times
# components exceed WORK.
MANY, WORK = 5, 2**26
COPIES = 3  # copies of all derivatives that are in memory at once


T = TypeVar("T")


class Base(NamedTuple):
    """Windows, with the light outside them at the point `u` and its part of the slope of minus the log likelihood."""

    u: Float[np.ndarray, " d"]
    windows: list[Window]
    beyond: Float[np.ndarray, "y x"]
    slope: Float[np.ndarray, " d"]

    @property
    def is_whole(self) -> bool:
        """Whether every window is the whole image."""
        return all(window.is_whole for window in self.windows)


def _numbers(density: Density, u: Vector) -> tuple[Array, Array, Array, Array]:
    """Return all numbers and the noise's parameters, each with its derivatives by u."""

    def numbers(u: Vector) -> tuple[Array, Array]:
        return density.stacks.numbers_at(density.constrain(u).vector), noise_values(density, u)

    slopes, values = jax.jacfwd(lambda u: (numbers(u),) * 2, has_aux=True)(u)
    return values[0], slopes[0], values[1], slopes[1]


def _turn(
    by_u: Float[Array, "number d"],
    slope: Float[Array, " number"],
    products: Float[Array, "number number"],
    cross: Float[Array, "number k"],
) -> tuple[Float[Array, " d"], Float[Array, "d d"], Float[Array, "d k"]]:
    """Transform derivatives by the numbers into derivatives by u."""
    turned = jnp.matmul(by_u.T, jnp.column_stack([slope, cross, products]), precision=jax.lax.Precision.HIGHEST)
    first, second, third = jnp.split(turned, [1, 1 + cross.shape[1]], axis=1)
    return first[:, 0], jnp.matmul(third, by_u, precision=jax.lax.Precision.HIGHEST), second


_NUMBERS, _TURN, _NOISE = Program(_numbers), Program(_turn), Program(with_noise)
_PIXELWISE = Program(pixelwise)
_DRAW, _ADD, _PULL = Program(parts.draw), Program(parts.add_light), Program(parts.pulled)
_SEEN, _FORCES = Program(parts.seen), Program(parts.forces)


def is_field(problem: Problem) -> bool:
    """Whether a problem is too large for all derivatives at once, and can be split into its components."""
    density = problem.density
    if not isinstance(density, Density):
        return False
    independent = isinstance(density.noise, GaussianNoise) or not is_least_squares(density)
    if problem.image is None or not independent or not isinstance(density.renderer, AbstractGroupRenderer):
        return False
    derivatives, components = density.size * len(problem.start), _components(density)
    return derivatives > LARGE or (components >= MANY and derivatives * components > WORK)


def check_derivatives(problem: Problem) -> None:
    """Raise `ValueError` if all derivatives at once need too much memory, for a problem that is not a field."""
    density = problem.density
    pixels, size = density.size, len(problem.start)
    check_memory(
        f"the derivatives of {pixels} pixels by {size} parameters, all at once,",
        float(COPIES * pixels * size * jnp.result_type(float).itemsize),
        "fit a cutout, or fewer parameters; if the noise is independent between pixels and the renderer is one of "
        "sersiclab's, components are treated one by one, which needs less memory",
    )


def _components(density: Density) -> int:
    return sum(len(kind.names) for kind in density.stacks.kinds if _is_profile(kind))


def _is_profile(kind: Any) -> bool:
    leaves = [0.0 if key else None for key in kind.parameters]
    return isinstance(jax.tree.unflatten(kind.structure, leaves), AbstractProfile)


class Drawn(NamedTuple):
    """All components in their windows: their sum, the image of each, and its derivatives by its own numbers."""

    image: Float[np.ndarray, "y x"]
    planes: list[Float[np.ndarray, "h w"]]
    columns: list[Float[np.ndarray, "k h w"]]


class Numbers(NamedTuple):
    """All numbers at a point, the noise's parameters, and the derivatives of both."""

    all: Float[np.ndarray, " number"]
    by_u: Float[np.ndarray, "number d"]
    noise: Float[np.ndarray, " k"]
    noise_by_u: Float[np.ndarray, "k d"]


class Field:
    """The likelihood of a problem, computed component by component; a run can be cancelled between components."""

    def __init__(self, problem: Problem, monitor: Monitor) -> None:
        assert problem.image is not None
        assert isinstance(problem.density, Density)
        self.density, self.monitor, self.image = problem.density, monitor, problem.image
        self.members = parts.members_of(self.density)
        self.message = ""
        self._done = 0
        self._canvases: dict[tuple[int, int], AbstractCanvas] = {}

    @property
    def size(self) -> int:
        """The number of components rendered in one evaluation."""
        return len(self.members)

    def about(self, u: Float[np.ndarray, " d"], base: Base, observed: float = 0.0) -> Likelihood:
        """Return the likelihood about `u`; the light outside the windows is that at the base."""
        numbers = self._numbers_at(u)
        drawn = self._drawn(numbers, base.windows)
        each = self._pixelwise(drawn.image + base.beyond, numbers, observed)
        score, weight = (np.asarray(plane).reshape(self.image.shape) for plane in (each.score, each.weight))
        slope = np.zeros(len(numbers.all), score.dtype)
        cross = np.zeros((len(numbers.all), each.cross.shape[1]), score.dtype)
        planes = np.asarray(each.cross).T.reshape(-1, *self.image.shape)
        for member, window, columns in zip(self.members, base.windows, drawn.columns, strict=True):
            slope[member.rows] = -_sums(columns, score[window.slices][None])[:, 0]
            cross[member.rows] = _sums(columns, planes[:, *window.slices])
        products = self._products(drawn.columns, base.windows, weight)
        slope, curvature, cross = _TURN(self.monitor, *map(jnp.asarray, (numbers.by_u, slope, products, cross)))
        slope = slope + jnp.asarray(base.slope, slope.dtype)
        inner = jnp.asarray(numbers.noise_by_u.T)
        return _NOISE(
            self.monitor, Likelihood(each.pixels, slope, curvature), each, cross, inner, jnp.asarray(observed)
        )

    def base(self, u: Float[np.ndarray, " d"], *, exact: bool) -> Base:
        """Return windows for the sources at `u`; unless `exact`, the light outside them is neglected."""
        numbers = self._numbers_at(u)
        windows = [parts.window_of(member, numbers.all, self.image) for member in self.members]
        self._check_memory(windows)
        base = Base(np.array(u), windows, np.zeros(self.image.shape, self._dtype), np.zeros(len(u)))
        if base.is_whole or not exact:
            return base
        drawn, inside = self._drawn(numbers, windows), [i for i, window in enumerate(windows) if not window.is_whole]
        lights = self._lights(numbers, inside)
        canvas, alike = self.density.canvas, tuple(lights.values())
        near = np.zeros_like(base.beyond)
        for i in inside:
            near[windows[i].slices] += drawn.planes[i]
        beyond = np.asarray(_SEEN(self.monitor, canvas, alike)) - near
        score = self._pixelwise(drawn.image + beyond, numbers, 0.0).score.reshape(self.image.shape)
        forces = dict(zip(lights, _FORCES(self.monitor, canvas, alike, score), strict=True))
        slope = np.zeros(len(numbers.all))
        for i, pull in zip(inside, self._pulled(numbers, inside, forces), strict=True):
            within = _sums(drawn.columns[i], np.asarray(score)[windows[i].slices][None])[:, 0]
            slope[self.members[i].rows] = within - np.asarray(pull)
        return base._replace(beyond=beyond, slope=slope @ numbers.by_u)

    @property
    def _dtype(self) -> Any:
        return self.density.data.dtype

    def _numbers_at(self, u: Float[np.ndarray, " d"]) -> Numbers:
        found = _NUMBERS(self.monitor, self.density, jnp.asarray(u, dtype=float))
        return Numbers(*(np.asarray(each) for each in found))

    def _pixelwise(self, image: Float[np.ndarray, "y x"], numbers: Numbers, observed: float) -> Pixelwise:
        mean, values = jnp.asarray(image.ravel()), jnp.asarray(numbers.noise)
        return _PIXELWISE(self.monitor, self.density, mean, values, jnp.asarray(observed))

    def _drawn(self, numbers: Numbers, windows: list[Window]) -> Drawn:
        """Render all components in their windows, with their derivatives."""

        def jobs() -> Iterator[Callable[[], tuple[Array, Array]]]:
            for member, window in zip(self.members, windows, strict=True):
                part = self._in_window(member, window)
                own = jnp.asarray(numbers.all[member.rows])
                origin = jnp.asarray([window.y, window.x], dtype=own.dtype)
                self.monitor.check()  # windows of a new shape are compiled, which takes seconds
                yield partial(_DRAW.prepare(self.monitor, part, own, origin), part, own, origin)

        image, planes, columns = np.zeros(self.image.shape, self._dtype), [], []
        for window, found in zip(windows, self._each(jobs()), strict=True):
            plane, slopes = (np.asarray(each) for each in found)
            image[window.slices] += plane
            planes.append(plane)
            columns.append(slopes)
        return Drawn(image, planes, columns)

    def _in_window(self, member: Member, window: Window) -> Part:
        if window.is_whole:
            return member.whole
        if window.shape not in self._canvases:
            self._canvases[window.shape] = parts.canvas_of(self.density.renderer, self.image, window.shape)
        return dataclasses.replace(member.whole, canvas=self._canvases[window.shape])

    def _lights(self, numbers: Numbers, inside: list[int]) -> dict[Any, Light]:
        """Return the light of these sources on the whole canvas, summed over the sources of each kind."""
        lights: dict[Any, Light] = {}
        for i in inside:
            part, own = self.members[i].whole, jnp.asarray(numbers.all[self.members[i].rows])
            kind = _kind(part)
            if kind not in lights:
                dark = jax.eval_shape(parts.light_of, part, own)
                lights[kind] = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), dark)
            add = partial(_ADD.prepare(self.monitor, part, own, lights[kind]), part, own, lights[kind])
            (lights[kind],) = self._each([add])
        return lights

    def _pulled(self, numbers: Numbers, inside: list[int], forces: dict[Any, Light]) -> Iterator[Array]:
        """Yield the slope of the log likelihood by the numbers of each source, from its light on the whole image."""
        for i in inside:
            part, own = self.members[i].whole, jnp.asarray(numbers.all[self.members[i].rows])
            force = forces[_kind(part)]
            yield from self._each([partial(_PULL.prepare(self.monitor, part, own, force), part, own, force)])

    def _each(self, jobs: Iterable[Callable[[], T]]) -> Iterator[T]:
        """Yield the results of the jobs, a batch at a time; progress and cancellation are handled between batches."""
        most = processors() if jax.default_backend() == "cpu" else 1
        with threads("part", most=most) as pool:
            rest = iter(jobs)
            while batch := list(itertools.islice(rest, most)):
                running = [pool.submit(job) for job in batch]
                for each in running:
                    yield each.result()
                    self._done += 1
                self.monitor.advance(self._done, message=self.message)

    def _products(
        self, columns: list[Float[np.ndarray, "k h w"]], windows: list[Window], weight: Float[np.ndarray, "y x"]
    ) -> Float[np.ndarray, "number number"]:
        """Return the weighted products of all pairs of derivatives, summed where their windows overlap."""
        size = sum(rows.size for rows in self.density.stacks.rows)
        products = np.zeros((size, size), self._dtype)
        low = np.array([(window.y, window.x) for window in windows])
        high = low + np.array([window.shape for window in windows])
        for i, (member, window) in enumerate(zip(self.members, windows, strict=True)):
            weighted = columns[i] * weight[window.slices]
            first, last = np.maximum(low[: i + 1], low[i]), np.minimum(high[: i + 1], high[i])
            for j in np.flatnonzero((first < last).all(axis=1)):
                (y, x), (stop_y, stop_x) = first[j], last[j]
                ours = weighted[:, y - low[i, 0] : stop_y - low[i, 0], x - low[i, 1] : stop_x - low[i, 1]]
                theirs = columns[j][:, y - low[j, 0] : stop_y - low[j, 0], x - low[j, 1] : stop_x - low[j, 1]]
                block = _sums(ours, theirs)
                products[np.ix_(member.rows, self.members[j].rows)] = block
                products[np.ix_(self.members[j].rows, member.rows)] = block.T
            self.monitor.check()
        return products

    def _check_memory(self, windows: list[Window]) -> None:
        sizes = [len(m.rows) * math.prod(w.shape) for m, w in zip(self.members, windows, strict=True)]
        check_memory(
            f"the derivatives of {len(sizes)} components in windows of {max(sizes)} numbers at most",
            float(sum(sizes) + max(sizes)) * self._dtype.itemsize,
            "fit a cutout, or fewer or smaller components",
        )


def _kind(part: Part) -> Any:
    """Return a key for sources whose light may be added: their light has the same planes."""
    return part.structure


def _sums(a: Float[np.ndarray, "k h w"], b: Float[np.ndarray, "m h w"]) -> Float[np.ndarray, "k m"]:
    """Return the products of all pairs of planes, summed over pixels."""
    pixels = a.shape[1] * a.shape[2]
    return a.reshape(len(a), pixels) @ b.reshape(len(b), pixels).T
