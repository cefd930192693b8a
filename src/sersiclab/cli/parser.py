"""The parser of the command line: the options of each command and the texts of `--help`."""

import argparse
from pathlib import Path
from typing import Any

from sersiclab._version import __version__
from sersiclab.inference import METHODS


ABOUT = "Measure the structure of galaxies by Bayesian inference."
STATUS = """exit status:
  0    done
  1    an internal error, that is, a bug in sersiclab; its traceback is shown
  2    the arguments or the data are wrong; one line explains how, --debug adds the traceback
  3    with --strict: the fit is finished and written, and its verdict is "bad"
  130  interrupted by Ctrl-C, 143 by SIGTERM: the draws so far, or the best point, are written
"""
START = """start with:
  sersiclab demo                                  fit a bundled galaxy in the terminal
  sersiclab fit sci.fits --psf psf.fits -o out    fit your own
  sersiclab lab sci.fits --psf psf.fits           the same in JupyterLab, live
  sersiclab many sources.ecsv --image sci.fits    fit every galaxy of a table
  sersiclab fit --help                            all options of a fit
"""
DEMO = """examples:
  sersiclab demo
  sersiclab demo --method laplace --json > demo.json
"""
FIT = """examples:
  a Sérsic galaxy, errors and mask from the same file (HST, JWST, HSC, Legacy Surveys ...):
    sersiclab fit 'jw_i2d.fits[SCI]' --psf psf.fits -o out
  error map, PSF and mask in separate files; bulge, disk and sky; neighbours masked:
    sersiclab fit sci.fits --sigma rms.fits --psf psf.fits --mask mask.fits \\
        --components bulge=sersic,disk=exponential,sky=flat_sky --mask-neighbours
  a part of a large image, in pixels or in sky coordinates:
    sersiclab fit tile.fits --cutout 812 1033 121
    sersiclab fit tile.fits --cutout 150.1163deg 2.2058deg 30arcsec
  the model and the data of a GALFIT menu, or of an imfit configuration:
    sersiclab fit galfit.feedme --method laplace
    sersiclab fit sci.fits --imfit config.dat --gain 4.7
  for a script: numbers on standard output, everything else on standard error
    sersiclab fit sci.fits --method map --json | jq .parameters

files written to the folder given by -o (those of an earlier fit are replaced):
  fit.asdf     everything; sersiclab.load reads it back
  fit.png      data, model, residual and profile
  fit.html     the same as an interactive page, in one file
  fit.fits     images of data, model, residual and components, and the parameters
  fit.reg      the components as regions for DS9
  summary.csv  the posterior of every parameter
  table.ecsv   one row, with magnitudes, arcsec and sky positions if the image has zero-point and WCS

A long run of nuts also writes checkpoint.asdf there every few minutes. If the run is interrupted or killed, the same
command resumes from it, with the draws of an uninterrupted run, and deletes it at the end.
"""
MANY = """examples:
  a Sérsic galaxy and a sky for each source of a table, by pixel position or RA and Dec:
    sersiclab many sources.ecsv --image mosaic.fits --sigma rms.fits --psf psf.fits -o run1
  neighbours masked by a segmentation map, two worker processes:
    sersiclab many sources.cat --image mosaic.fits --sigma rms.fits --psf model.psf \\
        --segmentation seg.fits --workers 2 -o run1
  on a Dask cluster, with the sources that touch a galaxy in its model:
    sersiclab many sources.ecsv --image mosaic.fits --neighbours model --scheduler tcp://10.0.0.1:8786

files written to the folder given by -o:
  run.json        what is fitted, and how
  part-*.parquet  the rows, as they are finished; sersiclab.read_catalogue reads the folder
  catalogue.fits  all rows, with units, at the end
  catalogue.ecsv  the same as text

If the run is interrupted or killed, the same command does the rest, with the numbers of an uninterrupted run. A galaxy
that can't be fitted is a row that says why.
"""
LAB = """examples:
  sersiclab lab
  sersiclab lab sci.fits --sigma rms.fits --psf psf.fits
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands. The name of the command is parsed as `command`."""
    top = _parser(argparse.ArgumentParser, prog="sersiclab", description=ABOUT, epilog=f"{START}\n{STATUS}")
    top.add_argument("--version", action="version", version=f"sersiclab {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="{demo,fit,many,lab}")

    def command(name: str, summary: str, about: str, epilog: str) -> argparse.ArgumentParser:
        parser = _parser(
            commands.add_parser,
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}. {about}",
            epilog=epilog,
        )
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return parser

    _add_method(command("demo", "fit the bundled example", "It takes about half a minute.", DEMO), "sersiclab-demo")
    _add_fit(command("fit", "fit an image in FITS files", "Anything not given is read from the file.", FIT))
    _add_many(command("many", "fit the galaxies of a table", "Each has a stamp of the image.", MANY))
    _add_lab(command("lab", "open JupyterLab on a prepared notebook", "The widget is already shown.", LAB))
    return top


