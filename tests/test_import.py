"""Importing the package stays light, and off the network: what only some users need comes when it is used."""

import socket
import subprocess
import sys

import pytest


HEAVY = "arviz asdf astropy.io.fits astropy.units bqplot ipywidgets matplotlib photutils scipy.optimize scipy.stats"
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


def test_a_test_that_wants_the_network_fails() -> None:
    with socket.socket() as outside, pytest.raises(AssertionError, match=r"a test wants to reach \('192.0.2.1', 80\)"):
        outside.connect(("192.0.2.1", 80))  # an address that is nobody's (RFC 5737)
