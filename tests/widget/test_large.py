"""Large images: the page gets few data, and the right ones."""

import copy
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import Model, render_components
from sersiclab.parameters.priors import LogUniform, Normal, Uniform
from sersiclab.profiles import FlatSky, PointSource, Sersic, TiltedSky
from sersiclab.rendering import FourierRenderer, HybridRenderer, PixelRenderer
from sersiclab.widget import Editor, Workbench, bundle, cutouts, frame_messages, painting, rasters
from sersiclab.widget.large import LargeFrames
from sersiclab.widget.painting import Painter
from sersiclab.widget.rasters import Raster, check_raster, masked, means, overall, overview, sample, typical

from ..peak_memory import ROOT
from .conftest import Heard


SHAPE = (131, 204)  # not square, and no side is a multiple of the cells'
STEP = 5


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Images of a few thousand pixels are large."""
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    monkeypatch.setattr(rasters, "LARGE", 10_000)
    monkeypatch.setattr(rasters, "CELLS", 1200)
    monkeypatch.setattr(painting, "TILE", 64)
    monkeypatch.setattr(cutouts, "SIDE", 80)


@pytest.fixture
def scene(rng):
    y, x = np.mgrid[-8:9, -8:9]
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    mask = np.zeros(SHAPE, bool)
    mask[20:31, 40:53] = True
    mask[:, -2:] = True
    data, sigma = rng.normal(1.0, 1.0, SHAPE), rng.uniform(0.5, 2.0, SHAPE)
    data[25, 45] = np.nan
    return Image(data, sigma=sigma, psf=psf / psf.sum(), mask=mask)


@pytest.fixture
def galaxies():
    return Model(
        {
            "galaxy": Sersic(
                xc=Normal(63.2, 1.0),
                yc=Normal(64.4, 1.0),  # at the corner of four tiles
                flux=LogUniform(10.0, 1e5, init=4e3),
                r_eff=9.0,
                n=2.0,
                ellip=Uniform(0.0, 0.9, init=0.4),
                theta=0.7,
            ),
            "edge": PointSource(xc=203.4, yc=129.6, flux=500.0),
            "outside": Sersic(xc=-12.0, yc=100.0, flux=2e3, r_eff=8.0, n=1.0, ellip=0.1, theta=0.0),
            "sky": TiltedSky(level=Normal(0.3, 1.0), slope_x=0.01, slope_y=-0.02),
        }
    )


def cell_means(plane, valid, raster):
    """The means, cell by cell."""
    out = np.empty((raster.ny, raster.nx))
    for j in range(raster.ny):
        for i in range(raster.nx):
            rows = slice(raster.y + j * raster.step, raster.y + (j + 1) * raster.step)
            columns = slice(raster.x + i * raster.step, raster.x + (i + 1) * raster.step)
            pixels, good = plane[rows, columns], valid[rows, columns]
            out[j, i] = pixels[good].mean() if good.any() else pixels.mean()
    return out


RASTERS = [Raster(0, 0, 5, 41, 27), Raster(7, 3, 4, 20, 30), Raster(30, 10, 1, 40, 33), Raster(200, 128, 2, 2, 2)]


@pytest.mark.parametrize("raster", RASTERS, ids=str)
def test_cells_have_the_means_of_their_valid_pixels(scene, raster, monkeypatch):
    monkeypatch.setattr(rasters, "BAND", 500)  # several bands
    np.testing.assert_allclose(
        means(scene.data, raster, scene.valid), cell_means(scene.data, scene.valid, raster), rtol=1e-5, atol=1e-6
    )
    squares = cell_means(np.square(scene.sigma), scene.valid, raster)
    np.testing.assert_allclose(typical(scene.sigma, raster, scene.valid), np.sqrt(squares), rtol=1e-5)
    part = scene.data[raster.y :, raster.x :]
    np.testing.assert_array_equal(
        means(part, raster, scene.valid, (raster.x, raster.y)), means(scene.data, raster, scene.valid)
    )
    share = cell_means(scene.mask.astype(float), np.ones(SHAPE, bool), raster)
    np.testing.assert_array_equal(masked(scene.mask, raster), share > 0.5)


@pytest.mark.parametrize("shape", [SHAPE, (30, 400), (400, 30), (2, 9000), (101, 100)])
def test_the_whole_image_has_no_more_cells_than_a_picture(shape):
    raster = overall(Image(np.zeros(shape), sigma=1.0))
    assert raster.nx * raster.ny <= rasters.CELLS
    assert (raster.nx - 1) * raster.step < shape[1] <= raster.nx * raster.step
    assert (raster.ny - 1) * raster.step < shape[0] <= raster.ny * raster.step


@pytest.mark.parametrize(
    "raster",
    [(0, 0, 0, 5, 5), (0, 0, 1, 0, 5), (0, 0, 1, 1000, 2), (204, 0, 1, 1, 1), (0, 131, 1, 1, 1), (0, 0, 5, 42, 1)],
)
def test_cells_outside_the_image_are_refused(scene, raster):
    with pytest.raises(ValueError, match="a raster must"):
        check_raster(Raster(*raster), scene)


@pytest.mark.parametrize("blurred", [True, False])
@pytest.mark.parametrize("renderer", [HybridRenderer(), PixelRenderer(), FourierRenderer()])
def test_tiles_have_the_same_light_as_the_whole_image(scene, galaxies, renderer, blurred):
    image = scene if blurred else Image(np.zeros(SHAPE), sigma=1.0)
    model = Model(galaxies.components, renderer=renderer)
    expected = render_components(model, image)
    numbers = model.at(model.initial).components
    painter = Painter(image)
    assert painter.prepare(renderer)
    assert not painter.prepare(renderer)
    for name, whole in expected.items():
        whole = np.asarray(whole)
        tolerance = 2e-5 * np.abs(whole).max()
        ny, nx = SHAPE
        np.testing.assert_allclose(painter.paint(numbers[name], 0, 0, nx, ny), whole, rtol=0, atol=tolerance)
        part = painter.paint(numbers[name], 30, 40, 90, 77)
        np.testing.assert_allclose(part, whole[40:117, 30:120], rtol=0, atol=tolerance)


def test_images_in_other_units_are_drawn(scene, galaxies):
    tiny = Image(scene.data * 1e-30, sigma=scene.sigma * 1e-30, psf=scene.psf, mask=scene.mask)
    source = Sersic(xc=63.2, yc=64.4, flux=4e-27, r_eff=9.0, n=2.0, ellip=0.4, theta=0.7)
    model = Model({"galaxy": source, "sky": FlatSky(level=3e-31)})
    drawn = LargeFrames(tiny).draw(model, {})
    expected = render_components(model, tiny)
    for name, cells in drawn.items():
        plane = np.asarray(expected[name], float)
        found = cell_means(plane, tiny.valid, overall(tiny))
        np.testing.assert_allclose(np.asarray(cells, float), found, rtol=1e-4, atol=1e-4 * plane.max())


# -- messages --------------------------------------------------------------------------------------------


@pytest.fixture
def large(scene, galaxies):
    editor = Editor(scene, galaxies)
    yield editor
    editor.close()


@pytest.fixture
def heard_large(large):
    return Heard(large)


def planes(message):
    content, buffers = message
    shape = content["raster"][4], content["raster"][3]
    names = content.get("components", content.get("layers"))
    return {name: np.frombuffer(buffer, "<f4").reshape(shape) for name, buffer in zip(names, buffers, strict=True)}


def expect_components(found, model, image, raster, values=None):
    drawn = render_components(model, image, values or {})
    for name, cells in found.items():
        plane = np.asarray(drawn[name])
        expected = cell_means(plane, image.valid, raster)
        np.testing.assert_allclose(cells, expected, rtol=0, atol=2e-5 * np.abs(plane).max())


def test_a_new_view_gets_the_image_in_cells(large, heard_large, scene, galaxies):
    heard_large.send(t="hello")
    (content, buffers), *frames = heard_large.messages
    raster = overall(scene)
    assert content["shape"] == list(SHAPE)
    assert content["raster"] == list(raster)
    assert content["layers"] == ["data", "sigma", "sample", "bits", "unusable", "psf"]
    shape = raster.ny, raster.nx
    data = np.frombuffer(buffers[0], "<f4").reshape(shape)
    np.testing.assert_allclose(data, cell_means(scene.data, scene.valid, raster), rtol=1e-5, atol=1e-6)
    bits = np.unpackbits(np.frombuffer(buffers[3], np.uint8), count=scene.mask.size, bitorder="little")
    np.testing.assert_array_equal(bits.reshape(SHAPE), scene.mask)
    unusable = np.unpackbits(np.frombuffer(buffers[4], np.uint8), count=scene.mask.size, bitorder="little")
    np.testing.assert_array_equal(unusable.reshape(SHAPE), np.isnan(scene.data))
    assert set(np.frombuffer(buffers[2], "<f4")) <= set(scene.data[scene.valid].astype("f4"))
    found = {name: cells for frame in frames for name, cells in planes(frame).items()}
    assert list(found) == list(galaxies.components)
    expect_components(found, galaxies, scene, raster)
    model = sum(np.asarray(part, float) for part in render_components(galaxies, scene).values())
    chi2 = np.sum(((scene.data - model) / scene.sigma)[scene.valid] ** 2)
    assert frames[-1][0]["chi2"] == pytest.approx(chi2, rel=1e-5)


def test_a_part_is_sent_in_finer_cells_and_gestures_are_drawn_in_them(large, heard_large, scene, galaxies):
    heard_large.send(t="hello")
    heard_large.clear()
    raster = Raster(50, 40, 2, 30, 31)
    heard_large.send(t="sight", raster=list(raster))
    sight, frame = heard_large.messages
    assert sight[0]["raster"] == frame[0]["raster"] == list(raster)
    np.testing.assert_allclose(planes(sight)["data"], cell_means(scene.data, scene.valid, raster), rtol=1e-5, atol=1e-6)
    expect_components(planes(frame), galaxies, scene, raster)
    heard_large.clear()
    values = {"galaxy.xc": 65.0}
    heard_large.send(t="render", seq=4, values=values, sight=list(raster))
    (answer,) = heard_large.messages
    assert (answer[0]["seq"], answer[0]["raster"], answer[0]["components"]) == (4, list(raster), ["galaxy"])
    assert "chi2" not in answer[0]
    expect_components(planes(answer), galaxies, scene, raster, values)
    heard_large.clear()
    heard_large.send(t="render", seq=5, values=values, sight=[0, 0, 1, 5, 5])  # cells that no page shows
    assert heard_large.messages[0][0]["raster"] == list(overall(scene))


def test_a_committed_session_is_drawn_in_all_cells_that_pages_show(large, heard_large, scene, galaxies):
    raster = Raster(50, 40, 2, 30, 31)
    heard_large.send(t="hello")
    heard_large.send(t="sight", raster=list(raster))
    heard_large.send(t="render", seq=4, values={"galaxy.xc": 65.0}, sight=list(raster))
    heard_large.clear()
    session = copy.deepcopy(large.session)
    session["model"]["components"]["galaxy"]["xc"]["init"] = 65.0
    session["off"] = ["outside"]
    large.set_state({"session": session})
    heard_large.settle()
    near, wide = heard_large.messages
    assert [near[0]["raster"], wide[0]["raster"]] == [list(raster), list(overall(scene))]
    assert near[0]["components"] == wide[0]["components"] == ["galaxy"]
    expect_components(planes(near), galaxies, scene, raster, {"galaxy.xc": 65.0})
    expect_components(planes(wide), galaxies, scene, overall(scene), {"galaxy.xc": 65.0})
    drawn = render_components(galaxies, scene, {"galaxy.xc": 65.0})
    model = sum(np.asarray(part, float) for name, part in drawn.items() if name != "outside")
    chi2 = np.sum(((scene.data - model) / scene.sigma)[scene.valid] ** 2)
    assert wide[0]["chi2"] == pytest.approx(chi2, rel=1e-5)
    mask = scene.mask.copy()
    mask[60:70] = True
    heard_large.clear()
    large.mask = mask
    heard_large.settle()
    chi2 = np.sum(((scene.data - model) / scene.sigma)[~mask] ** 2)
    assert heard_large.of("frame")[-1][0]["chi2"] == pytest.approx(chi2, rel=1e-5)


def test_no_message_is_longer_than_a_drag_allows(large, heard_large, monkeypatch, scene):
    monkeypatch.setattr(frame_messages, "LONGEST", 10_000)
    heard_large.send(t="hello")
    assert len(heard_large.of("frame")) == 2  # with two of these planes each
    assert all(sum(map(len, buffers)) <= 10_000 for _, buffers in heard_large.of("frame"))
    assert [name for content, _ in heard_large.of("frame") for name in content["components"]] == list(
        large.model.components
    )
    heard_large.clear()
    values = {"galaxy.xc": 64.0, "sky.level": 0.5}
    monkeypatch.setattr(frame_messages, "LONGEST", 5000)
    heard_large.send(t="render", seq=1, values=values)
    assert heard_large.messages[0][0]["components"] == ["galaxy"]
    heard_large.send(t="render", seq=2, values=values)
    assert heard_large.messages[1][0]["components"] == ["sky"]  # the remaining one


def test_a_pixel_has_its_own_values(large, heard_large, scene, galaxies):
    heard_large.send(t="hello")
    model = np.sum([np.asarray(part) for part in render_components(galaxies, scene).values()], axis=0)
    for x, y in ((0, 0), (203, 130), (63, 64), (45, 25)):
        heard_large.clear()
        heard_large.send(t="pixel", x=x, y=y)
        ((content, _),) = heard_large.messages
        assert (content["x"], content["y"]) == (x, y)
        data = scene.data[y, x]
        assert content["data"] == (None if np.isnan(data) else pytest.approx(data))
        assert content["sigma"] == pytest.approx(scene.sigma[y, x])
        assert content["model"] == pytest.approx(float(model[y, x]), abs=float(2e-5 * np.abs(model).max()))
    heard_large.clear()
    heard_large.send(t="pixel", x=204, y=0)
    assert "the image has 204 x 131 pixels, got x = 204" in heard_large.of("error")[0][0]["detail"]


def test_components_that_are_not_stored_are_drawn_nevertheless(large, heard_large, scene, galaxies, monkeypatch):
    monkeypatch.setattr("sersiclab.widget.large.KEPT", 2 * 4 * scene.data.size)
    frames = LargeFrames(scene)
    expect_components(frames.draw(galaxies, {}), galaxies, scene, overall(scene))
    assert len(frames._sheets) == 2
    assert frames.chi2(galaxies, tuple(galaxies.components)) is None
    assert frames.pixel(3, 4, tuple(galaxies.components))["model"] is None


def test_the_number_of_stored_sights_is_limited(large, heard_large):
    heard_large.send(t="hello")
    for x in range(20):
        heard_large.send(t="sight", raster=[x, 0, 1, 20, 20])
    assert len(large._frames.sights) <= 3
    assert len(large._frames._cells) <= 4 * len(large.model.components)
    heard_large.clear()
    heard_large.send(t="sight", raster=[0, 0, 1, 1000, 1000])
    assert "cells" in heard_large.of("error")[0][0]["detail"]


def test_a_small_image_has_no_sights(editor, heard):
    heard.send(t="sight", raster=[0, 0, 1, 5, 5])
    assert "the page has all its pixels" in heard.of("error")[0][0]["detail"]


# -- the rest of the widget ------------------------------------------------------------------------------


def test_the_overview_and_the_still_picture_have_the_shape_of_the_image(large, heard_large, scene):
    seen = overview(scene)
    raster = overall(scene)
    assert seen.shape == (raster.ny, raster.nx)
    large.flush(60)
    assert large.still.beside({})["image/png"]
    assert len(sample(scene)) <= scene.data.size


def test_profiles_are_computed_in_a_cutout_about_the_first_source(scene, galaxies):
    from sersiclab.widget import curves
    from sersiclab.widget.frames import Frames

    frames = cutouts.frames_about(scene, galaxies)
    assert isinstance(frames, cutouts.Cutout)
    assert frames.image.shape == (80, 80)
    found = curves.profile(frames, galaxies, {})
    whole = curves.profile(Frames(scene), galaxies, {})
    assert found is not None
    assert whole is not None
    inner = found.rings.radius < 20
    number = int(inner.sum())
    np.testing.assert_allclose(found.data[:number], whole.data[:number], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.model[:number], whole.model[:number], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.error[:number], whole.error[:number], rtol=1e-5)


def test_a_page_of_a_large_image_is_small(large, tmp_path):
    from sersiclab.widget.page import write_page

    text = write_page(tmp_path / "a.html", large).read_text(encoding="utf-8")
    record = json.loads(text.split('id="record">')[1].split("</script>")[0])
    content, _ = record["messages"][0]
    assert content["raster"] == list(overall(large.image))
    assert "Pictures are at the resolution of the screen" in text


@pytest.mark.slow
def test_an_image_of_4096_pixels_squared_needs_little_memory():
    code = """
    import json, os, tempfile
    import numpy as np
    import sersiclab as sl
    from sersiclab.parameters.priors import LogUniform, Normal, Uniform
    from sersiclab.widget import Editor
    from tests.peak_memory import peak_memory

    side, sent = 4096, []
    Editor.send = lambda self, content, buffers=None: sent.append((content["t"], sum(map(len, buffers or []))))
    y, x = np.mgrid[-12:13, -12:13]
    psf = np.exp(-0.5 * (x**2 + y**2) / 4.0)
    data = np.random.default_rng(1).normal(size=(side, side)).astype("f4")
    image = sl.Image(data, sigma=1.0, psf=psf / psf.sum())
    del data
    parts = {
        f"g{k}": sl.Sersic(
            xc=Normal(xc, 3.0), yc=Normal(yc, 3.0), flux=LogUniform(1e3, 1e7, init=1e5),
            r_eff=LogUniform(1.0, 500.0, init=45.0), n=Uniform(0.5, 8.0, init=2.0), ellip=0.3, theta=0.5,
        )
        for k, (xc, yc) in enumerate([(1000, 1000), (3000, 1200), (2000, 2000), (800, 3100), (3300, 3300)])
    }
    wb = sl.Workbench(image, sl.Model({**parts, "sky": sl.FlatSky(level=Normal(0.0, 1.0))}))
    editor = wb.editor

    def ask(**content):
        editor._handle_custom_msg(content, [])
        assert editor.flush(600)
        counts = [number for kind, number in sent if kind in ("image", "frame", "sight")]
        sent.clear()
        return counts

    hello = ask(t="hello")
    look = ask(t="sight", raster=[900, 900, 1, 500, 500])
    drags = [ask(t="render", seq=k, values={"g0.flux": 1e5 * (1 + k / 10)}) for k in range(1, 6)]
    drags += [
        ask(t="render", seq=k, values={"g0.xc": 1000.0 + k}, sight=[900, 900, 1, 500, 500]) for k in range(6, 11)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = wb.to_html(os.path.join(folder, "a.html"))
        size = os.path.getsize(path)
    assert wb.snapshot().startswith(b"\\x89PNG")
    peak = peak_memory() / 1e9
    print(json.dumps({"hello": hello, "look": look, "drags": drags, "html": size, "peak": peak}))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600, cwd=ROOT)
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found["hello"]) <= 10e6, found
    assert max(found["look"]) <= 5e6, found
    assert max(sum(drag) for drag in found["drags"]) <= 5e6, found
    assert all(drag for drag in found["drags"]), found
    assert found["html"] <= 20e6, found
    assert found["peak"] <= 2.5, found


def test_a_workbench_of_a_large_image_accepts_a_fit(scene, galaxies):
    from .counting import Counting

    with Workbench(scene, galaxies) as workbench:
        assert workbench.run(Counting(steps=6), wait=True) is not None
        assert workbench._views is not None
        assert workbench._views.flush(120)
        assert workbench.editor.flush(120)
