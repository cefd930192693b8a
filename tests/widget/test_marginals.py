"""Densities of draws against the laws that they were drawn from."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from sersiclab.parameters import priors
from sersiclab.widget.marginals import POINTS, marginals


@dataclasses.dataclass
class Drawn:
    """As much of a fit as has densities."""

    draws: dict
    free: dict

    @property
    def model(self):
        return self


def density(prior, draws):
    low, high, values = marginals(Drawn({"a": draws}, {"a": prior}))["a"]
    return np.linspace(low, high, len(values)), np.array(values)


def test_a_normal_is_found_again(rng):
    x, y = density(priors.Normal(0.0, 10.0), rng.normal(3.0, 0.5, (2, 500)))
    assert len(x) == POINTS
    assert y == pytest.approx(stats.norm(3.0, 0.5).pdf(x), abs=0.12)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.02)


def test_mass_at_a_bound_stays_within(rng):
    x, y = density(priors.Uniform(0.0, 1.0), rng.exponential(0.1, (1, 1000)).clip(0.0, 1.0))
    assert x[0] == 0.0
    assert y[0] == max(y)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.03)


def test_an_angle_about_the_seam_is_one_peak_on_the_circle(rng):
    x, y = density(priors.Angle(), rng.normal(0.0, 0.1, (2, 500)))
    assert (x[0], x[-1]) == (0.0, pytest.approx(np.pi))
    assert y[0] == pytest.approx(y[-1], rel=1e-3)
    assert y[0] > 100 * y[POINTS // 2]


def test_no_draws_have_no_densities_and_equal_draws_a_line():
    assert marginals(Drawn({}, {})) == {}
    assert marginals(Drawn({"a": np.full((1, 9), 2.0)}, {"a": priors.Normal(0, 1)})) == {"a": (2.0, 2.0, [1.0, 1.0])}
