"""The command `sersiclab lab`: JupyterLab, open on a notebook whose widget is already shown.

A notebook shows its widgets only after its cells have run. The cells up to the first widget are therefore run here, in
the kernel that JupyterLab then finds for that notebook, and their outputs are written into the notebook before the
browser opens it.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from sersiclab.cli import option_values as options
from sersiclab.cli.signals import Received, stopping
from sersiclab.documents import storage
from sersiclab.runtime.compilation import cache_environment
from sersiclab.runtime.errors import InputError


FOLDER = Path("sersiclab-lab")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
START_SECONDS = 90
END_SECONDS = 30
# A closed terminal sends SIGHUP, which Windows does not have.
ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
LAST_PORT = 65535
GUIDE = """Drag the ellipse onto the galaxy, mask its neighbours, and press a button: **MAP** fits in a second, **NUTS**
samples the posterior. Then `wb.fit.summary()` and `wb.posterior` show the result, and `wb.fit.save("galaxy.asdf")`
saves it. Press `?` for the widget's keyboard shortcuts."""
WITHOUT_PSF = '\n\nNo PSF was given, so sizes include the blur. Add one with `Image.read(..., psf="psf.fits")`.'


def lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on a prepared notebook and wait for its end. Returns the exit status."""
    images, data = arguments.images, options.data(arguments)
    if not 0 <= arguments.port <= LAST_PORT:
        raise InputError(f"--port must lie between 0 and {LAST_PORT}, got {arguments.port}")
    for name in images:
        _absolute(name)  # a missing file is refused before anything starts
    notebook = _image_notebook(images, data) if images else _quickstart()
    token = os.urandom(24).hex()
    port = _free_port(arguments.port)
    with stopping(*ENDINGS) as received:
        try:
            with _serving(port, token) as server:
                _open(notebook, f"http://127.0.0.1:{port}", token, server, browser=not arguments.no_browser)
                return server.wait()
        except KeyboardInterrupt:
            return _status(received)


def _status(received: Received) -> int:
    """Return the exit status after a signal: Ctrl-C is the ordinary way to end JupyterLab."""
    return 0 if received.number in (0, signal.SIGINT) else received.status


@contextlib.contextmanager
def _serving(port: int, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run JupyterLab, and end it in any case."""
    server = subprocess.Popen(_command(port), env={**cache_environment(), "JUPYTER_TOKEN": token})
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()


def _open(notebook: Path, base: str, token: str, server: subprocess.Popen[bytes], *, browser: bool) -> None:
    """Run the notebook up to its first widget, print its address, and open it in the browser if `browser` is true."""
    _wait_for(base, token, server)
    _run_to_first_widget(notebook, base, token)
    address = f"{base}/lab/tree/{notebook.as_posix()}?token={token}"
    sys.stdout.write(f"\nJupyterLab is open at\n  {address}\nPress Ctrl-C to end it.\n")
    sys.stdout.flush()
    if browser:
        webbrowser.open(address)


def _command(port: int) -> list[str]:
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--LabApp.news_url=None"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # a container's only user
    return command


def _free_port(first: int) -> int:
    for port in range(first, min(first + 100, LAST_PORT + 1)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise OSError(f"no free port from {first} to {first + 99}")


def _quickstart() -> Path:
    """Copy the quickstart, unless a copy exists, which the user may have edited. Returns its path."""
    target = FOLDER / "01_quickstart.ipynb"
    if not target.exists():
        packaged = Path(str(files("sersiclab"))) / "notebooks" / target.name
        checkout = Path(__file__).resolve().parents[3] / "notebooks" / target.name
        FOLDER.mkdir(exist_ok=True)
        with storage.writing(target) as temporary:
            shutil.copyfile(packaged if packaged.exists() else checkout, temporary)
    return target


def _image_notebook(images: Sequence[str], data: Mapping[str, Any]) -> Path:
    """Write a notebook with one workbench per image, unless it exists. Returns its path."""
    import nbformat.v4 as v4

    target = FOLDER / f"{Path(images[0].partition('[')[0]).stem}.ipynb"
    if target.exists():
        return target
    given = {name: _absolute(value) if name in options.FILES else value for name, value in data.items()}
    keywords = "".join(f", {name}={value!r}" for name, value in given.items())
    guide = GUIDE if "psf" in data else GUIDE + WITHOUT_PSF
    cells = [v4.new_markdown_cell(guide), v4.new_code_cell("import sersiclab as sl")]
    for number, name in enumerate(images, start=1):
        suffix = f"_{number}" if len(images) > 1 else ""
        image, workbench = f"image{suffix}", f"wb{suffix}"
        read = f"{image} = sl.Image.read({_absolute(name)!r}{keywords})"
        cells.append(v4.new_code_cell(f"{read}\n{workbench} = sl.Workbench({image})\n{workbench}"))
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    FOLDER.mkdir(exist_ok=True)
    return storage.write_text(target, v4.writes(v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})))


def _absolute(name: str) -> str:
    """Return the absolute path of a FITS file, with its extension in brackets, if any."""
    file, bracket, extension = name.partition("[")
    if not Path(file).exists():
        raise FileNotFoundError(f"no such file: {file}")
    return Path(file).resolve().as_posix() + bracket + extension


def _request(base: str, token: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{base}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
        return json.load(answer)


def _wait_for(base: str, token: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise OSError("JupyterLab did not start; is it installed? pip install 'sersiclab[lab]'")
        try:
            _request(base, token, "/api/status")
            return
        except OSError:
            time.sleep(0.2)
    raise OSError(f"JupyterLab did not answer within {START_SECONDS} s")


def _run_to_first_widget(path: Path, base: str, token: str) -> None:
    """Run the notebook's cells in its own kernel, up to the first that shows a widget, and save it."""
    import nbformat
    from nbformat.sign import NotebookNotary

    body = {"path": path.as_posix(), "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
    session = _request(base, token, "/api/sessions", body)
    notebook = nbformat.read(path, as_version=4)
    client = _connect(session["kernel"]["id"])
    try:
        for cell in notebook.cells:
            if cell.cell_type == "code" and _run(client, cell):
                break
    finally:
        client.stop_channels()
    with storage.writing(path, overwrite=True) as temporary:
        nbformat.write(notebook, temporary)
    # JupyterLab shows widgets only in notebooks that it trusts.
    NotebookNotary().sign(nbformat.read(path, as_version=4))


def _connect(kernel_id: str) -> Any:
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_core.paths import jupyter_runtime_dir

    file = Path(jupyter_runtime_dir()) / f"kernel-{kernel_id}.json"
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.wait_for_ready(timeout=START_SECONDS)
            return client
        except RuntimeError:  # a kernel that starts slowly on a busy machine is reported as dead
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _run(client: Any, cell: Any) -> bool:
    """Run a cell and keep its outputs. Returns whether to stop, because it showed a widget or failed."""
    from nbformat.v4 import output_from_msg

    cell.outputs = []

    def keep(message: Any) -> None:
        if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            cell.outputs.append(output_from_msg(message))

    reply = client.execute_interactive(cell.source, output_hook=keep, timeout=None)
    cell.execution_count = reply["content"].get("execution_count")
    drawn = any(WIDGET_VIEW in output.get("data", {}) for output in cell.outputs)
    return drawn or reply["content"]["status"] != "ok"
