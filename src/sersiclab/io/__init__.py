"""Reading what was saved."""

from sersiclab.io.load import load as load
