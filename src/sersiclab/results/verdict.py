"""Whether to trust a fit, in plain words."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from sersiclab.model import lower
from sersiclab.noise import AbstractNoise, AbstractNormalNoise, CorrelatedNoise
from sersiclab.parameters import AbstractPrior
from sersiclab.priors import LogNormal, LogUniform, Normal, TruncatedNormal
from sersiclab.profiles import AbstractSource
from sersiclab.results.degeneracy import degeneracy_reasons
from sersiclab.results.derived import parameter_sds
from sersiclab.results.diagnostics import convergence, e_bfmi
from sersiclab.results.render_reasons import render_reasons
from sersiclab.results.residual_reasons import more_structure, remainder, residual_reasons, shining


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

Level = Literal["ok", "caution", "bad"]
LEVELS: tuple[Level, ...] = ("bad", "caution", "ok")  # the worst first
Reason = tuple[Level, str]

# Rank-normalised r_hat and ESS: Vehtari et al. 2021, arXiv:1903.08008 (1.01; 100 for each of four chains).
R_HAT_CAUTION, R_HAT_BAD = 1.01, 1.1
ESS_CAUTION, ESS_BAD = 400, 100
# Divergences and energy: Betancourt 2016, arXiv:1604.00695, and 2017, arXiv:1701.02434.
DIVERGENT_BAD = 0.05  # of the draws
E_BFMI_CAUTION = 0.3
TREE_DEPTH_CAUTION = 0.05  # of the draws at the maximal depth
PARETO_K_BAD = 0.7  # of importance weights: Vehtari et al. 2024, JMLR 25, 72
EFFICIENCY_CAUTION = 0.05  # of the candidates of importance sampling
# A bound presses if the 5 % quantile is this close to it, in units of the quantile's distance from the
# median: 0.08 for an exponential that starts there, 0.10 for a half normal, 0.11 for a flat posterior,
# 0.30 for a normal cut off at two sigma.
BOUND_RATIO = 0.2
BOUND_SIGMA = 1.0  # without draws: the bound lies within one sigma of the best value,
BOUND_FRACTION = 1e-3  # or, without sigma, within this fraction of the prior's range
CONFLICT_SIGMA = 3.0  # posterior mean from the prior's centre, in the prior's sigma
# The error map is seldom better than 20 %: less is no reason to worry, a factor of two is.
CHI2_CAUTION, CHI2_BAD = 1.2, 2.0
OUTLIER = 5.0  # sigma: Gaussian noise has one in two million pixels beyond,
OUTLIERS = 4  # which are more than 200 000 pixels have if sigma is 15 % too small
CHI2_SIGMA = 5.0  # and only if it is no chance: the sd of chi2/dof is sqrt(2/dof)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A level, and the reasons for it as sentences; `str` gives both in plain words."""

    level: Level
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        if not self.reasons:
            return "ok: nothing speaks against this fit."
        return f"{self.level}: " + " ".join(self.reasons)


def judge(fit: "Fit") -> Verdict:
    """The verdict on a fit: as bad as its worst reason, which comes first."""
    try:
        fit.model_image  # noqa: B018 (drawn here once, for all checks)
    except ValueError as mistake:  # a tie has taken a parameter out of its range
        return Verdict("bad", (_sentence(f"The model can't be drawn at its best values: {mistake}"),))
    checks: tuple[Callable[[Fit], Iterator[Reason]], ...] = (
        _completion,
        _convergence,
        _sampler,
        _weights,
        _approximation,
        _bounds,
        _conflict,
        _chi2,
        residual_reasons,
        lambda fit: degeneracy_reasons(fit, _draws(fit)),
        render_reasons,
        _blurred,
    )
    found = [reason for check in checks for reason in check(fit)]
    found.sort(key=lambda reason: LEVELS.index(reason[0]))
    level: Level = found[0][0] if found else "ok"
    return Verdict(level, tuple(text for _, text in found))


def _blurred(fit: "Fit") -> Iterator[Reason]:
    """What is no fault of the fit, and yet no property of the galaxy."""
    if fit.image.psf is None and any(isinstance(part, AbstractSource) for part in fit.model.components.values()):
        yield "ok", "The image has no PSF: sizes and shapes are those of the galaxy as it was blurred."


