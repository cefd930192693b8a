"""The pictures on a page without a kernel: everything that works here needs no Python."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.widget import Editor, bundle
from sersiclab.widget.page import write_page

from .notebook import PIXELS


SHAPE = (40, 50)
CENTRE = (31.0, 12.0)  # of the star, x and y
CONTROLS = {
    *("button", "checkbox", "combobox", "menuitem", "radio", "searchbox", "slider", "spinbutton", "switch", "textbox"),
    *("alertdialog", "dialog", "group", "img", "image", "progressbar", "toolbar"),
}
OPACITIES = "() => [...document.querySelectorAll('.sl-panel:not([hidden])')].map((p) => getComputedStyle(p).opacity)"

PLACES = "(elements) => elements.filter((e) => e.getClientRects().length).map((e) => e.outerHTML)"


@pytest.fixture(scope="module")
def image_and_model() -> tuple[Image, Model]:
    y, x = np.mgrid[-4:5, -4:5]
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.1, 2.2], [25.0, 20.0]
    wcs.wcs.cdelt = np.array([-0.2, 0.2]) / 3600
    mask = np.zeros(SHAPE, bool)
    mask[30:, :10] = True
    blank = Image(np.zeros(SHAPE), sigma=1.0, psf=psf / psf.sum(), mask=mask, wcs=wcs)
    model = Model(
        {
            "star": PointSource(xc=Normal(CENTRE[0], 1.0), yc=CENTRE[1], flux=LogUniform(1.0, 1e5, init=2e3)),
            "sky": FlatSky(level=Normal(0.0, 1.0)),
        }
    )
    data = render(model, blank) + np.sin(np.arange(blank.data.size)).reshape(SHAPE)
    return Image(data, sigma=1.0, psf=blank.psf, mask=mask, wcs=wcs, zeropoint=25.0, pixel_scale=0.2), model


@pytest.fixture(scope="module")
def file(image_and_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    editor = Editor(*image_and_model)
    written = write_page(tmp_path_factory.mktemp("pictures") / "star.html", editor)
    editor.close()
    return written


@pytest.fixture(scope="module")
def page(chromium: Any, file: Path) -> Iterator[Any]:
    context = chromium.new_context(offline=True, viewport={"width": 1300, "height": 1000})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    page.get_by_role("img", name="residual").wait_for()
    page.wait_for_timeout(300)
    yield page
    page.screenshot(path=file.with_name("last.png"))
    context.close()
    assert errors == []


def pixels(page: Any, name: str) -> int:
    page.wait_for_timeout(100)
    return page.get_by_role("img", name=name).evaluate(PIXELS)


def move_to(page: Any, name: str, x: float, y: float) -> None:
    """Put the cursor on a pixel of the whole image."""
    box = page.get_by_role("img", name=name).bounding_box()
    ny, nx = SHAPE
    scale = min(box["width"] / nx, box["height"] / ny)
    left = box["x"] + box["width"] / 2 + (x - (nx - 1) / 2) * scale
    page.mouse.move(left, box["y"] + box["height"] / 2 - (y - (ny - 1) / 2) * scale)
    page.wait_for_timeout(100)


def opacities(page: Any, times: int) -> set[tuple[str, ...]]:
    """The opacities of the panels, at `times` moments a fifth of a second apart."""
    seen = set()
    for _ in range(times):
        seen.add(tuple(page.evaluate(OPACITIES)))
        page.wait_for_timeout(200)
    return seen


def show(page: Any, layout: str, number: int) -> None:
    page.get_by_role("button", name=layout).click()
    page.wait_for_timeout(100)
    assert page.get_by_role("img").count() == number


def test_every_stretch_and_rule_of_the_limits_gives_another_picture(page):
    stretch, limits = (page.get_by_role("combobox", name=name) for name in ("stretch", "limits"))
    seen = set()
    for name in ("linear", "sqrt", "log", "asinh", "power", "histogram"):
        stretch.select_option(name)
        seen.add(pixels(page, "data"))
    assert len(seen) == 6
    stretch.select_option("linear")
    seen = set()
    for name in ("percentile", "zscale", "minmax", "sigma"):
        limits.select_option(name)
        seen.add(pixels(page, "data"))
    assert len(seen) == 4
    limits.select_option("percentile")


def test_the_pictures_are_moved_as_one_and_the_model_may_have_limits_of_its_own(page):
    names = ("data", "model", "residual")
    before = [pixels(page, name) for name in names]
    move_to(page, "data", 15, 22)  # off the star, whose handle would be dragged
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    zoomed = [pixels(page, name) for name in names]
    page.mouse.down()
    page.mouse.move(250, 350, steps=3)
    page.mouse.up()
    panned = [pixels(page, name) for name in names]
    assert all(len({*three}) == 3 for three in zip(before, zoomed, panned, strict=True))
    page.get_by_role("button", name="Fit view").click()
    assert [pixels(page, name) for name in names] == before
    match = page.get_by_role("checkbox", name="match model")
    match.uncheck()
    assert [pixels(page, name) == old for name, old in zip(names, before, strict=True)] == [True, False, True]
    match.check()


def test_residual_in_sigmas_flux_and_per_cent(page):
    units = page.get_by_role("combobox", name="residual units")
    seen = {}
    for name in ("flux", "percent", "sigma"):
        units.select_option(name)
        seen[name] = pixels(page, "residual")
    # With sigma 1 everywhere, a flux is its own significance.
    assert seen["flux"] == seen["sigma"] != seen["percent"]


def test_the_end_of_a_colour_bar_is_dragged(page):
    high = page.get_by_role("spinbutton", name="high limit")
    before, picture = float(high.input_value()), pixels(page, "data")
    box = page.get_by_role("slider", name="high end, data colours").bounding_box()
    bar = page.get_by_role("img", name="data").bounding_box()["width"]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - bar / 2, y, steps=5)
    page.mouse.up()
    low = float(page.get_by_role("spinbutton", name="low limit").input_value())
    assert float(high.input_value()) == pytest.approx((low + before) / 2, rel=0.05)
    assert pixels(page, "data") != picture
    assert page.get_by_role("combobox", name="limits").input_value() == "manual"


def test_the_readout_tells_the_pixel_and_its_place_on_the_sky(page, image_and_model):
    image, _ = image_and_model
    move_to(page, "model", 20, 33)
    readout = page.get_by_role("group", name="pixel under the cursor")
    text = " ".join(readout.inner_text().split())
    assert "x 20 y 33" in text
    assert f"data {image.data[33, 20]:.4}".replace("-", "−") in text
    sky = image.wcs.pixel_to_world(20, 33)
    ra = sky.ra.to_string("hour", sep=":", precision=3, pad=True)
    dec = sky.dec.to_string("deg", sep=":", precision=2, pad=True, alwayssign=True)
    assert text.endswith(f"RA, Dec {ra} {dec}")
    move_to(page, "model", 3, 35)
    assert "data masked" in " ".join(readout.inner_text().split())


def test_layouts_blink_and_swipe(page):
    show(page, "Two by two", 4)
    fourth = page.get_by_role("combobox", name="fourth picture")
    for name, label in (("sigma", "sigma map"), ("mask", "mask"), ("psf", "PSF"), ("component", "component star")):
        fourth.select_option(name)
        page.get_by_role("img", name=label, exact=True).wait_for()
    show(page, "One picture", 1)
    page.get_by_role("combobox", name="comparison").select_option("swipe")
    page.get_by_role("combobox", name="compared picture").select_option("residual")
    line = page.get_by_role("slider", name="swipe")
    box = line.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] - 100, box["y"] + 30, steps=4)
    page.mouse.up()
    assert float(line.get_attribute("aria-valuenow")) < 50
    page.get_by_role("combobox", name="comparison").select_option("blink")
    page.locator(".sl-pictures[data-compare=blink]").wait_for()
    assert opacities(page, 12) == {("1", "0"), ("0", "1")}
    show(page, "Three side by side", 3)


def test_profile_and_cuts_follow_the_cursor(page):
    page.get_by_role("button", name="Row and column cuts").click()
    move_to(page, "data", *CENTRE)
    cut = page.get_by_role("figure", name="row cut")
    before = cut.inner_html()
    assert page.get_by_text("row y = 12").count() == 1
    move_to(page, "data", 31, 25)
    assert page.get_by_text("row y = 25").count() == 1
    assert cut.inner_html() != before
    assert page.get_by_role("figure", name="profile").locator(".sl-model-line").get_attribute("d").startswith("M")


def reading(page: Any) -> list[str]:
    """Where the readout says that it reads: x and y."""
    page.wait_for_timeout(100)
    return page.get_by_role("group", name="pixel under the cursor").inner_text().split()[:4]


def test_a_click_pins_the_crosshair_arrows_move_it_and_escape_lets_it_go(page):
    stage = page.get_by_role("group", name="data panel")
    lines = page.locator(".sl-panel-residual .sl-cross, .sl-panel-residual .sl-pixel")
    page.get_by_role("button", name="Crosshair").click()
    move_to(page, "data", 15, 22)  # off the star, which a click would select
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(5, 5)  # off the pictures
    assert reading(page) == ["x", "15", "y", "22"]
    before, picture = lines.evaluate_all(PLACES), pixels(page, "data")
    assert before
    stage.focus()
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert reading(page) == ["x", "17", "y", "21"]
    assert lines.evaluate_all(PLACES) != before
    assert pixels(page, "data") == picture  # the view did not move with it
    move_to(page, "model", 20, 30)
    assert reading(page) == ["x", "20", "y", "30"]  # the cursor goes before
    page.mouse.move(5, 5)
    assert reading(page) == ["x", "17", "y", "21"]
    page.keyboard.press("Escape")
    assert reading(page) == ["x", "–", "y", "–"]
    page.get_by_role("button", name="Crosshair").click()


def test_the_help_keeps_the_focus_and_gives_it_back(page):
    stage = page.get_by_role("group", name="data panel")
    stage.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="keys")
    dialog.wait_for()
    assert dialog.evaluate("(element) => element.contains(document.activeElement)")
    page.keyboard.press("Tab")
    inside = "(element) => element.contains(document.activeElement) || document.activeElement === document.body"
    assert dialog.evaluate(inside)
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert stage.evaluate("(element) => element === document.activeElement")


def test_a_rectangle_is_masked_by_the_keyboard(page):
    stage = page.get_by_role("group", name="data panel")
    page.get_by_role("button", name="Edit the mask").click()
    before = page.get_by_text("pixels masked").inner_text()
    page.get_by_role("button", name="Rectangle").click()
    stage.focus()
    for key in ("Shift+ArrowRight", "Enter", "Shift+ArrowRight", "Shift+ArrowUp", "Enter"):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    after = page.get_by_text("pixels masked").inner_text()
    assert int(after.split()[0]) == int(before.split()[0]) + 4
    page.get_by_role("button", name="Edit the mask").click()


def test_every_control_has_a_name_of_its_own(page):
    """The browser's own tree of accessibility, with everything open that opens."""
    for name in ("Edit the mask", "Prior predictive", "settings of the run"):
        page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Session", exact=True).click()
    for name in ("shape of prior, flux of star", "tie, flux of star"):
        page.get_by_role("button", name=name).click()
    page.wait_for_timeout(300)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    known = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    controls = [(role, name) for role, name in known if role in CONTROLS]
    assert len(controls) > 60
    assert [role for role, name in controls if not name.strip()] == []
    assert {control: count for control, count in Counter(controls).items() if count > 1} == {}
    page.reload()
    page.get_by_role("img", name="residual").wait_for()


def test_fine_screens_and_reduced_motion(chromium, file):
    """The canvas has twice as many pixels, the cursor is in the same place, and blinking is off."""
    screen = {"viewport": {"width": 900, "height": 900}, "device_scale_factor": 2, "reduced_motion": "reduce"}
    context = chromium.new_context(offline=True, **screen)
    page = context.new_page()
    page.goto(file.as_uri())
    picture = page.get_by_role("img", name="data")
    picture.wait_for()
    page.wait_for_timeout(300)
    widths = "(element) => [(element.querySelector('canvas') ?? element).width, element.getBoundingClientRect().width]"
    drawn, shown = picture.evaluate(widths)
    assert drawn == pytest.approx(2 * shown, abs=2)
    move_to(page, "model", 20, 33)
    readout = page.get_by_role("group", name="pixel under the cursor")
    assert "x 20 y 33" in " ".join(readout.inner_text().split())
    show(page, "One picture", 1)
    page.get_by_role("combobox", name="comparison").select_option("blink")
    page.locator(".sl-pictures[data-compare=blink]").wait_for()
    assert len(opacities(page, 10)) == 1
    context.close()
