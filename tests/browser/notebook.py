"""A notebook page in JupyterLab or Notebook: its kernel, its widget, and the messages of its console."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


READY_SECONDS = 90
SECONDS = 120.0  # for what XLA compiles first
READY = """
async () => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  if (!panel?.context || !jupyterapp.commands.hasCommand('notebook:run-all-cells')) return false;
  await panel.revealed;
  await panel.context.ready;
  await panel.sessionContext.ready;
  const info = await panel.sessionContext.session?.kernel?.info;
  return Boolean(info) && panel.content.widgets.length > 0;
}
"""
RUN_CELL = """
async ({code, seconds}) => {
  const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false});
  let out = '';
  future.onIOPub = (m) => {
    if (m.header.msg_type === 'stream') out += m.content.text;
    if (m.header.msg_type === 'error') out += m.content.traceback.join('\\n');
  };
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('timeout: ' + out)), 1000 * seconds));
  const reply = await Promise.race([future.done, late]);
  return {status: reply.content.status, out};
}
"""
RUN_ONE = """
async (index) => {
  const panel = jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = index;
  await jupyterapp.commands.execute('notebook:run-cell');
}
"""
SEND_CELL = """
(code) => {
  const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  kernel.requestExecute({code, store_history: false});
}
"""
PIXELS = """
(element) => {
  const canvas = element.tagName === 'CANVAS' ? element : element.querySelector('canvas');
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let hash = 0;
  for (let i = 0; i < data.length; i++) hash = (hash * 31 + data[i]) | 0;
  return hash;
}
"""
# What JupyterLab itself says on the console of a fresh profile.
NOT_OURS = ("favicon", "Failed to load resource", "jupyterlab-manager", "WebSocket connection")


def write(path: Path, cells: list[str]) -> Path:
    """A notebook of code cells."""
    document = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{i}",
                "source": cell,
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for i, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document))
    return path


class Notebook:
    """A page on which a notebook is open."""

    def __init__(self, page: Any, address: str, token: str, *, view: str = "lab/tree") -> None:
        self.page = page
        self.address = f"{address}/{view}/{{}}?token={token}&reset"
        self.errors: list[str] = []
        page.on("pageerror", self._threw)
        page.on("console", self._said)

    @property
    def widget(self) -> Any:
        return self.page.locator(".sl-root")

    def open(self, name: str) -> None:
        self.page.goto(self.address.format(name))
        self._ready()

    def show(self, name: str) -> None:
        """Open a notebook, run it until its widget is there, and wait until all that it asked for is drawn."""
        self.open(name)
        self.run_until_widget()
        self.drawn()

    def drawn(self) -> None:
        """Wait until the widget shows a residual and Python has nothing left to send."""
        self.widget.get_by_role("img", name="residual").wait_for(timeout=1000 * SECONDS)
        self.python("assert wb.editor.flush(120)")

    def reload(self) -> None:
        self.page.reload()
        self._ready()

    def _ready(self) -> None:
        # Not before its cells are there and the kernel has answered.
        end = time.monotonic() + READY_SECONDS
        while not self.page.evaluate(READY):
            assert time.monotonic() < end, "the notebook did not open"
            self.page.wait_for_timeout(200)

    def run_until_widget(self) -> None:
        """Run the cells one by one until a widget is there."""
        count = self.page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length")
        for index in range(count):
            self.page.evaluate(RUN_ONE, index)
            if self.widget.count():
                return
        self.widget.wait_for(timeout=60_000)

    def drag(self, name: str, right: float, down: float) -> None:
        """Drag the handle of this name by some CSS pixels, as a hand does: in steps."""
        handle = self.widget.get_by_role("button", name=name)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for k in range(1, 11):
            self.page.mouse.move(x + right * k / 10, y + down * k / 10)
            self.page.wait_for_timeout(30)
        self.page.mouse.up()

    def save(self) -> None:
        self.page.evaluate("jupyterapp.commands.execute('docmanager:save')")

    def run_all(self) -> None:
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")

    def python(self, code: str, seconds: float = 120) -> str:
        """What the code prints, run in the notebook's kernel."""
        reply = self.page.evaluate(RUN_CELL, {"code": code, "seconds": seconds})
        assert reply["status"] == "ok", reply["out"]
        return reply["out"].strip()

    def send(self, code: str) -> None:
        """Run code in the kernel and don't wait."""
        self.page.evaluate(SEND_CELL, code)

    def pixels(self, name: str) -> int:
        """A hash of the canvas that is the image of this name."""
        return self.widget.get_by_role("img", name=name).evaluate(PIXELS)

    def until(self, condition: Callable[[], Any], seconds: float = SECONDS) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it never came"
            self.page.wait_for_timeout(100)

    def press(self, name: str) -> None:
        """Press the button of this name."""
        self.widget.get_by_role("button", name=name).click()

    def settle(self) -> None:
        """Wait until the kernel has drawn all it was asked to, and the page has shown it."""
        self.page.wait_for_timeout(300)
        self.python("assert wb.editor.flush(120)")
        self.page.wait_for_timeout(300)

    def _threw(self, error: Any) -> None:
        if "/static/notebook/" not in (error.stack or ""):  # Notebook throws once itself, as it reads its settings
            self.errors.append(f"page error: {error}")

    def _said(self, message: Any) -> None:
        if message.type == "error" and not any(words in f"{message.text} {message.location}" for words in NOT_OURS):
            self.errors.append(message.text)
