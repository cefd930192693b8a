"""What a fit gives: draws, summaries, diagnostics and a plain verdict."""

from sersiclab.results.comparison import compare as compare
from sersiclab.results.fit import Fit as Fit
from sersiclab.results.verdict import Verdict as Verdict
