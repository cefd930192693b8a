"""Check the built wheel and sdist: `python tests/check_distribution.py FOLDER`. Run by .ci/run."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path


BUNDLE = ("sersiclab/static/loader.js", "sersiclab/static/widget.js", "sersiclab/static/widget.css")
NOTEBOOK = "sersiclab/notebooks/01_quickstart.ipynb"
PICTURES = (".png", ".jpg", ".svg")


def main(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    in_wheel = zipfile.ZipFile(wheel).namelist()
    _require(wheel, in_wheel, [*BUNDLE, NOTEBOOK, "sersiclab/py.typed", "sersiclab/CHANGES.md"])
    _forbid_pictures(wheel, in_wheel)
    with tarfile.open(sdist) as archive:
        in_sdist = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    wanted = ["LICENSE", "js/package.json", "js/build_hook.py", "tests/conftest.py", ".docs/conf.py"]
    _require(sdist, in_sdist, [f"src/{name}" for name in BUNDLE] + wanted)
    with tempfile.TemporaryDirectory() as working:
        source = _unpack(sdist, Path(working))
        _install_without_node(source, Path(working) / "with the bundle")
        shutil.rmtree(source / "src" / "sersiclab" / "static")
        _install_without_node(source, Path(working) / "without it")


def _require(file: Path, names: list[str], wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        sys.exit(f"{file.name} lacks {missing}")


def _forbid_pictures(file: Path, names: list[str]) -> None:
    pictures = [name for name in names if name.endswith(PICTURES)]
    if pictures:
        sys.exit(f"{file.name} holds pictures of the README: {pictures}")


def _unpack(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        # Python 3.11.3 and before have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(folder)
    return next(path for path in folder.iterdir() if path.is_dir())


def _install_without_node(source: Path, folder: Path) -> None:
    venv.create(folder, with_pip=True)
    binaries = folder / "bin"
    nodeless = os.pathsep.join([str(binaries), "/usr/sbin", "/sbin"])
    environment = {**os.environ, "PATH": nodeless}
    pip = [binaries / "python", "-m", "pip", "install", "-q", "--no-deps", source]
    subprocess.run(pip, env=environment, check=True)
    installed = next(folder.glob("lib/python*/site-packages/sersiclab"))
    for name in BUNDLE:
        if not (installed.parent / name).stat().st_size:
            sys.exit(f"{source.name} installs an empty {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
