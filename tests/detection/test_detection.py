"""Detection: the target, its neighbours and what to mask, on scenes with a known truth and on real images."""

import warnings

import numpy as np
import pytest

import sersiclab as sl
from sersiclab import datasets
from sersiclab.data.image import Image
from sersiclab.detection import detect
from sersiclab.detection.measuring import measure_region
from sersiclab.model import Model, render
from sersiclab.profiles import FlatSky, Sersic


SHAPE = (90, 120)
# The target and its neighbours, in the order of flux over squared distance: on its disk, bright and far, faint.
TRUTH = [
    Sersic(xc=58.3, yc=46.7, flux=4000.0, r_eff=8.0, n=1.2, ellip=0.3, theta=0.7),
    Sersic(xc=75.2, yc=58.1, flux=500.0, r_eff=1.5, n=1.0, ellip=0.1, theta=0.3),
    Sersic(xc=101.4, yc=18.9, flux=2500.0, r_eff=3.0, n=1.5, ellip=0.4, theta=2.0),
    Sersic(xc=14.8, yc=70.5, flux=200.0, r_eff=1.2, n=1.0, ellip=0.2, theta=1.0),
]


def scene(rng, factor=1.0):
    blank = Image(np.zeros(SHAPE), sigma=1.0, psf=datasets.moffat(21, fwhm=2.8, beta=3.0))
    components = {f"source_{k}": source for k, source in enumerate(TRUTH)} | {"sky": FlatSky(level=3.0)}
    data = np.asarray(render(Model(components), blank), float) + rng.normal(size=SHAPE)
    return Image(data * factor, sigma=factor, psf=blank.psf)


def test_the_sources_of_a_scene(rng):
    found = detect(scene(rng))
    assert len(found.sources) == len(TRUTH)
    for source, truth in zip(found.sources, TRUTH, strict=True):
        assert (source.xc, source.yc) == pytest.approx((truth.xc, truth.yc), abs=0.5)
        assert source.flux == pytest.approx(truth.flux, rel=0.3)
    assert found.target is found.sources[0]
    assert found.sky.level == pytest.approx(3.0, abs=0.15)
    assert found.edge == 0
    for number, truth in enumerate(TRUTH, start=1):
        assert found.labels[round(truth.yc), round(truth.xc)] == number


def test_the_mask_hides_the_neighbours_and_not_the_target(rng):
    image = scene(rng)
    found = detect(image)
    alone = render(Model({"target": TRUTH[0], "sky": FlatSky(level=3.0)}), image)
    left = (image.data - alone)[~found.mask]
    assert np.abs(left).max() < 5.0  # noise of one
    assert left.mean() == pytest.approx(0.0, abs=0.03)
    y, x = np.indices(SHAPE)
    assert not found.mask[np.hypot(x - TRUTH[0].xc, y - TRUTH[0].yc) < 8].any()
    assert found.mask.mean() < 0.25


def test_masked_keeps_as_many_sources_as_the_model_holds(rng):
    image = scene(rng)
    found = detect(image)
    np.testing.assert_array_equal(found.masked(image).mask, found.mask)
    two = found.masked(image, keep=2)
    hidden = [bool(two.mask[round(t.yc), round(t.xc)]) for t in TRUTH]
    assert hidden == [False, False, True, True]
    assert found.masked(image, keep=9).mask.mean() < 0.01  # light that is nobody's
    assert two.data is image.data
    places = [(TRUTH[0].xc, TRUTH[0].yc), (TRUTH[2].xc + 1, TRUTH[2].yc), (-50.0, 3.0)]
    others = found.masked(image, keep=places).mask
    assert [bool(others[round(t.yc), round(t.xc)]) for t in TRUTH] == [False, True, False, True]
    with pytest.raises(ValueError, match=r"^keep must be a positive integer, .*included, or positions, got 0$"):
        found.masked(image, keep=0)
    with pytest.raises(ValueError, match=r"^image must be the detection's, of shape \(90, 120\), got \(3, 3\)$"):
        found.masked(Image(np.ones((3, 3)), sigma=1.0))


def test_the_unit_of_the_image_does_not_matter(rng):
    one, other = (detect(scene(np.random.default_rng(5), factor)) for factor in (1.0, 1e-9))
    np.testing.assert_array_equal(one.mask, other.mask)
    for source, tiny in zip(one.sources, other.sources, strict=True):
        assert tiny.flux == pytest.approx(source.flux * 1e-9, rel=1e-6)


def test_masked_pixels_stay_masked_and_hide_their_source(rng):
    image = scene(rng)
    y, x = np.indices(SHAPE)
    hole = np.hypot(x - TRUTH[2].xc, y - TRUTH[2].yc) < 16
    found = detect(Image(image.data, sigma=1.0, psf=image.psf, mask=hole))
    assert found.mask[hole].all()
    assert all(np.hypot(s.xc - TRUTH[2].xc, s.yc - TRUTH[2].yc) > 10 for s in found.sources)


def test_a_target_at_the_edge_is_reported(rng):
    with pytest.warns(
        UserWarning, match=r"^no source is detected at the image's centre, \(29.5, 19.5\): the target is"
    ):
        found = detect(scene(rng).cutout((58, 30), (40, 60)))
    assert 0.1 < found.edge < 0.5
    assert "cut off by the image's edge along" in repr(found)


def test_a_field_of_many_sources(rng):
    y, x = np.indices((24 * 12, 24 * 12))
    stars = 300.0 / (2 * np.pi * 4) * np.exp(-((x % 24 - 11.3) ** 2 + (y % 24 - 12.1) ** 2) / 8)
    found = detect(Image(stars + rng.normal(size=stars.shape), sigma=1.0), position=(131.3, 156.1))
    assert len(found.sources) == 144
    assert (found.target.xc, found.target.yc) == pytest.approx((131.3, 156.1), abs=0.5)
    assert np.ptp([source.xc % 24 for source in found.sources]) < 1.5
    assert sorted(np.unique(found.labels[found.labels > 0])) == list(range(1, 145))


