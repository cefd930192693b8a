"""What other programs got wrong, one test for each."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import gammainc, gammaincinv

from sersiclab.model import Model
from sersiclab.profiles import PointSource, Sersic


GALAXY = dict(xc=30.0, yc=20.0, flux=100.0, r_eff=3.0, n=1.0, ellip=0.4, theta=0.3)


@pytest.mark.parametrize("shape", [(41, 60), (60, 41), (1, 30), (31, 80)])
def test_images_need_not_be_square(tools: SimpleNamespace, shape: tuple[int, int]) -> None:
    image = tools.draw(Sersic(**{**GALAXY, "xc": shape[1] / 3, "yc": shape[0] / 2}), tools.image(shape, tools.psf()))
    assert image.shape == shape
    assert abs(np.argmax(image.sum(0)) - shape[1] / 3) <= 1


@pytest.mark.parametrize(("xc", "yc"), [(2.0, 30.0), (58.0, 30.0), (30.0, 1.0), (-15.0, 30.0), (30.0, 80.0)])
@pytest.mark.parametrize("n", [0.5, 4.0])
def test_light_does_not_wrap_around(tools: SimpleNamespace, xc: float, yc: float, n: float) -> None:
    source = Sersic(**{**GALAXY, "r_eff": 6.0, "n": n, "xc": xc, "yc": yc})
    small = tools.draw(source, tools.image((61, 61), tools.psf()))
    moved = Sersic(**{**GALAXY, "r_eff": 6.0, "n": n, "xc": xc + 100, "yc": yc + 100})
    large = tools.draw(moved, tools.image((261, 261), tools.psf()))
    assert np.abs(small - large[100:161, 100:161]).max() < 1e-5 * large.max()


@pytest.mark.parametrize("n", [0.5, 0.65, 0.8, 1.0, 2.5, 4.0, 6.0, 8.0])
def test_weights_hold_all_the_flux(tools: SimpleNamespace, n: float) -> None:
    # The whole light of n = 8 needs a large image; a small galaxy in it holds all but the far wings.
    source = Sersic(**{**GALAXY, "r_eff": 0.5, "n": n, "xc": 127.3, "yc": 128.0})
    image = tools.draw(source, tools.image((256, 256), tools.psf()))
    radius = 128.0 * (1 - 0.4) ** 0.5
    outside = 1.0 - gammainc(2 * n, gammaincinv(2 * n, 0.5) * (radius / 0.5) ** (1 / n))
    assert image.sum() == pytest.approx(100.0, abs=100 * outside + 0.01)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (17.3, -12.9), (25.5, 14.5)])
def test_accuracy_does_not_depend_on_the_place(tools: SimpleNamespace, offset: tuple[float, float]) -> None:
    steep = {**GALAXY, "n": 4.0, "r_eff": 2.0}
    at_centre = tools.draw(Sersic(**{**steep, "xc": 50.0, "yc": 40.0}), tools.image((81, 101), tools.psf()))
    x, y = 50.0 + np.round(offset[0]), 40.0 + np.round(offset[1])
    elsewhere = tools.draw(Sersic(**{**steep, "xc": x, "yc": y}), tools.image((81, 101), tools.psf()))
    assert elsewhere.max() == pytest.approx(at_centre.max(), rel=1e-5)


@pytest.mark.parametrize("shape", [(15, 15), (14, 16), (13, 18), (21, 9)])
def test_point_source_is_the_psf_upright_and_centred(tools: SimpleNamespace, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    psf = rng.uniform(size=shape)
    psf /= psf.sum()
    # Where a side is even the PSF's centre lies between two pixels.
    xc, yc = 30 + (shape[1] - 1) / 2, 20 + (shape[0] - 1) / 2
    image = tools.draw(PointSource(xc, yc, 5.0), tools.image((50, 70), psf))
    expected = np.zeros((50, 70))
    expected[20 : 20 + shape[0], 30 : 30 + shape[1]] = 5.0 * psf
    if all(side % 2 for side in shape):
        np.testing.assert_allclose(image, expected, atol=1e-5 * expected.max())
    y, x = np.mgrid[:50, :70]
    for axis in (x, y):
        assert np.sum(image * axis) / 5.0 == pytest.approx(np.sum(expected * axis) / 5.0, abs=0.02)


@pytest.mark.parametrize("shape", [(31, 41), (41, 31), (30, 40), (40, 31)])
def test_rectangular_psf_shifts_nothing(tools: SimpleNamespace, shape: tuple[int, int]) -> None:
    square = tools.draw(Sersic(**GALAXY), tools.image(psf=tools.psf((41, 41), 4.0)))
    other = tools.draw(Sersic(**GALAXY), tools.image(psf=tools.psf(shape, 4.0)))
    assert np.abs(square - other).max() < 1e-5 * square.max()


def test_the_pixel_is_counted_once(tools: SimpleNamespace) -> None:
    # An effective PSF is the image of a star: a small galaxy must tend to it, on and off the centre.
    psf = tools.psf()
    for xc, yc in ((48.0, 36.0), (12.0, 61.0)):
        small = tools.draw(Sersic(**{**GALAXY, "xc": xc, "yc": yc, "r_eff": 0.02}), tools.image(psf=psf))
        star = tools.draw(PointSource(xc, yc, 100.0), tools.image(psf=psf))
        assert np.abs(small - star).max() < 2e-4 * star.max()
        assert star[int(yc), int(xc)] == pytest.approx(100 * psf.max(), rel=1e-5)


def test_wide_gaussians_are_blurred_by_the_psf_itself(tools: SimpleNamespace) -> None:
    # A lopsided PSF moves the light by its centroid, whatever the galaxy's size.
    psf = tools.psf((41, 61), 3.0)
    psf = 0.6 * psf + 0.4 * np.roll(psf, 10, 1)
    galaxy = {**GALAXY, "n": 0.5, "r_eff": 15.0, "xc": 96.0, "yc": 80.0}
    image = tools.draw(Sersic(**galaxy), tools.image((160, 200), psf))
    plain = tools.draw(Sersic(**galaxy), tools.image((160, 200), tools.psf((41, 61), 3.0)))
    expected = 0.6 * plain + 0.4 * np.roll(plain, 10, 1)
    assert np.abs(image - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("n", [0.5, 0.500001, 0.6, 7.99, 8.0])
def test_the_ends_of_n_are_finite(tools: SimpleNamespace, n: float) -> None:
    for r_eff in (0.01, 0.3, 500.0):
        image = tools.draw(Sersic(**{**GALAXY, "n": n, "r_eff": r_eff}), tools.image(psf=tools.psf()))
        assert np.isfinite(image).all()
    with pytest.raises(ValueError, match=r"galaxy\.n in HybridRenderer .*PixelRenderer"):
        Model({"galaxy": Sersic(**{**GALAXY, "n": 0.3})})
