"""A fit, a session and a model document that version 0.1.0 wrote are still read."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.parameters.priors import Angle, LogUniform, Normal, TruncatedNormal, Uniform


KEPT = Path(__file__).parent / "kept"
BEST = {
    "bulge.xc": 12.317972,
    "bulge.yc": 9.105414,
    "bulge.flux": 814.332886,
    "bulge.r_eff": 2.919648,
    "bulge.n": 2.208306,
    "bulge.ellip": 0.251378,
    "bulge.theta": 0.760318,
    "core.flux": 50.788448,
    "sky.level": 0.530204,
    "noise.nu": 6.781223,
}


@pytest.fixture(scope="module")
def fit() -> sl.Fit:
    return sl.load(KEPT / "fit.asdf")


def test_the_files_are_small() -> None:
    assert all(path.stat().st_size <= 50_000 for path in KEPT.iterdir())


def test_a_fit_is_read_with_its_values(fit: sl.Fit) -> None:
    assert fit.best == pytest.approx(BEST, rel=1e-6)
    assert {path: array.shape for path, array in fit.draws.items()} == dict.fromkeys(BEST, (1, 50))
    assert float(np.mean(fit.draws["bulge.n"])) == pytest.approx(2.303569, rel=1e-5)
    assert fit.covariance is not None
    assert fit.covariance.shape == (10, 10)
    assert (fit.method, fit.seed, fit.status, fit.message) == (sl.Laplace(draws=50), 2, "complete", "")
    assert fit.versions["sersiclab"] == "0.1.0"
    assert fit.derived["core/total"].best == pytest.approx(0.058707, rel=1e-4)
    assert fit.derived["core/total"].draws.shape == (1, 50)


def test_a_fit_is_read_with_its_image(fit: sl.Fit) -> None:
    image = fit.image
    assert image.shape == (20, 24)
    assert image.data.dtype == np.float32
    assert int(image.mask.sum()) == 15
    assert image.psf is not None
    assert (image.psf.shape, image.zeropoint, image.band) == ((9, 9), 22.5, "r")
    assert image.pixel_scale == pytest.approx(0.252)
    assert image.wcs.wcs.crval == pytest.approx([150.1, 2.2])


def test_a_fit_that_was_read_can_be_used(fit: sl.Fit) -> None:
    assert fit.reduced_chi2 == pytest.approx(1.053, abs=2e-3)
    assert list(fit.summary().index) == [*BEST, "core/total"]
    assert math.isfinite(fit.observables["bulge.mag"].best)


def test_a_fit_that_was_read_is_saved_and_read_again(fit: sl.Fit, tmp_path: Path) -> None:
    again = sl.load(fit.save(tmp_path / "again.asdf"))
    assert again.model == fit.model
    assert again.best == fit.best
    assert again.derived["core/total"].best == fit.derived["core/total"].best
    np.testing.assert_array_equal(again.image.data, fit.image.data)
    assert all(np.array_equal(again.draws[path], array) for path, array in fit.draws.items())


def test_a_model_document_is_read(fit: sl.Fit) -> None:
    document = json.loads((KEPT / "model.json").read_text())
    model = sl.from_dict(document)
    kinds = (Normal, Normal, LogUniform, LogUniform, TruncatedNormal, Uniform, Angle, Normal, Normal, LogUniform)
    assert {path: type(prior) for path, prior in model.free.items()} == dict(zip(BEST, kinds, strict=True))
    assert model == fit.model
    assert sl.to_dict(model) == document


def test_a_session_is_read(fit: sl.Fit) -> None:
    workbench = sl.Workbench(fit.image)
    workbench.load(KEPT / "session.json")
    assert list(workbench.model.components) == ["bulge", "disk", "sky"]
    assert "total.fraction" in workbench.model.free
    assert int(workbench.editor.image.mask.sum()) == 19  # of the image, and four in a corner that were painted
