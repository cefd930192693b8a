"""Several images: their names, bands and wavelengths, what is left out of them, and how they are read."""

import pickle
import warnings

import astropy.units as u
import jax
import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.data.checking import checked_image, checked_images
from sersiclab.data.unusable import blank_image, is_blank
from sersiclab.parameters.varying import ImageLabel


DATA = np.arange(20.0).reshape(4, 5)
PSF = np.full((3, 3), 1 / 9)


def image(band=None, shape=(4, 5), **options):
    return sl.Image(np.zeros(shape), sigma=1.0, band=band, **options)


def blank(band=None, **options):
    return blank_image({"data": np.full((4, 5), np.nan), "band": band, **options})


def test_images_are_a_mapping_in_order():
    red, blue = image("r", (6, 7)), image("g")
    images = sl.Images({"red": red, "blue": blue})
    assert (list(images), len(images), images["blue"] is blue) == (["red", "blue"], 2, True)
    assert images.frame is red
    assert images.names == images.used == ("red", "blue")
    assert dict(images.items()) == {"red": red, "blue": blue}
    assert images.bands == {"red": "r", "blue": "g"}
    assert "green" not in images
    assert images.get("green") is None
    with pytest.raises(sl.InputKeyError, match=r"^there is no image 'green'; the images are red, blue$"):
        images["green"]
    with pytest.raises(AttributeError):
        images.names = ("a", "b")


def test_the_names_of_a_list_are_the_bands():
    images = sl.Images([image("HSC-g"), image("F160W"), image("2MASS J")])
    assert images.names == ("HSC_g", "F160W", "band_2MASS_J")
    assert [label.band for label in images.labels] == ["HSC_g", "F160W", "band_2MASS_J"]
    assert images.wavelengths == {"HSC_g": 0.4816, "F160W": 1.537, "band_2MASS_J": 1.239}


def test_wavelengths_given_win_over_the_image_s_which_win_over_the_table():
    members = {"a": image("r"), "b": image("r", wavelength=0.62), "c": image("r", wavelength=6200 * u.AA), "r": image()}
    images = sl.Images({**members, "d": image("r", wavelength=0.62), "x": image()}, wavelengths={"d": 640 * u.nm})
    assert images.wavelengths == pytest.approx({"a": 0.6176, "b": 0.62, "c": 0.62, "r": 0.6176, "d": 0.64, "x": None})
    assert images.labels[-1] == ImageLabel("x", "x", None)
    assert sl.Images(images).wavelengths == images.wavelengths
    assert sl.Images(images, wavelengths={"d": 0.7}).wavelengths["d"] == 0.7


def test_a_missing_image_is_left_out_with_a_note():
    with pytest.warns(UserWarning, match=r"^image 'r' is None: it is left out$") as heard:
        images = sl.Images({"g": image(), "r": None})
    assert heard[0].filename == __file__
    assert (images.names, images.missing) == (("g",), ("r",))
    assert images.notes == ("image 'r' is None: it is left out",)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.with_image("z", image()).notes == images.notes
        found = images.with_image("r", image())
    assert (found.names, found.notes) == (("g", "r"), ())


def test_an_image_without_usable_pixels_can_be_the_frame():
    with pytest.warns(UserWarning, match=r"^image 'y' has no usable pixel: it is not fitted$"):
        images = sl.Images({"y": blank("y", psf=PSF), "g": image("g")})
    assert (images.names, images.used) == (("y", "g"), ("g",))
    assert images.frame is images["y"]
    assert images.frame.mask.all()
    assert not images.frame.mask.flags.writeable
    assert images.frame.psf is not None
    with pytest.raises(ValueError, match=r"^images must hold an image with usable pixels, got image 'y' has no usable"):
        images.without("g")


def test_without_and_with_image():
    images = sl.Images({"g": image("g"), "r": image("r"), "z": image("z")}, wavelengths={"g": 0.5, "z": 0.9})
    assert images.without("g").names == ("r", "z")
    assert images.without("g").wavelengths["z"] == 0.9
    assert images.without() == images
    other = image("r", (8, 9))
    assert images.with_image("r", other).names == images.names
    assert images.with_image("r", other)["r"] is other
    assert images.with_image("y", other).wavelengths["g"] == 0.5
    with pytest.raises(KeyError, match=r"^there is no image 'b'"):
        images.without("b")


