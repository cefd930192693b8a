"""What Python tells the front end: the documents and messages of the protocol (version 1).

Traits of the Editor and what the front end may send have their rules in `incoming`. Messages to Python: {"t": "hello"}
from a new view; {"t": "render", "seq", "values"} during a gesture, with "sight" for the cells of a large image that it
is wanted in; {"t": "sight", "raster"} and {"t": "pixel", "x", "y"}, of a large image (see `frame_messages`); {"t":
"mask", "name"} with the bits of a mask, before a session that names it; {"t": "run", "method", "options"}; {"t":
"preset", "name"}, {"t": "neighbours"} and {"t": "noise"} (see `presets`); {"t": "predict", "request", "number",
"seed"}, answered by so many `prediction`s (see `predictive`); {"t": "keep" | "restore" | "forget", "name"}, of a fit
(see `kept`); those of `files`. Messages to the front end: `image`, `mask`, `posterior`, `frame`, `refused` and `error`,
made here. Cancel, pause and resume come by `control.Control`.
"""

import math
from typing import Any

import numpy as np

from sersiclab.data.arrays import Plane
from sersiclab.data.image import Image
from sersiclab.inference import AbstractMethod, Progress
from sersiclab.results import Fit
from sersiclab.results.verdict.bounds import bounds_reached
from sersiclab.results.verdict.completion import finite
from sersiclab.widget.frames import limits, pack
from sersiclab.widget.marginals import marginals
from sersiclab.widget.masks import Masks
from sersiclab.widget.rasters import Raster, is_large, means, overall, sample, typical
from sersiclab.widget.shapes import posterior_shapes
from sersiclab.widget.tangent_plane import tangent_plane


Message = tuple[dict[str, Any], list[bytes]]

ENDED = ("done", "cancelled", "error")
IDLE = {"state": "idle", "method": "", "phase": "", "step": 0, "total": 0, "elapsed": 0.0, "eta": None, "message": ""}


def image_message(image: Image) -> Message:
    """The data, the error map, the mask (1 = excluded) and the PSF, which has a shape of its own, if there is one.

    With them goes what the front end needs to tell magnitudes and coordinates; null where the image lacks it. A large
    image comes in the cells of a `raster`; its mask as bits, all of them, or not at all where nothing is masked.
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
    """The planes in few cells; and of the pixels themselves some from all over, whose distribution is that of all."""
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


def posterior_message(fit: Fit) -> Message:
    """Ellipses of the last fit's draws, and densities of its parameters; see `shapes` and `marginals`."""
    return {"t": "posterior", "shapes": posterior_shapes(fit), "marginals": marginals(fit)}, []


def frame_message(seq: int | None, parts: dict[str, Plane], dof: int, raster: Raster | None = None) -> Message:
    """Component images; `seq` is that of the request, None for a picture of the committed session."""
    content = {"t": "frame", "seq": seq, "components": list(parts), "dof": dof}
    content |= {} if raster is None else {"raster": list(raster)}
    return content, [pack(pixels, "<f4") for pixels in parts.values()]


def greeting(masks: Masks, name: str | None, fit: Fit | None) -> list[Message]:
    """What a new view is told: the image as it was given, the mask that the session names, the posterior."""
    known = [] if name is None else [masks.message(name)]
    posterior = [] if fit is None else [posterior_message(fit)]
    return [image_message(masks.given), *known, *posterior]


def refusal(detail: str) -> Message:
    """What the front end tried and may not: for the page's log, as nobody has asked for it."""
    return {"t": "refused", "detail": detail}, []


def error_message(title: str, detail: str) -> Message:
    """Something went wrong, in words."""
    return {"t": "error", "title": title, "detail": detail}, []


def progress_document(progress: Progress) -> dict[str, Any]:
    """How far a run is."""
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


def summary_document(fit: Fit) -> dict[str, Any]:
    """The table of a fit, the bounds that its parameters lie at, and the verdict on it."""
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
    return {
        "method": method_name(fit.method),
        "rows": rows,
        "best": dict(fit.best),
        "verdict": {"level": fit.verdict.level, "text": str(fit.verdict)},
    }


def method_name(method: AbstractMethod) -> str:
    """The name on the button of a method."""
    return type(method).__name__


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
