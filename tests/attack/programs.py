"""Bad and odd files of GALFIT and imfit, and files that are written for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from astropy.io import fits

import sersiclab as sl

from .case import Case, named, right, told
from .images import DATA, image
from .models import galaxy
from .nonsense import NONSENSE
from .runs import IMAGES, MODELS


MENU = """A) gal.fits
C) none
D) none
E) 1
F) none
G) none
H) 1 14 1 12
J) 20.0
K) 0.1 0.1
"""
SERSIC = """ 0) sersic
 1) 7 6 1 1
 3) 15.0 1
 4) 3.1 1
 5) 2.5 1
 9) 0.8 1
10) 30.0 1
"""
SKY = " 0) sky\n 1) 10. 1\n 2) 0 0\n 3) 0 0\n"
IMFIT = "X0 7 1,14\nY0 6 1,12\nFUNCTION Sersic\nPA 30 0,180\nell 0.2 0,0.9\nn 2.5 0.5,8\nI_e 10 0,1000\nr_e 3 0.5,10\n"


def cases(folder: Path) -> Iterator[Case]:
    fits.writeto(folder / "gal.fits", DATA)
    yield from menus(folder)
    yield from bands(folder)
    yield from constraints(folder)
    yield from configurations(folder)
    yield from writers(folder)


class Names:
    """Numbered files in a folder."""

    def __init__(self, folder: Path, kind: str, suffix: str) -> None:
        self.folder, self.kind, self.suffix, self.count = folder, kind, suffix, 0

    def file(self, content: str | bytes) -> Path:
        self.count += 1
        path = self.folder / f"{self.kind}{self.count}{self.suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


def menus(folder: Path) -> Iterator[Case]:
    names, whole = Names(folder, "menu", ".feedme"), MENU + SERSIC
    of, read = "io.read_galfit", sl.io.read_galfit
    wrong = {
        "empty": ("", "H), the image region, is missing"),
        "prose": ("It was a dark and stormy night.\n", "menu"),
        "no component": (MENU, "component"),
        "an unknown function": (whole.replace("0) sersic", "0) serric"), "serric"),
        "a text for n": (whole.replace("2.5 1", "abc 1"), "abc"),
        "n of NaN": (whole.replace("2.5 1", "nan 1"), "5)"),
        "n of infinity": (whole.replace("2.5 1", "inf 1"), "5)"),
        "r_e of zero": (whole.replace("3.1 1", "0 1"), "4)"),
        "r_e negative": (whole.replace("3.1 1", "-3 1"), "4)"),
        "axis ratio of zero": (whole.replace("0.8 1", "0 1"), "9)"),
        "magnitude of -9999": (whole.replace("15.0 1", "-9999 1"), "3)"),
        "no image": (whole.replace("gal.fits", "none.fits"), "none.fits"),
        "an image that is the menu": (whole.replace("gal.fits", "menu1.feedme"), "menu1.feedme"),
        "a password file": (whole.replace("gal.fits", "/etc/passwd"), "/etc/passwd"),
        "a device": (whole.replace("gal.fits", "/dev/zero"), "/dev/zero"),
        "a region outside": (whole.replace("H) 1 14 1 12", "H) 90 99 90 99"), "H)"),
        "a region of texts": (whole.replace("H) 1 14 1 12", "H) a b c d"), "H)"),
        "a region of three": (whole.replace("H) 1 14 1 12", "H) 1 14 1"), "H)"),
        "a zero-point of a text": (whole.replace("J) 20.0", "J) bright"), "J)"),
        "a fine PSF of zero": (whole.replace("E) 1", "E) 0"), "E)"),
        "no position": (whole.replace(" 1) 7 6 1 1\n", ""), "lacks x), y)"),
    }
    for kind, (text, word) in wrong.items():
        path = names.file(text)
        yield named(of, kind, lambda p=path: read(p), word)
    odd = {
        "n of 99": (whole.replace("2.5 1", "99 1"), "n = 99 lies outside"),
        "a key twice": (whole + " 5) 4.0 1\n", "5)"),
        "an unknown key": (whole + " 77) 4.0 1\n", "77)"),
        "one toggle of two": (whole.replace("7 6 1 1", "7 6 1"), "1)"),
        "Z) 1 alone": (whole + " Z) 1\n" + SKY, "Z)"),
        "a mask that is absent": (whole.replace("F) none", "F) mask.fits"), "mask.fits"),
        "a PSF that is absent": (whole.replace("D) none", "D) psf.fits"), "psf.fits"),
        "constraints that are absent": (whole.replace("G) none", "G) g.constraints"), "g.constraints"),
        "a truncation": (whole + "T0) radial\nT1) 7 6\nT4) 3.0 1\n", "truncation"),
    }
    for kind, (text, word) in odd.items():
        path = names.file(text)
        yield told(of, kind, lambda p=path: read(p), word)
    for kind, raw in {
        "UTF-16": whole.encode("utf-16"),
        "zeros": bytes(999),
        "a FITS file": (folder / "gal.fits").read_bytes(),
    }.items():
        path = names.file(raw)
        yield named(of, kind, lambda p=path: read(p), path.name)
    index = lambda found: abs(next(iter(found[0].components.values())).n.init - 2.5) < 1e-6  # noqa: E731
    for kind, text in {
        "CRLF": whole.replace("\n", "\r\n"),
        "CR": whole.replace("\n", "\r"),
        "tabs": whole.replace(") ", ")\t"),
        "a BOM": "\ufeff" + whole,
        "remarks": whole.replace("\n", " # a note\n"),
    }.items():
        path = names.file(text)
        yield quiet(of, kind, lambda p=path: read(p), index)
    many = names.file(MENU + SERSIC * 300)
    yield quiet(of, "300 components", lambda: read(many), lambda found: len(found[0].components) == 300)
    path = names.file(whole)
    for kind in ("text", "True", "NaN", "object", "empty array"):
        yield named(
            of, f"image = {kind}", lambda make=NONSENSE[kind]: read(path, image=make()), "image must be an Image"
        )
    for kind in ("None", "True", "NaN", "dict", "object", "bytes"):
        yield named(of, f"path = {kind}", lambda make=NONSENSE[kind]: read(make()), "path must be")
    for value in ("J", 3, True, [1]):
        yield named(of, f"band = {value!r}", lambda v=value: read(path, band=v), "band")
    yield named(of, "nothing there", lambda: read(folder / "x.feedme"), "there is no file")
    yield named(of, "a folder", lambda: read(folder), folder.name)


def bands(folder: Path) -> Iterator[Case]:
    """Menus of several bands, GALFITM's."""
    names, of, read = Names(folder, "bands", ".feedme"), "io.read_galfit", sl.io.read_galfit
    menu = MENU.replace("A) gal.fits", "A) gal.fits,gal.fits,gal.fits\nA1) g,r,i\nA2) 4770,6231,7625")
    whole = menu + SERSIC.replace("3.1 1", "3.1,3.2,3.3 2")
    wrong = {
        "two values for three bands": (whole.replace("3.1,3.2,3.3", "3.1,3.2"), "4)"),
        "a text in a list": (whole.replace("3.1,3.2,3.3", "3.1,big,3.3"), "4)"),
        "NaN in a list": (whole.replace("3.1,3.2,3.3", "3.1,nan,3.3"), "4)"),
        "a radius of zero in a band": (whole.replace("3.1,3.2,3.3 2", "3.1,0,3.3 3"), "4)"),
        "a freedom of four": (whole.replace("3.3 2", "3.3 4"), "4)"),
        "a freedom of -1": (whole.replace("3.3 2", "3.3 -1"), "4)"),
        "a freedom of 1e300": (whole.replace("3.3 2", "3.3 1e300"), "4)"),
        "four toggles": (whole.replace("3.3 2", "3.3 1,1,1,1"), "4)"),
        "four coefficients": (whole.replace("3.1,3.2,3.3 2", "3,0,0,1 1 cheb"), "4)"),
        "no wavelengths": (whole.replace("A2) 4770,6231,7625\n", "").replace("g,r,i", "aa,bb,cc"), "A2)"),
        "two wavelengths": (whole.replace("4770,6231,7625", "4770,6231"), "A2)"),
        "a negative wavelength": (whole.replace("4770,6231", "-4770,6231"), "A2)"),
        "a text for a wavelength": (whole.replace("4770,6231", "blue,6231"), "A2)"),
        "two labels": (whole.replace("g,r,i", "g,r"), "A1)"),
        "the same label twice": (whole.replace("g,r,i", "g,r,G"), "A1)"),
        "two zero-points": (whole.replace("J) 20.0", "J) 20.0,21.0"), "J)"),
        "a missing image": (whole.replace("gal.fits,gal.fits,", "gal.fits,none.fits,"), "none.fits"),
    }
    for kind, (text, word) in wrong.items():
        path = names.file(text)
        yield named(of, kind, lambda p=path: read(p), word)
    for kind, text in {"lists": whole, "a series": whole.replace("3.1,3.2,3.3 2", "3.2,0.1 1,1 cheb")}.items():
        path = names.file(text)
        yield quiet(of, kind, lambda p=path: read(p), lambda found: list(found[1]) == ["g", "r", "i"])


