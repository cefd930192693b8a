"""Cases of the rules that Python and the page share, as Python decides them.

Each table is in js/tests/tables and is read by the page's tests (js/tests/rules.test.ts). `test_rules.py` fails if
a table disagrees with Python; `python tests/widget/rules.py` writes the tables again.
"""

import itertools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.visualization import AsinhStretch, LinearStretch, LogStretch, PowerStretch, SqrtStretch, ZScaleInterval

import sersiclab as sl
from sersiclab.documents.spec import to_document
from sersiclab.io.ds9 import mask_of
from sersiclab.plots.isophotes import Ellipse
from sersiclab.plots.profile import annuli
from sersiclab.profiles import MODIFIERS, PROFILES
from sersiclab.profiles.base import size_name
from sersiclab.widget import frames
from sersiclab.widget.page_schema import editor_schema
from sersiclab.widget.session import from_model
from sersiclab.widget.still import grey


FOLDER = Path(__file__).parents[2] / "js" / "tests" / "tables"
Rows = Any


def without_words(document: Any) -> Any:
    """A document without its prose, which may change while the rules stay the same."""
    if isinstance(document, dict):
        return {key: without_words(value) for key, value in document.items() if key not in ("doc", "title")}
    return [without_words(value) for value in document] if isinstance(document, list) else document


def schema() -> Rows:
    whole = editor_schema(())
    return without_words({key: whole[key] for key in ("version", "profiles", "priors", "links")})


# -- names -------------------------------------------------------------------------------------------

NAMES = (
    *("disk", "_", "_1", "Disk2", "class", "naïve", "e\u0301", "日本", "ª", "Ⅷ", "℘", "𝒳", "a٣", "Noise", "type"),
    *("", "2disk", "a b", " a", "a.b", "a-b", "<b>", "x²", "٣a", "a\u200d", "\u0301a", "゛", "noise", "renderer"),
    *("galaxy", "total", "constructor", "__proto__"),
)


def sample_model() -> sl.Model:
    star = sl.PointSource(xc=3.0, yc=4.0, flux=sl.LogUniform(1.0, 100.0, init=20.0))
    return sl.Model({"galaxy": star, "star": star}).with_total_flux("galaxy", "star")


def is_allowed(name: str) -> bool:
    model = sample_model()
    extra = sl.PointSource(xc=1.0, yc=1.0, flux=1.0)
    if name in model.components:
        return False
    try:
        sl.Model({**model.components, name: extra}, links=model.links)
    except sl.InputError:
        return False
    return True


def names() -> Rows:
    return {
        "session": from_model(sample_model()),
        "cases": [{"name": name, "allowed": is_allowed(name)} for name in NAMES],
    }


# -- ties --------------------------------------------------------------------------------------------


def source(**changes: Any) -> sl.Sersic:
    numbers: dict[str, Any] = {
        "xc": 60.0,
        "yc": 50.0,
        "flux": 100.0,
        "r_eff": 4.0,
        "n": 2.0,
        "ellip": 0.2,
        "theta": 0.3,
        **changes,
    }
    return sl.Sersic(**numbers)


X = sl.Normal(60.0, 1.0, init=60.2)
R = sl.LogUniform(0.5, 20.0, init=4.0)
TIED: dict[str, dict[str, Any]] = {
    "one follower inherits the prior": {"a": source(xc=X), "b": source(xc=sl.Tied("a.xc"))},
    "the others follow the heir": {
        "a": source(r_eff=R),
        "b": source(r_eff=sl.Tied("a.r_eff")),
        "c": source(r_eff=sl.Tied("a.r_eff", scale=0.5, offset=1.0)),
        "d": source(r_eff=sl.Tied("a.r_eff", scale=2.0)),
    },
    "a number is inherited through a tie": {
        "a": source(r_eff=4.0),
        "b": source(r_eff=sl.Tied("a.r_eff", scale=2.0, offset=1.0)),
        "c": source(r_eff=sl.Tied("a.r_eff", scale=4.0)),
    },
    "a tie is inherited through a tie": {
        "a": source(r_eff=sl.Tied("z.r_eff", scale=2.0, offset=1.0)),
        "b": source(r_eff=sl.Tied("a.r_eff", scale=3.0, offset=0.5)),
        "z": source(r_eff=R),
    },
    "a prior does not pass through a factor": {
        "a": source(r_eff=R),
        "b": source(r_eff=sl.Tied("a.r_eff", scale=2.0)),
    },
    "a product is inherited": {
        "a": source(r_eff=sl.Tied("z.r_eff", by=sl.Tied("y.ellip", scale=-1.0, offset=1.0))),
        "b": source(r_eff=sl.Tied("a.r_eff", scale=3.0)),
        "y": source(ellip=0.4),
        "z": source(r_eff=R),
    },
    "a product is not inherited through an offset": {
        "a": source(r_eff=sl.Tied("z.r_eff", by=sl.Tied("y.ellip", scale=-1.0, offset=1.0))),
        "b": source(r_eff=sl.Tied("a.r_eff", scale=3.0, offset=1.0)),
        "y": source(ellip=0.4),
        "z": source(r_eff=R),
    },
    "a follower of two parameters needs its own prior": {
        "a": source(r_eff=R),
        "b": source(r_eff=sl.Tied("a.r_eff", by=sl.Tied("z.ellip", scale=-1.0, offset=1.0))),
        "z": source(ellip=0.4),
    },
    "also if the second of them is removed": {
        "a": source(ellip=0.4),
        "b": source(r_eff=sl.Tied("z.r_eff", by=sl.Tied("a.ellip", scale=-1.0, offset=1.0))),
        "z": source(r_eff=R),
    },
}


