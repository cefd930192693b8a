"""Bad and odd inputs of `Image`, its methods and its properties."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io.fits import Header
from astropy.wcs import WCS

import sersiclab as sl
from sersiclab.data.unusable import blank_image

from .case import Case, named, right, told
from .nonsense import NONSENSE, refused, taken


SHAPE = (12, 14)
DATA = np.random.default_rng(3).normal(10.0, 1.0, SHAPE)
MASK = np.zeros(SHAPE, bool)


def psf(side: int = 7, sigma: float = 1.2, at: tuple[float, float] | None = None) -> np.ndarray:
    y, x = np.indices((side, side)) - np.reshape(at or ((side - 1) / 2,) * 2, (2, 1, 1))
    samples = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    return samples / samples.sum()


def image(**changes: Any) -> sl.Image:
    return sl.Image(**{"data": DATA, "sigma": 1.0} | changes)


def sky() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.0, 2.0], [7.0, 6.0], [-1e-4, 1e-4]
    return wcs


def with_value(array: np.ndarray, value: float, at: Any = (3, 4)) -> np.ndarray:
    changed = array.copy()
    changed[at] = value
    return changed


def cases(_: Path) -> Iterator[Case]:
    yield from planes()
    yield from options()
    yield from methods()
    yield from several()


def planes() -> Iterator[Case]:
    shapes = {
        "an image of three planes": np.ones((3, 12, 14)),
        "no rows": np.ones((0, 14)),
        "NaN in a pixel": with_value(DATA, math.nan),
        "infinity in a pixel": with_value(DATA, -math.inf),
        "all NaN": np.full(SHAPE, math.nan),
        "objects": DATA.astype(object),
        "texts": DATA.astype(str),
        "complex numbers": DATA.astype(complex),
        "dates": np.zeros(SHAPE, "datetime64[s]"),
        "records": np.zeros(SHAPE, [("a", float)]),
        "a path": Path("sci.fits"),
    }
    yield from refused(
        "Image", "data", lambda v: sl.Image(v, sigma=1.0), "data must be", fine=("quantity",), also=shapes
    )
    noise = {
        "of another shape": np.ones((3, 4)),
        "transposed": np.ones(SHAPE[::-1]),
        "negative": -1.0,
        "negative in a pixel": with_value(DATA, -1.0),
        "of complex numbers": np.ones(SHAPE, complex),
        "in seconds": 3.0 * u.s,
    }
    fine = ("NaN", "NumPy NaN", "JAX NaN", "infinity", "True", "NumPy False", "None", "masked")
    for name in ("sigma", "weight", "invvar"):
        extra = ("minus infinity",) if name == "sigma" else ()
        yield from refused("Image", name, lambda v, n=name: sl.Image(DATA, **{n: v}), name, fine=fine, also=noise)
        for kind in ("NaN", "infinity") if name == "sigma" else ("NaN",):
            call = lambda k=kind, n=name: sl.Image(DATA, **{n: NONSENSE[k]()})  # noqa: E731
            yield named("Image", f"{name} = {kind} everywhere", call, "sigma is usable in no pixel", *extra[:0])
        part = with_value(np.ones(SHAPE), 0.0)
        call = lambda n=name, part=part: sl.Image(DATA, **{n: part})  # noqa: E731
        yield told("Image", f"{name} zero in a pixel", call, "in 1 pixels", "excluded")
    yield named("Image", "no error map", lambda: sl.Image(DATA), "needs an error map", "sigma")
    yield named("Image", "two error maps", lambda: image(weight=1.0), "one of sigma, weight and invvar")
    yield named("Image", "sigma and read_noise", lambda: image(read_noise=3.0), "not both")
    yield named("Image", "unit of sigma", lambda: sl.Image(DATA * u.Jy, sigma=1.0 * u.s), "sigma", "Jy")
    masks = {
        "of another shape": np.zeros((3, 4)),
        "of NaN": np.full(SHAPE, math.nan),
        "of texts": np.full(SHAPE, "no"),
        "everything": np.ones(SHAPE),
    }
    fine = ("None",)
    yield from refused("Image", "mask", lambda v: image(mask=v), "mask", fine=fine, also=masks)
    yield from refused("Image.with_mask", "mask", lambda v: image().with_mask(v), "mask", also=masks)
    cores = {
        "of zeros": np.zeros((5, 5)),
        "negative": -psf(),
        "of NaN": with_value(psf(), math.nan),
        "infinite": with_value(psf(), math.inf),
        "of three planes": np.ones((3, 5, 5)),
    }
    yield from refused("Image", "psf", lambda v: image(psf=v), "psf", fine=("None",), also=cores)
    off = psf(at=(2.0, 3.0))
    yield told("Image", "psf off centre", lambda: image(psf=off), "not centred")
    yield told("Image", "psf of a large sum", lambda: image(psf=7.0 * psf()), "sums to 7", "normalised")
    yield told("Image", "psf in the order of an FFT", lambda: image(psf=np.fft.ifftshift(psf(9))), "psf")
    fine_psf = psf(15, 0.6)
    yield told(
        "Image", "psf narrower than a pixel", lambda: image(psf=fine_psf, psf_oversampling=4), "psf_includes_pixel"
    )
    yield told("Image", "psf with a masked sample", lambda: image(psf=np.ma.masked_less(psf(), 1e-3)), "masked samples")
    yield told("Image", "psf of one sample", lambda: image(psf=[[1.0]]), "narrower than a pixel's own response")
    optical = lambda: image(psf=[[1.0]], psf_includes_pixel=False)  # noqa: E731
    yield right("Image", "optical psf of one sample", optical, lambda i: i.psf.shape == (1, 1))
    for kind, array in {
        "big-endian": DATA.astype(">f8"),
        "whole": DATA.astype(np.int16),
        "half precision": DATA.astype(np.float16),
        "every other": np.repeat(DATA, 2, axis=1)[:, ::2],
        "backwards": DATA[::-1][::-1],
        "lists": DATA.tolist(),
        "read-only": np.broadcast_to(DATA, SHAPE),
        "1e-38": DATA * 1e-38,
        "1e30": DATA * 1e30,
    }.items():
        expected = np.asarray(array, dtype=float)
        call = lambda array=array: sl.Image(array, sigma=1.0).data  # noqa: E731
        yield right("Image", f"data {kind}", call, lambda d, e=expected: np.array_equal(d, e.astype(d.dtype)))
    yield right("Image", "data of one pixel", lambda: sl.Image([[5.0]], sigma=1.0), lambda i: i.shape == (1, 1))
    lost = np.ma.masked_greater(with_value(DATA, 99.0), 90.0)
    yield right("Image", "a masked array", lambda: sl.Image(lost, sigma=1.0).mask, lambda m: m.sum() == 1 and m[3, 4])
    nan = with_value(DATA, math.nan)
    yield right(
        "Image", "masked NaN", lambda: sl.Image(nan, sigma=1.0, mask=np.isnan(nan)).mask.sum(), lambda n: n == 1
    )
    blank = with_value(DATA, 0.0, np.s_[:, :5])
    yield told("Image", "a blank border", lambda: sl.Image(blank, gain=2.0, sky_level=5.0), "excluded from the fit")
    yield right("Image", "an integer mask", lambda: image(mask=np.eye(12, 14, dtype=int)).mask.sum(), lambda n: n == 12)
    yield right(
        "Image.valid", "complement of the mask", lambda: image(mask=np.eye(12, 14)).valid.sum(), lambda n: n == 156
    )
    yield right("Image.shape", "[y, x]", lambda: image().shape, lambda shape: shape == SHAPE)


def options() -> Iterator[Case]:
    numeric = {"negative": -1.0, "zero": 0.0}
    yield from refused("Image", "gain", lambda v: sl.Image(DATA, gain=v, sky_level=5.0), "gain", also=numeric)
    for name in ("pixel_scale", "zeropoint"):
        also = numeric if name == "pixel_scale" else {}
        phrase = f"{name} must be a {'positive ' if also else ''}finite number, got"
        yield from refused("Image", name, lambda v, n=name: image(**{n: v}), phrase, fine=("None",), also=also)
        yield from taken("Image", name, lambda v, n=name: getattr(image(**{n: v}), n), lambda found: found == 3.0)
    for name in ("read_noise", "sky_level"):
        phrase = f"{name} must be a finite number, got"
        yield from refused("Image", name, lambda v, n=name: sl.Image(DATA, gain=2.0, **{n: v}), phrase)
    yield named(
        "Image", "read_noise = negative", lambda: sl.Image(DATA, gain=2.0, read_noise=-1.0), "read_noise must not"
    )
    shares = {"half": 0.5, "zero": 0, "negative": -1, "one and a half": 1.5}
    call = lambda v: image(psf=psf(), psf_oversampling=v)  # noqa: E731
    phrase = "psf_oversampling must be a positive integer, got"
    yield from refused("Image", "psf_oversampling", call, phrase, fine=("a number of 400 digits",), also=shares)
    for value in (10**5, 10**9, 10**400):
        yield named("Image", f"psf_oversampling = {value:.3g}" if value < 1e300 else "psf_oversampling of 400 digits",
                    lambda v=value: call(v), "psf_oversampling", "fewer samples")  # fmt: skip
    phrase = "psf_includes_pixel must be True or False, got"
    fine = ("True", "NumPy False")
    yield from refused("Image", "psf_includes_pixel", lambda v: image(psf_includes_pixel=v), phrase, fine=fine)
    phrase = "psf_centre must be one of 'array', 'peak', 'centroid', got"
    yield from refused("Image", "psf_centre", lambda v: image(psf_centre=v), phrase)
    fine = ("None", "text", "empty text", "text of a number", "NumPy text")
    yield from refused("Image", "band", lambda v: image(band=v), "band must be a name such as 'r', got", fine=fine)
    fine = ("None", "quantity")
    yield from refused(
        "Image", "wavelength", lambda v: image(wavelength=v), "wavelength must be", fine=fine, also=numeric
    )
    yield from taken("Image", "wavelength", lambda v: image(wavelength=v).wavelength, lambda found: found == 3.0)
    yield right(
        "Image", "wavelength in nm", lambda: image(wavelength=480 * u.nm).wavelength, lambda um: abs(um - 0.48) < 1e-12
    )
    yield from refused("Image", "wcs", lambda v: image(wcs=v), "wcs must be", fine=("None",))
    spectrum = WCS(naxis=1)
    yield told("Image", "wcs without a sky", lambda: image(wcs=WCS(naxis=2)), "wcs", "celestial")
    yield told("Image", "wcs of a spectrum", lambda: image(wcs=spectrum), "wcs", "celestial")
    yield told("Image", "wcs of an empty header", lambda: image(wcs=Header()), "wcs", "celestial")
    yield told("Image", "two pixel scales", lambda: image(wcs=sky(), pixel_scale=1.0), "pixel_scale", "0.36")
    words = "unit must be a unit of light that astropy knows"
    fine = ("None",)
    yield from refused("Image", "unit", lambda v: image(unit=v), words, fine=fine)
    yield named(
        "Image", "two units", lambda: sl.Image(DATA * u.Jy, sigma=1.0 * u.Jy, unit="mJy"), "unit must be that of data"
    )
    fine = ("empty list",)
    yield from refused("Image", "provenance", lambda v: image(provenance=v), "provenance must be", fine=fine)
    yield named("Image", "an unknown option", lambda: image(colour="r"), "colour")
    yield right("Image.fields", "give the image back", lambda: sl.Image.restored(**image(psf=psf()).fields).psf,
                lambda p: np.array_equal(p, psf()))  # fmt: skip
    yield named("Image.restored", "without a PSF", lambda: sl.Image.restored(data=DATA, sigma=1.0), "psf")
    yield right("Image.psf_origin", "without a PSF", lambda: image().psf_origin, lambda origin: origin is None)
    yield right("Image.psf_origin", "even", lambda: image(psf=psf(8)).psf_origin, lambda o: o == (3.5, 3.5))


def methods() -> Iterator[Case]:
    whole = image(wcs=sky())
    sides = {"zero": 0, "negative": -3, "three": (3, 3, 3), "one of two zero": (3, 0), "NaN of two": (3, math.nan)}
    yield from refused("Image.cutout", "size", lambda v: whole.cutout((6, 6), v), "size", also=sides)
    yield named("Image.cutout", "size in seconds", lambda: whole.cutout((6, 6), 3 * u.s), "size")
    places = {
        "one number": (3.0,),
        "three": (1, 2, 3),
        "of texts": ("a", "b"),
        "NaN of two": (3, math.nan),
        "in metres": (3 * u.m, 2),
    }
    yield from refused(
        "Image.cutout", "position", lambda v: whole.cutout(v, 5), "position", fine=("generator",), also=places
    )
    yield named("Image.cutout", "outside", lambda: whole.cutout((100, 100), 5), "position must lie in the image")
    yield named("Image.cutout", "far outside", lambda: whole.cutout((1e300, 0), 5), "position must lie in the image")
    there, elsewhere = SkyCoord(150.0, 2.0, unit="deg"), SkyCoord(10.0, -60.0, unit="deg")
    yield named("Image.cutout", "sky without a WCS", lambda: image().cutout(there, 5), "position", "no WCS")
    yield named("Image.cutout", "another sky", lambda: whole.cutout(elsewhere, 5), "position")
    half = image(mask=MASK | (np.indices(SHAPE)[1] < 7))
    yield named("Image.cutout", "all of it masked", lambda: half.cutout((2, 5), 3), "mask excludes every pixel")
    yield right("Image.cutout", "sky", lambda: whole.cutout(there, 5).shape, lambda shape: shape == (5, 5))
    yield right("Image.cutout", "over the edge", lambda: whole.cutout((0, 0), 5).shape, lambda shape: shape == (3, 3))
    yield right("Image.cutout", "huge size", lambda: whole.cutout((6, 6), 10**6).shape, lambda shape: shape == SHAPE)
    yield from refused("Image.convert", "quantity", lambda v: whole.convert(v), "quantity")
    yield named("Image.convert", "a length in metres", lambda: whole.convert(3.0 * u.m), "can't be converted")
    yield right("Image.cutout", "an angle", lambda: whole.cutout((6, 6), 1.8 * u.arcsec).shape, lambda s: s == (5, 5))


def several() -> Iterator[Case]:
    """`Images`, its methods and its properties."""
    pair = sl.Images({"g": image(band="g"), "r": image(band="HSC-R")})
    shapes = {
        "one image": image(),
        "images in a list without bands": [image(), image()],
        "two of one band": [image(band="g"), image(band="g")],
        "a band that is no name": [image(band="--")],
        "a name with a dot": {"a.b": image()},
        "a name of 400 digits": {"1" * 400: image()},
        "no name": {"": image()},
        "a number for a name": {3: image()},
        "an image in an image": {"g": {"g": image()}},
        "only missing images": {"g": None, "r": None},
        "bands that are one in paths": {"a": image(band="g'"), "b": image(band="g")},
    }
    yield from refused("Images", "images", sl.Images, "images", also=shapes)
    lengths = {"negative": -1.0, "zero": 0.0, "in seconds": 3.0 * u.s, "of no image": {"z": 1.0}}
    yield from refused("Images", "wavelengths", lambda v: sl.Images(pair, wavelengths=v), "wavelengths", fine=("None",))
    yield from refused(
        "Images",
        "a wavelength",
        lambda v: sl.Images(pair, wavelengths={"g": v}),
        "wavelengths['g'] must be",
        fine=("None", "quantity"),
        also=lengths,
    )
    yield told("Images", "a missing image", lambda: sl.Images({"g": image(), "r": None}), "'r' is None", "left out")
    nothing = blank_image({"data": DATA})
    yield told("Images", "a blank image", lambda: sl.Images({"g": nothing, "r": image()}), "'g' has no usable pixel")
    yield named("Images", "all blank", lambda: sl.Images({"g": nothing}), "images must hold", "'g' has no usable pixel")
    odd = sl.Images({"été": image(band="été"), "band": image()})
    yield right("Images", "names of other letters", lambda: odd.names, lambda names: names == ("été", "band"))
    yield right("Images.frame", "the first", lambda: pair.frame is pair["g"], bool)
    yield right("Images.used", "all", lambda: pair.used, lambda names: names == ("g", "r"))
    yield right("Images.bands", "as in the images", lambda: pair.bands, lambda bands: bands == {"g": "g", "r": "HSC-R"})
    yield right("Images.labels", "as in paths", lambda: [label.band for label in pair.labels], ["g", "HSC_R"].__eq__)
    yield right("Images.wavelengths", "of the table", lambda: pair.wavelengths, {"g": 0.4702, "r": 0.6234}.__eq__)
    yield right("Images.notes", "none", lambda: pair.notes, lambda notes: notes == ())
    yield from refused("Images.without", "name", pair.without, "there is no image")
    yield named("Images.without", "all", lambda: pair.without("g", "r"), "images must hold")
    yield from refused(
        "Images.with_image",
        "name",
        lambda v: pair.with_image(v, image()),
        "a name must be an identifier",
        fine=("text",),
    )
    yield from refused(
        "Images.with_image", "image", lambda v: pair.with_image("g", v), "images['g'] must be an Image", fine=("None",)
    )
