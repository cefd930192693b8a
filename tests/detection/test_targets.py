"""The target among brighter neighbours: GalSim draws them, and the guess and the fit must measure the right one."""

import math
import warnings

import galsim
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

import sersiclab as sl


SIDE = 64
FLUX = 1000.0
SIGNAL_TO_NOISE = 60.0
BRIGHTER = 3.0, 10.0, 30.0


def scene(ratio, separation, seed, target=(0.0, 0.0)):
    """A galaxy near the image's centre and one `ratio` times as bright: the image and the two places."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    places = [np.array(target) + rng.uniform(-0.5, 0.5, 2)]
    places.append(places[0] + separation * np.array([np.cos(angle), np.sin(angle)]))
    psf = galsim.Moffat(beta=3.5, fwhm=3.0)
    planes = []
    for place, flux, n, radius in zip(places, (1.0, ratio), (1.5, 2.5), (2.5, 3.0), strict=True):
        q, turn = rng.uniform(0.5, 0.9), rng.uniform(0, np.pi) * galsim.radians
        light = galsim.Sersic(n, half_light_radius=radius * math.sqrt(q), flux=flux * FLUX).shear(q=q, beta=turn)
        drawn = galsim.Convolve(light, psf).shift(*place)
        planes.append(drawn.drawImage(galsim.ImageD(SIDE, SIDE, scale=1.0), method="auto").array)
    sigma = math.sqrt(np.sum(planes[0] ** 2)) / SIGNAL_TO_NOISE
    kernel = psf.drawImage(galsim.ImageD(31, 31, scale=1.0), method="auto").array
    data = sum(planes) + rng.normal(0.0, sigma, (SIDE, SIDE))
    return sl.Image(data, sigma=sigma, psf=kernel / kernel.sum()), *((SIDE - 1) / 2 + place for place in places)


def quietly(function, *args, **options):
    """The result, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return function(*args, **options), [str(each.message) for each in caught]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("separation", [8.0, 11.0, 15.0, 20.0])
@pytest.mark.parametrize("ratio", BRIGHTER)
def test_the_target_is_measured_beside_a_brighter_neighbour(ratio, separation, seed):
    image, target, other = scene(ratio, separation, seed)
    model, _ = quietly(sl.guess, image, sources="auto")
    start = model.initial
    near = 2.0 if separation < 11 and ratio > 10 else 1.3
    assert math.dist((start["galaxy.xc"], start["galaxy.yc"]), target) < near
    assert model.free["galaxy.flux"].low < FLUX < model.free["galaxy.flux"].high
    assert model.free["galaxy.r_eff"].low < 2.5 < model.free["galaxy.r_eff"].high
    assert math.dist((start["neighbour_1.xc"], start["neighbour_1.yc"]), other) < 1.0
    assert start["neighbour_1.flux"] == pytest.approx(ratio * FLUX, rel=0.3)
    found, _ = quietly(sl.detect, image)
    assert (found.target.xc, found.target.yc) == (start["galaxy.xc"], start["galaxy.yc"])
    assert found.mask[round(other[1]), round(other[0])]


@pytest.mark.parametrize(("ratio", "separation"), [(3.0, 8.0), (3.0, 11.0), (30.0, 11.0), (10.0, 15.0)])
def test_the_fit_measures_the_target(ratio, separation):
    image, target, _ = scene(ratio, separation, 3)
    model, told = quietly(sl.guess, image, sources="auto")
    assert all(text.startswith("the target is the source at the image's centre, (31.5, 31.5)") for text in told)
    fit = sl.fit(model, image, sl.Laplace(), progress=False)
    sd = fit.summary()["sd"]
    truth = {"galaxy.xc": target[0], "galaxy.yc": target[1], "galaxy.flux": FLUX, "galaxy.r_eff": 2.5, "galaxy.n": 1.5}
    for path, value in truth.items():
        assert abs(fit.best[path] - value) < 4.0 * sd[path], path


@pytest.mark.parametrize(("ratio", "separation"), [(3.0, 11.0), (10.0, 15.0)])
def test_the_fit_measures_the_target_if_the_neighbour_is_masked(ratio, separation):
    image, target, _ = scene(ratio, separation, 3)
    masked = quietly(sl.detect, image)[0].masked(image)
    fit = sl.fit(sl.guess(masked), masked, sl.MAP(), progress=False)
    assert math.dist((fit.best["galaxy.xc"], fit.best["galaxy.yc"]), target) < 0.4
    assert fit.best["galaxy.flux"] == pytest.approx(FLUX, rel=0.5)  # the neighbour's wings are left


