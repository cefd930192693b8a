"""Frames as messages: pictures of the committed session, and answers to the front end during a gesture.

For a large image a frame has a `raster`, the cells in which it is drawn, and the last frame of a session has its χ²,
which the page can't compute. No message is longer than `LONGEST`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.runtime.errors import InputError
from sersiclab.widget.frames import Frames, degrees_of_freedom, pack
from sersiclab.widget.large import LargeFrames
from sersiclab.widget.messages import Message, frame_message
from sersiclab.widget.rasters import Raster, check_raster, is_large
from sersiclab.widget.session import Shown


LONGEST = 5_000_000  # bytes

AnyFrames = Frames | LargeFrames
Transmit = Callable[[Message], None]


def frames_of(image: Image) -> AnyFrames:
    """Return the frames of an image, large or not."""
    return LargeFrames(image) if is_large(image) else Frames(image)


def pushed(frames: AnyFrames, shown: Shown) -> Iterator[Message]:
    """Yield frames with everything that the page lacks of the session, without a request."""
    dof = degrees_of_freedom(frames.image, shown.model)
    if isinstance(frames, Frames):
        parts = frames.draw(shown.everything, {})
        yield frame_message(None, {name: parts[name] for name in frames.news(pushed=True)}, dof)
        return
    for sight in frames.sights:
        yield from on_raster(frames, shown, sight)
    *first, last = _parts_of(frames.news_of(shown.everything, {}, frames.overall, pushed=True), frames.overall)
    for some in first:
        yield frame_message(None, some, dof, frames.overall)
    content, buffers = frame_message(None, last, dof, frames.overall)
    yield {**content, "chi2": frames.chi2(shown.everything, shown.on)}, buffers


def on_raster(frames: LargeFrames, shown: Shown, raster: Raster) -> Iterator[Message]:
    """Yield frames with everything that the page lacks of the session in the cells of a raster."""
    dof = degrees_of_freedom(frames.image, shown.model)
    for some in _parts_of(frames.news_of(shown.everything, {}, raster, pushed=True), raster):
        yield frame_message(None, some, dof, raster)


def _most(raster: Raster) -> int:
    """Return the number of components that fit in a message."""
    return max(LONGEST // (4 * raster.nx * raster.ny), 1)


def _parts_of(drawn: dict[str, Plane], raster: Raster) -> list[dict[str, Plane]]:
    names, most = list(drawn), _most(raster)
    return [{name: drawn[name] for name in names[i : i + most]} for i in range(0, max(len(names), 1), most)]


def answer(
    frames: AnyFrames,
    shown: Shown,
    seq: int,
    values: Mapping[str, float],
    transmit: Transmit,
    raster: Raster | None = None,
) -> None:
    """Answer a request, even if it can't be drawn: the page waits for the answer before it sends the next one."""
    try:
        dof = degrees_of_freedom(frames.image, shown.model)
        if isinstance(frames, Frames):
            parts = frames.draw(shown.everything, values)
            message = frame_message(seq, {name: parts[name] for name in frames.news(pushed=False)}, dof)
        else:
            on = raster if raster in frames.sights else frames.overall
            assert on is not None
            parts = frames.news_of(shown.everything, values, on, pushed=False, most=_most(on))
            message = frame_message(seq, parts, dof, on)
        transmit(message)
    except Exception as error:
        transmit(frame_message(seq, {}, 0))
        if not isinstance(error, InputError):  # out of range: the session, once committed, shows it as a problem
            raise


def sight(frames: AnyFrames, shown: Shown, raster: Raster, transmit: Transmit) -> None:
    """Send a part of a large image in finer cells. Raises `ValueError` for cells outside the image."""
    check_raster(raster, frames.image)
    if isinstance(frames, Frames):
        raise InputError("this image has no finer cells: the page has all its pixels")
    frames.look(raster)
    planes = {name: pack(plane, "<f4") for name, plane in zip(("data", "sigma"), frames.planes(raster), strict=True)}
    transmit(({"t": "sight", "raster": list(raster), "layers": list(planes)}, list(planes.values())))
    for message in on_raster(frames, shown, raster):
        transmit(message)


def pixel(frames: AnyFrames, shown: Shown, x: int, y: int, transmit: Transmit) -> None:
    """Send the values of a pixel of a large image. Raises `ValueError` for a pixel outside it."""
    ny, nx = frames.image.shape
    if x >= nx or y >= ny:
        raise InputError(f"the image has {nx} x {ny} pixels, got x = {x}, y = {y}")
    if isinstance(frames, LargeFrames):
        numbers: dict[str, Any] = frames.pixel(x, y, shown.on)
        transmit(({"t": "pixel", "x": x, "y": y, **numbers}, []))
