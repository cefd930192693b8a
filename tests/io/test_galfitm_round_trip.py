"""What `write_galfit` writes for several images, `read_galfit` reads as the same."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.data.image_set import Images
from sersiclab.parameters import AbstractPrior, parameters
from sersiclab.parameters.varying import PerBand, PerImage, Polynomial, Spline
from sersiclab.profiles import Boxy

from .galfitm_menus import BANDS, blank, blanks


PRINTED = 1e-6  # ten digits of coefficients and magnitudes
NODES = {2: ("at_0.47", "at_0.89"), 3: ("at_0.47", "at_0.68", "at_0.89")}


def there_and_back(model, images, folder):
    """The model and the images that are read, and the notes of the writer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sl.io.write_galfit(model, images, folder / "galaxy.feedme", overwrite=True)
        told = [str(each.message) for each in caught if "GALFIT cannot express" in str(each.message)]
        found, again = sl.io.read_galfit(folder / "galaxy.feedme")
    return found, again, told[0] if told else ""


def assert_same(found, model, images):
    """The same free parameters with the same ranges and starts, and the same numbers in every image."""
    found, model = found.for_images(images), model.for_images(images)
    assert list(found.components) == list(model.components)
    assert list(found.free) == list(model.free)
    for path, prior in model.free.items():
        assert type(found.free[path]) is type(prior), path
        assert found.free[path].support() == pytest.approx(prior.support(), rel=PRINTED, abs=1e-7), path
    changed = {path: value * 1.01 for path, value in model.initial.items() if "ellip" not in path}
    for values in (model.initial, {**model.initial, **changed}):
        for name in images:
            one, other = (each.at(values).of(name) for each in (model, found))
            mine, its = (parameters(each.at(each.initial).owners) for each in (one, other))
            for path, value in mine.items():
                assert float(its[path]) == pytest.approx(float(value), rel=PRINTED, abs=1e-8), (name, path)


@st.composite
def functions(draw, low, high, prior):
    """A parameter that may be a number, a prior or a function of the band, with values between `low` and `high`."""

    def numbers(count):
        return [round(draw(st.floats(low, high)), 3) for _ in range(count)]

    kind = draw(st.sampled_from(["number", "numbers", "prior", "each", "polynomial", "parabola"]))
    if kind == "number":
        return numbers(1)[0]
    if kind == "numbers":
        return PerBand(dict(zip(BANDS, numbers(4), strict=True)))
    if kind == "prior":
        return prior(numbers(1)[0])
    if kind == "each":
        return PerBand({band: prior(value) for band, value in zip(BANDS, numbers(4), strict=True)})
    degree = 1 if kind == "polynomial" else 2
    names = NODES[degree + 1]
    return Polynomial({name: prior(v) for name, v in zip(names, numbers(degree + 1), strict=True)}, degree=degree)


@st.composite
def models(draw):
    galaxy = sl.Sersic(
        xc=draw(functions(10.0, 30.0, lambda value: sl.Uniform(5.0, 35.0, init=value))),
        yc=draw(functions(10.0, 20.0, lambda value: sl.Normal(value, 4.0, init=value))),
        flux=draw(functions(10.0, 1e4, lambda value: sl.LogUniform(5.0, 3e4, init=value))),
        r_eff=draw(functions(0.5, 10.0, lambda value: sl.LogUniform(0.2, 20.0, init=value))),
        n=draw(functions(0.6, 5.0, lambda value: sl.Uniform(0.5, 8.0, init=value))),
        ellip=draw(functions(0.1, 0.8, lambda value: sl.Uniform(0.05, 0.9, init=value))),
        theta=draw(functions(0.1, 3.0, lambda value: sl.Angle(init=value))),
    )
    boxy = Boxy(profile=galaxy, c0=draw(functions(-0.5, 0.5, lambda value: sl.Uniform(-1.0, 1.0, init=value))))
    level = draw(functions(-2.0, 2.0, lambda value: sl.Normal(value, 10.0, init=value)))
    return sl.Model({"galaxy": draw(st.sampled_from([galaxy, boxy])), "sky": sl.FlatSky(level=level)})


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(model=models())
def test_functions_of_the_band(model, tmp_path):
    found, images, told = there_and_back(model, blanks(), tmp_path)
    assert told == ""
    assert_same(found, model, images)


def galaxy(**changes):
    usual = {"xc": 20.0, "yc": 15.0, "flux": 90.0, "r_eff": 3.0, "n": 2.0, "ellip": 0.2, "theta": 0.4}
    return sl.Sersic(**usual | changes)


def each(value, *others):
    """A prior about a value in the first band, and others that keep a difference to it."""
    prior = sl.LogUniform(0.5, 40.0, init=value)
    return PerBand({"g": prior} | {band: tie for band, tie in zip(BANDS[1:], others, strict=True)})


