"""Functions of the image: what a curve can follow, and how fast its values change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.parameters.base import ImageLabel
from sersiclab.parameters.interpolation import Curve, Scale
from sersiclab.parameters.varying import Polynomial, next_power


def test_the_next_power_of_wavelength_is_what_a_curve_lacks():
    wavelengths = [0.4, 0.5, 0.7, 0.9]
    labels = [ImageLabel(str(i), str(i), each) for i, each in enumerate(wavelengths)]
    line = Polynomial(sl.Uniform(0.5, 8.0), degree=1).weights("g.n", labels)
    found = next_power(line, wavelengths)
    assert found is not None
    parabola = np.square(wavelengths)
    parabola -= np.polyval(np.polyfit(wavelengths, parabola, 1), wavelengths)
    np.testing.assert_allclose(found * (found @ parabola) / (found @ found), parabola, atol=1e-9)
    np.testing.assert_allclose(np.abs(found).max(), 1.0)
    cubic = Polynomial(sl.Uniform(0.5, 8.0), degree=3).weights("g.n", labels)
    assert next_power(cubic, wavelengths) is None
    assert next_power(np.ones((2, 1)), [0.5, 0.5]) is None


@pytest.mark.parametrize("scale", [Scale(0.0, np.inf), Scale(0.5, 8.0), Scale(-np.inf, np.inf)], ids=str)
def test_slopes_of_a_curve_are_derivatives(scale):
    curve = Curve((0, 1), scale, np.array([[1.0, 0.0], [0.3, 0.7], [0.0, 1.0]]))
    numbers = jnp.array([1.2, 3.4])
    y = curve.weights @ scale.of(numbers)
    differences = (scale.inverse(y + 5e-3) - scale.inverse(y - 5e-3)) / 1e-2
    np.testing.assert_allclose(jax.jit(Curve.slopes)(curve, numbers), differences, rtol=1e-3)
