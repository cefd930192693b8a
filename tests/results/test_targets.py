"""The verdict on a fit that has wandered to another source, and its silence on those that have not."""

import dataclasses

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.results.verdict import targets as module
from sersiclab.results.verdict.targets import target_reasons


TARGET, OTHER = (30.0, 32.0), (42.0, 30.0)


def blob(place, flux, width=2.5):
    y, x = np.indices((64, 64))
    return flux / (2 * np.pi * width**2) * np.exp(-0.5 * ((x - place[0]) ** 2 + (y - place[1]) ** 2) / width**2)


@pytest.fixture(scope="module")
def image():
    noise = np.random.default_rng(2).normal(size=(64, 64))
    return sl.Image(blob(TARGET, 1500.0) + blob(OTHER, 4500.0) + noise, sigma=1.0)


def galaxy(place, scale=1.0):
    xc, yc = (sl.Normal(value, scale, init=value) for value in place)
    return sl.Gaussian(xc=xc, yc=yc, flux=sl.LogUniform(10.0, 1e5, init=1e3), fwhm=6.0, ellip=0.0, theta=0.0)


def ended(model, image, **centres):
    """A fit whose components ended at these places."""
    best = dict(model.initial)
    for name, (x, y) in centres.items():
        best |= {f"{name}.xc": x, f"{name}.yc": y}
    return sl.Fit(model, image, sl.MAP(), 0, {}, best)


def test_a_fit_that_has_wandered_is_bad(image):
    model = sl.Model({"galaxy": galaxy(TARGET)})
    ((level, words),) = target_reasons(ended(model, image, galaxy=OTHER))
    assert level == "bad"
    assert words.startswith(
        "galaxy has moved from the source at (30.0, 32.0), where it started, to another source at (42.0, 30.0)"
    )


@pytest.mark.parametrize("place", [(30.0, 51.0), (-40.0, 32.0), (9.0, 60.0)])
def test_a_fit_that_has_lost_its_source_is_bad(image, place):
    ((level, words),) = target_reasons(ended(sl.Model({"galaxy": galaxy(TARGET)}), image, galaxy=place))
    assert level == "bad"
    assert "to a place without a source at" in words


def test_the_prior_need_not_be_normal(image):
    place = sl.Uniform(0.0, 60.0, init=30.0)
    model = sl.Model({"galaxy": dataclasses.replace(galaxy(TARGET), xc=place, yc=sl.Uniform(2.0, 62.0))})
    assert len(list(target_reasons(ended(model, image, galaxy=OTHER)))) == 1


@pytest.mark.parametrize("place", [TARGET, (31.5, 31.0), (27.8, 33.0)])
def test_a_fit_that_has_stayed_is_not_told_of(image, place):
    assert list(target_reasons(ended(sl.Model({"galaxy": galaxy(TARGET)}), image, galaxy=place))) == []


def test_one_that_comes_from_empty_sky_is_no_concern(image):
    """The prior was wrong, not the fit."""
    assert list(target_reasons(ended(sl.Model({"galaxy": galaxy((10.0, 50.0))}), image, galaxy=OTHER))) == []


def test_a_component_may_leave_to_another_what_it_measures(image):
    both = sl.Model({"galaxy": galaxy(TARGET), "neighbour": galaxy(TARGET, scale=20.0)})
    assert list(target_reasons(ended(both, image, galaxy=TARGET, neighbour=OTHER))) == []
    apart = sl.Model({"galaxy": galaxy(TARGET), "neighbour": galaxy(OTHER)})
    swapped = list(target_reasons(ended(apart, image, galaxy=OTHER, neighbour=TARGET)))
    assert [words.split()[0] for _, words in swapped] == ["galaxy", "neighbour"]


def test_components_that_are_tied_are_reported_once(image):
    disk = dataclasses.replace(galaxy(TARGET), xc=sl.Tied("bulge.xc"), yc=sl.Tied("bulge.yc"))
    model = sl.Model({"bulge": galaxy(TARGET), "disk": disk, "sky": sl.FlatSky(level=0.0)})
    ((_, words),) = target_reasons(ended(model, image, bulge=OTHER))
    assert words.startswith("bulge has moved")


def test_nothing_is_searched_where_nothing_moved(image, monkeypatch):
    monkeypatch.setattr(module, "find", lambda *_: pytest.fail("the image was searched"))
    assert list(target_reasons(ended(sl.Model({"galaxy": galaxy(TARGET)}), image, galaxy=(31.0, 32.5)))) == []
    still = dataclasses.replace(galaxy(TARGET), xc=30.0, yc=32.0)
    assert list(target_reasons(ended(sl.Model({"galaxy": still}), image))) == []
