"""The recovery of mocks of the last fit: why it is refused, its progress, and its result for the page."""

import math
import threading
from collections.abc import Callable
from typing import Any

from sersiclab.inference import Cancelled, Laplace, Progress
from sersiclab.inference.running.background import BackgroundWork
from sersiclab.recovery import Recovery
from sersiclab.recovery.findings import findings_of
from sersiclab.recovery.mock_fits import NUMBER, MockOptions, begin_recovery, refused
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError, StateError
from sersiclab.widget import messages
from sersiclab.widget.checks import AnyFit
from sersiclab.widget.desk import Desk
from sersiclab.widget.failures import in_words


Document = dict[str, Any]

SEVERAL = "Mock galaxies test the errors of a fit of one image; this fit is of several images."
COLUMNS = ("bias", "scatter", "pull_mean", "pull_sd", "within_1sd", "within_2sd")


class Recoveries:
    """The recoveries of an editor, one at a time.

    `failed(kind, error)` receives errors, but not cancellations; `check_run()` raises an error while a run is in
    progress.
    """

    def __init__(self, desk: Desk, failed: Callable[[str, Exception], None], check_run: Callable[[], None]) -> None:
        self.last: Recovery | None = None
        self.running = False
        self._desk, self._tell, self._failed, self._check_run = desk, desk.publish_recovery, failed, check_run
        self._fit: Any = None
        self._work: BackgroundWork[Recovery] | None = None

    def fitted(self, fit: AnyFit) -> None:
        """Take the last fit, of which recoveries are made from now on."""
        outdated = self.last is not None and fit is not self._fit
        self._fit = fit
        self._tell({"refused": why_not(fit)} | ({"outdated": True} if outdated else {}))

    def check_free(self) -> None:
        """Raise `RuntimeError` if a recovery is in progress."""
        if self.running:
            raise StateError("mocks are being fitted: wait for them, or cancel() them, which keeps the finished ones")

    def begin(self) -> None:
        """Begin to fit mocks like the last fit, in a thread.

        Raises `ValueError` if there is no fit by `Laplace`, and `RuntimeError` if a run or a recovery is in progress.
        """
        with self._desk.turn:
            self._check_run()
            self.check_free()
            fit = self._fit
            if fit is None or why_not(fit):
                raise InputError(messages.NO_FIT if fit is None else why_not(fit))
            self.running, self.last = True, None
            self._tell({**messages.NO_RECOVERY, "refused": "", "state": "compiling"})
            self._work = begin_recovery(MockOptions([fit]), self._progressed)
        threading.Thread(target=self._follow, args=(fit, self._work), name="sersiclab-recovery", daemon=True).start()

    def cancel(self) -> None:
        """Cancel the recovery in progress, if any, and keep its finished mocks."""
        if self.running and self._work is not None:
            self._work.cancel()
            self._tell({"message": self._work.progress.message, "eta": None})

    def _progressed(self, progress: Progress) -> None:
        change = {name: getattr(progress, name) for name in ("step", "elapsed", "eta", "message")}
        if progress.state not in messages.ENDED:  # it ends for the page when the result is there
            change["state"] = progress.state
        self._tell(change)

    def _follow(self, fit: Fit, work: BackgroundWork[Recovery]) -> None:
        recovery: Recovery | None = None
        change: Document
        try:
            recovery = work.wait()
            change = {"state": "done", "message": "", "result": result_document(fit, recovery)}
        except Cancelled as error:
            change = {"state": "cancelled", "message": str(error)}
        except Exception as error:
            change = {"state": "error", "message": in_words(error)}
            self._failed("recover", error)
        with self._desk.turn:
            self.running, self.last = False, recovery
            self._tell({"eta": None, "outdated": fit is not self._fit, **change})


def why_not(fit: AnyFit) -> str:
    """Return why the errors of a fit can't be tested with mocks, in words for the page; "" if they can."""
    if isinstance(fit, JointFit):
        return SEVERAL
    if not refused(fit):
        return ""
    if isinstance(fit.method, Laplace):
        return "The last fit has no errors: Laplace found no normal approximation."
    lacks = f"takes too long for {NUMBER} mock galaxies" if fit.draws else "gives no errors"
    return f"The last fit is by {type(fit.method).__name__}, which {lacks}. Run Laplace, then test its errors here."


def result_document(fit: Fit, recovery: Recovery) -> Document:
    """Return the table of a recovery with its pulls, and what they say; a number that is not finite is None."""
    findings, units = findings_of(recovery), fit.units
    table = recovery.table.to_dict("index")
    marks = {"pull_sd": {*findings.too_small, *findings.too_large}, "bias": set(findings.biased)}
    names = [name for column in COLUMNS for name in (column, f"{column}_err")]
    rows = [
        {
            "path": path,
            "unit": units[path],
            **{name: _finite(table[path][name]) for name in names},
            "suspect": [column for column, paths in marks.items() if path in paths],
            "pulls": [_finite(round(float(pull), 3)) for pull in pulls],
        }
        for path, pulls in recovery.pulls.items()
    ]
    return {
        "number": recovery.number,
        "failed": len(recovery.failed),
        "status": recovery.status,
        "level": findings.level,
        "text": findings.text,
        "rows": rows,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
