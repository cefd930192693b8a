"""Numbers of GALFIT's components: axis ratios above 1, nonsense, spirals, and functions of its variants."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.io.tables import GALFIT
from sersiclab.model import lower

from .galfit_menus import HEADER, LINE_OF_SERSIC, SERSIC, read, write_image


BLANK = sl.Image(np.zeros((30, 40)), sigma=1.0, zeropoint=20.0, pixel_scale=0.1)
# Parameters 3 to 8 of each function with an axis ratio; 3 is a total magnitude or a surface brightness.
SHAPES = {
    "sersic": ("15", "5.1", "2.5"),
    "expdisk": ("15", "3.1"),
    "devauc": ("15", "3.1"),
    "gaussian": ("15", "3.1"),
    "moffat": ("15", "3.1", "2.7"),
    "king": ("15", "2.1", "9.5", "2"),
    "ferrer": ("15", "9.1", "2", "0.5"),
    "nuker": ("15", "3.1", "2", "3.1", "0.4"),
    "corser": ("15", "1.1", "3", "0.3", "6.2", "4"),
}
TOTAL = ("sersic", "expdisk", "devauc", "gaussian", "moffat")
POINTS = np.array([[1.3, 0.4], [-2.0, 3.1], [0.3, -4.4], [-3.2, -1.7]])


def menu(name, q, pa, more=""):
    lines = [f" 0) {name}", " 1) 20 15 0 0"]
    lines += [f"{key}) {value} 0" for key, value in enumerate(SHAPES[name], start=3)]
    return HEADER + "\n".join([*lines, f"9) {q} 0", f"10) {pa} 0", more, ""])


def brightness(model, x, y):
    (component,) = model.at(model.initial).components.values()
    return np.asarray(lower(component).brightness(jnp.asarray(x), jnp.asarray(y)))


def test_every_function_with_an_axis_ratio_is_tried():
    assert set(SHAPES) == {f.name for f in GALFIT if any(link.name == "ellip" for link in f.links)}


@pytest.mark.parametrize("name", SHAPES)
def test_an_axis_ratio_above_one_is_the_same_ellipse(tmp_path, name):
    """GALFIT's radius is sqrt(u² + (v/q)²), u along the position angle, whatever q is; here in numpy."""
    q, pa = 1.6, math.radians(25.0)
    round_model, _, _ = read(tmp_path, menu(name, 1.0, 0.0), image=BLANK)
    model, _, told = read(tmp_path, menu(name, q, 25.0), image=BLANK)
    assert "the axis ratio 1.6, which is above 1, is read as 0.625 with the axes exchanged" in told
    x, y = POINTS.T
    u, v = -x * math.sin(pa) + y * math.cos(pa), -x * math.cos(pa) - y * math.sin(pa)
    expected = brightness(round_model, np.hypot(u, v / q), np.zeros(4)) / (q if name in TOTAL else 1.0)
    np.testing.assert_allclose(brightness(model, x, y), expected, rtol=2e-5)


def test_boxes_and_fourier_modes_turn_along(tmp_path):
    q, pa, c0 = 1.6, math.radians(25.0), 0.4
    modes = {1: (0.15, 40.0), 3: (0.1, -130.0), 4: (0.05, 10.0), 5: (-0.04, 170.0), 6: (0.03, 3.0)}
    more = f"C0) {c0} 0\n" + "\n".join(f"F{m}) {a} {phi} 0 0" for m, (a, phi) in modes.items())
    round_model, _, _ = read(tmp_path, menu("nuker", 1.0, 0.0), image=BLANK)
    model, _, _ = read(tmp_path, menu("nuker", q, 25.0, more), image=BLANK)
    x, y = POINTS.T
    u, v = -x * math.sin(pa) + y * math.cos(pa), -x * math.cos(pa) - y * math.sin(pa)
    power, angle = c0 + 2.0, np.arctan2(v / q, u)
    radius = (abs(u) ** power + abs(v / q) ** power) ** (1 / power)
    radius = radius * (1.0 + sum(a * np.cos(m * (angle + math.radians(phi))) for m, (a, phi) in modes.items()))
    np.testing.assert_allclose(brightness(model, x, y), brightness(round_model, radius, np.zeros(4)), rtol=2e-5)


def test_limits_and_ties_of_exchanged_axes(tmp_path):
    (tmp_path / "c.txt").write_text(
        "1 q 0.5 to 1.5\n1 re 2 to 10\n1 pa -10 10\n1_2 x offset\n1_2 re ratio\n1_2 pa offset\n"
    )
    text = HEADER.replace("G) none", "G) c.txt") + SERSIC.replace("9) 0.8", "9) 1.25") + SERSIC
    model, _, told = read(tmp_path, text, image=BLANK)
    first, second = model.components["sersic_1"], model.components["sersic_2"]
    assert first.r_eff.support() == pytest.approx((2.5, 12.5))
    assert first.r_eff.init == pytest.approx(5.1 * 1.25)
    assert first.ellip.support() == pytest.approx((0.0, 1.0 - 1.0 / 1.5))
    assert first.theta.support() == pytest.approx((math.radians(110), math.radians(130)))
    assert second.xc.to == "sersic_1.xc"
    assert (second.theta.to, second.theta.offset) == ("sersic_1.theta", pytest.approx(math.radians(-90)))
    assert isinstance(second.r_eff, sl.LogUniform)
    assert (
        "constraints, line 5: the ratio of 're' of 1 and 2 is left out: the axes of one of them were exchanged" in told
    )


