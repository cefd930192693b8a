"""Position angles: one mode on the half circle, wherever it lies."""

import numpy as np
import pytest
from scipy.stats import kstest

from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, fit
from sersiclab.inference.coordinates.potential import _log_copies
from sersiclab.parameters.priors import Uniform


def within_quarter(draws, centre):
    return (np.abs(draws - centre) <= 0.5 * np.pi).all()


def test_best_values_lie_on_the_half_circle(blob):
    """Started two turns away, theta comes back folded (others report 3.7 for 0.56)."""
    model, image, _ = blob(theta=0.7)
    result = fit(model, image, MAP(), init={"galaxy.theta": 0.5 + 4 * np.pi}, progress=False)
    assert result.best["galaxy.theta"] == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("theta", [0.0, np.pi - 0.02])
def test_an_angle_at_the_seam_has_one_mode(blob, theta):
    model, image, _ = blob(theta=theta, seed=4)
    laplace = fit(model, image, Laplace(), progress=False)
    nuts = fit(model, image, NUTS(warmup=150, draws=400), progress=False)
    # The curvature knows the width without sampling: another reference than the draws of NUTS.
    index = list(model.free).index("galaxy.theta")
    sd = np.sqrt(laplace.covariance[index, index])
    assert 0.005 < sd < 0.1
    others = [fit(model, image, method, progress=False) for method in (Importance(), SVI())]
    for result in (laplace, nuts, *others):
        draws = result.draws["galaxy.theta"]
        row = result.summary().loc["galaxy.theta"]
        assert 0 <= row["mean"] < np.pi
        assert row["sd"] == pytest.approx(sd, rel=0.15)
        assert row["q95"] - row["q5"] == pytest.approx(3.29 * sd, rel=0.2)
        assert 0 <= draws.mean() + 1e-9 < np.pi
        assert within_quarter(draws, draws.mean())
        assert draws.std() == pytest.approx(sd, rel=0.15)
        assert 0 <= result.best["galaxy.theta"] < np.pi
        off = (draws.mean() - theta + 0.5 * np.pi) % np.pi - 0.5 * np.pi
        assert abs(off) < 5 * sd
    assert nuts.summary().loc["galaxy.theta", "r_hat"] < 1.03


def test_chains_in_different_copies_are_brought_together(blob):
    model, image, truth = blob()
    first = fit(model, image, NUTS(warmup=20, draws=30), init={"galaxy.theta": 0.7}, progress=False)
    turned = fit(model, image, NUTS(warmup=20, draws=30), init={"galaxy.theta": 0.7 - 3 * np.pi}, progress=False)
    assert abs(first.draws["galaxy.theta"].mean() - turned.draws["galaxy.theta"].mean()) < 0.1
    assert turned.draws["galaxy.theta"].mean() == pytest.approx(truth["galaxy.theta"], abs=0.2)


def test_an_angle_of_a_round_galaxy_is_uniform(blob):
    """Nothing is known of it: the chains neither run away nor get stuck."""
    model, image, _ = blob()
    round_one = model.replace({"galaxy.ellip": Uniform(0, 1e-5)})
    result = fit(round_one, image, NUTS(warmup=200, draws=1000), progress=False)
    draws = result.draws["galaxy.theta"]
    thinned = draws[:, ::4].ravel() % np.pi  # these are independent: the effective number is above 0.7 of all
    assert kstest(thinned / np.pi, "uniform").pvalue > 1e-3
    assert result.stats["n_steps"].mean() < 30
    assert result.draws["galaxy.flux"].mean() == pytest.approx(1000, rel=0.2)


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.2, 1.57])
def test_the_weights_of_all_copies_sum_to_one(turn):
    copies = turn + np.pi * np.arange(-6, 7)
    assert np.exp(np.asarray(_log_copies(copies))).sum() == pytest.approx(1.0, rel=1e-3)
