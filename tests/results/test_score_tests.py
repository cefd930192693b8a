"""The verdict on what images share: score tests of parameters and of shifts, without another fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.parameters.joint import image_links
from sersiclab.results.joint.score_tests import score_tests


NAMES = ("g", "r", "i", "z")
SIZES = {"galaxy.r_eff.at_0.47": 3.5, "galaxy.r_eff.at_0.89": 2.8}


def blank(band: str, width: float) -> sl.Image:
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-0.5 * (x**2 + y**2) / width**2)
    return sl.Image(np.zeros((24, 24)), sigma=0.05, psf=psf / psf.sum(), band=band)


BLANKS = sl.Images({name: blank(name, 1.2 + 0.1 * i) for i, name in enumerate(NAMES)})
TRUTH = {
    "galaxy.xc": 12.2,
    "galaxy.yc": 11.3,
    "galaxy.n": 1.4,
    "galaxy.ellip": 0.3,
    "galaxy.theta": 0.7,
    **dict(zip((f"galaxy.flux.{name}" for name in NAMES), (40.0, 60.0, 70.0, 80.0), strict=True)),
}


def model_with(r_eff: sl.Parameter) -> sl.Model:
    galaxy = sl.Sersic(
        xc=sl.Normal(12.0, 1.0),
        yc=sl.Normal(11.0, 1.0),
        flux=sl.PerBand(sl.LogUniform(low=1.0, high=1e4, init=60.0)),
        r_eff=r_eff,
        n=sl.Uniform(low=0.5, high=8.0, init=1.5),
        ellip=sl.Uniform(low=0.0, high=0.9, init=0.3),
        theta=sl.Angle(init=0.6),
    )
    return sl.Model({"galaxy": galaxy}).for_images(BLANKS)


LENGTH = sl.LogUniform(low=0.5, high=20.0, init=3.0)
LINEAR, EACH = model_with(sl.Polynomial(LENGTH, degree=1)), model_with(sl.PerBand(LENGTH))


def fitted(model: sl.Model, truth: Mapping[str, float], *, by: sl.Model, seed: int = 0) -> Any:
    images = sl.simulate(by, BLANKS, {**TRUTH, **truth}, seed=seed)
    return sl.fit(model, images, sl.MAP(), progress=False)


@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_the_gain_is_exact_for_linear_parameters(offset: float) -> None:
    """Stars of one flux over one sky: free a number in one image, fit again, and compare."""
    prior, wide = sl.Normal(50.0, 20.0), sl.Normal(50.0, 1e5)
    star = {"xc": 12.0, "yc": 11.0}

    def stars(flux: sl.Parameter) -> sl.Model:
        sky = sl.FlatSky(sl.PerImage(sl.Normal(0.0, 0.1)))
        return sl.Model({"star": sl.PointSource(**star, flux=flux), "sky": sky}).for_images(BLANKS)

    fluxes = {f"star.flux.{name}": 50.0 + offset * (name == "r") for name in NAMES}
    images = sl.simulate(stars(sl.PerImage(prior)), BLANKS, fluxes, seed=1)
    before: Any = sl.fit(stars(prior), images, sl.MAP(), progress=False)
    links = image_links(before.model.owners, before.model.images)
    tests = score_tests(before.density(), links, before.images.wavelengths.values(), before.best)
    found = {(test.image, test.path): test for test in tests.alone}
    own = {"g": prior, "r": wide, "i": sl.Tied("star.flux.g"), "z": sl.Tied("star.flux.g")}
    after: Any = sl.fit(stars(sl.PerImage(own)), images, sl.MAP(), progress=False)

    def misfit(fit: Any) -> float:
        """Return chi2 with the terms of the priors but the one that is added."""
        levels = sum((fit.best[f"sky.level.{name}"] / 0.1) ** 2 for name in NAMES)
        flux = fit.best.get("star.flux.g", fit.best.get("star.flux"))
        return fit.chi2 + levels + ((flux - 50.0) / 20.0) ** 2

    test = found[1, "star.flux"]
    np.testing.assert_allclose(test.gain, misfit(before) - misfit(after), rtol=0.01, atol=0.01)
    np.testing.assert_allclose(
        test.step[0], after.best["star.flux.r"] - after.best["star.flux.g"], rtol=0.01, atol=0.01
    )


def test_correct_models_raise_no_alarm() -> None:
    for seed in range(8):
        verdict = fitted(LINEAR, SIZES, by=LINEAR, seed=seed).verdict
        assert verdict.level == "ok", verdict


def test_a_size_that_is_not_linear_is_named_with_its_band() -> None:
    sizes = dict(zip((f"galaxy.r_eff.{name}" for name in NAMES), (3.6, 3.2, 2.4, 2.9), strict=True))
    fit = fitted(LINEAR, sizes, by=EACH)
    assert fit.reduced_chi2 < 1.05
    assert fit.verdict.level == "caution"
    assert fit.verdict.reasons[0].startswith(
        "galaxy.r_eff, as a smooth function of wavelength, contradicts image i: chi2 would fall by"
    )


def test_a_curve_that_is_too_simple_is_named_though_no_image_alone_contradicts_it() -> None:
    sizes = dict(zip((f"galaxy.r_eff.{name}" for name in NAMES), (3.35, 3.1, 2.92, 2.88), strict=True))
    fit = fitted(LINEAR, sizes, by=EACH, seed=1)
    assert fit.verdict.level == "caution"
    assert fit.verdict.reasons[0].startswith(
        "galaxy.r_eff, as a smooth function of wavelength, is probably too simple, most of all in image z: chi2 would "
        "fall by 20 with one degree more; use a higher degree"
    )
    parabola: Any = sl.fit(model_with(sl.Polynomial(LENGTH, degree=2)), fit.images, sl.MAP(), progress=False)
    assert parabola.verdict.level == "ok"
    np.testing.assert_allclose(fit.chi2 - parabola.chi2, 20, atol=1.0)


def test_a_shared_shape_that_differs_is_named_with_its_band() -> None:
    images, rounder = (
        sl.simulate(LINEAR, BLANKS, {**TRUTH, **SIZES, "galaxy.ellip": ellip}, seed=2) for ellip in (0.3, 0.1)
    )
    verdict = sl.fit(LINEAR, images.with_image("z", rounder["z"]), sl.MAP(), progress=False).verdict
    assert "galaxy.ellip, with the value that images share, contradicts image z" in verdict.reasons[0]


def test_a_misregistered_image_is_named_and_cured_by_its_shift() -> None:
    shifted = LINEAR.with_shift("i", prior=sl.Normal(0.0, 1.0))
    shift = {"images.dx.i": 0.4, "images.dy.i": 0.0}
    wrong = fitted(LINEAR, {**SIZES, **shift}, by=shifted)
    assert wrong.verdict.level == "caution"
    assert wrong.verdict.reasons[0].startswith("Image i is shifted against g by 0.4")
    assert "model.with_shift('i'" in wrong.verdict.reasons[0]
    cured = sl.fit(shifted, wrong.images, sl.Laplace(), progress=False)
    assert cured.verdict.level == "ok", cured.verdict
    table = cured.summary()
    for path, value in {**TRUTH, **SIZES, **shift}.items():
        assert abs(table.loc[path, "mean"] - value) < 4.0 * table.loc[path, "sd"], path


def test_a_bent_map_is_named() -> None:
    from astropy.wcs import WCS, Sip

    def with_wcs(image: sl.Image, *, bent: bool) -> sl.Image:
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"] if bent else ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, 2.0], [13.0, 12.0], [-1e-4, 1e-4]
        if bent:
            coefficients = np.zeros((3, 3))
            coefficients[2, 0] = 3e-3
            wcs.sip = Sip(coefficients, np.zeros((3, 3)), None, None, wcs.wcs.crpix)
        return sl.Image(image.data, sigma=image.sigma, psf=image.psf, band=image.band, wcs=wcs)

    images = sl.Images({name: with_wcs(image, bent=name == "i") for name, image in BLANKS.items()})
    fit = sl.fit(LINEAR, sl.simulate(LINEAR, images, {**TRUTH, **SIZES}, seed=3), sl.MAP(), progress=False)
    reasons = [reason for reason in fit.verdict.reasons if "bends" in reason]
    assert len(reasons) == 1
    assert reasons[0].startswith("Image i: its map from g bends by 0.")
