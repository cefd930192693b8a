"""Importing the package is fast and uses no network: packages that few users need are imported when they are used."""

import inspect
import socket
import subprocess
import sys

import pytest

import sersiclab as sl


HEAVY = (
    "arviz asdf astropy.io.fits astropy.units bqplot dask distributed ipywidgets matplotlib photutils pyarrow "
    "scipy.ndimage scipy.optimize scipy.stats sersiclab.catalogue sersiclab.datasets sersiclab.io "
    "sersiclab.recovery sersiclab.widget"
)
CODE = f"""
import socket, sys

def refuse(*arguments, **options):
    raise SystemExit(f"the network was wanted: {{arguments}}")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import jax, numpyro
before = set(sys.modules)
import sersiclab
print(*[name for name in "{HEAVY}".split() if name in sys.modules and name not in before])
"""


def test_heavy_packages_come_when_they_are_used() -> None:
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_tab_completion_shows_the_public_names_alone() -> None:
    shown = {name for name in dir(sl) if not name.startswith("_")}
    assert shown == set(sl.__all__) - {"__version__"}
    assert {"Workbench", "Editor", "Sersic", "fit", "io", "datasets"} <= shown
    modules = {name for name in shown if inspect.ismodule(getattr(sl, name))}
    assert modules == {"io", "datasets"}
    assert sl.profiles.Sersic is sl.Sersic  # pyright: ignore[reportAttributeAccessIssue]


def test_every_public_name_can_be_imported() -> None:
    found: dict[str, object] = {}
    exec("from sersiclab import *", found)
    assert set(sl.__all__) <= set(found)
    assert sl.__all__ == sorted(sl.__all__, key=lambda name: (not name.isupper(), name.lower() == name, name))


def test_a_test_that_wants_the_network_fails() -> None:
    with socket.socket() as outside, pytest.raises(AssertionError, match=r"a test wants to reach \('192.0.2.1', 80\)"):
        outside.connect(("192.0.2.1", 80))  # an address that is nobody's (RFC 5737)
