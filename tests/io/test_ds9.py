"""DS9 regions: what their lines mean, in pixels and on the sky."""

import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from sersiclab.io import read_regions
from sersiclab.io.ds9 import EllipseRegion, mask_of
from sersiclab.profiles import PointSource, Sersic
from sersiclab.results.regions import ds9_regions


SHAPE = (60, 80)


def sky(turn=0.0, east=-1):
    """A WCS of 0.25" with north `turn` degrees counter-clockwise from up, and east to the left (-1) or right."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.0, 2.0
    wcs.wcs.crpix = 41.0, 31.0
    sine, cosine = math.sin(math.radians(turn)), math.cos(math.radians(turn))
    wcs.wcs.cd = 0.25 / 3600 * np.array([[east, 0], [0, 1]]) @ np.array([[cosine, sine], [-sine, cosine]])
    return wcs


def only(text, wcs=None):
    regions = read_regions(text, wcs)
    assert regions.notes == []
    (region,) = regions.found
    return region


def test_an_ellipse_in_pixels():
    region = only(
        "# Region file format: DS9 version 4.1\nglobal color=green\nimage\nellipse(51,61,12,9,30) # text={a b}"
    )
    assert (region.line, region.text) == (4, "a b")
    shape = region.shape
    # Pixels from 0; the axis at 30 degrees from +x is at 300 = 120 degrees from +y.
    assert (shape.xc, shape.yc, shape.size) == pytest.approx((50, 60, 12))
    assert (shape.ellip, math.degrees(shape.theta)) == pytest.approx((0.25, 120))


def test_the_longer_axis_is_the_major_one():
    shape = only("ellipse(51,61,9,12,30)").shape
    assert (shape.size, shape.ellip, math.degrees(shape.theta)) == pytest.approx((12, 0.25, 30))
    assert only("ellipse(51,61,9,9,30)").shape.ellip == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "line",
    [
        "image;ellipse(51,61,12,9,30)",
        "physical; ellipse 51 61 12 9 30",
        "+ellipse( 51, 61, 12, 9, 30 ) # color=red text='a'",
        "ELLIPSE(51,61,12i,9p,30) || # composite",
        'image\nellipse(51,61,3.0",2.25",30)',
    ],
)
def test_spellings(line):
    shape = only(line, sky()).shape
    assert (shape.xc, shape.size, shape.ellip) == pytest.approx((50, 12, 0.25), rel=1e-6)


@pytest.mark.parametrize(("turn", "east", "theta"), [(0, -1, 30), (0, 1, 150), (20, -1, 50), (-35, -1, 175)])
def test_angles_on_the_sky_are_position_angles_and_90(turn, east, theta):
    """A major axis at position angle 30, by a WCS whose north and east we know."""
    region = only('icrs\nellipse(150.0,2.0,3",1.5",120)', sky(turn, east))
    shape = region.shape
    assert (shape.xc, shape.yc) == pytest.approx((40, 30), abs=1e-6)
    assert (shape.size, shape.ellip) == pytest.approx((12, 0.5), rel=1e-4)
    assert math.degrees(shape.theta) == pytest.approx(theta, abs=1e-3)


def test_coordinates_on_the_sky():
    wcs = sky(20)
    place = wcs.pixel_to_world(12.5, 40.25)
    for text in (
        f"icrs;point({place.ra.deg:.9f},{place.dec.deg:.9f})",
        f"icrs;point({place.ra.to_string(u.hour, sep=':', precision=5)},{place.dec.to_string(sep=':', precision=4)})",
        f"galactic;point({place.galactic.l.deg:.9f},{place.galactic.b.deg:.9f})",
        f"fk5;point({place.fk5.ra.deg:.9f}d,{place.fk5.dec.deg:.9f}d)",
    ):
        assert only(text, wcs).shape == pytest.approx((12.5, 40.25), abs=1e-3)


@pytest.mark.parametrize("frame", ["image", "icrs"])
@pytest.mark.parametrize(("turn", "east"), [(0, -1), (70, -1), (20, 1)])
def test_what_we_write_is_read_back(frame, turn, east):
    wcs = sky(turn, east)
    galaxy = Sersic(xc=33.25, yc=21.5, flux=1.0, r_eff=7.5, n=2.0, ellip=0.4, theta=2.5)
    text = ds9_regions({"galaxy": galaxy, "core": PointSource(xc=33.0, yc=22.0, flux=1.0)}, wcs, frame=frame)
    first, second = read_regions(text, wcs).found
    assert (first.text, second.text) == ("galaxy r_eff", "core")
    assert isinstance(first.shape, EllipseRegion)
    for name in ("xc", "yc", "ellip", "theta"):
        assert getattr(first.shape, name) == pytest.approx(getattr(galaxy, name), abs=2e-4)
    assert first.shape.size == pytest.approx(7.5, abs=1e-3)
    assert second.shape == pytest.approx((33.0, 22.0), abs=1e-3)


def test_areas_mask_the_pixels_whose_centres_lie_in_them():
    y, x = np.indices(SHAPE)
    text = "circle(21,31,7.3)\nbox(50,20,10.2,6.2,0)\npolygon(60,40,70,40,60.2,55.3)\n-ellipse(11,11,8.2,4.1,90)"
    regions = read_regions(text)
    circle = (x - 20) ** 2 + (y - 30) ** 2 <= 7.3**2
    box = (abs(x - 49) <= 5.1) & (abs(y - 19) <= 3.1)
    # Above the first corner's row, right of the first column, below the line from the second to the third corner.
    triangle = (y >= 39) & (y <= 54.3) & (x > 59 + (y - 39) * 0.2 / 15.3) & (x < 69 + (y - 39) * (59.2 - 69) / 15.3)
    ellipse = ((y - 10) / 8.2) ** 2 + ((x - 10) / 4.1) ** 2 <= 1
    for region, expected in zip(regions.found, (circle, box, triangle, ellipse), strict=True):
        found = mask_of([region.shape], SHAPE)
        assert (found ^ expected)[y != 39].sum() == 0
    union = mask_of([region.shape for region in regions.found], SHAPE)
    assert union.sum() >= circle.sum() + box.sum() + ellipse.sum()


def test_a_box_and_a_circle_on_the_sky_turn_with_it():
    wcs = sky(90)
    box = np.array(only('icrs;box(150.0,2.0,6",2",0)', wcs).shape)
    assert np.ptp(box, axis=0) == pytest.approx((8, 24), rel=1e-3)
    circle = np.array(only('icrs;circle(150.0,2.0,2")', wcs).shape)
    assert np.hypot(*(circle - (40, 30)).T) == pytest.approx(8, rel=1e-3)


def test_an_unusable_region_is_reported_with_its_line():
    pixels = "ellipse(1,2,3,4,5)\nannulus(1,2,3,4)\nellipse(1,2,3,4,5,6,7)\n"
    text = pixels + 'fk5\ncircle(10:00:00,+2:00:00,3")\nwcsa\npoint(1,2)'
    regions = read_regions(text)
    assert len(regions.found) == 1
    annulus, several, without, other = regions.notes
    assert annulus.startswith("line 2: annulus(1,2,3,4) is ignored")
    assert "line 3" in several
    assert "7 numbers" in several
    assert "the image has no WCS" in without
    assert "'wcsa' is not supported" in other


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a region is a line such as"),
        ("\x00\x01\x02", "is not a region"),
        ("circle(1,2,-3)", "not a positive length"),
        ("circle(1,2,nan)", "not a finite number"),
        ("polygon(1,1,5,1)", "three corners"),
        ('{"sersiclab": "session"}', "is not a region"),
    ],
)
def test_a_file_without_regions_is_refused(text, words):
    with pytest.raises(ValueError, match="no DS9 regions that can be used") as caught:
        read_regions(text)
    assert words in str(caught.value)


def test_a_place_behind_the_sky_is_refused():
    behind = SkyCoord(150 * u.deg, 2 * u.deg).directional_offset_by(0 * u.deg, 120 * u.deg)
    with pytest.raises(ValueError, match="no DS9 regions"):
        read_regions(f"fk5;point({behind.ra.deg},{behind.dec.deg})", sky())
