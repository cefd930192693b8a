"""Finding sources in an image, measuring and separating them, and the sky below them."""

from sersiclab.detection.finding import Detection as Detection
from sersiclab.detection.finding import Found as Found
from sersiclab.detection.finding import detect as detect
from sersiclab.detection.finding import find as find
