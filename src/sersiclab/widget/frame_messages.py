"""Frames as messages: pictures of the committed session, and answers to the front end during a gesture."""

from collections.abc import Callable, Mapping

from sersiclab.widget.frames import Frames, degrees_of_freedom
from sersiclab.widget.messages import Message, frame_message
from sersiclab.widget.session import Shown


def frame_of(frames: Frames, shown: Shown, seq: int | None, values: Mapping[str, float]) -> Message:
    """What the front end lacks of a picture of these values; `seq` is None for one that it did not ask for."""
    parts = frames.draw(shown.everything, values)
    news = {name: parts[name] for name in frames.news(pushed=seq is None)}
    return frame_message(seq, news, degrees_of_freedom(frames.image, shown.model))


def answer(
    frames: Frames, shown: Shown, seq: int, values: Mapping[str, float], transmit: Callable[[Message], None]
) -> None:
    """Answer a request, also where it can't be drawn: the front end waits for this answer before it asks again."""
    try:
        transmit(frame_of(frames, shown, seq, values))
    except Exception as error:
        transmit(frame_message(seq, {}, 0))
        if not isinstance(error, ValueError):  # out of range: the session, once committed, shows it as a problem
            raise
