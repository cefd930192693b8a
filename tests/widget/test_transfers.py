"""Files of the editor: sessions, FITS images, regions and code."""

import dataclasses
import io
import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sersiclab.data.image import Image
from sersiclab.documents.spec import from_dict
from sersiclab.model import Model, render, render_components
from sersiclab.noise import InflatedNoise, MixtureNoise, StudentTNoise
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import Boxy, Exponential, FlatSky, PointSource, Sersic
from sersiclab.widget import Editor, Workbench
from sersiclab.widget.code import LONGEST, python_code


@pytest.fixture
def wide(rng):
    """A larger image, on the sky, north up and east to the left."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval, wcs.wcs.crpix = (150.0, 2.0), (20.0, 15.0)
    wcs.wcs.cdelt = -0.25 / 3600, 0.25 / 3600
    return Image(rng.normal(size=(30, 40)), sigma=0.5, wcs=wcs, zeropoint=22.5)


GALAXY = Sersic(
    xc=Normal(20.0, 1.0, init=19.5),
    yc=14.0,
    flux=LogUniform(10.0, 1e4, init=300.0),
    r_eff=Uniform(1.0, 20.0, init=4.0),
    n=2.0,
    ellip=Uniform(0.0, 0.9, init=0.3),
    theta=Angle(init=0.4),
)
SCENE = Model({"galaxy": GALAXY, "core": PointSource(xc=Tied("galaxy.xc"), yc=Tied("galaxy.yc"), flux=5.0)})


@pytest.fixture
def scene(wide, editor):  # `editor` skips if the bundle has not been built
    made = Editor(wide, SCENE)
    yield made
    made.close()


def send(editor, content, data=b""):
    editor._handle_custom_msg(content, [data] if data else [])
    assert editor.flush(120)


def sent(editor):
    messages = []
    editor.send = lambda content, buffers=None: messages.append((content, buffers or []))
    return messages


# -- sessions ------------------------------------------------------------------------------------------


def test_save_change_and_load(editor, image, model, tmp_path):
    editor.set_state({"session": {**editor.session, "off": ["ghost"]}})
    mask = image.mask.copy()
    mask[3, 4] = True
    editor.mask = mask
    editor.display = {"stretch": "log", "locked": ["sky"], "view": {"x": 3.0, "y": 2.0, "zoom": 4.0}}
    before = (editor.session, editor.display, editor.model)
    path = editor.files.save(tmp_path / "session.json")
    editor.model = Model({"sky": FlatSky(level=Normal(0.0, 1.0))})
    editor.mask = image.mask
    editor.display = {}
    changes, messages = [], sent(editor)
    editor.observe(changes.append, "session")
    editor.files.load(path)
    assert len(changes) == 1  # one step to undo, including the display
    taken = next(content for content, _ in messages if content["t"] == "taken")
    assert (taken["session"], taken["display"]) == (editor.session, editor.display)
    assert {**editor.session, "order": None} == {**before[0], "order": None}
    assert (editor.display, editor.model) == before[1:]
    np.testing.assert_array_equal(editor.image.mask, mask)


def test_a_new_order_alone_is_loaded(editor, tmp_path):
    path = editor.files.save(tmp_path / "session.json")
    components = dict(reversed(editor.session["model"]["components"].items()))
    session = {**editor.session, "order": [*components], "model": {**editor.session["model"], "components": components}}
    editor.set_state({"session": session})
    assert next(iter(editor.model.components)) == "sky"
    editor.files.load(path)
    assert list(editor.model.components) == ["star", "ghost", "sky"]


def test_a_file_that_cannot_be_loaded_changes_nothing(editor, heard, tmp_path):
    path = editor.files.save(tmp_path / "session.json")
    document = json.loads(path.read_text())
    document["session"]["model"]["components"]["star"]["type"] = "Blob"
    path.write_text(json.dumps(document))
    before = (editor.session, editor.display, editor.model, editor.image)
    with pytest.raises(ValueError, match=r"session\.json: star has the type 'Blob'"):
        editor.files.load(path)
    heard.clear()
    editor._handle_custom_msg({"t": "load", "name": "mine.json"}, [path.read_bytes()])
    heard.settle()
    (error,) = heard.messages
    assert error[0]["title"] == "The session was not loaded"
    assert error[0]["detail"].startswith("mine.json: star has the type 'Blob'")
    assert (editor.session, editor.display, editor.model, editor.image) == before
    assert editor.problems == []
    with pytest.raises(FileNotFoundError):
        editor.files.load(tmp_path / "none.json")


def test_the_page_sends_a_file(editor, heard, tmp_path):
    path = editor.files.save(tmp_path / "session.json")
    editor.model = Model({"sky": FlatSky(level=0.5)})
    heard.settle()
    heard.clear()
    editor._handle_custom_msg({"t": "load", "name": "mine.json"}, [memoryview(path.read_bytes())])
    heard.settle()
    assert list(editor.model.components) == ["star", "ghost", "sky"]
    assert heard.of("said")[0][0]["text"] == "mine.json loaded"


# -- images and code -----------------------------------------------------------------------------------


def test_the_fits_file_has_the_planes_and_the_sky(scene, wide, tmp_path):
    path = scene.files.write_fits(tmp_path / "model.fits")
    with fits.open(path) as file:
        np.testing.assert_allclose(file["MODEL"].data, render(SCENE, wide), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(file["RESIDUAL"].data, wide.data - render(SCENE, wide), atol=1e-4)
        for name, part in render_components(SCENE, wide).items():
            np.testing.assert_allclose(file[f"COMP_{name.upper()}"].data, part, rtol=1e-5, atol=1e-6)
        here = WCS(file["MODEL"].header).pixel_to_world(3, 4)
        table = {row["path"]: (row["value"], row["free"]) for row in file["PARAMETERS"].data}
        assert "Sersic" in str(file[0].header["HISTORY"])
    assert here.separation(wide.wcs.pixel_to_world(3, 4)).arcsec < 1e-6
    assert table["galaxy.r_eff"] == (4.0, True)
    assert table["core.xc"] == (19.5, False)
    with pytest.raises(OSError, match="already exists"):
        scene.files.write_fits(path)
    back = Image.read(path)
    np.testing.assert_array_equal(back.data, wide.data)


def test_exports_are_sent_to_the_view_that_requested_them(scene, wide):
    messages = sent(scene)
    for kind in ("python", "fits", "regions", "sky regions"):
        scene._handle_custom_msg({"t": "export", "request": f"r-{kind}", "kind": kind}, [])
    assert scene.flush(120)
    files = {content["request"]: (content, buffers[0]) for content, buffers in messages if content["t"] == "file"}
    assert len(files) == 4
    with fits.open(io.BytesIO(files["r-fits"][1])) as file:
        assert file["SCI"].data.shape == wide.shape
    assert files["r-fits"][0]["name"] == "model.fits"
    assert b"ellipse(20.5000,15.0000,4.0000" in files["r-regions"][1]
    assert b"\nicrs\n" in files["r-sky regions"][1]
    send(scene, {"t": "export", "request": "x", "kind": "cake"})
    assert "kind must be one of" in messages[-1][0]["detail"]


def test_regions_on_the_sky_need_a_wcs(editor, heard):
    heard.send(t="export", request="a", kind="sky regions")
    assert heard.of("error")[0][0]["detail"] == 'regions in the frame "icrs" need a WCS, and the image has none'


def exec_python(code):
    space = {}
    exec(code, space)
    return space


NOISY = Model(
    {
        "disk": Boxy(
            Exponential(xc=Normal(6.0, 1.0), yc=5.0, flux=Uniform(1, 9), r_eff=Uniform(1, 9), ellip=0.1, theta=Angle()),
            c0=Uniform(-0.5, 0.5),
        ),
        "bulge": Sersic(
            xc=Tied("disk.xc", scale=1.5, offset=-3.0),
            yc=5.0,
            flux=3.0,
            r_eff=Uniform(1, 4),
            n=4.0,
            ellip=0.0,
            theta=0.0,
        ),
    },
    noise=InflatedNoise(StudentTNoise(nu=Uniform(3.0, 9.0))),
)


@pytest.mark.parametrize(
    "model",
    [
        SCENE,
        NOISY,
        NOISY.with_total_flux("bulge", "disk").with_order("bulge.r_eff", "disk.r_eff"),
        Model({"star": PointSource(xc=6.0, yc=5.0, flux=Uniform(0, 9))}, noise=MixtureNoise()),
    ],
)
def test_the_code_builds_the_model_of_the_session(model, editor):
    editor.model = model
    assert exec_python(editor.files.to_python())["model"] == model
    session = json.loads(json.dumps(editor.session))
    editor.set_state({"session": {**session, "edited": True}})  # as the page writes it
    written = exec_python(editor.files.to_python())["model"]
    assert written == editor.model == from_dict(session["model"])
    assert written.initial == pytest.approx(model.initial)


def test_the_code_has_the_mask(editor, image):
    mask = image.mask.copy()
    mask[5:8, 2:11] = True
    editor.mask = mask
    space = exec_python(editor.files.to_python())
    np.testing.assert_array_equal(space["mask"], mask)
    assert space["model"] == editor.model


def test_the_code_explains_a_mask_that_is_too_long_for_it(rng, model):
    noise = Image(np.zeros((700, 700)), sigma=1.0, mask=rng.random((700, 700)) < 0.5)
    code = python_code(model, noise, masked=True)
    assert len(code) < LONGEST
    assert 'np.save("mask.npy"' in code
    assert exec_python(code)["model"] == model


# -- regions -------------------------------------------------------------------------------------------


def take(editor, text, tmp_path, **options):
    path = tmp_path / "some.reg"
    path.write_text(text)
    return editor.files.read_regions(path, **options)


def test_regions_are_written_and_read(scene, tmp_path):
    path = scene.files.write_regions(tmp_path / "out.reg", frame="icrs")
    before = scene.model.initial
    scene.model = scene.model.replace({"galaxy.xc": Normal(25.0, 1.0), "galaxy.r_eff": Uniform(1.0, 20.0, init=9.0)})
    changes = []
    scene.observe(changes.append, "session")
    assert scene.files.read_regions(path).endswith("galaxy set, core set")
    assert len(changes) == 1
    assert {k: v for k, v in scene.model.initial.items() if k != "galaxy.flux"} == pytest.approx(
        {k: v for k, v in before.items() if k != "galaxy.flux"}, abs=1e-3
    )


def test_files_of_a_model_with_shared_parameters(scene, tmp_path):
    disk = dataclasses.replace(GALAXY, r_eff=Uniform(1.0, 20.0, init=8.0))
    both = SCENE.with_component("disk", disk).with_total_flux("core", "galaxy")
    scene.model = both.with_order("galaxy.r_eff", "disk.r_eff")
    assert "ellipse(20.5000,15.0000,4.0000" in scene.files.write_regions(tmp_path / "a.reg").read_text()
    with fits.open(scene.files.write_fits(tmp_path / "a.fits")) as file:
        rows = {row["path"]: row["value"] for row in file["PARAMETERS"].data}
    assert rows["core.flux"] == pytest.approx(rows["total.flux"] * rows["total.fraction"])
    before = scene.session
    scene.files.save(tmp_path / "a.json")
    scene.model = SCENE
    scene.files.load(tmp_path / "a.json")
    assert scene.session == {**before, "order": ["galaxy", "core", "disk"]}


def test_an_ellipse_sets_the_named_or_the_selected_component(scene, tmp_path):
    assert take(scene, "image;ellipse(11,16,6,3,90)", tmp_path).endswith(": galaxy set")
    galaxy = scene.model.components["galaxy"]
    assert (galaxy.xc.init, galaxy.xc.loc) == (10.0, 10.5)  # the prior moves too
    assert galaxy.yc == 15.0  # a fixed number is set
    assert (galaxy.r_eff.init, galaxy.ellip.init, galaxy.theta.init) == pytest.approx((6.0, 0.5, 0.0))
    assert take(scene, "ellipse(31,16,6,3,90) # text={core}", tmp_path).endswith(": core set")
    assert scene.model.initial["galaxy.xc"] == 30.0  # core follows it


def test_other_shapes_become_components_and_masks(scene, wide, tmp_path):
    text = (
        "ellipse(11,16,3,2,90)\nellipse(31,10,3,2,0) # text={disk}\nellipse(5,5,3,2,0)\npoint(9,9)\ncircle(35,25,2.2)"
    )
    said = take(scene, text, tmp_path)
    assert said.endswith(": sersic added, disk added, sersic2 added, star added, 13 pixels masked")
    assert list(scene.model.components) == ["galaxy", "core", "sersic", "disk", "sersic2", "star"]
    disk = scene.model.components["disk"]
    assert (disk.xc.init, disk.yc.init, disk.r_eff.init) == (30.0, 9.0, 3.0)
    assert disk.theta.init == pytest.approx(np.pi / 2)
    assert scene.model.components["star"].xc.init == 8.0
    y, x = np.indices(wide.shape)
    np.testing.assert_array_equal(scene.image.mask, (x - 34) ** 2 + (y - 24) ** 2 <= 2.2**2)
    assert scene.problems == []
    scene.files.save(tmp_path / "all.json")
    scene.files.load(tmp_path / "all.json")
    assert list(scene.model.components)[-1] == "star"


def test_the_mask_is_kept_when_shapes_are_read(scene, wide, tmp_path):
    mask = np.zeros(wide.shape, bool)
    mask[2, 3] = True
    scene.mask = mask
    take(scene, "ellipse(11,16,6,3,90)", tmp_path)
    np.testing.assert_array_equal(scene.image.mask, mask)


def test_regions_that_do_not_fit_change_nothing(scene, tmp_path):
    messages = sent(scene)
    before = scene.session
    with pytest.raises(ValueError, match=r"some\.reg: galaxy\.r_eff: .*20"):
        take(scene, "ellipse(11,16,26,13,90)", tmp_path)
    with pytest.raises(ValueError, match="no DS9 regions"):
        take(scene, "nothing here", tmp_path)
    scene.model = scene.model.with_total_flux("galaxy", "core").with_order("galaxy.r_eff", "galaxy.n")
    between = scene.session
    with pytest.raises(ValueError, match=r"galaxy\.r_eff follows other parameters"):
        take(scene, "ellipse(11,16,6,3,90)", tmp_path)
    assert scene.session == between
    scene.model = SCENE
    scene.display = {"locked": ["galaxy"]}
    assert take(scene, "ellipse(11,16,6,3,90)\nannulus(1,2,3,4)", tmp_path).endswith(": no region was used")
    assert scene.session == before
    scene.flush(60)
    (error,) = (content for content, _ in messages if content["t"] == "error")
    assert error["title"].startswith("Some regions of")
    assert "line 2" in error["detail"]
    assert "galaxy is locked" in error["detail"]


def test_the_page_sends_regions(scene):
    messages = sent(scene)
    send(scene, {"t": "regions", "name": "a.reg", "selected": "core"}, b"point(11,16)")
    assert [content["text"] for content, _ in messages if content["t"] == "said"] == ["a.reg: core set"]
    assert scene.model.initial["galaxy.xc"] == 10.0
    send(scene, {"t": "regions", "name": "a.reg", "selected": ""}, b"\x00")
    assert messages[-1][0]["title"] == "The regions were not read"


def test_the_workbench_reads_and_writes_them(wide, editor, tmp_path):
    with Workbench(wide, SCENE) as workbench:
        session = workbench.save(tmp_path / "a.json")
        regions = workbench.write_regions(tmp_path / "a.reg")
        assert workbench.write_fits(tmp_path / "a.fits").stat().st_size > 5 * wide.data.nbytes
        workbench.model = Model({"sky": FlatSky(level=0.0)})
        workbench.load(session)
        assert workbench.model.initial == SCENE.initial
        assert workbench.read_regions(regions).endswith("galaxy set, core set")
        assert workbench.to_python() == workbench.editor.files.to_python()
