"""Objects of photutils, SEP and astropy's regions are accepted where ours are."""

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS
from photutils.segmentation import SegmentationImage, SourceCatalog, detect_sources

import sersiclab as sl
from sersiclab.data.interchange import labels_of


@pytest.fixture(scope="module")
def scene():
    """A galaxy with a neighbour."""
    image = sl.datasets.example()
    return sl.Image(image.data, sigma=image.sigma, psf=image.psf)


@pytest.fixture(scope="module")
def segmentation(scene):
    found = detect_sources(scene.data, 5 * scene.sigma, 8)
    assert found is not None
    assert len(found.labels) >= 2
    return found


def test_a_segmentation_image_masks_the_neighbours_and_keeps_the_target(scene, segmentation):
    found = sl.detect(scene, segmentation=segmentation)
    assert len(found.sources) == len(segmentation.labels)
    assert (found.target.xc, found.target.yc) == pytest.approx((50.7, 41.4), abs=0.3)
    masked = found.masked(scene).mask
    target = segmentation.data == segmentation.data[41, 51]
    assert not masked[target].any()
    assert masked[(segmentation.data > 0) & ~target].all()


def test_labels_may_have_gaps_and_be_a_plain_array(scene, segmentation):
    gaps = np.where(segmentation.data > 0, 7 * segmentation.data + 3, 0)
    ours, theirs = (sl.detect(scene, segmentation=each) for each in (gaps, segmentation))
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert ours.sources == theirs.sources
    assert labels_of(np.full((2, 2), 5), (2, 2)).tolist() == [[1, 1], [1, 1]]


def test_a_segmentation_of_other_pixels_is_refused(scene, segmentation):
    with pytest.raises(sl.InputError, match="segmentation must be a SegmentationImage or whole numbers"):
        sl.detect(scene, segmentation=SegmentationImage(segmentation.data[1:]))
    with pytest.raises(sl.InputError, match="got float64"):
        sl.detect(scene, segmentation=segmentation.data * 1.0)
    with pytest.raises(sl.InputTypeError, match=r"use sl.detect\(image, segmentation=...\).masked\(image\)"):
        sl.Image(scene.data, sigma=scene.sigma, mask=segmentation)


def test_a_row_of_a_photutils_catalogue_is_a_position(scene, segmentation):
    catalogue = SourceCatalog(scene.data, segmentation)
    star = next(source for source in catalogue if source.x_centroid > 80)
    row = next(row for row in catalogue.to_table() if row["x_centroid"] > 80)
    for position in (star, row):
        found = sl.detect(scene, position=position)
        assert (found.target.xc, found.target.yc) == pytest.approx((88.6, 70.3), abs=0.5)
        model = sl.guess(scene, "point_source", position=position)
        assert model.initial["star.xc"] == pytest.approx(88.6, abs=0.5)
        assert scene.cutout(position, 21).shape == (21, 21)


def test_a_row_of_a_sep_table_is_a_position(scene):
    sep = pytest.importorskip("sep")
    rows, labels = sep.extract(scene.data.copy(), 5.0, err=scene.sigma.copy(), segmentation_map=True)
    row = rows[np.argmax(rows["x"])]
    assert row["x"] > 80
    assert sl.detect(scene, position=row).target.xc == pytest.approx(88.6, abs=0.5)
    assert sl.detect(scene, segmentation=labels).target.xc == pytest.approx(50.7, abs=0.3)


def test_regions_are_masks_and_positions(scene):
    regions = pytest.importorskip("regions")
    centre = regions.PixCoord(88.6, 70.3)
    circle = regions.CirclePixelRegion(centre, 12.0)
    ring = regions.CircleAnnulusPixelRegion(regions.PixCoord(20.0, 20.0), 3.1, 6.1)
    y, x = np.indices(scene.shape)
    disk = np.hypot(x - 88.6, y - 70.3) < 12.0
    np.testing.assert_array_equal(scene.with_mask(circle).mask, disk)
    both = sl.Image(scene.data, sigma=scene.sigma, mask=[circle, ring]).mask
    distance = np.hypot(x - 20.0, y - 20.0)
    np.testing.assert_array_equal(both, disk | ((distance < 6.1) & (distance > 3.1)))
    np.testing.assert_array_equal(scene.with_mask(regions.Regions([circle, ring])).mask, both)
    outside = regions.CirclePixelRegion(regions.PixCoord(-90.0, 2.0), 3.0)
    assert not scene.with_mask(outside).mask.any()
    assert sl.detect(scene, position=circle).target.xc == pytest.approx(88.6, abs=0.5)


def test_regions_on_the_sky_need_a_wcs(scene):
    regions = pytest.importorskip("regions")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ("RA---TAN", "DEC--TAN"), (150, 2), (51, 42)
    wcs.wcs.cdelt = (-1e-4, 1e-4)
    region = regions.CircleSkyRegion(wcs.pixel_to_world(88.6, 70.3), 12e-4 * u.deg)
    with pytest.raises(sl.InputError, match="lies on the sky, and the image has no WCS"):
        scene.with_mask(region)
    placed = sl.Image(scene.data, sigma=scene.sigma, wcs=wcs)
    masked = placed.with_mask(region).mask
    assert masked[70, 88]
    assert masked.sum() == pytest.approx(np.pi * 144, rel=0.05)
    assert sl.detect(placed, position=region).target.xc == pytest.approx(88.6, abs=0.5)


def test_regions_become_ours():
    regions = pytest.importorskip("regions")
    ellipse = regions.EllipsePixelRegion(regions.PixCoord(50.0, 41.0), 24.0, 16.0, 30 * u.deg)
    (found,) = sl.io.read_regions(regions.Regions([ellipse])).found
    assert (found.shape.xc, found.shape.yc, found.shape.size) == pytest.approx((50.0, 41.0, 12.0))
    assert found.shape.ellip == pytest.approx(1 - 8 / 12)
    assert found.shape.theta == pytest.approx(np.pi - np.radians(60.0))
