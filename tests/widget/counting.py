"""A method that needs no inference. Browser tests run this file in their notebook."""

import time

import numpy as np

from sersiclab.inference import AbstractMethod, Cancelled
from sersiclab.inference.base import Outcome, Problem
from sersiclab.inference.running.monitor import Monitor


class Counting(AbstractMethod):
    """Counts steps instead of sampling; draw k of every parameter is its start plus k/1000."""

    steps: int = 5
    step_seconds: float = 0.0

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        start = np.array([problem.density.constrain(problem.start)[path] for path in problem.density.paths])
        rows: list[np.ndarray] = []
        cancelled = ""
        monitor.phase("counting", total=self.steps)
        try:
            for k in range(self.steps):
                time.sleep(self.step_seconds)
                rows.append(start + 1e-3 * k)
                monitor.keep(np.stack([rows[-1:], rows[-1:]]))
                monitor.advance(k + 1)
        except Cancelled:
            cancelled = f"cancelled after {len(rows)} draws"
        draws = np.stack([rows, rows])
        return Outcome(method=self, best=draws[0, -1], draws=draws, cancelled=cancelled)
