"""The picture of an image in a notebook."""

import base64
import io
import re

import numpy as np
import pytest
from astropy.wcs import WCS
from PIL import Image as Picture

import sersiclab as sl
from sersiclab.data import thumbnail


def picture_in(text):
    data = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    assert data is not None
    return np.asarray(Picture.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))


def test_the_picture_is_upright_and_marks_masked_pixels(rng):
    data, mask = np.zeros((40, 50)), np.zeros((40, 50), bool)
    data[30:, 40:] = 5.0  # at the top right
    mask[:10, :10] = True  # at the bottom left
    shown = picture_in(sl.Image(data, sigma=1.0, mask=mask)._repr_html_())
    assert shown.shape == (40, 50, 3)
    assert (shown[:10, 40:] == 255).all()
    assert (shown[-10:, :10] == thumbnail.MASKED_COLOUR).all()
    assert (shown[20, 20] == 0).all()


def test_it_names_shape_unit_psf_and_wcs_and_escapes_what_files_say():
    wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4})
    image = sl.Image(
        np.zeros((4, 5)),
        sigma=1.0,
        psf=sl.datasets.moffat(7, fwhm=3.0, beta=3.0),
        wcs=wcs,
        unit="nmgy",
        provenance=["<script>"],
    )
    text = image._repr_html_()
    for part in ("4 x 5 pixels", "nmgy", "7 x 7 samples", "RA---TAN, DEC--TAN", "0.36 arcsec", "&lt;script&gt;"):
        assert part in text
    assert "<script>" not in text
    assert picture_in(text).shape == (4, 5, 3)
    assert 'width="40" height="32"' in text


@pytest.mark.parametrize("shape", [(1500, 1400), (3, 900), (1, 1)])
def test_it_is_small(rng, shape):
    mask = rng.uniform(size=shape) > 0.9
    mask[0, 0] = False
    data = np.where(mask, np.nan, rng.normal(size=shape) * 1e30)
    text = sl.Image(data, sigma=1e30, mask=mask)._repr_html_()
    assert len(text) < 30_000
    assert max(picture_in(text).shape) <= thumbnail.SIDE
