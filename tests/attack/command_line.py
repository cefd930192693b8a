"""Bad and odd arguments of the command line: exit status 2, and a line that says what to change."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from sersiclab.cli import main
from sersiclab.runtime.errors import InputError

from .case import Case, named
from .images import DATA


def run(*arguments: str) -> None:
    """Raise what the command line wrote, if it ends with status 2; anything else is no mistake of the user's."""
    written = io.StringIO()
    with contextlib.redirect_stderr(written), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
    if status == 2:
        raise InputError(written.getvalue())


def cases(folder: Path) -> Iterator[Case]:
    whole, constant = folder / "sci.fits", folder / "constant.fits"
    fits.writeto(whole, DATA)
    fits.writeto(constant, np.zeros((12, 14)))
    (folder / "model.json").write_text("{")
    (folder / "list.json").write_text("[1, 2]")
    (folder / "digits.json").write_text('{"version": ' + "9" * 5000 + "}")
    (folder / "taken").write_text("a file")
    (folder / "a.dat").write_text("prose\n")
    image, out = str(whole), str(folder / "out")
    fit = ("fit", image, "--sigma", "sigma.fits", "-o", out)
    plain = ("fit", image, "--gain", "2", "-o", out)
    lines: dict[str, tuple[tuple[str, ...], str]] = {
        "no command": ((), "usage"),
        "an unknown command": (("fitt",), "invalid choice"),
        "no image": (("fit",), "image"),
        "an image that is absent": (("fit", "none.fits"), "none.fits"),
        "an image that is a folder": (("fit", str(folder)), folder.name),
        "an extension that is absent": (("fit", f"{image}[SCI]"), "SCI"),
        "an error map that is absent": (fit, "sigma.fits"),
        "a PSF that is absent": ((*plain, "--psf", "p.fits"), "p.fits"),
        "a mask that is absent": ((*plain, "--mask", "m.fits"), "m.fits"),
        "an unknown method": ((*plain, "--method", "mcmc"), "mcmc"),
        "an unknown option": ((*plain, "--colour", "red"), "--colour"),
        "a shortened option": ((*plain, "--meth", "map"), "--meth"),
        "draws of a text": ((*plain, "--draws", "many"), "--draws"),
        "no draws": ((*plain, "--draws", "0"), "draws must be at least 1"),
        "negative draws": ((*plain, "--draws", "-5"), "draws"),
        "half a draw": ((*plain, "--draws", "1.5"), "--draws"),
        "draws beyond memory": ((*plain, "--method", "laplace", "--draws", "9" * 13), "memory"),
        "no chains": ((*plain, "--chains", "0"), "chains must be at least 1"),
        "warm-up of MAP": ((*plain, "--method", "map", "--warmup", "9"), "--warmup"),
        "draws of MAP": ((*plain, "--method", "map", "--draws", "9"), "--draws"),
        "a negative seed": ((*plain, "--seed", "-1"), "seed"),
        "a seed of 2^63": ((*plain, "--seed", str(2**63)), "seed"),
        "a seed of a text": ((*plain, "--seed", "lucky"), "--seed"),
        "an unknown profile": ((*plain, "--components", "g=serric"), "serric"),
        "components without names": ((*plain, "--components", "=,="), "components"),
        "a component twice": ((*plain, "--components", "g=sersic,g=exp"), "g"),
        "a component called noise": ((*plain, "--components", "noise=sersic"), "noise"),
        "a component with a space": ((*plain, "--components", "a b=sersic"), "a b"),
        "no components": ((*plain, "--components", ""), "what must be a profile"),
        "a model that is absent": ((*plain, "--model", "m.json"), "m.json"),
        "a model that is cut": ((*plain, "--model", str(folder / "model.json")), "model.json"),
        "a model that is a list": ((*plain, "--model", str(folder / "list.json")), "document must be a mapping"),
        "a model of 5000 digits": ((*plain, "--model", str(folder / "digits.json")), "digits.json"),
        "an imfit file that is prose": ((*plain, "--imfit", str(folder / "a.dat")), "a.dat"),
        "two models": ((*plain, "--model", "m.json", "--imfit", "a.dat"), "--imfit"),
        "zero sources": ((*plain, "--sources", "0"), "sources"),
        "sources of a text": ((*plain, "--sources", "many"), "sources"),
        "a cutout of two": ((*plain, "--cutout", "3", "4"), "--cutout"),
        "a cutout of texts": ((*plain, "--cutout", "a", "b", "c"), "cutout"),
        "a cutout outside": ((*plain, "--cutout", "900", "900", "5"), "position"),
        "a cutout of nothing": ((*plain, "--cutout", "5", "5", "0"), "size"),
        "a cutout of NaN": ((*plain, "--cutout", "nan", "5", "5"), "position"),
        "a cutout on a sky that is unknown": ((*plain, "--cutout", "150deg", "2deg", "3arcsec"), "WCS"),
        "a position outside": ((*plain, "--position", "900", "900"), "position"),
        "a position of texts": ((*plain, "--position", "a", "b"), "position"),
        "a gain of zero": (("fit", image, "--gain", "0", "-o", out), "gain must be a positive finite number"),
        "a gain of NaN": (("fit", image, "--gain", "nan", "-o", out), "gain must be a positive finite number"),
        "a gain of a text": (("fit", image, "--gain", "high", "-o", out), "--gain"),
        "a read noise below zero": ((*plain, "--read-noise", "-1"), "read_noise"),
        "an oversampling of zero": ((*plain, "--psf-oversampling", "0"), "psf_oversampling"),
        "a centre that is none": ((*plain, "--psf-centre", "middle"), "--psf-centre"),
        "a pixel scale of zero": ((*plain, "--pixel-scale", "0"), "pixel_scale"),
        "a zero-point of NaN": ((*plain, "--zeropoint", "nan"), "zeropoint"),
        "an unknown unit": ((*plain, "--unit", "furlong"), "unit"),
        "an output that is a file": (("fit", image, "--gain", "2", "-o", str(folder / "taken")), "taken"),
        "an output in a file": (("fit", image, "--gain", "2", "-o", str(folder / "taken" / "x")), "taken"),
        "an image of zeros": (("fit", str(constant), "-o", out), "error map"),
        "a demo with an unknown method": (("demo", "--method", "mcmc"), "mcmc"),
        "a demo without draws": (("demo", "--draws", "0"), "draws"),
        "a laboratory's port of 99999": (("lab", "--port", "99999", "--no-browser"), "port"),
        "a laboratory's port below zero": (("lab", "--port", "-1", "--no-browser"), "port"),
        "a laboratory's port of a text": (("lab", "--port", "web"), "--port"),
        "a laboratory without its image": (("lab", "none.fits", "--no-browser"), "none.fits"),
    }
    for kind, (arguments, word) in lines.items():
        yield named("cli.main", kind, lambda a=arguments: run(*a), word)
