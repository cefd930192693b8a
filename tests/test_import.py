"""Importing the package stays light: what only some users need comes when it is used."""

import subprocess
import sys


HEAVY = "arviz asdf astropy.io.fits astropy.units bqplot ipywidgets matplotlib photutils scipy.stats"
CODE = f"""
import sys
import jax, numpyro
before = set(sys.modules)
import sersiclab
print(*[name for name in "{HEAVY}".split() if name in sys.modules and name not in before])
"""


def test_heavy_packages_come_when_they_are_used() -> None:
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
