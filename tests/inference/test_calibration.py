"""Where the truth lies among the draws of its posterior, over many galaxies drawn from the prior."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sersiclab.inference import NUTS, SVI, Importance, Laplace

from . import calibration
from .calibration import Calibration, bulge_and_disk, calibrate, one_sersic


GALAXIES = 200
SEED, OTHER_SEED = 20261122, 20261123
SIGNIFICANT = 0.01
DISTRUSTED = 0.05  # of the galaxies at most
# The bright scenes are for what is only right near a normal posterior. The brighter a galaxy, the shorter its ridge
# in units of the radius with which it curves, and the fewer posteriors reach a bound of their prior.
SCENES = {
    "one Sérsic": one_sersic(),
    "one Sérsic, bright": one_sersic(least_flux=30_000.0),
    "bulge and disk": bulge_and_disk(),
    "bulge and disk, bright": bulge_and_disk(least_flux=100_000.0),
}
DOUBLE = ("bulge and disk, bright",)  # its pixels have 10 000 times the noise, and single precision too few digits
LONG = [
    ("one Sérsic", Importance(draws=500)),
    ("one Sérsic", NUTS(warmup=100, draws=120)),
    ("one Sérsic, bright", Laplace(draws=500)),
    ("one Sérsic, bright", SVI(draws=500)),
    ("bulge and disk", Importance(draws=500)),
    ("bulge and disk", NUTS(warmup=100, draws=120)),
    ("bulge and disk, bright", Laplace(draws=500)),
    ("bulge and disk, bright", SVI(draws=500)),
]


@pytest.mark.parametrize("method", [NUTS(warmup=80, draws=80), Importance(draws=300)])
def test_a_few_galaxies(method):
    """What 24 galaxies can tell: errors that are half as large as they should be have p < 1e-3."""
    check(one_sersic(), method, galaxies=24, distrusted=4, significant=1e-3)


def test_a_few_bulges_and_disks():
    """Their ridges are thin and curved: a method that does not follow them distrusts half of them."""
    check(bulge_and_disk(), Importance(draws=200), galaxies=12, distrusted=1, significant=1e-3)


@pytest.mark.calibration
@pytest.mark.parametrize(("scene", "method"), LONG, ids=lambda value: str(value).split("(")[0])
def test_many_galaxies(scene, method, request, capsys):
    if scene in DOUBLE:
        request.getfixturevalue("x64")

    def say(seed, result):
        with capsys.disabled():
            sys.stdout.write(
                f"\n{scene}, {method}: {GALAXIES} galaxies of seed {seed}, {result.seconds / GALAXIES:.2f} s each, "
                f"{result.distrusted} distrusted\n{result.table().to_string(float_format=lambda x: f'{x:.3f}')}\n"
            )

    check(SCENES[scene], method, galaxies=GALAXIES, distrusted=DISTRUSTED * GALAXIES, significant=SIGNIFICANT, say=say)


def check(scene, method, *, galaxies, distrusted, significant, say=lambda seed, result: None):
    """Each p is large enough. A few are small by chance; they must be large for other galaxies."""
    failed = None
    for seed in (SEED, OTHER_SEED):
        result = calibrate(scene, method, galaxies=galaxies, seed=seed)
        say(seed, result)
        assert result.compiled == 0, "another galaxy compiled anew"
        assert result.distrusted <= distrusted
        found = failures(result.table(), significant)
        failed = found if failed is None else failed & found
        if not failed:
            return
    pytest.fail(f"in both sets: {sorted(failed)}\n{result.table()}")


def failures(table, significant=SIGNIFICANT):
    """What is not what it should be: pairs of a parameter and a column."""
    p = table.filter(regex="^p").stack()
    return set(p[p <= significant].index)


def drawn(*, width=1.0, off=0.0, size=200):
    """The shares for a normal posterior whose width and centre are wrong."""
    truth = np.random.default_rng(1).normal(size=size)
    return Calibration(pd.DataFrame({"x": norm.cdf(truth, off, width)}), 0, 0.0, 0.0).table().loc["x"]


def test_what_the_table_finds():
    assert failures(pd.DataFrame({"p": [0.5, 0.005], "68%": [0.7, 0.0]}, index=["a", "b"])) == {("b", "p")}
    right, narrow, wide, shifted = drawn(), drawn(width=0.75), drawn(width=1.4), drawn(off=0.3)
    assert right["p"] > 0.05
    assert right["68%"] == pytest.approx(0.68, abs=3 * np.sqrt(0.68 * 0.32 / 200))
    assert min(right["p of 68%"], right["p of 95%"]) > 0.01
    assert min(narrow["p of 68%"], narrow["p of 95%"]) < 0.01
    assert min(wide["p of 68%"], wide["p of 95%"]) < 0.01
    assert shifted["p"] < 0.01


def test_ranks_of_exchangeable_draws_are_uniform(rng):
    prior = one_sersic().free["galaxy.theta"]
    shares = [calibration._share(rng.normal(size=(2, 60)), rng.normal(), prior, rng) for _ in range(400)]
    assert Calibration(pd.DataFrame({"x": shares}), 0, 0.0, 0.0).table().loc["x", "p"] > 0.01
