"""Menus of GALFITM with four bands, and images of them, for tests."""

import warnings

import numpy as np

import sersiclab as sl
from sersiclab.data.image_set import Images


BANDS = ("g", "r", "i", "z")
LENGTHS = (0.4770, 0.6231, 0.7625, 0.9134)
MENU = """A) g.fits,r.fits,i.fits,z.fits
A1) g,r,i,z
A2) 4770,6231,7625,9134
C) none
D) none
E) 1
F) none
G) c.txt
H) 1 40 1 30
J) 25.0,25.0,25.0,25.0
K) 0.2 0.2
"""
GALAXY = """ 0) sersic
 1) 20.5 1
 2) 15.2 1
 3) 18.0,17.5,17.2,17.0 4 band
 4) 5.0 1
 5) 2.5 1
 9) 0.8 1
10) 30.0 1
"""
LINE_OF_GALAXY = 12


def blank(band, zeropoint=25.0):
    return sl.Image(np.zeros((30, 40)), sigma=1.0, zeropoint=zeropoint, pixel_scale=0.2, band=band)


def blanks(*zeropoints):
    return Images({band: blank(band, *zeropoints[i : i + 1]) for i, band in enumerate(BANDS)})


def read(folder, text, constraints="", **options):
    """The model, the images and the text of the one warning, if any."""
    (folder / "a.feedme").write_text(text)
    (folder / "c.txt").write_text(constraints)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, images = sl.io.read_galfit(folder / "a.feedme", **({"image": blanks()} | options))
    told = [str(each.message) for each in caught if "changed in the conversion" in str(each.message)]
    assert len(told) < 2
    return model, images, told[0] if told else ""


def with_line(old, new, text=GALAXY):
    """The galaxy with another line."""
    assert old in text
    return MENU + text.replace(old, new)
