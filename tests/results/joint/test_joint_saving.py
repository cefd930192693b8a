"""Saving and loading fits of several images: everything comes back, and damaged files are refused by name."""

import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.documents import storage
from sersiclab.documents.fit_format import JOINT, to_tree


MakeJoint = Callable[..., sl.JointFit]
ABSENT = object()


def same(one: sl.JointFit, other: sl.JointFit) -> None:
    assert one.model == other.model
    assert one.best == other.best
    assert one.images.names == other.images.names
    assert one.images.wavelengths == other.images.wavelengths
    assert one.images.given == other.images.given
    assert one.images.notes == other.images.notes
    for name in one.images:
        for plane in ("data", "sigma", "mask", "psf"):
            assert np.array_equal(getattr(one.images[name], plane), getattr(other.images[name], plane))
    for path, drawn in one.draws.items():
        assert np.array_equal(drawn, other.draws[path])
    assert other.summary().equals(one.summary())
    assert {name: each.best for name, each in one.derived.items()} == {k: v.best for k, v in other.derived.items()}
    assert one.method == other.method
    assert one.verdict == other.verdict


def test_a_saved_fit_is_read_back_exactly(fit: sl.JointFit, tmp_path: Path) -> None:
    fit = dataclasses.replace(fit, derived={})
    fit.derive(lambda s: s["galaxy"].flux / 2.0, name="half")
    again = sl.load(fit.save(tmp_path / "bands.asdf"))
    same(fit, again)
    assert np.array_equal(again.covariance, fit.covariance)
    assert np.array_equal(again.of("r").derived["half"].draws, fit.of("r").derived["half"].draws)
    same(fit, pickle.loads(pickle.dumps(fit)))
    assert not {"_fits", "posterior"} & set(vars(pickle.loads(pickle.dumps(fit))))


def test_wavelengths_given_and_missing_images_are_kept(
    make: MakeJoint, images: sl.Images, model: sl.Model, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="image 'z' is None: it is left out"):
        some = sl.Images({**images, "z": None}, wavelengths={"g": 0.48, "i": 0.77})
    fit = make(model, some)
    again = sl.load(fit.save(tmp_path / "bands.asdf"))
    same(fit, again)
    assert again.images.given == (0.48, None, 0.77)
    assert again.images.missing == ("z",)


def damaged(fit: sl.JointFit, folder: Path, place: str, value: Any) -> Path:
    tree = copy.deepcopy(to_tree({field.name: getattr(fit, field.name) for field in dataclasses.fields(fit)}))
    *parents, last = place.split("/")
    node: Any = tree
    for name in parents:
        node = node[int(name) if isinstance(node, list) else name]
    if value is ABSENT:
        del node[last]
    else:
        node[last] = value
    return storage.write(folder / "edited.asdf", JOINT, tree)


REFUSED = {
    "images text": ("images", "a.fits", "images: expected a list of images with names, got str"),
    "images absent": ("images", ABSENT, "it lacks images"),
    "no images": ("images", [], "images: images must hold an image"),
    "a name that is a number": ("images/1/name", 3, "images: expected a list of images with names"),
    "a name twice": ("images/1/name", "g", "images: the names must differ, got g, g, i"),
    "a name with a space": ("images/1/name", "a b", "images: a name must be an identifier"),
    "another image": ("images/1/image", "r.fits", "images: r: it must be a mapping"),
    "data NaN": ("images/1/image/data", np.full((24, 26), math.nan), "images: r: data must be finite"),
    "data absent": ("images/1/image/data", ABSENT, "images: r: it lacks data"),
    "psf": ("images/2/image/psf", np.full((3, 3), 1.0), "images: i: psf must sum to 1"),
    "mask of text": ("images/2/image/mask", "none", "images: i: mask must be"),
    "mask of everything, of another shape": ("images/2/image/mask", np.ones((2, 2), bool), "images: i: mask must have"),
    "wavelength text": ("images/0/given", "red", "images: wavelengths"),
    "wavelength negative": ("images/0/given", -1.0, "images: wavelengths"),
    "draws": ("draws/galaxy.flux.g", ABSENT, "draws must hold the model's free parameters"),
    "best": ("best/galaxy.flux.g", "bright", r"best\['galaxy.flux.g'\] must be a number"),
    "covariance": ("covariance", np.eye(2), r"covariance must have the shape \(12, 12\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_damaged_files_are_refused_by_name(fit: sl.JointFit, tmp_path: Path, case: str) -> None:
    place, value, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"edited.asdf.*{message}"):
        sl.load(damaged(fit, tmp_path, place, value))


def test_what_a_fit_can_do_without_is_left_out(fit: sl.JointFit, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="timing is damaged and left out"):
        assert sl.load(damaged(fit, tmp_path, "timing", "fast")).timing == {}
    with pytest.warns(UserWarning, match="image: wcs is damaged and left out"):
        assert sl.load(damaged(fit, tmp_path, "images/0/image/wcs", 3)).images["g"].wcs is None
