"""Every public entry says what it takes, and how to make it from what it was given."""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

import sersiclab as sl
from sersiclab.inference import MAP


MODEL = sl.Model(
    {"galaxy": sl.Sersic(xc=5.0, yc=5.0, flux=sl.LogUniform(1.0, 10.0), r_eff=2.0, n=1.0, ellip=0.1, theta=0.0)}
)
ENTRIES = {
    "guess": sl.guess,
    "detect": sl.detect,
    "render": lambda image: sl.render(MODEL, image),
    "render_components": lambda image: sl.render_components(MODEL, image),
    "render_error": lambda image: sl.render_error(MODEL, image),
    "simulate": lambda image: sl.simulate(MODEL, image),
    "fit": lambda image: sl.fit(MODEL, image, MAP()),
    "start": lambda image: sl.start(MODEL, image, MAP()),
    "Editor": lambda image: sl.Editor(image),
    "Workbench": lambda image: sl.Workbench(image),
}
MAKE = r"make one with sl\.Image\(array, sigma=\.\.\.\)$"
GIVEN = {
    "array": (np.ones((9, 9)), r"got ndarray: " + MAKE),
    "masked array": (np.ma.ones((9, 9)), r"got MaskedArray: " + MAKE),
    "list": ([[1.0, 2.0], [3.0, 4.0]], r"got list: " + MAKE),
    "text": ("file.fits", r"got the path 'file.fits': read it with sl\.Image\.read\('file.fits'\)$"),
    "path": (Path("a/b.fits"), r"got the path 'a/b.fits': read it with sl\.Image\.read\('a/b.fits'\)$"),
    "hdu": (fits.PrimaryHDU(np.ones((9, 9))), r"got PrimaryHDU: make one with sl\.Image\.read\(image\)$"),
    "ccd": (CCDData(np.ones((9, 9)), unit="adu"), r"got CCDData: make one with sl\.Image\.read\(image\)$"),
    "quantity": (np.ones((9, 9)) * u.nJy, r"got Quantity: make one with sl\.Image\.read\(image\)$"),
    "class": (sl.Image, r"got the class Image: " + MAKE),
    "None": (None, r"got NoneType$"),
    "number": (5, r"got int$"),
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("entry", ENTRIES)
def test_anything_but_an_image_is_refused_with_advice(entry, given):
    value, message = GIVEN[given]
    with pytest.raises(TypeError, match=r"^image must be an Image.*" + message):
        ENTRIES[entry](value)


IMAGE = sl.Image(np.random.default_rng(0).normal(size=(12, 12)), sigma=1.0)
PROFILE = MODEL.components["galaxy"]
OF_A_MODEL = {
    "render": sl.render,
    "render_components": sl.render_components,
    "render_error": sl.render_error,
    "simulate": sl.simulate,
    "joint": sl.joint,
    "fit": sl.fit,
}


@pytest.mark.parametrize("value", [PROFILE, {"galaxy": PROFILE}, "sersic", None, 5])
@pytest.mark.parametrize("entry", OF_A_MODEL)
def test_anything_but_a_model_is_refused_with_advice(entry, value):
    with pytest.raises(TypeError, match=r"^model must be a Model, got \w+: make one with sl\.Model\("):
        OF_A_MODEL[entry](value, IMAGE)


ODD = [
    None,
    "a",
    b"1",
    True,
    np.bool_(True),
    np.array("1"),
    1 + 1j,
    np.timedelta64(1, "s"),
    5,
    [1.0],
    np.ones(3),
    float,
]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_what_is_not_a_mapping_is_named(value):
    for argument, call in {
        "components": lambda: sl.Model(value),
        "links": lambda: sl.Model({"g": PROFILE}, links=value),
        "changes": lambda: MODEL.replace(value),
        "values": lambda: MODEL.at(value),
    }.items():
        with pytest.raises(TypeError, match=rf"^{argument} must be a mapping of names, such as \{{"):
            call()
    with pytest.raises(ValueError, match="is not a component of this model"):
        MODEL.without(value)


@pytest.mark.parametrize("value", [x for x in ODD if not isinstance(x, int) or x is True], ids=repr)
def test_what_is_not_a_number_is_named(value):
    calls = {
        "size": lambda: IMAGE.cutout((5, 5), value),
        "position": lambda: IMAGE.cutout((value, 5), 3),
        "position ": lambda: sl.detect(IMAGE, position=(value, 5)),
        "seed": lambda: sl.simulate(MODEL, IMAGE, seed=value),
        "seed ": lambda: sl.start(MODEL, IMAGE, MAP(), seed=value),
        "sources": lambda: sl.guess(IMAGE, sources=value),
        "Laplace.draws": lambda: sl.Laplace(draws=value),
        "sky_level": lambda: sl.Image(IMAGE.data, gain=1.0, read_noise=1.0, sky_level=value),
        "psf_oversampling": lambda: sl.Image(IMAGE.data, sigma=1.0, psf_oversampling=value),
    }
    for argument, call in calls.items():
        with pytest.raises((TypeError, ValueError), match=rf"^{argument.strip()} must be"):
            call()


@pytest.mark.parametrize("number", [10**400, float("nan"), -3.0, 0, float("inf")], ids=lambda x: str(x)[:5])
def test_numbers_without_sense_are_named(number):
    with pytest.raises(ValueError, match=r"^size must be a positive finite number"):
        IMAGE.cutout((5, 5), number)
    if number:
        with pytest.raises(ValueError, match=r"^position must"):
            IMAGE.cutout((number, 30.0), 3)
    with pytest.raises((TypeError, ValueError), match=r"^seed must be"):
        sl.simulate(MODEL, IMAGE, seed=number or 2**63)


def test_what_is_not_a_function_is_named():
    with pytest.raises(TypeError, match=r"^on_progress must be a function of a Progress, or None, got 5$"):
        sl.start(MODEL, IMAGE, MAP(), on_progress=5)


HUGE = [
    sl.Laplace(draws=10**12),
    sl.SVI(draws=10**400),
    sl.Importance(draws=10**12),
    sl.NUTS(chains=10**9, draws=10**4),
]


@pytest.mark.parametrize("method", HUGE, ids=lambda method: type(method).__name__)
def test_more_draws_than_memory_holds_are_refused(method):
    with pytest.raises(ValueError, match=r"draws of 1 parameters needs about .* GB of memory, .*: ask for fewer draws"):
        sl.start(MODEL, IMAGE, method)


@pytest.mark.parametrize("oversampling", [10**5, 10**9, 10**400], ids=lambda number: f"{len(str(number))} digits")
def test_a_psf_finer_than_memory_holds_is_refused(oversampling):
    psf = np.exp(-0.5 * np.sum((np.indices((9, 9)) - 4) ** 2, axis=0))
    with pytest.raises(ValueError, match=r"^psf_oversampling=\d+ .*GB of memory, and this machine has"):
        sl.Image(IMAGE.data, sigma=1.0, psf=psf / psf.sum(), psf_oversampling=oversampling)
