"""Bad and odd files for `Image.read`."""

import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

import sersiclab as sl

from .case import Case, named, right, told
from .images import DATA, psf
from .nonsense import NONSENSE


read = sl.Image.read


def cases(folder: Path) -> Iterator[Case]:
    whole = write(folder / "whole.fits", DATA)
    yield from paths(folder, whole)
    yield from bytes_(folder, whole)
    yield from headers(folder)
    yield from planes(folder, whole)
    yield from several(folder, whole)


def write(path: Path, *planes: Any, **cards: Any) -> Path:
    """A file with the first plane in its primary HDU and the others in extensions, by (name, plane)."""
    first, *others = planes
    header = fits.Header()
    for name, value in cards.items():
        header[name.replace("__", "-")] = value
    hdus = [fits.PrimaryHDU(first, header), *(fits.ImageHDU(plane, name=name) for name, plane in others)]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def paths(folder: Path, whole: Path) -> Iterator[Case]:
    yield named("Image.read", "nothing there", lambda: read(folder / "none.fits"), "none.fits")
    yield named("Image.read", "a folder", lambda: read(folder), folder.name)
    yield named("Image.read", "a device", lambda: read("/dev/null"), "/dev/null")
    yield named("Image.read", "a web address", lambda: read("https://example.org/a.fits"), "example.org")
    for kind in (
        "None",
        "True",
        "NaN",
        "bytes",
        "dict",
        "object",
        "complex",
        "list",
        "empty array",
        "array of three",
        "cube",
        "generator",
    ):
        yield named("Image.read", f"data = {kind}", lambda make=NONSENSE[kind]: read(make()), "data")
    for name in ("sigma", "weight", "invvar", "psf", "mask"):
        yield named(
            "Image.read", f"{name} not there", lambda n=name: read(whole, **{n: "none.fits"}), n_of(name), "none.fits"
        )
        other = write(folder / f"{name}_small.fits", np.ones((3, 4)))
        if name != "psf":
            yield named(
                "Image.read", f"{name} of another shape", lambda n=name, o=other: read(whole, **{n: o}), name, "shape"
            )
        for kind in ("text", "dict", "object", "complex", "list", "generator"):
            yield named(
                "Image.read", f"{name} = {kind}", lambda n=name, make=NONSENSE[kind]: read(whole, **{n: make()}), name
            )
    for name in (
        "[SCI]",
        "[7]",
        "[-1]",
        "[SCI,1]",
        "[0][1:5]",
        "[0][1:99,1:99]",
        "[",
        "[]",
        "[0",
        "[0][1:3,1:3,1:3]",
    ):
        yield named("Image.read", f"whole.fits{name}", lambda n=name: read(f"{whole}{n}", sigma=1.0), "whole.fits")
    yield right(
        "Image.read",
        "a section",
        lambda: read(f"{whole}[0][2:5,3:9]", sigma=1.0).data,
        lambda d: np.array_equal(d, DATA[2:9, 1:5]),
    )
    for value in (3, "J", True, [1]):
        yield (
            named("Image.read", f"band = {value!r}", lambda v=value: read(whole, sigma=1.0, band=v), "band")
            if value != "J"
            else right(
                "Image.read", "band unknown", lambda: read(whole, sigma=1.0, band="J").band, lambda band: band == "J"
            )
        )
    for value in ("a", 3.0, (1,), (math.nan, 1), None, [1, 2, 3], ("a", "b")):
        if value is not None:
            yield named(
                "Image.read",
                f"psf_position = {value!r}",
                lambda v=value: read(whole, sigma=1.0, psf=psf(), psf_position=v),
                "position",
            )
    for name in ("gain", "zeropoint", "pixel_scale", "unit", "psf_oversampling", "wcs", "wavelength"):
        yield named(
            "Image.read", f"{name} = dict", lambda n=name: read(whole, sigma=1.0, psf=psf(), **{n: {"a": 1}}), name
        )
    yield named("Image.read", "an unknown option", lambda: read(whole, colour=1), "colour")


def n_of(name: str) -> str:
    return name


