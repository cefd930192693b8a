"""imfit's files as models and images, and back."""

import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.io.imfit_text import parse_configuration
from sersiclab.io.tables import IMFIT
from sersiclab.io.text import Lines
from sersiclab.parameters import parameters
from sersiclab.profiles.base import usual_parameters

from .damage import damaged


TEXT = """GAIN 4.7
READNOISE 4.3
ORIGINAL_SKY 130.1
X0 33.5  20,40
Y0 21.0 fixed
FUNCTION Sersic # LABEL bulge
PA 18 0,90
ell 0.2 0,0.9
n 1.5
I_e 15
r_e 25 fixed
FUNCTION Exponential
PA 18 0,180
ell 0.2 fixed
I_0 100 10,500
h 25 fixed
"""


def read(tmp_path, text, *arguments, **options):
    (tmp_path / "a.dat").write_bytes(text.encode())
    return sl.io.read_imfit(tmp_path / "a.dat", *arguments, **options)


def test_values_limits_and_a_shared_centre(tmp_path, small):
    model, image = read(tmp_path, TEXT, small.data)
    bulge, disk = model.components["bulge"], model.components["exponential_2"]
    assert bulge.xc == sl.Uniform(19.0, 39.0, init=32.5)
    assert (bulge.yc, bulge.r_eff) == (20.0, 25.0)
    assert (disk.xc, disk.yc) == (sl.Tied("bulge.xc"), sl.Tied("bulge.yc"))
    assert (bulge.theta.low, bulge.theta.high) == pytest.approx((0.0, math.pi / 2))
    assert disk.theta == sl.Angle(init=math.radians(18))
    assert bulge.n == sl.LogUniform(0.5, 8.0, init=1.5)
    # The flux of an exponential disk is 2 pi h² q I_0.
    unit = 2 * math.pi * 25.0**2 * 0.8
    assert (disk.flux.low, disk.flux.high, disk.flux.init) == pytest.approx(
        (10 * unit, 500 * unit, 100 * unit), rel=1e-5
    )
    np.testing.assert_allclose(image.sigma**2, (small.data + 130.1) / 4.7 + (4.3 / 4.7) ** 2, rtol=1e-6)


def test_limits_of_a_brightness_hold_for_any_shape(tmp_path):
    text = "X0 1\nY0 1\nFUNCTION Gaussian\nPA 0 fixed\nell 0 fixed\nI_0 105 20,150\nsigma 1.5 0.5,2.5\n"
    with pytest.warns(UserWarning, match="line 6: the limits 20, 150 of the brightness I_0 become limits of the flux"):
        model, image = read(tmp_path, text)
    assert image is None
    expected = 2 * math.pi * 20 * 0.25, 2 * math.pi * 150 * 6.25
    assert model.components["gaussian_1"].flux.support() == pytest.approx(expected, rel=1e-5)


