"""How images are related: maps between their pixels, and factors between their units."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.wcsapi import HighLevelWCSWrapper

from sersiclab.data.image import Image
from sersiclab.data.registration import bend, flux_factors, frame_between
from sersiclab.parameters.frame import Frame
from sersiclab.runtime.errors import InputError


SCALE = 5e-5  # degrees per pixel
TARGET = (30.3, 24.8)


def matrix_of(angle: float = 0.0, scale: float = 1.0, parity: int = 1) -> np.ndarray:
    """CD matrix of an image turned by this angle, with east to the left unless mirrored."""
    c, s = math.cos(angle), math.sin(angle)
    return SCALE * scale * np.diag([-1.0, 1.0]) @ np.array([[c, -s], [s, c]]) @ np.diag([parity, 1.0])


def image(
    cd: Any = None,
    place: tuple[float, float] = TARGET,
    sky: tuple[float, float] = (150.0, 2.0),
    shape: tuple[int, int] = (50, 60),
    **cards: Any,
) -> Image:
    """An image in which `place` lies at `sky`."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = cards.pop("ctype", ["RA---TAN", "DEC--TAN"]), sky
    wcs.wcs.crpix, wcs.wcs.cd = (place[0] + 1, place[1] + 1), matrix_of() if cd is None else cd
    for name, value in cards.items():
        setattr(wcs.wcs, name, value)
    return Image(np.zeros(shape), sigma=1.0, wcs=wcs)


def positions(frame: Frame) -> np.ndarray:
    x, y = np.array([0.0, 31.0, 55.0]), np.array([3.0, 24.0, 47.0])
    return np.stack(frame.to_image(x, y))


def truly(first: Image, other: Image) -> np.ndarray:
    """Where the same positions lie, by way of the sky."""
    sky = first.wcs.pixel_to_world(np.array([0.0, 31.0, 55.0]), np.array([3.0, 24.0, 47.0]))
    return np.stack(other.wcs.world_to_pixel(sky))


@pytest.mark.parametrize(
    "cd",
    [
        matrix_of(0.5),
        matrix_of(scale=3.0),
        matrix_of(parity=-1),
        matrix_of(math.pi, 0.4, -1),
        [[-4e-5, 2e-5], [1e-5, 6e-5]],
    ],
    ids=["turned", "larger", "mirrored", "all", "sheared"],
)
def test_positions_agree_on_the_sky(cd: Any) -> None:
    first, other = image(), image(cd, (21.17, 30.4))
    frame = frame_between(first, other, TARGET)
    np.testing.assert_allclose(positions(frame), truly(first, other), atol=1e-5)
    np.testing.assert_allclose(np.stack(frame.to_frame(*frame.to_image(3.0, 4.0))), [3.0, 4.0])
    np.testing.assert_allclose(frame.matrix, np.linalg.inv(cd) @ matrix_of(), rtol=1e-6, atol=1e-6)
    assert bend(first, other, frame) < 1e-5


@pytest.mark.parametrize("dec", [-89.9999, 0.0, 60.0, 89.9999, 90.0])
@pytest.mark.parametrize("ra", [0.0, 359.9999, 180.0])
def test_seam_and_poles(ra: float, dec: float) -> None:
    first, other = image(sky=(ra, dec)), image(matrix_of(0.5, 1.4), sky=(ra, dec))
    frame = frame_between(first, other, (TARGET[0] + 9, TARGET[1] - 7))
    np.testing.assert_allclose(positions(frame), truly(first, other), atol=1e-5)


def test_equal_wcs_give_the_identity_exactly() -> None:
    for first, other in ((image(), image()), (image(sky=(359.99999, 60.0)), image(sky=(359.99999, 60.0)))):
        frame = frame_between(first, other, TARGET)
        np.testing.assert_array_equal(frame.matrix, np.eye(2))
        np.testing.assert_array_equal(frame.place, frame.origin)
        np.testing.assert_array_equal(frame.origin, TARGET)


def test_cutouts_differ_by_whole_pixels_exactly() -> None:
    first = image()
    other = first.cutout((33, 21), 21)
    frame = frame_between(first, other, TARGET)
    np.testing.assert_array_equal(frame.matrix, np.eye(2))
    assert frame.to_image(33.0, 21.0) == (10.0, 10.0)


def test_cd_and_pc_matrices_are_one() -> None:
    first, other = image(), image(matrix_of(0.5))
    pc = WCS(naxis=2)
    pc.wcs.ctype, pc.wcs.crval, pc.wcs.crpix = ["RA---TAN", "DEC--TAN"], (150.0, 2.0), other.wcs.wcs.crpix
    pc.wcs.cdelt, pc.wcs.pc = [-SCALE, SCALE], np.diag([-1.0, 1.0]) @ matrix_of(0.5) / SCALE
    again = Image(np.zeros((50, 60)), sigma=1.0, wcs=pc)
    np.testing.assert_array_equal(frame_between(other, again, TARGET).matrix, np.eye(2))
    np.testing.assert_allclose(positions(frame_between(first, again, TARGET)), truly(first, other), atol=1e-6)


def test_celestial_frames_differ() -> None:
    first = image(radesys="ICRS")
    galactic = SkyCoord(150.0, 2.0, unit="deg").galactic
    for other in (
        image(matrix_of(0.5), radesys="FK5", equinox=1975.0, sky=(149.68, 2.12)),
        image(ctype=["GLON-TAN", "GLAT-TAN"], sky=(galactic.l.deg, galactic.b.deg)),
    ):
        frame = frame_between(first, other, TARGET)
        np.testing.assert_allclose(positions(frame), truly(first, other), atol=1e-5)
    assert np.abs(positions(frame) - positions(frame_between(first, first, TARGET))).max() > 1.0


