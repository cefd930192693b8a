"""Simulation-based calibration: galaxies drawn from the prior, and where they lie among their posterior's draws.

If a method draws from the posterior, the rank of the true value among the draws is uniform (Talts et al. 2018,
arXiv:1804.06788), for every parameter and whatever the noise.
"""

import dataclasses

import numpy as np
import pandas as pd
from scipy.stats import binomtest, kstest

from sersiclab.data.image import Image
from sersiclab.inference import AbstractMethod, fit
from sersiclab.model import Model, render
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Angle, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.profiles import Exponential, FlatSky, Sersic
from sersiclab.results import Fit


SIDE = 25
RANKS = 99  # draws of each posterior among which the truth is ranked
INTERVALS = (0.68, 0.95)
PARETO_K_BAD = 0.7


def one_sersic(*, least_flux: float = 1000.0) -> Model:
    """A galaxy of ten times as much flux at most, in an image whose noise is one in a pixel, and the sky."""
    galaxy = Sersic(
        xc=Normal(12, 0.7),
        yc=Normal(12, 0.7),
        flux=LogUniform(least_flux, 10 * least_flux),
        r_eff=LogNormal(np.log(2.5), 0.25),
        n=TruncatedNormal(2, 0.7, low=0.6, high=6),
        ellip=Uniform(0.1, 0.8),
        theta=Angle(),
    )
    return Model({"galaxy": galaxy, "sky": FlatSky(level=Normal(0, 0.1))})


def bulge_and_disk(*, least_flux: float = 2000.0) -> Model:
    """A small round bulge in a larger disk of the same centre."""
    bulge = Sersic(
        xc=Normal(12, 0.5),
        yc=Normal(12, 0.5),
        flux=LogUniform(least_flux, 5 * least_flux),
        r_eff=LogNormal(np.log(1.2), 0.15),
        n=TruncatedNormal(3, 0.6, low=1, high=6),
        ellip=TruncatedNormal(0.2, 0.08, low=0, high=0.6),
        theta=Angle(),
    )
    disk = Exponential(
        xc=Tied("bulge.xc"),
        yc=Tied("bulge.yc"),
        flux=LogUniform(2 * least_flux, 10 * least_flux),
        r_eff=LogNormal(np.log(4.5), 0.15),
        ellip=Uniform(0.2, 0.7),
        theta=Angle(),
    )
    return Model({"bulge": bulge, "disk": disk})


def draw_prior(model: Model, rng: np.random.Generator) -> dict[str, float]:
    """Values of all free parameters, drawn from their priors."""
    import jax

    keys = jax.random.split(jax.random.key(rng.integers(2**31)), len(model.free))
    return {
        path: float(prior.distribution().sample(key))
        for key, (path, prior) in zip(keys, model.free.items(), strict=True)
    }


def mock(model: Model, truth: dict[str, float], rng: np.random.Generator) -> Image:
    """An image of the truth with noise."""
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.1**2)
    sigma = np.ones((SIDE, SIDE))
    empty = Image(np.zeros_like(sigma), sigma=sigma, psf=psf / psf.sum())
    return Image(render(model, empty, truth) + rng.normal(size=sigma.shape), sigma=sigma, psf=empty.psf)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Of each parameter and galaxy, the share of the draws below the truth, between 0 and 1.

    `distrusted` counts the galaxies whose Pareto k, or the search for the mode, said that the draws are no good
    (`Fit.message`); they are left out, which a diagnostic of the data and the draws may do. `compiled` is the
    seconds of compilation after the first galaxy.
    """

    shares: pd.DataFrame
    distrusted: int
    compiled: float
    seconds: float

    def table(self) -> pd.DataFrame:
        """p of uniform ranks, and the coverage of central intervals with the p of the binomial distribution."""
        rows = {}
        for path, shares in self.shares.items():
            row = {"p": kstest(shares, "uniform").pvalue}
            for level in INTERVALS:
                inside = int(np.sum(np.abs(shares - 0.5) < 0.5 * level))
                row[f"{level:.0%}"] = inside / len(shares)
                row[f"p of {level:.0%}"] = binomtest(inside, len(shares), level).pvalue
            rows[path] = row
        return pd.DataFrame(rows).T


def calibrate(model: Model, method: AbstractMethod, *, galaxies: int, seed: int) -> Calibration:
    """Fit this number of galaxies, drawn from the prior."""
    rows, distrusted, compiled, seconds = [], 0, 0.0, 0.0
    for number in range(galaxies):
        rng = np.random.default_rng([seed, number])  # the same galaxies for every method
        truth = draw_prior(model, rng)
        image = mock(model, truth, rng)
        result = fit(model, image, method, seed=seed + number, progress=False)
        compiled += result.timing["compile"] if number else 0.0
        seconds += result.timing["run"]
        if result.message or _is_weighted_badly(result):
            distrusted += 1
            continue
        rows.append({path: _share(result.draws[path], truth[path], model.free[path], rng) for path in model.free})
    return Calibration(pd.DataFrame(rows), distrusted, compiled, seconds)


def _is_weighted_badly(result: Fit) -> bool:
    """Of the draws of Importance; a guide, which has a Pareto k too, is judged by what it is good for."""
    return "efficiency" in result.stats and bool(result.stats["pareto_k"].max() >= PARETO_K_BAD)


def _share(draws: np.ndarray, truth: float, prior: object, rng: np.random.Generator) -> float:
    """The rank of the truth among draws picked to be independent, spread evenly over its step."""
    if isinstance(prior, Angle):
        draws, truth = draws % np.pi, truth % np.pi
    picked = rng.permutation(draws.ravel())[:RANKS]
    rank = np.sum(picked < truth)
    return float((rank + rng.uniform()) / (len(picked) + 1))
