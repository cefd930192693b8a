"""How well the model of one fit predicts the data: PSIS-LOO, WAIC, the BIC and the evidence."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from sersiclab.results import per_draw
from sersiclab.results.diagnostics import arviz
from sersiclab.results.drawn import AbstractDrawn


BAD_K = 0.7  # of the Pareto distribution: Vehtari, Gelman & Gabry 2017, Stat. Comput. 27, 1413


class Pointwise(NamedTuple):
    """Log predictive densities of the pixels or patches, by PSIS-LOO and WAIC, and the shares of bad k."""

    loo: Float[np.ndarray, " point"]
    waic: Float[np.ndarray, " point"]
    p_loo: float
    bad_k: float

    @staticmethod
    def of(parts: "Sequence[Pointwise]") -> "Pointwise":
        """Return those of independent posteriors together."""
        share = np.average([part.bad_k for part in parts], weights=[len(part.loo) for part in parts])
        loo, waic = (np.concatenate(each) for each in ([part.loo for part in parts], [part.waic for part in parts]))
        return Pointwise(loo, waic, sum(part.p_loo for part in parts), float(share))


def pointwise(fit: AbstractDrawn, size: int, names: Sequence[str] = ("",)) -> Pointwise:
    """Return the log predictive density of each patch of `size` pixels, of the images `names`, when it is left out."""
    array = np.concatenate([in_patches(fit.log_likelihood_of(name), size) for name in names], axis=-1)
    draws = array.reshape(-1, array.shape[-1])
    spread = np.var(draws, axis=0, ddof=1)
    waic = logsumexp(draws, axis=0) - np.log(len(draws)) - spread
    loo, p_loo, k = _loo(fit, array)
    return Pointwise(loo, waic, p_loo, float(np.mean(k > BAD_K)))


def log_likelihood(fit: AbstractDrawn) -> float:
    """Return the log likelihood of the data at `best`."""
    return per_draw.log_likelihood_at(fit.density(), fit.best)


def bic(fit: AbstractDrawn) -> float:
    """Return the Bayesian information criterion, -2 ln L + k ln N (Schwarz 1978, Ann. Stat. 6, 461)."""
    return -2.0 * log_likelihood(fit) + len(fit.model.free) * float(np.log(number(fit)))


def number(fit: AbstractDrawn) -> int:
    """Return the number of pixels that were fitted."""
    return sum(int(image.valid.sum()) for image in fit.fitted_images.values())


def log_evidence(fit: AbstractDrawn) -> float:
    """Return the log of the prior predictive density of the data; see `Fit.log_evidence`."""
    if "log_evidence" in fit.stats:
        # Estimates of independent populations are of the evidence itself without bias, not of its logarithm.
        each = np.asarray(fit.stats["log_evidence"], dtype=float)[:, 0]
        return float(logsumexp(each) - np.log(len(each)))
    if fit.covariance is None:
        return float("nan")
    size = len(fit.model.free)
    sign, log_determinant = np.linalg.slogdet(np.asarray(fit.covariance, dtype=float))
    if sign <= 0:
        return float("nan")
    volume = 0.5 * (size * np.log(2 * np.pi) + float(log_determinant))
    if "lp" in fit.stats:
        # The mean log density of a normal distribution in d dimensions lies d/2 below its maximum.
        return float(np.mean(np.asarray(fit.stats["lp"], dtype=float))) + 0.5 * size + volume
    density = fit.density()
    point = density.unconstrain(density.values(fit.best))
    return log_likelihood(fit) + float(density.log_prior(point)) + volume


def in_patches(log_likelihood: Any, size: int) -> Float[np.ndarray, "chain draw patch"]:
    """Return the log likelihood, by pixel or by smaller patches (`Fit.log_likelihood`), in patches of `size` pixels."""
    array = np.asarray(log_likelihood["data"], dtype=float)
    if log_likelihood.attrs["patch_size"] == size:
        return array
    # The centre of a smaller patch lies in the larger patch that contains it.
    corner = np.stack([np.asarray(log_likelihood[axis]) for axis in ("y", "x")]) // size
    _, label = np.unique(corner, axis=1, return_inverse=True)
    order = np.argsort(label.ravel(), kind="stable")
    starts = np.nonzero(np.diff(label.ravel()[order], prepend=-1))[0]
    return np.add.reduceat(array[..., order], starts, axis=-1)


def _loo(fit: AbstractDrawn, array: Float[np.ndarray, "chain draw point"]) -> tuple[Any, float, Any]:
    """Return PSIS-LOO by the installed ArviZ: each point's term, the effective number of parameters, Pareto k."""
    import xarray as xr

    az = arviz()
    draws = {str(i): (("chain", "draw"), each) for i, each in enumerate(fit.draws.values())}
    groups = {
        "posterior": xr.Dataset(draws),
        "log_likelihood": xr.Dataset({"data": (("chain", "draw", "point"), array)}),
    }
    tree = az.InferenceData(**groups) if az.__version__.startswith("0.") else xr.DataTree.from_dict(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large Pareto k, which the table reports
        found = az.loo(tree, pointwise=True)
    if az.__version__.startswith("0."):
        return np.asarray(found.loo_i), float(found.p_loo), np.asarray(found.pareto_k)
    return np.asarray(found.elpd_i), float(found.p), np.asarray(found.pareto_k)
