"""Injection into blank patches of a mosaic: pulls are those that brute force finds on the same sky."""

import functools

import numpy as np
import pytest
import scipy.signal
from sky_jobs import MODEL, many

import sersiclab as sl
from sersiclab.catalogue.blank_patches import blank_patches
from sersiclab.recovery.mocks import mock_of


SIDE, LEVEL = 24, 5.0
PLACES = [(40.0 + 110 * (k % 4), 45.0 + 150 * (k // 4)) for k in range(8)]


def model():
    shape = {"xc": 11.6, "yc": 12.2, "ellip": 0.0, "theta": 0.0, "fwhm": 5.0}
    galaxy = sl.Gaussian(flux=sl.Normal(500.0, 400.0), **shape)
    return sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(sl.Normal(LEVEL, 10.0))})


@functools.cache
def template():
    """A galaxy with a flux of 1."""
    blank = sl.Image(np.zeros((SIDE, SIDE)), sigma=1.0)
    return np.asarray(sl.render(model(), blank, {"galaxy.flux": 1.0, "sky.level": 0.0}))


def sky(rng):
    """Noise with a sd of 1 that is correlated, with faint sources that are not detected."""
    kernel = np.outer([0.5, 1.0, 0.5], [0.5, 1.0, 0.5])
    noise = scipy.signal.fftconvolve(rng.normal(size=(442, 452)), kernel / np.sqrt(np.sum(kernel**2)), mode="valid")
    faint = np.zeros(noise.shape)
    faint[rng.integers(440, size=400), rng.integers(450, size=400)] = 20.0
    return LEVEL + noise + scipy.signal.fftconvolve(faint, template(), mode="same")


@pytest.fixture(scope="module")
def field():
    """The blank sky, and a catalogue of eight galaxies on it."""
    blank = sky(np.random.default_rng(4))
    data = blank.copy()
    for x, y in PLACES:
        data[int(y) - 12 : int(y) + 12, int(x) - 12 : int(x) + 12] += 600.0 * template()
    rows = [{"id": str(k), "x": x - 0.4, "y": y + 0.2} for k, (x, y) in enumerate(PLACES)]
    jobs = sl.jobs(rows, data, sigma=np.ones_like(data), size=SIDE, model=model())
    return blank, sl.fit_many(jobs, sl.Laplace(draws=200), progress=False)


def brute_force(blank, number=2000):
    """Return the mean and sd of the pulls of the flux that least squares finds at random places of a sky."""
    rng = np.random.default_rng(6)
    design = np.stack([template().ravel(), np.ones(SIDE**2)], axis=1)
    sd = np.sqrt(np.linalg.inv(design.T @ design)[0, 0])
    places = zip(rng.integers(440 - SIDE, size=number), rng.integers(450 - SIDE, size=number), strict=True)
    stamps = np.stack([blank[y : y + SIDE, x : x + SIDE].ravel() for y, x in places], axis=1)
    pulls = np.linalg.lstsq(design, stamps, rcond=None)[0][0] / sd
    return float(np.mean(pulls)), float(np.std(pulls))


def test_pulls_are_those_of_brute_force(field):
    blank, catalogue = field
    recovery = sl.recover(catalogue, n=80, noise="patches", seed=1, progress=False)
    assert recovery.failed == ()
    assert list(recovery.truth) == ["galaxy.flux"]
    row, (mean, sd) = recovery.table.loc["galaxy.flux"], brute_force(blank)
    assert sd > 1.5
    assert row["pull_sd"] == pytest.approx(sd, abs=3.5 * row["pull_sd_err"])
    assert row["pull_mean"] == pytest.approx(mean, abs=3.5 * row["pull_mean_err"])


def test_few_patches_are_an_error_with_their_number(field):
    with pytest.raises(ValueError, match=r"too few blank patches: \d+ of 24 x 24 pixels .* for 2000 mocks.*n=\d+"):
        sl.recover(field[1], n=2000, noise="patches", progress=False)


def ramp_jobs(**options):
    """Jobs of a mosaic whose pixels tell where they are: 1000 y + x."""
    y, x = np.indices((150, 170))
    rows = [{"id": "a", "x": 30.0, "y": 30.0}, {"id": "b", "x": 120.0, "y": 100.0}]
    return sl.jobs(rows, 1000.0 * y + x, sigma=1.0, size=20, model=MODEL, **options)


def test_patches_lie_apart_and_away_from_sources_with_the_psf_of_their_place():
    segments = np.zeros((150, 170), int)
    segments[60:75, :90] = 1
    wide, narrow = np.full((3, 3), 1 / 9), np.eye(3) / 3
    jobs = ramp_jobs(segmentation=segments, psf=[wide, narrow], label=False)
    catalogue = many(jobs, method=sl.MAP())
    patches = blank_patches(catalogue, [catalogue.fit("a")], 12, seed=3)
    corners = np.array([[patch.data[0, 0] % 1000, patch.data[0, 0] // 1000] for patch in patches])
    assert ((corners >= 0) & (corners + 20 <= [170, 150])).all()
    away = np.abs(corners[:, None] - corners).max(axis=-1)[~np.eye(12, dtype=bool)]
    assert away.min() >= 20
    for (x0, y0), patch in zip(corners.astype(int), patches, strict=True):
        middle = segments[y0 + 5 : y0 + 15, x0 + 5 : x0 + 15]
        assert not middle.any()
        np.testing.assert_array_equal(patch.mask, segments[y0 : y0 + 20, x0 : x0 + 20] > 0)
        offsets = np.array([[x0 + 9 - x, y0 + 9 - y] for x, y in ((30, 30), (120, 100))])
        assert np.abs(offsets).max(axis=1).min() > 5
        distances = np.hypot(*offsets.T)
        np.testing.assert_allclose(patch.psf, (wide, narrow)[int(np.argmin(distances))])
    more = blank_patches(catalogue, [catalogue.fit("a")], 14, seed=3)
    np.testing.assert_array_equal(more[5].data, patches[5].data)


def test_light_has_photon_noise_if_the_gain_is_known(field):
    fit, rng = field[1].fit("0"), np.random.default_rng(2)
    patch = sl.Image(np.zeros((SIDE, SIDE)), sigma=1.0, gain=0.5)
    mocks = [mock_of(fit, "residuals", None, rng, patch=patch) for _ in range(60)]
    light = np.array([mock.truth["galaxy.flux"] * template() for mock in mocks])
    variance = 1.0 + light / 0.5
    np.testing.assert_allclose([mock.image.sigma**2 for mock in mocks], variance, rtol=1e-3)
    middle = np.s_[:, 8:17, 8:17]
    scaled = (np.array([mock.image.data for mock in mocks]) - light)[middle] / np.sqrt(light[middle] / 0.5)
    assert np.std(scaled) == pytest.approx(1.0, abs=0.04)
    dark = mock_of(fit, "residuals", None, rng, patch=sl.Image(patch.data, sigma=1.0))
    np.testing.assert_allclose(dark.image.data, dark.truth["galaxy.flux"] * template(), atol=1e-3)


def test_a_mosaic_is_needed(field):
    fit = field[1].fit("0")
    made = many([sl.Job("a", fit.image, MODEL)])
    for fitted in (fit, made):
        with pytest.raises(ValueError, match=r'noise="patches" needs a catalogue of stamps of one mosaic, as sl\.jobs'):
            sl.recover(fitted, n=5, noise="patches", progress=False)