def _completion(fit: "Fit") -> Iterator[Reason]:
    if not all(np.all(np.isfinite(values)) for values in (*fit.best.values(), *fit.draws.values())):
        yield "bad", "The result holds values that are not finite."
    if fit.message:
        yield "bad", _sentence(f"{type(fit.method).__name__}: {fit.message}")
    if fit.status != "complete":
        yield "caution", _sentence(f"The run did not finish: {fit.status}")


def _convergence(fit: "Fit") -> Iterator[Reason]:
    checks = convergence(fit.draws)
    yield from r_hat_reasons({path: check.r_hat for path, check in checks.items()})
    yield from ess_reasons({path: min(check.ess_bulk, check.ess_tail) for path, check in checks.items()})


def r_hat_reasons(r_hat: Mapping[str, float]) -> Iterator[Reason]:
    """What the largest r_hat says; NaN says nothing."""
    r_hat = {path: value for path, value in r_hat.items() if value > R_HAT_CAUTION}
    if r_hat:
        worst = max(r_hat, key=lambda path: r_hat[path])
        yield (
            "bad" if r_hat[worst] > R_HAT_BAD else "caution",
            f"The chains disagree: r_hat is {np.ceil(1e3 * r_hat[worst]) / 1e3:.3f} for {worst}"
            f"{_others(len(r_hat))}, and should be at most {R_HAT_CAUTION}; draw more.",
        )


def ess_reasons(ess: Mapping[str, float]) -> Iterator[Reason]:
    """What the smallest effective sample size says; NaN says nothing."""
    ess = {path: value for path, value in ess.items() if value < ESS_CAUTION}
    if ess:
        worst = min(ess, key=lambda path: ess[path])
        yield (
            "bad" if ess[worst] < ESS_BAD else "caution",
            f"The effective sample is small: {np.floor(ess[worst]):.0f} for {worst}{_others(len(ess))}, and "
            f"should be at least {ESS_CAUTION}; draw more.",
        )


def _sampler(fit: "Fit") -> Iterator[Reason]:
    divergent = int(np.sum(fit.stats.get("diverging", 0)))
    if divergent:
        share = divergent / fit.stats["diverging"].size
        yield (
            "bad" if share > DIVERGENT_BAD else "caution",
            f"{divergent} of {fit.stats['diverging'].size} draws diverged: the posterior has a corner that NUTS can't "
            "enter; narrow the priors or simplify the model.",
        )
    if "energy" in fit.stats and fit.stats["energy"].shape[1] > 1:
        lowest = float(np.min(e_bfmi(fit.stats["energy"])))
        if lowest < E_BFMI_CAUTION:
            yield "caution", f"The chains explore slowly: E-BFMI is {lowest:.2g}, and should exceed {E_BFMI_CAUTION}."
    depth = getattr(fit.method, "max_tree_depth", None)
    if depth is not None and "tree_depth" in fit.stats:
        share = float(np.mean(fit.stats["tree_depth"] >= depth))
        if share > TREE_DEPTH_CAUTION:
            yield "caution", f"{share:.0%} of the draws reached the maximal tree depth {depth}: the chains move slowly."


def _weights(fit: "Fit") -> Iterator[Reason]:
    if "efficiency" not in fit.stats:
        return
    k = float(np.max(fit.stats["pareto_k"]))
    if k >= PARETO_K_BAD:
        yield (
            "bad",
            f"The importance weights can't be trusted: Pareto k is {k:.2f}, and should be below {PARETO_K_BAD}; the "
            "posterior is not like its approximation: use NUTS().",
        )
    elif float(np.min(fit.stats["efficiency"])) < EFFICIENCY_CAUTION:
        yield (
            "caution",
            f"Only {np.min(fit.stats['efficiency']):.1%} of the candidates count: the posterior is not like its "
            "approximation; NUTS() will do better.",
        )


