"""What became of mock galaxies with known parameters."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sersiclab.results import circular
from sersiclab.runtime.errors import InputKeyError


if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Shares of a normal distribution within one and two sigma.
ONE, TWO = math.erf(1 / math.sqrt(2)), math.erf(math.sqrt(2))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Recovery:
    """What became of mock galaxies with known parameters, fitted as the galaxy was.

    Arguments:
        truth: the true value of each parameter in every mock.
        found: the means of the draws.
        sd: their standard deviations.
        failed: the messages of the mocks that could not be fitted.
        angles: the parameters that are position angles.
        status: "complete", or after how many mocks it was cancelled.

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
    status: str = "complete"

    @property
    def number(self) -> int:
        """The number of mocks that were fitted."""
        return len(next(iter(self.truth.values())))

    @property
    def pulls(self) -> dict[str, Float[np.ndarray, " mock"]]:
        """Found minus true values of each parameter, in units of each mock's own sd."""
        return {path: self.offsets(path) / self.sd[path] for path in self.truth}

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

        return plot_pulls(self.pulls)

    def __repr__(self) -> str:
        lost = f", {len(self.failed)} failed" if self.failed else ""
        stopped = "" if self.status == "complete" else f", {self.status}"
        return f"Recovery({self.number} mocks of {len(self.truth)} parameters{lost}{stopped})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.table.to_html(float_format=lambda x: f'{x:.3g}')}"
