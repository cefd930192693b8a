"""Galaxies that GalSim drew at known positions: their centres come out of fits of stamps."""

from pathlib import Path

import galsim
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS

import sersiclab as sl


PLACES = np.array([[60.3, 40.7], [151.5, 99.0], [30.0, 110.5], [180.8, 26.2]])  # x, y from 0
SHAPE = (140, 215)
SIGMA = 0.5


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mosaic, its PSF and a WCS whose parity is that of the sky, in files."""
    folder = tmp_path_factory.mktemp("field")
    psf = galsim.Moffat(beta=3.5, fwhm=2.8)
    image = galsim.ImageD(SHAPE[1], SHAPE[0], scale=1.0)
    for number, (x, y) in enumerate(PLACES):
        galaxy = galsim.Sersic(n=1.5, half_light_radius=3.0, flux=900.0).shear(g1=0.2, g2=0.05 * number)
        # GalSim's pixels count from 1.
        galsim.Convolve(galaxy, psf).drawImage(image, center=galsim.PositionD(x + 1, y + 1), add_to_image=True)
    data = image.array + np.random.default_rng(1).normal(0.0, SIGMA, SHAPE)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [10.0, -40.0]
    wcs.wcs.crpix, wcs.wcs.cdelt = [100.0, 70.0], [-5e-5, 5e-5]
    fits.writeto(folder / "mosaic.fits", data, wcs.to_header())
    fits.writeto(folder / "psf.fits", psf.drawImage(nx=25, ny=25, scale=1.0, dtype=float).array)
    return folder


def test_centres_are_found_where_they_are(field: Path) -> None:
    ra, dec = WCS(fits.getheader(field / "mosaic.fits")).all_pix2world(*PLACES.T, 0)
    tables = {
        "pixels": QTable({"x": PLACES[:, 0], "y": PLACES[:, 1]}),
        "SExtractor": QTable({"X_IMAGE": PLACES[:, 0] + 1, "Y_IMAGE": PLACES[:, 1] + 1}),
        "sky": QTable({"ra": ra, "dec": dec}),
    }
    for name, table in tables.items():
        jobs = sl.jobs(table, field / "mosaic.fits", sigma=SIGMA, psf=field / "psf.fits", size=(40, 45))
        np.testing.assert_allclose(jobs.positions, PLACES, atol=1e-6, err_msg=name)
        for job, place in zip(jobs if name == "pixels" else jobs[:1], PLACES, strict=False):
            model, image = job.load()
            best = sl.fit(model, image, sl.MAP(), progress=False).best
            window = job.image.cut().window
            assert best["galaxy.xc"] + window.x0 == pytest.approx(place[0], abs=0.1)
            assert best["galaxy.yc"] + window.y0 == pytest.approx(place[1], abs=0.1)
            found = image.wcs.all_pix2world(best["galaxy.xc"], best["galaxy.yc"], 0)
            expected = ra[[*PLACES[:, 0]].index(place[0])], dec[[*PLACES[:, 0]].index(place[0])]
            np.testing.assert_allclose(found, expected, atol=0.15 * 5e-5)
