"""Fits of many galaxies: their jobs, the run that works through them, and the catalogue that comes of it."""

from sersiclab.catalogue.catalogue import Catalogue as Catalogue
from sersiclab.catalogue.job import Job as Job
from sersiclab.catalogue.many import fit_many as fit_many
from sersiclab.catalogue.recovering import recover as recover
from sersiclab.catalogue.reopening import read_catalogue as read_catalogue
from sersiclab.catalogue.table_jobs import jobs as jobs
