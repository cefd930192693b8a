"""No draw of a parameter that varies leaves its range, in any image or at any wavelength between them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sersiclab as sl
from sersiclab.parameters import parameter_info

from .conftest import blank, galaxy


PLACES = {"u": 0.35, "g": 0.47, "r": 0.62, "H": 1.6}
IMAGES = sl.Images({name: blank(name, shape=(6, 7)) for name in PLACES}, wavelengths=PLACES)
PRIORS = {"n": sl.Uniform(0.5, 8.0), "r_eff": sl.Uniform(0.3, 40.0), "ellip": sl.Uniform(0.0, 0.95)}
KNOTS = (0.3, 0.5, 0.9, 2.0)
SMOOTH = {
    "line": lambda prior: sl.Polynomial(prior, degree=1),
    "cubic": lambda prior: sl.Polynomial(prior, degree=3),
    "spline": lambda prior: sl.Spline(prior, knots=KNOTS),
    "band": sl.PerBand,
}
SHARES = st.lists(st.floats(0.0, 1.0), min_size=24, max_size=24)  # of the prior's interval, for the nodes of two draws


@pytest.mark.parametrize("kind", SMOOTH)
@settings(max_examples=5, deadline=None)
@given(shares=SHARES)
def test_no_draw_leaves_its_range(kind: str, shares: list[float]) -> None:
    varying: dict[str, Any] = {name: SMOOTH[kind](prior) for name, prior in PRIORS.items()}
    model = sl.Model({"galaxy": galaxy(xc=3.0, yc=3.0, flux=10.0, theta=0.3, **varying)}).for_images(IMAGES)
    values = iter(shares)
    draws = {}
    for path, prior in model.free.items():
        low, high = prior.support()
        draws[path] = np.array([[low + next(values) * (high - low) for _ in range(2)]])
    fit = sl.JointFit(model, IMAGES, sl.NUTS(), 0, draws, {path: float(each[0, 0]) for path, each in draws.items()})
    for name in PLACES:
        for path, drawn in fit.of(name).draws.items():
            info = parameter_info(sl.Sersic)[path.removeprefix("galaxy.")]
            assert np.isfinite(drawn).all()
            assert info.holds(float(drawn.min()), float(drawn.max())), (name, path)
    if kind != "band":
        between = fit.at_wavelength(0.9)
        assert parameter_info(sl.Sersic)["ellip"].holds(*between.loc["galaxy.ellip", ["q16", "q84"]].astype(float))