def test_they_compare_by_content_and_pickle():
    wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4})
    nan = np.where(DATA > 3.0, DATA, np.nan)
    members = {"g": sl.Image(nan, sigma=1.0, mask=np.isnan(nan), wcs=wcs, band="g"), "r": image("r")}
    images = sl.Images(members, wavelengths={"g": 0.5})
    again = pickle.loads(pickle.dumps(images))
    assert again == images
    assert again.wavelengths == images.wavelengths
    assert again["g"].wcs is not wcs
    assert images != sl.Images(members)
    assert images != sl.Images(dict(reversed(members.items())), wavelengths={"g": 0.5})
    moved = WCS(wcs.to_header())
    moved.wcs.crpix = [3.0, 4.0]
    for name, value in {"data": nan + 1.0, "band": "z", "psf": PSF, "wcs": moved, "wavelength": 0.5}.items():
        other = sl.Image(**{"data": nan, "sigma": 1.0, "mask": np.isnan(nan), "wcs": wcs, "band": "g", name: value})
        assert images != images.with_image("g", other)
    assert images != members


def test_they_keep_their_order_as_a_tree():
    images = sl.Images({"z": image("z"), "a": image("g")})
    assert jax.tree.map(lambda leaf: leaf, images).names == ("z", "a")


def test_they_show_a_line_for_each():
    with pytest.warns(UserWarning, match="is None"):
        images = sl.Images({"g": image("g", pixel_scale=0.25, zeropoint=22.5), "x": image("<q>"), "z": None})
    assert repr(images).splitlines() == [
        "Images(2 images, in the pixels of g)",
        '  g: 4 x 5 pixels of 0.25", band g, 0.4702 µm, 0 masked, zeropoint 22.5',
        "  x: 4 x 5 pixels, band <q>, wavelength unknown, 0 masked",
        "  image 'z' is None: it is left out",
    ]
    text = images._repr_html_()
    for part in ("<td>0.4702 µm</td>", "<td>22.5</td>", "&lt;q&gt;", "<li>image &#x27;z&#x27; is None"):
        assert part in text
    assert "<q>" not in text
    assert text.count("<tr>") == 3