@pytest.mark.parametrize(("ratio", "separation"), [(3.0, 11.0), (30.0, 11.0)])
def test_a_fit_that_wanders_to_the_neighbour_is_bad(ratio, separation):
    """The neighbour is neither masked nor modelled, and the prior of the centre gives way."""
    image, _, other = scene(ratio, separation, 3)
    fit = sl.fit(quietly(sl.guess, image)[0], image, sl.MAP(), progress=False)
    assert math.dist((fit.best["galaxy.xc"], fit.best["galaxy.yc"]), other) < 1.0
    assert fit.verdict.level == "bad"
    words = fit.verdict.reasons[0]
    assert words.startswith(f"galaxy has moved from the source at ({fit.model.initial['galaxy.xc']:.1f}, ")
    assert "to another source at " in words


def test_a_brighter_neighbour_is_reported_with_both_positions():
    image, target, other = scene(10.0, 11.0, 1)
    with pytest.warns(UserWarning, match=r"^the target is the source at the image's centre, \(31.5, 31.5\)") as told:
        sl.guess(image)
    words = str(told[0].message)
    assert f"although there is a brighter one at ({other[0]:.1f}, {other[1]:.1f})" in words
    # Each is chosen by the position that the words name, without a word.
    for place in (target, other):
        start = sl.guess(image, position=tuple(place)).initial
        assert math.dist((start["galaxy.xc"], start["galaxy.yc"]), place) < 1.0
        found = sl.detect(image, position=tuple(place))
        assert math.dist((found.target.xc, found.target.yc), place) < 1.0


def test_a_target_alone_is_taken_without_a_word():
    image, _, other = scene(10.0, 11.0, 1)
    y, x = np.indices(image.shape)
    hidden = image.with_mask(np.hypot(x - other[0], y - other[1]) < 7.5)
    assert quietly(sl.guess, hidden)[1] == []


def test_a_bright_neighbour_of_a_target_that_is_too_faint_is_reported():
    """Nothing is at the centre: the neighbour is modelled, and a warning says so."""
    image, _, other = scene(1000.0, 16.0, 2)
    model, told = quietly(sl.guess, image)
    assert math.dist((model.initial["galaxy.xc"], model.initial["galaxy.yc"]), other) < 1.0
    expected = f"no source is detected at the image's centre, (31.5, 31.5): the target is the one at ({other[0]:.1f}"
    assert any(text.startswith(expected) for text in told)


def test_a_position_on_the_sky():
    image, target, other = scene(3.0, 15.0, 4)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [20.0, 30.0]
    wcs.wcs.cdelt = [-7e-5, 7e-5]
    image = sl.Image(image.data, sigma=image.sigma, psf=image.psf, wcs=wcs)
    for place in (target, other):
        coordinate = SkyCoord.from_pixel(place[0], place[1], wcs)
        assert sl.guess(image, position=coordinate) == sl.guess(image, position=tuple(place))
    with pytest.raises(ValueError, match=r"^position is a SkyCoord and the image has no WCS; give \(x, y\) in pixels"):
        sl.detect(scene(3.0, 15.0, 4)[0], position=coordinate)


@pytest.mark.parametrize(
    ("position", "error", "message"),
    [
        ((64.0, 3.0), ValueError, r"^position must lie in the image of shape \(64, 64\), got \(64, 3\)$"),
        ((float("nan"), 3.0), ValueError, r"^position must lie in the image of shape"),
        ("centre", TypeError, r"^position must be \(x, y\) in pixels or a SkyCoord, got 'centre'$"),
        ((1, 2, 3), TypeError, r"^position must be \(x, y\) in pixels or a SkyCoord, got \(1, 2, 3\)$"),
        (3.0, TypeError, r"^position must be \(x, y\) in pixels or a SkyCoord, got 3.0$"),
    ],
)
def test_a_wrong_position_is_reported(position, error, message):
    image = scene(3.0, 15.0, 4)[0]
    for function in (sl.guess, sl.detect):
        with pytest.raises(error, match=message):
            function(image, position=position)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (4.0, -3.0), (-14.0, 12.0), (22.0, 20.0)])
def test_a_galaxy_that_is_alone_is_found_wherever_it_is(offset):
    image, place, _ = scene(0.0, 1.0, 5, target=offset)
    model, told = quietly(sl.guess, image)
    assert math.dist((model.initial["galaxy.xc"], model.initial["galaxy.yc"]), place) < 0.5
    assert bool(told) == (math.hypot(*offset) > 10)


def test_a_spiral_that_is_off_the_centre_is_not_taken_for_one_of_its_clumps(rng):
    """Lopsided by a bright clump at the image's centre, 7 px from its own."""
    y, x = np.indices((SIDE, SIDE))
    light = 3e4 / (2 * np.pi * 81) * np.exp(-np.hypot(x - 37.0, y - 28.0) / 9.0)
    clump = 400.0 / (2 * np.pi * 2.25) * np.exp(-((x - 31.5) ** 2 + (y - 31.5) ** 2) / 4.5)
    image = sl.Image(light + clump + rng.normal(size=light.shape), sigma=1.0)
    start = quietly(sl.guess, image)[0].initial
    assert math.dist((start["galaxy.xc"], start["galaxy.yc"]), (37.0, 28.0)) < 2.0
    assert start["galaxy.flux"] > 1.5e4
