"""Images of which parts are read without the rest."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from sersiclab.data.fits import choose
from sersiclab.data.layers import Layer, layer_of, mapped
from sersiclab.data.sections import Span
from sersiclab.runtime import memory
from sersiclab.runtime.errors import InputError


DATA = np.arange(3 * 40 * 50, dtype=np.float32).reshape(3, 40, 50)


def opened(name: Path | str, band: str | None = None) -> Layer:
    file = mapped("image", name)
    return layer_of(file, choose(file, band), band)


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    fits.writeto(tmp_path / "cube.fits", DATA, fits.Header({"BANDS": "grz"}))
    return tmp_path / "cube.fits"


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8", "u2", "u4"])
def test_parts_are_those_of_the_whole(tmp_path: Path, dtype: str, suffix: str) -> None:
    array = (DATA[0] % 200).astype(dtype)
    fits.writeto(tmp_path / f"a.fits{suffix}", array)
    part = opened(tmp_path / f"a.fits{suffix}").part((Span(11, 1, 7), Span(1, 1, 40))).array
    np.testing.assert_array_equal(part, array[:, 10:17])
    assert part.dtype.kind == np.dtype(dtype).kind


def test_a_plane_of_a_cube_by_its_band(cube: Path) -> None:
    layer = opened(cube, "z")
    assert layer.shape == (40, 50)
    np.testing.assert_array_equal(layer.part((Span(3, 1, 5), Span(40, 1, 1))).array, DATA[2, 39:, 2:7])
    section = opened(f"{cube}[11:20,31:40]", "r")
    found = section.part((Span(2, 1, 3), Span(1, 1, 2)))
    np.testing.assert_array_equal(found.array, DATA[1, 30:32, 11:14])
    assert [span.first for span in found.spans or ()] == [12, 31]


def test_threads_read_their_own_parts(cube: Path) -> None:
    layer = opened(cube, "g")

    def same(row: int) -> bool:
        return bool(np.array_equal(layer.part((Span(1, 1, 50), Span(row + 1, 1, 1))).array, DATA[0, row : row + 1]))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(same, [*range(40)] * 20))


def test_a_compressed_file_must_fit_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits.writeto(tmp_path / "a.fits.gz", DATA[0])
    monkeypatch.setattr(memory, "_installed", lambda: 5000)
    with pytest.raises(InputError, match=r"compressed file .* this machine has .* decompress it, so that parts"):
        mapped("image", tmp_path / "a.fits.gz")


def test_a_file_that_shrinks_is_named(cube: Path) -> None:
    layer = opened(cube, "z")
    with cube.open("r+b") as file:
        file.truncate(10_000)
    with pytest.raises(
        InputError, match=r"image: the pixels of .*cube\.fits\[0\] can't be read \(the file ends early\)"
    ):
        layer.part((Span(1, 1, 50), Span(40, 1, 1)))
