"""A process that is killed while it writes: the earlier file, or the new one, is whole."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .test_writing import SET_UP, WRITERS


# One writer writes a file, and is killed while it replaces it: in the middle of a write (the kernel ends a process that
# exceeds the largest size of a file), or by SIGKILL just before or after a file takes its place. `which` counts the
# files of a set.
SCRIPT = (
    SET_UP
    + r"""
import hashlib, signal

folder, name, moment, which = root / "files", sys.argv[3], sys.argv[4], int(sys.argv[5])
folder.mkdir()
file, write = writers[name]
path = folder / file
write(path)
for each in folder.iterdir():
    each.write_bytes(each.read_bytes() + b"\n" * 600)
record = {"earlier": {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}, "new": {}}


def note():
    (root / "record.json").write_text(json.dumps(record))


def kill_at_replace(source, target):
    if Path(target).parent == folder:
        record["new"][Path(target).name] = hashlib.sha256(Path(source).read_bytes()).hexdigest()
        note()
    if len(record["new"]) == which and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
    if len(record["new"]) == which:
        os.kill(os.getpid(), signal.SIGKILL)


note()
if moment == "while":
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
else:
    os.replace = kill_at_replace
write(path, overwrite=True)
"""
)
SETS = {"write_galfit": 3, "write_imfit": 3}  # of several files, at the third
DEFAULT = {("wb.save", "while"), ("write_galfit", "after")}  # the rest is slow: a process each


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    subprocess.run([sys.executable, "-c", SET_UP + "fit.save(root / 'fit.asdf')", str(folder)], check=True, timeout=300)
    return folder / "fit.asdf"


def cases() -> list[object]:
    every = [(name, moment) for name in WRITERS for moment in ("while", "before", "after")]
    return [pytest.param(*case, marks=[] if case in DEFAULT else [pytest.mark.slow]) for case in every]


@pytest.mark.parametrize(("name", "moment"), cases())
def test_a_killed_writer_leaves_whole_files(fit: Path, tmp_path: Path, name: str, moment: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(fit), name, moment, str(SETS.get(name, 1))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == -(signal.SIGXFSZ if moment == "while" else signal.SIGKILL), done.stderr
    record = json.loads((tmp_path / "record.json").read_text())
    files = {path.name: path for path in (tmp_path / "files").iterdir() if not path.name.startswith(".sersiclab-")}
    assert files.keys() == record["earlier"].keys()
    found = {file: hashlib.sha256(path.read_bytes()).hexdigest() for file, path in files.items()}
    *replaced, last = record["new"] or [""]
    expected = {file: record["new"][file] for file in [*replaced, *([last] if moment == "after" else [])]}
    assert found == {**record["earlier"], **expected}
