"""Bad and odd documents of models, and models as documents and code."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import sersiclab as sl
from sersiclab.model import Model

from .case import Case, named, right
from .models import galaxy
from .nonsense import NONSENSE, refused


def document() -> dict[str, Any]:
    galaxies = {
        "a": galaxy(n=sl.Uniform(0.5, 8)),
        "b": galaxy(n=sl.Tied("a.n")),
        "s": sl.FlatSky(level=sl.Normal(0, 1)),
    }
    return sl.to_dict(Model(galaxies, noise=sl.StudentTNoise()))


# What a JSON file may hold, and Python's json reads: NaN and integers of any length among it.
VALUES = {
    "null": None, "400 digits": 10**400, "a list": [], "a mapping": {}, "a text": "x", "NaN": math.nan,
    "Infinity": math.inf, "true": True, "nested lists": [[1]],
    "an unknown type": {"type": "Serric"},
    "a type of 3": {"type": 3},
}  # fmt: skip


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in node.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


def edited(path: tuple[str, ...], value: Any, *, absent: bool = False) -> dict[str, Any]:
    whole = copy.deepcopy(document())
    node = whole
    for key in path[:-1]:
        node = node[key]
    if absent:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return whole


def cases(_: Path) -> Iterator[Case]:
    whole = document()
    fine = {("split", "400 digits"), ("links", "a mapping"), ("renderer", "null"), ("noise", "null"), ("links", "null")}
    optional = {"noise", "renderer", "links", "nu", "padding", "split", "narrowest", "init", "scale", "offset"}
    for path in leaves(whole):
        written = ".".join(path)
        for kind, value in VALUES.items():
            if (path[-1], kind) not in fine and not (path[-1] == "version" and kind == "true"):
                yield named(
                    "from_dict", f"{written} is {kind}", lambda p=path, v=value: sl.from_dict(edited(p, v)), *said(path)
                )
        if path[-1] not in optional and path[-2:] not in (("components", "s"), ("components", "b")):
            call = lambda p=path: sl.from_dict(edited(p, None, absent=True))  # noqa: E731
            yield named("from_dict", f"{written} is absent", call)
        if path[-1] not in ("components",) and isinstance(at(whole, path), dict):
            yield named(
                "from_dict",
                f"{written} has an unknown key",
                lambda p=path: sl.from_dict(edited((*p, "colour"), 1)),
                "colour",
            )
    yield named("from_dict", "version of the future", lambda: sl.from_dict(edited(("version",), 99)), "newer sersiclab")
    yield from refused("from_dict", "document", lambda v: sl.from_dict(v), "the document", fine=("a list of pairs",))
    for kind in ("None", "text", "True", "object", "class"):
        yield named(
            "from_dict", f"types = {kind}", lambda make=NONSENSE[kind]: sl.from_dict(whole, make()), "types must be"
        )
    deep: Any = {"type": "Sersic"}
    for _level in range(5000):
        deep = {"type": "Boxy", "profile": deep, "c0": 0.1}
    yield named(
        "from_dict",
        "nested 5000 deep",
        lambda: sl.from_dict({"version": 1, "type": "Model", "components": {"g": deep}}),
        "deep",
    )
    yield right(
        "from_dict", "what to_dict wrote", lambda: sl.to_dict(sl.from_dict(whole)), lambda found: found == whole
    )
    for name in ("to_dict", "to_python"):
        yield from refused(
            name,
            "model",
            lambda v, name=name: getattr(sl, name)(v),
            "model must be a Model",
            also={"a profile": galaxy()},
        )
    yield right("to_python", "of a document", lambda: sl.to_python(sl.from_dict(whole)), lambda code: "sl.Tied" in code)
    odd = Model({"g": galaxy(flux=np.float32(3.0))})
    yield right("to_python", "of a NumPy number", lambda: sl.to_python(odd), lambda code: "flux=3.0" in code)


def at(node: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


def said(path: tuple[str, ...]) -> tuple[str, ...]:
    """What the message must hold: the name of a parameter or of a part."""
    names = [key for key in path if key not in ("components", "type", "version")]
    return (names[-1],) if names else ()