def test_similarities_have_no_shear_from_rounding() -> None:
    matrix = frame_between(image(), image(matrix_of(0.5, 3.0, -1)), TARGET).matrix
    assert matrix[0, 0] == -matrix[1, 1]
    assert matrix[0, 1] == matrix[1, 0]


def test_wcs_as_header_and_of_the_shared_interface() -> None:
    first, other = image(), image(matrix_of(0.5))
    expected = positions(frame_between(first, other, TARGET))
    for wcs in (other.wcs.to_header(), HighLevelWCSWrapper(other.wcs)):
        again = Image(np.zeros((50, 60)), sigma=1.0, wcs=wcs)
        np.testing.assert_allclose(positions(frame_between(first, again, TARGET)), expected, atol=1e-7)


def test_images_without_wcs_share_their_pixels() -> None:
    one, same, smaller = (Image(np.zeros(shape), sigma=1.0) for shape in ((50, 60), (50, 60), (50, 50)))
    frame = frame_between(one, same, TARGET)
    assert frame.to_image(3.0, 4.0) == (3.0, 4.0)
    assert bend(one, same, frame) == 0.0
    with pytest.raises(InputError, match=r"images 'g' and 'r' can't be related.*\(50, 60\) and \(50, 50\); give both"):
        frame_between(one, smaller, TARGET, names=("g", "r"))


def test_images_that_cannot_be_related() -> None:
    plain, first = Image(np.zeros((50, 60)), sigma=1.0), image()
    for pair in ((plain, first), (first, plain)):
        with pytest.raises(InputError, match=r"'g' and 'r' can't be related: '.' has a WCS and '.' has none"):
            frame_between(*pair, TARGET, names=("g", "r"))
    with pytest.raises(InputError, match=r"'g' and 'r' show different parts of the sky.*whose shape is \(50, 60\)"):
        frame_between(first, image(sky=(150.1, 2.0)), TARGET, names=("g", "r"))
    with pytest.raises(InputError, match=r"'g' and 'r' can't be related: the WCS of 'r' has no pixel at"):
        frame_between(first, image(sky=(330.0, -2.0)), TARGET, names=("g", "r"))


def test_bend_is_the_distance_to_the_true_map() -> None:
    first = image()
    header = image().wcs.to_header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header.update({"A_ORDER": 2, "A_2_0": 2e-5, "B_ORDER": 2, "B_0_2": -3e-5})
    distorted = Image(np.zeros((50, 60)), sigma=1.0, wcs=WCS(fits.Header(header)))
    frame = frame_between(first, distorted, TARGET)
    # Positions in the distorted image are displaced by quadratic terms about its reference pixel.
    x, y = np.meshgrid(np.linspace(0, 59, 9), np.linspace(0, 49, 9))
    shift = np.hypot(2e-5 * (x - TARGET[0]) ** 2, 3e-5 * (y - TARGET[1]) ** 2)
    assert bend(first, distorted, frame) == pytest.approx(shift.max(), rel=2e-3)


def test_bend_is_infinite_off_the_sky() -> None:
    first, whole = image(), image([[-8.0, 0.0], [0.0, 8.0]], ctype=["RA---AIT", "DEC--AIT"], sky=(150.0, 0.0))
    frame = frame_between(first, whole, TARGET)
    assert np.isfinite(frame.place).all()
    assert bend(first, whole, frame) == math.inf


def test_positions_are_accurate_in_single_precision_and_frames_stack() -> None:
    first = image(place=(5030.3, 4024.8), shape=(40, 40))
    frames = [frame_between(first, image(matrix_of(angle), (21.17, 30.4)), (5030.3, 4024.8)) for angle in (0.0, 0.5)]
    both = jax.tree.map(lambda *leaves: jnp.asarray(leaves, jnp.float32), *frames)
    x, y = jax.lax.map(lambda frame: frame.to_image(jnp.float32(5030.5), jnp.float32(4024.25)), both)
    expected = np.array([frame.to_image(5030.5, 4024.25) for frame in frames])
    np.testing.assert_allclose(np.stack([x, y], 1), expected, atol=1e-3)
    assert x.dtype == jnp.float32


def test_flux_factors() -> None:
    def exposure(zeropoint: float | None) -> Image:
        return Image(np.zeros((4, 5)), sigma=1.0, zeropoint=zeropoint)

    images = {"a": exposure(25.0), "b": exposure(22.5), "c": exposure(27.5)}
    assert flux_factors(images, dict.fromkeys(images, "g")) == pytest.approx({"a": 1.0, "b": 0.1, "c": 10.0})
    assert flux_factors(images, {"a": "g", "b": "r", "c": "r"}) == pytest.approx({"a": 1.0, "b": 1.0, "c": 100.0})
    assert flux_factors(images, {"a": "g", "b": "r", "c": "i"}) == {"a": 1.0, "b": 1.0, "c": 1.0}
    unknown = {"a": exposure(None), "b": exposure(None)}
    assert flux_factors(unknown, dict.fromkeys(unknown, "g")) == {"a": 1.0, "b": 1.0}
    with pytest.warns(UserWarning, match="band 'g': images without a zero-point, a, are taken to have the unit"):
        found = flux_factors({"a": exposure(None), "b": exposure(25.0)}, {"a": "g", "b": "g"})
    assert found == {"a": 1.0, "b": 1.0}
    with pytest.raises(InputError, match=r"image 'd' has no zero-point, and other images of band 'g' have different"):
        flux_factors(images | {"d": exposure(None)}, dict.fromkeys("abcd", "g"))
