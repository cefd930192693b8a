"""Figures of a fit. They are matplotlib `Figure`s and touch no pyplot state."""

from sersiclab.plots.corner import plot_corner as plot_corner
from sersiclab.plots.images import plot_fit as plot_fit
from sersiclab.plots.uncertainty import plot_posterior as plot_posterior
