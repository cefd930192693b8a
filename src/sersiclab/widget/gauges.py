"""Convergence of draws during a run: the largest r_hat and the smallest effective sample size."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sersiclab.results.diagnostics import convergence
from sersiclab.widget.mailbox import Mailbox


REST_SECONDS = 1.0  # between two reports, each of which takes some tenths of a second

Report = Callable[[dict[str, Any]], None]


class Gauges:
    """Reports {"t": "gauge", "draws", "chains", "r_hat", "r_hat_path", "ess", "ess_path"}, in its own thread.

    `draws` is the number per chain. A number that can't be computed yet is None, and so is its path.
    """

    def __init__(self, report: Report, failed: Callable[[str, Exception], None]) -> None:
        self._report = report
        self._mailbox = Mailbox("sersiclab-gauges", failed, rest=REST_SECONDS)

    def look(self, draws: Mapping[str, Any]) -> None:
        """Report on these draws, `{path: (chain, draw)}`, unless newer ones arrive first."""
        if draws:
            self._mailbox.post("gauge", partial(self._tell, dict(draws)))

    def later(self, job: Callable[[], None]) -> None:
        """Run a slow job that is not urgent; it replaces one that is waiting."""
        self._mailbox.post("later", job)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the last draws have been reported on."""
        return self._mailbox.flush(timeout)

    def close(self) -> None:
        """End the thread."""
        self._mailbox.close()

    def _tell(self, draws: dict[str, Any]) -> None:
        self._report(gauge(draws))


def gauge(draws: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the worst parameters."""
    found = convergence(dict(draws))
    chains, number = next(iter(draws.values())).shape
    r_hats = {path: one.r_hat for path, one in found.items() if math.isfinite(one.r_hat)}
    # As in the verdict: the smaller of the bulk and tail effective sample sizes.
    sizes = {path: min(one.ess_bulk, one.ess_tail) for path, one in found.items() if math.isfinite(one.ess_bulk)}
    worst = max(r_hats, key=r_hats.__getitem__, default=None)
    least = min(sizes, key=sizes.__getitem__, default=None)
    return {
        "t": "gauge",
        "draws": number,
        "chains": chains,
        "r_hat": None if worst is None else r_hats[worst],
        "r_hat_path": worst,
        "ess": None if least is None else sizes[least],
        "ess_path": least,
    }
