"""Galaxies drawn from the priors."""

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.parameters.priors import Normal, Uniform
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.runtime.errors import InputError
from sersiclab.widget.frames import Frames
from sersiclab.widget.predictive import SIDE, predict, rings_of, thumbnail


def test_an_editor_answers_with_the_requested_number_of_draws(editor, heard):
    heard.send(t="predict", request=7, number=5, seed=3)
    assert editor.flush(60)
    answers = heard.of("prediction")
    assert [content["index"] for content, _ in answers] == list(range(5))
    assert {content["request"] for content, _ in answers} == {7}
    planes = [np.frombuffer(buffers[0], "<f4") for _, buffers in answers]
    assert all(plane.size == np.prod(content["shape"]) for plane, (content, _) in zip(planes, answers, strict=True))
    assert len({plane.tobytes() for plane in planes}) == 5  # the priors have widths
    profiles = [np.frombuffer(buffers[1], "<f4") for _, buffers in answers]
    assert all(len(profile) == len(content["radius"]) for profile, (content, _) in zip(profiles, answers, strict=True))
    heard.clear()
    heard.send(t="predict", request=8, number=1, seed=3)
    assert editor.flush(60)
    assert np.array_equal(np.frombuffer(heard.of("prediction")[0][1][0], "<f4"), planes[0])  # the same seed


def test_a_draw_has_the_light_of_its_parameters():
    image = Image(np.zeros((10, 14)), sigma=1.0)
    sources = {
        "star": PointSource(xc=Normal(6.0, 0.1), yc=5.0, flux=Uniform(50.0, 100.0)),
        "sky": FlatSky(level=2.0),
    }
    model, frames = Model(sources), Frames(image)
    drawn = predict(frames, model, rings_of(frames, model), 1)
    assert 50.0 <= drawn.thumbnail.sum() - 2.0 * 140 <= 100.0
    assert drawn.profile[0] > 0  # without the sky
    assert abs(drawn.profile[-1]) < 0.1
    sky = Model({"sky": FlatSky(level=Normal(0.0, 1.0))})
    assert rings_of(frames, sky) is None
    assert predict(frames, sky, None, 1).profile.size == 0


def test_priors_without_valid_draws_are_reported(monkeypatch):
    def refuse(frames, model, values):
        raise InputError("a profile that can't be drawn")

    monkeypatch.setattr(Frames, "draw", refuse)
    model = Model({"a": PointSource(xc=6.0, yc=5.0, flux=Uniform(1.0, 1e6))})
    image = Image(np.zeros((10, 14)), sigma=1.0)
    with pytest.raises(ValueError, match="almost never give a valid model: a profile that can't be drawn"):
        predict(Frames(image), model, None, 1)


def test_thumbnails_are_means_of_blocks():
    pixels = np.arange(200.0 * 150).reshape(200, 150)
    small = thumbnail(pixels)
    block = -(-200 // SIDE)
    assert small.shape == (200 // block, 150 // block)
    assert small[3, 2] == pixels[3 * block : 4 * block, 2 * block : 3 * block].mean()
    assert thumbnail(pixels[:5, :9]).shape == (5, 9)
    assert thumbnail(np.ones((1, 300))).shape == (1, 300)