def quiet(of: str, name: str, call: Any, check: Any) -> Case:
    """A case whose only warning is that sigma was measured."""
    import warnings

    def without() -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "there is no error map|.*changed in the conversion|.*no detected|no sigma"
            )
            return call()

    return right(of, name, without, check)


def constraints(folder: Path) -> Iterator[Case]:
    names, of = Names(folder, "rules", ".constraints"), "io.read_galfit"
    for kind, line in {
        "a text": "hello",
        "an unknown component": "9 n 1 to 4",
        "an unknown parameter": "1 colour 1 to 4",
        "reversed": "1 n 4 to 1",
        "a range that n leaves": "1 n 5 to 6",
        "NaN": "1 n nan to 4",
        "one number": "1 n 4",
        "a ratio": "1/2 mag 1 3",
    }.items():
        rules = names.file(line + "\n")
        menu = folder / f"with_{rules.name}.feedme"
        menu.write_text((MENU + SERSIC).replace("G) none", f"G) {rules.name}"))
        yield Case(of, f"a constraint with {kind}", lambda p=menu: _said(p), *_either(rules.name))


def _said(path: Path) -> str:
    """What a constraint does: its error or the warning, as text."""
    import warnings

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            sl.io.read_galfit(path)
        except ValueError as error:
            return str(error)
    return "\n".join(str(each.message) for each in heard)


