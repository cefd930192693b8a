"""Neighbours of a target: masked, modelled or ignored, by a segmentation map or by detection."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from photutils.segmentation import SegmentationImage

import sersiclab as sl
from sersiclab.catalogue.neighbourhoods import Other, by_map


SHAPE = (200, 220)
PLACES = np.array([[80.0, 90.0], [91.0, 93.0], [120.0, 90.0], [60.0, 160.0], [150.0, 30.0]])  # x, y
LABELS = [7, 3, 9, 4, 2]


@pytest.fixture(scope="module")
def field() -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
    """An image, a segmentation map in which the first two sources touch, and a table."""
    y, x = np.indices(SHAPE)
    data = np.random.default_rng(0).normal(0.0, 1.0, SHAPE)
    distance = np.stack([np.hypot(x - place[0], y - place[1]) for place in PLACES])
    data += (60.0 * np.exp(-0.5 * (distance / 2.5) ** 2)).sum(axis=0)
    labels = np.where(distance.min(axis=0) < 8.0, np.array(LABELS)[distance.argmin(axis=0)], 0)
    table = [{"id": f"s{label}", "x": x, "y": y} for label, (x, y) in zip(LABELS, PLACES, strict=True)]
    return data, labels, table


def test_pixels_of_other_labels_are_masked(field: Any, tmp_path: Path) -> None:
    data, labels, table = field
    fits.writeto(tmp_path / "seg.fits", labels.astype(np.int32))
    for segmentation in (labels, SegmentationImage(labels), tmp_path / "seg.fits"):
        for job in sl.jobs(table, data, sigma=1.0, segmentation=segmentation, size=50):
            image, window = job.load_image(), job.image.cut().window
            rows, columns = slice(window.y0, window.y0 + 50), slice(window.x0, window.x0 + 50)
            own = int(job.id[1:])
            part = labels[rows, columns]
            np.testing.assert_array_equal(image.mask, (part != 0) & (part != own))
            np.testing.assert_array_equal(job.image.cut().surroundings.labels, part == own)
            np.testing.assert_array_equal(image.data, data[rows, columns])


def test_neighbours_are_ignored_on_demand(field: Any) -> None:
    data, labels, table = field
    for job in sl.jobs(table, data, sigma=1.0, segmentation=labels, size=50, neighbours="ignore"):
        assert not job.load_image().mask.any()


def test_the_tables_labels_are_those_of_the_map(field: Any) -> None:
    data, labels, table = field
    rows = [{**row, "NUMBER": label, "x": row["x"] + 5} for row, label in zip(table, LABELS, strict=True)]
    mosaic = {"image": data, "sigma": 1.0, "segmentation": labels, "size": 50}
    by_number = sl.jobs(rows, **mosaic)["s7"].load_image()  # whose position is on the other one's segment
    assert not by_number.mask[25, 19]
    assert by_number.mask[28, 31]
    rows[0]["NUMBER"] = 5
    with pytest.raises(sl.InputError, match="no pixel of 's7''s label 5 in its stamp; at its position the label is 7"):
        sl.jobs(rows, **mosaic)["s7"].load_image()
    assert not sl.jobs(rows, **mosaic, label=False)["s7"].load_image().mask[25, 19]


def test_a_target_without_a_segment_of_its_own_keeps_its_pixels(field: Any) -> None:
    data, labels, _ = field
    jobs = sl.jobs([{"x": 30, "y": 30}, {"x": 80, "y": 80}], data, sigma=1.0, segmentation=labels, size=40)
    assert not jobs[0].load_image().mask.any()
    assert jobs[1].load_image().mask.any()  # 2 pixels outside of the segment: it is the target's
    assert jobs[1].image.cut().surroundings.labels.any()


def test_stamps_of_segments_have_room_for_sky(field: Any) -> None:
    data, labels, table = field
    big = labels.copy()
    big[110:190, 100:200] = 11
    jobs = sl.jobs([*table, {"id": "big", "x": 150, "y": 150}], data, sigma=1.0, segmentation=big)
    assert jobs["s2"].load_image().shape == (48, 48)
    assert jobs["big"].load_image().shape == (256, 256)  # 4 x 51, up to the next of a few sides
    assert sl.jobs([{"x": 20, "y": 20}], data, sigma=1.0, segmentation=big)[0].load_image().shape == (64, 64)


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("pickled", [True, False])
def test_neighbours_that_touch_are_modelled(field: Any, mapped: bool, pickled: bool) -> None:
    data, labels, table = field
    segmentation = labels if mapped else None
    jobs = sl.jobs(table, data, sigma=1.0, segmentation=segmentation, size=90, neighbours="model", model="exp")
    job = jobs["s7"]
    model, image = (pickle.loads(pickle.dumps(job)) if pickled else job).load()
    assert list(model.components) == ["galaxy", "neighbour_1"]
    assert isinstance(model.components["galaxy"], sl.Exponential)
    assert isinstance(model.components["neighbour_1"], sl.Sersic)
    window = job.image.cut().window
    start = {path: value + (window.x0 if path.endswith("xc") else window.y0) for path, value in model.initial.items()}
    assert np.hypot(start["galaxy.xc"] - 80.0, start["galaxy.yc"] - 90.0) < 1.0
    assert np.hypot(start["neighbour_1.xc"] - 91.0, start["neighbour_1.yc"] - 93.0) < 1.0
    assert image.mask[90 - window.y0, [x - window.x0 for x in (80, 91, 120)]].tolist() == [False, False, True]
    assert list(jobs["s4"].load()[0].components) == ["galaxy"]


def test_the_group_is_fitted_together(field: Any) -> None:
    data, labels, table = field
    jobs = sl.jobs(table, data, sigma=1.0, segmentation=labels, size=44, neighbours="model", model="gaussian")
    model, image = jobs["s7"].load()
    fit = sl.fit(model, image, sl.MAP(), progress=False)
    window = jobs["s7"].image.cut().window
    assert fit.best["galaxy.xc"] + window.x0 == pytest.approx(80.0, abs=0.1)
    assert fit.best["neighbour_1.xc"] + window.x0 == pytest.approx(91.0, abs=0.1)
    assert fit.best["neighbour_1.yc"] + window.y0 == pytest.approx(93.0, abs=0.1)


def test_sources_that_share_a_segment_are_a_group() -> None:
    labels = np.zeros((20, 30), int)
    labels[5:15, 5:20] = 4
    labels[5:15, 20:25] = 6
    labels[0:3, 0:3] = 8
    others = [Other(16.0, 10.0), Other(22.0, 10.0), Other(1.0, 1.0), Other(40.0, 10.0, 6)]
    found = by_map(labels, 4, others, model=True)
    assert found.group == ((16.0, 10.0), (22.0, 10.0), (40.0, 10.0))
    assert set(np.unique(found.labels)) == {0, 1, 4}
    np.testing.assert_array_equal(found.mask, labels == 8)


def test_without_a_map_detected_neighbours_are_masked_with_their_wings(field: Any) -> None:
    data, _, table = field
    job = sl.jobs(table, data, sigma=1.0, size=64)["s9"]
    image, window = job.load_image(), job.image.cut().window
    expected = sl.Image(data[window.y0 : window.y0 + 64, window.x0 : window.x0 + 64], sigma=1.0)
    place = (120 - window.x0, 90 - window.y0)
    np.testing.assert_array_equal(image.mask, sl.detect(expected, position=place).masked(expected).mask)
    assert image.mask[93 - window.y0, 91 - window.x0]


def test_a_target_that_is_not_detected_is_not_replaced_by_its_neighbour(field: Any) -> None:
    data, _, _ = field
    image = sl.jobs([{"x": 60, "y": 140}], data, sigma=1.0, size=64)[0].load_image()
    assert image.mask[31 + 20, 31]
    assert not image.mask[28:36, 28:36].any()
