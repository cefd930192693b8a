"""Constraints in menus of several bands: ranges of values and nodes, and ties of functions of the band."""

import pytest

import sersiclab as sl
from sersiclab.parameters import parameters
from sersiclab.parameters.varying import PerBand, Polynomial

from .galfitm_menus import GALAXY, MENU, read


TWO = MENU + GALAXY + GALAXY.replace(" 4) 5.0 1", " 4) 8.0 1").replace(" 5) 2.5 1", " 5) 1.0 1")


def read_two(folder, constraints, *changes):
    """Two galaxies, with changes (old, new) to both, or to one of them by its number."""
    first, second = TWO.removeprefix(MENU).split(" 0) sersic")[1:]
    for old, new, *which in changes:
        first = first.replace(old, new) if which in ([], [1]) else first
        second = second.replace(old, new) if which in ([], [2]) else second
    model, images, told = read(folder, f"{MENU} 0) sersic{first} 0) sersic{second}", constraints)
    return model.for_images(images), images, told


def at(bound, changes):
    """The numbers in every image for these values of some free parameters, and the starts of the others."""
    model = bound.at(bound.initial | changes)
    found = {}
    for label in bound.images:
        one = model.of(label.name)
        found[label.name] = {path: float(value) for path, value in parameters(one.at(one.initial).owners).items()}
    return found


