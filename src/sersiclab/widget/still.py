"""The editor as a still picture, in the outputs of notebooks: for those who read one without a kernel.

It is made when an output is displayed, beside the view itself, so it must be cheap: no figure, three pictures of few
pixels. It waits a moment for the model's first drawing, which is being compiled, and goes without it if that takes
long.
"""

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from sersiclab.image import Image
from sersiclab.widget.frames import Frames, Pixels, limits


if TYPE_CHECKING:
    from sersiclab.widget.editor import Editor

RGB = UInt8[np.ndarray, "y x 3"]

PATIENCE = 2.0  # seconds
SIDE = 300  # of a picture, in pixels of the screen, at most
GAP = 6
SOFTENING = 0.1  # of the asinh stretch, as the editor's
SIGMAS = 5.0  # at the ends of the residual's colours
MASKED = (141, 141, 141)
BLUE, RED = (33, 102, 172), (178, 24, 43)


class Still:
    """The still picture of an editor, made anew only when something changed."""

    def __init__(self, editor: "Editor") -> None:
        self._editor = editor
        self._last: tuple[Any, str] | None = None

    def beside(self, bundle: Any) -> Any:
        """A bundle of media types, as IPython asks for it, with the picture as one more."""
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["image/png"] = self._png()
        return bundle

    def _png(self) -> str:
        drawn = self._editor.flush(PATIENCE)
        image, shown = self._editor.image, self._editor.shown
        key = (image, shown, drawn)
        if self._last is None or any(a is not b for a, b in zip(self._last[0], key, strict=True)):
            total = None
            if drawn:
                parts = Frames(image).draw(shown.everything, {})
                total = sum((parts[name] for name in shown.on), np.zeros(image.shape, np.float32))
            self._last = key, base64.b64encode(png(pictures(image, total))).decode()
        return self._last[1]


def pictures(image: Image, model: Pixels | None) -> RGB:
    """Data, model and residual side by side, row 0 at the bottom; the data alone without a model."""
    low, high = limits(image)["percentile"]
    planes = [_grey(image.data, low, high)]
    if model is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            significance = np.nan_to_num((image.data - model) / image.sigma)
        planes += [_grey(model, low, high), _diverging(significance / SIGMAS)]
    for k in (0, -1) if len(planes) > 1 else (0,):
        planes[k][image.mask] = MASKED
    sized = [_sized(plane)[::-1] for plane in planes]
    gap = np.full((sized[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([part for plane in sized for part in (plane, gap)][:-1])


def _grey(values: Pixels, low: float, high: float) -> RGB:
    level = np.clip(np.nan_to_num((values - low) / (high - low)), 0.0, 1.0)
    level = np.arcsinh(level / SOFTENING) / np.arcsinh(1.0 / SOFTENING)
    return np.repeat((255 * level).astype(np.uint8)[..., None], 3, axis=2)


def _diverging(values: Float[np.ndarray, "y x"]) -> RGB:
    """White at zero, blue at -1, red at 1."""
    share = np.clip(np.abs(values), 0.0, 1.0)[..., None]
    end = np.where(values[..., None] > 0, RED, BLUE)
    return (255 + share * (end - 255)).astype(np.uint8)


def _sized(plane: RGB) -> RGB:
    """Larger or smaller by a whole factor, by repeating or skipping pixels."""
    longest = max(plane.shape[:2])
    step, times = -(-longest // SIDE), max(SIDE // longest, 1)
    return plane[::step, ::step].repeat(times, axis=0).repeat(times, axis=1)


def png(pixels: RGB) -> bytes:
    """The bytes of a PNG."""
    from PIL import Image as Picture

    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
