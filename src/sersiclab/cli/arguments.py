"""What the commands take, and what `--help` says of it."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from sersiclab._version import __version__
from sersiclab.inference import METHODS
from sersiclab.runtime.errors import InputError


ABOUT = "Measure the structure of galaxies by Bayesian inference."
STATUS = """exit status:
  0    done
  1    an error of sersiclab's own, with a traceback
  2    the arguments or the data were wrong; one line says how
  3    with --strict: the fit is done and written, and its verdict is "bad"
  130  interrupted by Ctrl-C, 143 by SIGTERM: the draws so far, or the best point, are written
"""
START = """start with:
  sersiclab demo                                  fit a bundled galaxy in the terminal
  sersiclab fit sci.fits --psf psf.fits -o out    fit your own
  sersiclab lab sci.fits --psf psf.fits           the same in JupyterLab, live
  sersiclab fit --help                            all that a fit takes
"""
DEMO = """examples:
  sersiclab demo
  sersiclab demo --method laplace --json > demo.json
"""
FIT = """examples:
  a Sérsic galaxy, errors and mask from the same file (HST, JWST, HSC, Legacy Surveys ...):
    sersiclab fit 'jw_i2d.fits[SCI]' --psf psf.fits -o out
  files of their own, bulge and disk and sky, neighbours masked:
    sersiclab fit sci.fits --sigma rms.fits --psf psf.fits --mask mask.fits \\
        --components bulge=sersic,disk=exponential,sky=flat_sky --mask-neighbours
  a part of a large image, by pixels or by sky coordinates:
    sersiclab fit tile.fits --cutout 812 1033 121
    sersiclab fit tile.fits --cutout 150.1163deg 2.2058deg 30arcsec
  the model and the data of a GALFIT menu, or an imfit configuration:
    sersiclab fit galfit.feedme --method laplace
    sersiclab fit sci.fits --imfit config.dat --gain 4.7
  for a script: numbers on standard output, all else on standard error
    sersiclab fit sci.fits --method map --json | jq .parameters

written to the folder of -o (files of an earlier fit there are replaced):
  fit.asdf     everything; sersiclab.load reads it back
  fit.png      data, model, residual and profile
  fit.html     the same, interactive, in one file
  fit.fits     images of data, model, residual and components, and the parameters
  fit.reg      the components as regions for DS9
  summary.csv  the posterior of every parameter
  table.ecsv   one row with magnitudes, arcsec and sky positions where the image knows them

a long run of nuts also writes checkpoint.asdf there every few minutes. If it is interrupted or killed, the same
command goes on from there, with the same draws as if nothing had happened, and deletes it at the end.
"""
LAB = """examples:
  sersiclab lab
  sersiclab lab sci.fits --sigma rms.fits --psf psf.fits
"""
# Options that name files, and then others: the keywords of `Image.read`.
FILES = ("sigma", "weight", "invvar", "psf", "mask")
DATA = (
    *FILES,
    "gain",
    "read_noise",
    "sky_level",
    "psf_oversampling",
    "psf_includes_pixel",
    "psf_centre",
    "zeropoint",
    "pixel_scale",
    "band",
    "unit",
)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`, which takes the parsed arguments."""
    top = _parser(argparse.ArgumentParser, prog="sersiclab", description=ABOUT, epilog=f"{START}\n{STATUS}")
    top.add_argument("--version", action="version", version=f"sersiclab {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="{demo,fit,lab}")

    def command(name: str, summary: str, about: str, epilog: str) -> argparse.ArgumentParser:
        return _parser(
            commands.add_parser,
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}. {about}",
            epilog=epilog,
        )

    _add_demo(command("demo", "fit the bundled example in the terminal", "It takes about half a minute.", DEMO))
    _add_fit(command("fit", "fit an image in FITS files", "What you don't give is taken from the file.", FIT))
    _add_lab(command("lab", "open JupyterLab on a ready notebook", "The widget is drawn already.", LAB))
    return top