def _parser(make: Any, *names: str, **options: Any) -> argparse.ArgumentParser:
    return make(*names, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)


def _add_method(parser: argparse.ArgumentParser, folder: str) -> None:
    inference = parser.add_argument_group("inference")
    names = [cls.__name__.lower() for cls in METHODS]
    inference.add_argument(
        "--method",
        choices=names,
        default="nuts",
        help="nuts samples the posterior (default); laplace and importance take seconds; map gives no uncertainties",
    )
    inference.add_argument("--warmup", type=int, metavar="N", help="warm-up steps of nuts")
    inference.add_argument("--draws", type=int, metavar="N", help="draws (for nuts, in each chain)")
    inference.add_argument("--chains", type=int, metavar="N", help="number of chains of nuts")
    inference.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random numbers; default: 0")
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", type=Path, default=Path(folder), metavar="DIR", help=f"output folder; default: {folder}"
    )
    output.add_argument(
        "--checkpoint-every", type=float, default=120.0, metavar="S", help="seconds between checkpoints; default: 120"
    )
    output.add_argument("--restart", action="store_true", help="ignore an existing checkpoint and start again")
    output.add_argument("--json", action="store_true", help="print the result as one JSON object")
    output.add_argument("--strict", action="store_true", help='exit with status 3 if the verdict is "bad"')


def _add_data(parser: argparse.ArgumentParser) -> None:
    """Add the data that belong to an image: the keywords of `Image.read`."""
    group = parser.add_argument_group("data that belong to the image (FITS files, or 'file.fits[EXT]')")
    group.add_argument("--sigma", metavar="FILE", help="standard deviation of each pixel")
    group.add_argument("--weight", metavar="FILE", help="weight of each pixel, 1/sigma²")
    group.add_argument("--invvar", metavar="FILE", help="inverse variance of each pixel")
    group.add_argument("--gain", type=float, metavar="X", help="electrons per image unit, if there is no error map")
    group.add_argument("--read-noise", type=float, metavar="X", help="read noise in electrons; with --gain")
    group.add_argument("--sky-level", type=float, metavar="X", help="subtracted sky level, in image units; with --gain")
    group.add_argument("--psf", metavar="FILE", help="the PSF: an image, a PSFEx or STPSF file, or a grid of PSFs")
    group.add_argument("--psf-oversampling", type=int, metavar="N", help="PSF samples per pixel")
    group.add_argument(
        "--psf-includes-pixel",
        action=argparse.BooleanOptionalAction,
        help="whether the PSF includes the pixel response, as stars on the detector do (default), or is purely optical",
    )
    group.add_argument(
        "--psf-centre",
        choices=("array", "peak", "centroid"),
        help="point of the PSF image that is its centre (default: the centre of the array)",
    )
    group.add_argument("--mask", metavar="FILE", help="mask, non-zero where a pixel is excluded")
    group.add_argument("--zeropoint", type=float, metavar="MAG", help="magnitude of one image unit")
    group.add_argument("--pixel-scale", type=float, metavar="X", help="arcsec per pixel, if there is no WCS")
    group.add_argument("--band", metavar="NAME", help="name of the band; selects one of several in the file")
    group.add_argument("--unit", metavar="NAME", help="unit of the image, such as nmgy or electron/s")


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", help="FITS file or one of its extensions, sci.fits[SCI]; or a GALFIT menu, x.feedme")
    _add_data(parser)
    model = parser.add_argument_group("model")
    model.add_argument(
        "--components",
        metavar="NAME=PROFILE,...",
        help="such as bulge=sersic,disk=exponential,sky=flat_sky, or the preset sersic_exp; default: galaxy=sersic",
    )
    model.add_argument("--model", metavar="FILE", help="JSON file of sersiclab.to_dict(model), instead of --components")
    model.add_argument("--imfit", metavar="FILE", help="imfit configuration, instead of --components")
    model.add_argument(
        "--sources",
        metavar="N|auto",
        default="1",
        help="number of sources to model, the target among them; default: 1",
    )
    model.add_argument("--mask-neighbours", action="store_true", help="mask detected sources that are not in the model")
    model.add_argument(
        "--cutout",
        nargs=3,
        metavar=("X", "Y", "SIZE"),
        help="part of the image to fit: pixels counted from 0, or RA Dec size with units",
    )
    model.add_argument(
        "--position",
        nargs=2,
        metavar=("X", "Y"),
        help="position of the target: pixels counted from 0, or RA Dec with units; default: the centre of the image",
    )
    _add_method(parser, "sersiclab-fit")


