"""Files of fits that were damaged, or edited by hand: with a valid checksum, and values that no fit has."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sersiclab.documents import storage
from sersiclab.documents.fit_format import to_tree
from sersiclab.io import load
from sersiclab.results import Fit


MakeFit = Callable[..., Fit]
ABSENT = object()


def damaged(fit: Fit, folder: Path, place: str, value: Any) -> Path:
    """A file of the fit in which the value at a place such as "image/psf" is another, or absent."""
    tree = to_tree(vars(fit))
    *parents, last = place.split("/")
    node: Any = tree
    for name in parents:
        node = node[name]
    if value is ABSENT:
        del node[last]
    else:
        node[last] = value
    return storage.write(folder / "edited.asdf", "fit", tree)


def psf_with(value: float) -> np.ndarray:
    psf = np.full((5, 5), 0.04)
    psf[2, 2] = value
    return psf


REFUSED = {
    "psf NaN": ("image/psf", psf_with(math.nan), "image: psf must be finite"),
    "psf inf": ("image/psf", psf_with(math.inf), "image: psf must be finite"),
    "psf not normalised": ("image/psf", 7.0 * psf_with(0.04), "image: psf must sum to 1, got 7"),
    "psf of zeros": ("image/psf", np.zeros((5, 5)), "image: psf must have a positive sum"),
    "psf of one axis": ("image/psf", np.full(5, 0.2), "image: psf must be a 2-d array"),
    "psf text": ("image/psf", "gauss", "image: psf must be an array"),
    "psf_oversampling": ("image/psf_oversampling", 10**9, "image: psf_oversampling"),
    "psf_centre": ("image/psf_centre", "middle", "image: psf_centre must be one of"),
    "data NaN": ("image/data", np.full((30, 45), math.nan), "image: data must be finite"),
    "data of another shape": ("image/data", np.ones((3, 4)), "image: mask must have the shape of data"),
    "data text": ("image/data", "x", "image: data must be an array"),
    "data absent": ("image/data", ABSENT, "image: it lacks data"),
    "sigma negative": ("image/sigma", np.full((30, 45), -1.0), "image: sigma must be positive"),
    "mask of another shape": ("image/mask", np.zeros((3, 4), bool), "image: mask must have the shape of data"),
    "mask of everything": ("image/mask", np.ones((30, 45), bool), "image: mask excludes every pixel"),
    "zeropoint": ("image/zeropoint", "bright", "image: zeropoint must be a finite number"),
    "pixel_scale": ("image/pixel_scale", -1.0, "image: pixel_scale must be a positive finite number"),
    "gain": ("image/gain", math.nan, "image: gain must be a positive finite number"),
    "band": ("image/band", 3, "image: band must be a name"),
    "unit": ("image/unit", "furlong per", "image: unit must be a unit"),
    "image option": ("image/colour", "red", "image: colour is unknown"),
    "image text": ("image", "a.fits", "image: it must be a mapping"),
    "image absent": ("image", ABSENT, "it lacks image"),
    "draws text": ("draws/galaxy.n", "many", "draws\\['galaxy.n'\\] must be an array of real numbers"),
    "draws complex": ("draws/galaxy.n", np.ones((2, 400), complex), "draws\\['galaxy.n'\\] must be an array of real"),
    "draws of another shape": ("draws/galaxy.n", np.ones((2, 3)), "draws and stats must all have one shape"),
    "draws of one axis": ("draws/galaxy.n", np.ones(800), "draws and stats must all have one shape"),
    "draws absent": ("draws/galaxy.n", ABSENT, "draws must hold the model's free parameters"),
    "draws of another": ("draws/galaxy.w", np.ones((2, 400)), "draws must hold the model's free parameters"),
    "all draws text": ("draws", "many", "draws must be a mapping"),
    "stats of another shape": ("stats/lp", np.ones((2, 3)), "draws and stats must all have one shape"),
    "stats text": ("stats/lp", "good", "stats\\['lp'\\] must be an array of real numbers"),
    "all stats": ("stats", 3, "stats must be a mapping"),
    "best text": ("best", "abc", "best must be a mapping"),
    "best of text": ("best/galaxy.n", "four", "best\\['galaxy.n'\\] must be a number"),
    "best of a bool": ("best/galaxy.n", True, "best\\['galaxy.n'\\] must be a number"),
    "best of an array": ("best/galaxy.n", np.ones(3), "best\\['galaxy.n'\\] must be a number"),
    "best absent": ("best/galaxy.n", ABSENT, "best must hold the model's free parameters"),
    "covariance 2x2": ("covariance", np.eye(2), "covariance must have the shape \\(9, 9\\)"),
    "covariance text": ("covariance", "wide", "covariance must be an array of real numbers"),
    "seed text": ("seed", "lucky", "seed must be a whole number"),
    "seed negative": ("seed", -1, "seed must be a whole number"),
    "status unknown": ("status", "splendid", "status must be 'complete' or begin with 'cancelled'"),
    "status number": ("status", 3, "status must be a string"),
    "message number": ("message", 3, "message must be a string"),
    "model text": ("model", "sersic", "model: the document must be a mapping"),
    "model type": ("model/components", {"g": {"type": "Serric"}}, "model: .*Serric"),
    "model version": ("model/version", 99, "model: the document has version 99"),
    "method unknown": ("method", {"type": "MCMC"}, "method: .*'MCMC'"),
    "method no method": (
        "method",
        {"type": "Normal", "loc": 0.0, "scale": 1.0},
        "method: expected a method such as NUTS",
    ),
    "method options": ("method/draws", -3, "method: .*draws must be at least 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_fit_has_is_refused_by_name(make_fit: MakeFit, tmp_path: Path, case: str) -> None:
    place, value, message = REFUSED[case]
    path = damaged(make_fit(), tmp_path, place, value)
    with pytest.raises(ValueError, match=f"edited.asdf.*{message}"):
        load(path)


LEFT_OUT = {
    "provenance": ("image/provenance", 3, "image: provenance", lambda fit: fit.image.provenance, ()),
    "provenance of numbers": ("image/provenance", [1, 2], "image: provenance", lambda fit: fit.image.provenance, ()),
    "wcs": ("image/wcs", "north is up", "image: wcs", lambda fit: fit.image.wcs, None),
    "wcs number": ("image/wcs", 3, "image: wcs", lambda fit: fit.image.wcs, None),
    "timing": ("timing", "fast", "timing", lambda fit: fit.timing, {}),
    "timing of text": ("timing/run", "fast", "timing", lambda fit: fit.timing, {}),
    "timing negative": ("timing/run", -1.0, "timing", lambda fit: fit.timing, {}),
    "timing NaN": ("timing/run", math.nan, "timing", lambda fit: fit.timing, {}),
    "versions": ("versions", [1], "versions", lambda fit: list(fit.versions), ["sersiclab"]),
    "versions of numbers": ("versions/jax", 4, "versions", lambda fit: list(fit.versions), ["sersiclab"]),
    "derived": ("derived", "B/T", "derived", lambda fit: fit.derived, {}),
    "derived quantity": ("derived/ratio", {"best": 3}, "derived: ratio", lambda fit: fit.derived, {}),
    "derived draws": (
        "derived/x",
        {"draws": np.ones((1, 2)), "best": 1.0, "sd": 1.0, "unit": ""},
        "derived: x",
        lambda fit: fit.derived,
        {},
    ),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_a_fit_can_do_without_is_left_out_with_a_warning(make_fit: MakeFit, tmp_path: Path, case: str) -> None:
    place, value, named, what, expected = LEFT_OUT[case]
    fit = make_fit()
    path = damaged(fit, tmp_path, place, value)
    with pytest.warns(UserWarning, match=f"edited.asdf: {named} is damaged and left out: "):
        found = load(path)
    assert what(found) == expected
    np.testing.assert_array_equal(found.draws["galaxy.n"], fit.draws["galaxy.n"])


@pytest.mark.parametrize(
    ("value", "said"), [(math.nan, "not finite"), (math.inf, "not finite"), (20.0, "outside its prior's \\[0.5, 8\\]")]
)
def test_draws_that_cannot_be_are_reported(make_fit: MakeFit, tmp_path: Path, value: float, said: str) -> None:
    """Not refused: a run may end so, and its verdict says it."""
    draws = make_fit().draws["galaxy.n"].copy()
    draws[1, 7] = value
    path = damaged(make_fit(), tmp_path, "draws/galaxy.n", draws)
    with pytest.warns(UserWarning, match=f"edited.asdf: draws\\['galaxy.n'\\] has 1 values .*{said}"):
        found = load(path)
    assert found.verdict.level == "bad"


@pytest.mark.parametrize("written", ["x", None, [1], 1.5])
def test_the_format_must_be_a_number(make_fit: MakeFit, tmp_path: Path, written: Any) -> None:
    import asdf

    path = make_fit().save(tmp_path / "edited.asdf")
    with asdf.open(path, lazy_load=False, memmap=False) as file:
        tree = dict(file.tree)
    tree["sersiclab"] = {**tree["sersiclab"], "format": written}
    asdf.AsdfFile({"sersiclab": tree["sersiclab"]}).write_to(path)
    with pytest.raises(ValueError, match=r"edited.asdf is damaged: its format must be a whole number, got "):
        load(path)
