"""What identifies a stamp of a mosaic: its place, and a few rows of its pixels in each plane.

A run of 10^5 stamps that are done is resumed without cutting them, and without reading the mosaic whole.
"""

import math
from collections.abc import Callable
from typing import Any

from sersiclab.catalogue.image_digests import (
    MARK,
    NONE,
    SCALES,
    Parts,
    digest_of_file,
    digest_of_pixels,
    value_in_words,
)
from sersiclab.catalogue.open_mosaics import PIXELS, OpenMosaic
from sersiclab.catalogue.psf_fields import PsfField
from sersiclab.catalogue.recipe_identity import digest
from sersiclab.catalogue.stamp_windows import StampWindow, centred
from sersiclab.catalogue.stamps import USUAL, Stamp
from sersiclab.data.layers import Layer
from sersiclab.data.psf_files import Psf


ROWS = 8  # of a stamp's pixels, evenly spaced, that stand for all
Once = Callable[[Any, Callable[[], Any]], Any]


def stamp_parts(stamp: Stamp, once: Once) -> Parts:
    """Return the parts of a stamp's identity; `once(object, function)` calls the function once for each object."""
    mosaic, psf = once(stamp.mosaic, stamp.mosaic.opened), stamp.psf
    parts = {"kind": "stamp", "x": f"{stamp.x:.4f}", "y": f"{stamp.y:.4f}", "shape": _shape(stamp)}
    parts |= {"neighbours": stamp.neighbours, "label": value_in_words(stamp.label)}
    parts["psf"] = _psf(psf, mosaic) if psf.own else once(psf, lambda: _psf(psf, mosaic))
    parts |= once(mosaic, lambda: _common(mosaic))
    if not (math.isfinite(stamp.x) and math.isfinite(stamp.y)):
        return parts
    window = centred(stamp.x, stamp.y, stamp.size or (USUAL, USUAL))
    if stamp.neighbours == "model":
        parts["other sources"] = _others(stamp, window)
    inside = window.within(mosaic.shape)
    layers = {**mosaic.companions, **mosaic.planes, "data": mosaic.science}
    return parts | {name: NONE if inside is None else _sample(layer, inside) for name, layer in layers.items()}


def _shape(stamp: Stamp) -> str:
    return "that of its segment" if stamp.size is None else f"{stamp.size[1]} x {stamp.size[0]} pixels (x, y)"


def _common(mosaic: OpenMosaic) -> Parts:
    """Return what all stamps of a mosaic have in common, with the planes that are one number or none."""
    given = mosaic.header.arguments
    names = (*PIXELS, *SCALES, "read_noise", "sky_level")
    return {name: value_in_words(given.get(name)) for name in names}


def _others(stamp: Stamp, window: StampWindow) -> str:
    near = [
        f"{other.x:.4f} {other.y:.4f} {other.label}"
        for other in stamp.others
        if 0 <= other.x - window.x0 < window.nx and 0 <= other.y - window.y0 < window.ny
    ]
    return MARK + digest(*sorted(near))


def _sample(layer: Layer, window: StampWindow) -> str:
    """Return a digest of a few rows of a window, which lies in the layer."""
    return digest_of_pixels(layer.every(max(1, window.ny // ROWS), window.spans))


def _psf(field: PsfField, mosaic: OpenMosaic) -> str:
    """Return a digest of a PSF; of an object in memory that varies, where it is in the middle of the mosaic."""
    ny, nx = mosaic.shape
    source = field.fixed(mosaic.header.arguments["band"], mosaic.frame, (nx / 2, ny / 2)).source
    about = repr(field.options)
    if source is None:
        return NONE
    if isinstance(source, str):
        return digest_of_file("psf", source, about)
    return digest_of_pixels(source.array if isinstance(source, Psf) else source, about)