def _add_many(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", help="table of positions: ECSV, CSV, FITS, VOTable or SExtractor's catalogue")
    parser.add_argument(
        "--image", required=True, metavar="FILE", help="the mosaic: a FITS file, or one of its extensions"
    )
    _add_data(parser)
    stamps = parser.add_argument_group("stamps")
    stamps.add_argument("--segmentation", metavar="FILE", help="map of the sources: whole numbers, 0 on the sky")
    stamps.add_argument(
        "--size", type=int, metavar="N", help="side of the stamps in pixels; default: from the map, or 64"
    )
    stamps.add_argument(
        "--neighbours",
        choices=("mask", "model", "ignore"),
        default="mask",
        help="what becomes of other sources: masked (default), modelled if they touch the target, or nothing",
    )
    stamps.add_argument(
        "--components",
        metavar="NAME=PROFILE,...",
        default="galaxy=sersic,sky=flat_sky",
        help="such as bulge=sersic,disk=exponential, or the preset sersic_exp; default: galaxy=sersic,sky=flat_sky",
    )
    inference = parser.add_argument_group("inference")
    inference.add_argument(
        "--method",
        choices=[cls.__name__.lower() for cls in METHODS],
        default="laplace",
        help="laplace (default) and map fit stamps together, in milliseconds; others one by one",
    )
    inference.add_argument("--draws", type=int, metavar="N", help="draws of each galaxy (for nuts, in each chain)")
    inference.add_argument("--warmup", type=int, metavar="N", help="warm-up steps of nuts")
    inference.add_argument("--chains", type=int, metavar="N", help="number of chains of nuts")
    inference.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the run; default: 0")
    inference.add_argument("--timeout", type=float, metavar="S", help="seconds after which a galaxy is given up")
    running = parser.add_argument_group("running")
    running.add_argument(
        "--workers", type=int, metavar="N", help="number of worker processes; default: this process alone"
    )
    running.add_argument("--scheduler", metavar="ADDRESS", help="address of a Dask scheduler, instead of --workers")
    running.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("sersiclab-many"),
        metavar="DIR",
        help="folder; default: sersiclab-many",
    )
    running.add_argument("--json", action="store_true", help="print the counts as one JSON object")


def _add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="*", help="FITS files to open; the quickstart notebook if there are none")
    _add_data(parser)
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    parser.add_argument("--port", type=int, default=8888, help="port; default: 8888, or the next free one")