def bytes_(folder: Path, whole: Path) -> Iterator[Case]:
    content = whole.read_bytes()
    garbage = {
        "empty": b"",
        "a text": b"hello\n",
        "zeros": bytes(5760),
        "a gzip": gzip.compress(b"hello"),
        "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "ones": b"\xff" * 5760,
    }
    for kind, text in garbage.items():
        path = folder / f"{kind.replace(' ', '_')}.fits"
        path.write_bytes(text)
        yield named("Image.read", kind, lambda p=path: read(p, sigma=1.0), path.name)
    for share in (0.1, 0.4, 0.6, 0.7):
        path = folder / f"cut_{share}.fits"
        path.write_bytes(content[: int(share * len(content))])
        yield named("Image.read", f"cut at {share:.0%}", lambda p=path: read(p, sigma=1.0), path.name)
    packed = gzip.compress(content, mtime=0)
    rng = np.random.default_rng(2)
    for at in rng.integers(20, len(packed) - 1, 12).tolist():
        path = folder / f"flipped_{at}.fits.gz"
        path.write_bytes(packed[:at] + bytes([packed[at] ^ 1 << at % 8]) + packed[at + 1 :])
        yield named("Image.read", f"byte {at} of a gzip flipped", lambda p=path: read(p, sigma=1.0), path.name)
    for share in (0.2, 0.9, 0.999):
        path = folder / f"cut_{share}.fits.gz"
        path.write_bytes(packed[: int(share * len(packed))])
        yield named("Image.read", f"a gzip cut at {share:.1%}", lambda p=path: read(p, sigma=1.0), path.name)
    summed = folder / "summed.fits"
    fits.PrimaryHDU(DATA).writeto(summed, checksum=True)
    raw = bytearray(summed.read_bytes())
    raw[2880 + 100] ^= 4
    summed.write_bytes(raw)
    yield told("Image.read", "a wrong DATASUM", lambda: read(summed, sigma=1.0), "summed.fits", "DATASUM", "damaged")
    letters = f"{whole}[0][a:b,c:d]"
    yield named("Image.read", "a section of letters", lambda: read(letters, sigma=1.0), "[a:b,c:d] is not a section")


def headers(folder: Path) -> Iterator[Case]:
    """Headers that lie, each in a file of its own."""
    bad = {
        "BITPIX 7": ("BITPIX", 7),
        "BITPIX a text": ("BITPIX", "abc"),
        "NAXIS1 negative": ("NAXIS1", -4),
        "NAXIS1 of 10 GB": ("NAXIS1", 10**10),
        "NAXIS1 a text": ("NAXIS1", "four"),
        "NAXIS of 999": ("NAXIS", 999),
        "NAXIS zero": ("NAXIS", 0),
    }
    for kind, (key, value) in bad.items():
        path = folder / f"{kind.replace(' ', '_')}.fits"
        content = write(folder / "tmp.fits", DATA).read_bytes()
        card = (
            fits.Card(key, value).image.encode().ljust(80)
            if isinstance(value, int)
            else f"{key:<8}= '{value}'".encode().ljust(80)
        )
        at = content.index(key.encode().ljust(8) + b"=")
        path.write_bytes(content[:at] + card + content[at + 80 :])
        yield named("Image.read", f"header with {kind}", lambda p=path: read(p, sigma=1.0), path.name)
    odd = {
        "BUNIT": ("furlong", "unit unknown"),
        "MAGZERO": ("bright", ""),
        "GAIN": ("high", ""),
        "FILTER": (3, ""),
        "PIXSCALE": (-1.0, ""),
    }
    for key, (value, word) in odd.items():
        path = write(folder / f"odd_{key}.fits", DATA, **{key: value})
        if word:
            yield told("Image.read", f"{key} = {value!r}", lambda p=path: read(p, sigma=1.0), word, word=repr)
        else:
            yield right(
                "Image.read",
                f"{key} = {value!r}",
                lambda p=path: read(p, sigma=1.0).data,
                lambda d: np.array_equal(d, DATA),
            )
    logarithmic = write(folder / "mag.fits", DATA, BUNIT="mag")
    yield told("Image.read", "magnitudes", lambda: read(logarithmic, sigma=1.0), "an image must be linear")
    sky = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0, "CRPIX1": 5.0, "CRPIX2": 5.0}
    for kind, cards in {
        "no scale": {},
        "scale of zero": {"CDELT1": 0.0, "CDELT2": 0.0},
        "a text": {"CDELT1": "a", "CDELT2": 1e-4},
        "singular": {"CD1_1": 1e-4, "CD1_2": 1e-4, "CD2_1": 1e-4, "CD2_2": 1e-4},
    }.items():
        path = write(folder / f"wcs_{kind.replace(' ', '_')}.fits", DATA, **sky, **cards)
        yield told("Image.read", f"a WCS with {kind}", lambda p=path: read(p, sigma=1.0), "the WCS of", "ignored")
    for kind, dtype in {"bytes": "u1", "short": ">i2", "long": ">i8", "single": ">f4", "double": ">f8"}.items():
        array = np.round(np.abs(DATA)).astype(dtype)
        path = write(folder / f"kind_{kind}.fits", array)
        yield right(
            "Image.read",
            f"pixels of {kind}",
            lambda p=path: read(p, sigma=1.0).data,
            lambda d, a=array: np.array_equal(d, a),
        )
    scaled = fits.PrimaryHDU(np.arange(168, dtype=np.int16).reshape(12, 14))
    scaled.header["BSCALE"], scaled.header["BZERO"], scaled.header["BLANK"] = 2.0, 5.0, 7
    scaled.writeto(folder / "scaled.fits")
    path = folder / "scaled.fits"
    yield told("Image.read", "BLANK", lambda: read(path, sigma=1.0), "not finite in 1 pixels")


