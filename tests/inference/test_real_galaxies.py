"""Real galaxies: the errors of the approximations against those of NUTS, and a published fit."""

import pytest

from sersiclab.inference import NUTS, SVI, Importance, Laplace, fit

from ..benchmarks.hsc import PUBLISHED, galaxy, sersic


@pytest.mark.usefixtures("shared_data")
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_errors_of_the_approximations_are_those_of_nuts(name):
    model, image = sersic(), galaxy(name)
    nuts = fit(model, image, NUTS(draws=600), progress=False)
    for parameter, published in PUBLISHED[name].items():
        draws = nuts.draws[f"galaxy.{parameter}"]
        # A few errors of the other renderer.
        assert abs(draws.mean() - published) < 3 * draws.std() + 0.0006
    for method in (Laplace(draws=4000), SVI(draws=4000), Importance(draws=2000)):
        found = fit(model, image, method, progress=False)
        for path, draws in nuts.draws.items():
            assert found.draws[path].std() == pytest.approx(draws.std(), rel=0.1), (method, path)
            assert abs(found.draws[path].mean() - draws.mean()) < 0.2 * draws.std(), (method, path)
