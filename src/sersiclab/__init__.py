"""Measure the structure of galaxies: Bayesian Sérsic fitting with a live notebook widget."""

import importlib
from typing import TYPE_CHECKING, Any

from sersiclab._version import __version__
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.detection import Detection, detect
from sersiclab.documents.spec import from_dict, schema, to_dict, to_python
from sersiclab.guess import guess
from sersiclab.inference import MAP, NUTS, SMC, SVI, Importance, Laplace, Run, fit, resume, start
from sersiclab.model import Model, joint, render, render_components
from sersiclab.model.accuracy import RenderError, render_error
from sersiclab.model.posterior import Posterior
from sersiclab.model.simulate import simulate
from sersiclab.noise import (
    AbstractNoise,
    CorrelatedNoise,
    GaussianNoise,
    HuberNoise,
    InflatedNoise,
    MixtureNoise,
    PoissonNoise,
    StudentTNoise,
)
from sersiclab.parameters import Parameter, Tied, parameter
from sersiclab.parameters.image_shift import Shift
from sersiclab.parameters.links import Ratio, RatioAbove, TotalFlux
from sersiclab.parameters.priors import Angle, Custom, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.parameters.varying import PerBand, PerImage, Polynomial, Spline
from sersiclab.profiles import (
    AbstractElliptical,
    AbstractExtended,
    AbstractModifier,
    AbstractProfile,
    Bent,
    Boxy,
    BrokenExponential,
    CoreSersic,
    DeVaucouleurs,
    EdgeOnDisk,
    Exponential,
    Ferrers,
    FlatSky,
    FourierModes,
    Gaussian,
    GaussianRing,
    King,
    Moffat,
    Nuker,
    NukerBrightness,
    PointSource,
    Sersic,
    Spergel,
    TiltedSky,
)
from sersiclab.rendering import AbstractRenderer, FourierRenderer, HybridRenderer, PixelRenderer
from sersiclab.results import Fit, compare
from sersiclab.results.joint import JointFit
from sersiclab.runtime.compilation import persistent_cache
from sersiclab.runtime.errors import (
    InputError,
    InputKeyError,
    InputTypeError,
    MissingPackageError,
    SersiclabError,
    StateError,
)


if TYPE_CHECKING:
    from sersiclab import datasets, io
    from sersiclab.catalogue import Catalogue, Job, fit_many, jobs, read_catalogue, recover
    from sersiclab.io import load
    from sersiclab.recovery import Recovery
    from sersiclab.widget import Editor, Workbench

# Where public names are that not every user needs; importing the package is faster without them.
_WHEN_USED = {
    "sersiclab.catalogue": ("Catalogue", "Job", "fit_many", "jobs", "read_catalogue", "recover"),
    "sersiclab.io": ("load",),
    "sersiclab.recovery": ("Recovery",),
    "sersiclab.widget": ("Editor", "Workbench"),
}

__all__ = [
    "MAP",
    "NUTS",
    "SMC",
    "SVI",
    "AbstractElliptical",
    "AbstractExtended",
    "AbstractModifier",
    "AbstractNoise",
    "AbstractProfile",
    "AbstractRenderer",
    "Angle",
    "Bent",
    "Boxy",
    "BrokenExponential",
    "Catalogue",
    "CoreSersic",
    "CorrelatedNoise",
    "Custom",
    "DeVaucouleurs",
    "Detection",
    "EdgeOnDisk",
    "Editor",
    "Exponential",
    "Ferrers",
    "Fit",
    "FlatSky",
    "FourierModes",
    "FourierRenderer",
    "Gaussian",
    "GaussianNoise",
    "GaussianRing",
    "HuberNoise",
    "HybridRenderer",
    "Image",
    "Images",
    "Importance",
    "InflatedNoise",
    "InputError",
    "InputKeyError",
    "InputTypeError",
    "Job",
    "JointFit",
    "King",
    "Laplace",
    "LogNormal",
    "LogUniform",
    "MissingPackageError",
    "MixtureNoise",
    "Model",
    "Moffat",
    "Normal",
    "Nuker",
    "NukerBrightness",
    "Parameter",
    "PerBand",
    "PerImage",
    "PixelRenderer",
    "PointSource",
    "PoissonNoise",
    "Polynomial",
    "Posterior",
    "Ratio",
    "RatioAbove",
    "Recovery",
    "RenderError",
    "Run",
    "Sersic",
    "SersiclabError",
    "Shift",
    "Spergel",
    "Spline",
    "StateError",
    "StudentTNoise",
    "Tied",
    "TiltedSky",
    "TotalFlux",
    "TruncatedNormal",
    "Uniform",
    "Workbench",
    "__version__",
    "compare",
    "datasets",
    "detect",
    "fit",
    "fit_many",
    "from_dict",
    "guess",
    "io",
    "jobs",
    "joint",
    "load",
    "parameter",
    "persistent_cache",
    "read_catalogue",
    "recover",
    "render",
    "render_components",
    "render_error",
    "resume",
    "schema",
    "simulate",
    "start",
    "to_dict",
    "to_python",
]


def __getattr__(name: str) -> Any:
    if name in ("datasets", "io"):
        return importlib.import_module(f"sersiclab.{name}")
    for module, names in _WHEN_USED.items():
        if name in names:
            found = globals()[name] = getattr(importlib.import_module(module), name)
            return found
    raise AttributeError(f"module 'sersiclab' has no attribute {name!r}")


def __dir__() -> list[str]:
    # The rooms of the package are modules in it, but not public names.
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
