"""Real galaxies: the errors of the approximations against those of NUTS, and a published fit."""

import numpy as np
import pytest

from sersiclab.image import Image
from sersiclab.inference import NUTS, SVI, Importance, Laplace, fit
from sersiclab.model import Model
from sersiclab.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import Sersic


# Of a fit with another renderer, from the data's README, and how far off it may be: a few of its errors.
PUBLISHED = {
    "gal1": {"xc": 60.033, "yc": 60.049, "flux": 1845.3, "r_eff": 3.185, "n": 2.799, "ellip": 0.276, "theta": 0.564},
    "gal2": {"xc": 60.442, "yc": 59.253, "flux": 3720.5, "r_eff": 6.193, "n": 3.493, "ellip": 0.324, "theta": 2.441},
}


@pytest.mark.parametrize("galaxy", PUBLISHED)
def test_the_errors_of_the_approximations_are_those_of_nuts(shared_data, galaxy):
    names = {"data": "im", "sigma": "sig", "psf": "psf", "mask": "mask"}
    image = Image(**{name: np.load(shared_data / "hsc" / f"{galaxy}_{suffix}.npy") for name, suffix in names.items()})
    profile = Sersic(
        xc=Normal(60, 2),
        yc=Normal(60, 2),
        flux=LogUniform(50, 1e5),
        r_eff=LogUniform(0.5, 30),
        n=Uniform(0.5, 8),
        ellip=Uniform(0, 0.9),
        theta=Angle(),
    )
    model = Model({"galaxy": profile})
    nuts = fit(model, image, NUTS(draws=600), progress=False)
    for name, published in PUBLISHED[galaxy].items():
        draws = nuts.draws[f"galaxy.{name}"]
        assert abs(draws.mean() - published) < 3 * draws.std() + 0.0006
    for method in (Laplace(draws=4000), SVI(draws=4000), Importance(draws=2000)):
        found = fit(model, image, method, progress=False)
        for path, draws in nuts.draws.items():
            assert found.draws[path].std() == pytest.approx(draws.std(), rel=0.1), (method, path)
            assert abs(found.draws[path].mean() - draws.mean()) < 0.2 * draws.std(), (method, path)
