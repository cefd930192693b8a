"""Every public entry that takes an image says how to make one from what it was given."""

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
def test_what_is_not_an_image_is_told_how_to_become_one(entry, given):
    value, message = GIVEN[given]
    with pytest.raises(TypeError, match=r"^image must be an Image.*" + message):
        ENTRIES[entry](value)
