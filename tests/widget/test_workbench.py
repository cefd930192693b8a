"""The workbench: the editor and the posterior beside it."""

import gc
import json
import re
import time
import weakref

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances as widget_registry
from numpy.testing import assert_allclose

from sersiclab.documents.spec import from_dict, to_python
from sersiclab.inference import Laplace
from sersiclab.model import Model
from sersiclab.parameters.priors import Normal
from sersiclab.profiles import FlatSky
from sersiclab.results import Fit
from sersiclab.widget import Workbench, bundle

from .conftest import SECONDS
from .counting import Counting


@pytest.fixture(autouse=True)
def _built():
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")


@pytest.fixture
def workbench(image, model):
    with Workbench(image, model) as made:
        yield made


def drawn(workbench):
    assert workbench._views.flush(SECONDS)
    return workbench._views


def test_model_and_image(workbench, image, model):
    assert workbench.model == model
    assert workbench.image is image
    assert workbench.editor.model == model
    assert workbench.to_python() == to_python(model)
    workbench.model = model.without("sky")
    assert list(workbench.editor.model.components) == ["star", "ghost"]
    with pytest.raises(TypeError, match="model must be a Model"):
        workbench.model = None


def test_there_is_no_posterior_before_a_fit(workbench):
    assert workbench.fit is None
    with pytest.raises(RuntimeError, match=r"call run\(NUTS\(\), wait=True\)"):
        _ = workbench.posterior


def test_a_run_fills_the_views_and_gives_the_posterior(workbench, monkeypatch):
    fit = workbench.run(Counting(steps=30), wait=True)
    assert workbench.fit is fit
    assert set(fit.draws) <= set(workbench.posterior.posterior.data_vars)
    views = drawn(workbench)
    (chains,) = views._trace.figure.marks
    assert_allclose(chains.y, fit.draws["star.xc"])
    _, posterior, value = views._marginal.figure.marks
    assert posterior.visible
    assert_allclose(np.trapezoid(posterior.y, posterior.x), 1.0, rtol=0.02)
    assert_allclose(value.x, fit.best["star.xc"])
    assert "star.xc [pixel]" in {axis.label for axis in views._marginal.figure.axes}
    wide, narrow = views._profile.figure.marks[:2]
    assert wide.visible
    assert np.all(wide.y[0] <= narrow.y[0])
    assert np.all(narrow.y[1] <= wide.y[1])


def test_before_a_run_the_prior_and_the_profile_are_shown(workbench):
    views = drawn(workbench)
    prior, posterior, value = views._marginal.figure.marks
    assert not posterior.visible
    expected = np.exp(-0.5 * ((prior.x - 6.0) / 0.5) ** 2) / np.sqrt(2 * np.pi) / 0.5
    assert_allclose(prior.y, expected, rtol=1e-4)
    assert_allclose(value.x, 6.2)
    model_line = views._profile.figure.marks[4]
    assert model_line.visible
    assert not views._profile.figure.marks[0].visible


def test_the_chooser_offers_the_free_parameters_and_remembers_the_choice(workbench, model):
    views = drawn(workbench)
    assert views._chooser.options == tuple(model.free)
    views._chooser.value = "ghost.flux"
    drawn(workbench)
    assert "ghost.flux" in {axis.label for axis in views._trace.figure.axes}
    workbench.model = model.without("ghost")
    drawn(workbench)
    assert views._chooser.value == "star.xc"
    workbench.model = model
    drawn(workbench)
    assert views._chooser.value == "ghost.flux"


def test_a_model_without_sources_has_no_profile(workbench):
    workbench.model = Model({"sky": FlatSky(level=Normal(0.0, 1.0))})
    views = drawn(workbench)
    assert not any(mark.visible for mark in views._profile.figure.marks)
    assert views._chooser.options == ("sky.level",)


def test_a_model_without_free_parameters_can_be_shown(workbench):
    workbench.model = Model({"sky": FlatSky(level=0.0)})
    views = drawn(workbench)
    assert views._chooser.options == ()
    with pytest.raises(ValueError, match="no free parameter"):
        workbench.run(Counting(), wait=True)


def test_cancel(workbench):
    workbench.run(Counting(steps=100_000, step_seconds=0.01))
    end = time.monotonic() + SECONDS
    while workbench.editor.progress["step"] < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    workbench.cancel()
    while workbench.editor.running:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert workbench.fit.draws["star.xc"].shape[1] >= 3


def test_a_fit_can_be_shown(image, model, workbench):
    fit = workbench.run(Counting(steps=6), wait=True)
    assert isinstance(fit, Fit)
    with Workbench.of(fit) as other:
        assert other.fit is fit
        assert other.model.initial == pytest.approx(fit.best)
        assert other.editor.summary == workbench.editor.summary
        assert other.editor.progress["state"] == "done"