def _either(word: str) -> Iterator[Any]:
    from .case import Told

    yield Told((word,), str)


def configurations(folder: Path) -> Iterator[Case]:
    names, of, read = Names(folder, "imfit", ".dat"), "io.read_imfit", sl.io.read_imfit
    wrong = {
        "empty": ("", "FUNCTION"),
        "prose": ("It was a dark and stormy night.\n", "there is no FUNCTION"),
        "no function": ("X0 7 1,14\nY0 6 1,12\n", "FUNCTION"),
        "an unknown function": (IMFIT.replace("FUNCTION Sersic", "FUNCTION Serric"), "Serric"),
        "a text for n": (IMFIT.replace("n 2.5", "n abc"), "abc"),
        "n of NaN": (IMFIT.replace("n 2.5", "n nan"), "line"),
        "n beyond its limits": (IMFIT.replace("n 2.5 0.5,8", "n 2.5 3,8"), "line"),
        "limits reversed": (IMFIT.replace("n 2.5 0.5,8", "n 2.5 8,0.5"), "line"),
        "ell of one": (IMFIT.replace("ell 0.2 0,0.9", "ell 1.0 0,1"), "ell"),
        "r_e of zero": (IMFIT.replace("r_e 3 0.5,10", "r_e 0 0,10"), "r_e"),
        "a parameter missing": (IMFIT.replace("n 2.5 0.5,8\n", ""), "n"),
        "a parameter too many": (IMFIT + "w 3\n", "w"),
        "no centre": (IMFIT.replace("X0 7 1,14\n", ""), "X0"),
        "a GALFIT menu": (MENU + SERSIC, "GALFIT"),
        "zeros": (bytes(999), "text"),
    }
    for kind, (text, word) in wrong.items():
        path = names.file(text)
        yield named(of, kind, lambda p=path: read(p, DATA, sigma=1.0), word)
    path = names.file(IMFIT)
    for name in ("sigma", "psf", "mask"):
        yield named(
            of, f"{name} not there", lambda n=name: read(path, DATA, **{"sigma": 1.0} | {n: "none.fits"}), "none.fits"
        )
    for kind in ("True", "NaN", "dict", "object", "complex", "text"):
        yield named(
            of,
            f"data = {kind}",
            lambda make=NONSENSE[kind]: read(path, make(), sigma=1.0),
            "data" if kind != "text" else "abc",
        )
    for kind in ("None", "True", "NaN", "dict", "object", "bytes"):
        yield named(of, f"path = {kind}", lambda make=NONSENSE[kind]: read(make()), "path must be")
    for name in ("zeropoint", "pixel_scale"):
        for kind in ("text", "NaN", "infinity", "True", "list", "dict"):
            yield named(
                of,
                f"{name} = {kind}",
                lambda n=name, make=NONSENSE[kind]: read(path, DATA, sigma=1.0, **{n: make()}),
                f"{name} must",
            )
    wide = names.file(IMFIT.replace("n 2.5 0.5,8", "n 99 0.5,100"))
    yield told(of, "n of 99", lambda: read(wide, DATA, sigma=1.0), "n = 99 lies outside")
    yield quiet(of, "a sound one", lambda: read(path, DATA, sigma=1.0)[0].free, lambda free: len(free) == 7)


