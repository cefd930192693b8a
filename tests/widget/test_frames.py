"""Pictures for the front end."""

import equinox as eqx
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import render, render_components
from sersiclab.widget.frames import ENOUGH, Frames, limits, pack


@pytest.fixture
def frames(image):
    return Frames(image)


def test_component_images_are_those_of_render_components_and_sum_to_render(frames, model, image):
    values = {"star.xc": 6.7, "ghost.flux": 4.0}
    parts = frames.draw(model, values)
    expected = render_components(model, image, values)
    assert list(parts) == list(expected)
    for name, pixels in parts.items():
        assert pixels.dtype == np.float32
        np.testing.assert_allclose(pixels, expected[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sum(parts.values()), render(model, image, values), rtol=1e-5, atol=1e-6)


def test_only_changed_components_are_drawn_and_sent(frames, model):
    first = frames.draw(model, {})
    assert frames.news(pushed=True) == ["star", "ghost", "sky"]
    second = frames.draw(model, {"ghost.flux": 4.0})
    assert frames.news(pushed=False) == ["ghost"]
    assert second["star"] is first["star"]
    assert second["sky"] is first["sky"]
    frames.draw(model, {"ghost.flux": 4.0, "star.xc": 6.9})
    assert frames.news(pushed=False) == ["star", "ghost"]  # the ghost is tied to the star
    frames.draw(model, {"ghost.flux": 4.0, "star.xc": 6.9})
    assert frames.news(pushed=False) == []
    # An answer may have been dropped as outdated: the committed picture repeats all changes since the last one.
    assert frames.news(pushed=True) == ["star", "ghost"]
    frames.forget()
    assert frames.news(pushed=True) == ["star", "ghost", "sky"]


def test_a_renamed_component_is_sent(frames, model):
    frames.draw(model, {})
    frames.news(pushed=True)
    frames.draw(model.without("sky").with_component("ground", model.components["sky"]), {})
    assert frames.news(pushed=True) == ["ground"]


def test_values_out_of_range_or_unknown_are_refused(frames, model):
    with pytest.raises(ValueError, match="no_such"):
        frames.draw(model, {"star.no_such": 1.0})


def test_limits_use_valid_pixels_only(image):
    data = image.data.copy()
    data[image.mask] = np.nan
    image = eqx.tree_at(lambda i: i.data, image, data)
    found = limits(image)
    valid = image.data[image.valid]
    assert found["minmax"] == [valid.min(), valid.max()]
    assert found["percentile"] == pytest.approx(np.percentile(valid, [0.5, 99.5]))


def test_limits_of_a_large_image_come_from_pixels_spread_over_it():
    data = np.linspace(0.0, 1.0, 3 * ENOUGH).reshape(3, -1)
    data[0, 1] = -9.0
    found = limits(Image(data, sigma=1.0))
    assert found["minmax"] == [-9.0, 1.0]
    assert found["percentile"] == pytest.approx([0.005, 0.995], abs=1e-4)


def test_limits_of_a_flat_image_are_not_empty(image):
    flat = eqx.tree_at(lambda i: i.data, image, np.zeros(image.shape))
    for low, high in limits(flat).values():
        assert low < high


def test_bytes_are_row_by_row_in_little_endian():
    assert pack(np.array([[1, 2], [3, 4]], dtype=">f8").T, "<f4") == np.array([1, 3, 2, 4], "<f4").tobytes()
