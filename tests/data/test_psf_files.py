"""PSFs of files and of photutils, against GalSim's reader, photutils' own evaluation, and known shapes."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D, NDData

from sersiclab.data.image import Image
from sersiclab.data.psf_files import read_psf


DATA = np.ones((40, 60))


def gaussian(side, width, shift=0.0):
    axis = np.arange(side) - (side - 1) / 2
    line = np.exp(-0.5 * (axis / width) ** 2)
    return np.outer(line, np.exp(-0.5 * ((axis - shift) / width) ** 2))


def psfex(path, step, degree=2, side=31, **changes):
    """A PSFEx file of a Gaussian of 1.4 pixels whose shape varies with the position."""
    exponents = [(i, j) for j in range(degree + 1) for i in range(degree + 1 - j)]
    base = gaussian(side, 1.4 / step)
    images = [
        base,
        *(0.05 / (1 + k) * base * (gaussian(side, (1.0 + 0.2 * k) / step)) for k in range(len(exponents) - 1)),
    ]
    column = fits.Column(
        "PSF_MASK", f"{side * side * len(images)}E", dim=f"({side},{side},{len(images)})", array=[images]
    )
    hdu = fits.BinTableHDU.from_columns([column], name="PSF_DATA")
    hdu.header.update(
        {"POLNAXIS": 2, "POLGRP1": 1, "POLNAME1": "X_IMAGE", "POLZERO1": 500.5, "POLSCAL1": 1000.0, "POLGRP2": 1}
        | {"POLNAME2": "Y_IMAGE", "POLZERO2": 600.5, "POLSCAL2": 1200.0, "POLNGRP": 1, "POLDEG1": degree}
        | {"PSF_FWHM": 3.3, "PSF_SAMP": step, "PSFNAXIS": 3, "PSFAXIS1": side, "PSFAXIS2": side}
        | {"PSFAXIS3": len(images)}
        | changes
    )
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def drawn(psf):
    """Second moments in pixels, along y and x."""
    samples = psf.oversampling or 1
    y, x = (np.indices(psf.array.shape) - (np.array(psf.array.shape)[:, None, None] - 1) / 2) / samples
    return [float((psf.array * axis**2).sum() / psf.array.sum()) for axis in (y, x)]


@pytest.mark.parametrize("position", [(500.0, 600.0), (20.3, 1100.0), (1000.0, 3.0)])
def test_psfex_is_galsims_at_each_position(tmp_path, position):
    des = pytest.importorskip("galsim.des")
    import galsim

    path = psfex(tmp_path / "a.psf", 0.5)
    other = des.DES_PSFEx(str(path)).getPSFArray(galsim.PositionD(position[0] + 1, position[1] + 1))
    psf = read_psf(path, band=None, position=position)
    assert (psf.oversampling, psf.includes_pixel) == (2, True)
    np.testing.assert_allclose(psf.array, other / other.sum(), atol=1e-7)


@pytest.mark.parametrize(("step", "samples"), [(1.0, 1), (0.5, 2), (0.4, 3), (0.713, 2), (1 / 3, 3)])
def test_psfex_comes_on_whole_samples(tmp_path, step, samples):
    psf = read_psf(psfex(tmp_path / "a.psf", step, degree=0, side=45), band=None, position=(0.0, 0.0))
    assert psf.oversampling == samples
    assert drawn(psf) == pytest.approx([1.4**2, 1.4**2], rel=2e-3)


def test_psfex_in_one_call(tmp_path):
    path = psfex(tmp_path / "a.psf", 0.5)
    image = Image.read(DATA, sigma=1.0, psf=path)
    assert any("psf at (29.5, 19.5): the image's centre, though it varies over x" in note for note in image.provenance)
    assert (image.psf.shape, image.psf_oversampling, image.psf_includes_pixel) == ((31, 31), 2, True)
    assert "psf_oversampling 2" in repr(image)
    centre = read_psf(path, band=None, position=(29.5, 19.5))
    np.testing.assert_allclose(image.psf, centre.array, rtol=1e-6)
    elsewhere = Image.read(DATA, sigma=1.0, psf=path, psf_position=(900, 900))
    assert np.abs(elsewhere.psf - image.psf).max() > 1e-4
    assert Image.read(DATA, sigma=1.0, psf=path, psf_oversampling=1).psf_oversampling == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"POLNAME2": "MAG_AUTO"}, r"^psf: .*a.psf\[1\] varies with X_IMAGE, MAG_AUTO; expected X_IMAGE and Y_IMAGE"),
        ({"POLDEG1": 3}, r"^psf: .*a.psf\[1\] has 6 images; its polynomial has 10 terms$"),
        ({"PSF_SAMP": 0.0}, r"^psf: .*a.psf\[1\] has the sampling PSF_SAMP = 0.0; expected a positive number$"),
    ],
)
def test_a_bad_psfex_is_reported(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        read_psf(psfex(tmp_path / "a.psf", 0.5, **changes), band=None, position=(0.0, 0.0))


@pytest.fixture
def stpsf(tmp_path):
    """A file as STPSF writes it: oversampled and binned, without and with distortion."""
    extensions = []
    for name, side, scale in (("OVERSAMP", 44, 0.015625), ("DET_SAMP", 11, 0.0625)) * 2:
        distorted = len(extensions) >= 2
        kind = {"OVERSAMP": "OVERDIST", "DET_SAMP": "DET_DIST"}[name] if distorted else name
        hdu = (fits.ImageHDU if extensions else fits.PrimaryHDU)(gaussian(side, (5 if distorted else 4) * side / 44))
        hdu.header.update({"EXTNAME": kind, "PIXELSCL": scale, "DET_SAMP": 4, "OVERSAMP": 4})
        hdu.data /= hdu.data.sum()
        extensions.append(hdu)
    fits.HDUList(extensions).writeto(tmp_path / "stpsf.fits")
    return tmp_path / "stpsf.fits"


def test_stpsf_is_the_oversampled_distorted_light_without_the_pixel(stpsf):
    image = Image.read(DATA, sigma=1.0, psf=stpsf, pixel_scale=0.0625)
    assert (image.psf.shape, image.psf_oversampling, image.psf_includes_pixel) == ((44, 44), 4, False)
    np.testing.assert_allclose(image.psf, fits.getdata(stpsf, "OVERDIST"))
    assert any("psf_includes_pixel False" in note for note in image.provenance)
    binned = Image.read(DATA, sigma=1.0, psf=f"{stpsf}[DET_SAMP]", pixel_scale=0.0625)
    assert (binned.psf.shape, binned.psf_oversampling, binned.psf_includes_pixel) == ((11, 11), 1, True)


def test_a_psf_of_other_pixels_is_reported(stpsf):
    with pytest.warns(
        UserWarning, match=r"^the psf has samples of 0.015625 arcsec, 4 to a pixel; the image has .* 0.031"
    ):
        Image.read(DATA, sigma=1.0, psf=stpsf, pixel_scale=0.031)


def test_a_grid_of_stpsf_is_interpolated(tmp_path):
    stack = np.array([gaussian(20, width) for width in (3.0, 4.0, 5.0, 6.0)])
    hdu = fits.PrimaryHDU(stack / stack.sum((1, 2))[:, None, None])
    hdu.header["OVERSAMP"] = 4
    for i, (y, x) in enumerate([(0.0, 0.0), (0.0, 100.0), (200.0, 0.0), (200.0, 100.0)]):
        hdu.header[f"DET_YX{i}"] = f"({y}, {x})"
    hdu.writeto(tmp_path / "grid.fits")
    psf = read_psf(tmp_path / "grid.fits", band=None, position=(100.0, 50.0))
    np.testing.assert_allclose(psf.array, 0.75 * hdu.data[1] + 0.25 * hdu.data[3])
    assert (psf.oversampling, psf.includes_pixel) == (4, True)
    outside = read_psf(tmp_path / "grid.fits", band=None, position=(-50.0, -50.0))
    np.testing.assert_allclose(outside.array, hdu.data[0])


def test_photutils_models():
    from photutils.psf import GriddedPSFModel, ImagePSF

    single = Image.read(DATA, sigma=1.0, psf=ImagePSF(9 * gaussian(33, 4.0), oversampling=3))
    assert (single.psf_oversampling, single.psf_includes_pixel) == (3, True)
    np.testing.assert_allclose(single.psf, gaussian(33, 4.0) / gaussian(33, 4.0).sum())
    places = [(0, 0), (0, 50), (50, 0), (50, 50)]
    stack = np.array([gaussian(33, width) for width in (1.5, 2.0, 2.5, 3.0)])
    model = GriddedPSFModel(NDData(stack, meta={"grid_xypos": places, "oversampling": 3}))
    image = Image.read(DATA, sigma=1.0, psf=model, psf_position=(20.0, 35.0))
    y, x = (np.indices((33, 33)) - 16) / 3
    model.x_0, model.y_0 = 20.0, 35.0
    theirs = model(x + 20.0, y + 35.0)
    np.testing.assert_allclose(image.psf, theirs / theirs.sum(), atol=1e-7)  # theirs ends a sample earlier


def test_other_models_are_refused():
    from photutils.psf import GaussianPSF, ImagePSF

    with pytest.raises(
        TypeError, match=r"^psf must be an array, a file, or a photutils model given by arrays, got Gauss"
    ):
        Image.read(DATA, sigma=1.0, psf=GaussianPSF())
    with pytest.raises(
        ValueError, match=r"^psf: ImagePSF must be centred in its array of shape \(5, 5\), got the origin \(1.0, 2.0\)"
    ):
        Image.read(DATA, sigma=1.0, psf=ImagePSF(gaussian(5, 1.0), origin=(1, 2)))
    with pytest.raises(ValueError, match=r"^psf: ImagePSF must have one oversampling in x and y, got \[2, 3\]$"):
        Image.read(DATA, sigma=1.0, psf=ImagePSF(gaussian(5, 1.0), oversampling=(2, 3)))


def test_psfex_without_a_polynomial(tmp_path):
    """As PSFEx writes it for a PSF that does not vary, or astropy after the cards were removed."""
    path = psfex(tmp_path / "a.psf", 0.5, degree=0)
    with fits.open(path, mode="update") as hdus:
        for name in [card for card in hdus[1].header if card.startswith("POL")]:
            del hdus[1].header[name]
    psf = read_psf(path, band=None, position=(500.0, 600.0))
    np.testing.assert_array_equal(
        psf.array, read_psf(psfex(tmp_path / "b.psf", 0.5, degree=0), band=None, position=(0, 0)).array
    )
    assert (psf.oversampling, psf.domain) == (2, None)
    assert not any("psf at" in note for note in Image.read(DATA, sigma=1.0, psf=path).provenance)


@pytest.fixture
def mosaic(tmp_path, rng):
    """A mosaic of 1000 x 1200 pixels with its PSF, and x, y of a galaxy."""
    fits.writeto(tmp_path / "mosaic.fits", rng.normal(size=(1200, 1000)).astype("f4"))
    return tmp_path / "mosaic.fits", psfex(tmp_path / "a.psf", 0.5), (640.0, 310.0)


def test_a_varying_psf_is_that_of_the_place_in_the_mosaic(mosaic, tmp_path):
    path, psf, (x, y) = mosaic
    expected = Image.read(np.ones((21, 31)), sigma=1.0, psf=psf, psf_position=(x, y)).psf
    x1, y1 = int(x) + 1 - 15, int(y) + 1 - 10
    section = Image.read(f"{path}[{x1}:{x1 + 30},{y1}:{y1 + 20}]", sigma=1.0, psf=psf)
    np.testing.assert_allclose(section.psf, expected)
    assert any(note == "psf at (640, 310): the centre of the section" for note in section.provenance)
    whole = fits.getdata(path)
    part = Cutout2D(whole, (x, y), (21, 31))
    np.testing.assert_allclose(Image.read(part, sigma=1.0, psf=psf).psf, expected)
    # IRAF's cut: logical = physical + LTV
    iraf = tmp_path / "cut.fits"
    fits.writeto(iraf, part.data, fits.Header({"LTV1": -(x1 - 1.0), "LTV2": -(y1 - 1.0), "LTM1_1": 1.0, "LTM2_2": 1.0}))
    np.testing.assert_allclose(Image.read(iraf, sigma=1.0, psf=psf).psf, expected)
    # one section of that, and one with blocks of two pixels
    again = Image.read(f"{iraf}[6:26,*]", sigma=1.0, psf=psf)
    np.testing.assert_allclose(again.psf, expected)
    binned = fits.Header({"LTV1": 0.5 - (x1 - 0.5) / 2, "LTV2": 0.5 - (y1 - 0.5) / 2, "LTM1_1": 0.5, "LTM2_2": 0.5})
    fits.writeto(tmp_path / "binned.fits", np.ones((10, 15)), binned)
    place = [note for note in Image.read(tmp_path / "binned.fits", sigma=1.0, psf=psf).provenance if "psf at" in note]
    assert place == ["psf at (639.5, 309.5): the image's centre, by LTV1 and LTV2"]


def test_a_cutout_that_does_not_say_where_it_was_cut_is_reported(mosaic, tmp_path):
    path, psf, (x, y) = mosaic
    fits.writeto(tmp_path / "cut.fits", fits.getdata(path)[300:321, 625:656])
    with pytest.warns(UserWarning, match=r"^psf: .*a.psf\[1\] varies over x .*, \(15, 10\); give psf_position"):
        Image.read(tmp_path / "cut.fits", sigma=1.0, psf=psf)
    Image.read(tmp_path / "cut.fits", sigma=1.0, psf=psf, psf_position=(x, y))
    Image.read(path, sigma=1.0, psf=psf)  # the mosaic itself
    places = [(0, 0), (0, 900), (900, 0), (900, 900)]
    from photutils.psf import GriddedPSFModel

    stack = np.array([gaussian(33, width) for width in (1.5, 2.0, 2.5, 3.0)])
    model = GriddedPSFModel(NDData(stack, meta={"grid_xypos": places, "oversampling": 3}))
    with pytest.warns(UserWarning, match=r"^psf: GriddedPSFModel varies over x 0 to 900 and y 0 to 900"):
        Image.read(tmp_path / "cut.fits", sigma=1.0, psf=model)


def test_a_section_that_flips_warns_about_its_psf(mosaic):
    path, _, _ = mosaic
    with pytest.warns(UserWarning, match=r"^the section of .* flips or skips pixels; the PSF is used as it is$"):
        Image.read(f"{path}[50:1,1:40]", sigma=1.0, psf=gaussian(11, 2.0) / gaussian(11, 2.0).sum())


@pytest.mark.parametrize("axis", ["X", "Y"])
def test_psfex_that_varies_along_one_axis(tmp_path, axis):
    """The polynomial by hand: 1, x, x² of the shifted and scaled position on the detector."""
    degree, zero, scale = 2, 500.5, 1000.0
    path = tmp_path / "a.psf"
    images = np.array([gaussian(31, width) for width in (2.8, 3.2, 3.6)])
    column = fits.Column("PSF_MASK", f"{images.size}D", dim="(31,31,3)", array=images[None])
    hdu = fits.BinTableHDU.from_columns([column], name="PSF_DATA")
    hdu.header.update({"POLNAXIS": 1, "POLGRP1": 1, "POLNAME1": f"{axis}_IMAGE", "POLZERO1": zero, "POLSCAL1": scale})
    hdu.header.update({"POLNGRP": 1, "POLDEG1": degree, "PSF_SAMP": 0.5})
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    position = (640.0, 310.0)
    x = (position["XY".index(axis)] + 1.0 - zero) / scale
    expected = images[0] + x * images[1] + x**2 * images[2]
    psf = read_psf(path, band=None, position=position)
    np.testing.assert_allclose(psf.array, expected / expected.sum(), rtol=1e-12)
    fits.writeto(tmp_path / "sci.fits", DATA)
    with pytest.warns(UserWarning, match=f"varies over {axis.lower()} 0 to 1000, and was evaluated at the centre"):
        Image.read(tmp_path / "sci.fits", sigma=1.0, psf=path)


@pytest.mark.parametrize("card", ["TFORM1", "TTYPE1", "TDIM1"])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_card_of_the_table_that_cannot_be_read_is_named(tmp_path, card, is_open):
    path = tmp_path / "a.psf"
    psfex(path, 1.0)
    content = path.read_bytes()
    at = content.index(f"{card:8}= '".encode()) + 10
    path.write_bytes(content[:at] + b"?'\"%" + content[at + 4 :])
    with fits.open(path) as hdus, pytest.raises(ValueError, match=rf"^psf: .* has a damaged header \(.*{card}"):
        read_psf(hdus if is_open else path, band=None, position=None)
