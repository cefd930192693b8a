"""Fitting in the terminal: a progress bar, the posterior table, the verdict, and files."""

import argparse
import sys

from sersiclab.image import Image
from sersiclab.inference import METHODS, fit
from sersiclab.model import Model


def read_components(text: str) -> dict[str, str]:
    """`bulge=sersic,disk=exponential` as `{"bulge": "sersic", "disk": "exponential"}`."""
    components = {}
    for item in text.split(","):
        name, equals, kind = (part.strip() for part in item.partition("="))
        if not (name and equals and kind):
            raise ValueError(f"--components must be name=profile[,name=profile...], got {text!r}")
        components[name] = kind
    return components


def fit_and_write(image: Image, model: Model, arguments: argparse.Namespace) -> int:
    """Fit, print the table and the verdict, and write the posterior, a picture and a page."""
    method = next(cls for cls in METHODS if cls.__name__.lower() == arguments.method)
    result = fit(model, image, method(), seed=arguments.seed, progress=True)
    write = sys.stdout.write
    write(f"\n{result.summary().to_string(float_format=lambda x: f'{x:.5g}')}\n\n{result.verdict}\n\n")
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    result.save(folder / "fit.asdf")
    result.plot().savefig(folder / "fit.png", dpi=150)
    result.summary().to_csv(folder / "summary.csv")
    write(f"wrote {folder}/fit.asdf, fit.png, summary.csv")
    _write_page(result, folder)
    return 0


def _write_page(result, folder) -> None:
    from sersiclab.widget import Workbench

    with Workbench.of(result) as workbench:
        workbench.to_html(folder / "fit.html")
    sys.stdout.write(", fit.html\n")
