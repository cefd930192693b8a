"""Galaxies in several images, drawn by GalSim, are recovered in each."""

import sersiclab as sl

from . import two_instruments
from .several_bands import mock, model, pulls


def test_a_galaxy_in_five_bands_is_recovered():
    """By values at two wavelengths that are interpolated as the truth is: the size in ln, the index in logit."""
    images, truth = mock(3)
    fit = sl.fit(model(), images, sl.Laplace(draws=600), progress=False)
    assert fit.verdict.level == "ok"
    found = pulls(fit, truth)
    assert len(found) == 40
    assert max(map(abs, found.values())) < 4.0
    assert abs(fit.reduced_chi2 - 1.0) < 5 * (2 / fit.dof) ** 0.5


def test_a_galaxy_seen_by_two_instruments_is_recovered():
    """Other pixels, orientation, parity, PSF, unit and depth."""
    images, truth = two_instruments.mock(1)
    fit = sl.fit(two_instruments.model(), images, sl.Laplace(draws=600), progress=False)
    assert fit.verdict.level == "ok"
    found = two_instruments.pulls(fit, truth)
    assert len(found) == 9
    assert max(map(abs, found.values())) < 4.0