def pair(**changes):
    bulge = galaxy(
        xc=sl.Normal(20.0, 4.0, init=20.0),
        flux=PerBand(sl.LogUniform(10.0, 1e4, init=120.0)),
        r_eff=Polynomial({"at_0.47": sl.LogUniform(1, 10, init=3.0), "at_0.89": sl.LogUniform(1, 10, init=4.0)}),
        n=Polynomial(sl.Uniform(0.5, 6.0, init=2.5), degree=2),
        theta=sl.Angle(init=0.4),
    )
    tied = {"xc": sl.Tied("bulge.xc", offset=0.5), "flux": sl.Tied("bulge.flux", scale=2.0)}
    tied |= {"r_eff": sl.Tied("bulge.r_eff", scale=2.0), "theta": sl.Tied("bulge.theta")}
    return sl.Model({"bulge": bulge, "disk": galaxy(**tied | changes)})


TIES = {
    "whole": {},
    "an offset": {"r_eff": sl.Tied("bulge.r_eff", offset=1.5)},
    "other offsets": {
        "r_eff": Polynomial(
            {
                "at_0.47": sl.Tied("bulge.r_eff.at_0.47", offset=1.0),
                "at_0.89": sl.Tied("bulge.r_eff.at_0.89", offset=2.0),
            }
        )
    },
    "a node": {
        "r_eff": Polynomial(
            {"at_0.47": sl.LogUniform(1, 10, init=2), "at_0.89": sl.Tied("bulge.r_eff.at_0.89", scale=2)}
        )
    },
    "a band": {
        "flux": PerBand({"g": sl.Tied("bulge.flux.g", scale=3), **dict.fromkeys("riz", sl.LogUniform(1, 90, init=9))})
    },
    "every band": {
        "flux": PerBand({band: sl.Tied(f"bulge.flux.{band}", scale=2.0 + i) for i, band in enumerate(BANDS)})
    },
    "one in all": {"xc": PerBand({band: sl.Tied("bulge.xc", offset=0.1 * i) for i, band in enumerate(BANDS)})},
    "its own": {"r_eff": each(4.0, *(sl.Tied("disk.r_eff.g", offset=0.5 * i) for i in (1, 2, 3)))},
    "its own ratios": {"flux": each(4.0, *(sl.Tied("disk.flux.g", scale=2.0**i) for i in (-1, 1, 3)))},
}


@pytest.mark.parametrize("name", TIES)
def test_ties(tmp_path, name):
    model = pair(**TIES[name])
    found, images, told = there_and_back(model, blanks(), tmp_path)
    assert told == ""
    assert_same(found, model, images)


def test_the_images_are_the_same(tmp_path, small):
    planes = {"psf": small.psf, "psf_includes_pixel": False, "mask": small.mask, "pixel_scale": 0.2}
    given = {
        band: sl.Image(small.data + i, sigma=small.sigma + i, zeropoint=25.0 + i, band=band, **planes)
        for i, band in enumerate(BANDS)
    }
    given["i"] = sl.Image(small.data, sigma=small.sigma, zeropoint=25.0, pixel_scale=0.2, band="i")
    images = Images(given, wavelengths={"i": 1.5})
    _, found, _ = there_and_back(sl.Model({"galaxy": galaxy()}), images, tmp_path)
    assert (found.names, found.bands) == (images.names, images.bands)
    assert found.wavelengths == pytest.approx(images.wavelengths)
    for name, image in images.items():
        assert found[name].zeropoint == image.zeropoint
        for plane in ("data", "sigma", "mask", "psf"):
            if getattr(image, plane) is None:
                assert getattr(found[name], plane) is None
            else:
                np.testing.assert_allclose(getattr(found[name], plane), getattr(image, plane), rtol=1e-12)


# what -> (changes of the galaxy, the note)
LACKING = {
    "a spline": (
        {"n": Spline(sl.Uniform(0.5, 8.0, init=2.0), knots=(0.4, 0.7, 1.0))},
        "galaxy.n: GALFITM has no Spline of this kind; it is written with a value for each band",
    ),
    "a high degree": (
        {"n": Polynomial(sl.Uniform(0.5, 8.0, init=2.0), degree=3)},
        "galaxy.n: GALFITM has no Polynomial of this kind; it is written with a value for each band",
    ),
    "fixed values": (
        {"n": PerBand({"g": 2.0, **dict.fromkeys("riz", sl.Uniform(0.5, 8.0, init=2.0))})},
        "galaxy.n: GALFITM can't fix some values of a function of the band; all are written free",
    ),
    "a range between bands": (
        {"n": Polynomial({name: sl.Uniform(0.5, 5.0 + i, init=2.0) for i, name in enumerate(NODES[3])}, degree=2)},
        "galaxy.n: GALFITM can't express the range of a node between two bands; it is left out",
    ),
    "a prior": (
        {"n": PerBand(sl.TruncatedNormal(2.0, 1.0, low=0.5, high=8.0))},
        "galaxy.n: TruncatedNormal becomes limits or is lost, since GALFIT has no priors",
    ),
    "a line between nodes": (
        {"n": PerBand({"g": sl.Uniform(1, 4), **{band: sl.Tied("galaxy.n.g", scale=1.5) for band in "riz"}})},
        "galaxy.n.r: GALFITM can't express its tie to galaxy.n.g; it is written untied",
    ),
}


