"""GALFITM's own forms of constraints, as its guide has them."""

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.io.galfit_constraints import Constraint, parse_constraints
from sersiclab.io.text import Lines

from .galfit_menus import HEADER, SERSIC, read


BLANK = sl.Image(np.zeros((30, 40)), sigma=1.0, zeropoint=20.0, pixel_scale=0.1)
BANDS = HEADER.replace("A) gal.fits", "A) r.fits,b.fits\nA1) r,B").replace("G) none", "G) c.txt")
FORMS = {
    "2 x -1 in 0.5": Constraint(1, (2,), "x", "shift", -1.0, 0.5),
    "1 x -2.0 ref 2.0": Constraint(1, (1,), "x", "reference", -2.0, 2.0),
    "1 re factor 3.0": Constraint(1, (1,), "re", "factor", 1 / 3, 3.0),
    "3 n_1 -10 to 10": Constraint(1, (3,), "n", "range", -10.0, 10.0, "1"),
    "2 re_B -1 0.5": Constraint(1, (2,), "re", "shift", -1.0, 0.5, "b"),
    "1_2_3 x_0 offset": Constraint(1, (1, 2, 3), "x", "offset", suffix="0"),
    "1_5 re_B ratio": Constraint(1, (1, 5), "re", "ratio", suffix="b"),
}


@pytest.mark.parametrize("text", FORMS)
def test_forms(text):
    assert parse_constraints(Lines.of(text, "a.constr")) == (FORMS[text],)


@pytest.mark.parametrize("text", ["1 re factor", "1 re factor x", "1 re factor -2", "1-2 re factor 3", "1 x -1 in"])
def test_mistakes_name_their_line(text):
    with pytest.raises(ValueError, match=r"^a.constr, line 2: "):
        parse_constraints(Lines.of(f"# none\n{text}", "a.constr"))


def constrained(folder, constraints, components, **options):
    (folder / "c.txt").write_text(constraints)
    model, _, told = read(folder, BANDS + components, image=BLANK, **options)
    return model, told


def test_what_one_band_can_express(tmp_path):
    text = "1 re factor 3.0\n1 x -1 in 0.5\n1 n_0 0.5 to 6\n1 mag_R -1 2\n1_2 y_0 offset\n"
    model, told = constrained(tmp_path, text, SERSIC + SERSIC.replace("15.2", "17.2"))
    first, second = model.components["sersic_1"], model.components["sersic_2"]
    assert told == ""
    assert first.r_eff.support() == pytest.approx((1.7, 15.3))
    assert first.xc.support() == pytest.approx((17.5, 19.0))
    assert first.n.support() == pytest.approx((0.5, 6.0))
    assert first.flux.support() == pytest.approx((10**1.2, 10**2.4))
    assert (second.yc.to, second.yc.offset) == ("sersic_1.yc", pytest.approx(2.0))


def test_the_band_that_is_read_counts(tmp_path):
    text = "1 re_B -1 0.5\n1 re_r -2 2\n1 n_K 1 to 2\n"
    model, told = constrained(tmp_path, text, SERSIC, band="B")
    assert model.components["sersic_1"].r_eff.support() == pytest.approx((4.1, 5.6))
    assert "constraints, line 2: the shift of 're_r' is about another band and is left out" in told
    assert "constraints, line 3: the range of 'n_k' is left out: the menu has the bands r, b" in told
    model, _ = constrained(tmp_path, text, SERSIC)
    assert model.components["sersic_1"].r_eff.support() == pytest.approx((3.1, 7.1))


def test_changes_with_wavelength_are_listed(tmp_path):
    """A coefficient is the value only where nothing changes with wavelength, or all coefficients are tied."""
    linear = SERSIC.replace(" 1) 19.5 15.2 1 1", " 1) 19.5 2\n 2) 15.2 2")
    text = "1 n_1 -10 to 10\n1 x -2.0 ref 2.0\n1 x_0 10 to 30\n1_2 x_0 offset\n1_2 y_0 offset\n1_2 y_1 offset\n"
    model, told = constrained(tmp_path, text, linear + linear)
    for part in (
        "constraints, line 1: the range of 'n_1' is about changes with wavelength",
        "constraints, line 2: the reference of 'x' is about the reference band",
        "constraints, line 3: the range of 'x_0' is about changes with wavelength",
        "constraints, line 4: the offset of 'x_0' is about changes with wavelength",
    ):
        assert part in told
    assert told.count("constraints") == 4
    assert isinstance(model.components["sersic_1"].xc, sl.Normal)
    assert not isinstance(model.components["sersic_2"].xc, sl.Tied)
    assert model.components["sersic_2"].yc == sl.Tied("sersic_1.yc")


def test_bounds_that_are_one_number_are_ties(tmp_path):
    text = "1-2 x 0 0\n1-2 mag -1 -1\n1/2 re 2 2\n1-2 y -1 1\n"
    model, told = constrained(tmp_path, text, SERSIC + SERSIC.replace("19.5", "25"))
    second = model.components["sersic_2"]
    assert second.xc == sl.Tied("sersic_1.xc")
    assert second.flux.scale == pytest.approx(10**-0.4)  # a magnitude fainter
    assert (second.r_eff.to, second.r_eff.scale) == ("sersic_1.r_eff", pytest.approx(0.5))
    assert "constraints, line 4: the difference of 'y' bounds two components' difference" in told
