"""A job: what it may hold, and what it loads."""

import pickle
from functools import partial

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl


def recipe(image, level=0.5):
    return sl.Model({"sky": sl.FlatSky(sl.Normal(level, 1.0))})


IMAGE = sl.Image(np.full((4, 5), 2.0), sigma=1.0)


def test_it_loads_a_model_or_makes_one():
    model = recipe(IMAGE)
    assert sl.Job("a", IMAGE, model).load() == (model, IMAGE)
    assert sl.Job("a", IMAGE, partial(recipe, level=0.2)).load()[0] == recipe(IMAGE, 0.2)


def test_an_image_may_be_a_file(tmp_path):
    fits.writeto(tmp_path / "a.fits", np.random.default_rng(0).normal(5, 1, (20, 21)))
    job = pickle.loads(pickle.dumps(sl.Job(7, partial(sl.Image.read, tmp_path / "a.fits", sigma=1.0), recipe)))
    assert job.id == "7"
    assert job.load()[1].shape == (20, 21)
    with pytest.warns(UserWarning, match="there is no error map"):
        assert sl.Job("b", tmp_path / "a.fits").load_image().shape == (20, 21)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", IMAGE), ValueError, "id must name the galaxy"),
        ((1.5, IMAGE), TypeError, "id must be text or a whole number, got 1.5"),
        (("a", np.ones((3, 3))), TypeError, "image of job 'a' must be an Image, the path of a FITS file"),
        (("a", IMAGE, "sersic"), TypeError, "model of job 'a' must be a Model or a function"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        sl.Job(*arguments)


def test_functions_must_return_an_image_and_a_model():
    with pytest.raises(TypeError, match="the image function of job 'a' must return an Image, got 3"):
        sl.Job("a", lambda: 3).load()
    with pytest.raises(TypeError, match="the recipe of job 'a' must return a Model, got None"):
        sl.Job("a", IMAGE, lambda image: None).load()
