"""Rendered images against GalSim and against brute-force quadrature, in both precisions."""

from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.model.accuracy import reference
from sersiclab.profiles import PointSource, Sersic
from sersiclab.rendering import AbstractRenderer, FourierRenderer, HybridRenderer, PixelRenderer

from .exact import SHAPE, Galaxy, Optics, brute_force, gaussian, lopsided


ON_PIXEL, OFF_PIXEL, AT_EDGE, OUTSIDE = (30.0, 22.0), (27.3, 20.8), (1.6, 43.2), (-8.3, 20.4)
RENDERERS = {"hybrid": HybridRenderer(), "pixel": PixelRenderer(), "fourier": FourierRenderer(padding=3.0)}


NATIVE = Optics(gaussian(4.0), (41, 41))
LOPSIDED = Optics(lopsided(4.0), (43, 54))
SHARP = (
    Optics(gaussian(1.5), (61, 61), 5),
    Optics(gaussian(2.0), (32, 32), 2),
    Optics(gaussian(2.0), (45, 54), 3),
    Optics(lopsided(2.5), (70, 73), 4),
)


def galaxies(indices: tuple[float, ...], *others: tuple[float, float, tuple[float, float]]) -> list[Galaxy]:
    return [Galaxy(n, *other) for other in others for n in indices]


# Where GalSim is exact, and where only brute force is.
MODERATE = galaxies(
    (0.5, 0.65, 1.0, 1.5, 2.5, 4.5),
    (0.5, 0.0, ON_PIXEL),
    (1.0, 0.6, AT_EDGE),
    (3.0, 0.3, OFF_PIXEL),
    (6.0, 0.8, OFF_PIXEL),
    (12.0, 0.0, AT_EDGE),
    (12.0, 0.9, OFF_PIXEL),
)
EXTREME = [
    *galaxies((6.0, 8.0), (0.5, 0.3, OFF_PIXEL), (1.5, 0.9, ON_PIXEL), (12.0, 0.8, AT_EDGE)),
    *galaxies((0.5, 0.8, 2.5, 4.0, 8.0), (5.0, 0.5, OUTSIDE), (0.3, 0.4, OFF_PIXEL)),
    *galaxies((0.5, 1.0, 4.0, 8.0), (30.0, 0.6, OFF_PIXEL), (100.0, 0.3, OFF_PIXEL)),
    *galaxies((0.8, 4.0), (50.0, 0.9, AT_EDGE), (15.0, 0.95, ON_PIXEL)),
]
UNEVEN = galaxies((0.5, 1.0, 4.0), (0.5, 0.2, AT_EDGE), (4.0, 0.7, OFF_PIXEL))
SMALL = galaxies((0.5, 0.8, 1.0, 2.5, 4.0), (0.5, 0.7, AT_EDGE), (2.0, 0.4, OFF_PIXEL), (10.0, 0.8, OFF_PIXEL))
STEEP = galaxies((6.0, 8.0), (0.5, 0.7, AT_EDGE))
FLAT = galaxies((0.1, 0.2, 0.35), (1.0, 0.3, ON_PIXEL), (5.0, 0.5, OFF_PIXEL), (20.0, 0.3, AT_EDGE))


def galsim_image(galaxy: Galaxy, psf: Any) -> np.ndarray:
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    exact = galsim.GSParams(folding_threshold=1e-4, maxk_threshold=1e-5, stepk_minimum_hlr=12, maximum_fft_size=32768)
    source, q = galaxy.parameters, 1.0 - galaxy.ellip
    profile = galsim.Sersic(
        n=galaxy.n, half_light_radius=galaxy.r_eff * np.sqrt(q), flux=source["flux"], gsparams=exact
    ).shear(q=q, beta=(source["theta"] + np.pi / 2) * galsim.radians)
    image = galsim.ImageD(SHAPE[1], SHAPE[0])
    centre = galsim.PositionD(source["xc"] + 1, source["yc"] + 1)
    seen = profile if psf is None else galsim.Convolve(profile, psf, gsparams=exact)
    return seen.drawImage(image, scale=1.0, center=centre, method="auto").array


