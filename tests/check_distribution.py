"""Check the built wheel and sdist: `python tests/check_distribution.py FOLDER`. Run by .ci/run."""

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path


BUNDLE = ("sersiclab/static/widget.js", "sersiclab/static/widget.css")
NOTEBOOK = "sersiclab/notebooks/01_quickstart.ipynb"


def main(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    in_wheel = zipfile.ZipFile(wheel).namelist()
    _require(wheel, in_wheel, [*BUNDLE, NOTEBOOK, "sersiclab/py.typed"])
    with tarfile.open(sdist) as archive:
        in_sdist = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    _require(sdist, in_sdist, [f"src/{name}" for name in BUNDLE] + ["LICENSE", "js/package.json", "tests/conftest.py"])
    _install_without_node(sdist)


def _require(file: Path, names: list[str], wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        sys.exit(f"{file.name} lacks {missing}")


def _install_without_node(sdist: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        binaries = Path(folder) / "bin"
        nodeless = os.pathsep.join([str(binaries), "/usr/sbin", "/sbin"])
        environment = {**os.environ, "PATH": nodeless}
        pip = [binaries / "python", "-m", "pip", "install", "-q", "--no-deps", sdist]
        subprocess.run(pip, env=environment, check=True)
        installed = next(Path(folder).glob("lib/python*/site-packages/sersiclab"))
        for name in BUNDLE:
            if not (installed.parent / name).stat().st_size:
                sys.exit(f"the sdist installs an empty {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