# what -> (line of R_e, constraint, ranges of the free values by the ends of their paths)
RANGES = {
    "shared": ("5.0 1", "1 re 2 to 8", {"r_eff": (2, 8)}),
    "shared, by band": ("5.0 1", "1 re_i 2 to 8", {"r_eff": (2, 8)}),
    "shared, by coefficient": ("5.0 1", "1 re_0 -2 3", {"r_eff": (3, 8)}),
    "shared differences": ("5.0,6.0,5.0,5.0 1", "1 re 2 to 8", {"g": (2, 7)}),
    "shared differences, by band": ("5.0,6.0,5.0,5.0 1", "1 re_r 3 to 8", {"g": (2, 7)}),
    "each": ("5.0,6.0,5.0,4.0 4", "1 re factor 2", {"g": (2.5, 10), "r": (3, 12), "i": (2.5, 10), "z": (2, 8)}),
    "one band": ("5.0,6.0,5.0,4.0 4", "1 re_r -1 2", {"r": (5, 8)}),
    "nodes": ("5.0 2", "1 re 2 to 8", {"at_0.48": (2, 8), "at_0.91": (2, 8)}),
    "one node": ("5.0 2", "1 re_z 2 to 8", {"at_0.91": (2, 8)}),
    "two": ("5.0 1", "1 re 2 to 8\n1 re_g -1 5", {"r_eff": (4, 8)}),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges(tmp_path, name):
    line, constraint, expected = RANGES[name]
    bound, _, told = read_two(tmp_path, constraint, (" 4) 5.0 1", f" 4) {line}", 1))
    found = {
        path.removeprefix("sersic_1.r_eff."): prior.support() for path, prior in bound.free.items() if "_1.r" in path
    }
    found = {path.split(".", 1)[1] if path.startswith("sersic") else path: support for path, support in found.items()}
    assert told == ""
    for node, support in expected.items():
        assert found.pop(node) == pytest.approx(support, rel=1e-5), node
    assert all(support == pytest.approx((0.05, 500.0), rel=0.3) for support in found.values())


# what -> (changes, constraint, the note)
LISTED = {
    "a coefficient": ((" 4) 5.0 1", " 4) 5.0 2", 1), "1 re_1 -1 to 1", "the range of 're_1' is about changes with"),
    "the mean": ((" 4) 5.0 1", " 4) 5.0 2", 1), "1 re_0 2 to 8", "the range of 're_0' is about changes with wavel"),
    "a band between": ((" 4) 5.0 1", " 4) 5.0 2", 1), "1 re_r 2 to 8", "'re_r' is about a band without a node of the"),
    "the reference": ((" 4) 5.0 1", " 4) 5.0 2", 1), "1 re -2 ref 2", "of 're' bounds differences to the first band"),
    "a band": ((), "1 re_K 2 to 8", "the range of 're_k' is left out: the menu has the bands g, r, i, z"),
    "a component": ((), "7 re 2 to 8", "the range of 're' is left out: there is no such parameter"),
    "no range": ((), "1 re 0 0", "the shift of 're' allows no range and is left out"),
    "bounds": ((), "1-2 x -1 1", "the difference of 'x' bounds two components' difference and is left out"),
    "one of all": ((), "1_2 re_r ratio", "of 1 and 2 is left out: it is about some bands alone, and the parameter is"),
    "a tied band between": (
        (" 4) ", " 4) 5.0 2 #"),
        "1_2 re_i ratio",
        "the ratio of 're_i' of 1 and 2 is left out: it is about a band without a node of the polynomial",
    ),
    "some coefficients": ((" 4) ", " 4) 5.0 2 #"), "1_2 re_0 offset", "it is about some changes with wavelength alone"),
    "a tie to nothing": ((), "1_7 x offset", "of 1 and 7 is left out: one of them is missing"),
    "another tie": ((), "1_2 x offset\n2_1 x offset", "of 2 and 1 is left out: they are already tied"),
}


@pytest.mark.parametrize("name", LISTED)
def test_what_cannot_be_said_is_listed(tmp_path, name):
    change, constraint, expected = LISTED[name]
    bound, _, told = read_two(tmp_path, constraint, *([change] if change else []))
    plain, _, _ = read_two(tmp_path, constraint if "another" in name else "", *([change] if change else []))
    line = 2 if "another" in name else 1
    assert told.count("constraints") == 1
    assert f"constraints, line {line}: " in told
    assert expected in told
    assert list(bound.free) == list(plain.free)


def test_a_bound_on_differences_that_are_constant_is_kept(tmp_path):
    assert read_two(tmp_path, "1 re -2 ref 2", (" 4) 5.0 1", " 4) 5.0,4.0,5.0,6.0 1"))[2] == ""


def test_functions_of_the_band_are_tied_as_a_whole(tmp_path):
    text = "1_2 x offset\n1_2 mag offset\n" + "".join(f"1_2 re_{order} offset\n" for order in range(2))
    bound, _, told = read_two(tmp_path, text, (" 4) 5.0 1", " 4) 5.0 2", 1), (" 4) 8.0 1", " 4) 8.0 2", 2))
    second = bound.components["sersic_2"]
    assert second.xc == sl.Tied("sersic_1.xc")
    assert second.flux == sl.Tied("sersic_1.flux")
    assert second.r_eff == sl.Tied("sersic_1.r_eff", offset=3.0)
    assert "constraints, line 2: the offset of 'mag' changes with wavelength: it is kept in every band" in told
    assert told.count("constraints") == 1
    values = at(bound, {"sersic_1.r_eff.at_0.48": 2.0, "sersic_1.r_eff.at_0.91": 6.0, "sersic_1.flux.i": 7.0})
    assert all(each["sersic_2.r_eff"] == pytest.approx(each["sersic_1.r_eff"] + 3.0) for each in values.values())
    assert values["i"]["sersic_2.flux"] == pytest.approx(7.0)
    assert values["g"]["sersic_1.r_eff"] == pytest.approx(2.0, rel=1e-5)


def test_differences_that_change_with_the_band(tmp_path):
    """The offsets of all coefficients are constant, so those of the values are, band by band."""
    orders = "".join(f"1_2 re_{order} offset\n" for order in range(4))
    changes = ((" 4) 5.0 1", " 4) 5.0 4", 1), (" 4) 8.0 1", " 4) 8.0,7.0,6.0,5.5 4", 2))
    bound, _, told = read_two(tmp_path, orders, *changes)
    assert told == ""
    assert isinstance(bound.components["sersic_2"].r_eff, PerBand)
    assert not [path for path in bound.free if path.startswith("sersic_2.r_eff")]
    values = at(bound, {f"sersic_1.r_eff.{band}": 2.0 for band in "griz"})
    assert [each["sersic_2.r_eff"] for each in values.values()] == pytest.approx([5.0, 4.0, 3.0, 2.5], rel=1e-5)


def test_differences_that_change_along_a_polynomial(tmp_path):
    orders = "1_2 re_0 offset\n1_2 re_1 offset\n"
    changes = ((" 4) 5.0 1", " 4) 5.0,0.5 2 cheb", 1), (" 4) 8.0 1", " 4) 8.0,-0.5 2 cheb", 2))
    bound, _, told = read_two(tmp_path, orders, *changes)
    assert told == ""
    assert isinstance(bound.components["sersic_2"].r_eff, Polynomial)
    values = at(bound, {"sersic_1.r_eff.at_0.48": 3.0, "sersic_1.r_eff.at_0.91": 4.0})
    assert (values["g"]["sersic_2.r_eff"], values["z"]["sersic_2.r_eff"]) == pytest.approx((7.0, 6.0), rel=1e-5)


def test_ties_in_some_bands(tmp_path):
    changes = ((" 4) 5.0 1", " 4) 5.0,4.0,4.0,4.0 4", 1), (" 4) 8.0 1", " 4) 8.0 4", 2))
    bound, _, told = read_two(tmp_path, "1_2 re_r ratio\n1_2 re_z ratio\n", *changes)
    assert told == ""
    assert [path for path in bound.free if path.startswith("sersic_2.r")] == ["sersic_2.r_eff.g", "sersic_2.r_eff.i"]
    values = at(bound, {"sersic_1.r_eff.r": 3.0, "sersic_1.r_eff.z": 1.0})
    assert (values["r"]["sersic_2.r_eff"], values["z"]["sersic_2.r_eff"]) == pytest.approx((6.0, 2.0))
    every = "".join(f"1_2 re_{band} ratio\n" for band in "griz")
    bound, _, told = read_two(tmp_path, every, *changes[1:], (" 4) 5.0 1", " 4) 5.0 4", 1))
    assert (bound.components["sersic_2"].r_eff, told) == (sl.Tied("sersic_1.r_eff", scale=1.6), "")


def test_a_node_follows_a_node(tmp_path):
    bound, _, told = read_two(tmp_path, "1_2 re_z ratio", (" 4) 5.0 1", " 4) 5.0 2", 1), (" 4) 8.0 1", " 4) 8.0 2", 2))
    assert told == ""
    tied = bound.components["sersic_2"].r_eff.given["at_0.91"]
    assert (tied.to, tied.scale) == ("sersic_1.r_eff.at_0.91", pytest.approx(1.6))
    values = at(bound, {"sersic_1.r_eff.at_0.91": 2.0})
    assert values["z"]["sersic_2.r_eff"] == pytest.approx(3.2, rel=1e-5)


def test_priors_are_narrowed_so_that_ties_stay_in_their_ranges(tmp_path):
    """An index that is five times another, in each band, is at most ten."""
    bound, _, told = read_two(tmp_path, "2_1 n ratio", (" 5) 2.5 1", " 5) 5.0 4", 1), (" 5) 1.0 1", " 5) 1.0 4", 2))
    assert bound.components["sersic_1"].n == sl.Tied("sersic_2.n", scale=5.0)
    assert [bound.free[f"sersic_2.n.{band}"].high for band in "griz"] == pytest.approx([2.0] * 4)
    assert told.count("constraints") == 1
