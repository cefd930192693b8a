"""Whether a run ended well, its chains agree, and its draws represent the posterior."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sersiclab.results.diagnostics import convergence, e_bfmi
from sersiclab.results.verdict.levels import Reason, others, sentence


if TYPE_CHECKING:
    from sersiclab.results.fit import Fit

# Rank-normalised r_hat and ESS: Vehtari et al. 2021, arXiv:1903.08008 (1.01; 100 for each of four chains).
R_HAT_CAUTION, R_HAT_BAD = 1.01, 1.1
ESS_CAUTION, ESS_BAD = 400, 100
# Divergences and energy: Betancourt 2016, arXiv:1604.00695, and 2017, arXiv:1701.02434.
DIVERGENT_BAD = 0.05  # of the draws
E_BFMI_CAUTION = 0.3
TREE_DEPTH_CAUTION = 0.05  # of the draws at the maximal depth
PARETO_K_BAD = 0.7  # of importance weights: Vehtari et al. 2024, JMLR 25, 72
EFFICIENCY_CAUTION = 0.05  # of the candidates of importance sampling


def completion_reasons(fit: "Fit") -> Iterator[Reason]:
    if not all(np.all(np.isfinite(values)) for values in (*fit.best.values(), *fit.draws.values())):
        yield "bad", "The result holds values that are not finite."
    if fit.message:
        yield "bad", sentence(f"{type(fit.method).__name__}: {fit.message}")
    if fit.status != "complete":
        yield "caution", sentence(f"The run did not finish: {fit.status}")


def convergence_reasons(fit: "Fit") -> Iterator[Reason]:
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
            f"{others(len(r_hat))}, and should be at most {R_HAT_CAUTION}; draw more.",
        )


def ess_reasons(ess: Mapping[str, float]) -> Iterator[Reason]:
    """What the smallest effective sample size says; NaN says nothing."""
    ess = {path: value for path, value in ess.items() if value < ESS_CAUTION}
    if ess:
        worst = min(ess, key=lambda path: ess[path])
        yield (
            "bad" if ess[worst] < ESS_BAD else "caution",
            f"The effective sample is small: {np.floor(ess[worst]):.0f} for {worst}{others(len(ess))}, and "
            f"should be at least {ESS_CAUTION}; draw more.",
        )


def sampler_reasons(fit: "Fit") -> Iterator[Reason]:
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


def weight_reasons(fit: "Fit") -> Iterator[Reason]:
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


def approximation_reasons(fit: "Fit") -> Iterator[Reason]:
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
