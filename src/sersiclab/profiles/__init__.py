"""Profiles, which are the components of models."""

from sersiclab.profiles.base import AbstractElliptical as AbstractElliptical
from sersiclab.profiles.base import AbstractExtended as AbstractExtended
from sersiclab.profiles.base import AbstractMixture as AbstractMixture
from sersiclab.profiles.base import AbstractProfile as AbstractProfile
from sersiclab.profiles.base import AbstractSky as AbstractSky
from sersiclab.profiles.base import AbstractSource as AbstractSource
from sersiclab.profiles.base import AbstractTransformed as AbstractTransformed
from sersiclab.profiles.broken_exponential import BrokenExponential as BrokenExponential
from sersiclab.profiles.core_sersic import CoreSersic as CoreSersic
from sersiclab.profiles.edge_on_disk import EdgeOnDisk as EdgeOnDisk
from sersiclab.profiles.ferrers import Ferrers as Ferrers
from sersiclab.profiles.gaussian import Gaussian as Gaussian
from sersiclab.profiles.installed import installed_profiles as installed_profiles
from sersiclab.profiles.king import King as King
from sersiclab.profiles.modifiers import AbstractModifier as AbstractModifier
from sersiclab.profiles.modifiers import Bent as Bent
from sersiclab.profiles.modifiers import Boxy as Boxy
from sersiclab.profiles.modifiers import FourierModes as FourierModes
from sersiclab.profiles.moffat import Moffat as Moffat
from sersiclab.profiles.nuker import Nuker as Nuker
from sersiclab.profiles.nuker import NukerBrightness as NukerBrightness
from sersiclab.profiles.point import PointSource as PointSource
from sersiclab.profiles.ring import GaussianRing as GaussianRing
from sersiclab.profiles.sersic import DeVaucouleurs as DeVaucouleurs
from sersiclab.profiles.sersic import Exponential as Exponential
from sersiclab.profiles.sersic import Sersic as Sersic
from sersiclab.profiles.sky import FlatSky as FlatSky
from sersiclab.profiles.sky import TiltedSky as TiltedSky
from sersiclab.profiles.spergel import Spergel as Spergel


PROFILES: tuple[type[AbstractProfile], ...] = (
    Sersic,
    Exponential,
    DeVaucouleurs,
    Gaussian,
    Moffat,
    Spergel,
    CoreSersic,
    BrokenExponential,
    EdgeOnDisk,
    Ferrers,
    GaussianRing,
    King,
    Nuker,
    NukerBrightness,
    PointSource,
    FlatSky,
    TiltedSky,
)

MODIFIERS: tuple[type[AbstractModifier], ...] = (Boxy, FourierModes, Bent)