def _approximation(fit: "Fit") -> Iterator[Reason]:
    if not all(np.all(np.isfinite(values)) for values in (*fit.best.values(), *fit.draws.values())):
        return
    check = fit.approximation
    if check is None:
        return
    what = f"the {'guide' if 'log_weight' in fit.stats else 'normal distribution'} of {type(fit.method).__name__}"
    if check.blind:
        yield (
            "bad",
            f"The posterior is not like {what} (its draws' Pareto k is "
            f"{check.pareto_k:.2f}, {check.efficiency:.0%} count): means and errors may be far off: use NUTS().",
        )
    elif check.wrong:
        found, better = (_mean_and_sd(draws[check.wrong]) for draws in (fit.draws, check.draws))
        yield (
            "bad",
            f"The posterior is not like {what}: {check.wrong} is about {better}, not {found}; use Importance() or "
            "NUTS().",
        )
    elif "log_weight" in fit.stats and check.pareto_k >= PARETO_K_BAD:
        yield (
            "caution",
            f"Tails of the posterior may lie beyond {what}: Pareto k is {check.pareto_k:.2f}, and should be below "
            f"{PARETO_K_BAD}; Importance(proposal=SVI()) or NUTS() would tell.",
        )


def _mean_and_sd(draws: Any) -> str:
    return f"{np.mean(draws):.3g} ± {np.std(draws):.2g}"


def _draws(fit: "Fit") -> dict[str, np.ndarray]:
    """The draws, or some picked to be more like the posterior where the approximation they come from is not."""
    return fit.draws if fit.approximation is None else fit.approximation.draws


def _bounds(fit: "Fit") -> Iterator[Reason]:
    free = fit.model.free
    draws = _draws(fit)
    sds = {} if draws else parameter_sds(free, fit.best, fit.covariance)
    for path, prior in free.items():
        low, high = prior.support()
        ends = [end for end in (low, high) if np.isfinite(end) and _presses(fit, draws, path, prior, end, sds)]
        if len(ends) == 2:
            yield "caution", f"The data hardly constrain {path}: it fills its prior's range, [{low:g}, {high:g}]."
        elif ends:
            side = "lower" if ends[0] == low else "upper"
            yield "caution", f"{path} presses against the {side} bound of its prior, {ends[0]:g}."


def _presses(
    fit: "Fit", draws: Mapping[str, Any], path: str, prior: AbstractPrior, end: float, sds: dict[str, float]
) -> bool:
    scale = np.log if isinstance(prior, LogUniform | LogNormal) else np.asarray
    if isinstance(prior, LogNormal):
        return False  # zero is infinitely far away
    if draws:
        quantiles = np.abs(np.quantile(scale(draws[path].astype(float)), (0.05, 0.5, 0.95)) - scale(end))
        near, middle = min(quantiles[0], quantiles[2]), quantiles[1]
        return bool(near <= BOUND_RATIO * (middle - near))
    best, distance = fit.best[path], abs(scale(fit.best[path]) - scale(end))
    low, high = prior.support()
    if fit.covariance is None:
        return bool(np.isfinite(high - low) and distance < BOUND_FRACTION * (scale(high) - scale(low)))
    return bool(abs(best - end) < BOUND_SIGMA * sds[path])


def _conflict(fit: "Fit") -> Iterator[Reason]:
    for path, prior in fit.model.free.items():
        values: Any = fit.draws[path].astype(float) if fit.draws else fit.best[path]
        if isinstance(prior, Normal | TruncatedNormal):
            centre = float(np.mean(values))
        elif isinstance(prior, LogNormal):
            centre = float(np.mean(np.log(values)))
        else:
            continue
        off = (centre - float(prior.loc)) / float(prior.scale)
        if abs(off) > CONFLICT_SIGMA:
            yield (
                "caution",
                f"Data and prior disagree on {path}: it lies {abs(off):.1f} prior sigma "
                f"{'above' if off > 0 else 'below'} the prior's centre; is the prior right?",
            )


def _chi2(fit: "Fit") -> Iterator[Reason]:
    if not isinstance(fit.model.noise, AbstractNormalNoise):
        yield from _surprise(fit)
        return
    value = float(np.sum(fit.white_residual**2)) / fit.dof if fit.dof > 0 else float("nan")
    if not np.isfinite(value):
        yield "bad", f"chi2 can't be judged: it is {fit.chi2:g} for {fit.dof} degrees of freedom."
        return
    if value < 1.0:
        value = min(1.0, value / remainder(fit.model.noise)[0])
    if value <= CHI2_CAUTION:
        yield from _outliers(fit)
    if abs(value - 1.0) < CHI2_SIGMA * np.sqrt(2.0 / fit.dof):
        return
    level: Level = "bad" if not 1 / CHI2_BAD <= value <= CHI2_BAD else "caution"
    if value > CHI2_CAUTION:
        yield level, f"chi2 per degree of freedom is {value:.3g}, more than 1: {_excess(fit, value)}"
    elif value < 1 / CHI2_CAUTION:
        yield (
            level,
            f"chi2 per degree of freedom is {value:.3g}, less than 1: sigma is too large; {_rescale(fit, value)}.",
        )


