"""An error that nobody foresaw, in one job: a row, and the other jobs are as they would be without it."""

from typing import Any

import numpy as np
import pytest

import sersiclab as sl


class Cracked(sl.AbstractExtended):
    """A profile with a bug, which shows when it is drawn."""

    xc: Any = sl.parameter(unit="pixel", doc="centre, x")
    yc: Any = sl.parameter(unit="pixel", doc="centre, y")
    flux: Any = sl.parameter(unit="image", doc="flux")

    def brightness(self, x, y):
        raise ZeroDivisionError("a bug of the profile")


def image(level):
    noise = np.random.default_rng(int(level)).normal(size=(12, 13))
    return sl.Image(level + noise, sigma=1.0)


def flat():
    return sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 10.0))})


@pytest.mark.parametrize("method", [sl.MAP(), sl.Laplace(draws=50)])
def test_it_is_a_row_and_the_others_are_untouched(method):
    good = [sl.Job(name, image(level), flat()) for name, level in (("a", 2.0), ("c", 3.0))]
    cracked = sl.Model({"odd": Cracked(xc=5.0, yc=5.0, flux=sl.Normal(1.0, 1.0)), "sky": sl.FlatSky(0.0)})
    found = sl.fit_many([good[0], sl.Job("b", image(1.0), cracked), good[1]], method, progress=False)
    assert found.failed == ["b"]
    assert "ZeroDivisionError: a bug of the profile" in found.table["message"][1]
    alone = sl.fit_many(good, method, progress=False).table
    for name in ("sky_level", "sky_level_err"):
        np.testing.assert_array_equal(np.asarray(found.table[name])[[0, 2]], np.asarray(alone[name]))