def moffat() -> tuple[Any, Image]:
    """GalSim's Moffat PSF, and an image with it."""
    galsim = pytest.importorskip("galsim", reason="GalSim is the reference")
    psf = galsim.Moffat(beta=5.0, fwhm=4.0, trunc=30.0)
    star = galsim.Convolve(psf, galsim.Pixel(1.0)).drawImage(galsim.ImageD(63, 61), scale=1.0, method="no_pixel")
    return psf, Image(np.zeros(SHAPE), sigma=1.0, psf=star.array)


class Case(NamedTuple):
    galaxy: Galaxy
    image: Image
    seen: np.ndarray
    floor: float = 0.0
    """What the witness itself may be wrong by: for GalSim some 1e-8 of the flux."""


def by_brute_force(chosen: list[Galaxy], optics: Optics) -> list[Case]:
    image = optics.image()
    return [Case(galaxy, image, brute_force(galaxy, optics.blobs)) for galaxy in chosen]


def by_galsim(chosen: list[Galaxy], psf: Any, image: Image) -> list[Case]:
    return [Case(galaxy, image, galsim_image(galaxy, psf), floor=3e-6) for galaxy in chosen]


@cache
def cases(sharp: bool) -> list[Case]:
    if sharp:
        return [
            case
            for optics in SHARP
            for case in by_galsim(SMALL, optics.galsim(), optics.image()) + by_brute_force(STEEP, optics)
        ]
    gaussian_cases = by_galsim(MODERATE, NATIVE.galsim(), NATIVE.image()) + by_brute_force(EXTREME, NATIVE)
    return gaussian_cases + by_brute_force(UNEVEN, LOPSIDED) + by_galsim(MODERATE, *moffat())


def some_cases(name: str, sharp: bool) -> list[Case]:
    """All, or of those that take longest, through one of the sharp PSFs."""
    return cases(sharp)[: len(SMALL + STEEP)] if sharp and name == "pixel" else cases(sharp)


draw = jax.jit(lambda renderer, values, canvas: renderer.render({"source": Sersic(*values)}, canvas))


def errors(renderer: AbstractRenderer, chosen: list[Case]) -> tuple[np.ndarray, np.ndarray]:
    """The worst pixel's error as a fraction of the brightest, and that of the light in the image, for each case."""
    canvases = {id(case.image): renderer.prepare(case.image) for case in chosen}
    pixel, flux = [], []
    for case in chosen:
        values = jnp.array(list(case.galaxy.parameters.values()))
        found = np.asarray(draw(renderer, values, canvases[id(case.image)]), float)
        pixel.append(max(np.abs(found - case.seen).max() - case.floor, 0.0) / case.seen.max())
        flux.append(abs(found.sum() - case.seen.sum()) / 100.0)
    return np.array(pixel), np.array(flux)


def worst(chosen: list[Case], error: np.ndarray) -> str:
    i = int(np.argmax(error))
    return f"{error[i]:.1e} for {chosen[i].galaxy}, PSF {chosen[i].image.psf.shape}, case {i} of {len(error)}"


def test_there_are_enough_cases() -> None:
    assert len(cases(sharp=False)) + len(cases(sharp=True)) >= 150


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("name", ["hybrid", "pixel"])
def test_single_precision(name: str, sharp: bool) -> None:
    chosen = some_cases(name, sharp)
    pixel, flux = errors(RENDERERS[name], chosen)
    assert pixel.max() < 3e-5, worst(chosen, pixel)
    assert flux.max() < 3e-5, worst(chosen, flux)


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("name", ["hybrid", "pixel"])
def test_double_precision(x64: None, name: str, sharp: bool) -> None:
    # GalSim itself is not better than this.
    chosen = some_cases(name, sharp)
    pixel, flux = errors(RENDERERS[name], chosen)
    assert pixel.max() < 1.5e-5, worst(chosen, pixel)
    assert flux.max() < 1.5e-5, worst(chosen, flux)


def test_fourier_renderer_of_galaxies_that_end_in_the_image() -> None:
    compact = [case for case in cases(sharp=False) if case.galaxy.n <= 1.5 and case.galaxy.r_eff <= 6.0]
    pixel, flux = errors(RENDERERS["fourier"], compact)
    assert len(compact) > 30
    assert pixel.max() < 3e-5, worst(compact, pixel)
    assert flux.max() < 3e-5, worst(compact, flux)


