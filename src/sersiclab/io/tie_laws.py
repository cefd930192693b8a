"""Ties between linear parameters, or magnitudes, of another program as ours, and back."""

import math

from sersiclab.io.functions import Frame, Linear, Link, Magnitude
from sersiclab.parameters import Tied


def tie_line(link: Link, other: Link, frame: Frame, tie: Tied) -> tuple[float, float] | None:
    """(a, b) of theirs = a * other + b for our tie of linear parameters, or a = 1 for magnitudes; else None."""
    if isinstance(link.law, Linear) and isinstance(other.law, Linear):
        (s, o), (t, p) = link.law.line(frame), other.law.line(frame)
        slope = float(tie.scale) * t / s
        return slope, (float(tie.scale) * p + float(tie.offset) - o) / s
    if isinstance(link.law, Magnitude) and isinstance(other.law, Magnitude) and tie.offset == 0.0 and tie.scale > 0:
        return 1.0, -2.5 * math.log10(float(tie.scale))
    return None


def tied(link: Link, other: Link, path: str, frame: Frame, line: tuple[float, float]) -> Tied | None:
    """Our tie to `path` of theirs = a * other + b; None where there is none."""
    a, b = line
    if isinstance(link.law, Linear) and isinstance(other.law, Linear):
        (s, o), (t, p) = link.law.line(frame), other.law.line(frame)
        scale, offset = s * a / t, s * (b - a * p / t) + o
        return Tied(path, scale=_tidy(scale, 1.0), offset=_tidy(offset, 0.0))
    if isinstance(link.law, Magnitude) and isinstance(other.law, Magnitude) and a == 1.0:
        return Tied(path, scale=_tidy(10.0 ** (-0.4 * b), 1.0))
    return None


def _tidy(value: float, target: float) -> float:
    return target if abs(value - target) < 1e-9 else value
