"""The command line: `sersiclab demo`, `sersiclab fit`, `sersiclab lab`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sersiclab._version import __version__
from sersiclab.inference import METHODS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (ValueError, TypeError, OSError) as error:
        sys.stderr.write(f"sersiclab {arguments.command}: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sersiclab", description="Measure the structure of galaxies by Bayesian inference."
    )
    parser.add_argument("--version", action="version", version=f"sersiclab {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_demo(commands.add_parser("demo", help="fit the bundled example in the terminal"))
    _add_fit(commands.add_parser("fit", help="fit an image in FITS files"))
    _add_lab(commands.add_parser("lab", help="open JupyterLab on a ready notebook"))
    return parser


def _add_method(parser: argparse.ArgumentParser) -> None:
    names = [cls.__name__.lower() for cls in METHODS]
    parser.add_argument("--method", choices=names, default="nuts", help="default: nuts")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers; default: 0")


def _add_demo(parser: argparse.ArgumentParser) -> None:
    _add_method(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("sersiclab-demo"), help="folder to write")
    parser.set_defaults(run=_demo)


def _add_data(parser: argparse.ArgumentParser) -> None:
    """What comes with an image: the keywords of `Image.read`."""
    data = parser.add_argument_group("data that come with the image")
    data.add_argument("--sigma", help="FITS file of the standard deviation of each pixel")
    data.add_argument("--invvar", help="FITS file of the inverse variance of each pixel")
    data.add_argument("--gain", type=float, help="electrons per image unit, if there is no error map")
    data.add_argument("--read-noise", type=float, help="electrons; with --gain")
    data.add_argument("--sky-level", type=float, help="the subtracted sky, image units; with --gain")
    data.add_argument("--psf", help="FITS file of the PSF")
    data.add_argument("--psf-oversampling", type=int, help="PSF samples per pixel")
    data.add_argument("--mask", help="FITS file, non-zero where a pixel is excluded")
    data.add_argument("--zeropoint", type=float, help="magnitude of one image unit")


DATA = ("sigma", "invvar", "gain", "read_noise", "sky_level", "psf", "psf_oversampling", "mask", "zeropoint")


def _data(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `Image.read` that were given."""
    return {name: value for name in DATA if (value := getattr(arguments, name)) is not None}


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", help="FITS file, or one of its extensions: sci.fits[SCI]")
    _add_data(parser)
    parser.add_argument(
        "--components", default="galaxy=sersic", help="such as bulge=sersic,disk=exponential,sky=flat_sky"
    )
    _add_method(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("sersiclab-fit"), help="folder to write")
    parser.set_defaults(run=_fit)


def _add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="*", help="FITS files to open; none: the quickstart")
    _add_data(parser)
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument("--port", type=int, default=8888, help="default: 8888, or the next free one")
    parser.set_defaults(run=_lab)


def _demo(arguments: argparse.Namespace) -> int:
    from sersiclab import datasets
    from sersiclab.cli.fitting import fit_and_write
    from sersiclab.guess import guess

    image = datasets.example()
    return fit_and_write(image, guess(image, "sersic"), arguments)


def _fit(arguments: argparse.Namespace) -> int:
    from sersiclab.cli.fitting import fit_and_write, read_components
    from sersiclab.guess import guess
    from sersiclab.image import Image

    image = Image.read(arguments.image, **_data(arguments))
    return fit_and_write(image, guess(image, read_components(arguments.components)), arguments)


def _lab(arguments: argparse.Namespace) -> int:
    from sersiclab.cli.lab import open_lab

    return open_lab(arguments.images, _data(arguments), port=arguments.port, browser=not arguments.no_browser)
