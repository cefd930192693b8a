"""A galaxy given in the pixels of one image and drawn in those of another, against GalSim."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

import sersiclab as sl
from sersiclab.data.registration import frame_between
from sersiclab.model.reprojection import mapped_model
from sersiclab.profiles.mapping import mapped


galsim = pytest.importorskip("galsim", reason="GalSim is the reference")

SCALE = 0.2  # arcsec per pixel of the first image
ACCURATE = galsim.GSParams(folding_threshold=5e-4, maxk_threshold=1e-5, kvalue_accuracy=1e-7)
GALAXY = {"xc": 31.2, "yc": 29.7, "flux": 50.0, "r_eff": 6.0, "n": 1.3, "ellip": 0.45, "theta": 0.7}
# In pixels of the image that is drawn, and wide enough to be sampled well by its pixels.
PSF = galsim.Gaussian(fwhm=3.2).shear(g1=0.1, g2=-0.05)


def cd_of(angle: float = 0.0, scale: float = 1.0, parity: int = 1) -> np.ndarray:
    """Arcseconds to the east and north per pixel."""
    c, s = math.cos(angle), math.sin(angle)
    return SCALE * scale * np.diag([-1.0, 1.0]) @ np.array([[c, -s], [s, c]]) @ np.diag([parity, 1.0])


def image(cd: np.ndarray, target: tuple[float, float], sky: Any, *, pc: bool = False, frame: str = "icrs") -> sl.Image:
    """An image in which this place of the sky lies at `target`."""
    wcs, place = WCS(naxis=2), sky.transform_to(frame)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], (place.ra.deg, place.dec.deg)
    wcs.wcs.radesys, wcs.wcs.crpix = frame.upper(), (target[0] + 1, target[1] + 1)
    if pc:
        wcs.wcs.cdelt, wcs.wcs.pc = [-SCALE / 3600, SCALE / 3600], np.diag([-1.0, 1.0]) @ cd / SCALE
    else:
        wcs.wcs.cd = cd / 3600
    psf = PSF.drawImage(nx=41, ny=41, scale=1.0).array
    return sl.Image(np.zeros((54, 60)), sigma=1.0, wcs=wcs, psf=psf)


def wcs_of(cd: np.ndarray) -> Any:
    return galsim.JacobianWCS(*cd.ravel())


def drawn_by_galsim(first: np.ndarray, other: np.ndarray, place: tuple[float, float], flux: float) -> np.ndarray:
    """The galaxy and the PSF, each in its own pixels, taken to the sky, convolved and drawn on the other's pixels."""
    q = 1.0 - GALAXY["ellip"]
    round_ = galsim.Sersic(GALAXY["n"], half_light_radius=GALAXY["r_eff"] * math.sqrt(q), flux=flux)
    galaxy = round_.shear(q=q, beta=(GALAXY["theta"] + math.pi / 2) * galsim.radians)
    both = galsim.Convolve(wcs_of(first).toWorld(galaxy), wcs_of(other).toWorld(PSF), gsparams=ACCURATE)
    offset = galsim.PositionD(place[0] - 29.5, place[1] - 26.5)
    return both.drawImage(nx=60, ny=54, wcs=wcs_of(other), offset=offset, dtype=float).array


CASES: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "mirrored": (cd_of(parity=-1), {}),
    "turned by 30 degrees": (cd_of(math.radians(30.0)), {}),
    "three times larger pixels": (cd_of(scale=3.0), {}),
    "three times smaller pixels": (cd_of(scale=1 / 3), {}),
    "all, with a PC matrix": (cd_of(-1.1, 1.7, -1), {"pc": True}),
    "FK5": (cd_of(0.4), {"frame": "fk5"}),
    "sheared": (SCALE * np.array([[-1.2, 0.3], [0.1, 0.9]]), {}),
}


@pytest.mark.parametrize("sky", [(150.0, 2.0), (359.9999999, 60.0)], ids=["", "at the seam"])
@pytest.mark.parametrize("case", CASES)
def test_pictures(case: str, sky: tuple[float, float]) -> None:
    cd, options = CASES[case]
    target, place = (GALAXY["xc"] - 0.4, GALAXY["yc"] + 0.3), (30.37, 25.81)
    there = SkyCoord(*sky, unit="deg")
    first, other = image(cd_of(), target, there), image(cd, place, there, **options)
    frame = frame_between(first, other, target)
    model = mapped_model(sl.Model({"galaxy": sl.Sersic(**GALAXY)}), frame)
    centre = np.array(place) + np.linalg.solve(cd, cd_of() @ [0.4, -0.3])
    expected = drawn_by_galsim(cd_of(), cd, tuple(centre), GALAXY["flux"])
    assert np.abs(sl.render(model, other) - expected).max() < 1e-4 * expected.max()


def test_one_program_draws_all_frames_and_has_derivatives() -> None:
    there, target = SkyCoord(150.0, 2.0, unit="deg"), (31.0, 30.0)
    first, others = (
        image(cd_of(), target, there),
        [image(cd, target, there) for cd in (cd_of(0.4), cd_of(-2.0, 1.4, -1))],
    )
    frames = [frame_between(first, other, target) for other in others]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *frames)
    renderer = sl.HybridRenderer()
    canvas = renderer.prepare(first)

    def pictures(ellip: Any) -> Any:
        galaxy = sl.Sersic(**GALAXY | {"ellip": ellip})
        return jax.lax.map(lambda frame: renderer.render({"galaxy": mapped(galaxy, frame)}, canvas), stack)

    drawn, slope = jax.jit(lambda ellip: (pictures(ellip), jax.jacfwd(pictures)(ellip)))(0.0)
    assert np.isfinite(slope).all()
    for frame, picture, change in zip(frames, drawn, slope, strict=True):
        models = [mapped_model(sl.Model({"galaxy": sl.Sersic(**GALAXY | {"ellip": e})}), frame) for e in (0.0, 0.01)]
        expected, later = (sl.render(model, first) for model in models)
        np.testing.assert_allclose(picture, expected, atol=1e-5 * expected.max())
        np.testing.assert_allclose(change, (later - expected) / 0.01, atol=0.02 * np.abs(change).max())
