"""The size of a renderer's error, as `render_error` gives it, against images that share nothing with it."""

from typing import NamedTuple

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.model import Model, render
from sersiclab.model.accuracy import render_error
from sersiclab.profiles import Sersic
from sersiclab.rendering import AbstractRenderer, FourierRenderer, HybridRenderer, PixelRenderer

from .exact import SHAPE, Galaxy, Optics, brute_force, gaussian, sersic_pixels


COARSE = PixelRenderer(cells=16, levels=1, oversampling=1)
WRAPPED = FourierRenderer(padding=0.0)
NATIVE, SHARP = Optics(gaussian(4.0), (41, 41)), Optics(gaussian(1.5), (61, 61), 5)

# Cusps on a pixel, on a corner and between; small, large, thin, and outside.
GALAXIES = (
    Galaxy(0.5, 4.0, 0.4, (27.3, 20.8)),
    Galaxy(0.6, 0.5, 0.9, (30.5, 22.5)),
    Galaxy(1.0, 1.0, 0.0, (30.0, 22.0)),
    Galaxy(1.5, 30.0, 0.3, (1.6, 43.2)),
    Galaxy(2.5, 3.0, 0.9, (27.3, 20.8)),
    Galaxy(4.0, 3.0, 0.0, (30.0, 22.0)),
    Galaxy(4.0, 8.0, 0.5, (30.5, 22.0)),
    Galaxy(4.0, 5.0, 0.5, (-3.3, 20.4)),
    Galaxy(6.0, 0.3, 0.5, (27.49, 20.8)),
    Galaxy(8.0, 8.0, 0.3, (30.0, 22.0)),
)


class Setting(NamedTuple):
    name: str
    renderer: AbstractRenderer
    optics: Optics | None
    galaxies: tuple[Galaxy, ...] = GALAXIES


SETTINGS = (
    Setting("default, no PSF", HybridRenderer(), None),
    Setting("coarse, no PSF", COARSE, None),
    Setting("default", HybridRenderer(), NATIVE),
    Setting("coarse", COARSE, NATIVE),
    Setting("wrapped", WRAPPED, NATIVE),
    Setting("default, sharp PSF", HybridRenderer(), SHARP, (GALAXIES[2], GALAXIES[5], GALAXIES[8])),
)


def exact(galaxy: Galaxy, optics: Optics | None) -> np.ndarray:
    return sersic_pixels(SHAPE, **galaxy.parameters) if optics is None else brute_force(galaxy, optics.blobs)


def test_there_are_enough_cases() -> None:
    assert sum(len(setting.galaxies) for setting in SETTINGS) >= 40


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_error_is_given_its_size(setting: Setting) -> None:
    """Never more than twice too small, nor twice too large, where the error is more than 0.03 sigma."""
    counted = 0
    for galaxy in setting.galaxies:
        truth = exact(galaxy, setting.optics)
        image = Image(np.zeros(SHAPE), sigma=1.0) if setting.optics is None else setting.optics.image()
        image = Image(image.data, sigma=4e-6 * truth.max(), psf=image.psf, psf_oversampling=image.psf_oversampling)
        model = Model({"galaxy": Sersic(**galaxy.parameters)}, renderer=setting.renderer)
        error = np.abs(render(model, image) - truth).max() / image.sigma[0, 0]
        found = render_error(model, image).max_sigma
        if error > 0.03:
            assert 0.5 * error < found < 2.0 * error, (galaxy, error, found)
            counted += 1
        else:
            assert found < 0.06, (galaxy, error, found)
    assert counted >= len(setting.galaxies) // 2
