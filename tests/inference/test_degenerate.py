"""What the data can't tell: whatever the method, the verdict says so, and no number is silently wrong or NaN."""

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.datasets import moffat
from sersiclab.inference import MAP, NUTS, Importance, Laplace, fit
from sersiclab.model import Model
from sersiclab.model.simulate import simulate
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import Sersic


SHAPE = (25, 28)
PLACE = {"xc": 13.3, "yc": 12.6, "ellip": 0.3, "theta": 3.1}
METHODS = [MAP(), Laplace(), Importance(), NUTS(warmup=100, draws=250)]
IDS = ["MAP", "Laplace", "Importance", "NUTS"]


def galaxy(**changes):
    priors = {
        "xc": Normal(13, 1),
        "yc": Normal(13, 1),
        "flux": LogUniform(1, 1e6),
        "r_eff": LogUniform(0.1, 30),
        "n": Uniform(0.5, 8),
        "ellip": Uniform(0, 0.9),
        "theta": Angle(),
    }
    return Sersic(**(priors | changes))


def stamp(*, seed=1, **numbers):
    blank = Image(np.zeros(SHAPE), sigma=1.0, psf=moffat(11, fwhm=3.0, beta=3.0))
    return simulate(Model({"galaxy": Sersic(**(PLACE | numbers))}), blank, seed=seed)


def said(model, image, method):
    """The verdict on a fit, all of whose numbers are finite and within their priors."""
    result = fit(model, image, method, progress=False)
    for path, prior in model.free.items():
        low, high = prior.support()
        values = np.append(np.ravel(result.draws.get(path, ())), result.best[path])
        assert np.isfinite(values).all()
        assert ((low <= values) & (values <= high)).all()
    assert result.verdict.level != "ok"
    return result, str(result.verdict)


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_an_index_at_its_bound(method):
    """n = 7 where the prior ends at 4: the normal approximation is not to be believed."""
    model = Model({"galaxy": galaxy(n=Uniform(0.5, 4))})
    result, verdict = said(model, stamp(flux=5000, r_eff=4.0, n=7.0), method)
    assert "galaxy.n lies at the upper bound of its prior, 4" in verdict
    if isinstance(method, Laplace):
        assert "The posterior differs from the normal distribution of Laplace" in verdict
        assert result.verdict.level == "bad"
    elif result.draws:
        assert np.quantile(result.draws["galaxy.n"], 0.05) > 3.8


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_an_index_at_its_lower_bound(method):
    """n = 0.6 where the prior begins at 1; Laplace's draws then fill the whole prior."""
    model = Model({"galaxy": galaxy(n=Uniform(1, 8))})
    result, verdict = said(model, stamp(flux=2000, r_eff=4.0, n=0.6), method)
    assert "galaxy.n lies at the lower bound of its prior, 1" in verdict
    if isinstance(method, Laplace):
        assert result.verdict.level == "bad"


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_a_galaxy_smaller_than_a_pixel(method):
    _, verdict = said(Model({"galaxy": galaxy()}), stamp(flux=1500, r_eff=0.15, n=2.0), method)
    assert "not resolved" in verdict


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_a_galaxy_lost_in_the_noise(method):
    """Its signal-to-noise ratio, by a matched filter, is 3."""
    _, verdict = said(Model({"galaxy": galaxy()}), stamp(flux=31, r_eff=3.0, n=1.0), method)
    assert "signal-to-noise ratio" in verdict


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_two_components_for_one_galaxy(blob, method):
    """Two alike, at one place, for a galaxy that is one: only their sum is known."""
    model, image, _ = blob(shape=(25, 29))
    first = model.components["galaxy"]
    model = model.with_component("other", first)
    _, verdict = said(model, image, method)
    words = (
        "interchangeable",
        "are degenerate",
        "hardly need",
        "lies at",
        "differs from",
        "are unreliable",
        "another maximum",
    )
    assert any(word in verdict for word in words)


@pytest.mark.parametrize("method", [MAP(), Importance(draws=200)])
def test_two_answers(method):
    """A galaxy and another, equal in all but place, and two components that may be either: the search finds both."""
    one, other = {"xc": 9.0, "yc": 13.0, "theta": 0.3}, {"xc": 18.0, "yc": 13.0, "theta": 0.3}
    common = {"flux": 3000, "r_eff": 2.0, "n": 1.0, "ellip": 0.2}
    truth = Model({"a": Sersic(**(common | one)), "b": Sersic(**(common | other))})
    image = simulate(truth, Image(np.zeros(SHAPE), sigma=1.0, psf=moffat(11, fwhm=3.0, beta=3.0)), seed=2)
    priors = {"xc": Normal(13.5, 5), "yc": Normal(13, 1), "r_eff": 2.0, "n": 1.0, "ellip": 0.2, "theta": 0.3}
    flux = LogUniform(10, 1e5)
    model = Model({"a": Sersic(flux=flux, **priors), "b": Sersic(flux=flux, **priors)})
    result = fit(model, image, method, progress=False)
    assert result.verdict.level == "bad"
    assert "another maximum of the posterior" in str(result.verdict)
