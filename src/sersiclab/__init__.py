"""Measure the structure of galaxies: Bayesian Sérsic fitting with a live notebook widget."""

from typing import TYPE_CHECKING, Any

from sersiclab import datasets as datasets
from sersiclab import io as io
from sersiclab._version import __version__ as __version__
from sersiclab.data.image import Image as Image
from sersiclab.detection import Detection as Detection
from sersiclab.detection import detect as detect
from sersiclab.documents.spec import from_dict as from_dict
from sersiclab.documents.spec import schema as schema
from sersiclab.documents.spec import to_dict as to_dict
from sersiclab.documents.spec import to_python as to_python
from sersiclab.guess import guess as guess
from sersiclab.inference import MAP as MAP
from sersiclab.inference import NUTS as NUTS
from sersiclab.inference import SVI as SVI
from sersiclab.inference import Importance as Importance
from sersiclab.inference import Laplace as Laplace
from sersiclab.inference import Run as Run
from sersiclab.inference import fit as fit
from sersiclab.inference import resume as resume
from sersiclab.inference import start as start
from sersiclab.io import load as load
from sersiclab.model import Model as Model
from sersiclab.model import joint as joint
from sersiclab.model import render as render
from sersiclab.model import render_components as render_components
from sersiclab.model.accuracy import RenderError as RenderError
from sersiclab.model.accuracy import render_error as render_error
from sersiclab.model.posterior import Posterior as Posterior
from sersiclab.model.simulate import simulate as simulate
from sersiclab.noise import AbstractNoise as AbstractNoise
from sersiclab.noise import CorrelatedNoise as CorrelatedNoise
from sersiclab.noise import GaussianNoise as GaussianNoise
from sersiclab.noise import HuberNoise as HuberNoise
from sersiclab.noise import InflatedNoise as InflatedNoise
from sersiclab.noise import MixtureNoise as MixtureNoise
from sersiclab.noise import PoissonNoise as PoissonNoise
from sersiclab.noise import StudentTNoise as StudentTNoise
from sersiclab.parameters import Parameter as Parameter
from sersiclab.parameters import Tied as Tied
from sersiclab.parameters import parameter as parameter
from sersiclab.parameters.links import Ratio as Ratio
from sersiclab.parameters.links import RatioAbove as RatioAbove
from sersiclab.parameters.links import TotalFlux as TotalFlux
from sersiclab.parameters.priors import Angle as Angle
from sersiclab.parameters.priors import Custom as Custom
from sersiclab.parameters.priors import LogNormal as LogNormal
from sersiclab.parameters.priors import LogUniform as LogUniform
from sersiclab.parameters.priors import Normal as Normal
from sersiclab.parameters.priors import TruncatedNormal as TruncatedNormal
from sersiclab.parameters.priors import Uniform as Uniform
from sersiclab.profiles import AbstractElliptical as AbstractElliptical
from sersiclab.profiles import AbstractExtended as AbstractExtended
from sersiclab.profiles import AbstractModifier as AbstractModifier
from sersiclab.profiles import AbstractProfile as AbstractProfile
from sersiclab.profiles import Bent as Bent
from sersiclab.profiles import Boxy as Boxy
from sersiclab.profiles import BrokenExponential as BrokenExponential
from sersiclab.profiles import CoreSersic as CoreSersic
from sersiclab.profiles import DeVaucouleurs as DeVaucouleurs
from sersiclab.profiles import EdgeOnDisk as EdgeOnDisk
from sersiclab.profiles import Exponential as Exponential
from sersiclab.profiles import Ferrers as Ferrers
from sersiclab.profiles import FlatSky as FlatSky
from sersiclab.profiles import FourierModes as FourierModes
from sersiclab.profiles import Gaussian as Gaussian
from sersiclab.profiles import GaussianRing as GaussianRing
from sersiclab.profiles import King as King
from sersiclab.profiles import Moffat as Moffat
from sersiclab.profiles import Nuker as Nuker
from sersiclab.profiles import NukerBrightness as NukerBrightness
from sersiclab.profiles import PointSource as PointSource
from sersiclab.profiles import Sersic as Sersic
from sersiclab.profiles import Spergel as Spergel
from sersiclab.profiles import TiltedSky as TiltedSky
from sersiclab.rendering import AbstractRenderer as AbstractRenderer
from sersiclab.rendering import FourierRenderer as FourierRenderer
from sersiclab.rendering import HybridRenderer as HybridRenderer
from sersiclab.rendering import PixelRenderer as PixelRenderer
from sersiclab.results import Fit as Fit
from sersiclab.results import compare as compare
from sersiclab.runtime.compilation import persistent_cache as persistent_cache
from sersiclab.runtime.errors import InputError as InputError
from sersiclab.runtime.errors import InputKeyError as InputKeyError
from sersiclab.runtime.errors import InputTypeError as InputTypeError
from sersiclab.runtime.errors import MissingPackageError as MissingPackageError
from sersiclab.runtime.errors import SersiclabError as SersiclabError
from sersiclab.runtime.errors import StateError as StateError


if TYPE_CHECKING:
    from sersiclab.widget import Editor as Editor
    from sersiclab.widget import Workbench as Workbench


def __getattr__(name: str) -> Any:
    # The widget brings ipywidgets and bqplot, which a script on a cluster does not need.
    if name in ("Editor", "Workbench"):
        from sersiclab import widget

        return getattr(widget, name)
    raise AttributeError(f"module 'sersiclab' has no attribute {name!r}")
