"""Rendering of single components, each in its own window or on the whole image.

The model's renderer draws each component as if the window were the image. Jitted functions take the numbers and the
kind of a component as arguments, so that compile time does not grow with the number of components.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sersiclab.data.image import Image
from sersiclab.inference.search import likelihood
from sersiclab.model.density import Density
from sersiclab.parameters import own_parameters, parameter_info, with_parameters
from sersiclab.profiles import AbstractProfile, AbstractSource
from sersiclab.rendering import AbstractCanvas, AbstractRenderer
from sersiclab.rendering.canvas import Canvas, Light, observe
from sersiclab.rendering.groups import AbstractGroupRenderer, total


REACH = 10.0  # a window reaches at least this many lengths, such as half-light radii, from its source's centre
MARGIN = 16  # pixels that are added to the reach
LEAST_SIDE = 64  # pixels: the side of a window is this times a power of two, so that few sizes are compiled


class Part(eqx.Module):
    """A kind of component without its numbers, and a canvas to draw it on."""

    structure: Any = eqx.field(static=True)
    parameters: tuple[str | None, ...] = eqx.field(static=True)
    rest: tuple[Any, ...]
    renderer: AbstractRenderer
    canvas: AbstractCanvas

    def component(self, numbers: Float[Array, " k"], origin: Float[Array, " 2"]) -> AbstractProfile:
        """Return the component with these numbers, in coordinates whose origin is at (y, x) in pixels."""
        rest, own = iter(self.rest), iter(numbers)
        leaves = [next(rest) if key is None else next(own) for key in self.parameters]
        component = jax.tree.unflatten(self.structure, leaves)
        if not isinstance(component, AbstractSource):
            return component
        place: Any = own_parameters(component)
        return with_parameters(component, {"xc": place["xc"] - origin[1], "yc": place["yc"] - origin[0]})


class Member(NamedTuple):
    """One component: the indices of its numbers among all numbers, and its kind on the whole image."""

    rows: Int[np.ndarray, " k"]
    whole: Part
    is_source: bool
    centre: tuple[int, int]
    lengths: tuple[int, ...]


class Window(NamedTuple):
    """The section in which a component is drawn, from pixel (y, x) on; `is_whole` if it is the whole image."""

    y: int
    x: int
    shape: tuple[int, int]
    is_whole: bool

    @property
    def slices(self) -> tuple[slice, slice]:
        """The pixels of the window in the image."""
        return slice(self.y, self.y + self.shape[0]), slice(self.x, self.x + self.shape[1])


def members_of(density: Density) -> list[Member]:
    """Return the components of a model, sources and skies."""
    rest, members = iter(density.stacks.rest), []
    for kind, rows in zip(density.stacks.kinds, density.stacks.rows, strict=True):
        own = tuple(next(rest) for key in kind.parameters if key is None)
        whole = Part(kind.structure, kind.parameters, own, density.renderer, density.canvas)
        component = jax.tree.unflatten(kind.structure, [0.0 if key else None for key in kind.parameters])
        if not isinstance(component, AbstractProfile):
            continue
        names = [key for key in kind.parameters if key]
        is_source = isinstance(component, AbstractSource)
        centre = (names.index("yc"), names.index("xc")) if is_source else (0, 0)
        infos = parameter_info(component)
        lengths = tuple(i for i, name in enumerate(names) if _is_length(name, infos))
        members += [Member(column, whole, is_source, centre, lengths) for column in rows.T]
    return members


def _is_length(name: str, infos: Mapping[str, Any]) -> bool:
    return infos[name].unit == "pixel" and name not in ("xc", "yc")


def window_of(member: Member, numbers: Float[np.ndarray, " number"], image: Image) -> Window:
    """Return a window outside which a component's light is negligible; for a sky, the whole image."""
    ny, nx = image.shape
    whole = Window(0, 0, (ny, nx), is_whole=True)
    own = numbers[member.rows]
    if not member.is_source or not np.isfinite(own).all():
        return whole
    psf = 0 if image.psf is None else max(image.psf.shape) / image.psf_oversampling
    half = REACH * float(np.max(np.abs(own[list(member.lengths)]), initial=0.0)) + 0.5 * psf + MARGIN
    # The limit keeps the power of two finite; such a window is the whole image.
    side = LEAST_SIDE * 2 ** int(np.ceil(np.log2(np.clip(2 * half / LEAST_SIDE, 1.0, 2.0**30))))
    if side >= ny and side >= nx:
        return whole
    shape = min(side, ny), min(side, nx)
    corner = [
        int(np.clip(np.rint(own[i]) - size // 2, 0, full - size))
        for i, size, full in zip(member.centre, shape, (ny, nx), strict=True)
    ]
    return Window(corner[0], corner[1], shape, is_whole=False)


def canvas_of(renderer: AbstractRenderer, image: Image, shape: tuple[int, int]) -> AbstractCanvas:
    """Return the canvas of a window of this shape."""
    blank = {"data": np.zeros(shape), "sigma": np.ones(shape), "mask": np.zeros(shape, bool), "wcs": None}
    return renderer.prepare(image.restored(**(image.fields | blank)))


def draw(
    part: Part, numbers: Float[Array, " k"], origin: Float[Array, " 2"]
) -> tuple[Float[Array, "y x"], Float[Array, "k y x"]]:
    """Return a component's image, and its derivatives by the component's numbers."""

    def image(numbers: Float[Array, " k"]) -> Float[Array, "y x"]:
        return _image(part, numbers, origin)

    plane, push = jax.linearize(image, numbers)
    basis = jnp.eye(numbers.size, dtype=numbers.dtype)
    return plane, jax.lax.map(push, basis, batch_size=likelihood.batch_size(numbers.size, plane.size))


def _image(part: Part, numbers: Float[Array, " k"], origin: Float[Array, " 2"]) -> Float[Array, "y x"]:
    component, canvas = part.component(numbers, origin), part.canvas
    seen = part.renderer.render({"part": component}, canvas)
    return jnp.broadcast_to(seen, canvas.shape)


def light_of(part: Part, numbers: Float[Array, " k"]) -> Light:
    """Return the light of a source on the canvas of the whole image, before convolution with the PSF."""
    renderer, canvas = part.renderer, part.canvas
    assert isinstance(renderer, AbstractGroupRenderer)
    assert isinstance(canvas, Canvas)
    source = part.component(numbers, jnp.zeros(2, numbers.dtype))
    assert isinstance(source, AbstractSource)
    return total([group.light(canvas) for group in renderer.groups({"part": source}, canvas)])


def add_light(part: Part, numbers: Float[Array, " k"], before: Light | None) -> Light:
    """Return the light of a source, added to that of other sources of its kind."""
    light = light_of(part, numbers)
    return light if before is None else jax.tree.map(jnp.add, before, light)


def pulled(part: Part, numbers: Float[Array, " k"], force: Light) -> Float[Array, " k"]:
    """Return the derivative by a source's numbers of a quantity whose derivative by its light is `force`."""
    return jax.vjp(lambda numbers: light_of(part, numbers), numbers)[1](force)[0]


def seen(canvas: Canvas, lights: tuple[Light, ...]) -> Float[Array, "y x"]:
    """Return the image of the light of several kinds of sources."""
    return observe(total(list(lights)), canvas)


def forces(canvas: Canvas, lights: tuple[Light, ...], score: Float[Array, "y x"]) -> tuple[Light, ...]:
    """Return the derivative, by each light, of the sum of the image times `score`."""
    return jax.vjp(lambda lights: seen(canvas, lights), lights)[1](score)[0]
