import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest

from sersiclab.documents import storage


def tree() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {
        "arrays": {
            "float32": rng.normal(size=(2, 3)).astype(np.float32),
            "float64": rng.normal(size=(3, 2)),
            "nan": np.array([np.nan, -np.inf, -0.0]),
            "bool": np.array([[True, False]]),
            "int": np.arange(5, dtype=np.int32),
            "strided": rng.normal(size=(6, 6))[::2, 1::2],
        },
        "numbers": [0.1 + 0.2, 1e-300, -3, True, None],
        "text": "Sérsic: 'quoted', # not a comment\nsecond line",
        "empty": {},
    }


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    expected = tree()
    found = storage.read(storage.write(tmp_path / "a.asdf", "fit", expected), "fit")
    assert found["numbers"] == expected["numbers"]
    assert (found["text"], found["empty"]) == (expected["text"], {})
    assert list(found["arrays"]) == list(expected["arrays"])
    for name, array in expected["arrays"].items():
        assert found["arrays"][name].dtype == array.dtype
        assert np.array_equal(found["arrays"][name], array, equal_nan=array.dtype.kind == "f")
        assert found["arrays"][name].flags.writeable
    assert np.signbit(found["arrays"]["nan"][2])


def test_big_endian_arrays_come_back_native(tmp_path: Path) -> None:
    array = np.arange(6, dtype=">f8").reshape(2, 3)
    found = storage.read(storage.write(tmp_path / "a.asdf", "fit", {"x": array}), "fit")["x"]
    assert found.dtype.isnative
    assert np.array_equal(found, array)


def test_scalars_of_numpy_become_numbers(tmp_path: Path) -> None:
    written = {"a": np.float64(0.1), "b": np.int64(3), "c": np.array(2.5), "d": (1, 2), "e": np.bool_(True)}
    found = storage.read(storage.write(tmp_path / "a.asdf", "fit", written), "fit")
    assert {key: found[key] for key in written} == {"a": 0.1, "b": 3, "c": 2.5, "d": [1, 2], "e": True}


