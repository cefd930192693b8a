"""Figures of a fit. They are matplotlib `Figure`s and touch no pyplot state."""

from sersiclab.plots.band_curves import plot_panels as plot_panels
from sersiclab.plots.corner import plot_corner as plot_corner
from sersiclab.plots.image_rows import plot_rows as plot_rows
from sersiclab.plots.images import plot_fit as plot_fit
from sersiclab.plots.rgb import plot_composites as plot_composites
from sersiclab.plots.uncertainty import plot_posterior as plot_posterior
