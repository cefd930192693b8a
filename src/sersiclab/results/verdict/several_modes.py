"""Whether the posterior has several modes, so that means and errors describe none of them."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool

from sersiclab.parameters.priors import Angle
from sersiclab.results import circular, modes
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.verdict.levels import Reason


def mode_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report modes, their shares, and the parameter in which the two largest differ most."""
    if "mode" not in fit.stats or not fit.draws:
        return
    members = modes.members(fit)
    if len(members) == 1:
        return
    shares = [f"{np.mean(member):.0%}" for member in members]
    path = max(fit.draws, key=lambda path: _difference(fit, path, members[:2]))
    values = [f"{modes.centre(fit, path, member)[0]:.3g}" for member in members[:2]]
    yield (
        "caution",
        f"The posterior has {len(members)} modes, with {', '.join(shares[:-1])} and {shares[-1]} of the draws: {path} "
        f"is {values[0]} in one and {values[1]} in another; see fit.modes.",
    )


def _difference(fit: AbstractDrawn, path: str, members: list[Bool[np.ndarray, "chain draw"]]) -> float:
    """Return the difference between the means of two modes in units of their standard deviations."""
    (one, one_sd), (other, other_sd) = (modes.centre(fit, path, member) for member in members)
    if isinstance(fit.model.free[path], Angle):
        other = float(circular.near(other, one))
    return abs(other - one) / max(float(np.hypot(one_sd, other_sd)), float(np.finfo(float).tiny))
