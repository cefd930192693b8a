"""Injection and recovery: whether the errors of fits are right on this data."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len

from sersiclab.catalogue.catalogue import Catalogue
from sersiclab.catalogue.counting_bar import counting_bar
from sersiclab.data.arrays import Mask, Plane
from sersiclab.data.image import Image
from sersiclab.inference.batch.together import fit_together, fits_together
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model import Model, render
from sersiclab.model.simulate import simulate
from sersiclab.parameters.priors import Angle
from sersiclab.parameters.scalars import check_count
from sersiclab.results import Fit, circular
from sersiclab.runtime.errors import InputError, InputKeyError, InputTypeError
from sersiclab.runtime.seeds import checked_seed


if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Noise = Literal["residuals", "model"]
TOGETHER = 32  # mocks that are fitted at once
FEWEST = 5
REACH, SIGNIFICANT = 4, 5.0  # pixels; standard errors that a correlation exceeds
# Shares of a normal distribution within one and two sigma.
ONE, TWO = math.erf(1 / math.sqrt(2)), math.erf(math.sqrt(2))


class Mock(NamedTuple):
    """A mock image, the model to fit and the truth, by path."""

    model: Model
    image: Image
    truth: dict[str, float]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Recovery:
    """What became of mock galaxies with known parameters, fitted as the galaxy was.

    Arguments:
        truth: the true value of each parameter in every mock.
        found: the means of the draws.
        sd: their standard deviations.
        failed: the messages of the mocks that could not be fitted.
        angles: the parameters that are position angles.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 10.0))})
        >>> image = sl.Image(np.random.default_rng(1).normal(2.0, 1.0, (20, 21)), sigma=1.0)
        >>> recovery = sl.recover(sl.fit(model, image, sl.Laplace(), progress=False), n=40, progress=False)
        >>> bool(abs(recovery.table.loc["sky.level", "pull_sd"] - 1.0) < 0.4)
        True
    """

    truth: Mapping[str, Float[np.ndarray, " mock"]]
    found: Mapping[str, Float[np.ndarray, " mock"]]
    sd: Mapping[str, Float[np.ndarray, " mock"]]
    failed: tuple[str, ...] = ()
    angles: frozenset[str] = frozenset()

    @property
    def number(self) -> int:
        """The number of mocks that were fitted."""
        return len(next(iter(self.truth.values())))

    def offsets(self, path: str) -> Float[np.ndarray, " mock"]:
        """Return found minus true values of a parameter; those of angles lie between -π/2 and π/2.

        Arguments:
            path: the parameter.

        Returns:
            An array with a number for each mock.

        Raises:
            KeyError: if there is no such parameter.
        """
        if path not in self.truth:
            raise InputKeyError(f"{path!r} was not recovered; the parameters are {list(self.truth)}")
        away = self.found[path] - self.truth[path]
        return circular.near(away, 0.0) if path in self.angles else away

    @property
    def table(self) -> "pd.DataFrame":
        """A row for each parameter, with the standard error of each column under the same name with `_err`.

        `bias` is the mean of found minus true values, `scatter` their standard deviation, both in the parameter's unit.
        `pull_mean` and `pull_sd` are those of the same in units of each mock's own sd: 0 and 1 if errors are right.
        `within_1sd` and `within_2sd` are the shares of mocks closer than that: 0.683 and 0.954.
        """
        import pandas as pd

        return pd.DataFrame.from_dict({path: self._row(path) for path in self.truth}, orient="index")

    def _row(self, path: str) -> dict[str, float]:
        away, n = self.offsets(path), self.number
        pull = away / self.sd[path]
        row: dict[str, float] = {}
        for mean, sd, values in (("bias", "scatter", away), ("pull_mean", "pull_sd", pull)):
            spread = float(np.std(values, ddof=1))
            row |= {mean: float(np.mean(values)), f"{mean}_err": spread / math.sqrt(n)}
            row |= {sd: spread, f"{sd}_err": spread / math.sqrt(2 * (n - 1))}
        for name, limit, expected in (("within_1sd", 1.0, ONE), ("within_2sd", 2.0, TWO)):
            share = float(np.mean(np.abs(pull) <= limit))
            row |= {name: share, f"{name}_err": math.sqrt(expected * (1 - expected) / n)}
        return row

    def plot(self) -> "Figure":
        """Plot the pulls of every parameter: a point for each mock, their mean and sd, and the expected band.

        Returns:
            A matplotlib figure.
        """
        from sersiclab.plots.pulls import plot_pulls

        return plot_pulls({path: self.offsets(path) / self.sd[path] for path in self.truth})

    def __repr__(self) -> str:
        lost = f", {len(self.failed)} failed" if self.failed else ""
        return f"Recovery({self.number} mocks of {len(self.truth)} parameters{lost})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.table.to_html(float_format=lambda x: f'{x:.3g}')}"


def recover(
    fitted: Fit | Catalogue,
    n: int = 50,
    *,
    noise: Noise = "residuals",
    psf: Any = None,
    seed: int = 0,
    progress: bool = True,
) -> Recovery:
    """Inject mock galaxies like those that were fitted, fit them in the same way, and compare with the truth.

    Each mock has parameters drawn from the posterior, the image's PSF and mask, and noise like the image's own. It is
    fitted with the same model and method. Bias, scatter, pulls and coverage then show whether values and errors can
    be trusted on this data, as in the injections of survey papers.

    Arguments:
        fitted: a fit with draws by `Laplace()`, or a catalogue of such fits, of which `n` galaxies are chosen.
        n: the number of mocks.
        noise: "residuals" makes noise with the values and the correlation of the image's residuals, so that a wrong
            error map and correlated noise show; "model" draws from the model's noise and the error map.
        psf: render the mocks with this PSF, of the same sampling, while they are fitted with the image's own: what an
            error of the PSF does.
        seed: the seed of all random numbers.
        progress: whether to show a progress bar.

    Returns:
        The recovery, with a table and a plot.

    Raises:
        TypeError: `fitted` is neither a fit nor a catalogue.
        ValueError: a fit has no draws, or is by a method other than `Laplace`; or an option is impossible.
    """
    check_count("n", n, least=FEWEST)
    if noise not in ("residuals", "model"):
        raise InputError(f'noise must be "residuals" or "model", got {noise!r}')
    rng = np.random.default_rng([checked_seed(seed), n])
    fits = list(_chosen(fitted, n, rng))
    method = fits[0].method
    failed: list[str] = []
    sums: dict[str, list[tuple[float, float, float]]] = {path: [] for path in fits[0].model.free}
    with counting_bar(n, done=0, shown=progress) as update:
        for start in range(0, n, TOGETHER):
            mocks = [_mock(fits[i % len(fits)], noise, psf, rng) for i in range(start, min(start + TOGETHER, n))]
            seeds = rng.integers(2**31, size=len(mocks)).tolist()
            pairs = [(mock.model, mock.image) for mock in mocks]
            for mock, found in zip(mocks, fit_together(pairs, method, seeds, Monitor("recovery")), strict=True):
                if not isinstance(found, Fit) or not found.draws:
                    failed.append(found.message if isinstance(found, Fit) else str(found))
                    continue
                for path, rows in sums.items():
                    rows.append(_result(found, path, mock.truth))
            update(start + len(mocks), len(failed))
    return _recovery(fits[0].model, sums, failed)


def _chosen(fitted: Any, n: int, rng: np.random.Generator) -> Iterator[Fit]:
    """Yield the fit, or fits of a catalogue chosen at random."""
    if isinstance(fitted, Catalogue):
        done = [name for name in fitted.ids if name not in set(fitted.failed)]
        if not done:
            raise InputError("fitted has no galaxy with a fit")
        names = rng.choice(len(done), size=min(n, len(done)), replace=False)
        found = [fitted.fit(done[i]) for i in names]
        first = next(iter(found)).model.free.keys()
        yield from (_checked(fit) for fit in found if fit.model.free.keys() == first)
    elif isinstance(fitted, Fit):
        yield _checked(fitted)
    else:
        raise InputTypeError(f"fitted must be a Fit or a Catalogue, got {fitted!r}")


def _checked(fit: Fit) -> Fit:
    method = type(fit.method).__name__
    if not fit.draws or not fits_together(fit.method):
        raise InputError(f"recover needs a fit with draws by Laplace(), and this one is by {method}")
    return fit


def _mock(fit: Fit, noise: Noise, psf: Any, rng: np.random.Generator) -> Mock:
    """Return a mock of a fit's image, with parameters of one of its draws."""
    chain, draw = (int(rng.integers(size)) for size in next(iter(fit.draws.values())).shape)
    truth = {path: float(draws[chain, draw]) for path, draws in fit.draws.items()}
    truth = {path: circular.wrap(v) if isinstance(fit.model.free[path], Angle) else v for path, v in truth.items()}
    image = fit.image
    if psf is not None:
        image = _with_data(image, image.data, psf=psf)
    if noise == "model":
        data = simulate(fit.model, image, truth, seed=int(rng.integers(2**31))).data
    else:
        data = render(fit.model, image, truth) + _like_residuals(fit, rng) * np.where(image.mask, 0.0, image.sigma)
    return Mock(fit.model, _with_data(fit.image, data), truth)


