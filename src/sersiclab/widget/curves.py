"""The numbers behind the posterior figures: densities, traces and radial profiles, as arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sersiclab.model import Model
from sersiclab.parameters import AbstractPrior
from sersiclab.plots.isophotes import ellipses
from sersiclab.plots.profile import Annuli, annuli
from sersiclab.profiles import AbstractSource
from sersiclab.results.draws import Draws
from sersiclab.widget.cutouts import Cutout, within
from sersiclab.widget.frames import Frames


POINTS = 200
MOST_DRAWS = 2000  # in a density or a trace; more can't be distinguished on the screen
PRIOR_REACH = 3.0  # range in which a prior is drawn, roughly in sigmas of the unconstrained space
BANDS = (0.025, 0.16, 0.84, 0.975)

Curve = tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]


def prior_curve(prior: AbstractPrior, low: float, high: float) -> Curve:
    """Return the prior's density between `low` and `high`, zero outside its support."""
    x = np.linspace(low, high, POINTS)
    begin, end = prior.support()
    inside = (x > begin) & (x < end)
    density = np.zeros(POINTS)
    density[inside] = np.exp(np.asarray(prior.distribution().log_prob(x[inside]), dtype=float))
    return x, density


def prior_range(prior: AbstractPrior) -> tuple[float, float]:
    """Return the range that holds most of the prior's mass."""
    ends = [float(np.asarray(prior.transform()(u))) for u in (-PRIOR_REACH, PRIOR_REACH)]
    return min(ends), max(ends)


def posterior_curve(draws: Draws) -> Curve:
    """Return a kernel density estimate of the draws."""
    from scipy.stats import gaussian_kde

    flat = thin(draws).reshape(-1).astype(float)
    low, high = flat.min(), flat.max()
    if not high > low:
        return np.array([low, low]), np.array([0.0, 1.0])
    margin = 0.3 * (high - low)
    x = np.linspace(low - margin, high + margin, POINTS)
    return x, gaussian_kde(flat)(x)


def thin(draws: Draws) -> Draws:
    """Return every k-th draw, so that all chains together have at most `MOST_DRAWS`."""
    step = -(-draws.size // MOST_DRAWS)
    return draws[:, ::step]


class Profile(NamedTuple):
    """Mean flux per pixel in elliptical annuli about the first source, without the sky."""

    rings: Annuli
    data: Float[np.ndarray, " annulus"]
    error: Float[np.ndarray, " annulus"]
    model: Float[np.ndarray, " annulus"]
    sources: dict[str, Float[np.ndarray, " annulus"]]
    first: str


def profile(frames: Frames | Cutout, model: Model, values: Mapping[str, float]) -> Profile | None:
    """Return the profiles of the data, the model and each source; None for a model without sources."""
    image = frames.image
    values = {**model.initial, **values}
    shapes = ellipses(model, values)
    if not shapes:
        return None
    first = next(iter(shapes))
    rings = annuli(image, within(frames, shapes[first]))
    parts = frames.draw(model, values)
    sky = sum((part for name, part in parts.items() if name not in shapes), start=np.zeros(image.shape))
    sources = {name: rings.mean(parts[name].astype(float)) for name in shapes}
    total = np.sum(list(sources.values()), axis=0)
    return Profile(rings, rings.mean(image.data - sky), rings.error(image.sigma), total, sources, first)


def bands(
    frames: Frames | Cutout, model: Model, draws: Mapping[str, Draws], rings: Annuli, number: int
) -> Float[np.ndarray, "4 annulus"]:
    """Return the 95 and 68 % bands of the model's profile (the quantiles `BANDS`), from `number` of the draws."""
    flat = {path: array.reshape(-1) for path, array in draws.items()}
    total = len(next(iter(flat.values())))
    chosen = np.unique(np.linspace(0, total - 1, number).astype(int))
    sources = [name for name, part in model.components.items() if isinstance(part, AbstractSource)]

    def one(i: int) -> Any:
        parts = frames.draw(model, {path: float(array[i]) for path, array in flat.items()})
        return rings.mean(np.sum([parts[name] for name in sources], axis=0, dtype=float))

    return np.quantile([one(i) for i in chosen], BANDS, axis=0)
