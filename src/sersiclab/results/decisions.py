"""The decision of LOO between fits: whether it is reliable, and whether a difference is larger than its error."""

import math
from collections.abc import Mapping
from typing import Any


# With a larger share of points with a bad Pareto k, the sum over all points is not a valid estimate.
MANY_BAD = 0.01
# The effective number of parameters is close to the true number if model and noise describe the data (Vehtari, Gelman &
# Gabry 2017, section 2.2); a much larger one shows that the draws do not describe the posterior.
TOO_FREE = 2.0
# A difference of fewer standard errors, or nats, is not decisive (Sivula et al. 2020, arXiv:2008.10296).
ERRORS, NATS = 2.0, 4.0

INSTEAD = "bic and log_evidence decide instead"


def unreliable(row: Mapping[str, Any]) -> str:
    """Return why LOO of one fit is unreliable, from its `p_loo`, `bad_k` and `free`; "" if it is reliable."""
    reasons = []
    if not row["bad_k"] <= MANY_BAD:
        reasons.append(f"{row['bad_k']:.0%} of the points have a Pareto k above 0.7")
    if not 0.0 <= row["p_loo"] <= TOO_FREE * (row["free"] + 1):
        reasons.append(f"the effective number of parameters is {row['p_loo']:.4g}, and {row['free']} are free")
    return " and ".join(reasons)


def decisions(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return the decision of LOO on each fit, "best", "worse", "undecided" or "unreliable", and why; "" without LOO.

    The rows hold `loo`, `p_loo`, `bad_k`, `free`, and `loo_diff` and `loo_diff_se` from the largest.
    """
    drawn = {name: row for name, row in rows.items() if not math.isnan(row["loo"])}
    reasons = {name: unreliable(row) for name, row in drawn.items()}
    found = {name: ("", "") for name in rows}
    if len(drawn) < 2:
        return found | {name: ("unreliable", _unreliable(why)) for name, why in reasons.items() if why}
    best = max(drawn, key=lambda name: drawn[name]["loo"])
    for name, row in drawn.items():
        if reasons[name]:
            found[name] = "unreliable", _unreliable(reasons[name])
        elif reasons[best]:
            found[name] = "undecided", f"LOO of {best!r}, the reference, is unreliable; {INSTEAD}"
        elif name != best:
            found[name] = _against_best(row)
    if not reasons[best]:
        found[best] = _of_best(best, found, drawn)
    return found


def _unreliable(why: str) -> str:
    return f"LOO is unreliable: {why}; {INSTEAD}"


def _against_best(row: Mapping[str, Any]) -> tuple[str, str]:
    difference, error = abs(row["loo_diff"]), row["loo_diff_se"]
    if difference > max(ERRORS * error, NATS):
        return "worse", ""
    least = f"less than {ERRORS:g} standard errors" if difference <= ERRORS * error else f"less than {NATS:g}"
    return "undecided", f"the difference in LOO, {difference:.2g} ± {error:.2g}, is {least}; {INSTEAD}"


def _of_best(best: str, found: Mapping[str, tuple[str, str]], drawn: Mapping[str, Any]) -> tuple[str, str]:
    """The largest LOO is the best only if all others are worse."""
    others = [name for name in drawn if name != best and found[name][0] != "worse"]
    if not others:
        return "best", ""
    return "undecided", f"by LOO no better than {', '.join(map(repr, others))}; {INSTEAD}"
