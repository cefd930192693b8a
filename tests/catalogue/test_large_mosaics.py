"""Mosaics of 20 000 x 20 000 pixels: stamps are cut without reading them; and what a stamp costs."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl

from ..peak_memory import ROOT


SIDE = 20_000
# The peak of a process that cuts stamps, in MB above that of one that has only imported what this needs.
READ = """
import sys
import numpy as np, photutils.segmentation
from astropy.io import fits
import sersiclab as sl

from tests.peak_memory import peak_memory

def jobs(folder, table, **given):
    planes = {name: f"{folder}/{name}.fits" for name in given.pop("planes")}
    return sl.jobs(table, f"{folder}/image.fits", **planes, **given)

small, large = sys.argv[1:]
jobs(small, [{"x": 60, "y": 60}], planes=("sigma", "mask", "segmentation"))[0].load_image()
before = peak_memory()
places = np.random.default_rng(0).uniform(0, 20_000, (20, 2))
table = [{"x": x, "y": y, "stamp_size": 64} for x, y in places]
for given in ({"planes": ("sigma", "mask", "segmentation")}, {"planes": (), "neighbours": "ignore"}):
    for job in jobs(large, table, **given):
        job.load_image()
print((peak_memory() - before) / 2**20)
"""


def sparse(path: Path, dtype: str, spots: Any = ()) -> None:
    """Write a file of zeros that takes no room on the disk, with squares of noise."""
    header = fits.Header([("SIMPLE", True), ("BITPIX", {"f": -32, "i": 32}[dtype]), ("NAXIS", 2)])
    header["NAXIS1"] = header["NAXIS2"] = SIDE
    text = header.tostring().encode()
    size = SIDE * SIDE * 4
    with path.open("wb") as file:
        file.write(text)
        file.truncate(len(text) + -(-size // 2880) * 2880)
    pixels = np.memmap(path, f">{dtype}4", mode="r+", offset=len(text), shape=(SIDE, SIDE))
    for row, column, values in spots:
        pixels[row : row + values.shape[0], column : column + values.shape[1]] = values
    pixels.flush()


def test_a_mosaic_of_20000_pixels_is_not_read_whole(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    noise = np.random.default_rng(0).normal(0.0, 1.0, (120, 120)).astype(np.float32)
    for name, array in {"image": noise, "sigma": noise * 0 + 1, "mask": noise * 0}.items():
        fits.writeto(small / f"{name}.fits", array)
    fits.writeto(small / "segmentation.fits", np.zeros((120, 120), np.int32))
    for name in ("image", "sigma"):
        places = np.random.default_rng(0).uniform(0, SIDE, (20, 2)).astype(int)
        spots = [(y, x, noise[: SIDE - y, : SIDE - x] if name == "image" else np.float32([[1.0]])) for x, y in places]
        sparse(tmp_path / f"{name}.fits", "f", spots)
    sparse(tmp_path / "mask.fits", "i")
    sparse(tmp_path / "segmentation.fits", "i")
    arguments = [sys.executable, "-W", "ignore", "-c", READ, str(small), str(tmp_path)]
    found = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=ROOT)
    assert float(found.stdout) < 150.0  # of 6400 MB


def test_a_stamp_costs_a_few_milliseconds(mosaic: Any) -> None:
    given = {"sigma": mosaic.sigma_path, "mask": mosaic.sigma_path.parent / "mask.fits"}
    fits.writeto(given["mask"], np.zeros(mosaic.data.shape, np.uint8), overwrite=True)
    psf = np.outer(*[np.exp(-0.5 * (np.arange(-12, 13) / 1.5) ** 2)] * 2)
    jobs = sl.jobs(mosaic.table[:4], mosaic.image_path, **given, psf=psf / psf.sum(), size=64, neighbours="ignore")
    costs = []
    for _ in range(12):
        began = time.process_time()
        for job in jobs:
            job.load_image()
        costs.append((time.process_time() - began) / len(jobs))
    assert min(costs) < 5e-3  # 1.5 ms on an idle machine


def test_tiles_of_a_compressed_mosaic_are_read_as_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(0).normal(0.0, 1.0, (600, 700)).astype(np.float32)
    tiles = fits.CompImageHDU(data, compression_type="RICE_1", tile_shape=(50, 50), quantize_level=16)
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "a.fits.fz")
    whole = fits.getdata(tmp_path / "a.fits.fz")
    read = []
    monkeypatch.setattr(fits.CompImageHDU, "data", property(lambda hdu: read.append("all of it")))
    image = sl.jobs([{"x": 333, "y": 222}], tmp_path / "a.fits.fz", sigma=1.0, size=31)[0].load_image()
    np.testing.assert_array_equal(image.data, whole[207:238, 318:349])
    assert not read


def test_a_truncated_mosaic_is_named(tmp_path: Path, mosaic: Any) -> None:
    path = tmp_path / "short.fits"
    path.write_bytes(mosaic.image_path.read_bytes()[:100_000])
    with pytest.raises(sl.InputError, match=r"image: .*short\.fits\[0\] is truncated: its header claims 239200 bytes"):
        sl.jobs(mosaic.table, path, sigma=1.0)
