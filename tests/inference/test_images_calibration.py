"""Joint fits of galaxies drawn by GalSim: the errors are those of the scatter about the truth."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sersiclab as sl
from sersiclab.parameters import parameter_info

from . import several_bands, two_instruments


METHOD = sl.Laplace(draws=600)


@pytest.mark.calibration
def test_five_bands():
    """200 galaxies: the sd of 40 sets of pulls is known to 0.05, their mean to 0.07."""
    pulls = pd.DataFrame(_of_bands(200))
    assert len(pulls.columns) == 40
    assert pulls.std().between(0.85, 1.15).all(), pulls.std()
    assert pulls.mean().abs().max() < 0.3, pulls.mean()


@pytest.mark.calibration
def test_two_instruments():
    """120 galaxies: the sd of 9 sets of pulls is known to 0.065."""
    pulls = pd.DataFrame(_of_instruments(120))
    assert len(pulls.columns) == 9
    assert pulls.std().between(0.8, 1.2).all(), pulls.std()
    assert pulls.mean().abs().max() < 0.3, pulls.mean()


def _of_bands(number: int) -> Iterator[dict[str, float]]:
    model = several_bands.model()
    for seed in range(number):
        images, truth = several_bands.mock(seed)
        fit: Any = sl.fit(model, images, METHOD, progress=False, seed=seed)
        for name in images:
            _check_ranges(fit.of(name))
        yield several_bands.pulls(fit, truth)


def _of_instruments(number: int) -> Iterator[dict[str, float]]:
    model = two_instruments.model()
    for seed in range(number):
        images, truth = two_instruments.mock(seed)
        yield two_instruments.pulls(sl.fit(model, images, METHOD, progress=False, seed=seed), truth)


def _check_ranges(fit: sl.Fit) -> None:
    """No draw leaves the range of its parameter."""
    for path, draws in fit.draws.items():
        component, name = path.split(".")
        info = parameter_info(type(fit.model.components[component]))[name]
        assert np.isfinite(draws).all()
        assert info.holds(float(draws.min()), float(draws.max())), path