def test_the_profile_is_updated_while_draws_keep_arriving(workbench, monkeypatch):
    views = drawn(workbench)
    order = []
    monkeypatch.setattr(views, "_draw_parameter", lambda: order.append("parameter"))
    monkeypatch.setattr(views, "_draw_profile", lambda _number: order.append("profile"))
    for _ in range(5):
        views.show_draws(workbench.model, {}, live=True)
    assert views.flush(SECONDS)
    assert order[:2] == ["parameter", "profile"]
    assert order.count("parameter") == order.count("profile")


def test_a_pair_of_parameters_is_drawn(workbench):
    fit = workbench.run(Counting(steps=6), wait=True)
    views = drawn(workbench)
    assert views._other.value != views._chooser.value
    marks = views._pairs.figure.marks
    assert marks[0].visible
    assert sorted(marks[0].x) == pytest.approx(np.sort(fit.draws[views._chooser.value].reshape(-1)))
    assert sorted(marks[0].y) == pytest.approx(np.sort(fit.draws[views._other.value].reshape(-1)))
    views._other.value = "star.flux"
    views = drawn(workbench)
    assert views._pairs.figure.axes[1].label.startswith("star.flux")


def test_snapshot_is_a_png(workbench):
    assert workbench.snapshot().startswith(b"\x89PNG\r\n")


def test_the_page_contains_everything_that_it_needs(workbench, tmp_path):
    workbench.run(Counting(steps=6), wait=True)
    workbench.editor.set_state({"session": {**workbench.editor.session, "off": ["ghost"]}})
    file = workbench.to_html(tmp_path / "galaxy.html")
    text = file.read_text(encoding="utf-8")
    record = json.loads(re.search(r'id="record">(.*?)</script>', text, re.DOTALL).group(1))
    assert from_dict(record["traits"]["session"]["model"]).without("ghost") == workbench.model
    assert [message[0]["t"] for message in record["messages"]] == ["image", "posterior", "frame"]
    assert record["messages"][2][0]["components"] == ["star", "ghost", "sky"]
    assert text.count("</script>") == 3
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


def test_close_frees_everything(image, model):
    workbench = Workbench(image, model)
    drawn(workbench)
    editor = workbench.editor
    boxes = (workbench._views._mailbox, editor._mailbox, editor._greeter, editor._fitting.gauges._mailbox)
    threads = [box._thread for box in boxes]  # each thread holds its owner until it ends
    del editor, boxes
    held = [weakref.ref(widget) for widget in (workbench, workbench.editor, workbench._views)]
    workbench.close()
    workbench.close()
    del workbench
    for thread in threads:
        thread.join(SECONDS)
    gc.collect()
    assert [ref() for ref in held] == [None, None, None]


def test_close_closes_all_parts_of_the_widgets(image, model):
    """Figures, scales, layouts and styles stay in registries of ipywidgets and of the page until they are closed."""
    before = set(widget_registry)
    for _ in range(3):
        workbench = Workbench(image, model)
        drawn(workbench)
        assert len(set(widget_registry) - before) > 10
        workbench.close()
        assert set(widget_registry) - before == set()


def test_the_page_is_notified_of_all_models_about_to_close(image, model):
    before, messages = set(widget_registry), []
    workbench = Workbench(image, model)
    drawn(workbench)
    made = set(widget_registry) - before
    editor = workbench.editor
    editor.send = lambda content, buffers=None: messages.append((content, set(widget_registry) - before))
    workbench.close()
    content, there = messages[0]
    assert content["t"] == "closing"
    assert set(content["models"]) == made == there
    assert len(content["models"]) == len(made)


def test_laplace_end_to_end(workbench, model):
    """A star whose flux alone is free: the posterior is a Gaussian that linear least squares gives."""
    one = Model({"star": model.components["star"]}).replace(
        {"star.xc": 6.0, "star.yc": 5.0, "star.flux": Normal(0.0, 1e4, init=1.0)}
    )
    workbench.model = one
    fit = workbench.run(Laplace(draws=2000), wait=True)
    image = workbench.image
    from sersiclab.model import render

    unit = render(one, image, {"star.flux": 1.0})[image.valid]
    weight = unit / image.sigma[image.valid] ** 2
    sd = 1 / np.sqrt(np.sum(weight * unit))
    assert_allclose(fit.best["star.flux"], np.sum(weight * image.data[image.valid]) * sd**2, atol=0.01 * sd)
    (row,) = workbench.editor.summary["rows"]
    assert row["sd"] == pytest.approx(sd, rel=5 / np.sqrt(2 * 2000))
