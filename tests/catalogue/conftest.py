"""Jobs that take no time, in a module that other processes can import too; and a small mosaic of known sources."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS, Sip

from sersiclab.catalogue import run_many


sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def a_part_for_each_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written at once, as they are where fits take longer."""
    monkeypatch.setattr(run_many, "PART_SECONDS", 0.0)


@dataclasses.dataclass(frozen=True)
class Mosaic:
    """The planes of a mosaic and its table, in memory and as paths; `places` are x and y of the sources."""

    data: np.ndarray
    sigma: np.ndarray
    wcs: WCS
    places: np.ndarray
    table: QTable
    image_path: Path
    sigma_path: Path


@pytest.fixture(scope="session")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Mosaic:
    """Noise and five Gaussian sources, the last at a corner, with a distorted WCS."""
    folder = tmp_path_factory.mktemp("mosaic")
    shape = (230, 260)
    places = np.array([[60.3, 70.6], [128.0, 100.0], [200.5, 40.2], [30.9, 180.1], [255.2, 226.8]])
    rng = np.random.default_rng(3)
    y, x = np.indices(shape)
    data = rng.normal(0.0, 1.0, shape).astype(np.float32)
    for place in places:
        data += (40.0 * np.exp(-0.5 * ((x - place[0]) ** 2 + (y - place[1]) ** 2) / 6.0)).astype(np.float32)
    sigma = (1.0 + 0.01 * np.hypot(y, x) / 100.0).astype(np.float32)
    wcs = distorted_sky()
    header = wcs.to_header(relax=True)
    header["BUNIT"], header["ABMAGZP"], header["BAND"] = "adu", 24.5, "r"
    paths = [folder / f"{name}.fits" for name in ("mosaic", "rms")]
    for path, array in zip(paths, (data, sigma), strict=True):
        fits.writeto(path, array, header)
    table = QTable({"id": [f"g{k}" for k in range(len(places))], "x": places[:, 0], "y": places[:, 1]})
    return Mosaic(data, sigma, wcs, places, table, *paths)


def distorted_sky() -> WCS:
    """A rotated WCS of 0.2 arcsec pixels, with a SIP distortion of a few pixels at the edges."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.1, 2.2], [120.0, 90.0]
    scale, angle = 0.2 / 3600, np.radians(30.0)
    wcs.wcs.cd = scale * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a, b = np.zeros((2, 3, 3))
    a[2, 0], a[1, 1], b[0, 2] = 2e-4, 1e-4, -1.5e-4
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs
