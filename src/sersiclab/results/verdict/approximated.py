"""Whether means and errors from an approximation are those of the posterior."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sersiclab.results.approximation import Deviation
from sersiclab.results.verdict.levels import Reason, others
from sersiclab.results.verdict.sampling import PARETO_K_BAD


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

SHIFT_BAD, STRETCH_BAD = 1.0, 2.0  # sigma by which a mean, and factor by which a sigma, is wrong
STATED = 0.1  # sigma, and part of a factor: less is not stated


def approximation_reasons(fit: "Fit") -> Iterator[Reason]:
    """How far the means and errors are off, as far as the draws' weights can show it."""
    check = fit.approximation
    if check is None:
        return
    what = f"the {'guide' if 'log_weight' in fit.stats else 'normal distribution'} of {type(fit.method).__name__}"
    if check.blind:
        yield (
            "bad",
            f"The posterior differs from {what} so much that means and errors may be far off (the Pareto k of the "
            f"draws is {check.pareto_k:.2f}, their effective number {check.effective:.0f}): use NUTS().",
        )
    elif check.deviations:
        worst = check.deviations[0]
        bad = not (abs(worst.shift) <= SHIFT_BAD and 1 / STRETCH_BAD <= worst.stretch <= STRETCH_BAD)
        yield (
            "bad" if bad else "caution",
            f"The posterior differs from {what}: {_size(worst)}{others(len(check.deviations))}; use Importance() or "
            "NUTS().",
        )
    elif "log_weight" in fit.stats and not check.pareto_k < PARETO_K_BAD:
        yield (
            "caution",
            f"The posterior may have longer tails than {what}: Pareto k is {check.pareto_k:.2f}, and should be below "
            f"{PARETO_K_BAD}; check with Importance(proposal=SVI()) or NUTS().",
        )


def _size(deviation: Deviation) -> str:
    """The mean's and sigma's error in words."""
    shift, stretch = deviation.shift, deviation.stretch
    words = []
    if abs(shift) >= STATED:
        words.append(f"the mean of {deviation.path} is {abs(shift):.1f} sigma too {'high' if shift > 0 else 'low'}")
    if not 1 / (1 + STATED) <= stretch <= 1 + STATED:
        whose = "its sigma" if words else f"sigma of {deviation.path}"
        factor, side = (stretch, "large") if stretch > 1 else (1 / stretch, "small")
        words.append(f"{whose} is {factor:.1f} times too {side}")
    return ", ".join(words)
