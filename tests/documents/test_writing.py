"""Every writer of a file: the earlier file stays whole on a full disk, and a file of the user's is not overwritten."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sersiclab


# A fit is made once, in a process of its own, in which files may then have no more than 40 bytes. Every writer writes
# a folder of its own; what it held before and after each attempt comes back as JSON.
SET_UP = r"""
import contextlib, json, os, resource, sys, warnings
from pathlib import Path

import numpy as np

import sersiclab as sl
from sersiclab.cli import fitting
from sersiclab.inference.running.checkpoints import Checkpoint, identity
from sersiclab.inference.running.monitor import Monitor

warnings.simplefilter("ignore")
root = Path(sys.argv[1])
rng = np.random.default_rng(2)
psf = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]) / 16.0
image = sl.Image(rng.normal(size=(12, 13)) + 1.0, sigma=1.0, psf=psf)
star = sl.PointSource(xc=6.0, yc=5.0, flux=sl.LogUniform(1.0, 100.0))
model = sl.Model({"star": star, "sky": sl.FlatSky(level=0.1)})
fit = sl.load(sys.argv[2]) if len(sys.argv) > 2 else sl.fit(model, image, sl.Laplace(draws=60), progress=False)
workbench = sl.Workbench.of(fit)
joint = sl.fit(model, sl.Images({"g": image, "r": image}), sl.MAP(), progress=False)
catalogue = sl.fit_many([sl.Job("a", image, model)], sl.MAP(), progress=False)

writers = {
    "fit.save": ("a.asdf", fit.save),
    "fit.write_fits": ("a.fits", fit.write_fits),
    "fit.write_fits, compressed": ("a.fits.gz", fit.write_fits),
    "fit.write_regions": ("a.reg", fit.write_regions),
    "joint.save": ("a.asdf", joint.save),
    "joint.write_fits": ("a.fits", joint.write_fits),
    "wb.save": ("a.json", workbench.save),
    "wb.write_fits": ("a.fits", workbench.write_fits),
    "wb.write_regions": ("a.reg", workbench.write_regions),
    "wb.to_html": ("a.html", workbench.to_html),
    "write_galfit": ("a.feedme", lambda path, **options: sl.io.write_galfit(model, image, path, **options)),
    "write_imfit": ("a.cfg", lambda path, **options: sl.io.write_imfit(model, image, path, **options)),
    "catalogue.to_parquet": ("a.parquet", catalogue.to_parquet),
    "catalogue.to_ecsv": ("a.ecsv", catalogue.to_ecsv),
    "catalogue.to_fits": ("a.fits", catalogue.to_fits),
    "sersiclab fit": ("fit.asdf", lambda path, overwrite=False: command_line(path.parent, overwrite)),
    "checkpoint": ("a.asdf", lambda path, overwrite=False: checkpoint(path)),
}
checkpoints = {}


def checkpoint(path):
    # Of a run that began when there was no file; what it only warns of is an error here.
    of = identity(model, image, fit.method, 0, (), double=False)
    run = checkpoints[path] = checkpoints.get(path) or Checkpoint(path, of, every=1.0)
    run._failed = False
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run.write(Monitor("NUTS"), {"trace": np.arange(50.0)})
    for each in told:
        raise (FileExistsError if "already exists" in str(each.message) else OSError)(str(each.message))


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


class Watch:
    # What would be on the disk, were the process killed or the power cut before or after a file takes its place.

    def __init__(self, folder):
        self.folder, self.moments, self.faults, self.synced = folder, [], [], {}

    def fsync(self, descriptor):
        fsync(descriptor)
        number = os.fstat(descriptor).st_ino
        for file in self.folder.iterdir():
            if file.stat().st_ino == number:
                self.synced[number] = file.read_bytes()
        if number == self.folder.stat().st_ino:
            self.synced["folder"] = True

    def replace(self, source, target):
        if self.synced.get(os.stat(source).st_ino) != Path(source).read_bytes():
            self.faults.append(f"{target} takes its place before it is on the disk")
        self.moments.append(content(self.folder))
        replace(source, target)
        self.moments.append(content(self.folder))
        self.synced["folder"] = False

    def __enter__(self):
        os.fsync, os.replace = self.fsync, self.replace
        return self

    def __exit__(self, *error):
        os.fsync, os.replace = fsync, replace
        if not self.synced.get("folder"):
            self.faults.append("the folder's entry is not on the disk at the end")


fsync, replace = os.fsync, os.replace
"""
SCRIPT = (
    SET_UP
    + r"""
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
    with Watch(folder) as watch:
        found["overwritten"] = attempt(write, path, overwrite=True)
    found["after overwriting"] = content(folder)
    found["moments"], found["faults"] = watch.moments, watch.faults
    found["again"] = attempt(write, path)
    for file in folder.iterdir():
        file.write_bytes(b"the work of years")
    found["theirs"] = content(folder)
    found["over theirs"] = attempt(write, path)
    found["after theirs"] = content(folder)
    results[name] = found
