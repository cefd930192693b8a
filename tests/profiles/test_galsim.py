"""Surface brightness and transforms, against GalSim's formulae."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.profiles import Exponential, Gaussian, Moffat, Sersic, Spergel


galsim = pytest.importorskip("galsim", reason="GalSim is the reference")

ROUND = {"xc": 0.0, "yc": 0.0, "flux": 1.0, "ellip": 0.0, "theta": 0.0}
PAIRS: dict[str, tuple[Any, Any]] = {
    "Sersic 0.5": (Sersic(**ROUND, r_eff=2.0, n=0.5), galsim.Sersic(0.5, half_light_radius=2.0)),
    "Sersic 3.3": (Sersic(**ROUND, r_eff=2.0, n=3.3), galsim.Sersic(3.3, half_light_radius=2.0)),
    "Exponential": (Exponential(**ROUND, r_eff=2.0), galsim.Exponential(half_light_radius=2.0)),
    "Gaussian": (Gaussian(**ROUND, fwhm=2.0), galsim.Gaussian(fwhm=2.0)),
    "Moffat 1.2": (Moffat(**ROUND, fwhm=2.0, beta=1.2), galsim.Moffat(beta=1.2, fwhm=2.0)),
    "Moffat 4.7": (Moffat(**ROUND, fwhm=2.0, beta=4.7), galsim.Moffat(beta=4.7, fwhm=2.0)),
    "Spergel -0.85": (Spergel(**ROUND, r_eff=2.0, nu=-0.85), galsim.Spergel(-0.85, half_light_radius=2.0)),
    "Spergel -0.6": (Spergel(**ROUND, r_eff=2.0, nu=-0.6), galsim.Spergel(-0.6, half_light_radius=2.0)),
    "Spergel 0": (Spergel(**ROUND, r_eff=2.0, nu=0.0), galsim.Spergel(0.0, half_light_radius=2.0)),
    "Spergel 4": (Spergel(**ROUND, r_eff=2.0, nu=4.0), galsim.Spergel(4.0, half_light_radius=2.0)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_brightness_and_transform(x64: None, name: str) -> None:
    ours, theirs = PAIRS[name]
    r = np.geomspace(0.02, 6.0, 12)
    expected = [theirs.xValue(float(x), 0.0) for x in r]
    np.testing.assert_allclose(ours.brightness(jnp.asarray(r), jnp.zeros(r.size)), expected, rtol=1e-5)
    if not isinstance(ours, Sersic):
        k = np.geomspace(0.01, 5.0, 12)
        expected = [theirs.kValue(float(x), 0.0).real for x in k]
        np.testing.assert_allclose(ours.transform(jnp.asarray(k)), expected, rtol=1e-5, atol=1e-7)