def detached(components: dict[str, Any]) -> Rows:
    """A session, and all its parameters that change when `a` is removed; null if Python asks for a prior."""
    model = sl.Model(components)
    try:
        left = from_model(model.without("a"))["model"]["components"]
    except sl.InputError:
        left = None
    before = from_model(model)
    return {"session": before, "left": left}


def ties() -> Rows:
    return {title: detached(components) for title, components in TIED.items()}


# -- a total flux and an order -----------------------------------------------------------------------

FLUXES = ((70.0, 30.0), (1e-3, 5.0), (5.0, 1e-3), (2e6, 3e6))
SIZES = ((2.0, 5.0), (5.0, 5.0), (9.0, 3.0), (0.01, 50.0))


def shared(model: sl.Model, change: Callable[[sl.Model], sl.Model]) -> Rows:
    return {"session": from_model(model), "shared": to_document(change(model))}


def sharings() -> Rows:
    totals, orders = [], []
    for first, second in FLUXES:
        fluxes = [sl.LogUniform(0.1 * flux, 10.0 * flux, init=flux) for flux in (first, second)]
        model = sl.Model({"a": source(flux=fluxes[0]), "b": source(flux=fluxes[1])})
        totals.append(shared(model, lambda model: model.with_total_flux("a", "b")))
    for smaller, larger in SIZES:
        sizes = [sl.LogUniform(1e-3, 100.0, init=size) for size in (smaller, larger)]
        model = sl.Model({"a": source(r_eff=sizes[0]), "b": source(r_eff=sizes[1])})
        orders.append(shared(model, lambda model: model.with_order("a.r_eff", "b.r_eff")))
    indices = [sl.Uniform(0.5, 8.0, init=index) for index in (1.0, 3.0)]
    model = sl.Model({"a": source(n=indices[0]), "b": source(n=indices[1])})
    above = shared(model, lambda model: model.with_order("a.n", "b.n"))  # n can't be zero
    return {"totals": totals, "orders": orders, "above": [above]}


# -- sizes -------------------------------------------------------------------------------------------


def sizes() -> Rows:
    inner = {"type": "Sersic", "r_eff": 4.0}
    nested = [{"component": {"type": cls.__name__, "profile": inner}, "size": "r_eff"} for cls in MODIFIERS]
    plain = [{"component": {"type": cls.__name__}, "size": size_name(cls)} for cls in PROFILES]
    return [*plain, *nested]


# -- limits and stretches ----------------------------------------------------------------------------


def values_of(number: int, seed: int) -> list[float]:
    """A sky with sources, of values that float32 represents exactly."""
    rng = np.random.default_rng(seed)
    values = rng.normal(10.0, 2.0, number) + np.where(rng.random(number) < 0.1, rng.exponential(200.0, number), 0.0)
    return [float(value) for value in values.astype(np.float32)]


LISTS = {
    "a sky with sources": values_of(400, 1),
    "a few values": [1.0, 2.0, 4.0, 8.0],
    "one value": [3.5],
    "all the same": [7.0] * 9,
    "all zero": [0.0] * 9,
    "all the same, below zero": [-2.0] * 9,
}


def limits() -> Rows:
    rows = []
    for title, values in LISTS.items():
        array = np.array(values)
        found = frames.limits(sl.Image(array[None], sigma=1.0))
        zscale = [float(end) for end in ZScaleInterval().get_limits(array)]
        rows.append({"title": title, "values": values, **found, "zscale": zscale if zscale[1] > zscale[0] else None})
    return rows


STRETCHES = {
    "linear": LinearStretch(),
    "sqrt": SqrtStretch(),
    "log": LogStretch(1000),
    "asinh": AsinhStretch(0.1),
    "power": PowerStretch(2),
}
LEVELS = [0.0, 0.001, 0.02, 0.1, 0.3, 0.5, 0.8, 0.99, 1.0]
SHOWN = [-5.0, 0.0, 1.0, 1.01, 1.1, 2.0, 5.0, 10.999, 11.0, 50.0]


