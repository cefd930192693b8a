"""Magnitudes, arcsec, sky coordinates and position angles, against astropy's own geometry."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from sersiclab.results.observables import observe


def rotated(angle, *, parity=-1, scale=0.25, ra=150.0, dec=40.0, frame="ICRS"):
    """A tangent plane, north `angle` degrees from +y, east to the left unless `parity` is 1."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.radesys = frame
    wcs.wcs.crval = ra, dec
    wcs.wcs.crpix = 20.0, 15.0
    wcs.wcs.cd = scale / 3600 * np.array([[parity * c, parity * s], [-s, c]])
    return wcs


def seen(make_fit, wcs=None, **known):
    """The fit's image with a place on the sky."""
    image = make_fit().image
    image = type(image)(image.data, sigma=image.sigma, mask=image.mask, psf=image.psf, wcs=wcs, **known)
    return make_fit(image=image)


def test_an_image_that_knows_nothing_gives_nothing(make_fit):
    assert make_fit().observables == {}


def test_magnitudes_and_arcsec_of_every_draw(make_fit):
    fit = seen(make_fit, zeropoint=25.0, pixel_scale=0.3)
    assert set(fit.observables) == {"galaxy.mag", "core.mag", "galaxy.r_eff_arcsec"}
    mag = fit.observables["galaxy.mag"]
    np.testing.assert_allclose(mag.draws, 25 - 2.5 * np.log10(fit.draws["galaxy.flux"]))
    assert mag.best == pytest.approx(25 - 2.5 * np.log10(3000))
    assert mag.sd == pytest.approx(1.0857 * 60 / 3000, rel=0.1)
    assert (mag.unit, fit.observables["galaxy.r_eff_arcsec"].unit) == ("mag", "arcsec")
    np.testing.assert_allclose(fit.observables["galaxy.r_eff_arcsec"].draws, 0.3 * fit.draws["galaxy.r_eff"])


def test_a_flux_below_zero_has_no_magnitude(make_fit):
    fit = seen(make_fit, zeropoint=25.0)
    values = {**fit.draws, "core.flux": fit.draws["core.flux"] - 100.0}
    mag = observe(fit.model, fit.image, values)["core.mag"]
    np.testing.assert_array_equal(np.isnan(mag), values["core.flux"] <= 0)


@pytest.mark.parametrize("parity", [-1, 1])
@pytest.mark.parametrize("angle", [0.0, 37.0, 200.0])
def test_position_angles_and_coordinates(make_fit, angle, parity):
    fit = seen(make_fit, rotated(angle, parity=parity))
    found = fit.observables
    wcs = fit.image.wcs
    x, y, theta = (fit.best[f"galaxy.{name}"] for name in ("xc", "yc", "theta"))
    centre = wcs.pixel_to_world(x, y)
    tip = wcs.pixel_to_world(x - np.sin(theta), y + np.cos(theta))
    expected = centre.position_angle(tip).deg % 180.0
    assert abs((found["galaxy.pa"].best - expected + 90) % 180 - 90) < 0.01
    assert SkyCoord(found["galaxy.ra"].best, found["galaxy.dec"].best, unit="deg").separation(centre).arcsec < 1e-6
    # The core is tied to the galaxy's centre; a point has no position angle.
    np.testing.assert_array_equal(found["core.ra"].draws, found["galaxy.ra"].draws)
    assert "core.pa" not in found
    assert found["galaxy.pa"].sd == pytest.approx(np.degrees(0.1), rel=0.1)
    assert np.ptp(found["galaxy.pa"].draws) < 90
    assert found["galaxy.dec"].sd * 3600 == pytest.approx(0.1 * 0.25, rel=0.1)


def test_right_ascension_has_no_seam(make_fit):
    fit = seen(make_fit, rotated(0.0, ra=360.0 - 0.0001, dec=0.0))
    ra = fit.observables["galaxy.ra"]
    assert np.ptp(ra.draws) < 0.001
    assert ra.sd * 3600 == pytest.approx(0.1 * 0.25, rel=0.1)
    assert 0 <= fit.to_table()["galaxy_ra"][0].value < 360


def test_other_frames_come_out_as_icrs(make_fit):
    wcs = rotated(0.0)
    wcs.wcs.ctype = "GLON-TAN", "GLAT-TAN"
    fit = seen(make_fit, wcs)
    there = SkyCoord(*wcs.all_pix2world(fit.best["galaxy.xc"], fit.best["galaxy.yc"], 0), unit="deg", frame="galactic")
    assert fit.observables["galaxy.ra"].best == pytest.approx(there.icrs.ra.deg, abs=1e-8)
    tip = wcs.pixel_to_world(22.3 - np.sin(3.1), 13.6 + np.cos(3.1))
    expected = there.icrs.position_angle(tip.icrs).deg % 180.0
    assert fit.observables["galaxy.pa"].best == pytest.approx(expected, abs=0.01)


def test_without_draws_the_sd_is_to_first_order(make_fit):
    known = {"zeropoint": 25.0, "pixel_scale": 0.25}
    drawn = seen(make_fit, rotated(20.0), **known)
    rng = np.random.default_rng(1)
    sd = {path: 0.01 for path in drawn.model.free}
    covariance = np.diag([value**2 for value in sd.values()])
    best = {**drawn.best, "galaxy.theta": 1.0}
    fit = make_fit(image=drawn.image, draws={}, stats={}, covariance=covariance, best=best)
    # The same by sampling the unconstrained space.
    values = {}
    for path, prior in fit.model.free.items():
        transform = prior.transform()
        u = np.asarray(transform.inv(best[path])) + 0.01 * rng.normal(size=4000)
        values[path] = np.asarray(transform(u), float)
    sampled = observe(fit.model, fit.image, values)
    for name, quantity in fit.observables.items():
        assert quantity.draws.size == 0
        assert quantity.sd == pytest.approx(np.std(sampled[name]), rel=0.1), name


def test_without_a_covariance_the_sd_is_unknown(map_fit, make_fit):
    fit = seen(make_fit, zeropoint=20.0)
    alone = make_fit(image=fit.image, draws={}, stats={})
    assert np.isnan(alone.observables["galaxy.mag"].sd)
    assert alone.observables["galaxy.mag"].best == pytest.approx((3000 * u.ct).to_value(u.mag(u.ct)) + 20)