def data(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `Image.read` that were given."""
    return {name: value for name in DATA if (value := getattr(arguments, name)) is not None}


def method(arguments: argparse.Namespace) -> Any:
    """The method and its options; raises `ValueError` for an option that it does not have."""
    chosen = next(cls for cls in METHODS if cls.__name__.lower() == arguments.method)
    given = {name: value for name in ("warmup", "draws", "chains") if (value := getattr(arguments, name)) is not None}
    known = {field.name for field in dataclasses.fields(chosen)}
    for name in given:
        if name not in known:
            raise InputError(f"--{name} is no option of --method {arguments.method}")
    return chosen(**given)


def _parser(make: Any, *names: str, **options: Any) -> argparse.ArgumentParser:
    return make(*names, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)


def _add_method(parser: argparse.ArgumentParser, folder: str) -> None:
    inference = parser.add_argument_group("inference")
    names = [cls.__name__.lower() for cls in METHODS]
    inference.add_argument(
        "--method",
        choices=names,
        default="nuts",
        help="nuts draws from the posterior (default); laplace and importance take seconds; map has no errors",
    )
    inference.add_argument("--warmup", type=int, metavar="N", help="steps of nuts before its draws")
    inference.add_argument("--draws", type=int, metavar="N", help="draws, of nuts in each chain")
    inference.add_argument("--chains", type=int, metavar="N", help="chains of nuts")
    inference.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers; default: 0")
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", type=Path, default=Path(folder), metavar="DIR", help=f"folder to write; default: {folder}"
    )
    output.add_argument(
        "--checkpoint-every", type=float, default=120.0, metavar="S", help="seconds between checkpoints; default: 120"
    )
    output.add_argument("--restart", action="store_true", help="begin anew, whatever checkpoint there is")
    output.add_argument("--json", action="store_true", help="print the result as one JSON object")
    output.add_argument("--strict", action="store_true", help='exit status 3 where the verdict is "bad"')


def _add_demo(parser: argparse.ArgumentParser) -> None:
    from sersiclab.cli.fitting import demo

    _add_method(parser, "sersiclab-demo")
    parser.set_defaults(run=demo)


def _add_data(parser: argparse.ArgumentParser) -> None:
    """What comes with an image: the keywords of `Image.read`."""
    group = parser.add_argument_group("data that come with the image (FITS files, or 'file.fits[EXT]')")
    group.add_argument("--sigma", metavar="FILE", help="standard deviation of each pixel")
    group.add_argument("--weight", metavar="FILE", help="weight of each pixel, 1/sigma²")
    group.add_argument("--invvar", metavar="FILE", help="inverse variance of each pixel")
    group.add_argument("--gain", type=float, metavar="X", help="electrons per image unit, if there is no error map")
    group.add_argument("--read-noise", type=float, metavar="X", help="electrons; with --gain")
    group.add_argument("--sky-level", type=float, metavar="X", help="the subtracted sky, image units; with --gain")
    group.add_argument("--psf", metavar="FILE", help="the PSF: an image, PSFEx, STPSF or a grid of PSFs")
    group.add_argument("--psf-oversampling", type=int, metavar="N", help="PSF samples per pixel")
    group.add_argument(
        "--psf-includes-pixel",
        action=argparse.BooleanOptionalAction,
        help="whether the PSF holds the pixel's response, as stars on the detector do (default), or is optical",
    )
    group.add_argument(
        "--psf-centre",
        choices=("array", "peak", "centroid"),
        help="what the PSF is centred on (default: the centre of its array)",
    )
    group.add_argument("--mask", metavar="FILE", help="non-zero where a pixel is excluded")
    group.add_argument("--zeropoint", type=float, metavar="MAG", help="magnitude of one image unit")
    group.add_argument("--pixel-scale", type=float, metavar="X", help="arcsec per pixel, if there is no WCS")
    group.add_argument("--band", metavar="NAME", help="which of several bands in the file; or the band's name")
    group.add_argument("--unit", metavar="NAME", help="of the image, such as nmgy or electron/s")


def _add_fit(parser: argparse.ArgumentParser) -> None:
    from sersiclab.cli.fitting import fit

    parser.add_argument("image", help="FITS file, or one of its extensions, sci.fits[SCI]; or a GALFIT menu, x.feedme")
    _add_data(parser)
    model = parser.add_argument_group("model")
    model.add_argument(
        "--components",
        metavar="NAME=PROFILE,...",
        help="such as bulge=sersic,disk=exponential,sky=flat_sky, or a preset, sersic_exp; default: galaxy=sersic",
    )
    model.add_argument("--model", metavar="FILE", help="JSON of sersiclab.to_dict(model), in place of --components")
    model.add_argument("--imfit", metavar="FILE", help="imfit configuration, in place of --components")
    model.add_argument(
        "--sources", metavar="N|auto", default="1", help="detected sources to model, the target included; default: 1"
    )
    model.add_argument("--mask-neighbours", action="store_true", help="mask the detected sources that are not modelled")
    model.add_argument(
        "--cutout",
        nargs=3,
        metavar=("X", "Y", "SIZE"),
        help="part of the image: pixels from 0, or RA Dec size with units",
    )
    model.add_argument(
        "--position",
        nargs=2,
        metavar=("X", "Y"),
        help="where the target is: pixels from 0, or RA Dec with units; default: the centre of the image or the cutout",
    )
    _add_method(parser, "sersiclab-fit")
    parser.set_defaults(run=fit)


def _add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="*", help="FITS files to open; none: the quickstart")
    _add_data(parser)
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument("--port", type=int, default=8888, help="default: 8888, or the next free one")
    parser.set_defaults(run=_lab)


def _lab(arguments: argparse.Namespace) -> int:
    from sersiclab.cli.lab import open_lab

    return open_lab(arguments.images, data(arguments), port=arguments.port, browser=not arguments.no_browser)
