"""The result of a fit: draws, summaries, diagnostics and a verdict."""

from sersiclab.results.comparison import compare as compare
from sersiclab.results.fit import Fit as Fit
from sersiclab.results.verdict import Verdict as Verdict
