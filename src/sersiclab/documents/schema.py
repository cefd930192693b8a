"""The classes as an editor needs them: profiles with their parameters, priors with their fields."""

import dataclasses
import inspect
import math
import re
from collections.abc import Sequence
from typing import Any

import numpyro.distributions as dist

from sersiclab.noise import NOISES
from sersiclab.parameters import AbstractPrior, ParameterInfo, parameter_info
from sersiclab.parameters.links import LINKS
from sersiclab.parameters.priors import PRIORS, Custom
from sersiclab.profiles import MODIFIERS, PROFILES, AbstractModifier, AbstractProfile, AbstractSky, installed_profiles
from sersiclab.profiles.base import usual_parameters
from sersiclab.runtime.errors import InputTypeError


VERSION = 1


def schema(types: Sequence[type] = (), methods: Sequence[type] = ()) -> dict[str, Any]:
    """Return the classes as an editor needs them: profiles, noise models and links with parameters, priors with fields.

    Arguments:
        types: the user's own profiles.
        methods: the methods that the editor offers.

    Returns:
        Plain JSON values. A profile's kind is "source", "sky" or "modifier"; the rows of a modifier are its own, after
        those of the profile that it modifies.

    Raises:
        TypeError: if `types` is not a sequence of classes.

    Example:
        >>> import sersiclab as sl
        >>> [row["name"] for row in sl.schema()["profiles"]["FlatSky"]["parameters"]]
        ['level']
    """
    check_classes(types)
    theirs = (*installed_profiles(), *(cls for cls in types if issubclass(cls, AbstractProfile)))
    profiles = (*PROFILES, *MODIFIERS, *theirs)
    return {
        "version": VERSION,
        "profiles": {cls.__name__: _profile_schema(cls) for cls in profiles},
        "noises": {cls.__name__: _owner_schema(cls, "noise") for cls in NOISES},
        "links": {cls.__name__: _owner_schema(cls, "link") for cls in LINKS},
        "priors": {cls.__name__: _prior_schema(cls) for cls in PRIORS},
        "methods": {cls.__name__: {"doc": _doc(cls)} for cls in methods},
    }


def check_classes(types: Any) -> None:
    """Raise unless `types` is a sequence of classes."""
    if not isinstance(types, Sequence) or not all(isinstance(cls, type) for cls in types):
        raise InputTypeError(f"types must be a sequence of classes, such as [MyProfile], got {types!r}")


def _doc(cls: type) -> str:
    """Return the first paragraph of a class's docstring; "" if it has none."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    is_generated = doc.startswith(f"{cls.__name__}(")
    return "" if is_generated else " ".join(doc.split("\n\n")[0].split())


def _title(cls: type) -> str:
    """Return the first words of the docstring: "Sérsic" from "Sérsic profile, I(m) = ..."."""
    words = re.split(r"[,:(.]", _doc(cls))[0].strip()
    words = re.sub(r"^(A|An|The) ", "", words).removesuffix(" profile")
    return words[:1].upper() + words[1:] if words else cls.__name__


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _row(info: ParameterInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "low": _finite(info.low),
        "high": _finite(info.high),
        "unit": info.unit,
        "doc": info.doc,
        "usual": None if info.usual is None else list(info.usual),
        "start": info.start,
        "logarithmic": info.logarithmic,
    }


def _profile_schema(cls: type[AbstractProfile]) -> dict[str, Any]:
    rows = [_row(info) for info in usual_parameters(cls).values()]
    kind = "sky" if issubclass(cls, AbstractSky) else "modifier" if issubclass(cls, AbstractModifier) else "source"
    return {"title": _title(cls), "doc": _doc(cls), "kind": kind, "parameters": rows}


def _owner_schema(cls: type, kind: str) -> dict[str, Any]:
    """Return the entry of a noise model or a link; its title is its name: "Student t" from "StudentTNoise"."""
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__.removesuffix("Noise")).capitalize()
    rows = [_row(info) for info in parameter_info(cls).values()]
    return {"title": title, "doc": _doc(cls), "kind": kind, "parameters": rows}


def _prior_schema(cls: type[AbstractPrior]) -> dict[str, Any]:
    """Return the fields of a prior and its support, which is null if the fields decide it; an open end is null, too."""
    fields = _prior_fields(cls)
    known = {field["name"]: field["default"] for field in fields}
    bounded = {"low", "high"} <= known.keys() or cls is Custom
    low, high = (-math.inf, math.inf) if bounded else cls(**known).support()
    return {"doc": _doc(cls), "fields": fields, "support": None if bounded else [_finite(low), _finite(high)]}


def _prior_fields(cls: type) -> list[dict[str, Any]]:
    """Return the numbers that define a prior, without `init`, which every prior has."""
    return [
        {"name": field.name, "low": field.metadata.get("low"), "high": None, "default": field.metadata.get("default")}
        for field in dataclasses.fields(cls)
        if field.name != "init" and field.type is not dist.Distribution
    ]
