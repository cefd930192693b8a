"""The one-file page, opened from disk with the network off."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.widget import Workbench, bundle

from .notebook import PIXELS


def test_the_page_shows_the_pictures_offline(chromium, rng, tmp_path):
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    model = Model(
        {
            "star": PointSource(xc=Normal(11.0, 1.0), yc=9.0, flux=LogUniform(1.0, 1e3, init=100.0)),
            "sky": FlatSky(level=Normal(0.0, 1.0)),
        }
    )
    blank = Image(np.zeros((20, 30)), sigma=1.0)
    image = Image(render(model, blank) + rng.normal(size=blank.shape), sigma=1.0)
    with Workbench(image, model) as workbench:
        file = workbench.to_html(tmp_path / "star.html")
    context = chromium.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    residual = page.get_by_role("img", name="residual")
    residual.wait_for()
    page.wait_for_timeout(500)
    before = residual.evaluate(PIXELS)
    page.get_by_role("switch", name="star").click()
    page.wait_for_timeout(500)
    assert residual.evaluate(PIXELS) != before
    page.get_by_role("switch", name="star").click()
    page.get_by_role("slider", name="star.flux").press("ArrowRight")
    page.wait_for_timeout(1500)  # nobody waits for what Python does not draw: the last picture follows
    assert residual.evaluate(PIXELS) != before
    assert page.get_by_text("χ²/ν ≈").count() == 1
    page.get_by_role("button", name="NUTS").click()
    page.get_by_role("alert").wait_for()
    assert "No Python here" in page.get_by_role("alert").inner_text()
    page.screenshot(path=tmp_path / "page.png")
    context.close()
    assert errors == []


NAMES = ("constructor", "toString", "hasOwnProperty", "__proto__")
# Each way by which a page may reach a network. What the policy forbids is reported to the document.
REACH = """async (address) => {
  const violations = [];
  document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
  const add = (tag, attributes) => document.body.append(Object.assign(document.createElement(tag), attributes));
  const tries = [
    () => fetch(address + "fetch", { mode: "no-cors" }),
    () => navigator.sendBeacon(address + "beacon"),
    () => new WebSocket(address.replace("http", "ws") + "socket"),
    () => new EventSource(address + "events"),
    () => add("img", { src: address + "img" }),
    () => add("script", { src: address + "script" }),
    () => add("script", { textContent: `fetch("${address}inline", { mode: "no-cors" })` }),
    () => add("iframe", { src: address + "frame" }),
    () => add("link", { rel: "stylesheet", href: address + "style" }),
    () => add("video", { src: address + "media" }),
    () => add("object", { data: address + "object" }),
    () => { const form = document.createElement("form"); form.action = address + "form"; form.target = "_blank";
            document.body.append(form); form.submit(); },
  ];
  for (const each of tries) { try { await each(); } catch {} }
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return violations;
}"""


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path.rstrip("?"))
            self.send_error(404)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/", asked
    http.shutdown()
    thread.join()
    http.server_close()


def write_example(path: Path, names: tuple[str, ...] = ("star",)) -> Path:
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    flux = LogUniform(1.0, 1e3, init=100.0)
    stars = {name: PointSource(xc=Normal(5.0 + 6 * i, 1.0), yc=9.0, flux=flux) for i, name in enumerate(names)}
    model = Model({**stars, "sky": FlatSky(level=Normal(0.0, 1.0))})
    image = Image(render(model, Image(np.zeros((20, 30)), sigma=1.0)), sigma=1.0)
    with Workbench(image, model) as workbench:
        return workbench.to_html(path)


def test_the_page_can_reach_no_network(chromium, server, tmp_path):
    address, asked = server
    page = chromium.new_page()
    file = write_example(tmp_path / "star.html")
    page.goto(file.as_uri())
    page.get_by_role("img", name="residual").wait_for()
    assert len(page.evaluate(REACH, address)) >= 11
    assert asked == []
    # The server would have heard of it: without the policy it does.
    file.write_text(file.read_text(encoding="utf-8").replace("Content-Security-Policy", "X"), encoding="utf-8")
    page.goto(file.as_uri())
    page.evaluate(REACH, address)
    assert {"/fetch", "/img", "/script", "/inline", "/style", "/form"} <= set(asked)
    page.close()


def test_components_may_have_names_of_javascripts_own(chromium, tmp_path):
    file = write_example(tmp_path / "names.html", NAMES)
    page, errors = chromium.new_page(viewport={"width": 1200, "height": 1200}), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    model = page.get_by_role("img", name="model")
    model.wait_for()
    page.wait_for_timeout(500)
    for name in NAMES:
        before = model.evaluate(PIXELS)
        page.get_by_role("switch", name=name).click()
        page.wait_for_timeout(500)
        assert model.evaluate(PIXELS) != before, name
        assert page.get_by_role("slider", name=f"{name}.flux").count() == 1
    page.screenshot(path=tmp_path / "names.png")
    page.close()
    assert errors == []
