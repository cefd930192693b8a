"""The documents and messages that Python sends to the page (version 1 of the protocol).

The rules for traits and for messages from the page are in `incoming`. Messages to Python: {"t": "hello"} from a new
view; {"t": "render", "seq", "values"} during a gesture, with "sight" for the cells of a large image; {"t": "sight",
"raster"} and {"t": "pixel", "x", "y"} for a large image (see `frame_messages`); {"t": "mask", "name"} with the bits of
a mask, before a session that names it; {"t": "run", "method", "options"}; {"t": "recover"} (see `recoveries`); {"t":
"preset", "name"}, {"t": "neighbours"} and {"t": "noise"} (see `presets`); {"t": "predict", "request", "number",
"seed"}, answered by `number` messages `prediction` (see `predictive`); {"t": "keep" | "restore" | "forget", "name"} for
a fit (see `kept`); those of `transfers`. Messages to the page: `image`, `mask`, `posterior`, `frame`, `refused` and
`error`, made here. Cancel, pause and resume arrive through `control.Control`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.inference import AbstractMethod, Progress
from sersiclab.recovery.mock_fits import NUMBER
from sersiclab.results.verdict.bounds import bounds_reached
from sersiclab.results.verdict.completion import finite
from sersiclab.widget.checks import AnyFit
from sersiclab.widget.frames import limits, pack
from sersiclab.widget.marginals import marginals
from sersiclab.widget.rasters import Raster, is_large, means, overall, sample, typical
from sersiclab.widget.shapes import posterior_shapes
from sersiclab.widget.tangent_plane import tangent_plane


Message = tuple[dict[str, Any], list[bytes]]
# The fit of the image on the screen, and the paths of the joint parameters that have a row of their own there.
OnScreen = tuple[Any, Sequence[str]]

ENDED = ("done", "cancelled", "error")
IDLE = {"state": "idle", "method": "", "phase": "", "step": 0, "total": 0, "elapsed": 0.0, "eta": None, "message": ""}
NO_FIT = "Fit the galaxy first, by Laplace."
# The recovery of mocks: why the last fit is refused, its progress, and a result, which may be that of an earlier fit.
NO_RECOVERY = {
    "state": "idle",
    "step": 0,
    "total": NUMBER,
    "elapsed": 0.0,
    "eta": None,
    "message": "",
    "refused": NO_FIT,
    "outdated": False,
    "result": None,
}


def image_message(image: Image) -> Message:
    """Return the message with data, error map, mask (1 = excluded) and, if there is one, the PSF with its own shape.

    It includes the calibration that the page needs for magnitudes and coordinates, null if the image lacks it. A large
    image is sent in the cells of a `raster`, and its mask as the bits of all pixels, or omitted if nothing is masked.
    """
    if is_large(image):
        planes, more = _large_planes(image)
    else:
        planes = {"data": pack(image.data, "<f4"), "sigma": pack(image.sigma, "<f4"), "mask": pack(image.mask, "u1")}
        more = {}
    if image.psf is not None:
        planes["psf"] = pack(image.psf, "<f4")
    content = {
        "t": "image",
        "shape": list(image.shape),
        "psf_shape": None if image.psf is None else list(image.psf.shape),
        "layers": list(planes),
        "limits": {"data": limits(image)},
        "zeropoint": image.zeropoint,
        "unit": image.unit,
        "pixel_scale": image.pixel_scale,
        "wcs": tangent_plane(image),
        **more,
    }
    return content, list(planes.values())


def _large_planes(image: Image) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the planes in cells, and a sample of the pixels with the distribution of all."""
    raster = overall(image)
    planes = {
        "data": pack(means(image.data, raster, image.valid), "<f4"),
        "sigma": pack(typical(image.sigma, raster, image.valid), "<f4"),
        "sample": pack(sample(image), "<f4"),
    }
    if image.mask.any():
        planes["bits"] = np.packbits(image.mask, bitorder="little").tobytes()
        unusable = ~(np.isfinite(image.data) & np.isfinite(image.sigma) & (image.sigma > 0))
        if unusable.any():
            planes["unusable"] = np.packbits(unusable, bitorder="little").tobytes()
    return planes, {"raster": list(raster)}


def posterior_message(fit: AnyFit, on_screen: OnScreen | None = None) -> Message:
    """Return the message with ellipses and densities of a fit's draws; see `shapes` and `marginals`."""
    own: Any
    own, nodes = on_screen or (fit, ())
    densities = {**marginals(own), **({} if own is fit else marginals(fit, nodes))}
    return {"t": "posterior", "shapes": posterior_shapes(own), "marginals": densities}, []


def frame_message(seq: int | None, parts: dict[str, Plane], dof: int, raster: Raster | None = None) -> Message:
    """Return the message with component images; `seq` is that of the request, None for the committed session."""
    content = {"t": "frame", "seq": seq, "components": list(parts), "dof": dof}
    content |= {} if raster is None else {"raster": list(raster)}
    return content, [pack(pixels, "<f4") for pixels in parts.values()]


def refusal(detail: str) -> Message:
    """Return the message about a change that the page may not make, for its log."""
    return {"t": "refused", "detail": detail}, []


def error_message(title: str, detail: str) -> Message:
    """Return the message about an error."""
    return {"t": "error", "title": title, "detail": detail}, []


def progress_document(progress: Progress) -> dict[str, Any]:
    """Return the document of the progress of a run."""
    return {
        "state": progress.state,
        "method": progress.method,
        "phase": progress.phase,
        "step": progress.step,
        "total": progress.total,
        "elapsed": progress.elapsed,
        "eta": _finite(progress.eta),
        "message": progress.message,
        "divergences": progress.divergences,
    }


def summary_document(fit: AnyFit, on_screen: OnScreen | None = None) -> dict[str, Any]:
    """Return the table of a fit, the bounds that its parameters lie at, and the verdict on it.

    For several images it also has `own`, the rows of the one on the screen.
    """
    own, nodes = on_screen or (fit, ())
    rows = _rows(fit)
    mine = None if own is fit else [*_rows(own), *(row for row in rows if row["path"] in nodes)]
    return {
        "method": method_name(fit.method),
        "rows": rows,
        **({} if mine is None else {"own": mine}),
        "best": dict(fit.best),
        "verdict": {"level": fit.verdict.level, "text": str(fit.verdict)},
    }


def _rows(fit: AnyFit) -> list[dict[str, Any]]:
    columns = ("mean", "sd", "q16", "q50", "q84", "r_hat", "ess_bulk", "ess_tail")
    rows = [
        {"path": str(path), **{column: _finite(row[column]) for column in columns}, "unit": row["unit"]}
        for path, row in fit.summary().iterrows()
    ]
    reached = bounds_reached(fit) if finite(fit) else {}
    for row in rows:
        if row["mean"] is None:  # a method without draws
            row["mean"] = fit.best.get(row["path"])
        row["bounds"] = reached.get(row["path"], {})
    return rows


def method_name(method: AbstractMethod) -> str:
    """Return the name of a method, as on its button."""
    return type(method).__name__


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
