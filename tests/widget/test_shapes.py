"""The ellipses of the posterior, compared with the draws."""

from types import SimpleNamespace

import numpy as np

from sersiclab.model import Model
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Normal
from sersiclab.profiles import Gaussian, PointSource, Sersic
from sersiclab.widget.shapes import NUMBER, posterior_shapes

from .counting import Counting


def test_shapes_are_those_of_the_draws(editor, heard):
    fit = editor.run(Counting(steps=40), wait=True)
    shapes = posterior_shapes(fit)
    assert list(shapes) == ["star", "ghost"]  # a sky has none
    assert len(shapes["star"]) == NUMBER
    drawn = {float(np.float32(x)) for x in np.ravel(fit.draws["star.xc"])}
    for star, ghost in zip(shapes["star"], shapes["ghost"], strict=True):
        assert float(np.float32(star[0])) in drawn
        assert star[2] is None  # a point
        assert ghost[0] == star[0]  # tied
        assert ghost[1] == 7.0
    assert heard.of("posterior")[-1][0]["shapes"] == shapes
    heard.settle()
    heard.clear()
    heard.send(t="hello")
    assert [content["t"] for content, _ in heard.messages][:2] == ["image", "posterior"]


def test_the_size_is_the_radius_that_the_page_shows():
    components = {
        "galaxy": Sersic(xc=Normal(5.0, 1.0), yc=5.0, flux=1.0, r_eff=3.0, n=1.0, ellip=0.2, theta=0.5),
        "blob": Gaussian(xc=Tied("galaxy.xc"), yc=4.0, flux=1.0, fwhm=2.5, ellip=0.1, theta=0.0),
        "star": PointSource(xc=1.0, yc=2.0, flux=1.0),
    }
    fit = SimpleNamespace(model=Model(components), draws={"galaxy.xc": np.array([[5.0, 5.5]])})
    shapes = posterior_shapes(fit)
    np.testing.assert_allclose(shapes["galaxy"], [[5.0, 5.0, 3.0, 0.2, 0.5], [5.5, 5.0, 3.0, 0.2, 0.5]])
    np.testing.assert_allclose(shapes["blob"][1], [5.5, 4.0, 2.5, 0.1, 0.0])
    assert shapes["star"] == [[1.0, 2.0, None, 0.0, 0.0]] * 2
    fit.draws = {}
    assert posterior_shapes(fit) == {}