def _like_residuals(fit: Fit, rng: np.random.Generator) -> Plane:
    """Return noise in units of sigma with the residuals' values, with random signs, and with their correlation.

    The correlation is that of neighbouring pixels, up to `REACH`, where it is significant; independent pixels stay so.
    """
    valid = fit.image.valid
    values = fit.residual[valid]
    noise = rng.choice(values, size=valid.shape) * rng.choice([-1.0, 1.0], size=valid.shape)
    white = np.fft.rfft2(noise)
    return np.fft.irfft2(white * np.sqrt(_spectrum(fit.residual, valid)), s=valid.shape)


def _spectrum(residual: Plane, valid: Mask) -> Float[np.ndarray, "ky kx"]:
    """Return the power spectrum of the residuals, with a mean of one, from their significant correlations."""
    sides: Any = [next_fast_len(n + REACH) for n in valid.shape]
    planes = [np.fft.rfft2(plane, s=sides) for plane in (np.where(valid, residual, 0.0), valid.astype(float))]
    products, pairs = (np.fft.irfft2(np.abs(plane) ** 2, s=sides) for plane in planes)
    pairs = np.maximum(pairs, 1.0)
    lags = [np.minimum(np.arange(n), n - np.arange(n)) for n in sides]
    correlation = products / pairs / (products[0, 0] / pairs[0, 0])
    near = (lags[0][:, None] <= REACH) & (lags[1] <= REACH)
    kept = np.where(near & (np.abs(correlation) > SIGNIFICANT / np.sqrt(pairs)), correlation, 0.0)
    around = [np.where(np.arange(n) <= n // 2, np.arange(n), np.arange(n) - n) for n in valid.shape]
    rows, columns = (np.where(np.abs(k) <= REACH, k, n // 2) for k, n in zip(around, sides, strict=True))
    spectrum = np.fft.rfft2(kept[np.ix_(rows, columns)]).real
    return np.maximum(spectrum, 0.0)


def _with_data(image: Image, data: Plane, *, psf: Any = None) -> Image:
    fields: dict[str, Any] = image.fields | {"data": np.where(image.mask, 0.0, data)}
    return Image(**{**fields, "psf": psf}) if psf is not None else Image.restored(**fields)


def _result(fit: Fit, path: str, truth: Mapping[str, float]) -> tuple[float, float, float]:
    """Return the truth, the mean and the sd of a parameter."""
    draws = fit.draws[path]
    if isinstance(fit.model.free[path], Angle):
        return truth[path], circular.mean(draws), circular.sd(draws)
    return truth[path], float(np.mean(draws)), float(np.std(draws, ddof=1))


def _recovery(model: Model, rows: Mapping[str, Sequence[tuple[float, float, float]]], failed: list[str]) -> Recovery:
    if len(next(iter(rows.values()))) < 2:
        raise InputError(f"the mocks could not be fitted: {failed[0]}")
    columns = {path: np.array(each).T for path, each in rows.items()}
    return Recovery(
        truth={path: each[0] for path, each in columns.items()},
        found={path: each[1] for path, each in columns.items()},
        sd={path: each[2] for path, each in columns.items()},
        failed=tuple(failed),
        angles=frozenset(path for path, prior in model.free.items() if isinstance(prior, Angle)),
    )
