"""Rendered images against GalSim, and against brute-force quadrature where GalSim isn't exact."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import gamma, gammaincinv

from sersiclab.profiles import PointSource, Sersic


SHAPE = (72, 96)
ON_PIXEL, OFF_PIXEL, AT_EDGE, OUTSIDE = (48.0, 36.0), (45.3, 37.8), (1.6, 70.2), (-8.3, 20.4)
GRID = [
    (n, r_eff, ellip, centre)
    for n in (0.5, 0.65, 1.0, 2.5, 4.5)
    for r_eff, ellip, centre in (
        (1.0, 0.0, ON_PIXEL),
        (1.5, 0.8, AT_EDGE),
        (4.0, 0.4, OFF_PIXEL),
        (4.0, 0.8, OUTSIDE),
        (12.0, 0.0, AT_EDGE),
        (12.0, 0.8, OFF_PIXEL),
    )
]


def galsim_image(source: dict[str, Any], psf: Any, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    exact = galsim.GSParams(folding_threshold=1e-4, maxk_threshold=1e-5, stepk_minimum_hlr=12, maximum_fft_size=32768)
    q = 1.0 - source["ellip"]
    galaxy = galsim.Sersic(
        n=source["n"], half_light_radius=source["r_eff"] * np.sqrt(q), flux=source["flux"], gsparams=exact
    ).shear(q=q, beta=(source["theta"] + np.pi / 2) * galsim.radians)
    image = galsim.ImageD(shape[1], shape[0])
    centre = galsim.PositionD(source["xc"] + 1, source["yc"] + 1)
    seen = galaxy if psf is None else galsim.Convolve(galaxy, psf, gsparams=exact)
    return seen.drawImage(image, scale=1.0, center=centre, method="auto").array


def a_source(n: float, r_eff: float, ellip: float, centre: tuple[float, float]) -> dict[str, float]:
    return dict(xc=centre[0], yc=centre[1], flux=100.0, r_eff=r_eff, n=n, ellip=ellip, theta=0.7)


def star(psf: Any, shape: tuple[int, int], oversampling: int = 1) -> np.ndarray:
    """The effective PSF (optics and pixel) as an image."""
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    effective = galsim.Convolve(psf, galsim.Pixel(1.0))
    image = galsim.ImageD(shape[1], shape[0])
    array = effective.drawImage(image, scale=1.0 / oversampling, method="no_pixel").array
    return array / array.sum()


@pytest.mark.parametrize(("n", "r_eff", "ellip", "centre"), GRID)
def test_against_galsim(tools: SimpleNamespace, n: float, r_eff: float, ellip: float, centre: Any) -> None:
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    psf = galsim.Gaussian(fwhm=4.0)
    source = a_source(n, r_eff, ellip, centre)
    expected = galsim_image(source, psf)
    image = tools.draw(Sersic(**source), tools.image(SHAPE, star(psf, (41, 41))))
    # GalSim's own floor is some 1e-8 of the flux.
    assert np.abs(image - expected).max() < 2e-5 * expected.max() + 3e-8 * source["flux"]
    assert abs(image.sum() - expected.sum()) < 5e-5 * source["flux"]


@pytest.mark.parametrize(("n", "r_eff", "ellip", "centre"), GRID[::4])
def test_against_galsim_in_double_precision(
    tools: SimpleNamespace, x64: None, n: float, r_eff: float, ellip: float, centre: Any
) -> None:
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    psf = galsim.Gaussian(fwhm=4.0)
    source = a_source(n, r_eff, ellip, centre)
    expected = galsim_image(source, psf)
    image = tools.draw(Sersic(**source), tools.image(SHAPE, star(psf, (41, 41))))
    assert np.abs(image - expected).max() < 1e-5 * expected.max() + 3e-8 * source["flux"]


@pytest.mark.parametrize("oversampling", [2, 3, 5])
@pytest.mark.parametrize(("n", "r_eff", "ellip"), [(1.0, 1.5, 0.4), (4.0, 3.0, 0.7)])
def test_oversampled_psf(tools: SimpleNamespace, oversampling: int, n: float, r_eff: float, ellip: float) -> None:
    # FWHM of two pixels: a PSF sampled once per pixel would alias by more than 1e-3 of the peak.
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    psf = galsim.Gaussian(fwhm=2.0)
    source = a_source(n, r_eff, ellip, OFF_PIXEL)
    expected = galsim_image(source, psf)
    side = 20 * oversampling + oversampling % 2
    stamp = star(psf, (side, side + 1), oversampling)
    image = tools.draw(Sersic(**source), tools.image(SHAPE, stamp, psf_oversampling=oversampling))
    assert np.abs(image - expected).max() < 1e-4 * expected.max()


def test_optical_psf_to_which_we_add_the_pixel(tools: SimpleNamespace) -> None:
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    psf = galsim.Gaussian(fwhm=4.0)
    source = a_source(2.0, 3.0, 0.5, OFF_PIXEL)
    image = tools.draw(Sersic(**source), tools.image(SHAPE, tools.psf(), psf_includes_pixel=False))
    expected = galsim_image(source, psf)
    assert np.abs(image - expected).max() < 3e-5 * expected.max()


@pytest.mark.parametrize("n", [0.5, 1.0])
def test_without_a_psf_pixels_integrate(tools: SimpleNamespace, n: float) -> None:
    source = a_source(n, 4.0, 0.4, OFF_PIXEL)
    expected = galsim_image(source, None)
    image = tools.draw(Sersic(**source), tools.image(SHAPE))
    assert np.abs(image - expected).max() < (3e-5 if n == 0.5 else 1e-3) * expected.max()


@cache
def quadrature(n: float, r_eff: float, ellip: float, x: float, y: float, sigma: float) -> float:
    """`a_source` at `OFF_PIXEL`, convolved with a round Gaussian, at a point: a sum over ellipses."""
    source = a_source(n, r_eff, ellip, OFF_PIXEL)
    b, q = gammaincinv(2 * n, 0.5), 1.0 - ellip
    end = min(40.0 / q, r_eff * (60.0 / b) ** n)
    nodes, weights = np.polynomial.legendre.leggauss(100)
    m = np.exp(np.log(1e-9) + (nodes + 1) / 2 * np.log(1e9))
    area = weights * np.log(1e9) / 2 * m**2
    nodes, weights = np.polynomial.legendre.leggauss(int(1.5 * end) + 8)
    m = np.append(m, 1.0 + (nodes + 1) / 2 * (end - 1.0))
    area = np.append(area, weights * (end - 1.0) / 2 * m[100:])
    profile = area * np.exp(-b * (m / r_eff) ** (1 / n))
    sine, cosine = np.sin(source["theta"]), np.cos(source["theta"])
    total = 0.0
    for radius, light in zip(m, profile, strict=True):
        steps = max(32, int(radius * 7 / sigma))
        angle = 2 * np.pi / steps * (np.arange(steps) + 0.5)
        u, v = radius * np.cos(angle), radius * q * np.sin(angle)
        dx, dy = x - source["xc"] + u * sine - v * cosine, y - source["yc"] - u * cosine - v * sine
        total += light * np.mean(np.exp(-(dx**2 + dy**2) / (2 * sigma**2)))
    central = source["flux"] * b ** (2 * n) / (2 * np.pi * n * gamma(2 * n) * r_eff**2)
    return central * total / sigma**2


@pytest.mark.parametrize(
    ("n", "r_eff", "ellip"),
    [(0.5, 0.5, 0.0), (0.7, 80.0, 0.0), (4.0, 0.3, 0.8), (6.0, 31.0, 0.3), (8.0, 0.5, 0.0), (8.0, 100.0, 0.8)],
)
@pytest.mark.parametrize("double", [False, True])
def test_against_quadrature(
    tools: SimpleNamespace, request: pytest.FixtureRequest, n: float, r_eff: float, ellip: float, double: bool
) -> None:
    if double:
        request.getfixturevalue("x64")
    image = tools.draw(Sersic(**a_source(n, r_eff, ellip, OFF_PIXEL)), tools.image(SHAPE, tools.psf()))
    points = [(45, 38), (46, 37), (52, 30)]
    expected = np.array([quadrature(n, r_eff, ellip, x, y, 4.0 / np.sqrt(8 * np.log(2))) for x, y in points])
    found = np.array([image[y, x] for x, y in points])
    assert np.abs(found - expected).max() < (1e-6 if double else 5e-6) * expected[0]


@pytest.mark.parametrize("shape", [(41, 41), (40, 40), (31, 44)])
@pytest.mark.parametrize("centre", [ON_PIXEL, OFF_PIXEL, AT_EDGE, OUTSIDE])
def test_point_source_is_the_psf(tools: SimpleNamespace, shape: tuple[int, int], centre: Any) -> None:
    sigma = 4.0 / np.sqrt(8 * np.log(2))
    image = tools.draw(PointSource(centre[0], centre[1], 3.0), tools.image(SHAPE, tools.psf(shape)))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius2 = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    expected = 3.0 * np.exp(-radius2 / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    assert np.abs(image - expected).max() < 2e-5 * 3.0 / (2 * np.pi * sigma**2)
