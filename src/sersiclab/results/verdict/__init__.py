"""Whether to trust a fit, in plain words."""

from sersiclab.results.verdict.levels import Level as Level
from sersiclab.results.verdict.levels import Verdict as Verdict
