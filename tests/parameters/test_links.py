"""Total flux and its shares, and parameters in order: the same images, densities and documents as without links."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid
from scipy.stats import kstest

from sersiclab.data.image import Image
from sersiclab.documents.spec import SpecError, from_dict, to_dict, to_python
from sersiclab.inference import MAP, fit
from sersiclab.model import Model, render, render_components
from sersiclab.model.density import Density
from sersiclab.parameters import Tied, ties
from sersiclab.parameters.links import Ratio, TotalFlux
from sersiclab.parameters.priors import LogUniform, Normal, Uniform
from sersiclab.parameters.ties import check_ties
from sersiclab.profiles import Exponential, FlatSky, PointSource, Sersic


PLACE = {"xc": 8.2, "yc": 6.9}


def stars(**changes):
    fluxes = {"flux": LogUniform(1, 1e4, init=300)}, {"flux": LogUniform(1, 1e4, init=100)}
    one, other = PointSource(**(PLACE | fluxes[0])), PointSource(xc=3.0, yc=4.0, **fluxes[1])
    return Model({"one": one, "other": other, "sky": FlatSky(level=Normal(0, 1))}, **changes)


def image(data=None):
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.3**2)
    data = np.zeros((15, 18)) if data is None else data
    return Image(data, sigma=1.0, psf=psf / psf.sum())


def test_fluxes_follow_the_total_and_the_fraction():
    model = stars().with_total_flux("one", "other")
    assert list(model.free) == ["sky.level", "total.flux", "total.fraction"]
    assert model.initial["total.flux"] == 400
    assert model.initial["total.fraction"] == 0.75
    values = {"total.flux": 500.0, "total.fraction": 0.2, "sky.level": 0.0}
    expected = render(stars(), image(), {"one.flux": 100.0, "other.flux": 400.0, "sky.level": 0.0})
    np.testing.assert_allclose(render(model, image(), values), expected, rtol=1e-5, atol=1e-5)
    density = Density.of(model, image())
    mean = density.mean({path: jnp.asarray(value) for path, value in values.items()})
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-4)
    parts = render_components(model, image(), values)
    assert list(parts) == ["one", "other", "sky"]


def test_total_and_fraction_are_fitted():
    """Against the fit of the two fluxes: the same maximum, by priors that hardly matter."""
    rng = np.random.default_rng(1)
    truth = {"one.flux": 300.0, "other.flux": 100.0, "sky.level": 0.3}
    seen = image(render(stars(), image(), truth) + rng.normal(size=(15, 18)))
    plain = fit(stars(), seen, MAP(), progress=False).best
    flux = Uniform(10, 1e4, init=350)
    found = fit(stars().with_total_flux("one", "other", flux=flux), seen, MAP(), progress=False)
    total = plain["one.flux"] + plain["other.flux"]
    assert found.best["total.flux"] == pytest.approx(total, rel=0.01)
    assert found.best["total.fraction"] == pytest.approx(plain["one.flux"] / total, rel=0.01)
    table = found.to_table()
    assert table["one_flux"][0] == pytest.approx(plain["one.flux"], rel=0.01)


def test_an_order_holds_wherever_the_priors_lead():
    ratio = {"order.ratio": 0.25}
    model = galaxies().with_order("bulge.r_eff", "disk.r_eff")
    assert model.initial["order.ratio"] == pytest.approx(2 / 8)
    density = Density.of(model, image())
    for u in np.random.default_rng(2).normal(scale=3, size=(20, len(model.free))):
        at = model.at({path: float(value) for path, value in density.constrain(jnp.asarray(u)).items()})
        assert 0 <= at.components["bulge"].r_eff <= at.components["disk"].r_eff
    at = model.at({**model.initial, **ratio, "disk.r_eff": 6.0})
    assert at.components["bulge"].r_eff == 1.5


def profiles_in_order(prior):
    place = {"xc": 8.0, "yc": 7.0, "ellip": 0.2, "theta": 0.3, "r_eff": 3.0}
    disk = Sersic(n=Uniform(0.5, 8, init=1.5), flux=100.0, **place)
    bulge = Sersic(n=prior, flux=50.0, **place)
    return Model({"disk": disk, "bulge": bulge}).with_order("disk.n", "bulge.n")


def test_an_order_above_a_lower_bound_keeps_both_ends_of_the_range():
    model = profiles_in_order(Uniform(0.5, 8, init=4))
    assert model.initial["order.ratio"] == pytest.approx(1.0 / 3.5)
    assert model.at(model.initial).components["disk"].n == pytest.approx(1.5)
    density = Density.of(model, image())
    for u in np.random.default_rng(2).normal(scale=4, size=(40, len(model.free))):
        values = {path: float(value) for path, value in density.constrain(jnp.asarray(u)).items()}
        at = model.at(values).components
        assert 0.5 <= at["disk"].n <= at["bulge"].n * (1 + 1e-6) <= 8 * (1 + 2e-6)
    picture = render(model, image(), {"bulge.n": 6.0, "order.ratio": 0.2})
    plain = {"disk.n": 0.5 + 5.5 * 0.2, "bulge.n": 6.0}
    np.testing.assert_array_equal(picture, render(model.replace(plain), image()))
    assert from_dict(to_dict(model)) == model
    scope: dict = {}
    exec(to_python(model), scope)
    assert scope["model"] == model
    assert model.replace({"disk.n": 1.0}).links == {}


@pytest.mark.parametrize("prior", [Uniform(0.5, 8), LogUniform(0.5, 8), Uniform(2, 6)])
def test_the_prior_of_the_smaller_one_is_the_integral_of_the_larger_ones(prior):
    """Draws from the prior against the formula of the docstring, by quadrature and, for a uniform prior, exactly."""
    model = profiles_in_order(prior)
    keys = jax.random.split(jax.random.key(3), len(model.free))
    drawn = {
        path: np.asarray(each.distribution().sample(key, (20_000,)), float)
        for key, (path, each) in zip(keys, model.free.items(), strict=True)
    }
    found = np.asarray(model.at(drawn).components["disk"].n)

    x = 0.5 + np.geomspace(1e-8, prior.support()[1] - 0.5, 20_001)
    density, inside = np.zeros(len(x)), (x > prior.support()[0] + 1e-6) & (x < prior.support()[1] - 1e-6)
    density[inside] = np.exp(np.asarray(prior.distribution().log_prob(x[inside]), float))
    above = cumulative_trapezoid((density / (x - 0.5))[::-1], -x[::-1], initial=0.0)[::-1]
    below = cumulative_trapezoid(above, x, initial=0.0)
    assert below[-1] == pytest.approx(1.0, abs=2e-3)
    assert kstest(found, lambda n: np.interp(n, x, below)).pvalue > 1e-3
    if prior == Uniform(0.5, 8):
        share = (x - 0.5) / 7.5
        np.testing.assert_allclose(below, share - share * np.log(share), atol=2e-3)


def test_a_tie_adds_to_a_product_but_takes_no_third_factor():
    model = profiles_in_order(Uniform(0.5, 8))
    assert ties.ranges(model.owners)["disk.n"] == pytest.approx((0.5, 8.0))
    narrow = profiles_in_order(Uniform(2, 6)).replace({"order.ratio": 0.0})
    assert ties.ranges(narrow.owners)["disk.n"] == (0.5, 0.5)
    with pytest.raises(ValueError, match=r"a product of two others: it can't be multiplied by a third"):
        model.replace({"disk.n": Tied("order.excess", by=Tied("order.ratio"))})


def galaxies():
    shared = {"xc": 8.0, "yc": 7.0, "ellip": 0.2, "theta": 0.3}
    bulge = Sersic(r_eff=LogUniform(0.5, 8, init=2), n=3.0, flux=LogUniform(1, 1e4), **shared)
    disk = Exponential(r_eff=LogUniform(1, 30, init=8), flux=LogUniform(1, 1e4), **shared)
    return Model({"bulge": bulge, "disk": disk})


def test_what_may_be_negative_has_no_order():
    with pytest.raises(ValueError, match=r"bulge.flux may be negative: a ratio between 0 and 1 can't order it"):
        galaxies().with_order("bulge.flux", "disk.flux")
    with pytest.raises(ValueError, match=r"'bar.r_eff' is not a parameter of this model"):
        galaxies().with_order("bar.r_eff", "disk.r_eff")


def test_links_are_documents_and_code():
    model = (
        galaxies().with_total_flux("bulge", "disk", fraction=Uniform(0, 0.8)).with_order("bulge.r_eff", "disk.r_eff")
    )
    assert from_dict(to_dict(model)) == model
    scope: dict = {}
    exec(to_python(model), scope)
    assert scope["model"] == model
    assert "links" not in to_dict(galaxies())
    document = to_dict(model)
    document["links"].pop("total")
    with pytest.raises(SpecError, match=r"bulge.flux is tied to 'total.flux', which is not a parameter of this model"):
        from_dict(document)


def test_links_go_with_their_followers():
    model = galaxies().with_total_flux("bulge", "disk")
    with pytest.raises(ValueError, match=r"bulge shares 'total' with disk.flux; give it a prior of its own first"):
        model.without("bulge")
    alone = model.replace({"disk.flux": LogUniform(1, 10)})
    assert list(alone.links) == ["total"]
    assert alone.replace({"bulge.flux": 3.0}).links == {}
    assert alone.without("bulge").links == {}
    assert model.with_component("star", PointSource(flux=1.0, **PLACE)).links == model.links


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: stars(links={"one": Ratio(ratio=0.5)}), ValueError, "'one' is the name of a component"),
        (lambda: stars(links={"total": 3.0}), TypeError, r"links\['total'\] must be a link such as TotalFlux"),
        (lambda: TotalFlux(flux=1.0, fraction=1.5), ValueError, r"TotalFlux.fraction must lie in \[0, 1\], got 1.5"),
        (lambda: Tied("a.b", by=0.5), TypeError, r"Tied.by must be a Tied to one parameter"),
        (lambda: stars().with_total_flux("one", "other", name="sky"), ValueError, "name must differ from those"),
        (lambda: stars().with_total_flux("one", "one"), ValueError, "two components, got 'one' twice"),
    ],
)
def test_mistakes_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_ties_by_products_end_somewhere():
    ratio = Ratio(ratio=Uniform(0, 1))
    circle = {"a": PointSource(flux=Tied("b.flux", by=Tied("r.ratio")), **PLACE), "r": ratio}
    circle["b"] = PointSource(flux=Tied("a.flux"), **PLACE)
    with pytest.raises(ValueError, match=r"a.flux is tied in a circle: a.flux -> b.flux -> a.flux"):
        check_ties(circle)
    two = {"a": PointSource(flux=LogUniform(1, 2), **PLACE), "r": ratio}
    two["b"] = PointSource(flux=Tied("a.flux", by=Tied("r.ratio")), **PLACE)
    two["c"] = PointSource(flux=Tied("b.flux", by=Tied("r.ratio")), **PLACE)
    with pytest.raises(ValueError, match=r"c.flux is tied to b.flux, a product of two others"):
        check_ties(two)
