"""GALFIT's menu files: what the parser takes from real ones, and what it says of bad ones."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sersiclab.io.galfit_text import parse_menu, read_menu
from sersiclab.io.text import Lines

from .damage import damaged


HEADER = """A) gal.fits   # image
B) out.fits
D) psf.fits  kernel.fits #  PSF and kernel
E) 3
F) none
H) 1 93 5 83
I) 100 100
J) 26.563
K) 0.038 0.04
"""
SERSIC = """ 0) sersic
 1) 48.5 51.2  1 0
 3) 20.1  1  Integrated magnitude without a hash
 4) 5.1   0
 5) 4.2   1
 9) 0.75  1
10) -60.4 1
 Z) 0
"""


def parse(text):
    return parse_menu(Lines.of(text, "a.feedme"))


def test_fields():
    menu = parse(HEADER + SERSIC)
    assert menu.text("A") == "gal.fits"
    assert menu.text("F") is menu.text("G") is menu.text("C") is None
    assert menu.text("D").split() == ["psf.fits", "kernel.fits"]
    assert menu.names("D") == ("psf.fits",)
    assert (menu.region, menu.numbers("J", 1), menu.numbers("K", 2)) == ((1, 93, 5, 83), (26.563,), (0.038, 0.04))
    assert menu.notes == ()


def test_parameters_and_toggles():
    (galaxy,) = parse(HEADER + SERSIC).components
    assert (galaxy.name, galaxy.line, galaxy.skipped) == ("sersic", 10, False)
    found = {key: (value.values, value.free, value.line) for key, value in galaxy.parameters.items()}
    assert found == {
        "x": ((48.5,), True, 11),
        "y": ((51.2,), False, 11),
        "3": ((20.1,), True, 12),
        "4": ((5.1,), False, 13),
        "5": ((4.2,), True, 14),
        "9": ((0.75,), True, 15),
        "10": ((-60.4,), True, 16),
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("gap", [" ", "\t", "   \t "])
def test_line_ends_and_tabs(end, gap):
    text = (HEADER + SERSIC).replace(" ", gap).replace("\n", end)
    assert parse(text).components[0].parameters == parse(HEADER + SERSIC).components[0].parameters


def test_hidden_parameters():
    hidden = "C0) 0.1 1\nB2) 0.01 0\nF1) 0.07 30.1 1 0\nF3) 0.1 30 1\nR0) log\nR1) 30 1\nR10) 15 1\nTi) 2\n Z) 1\n"
    truncation = "T0) radial\nT1) 20 15 1 1\nT4) 4.4 1\n"
    galaxy, cut = parse(HEADER + SERSIC.replace(" Z) 0\n", "") + hidden + truncation).components
    assert galaxy.skipped
    assert galaxy.options == {"R0": "log", "Ti": "2"}
    assert {"C0", "B2", "F1a", "F1p", "F3a", "F3p", "R1", "R10"} <= set(galaxy.parameters)
    assert (galaxy.parameters["F1a"].free, galaxy.parameters["F1p"].free) == (True, False)
    assert (cut.name, cut.options, list(cut.parameters)) == ("truncation", {"T0": "radial"}, ["T1x", "T1y", "T4"])


def test_the_dialect_of_galfitm():
    text = HEADER.replace("A) gal.fits", "A) g.fits,r.fits\nA1) g,r\nA2) 4770,6231").replace("26.563", "25.0,26.0")
    text += (
        " 0) sersic\n 1) 48.5 1\n 2) 51.2,51.3 2 band\n 3) 20.0,21.0 2 cheb\n 4) 5 1\n 5) 2,3 0,1\n 9) 1 0\n10) 0 0\n"
    )
    menu = parse(text)
    assert (menu.names("A"), menu.names("A1"), menu.numbers("J")) == (("g.fits", "r.fits"), ("g", "r"), (25.0, 26.0))
    found = menu.components[0].parameters
    assert (found["x"].values, found["y"].values, found["y"].toggles, found["y"].basis) == (
        (48.5,),
        (51.2, 51.3),
        (2,),
        "band",
    )
    assert (found["3"].basis, found["5"].toggles) == ("cheb", (0, 1))


def test_what_is_read_leniently_is_noted():
    text = "U) 0\n" + HEADER + "H) 1 10 1 10\n" + SERSIC.replace(" 4)", "Object\n 4)") + "F1) 0.1 30 1\n 5) 2.5 1\n"
    menu = parse(text)
    assert menu.notes == (
        "line 1: U) is unknown and is left out",
        "line 11: H) is given again and replaces line 7",
        "line 15: 'Object' is not a line such as '3) 20.0 1' and is left out",
        "line 21: F1) has 1 toggles for 2 values; the rest are fixed",
        "line 22: 5) is given again and replaces line 17",
    )
    assert menu.region == (1, 10, 1, 10)
    assert menu.components[0].parameters["5"].values == (2.5,)


# what -> (old text, new text, message)
MISTAKES = {
    "unknown component": (
        "0) sersic",
        "0) spiral",
        r"^a.feedme, line 10: a component must be one of sersic, .*, got 'spiral'$",
    ),
    "no component": (" 0) sersic\n", "", r"^a.feedme, line 10: 1\) comes before any component, such as '0\) sersic'$"),
    "bad number": ("3) 20.1", "3) 20,1x", r"^a.feedme, line 12: 3\) must hold a value and its toggle, got '20,1x  1"),
    "not a number": ("4) 5.1 ", "4) nan", r"^a.feedme, line 13: 4\) must hold a value and its toggle, got 'nan"),
    "one coordinate": ("1) 48.5 51.2  1 0", "1)", r"^a.feedme, line 11: 1\) must hold a value and its toggle, got ''$"),
    "toggle": (
        "5) 4.2   1",
        "5) 4.2 0.5",
        r"^a.feedme, line 14: the toggle of 5\) must be a whole number, .*'4.2 0.5'$",
    ),
    "missing parameter": (" 4) 5.1   0\n", "", r"^a.feedme, line 10: the component 'sersic' lacks 4\)$"),
    "unknown parameter": ("5) 4.2", "Q5) 4.2", r"^a.feedme, line 14: Q5\) is not a parameter of a component$"),
    "output": ("Z) 0", "Z) yes", r"^a.feedme, line 17: Z\) must be a whole number, got 'yes'$"),
    "missing region": ("H) 1 93 5 83\n", "", r"^a.feedme: H\), the image region, is missing$"),
    "missing zero-point": ("J) 26.563\n", "", r"^a.feedme: J\), the magnitude zero-point, is missing$"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_reported_with_their_line(name):
    old, new, message = MISTAKES[name]
    assert old in HEADER + SERSIC
    with pytest.raises(ValueError, match=message):
        parse((HEADER + SERSIC).replace(old, new))


@pytest.mark.parametrize(
    ("text", "message"), [("1 93 5", "must hold 4 numbers, got '1 93 5'"), ("93 1 5 83", "must be xmin")]
)
def test_a_bad_region_is_reported_with_its_line(text, message):
    menu = parse((HEADER + SERSIC).replace("1 93 5 83", text))
    with pytest.raises(ValueError, match=rf"^a.feedme, line 6: H\) {message}"):
        _ = menu.region


def test_files_in_any_encoding(tmp_path):
    for encoding in ("utf-8", "latin-1", "utf-8-sig"):
        path = tmp_path / f"{encoding}.feedme"
        path.write_bytes(("# Häußler's\n" + HEADER + SERSIC).encode(encoding))
        assert read_menu(path).components[0].name == "sersic"
    (tmp_path / "image.fits").write_bytes(b"SIMPLE\0")
    with pytest.raises(ValueError, match=r"image.fits is not a text file$"):
        read_menu(tmp_path / "image.fits")
    with pytest.raises(FileNotFoundError, match=r"^there is no file '.*none.feedme'$"):
        read_menu(tmp_path / "none.feedme")


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@settings(deadline=None)
@given(
    values=st.lists(st.tuples(NUMBERS, st.integers(0, 1)), min_size=7, max_size=7),
    comment=st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=20),
)
def test_what_is_written_is_read(values, comment):
    (x, tx), (y, ty), *others = values
    lines = [f" 1) {x!r} {y!r} {tx} {ty} # {comment}"]
    lines += [
        f"{key:>2}) {v!r}\t{t} #{comment}" for key, (v, t) in zip(("3", "4", "5", "9", "10"), others, strict=True)
    ]
    found = parse(HEADER + " 0) sersic\n" + "\n".join(lines)).components[0].parameters
    assert [(value.values[0], value.toggles[0]) for value in found.values()] == values


@settings(deadline=None, max_examples=200)
@given(text=damaged(HEADER + SERSIC))
def test_a_damaged_file_is_read_or_told_with_its_line(text):
    try:
        menu = parse(text)
        assert menu.region[0] <= menu.region[1]
    except ValueError as error:
        assert re.match(r"a.feedme(, line \d+|): ", str(error)), str(error)  # noqa: PT017


# path below configs -> components
REAL = {
    "galfit/NGC3756_bd.feedme": ["sersic", "expdisk", "sky"],
    "galfit/boxiness_C0.feedme": ["sersic"],
    "galfit/classic_example.feedme": ["sersic", "sky"],
    "galfit/fourier_F1F3F4.feedme": ["sersic"],
    "galfit/gama_t10_obj_q.feedme": ["sky", "sersic"],
    "galfit/simple-window.feedme": ["sersic", "sky"],
    "galfit/star.gal": ["sky"],
    "galfit_output/galfit.1ser": ["sersic", "sky"],
    "galfitm/multisim_fit.feedme": ["sersic", "sky"],
    "galfitm/simple.multi.freeandfixed.feedme": ["sersic", "sky"],
    "galfit/EXAMPLE.INPUT": [
        "sersic",
        "nuker",
        "devauc",
        "expdisk",
        "edgedisk",
        "moffat",
        "ferrer",
        "gaussian",
        "king",
        "psf",
        "sky",
        "sersic",
        "truncation",
    ],
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data, name):
    menu = read_menu(shared_data / "configs" / name)
    assert [component.name for component in menu.components] == REAL[name]
    assert menu.region[1] > 0
    assert len(menu.numbers("J")) == max(len(menu.names("A")), 1)


def test_every_real_file_is_in_the_table(shared_data):
    folder = shared_data / "configs"
    files = [p for sub in ("galfit", "galfitm") for p in (folder / sub).iterdir()]
    assert {str(p.relative_to(folder)) for p in files} == {name for name in REAL if "output" not in name}