def test_nothing_to_be_found(rng):
    found = detect(Image(rng.normal(size=(50, 60)), sigma=1.0))
    assert not found.target.detected
    assert not found.mask.any()
    assert repr(found).startswith("Detection(no source, target at (29.5, 24.5), 0.0%")


@pytest.mark.parametrize(("sources", "number"), [("auto", 4), (9, 4), (2, 2), (1, 1)])
def test_a_guess_of_several_sources(rng, sources, number):
    model = sl.guess(scene(rng), {"galaxy": "sersic", "sky": "flat_sky"}, sources=sources)
    assert list(model.components) == ["galaxy", "sky", *(f"neighbour_{k}" for k in range(1, number))]
    start = model.initial
    for name, truth in zip(["galaxy", "neighbour_1", "neighbour_2", "neighbour_3"][:number], TRUTH, strict=False):
        assert start[f"{name}.xc"] == pytest.approx(truth.xc, abs=0.5)
        prior = model.free[f"{name}.flux"]
        assert prior.low < truth.flux < prior.high


@pytest.mark.parametrize("sources", [0, "all", 1.5])
def test_a_wrong_number_of_sources_is_reported(sources):
    with pytest.raises(ValueError, match=r'^sources must be "auto" or a positive integer, got '):
        sl.guess(datasets.example(), sources=sources)


REAL = {
    "legacy": {"data": "legacy/cutout_59.1067_-30.4848.fits", "psf": "legacy/copsf_59.1067_-30.4848.fits", "band": "r"},
    "kids G265940": {"data": "kids/G265940fitim.fits", "sigma": "kids/G265940sigma.fits"},
    "kids G267199": {"data": "kids/G267199fitim.fits", "sigma": "kids/G267199sigma.fits"},
    "hsc gal1": {"data": "hsc/gal1_im.npy", "sigma": "hsc/gal1_sig.npy"},
    "hsc gal2": {"data": "hsc/gal2_im.npy", "sigma": "hsc/gal2_sig.npy"},
    "panstarrs": {"data": "panstarrs/slice.fits"},
    "imfit": {"data": "imfit/ic3478rss_256.fits"},
    "galfit": {"data": "galfit_example/gal.fits"},
    **{f"multisim {band}": {"data": f"multisim/img-{band}.fits"} for band in "abcde"},
}


@pytest.mark.parametrize("name", REAL)
def test_real_neighbours_need_no_mask_by_hand(shared_data, name):
    given = {key: f"{shared_data}/{value}" if "/" in value else value for key, value in REAL[name].items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # measured noise, PSFs of another sum: not the matter here
        image = Image.read(given.pop("data"), **given)
    found = detect(image)
    ny, nx = image.shape
    assert abs(found.target.xc - nx / 2) < 0.1 * nx
    assert abs(found.target.yc - ny / 2) < 0.1 * ny
    assert found.target.detected
    around = ~found.mask & (found.labels != 1)
    left = (image.data[around] - found.sky.level) / image.sigma[around]
    assert around.mean() > 0.3
    # Faint outskirts of the target remain there, but no star and no galaxy.
    assert np.count_nonzero(left > 6.0) == 0
    assert left.std() < 1.3


@pytest.mark.parametrize("galaxy", ["gal1", "gal2"])
def test_a_fit_needs_no_mask_by_hand(shared_data, galaxy):
    """The mask that came with the galaxy, made by others, and the one that is found give the same galaxy."""
    planes = {"data": "im", "sigma": "sig", "psf": "psf", "mask": "mask"}
    files = {name: shared_data / "hsc" / f"{galaxy}_{suffix}.npy" for name, suffix in planes.items()}
    by_hand = Image.read(files.pop("data"), **files)
    bare = Image(by_hand.data, sigma=by_hand.sigma, psf=by_hand.psf)
    found = detect(bare)
    masked = found.masked(bare)
    model = sl.guess(masked, {"galaxy": "sersic", "sky": "flat_sky"})
    fit, other = (sl.fit(model, image, sl.MAP(), progress=False) for image in (masked, by_hand))
    close = {"xc": 0.003, "yc": 0.003, "r_eff": 0.02, "n": 0.02, "ellip": 0.003, "theta": 0.005}
    for name, tolerance in close.items():
        assert fit.best[f"galaxy.{name}"] == pytest.approx(other.best[f"galaxy.{name}"], abs=tolerance), name
    assert fit.best["galaxy.flux"] == pytest.approx(other.best["galaxy.flux"], rel=0.003)
    assert masked.mask[by_hand.mask].mean() > 0.85
    assert np.abs(fit.residual[(found.labels != 1) & masked.valid]).max() < 6.0


@pytest.mark.parametrize("place", [(0, 0), (5, 8), (11, 14)])
@pytest.mark.parametrize("blur", [0.0, 2.5])
def test_a_region_of_one_pixel_is_measured(place, blur):
    """It has no second moments, and its pixel no ring about it."""
    data = np.full((12, 15), 0.0)
    data[place] = 40.0
    region = data > 0
    source = measure_region(data, np.ones(data.shape), data, region, np.ones(data.shape, bool), blur, 0.0)
    assert (source.yc, source.xc) == place
    assert all(np.isfinite([source.flux, source.r_eff, source.ellip, source.theta, source.flux_error]))
    assert source.flux == pytest.approx(40.0, rel=0.5)
