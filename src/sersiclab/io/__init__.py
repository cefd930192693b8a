"""Input and output: saved fits, and the files of GALFIT, imfit and DS9."""

from sersiclab.io.ds9 import read_regions
from sersiclab.io.galfit import read_galfit
from sersiclab.io.galfit_writing import write_galfit
from sersiclab.io.imfit import read_imfit
from sersiclab.io.imfit_writing import write_imfit
from sersiclab.io.load import load


__all__ = ["load", "read_galfit", "read_imfit", "read_regions", "write_galfit", "write_imfit"]


def __dir__() -> list[str]:
    return __all__
