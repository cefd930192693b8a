"""Angles in units of what is known of them: the map against finite differences and an exact posterior."""

import numpy as np
import pytest
from scipy.stats import norm

from sersiclab.inference.candidates import WideTails
from sersiclab.inference.coordinates.straight import LENGTH
from sersiclab.inference.coordinates.turning import Turns, unturned
from sersiclab.results.diagnostics import pareto_smoothed


ANGLE, ELLIP = 1, 3


def turns(*, start=0.2, sd=0.1, low=0.0, high=0.9, middle=0.4):
    """The second of five coordinates is the angle, the fourth the ellipticity."""
    parts = (middle, start, low, (high - low) / LENGTH, (0.5 * sd) ** 2)
    return Turns(np.array([ANGLE]), np.array([ELLIP]), *(np.array([part]) for part in parts))


def derivatives(function, w, step=1e-6):
    rows = [(function(w + step * unit) - function(w - step * unit)) / (2 * step) for unit in np.eye(len(w))]
    return np.stack(rows, axis=-1)


@pytest.mark.parametrize("start", [0.0, 0.02, 0.2, 0.7])
@pytest.mark.parametrize("low", [0.0, 0.1])
def test_the_volume_and_the_slopes_are_those_of_finite_differences(start, low):
    found, rng = turns(start=start, low=low), np.random.default_rng(1)
    for _ in range(20):
        w = rng.uniform(0.2, 3.8, size=5)
        jacobian, volume = found.slopes(w)
        np.testing.assert_allclose(jacobian, derivatives(lambda w: found.forward(w)[0], w), atol=1e-7)
        np.testing.assert_allclose(volume, derivatives(lambda w: found.forward(w)[1], w), atol=1e-7)
        assert found.forward(w)[1] == pytest.approx(np.linalg.slogdet(jacobian)[1])


def test_nothing_is_turned_without_angles():
    w = np.random.default_rng(2).normal(size=(7, 5))
    v, log_volume = unturned().forward(w)
    np.testing.assert_array_equal(v, w)
    np.testing.assert_array_equal(log_volume, 0.0)


@pytest.mark.parametrize("start", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_posterior_of_two_normal_components_is_covered(start):
    """e cos 2 theta and e sin 2 theta are known with an error of 0.1 each; the prior of e is flat.

    Candidates are drawn as `Importance` does, in the turned coordinates and in those of the normal approximation.
    """
    sd, rng = 0.1, np.random.default_rng(3)
    slope = 0.9 / LENGTH

    def pareto_k(found):
        unit = sd / np.sqrt(4.0 * start**2 + sd**2)  # of the angle, and no more than a radian
        law = WideTails(np.array([start / slope, 0.4]), np.diag([sd / slope, unit]))
        s = law.sample(rng, 20_000)
        s = s[(s[:, 0] > 0) & (s[:, 0] < LENGTH)]
        w = np.zeros((len(s), 5))
        w[:, [ELLIP, ANGLE]] = s
        v, log_volume = found.forward(w)
        e, turn = slope * v[:, ELLIP], v[:, ANGLE] - 0.4
        parts = norm.logpdf(e * np.cos(2 * turn), start, sd), norm.logpdf(e * np.sin(2 * turn), 0.0, sd)
        log_target = np.where(np.abs(turn) < 0.5 * np.pi, sum(parts), -1e3)
        return pareto_smoothed(log_target + log_volume - law.log_density(s))[1]

    turned = pareto_k(turns(start=start, sd=sd))
    assert turned < 0.6
    if start in (0.1, 0.2):
        assert turned < pareto_k(unturned()) - 0.2
