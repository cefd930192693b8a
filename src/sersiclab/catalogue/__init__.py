"""Fits of many galaxies: their jobs, the run that works through them, and the catalogue that comes of it."""

from sersiclab.catalogue.job import Job as Job