def writers(folder: Path) -> Iterator[Case]:
    model = sl.Model({"g": galaxy(n=sl.Uniform(0.5, 8))})
    for name, suffix in {"write_galfit": ".feedme", "write_imfit": ".dat"}.items():
        write, of = getattr(sl.io, name), f"io.{name}"
        for kind, given in MODELS.items():
            yield named(
                of,
                f"model is {kind}",
                lambda g=given, w=write, s=suffix: w(g, image(), folder / f"m{s}"),
                "model must be a Model",
            )
        for kind, given in IMAGES.items():
            yield named(
                of,
                f"image is {kind}",
                lambda g=given, w=write, s=suffix: w(model, g, folder / f"i{s}"),
                "image must be an Image",
            )
        for kind in ("None", "True", "NaN", "dict", "object", "bytes"):
            yield named(
                of,
                f"path = {kind}",
                lambda make=NONSENSE[kind], w=write: w(model, image(zeropoint=20.0), make()),
                "path must be",
            )
        own = folder / f"own_{name}{suffix}"
        own.write_text("mine")
        yield named(
            of,
            "a file of another",
            lambda w=write, p=own: w(model, image(zeropoint=20.0), p),
            own.name,
            "overwrite=True",
        )
        yield named(
            of,
            "a missing folder",
            lambda w=write, s=suffix: w(model, image(zeropoint=20.0), folder / f"none/a{s}"),
            "does not exist",
        )
    (folder / "x_image.fits").write_text("mine")
    yield named(
        "io.write_galfit",
        "a plane of another",
        lambda: sl.io.write_galfit(model, image(zeropoint=20.0), folder / "x.feedme"),
        "x_image.fits",
    )
    yield named("io.read_regions", "no regions", lambda: sl.io.read_regions("hello"), "no DS9 regions")
    read = sl.io.read_regions
    for kind in ("None", "True", "NaN", "list", "object", "bytes"):
        yield named("io.read_regions", f"text = {kind}", lambda make=NONSENSE[kind]: read(make()), "text must be")
    wrong = {
        "empty": "",
        "letters": "ellipse(a,b,c,d,e)",
        "too few": "ellipse(1,2)",
        "NaN": "ellipse(nan,2,3,4,5)",
        "infinite": "circle(1,2,inf)",
        "sky without a WCS": 'icrs;circle(150,2,3")',
        "a bad unit": "circle(1x,2y,3z)",
        "zero": "circle(5,5,0)",
    }
    for kind, text in wrong.items():
        yield named("io.read_regions", kind, lambda t=text: read(t), "no DS9 regions that can be used")
    good = "image;ellipse(7,6,3,2,30) # text={g}\n"
    yield right("io.read_regions", "an ellipse", lambda: read(good), lambda r: len(r.found) == 1 and not r.notes)
    yield right("io.read_regions", "a bad line too", lambda: read(good + "ellipse(a)\n"), lambda r: len(r.notes) == 1)
    yield named("io.read_regions", "wcs = text", lambda: read(good, "abc"), "wcs must be")
