"""The noise of an image: the distribution of the data about the model."""

from sersiclab.noise.distributions import log_normalisation as log_normalisation
from sersiclab.noise.distributions import log_poisson as log_poisson
from sersiclab.noise.laws import NOISES as NOISES
from sersiclab.noise.laws import AbstractNoise as AbstractNoise
from sersiclab.noise.laws import AbstractNormalNoise as AbstractNormalNoise
from sersiclab.noise.laws import CorrelatedNoise as CorrelatedNoise
from sersiclab.noise.laws import GaussianNoise as GaussianNoise
from sersiclab.noise.laws import HuberNoise as HuberNoise
from sersiclab.noise.laws import InflatedNoise as InflatedNoise
from sersiclab.noise.laws import MixtureNoise as MixtureNoise
from sersiclab.noise.laws import PoissonNoise as PoissonNoise
from sersiclab.noise.laws import StudentTNoise as StudentTNoise
