import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sersiclab.documents.fit_parts import DERIVED, PARTS
from sersiclab.model import render
from sersiclab.results import Fit
from sersiclab.results.draws import Derived
from sersiclab.results.joint import JointFit


MakeFit = Callable[..., Fit]


def test_draws_and_best_come_in_the_models_order(make_fit: MakeFit, truth: dict[str, float]) -> None:
    fit = make_fit()
    shuffled = make_fit(draws=dict(reversed(fit.draws.items())), best=dict(reversed(truth.items())))
    assert list(shuffled.draws) == list(shuffled.best) == list(fit.model.free)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("best", {"best": {"galaxy.n": 2.0}}),
        ("draws", {"draws": {"galaxy.n": np.zeros((2, 400))}}),
        ("shape", {"stats": {"lp": np.zeros((2, 399))}}),
        ("shape", {"stats": {"lp": np.zeros(400)}}),
    ],
)
def test_parts_that_do_not_fit_together_are_an_error(make_fit: MakeFit, name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=name):
        make_fit(**changes)


def test_a_fit_does_not_change(make_fit: MakeFit) -> None:
    with pytest.raises(AttributeError):
        make_fit().seed = 4


def test_the_model_image_is_rendered_at_best_once(make_fit: MakeFit) -> None:
    fit = make_fit()
    assert_allclose(fit.model_image, render(fit.model, fit.image, fit.best), rtol=1e-6)
    assert fit.model_image is fit.model_image


def test_residual_and_chi2_are_those_of_unmasked_pixels(make_fit: MakeFit) -> None:
    fit = make_fit()
    image, valid = fit.image, fit.image.valid
    expected = (image.data[valid] - fit.model_image[valid].astype(float)) / image.sigma[valid]
    assert_allclose(fit.residual[valid], expected, rtol=1e-12)
    assert np.all(fit.residual[image.mask] == 0)
    assert fit.chi2 == pytest.approx(np.sum(expected**2))
    assert fit.dof == 30 * 45 - 50 - 9
    assert fit.reduced_chi2 == pytest.approx(np.sum(expected**2) / fit.dof)
    assert abs(fit.reduced_chi2 - 1) < 5 * np.sqrt(2 / fit.dof)


def test_its_text_says_what_it_is(make_fit: MakeFit, map_fit: Fit) -> None:
    text = repr(make_fit())
    for part in ("NUTS", "galaxy, core, sky", "9 free parameters", "2 x 400 draws", "verdict='ok'"):
        assert part in text
    assert "no draws" in repr(map_fit)


def test_its_html_holds_the_table_and_the_reasons(make_fit: MakeFit) -> None:
    fit = make_fit(status="cancelled at <b>")
    html = fit._repr_html_()
    for part in ("<table", "galaxy.theta", "ess_bulk", "caution", "did not finish: cancelled at &lt;b&gt;"):
        assert part in html


def test_it_survives_pickling(make_fit: MakeFit) -> None:
    fit = make_fit()
    fit.derive(lambda s: s["core"].flux, name="core")
    copy = pickle.loads(pickle.dumps(fit))
    assert copy.model == fit.model
    assert copy.summary().equals(fit.summary())


def test_a_pickle_leaves_the_caches_behind(make_fit: MakeFit) -> None:
    fit = make_fit()
    size = len(pickle.dumps(fit))
    for name in ("log_likelihood", "posterior", "model_sd", "verdict", "observables"):
        getattr(fit, name)
    assert fit.log_likelihood["data"].nbytes > 3e6
    assert len(pickle.dumps(fit)) == size < 200_000
    copied = pickle.loads(pickle.dumps(fit))
    assert "log_likelihood" not in vars(copied)
    assert copied.verdict == fit.verdict


def test_a_file_has_every_field_but_the_unfinished_run() -> None:
    """Nor the joint fit of which a fit of one image is a part: such a fit is not saved."""
    assert {field.name for field in dataclasses.fields(Fit)} == {*PARTS, "image", "unfinished", "part_of"}
    assert {field.name for field in dataclasses.fields(JointFit)} == {*PARTS, "images", "unfinished"}
    assert [field.name for field in dataclasses.fields(Derived)] == list(DERIVED)
