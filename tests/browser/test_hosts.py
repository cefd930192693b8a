"""The widget in other hosts: it draws, responds to the keyboard, shows the end of a run and offers files."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import TOKEN, free_port, jupyter, serving
from .notebook import Notebook, write


SECONDS = 120.0  # for what XLA compiles first
MODEL = """
import numpy as np
import sersiclab as sl

disk = sl.Exponential(xc=14.0, yc=11.0, flux=sl.LogUniform(1.0, 1e3, init=30.0), r_eff=3.0, ellip=0.3, theta=0.5)
model = sl.Model({"disk": disk})
blank = sl.Image(np.zeros((24, 30)), sigma=0.05)
image = sl.simulate(model, blank, {"disk.flux": 20.0}, seed=1)
"""
MARIMO = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
{body}
    editor = sl.Editor(image, model)
    editor
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def page(chromium: Any) -> Any:
    context = chromium.new_context(viewport={"width": 1300, "height": 1300})
    yield context.new_page()
    context.close()


def test_marimo(page, home, tmp_path):
    pytest.importorskip("marimo", reason="marimo is not installed")
    body = "\n".join(f"    {line}" for line in MODEL.strip().splitlines())
    (tmp_path / "editor.py").write_text(MARIMO.format(body=body))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "marimo", "run", str(tmp_path / "editor.py"), "--headless", "--no-token"]
    paths = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    with serving([*command, f"--port={port}"], address, tmp_path / "marimo.log", paths):
        page.goto(address, wait_until="commit")
        use(page, tmp_path)


def test_notebook(page, home, tmp_path):
    pytest.importorskip("notebook", reason="Notebook is not installed")
    write(tmp_path / "disk.ipynb", [f"{MODEL}\nwb = sl.Workbench(image, model)\nwb"])
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = jupyter("notebook", "JupyterNotebookApp", port, tmp_path)
    with serving(command, f"{address}/api?token={TOKEN}", tmp_path / "notebook.log", home.environment):
        notebook = Notebook(page, address, TOKEN, view="notebooks")
        notebook.open("disk.ipynb")
        notebook.run_until_widget()
        use(page, tmp_path)
        assert notebook.errors == []


def test_voila(page, home, tmp_path):
    pytest.importorskip("voila", reason="Voilà is not installed")
    write(tmp_path / "disk.ipynb", [f"{MODEL}\nwb = sl.Workbench(image, model)\nwb"])
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "voila", str(tmp_path / "disk.ipynb"), "--no-browser", f"--port={port}"]
    with serving(command, address, tmp_path / "voila.log", home.environment):
        page.goto(address, wait_until="commit", timeout=1000 * SECONDS)
        use(page, tmp_path)


def use(page: Any, folder: Path) -> None:
    """What a user does first, by role and name, and what she sees."""
    widget = page.locator(".sl-root")
    try:
        widget.get_by_role("img", name="residual").wait_for(timeout=1000 * SECONDS)
        first = until(page, lambda: chi2(widget), lambda value: value is not None)
        slider = widget.get_by_role("slider", name="disk.flux")
        slider.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        until(page, lambda: chi2(widget), lambda value: value is not None and value > first)
        widget.get_by_role("button", name="MAP").click()
        until(page, lambda: widget.get_by_role("status").inner_text(), lambda text: "done" in text)
        until(page, lambda: chi2(widget), lambda value: value is not None and value < first)
        assert float(widget.get_by_role("spinbutton", name="disk.flux").input_value()) == pytest.approx(20.0, rel=0.1)
        take_files(page, widget)
        assert widget.get_by_role("alert").count() == 0
    finally:
        page.screenshot(path=folder / "host.png")


def take_files(page: Any, widget: Any) -> None:
    """Downloads that the page makes by itself, and one that Python makes."""
    widget.get_by_role("button", name="Session", exact=True).click()
    begins = {
        "Save session": b'{\n "sersiclab": "session"',
        "PNG": b"\x89PNG",
        "DS9 regions in pixels": b"# Region file",
    }
    for name, begin in begins.items():
        with page.expect_download(timeout=1000 * SECONDS) as waiting:
            widget.get_by_role("button", name=name, exact=True).click()
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(begin), name
    assert b"\nellipse(15." in content  # the disk, by DS9's count


def chi2(widget: Any) -> float | None:
    """The reduced chi square that stands over the residual; of a preview there is none."""
    said = re.search(r"χ²/ν\s*([\d.]+)", widget.inner_text())
    return None if said is None else float(said[1])


def until(page: Any, look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is seen once it is what was wanted."""
    for _ in range(int(10 * SECONDS)):
        seen = look()
        if wanted(seen):
            return seen
        page.wait_for_timeout(100)
    pytest.fail(f"it never came; last seen: {seen!r}")
