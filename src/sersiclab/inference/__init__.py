"""Inference: the methods, `fit`, and runs in a thread."""

from sersiclab.inference.base import AbstractMethod as AbstractMethod
from sersiclab.inference.importance import Importance as Importance
from sersiclab.inference.laplace import Laplace as Laplace
from sersiclab.inference.map import MAP as MAP
from sersiclab.inference.nuts import NUTS as NUTS
from sersiclab.inference.running.monitor import Cancelled as Cancelled
from sersiclab.inference.running.monitor import Progress as Progress
from sersiclab.inference.running.run import Run as Run
from sersiclab.inference.running.starting import fit as fit
from sersiclab.inference.running.starting import resume as resume
from sersiclab.inference.running.starting import start as start
from sersiclab.inference.smc import SMC as SMC
from sersiclab.inference.svi import SVI as SVI


METHODS: tuple[type[AbstractMethod], ...] = (MAP, Laplace, SVI, Importance, SMC, NUTS)
