"""The maximum of the posterior."""

from sersiclab.inference.base import AbstractMethod, Outcome, Problem
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.running.program import constrain
from sersiclab.inference.search.minimiser import minimise


class MAP(AbstractMethod):
    """The most probable values: the maximum of the posterior density, without draws or errors.

    The density is that of the model's parameters, so the result does not depend on the unconstrained space in which
    the search takes place.

    Example:
        >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
        >>> fit = sl.fit(model, sl.Image(np.full((4, 5), 2.0), sigma=1.0), sl.MAP(), progress=False)
        >>> round(fit.best["sky.level"], 3), fit.draws
        (1.905, {})
    """

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        minimum = minimise(problem, monitor, jacobian=False)
        return Outcome(
            method=self,
            best=constrain(monitor, problem.density, minimum.u),
            message=minimum.message,
            cancelled="cancelled" if minimum.cancelled else "",
        )
