"""Sources in the pixels of another image: the same light at the same place."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.profiles.test_laws import EXAMPLES

from sersiclab.parameters import Parameter, own_parameters, parameter, parameter_info
from sersiclab.parameters.frame import Frame
from sersiclab.profiles import (
    MODIFIERS,
    PROFILES,
    AbstractExtended,
    AbstractProfile,
    AbstractSky,
    Bent,
    Boxy,
    EdgeOnDisk,
    Exponential,
    FlatSky,
    FourierModes,
    PointSource,
    Sersic,
)
from sersiclab.profiles.mapping import mapped, mapped_ellipse, mapped_number


PLACE: dict[str, Any] = {"xc": 11.3, "yc": 7.8, "theta": 0.6}
ORIGIN, ELSEWHERE = (10.0, 8.5), (41.3, 29.9)
SHEAR = np.array([[0.9, 0.35], [-0.2, 1.3]])
MIRRORED_SHEAR = np.array([[-0.7, 0.35], [0.4, 1.1]])
HELD = Sersic(**PLACE, flux=7.0, r_eff=3.0, n=1.2, ellip=0.4)
MODES = {
    "a1": 0.1,
    "phi1": 0.4,
    "a3": 0.12,
    "phi3": -1.0,
    "a4": 0.05,
    "phi4": 2.9,
    "a5": 0.03,
    "a6": 0.02,
    "phi6": -3.1,
}
MODIFIED: dict[type, AbstractExtended] = {
    Boxy: Boxy(HELD, c0=0.8),
    FourierModes: FourierModes(HELD, **MODES),
    Bent: Bent(HELD, b1=0.3, b2=0.5, b3=-0.2),
}


def extended() -> dict[str, AbstractExtended]:
    plain = {
        cls.__name__: cls(**PLACE, **{"flux": 7.0} | extra) for cls, extra in EXAMPLES.items() if "i_b" not in extra
    }
    bright = {cls.__name__: cls(**PLACE, **extra) for cls, extra in EXAMPLES.items() if "i_b" in extra}
    every = Boxy(FourierModes(Bent(HELD, b1=0.3, b2=0.5, b3=-0.2), **MODES), c0=-0.4)
    return {**plain, **bright, **{cls.__name__: p for cls, p in MODIFIED.items()}, "all modifiers": every}


EXTENDED = extended()


def similarity(scale: float, angle: float, parity: int = 1) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return scale * np.array([[c, -s], [s, c]]) @ np.diag([parity, 1.0])


SIMILARITIES = {
    "identity": np.eye(2),
    "scaled": similarity(1 / 3, 0.0),
    "rotated": similarity(1.0, math.radians(30.0)),
    "upside down": similarity(1.0, math.pi),
    "mirrored": similarity(1.0, 0.0, -1),
    "all": similarity(2.7, -2.1, -1),
}


def frame(matrix: Any, flux: float = 1.0) -> Frame:
    return Frame(matrix, ORIGIN, ELSEWHERE, flux)


def light(profile: AbstractExtended, x: Any, y: Any) -> np.ndarray:
    return np.asarray(profile.brightness(jnp.asarray(x - profile.xc), jnp.asarray(y - profile.yc)))


def points(profile: AbstractExtended) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return profile.xc + rng.normal(0, 4.0, 60), profile.yc + rng.normal(0, 4.0, 60)


def check(profile: AbstractExtended, frame: Frame, rtol: float = 1e-9) -> None:
    """The brightness at mapped points is that at the original ones, in the new unit and per new pixel."""
    x, y = points(profile)
    factor = frame.flux / abs(np.linalg.det(frame.matrix))
    there = light(mapped(profile, frame), *frame.to_image(x, y))
    expected = factor * light(profile, x, y)
    np.testing.assert_allclose(there, expected, rtol=rtol, atol=rtol * expected.max())


def test_every_profile_is_tested() -> None:
    drawn = {cls.__name__ for cls in (*PROFILES, *MODIFIERS) if not issubclass(cls, AbstractSky | PointSource)}
    assert drawn <= set(EXTENDED)


@pytest.mark.parametrize("name", EXTENDED)
@pytest.mark.parametrize("kind", SIMILARITIES)
def test_similarities_are_exact(x64: None, name: str, kind: str) -> None:
    check(EXTENDED[name], frame(SIMILARITIES[kind], flux=1.7))


@pytest.mark.parametrize("matrix", [SHEAR, MIRRORED_SHEAR], ids=["sheared", "mirrored"])
@pytest.mark.parametrize(
    "name", [name for name in EXTENDED if name not in ("EdgeOnDisk", "Boxy", "Bent", "all modifiers")]
)
def test_ellipses_and_fourier_modes_are_exact_if_sheared(x64: None, name: str, matrix: np.ndarray) -> None:
    check(EXTENDED[name], frame(matrix, flux=1.7))


@pytest.mark.parametrize("theta", [-0.4, 0.0, 1.1, 2.5])
@pytest.mark.parametrize("ellip", [0.0, 1e-9, 0.3, 0.9])
def test_ellipses_under_a_shear(x64: None, ellip: float, theta: float) -> None:
    for matrix in (SHEAR, MIRRORED_SHEAR):
        check(Exponential(**PLACE | {"theta": theta}, flux=7.0, r_eff=3.0, ellip=ellip), frame(matrix))


def test_axes_of_an_ellipse_agree_with_its_matrix() -> None:
    found = mapped_ellipse(SHEAR, 0.4, 0.6)
    e, n = np.array([-math.sin(0.6), math.cos(0.6)]), np.array([-math.cos(0.6), -math.sin(0.6)])
    u, widths, _ = np.linalg.svd(SHEAR @ np.stack([e, 0.6 * n], 1))
    np.testing.assert_allclose([found.stretch, found.across * 0.6], widths)
    assert found.ellip == pytest.approx(1 - widths[1] / widths[0])
    assert abs(u[:, 0] @ [-math.sin(found.theta), math.cos(found.theta)]) == pytest.approx(1.0)


def test_edge_on_disks_keep_their_plane_and_brightness_if_sheared(x64: None) -> None:
    disk = EXTENDED["EdgeOnDisk"]
    there = mapped(disk, frame(SHEAR))
    r = np.linspace(0.1, 9.0, 60)
    x, y = disk.xc - r * math.sin(disk.theta), disk.yc + r * math.cos(disk.theta)
    expected = light(disk, x, y) / abs(np.linalg.det(SHEAR))
    np.testing.assert_allclose(light(there, *frame(SHEAR).to_image(x, y)), expected, rtol=1e-9)
    assert isinstance(there, EdgeOnDisk)


@pytest.mark.parametrize("name", ["Boxy", "Bent"])
def test_structure_of_slightly_sheared_profiles_is_close(x64: None, name: str) -> None:
    check(EXTENDED[name], frame(np.array([[1.0, 1e-4], [0.0, 1.0]])), rtol=1e-3)


def test_identity_changes_no_digit(x64: None) -> None:
    same = Frame(np.eye(2), ORIGIN, ORIGIN)
    for profile in EXTENDED.values():
        there = own_parameters(mapped(profile, same))
        for name, value in own_parameters(profile).items():
            assert there[name] == pytest.approx(value, rel=4e-16, abs=0.0)


def test_point_sources_and_skies() -> None:
    star = mapped(PointSource(xc=11.3, yc=7.8, flux=5.0), frame(np.diag([-2.0, 2.0]), flux=3.0))
    assert own_parameters(star) == pytest.approx({"xc": 38.7, "yc": 28.5, "flux": 15.0})
    sky = FlatSky(0.3)
    assert mapped(sky, frame(np.eye(2), flux=3.0)) is sky


@pytest.mark.parametrize(
    ("declared", "factor"),
    [
        ({"unit": "pixel"}, 3.0),
        ({"unit": "1/pixel"}, 1 / 3),
        ({"unit": "image"}, 0.7),
        ({"unit": "image/pixel"}, 0.7 / 9),
        ({"unit": "image/pixel²"}, 0.7 / 27),
        ({"unit": "rad"}, -1.0),
        ({"unit": ""}, 1.0),
        ({"unit": "pixel", "across": True}, -3.0),
        ({"unit": "pixel", "across": True, "low": 0.0}, 3.0),
        ({"unit": "counts"}, 1.0),
    ],
)
def test_units_of_own_profiles(declared: dict[str, Any], factor: float) -> None:
    class Own(AbstractProfile):
        number: Parameter = parameter(doc="a number", **declared)

    there = frame(similarity(3.0, 0.4, -1), flux=0.7)
    ellipse = mapped_ellipse(there.matrix, 0.3, 0.2)
    assert mapped_number(parameter_info(Own)["number"], 2.0, ellipse, there) == pytest.approx(2.0 * factor)


def test_phases_stay_in_their_range() -> None:
    profile = FourierModes(HELD, **MODES | {"phi1": 3.1, "phi3": -3.1})
    for matrix in (SHEAR, MIRRORED_SHEAR, *SIMILARITIES.values()):
        there = own_parameters(mapped(profile, frame(matrix)))
        assert all(abs(there[f"phi{m}"]) <= math.pi for m in (1, 3, 4, 5, 6))


def stacked(make: Callable[..., AbstractExtended], **numbers: Any) -> Any:
    return jax.vmap(lambda kw: make(**kw))(numbers)


def test_stacked_and_traced_parameters() -> None:
    ellip, theta = jnp.array([0.0, 0.3, 0.8]), jnp.array([0.1, -2.0, 1.4])
    others = {name: jnp.full(3, value) for name, value in {"xc": 11.3, "yc": 7.8, "flux": 7.0, "r_eff": 3.0}.items()}
    vector = stacked(Exponential, **others, ellip=ellip, theta=theta)
    there = jax.jit(mapped)(vector, frame(MIRRORED_SHEAR))
    for i in range(3):
        one = Exponential(xc=11.3, yc=7.8, flux=7.0, r_eff=3.0, ellip=float(ellip[i]), theta=float(theta[i]))
        expected = own_parameters(mapped(one, frame(MIRRORED_SHEAR)))
        found = {name: float(value[i]) for name, value in own_parameters(there).items()}
        assert found == pytest.approx(expected, rel=1e-5)


def numbers(vector: Any, frame: Frame) -> Any:
    galaxy = Exponential(xc=vector[0], yc=vector[1], flux=2.0, r_eff=vector[2], ellip=vector[3], theta=vector[4])
    there = own_parameters(mapped(FourierModes(galaxy, a1=0.1, phi1=vector[5]), frame))
    return jnp.stack([there[name] for name in ("xc", "yc", "r_eff", "ellip", "theta", "phi1")])


@jax.jit
def derivatives(vector: Any, frame: Frame) -> Any:
    """The second derivatives and the first ones."""

    def slopes(vector: Any) -> Any:
        found = jax.jacrev(numbers)(vector, frame)
        return found, found

    return jax.jacfwd(slopes, has_aux=True)(vector)


@pytest.mark.parametrize("ellip", [0.0, 1e-20, 1e-6, 0.3])
@pytest.mark.parametrize("matrix", [*SIMILARITIES.values(), SHEAR], ids=[*SIMILARITIES, "sheared"])
def test_derivatives_are_finite(matrix: np.ndarray, ellip: float) -> None:
    curvature, slopes = derivatives(jnp.array([11.3, 7.8, 3.0, ellip, 0.6, 0.4]), frame(matrix))
    assert np.isfinite(slopes).all()
    assert np.isfinite(curvature).all()
    if matrix is not SHEAR:
        scale, parity = math.sqrt(abs(np.linalg.det(matrix))), np.sign(np.linalg.det(matrix))
        np.testing.assert_allclose(np.diag(slopes)[2:], [scale, 1.0, parity, parity], rtol=1e-5)
