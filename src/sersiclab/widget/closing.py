"""Closing a widget with all that it is made of."""

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets


def close_parts(widget: ipywidgets.Widget) -> None:
    """Close the widgets that a widget's synced traits hold, at any depth, but not the widget itself.

    ipywidgets and bqplot close the one widget alone: layouts, styles, scales and marks would live on, in Python and
    in the page.
    """
    if widget.comm is None:  # closed
        return
    seen, waiting = [widget], list(_held(widget))
    while waiting:
        part = waiting.pop()
        if part.comm is None or any(part is each for each in seen):
            continue
        seen.append(part)
        waiting.extend(_held(part))
        part.close()


def _held(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    for name in widget.keys:
        yield from _within(getattr(widget, name))


def _within(value: Any) -> Iterator[ipywidgets.Widget]:
    if isinstance(value, ipywidgets.Widget):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _within(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _within(item)
