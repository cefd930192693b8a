"""Densities of draws, compared with the distributions that they were drawn from."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from sersiclab.parameters import priors
from sersiclab.widget.marginals import POINTS, marginals


@dataclasses.dataclass
class Drawn:
    """The parts of a fit that densities need."""

    draws: dict
    free: dict

    @property
    def model(self):
        return self


def density(prior, draws):
    low, high, values = marginals(Drawn({"a": draws}, {"a": prior}))["a"]
    return np.linspace(low, high, len(values)), np.array(values)


def test_a_normal_is_recovered(rng):
    x, y = density(priors.Normal(0.0, 10.0), rng.normal(3.0, 0.5, (2, 500)))
    assert len(x) == POINTS
    assert y == pytest.approx(stats.norm(3.0, 0.5).pdf(x), abs=0.12)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.02)


def test_mass_at_a_bound_stays_inside(rng):
    x, y = density(priors.Uniform(0.0, 1.0), rng.exponential(0.1, (1, 1000)).clip(0.0, 1.0))
    assert x[0] == 0.0
    assert y[0] == max(y)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.03)


def test_an_angle_at_the_end_of_its_range_has_one_peak_on_the_circle(rng):
    x, y = density(priors.Angle(), rng.normal(0.0, 0.1, (2, 500)))
    assert (x[0], x[-1]) == (0.0, pytest.approx(np.pi))
    assert y[0] == pytest.approx(y[-1], rel=1e-3)
    assert y[0] > 100 * y[POINTS // 2]


def test_no_draws_have_no_densities_and_equal_draws_have_a_line():
    assert marginals(Drawn({}, {})) == {}
    assert marginals(Drawn({"a": np.full((1, 9), 2.0)}, {"a": priors.Normal(0, 1)})) == {"a": (2.0, 2.0, [1.0, 1.0])}
