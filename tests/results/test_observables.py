"""Magnitudes, arcsec, sky coordinates and position angles, against astropy's own geometry."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.modeling.models import Sersic2D
from astropy.wcs import WCS

from sersiclab.profiles import EdgeOnDisk, Nuker
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


SHAPES = {"galaxy.axis_ratio", "galaxy.r_circ", "galaxy.fraction", "core.fraction"}


def test_an_image_that_knows_nothing_gives_shapes_and_fractions(make_fit):
    fit = make_fit()
    found, draws = fit.observables, fit.draws
    assert set(found) == SHAPES
    np.testing.assert_allclose(found["galaxy.axis_ratio"].draws, 1 - draws["galaxy.ellip"])
    semi_minor = draws["galaxy.r_eff"] * (1 - draws["galaxy.ellip"])
    np.testing.assert_allclose(found["galaxy.r_circ"].draws ** 2, draws["galaxy.r_eff"] * semi_minor)
    total = draws["galaxy.flux"] + draws["core.flux"]
    np.testing.assert_allclose(found["core.fraction"].draws, draws["core.flux"] / total)
    assert [found[f"galaxy.{name}"].unit for name in ("axis_ratio", "r_circ", "fraction")] == ["", "pixel", ""]


def test_a_single_source_has_no_fraction(make_fit):
    fit = make_fit()
    model = fit.model.without("core")
    draws = {path: fit.draws[path] for path in model.free}
    assert set(make_fit(model=model, draws=draws, best={path: fit.best[path] for path in draws}).observables) == {
        "galaxy.axis_ratio",
        "galaxy.r_circ",
    }


def test_surface_brightness_against_astropys_profile(make_fit):
    """Of a Sérsic galaxy, at the best values: the mean by the integral over the ellipse that holds half the light."""
    fit = seen(make_fit, zeropoint=25.0, pixel_scale=0.3)
    best = {name: fit.best[f"galaxy.{name}"] for name in ("flux", "r_eff", "n", "ellip", "theta")}
    unit = Sersic2D(amplitude=1.0, r_eff=best["r_eff"], n=best["n"], ellip=best["ellip"])
    radii = np.linspace(0, 1, 20001)[1:] * best["r_eff"]
    rings = 2 * np.pi * radii * (1 - best["ellip"]) * unit(radii, 0.0)
    half = np.trapezoid(rings, radii) if hasattr(np, "trapezoid") else np.trapz(rings, radii)  # noqa: NPY201
    amplitude = 0.5 * best["flux"] / half
    mean = 0.5 * best["flux"] / (np.pi * best["r_eff"] ** 2 * (1 - best["ellip"]))
    expected = {"mean_sb": mean, "central_sb": amplitude * unit(0.0, 0.0)}
    for name, brightness in expected.items():
        found = fit.observables[f"galaxy.{name}"]
        assert found.best == pytest.approx(25.0 - 2.5 * np.log10(brightness / 0.3**2), abs=2e-3)
        assert found.draws.shape == fit.draws["galaxy.n"].shape
        assert found.draws.mean() == pytest.approx(found.best, abs=0.05)


def test_a_cusp_has_no_central_surface_brightness(make_fit):
    fit = seen(make_fit, zeropoint=25.0, pixel_scale=0.3)
    cusp = Nuker(xc=20.0, yc=14.0, flux=100.0, r_b=3.0, alpha=1.0, beta=4.0, gamma=0.5, ellip=0.1, theta=0.2)
    found = observe(fit.model.with_component("galaxy", cusp), fit.image, fit.best)
    assert np.isnan(found["galaxy.central_sb"])
    assert "galaxy.mean_sb" not in found


def test_magnitudes_and_arcsec_of_every_draw(make_fit):
    fit = seen(make_fit, zeropoint=25.0, pixel_scale=0.3)
    known = {"galaxy.mag", "core.mag", "galaxy.r_eff_arcsec", "galaxy.r_circ_arcsec"}
    assert set(fit.observables) == SHAPES | known | {"galaxy.mean_sb", "galaxy.central_sb"}
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


def test_lengths_are_in_arcsec_by_the_wcs_alone(make_fit):
    fit = seen(make_fit, rotated(37.0, parity=1), zeropoint=25.0)
    given = seen(make_fit, rotated(37.0, parity=1), zeropoint=25.0, pixel_scale=0.25)
    assert fit.observables["galaxy.r_eff_arcsec"].best == pytest.approx(0.25 * fit.best["galaxy.r_eff"])
    assert fit.observables["galaxy.mean_sb"].best == pytest.approx(given.observables["galaxy.mean_sb"].best)


@pytest.mark.parametrize("wcs", [rotated(0.0), rotated(0.0).to_header()], ids=["WCS", "header"])
def test_a_pixel_scale_that_the_wcs_contradicts(make_fit, wcs):
    with pytest.warns(
        UserWarning, match=r"pixel_scale is 0\.5 arcsec, that of wcs 0\.25: the first is used for lengths"
    ):
        assert seen(make_fit, wcs, pixel_scale=0.5).image.pixel_scale == 0.5
    assert seen(make_fit, wcs, pixel_scale=0.25).image.pixel_scale == 0.25


@pytest.mark.filterwarnings("ignore:wcs has no celestial axes")
@pytest.mark.parametrize("wcs", [WCS(naxis=1), WCS(naxis=2)], ids=["spectral", "empty"])
def test_what_is_no_place_on_the_sky_has_no_scale(make_fit, wcs):
    assert seen(make_fit, wcs).image.pixel_scale is None


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


@pytest.mark.parametrize("theta", [0.0, 0.7, np.pi / 2, 2.4])
@pytest.mark.parametrize("sides", [(0.2, 0.4), (0.3, 0.1)])
def test_pixels_that_are_not_square(make_fit, sides, theta):
    """Against the image of the ellipse on the sky, point by point, and against its second moments' axes."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval, wcs.wcs.crpix = (150.0, 40.0), (20.0, 15.0)
    wcs.wcs.cdelt = -sides[0] / 3600, sides[1] / 3600
    fit = seen(make_fit, wcs)
    values = {**fit.best, "galaxy.theta": theta, "galaxy.r_eff": 4.0, "galaxy.ellip": 0.35}
    found = observe(fit.model, fit.image, values)
    turn = np.linspace(0, 2 * np.pi, 20001)
    along, across = 4.0 * np.cos(turn), 4.0 * 0.65 * np.sin(turn)
    x = values["galaxy.xc"] - along * np.sin(theta) + across * np.cos(theta)
    y = values["galaxy.yc"] + along * np.cos(theta) + across * np.sin(theta)
    centre = wcs.pixel_to_world(values["galaxy.xc"], values["galaxy.yc"])
    distance, angle = (
        centre.separation(wcs.pixel_to_world(x, y)).arcsec,
        centre.position_angle(wcs.pixel_to_world(x, y)),
    )
    assert found["galaxy.r_eff_arcsec"] == pytest.approx(distance.max(), rel=1e-5)
    assert found["galaxy.axis_ratio"] == pytest.approx(distance.min() / distance.max(), rel=1e-5)
    expected = angle.deg[distance.argmax()]
    assert abs((found["galaxy.pa"] - expected + 90) % 180 - 90) < 0.1
    assert found["galaxy.r_circ_arcsec"] == pytest.approx(np.sqrt(distance.max() * distance.min()), rel=1e-5)
    drawn = observe(fit.model, fit.image, {**fit.draws})["galaxy.r_eff_arcsec"]
    assert drawn.shape == fit.draws["galaxy.r_eff"].shape


def test_an_edge_on_disk_in_pixels_that_are_not_square(make_fit):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval, wcs.wcs.crpix = (150.0, 40.0), (20.0, 15.0)
    wcs.wcs.cdelt = -0.2 / 3600, 0.4 / 3600
    fit = seen(make_fit, wcs)
    for theta, sides in ((0.0, (0.4, 0.2)), (np.pi / 2, (0.2, 0.4))):
        disk = EdgeOnDisk(xc=20.0, yc=14.0, flux=100.0, h_r=5.0, h_z=1.0, n=1.0, theta=theta)
        others = {path: value for path, value in fit.best.items() if not path.startswith("galaxy.")}
        found = observe(fit.model.with_component("galaxy", disk), fit.image, others)
        assert found["galaxy.h_r_arcsec"] == pytest.approx(5.0 * sides[0], rel=1e-6)
        assert found["galaxy.h_z_arcsec"] == pytest.approx(1.0 * sides[1], rel=1e-6)
