"""Sections and extensions in the names of files: every spelling against numpy and astropy on the whole image."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from sersiclab.data.fits import read_plane
from sersiclab.data.image import Image
from sersiclab.data.sections import parse_name, parse_section, part_of, part_of_wcs, split_names, split_words


SHAPE = (90, 110)
DATA = np.arange(90.0 * 110.0).reshape(SHAPE)
HEADER = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CRPIX1": 52.0,
    "CRPIX2": 41.5,
}
SIP = {
    **HEADER,
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "CD1_1": -5e-5,
    "CD1_2": 1e-5,
    "CD2_1": 2e-5,
    "CD2_2": 6e-5,
    "A_ORDER": 3,
    "A_2_0": 2e-5,
    "A_1_1": -3e-5,
    "A_0_3": 1e-6,
    "B_ORDER": 2,
    "B_0_2": 4e-5,
    "B_1_1": 2e-5,
    "AP_ORDER": 2,
    "AP_2_0": -2e-5,
    "BP_ORDER": 2,
    "BP_0_2": -4e-5,
}
PROJECTIONS = {
    "cdelt": {**HEADER, "CDELT1": -5e-5, "CDELT2": 6e-5},
    "crota": {**HEADER, "CDELT1": -5e-5, "CDELT2": 6e-5, "CROTA2": 33.0},
    "pc": {**HEADER, "CDELT1": -5e-5, "CDELT2": 6e-5, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8},
    "cd": {**HEADER, "CD1_1": -5e-5, "CD1_2": 1e-5, "CD2_1": 2e-5, "CD2_2": 6e-5},
    "sip": SIP,
    "tpv": {
        **HEADER,
        "CTYPE1": "RA---TPV",
        "CTYPE2": "DEC--TPV",
        "CD1_1": -5e-5,
        "CD2_2": 6e-5,
        "PV1_1": 1.0,
        "PV1_4": 3.0,
        "PV2_1": 1.0,
        "PV2_5": -4.0,
    },
}


def along(size):
    """The text of a range of one axis, and its pixels from 0, as brute force lists them."""

    def written(ends_step):
        (first, last), step = ends_step
        text = f"{first}:{last}" + ("" if step == 1 else f":{step}")
        pixels = range(first, last + 1, step) if last >= first else range(first, last - 1, -step)
        return text, [pixel - 1 for pixel in pixels]

    pixels = list(range(size))
    everything = st.sampled_from(
        [
            ("*", pixels),
            ("-*", pixels[::-1]),
            ("*:3", pixels[::3]),
            ("-*:4", pixels[::-1][::4]),
            (f" 1 : {size} ", pixels),
        ]
    )
    ends = st.tuples(st.integers(1, size), st.integers(1, size))
    return everything | st.tuples(ends, st.integers(1, 5)).map(written)


@given(x=along(SHAPE[1]), y=along(SHAPE[0]))
def test_a_section_is_the_pixels_that_it_lists(x, y):
    spans = parse_section(f"{x[0]},{y[0]}").spans(SHAPE)
    np.testing.assert_array_equal(part_of(DATA, spans), DATA[np.ix_(y[1], x[1])])


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("text", ["11:80,21:90", "*,-*", "80:11:3,5:85:2", "-*:2,7", "*,*"])
def test_a_pixel_of_a_section_has_its_place_on_the_sky(projection, text):
    whole = WCS(fits.Header(PROJECTIONS[projection]))
    spans = parse_section(text).spans(SHAPE)
    part = part_of_wcs(whole, spans)
    yx = np.indices(SHAPE)
    y, x = part_of(yx, spans)
    ys, xs = np.indices(y.shape)
    np.testing.assert_allclose(part.all_pix2world(xs, ys, 0), whole.all_pix2world(x, y, 0), rtol=0, atol=1e-10)
    if projection == "sip":
        inverse = np.array(part.sip_foc2pix(*(part.sip_pix2foc(xs, ys, 0)), 0))
        expected = np.array(whole.sip_foc2pix(*(whole.sip_pix2foc(x, y, 0)), 0))
        np.testing.assert_allclose(
            [spans[0].whole(inverse[0]), spans[1].whole(inverse[1])], expected, rtol=0, atol=1e-6
        )


def test_tables_of_distortion_move_with_a_section(rng):
    from astropy.wcs import DistortionLookupTable

    whole = WCS(fits.Header(PROJECTIONS["cd"]))
    for name in ("cpdis1", "cpdis2", "det2im1", "det2im2"):
        table = rng.normal(0, 0.3, (12, 13)).astype("f4")
        setattr(whole, name, DistortionLookupTable(table, (1.0, 1.0), (1.0, 1.0), (10.0, 9.0)))
    spans = parse_section("100:13:3,5:85:2").spans(SHAPE)
    part = part_of_wcs(whole, spans)
    y, x = part_of(np.indices(SHAPE), spans)
    ys, xs = np.indices(y.shape)
    np.testing.assert_allclose(part.all_pix2world(xs, ys, 0), whole.all_pix2world(x, y, 0), rtol=0, atol=1e-9)


@pytest.fixture
def survey(tmp_path):
    """Two chips with errors and flags, and a file of one image, a stack of planes and an array of numpy's."""
    planes = [fits.PrimaryHDU()]
    for version in (1, 2):
        planes += [fits.ImageHDU(DATA + 1e5 * version, fits.Header(PROJECTIONS["cd"]), name="SCI", ver=version)]
        planes += [fits.ImageHDU(1.0 + DATA * version, name="ERR", ver=version)]
        planes += [fits.ImageHDU((DATA == 25 * 110 + 16).astype("i2"), name="DQ", ver=version)]
    fits.HDUList(planes).writeto(tmp_path / "drz.fits")
    fits.writeto(tmp_path / "one.fits", DATA, fits.Header(PROJECTIONS["cd"]))
    fits.writeto(tmp_path / "stack.fits", np.stack([DATA, DATA + 7]))
    np.save(tmp_path / "array.npy", DATA)
    return tmp_path