def _outliers(fit: "Fit") -> Iterator[Reason]:
    """A neighbour that is not masked may spoil a fit and be lost in the chi2 of the whole image."""
    squares = np.square(fit.white_residual)
    number = int(np.sum(squares > OUTLIER**2))
    if number >= OUTLIERS:
        y, x = np.unravel_index(np.argmax(squares), squares.shape)
        yield (
            "caution",
            f"{number} pixels lie beyond {OUTLIER:g} sigma, the worst at x = {x}, y = {y}. Mask what they belong to, "
            "such as a neighbour, or choose Student t as the noise.",
        )


def _excess(fit: "Fit", value: float) -> str:
    """Where a chi2 that is too large comes from, and what to do about it: outliers, the sources or sigma itself."""
    squares, bright = np.square(fit.white_residual), shining(fit)
    outliers, sky = squares > OUTLIER**2, fit.image.valid & ~bright
    if np.sum(squares[~outliers]) <= CHI2_CAUTION * fit.dof:
        return (
            f"{int(outliers.sum())} pixels beyond {OUTLIER:g} sigma make it so. Mask what they belong to, such as a "
            "neighbour, or choose Student t as the noise."
        )
    if bright.any() and sky.any() and np.mean(squares[sky]) <= CHI2_CAUTION < np.mean(squares[bright]):
        return (
            f"it is {np.mean(squares[bright]):.3g} where the model is brighter than the noise and "
            f"{np.mean(squares[sky]):.2g} elsewhere: the model is too simple. {more_structure(fit)}"
        )
    return (
        "the model is too simple, a neighbour is not masked, or sigma is too small. Mask the neighbours and add a sky; "
        f"if it stays so, {_rescale(fit, value)}."
    )


def _rescale(fit: "Fit", value: float) -> str:
    """What to do about a sigma that is wrong everywhere; that of correlated noise can't be inflated."""
    if isinstance(fit.model.noise, CorrelatedNoise):
        return f"multiply sigma by {np.sqrt(value):.2g}"
    return "choose Inflated as the noise, which finds by how much"


@jax.jit
def _found_and_expected(noise: AbstractNoise, mean: Any, sigma: Any, data: Any) -> tuple[Any, Any]:
    """The log likelihood of each pixel, and that of a pixel drawn from the noise model."""
    law = noise.distribution(mean, sigma)
    return law.log_prob(data), law.log_prob(law.sample(jax.random.key(0)))


def _surprise(fit: "Fit") -> Iterator[Reason]:
    """Whether the noise model finds the data as likely as data that are drawn from it."""
    valid, image = fit.image.valid, fit.image
    planes = [np.where(valid, plane, 1.0) for plane in (fit.model_image, image.sigma, image.data)]
    noise = lower(fit.model.at(fit.best)).noise
    both = _found_and_expected(noise, *(jnp.asarray(plane, dtype=float) for plane in planes))
    found, expected = (np.asarray(plane, dtype=float)[valid] for plane in both)
    # For Gaussian noise twice the difference is chi2/dof - 1.
    excess = 2 * float(np.mean(expected) - np.mean(found))
    error = 2 * float(np.sqrt((np.var(expected) + np.var(found)) / len(found)))
    if not np.isfinite(excess):
        yield "bad", "The likelihood of the data is not finite at the best values."
    elif excess > max(CHI2_CAUTION - 1, CHI2_SIGMA * error):
        yield (
            "bad" if excess > CHI2_BAD - 1 else "caution",
            f"The data are less likely than the noise model expects, as with a chi2 per degree of freedom of "
            f"{1 + excess:.3g}: the model is too simple, a neighbour is not masked, or the noise is underestimated.",
        )
    elif -excess > max(1 - 1 / CHI2_CAUTION, CHI2_SIGMA * error):
        yield "caution", "The data are more likely than the noise model expects: the noise is overestimated."


def _others(number: int) -> str:
    return "" if number == 1 else f" ({number - 1} more)"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
