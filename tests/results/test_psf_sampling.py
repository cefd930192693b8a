"""The verdict on the PSF's samples, against images that GalSim draws from formulas."""

import re
import warnings

import galsim
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP
from sersiclab.model import Model
from sersiclab.profiles import PointSource, Sersic
from sersiclab.results import Fit
from sersiclab.results.verdict.psf_sampling import psf_reasons


NY, NX = 33, 36
FLUX = 1000.0


EXACT = galsim.GSParams(maxk_threshold=1e-6, folding_threshold=1e-4, maximum_fft_size=16384)


def optics(kind, fwhm):
    made = galsim.Gaussian(fwhm=fwhm) if kind == "gaussian" else galsim.Moffat(beta=3.0, fwhm=fwhm)
    return made.withGSParams(EXACT)


def fit_of(source, psf, sigma, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image(np.zeros((NY, NX)), sigma=sigma, psf=psf, **options)
    return Fit(model=Model({"galaxy": source}), image=image, method=MAP(), seed=0, draws={}, best={})


def reasons(fit):
    return [text for _, text in psf_reasons(fit)]


def sampled(profile, side, fine=1):
    psf = profile.drawImage(nx=side, ny=side, scale=1.0 / fine, method="no_pixel", dtype=float).array
    return psf / psf.sum()


SOURCES = {
    "galaxy": (Sersic(18.2, 15.7, FLUX, r_eff=4.0, n=1.0, ellip=0.3, theta=0.6), 1.0),
    "small galaxy": (Sersic(18.2, 15.7, FLUX, r_eff=1.5, n=2.0, ellip=0.2, theta=0.6), 2.0),
    "star": (PointSource(18.4, 15.7, FLUX), None),
}


def truth(name, profile):
    source, n = SOURCES[name]
    shape = galsim.DeltaFunction(flux=FLUX)
    if n is not None:
        q = 1.0 - source.ellip
        shape = galsim.Sersic(n=n, half_light_radius=source.r_eff * np.sqrt(q), flux=FLUX)
        shape = shape.shear(q=q, beta=(source.theta + np.pi / 2) * galsim.radians)
    offset = (source.xc - (NX - 1) / 2, source.yc - (NY - 1) / 2)
    seen = galsim.Convolve(shape, profile)
    return seen.drawImage(nx=NX, ny=NY, scale=1.0, method="no_pixel", offset=offset, dtype=float).array


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("kind", "fwhm"), [("gaussian", 1.8), ("gaussian", 1.0), ("moffat", 1.3)])
def test_the_size_of_the_error_is_that_of_galsims_image(name, kind, fwhm):
    profile = optics(kind, fwhm)
    exact = truth(name, profile)
    fit = fit_of(SOURCES[name][0], sampled(profile, 31), sigma=1e-4 * exact.max())
    error = np.abs(fit.model_image - exact).max()
    (text,) = reasons(fit)
    assert f"FWHM is {fwhm:.2g} pixels, sampled once per pixel" in text
    found = float(re.search(r"([\d.e+-]+) sigma", text)[1])
    assert found == pytest.approx(error / (1e-4 * exact.max()), rel=0.25)
    part = float(re.search(r"by about ([\d.e+-]+) of its peak", text)[1])
    assert part == pytest.approx(error / exact.max(), rel=0.6)  # one digit


@pytest.mark.parametrize("name", SOURCES)
def test_fine_samples_have_no_such_error(name):
    profile = optics("gaussian", 1.3)
    exact = truth(name, profile)
    fit = fit_of(SOURCES[name][0], sampled(profile, 95, 5), 1e-3 * exact.max(), psf_oversampling=5)
    assert np.abs(fit.model_image - exact).max() < 2e-4 * exact.max()
    assert not reasons(fit)


def test_faint_sources_do_not_suffer():
    source = SOURCES["galaxy"][0]
    assert not reasons(fit_of(source, sampled(optics("gaussian", 1.3), 31), sigma=30.0))


@pytest.mark.parametrize("fwhm", [3.0, 4.0])
def test_usual_psfs_are_fine(fwhm):
    exact = truth("star", optics("gaussian", fwhm))
    assert not reasons(fit_of(SOURCES["star"][0], sampled(optics("gaussian", fwhm), 31), 1e-3 * exact.max()))


def test_an_optical_psf_that_is_said_to_hold_the_pixel():
    psf = sampled(galsim.Gaussian(fwhm=0.4), 71, 7)
    (text,) = reasons(fit_of(SOURCES["galaxy"][0], psf, 1.0, psf_oversampling=7))
    assert "psf_includes_pixel=False" in text
    assert not reasons(fit_of(SOURCES["galaxy"][0], psf, 1.0, psf_oversampling=7, psf_includes_pixel=False))


def test_it_is_in_the_verdict():
    fit = fit_of(SOURCES["galaxy"][0], sampled(optics("gaussian", 1.0), 31), sigma=0.1)
    (text,) = reasons(fit)
    assert text in fit.verdict.reasons
    assert fit.verdict.level != "ok"
