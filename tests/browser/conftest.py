"""Real servers and a real Chromium, driven by playwright."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .notebook import Notebook, write


TOKEN = "sersiclab"
START_SECONDS = 60
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_kernelspec(data: Path) -> None:
    """A kernel named python3 that is the running interpreter and finds sersiclab where we do."""
    folder = data / "kernels" / "python3"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    paths = os.pathsep.join(path for path in sys.path if path)
    spec = {"argv": argv, "display_name": "Python 3", "language": "python", "env": {"PYTHONPATH": paths}}
    (folder / "kernel.json").write_text(json.dumps(spec))


def write_settings(config: Path) -> None:
    """No question about news, which would lie over the page."""
    folder = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    settings = {"fetchNews": "false", "checkForUpdates": False}
    (folder / "notification.jupyterlab-settings").write_text(json.dumps(settings))


@dataclasses.dataclass(frozen=True)
class Home:
    """Folders of a Jupyter that knows nothing of the user's."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        names = ("JUPYTER_PATH", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        return dict.fromkeys(names, str(self.folder))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Where servers find the kernel and their settings."""
    folder = tmp_path_factory.mktemp("jupyter")
    write_kernelspec(folder)
    write_settings(folder)
    return Home(folder)


@contextlib.contextmanager
def serving(command: list[str], address: str, log: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends; it is up when the address answers."""
    with log.open("w") as output:
        server = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            wait_for(address, server, log)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)


def jupyter(module: str, app: str, port: int, root: Path) -> list[str]:
    """The command that serves a folder by JupyterLab or Notebook."""
    return [
        *(sys.executable, "-m", module, "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
        *(f"--ServerApp.root_dir={root}", f"--{app}.expose_app_in_browser=True"),
        *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
    ]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, home: Home) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab, and the folder that it serves."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    root, port = tmp_path_factory.mktemp("notebooks"), free_port()
    address = f"http://127.0.0.1:{port}"
    log = home.folder / "lab.log"
    with serving(jupyter("jupyterlab", "LabApp", port, root), f"{address}/api?token={TOKEN}", log, home.environment):
        yield address, root


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except urllib.error.HTTPError:  # it answers
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no Chromium (apt install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


Opened = Callable[..., contextlib.AbstractContextManager[Notebook]]


@pytest.fixture(scope="session")
def opened(lab: tuple[str, Path], chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Opens a notebook in a browser context of its own, and runs it until its widget is drawn.

    It is called as `opened(name, *cells, width=1500, height=1500)`, with further options of `Browser.new_context`;
    without cells, the notebook is one that lies in the lab's folder. A picture of the page is taken at the end.
    """
    address, root = lab

    @contextlib.contextmanager
    def enter(name: str, *cells: str, width: int = 1500, height: int = 1500, **options: Any) -> Iterator[Notebook]:
        if cells:
            write(root / name, list(cells))
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        page = Notebook(context.new_page(), address, TOKEN)
        page.show(name)
        yield page
        page.page.screenshot(path=tmp_path_factory.mktemp("screenshots") / f"{name}.png")
        context.close()

    return enter