def test_small_sersic_indices() -> None:
    flat = by_brute_force(FLAT, NATIVE)
    pixel, flux = errors(RENDERERS["pixel"], flat)
    assert pixel.max() < 1e-4, worst(flat, pixel)
    assert flux.max() < 1e-4, worst(flat, flux)


@pytest.mark.parametrize("sharp", [False, True])
def test_the_reference(sharp: bool) -> None:
    chosen = cases(sharp)[1 : len(SMALL + STEEP) : 4] if sharp else cases(sharp)[::11]
    for i, case in enumerate(chosen):
        sources, skies = reference(Model({"source": Sersic(**case.galaxy.parameters)}), case.image)
        error = np.abs(sources + skies - case.seen).max() / case.seen.max()
        # As exact as GalSim, and more exact where brute force is the witness.
        assert error < (1e-5 if case.floor else 2e-6), f"case {i}, {case.galaxy}: {error:.1e}"


def test_optical_psf_to_which_we_add_the_pixel(tools: SimpleNamespace) -> None:
    galaxy = Galaxy(2.0, 3.0, 0.5, OFF_PIXEL)
    case = Case(galaxy, tools.image(SHAPE, tools.psf(), psf_includes_pixel=False), brute_force(galaxy, NATIVE.blobs))
    for name in ("hybrid", "pixel"):
        pixel, _ = errors(RENDERERS[name], [case])
        # A PSF sampled once a pixel knows no frequencies that the pixel would let through.
        assert pixel[0] < 3e-5


@pytest.mark.filterwarnings("ignore:the psf has a FWHM")
@pytest.mark.parametrize("name", ["hybrid", "pixel"])
def test_psf_sampled_too_coarsely(tools: SimpleNamespace, name: str) -> None:
    """What it is between its samples is not known, but a galaxy without structure between pixels does not ask."""
    psf = tools.psf((12, 17), 1.5) + 0.4 * np.roll(tools.psf((12, 17), 1.3), (2, -1), (0, 1))
    psf /= psf.sum()
    (xc, yc), theta, (along2, across2) = OFF_PIXEL, 0.7, (3.5**2, 2.2**2)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    expected = np.zeros(SHAPE)
    for (row, column), share in np.ndenumerate(psf):
        dx, dy = x - xc - (column - 8.0), y - yc - (row - 5.5)
        along, across = dy * np.cos(theta) - dx * np.sin(theta), dy * np.sin(theta) + dx * np.cos(theta)
        light = np.exp(-0.5 * (along**2 / along2 + across**2 / across2))
        expected += 100.0 * share * light / (2 * np.pi * np.sqrt(along2 * across2))
    galaxy = Galaxy(0.5, 3.5 * np.sqrt(2 * np.log(2)), 1.0 - 2.2 / 3.5, OFF_PIXEL)
    pixel, flux = errors(RENDERERS[name], [Case(galaxy, tools.image(SHAPE, psf), expected)])
    assert pixel[0] < 1e-5
    assert flux[0] < 1e-5


@pytest.mark.parametrize("n", [0.5, 1.0])
def test_without_a_psf_pixels_integrate(tools: SimpleNamespace, n: float) -> None:
    galaxy = Galaxy(n, 4.0, 0.4, OFF_PIXEL)
    case = Case(galaxy, tools.image(SHAPE), galsim_image(galaxy, None))
    for name in ("hybrid", "pixel"):
        pixel, _ = errors(RENDERERS[name], [case])
        assert pixel[0] < 3e-5


@pytest.mark.parametrize("shape", [(41, 41), (40, 40), (31, 44)])
@pytest.mark.parametrize("centre", [ON_PIXEL, OFF_PIXEL, AT_EDGE, OUTSIDE])
def test_point_source_is_the_psf(tools: SimpleNamespace, shape: tuple[int, int], centre: Any) -> None:
    sigma = 4.0 / np.sqrt(8 * np.log(2))
    image = tools.draw(PointSource(centre[0], centre[1], 3.0), tools.image(SHAPE, tools.psf(shape)))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius2 = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    expected = 3.0 * np.exp(-radius2 / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    assert np.abs(image - expected).max() < 2e-5 * 3.0 / (2 * np.pi * sigma**2)
