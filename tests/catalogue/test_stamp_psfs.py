"""The PSF of each stamp, against the same PSF read by `Image.read` at the same position."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import NDData
from photutils.psf import GriddedPSFModel

import sersiclab as sl


def gaussian(width: float, side: int = 21) -> np.ndarray:
    psf = np.outer(*[np.exp(-0.5 * ((np.arange(side) - side // 2) / width) ** 2)] * 2)
    return psf / psf.sum()


def psfex(path: Path) -> Path:
    """A PSFEx model of degree 1, which widens along x and is lopsided along y."""
    basis = np.stack([gaussian(2.0, 25), gaussian(2.5, 25) - gaussian(2.0, 25), np.roll(gaussian(2.0, 25), 1, 0) * 0.1])
    column = fits.Column("PSF_MASK", f"{basis.size}E", dim=f"({basis.shape[2]},{basis.shape[1]},3)", array=basis[None])
    table = fits.BinTableHDU.from_columns([column])
    cards = {"POLNAXIS": 2, "POLNGRP": 1, "POLDEG1": 1, "PSF_SAMP": 0.7}
    for axis, name in enumerate("XY", start=1):
        cards |= {
            f"POLNAME{axis}": f"{name}_IMAGE",
            f"POLGRP{axis}": 1,
            f"POLZERO{axis}": 120.0,
            f"POLSCAL{axis}": 100.0,
        }
    table.header.update(cards)
    table.writeto(path)
    return path


def grid() -> GriddedPSFModel:
    places = [(0.0, 0.0), (259.0, 0.0), (0.0, 229.0), (259.0, 229.0)]
    data = np.stack([gaussian(width, 41) for width in (3.0, 4.0, 5.0, 7.0)])
    return GriddedPSFModel(NDData(data, meta={"grid_xypos": places, "oversampling": 2}))


@pytest.mark.parametrize("kind", ["psfex", "grid"])
@pytest.mark.parametrize("section", [False, True])
def test_a_varying_psf_is_that_of_the_targets_position(mosaic: Any, tmp_path: Path, kind: str, section: bool) -> None:
    psf = psfex(tmp_path / "a.psf") if kind == "psfex" else grid()
    name, table = str(mosaic.image_path), mosaic.table.copy()
    if section:
        name = f"{name}[11:260,21:230]"
        table["x"] -= 10
        table["y"] -= 20
    jobs = sl.jobs(table, name, sigma=1.0, psf=psf, size=32, neighbours="ignore")
    for job, place in zip(jobs, mosaic.places, strict=True):
        image = job.load_image()
        expected = sl.Image.read(mosaic.image_path, sigma=1.0, psf=psf, psf_position=tuple(place))
        np.testing.assert_allclose(image.psf, expected.psf, rtol=1e-10, atol=1e-14)
        assert image.psf_oversampling == expected.psf_oversampling == 2
        assert any(note.startswith(f"psf at ({place[0]:.6g}, {place[1]:.6g})") for note in image.provenance)
        again = pickle.loads(pickle.dumps(job)).load_image()
        np.testing.assert_array_equal(again.psf, image.psf)
        assert (again.psf_oversampling, again.provenance[-1]) == (2, image.provenance[-1])
    assert len(pickle.dumps(jobs[0])) < 20_000
    assert np.abs(jobs[0].load_image().psf - jobs[2].load_image().psf).max() > 1e-4


@pytest.mark.parametrize("kind", ["array", "path", "hdu", "npy"])
def test_one_psf_is_read_once_and_shared_by_all_stamps(mosaic: Any, tmp_path: Path, kind: str) -> None:
    fits.writeto(tmp_path / "psf.fits", gaussian(1.5))
    np.save(tmp_path / "psf.npy", gaussian(1.5))
    psf = {
        "array": gaussian(1.5),
        "path": tmp_path / "psf.fits",
        "hdu": fits.PrimaryHDU(gaussian(1.5)),
        "npy": tmp_path / "psf.npy",
    }[kind]
    given = {"sigma": 1.0, "psf": psf, "psf_oversampling": 2}
    jobs = sl.jobs(mosaic.table, mosaic.image_path, **given, size=32, neighbours="ignore")
    first, second = jobs[0].load_image(), jobs[1].load_image()
    expected = sl.Image.read(mosaic.image_path, **given)
    np.testing.assert_allclose(first.psf, expected.psf, rtol=1e-12)
    assert first.psf is second.psf
    assert first.psf_oversampling == 2


def test_each_row_may_have_its_own_psf(mosaic: Any, tmp_path: Path) -> None:
    widths = [1.2, 1.4, 1.6, 1.8, 2.0]
    table = mosaic.table.copy()
    for number, width in enumerate(widths):
        fits.writeto(tmp_path / f"{number}.fits", gaussian(width))
    table["psf_file"] = [str(tmp_path / f"{number}.fits") for number in range(5)]
    arrays = [gaussian(width) for width in widths]
    for psf in (arrays, np.stack(arrays), "psf_file", [*map(Path, table["psf_file"])]):
        jobs = sl.jobs(table, mosaic.image_path, sigma=1.0, psf=psf, size=32, neighbours="ignore")
        for job, expected in zip(jobs, arrays, strict=True):
            np.testing.assert_allclose(pickle.loads(pickle.dumps(job)).load_image().psf, expected, rtol=1e-12)


def test_a_bad_psf_of_one_row_is_its_own_failure(mosaic: Any, tmp_path: Path) -> None:
    psf = [gaussian(1.5), np.zeros((5, 5)), tmp_path / "no.fits", gaussian(1.5), np.full((3, 3), np.nan)]
    jobs = sl.jobs(mosaic.table, mosaic.image_path, sigma=1.0, psf=psf, size=32, neighbours="ignore")
    for number, message in (
        (1, "psf must have a positive sum"),
        (2, "psf: there is no file"),
        (4, "psf must be finite"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            pickle.loads(pickle.dumps(jobs[number])).load_image()
    assert jobs[3].load_image().psf is not None


def test_a_doubtful_psf_is_warned_of_once(mosaic: Any) -> None:
    off = np.roll(gaussian(1.5), 1, axis=1)
    with pytest.warns(UserWarning, match="psf is not centred") as said:
        jobs = sl.jobs(mosaic.table, mosaic.image_path, sigma=1.0, psf=off, neighbours="ignore")
    assert len(said) == 1
    assert jobs[0].load_image().psf is not None  # and no warning