@pytest.mark.parametrize("name", LACKING)
def test_what_galfitm_lacks_is_listed(tmp_path, name):
    changes, expected = LACKING[name]
    found, images, told = there_and_back(sl.Model({"galaxy": galaxy(**changes)}), blanks(), tmp_path)
    assert expected in told
    assert any(isinstance(prior, AbstractPrior) for prior in found.for_images(images).free.values())


def test_magnitudes_of_images_with_other_zero_points(tmp_path):
    """A polynomial of the flux in each image's unit is not one of the magnitude."""
    images = blanks(25.0, 26.0, 27.0, 25.5)
    model = sl.Model({"galaxy": galaxy(flux=Polynomial(sl.LogUniform(10.0, 1e3, init=90.0)))})
    found, again, told = there_and_back(model, images, tmp_path)
    assert "galaxy.flux: the images have different zero-points" in told
    assert isinstance(found.components["galaxy"].flux, PerBand)
    assert [image.zeropoint for image in again.values()] == [25.0, 26.0, 27.0, 25.5]
    numbers = sl.Model({"galaxy": galaxy(flux=PerBand(sl.LogUniform(10.0, 1e3, init=90.0)))})
    found, again, told = there_and_back(numbers, images, tmp_path)
    assert_same(found, numbers, again)
    assert told == ""


def test_images_that_share_a_band(tmp_path):
    images = Images({"first": blank("r"), "second": blank("r"), "i": blank("i")})
    model = sl.Model({"galaxy": galaxy(flux=PerBand(sl.LogUniform(9.0, 1e3, init=90.0)))})
    model = model.with_component("sky", sl.FlatSky(level=PerImage(sl.Normal(0.0, 10.0, init=0.0))))
    found, again, told = there_and_back(model, images, tmp_path)
    assert tuple(again) == ("first", "second", "i")
    assert "image 'second': its band 'r' is written as 'second'" in told
    assert "galaxy.flux: GALFITM can't express one value for several images; each has its own" in told
    assert [path for path in found.for_images(again).free if "sky" in path] == [f"sky.level.{name}" for name in again]


def test_images_that_galfitm_cannot_have(tmp_path):
    model = sl.Model({"galaxy": galaxy()})
    other = sl.Image(np.zeros((31, 40)), sigma=1.0, zeropoint=25.0)
    with pytest.raises(
        ValueError, match=r"^image must hold images of the same pixels, got r of 40 x 31 pixels after 40 x"
    ):
        sl.io.write_galfit(model, Images({"g": blank("g"), "r": other}), tmp_path / "a.feedme")
    with pytest.raises(ValueError, match=r"^image must hold bands whose names differ in GALFITM, .* got \['g', 'G'\]"):
        sl.io.write_galfit(model, Images({"g": blank("g"), "G": blank("G")}), tmp_path / "a.feedme")
    varying = sl.Model({"galaxy": galaxy(n=PerBand(sl.Uniform(0.5, 8.0)))})
    with pytest.raises(ValueError, match=r"^model: galaxy\.n vary between images, and one Image is given"):
        sl.io.write_galfit(varying, blank("g"), tmp_path / "a.feedme")
    assert not list(tmp_path.iterdir())


def test_one_image_of_several_is_an_ordinary_menu(tmp_path):
    model = sl.Model({"galaxy": galaxy(n=PerBand(sl.Uniform(0.5, 8.0, init=2.0)))})
    sl.io.write_galfit(model, Images({"g": blank("g")}), tmp_path / "a.feedme")
    found, image = sl.io.read_galfit(tmp_path / "a.feedme")
    assert isinstance(image, sl.Image)
    assert found.components["galaxy"].n.support() == pytest.approx((0.5, 8.0))


def test_wavelengths_that_are_not_known(tmp_path):
    images = Images({name: blank(name) for name in ("aa", "bb")})
    model = sl.Model({"galaxy": galaxy(n=PerBand(sl.Uniform(0.5, 8.0, init=2.0)))})
    found, again, told = there_and_back(model, images, tmp_path)
    assert "image.wavelengths: not all are known; A2), which GALFITM needs, is left out" in told
    assert_same(found, model, again)
    assert math.isclose(found.for_images(again).initial["galaxy.n.bb"], 2.0)
