"""Menus of GALFIT for tests, and the images that they name."""

import warnings

import numpy as np
from astropy.io import fits

import sersiclab as sl


HEADER = """A) gal.fits
C) none
D) none
E) 1
F) none
G) none
H) 1 40 1 30
J) 20.0
K) 0.1 0.1
"""
SERSIC = """ 0) sersic
 1) 19.5 15.2 1 1
 3) 15.0 1
 4) 5.1 1
 5) 2.5 1
 9) 0.8 1
10) 30.0 1
"""
LINE_OF_SERSIC = 10


def write_image(folder, rng):
    """gal.fits: a bright source on a sky of 100 +- 2, all in one file."""
    y, x = np.indices((30, 40))
    data = rng.normal(100.0, 2.0, (30, 40)) + 5000.0 * np.exp(-((x - 18.5) ** 2 + (y - 14.2) ** 2) / 8.0)
    fits.writeto(folder / "gal.fits", data, overwrite=True)
    return data


def read(folder, text, **options):
    """The model, the image and the text of the one warning, if any."""
    (folder / "a.feedme").write_text(text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, image = sl.io.read_galfit(folder / "a.feedme", **options)
    listed = [
        str(warning.message)
        for warning in caught
        if "some parts were changed in the conversion" in str(warning.message)
    ]
    assert len(listed) < 2
    return model, image, listed[0] if listed else ""
