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


def node_model(*names):
    nodes = {name: sl.LogUniform(0.5, 20.0, init=2.0 + i) for i, name in enumerate(names)}
    place = {"xc": sl.Normal(10, 1), "yc": sl.Normal(10, 1), "ellip": 0.3, "theta": 0.0}
    flux, r_eff = sl.PerBand(sl.LogUniform(1, 1e3)), Polynomial(nodes)
    return sl.Model({"galaxy": sl.Sersic(**place, flux=flux, r_eff=r_eff, n=2.0)})


def images_of(**wavelengths):
    blank = sl.Image(np.zeros((20, 21)), sigma=1.0)
    return sl.Images(dict.fromkeys(wavelengths, blank), wavelengths=wavelengths)


@pytest.mark.parametrize("lacks", ["g", "z", "gz"])
def test_named_nodes_stay_when_an_end_band_is_missing(lacks):
    """The size in r and i is that of the line through the nodes."""
    known = {"g": 0.477, "r": 0.623, "i": 0.75, "z": 0.893}
    model = node_model("at_0.48", "at_0.89")
    some = images_of(**{name: each for name, each in known.items() if name not in lacks})
    fitted = model.for_images(some)
    assert [path for path in fitted.free if "r_eff" in path] == ["galaxy.r_eff.at_0.48", "galaxy.r_eff.at_0.89"]
    share = (known["r"] - 0.48) / (0.89 - 0.48)
    assert fitted.of("r").initial["galaxy.r_eff"] == pytest.approx(2.0 ** (1 - share) * 3.0**share, rel=1e-6)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("at_0.50", "at_0.89"), r"galaxy.r_eff: the nodes \['at_0.50', 'at_0.89'\] must enclose .* 0.477 to 0.623"),
        (("at_0.48", "blue"), r"galaxy.r_eff must have a value for each of \['at_0.48', 'at_0.62'\]"),
        (("at_0.40", "at_0.60", "at_0.80"), "galaxy.r_eff must have a value for each of"),
    ],
)
def test_nodes_that_do_not_suit_the_images(names, message):
    with pytest.raises(ValueError, match=message):
        node_model(*names).for_images(images_of(g=0.477, r=0.623))
