"""Small images that files of other programs can name."""

import numpy as np
import pytest

import sersiclab as sl


@pytest.fixture
def small(rng):
    """An image with all its planes, of a PSF whose side is odd."""
    side = np.arange(-3, 4)
    psf = np.exp(-0.5 * (side**2 + side[:, None] ** 2) / 1.5**2)
    return sl.Image(
        rng.normal(size=(30, 40)),
        sigma=rng.uniform(1.0, 2.0, (30, 40)),
        psf=psf / psf.sum(),
        psf_includes_pixel=False,
        mask=rng.random((30, 40)) > 0.95,
        zeropoint=25.0,
        pixel_scale=0.2,
        band="r",
    )
