"""The settings of methods that a form can show: whole numbers, numbers, choices and switches."""

import dataclasses
import types
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sersiclab.inference import AbstractMethod
from sersiclab.runtime.errors import InputError


KINDS = {int: "int", float: "float", bool: "bool"}


def options_of(method: type[AbstractMethod]) -> list[dict[str, Any]]:
    """Return the settings as {"name", "kind", "default", "choices"}, except those that are objects.

    A kind is "int", "float", "bool" or "choice"; only a choice has `choices`. Numbers whose default is None are left
    out too.
    """
    hints = get_type_hints(method)
    rows = []
    for field in dataclasses.fields(method):
        kind, choices = _kind(hints.get(field.name, field.type))
        if kind and field.default is not dataclasses.MISSING and field.default is not None:
            rows.append({"name": field.name, "kind": kind, "default": field.default, "choices": choices})
    return rows


def _kind(hint: Any) -> tuple[str, list[str]]:
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        return "choice", list(get_args(hint))
    if isinstance(hint, types.UnionType):
        return "", []
    return KINDS.get(hint, ""), []


def method_of(name: str, options: dict[str, Any], methods: Sequence[type[AbstractMethod]]) -> AbstractMethod:
    """Return the method of a button. Raises `ValueError` for an unknown name, and the errors of its class."""
    for cls in methods:
        if cls.__name__ == name:
            return cls(**_typed(cls, options))
    raise InputError(f"method must be one of {[cls.__name__ for cls in methods]}, got {name!r}")


def _typed(cls: type[AbstractMethod], options: dict[str, Any]) -> dict[str, Any]:
    """Convert numbers to the types of the class, because JSON has only one."""
    known = {row["name"]: row["kind"] for row in options_of(cls)}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InputError(f"{cls.__name__} has no setting {unknown[0]!r}; it has {list(known)}")
    typed = dict(options)
    for name, value in options.items():
        if known[name] == "float" and isinstance(value, int) and not isinstance(value, bool):
            typed[name] = float(value)
        elif known[name] == "int" and isinstance(value, float) and value.is_integer():
            typed[name] = int(value)
    return typed
