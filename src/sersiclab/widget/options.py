"""The settings of methods that a form can show: whole numbers, numbers, choices and yes or no."""

import dataclasses
import types
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sersiclab.inference import AbstractMethod
from sersiclab.runtime.errors import InputError


KINDS = {int: "int", float: "float", bool: "bool"}


def options_of(method: type[AbstractMethod]) -> list[dict[str, Any]]:
    """Each setting as {"name", "kind", "default", "choices"}; those that are objects are Python's alone.

    A kind is "int", "float", "bool" or "choice"; `choices` is empty for the others. A number that may be None, as
    its default is, is left out too.
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
    """The method of a press of a button. Raises `ValueError` for an unknown one, and what its class raises."""
    for cls in methods:
        if cls.__name__ == name:
            return cls(**_typed(cls, options))
    raise InputError(f"method must be one of {[cls.__name__ for cls in methods]}, got {name!r}")


def _typed(cls: type[AbstractMethod], options: dict[str, Any]) -> dict[str, Any]:
    """Numbers as the class has them: JSON knows one kind only."""
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
