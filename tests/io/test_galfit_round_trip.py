"""What `write_galfit` writes, `read_galfit` reads as the same."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.io.tables import GALFIT, GALFIT_MODIFIERS
from sersiclab.parameters import parameter_info, parameters
from sersiclab.profiles import AbstractModifier, Bent, Boxy, FourierModes
from sersiclab.profiles.base import LIGHT, usual_parameters


PRINTED = 1e-7  # ten digits, of magnitudes too
# A mode of zero is left out, for GALFIT takes it for 0.01; a sky without a slope is flat.
NEVER_ZERO = ("a1", "a3", "a4", "a5", "a6", "slope_x")


def there_and_back(model, image, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        sl.io.write_galfit(model, image, folder / "galaxy.feedme", overwrite=True)
        return sl.io.read_galfit(folder / "galaxy.feedme")


def assert_same(found, model):
    """The same numbers, and the same toggles and ties."""
    before, after = parameters(model.owners), parameters(found.owners)
    assert list(found.components) == list(model.components)
    assert set(found.free) == set(model.free)
    assert set(after) == set(before)
    numbers = parameters(model.at(model.initial).owners)
    for path, value in parameters(found.at(found.initial).owners).items():
        assert value == pytest.approx(float(numbers[path]), rel=PRINTED, abs=1e-9), path
    for path, value in before.items():
        if isinstance(value, sl.Tied):
            assert after[path].to == value.to
            assert after[path].scale == pytest.approx(value.scale, rel=PRINTED)
            assert after[path].offset == pytest.approx(value.offset, rel=PRINTED, abs=1e-8)
        elif isinstance(value, sl.Uniform | sl.LogUniform) and not path.endswith(".flux"):
            assert after[path].support() == pytest.approx(value.support(), rel=PRINTED, abs=1e-9)


def values_of(draw, cls):
    """A number for each parameter of a class, in its usual range, and which of them are free."""
    found = {}
    for name, info in (parameter_info(cls) if issubclass(cls, AbstractModifier) else usual_parameters(cls)).items():
        low, high = info.usual or (info.low, info.high)
        if name in LIGHT:
            low, high = 1e-3, 1e6
        elif info.unit == "pixel" and info.low == 0.0:
            # Far outside its Sérsic profile a core has no brightness that is a number.
            low, high = 0.1, 0.2 if cls is sl.CoreSersic and name == "r_b" else 50.0
        elif name.startswith("phi"):
            low, high = -3.1, 3.1
        else:
            low, high = max(low, -30.0), min(high, 30.0)
        value = min(max(round(draw(st.floats(low, high)), 4), low), high)
        if value == 0.0 and name in NEVER_ZERO:
            value = 0.05
        if draw(st.booleans()):
            found[name] = value
        elif name == "theta":
            found[name] = sl.Angle(init=value)
        elif name in LIGHT or (info.unit == "pixel" and info.low == 0.0):
            found[name] = sl.LogUniform(0.5 * value, 3.0 * value, init=value)
        elif math.isfinite(info.low):
            found[name] = sl.Uniform(max(value - 0.5, info.low), min(value + 0.3, info.high), init=value)
        else:
            found[name] = sl.Normal(value, 4.0, init=value)
    return found


@st.composite
def models(draw):
    """One component of any kind that GALFIT has, with or without modifiers."""
    function = draw(st.sampled_from([function for function in GALFIT if function.cls is not sl.Nuker]))
    values = values_of(draw, function.cls) | dict(function.constants)
    component = function.cls(**values)
    if "ellip" in values:
        for modifier in GALFIT_MODIFIERS:
            own = values_of(draw, modifier.cls) | ({"b1": 0.1} if modifier.cls is Bent else {})
            if draw(st.booleans()):
                component = modifier.cls(profile=component, **own)
    return sl.Model({draw(st.sampled_from(["galaxy", "bulge_2", "größe"])): component})


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(model=models())
def test_every_function(model, small, tmp_path):
    found, _ = there_and_back(model, small, tmp_path)
    assert_same(found, model)


NUCLEUS = {"xc": 18.0, "yc": 14.0, "r_b": 3.0, "alpha": 1.5, "gamma": 0.3, "ellip": 0.2, "theta": 0.4}


@pytest.mark.parametrize("beta", [0.1, 1.0, 1.5, 2.0, 3.2])
def test_a_nuker_profile_of_any_outer_slope_is_the_same(small, tmp_path, beta):
    """Its magnitude is the surface brightness at the break, so limits of it are kept whatever the shape."""
    priors = {"i_b": sl.LogUniform(0.5, 80.0, init=4.0), "beta": sl.Uniform(0.05, 4.0, init=beta)}
    model = sl.Model({"nucleus": sl.NukerBrightness(**NUCLEUS | priors), "sky": sl.FlatSky(level=0.0)})
    found, image = there_and_back(model, small, tmp_path)
    assert_same(found, model)
    np.testing.assert_allclose(sl.render(found, image), sl.render(model, small), rtol=1e-4, atol=1e-4)
    magnitude = float((tmp_path / "galaxy.feedme").read_text().split("\n 3) ")[1].split()[0])
    assert magnitude == pytest.approx(25.0 - 2.5 * math.log10(4.0 / 0.2**2), abs=1e-6)


def test_a_nuker_profile_by_its_flux_is_read_by_its_brightness(small, tmp_path):
    model = sl.Model({"nucleus": sl.Nuker(**NUCLEUS | {"flux": 300.0, "beta": 3.2}), "sky": sl.FlatSky(level=0.0)})
    found, image = there_and_back(model, small, tmp_path)
    assert isinstance(found.components["nucleus"], sl.NukerBrightness)
    assert float(found.components["nucleus"].flux) == pytest.approx(300.0, rel=1e-5)
    np.testing.assert_allclose(sl.render(found, image), sl.render(model, small), rtol=1e-4, atol=1e-4)


def pair():
    bulge = sl.Sersic(
        xc=sl.Normal(20.0, 4.0),
        yc=sl.Uniform(10.0, 20.0),
        flux=sl.LogUniform(10.0, 1e4),
        r_eff=sl.LogUniform(1.0, 10.0, init=3.0),
        n=sl.Uniform(0.5, 6.0, init=2.5),
        ellip=0.3,
        theta=sl.Angle(init=0.3),
    )
    disk = sl.Exponential(
        xc=sl.Tied("bulge.xc"),
        yc=sl.Tied("bulge.yc", offset=1.5),
        flux=sl.Tied("bulge.flux", scale=2.0),
        r_eff=sl.Tied("bulge.r_eff", scale=3.0),
        ellip=sl.Tied("bulge.ellip"),
        theta=sl.Tied("bulge.theta", offset=math.pi / 2),
    )
    return sl.Model({"bulge": bulge, "disk": disk, "sky": sl.FlatSky(level=sl.Normal(0.0, 15.0))})


def test_ties_and_ranges(small, tmp_path):
    model = pair()
    found, _ = there_and_back(model, small, tmp_path)
    assert_same(found, model)
    assert found.components["bulge"].flux.support() == pytest.approx((10.0, 1e4), rel=PRINTED)
    again, _ = there_and_back(found, small, tmp_path)
    assert_same(again, found)


def test_a_range_of_brightness_is_the_same_the_second_time(small, tmp_path):
    source = sl.King(
        xc=3.0, yc=4.0, flux=sl.LogUniform(1.0, 100.0, init=20.0), r_core=sl.LogUniform(1.0, 4.0), r_tidal=30.0,
        alpha=2.0, ellip=0.2, theta=1.0,
    )  # fmt: skip
    first, _ = there_and_back(sl.Model({"cluster": source}), small, tmp_path)
    second, _ = there_and_back(first, small, tmp_path)
    low, high = first.components["cluster"].flux.support()
    assert low <= 1.0 + PRINTED
    assert high >= 100.0 - 100.0 * PRINTED
    assert second.components["cluster"].flux.support() == pytest.approx((low, high), rel=1e-5)


def test_pictures_are_the_same(small, tmp_path):
    galaxy = sl.Sersic(xc=18.3, yc=14.1, flux=900.0, r_eff=3.0, n=1.7, ellip=0.4, theta=0.6)
    shaped = Bent(profile=FourierModes(profile=Boxy(profile=galaxy, c0=0.3), a1=0.1, phi1=0.5, a4=0.05), b2=0.4)
    model = sl.Model({"galaxy": shaped, "sky": sl.TiltedSky(level=2.0, slope_x=0.1, slope_y=-0.05)})
    found, image = there_and_back(model, small, tmp_path)
    np.testing.assert_allclose(sl.render(found, image), sl.render(model, small), rtol=1e-4, atol=1e-4)


def test_the_image_is_the_same(small, tmp_path):
    _, image = there_and_back(pair(), small, tmp_path)
    for plane in ("data", "sigma", "mask", "psf"):
        np.testing.assert_allclose(getattr(image, plane), getattr(small, plane), rtol=1e-12)
    for field in ("zeropoint", "pixel_scale", "band", "psf_includes_pixel", "psf_oversampling", "gain", "unit"):
        assert getattr(image, field) == getattr(small, field)


def test_anything_that_galfit_lacks_is_reported(small, tmp_path):
    model = pair().replace({"bulge.n": sl.TruncatedNormal(4.0, 1.0, low=0.5, high=8.0), "disk.r_eff": 4.0})
    model = model.replace({"disk.ellip": sl.Tied("bulge.ellip", scale=0.5, offset=0.1)})
    model = sl.Model(model.components, noise=sl.StudentTNoise())
    image = sl.Image(small.data, sigma=small.sigma, psf=small.psf)
    with pytest.warns(UserWarning, match=r"^GALFIT cannot express all of this model or image:") as caught:
        sl.io.write_galfit(model, image, tmp_path / "a.feedme")
    told = str(caught[0].message)
    for part in (
        "image.zeropoint: there is none",
        "image.pixel_scale: there is none",
        "image.psf includes the pixel response",
        "bulge.n: TruncatedNormal becomes",
        "noise: StudentTNoise",
        "disk.ellip: GALFIT can't express its tie to bulge.ellip",
    ):
        assert part in told
    assert "bulge.yc" not in told


def test_the_assumption_about_the_psf_is_reported_where_it_matters(small, tmp_path):
    star = sl.Model({"star": sl.PointSource(xc=9.0, yc=9.0, flux=5.0)})
    both = sl.Model({**star.components, "galaxy": galaxy()})
    seen = sl.Image(small.data, sigma=1.0, psf=small.psf, zeropoint=25.0, pixel_scale=0.2)
    sl.io.write_galfit(star, seen, tmp_path / "a.feedme")  # no warning
    _, image = sl.io.read_galfit(tmp_path / "a.feedme")
    assert image.psf_includes_pixel
    with pytest.warns(UserWarning, match="image.psf includes the pixel response; GALFIT assumes that it does not"):
        sl.io.write_galfit(both, seen, tmp_path / "a.feedme", overwrite=True)
    with pytest.warns(UserWarning, match="image.psf lacks the pixel response; GALFIT still draws a psf as its image"):
        sl.io.write_galfit(both, small, tmp_path / "a.feedme", overwrite=True)


def galaxy(**changes):
    return sl.Sersic(
        **{"xc": 9.0, "yc": 9.0, "flux": 5.0, "r_eff": 2.0, "n": 1.0, "ellip": 0.1, "theta": 0.0, **changes}
    )


LACKING = {
    "spergel": (
        sl.Spergel(xc=1.0, yc=1.0, flux=1.0, r_eff=2.0, nu=0.5, ellip=0.1, theta=0.0),
        r"^GALFIT has no function for galaxy, a Spergel$",
    ),
    "vertical shape": (
        sl.EdgeOnDisk(xc=1.0, yc=1.0, flux=1.0, h_r=2.0, h_z=0.5, n=2.0, theta=0.0),
        r"^GALFIT's edgedisk has n = 1, got galaxy.n = 2$",
    ),
    "negative flux": (galaxy(flux=-1.0), r"^GALFIT uses magnitudes: galaxy.flux must be positive, got -1$"),
}


@pytest.mark.parametrize("name", LACKING)
def test_what_galfit_lacks_is_refused(small, tmp_path, name):
    component, message = LACKING[name]
    with pytest.raises(ValueError, match=message):
        sl.io.write_galfit(sl.Model({"galaxy": component}), small, tmp_path / "a.feedme")
    assert not (tmp_path / "a.feedme").exists()