def test_what_a_file_cannot_keep_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="numbers, texts and arrays"):
        storage.write(tmp_path / "a.asdf", "fit", {"x": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = storage.write(tmp_path / "a.asdf", "fit", {"x": 1})

    def fail(self: asdf.AsdfFile, file: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(asdf.AsdfFile, "write_to", fail)
    with pytest.raises(OSError, match="disk full"):
        storage.write(path, "fit", {"x": 2})
    assert list(tmp_path.iterdir()) == [path]
    assert storage.read(path, "fit")["x"] == 1


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    path = storage.write(tmp_path / "a.asdf", "fit", {"x": 1})
    storage.write(path, "fit", {"x": 2})
    assert storage.read(path, "fit")["x"] == 2


def test_a_file_of_another_kind_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.asdf"
    asdf.AsdfFile({"data": 1}).write_to(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"a\.asdf already exists and holds something else; pass overwrite=True"):
        storage.write(path, "fit", {"x": 1})
    assert path.read_bytes() == before
    storage.write(path, "fit", {"x": 1}, overwrite=True)
    assert storage.read(path, "fit")["x"] == 1


def test_a_new_file_takes_no_place(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    storage.write_text(path, "one")
    with pytest.raises(FileExistsError, match=r"a\.txt already exists; pass overwrite=True to replace it"):
        storage.write_text(path, "two")
    with pytest.raises(FileExistsError, match="already exists"):
        storage.check_free(path)
    assert path.read_text() == "one"
    storage.check_free(path, overwrite=True)
    storage.write_text(path, "two", overwrite=True)
    assert path.read_text() == "two"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def write_late() -> None:
        with storage.writing(tmp_path / "a.txt") as temporary:
            temporary.write_text("late")
            (tmp_path / "a.txt").write_text("first")

    with pytest.raises(FileExistsError):
        write_late()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["first"]


def test_an_empty_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch(mode=0o600)
    storage.write_text(tmp_path / "a.txt", "one")
    assert (tmp_path / "a.txt").read_text() == "one"
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "disk" / "a.txt")
    storage.write_text(tmp_path / "link.txt", "one")
    storage.write_text(tmp_path / "link.txt", "two", overwrite=True)
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "disk" / "a.txt").read_text() == "two"
    assert len(list((tmp_path / "disk").iterdir())) == 1


def test_an_interrupt_leaves_the_earlier_file(tmp_path: Path) -> None:
    def write_half() -> None:
        with storage.writing(tmp_path / "a.txt", overwrite=True) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    (tmp_path / "a.txt").write_text("one")
    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["one"]


def test_places_that_can_not_hold_a_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder, expected the name of a file"):
        storage.write_text(tmp_path, "one", overwrite=True)
    with pytest.raises(OSError, match="/dev/null is not a regular file"):
        storage.write_text("/dev/null", "one", overwrite=True)


def test_what_a_killed_process_left_is_swept_a_day_later(tmp_path: Path) -> None:
    left = [tmp_path / f".sersiclab-{digit * 12}-a.txt" for digit in "12"]
    others = [tmp_path / ".sersiclab-333333333333-b.txt", tmp_path / ".a.txt"]
    for file in (*left, *others):
        file.touch()
        os.utime(file, (0, 0))
    os.utime(left[1])
    storage.write_text(tmp_path / "a.txt", "one")
    assert set(tmp_path.iterdir()) == {tmp_path / "a.txt", left[1], *others}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a process can't be asked whether it is alive")
def test_what_a_process_of_this_machine_left_is_swept_when_it_is_no_more(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = storage._origin()
    names = {
        "ended": f"{own[:4]}{ended.pid:06x}00",
        "alive": own,
        "just now": f"{own[:4]}{ended.pid:06x}01",
        "another machine": f"{int(own[:4], 16) ^ 1:04x}{ended.pid:06x}00",
    }
    files = {why: tmp_path / f".sersiclab-{origin}-a.txt" for why, origin in names.items()}
    for why, file in files.items():
        file.touch()
        if why != "just now":
            os.utime(file, (time.time() - 100, time.time() - 100))
    storage.write_text(tmp_path / "a.txt", "one")
    assert {why for why, file in files.items() if file.exists()} == set(names) - {"ended"}


@pytest.mark.parametrize("name", ["a.fits", "a", "a.asdf.gz"])
def test_the_suffix_must_be_asdf(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"must end in \.asdf, got .*" + name):
        storage.write(tmp_path / name, "fit", {})
    with pytest.raises(ValueError, match=r"must end in \.asdf"):
        storage.read(tmp_path / name, "fit")


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*b\.asdf"):
        storage.read(tmp_path / "b.asdf", "fit")
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere does not exist"):
        storage.write(tmp_path / "nowhere" / "a.asdf", "fit", {})


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.asdf"
    path.write_bytes(b"SIMPLE  =                    T")
    with pytest.raises(ValueError, match="is not a readable ASDF file"):
        storage.read(path, "fit")
    asdf.AsdfFile({"data": 1}).write_to(path)
    with pytest.raises(ValueError, match="was not written by sersiclab"):
        storage.read(path, "fit")
    storage.write(path, "catalogue", {}, overwrite=True)
    with pytest.raises(ValueError, match="holds a catalogue, expected a fit"):
        storage.read(path, "fit")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = storage.write(tmp_path / "a.asdf", "fit", {"x": np.arange(1000.0)})
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(ValueError, match="is not a readable ASDF file"):
        storage.read(path, "fit")


def test_a_newer_format_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FORMAT", storage.FORMAT + 1)
    path = storage.write(tmp_path / "a.asdf", "fit", {})
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"in format 2; .* reads up to format 1: upgrade sersiclab"):
        storage.read(path, "fit")


ASDF = "#ASDF 1.0.0\n#ASDF_STANDARD 1.6.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"


def nested_aliases(depth: int) -> str:
    """9 to the power of `depth` nodes in as many lines."""
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join(9 * [f'*a{i - 1}'])}]" for i in range(1, depth)]
    return "".join(f"  {line}\n" for line in lines)


@pytest.mark.parametrize(
    "text", [nested_aliases(60), "  a: &a [*a]\n", "  a: &a {b: *a}\n"], ids=["nested aliases", "list", "mapping"]
)
def test_nodes_that_refer_to_each_other_are_refused_at_once(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.asdf").write_text(f"{ASDF}sersiclab:\n  format: 1\n  kind: fit\n  version: x\n{text}...\n")
    with pytest.raises(ValueError, match=r"a\.asdf is not a readable ASDF file: .*(several places|recurs)"):
        storage.read(tmp_path / "a.asdf", "fit")


def test_an_array_may_be_in_several_places(tmp_path: Path) -> None:
    array, same = np.arange(3.0), ["x"]
    tree = {"a": array, "b": [array, array], "c": same, "d": same}
    found = storage.read(storage.write(tmp_path / "a.asdf", "fit", tree), "fit")
    assert np.array_equal(found["b"], [array, array])
    assert (found["c"], found["d"]) == (same, same)
