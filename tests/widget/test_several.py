"""The editor of several images: what it shows, edits, masks, fits and saves."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.runtime.errors import InputError
from sersiclab.widget import Editor, bundle
from sersiclab.widget.page_schema import editor_schema
from sersiclab.widget.recoveries import SEVERAL
from sersiclab.widget.session import with_values

from .conftest import SECONDS, Heard


SHAPES = {"g": (20, 24), "r": (22, 26)}
OFFSET = {"g": 0.0, "r": 1.0}  # pixels by which the second image is larger on each side


def picture(name: str) -> sl.Image:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [-5e-5, 5e-5]
    wcs.wcs.crpix = [12.0 + OFFSET[name], 10.0 + OFFSET[name]]
    flux, place = {"g": 40.0, "r": 90.0}[name], OFFSET[name]
    galaxy = sl.Exponential(xc=11.3 + place, yc=9.2 + place, flux=flux, r_eff=3.0, ellip=0.3, theta=0.6)
    y, x = np.mgrid[-3:4, -3:4]
    psf = np.exp(-0.5 * (x**2 + y**2))
    empty = sl.Image(np.zeros(SHAPES[name]), sigma=0.05, psf=psf / psf.sum(), band=name, zeropoint=25.0, wcs=wcs)
    return sl.simulate(sl.Model({"galaxy": galaxy}), empty, seed=len(name))


@pytest.fixture(scope="module")
def images() -> sl.Images:
    return sl.Images({name: picture(name) for name in SHAPES})


@pytest.fixture(scope="module")
def model() -> sl.Model:
    galaxy = sl.Exponential(
        xc=sl.Normal(11.0, 1.0),
        yc=sl.Normal(9.0, 1.0),
        flux=sl.PerBand(sl.LogUniform(1.0, 1e3, init=50.0)),
        r_eff=sl.Polynomial(sl.LogUniform(0.5, 9.0, init=2.5)),
        ellip=0.3,
        theta=0.6,
    )
    return sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.01)))})


@pytest.fixture
def several(images: sl.Images, model: sl.Model) -> Iterator[Editor]:
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    made = Editor(images, model)
    yield made
    made.close()


@pytest.fixture
def heard(several: Editor) -> Heard:
    return Heard(several)


def moved(editor: Editor, **values: float) -> None:
    editor.session = with_values(editor.session, {f"galaxy.{key}": value for key, value in values.items()})


def test_it_opens_with_the_first_image_and_shows_another(several, heard, images, model):
    assert several.model == model.for_images(images)
    assert several.image is several.screen.images["g"]
    heard.send(t="hello")
    (content, _), *_ = heard.of("image")
    assert (content["name"], content["names"], content["shape"]) == ("g", ["g", "r"], [20, 24])
    before = sl.to_dict(several.model)
    heard.clear()
    heard.send(t="show", name="r")
    assert [message[0]["t"] for message in heard.messages][:2] == ["image", "frame"]
    assert heard.messages[0][0]["name"] == "r"
    assert several.screen.name == several.session["image"] == "r"
    assert several.image.shape == SHAPES["r"]
    assert sl.to_dict(several.model) == before
    assert several.shown.model.initial["galaxy.xc"] == pytest.approx(12.0)
    assert len(heard.of("frame")[-1][1][0]) == 4 * 22 * 26


def test_an_unknown_image_is_explained(several, heard):
    heard.send(t="show", name="z")
    (answer,) = heard.of("error")
    assert "there is no image 'z'; the images are g, r" in answer[0]["detail"]
    with pytest.raises(ValueError, match="there is no image"):
        several.screen.show("z")


def test_the_page_edits_one_image_and_undoes_it_from_another(several, heard):
    first = several.session
    several.set_state({"session": with_values(first, {"galaxy.flux": 60.0})})
    heard.send(t="show", name="r")
    several.set_state({"session": with_values(several.session, {"galaxy.flux": 70.0, "galaxy.xc": 13.0})})
    heard.settle()
    assert several.model.initial["galaxy.flux.g"] == 60.0
    assert several.model.initial["galaxy.flux.r"] == 70.0
    assert several.model.initial["galaxy.xc"] == pytest.approx(12.0)
    heard.clear()
    several.set_state({"session": first})  # as the page does when it undoes all
    heard.settle()
    assert heard.of("image")[0][0]["name"] == "g"
    assert several.model.initial["galaxy.flux.g"] == 50.0
    assert several.image.shape == SHAPES["g"]


def test_each_image_has_its_mask(several, heard):
    masks = {name: np.zeros(shape, bool) for name, shape in SHAPES.items()}
    masks["g"][:3], masks["r"][:, :5] = True, True
    for name, mask in masks.items():
        several.screen.show(name)
        several.mask = mask
    several.screen.show("g")
    for name, mask in masks.items():
        np.testing.assert_array_equal(several.screen.images[name].mask, mask)
    np.testing.assert_array_equal(several.mask, masks["g"])
    heard.settle()
    assert heard.of("frame")[-1][0]["dof"] == (~masks["g"]).sum() - len(several.shown.model.free)


def test_a_fit_is_of_all_images(several, heard, images):
    several.screen.show("r")
    fit = several.run(sl.Laplace(), wait=True)
    heard.settle()
    assert type(fit).__name__ == "JointFit"
    assert several.fit is fit
    assert several.model.initial["galaxy.flux.g"] == pytest.approx(40.0, rel=0.1)
    paths = [row["path"] for row in several.summary["rows"]]
    assert paths == list(several.model.free)
    own = {row["path"]: row["mean"] for row in several.summary["own"]}
    assert own["galaxy.flux"] == pytest.approx(90.0, rel=0.1)
    assert own["galaxy.xc"] == pytest.approx(12.3, abs=0.2)
    assert several.summary["verdict"]["level"] == fit.verdict.level
    assert several.recovery["refused"] == SEVERAL
    shapes = heard.of("posterior")[-1][0]["shapes"]["galaxy"]
    assert np.mean([shape[0] for shape in shapes]) == pytest.approx(12.3, abs=0.2)
    several.screen.show("g")
    heard.settle()
    assert {row["path"]: row["mean"] for row in several.summary["own"]}["galaxy.flux"] == pytest.approx(40.0, rel=0.1)
    several.keep("first")
    moved(several, flux=300.0)
    several.restore("first")
    assert several.model.initial["galaxy.flux.g"] == pytest.approx(fit.best["galaxy.flux.g"])
    assert several.kept[0]["dof"] == fit.dof


def test_a_session_is_saved_and_loaded_with_all_masks(several, images, model, tmp_path: Path):
    moved(several, flux=61.0, r_eff=3.3)
    several.screen.show("r")
    mask = np.zeros(SHAPES["r"], bool)
    mask[:, 20:] = True
    several.mask = mask
    several.screen.show("g")
    moved(several, yc=8.0)
    path = several.files.save(tmp_path / "session.json")
    assert json.loads(path.read_text())["version"] == 2
    other = Editor(images, model)
    other.screen.show("r")
    other.files.load(path)
    assert other.screen.name == "g"
    assert sl.to_dict(other.model) == sl.to_dict(several.model)
    np.testing.assert_array_equal(other.screen.images["r"].mask, mask)
    name, kind, exported = several.files.export("session")
    assert (name, kind) == ("session.json", "application/json")
    assert exported == path.read_bytes()
    other.close()


def test_a_session_of_other_data_is_refused(several, images, tmp_path: Path):
    one = Editor(images["g"], sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 1.0))}))
    before = several.session
    with pytest.raises(InputError, match="it belongs to one image; here are several, g, r"):
        several.files.load(one.files.save(tmp_path / "one.json"))
    with pytest.raises(InputError, match="it belongs to several images; here is one"):
        one.files.load(several.files.save(tmp_path / "several.json"))
    document = json.loads((tmp_path / "several.json").read_text())
    document["session"]["joint"]["components"]["galaxy"]["flux"] = {"type": "PerBand", "prior": {}}
    (tmp_path / "bad.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"bad\.json: .*flux"):
        several.files.load(tmp_path / "bad.json")
    assert several.session == before
    one.close()


@pytest.mark.parametrize(("change", "words"), [({"image": "z"}, "'image' must be one of g, r"), ({"joint": 3}, "")])
def test_a_session_that_can_not_be_read_is_a_problem(several, heard, change, words):
    before = several.model
    several.set_state({"session": {**several.session, **change}})
    heard.settle()
    (problem,) = several.problems
    assert words in problem["message"]
    assert several.model == before


def test_a_preset_is_guessed_from_all_images(several, heard):
    heard.send(t="preset", name="bulge + disk")
    assert several.problems == []
    assert list(several.model.components) == ["bulge", "disk", "sky"]
    assert {"bulge.flux.g", "bulge.flux.r", "sky.level.g"} <= set(several.model.free)
    assert several.schema == editor_schema(())


def test_noise_is_measured_on_one_image_only(several, heard):
    heard.send(t="noise")
    (answer,) = heard.of("error")
    assert "works on one image; here there are 2" in answer[0]["detail"]


def test_the_workbench_shows_joint_parameters_and_one_image(images, model, tmp_path: Path):
    with sl.Workbench(images, model) as workbench:
        assert workbench._views is not None
        chooser = workbench._views._chooser
        assert set(chooser.options) == set(workbench.model.free)
        assert "galaxy.flux.r" in chooser.options
        workbench.show_image("r")
        assert workbench.image.shape == SHAPES["r"]
        assert workbench.images is not None
        assert list(workbench.images) == ["g", "r"]
        assert workbench.editor.flush(SECONDS)
        assert workbench._views.flush(SECONDS)
        assert workbench._views._frames.image.shape == SHAPES["r"]
        page = workbench.to_html(tmp_path / "page.html").read_text()
        assert '"name": "r", "names": ["g", "r"]' in page
        assert workbench.snapshot()[:4] == b"\x89PNG"
        assert "PerBand" in workbench.to_python()
