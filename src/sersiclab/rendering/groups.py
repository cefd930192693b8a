"""Renderers that draw sources in groups of one kind."""

import dataclasses
import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from sersiclab.parameters import own_parameters, parameter_info, with_parameters
from sersiclab.profiles import AbstractProfile, AbstractSky, AbstractSource
from sersiclab.rendering.base import AbstractRenderer
from sersiclab.rendering.canvas import Canvas, Light, observe, sky_brightness


# The distance above an open bound at which a parameter is kept.
_ABOVE = 1e-6

S = TypeVar("S", bound=AbstractSource)
# Names of components, and an image of each.
Stack = tuple[tuple[str, ...], Float[Array | np.ndarray, "_ y x"]]


@dataclasses.dataclass(frozen=True)
class Group:
    """Sources of one kind: their names, the sources stacked in one pytree, and a function that draws one of them.

    `draw(source, canvas)` must not close over arrays.
    """

    names: list[str]
    sources: Any
    draw: Callable[[Any, Canvas], Light]

    def light(self, canvas: Canvas) -> Light:
        """Return the light of all sources together.

        They are added one after the other, so that compile time and memory don't grow with their number.
        """
        if jax.tree.leaves(self.sources)[0].shape[0] == 1:
            return self.draw(_first(self.sources), canvas)
        return _sum(self.draw, self.sources, canvas)

    def images(self, canvas: Canvas) -> Float[Array, "source y x"]:
        """Return an image of each source alone."""
        return lax.map(lambda source: observe(self.draw(source, canvas), canvas), self.sources)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _sum(draw: Callable[[Any, Canvas], Light], sources: Any, canvas: Canvas) -> Light:
    """Return the light of all `sources`. `canvas` is not differentiated."""

    def step(total: Light, source: Any) -> tuple[Light, None]:
        return jax.tree.map(jnp.add, total, draw(source, canvas)), None

    return lax.scan(step, _dark(draw, sources, canvas), sources)[0]


@_sum.defjvp
def _sum_jvp(draw: Callable[[Any, Canvas], Light], primals: Any, tangents: Any) -> tuple[Light, Light]:
    (sources, canvas), (changes, _) = primals, tangents

    def step(total: Light, parts: tuple[Any, Any]) -> tuple[Light, None]:
        source, change = parts
        _, light_dot = jax.jvp(lambda source: draw(source, canvas), (source,), (change,))
        return jax.tree.map(jnp.add, total, light_dot), None

    # The backward pass draws each source again, with its derivatives, instead of keeping the planes of all.
    again = jax.checkpoint(step, prevent_cse=False)
    return _sum(draw, sources, canvas), lax.scan(again, _dark(draw, sources, canvas), (sources, changes))[0]


def _dark(draw: Callable[[Any, Canvas], Light], sources: Any, canvas: Canvas) -> Light:
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(draw, _first(sources), canvas))


def _first(sources: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[0], sources)


class AbstractGroupRenderer(AbstractRenderer):
    """Base class of renderers that draw sources of one kind together on a `Canvas`, and skies separately."""

    takes_stacks = True

    @abstractmethod
    def groups(self, sources: Mapping[str, AbstractSource], canvas: Canvas) -> list[Group]:
        """Return the sources by kind.

        Arguments:
            sources: the sources by name, with a number for every parameter.
            canvas: the canvas of the image.
        """

    def render(self, components: Mapping[str, AbstractProfile], canvas: Canvas) -> Float[Array, "y x"]:
        sources, skies = _sorted(components)
        images = [sky_brightness(sky, canvas) for sky in skies.values()]
        if sources:
            images.append(observe(total([group.light(canvas) for group in self.groups(sources, canvas)]), canvas))
        return functools.reduce(jnp.add, images)

    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: Canvas
    ) -> dict[str, Float[Array, "y x"]]:
        return in_turn(components, self.render_stacks(components, canvas))

    def render_stacks(self, components: Mapping[str, AbstractProfile], canvas: Canvas) -> list[Stack]:
        """Return an image of each component alone, those of one kind in one array.

        A jitted function that returns separate images needs more memory; `in_turn` makes them outside.

        Arguments:
            components: the components by name, with a number for every parameter.
            canvas: the canvas of the image.

        Returns:
            Names of components, and their images in an array of shape (component, y, x), kind by kind.
        """
        sources, skies = _sorted(components)
        stacks: list[Stack] = [((name,), jnp.asarray(sky_brightness(sky, canvas))[None]) for name, sky in skies.items()]
        stacks += [(tuple(group.names), group.images(canvas)) for group in self.groups(sources, canvas)]
        return stacks


def in_turn(names: Iterable[str], stacks: Sequence[Stack]) -> dict[str, Any]:
    """Return the images in stacks by name, in the order of `names`."""
    parts = {name: image for members, images in stacks for name, image in zip(members, images, strict=True)}
    return {name: parts[name] for name in names}


def by_kind(sources: Mapping[str, S], dtype: Any) -> list[tuple[list[str], S]]:
    """Return, for each kind, the names of its sources and the sources stacked in one pytree."""
    kinds: dict[Any, list[str]] = {}
    for name, source in sources.items():
        kinds.setdefault(jax.tree.structure(source), []).append(name)
    stacks = []
    for kind, names in kinds.items():
        columns = columns_of([jax.tree.leaves(sources[name]) for name in names], dtype)
        stacks.append((names, jax.tree.unflatten(kind, columns)))
    return stacks


def columns_of(rows: Sequence[Sequence[Any]], dtype: Any) -> list[Float[Array, " source"]]:
    """Return the columns of a table. A row of vectors stands for several rows."""
    if len(rows) == 1:
        columns = jnp.broadcast_arrays(*(jnp.asarray(number, dtype) for number in rows[0]))
        return [jnp.atleast_1d(column) for column in columns]
    numbers: Any = [jnp.asarray(number, dtype) for row in rows for number in row]
    if all(number.ndim == 0 for number in numbers):
        # All numbers form one array: with an operation for each of them, many sources would be slow to compile.
        return list(jnp.stack(numbers).reshape(len(rows), -1).T)
    return [jnp.concatenate(column) for column in zip(*(columns_of([row], dtype) for row in rows), strict=True)]


def within_ranges(source: S) -> S:
    """Return the source with every parameter kept within its declared range, so that no result is NaN."""
    infos, held = parameter_info(source), {}
    for name, value in own_parameters(source).items():
        low, high = infos[name].low, infos[name].high
        low = low + _ABOVE if infos[name].open_low else low
        # Unlike `clip`, this has the full derivative at the bounds.
        held[name] = jnp.where(value < low, low, jnp.where(value > high, high, value))
    return with_parameters(source, held)


def total(lights: list[Light]) -> Light:
    """Return the sum of lights, each of which may lack some of the planes."""

    def add(*parts: Any) -> Any:
        present = [part for part in parts if part is not None]
        return functools.reduce(jnp.add, present) if present else None

    return jax.tree.map(add, *lights, is_leaf=lambda leaf: leaf is None)


def _sorted(
    components: Mapping[str, AbstractProfile],
) -> tuple[dict[str, AbstractSource], dict[str, AbstractSky]]:
    sources = {name: part for name, part in components.items() if isinstance(part, AbstractSource)}
    skies = {name: part for name, part in components.items() if isinstance(part, AbstractSky)}
    return sources, skies
