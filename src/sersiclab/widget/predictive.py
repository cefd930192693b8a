"""Galaxies drawn from the priors, as thumbnails and profiles."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.model.simulate import draw_prior
from sersiclab.plots.isophotes import ellipses
from sersiclab.plots.profile import Annuli, annuli
from sersiclab.runtime.errors import InputError
from sersiclab.widget.cutouts import Cutout, frames_about, within
from sersiclab.widget.frames import Frames, pack


SIDE = 72  # pixels of a thumbnail, at most
TRIES = 10


class Prediction(NamedTuple):
    """A galaxy drawn from the priors: the model without noise, binned, and its profile without the sky."""

    thumbnail: Float[np.ndarray, "y x"]
    profile: Float[np.ndarray, " annulus"]


class Predictions:
    """Answers to {"t": "predict", "request", "number", "seed"}: {"t": "prediction", "request", "index", "number",
    "shape", "radius"} with two float32 buffers, a thumbnail and a profile, for each of `number` draws.

    `post(kind, job)` puts a job into the editor's mailbox, `transmit` sends a message. A new request ends the previous
    one.
    """

    def __init__(
        self,
        post: Callable[[str, Callable[[], None]], None],
        transmit: Callable[[tuple[dict[str, Any], list[bytes]]], None],
    ) -> None:
        self._post, self._transmit = post, transmit
        self._asked = 0  # number of requests

    def ask(self, image: Image, model: Model, request: int, number: int, seed: int) -> None:
        """Draw `number` galaxies, each as a separate job, so that other jobs can run in between."""
        self._asked += 1
        content = {"t": "prediction", "request": request, "number": number}
        self._post("predict", partial(self._begin, self._asked, image, model, content, seed))

    def _begin(self, asked: int, image: Image, model: Model, content: dict[str, Any], seed: int) -> None:
        frames = frames_about(image, model)
        self._next(asked, frames, model, rings_of(frames, model), content, seed, 0)

    def _next(
        self,
        asked: int,
        frames: Frames | Cutout,
        model: Model,
        rings: Annuli | None,
        content: dict[str, Any],
        seed: int,
        index: int,
    ) -> None:
        drawn = predict(frames, model, rings, seed + index)
        radius = [] if rings is None else [float(radius) for radius in rings.radius]
        news = {"index": index, "shape": list(drawn.thumbnail.shape), "radius": radius}
        self._transmit(({**content, **news}, [pack(drawn.thumbnail, "<f4"), pack(drawn.profile, "<f4")]))
        # A newer request waits in the same slot and must not be replaced.
        if index + 1 < content["number"] and asked == self._asked:
            self._post("predict", partial(self._next, asked, frames, model, rings, content, seed, index + 1))


def predict(frames: Frames | Cutout, model: Model, rings: Annuli | None, seed: int) -> Prediction:
    """Return one draw. Raises `ValueError` if draws from the priors, through ties, almost never give a valid model."""
    reason = None
    for attempt in range(TRIES):
        try:
            parts = frames.draw(model, draw_prior(model, seed=seed + attempt * 1_000_003))
        except InputError as error:
            reason = error
        else:
            return Prediction(thumbnail(_sum(parts.values(), frames)), _profile(model, parts, rings, frames))
    raise InputError(f"draws from the priors almost never give a valid model: {reason}")


def rings_of(frames: Frames | Cutout, model: Model) -> Annuli | None:
    """Return annuli about the first source at its present values; None for a model without sources."""
    shapes = ellipses(model, model.initial)
    return annuli(frames.image, within(frames, next(iter(shapes.values())))) if shapes else None


def thumbnail(pixels: Float[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
    """Return the means of square blocks, at most `SIDE` on a side, without incomplete blocks."""
    block = -(-max(pixels.shape) // SIDE)
    ny, nx = (max(size // block, 1) for size in pixels.shape)
    kept = pixels[: ny * block, : nx * block]
    if 0 in kept.shape or kept.shape != (ny * block, nx * block):
        return pixels
    return kept.reshape(ny, block, nx, block).mean(axis=(1, 3))


def _sum(parts: Any, frames: Frames | Cutout) -> Float[np.ndarray, "y x"]:
    return sum(parts, start=np.zeros(frames.image.shape))


def _profile(model: Model, parts: Any, rings: Annuli | None, frames: Frames | Cutout) -> Float[np.ndarray, " annulus"]:
    if rings is None:
        return np.zeros(0)
    sources = ellipses(model, model.initial)
    return rings.mean(_sum((pixels for name, pixels in parts.items() if name in sources), frames))
