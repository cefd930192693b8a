"""Many joint fits at once: each as it would be alone, whatever the others are."""

import equinox as eqx
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.inference.batch.padding import padded
from sersiclab.inference.batch.together import fit_together
from sersiclab.inference.running.monitor import Monitor
from sersiclab.results.joint import JointFit


FLUXES = {"g": 80.0, "r": 150.0, "i": 200.0}


@pytest.fixture
def model(blob):
    """A round source whose flux and size depend on the band, by a renderer that compiles in no time."""
    star = sl.Sersic(
        xc=sl.Normal(11.0, 1.0),
        yc=10.0,
        flux=sl.PerBand(sl.LogUniform(1.0, 1e4, init=100.0)),
        r_eff=sl.Polynomial(sl.LogUniform(0.5, 20.0, init=3.0)),
        n=0.5,
        ellip=0.0,
        theta=0.0,
    )
    sky = sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.1)))
    return sl.Model({"star": star, "sky": sky}, renderer=blob()[0].renderer)


def images(seed, names="gr", shape=(24, 22), **options):
    """A round source in some bands, brighter in each."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    light = np.exp(-0.5 * ((x - 11.3) ** 2 + (y - 10.0) ** 2) / 2.5**2) / (2 * np.pi * 2.5**2)
    planes = {name: FLUXES[name] * light + rng.normal(0.0, 0.1, shape) for name in names}
    return sl.Images({name: sl.Image(plane, sigma=0.1, band=name, **options) for name, plane in planes.items()})


def together(model, some, method, seeds):
    return fit_together([(model, each) for each in some], method, seeds, Monitor("batch"))


def test_each_joint_fit_is_as_it_would_be_alone_and_does_not_depend_on_the_others(model):
    some, method = [images(seed) for seed in range(3)], sl.Laplace(draws=300)
    found = together(model, some, method, range(3))
    for seed, (each, data) in enumerate(zip(found, some, strict=True)):
        assert isinstance(each, JointFit)
        assert each.images is data
        alone = sl.fit(model, data, method, seed=seed, progress=False)
        for path, value in alone.best.items():
            sd = alone.draws[path].std()
            assert abs(each.best[path] - value) < 0.01 * sd, path
            assert each.draws[path].std() == pytest.approx(sd, rel=0.01), path
        assert each.chi2 == pytest.approx(alone.chi2, abs=0.01)
        assert each.message == alone.message
    again = together(model, [some[2], some[0]], method, [2, 0])
    for one, other in zip(again, (found[2], found[0]), strict=True):
        assert one.best == other.best
        np.testing.assert_array_equal(one.draws["star.xc"], other.draws["star.xc"])


def test_images_are_padded_one_by_one_and_keep_their_names():
    data = images(1, shape=(24, 33))
    larger = padded(data)
    assert {name: image.shape for name, image in larger.items()} == {"g": (32, 40), "r": (32, 40)}
    assert larger.labels == data.labels
    np.testing.assert_array_equal(larger["r"].data[:24, :33], data["r"].data)
    assert larger["r"].valid.sum() == data["r"].valid.sum()


def test_what_does_not_suit_the_model_is_an_error_of_its_own(model):
    """Among images that are fitted, one of which has no usable pixel in another band."""
    unused = sl.Image(np.zeros((24, 22)), sigma=1e-9, band="i")
    masked = eqx.tree_at(lambda image: image.mask, unused, np.ones((24, 22), bool))
    given = model.replace({"star.flux": sl.PerBand({"g": sl.LogUniform(1.0, 1e4)})})
    pairs = [(model, images(1)), (given, images(1)), (model, images(1).with_image("i", masked))]
    found = fit_together(pairs, sl.MAP(), [0, 1, 2], Monitor("batch"))
    assert isinstance(found[1], ValueError)
    assert "star.flux" in str(found[1])
    assert found[2].best == found[0].best
    assert list(found[2].each()) == ["g", "r"]
