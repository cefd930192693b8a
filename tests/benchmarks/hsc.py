"""Two galaxies of HSC, 121² pixels, from `../shared/data/hsc`, and the model that tests and benchmarks fit to them."""

from pathlib import Path

import numpy as np

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import Sersic


HSC = Path(__file__).resolve().parents[3] / "shared" / "data" / "hsc"
# Of a fit with another renderer, from the data's README.
PUBLISHED = {
    "gal1": {"xc": 60.033, "yc": 60.049, "flux": 1845.3, "r_eff": 3.185, "n": 2.799, "ellip": 0.276, "theta": 0.564},
    "gal2": {"xc": 60.442, "yc": 59.253, "flux": 3720.5, "r_eff": 6.193, "n": 3.493, "ellip": 0.324, "theta": 2.441},
}


def galaxy(name: str) -> Image:
    """`gal1` or `gal2`."""
    arrays = {"data": "im", "sigma": "sig", "psf": "psf", "mask": "mask"}
    return Image(**{field: np.load(HSC / f"{name}_{suffix}.npy") for field, suffix in arrays.items()})


def sersic() -> Model:
    """One Sérsic profile with wide priors about the middle of 121² pixels."""
    profile = Sersic(
        xc=Normal(60, 2),
        yc=Normal(60, 2),
        flux=LogUniform(50, 1e5),
        r_eff=LogUniform(0.5, 30),
        n=Uniform(0.5, 8),
        ellip=Uniform(0, 0.9),
        theta=Angle(),
    )
    return Model({"galaxy": profile})