# what -> (old text, new text, message)
MISTAKES = {
    "no value": ("PA 18 0,90", "PA", r"a.dat, line 7: PA must have a number, got ''$"),
    "bad number": ("n 1.5", "n x", r"a.dat, line 9: n must have a number, got 'x'$"),
    "order": ("20,40", "40,20", r"a.dat, line 4: the lower limit of X0 must lie below the upper one, got '40,20'$"),
    "equal": ("0,90", "18,18", r"a.dat, line 7: the lower limit of PA must lie below"),
    "outside": ("0,90", "45,90", r"a.dat, line 7: PA = 18 lies outside its limits '45,90'$"),
    "one limit": ("0,90", "0", r"a.dat, line 7: only 'fixed' or 'low,high' can follow the value of PA, got '0'$"),
    "no y0": ("Y0 21.0 fixed\n", "", r"a.dat, line 5: X0 of line 4 has no Y0$"),
    "no x0": ("X0 33.5  20,40\n", "", r"a.dat, line 4: Y0 must come after X0$"),
    "missing line": ("n 1.5\n", "", r"a.dat, line 6: Sersic lacks n$"),
    "gain": ("GAIN 4.7", "GAIN", r"a.dat, line 1: GAIN must be a number, got ''$"),
    "twice": ("n 1.5", "n 1.5\nn 2", r"a.dat, line 10: n is given twice$"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_reported_with_their_line(tmp_path, name, end):
    old, new, message = MISTAKES[name]
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        read(tmp_path, TEXT.replace(old, new, 1).replace("\n", end).replace(" ", "\t"))


@settings(deadline=None, max_examples=200)
@given(text=damaged(TEXT))
def test_a_damaged_file_is_read_or_told_with_its_line(text):
    try:
        assert parse_configuration(Lines.of(text, "a.dat")).blocks
    except ValueError as error:
        assert re.match(r"a.dat(, line \d+|): ", str(error)), str(error)  # noqa: PT017


def test_a_size_beyond_all_numbers_is_reported(tmp_path):
    with pytest.raises(ValueError, match=r"line 11: r_e = 1e\+30: r_eff must be at most 1e\+06 pixels"):
        read(tmp_path, TEXT.replace("r_e 25 fixed", "r_e 1e30 fixed"))


def test_a_star_is_the_image_of_the_psf(tmp_path, small):
    star = "X0 20\nY0 12\nFUNCTION PointSource\nI_tot 100\n"
    _, image = read(tmp_path, star, small.data, sigma=small.sigma, psf=small.psf)
    assert image.psf_includes_pixel
    with pytest.warns(UserWarning, match="imfit draws a pointsource as the PSF's image"):
        _, image = read(tmp_path, TEXT + star, small.data, sigma=small.sigma, psf=small.psf)
    assert not image.psf_includes_pixel


def test_absent_files(tmp_path):
    with pytest.warns(
        UserWarning, match=r"the image is missing \(there is no file '.*gal.fits'\): only the model is read"
    ):
        model, image = read(tmp_path, "# imfit gal.fits -c a.dat\n" + TEXT)
    assert image is None
    assert list(model.components) == ["bulge", "exponential_2"]
    with pytest.raises(FileNotFoundError, match=r"^there is no file"):
        sl.io.read_imfit(tmp_path / "none.dat")
    with pytest.raises(FileNotFoundError, match=r"none.fits"):
        read(tmp_path, TEXT, tmp_path / "none.fits")


BEST = """# Best-fit model results for imfit 1.9.0
# Generated on Thu Nov 12 12:00:00 2026 by
#    imfit gal.fits -c other.dat --noise noise.fits
X0  33.9439 # +/- 0.0128
Y0  20.0943 # +/- 0.0160
FUNCTION PointSource
I_tot  101.9 # +/- 0.7
"""


def test_best_fits_name_their_image(tmp_path, small):
    from astropy.io import fits

    fits.writeto(tmp_path / "gal.fits", small.data)
    fits.writeto(tmp_path / "noise.fits", small.sigma)
    model, image = read(tmp_path, BEST)
    np.testing.assert_array_equal(image.sigma, small.sigma)
    assert model.initial == pytest.approx(
        {"pointsource_1.xc": 32.9439, "pointsource_1.yc": 19.0943, "pointsource_1.flux": 101.9}
    )


def there_and_back(model, image, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        sl.io.write_imfit(model, image, folder / "galaxy.dat", overwrite=True)
        return sl.io.read_imfit(folder / "galaxy.dat", zeropoint=image.zeropoint, pixel_scale=image.pixel_scale)


@st.composite
def models(draw):
    """One component of any kind that imfit has; every other parameter is free between limits, by chance."""
    function = draw(st.sampled_from([function for function in IMFIT if function.cls is not sl.Nuker]))
    values = {}
    for name, info in usual_parameters(function.cls).items():
        low, high = info.usual or (info.low, info.high)
        low, high = (0.1, 50.0) if info.unit == "pixel" and info.low == 0.0 else (max(low, -30.0), min(high, 30.0))
        # Far outside its Sérsic profile a core has no brightness that is a number.
        high = 0.2 if function.cls is sl.CoreSersic and name == "r_b" else high
        value = min(max(round(draw(st.floats(low, high)), 4), max(low, 1e-3) if info.open_low else low), high)
        free = draw(st.booleans())
        value = abs(value) + 0.5 if name == "flux" else value
        ends = (max(value - 0.2, info.low), min(value + 0.3, info.high))
        values[name] = value if not free else sl.Angle(init=value) if name == "theta" else sl.Uniform(*ends, init=value)
        if free and name == "flux":
            values[name] = sl.LogUniform(value / 1000, value * 1000, init=value)
    component = function.cls(**values)
    for modifier in function.modifiers:
        component = modifier.cls(profile=component, c0=draw(st.floats(-0.9, 3.9)))
    return sl.Model({"galaxy": component})


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(model=models())
def test_every_function_there_and_back(model, small, tmp_path):
    found, _ = there_and_back(model, small, tmp_path)
    assert set(found.free) == set(model.free)
    numbers = parameters(model.at(model.initial).owners)
    for path, value in parameters(found.at(found.initial).owners).items():
        assert value == pytest.approx(float(numbers[path]), rel=1e-7, abs=1e-8), path
    for path, prior in model.free.items():
        if isinstance(prior, sl.Uniform):
            assert found.free[path].support() == pytest.approx(prior.support(), rel=1e-7, abs=1e-8), path


def test_shared_centres_and_planes(tmp_path, small):
    model, _ = read(tmp_path, TEXT + "FUNCTION TiltedSkyPlane\nI_0 3\nm_x 0.1\nm_y 0.2 fixed\n", small.data)
    assert model.initial["sky.level"] == pytest.approx(3 + 0.1 * (19.5 - 32.5) + 0.2 * (14.5 - 20.0))
    found, image = there_and_back(model, small, tmp_path)
    assert found.components["exponential_2"].xc == sl.Tied("bulge.xc")
    assert set(found.free) == set(model.free)
    assert found.initial == pytest.approx(model.initial, rel=1e-7)
    for plane in ("data", "sigma", "mask", "psf"):
        np.testing.assert_allclose(getattr(image, plane), getattr(small, plane), rtol=1e-12)
    assert not image.psf_includes_pixel


def test_what_imfit_lacks(tmp_path, small):
    spergel = sl.Spergel(xc=1.0, yc=1.0, flux=1.0, r_eff=2.0, nu=0.5, ellip=0.1, theta=0.0)
    with pytest.raises(ValueError, match=r"^imfit has no function for galaxy, a Spergel$"):
        sl.io.write_imfit(sl.Model({"galaxy": spergel}), small, tmp_path / "a.dat")
    star = sl.PointSource(xc=1.0, yc=sl.Tied("a.xc"), flux=sl.LogNormal(2.0, 1.0))
    with pytest.warns(
        UserWarning, match=r"^imfit cannot express all of this model or image:\n  a.flux: LogNormal.*\n  a.yc: imfit"
    ):
        sl.io.write_imfit(sl.Model({"a": star}), small, tmp_path / "a.dat")


# file below configs -> components
REAL = {
    "imfit/config_imfit_2gauss_small.dat": ["gaussian_1", "gaussian_2", "sky"],
    "imfit/config_imfit_pointsource.dat": ["pointsource_1"],
    "imfit/config_imfit_poisson.dat": ["exponential_1", "sky"],
    "imfit/ex_config_sersic_ic3478_256.dat": ["sersic_1"],
    "imfit/ex_config_sersic+exponential_ic3478_256.dat": ["sersic_1", "exponential_2"],
    "imfit/config_makeimage-optional_params1.dat": ["sersic_genellipse_1"],
}
REFUSED = {
    "imfit/config_imfit_gauss-extra-params.dat": r"line 3: the function 'GaussianExtraParams' has no counterpart",
    "imfit/py_config_imfit_multiset.dat": r"line 14: X0 = 10 lies outside its limits '35,45'",
    "imfit_bad/config_imfit_badparamline.dat": r"line 12: PA must have a number, got ''",
    "imfit_bad/config_imfit_sersictest512_badlimits1.dat": r"line 7: the lower limit of Y0 must lie below",
    "imfit_bad/config_imfit_sersictest512_badlimits2.dat": r"line 9: PA = 30 lies outside its limits '45.0,100.0'",
    "imfit_bad/config_imfit_sersictest512_badlimits3.dat": r"line 9: the lower limit of PA must lie below",
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model, image = sl.io.read_imfit(shared_data / "configs" / name)
    assert list(model.components) == REAL[name]
    assert image is None


@pytest.mark.parametrize("name", REFUSED)
def test_real_files_that_are_refused(shared_data, name):
    with pytest.raises(ValueError, match=REFUSED[name]):
        sl.io.read_imfit(shared_data / "configs" / name)


def test_every_real_file_is_in_the_tables(shared_data):
    folder = shared_data / "configs"
    files = {str(path.relative_to(folder)) for sub in ("imfit", "imfit_bad") for path in (folder / sub).iterdir()}
    assert files == REAL.keys() | REFUSED.keys()