print(json.dumps(results))
"""
)

# An earlier version of the same document.
REPLACES = {"fit.save", "joint.save", "wb.save", "wb.to_html", "sersiclab fit", "checkpoint"}
WRITERS = [
    *("fit.save", "fit.write_fits", "fit.write_fits, compressed", "fit.write_regions"),
    *("joint.save", "joint.write_fits"),
    *("wb.save", "wb.write_fits", "wb.write_regions", "wb.to_html"),
    *("write_galfit", "write_imfit", "catalogue.to_parquet", "catalogue.to_ecsv", "catalogue.to_fits"),
    *("sersiclab fit", "checkpoint"),
]
# The functions that write a file, and which of the writers above passes through each.
PLACES = {
    "catalogue.catalogue.to_ecsv": "catalogue.to_ecsv",
    "catalogue.catalogue.to_fits": "catalogue.to_fits",
    "catalogue.parquet.write_parquet": "catalogue.to_parquet",
    "catalogue.run_folder.add": "",  # a part, which never takes the place of another: tests/catalogue
    "catalogue.run_folder._write": "",  # the configuration of the run, at its beginning
    "cli.fitting._write": "sersiclab fit",
    "cli.lab._quickstart": "",  # a notebook, in a folder where it never takes the place of another
    "cli.lab._image_notebook": "",
    "cli.lab._run_to_first_widget": "",  # the notebook that it has just written
    "inference.running.checkpoints.write": "checkpoint",
    "inference.sampler._checkpoint": "checkpoint",
    "io.galfit_writing.write_galfit": "write_galfit",
    "io.imfit_writing.write_imfit": "write_imfit",
    "io.plane_files._write": "write_galfit",
    "results.files.write_fits": "fit.write_fits",
    "results.joint.joint_files.write_fits": "joint.write_fits",
    "results.joint.joint_files.write_regions": "",  # a file for each image, by `write_text`
    "documents.fit_format.write_fit": "fit.save",
    "results.fit.write_regions": "fit.write_regions",
    "documents.storage.write": "fit.save",
    "documents.storage.write_text": "wb.save",
    "documents.storage.writing": "fit.save",
    "widget.transfers.save": "wb.save",
    "widget.transfers.write_fits": "wb.write_fits",
    "widget.transfers.write_regions": "wb.write_regions",
    "widget.page.write_page": "wb.to_html",
    "widget.workbench.save": "wb.save",
}
# Those that write to memory, or to a file that one of the above has opened; the script that made a table of ours; and a
# lock, which holds nothing.
INTO_MEMORY = {
    "catalogue.folder_lock.locked",
    "data.thumbnail.png",
    "plots.picture._repr_png_",
    "profiles._make_sersic_table.main",
    "results.files.write_model_fits",
    "widget.still.png",
    "widget.workbench.snapshot",
}


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
    assert set(WRITERS) >= set(PLACES.values()) - {""}


WRITES = {"write", "write_text", "write_bytes", "writeto", "writing", "savefig", "write_to", "tofile", "to_netcdf"}
WRITES |= {"save", "savez", "savez_compressed", "savetxt", "copyfile", "copy2", "dump", "to_parquet", "to_hdf"}


def writing_functions(path: Path) -> set[str]:
    """The functions of a module that call something by which a file may be written."""
    found: set[str] = set()

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            modes = [*node.args, *(keyword.value for keyword in node.keywords)]
            texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
            opened = name == "open" and any(set("wax+") & set(text) and set(text) <= set("rwaxbt+") for text in texts)
            if (name in WRITES and "sys.std" not in ast.unparse(node.func)) or opened:
                found.add(function)
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


def test_no_writer_is_left_out() -> None:
    """A new function that writes has to be tried as the others are."""
    root = Path(sersiclab.__file__).parent
    found = {
        f"{'.'.join(path.relative_to(root).with_suffix('').parts)}.{function}"
        for path in root.rglob("*.py")
        for function in writing_functions(path)
    }
    assert found == PLACES.keys() | INTO_MEMORY


@pytest.mark.parametrize("name", WRITERS)
def test_killed_or_without_power_the_files_are_whole(results: dict[str, Any], name: str) -> None:
    """Before and after each file takes its place, every file is the earlier one or the new one."""
    found = results[name]
    assert found["faults"] == []
    assert len(found["moments"]) >= 2
    for moment in found["moments"]:
        files = {file: held for file, held in moment.items() if not file.startswith(".sersiclab-")}
        assert files.keys() == found["before"].keys()
        for file, held in files.items():
            assert held in (found["before"][file], found["after overwriting"][file])


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
