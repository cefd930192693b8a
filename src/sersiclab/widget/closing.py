"""Closing a widget together with all the widgets that it contains."""

from collections.abc import Iterator, Mapping
from typing import Any

import anywidget
import ipywidgets


def announce(editor: anywidget.AnyWidget, widget: ipywidgets.Widget) -> None:
    """Send the editor's page {"t": "closing", "models"}, the models about to be closed, so that it frees them."""
    editor.send({"t": "closing", "models": [part.model_id for part in parts_of(widget)]})


def close_parts(widget: ipywidgets.Widget) -> None:
    """Close the widgets that a widget's synced traits hold, at any depth, but not the widget itself.

    ipywidgets and bqplot close only the one widget: layouts, styles, scales and marks would stay alive, in Python and
    in the page.
    """
    for part in parts_of(widget)[1:]:
        part.close()


def parts_of(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """Return the widget and those that its synced traits hold, at any depth, without closed ones."""
    parts, waiting = [], [widget]
    while waiting:
        part = waiting.pop()
        if part.comm is not None and all(part is not each for each in parts):
            parts.append(part)
            waiting.extend(_held(part))
    return parts


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