def stretches() -> Rows:
    curves = {name: [float(y) for y in stretch(np.array(LEVELS))] for name, stretch in STRETCHES.items()}
    grey_levels = grey(np.array([SHOWN]), 1.0, 11.0)[0, :, 0]
    still = {"values": SHOWN, "limits": [1.0, 11.0], "grey": [int(level) for level in grey_levels]}
    return {"levels": LEVELS, "curves": curves, "still": still}


# -- annuli ------------------------------------------------------------------------------------------

SHAPE = (23, 31)
ELLIPSES = (
    Ellipse(xc=15.2, yc=11.3, size=4.0, ellip=0.0, theta=0.0),
    Ellipse(xc=15.0, yc=11.0, size=4.0, ellip=0.0, theta=0.0),
    Ellipse(xc=12.6, yc=9.1, size=4.0, ellip=0.45, theta=0.7),
    Ellipse(xc=2.3, yc=20.4, size=4.0, ellip=0.8, theta=2.5),
    Ellipse(xc=-6.5, yc=4.2, size=4.0, ellip=0.3, theta=1.1),
)


def pattern() -> tuple[Any, Any, Any]:
    """Data, errors and a mask, made of whole numbers, so that both languages give the same."""
    y, x = np.indices(SHAPE)
    return (7 * x + 5 * y) % 23, 1 + (3 * x + y) % 4, ((5 * x + 3 * y) % 11 == 0) | ((x > 20) & (y < 5))


def rings() -> Rows:
    data, sigma, mask = pattern()
    image = sl.Image(data.astype(float), sigma=sigma.astype(float), mask=mask)
    rows = []
    for ellipse in ELLIPSES:
        found = annuli(image, ellipse)
        shape = {name: getattr(ellipse, name) for name in ("xc", "yc", "ellip", "theta")}
        numbers = {
            "number": found.number,
            "radius": found.radius,
            "mean": found.mean(image.data),
            "error": found.error(image.sigma),
        }
        rows.append({"shape": shape, **{name: [float(each) for each in array] for name, array in numbers.items()}})
    return {"ny": SHAPE[0], "nx": SHAPE[1], "cases": rows}


# -- polygons ----------------------------------------------------------------------------------------

Corners = Sequence[tuple[float, float]]
STAR = [(9 + 8 * math.sin(0.8 * math.pi * k), 7 + 6.5 * math.cos(0.8 * math.pi * k)) for k in range(5)]
POLYGONS: dict[str, Corners] = {
    "a triangle": [(2.2, 1.1), (15.7, 3.3), (7.4, 12.9)],
    "a rectangle of whole pixels": [(1.5, 2.5), (6.5, 2.5), (6.5, 8.5), (1.5, 8.5)],
    "corners and edges on pixel centres": [(2.0, 2.0), (12.0, 2.0), (12.0, 9.0), (2.0, 9.0)],
    "slanted edges through pixel centres": [(1.0, 1.0), (13.0, 4.0), (10.0, 13.0), (4.0, 10.0)],
    "thirds": [(1 / 3, 0.0), (17.0, 14 / 3), (25 / 3, 14.0), (0.0, 22 / 3)],
    "a star, which crosses itself": STAR,
    "beyond the image": [(-5.0, -3.0), (30.0, 4.0), (8.0, 40.0)],
    "within one pixel": [(4.1, 4.1), (4.3, 4.1), (4.2, 4.4)],
    "a line": [(1.0, 1.0), (9.0, 5.0)],
}


def polygons() -> Rows:
    ny, nx = 15, 19
    rows = []
    for (title, corners), turn in itertools.product(POLYGONS.items(), (1, -1)):
        points = list(corners)[::turn]
        mask = mask_of([points], (ny, nx))
        rows.append({"title": title, "points": points, "inside": [int(i) for i in np.flatnonzero(mask)]})
    return {"ny": ny, "nx": nx, "cases": rows}


TABLES: dict[str, Callable[[], Rows]] = {
    "schema": schema,
    "names": names,
    "ties": ties,
    "sharings": sharings,
    "sizes": sizes,
    "limits": limits,
    "stretches": stretches,
    "rings": rings,
    "polygons": polygons,
}


def written(rows: Rows) -> str:
    """A table as text, with a case per line."""
    items = rows.items() if isinstance(rows, dict) else None
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in items] if items else map(json.dumps, rows)
    begin, end = "{}" if items else "[]"
    return begin + "\n" + ",\n".join(lines) + "\n" + end + "\n"


if __name__ == "__main__":
    for name, rule in TABLES.items():
        (FOLDER / f"{name}.json").write_text(written(rule()), encoding="utf-8")
