"""The verdict: whether to trust a fit, as a level with reasons."""

from sersiclab.results.verdict.levels import Level as Level
from sersiclab.results.verdict.levels import Verdict as Verdict
