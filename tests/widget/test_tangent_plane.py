"""The plane sent to the page, compared with astropy's own WCS."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from sersiclab.data.image import Image
from sersiclab.widget.tangent_plane import tangent_plane


def header(projection, shape):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{projection}", f"DEC--{projection}"]
    wcs.wcs.crval = [359.9999, -62.0]
    wcs.wcs.crpix = [shape[1] + 400.0, 12.0]  # off the image
    wcs.wcs.cd = np.array([[-0.19, 0.02], [0.03, 0.2]]) / 3600
    return wcs


@pytest.mark.parametrize("projection", ["TAN", "SIN", "ZEA"])
def test_the_plane_gives_the_coordinates_of_the_wcs(projection):
    shape = (200, 300)
    wcs = header(projection, shape)
    plane = tangent_plane(Image(np.zeros(shape), sigma=1.0, wcs=wcs))
    assert plane is not None
    # astropy projects the other way: from the plane's offsets back to the sky.
    ours = WCS(naxis=2)
    ours.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    ours.wcs.crval = [plane["ra"], plane["dec"]]
    ours.wcs.crpix = [plane["x"] + 1, plane["y"] + 1]
    ours.wcs.cd = np.array(plane["cd"])
    x, y = np.array([0.0, 299.0, 120.0]), np.array([0.0, 10.0, 199.0])
    expected, got = wcs.pixel_to_world(x, y), ours.pixel_to_world(x, y)
    assert isinstance(expected, SkyCoord)
    assert expected.separation(got).arcsec.max() < 0.002  # a hundredth of a pixel


@pytest.mark.filterwarnings("ignore:wcs has no celestial axes")
def test_nothing_is_sent_without_a_celestial_wcs():
    assert tangent_plane(Image(np.zeros((5, 5)), sigma=1.0)) is None
    wavelength = WCS(naxis=2)
    wavelength.wcs.ctype = ["WAVE", "LINEAR"]
    assert tangent_plane(Image(np.zeros((5, 5)), sigma=1.0, wcs=wavelength)) is None


def test_nothing_is_sent_if_no_plane_fits():
    shape = (40, 40)
    wide = header("CAR", shape)
    wide.wcs.crval = [10.0, 0.0]
    wide.wcs.crpix = [20.0, 20.0]
    wide.wcs.cd = np.array([[-1.5, 0.0], [0.0, 1.5]])
    assert tangent_plane(Image(np.zeros(shape), sigma=1.0, wcs=wide)) is None
