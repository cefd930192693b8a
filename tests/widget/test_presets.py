"""Presets, the mask of neighbours, and correlated noise, all measured from the pixels."""

from contextlib import closing

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.datasets import example
from sersiclab.guess import guess
from sersiclab.model import Model, render
from sersiclab.noise import CorrelatedNoise
from sersiclab.profiles import FlatSky, Gaussian, PointSource
from sersiclab.widget import Editor
from sersiclab.widget.presets import PRESETS, measured_noise, start_from


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_components_and_keeps_the_sky(name):
    image = example()
    present = guess(image).with_component("background", FlatSky(level=0.25))
    model = start_from(name, image, present)
    assert list(model.components) == [*PRESETS[name], "background"]
    assert model.components["background"] == FlatSky(level=0.25)
    assert model.noise == present.noise
    centre, *others = PRESETS[name]
    assert [model.components[other].xc.to for other in others] == [f"{centre}.xc"] * len(others)


def test_an_unknown_preset_is_refused():
    image = example()
    with pytest.raises(ValueError, match="preset must be one of"):
        start_from("nothing", image, guess(image))


@pytest.mark.filterwarnings("ignore:no source is detected above the noise")
def test_the_page_can_request_a_preset(editor, heard):
    assert editor.schema["presets"] == list(PRESETS)
    heard.send(t="preset", name="AGN + host")
    assert editor.flush(60)
    assert list(editor.model.components)[:2] == ["nucleus", "host"]
    heard.send(t="preset", name="no such")
    assert editor.flush(60)
    assert "preset must be one of" in heard.of("error")[-1][0]["detail"]


def test_neighbours_that_are_not_in_the_model_are_masked():
    masked = example()
    star = masked.mask
    y, x = (float(side.mean()) for side in np.nonzero(star))
    image = Image(masked.data, sigma=masked.sigma, psf=masked.psf)
    model = guess(image)
    with closing(Editor(image, model)) as editor:
        editor.mask_neighbours()
        assert editor.mask[star].mean() > 0.2
        assert editor.mask[~star].mean() < 0.02
        editor.mask = np.zeros(image.shape, bool)
        editor.model = model.with_component("star", PointSource(xc=x, yc=y, flux=1e3))
        editor.mask_neighbours()
        assert not editor.mask[round(y), round(x)]


def test_the_page_can_request_a_mask_of_neighbours(editor, heard, monkeypatch):
    monkeypatch.setattr("sersiclab.widget.editor.mask_of_neighbours", lambda image, _: np.eye(*image.shape))
    heard.send(t="neighbours")
    assert editor.flush(60)
    assert editor.mask[1, 1]
    assert not editor.mask[1, 2]


def resampled() -> tuple[Image, Model]:
    """A galaxy with noise that was shifted by half a pixel along x, so that neighbouring pixels share half of it."""
    model = Model({"galaxy": Gaussian(xc=40.0, yc=30.0, flux=500.0, fwhm=8.0, ellip=0.3, theta=0.5)})
    noise = np.random.default_rng(3).normal(size=(60, 81))
    blank = Image(np.zeros((60, 80)), sigma=1.0)
    return Image(render(model, blank) + (noise[:, 1:] + noise[:, :-1]) / np.sqrt(2), sigma=1.0), model


def test_the_noise_is_measured_on_the_sky():
    rho = np.array(measured_noise(*resampled()).correlation)
    expected = np.zeros((7, 7))
    expected[3, 2:5] = 0.5, 1.0, 0.5
    np.testing.assert_allclose(rho, expected, atol=0.08)  # a standard error is 0.015, and the lags are 24


def test_without_sky_the_noise_is_not_measured():
    image, model = resampled()
    with pytest.raises(ValueError, match="can't be measured on the sky"):
        measured_noise(image.cutout((40, 30), 20), model)


def test_the_page_can_request_a_noise_measurement():
    image, model = resampled()
    with closing(Editor(image, model)) as editor:
        editor._handle_custom_msg({"t": "noise"}, [])
        assert editor.flush(60)
        assert isinstance(editor.model.noise, CorrelatedNoise)
        assert editor.model.components == model.components
        assert editor.schema["noises"]["CorrelatedNoise"]["document"] is None
