"""Pictures for the page: one float32 image per component, drawn again only if it has changed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab import parameters
from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.model import Model, lower, scaling
from sersiclab.rendering import AbstractCanvas, AbstractRenderer


ENOUGH = 2**20  # pixels, for a percentile


@eqx.filter_jit
def draw_component(
    renderer: AbstractRenderer, profile: Any, numbers: Float[np.ndarray, " parameter"], canvas: AbstractCanvas
) -> Float[Array, "y x"]:
    """Draw one component."""
    # Called with one component, as its tree structure and its numbers, so that each profile compiles only once,
    # regardless of the models that contain it.
    component = jax.tree.unflatten(profile, list(numbers))
    return renderer.render({"component": component}, canvas)


class LastDrawing(NamedTuple):
    """The last drawing: a model, and the image of each of its components."""

    model: Model
    parts: dict[str, Plane]


class News:
    """The drawings of components that the page has, identified by the numbers they depend on.

    The page may drop the answer to an outdated request, so a pushed frame contains everything that has changed since
    the last pushed one.
    """

    def __init__(self) -> None:
        self._sent: dict[str, Any] = {}
        self._pushed: dict[str, Any] = {}

    def of(self, keys: Mapping[str, Any], *, pushed: bool, most: int | None = None) -> list[str]:
        """Return the components that the page lacks, at most `most` of them, and count them as sent."""
        names = [
            name
            for name, key in keys.items()
            if self._sent.get(name) != key or (pushed and self._pushed.get(name) != key)
        ][:most]
        self._sent = {name: keys[name] if name in names else self._sent.get(name) for name in keys}
        if pushed:
            self._pushed = dict(keys)
        return names


class Frames:
    """The component images of an editor's model, and a record of which ones the page has.

    Only one thread may draw; any thread may read `last`.
    """

    last: LastDrawing | None = None

    def __init__(self, image: Image) -> None:
        self.image = image
        self._model: Model | None = None
        self._initial: dict[str, float] = {}
        self._canvas: tuple[AbstractRenderer, AbstractRenderer, AbstractCanvas] | None = None
        self._drawn: dict[str, tuple[Any, Plane]] = {}
        self._news = News()

    def draw(self, model: Model, values: Mapping[str, float]) -> dict[str, Plane]:
        """Return the image of every component of `model`, with `values` in place of its initial values.

        Raises `ValueError` if they name an unknown path or lie outside a parameter's range.
        """
        parameters.check_values(model.owners, values)
        renderer, canvas = self._prepare(model)
        exponent = scaling.exponent_of(self.image)
        owners = scaling.scaled(parameters.at(model.owners, {**self._initial, **values}), exponent)
        before, self._drawn = self._drawn, {}
        for name in model.components:
            key = numbers_of(owners[name])
            old_key, pixels = before.get(name, (None, None))
            if pixels is None or key != old_key:
                profile, numbers = key
                # The user's default precision, float32 or float64.
                vector = np.asarray(numbers, dtype=jnp.result_type(float))
                drawn = scaling.times(draw_component(renderer, profile, vector, canvas), -exponent)
                pixels = np.asarray(drawn, dtype=np.float32)
            self._drawn[name] = (key, pixels)
        self.last = LastDrawing(model, {name: pixels for name, (_, pixels) in self._drawn.items()})
        return self.last.parts

    def news(self, *, pushed: bool) -> list[str]:
        """Return the components whose last drawing the page lacks, and count them as sent."""
        return self._news.of({name: key for name, (key, _) in self._drawn.items()}, pushed=pushed)

    def forget(self) -> None:
        """Forget which components were sent, because a new view has none."""
        self._news = News()

    def _prepare(self, model: Model) -> tuple[AbstractRenderer, AbstractCanvas]:
        if model is not self._model:
            self._model, self._initial = model, model.initial
        if self._canvas is None or not eqx.tree_equal(self._canvas[0], model.renderer):
            self._drawn = {}
            self._canvas = (model.renderer, lower(model.renderer), lower(model.renderer.prepare(self.image)))
        return self._canvas[1:]


def numbers_of(component: eqx.Module) -> tuple[Any, tuple[float, ...]]:
    """Return everything that the drawing of a component depends on: its structure and its numbers."""
    leaves, structure = jax.tree.flatten(component)
    return structure, tuple(float(leaf) for leaf in leaves)


def degrees_of_freedom(image: Image, model: Model) -> int:
    """Return the number of unmasked pixels minus that of free parameters."""
    return int(image.valid.sum()) - len(model.free)


def pack(pixels: Any, dtype: Any) -> bytes:
    """Return the bytes of an array, row by row."""
    return np.ascontiguousarray(pixels, dtype=dtype).tobytes()


def limits(image: Image) -> dict[str, list[float]]:
    """Return display ranges of the data, by rule; for a large image, from a sample of its pixels."""
    data = image.data[image.valid]
    some = data[:: data.size // ENOUGH + 1].astype(np.float64)
    return {"percentile": percentiles(some), "minmax": _ordered(data.min(), data.max())}


def percentiles(values: Float[np.ndarray, " pixel"]) -> list[float]:
    """Return the range that holds all but 1 % of the values."""
    return _ordered(*np.percentile(values, [0.5, 99.5]))


def _ordered(low: Any, high: Any) -> list[float]:
    """Return a range that is not empty, even in float32; the rule is that of `ordered` in js/src/limits.ts."""
    low, high = float(low), float(high)
    return [low, high] if high > low else [low, low + (abs(low) or 1.0) * 1e-6]
