"""Whether the run completed, and its values lie within the ranges of the parameters."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from sersiclab.parameters import Tied, own_parameters, parameter_info, parameters
from sersiclab.profiles import AbstractSource
from sersiclab.profiles.base import size_name
from sersiclab.results import per_draw
from sersiclab.results.base import AbstractFit
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.verdict.levels import Reason, others, sentence


ROUNDING = 1e-5  # of an end or of the range: by how much draws in single precision may lie beyond an end


def completion_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report values that are not finite, the message of the method, and a run that did not finish."""
    if not finite(fit):
        yield "bad", "The result contains values that are not finite, so nothing else can be judged."
    unknown = [name for name, values in fit.stats.items() if np.any(np.isnan(np.asarray(values, dtype=float)))]
    if unknown:
        yield "bad", f"The statistics of the run are not numbers: {', '.join(unknown)}."
    if fit.message:
        yield "bad", sentence(f"{type(fit.method).__name__}: {fit.message}")
    if fit.status != "complete":
        yield "caution", sentence(f"The run did not finish: {fit.status}")


def finite(fit: AbstractDrawn) -> bool:
    """Whether all best values, draws and covariances are finite."""
    covariance = () if fit.covariance is None else (fit.covariance,)
    return all(np.all(np.isfinite(values)) for values in (*fit.best.values(), *fit.draws.values(), *covariance))


def error_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report a result without errors, which is not a fault of the fit unless components share a centre."""
    if fit.draws or fit.covariance is not None or fit.message:
        return
    name = type(fit.method).__name__
    if _shares_a_centre(fit):
        yield (
            "caution",
            f"{name} gives best values without errors, and those of extended components with a common centre may be "
            "far from the truth: use Importance() or NUTS() for errors.",
        )
    else:
        yield "ok", f"{name} gives best values without errors: use Laplace(), Importance() or NUTS() for errors."


def _shares_a_centre(fit: AbstractDrawn) -> bool:
    """Whether an extended component is centred on another, as a bulge is in its disk."""
    extended = [part for part in fit.model.components.values() if isinstance(part, AbstractSource) and size_name(part)]
    return len(extended) > 1 and any(isinstance(own_parameters(part).get("xc"), Tied) for part in extended)


def range_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report draws outside their prior or declared range."""
    if not fit.draws:
        return
    shares = {path: (_share_beyond(fit.draws[path], *prior.support()), prior) for path, prior in fit.model.free.items()}
    outside = {path: (share, prior.support()) for path, (share, prior) in shares.items() if not share <= 0.0}
    yield from _outside(outside, "prior's range")


def tie_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report draws that a tie takes out of the range of its parameter."""
    if fit.draws:
        yield from _outside(dict(_ties_beyond(fit)), "range")


def _outside(found: dict[str, tuple[float, tuple[float, float]]], what: str) -> Iterator[Reason]:
    if found:
        worst = max(found, key=lambda path: found[path][0])
        share, (low, high) = found[worst]
        yield (
            "bad",
            f"{share:.2g} of the draws have {worst} outside its {what}, [{low:g}, {high:g}]{others(len(found))}: "
            "these draws are invalid.",
        )


def _ties_beyond(fit: AbstractFit) -> Iterator[tuple[str, tuple[float, tuple[float, float]]]]:
    """Yield tied parameters with draws outside their declared range, and the share of these draws."""
    tied = [path for path, value in parameters(fit.model.owners).items() if isinstance(value, Tied)]
    if not tied:
        return
    at = per_draw.parameters(fit.model, fit.draws)
    for path in tied:
        owner, name = path.split(".", 1)
        info = parameter_info(fit.model.owners[owner])[name]
        share = _share_beyond(at[path], info.low, info.high)
        if not share <= 0.0:
            yield path, (share, (info.low, info.high))


def _share_beyond(values: Float[np.ndarray, "*s"], low: float, high: float) -> float:
    """Return the share of values beyond two ends by more than rounding."""
    width = high - low if np.isfinite(high - low) else 0.0
    below = low - ROUNDING * max(abs(low), width) if np.isfinite(low) else low
    above = high + ROUNDING * max(abs(high), width) if np.isfinite(high) else high
    return float(np.mean(~((values >= below) & (values <= above))))
