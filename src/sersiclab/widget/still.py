"""The editor as a still picture in the outputs of notebooks, for readers without a kernel.

It is made when an output is displayed, together with the view itself, so it must be cheap: three small pictures of the
last drawing rather than a figure. It waits briefly for the first drawing of the model, which may still be compiling,
and shows the data alone if that takes too long.
"""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.widget.current import Current
from sersiclab.widget.frame_messages import AnyFrames
from sersiclab.widget.frames import LastDrawing, percentiles
from sersiclab.widget.large import LargeFrames
from sersiclab.widget.session import Shown
from sersiclab.widget.subject import AbstractSubject


RGB = UInt8[np.ndarray, "y x 3"]

PATIENCE = 2.0  # seconds
SIDE = 300  # of a picture in screen pixels, at most
GAP = 6
SOFTENING = 0.1  # of the asinh stretch, as in the page
SIGMAS = 5.0  # at the ends of the residual's colour range
MASKED = (141, 141, 141)
BLUE, RED = (33, 102, 172), (178, 24, 43)


class Still:
    """The still picture of an editor, from the last drawing of its `frames`; remade only if something has changed."""

    def __init__(self, current: Current, subject: AbstractSubject, flush: Callable[[float], bool]) -> None:
        self._current, self._subject, self._flush = current, subject, flush
        self._last: tuple[Any, str] | None = None

    @property
    def _frames(self) -> AnyFrames:
        return self._subject.frames

    def beside(self, bundle: Any) -> Any:
        """Add the picture to a bundle of media types for IPython."""
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["image/png"] = self._png()
        return bundle

    def _png(self) -> str:
        self._flush(PATIENCE)
        # Each is read once, because the editor's thread replaces them.
        key = self._current.image, self._current.shown, self._frames.last
        if self._last is None or any(a is not b for a, b in zip(self._last[0], key, strict=True)):
            image = self._frames.overview if isinstance(self._frames, LargeFrames) else key[0]
            self._last = key, base64.b64encode(png(_of(image, *key[1:]))).decode()
        return self._last[1]


def _of(image: Image, shown: Shown, drawn: LastDrawing | None) -> RGB:
    """Return the pictures; without the model if it has not been drawn yet."""
    if drawn is None or drawn.model is not shown.everything:
        return pictures(image, None)
    return pictures(image, [drawn.parts[name] for name in shown.on])


def pictures(image: Image, parts: Sequence[Plane] | None) -> RGB:
    """Return data, model and residual side by side, row 0 at the bottom; the data alone without `parts` of a model."""
    longest = max(image.shape)
    few = (slice(None, None, -(-longest // SIDE)),) * 2
    data, mask = image.data[few], image.mask[few]
    low, high = percentiles(data[~mask] if not mask.all() else np.zeros(1))
    planes = [grey(data, low, high)]
    if parts is not None:
        model = sum((part[few] for part in parts), np.zeros(data.shape))
        with np.errstate(divide="ignore", invalid="ignore"):
            significance = np.nan_to_num((data - model) / image.sigma[few])
        planes += [grey(model, low, high), _diverging(significance / SIGMAS)]
    for k in (0, -1) if len(planes) > 1 else (0,):
        planes[k][mask] = MASKED
    times = max(SIDE // longest, 1)
    sized = [plane[::-1].repeat(times, axis=0).repeat(times, axis=1) for plane in planes]
    gap = np.full((sized[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([part for plane in sized for part in (plane, gap)][:-1])


def grey(values: Plane, low: float, high: float) -> RGB:
    """Return values between two limits in shades of grey, with the asinh stretch of the page; NaN is black."""
    level = np.clip(np.nan_to_num((values - low) / (high - low)), 0.0, 1.0)
    level = np.arcsinh(level / SOFTENING) / np.arcsinh(1.0 / SOFTENING)
    return np.repeat(np.rint(255 * level).astype(np.uint8)[..., None], 3, axis=2)


def _diverging(values: Float[np.ndarray, "y x"]) -> RGB:
    """Return colours: white at zero, blue at -1, red at 1."""
    share = np.clip(np.abs(values), 0.0, 1.0)[..., None]
    end = np.where(values[..., None] > 0, RED, BLUE)
    return (255 + share * (end - 255)).astype(np.uint8)


def png(pixels: RGB) -> bytes:
    """Return the bytes of a PNG."""
    from PIL import Image as Picture

    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
