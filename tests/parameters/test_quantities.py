"""Astropy's quantities as parameters, and in priors and ties: converted, or refused with the parameter's name."""

import math
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.documents.spec import from_dict, to_dict
from sersiclab.model import Model
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Angle, Custom, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.profiles import FlatSky, Sersic, TiltedSky


def sersic(**changes: Any) -> Sersic:
    return Sersic(**{"xc": 10.0, "yc": 11.0, "flux": 5.0, "r_eff": 3.0, "n": 2.0, "ellip": 0.1, "theta": 0.5} | changes)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("xc", 7 * u.pix, 7.0),
        ("theta", 30 * u.deg, math.pi / 6),
        ("theta", 0.3 * u.rad, 0.3),
        ("n", 250 * u.percent, 2.5),
        ("flux", u.Quantity(6.0), 6.0),
        ("r_eff", np.float32(2.0) * u.pix, 2.0),
        ("r_eff", LogUniform(1 * u.pix, 20 * u.pix, init=3 * u.pix), LogUniform(1.0, 20.0, init=3.0)),
        ("r_eff", TruncatedNormal(4 * u.pix, 1, low=0.5 * u.pix), TruncatedNormal(4.0, 1.0, low=0.5)),
        ("theta", Normal(90 * u.deg, 18 * u.deg), Normal(math.pi / 2, math.pi / 10)),
        ("theta", Angle(init=45 * u.deg), Angle(init=math.pi / 4)),
        ("xc", Tied("other.xc", offset=2 * u.pix), Tied("other.xc", offset=2.0)),
    ],
)
def test_it_becomes_a_number_in_the_parameters_unit(name: str, given: Any, expected: Any) -> None:
    assert repr(getattr(sersic(**{name: given}), name)) == repr(expected)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("r_eff", 2 * u.arcsec, r"^Sersic.r_eff must be in pixels, got 2.0 arcsec; .*image.convert\(quantity\)"),
        ("r_eff", Normal(2 * u.arcsec, 1.0), r"^Sersic.r_eff: Normal.loc must be in pixels, got 2.0 arcsec"),
        ("r_eff", LogUniform(1.0, 2.0, init=1 * u.deg), r"^Sersic.r_eff: LogUniform.init must be in pixels"),
        ("r_eff", LogNormal(2 * u.pix, 1.0), r"^Sersic.r_eff: LogNormal.loc must be a number without a unit"),
        ("r_eff", [1, 2] * u.pix, r"^Sersic.r_eff must be in pixels, got 2 numbers"),
        ("flux", 18 * u.mag, r"^Sersic.flux must be a number in the unit of the image, got 18.0 mag; .*convert"),
        ("flux", 18 * u.ABmag, r"^Sersic.flux must be a number in the unit of the image, got 18.0 mag\(AB\)"),
        ("flux", LogUniform(1 * u.pix, 2 * u.pix), r"^Sersic.flux: LogUniform.low must be a number in the unit"),
        ("theta", 3 * u.pix, r"^Sersic.theta must be an angle, such as 30 deg, got 3.0 pix"),
        ("n", 3 * u.pix, r"^Sersic.n must be a number without a unit, got 3.0 pix"),
        ("xc", Tied("b.xc", offset=1 * u.arcsec), r"^Sersic.xc: Tied.offset must be in pixels, got 1.0 arcsec"),
        ("xc", Tied("b.xc", scale=2 * u.pix), r"^Sersic.xc: Tied.scale must be a number without a unit"),
    ],
)
def test_another_kind_is_refused_by_name(name: str, given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        sersic(**{name: given})


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("r_eff", -2 * u.pix, r"^Sersic.r_eff must lie in \(0, inf\), got -2"),
        ("r_eff", Uniform(3 * u.pix, 2 * u.pix), r"^Uniform needs low < high, got low=3, high=2"),
        ("theta", Normal(0.0, math.nan * u.deg), r"^Normal.scale must be finite"),
        ("ellip", 96 * u.percent, r"^Sersic.ellip must lie in \[0, 0.95\], got 0.96"),
    ],
)
def test_a_converted_number_is_checked_as_any_other(name: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sersic(**{name: given})


@pytest.mark.parametrize("quantity", [22 * u.mag / u.arcsec**2, 3 * u.m, 1 * u.Jy, 18 * u.ABmag, [1, 2] * u.pix])
def test_a_prior_refuses_what_no_parameter_can_be(quantity: Any) -> None:
    with pytest.raises(TypeError, match=r"^Normal.loc must be a number, in pixels or an angle, got .*image.convert"):
        Normal(quantity, 1.0)
    with pytest.raises(TypeError, match=r"^Angle.init must be a number"):
        Angle(init=quantity)


def test_a_sky_is_refused_by_name_too() -> None:
    with pytest.raises(TypeError, match=r"^FlatSky.level must be a number in the unit of the image"):
        FlatSky(level=22 * u.mag / u.arcsec**2)
    with pytest.raises(TypeError, match=r"^TiltedSky.slope_x must be a number in the unit of the image"):
        TiltedSky(level=0.0, slope_x=1 * u.Jy, slope_y=0.0)


def test_a_model_replaces_parameters_by_quantities() -> None:
    model = Model({"galaxy": sersic(theta=Normal(90 * u.deg, 18 * u.deg))})
    assert model.replace({"galaxy.r_eff": 4 * u.pix}).components["galaxy"].r_eff == 4.0  # pyright: ignore
    assert from_dict(to_dict(model)) == model
    with pytest.raises(TypeError, match=r"^galaxy.r_eff must be in pixels, got 4.0 arcsec"):
        model.replace({"galaxy.r_eff": 4 * u.arcsec})


def test_an_init_is_converted_beside_a_distribution() -> None:
    prior = Custom(Normal(3.0, 1.0).distribution(), init=2 * u.pix)
    assert sersic(xc=prior).xc.init == 2.0


IMAGE = Image(np.ones((5, 6)), sigma=1.0, pixel_scale=0.25, zeropoint=22.5, unit="nmgy")


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        (3 * u.pix, 3.0),
        (2 * u.arcsec, 8.0),
        (1 * u.arcmin, 240.0),
        (20 * u.mag, 10.0),
        (20 * u.ABmag, 10.0),
        (20 * u.mag / u.arcsec**2, 10.0 / 16),
        (7 * u.nmgy, 7.0),
        (1e-9 * u.mgy, 1.0),
        (8 * u.nmgy / u.arcsec**2, 0.5),
        ((22.5 * u.ABmag).to(u.Jy), 1.0),
        (3.0 * u.nmgy / u.pix * u.pix, 3.0),
    ],
)
def test_an_image_converts(quantity: Any, number: float) -> None:
    assert IMAGE.convert(quantity) == pytest.approx(number, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "quantity", "message"),
    [
        ({"pixel_scale": None}, 2 * u.arcsec, "the image has no pixel_scale"),
        ({"zeropoint": None}, 20 * u.mag, "the image has no zeropoint"),
        ({"pixel_scale": None}, 20 * u.mag / u.arcsec**2, "the image has no pixel_scale"),
        ({"zeropoint": None, "unit": "electron"}, 1 * u.Jy, "the image has no zeropoint"),
        ({"unit": "adu"}, 1 * u.electron, "the image is in adu"),
        ({"unit": None}, 1 * u.s, "the image has no unit"),
    ],
)
def test_an_image_says_what_it_lacks(changes: dict[str, Any], quantity: Any, message: str) -> None:
    known = {"pixel_scale": 0.25, "zeropoint": 22.5, "unit": "nmgy"} | changes
    with pytest.raises(ValueError, match=message):
        Image(np.ones((5, 6)), sigma=1.0, **known).convert(quantity)


@pytest.mark.parametrize("wrong", [2.0, "2 arcsec", [1, 2] * u.arcsec, None])
def test_an_image_converts_one_number_with_a_unit(wrong: Any) -> None:
    with pytest.raises(TypeError, match="quantity must be one number with a unit"):
        IMAGE.convert(wrong)