BAD = {
    "no images": ({}, ValueError, r"^images must hold an image with usable pixels, got none$"),
    "none but None": ({"g": None}, ValueError, r"^images must hold an image .*, got image 'g' is None"),
    "one image": (image(), TypeError, r"^images must be \{name: Image\} or a list of Image, such as .*, got Image$"),
    "an array": ({"g": DATA}, TypeError, r"^images\['g'\] must be an Image, such as .*, got ndarray$"),
    "the class": ([sl.Image], TypeError, r"^images\[0\] must be an Image, such as .*, got the class Image$"),
    "a number for a name": ({1: image()}, TypeError, r"^images: a name must be an identifier, .* got 1$"),
    "a hyphen": ({"HSC-g": image()}, ValueError, r"got 'HSC-g'; 'HSC_g' would do$"),
    "a dot": ({"a.b": image()}, ValueError, r"got 'a\.b'; 'a_b' would do$"),
    "a digit first": ({"2MASS": image()}, ValueError, r"got '2MASS'; 'band_2MASS' would do$"),
    "empty": ({"": image()}, ValueError, r"got ''$"),
    "no band": ([image("g"), image()], ValueError, r"^images\[1\] has no band, which is no name; give \{name: Image\}"),
    "a band without letters": ([image("'")], ValueError, r"^images\[0\] has the band \"'\", which is no name"),
    "one band twice": ([image("g"), image("g")], ValueError, r"must have different bands, got 'g' and 'g'"),
    "alike": ([image("HSC g"), image("HSC-g")], ValueError, r"must have different bands, got 'HSC g' and 'HSC-g'"),
    "alike in paths": (
        {"a": image("HSC g"), "b": image("HSC-g")},
        ValueError,
        r"^images: the bands 'HSC g' and 'HSC-g' would have one name in paths",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_unsuitable_images_are_named(kind):
    images, error, message = BAD[kind]
    with pytest.raises(error, match=message):
        sl.Images(images)


def test_unsuitable_wavelengths_are_named():
    members = {"g": image()}
    for value, error, message in (
        ({"r": 0.6}, ValueError, r"^wavelengths has no image 'r'; the images are g$"),
        (0.6, TypeError, r"^wavelengths must be \{name: micrometres\}, got 0\.6$"),
        ({"g": -1.0}, ValueError, r"^wavelengths\['g'\] must be a positive finite number, got -1\.0$"),
        ({"g": "0.5"}, TypeError, r"^wavelengths\['g'\] must be a positive finite number, got '0\.5'$"),
        (
            {"g": 3.0 * u.s},
            ValueError,
            r"^wavelengths\['g'\] must be in micrometres, or an astropy length, got .*3\. s",
        ),
    ):
        with pytest.raises(error, match=message):
            sl.Images(members, wavelengths=value)
    with pytest.raises(ValueError, match=r"^wavelength must be a positive finite number, got 0$"):
        image(wavelength=0)


def test_functions_of_one_image_say_how_to_choose():
    images = sl.Images({"g": image()})
    assert checked_images(images) is images
    with pytest.raises(TypeError, match=r"^image must be one Image, got Images: choose one, such as images\['g'\]$"):
        checked_image(images)
    with pytest.raises(TypeError, match=r"^images must be Images, got one Image: make them with sl\.Images"):
        checked_images(images["g"])
    with pytest.raises(TypeError, match=r"^images must be Images, got the path 'a\.fits': read them"):
        checked_images("a.fits")
    with pytest.raises(TypeError, match=r"^images must be Images, such as .*, got dict$"):
        checked_images({"g": image()})


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_any_bands_give_identifiers_or_an_error(bands):
    try:
        images = sl.Images([image(band) for band in bands])
    except sl.InputError:
        return
    assert all(name.isidentifier() for name in images.names)
    assert len(images) == len(bands)


def test_a_saved_fit_keeps_the_wavelength(tmp_path):
    galaxy = sl.Sersic(xc=2.0, yc=2.0, flux=sl.Uniform(1.0, 9.0), r_eff=2.0, n=1.0, ellip=0.1, theta=0.0)
    flux = {"galaxy.flux": np.full((1, 4), 3.0)}
    for length in (0.62, None):
        fit = sl.Fit(
            sl.Model({"galaxy": galaxy}), image("r", wavelength=length), sl.MAP(), 1, flux, {"galaxy.flux": 3.0}
        )
        assert sl.load(fit.save(tmp_path / f"{length}.asdf")).image.wavelength == length


def test_cutouts_and_stamps_keep_the_wavelength():
    whole = image("r", (60, 60), wavelength=0.62)
    assert whole.cutout((30, 30), 9).wavelength == 0.62
    assert whole.with_mask(np.eye(60)).wavelength == 0.62
    job = sl.jobs([{"id": "a", "x": 30.0, "y": 30.0}], whole, size=21, neighbours="ignore")["a"]
    assert job.load_image().wavelength == 0.62


def test_what_blank_means():
    arguments = {"data": DATA, "sigma": 1.0}
    assert not is_blank(arguments)
    assert is_blank(arguments | {"mask": np.ones((4, 5))})
    assert is_blank(arguments | {"sigma": np.zeros((4, 5))})
    assert is_blank({"data": DATA, "weight": 0.0})
    assert is_blank({"data": np.full((4, 5), np.nan), "sigma": 1.0})
    assert is_blank({"data": np.zeros((4, 5))})  # and no error map
    assert is_blank({"data": np.ma.masked_greater(DATA, -1.0), "sigma": 1.0})
    assert not is_blank({"data": np.zeros((4, 5)), "sigma": 1.0})
    assert not is_blank({"data": DATA, "sigma": -np.ones((4, 5))})  # a mistake, which `Image` reports
