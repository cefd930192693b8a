"""Galaxies in the files of a mosaic, some of which can't be fitted; other processes import them."""

from pathlib import Path

import numpy as np
from astropy.io import fits

import sersiclab as sl


BROKEN = {
    "nan": "mask excludes every pixel",
    "masked": "mask excludes every pixel",
    "outside": "the stamp of 'outside' at x = 900, y = 40 lies outside of the mosaic",
    "zeros": "psf must have a positive sum",
}
FLUXES = (150.0, 400.0, 3000.0, 20000.0)


def rows() -> list[dict[str, object]]:
    """The table: eight galaxies, and those of `BROKEN`."""
    places = [(40.0 + 75 * (k % 4), 40.0 + 75 * (k // 4)) for k in range(12)]
    good = [(x + 0.3, y - 0.2, f"s{k}", (40, 48)[k % 2]) for k, (x, y) in enumerate(places[:8])]
    bad = [(*places[8], "nan"), (*places[9], "masked"), (900.0, 40.0, "outside"), (*places[10], "zeros")]
    bad = [(x, y, name, 40) for x, y, name in bad]
    return [{"id": name, "x": x, "y": y, "size": size} for x, y, name, size in [*good[:3], *bad, *good[3:]]]


def gaussian() -> np.ndarray:
    y, x = np.indices((13, 13)) - 6
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    return psf / psf.sum()


def write(folder: Path) -> None:
    """Write the mosaic, its error map, its mask and the PSFs."""
    folder.mkdir()
    data = np.random.default_rng(5).normal(size=(270, 310))
    sky = sl.Image(np.zeros(data.shape), sigma=1.0, psf=gaussian())
    for k, row in enumerate(row for row in rows() if str(row["id"]).startswith("s")):
        shape = {"r_eff": 1.5 + 0.5 * k, "n": 0.8 + 0.3 * k, "ellip": 0.06 * k, "theta": 0.3 * k}
        galaxy = sl.Sersic(xc=sl.Normal(100.0, 1.0), yc=row["y"], flux=FLUXES[k % 4], **shape)
        data += sl.render(sl.Model({"galaxy": galaxy}), sky, {"galaxy.xc": row["x"]})
    data[170:230, 10:70] = np.nan
    mask = np.zeros(data.shape, np.uint8)
    mask[160:225, 90:150] = 1
    for name, array in {"sci": data, "rms": np.ones_like(data), "bad": mask, "psf": gaussian()}.items():
        fits.writeto(folder / f"{name}.fits", array)
    fits.writeto(folder / "zeros.fits", np.zeros((13, 13)))


def jobs(folder: Path) -> list[sl.Job]:
    """Jobs of the files that `write` wrote."""
    psfs = [folder / ("zeros.fits" if row["id"] == "zeros" else "psf.fits") for row in rows()]
    planes = {"sigma": folder / "rms.fits", "mask": folder / "bad.fits", "psf": psfs}
    return list(sl.jobs(rows(), folder / "sci.fits", size="size", model="sersic", **planes))
