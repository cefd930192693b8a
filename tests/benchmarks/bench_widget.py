"""Latency and memory of the workbench in JupyterLab and Chromium, as a hand feels it.

Run `python tests/benchmarks/bench_widget.py [--cycles 50]`, with the front end built; it takes about four minutes.
Latencies are from each pointer move, whether its own picture was drawn or a later one's, to the end of the animation
frame that painted the residual: of the last picture carried to the new place, and of the one that Python drew for it
or for a later place. Beside them stands what the machine gives at best in the same minute: a round trip of
an empty message and of one with the bytes of a picture through the same server, and what Python takes to render.

Targets, on two cores: drag at 256², one Sérsic and a PSF, median 40 ms and 95th percentile 100 ms, 20 frames a second,
nothing drawn later than the answer to the last position. Eye, stretch, limits and blink at 512²: no message to the
kernel and 16 ms of work. The view is drawn within 1 s of the cell's output. Memory is flat over 50 widgets.
"""

import argparse
import contextlib
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright


HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from browser.conftest import CHROMIUM_FLAGS, TOKEN, Home, free_port, jupyter, serving, write_kernelspec, write_settings  # noqa: E402
from browser.notebook import Notebook, write  # noqa: E402


SET_UP = """
import numpy as np, sersiclab as sl
side = {side}
galaxy = sl.Sersic(
    xc=sl.Normal(side / 2, 5.0, init=side / 2), yc=sl.Normal(side / 2, 5.0, init=side / 2),
    flux=sl.LogUniform(1.0, 1e6, init=2e4), r_eff=sl.LogUniform(1.0, side, init=side / 10),
    n=sl.Uniform(0.5, 8.0, init=2.5), ellip=sl.Uniform(0.0, 0.9, init=0.4), theta=sl.Angle(init=0.6),
)
sky = sl.FlatSky(level=sl.Normal(0.0, 1.0, init=0.0))
model = sl.Model({{"galaxy": galaxy}} if {one} else {{"galaxy": galaxy, "sky": sky}})
x = np.arange(-20, 21)
psf = np.exp(-(x[:, None] ** 2 + x**2) / 8.0)
image = sl.simulate(model, sl.Image(np.zeros((side, side)), sigma=1.0, psf=psf / psf.sum()), seed=1)
"""
# Shown by `display`: the history of outputs, Out, holds what a cell ends with.
SHOW = "wb = sl.Workbench(image, model)\ndisplay(wb)"
ECHO = """
def answer(comm, _opened):
    comm.on_msg(lambda message: comm.send({}, buffers=[bytes(message["content"]["data"]["bytes"])]))
get_ipython().kernel.comm_manager.register_target("echo", answer)
"""
ROUND_TRIPS = """
async ({bytes, number}) => {
  const comm = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.createComm('echo');
  await comm.open({}).done;
  const times = [];
  for (let i = 0; i < number; i++) {
    const began = performance.now();
    await new Promise((done) => { comm.onMsg = done; comm.send({bytes}); });
    times.push(performance.now() - began);
  }
  comm.dispose();
  return times;
}
"""
# The least that such a loop can do: each frame asks, the next one paints the bytes that came.
BARE_LOOP = """
async ({bytes, number}) => {
  const comm = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.createComm('echo');
  await comm.open({}).done;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 256;
  canvas.style = 'position: fixed; right: 8px; top: 8px; z-index: 9';
  document.body.append(canvas);
  const times = [];
  for (let i = 0; i < number; i++) {
    await new Promise(requestAnimationFrame);
    const began = performance.now();
    const {buffers: [view]} = await new Promise((done) => { comm.onMsg = done; comm.send({bytes}); });
    await new Promise(requestAnimationFrame);
    const pixels = new Uint8ClampedArray(view.buffer, view.byteOffset, view.byteLength);
    canvas.getContext('2d').putImageData(new ImageData(pixels, 256), 0, 0);
    await watch.painted();
    times.push(performance.now() - began);
  }
  canvas.remove();
  comm.dispose();
  return times;
}
"""
RENDER = """
import time
from sersiclab.widget.frames import Frames
frames, times = Frames(image), []
for i in range(40):
    began = time.perf_counter()
    frames.draw(model, {"galaxy.r_eff": 20.0 + 0.1 * i})
    times.append(1e3 * (time.perf_counter() - began))
print(*times[1:])
"""
# What a closed widget may leave behind: memory that the kernel holds, objects of ours, threads and widgets.
HELD = """
import gc, os, threading
from ipywidgets.widgets import widget
for _ in range(3):
    gc.collect()
pages, objects = int(open("/proc/self/statm").read().split()[1]), gc.get_objects()
ours = sum(str(type(each).__module__).startswith("sersiclab.widget") for each in objects)
print(pages * os.sysconf("SC_PAGESIZE") / 1e6, len(objects), ours, threading.active_count(), len(widget._instances))
del objects
"""
HELD_ROW = "{:13d} {:11.1f} {:9.0f} {:6.0f} {:9.0f} {:9.0f} {:9.2f} {:9.0f} {:11.0f}"
ROW = "{:34s} {:>8s} {:>8s} {:>8s} {:>8s}   {}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=50, help="widgets that are opened and closed")
    parser.add_argument("--seconds", type=float, default=5.0, help="of the drag")
    options = parser.parse_args()
    with lab() as (browser, address, root):
        print(ROW.format("milliseconds", "p50", "p95", "worst", "number", ""))
        with opened(browser, address, root, "drag", side=256, one=True) as page:
            scale(page)
            drag(page, options.seconds)
        with opened(browser, address, root, "display", side=512, one=False) as page:
            display(page)
        if options.cycles:
            with opened(browser, address, root, "memory", side=128, one=True) as page:
                memory(page, options.cycles)


@contextlib.contextmanager
def lab() -> Iterator[tuple[Any, str, Path]]:
    """A browser, and the address and folder of a JupyterLab as it comes."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        write_kernelspec(folder)
        write_settings(folder)
        root, port = folder / "notebooks", free_port()
        root.mkdir()
        address = f"http://127.0.0.1:{port}"
        command = jupyter("jupyterlab", "LabApp", port, root)
        with serving(command, f"{address}/api?token={TOKEN}", folder / "lab.log", Home(folder).environment):
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
            yield browser, address, root
            browser.close()


@contextlib.contextmanager
def opened(browser: Any, address: str, root: Path, name: str, *, side: int, one: bool) -> Iterator[Notebook]:
    """A notebook whose second cell shows a workbench, with the watch in its page."""
    write(root / f"{name}.ipynb", [SET_UP.format(side=side, one=one), SHOW])
    context = browser.new_context(viewport={"width": 1500, "height": 1400})
    context.add_init_script(path=HERE / "watch.js")
    page = Notebook(context.new_page(), address, TOKEN)
    page.show(f"{name}.ipynb")
    first(page, f"view at {side}²")
    yield page
    context.close()


def row(name: str, times: Any, target: str = "") -> None:
    times = np.asarray(times, float)
    p50, p95 = np.percentile(times, [50, 95])
    print(ROW.format(name, f"{p50:.1f}", f"{p95:.1f}", f"{times.max():.1f}", str(times.size), target), flush=True)


def first(page: Notebook, name: str) -> None:
    """From the cell's output to the first pictures."""
    page.until(lambda: page.page.evaluate("watch.first.residual"))
    for picture, target in (("data", "<= 1000"), ("residual", "<= 1000, what XLA compiles included")):
        row(f"{name}: output to {picture}", [page.page.evaluate(f"watch.first.{picture} - watch.output")], target)


def scale(page: Notebook) -> None:
    """What a message and a rendering cost here and now."""
    page.settle()
    page.python(ECHO)
    for name, size in (("empty", 0), ("of 256 KiB", 2**18)):
        row(f"round trip, {name}", page.page.evaluate(ROUND_TRIPS, {"bytes": size, "number": 30}), "the machine")
    loop = page.page.evaluate(BARE_LOOP, {"bytes": 2**18, "number": 60})
    row("a loop that only paints 256 KiB", loop, f"the machine; {1e3 / np.mean(loop):.1f} frames/s")
    row("Python renders one component", np.array(page.python(RENDER).split(), float), "the machine")


