"""Documentation of parameters, made from their declarations: types in signatures, tables in docstrings."""

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
from typing_extensions import TypeAliasType

from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.quantities import converted
from sersiclab.parameters.scalars import to_float


Parameter = TypeAliasType("Parameter", Any)
"""The name under which signatures show an argument that becomes a parameter: a number, a prior or a `Tied`."""

HEADING = "Parameters, each a number (fixed), a prior (free) or a `Tied` (follows another parameter):"


def to_parameter(unit: str) -> Callable[[Any], Any]:
    """Return the converter of a parameter in this unit: numbers become floats, quantities numbers in the unit."""

    def convert(value: Parameter) -> Any:  # equinox shows the annotation in signatures
        return in_unit(value, unit)

    return convert


def in_unit(value: Any, unit: str) -> Any:
    """Return a parameter, or each node of one that varies, as `converted` to this unit."""
    if not isinstance(value, AbstractVarying):
        return converted(to_float(value), unit)
    nodes = {name: converted(to_float(given), unit) for name, given in value.given.items()}
    return dataclasses.replace(value, prior=nodes.get("", nodes))


def document_parameters(cls: type[eqx.Module]) -> None:
    """Append the table of its parameters to the docstring of a class; called by `__init_subclass__`."""
    table = parameter_table(cls)
    if table:
        text = inspect.cleandoc(cls.__doc__ or f"{cls.__name__}({', '.join(_fields(cls))})").partition(
            f"\n\n{HEADING}"
        )[0]
        cls.__doc__ = f"{text}\n\n{HEADING}\n\n{table}"


def parameter_table(cls: type[eqx.Module]) -> str:
    """Return the declared parameters as a Markdown table: name, unit, range, default (if any) and meaning."""
    fields = _fields(cls)
    if not any("parameter" in field.metadata for field in fields.values()):
        return ""
    rows = [_row(name, field) for name, field in fields.items() if {"parameter", "nested"} & set(field.metadata)]
    head = ("name", "unit", "range", "default", "meaning")
    columns = list(zip(head, *rows, strict=True))
    used = [column for column in columns if any(column[1:])]
    widths = [max(map(len, column)) for column in used]
    lines = list(zip(*used, strict=True))
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _fields(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """Return the fields of a class and its bases; `dataclasses.fields` lacks those of an unfinished class."""
    found: dict[str, dataclasses.Field[Any]] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).get("__dataclass_fields__", vars(base))
        found |= {name: value for name, value in own.items() if isinstance(value, dataclasses.Field)}
    return found


def _row(name: str, field: dataclasses.Field[Any]) -> tuple[str, str, str, str, str]:
    if "parameter" not in field.metadata:
        return f"`{name}`", "", "", "", field.metadata["nested"]
    low, high, open_low, unit, doc, *_ = field.metadata["parameter"]
    default = "" if field.default is dataclasses.MISSING else _shown(field.default)
    return f"`{name}`", "image unit" if unit == "image" else unit, _interval(low, high, open_low), default, doc


def _shown(default: Any) -> str:
    return f"{default:g}" if isinstance(default, float) else f"`{default}`"


def _interval(low: float, high: float, open_low: bool) -> str:  # noqa: FBT001
    if math.isinf(low) and math.isinf(high):
        return "any"
    left = "(" if open_low or math.isinf(low) else "["
    return f"{left}{_bound(low)}, {_bound(high)}{')' if math.isinf(high) else ']'}"


def _bound(value: float) -> str:
    sign = "-" if value < 0 else ""
    return f"{sign}∞" if math.isinf(value) else f"{sign}π" if abs(value) == math.pi else f"{value:g}"
