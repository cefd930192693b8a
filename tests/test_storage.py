from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest

from sersiclab import storage


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
        Path(file).write_bytes(b"half")
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
    storage.write(path, "catalogue", {})
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
