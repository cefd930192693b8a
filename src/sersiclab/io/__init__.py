"""Reading what was saved, and the files of other programs."""

from sersiclab.io.galfit import read_galfit as read_galfit
from sersiclab.io.galfit_writing import write_galfit as write_galfit
from sersiclab.io.imfit import read_imfit as read_imfit
from sersiclab.io.imfit_writing import write_imfit as write_imfit
from sersiclab.io.load import load as load
from sersiclab.io.regions import read_regions as read_regions