def test_bends_of_exchanged_axes_are_reported_first(tmp_path):
    model, _, told = read(tmp_path, HEADER + SERSIC.replace("9) 0.8", "9) 1.25") + "B2) 0.4 1\n", image=BLANK)
    assert told.splitlines()[1].strip().startswith("not the same galaxy: the bends of a source")
    assert isinstance(model.components["sersic_1"], sl.Sersic)


# what -> (old text, new text, message after the line)
NONSENSE = {
    "n = 0": ("5) 2.5", "5) 0", r"5\) 0: n, the Sérsic index, must be positive"),
    "n = -3": ("5) 2.5", "5) -3", r"5\) -3: n, .* must be positive"),
    "r_e = 0": ("4) 5.1", "4) 0", r"4\) 0: r_eff, .* must be positive"),
    "r_e = 1e300": ("4) 5.1", "4) 1e300", r"4\) 1e\+300: r_eff must be at most 1e\+06 pixels"),
    "q = 0": ("9) 0.8", "9) 0", r"9\) 0: the axis ratio must be positive"),
    "q < 0": ("9) 0.8", "9) -0.5", r"9\) -0.5: the axis ratio must be positive"),
    "q = inf": ("9) 0.8", "9) inf", r"9\) must hold a value"),
    "pa = 1e300": ("10) 30.0", "10) 1e300", r"10\) 1e\+300: an angle must be a few turns at most"),
    "pa = nan": ("10) 30.0", "10) nan", r"10\) must hold a value"),
    "x = 1e300": ("19.5", "1e300", r"x\) 1e\+300: a position must lie near the image"),
    "mag = 1e5": ("3) 15.0", "3) 1e5", r"3\) 100000 is too faint to be a magnitude"),
    "mag = -1e5": ("3) 15.0", "3) -1e5", r"3\) -100000 has no finite flux"),
    "fineness": ("E) 1", "E) 0", r"E\) must hold a positive whole number, got '0'"),
    "scale": ("K) 0.1 0.1", "K) 1e99 1e99", r"K\) must hold positive numbers"),
}


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_an_error_with_its_line(tmp_path, rng, name, free):
    """Also in the second of two components, which alone would leave a model."""
    old, new, message = NONSENSE[name]
    start = HEADER + SERSIC
    text = start.replace(old, new) if old in HEADER else start + SERSIC.replace(old, new)
    line = (text[: text.rindex(new)]).count("\n") + 1
    text = text if free else text.replace(f"{new} 1", f"{new} 0")
    options = {} if name == "scale" else {"image": BLANK}
    write_image(tmp_path, rng)
    with pytest.raises(ValueError, match=rf"^[^ ]*a.feedme, line {line}: {message}"):
        read(tmp_path, text, **options)


def test_a_spiral_is_reported_first(tmp_path):
    spiral = SERSIC + "F1) 0.2 30 1 1\nR0) log\nR1) 30 1\nR2) 60 1\n"
    (tmp_path / "c.txt").write_text("7 x 1 2\n")
    _, _, told = read(tmp_path, HEADER.replace("G) none", "G) c.txt") + SERSIC + spiral, image=BLANK)
    line = LINE_OF_SERSIC + SERSIC.count("\n")
    first = told.splitlines()[1].strip()
    assert first.startswith(f"not the same galaxy: the sersic of line {line} is a spiral (R0 to R10)")
    assert "its Fourier modes, which are kept, give another shape" in first
    for plain in (SERSIC + "R0) none\n", SERSIC + " 0) sky\n 1) 0 1\nR0) log\nF1) 0.2 30 1 1\n"):
        _, _, told = read(tmp_path, HEADER + plain, image=BLANK)
        assert "not the same galaxy" not in told
    _, _, told = read(tmp_path, HEADER + SERSIC + "To) 2\n", image=BLANK)
    assert told.splitlines()[1].strip().startswith("not the same galaxy: the sersic of line 10 is truncated")


CORSER = """ 0) corser
 1) 20 15 1 1
 3) 12.0 1
 4) 1.5 1
 5) 4 1
 6) 0.12 1
 7) 8 1
 8) 5 1
 9) 0.87 1
10) 101 1
C0) 1e-05 1
"""


def test_core_sersic_of_corsair(tmp_path):
    """Its magnitude is the surface brightness, per square arcsec, at the break radius."""
    model, image, told = read(tmp_path, HEADER + CORSER, image=BLANK)
    assert told == ""
    values = {path.partition(".")[2]: value for path, value in model.initial.items()}
    assert (values["r_b"], values["alpha"], values["gamma"]) == pytest.approx((1.5, 4.0, 0.12))
    assert (values["r_eff"], values["n"], values["ellip"]) == pytest.approx((8.0, 5.0, 0.13))
    theta = math.radians(101)
    (at_break,) = brightness(model, [-1.5 * math.sin(theta)], [1.5 * math.cos(theta)])
    assert -2.5 * math.log10(at_break / 0.1**2) + 20.0 == pytest.approx(12.0, abs=2e-4)
    with pytest.warns(UserWarning, match="corser_1: corser exists only in GALFIT-CORSAIR and GALFITM"):
        sl.io.write_galfit(model, image, tmp_path / "b.feedme")
    again, _ = sl.io.read_galfit(tmp_path / "b.feedme")
    assert again.initial == pytest.approx(model.initial, rel=1e-6, abs=1e-9)
