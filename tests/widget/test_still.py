"""The still picture in the outputs of notebooks."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as Picture

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters.priors import Normal
from sersiclab.profiles import FlatSky
from sersiclab.widget import Workbench, frames
from sersiclab.widget.still import GAP, SIDE, pictures


def shown(bundle):
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    return np.asarray(Picture.open(io.BytesIO(base64.b64decode(data["image/png"]))))


def test_the_output_has_the_view_and_the_picture(editor, image):
    assert editor.flush(120)
    picture = shown(editor._repr_mimebundle_())
    times = SIDE // image.shape[1]
    assert picture.shape == (image.shape[0] * times, 3 * image.shape[1] * times + 2 * GAP, 3)
    # The mask's row 0 is at the bottom, in the data and in the residual.
    corner = picture[-times:, : 3 * times]
    assert (corner == 141).all()
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_it_is_remade_only_if_something_has_changed(editor, model):
    assert editor.flush(120)
    first = editor.still._png()
    assert editor.still._png() is first
    editor.model = Model({"sky": FlatSky(level=Normal(0.5, 1.0))})
    assert editor.flush(120)
    assert editor.still._png() != first


def test_it_shows_the_editors_last_drawing_and_draws_nothing(editor, image, model, monkeypatch):
    editor._handle_custom_msg({"t": "render", "seq": 1, "values": {"star.flux": 99.0}}, [])
    assert editor.flush(120)
    editor.set_state({"session": {**editor.session, "off": ["ghost"]}})
    editor._handle_custom_msg({"t": "render", "seq": 2, "values": {"star.flux": 60.0}}, [])
    assert editor.flush(120)
    expected = render(model.without("ghost"), image, {"star.flux": 60.0})
    monkeypatch.setattr(frames, "draw_component", None)
    residual, times = image.data - expected, SIDE // image.shape[1]
    picture = shown(editor._repr_mimebundle_())[::-times, ::times].astype(int)
    significance = picture[:, -image.shape[1] :, 0] - picture[:, -image.shape[1] :, 2]
    keep = ~image.mask & (np.abs(residual) > 0.1)
    assert (np.sign(significance) == np.sign(residual))[keep].all()


def test_the_data_are_shown_alone_without_a_drawing_of_the_model(editor, image, monkeypatch):
    assert editor.flush(120)
    monkeypatch.setattr(editor.still._frames, "last", None)
    times = SIDE // image.shape[1]
    assert shown(editor._repr_mimebundle_()).shape[1] == image.shape[1] * times


def test_the_workbench_has_one_too(image, model, editor):
    with Workbench(image, model) as workbench:
        assert workbench.editor.flush(120)
        assert shown(workbench._repr_mimebundle_()).shape[2] == 3


def test_large_images_and_undefined_pixels(rng):
    data = rng.normal(size=(1000, 700))
    data[10:20] = np.nan
    mask = ~np.isfinite(data)
    picture = pictures(Image(data, sigma=1.0, mask=mask), [np.zeros_like(data)])
    assert max(picture.shape[0], picture.shape[1] // 3) <= SIDE + GAP
    assert picture.dtype == np.uint8


def test_residuals_are_blue_below_and_red_above():
    data = np.zeros((4, 4))
    data[0], data[3] = 10.0, -10.0
    right = pictures(Image(data, sigma=1.0), [np.zeros((4, 4))])[:, -SIDE // 8 :]
    assert right[-1, -1] == pytest.approx([178, 24, 43])  # row 0 at the bottom
    assert right[0, -1] == pytest.approx([33, 102, 172])
    assert right[SIDE // 2, -1] == pytest.approx([255, 255, 255])
