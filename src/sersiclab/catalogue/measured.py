"""The numbers of a fit that a catalogue keeps: best, mean, standard deviation and quantiles of every quantity.

Quantities, units and column names are those of `Fit.to_table`, computed without tables.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.parameters import at, own_parameters, parameter_info, parameters
from sersiclab.parameters.priors import Angle
from sersiclab.results import Fit, circular
from sersiclab.results.derived import parameter_sds
from sersiclab.results.observables import is_angle
from sersiclab.results.table import column, tied_sds, unit_text


QUANTILES = {"q16": 0.16, "q50": 0.5, "q84": 0.84}
STATISTICS = ("best", "mean", "sd", *QUANTILES)


class Measured(NamedTuple):
    """Numbers by column such as `galaxy_n_mean`, units and draws by quantity such as `galaxy_n`.

    The draws of a quantity that is not known are None.
    """

    numbers: dict[str, float]
    units: dict[str, str]
    draws: dict[str, Float[np.ndarray, " draw"] | None]


class Quantity(NamedTuple):
    """A quantity: its best value, its sd, its unit, its draws if there are any, and the period of its mean."""

    best: float
    sd: float
    unit: str
    draws: np.ndarray | None
    period: float | None = None


def measured(fit: Fit) -> Measured:
    """Return the numbers of all parameters, derived quantities and observables."""
    return measured_of({column(path): quantity for path, quantity in quantities_of(fit).items()})


def measured_of(found: dict[str, Quantity]) -> Measured:
    """Return the numbers of quantities by the names of their columns."""
    draws = {name: each.draws for name, each in found.items() if each.draws is not None}
    means, quantiles = _statistics(draws)
    numbers: dict[str, float] = {}
    for name, each in found.items():
        numbers[f"{name}_best"] = _wrapped(each.best, each.period)
        if name in draws:
            numbers[f"{name}_mean"] = _wrapped(means[name], each.period)
        numbers[f"{name}_sd"] = each.sd
        if name in draws:
            numbers |= {f"{name}_{key}": value for key, value in zip(QUANTILES, quantiles[name], strict=True)}
    return Measured(numbers, {name: each.unit for name, each in found.items()}, {**draws})


def quantities_of(fit: Fit) -> dict[str, Quantity]:
    """Return every quantity by path; draws are unwrapped, of shape (draw,)."""
    unit = fit.image.unit
    return {path: each._replace(unit=unit_text(each.unit, unit)) for path, each in _quantities(fit).items()}


def _quantities(fit: Fit) -> dict[str, Quantity]:
    """Return every quantity by path, with units as they are declared."""
    units, sds = fit.units, {} if fit.draws else parameter_sds(fit)
    found: dict[str, Quantity] = {}
    for path, prior in fit.model.free.items():
        angle = isinstance(prior, Angle)
        draws = flat(fit.draws[path], angle=angle) if fit.draws else None
        sd = sds[path] if draws is None else circular.sd(draws) if angle else float(np.std(draws, ddof=1))
        found[path] = Quantity(fit.best[path], sd, units[path], draws, circular.PERIOD if angle else None)
    found |= {path: each for path, each in _tied_and_fixed(fit).items() if path not in found}
    for path, each in {**fit.derived, **fit.observables}.items():
        period = 180.0 if is_angle(path) else 360.0 if path.endswith(".ra") else None
        found[path] = Quantity(each.best, each.sd, each.unit, flat(each.draws) if fit.draws else None, period)
    return found


def _tied_and_fixed(fit: Fit) -> dict[str, Quantity]:
    """Return the parameters without a prior."""
    if parameters(fit.model.owners).keys() == fit.model.free.keys():
        return {}
    drawn_or_best: Any = fit.draws or fit.best
    best, drawn = at(fit.model.owners, fit.best), at(fit.model.owners, drawn_or_best)
    sds = {} if fit.draws else tied_sds(fit)
    found = {}
    for name, owner in drawn.items():
        infos, bests = parameter_info(owner), own_parameters(best[name])
        for key, value in own_parameters(owner).items():
            path, draws = f"{name}.{key}", np.asarray(value, dtype=float).reshape(-1)
            flat = draws if np.ndim(value) else None
            sd = sds.get(path, 0.0) if flat is None else float(np.std(flat, ddof=1))
            found[path] = Quantity(float(np.asarray(bests[key])), sd, infos[key].unit, flat)
    return found


def flat(draws: np.ndarray, *, angle: bool = False) -> np.ndarray:
    """Return draws of shape (draw,), those of angles unwrapped."""
    flat = np.asarray(draws, dtype=float).reshape(-1)
    return circular.unwrap(flat) if angle else flat


def _statistics(draws: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the mean and the quantiles of each quantity, computed together."""
    if not draws:
        return {}, {}
    stack = np.stack(list(draws.values()))
    means = stack.mean(axis=1).tolist()
    quantiles = np.quantile(stack, list(QUANTILES.values()), axis=1).T.tolist()
    return dict(zip(draws, means, strict=True)), dict(zip(draws, quantiles, strict=True))


def _wrapped(value: float, period: float | None) -> float:
    return value if period is None else value % period
