"""Conversion of GALFITM's constraints on several bands to constraints on one band.

Its guide: https://www.nottingham.ac.uk/astronomy/megamorph/exec/EXAMPLE.GALFITM.CONSTRAINTS. A parameter's change with
wavelength is a series of Chebyshev polynomials; the parameter's toggle is the number of coefficients.
"""

import dataclasses
from collections.abc import Sequence

from sersiclab.io.galfit_constraints import Constraint
from sersiclab.io.galfit_text import Menu
from sersiclab.io.galfit_ties import key_of, where


def for_band(menu: Menu, constraints: Sequence[Constraint], index: int, notes: list[str]) -> tuple[Constraint, ...]:
    """Return the constraints that apply to one band, without suffixes; the others are noted.

    The coefficient of order 0 is the value itself if the parameter does not change with wavelength. If the offsets of
    all coefficients are constrained, so are those of the values in each band.
    """
    bands = [name.lower() for name in menu.names("A1")]
    found = []
    for constraint in constraints:
        suffix = constraint.suffix
        plain = dataclasses.replace(constraint, suffix=None)
        if constraint.kind == "reference":
            notes.append(f"{where(constraint)} is about the reference band and is left out: the model has one band")
        elif suffix is None:
            found.append(plain)
        elif suffix.isdecimal():
            kept = _of_coefficient(menu, constraint, constraints)
            found += [plain] if kept and int(suffix) == 0 else []
            if not kept:
                notes.append(f"{where(constraint)} is about changes with wavelength and is left out")
        elif bands[index : index + 1] == [suffix]:
            found.append(plain)
        elif suffix in bands:
            notes.append(f"{where(constraint)} is about another band and is left out")
        else:
            known = f"has the bands {', '.join(bands)}" if bands else "names no bands"
            notes.append(f"{where(constraint)} is left out: the menu {known}")
    return tuple(found)


def _of_coefficient(menu: Menu, constraint: Constraint, constraints: Sequence[Constraint]) -> bool:
    """Return whether a constraint on a coefficient, with those on the others, amounts to one on the values."""
    count = max((_coefficients(menu, number, constraint.parameter) for number in constraint.components), default=1)
    orders = {int(constraint.suffix or 0)}
    if constraint.kind == "offset":
        same = [other for other in constraints if other.kind == "offset" and other.components == constraint.components]
        orders = {
            int(other.suffix)
            for other in same
            if other.parameter == constraint.parameter and other.suffix and other.suffix.isdecimal()
        }
    alone = constraint.kind == "offset" or constraint.suffix == "0"
    return alone and set(range(max(count, 1))) <= orders


def _coefficients(menu: Menu, number: int, parameter: str) -> int:
    component = menu.components[number - 1] if number <= len(menu.components) else None
    key = None if component is None else key_of(component, parameter)
    value = component.parameters.get(key) if component is not None and key is not None else None
    return 0 if value is None else max(value.toggles)