# name -> what the whole image is, as brute force has it
SPELLINGS = {
    "drz.fits[1]": DATA + 1e5,
    "drz.fits+1": DATA + 1e5,
    "drz.fits[sci]": DATA + 1e5,
    "drz.fits[SCI,1]": DATA + 1e5,
    "drz.fits[sci, 2]": DATA + 2e5,
    "drz.fits[SCI,2,I]": DATA + 2e5,
    "drz.fits[4]": DATA + 2e5,
    "drz.fits[SCI,2][11:80,21:90]": DATA[20:90, 10:80] + 2e5,
    "drz.fits[4] [ 11 : 80 , 21 : 90 ]": DATA[20:90, 10:80] + 2e5,
    "drz.fits[11:80,21:90]": DATA[20:90, 10:80] + 1e5,
    "one.fits[11:80,21:90]": DATA[20:90, 10:80],
    "one.fits[0][11:80,21:90]": DATA[20:90, 10:80],
    "one.fits[*,*]": DATA,
    "one.fits[-*,*]": DATA[:, ::-1],
    "one.fits[*,-*]": DATA[::-1],
    "one.fits[80:11,*:2]": DATA[::2, 79:9:-1],
    "stack.fits[*,*,2]": DATA + 7,
    "stack.fits[11:80,21:90,1:1]": DATA[20:90, 10:80],
    "array.npy[11:80,21:90]": DATA[20:90, 10:80],
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_extensions_and_sections(survey, name):
    image = Image.read(f"{survey}/{name}", sigma=1.0, mask=np.zeros(SPELLINGS[name].shape))
    np.testing.assert_array_equal(image.data, SPELLINGS[name])
    companion = Image.read(np.ones(image.shape), sigma=f"{survey}/{name}", mask=image.data <= 0)
    np.testing.assert_array_equal(companion.sigma[companion.valid], image.data[image.data > 0])


def test_errors_flags_and_wcs_are_those_of_the_section(survey):
    whole, part = Image.read(f"{survey}/drz.fits[SCI,2]"), Image.read(f"{survey}/drz.fits[SCI,2][11:80,21:90]")
    np.testing.assert_array_equal(part.data, whole.data[20:90, 10:80])
    np.testing.assert_array_equal(part.sigma, whole.sigma[20:90, 10:80])
    assert np.argwhere(part.mask).tolist() == [[5, 6]]
    sky, same = whole.wcs.pixel_to_world(16, 25), part.wcs.pixel_to_world(6, 5)
    assert sky.separation(same).arcsec < 1e-8
    assert part.pixel_scale == pytest.approx(whole.pixel_scale)
    coarse = Image.read(f"{survey}/one.fits[*:2,*:2]", sigma=1.0)
    assert coarse.pixel_scale is not None
    assert coarse.pixel_scale / 2 == pytest.approx(whole.pixel_scale)


WRONG = {
    "one.fits[0:79,1:90]": r"^data: .*one.fits\[0\]: the section \[0:79,1:90\] must lie within the image of 110 x 90 "
    r"pixels \(x first, counted from 1, ends included\); 0:79 is not within 1:110$",
    "one.fits[1:80,1:111]": r"1:111 is not within 1:90$",
    "one.fits[1:80]": r"the section \[1:80\] has 1 axes; the image has 2$",
    "one.fits[1:80:0,*]": r"^data: \[1:80:0,\*\] is not a section of an image such as \[11:80,11:90\]",
    "one.fits[a:b]": r"^data: \[a:b\] is not a section of an image",
    "one.fits[1:80,1:90][2]": r"^data: .* has brackets after its section",
    "drz.fits[DQ,3]": r"has no extension \[DQ,3\]; it has \[0\] PRIMARY \(empty\), \[1\] SCI 90 x 110",
    "none.fits[1]": r"^data: there is no file '.*none.fits'$",
    "stack.fits[*,*,3]": r"3:3 is not within 1:2$",
    "array.npy[1]": r"array.npy' has no extension \[1\]; it is a file of a numpy array$",
    "array.npy[1:200,*]": r"1:200 is not within 1:110$",
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_extensions_and_sections_are_named(survey, name):
    with pytest.raises((ValueError, FileNotFoundError), match=WRONG[name]):
        Image.read(f"{survey}/{name}", sigma=1.0)


def test_brackets_of_existing_files_belong_to_their_names(tmp_path):
    fits.writeto(tmp_path / "b.fits[1]", DATA)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(DATA + 1, name="SCI")]).writeto(tmp_path / "b.fits")
    assert read_plane("data", tmp_path / "b.fits[1]").array[0, 0] == 0
    assert read_plane("data", f"{tmp_path}/b.fits[1][2:3,*]").array[0, 0] == 1
    assert read_plane("data", f"{tmp_path}/b.fits[SCI]").array[0, 0] == 1
    assert parse_name("a[1].fits").path.name == "a[1].fits"


def test_lists_of_names_are_not_cut_within_brackets():
    assert split_names("a.fits[SCI,1],b.fits[SCI,2][1:5,2:6] , c.fits,") == (
        "a.fits[SCI,1]",
        "b.fits[SCI,2][1:5,2:6]",
        "c.fits",
    )
    assert split_words("a.fits[sci, 1][1:5, 2:6] kernel.fits") == ("a.fits[sci, 1][1:5, 2:6]", "kernel.fits")
