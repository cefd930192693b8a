"""Chains in the sampler's coordinates do not diverge, and are exact."""

import numpy as np
import pytest

from sersiclab.inference import NUTS, fit

from . import calibration, test_bend


@pytest.mark.parametrize("case", test_bend.CASES)
def test_chains_on_a_curved_ridge_are_exact(case):
    """Straight coordinates give a quarter of the effective draws where the ridge ends at a bound."""
    ridge = test_bend.Ridge(*test_bend.CASES[case])
    result = fit(ridge.model, ridge.image, NUTS(warmup=100, draws=1000), progress=False)
    assert result.stats["diverging"].mean() < 0.02
    effective = result.summary()["ess_bulk"].min()
    assert effective > 600
    assert ridge.worst(result) < 4 * 0.5 / np.sqrt(effective)


def test_bulges_that_press_against_the_bounds_of_their_fluxes():
    """Of these six mock galaxies all have long, thin, bent ridges, which end at the bound of a flux in four.

    Straight coordinates took 14 to 60 leapfrogs a draw and had up to 60 divergences.
    """
    model = calibration.bulge_and_disk()
    for number in (6, 8, 11, 25, 34, 37):
        rng = np.random.default_rng([20261122, number])
        image = calibration.mock(model, calibration.draw_prior(model, rng), rng)
        result = fit(model, image, NUTS(warmup=100, draws=120), seed=number, progress=False)
        assert result.stats["diverging"].sum() <= 2
        assert result.stats["n_steps"].mean() < 12
