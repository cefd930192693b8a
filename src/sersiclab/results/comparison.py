"""Comparison of fits: which model predicts the data best, and whether two posteriors agree."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.parameters.priors import Angle
from sersiclab.results import circular, criteria
from sersiclab.results.compared import Compared, check_same
from sersiclab.results.decisions import decisions
from sersiclab.results.derived import parameter_sds
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.summary import summarise
from sersiclab.runtime.errors import InputError, InputTypeError


if TYPE_CHECKING:
    import pandas as pd


def compare(
    fits: Mapping[str, AbstractDrawn | Mapping[str, AbstractDrawn]], *, patch: int | None = None
) -> "pd.DataFrame":
    """Compare fits of the same pixels by how well their models predict the data.

    LOO is Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017, Stat. Comput. 27, 1413), by ArviZ, WAIC
    that of Watanabe 2010 (JMLR 11, 3571), the BIC that of Schwarz 1978, -2 ln L + k ln N: the smaller the better.

    Arguments:
        fits: two fits or more, by name. To compare a fit of several images with separate fits of each, give these as a
            mapping from the names of the images: `{"joint": fit, "separate": {"g": fit_g, "r": fit_r}}`.
        patch: the side in pixels of the squares that LOO and WAIC leave out one at a time, which is sounder than single
            pixels where neighbouring residuals are correlated. By default single pixels, or the smallest patches that
            fit in memory.

    Returns:
        A row for each fit, the best first, with the columns

        - `loo`, `waic`: the expected log predictive density of data left out; `p_loo`, the effective number of
          parameters; `bad_k`, the share of points with a Pareto k above 0.7, whose terms are unreliable.
        - `loo_diff`, `waic_diff`: differences from the best, never positive, with standard errors `loo_diff_se` and
          `waic_diff_se`.
        - `bic`, `log_evidence` (the normal approximation of `Fit.log_evidence`), and their differences `bic_diff` and
          `log_evidence_diff` from the smallest and the largest. Fits without draws have only these.
        - `free`: the number of free parameters.
        - `loo_says`, the decision of LOO, and `note`, the reason. "unreliable": more than 1 % of the points have a bad
          k, or `p_loo` is more than twice the number of free parameters (the draws don't describe the posterior).
          "undecided": the difference is below two standard errors or below 4 (Sivula et al. 2020, arXiv:2008.10296).
          Its sign then means nothing: LOO prefers a model with a superfluous component as often as not. `bic` and
          `log_evidence`, which charge for each parameter, decide instead: a difference of 10 in bic, or of 5 in
          log_evidence, is strong (Kass & Raftery 1995, JASA 90, 773). "best": all other fits are "worse".

    Raises:
        TypeError: unless `fits` is a mapping from names to fits.
        ValueError: for fewer than two fits, for fits of other data or another mask, or if `patch` is unsuitable.

    Example:
        >>> import numpy as np
        >>> import sersiclab as sl
        >>> image = sl.Image(np.full((4, 5), 2.0), sigma=1.0)
        >>> model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 1.0))})
        >>> fits = {name: sl.Fit(model, image, sl.MAP(), 0, {}, {"sky.level": level}) for name, level in
        ...     {"faint": 1.0, "bright": 2.0}.items()}
        >>> [round(float(difference), 1) for difference in sl.compare(fits)["bic_diff"]]
        [0.0, 20.0]
    """
    import pandas as pd

    entries = _entries(fits)
    size = _patch(entries, patch)
    order = list(next(iter(entries.values())).images)
    points = {name: entry.pointwise(size, order) for name, entry in entries.items() if entry.has_draws}
    rows = {name: _row(entry, points.get(name)) for name, entry in entries.items()}
    table: Any = pd.DataFrame.from_dict(rows, orient="index")
    for criterion in ("loo", "waic"):
        values = {name: getattr(point, criterion) for name, point in points.items()}
        differences = _differences(values)
        table[f"{criterion}_diff"] = pd.Series({name: one[0] for name, one in differences.items()}, dtype=float)
        table[f"{criterion}_diff_se"] = pd.Series({name: one[1] for name, one in differences.items()}, dtype=float)
    said = decisions(_rows(table))
    table["loo_says"] = pd.Series({name: one[0] for name, one in said.items()}, dtype=object)
    table["note"] = pd.Series({name: one[1] for name, one in said.items()}, dtype=object)
    table["bic_diff"] = table["bic"] - table["bic"].min()
    table["log_evidence_diff"] = table["log_evidence"] - table["log_evidence"].max()
    table.attrs["patch"] = size
    ordered = table.sort_values(["loo", "bic"], ascending=[False, True], na_position="last")
    return ordered[list(COLUMNS)]


COLUMNS = (
    "loo",
    "loo_diff",
    "loo_diff_se",
    "loo_says",
    "p_loo",
    "bad_k",
    "waic",
    "waic_diff",
    "waic_diff_se",
    "bic",
    "bic_diff",
    "log_evidence",
    "log_evidence_diff",
    "free",
    "note",
)


def compare_with(one: AbstractDrawn, other: Any, *, patch: int | None) -> "pd.DataFrame":
    """Compare two fits; see `Fit.compare`."""
    if not isinstance(other, AbstractDrawn):
        raise InputTypeError(f"other must be a Fit, got {other!r}")
    return compare({"this": one, "other": other}, patch=patch)


def agreement(one: AbstractDrawn, other: AbstractDrawn) -> "pd.DataFrame":
    """Return the differences of two fits' parameters and derived quantities; see `Fit.agreement`."""
    import pandas as pd

    if not isinstance(other, AbstractDrawn):
        raise InputTypeError(f"other must be a Fit, got {other!r}")
    rows = {}
    first, second = _estimates(one), _estimates(other)
    shared = [name for name in first if name in second]
    if not shared:
        raise InputError(f"other is a fit of another model: it has {list(second)}, and none of {list(first)}")
    angles = {path for path, prior in one.model.free.items() if isinstance(prior, Angle)}
    for name in shared:
        (mean, sd), (mean_other, sd_other) = first[name], second[name]
        difference = circular.near(mean - mean_other, 0.0) if name in angles else mean - mean_other
        # If one of them has no sd, that of the other is used.
        known = [value for value in (sd, sd_other) if np.isfinite(value)]
        width = float(np.sqrt(np.mean(np.square(known)))) if known else float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            in_sigma, ratio = np.float64(difference) / width, np.float64(sd) / sd_other
        rows[name] = {
            "mean": mean,
            "mean_other": mean_other,
            "difference": difference,
            "in_sigma": float(in_sigma),
            "sd": sd,
            "sd_other": sd_other,
            "sd_ratio": float(ratio),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(entry: Compared, points: criteria.Pointwise | None) -> dict[str, float]:
    nothing = float("nan")
    return {
        "loo": nothing if points is None else float(np.sum(points.loo)),
        "p_loo": nothing if points is None else points.p_loo,
        "bad_k": nothing if points is None else points.bad_k,
        "waic": nothing if points is None else float(np.sum(points.waic)),
        "bic": entry.bic,
        "log_evidence": entry.log_evidence,
        "free": entry.free,
    }


def _rows(table: "pd.DataFrame") -> dict[str, dict[str, Any]]:
    rows: Any = table.to_dict(orient="index")
    return rows


def _differences(values: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return the difference of each sum from the largest, and its standard error from the differences of terms."""
    if not values:
        return {}
    best = values[max(values, key=lambda name: float(np.sum(values[name])))]
    return {
        name: (float(np.sum(each - best)), float(np.sqrt(len(best) * np.var(each - best))))
        for name, each in values.items()
    }


def _entries(fits: Any) -> dict[str, Compared]:
    """Return what is compared, by name. Raises `TypeError` or `ValueError` unless these are fits of the same pixels."""
    if not isinstance(fits, Mapping) or not all(isinstance(fit, AbstractDrawn | Mapping) for fit in fits.values()):
        raise InputTypeError(f"fits must be a mapping of names to fits, such as {{'sersic': fit}}, got {fits!r}")
    if len(fits) < 2:
        raise InputError(f"fits must hold two fits or more, got {list(fits)}")
    entries = {name: Compared.of(name, fit) for name, fit in fits.items()}
    check_same(entries)
    return entries


def _patch(entries: Mapping[str, Compared], patch: int | None) -> int:
    """Return the side of the patches in pixels: as asked for, or the smallest that all fits with draws allow."""
    if patch is not None and (isinstance(patch, bool) or not isinstance(patch, int) or patch < 1):
        raise InputError(f"patch must be a number of pixels, 1 or more, got {patch!r}")
    least = math.lcm(*(entry.patch for entry in entries.values() if entry.has_draws))
    if patch is not None and patch % least:
        raise InputError(f"patch must be a multiple of {least}, the patches that fit in memory, got {patch}")
    return least if patch is None else patch


def _estimates(fit: AbstractDrawn) -> dict[str, tuple[float, float]]:
    """Return mean and sd of each parameter and derived quantity; without draws the best value and its sd."""
    if not fit.draws:
        sds = parameter_sds(fit)
        found = {path: (value, sds[path]) for path, value in fit.best.items()}
        return found | {name: (quantity.best, quantity.sd) for name, quantity in fit.derived.items()}
    table: Any = summarise(fit, fit.derived)
    return {str(name): (float(row["mean"]), float(row["sd"])) for name, row in table.iterrows()}
