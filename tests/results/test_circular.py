import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from sersiclab.results import circular


@pytest.mark.parametrize("centre", [0.0, 0.02, 1.0, np.pi / 2, 3.13])
@pytest.mark.parametrize("spread", [0.01, 0.2, 0.6])
def test_mean_and_sd_are_scipys(rng: np.random.Generator, centre: float, spread: float) -> None:
    angles = (centre + spread * rng.normal(size=1000)) % np.pi
    expected = stats.circmean(angles, high=np.pi, low=0)
    assert abs(np.angle(np.exp(2j * (circular.mean(angles) - expected)))) < 1e-12
    assert 0 <= circular.mean(angles) < np.pi
    assert_allclose(circular.sd(angles), stats.circstd(angles, high=np.pi, low=0), rtol=1e-9)


@pytest.mark.parametrize("centre", [0.0, 0.01, 3.14])
def test_unwrapped_angles_have_no_seam(rng: np.random.Generator, centre: float) -> None:
    true = centre + 0.1 * rng.normal(size=(2, 500))
    unwrapped = circular.unwrap(true % np.pi)
    assert np.abs(unwrapped - circular.mean(unwrapped)).max() <= np.pi / 2
    assert_allclose(np.std(unwrapped), np.std(true), rtol=1e-9)
    assert_allclose(np.sin(2 * unwrapped), np.sin(2 * true), atol=1e-12)


def test_unwrapping_keeps_precision_and_dtype() -> None:
    angles = np.array([[0.1, 3.1]], dtype=np.float32)
    assert circular.unwrap(angles).dtype == np.float32
    assert_allclose(circular.unwrap(angles), [[0.1, 3.1 - np.pi]], atol=1e-6)


@pytest.mark.parametrize(
    ("angle", "wrapped"), [(-0.5, np.pi - 0.5), (np.pi, 0.0), (7.0, 7.0 - 2 * np.pi), (-1e-20, 0.0)]
)
def test_wrap_is_in_the_half_open_interval(angle: float, wrapped: float) -> None:
    assert_allclose(circular.wrap(angle), wrapped, atol=1e-12)
    assert 0 <= circular.wrap(angle) < np.pi


def test_sd_of_one_angle_is_zero_and_of_opposites_is_large() -> None:
    assert circular.sd(np.full(10, 3.0)) == pytest.approx(0.0, abs=1e-7)
    assert circular.sd(np.array([0.0, np.pi / 2])) > np.pi
