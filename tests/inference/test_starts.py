"""When a search begins from more than one start."""

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, fit
from sersiclab.inference.running.beginning import overlap
from sersiclab.inference.search import minimiser
from sersiclab.inference.search.starts import STARTS
from sersiclab.model import Model
from sersiclab.noise import StudentTNoise
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import LogUniform, Uniform
from sersiclab.profiles import FlatSky, PointSource, Sersic


@pytest.fixture
def number_of_starts(monkeypatch):
    """`number_of_starts(model, image)`: from how many points the MAP is searched for."""
    found = []
    run = minimiser._run

    def counting(*arguments, **options):
        found.append(True)
        return run(*arguments, **options)

    monkeypatch.setattr(minimiser, "_run", counting)

    def count(model, image, **options):
        found.clear()
        fit(model, image, MAP(), progress=False, **options)
        return len(found)

    return count


def test_one_is_enough_where_nothing_is_in_doubt(blob, number_of_starts):
    model, image, _ = blob()
    assert number_of_starts(model, image) == 1


def test_a_maximum_at_a_bound_is_in_doubt(blob, number_of_starts):
    model, image, _ = blob(r_eff=6.0)
    assert number_of_starts(model.replace({"galaxy.r_eff": LogUniform(1.0, 5.0)}), image) == STARTS
    assert number_of_starts(model.replace({"galaxy.r_eff": LogUniform(1.0, 5.0)}), image, init={}) == 1  # as asked


def test_residuals_larger_than_the_noise_are_in_doubt(blob, number_of_starts):
    model, image, _ = blob()
    assert number_of_starts(model, Image(image.data, sigma=image.sigma / 1.1)) == 1  # chi2/dof of 1.2 may be chance
    assert number_of_starts(model, Image(image.data, sigma=image.sigma / 2)) == STARTS
    assert number_of_starts(model, Image(image.data, sigma=image.sigma * 2)) == 1


def test_a_descent_that_does_not_converge_is_in_doubt(blob, number_of_starts, monkeypatch):
    monkeypatch.setattr(minimiser, "FIRST_ITERATIONS", 3)
    model, image, _ = blob()
    assert number_of_starts(model, image) >= STARTS


def test_noise_that_is_not_normal_has_no_chi2_and_is_in_doubt(blob, number_of_starts):
    model, image, _ = blob()
    assert number_of_starts(Model(model.components, noise=StudentTNoise(), renderer=model.renderer), image) == STARTS


def sersic(xc, yc, r_eff):
    return Sersic(xc=xc, yc=yc, flux=Uniform(1, 100), r_eff=r_eff, n=1.0, ellip=0.0, theta=0.0)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"a": sersic(20, 20, 5.0), "sky": FlatSky(0.0)}, False),
        ({"a": sersic(20, 20, 5.0), "b": sersic(26, 20, 4.0)}, False),
        ({"a": sersic(20, 20, 5.0), "b": sersic(23, 22, 1.0)}, True),
        ({"a": sersic(20, 20, 1.0), "b": sersic(23, 22, 5.0)}, True),
        ({"a": sersic(20, 20, 3.0), "b": sersic(Tied("a.xc"), Tied("a.yc"), Uniform(1, 9))}, True),
        ({"a": PointSource(xc=20, yc=20, flux=Uniform(1, 9)), "b": PointSource(xc=23, yc=20, flux=1.0)}, False),
        ({"a": PointSource(xc=20, yc=20, flux=Uniform(1, 9)), "b": sersic(24, 20, 5.0)}, True),
    ],
)
def test_sources_overlap_if_one_lies_within_the_other(parts, expected):
    model = Model(parts)
    assert overlap(model, model.initial) is expected


def test_overlapping_sources_are_in_doubt(blob, number_of_starts):
    model, image, _ = blob(theta=0.3)
    galaxy = model.components["galaxy"]
    star = PointSource(xc=Tied("galaxy.xc"), yc=Tied("galaxy.yc"), flux=Uniform(-1e3, 1e3))
    with_star = Model({"galaxy": galaxy, "star": star, "sky": FlatSky(0.0)})
    empty = np.random.default_rng(0).normal(size=image.shape)
    assert number_of_starts(with_star, Image(empty, sigma=1.0)) >= STARTS
