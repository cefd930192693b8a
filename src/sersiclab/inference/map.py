"""The maximum of the posterior."""

from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.search.minimiser import minimise


class MAP(AbstractMethod):
    """The most probable parameters: the maximum of their posterior density.

    No draws. The density is that of the parameters as the model has them, so the result does not depend
    on the unconstrained space in which we search.
    """

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        minimum = minimise(problem, monitor, jacobian=False)
        return Outcome(
            method=self,
            best=constrain(monitor, problem.density, minimum.u),
            message=minimum.message,
            cancelled="cancelled" if minimum.cancelled else "",
        )
