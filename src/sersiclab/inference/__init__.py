"""Inference: methods, runs in a thread, and `fit`."""

from sersiclab.inference.base import AbstractMethod as AbstractMethod
from sersiclab.inference.importance import Importance as Importance
from sersiclab.inference.laplace import Laplace as Laplace
from sersiclab.inference.map import MAP as MAP
from sersiclab.inference.monitor import Cancelled as Cancelled
from sersiclab.inference.monitor import Progress as Progress
from sersiclab.inference.nuts import NUTS as NUTS
from sersiclab.inference.run import Run as Run
from sersiclab.inference.run import fit as fit
from sersiclab.inference.run import resume as resume
from sersiclab.inference.run import start as start
from sersiclab.inference.svi import SVI as SVI


METHODS: tuple[type[AbstractMethod], ...] = (MAP, Laplace, SVI, Importance, NUTS)
