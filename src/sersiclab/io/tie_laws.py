"""Conversion of another program's ties between linear parameters, or magnitudes, to ours, and back."""

import math

from sersiclab.io.functions import Conventions, Linear, Link, Magnitude
from sersiclab.parameters import Tied


def tie_line(link: Link, other: Link, conventions: Conventions, tie: Tied) -> tuple[float, float] | None:
    """Return (a, b) of theirs = a * other + b for our tie of linear parameters; for magnitudes a = 1; else None."""
    if isinstance(link.conversion, Linear) and isinstance(other.conversion, Linear):
        (s, o), (t, p) = link.conversion.line(conventions), other.conversion.line(conventions)
        slope = float(tie.scale) * t / s
        return slope, (float(tie.scale) * p + float(tie.offset) - o) / s
    if (
        isinstance(link.conversion, Magnitude)
        and isinstance(other.conversion, Magnitude)
        and tie.offset == 0.0
        and tie.scale > 0
    ):
        return 1.0, -2.5 * math.log10(float(tie.scale))
    return None


def tied(link: Link, other: Link, path: str, conventions: Conventions, line: tuple[float, float]) -> Tied | None:
    """Return our tie to `path` for theirs = a * other + b, or None if there is none."""
    a, b = line
    if isinstance(link.conversion, Linear) and isinstance(other.conversion, Linear):
        (s, o), (t, p) = link.conversion.line(conventions), other.conversion.line(conventions)
        scale, offset = s * a / t, s * (b - a * p / t) + o
        return Tied(path, scale=_tidy(scale, 1.0), offset=_tidy(offset, 0.0))
    if isinstance(link.conversion, Magnitude) and isinstance(other.conversion, Magnitude) and a == 1.0:
        return Tied(path, scale=_tidy(10.0 ** (-0.4 * b), 1.0))
    return None


def _tidy(value: float, target: float) -> float:
    return target if abs(value - target) < 1e-9 else value
