"""Every writer of a file: the earlier file stays whole on a full disk, and a file of the user's is not overwritten."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


# A fit is made once, in a process of its own, in which files may then have no more than 40 bytes. Every writer writes
# a folder of its own; what it held before and after each attempt comes back as JSON.
SCRIPT = r"""
import contextlib, json, resource, sys, warnings
from pathlib import Path

import numpy as np

import sersiclab as sl
from sersiclab.cli import fitting

warnings.simplefilter("ignore")
root = Path(sys.argv[1])
rng = np.random.default_rng(2)
psf = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]) / 16.0
image = sl.Image(rng.normal(size=(12, 13)) + 1.0, sigma=1.0, psf=psf)
star = sl.PointSource(xc=6.0, yc=5.0, flux=sl.LogUniform(1.0, 100.0))
model = sl.Model({"star": star, "sky": sl.FlatSky(level=0.1)})
fit = sl.fit(model, image, sl.Laplace(draws=60), progress=False)
workbench = sl.Workbench.of(fit)

writers = {
    "fit.save": ("a.asdf", fit.save),
    "fit.write_fits": ("a.fits", fit.write_fits),
    "fit.write_fits, compressed": ("a.fits.gz", fit.write_fits),
    "fit.write_regions": ("a.reg", fit.write_regions),
    "wb.save": ("a.json", workbench.save),
    "wb.write_fits": ("a.fits", workbench.write_fits),
    "wb.write_regions": ("a.reg", workbench.write_regions),
    "wb.to_html": ("a.html", workbench.to_html),
    "write_galfit": ("a.feedme", lambda path, **options: sl.io.write_galfit(model, image, path, **options)),
    "write_imfit": ("a.cfg", lambda path, **options: sl.io.write_imfit(model, image, path, **options)),
    "sersiclab fit": ("fit.asdf", lambda path, overwrite=False: command_line(path.parent, overwrite)),
}


def command_line(folder, overwrite):
    if not overwrite:
        fitting._check_folder(folder)
    fitting._write(fit, folder)


@contextlib.contextmanager
def full_disk():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def attempt(write, path, **options):
    try:
        write(path, **options)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


def content(folder):
    return {file.name: file.read_bytes().hex()[:4000] + str(file.stat().st_size) for file in folder.iterdir()}


results = {}
for number, (name, (file, write)) in enumerate(writers.items()):
    folder = root / str(number)
    folder.mkdir()
    path = folder / file
    found = {"fresh": attempt(write, path), "written": content(folder)}
    for file in folder.iterdir():  # larger than what may be written, whole, and told from what is written next
        file.write_bytes(file.read_bytes() + b"\n" * 600)
    found["before"] = content(folder)
    with full_disk():
        found["full"] = attempt(write, path, overwrite=True)
    found["after full"] = content(folder)
    found["overwritten"] = attempt(write, path, overwrite=True)
    found["after overwriting"] = content(folder)
    found["again"] = attempt(write, path)
    for file in folder.iterdir():
        file.write_bytes(b"the work of years")
    found["theirs"] = content(folder)
    found["over theirs"] = attempt(write, path)
    found["after theirs"] = content(folder)
    results[name] = found
print(json.dumps(results))
"""

REPLACES = {"fit.save", "wb.save", "wb.to_html", "sersiclab fit"}  # an earlier version of the same document
WRITERS = [
    *("fit.save", "fit.write_fits", "fit.write_fits, compressed", "fit.write_regions"),
    *("wb.save", "wb.write_fits", "wb.write_regions", "wb.to_html"),
    *("write_galfit", "write_imfit", "sersiclab fit"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("writing")
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_writer_is_tried(results: dict[str, Any]) -> None:
    assert list(results) == WRITERS


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_earlier_files_and_nothing_else(results: dict[str, Any], name: str) -> None:
    found = results[name]
    assert found["fresh"] is None
    assert found["written"]
    assert found["full"][0] == "OSError"
    # A file of a set may be so small that it still fits: it is complete, as written afresh.
    assert found["after full"].keys() == found["before"].keys()
    for file, after in found["after full"].items():
        assert after in (found["before"][file], found["written"][file])


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_replaced_where_that_is_asked_for(results: dict[str, Any], name: str) -> None:
    found = results[name]
    assert found["overwritten"] is None
    assert found["after overwriting"].keys() == found["written"].keys()
    for file, after in found["after overwriting"].items():
        assert after != found["before"][file]


@pytest.mark.parametrize("name", WRITERS)
def test_no_file_of_the_user_is_overwritten(results: dict[str, Any], name: str) -> None:
    found = results[name]
    assert found["over theirs"][0] == "FileExistsError"
    assert "already exists" in found["over theirs"][1]
    assert found["after theirs"] == found["theirs"]


@pytest.mark.parametrize("name", WRITERS)
def test_only_a_document_replaces_its_earlier_version(results: dict[str, Any], name: str) -> None:
    again = results[name]["again"]
    assert again is None if name in REPLACES else again[0] == "FileExistsError", again
