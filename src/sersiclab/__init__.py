"""Measure the structure of galaxies: Bayesian Sérsic fitting with a live notebook widget."""

from sersiclab._version import __version__ as __version__
