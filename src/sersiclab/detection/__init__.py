"""Finding, measuring and separating the sources of an image, and the sky below them."""

from sersiclab.detection.detection import Detection as Detection
from sersiclab.detection.detection import detect as detect
from sersiclab.detection.extraction import Extraction as Extraction
from sersiclab.detection.extraction import find as find