def planes(folder: Path, whole: Path) -> Iterator[Case]:
    nan = DATA.copy()
    nan[3, 4] = math.nan
    path = write(folder / "nan.fits", nan)
    yield told("Image.read", "NaN in a file", lambda: read(path, sigma=1.0), "not finite in 1 pixels", "excluded")
    yield told("Image.read", "no error map", lambda: read(whole), "there is no error map", "sigma is measured")
    cube = write(folder / "cube.fits", np.ones((3, 12, 14)))
    yield named("Image.read", "a cube", lambda: read(cube, sigma=1.0), "cube.fits")
    table = folder / "table.fits"
    fits.BinTableHDU.from_columns([fits.Column("a", "D", array=np.ones(3))]).writeto(table)
    yield named("Image.read", "a table", lambda: read(table, sigma=1.0), "table.fits")
    empty = folder / "none_inside.fits"
    fits.PrimaryHDU().writeto(empty)
    yield named("Image.read", "no image inside", lambda: read(empty, sigma=1.0), "none_inside.fits")
    both = write(folder / "err.fits", DATA, ("ERR", -np.ones_like(DATA)))
    yield named("Image.read", "a negative ERR", lambda: read(both), "sigma must be positive", "err.fits")
    all_bad = write(folder / "dq.fits", DATA, ("DQ", np.ones(DATA.shape, np.int32)))
    yield named(
        "Image.read", "a DQ that excludes all", lambda: read(all_bad, sigma=1.0), "mask excludes every pixel", "dq.fits"
    )
    constant = write(folder / "constant.fits", np.full(DATA.shape, 7.0))
    yield named("Image.read", "a constant image without errors", lambda: read(constant), "error map")
    for kind in ("NaN", "zeros", "negative"):
        bad = {"NaN": np.full((5, 5), math.nan), "zeros": np.zeros((5, 5)), "negative": -np.ones((5, 5))}[kind]
        file = write(folder / f"psf_{kind}.fits", bad)
        yield named(
            "Image.read", f"a PSF of {kind}", lambda p=file: read(whole, sigma=1.0, psf=p), "psf", f"psf_{kind}.fits"
        )
    yield named("Image.read", "a table for a PSF", lambda: read(whole, sigma=1.0, psf=table), "psf", "table.fits")
    psfex = fits.BinTableHDU.from_columns([fits.Column("PSF_MASK", "8D", array=np.ones((1, 8)))], name="PSF_DATA")
    psfex.writeto(folder / "odd.psf")
    yield named(
        "Image.read",
        "a PSFEx file without its header",
        lambda: read(whole, sigma=1.0, psf=folder / "odd.psf"),
        "psf",
        "odd.psf",
    )
    np.save(folder / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    yield named("Image.read", "a pickle in .npy", lambda: read(folder / "a.npy", sigma=1.0), "a.npy")
    (folder / "b.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': (9999999, 999999), }")
    yield named("Image.read", ".npy that lies", lambda: read(folder / "b.npy", sigma=1.0), "b.npy")


def several(folder: Path, whole: Path) -> Iterator[Case]:
    """`Images.read`."""
    read_all = sl.Images.read
    for kind, make in NONSENSE.items():
        yield named("Images.read", f"data = {kind}", lambda make=make: read_all(make(), sigma=1.0), "")
    for name in ("sigma", "weight", "invvar", "psf", "mask", "gain", "zeropoint", "pixel_scale", "unit", "wcs", "band"):
        for kind in ("dict", "object", "complex", "generator"):
            call = lambda n=name, make=NONSENSE[kind]: read_all({"g": whole}, **{"sigma": 1.0, n: make()})  # noqa: E731
            words = (name,) if kind == "dict" else (name, "image 'g'", "whole.fits")
            yield named("Images.read", f"{name} = {kind}", call, *words)
    band = write(folder / "g.fits", DATA, FILTER="g")
    yield named("Images.read", "nothing there", lambda: read_all({"g": "none.fits"}), "image 'g'", "none.fits")
    yield named("Images.read", "no band", lambda: read_all([whole], sigma=1.0), "whole.fits", "does not name its band")
    yield named("Images.read", "one band twice", lambda: read_all([band, band], sigma=1.0), "g.fits", "the band 'g'")
    yield named("Images.read", "a name with a dot", lambda: read_all({"a.b": whole}), "an identifier", "'a_b' would do")
    yield named("Images.read", "an unknown option", lambda: read_all({"g": whole}, colour=1), "colour")
    yield named("Images.read", "another name", lambda: read_all({"g": whole}, sigma={"r": 1.0}), "sigma", "'r'")
    three = [fits.ImageHDU(DATA, name=name) for name in ("G", "R", "PSF_R")]
    fits.HDUList([fits.PrimaryHDU(), *three]).writeto(folder / "named.fits")
    path = folder / "named.fits"
    yield right("Images.read", "bands by name", lambda: read_all(path, sigma=1.0).names, lambda n: n == ("g", "r"))
    yield named("Images.read", "which band?", lambda: read_all({"x": path}, sigma=1.0), "named.fits", "g, r", "band=")
    nothing = write(folder / "nothing.fits", np.full(DATA.shape, math.nan), FILTER="z")
    blank = lambda: read_all({"z": nothing, "g": band}, sigma=1.0)  # noqa: E731
    yield told("Images.read", "a blank image", blank, "'z' has no usable pixel", word=repr)
    yield named("Images.read", "all blank", lambda: read_all(nothing, sigma=1.0), "images must hold", "'z'")
