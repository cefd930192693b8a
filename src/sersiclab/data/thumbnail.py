"""Display of an image in notebooks as HTML: a small picture beside its properties."""

import base64
import html
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sersiclab.data.arrays import Mask, Plane


SIDE = 128  # of the picture in pixels, at most
LARGEST_ZOOM = 8  # of small images
CLIPPED = (0.5, 99.5)  # percentiles of the pixels that are shown as black and white
SOFTENING = 0.1  # of the asinh stretch
MASKED = 255  # the index of the colour of masked pixels; the others are greys
MASKED_COLOUR = (213, 94, 0)  # vermillion, which colour-blind readers can distinguish from grey


def thumbnail(data: Plane, mask: Mask) -> UInt8[np.ndarray, "v u"]:
    """Return a small version of an image as indices of greys, row 0 at the bottom; masked pixels are `MASKED`."""
    step = -(-max(data.shape) // SIDE)
    data, mask = data[::-step, ::step], mask[::-step, ::step]
    shown = data[~mask & np.isfinite(data)]
    low, high = np.percentile(shown, CLIPPED) if shown.size else (0.0, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        level = np.nan_to_num((data - low) / (high - low if high > low else 1.0))
    grey = np.arcsinh(np.clip(level, 0.0, 1.0) / SOFTENING) / np.arcsinh(1.0 / SOFTENING)
    return np.where(mask, MASKED, np.rint(grey * (MASKED - 1))).astype(np.uint8)


def png(indices: UInt8[np.ndarray, "v u"]) -> bytes:
    """Return the bytes of a PNG of a thumbnail."""
    from PIL import Image as Picture

    picture = Picture.fromarray(indices, mode="P")
    greys = [level * 255 // (MASKED - 1) for level in range(MASKED) for _ in range(3)]
    picture.putpalette([*greys, *MASKED_COLOUR])
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def as_html(title: str, data: Plane, mask: Mask, rows: Iterable[tuple[str, str]], notes: Iterable[str]) -> str:
    """Return HTML of the picture, a table of `rows` (name, value), and a list of `notes`."""
    indices = thumbnail(data, mask)
    zoom = max(1, min(LARGEST_ZOOM, SIDE // max(indices.shape)))
    height, width = (zoom * side for side in indices.shape)
    picture = (
        f'<img src="data:image/png;base64,{base64.b64encode(png(indices)).decode()}" width="{width}" height="{height}" '
        'style="image-rendering: pixelated" alt="the pixels, masked ones in orange">'
    )
    cells = "".join(
        f'<tr><th style="text-align: left">{html.escape(name)}</th>'
        f'<td style="text-align: left">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return (
        f'<div style="display: flex; gap: 16px; align-items: flex-start">{picture}<div><b>{html.escape(title)}</b>'
        f"<table>{cells}</table>{f'<ul>{listed}</ul>' if listed else ''}</div></div>"
    )


def projection(wcs: Any) -> str:
    """Return the types of a WCS's axes, such as "RA---TAN, DEC--TAN"."""
    axes = getattr(getattr(wcs, "wcs", None), "ctype", None)
    return type(wcs).__name__ if axes is None else ", ".join(map(str, axes))
