"""How a model is shown: as text with short numbers, and as a table in a notebook."""

import dataclasses
import html
from collections.abc import Mapping
from typing import Any

import equinox as eqx

from sersiclab.parameters import Owners, own_parameters, parameter_info


HEADER = ("parameter", "value, prior or tie", "unit", "meaning")
DIGITS = 6
# Wide enough for any prior in one line.
ONE_LINE = 10_000


def text(tree: Any, *, width: int = 80) -> str:
    """Return the representation of a module, with floats of six significant digits."""
    return eqx.tree_pformat(_short(tree), width=width)


def table(owners: Owners, others: Mapping[str, Any]) -> str:
    """Return HTML with a row for each parameter, and below them the model's `others`, such as its noise."""
    head = "".join(f"<th>{title}</th>" for title in HEADER)
    rows = "".join(_row(cells) for cells in _cells(owners))
    rest = "; ".join(f"{name}: {text(value, width=ONE_LINE)}" for name, value in others.items())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{html.escape(rest)}</p>"


def _cells(owners: Owners) -> list[tuple[str, ...]]:
    return [
        (f"{name}.{key}", text(value, width=ONE_LINE), info[key].unit, info[key].doc)
        for name, owner in owners.items()
        for info in [parameter_info(owner)]
        for key, value in own_parameters(owner).items()
    ]


def _row(cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def _short(node: Any) -> Any:
    """Return a tree with shorter floats; `jax.tree.map` would sort the keys of mappings."""
    if isinstance(node, float):
        return float(f"{node:.{DIGITS}g}")
    if isinstance(node, Mapping):
        return {key: _short(value) for key, value in node.items()}
    if isinstance(node, eqx.Module):
        copy = object.__new__(type(node))
        for field in dataclasses.fields(node):
            object.__setattr__(copy, field.name, _short(getattr(node, field.name)))
        return copy
    return node
