"""Whether the chains agree, and the draws represent the posterior."""

from collections.abc import Iterator, Mapping

import numpy as np

from sersiclab.results.diagnostics import MINIMUM_DRAWS, convergence, e_bfmi
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.verdict.deviations import NO_MEAN
from sersiclab.results.verdict.levels import Reason, others


# Rank-normalised r_hat and ESS: Vehtari et al. 2021, arXiv:1903.08008 (1.01; 100 for each of four chains).
R_HAT_CAUTION, R_HAT_BAD = 1.01, 1.1
ESS_CAUTION, ESS_BAD = 400, 100
# Divergences and energy: Betancourt 2016, arXiv:1604.00695, and 2017, arXiv:1701.02434.
DIVERGENT_BAD = 0.05  # of the draws
E_BFMI_CAUTION = 0.3
TREE_DEPTH_CAUTION = 0.05  # of the draws at the maximal depth
PARETO_K_BAD = 0.7  # of importance weights: Vehtari et al. 2024, JMLR 25, 72
# Shares of the candidates of importance sampling. With an effective sample above EFFICIENT, or with enough different
# draws, weights with a Pareto k above PARETO_K_BAD may lack the tails of the posterior, but nothing worse, if the
# weights have a mean. Three bulges in disks with a k of 0.72 to 0.82 and effective samples of at least 115 had means
# within 0.3 sigma of those by NUTS, and sigmas at least 0.66 times as large; of five with a k of 0.77 to 0.91 and
# effective samples of 36 to 73, four differed by more than a factor of two.
EFFICIENCY_CAUTION, EFFICIENT = 0.05, 0.2


def convergence_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report r_hat and effective sample sizes, also those that can't be computed."""
    if not fit.draws:
        return
    chains, number = next(iter(fit.draws.values())).shape
    if number < MINIMUM_DRAWS:
        each = " for each chain" if chains > 1 else ""
        yield "bad", f"Too few draws to judge the fit: {number}{each}; increase `draws`."
        return
    if chains == 1 and not (_is_chain(fit) or _is_weighted(fit)):
        # Independent draws count in full; to estimate that takes longer than a galaxy's fit.
        ess = {path: float(number) if 0 < np.ptp(draws) < np.inf else np.nan for path, draws in fit.draws.items()}
        yield from ess_reasons(ess)
        return
    checks = convergence(fit.draws)
    if chains > 1:
        yield from r_hat_reasons({path: check.r_hat for path, check in checks.items()})
    elif _is_chain(fit):
        yield (
            "caution",
            "A single chain has no r_hat: nothing shows whether it has found all of the posterior; increase `chains`.",
        )
    # NumPy's minimum of a number and NaN is NaN.
    yield from ess_reasons({path: float(np.minimum(each.ess_bulk, each.ess_tail)) for path, each in checks.items()})


def _is_chain(fit: AbstractDrawn) -> bool:
    """Whether the draws are those of a Markov chain, rather than independent draws of an approximation."""
    return not _is_weighted(fit) and ("lp" in fit.stats or fit.covariance is None)


def _is_weighted(fit: AbstractDrawn) -> bool:
    return "log_weight" in fit.stats or "efficiency" in fit.stats


def r_hat_reasons(r_hat: Mapping[str, float]) -> Iterator[Reason]:
    """Report the largest r_hat, and one that is not a number."""
    yield from _unknown("r_hat", r_hat)
    r_hat = {path: value for path, value in r_hat.items() if np.isfinite(value) and value > R_HAT_CAUTION}
    if r_hat:
        worst = max(r_hat, key=lambda path: r_hat[path])
        yield (
            "bad" if r_hat[worst] > R_HAT_BAD else "caution",
            f"The chains disagree: r_hat is {np.ceil(1e3 * r_hat[worst]) / 1e3:.3f} for {worst}"
            f"{others(len(r_hat))}, and should be at most {R_HAT_CAUTION}; increase `draws`.",
        )


def ess_reasons(ess: Mapping[str, float]) -> Iterator[Reason]:
    """Report the smallest effective sample size, and one that is not a number."""
    yield from _unknown("the effective sample size", ess)
    ess = {path: value for path, value in ess.items() if np.isfinite(value) and value < ESS_CAUTION}
    if ess:
        worst = min(ess, key=lambda path: ess[path])
        yield (
            "bad" if ess[worst] < ESS_BAD else "caution",
            f"The effective sample is small: {np.floor(ess[worst]):.0f} for {worst}{others(len(ess))}, and "
            f"should be at least {ESS_CAUTION}; increase `draws`.",
        )


def _unknown(what: str, values: Mapping[str, float]) -> Iterator[Reason]:
    unknown = [path for path, value in values.items() if not np.isfinite(value)]
    if unknown:
        yield (
            "bad",
            f"The draws can't be judged: {what} of {unknown[0]}{others(len(unknown))} can't be computed, because draws "
            "are too few or all equal.",
        )


def sampler_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report divergences, slow exploration and trees at their maximal depth."""
    if "diverging" in fit.stats:
        yield from _divergences(fit)
    if "energy" in fit.stats and fit.stats["energy"].shape[1] > 1:
        lowest = float(np.min(e_bfmi(fit.stats["energy"])))
        if not lowest >= E_BFMI_CAUTION:
            yield "caution", f"The chains explore slowly: E-BFMI is {lowest:.2g}, and should exceed {E_BFMI_CAUTION}."
    depth = getattr(fit.method, "max_tree_depth", None)
    if depth is not None and "tree_depth" in fit.stats:
        share = 1.0 - float(np.mean(fit.stats["tree_depth"] < depth))
        if share > TREE_DEPTH_CAUTION:
            yield (
                "caution",
                f"{share:.0%} of the draws reached the maximal tree depth {depth}: the chains explore slowly.",
            )


def _divergences(fit: AbstractDrawn) -> Iterator[Reason]:
    number = int(np.count_nonzero(fit.stats["diverging"]))  # NaN is not zero
    if number:
        total = fit.stats["diverging"].size
        yield (
            "bad" if number / total > DIVERGENT_BAD else "caution",
            f"{number} of {total} draws diverged: the posterior has a region that NUTS can't explore; narrow the "
            "priors or simplify the model.",
        )


def weight_reasons(fit: AbstractDrawn) -> Iterator[Reason]:
    """Report unreliable weights of importance sampling."""
    if "efficiency" not in fit.stats:
        return
    k, share = float(np.max(fit.stats["pareto_k"])), float(np.min(fit.stats["efficiency"]))
    told = f"Pareto k is {k:.2f}, and should be below {PARETO_K_BAD}"
    if not (k < PARETO_K_BAD or (k < NO_MEAN and (share >= EFFICIENT or _enough(fit)))) or not np.isfinite(share):
        yield (
            "bad",
            f"The importance weights are unreliable: {told}; the posterior differs from its approximation: use SMC() "
            "or NUTS().",
        )
    elif not k < PARETO_K_BAD:
        yield "caution", f"The tails of the posterior may be incomplete: {told}; check with SMC() or NUTS()."
    elif share < EFFICIENCY_CAUTION:
        yield (
            "caution",
            f"The effective sample is only {share:.1%} of the candidates: the posterior differs from its "
            "approximation; NUTS() is more reliable.",
        )


def _enough(fit: AbstractDrawn) -> bool:
    """Whether no effective sample size is bad."""
    checks = convergence(fit.draws).values()
    return bool(checks) and all(np.minimum(each.ess_bulk, each.ess_tail) >= ESS_BAD for each in checks)