def drag(page: Notebook, seconds: float) -> None:
    """The centre goes round in circles; every position that the page heard of counts."""
    page.settle()
    box = page.widget.get_by_role("button", name="centre of galaxy").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = page.page.mouse
    mouse.move(x, y)
    mouse.down()
    page.page.wait_for_timeout(300)
    page.page.evaluate("Object.assign(watch, {moves: [], asked: [], shown: [], sent: []})")
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        turn = 2 * math.pi * passed / 1.3
        mouse.move(x + 60 * math.sin(turn), y + 60 * (1 - math.cos(turn)))
        page.page.wait_for_timeout(2)
    mouse.move(x + 30, y - 20)
    mouse.up()
    released = page.page.evaluate("performance.now()")
    page.settle()
    page.page.wait_for_timeout(1000)
    seen = page.page.evaluate("({moves: watch.moves, asked: watch.asked, shown: watch.shown, sent: watch.sent})")
    moves = [move["time"] for move in seen["moves"]]
    asked = {each["seq"]: each["move"] for each in seen["asked"]}
    # Each picture of Python's, when it was first seen; after the release, one unasked for is of the last place.
    own = [each for each in seen["shown"] if each["seq"] in asked or each["painted"] > released]
    answers = list({each["seq"]: each for each in reversed(own)}.values())
    shown = [(asked.get(each["seq"], len(moves) - 1), each["painted"]) for each in answers]
    painted = [(each["began"], each["painted"]) for each in seen["shown"]]
    carried = [min(at for began, at in painted if began > move["heard"]) - move["time"] for move in seen["moves"]]
    row("drag at 256²: move to residual", carried, "p50 <= 40, p95 <= 100")
    latencies = [min(at for move, at in shown if move >= i) - moved for i, moved in enumerate(moves)]
    row("  to the residual by Python", latencies)
    own = [at - moves[move] for move, at in shown if at <= released]
    row("  of moves whose own picture came", own)
    sent = {each["seq"]: each["time"] for each in seen["asked"]}
    pairs = [(sent[each["seq"]], each["time"], each["painted"]) for each in answers if each["seq"] in sent]
    row("  from the request to its answer", [there - began for began, there, _ in pairs])
    row("  from the answer to the paint", [at - there for _, there, at in pairs])
    during = [at for _, at in painted if moves[0] <= at <= released]
    rate = (len(during) - 1) / (during[-1] - during[0]) * 1e3
    by_python = sum(each["painted"] <= released for each in answers)
    target = f"{rate:.1f} frames/s, >= 20; {by_python / seconds:.1f} by Python; {len(moves) / seconds:.0f} moves/s"
    row("  between two frames", np.diff(during), target)
    after = [at - released for _, at in painted if at > released]
    place = page.python("print(*(round(float(wb.model.initial[f'galaxy.{name}']), 3) for name in ('xc', 'yc')))")
    last = max([0.0, *after])
    row("  last frame after the release", [last], f"{len(after)} frames; the centre is at {place}")


ACTIONS = {
    "stretch": ("stretch", ["linear", "sqrt", "log", "asinh", "power", "histogram"]),
    "limits": ("limits", ["zscale", "minmax", "sigma", "percentile"]),
    "colour table": ("colour table", ["viridis", "magma", "gray"]),
    "residual units": ("residual units", ["flux", "percent", "sigma"]),
}
CHOOSE = """
(element, value) => watch.act(() => {
  element.value = value;
  element.dispatchEvent(new Event('change', {bubbles: true}));
})
"""
PRESS = "(element) => watch.act(() => element.click())"
KEY = "(element, key) => watch.act(() => element.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})))"


def display(page: Notebook) -> None:
    """What Python need not know, each as often as a median wants."""
    page.settle()
    page.page.wait_for_timeout(500)
    page.page.evaluate("watch.sent = []")
    for name, (label, values) in ACTIONS.items():
        control = page.widget.get_by_role("combobox", name=label, exact=True)
        told(f"{name} at 512²", [control.evaluate(CHOOSE, value) for _ in range(4) for value in values])
    eye = page.widget.get_by_role("button", name="show galaxy")
    told("eye at 512²", [eye.evaluate(PRESS) for _ in range(20)])
    page.press("One picture")
    page.widget.get_by_role("combobox", name="comparison").select_option("blink")
    stage = page.widget.get_by_role("group", name="data panel")
    told("blink by key at 512²", [stage.evaluate(KEY, "b") for _ in range(20)])
    page.page.wait_for_timeout(1500)
    sent = page.page.evaluate("watch.sent")
    print(ROW.format("messages to the kernel", "", "", "", str(len(sent)), f"0; {' '.join(sorted(set(sent)))}"))


def told(name: str, times: list[dict[str, float]]) -> None:
    row(name, [each["work"] for each in times], "work, < 16")
    row("  until it is seen", [each["seen"] for each in times])


def memory(page: Notebook, cycles: int) -> None:
    """Widgets opened and closed, after some that fill the caches."""
    client = page.page.context.new_cdp_session(page.page)
    client.send("Performance.enable")
    print("\nafter widgets   kernel MB   objects   ours   threads   widgets   page MB     nodes   listeners")
    rows = []
    for done in range(cycles + 11):
        if done in (10, 10 + cycles // 2, 10 + cycles):
            rows.append([*map(float, page.python(HELD).split()), *held(client)])
            print(HELD_ROW.format(done - 10, *rows[-1]))
        page.python("wb.close()")
        page.until(lambda: page.widget.count() == 0)
        page.page.evaluate("watch.shown = []")
        page.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
        page.page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
        page.drawn()
        page.until(lambda: page.page.evaluate("watch.shown.length"))
    growth = np.subtract(rows[-1], rows[0])
    print(f"growth a widget: kernel {1e3 * growth[0] / cycles:.1f} kB, page {1e3 * growth[5] / cycles:.1f} kB")


def held(client: Any) -> list[float]:
    """Megabytes of the page's heap, its nodes and its listeners, after garbage collection."""
    for _ in range(2):
        client.send("HeapProfiler.collectGarbage")
    values = {each["name"]: each["value"] for each in client.send("Performance.getMetrics")["metrics"]}
    return [values["JSHeapUsedSize"] / 1e6, values["Nodes"], values["JSEventListeners"]]


if __name__ == "__main__":
    main()
