"""The minimiser: from bad starts, at bounds, where the posterior is flat, and when it must give up."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import kstest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, Laplace, fit, laplace
from sersiclab.inference.laplace import inverse
from sersiclab.inference.search import descent, likelihood, minimiser
from sersiclab.model import Model, render
from sersiclab.model.density import Density
from sersiclab.parameters.priors import Angle, LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from sersiclab.profiles import Sersic
from sersiclab.runtime.errors import InputError

from .calibration import draw_prior, mock, one_sersic


TRUTH = {"xc": 19.4, "yc": 17.2, "flux": 900.0, "r_eff": 4.0, "n": 2.5, "ellip": 0.55, "theta": 0.4}


def sersic_mock():
    """A Sérsic galaxy seen through a Gaussian PSF."""
    y, x = np.indices((13, 13)) - 6
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.4**2)
    galaxy = Sersic(
        xc=Normal(20, 2),
        yc=Normal(17, 2),
        flux=LogUniform(10, 1e5),
        r_eff=LogUniform(0.5, 30),
        n=Uniform(0.5, 8),
        ellip=Uniform(0, 0.9),
        theta=Angle(),
    )
    model = Model({"galaxy": galaxy})
    empty = Image(np.zeros((36, 41)), sigma=np.full((36, 41), 0.5), psf=psf / psf.sum())
    data = render(model, empty, {f"galaxy.{name}": value for name, value in TRUTH.items()})
    data = data + np.random.default_rng(5).normal(scale=0.5, size=data.shape)
    return model, Image(data, sigma=empty.sigma, psf=empty.psf)


def test_a_sersic_galaxy_from_bad_starts():
    model, image = sersic_mock()
    wanted = fit(model, image, Laplace(), progress=False)
    sd = {path: draws.std() for path, draws in wanted.draws.items()}
    bad = {
        "rotated": {"theta": 0.4 + 0.45 * np.pi},
        "small, cuspy, round": {"r_eff": 0.8, "n": 7.0, "ellip": 0.05, "theta": 2.5},
        "large, flat, faint": {"r_eff": 20.0, "n": 0.6, "flux": 30.0, "theta": 1.5},
        "off by pixels": {"xc": 23.0, "yc": 14.0, "ellip": 0.88, "theta": 3.0},
    }
    for name, values in bad.items():
        start = model.replace(
            {f"galaxy.{k}": type(p)(*_arguments(p), init=values.get(k)) for k, p in _priors(model).items()}
        )
        result = fit(start, image, MAP(), progress=False)
        assert result.message == "", name
        for path, value in wanted.best.items():
            assert abs(result.best[path] - value) < 0.1 * sd[path], (name, path)
    for name, value in TRUTH.items():
        assert abs(wanted.best[f"galaxy.{name}"] - value) < 4.5 * sd[f"galaxy.{name}"], name


def _priors(model):
    return {path.split(".")[1]: prior for path, prior in model.free.items()}


def _arguments(prior):
    names = {Normal: ("loc", "scale"), LogUniform: ("low", "high"), Uniform: ("low", "high"), Angle: ()}
    return [getattr(prior, name) for name in names[type(prior)]]


def test_the_map_is_of_the_parameters_and_needs_no_bound(blob, x64):
    """Against Nelder-Mead on the posterior density of the parameters, written out here."""
    model, image, truth = blob(flux=60.0)
    model = model.replace(
        {
            "galaxy.xc": truth["galaxy.xc"],
            "galaxy.yc": truth["galaxy.yc"],
            "galaxy.theta": truth["galaxy.theta"],
            "galaxy.flux": LogUniform(10, 1e5),
            "galaxy.r_eff": LogNormal(1.0, 0.3),
            "galaxy.ellip": TruncatedNormal(0.3, 0.2, low=0.0, high=0.9),
            "sky.level": 0.02,
        }
    )
    result = fit(model, image, MAP(), progress=False)

    def cost(p):
        flux, r_eff, ellip = p
        if flux <= 10 or r_eff <= 0 or not 0 < ellip < 0.9:
            return np.inf
        residual = (image.data - render(model, image, {"galaxy.flux": flux, "galaxy.r_eff": r_eff,
                                                       "galaxy.ellip": ellip})) / image.sigma  # fmt: skip
        prior = (
            -np.log(flux) - np.log(r_eff) - 0.5 * ((np.log(r_eff) - 1) / 0.3) ** 2 - 0.5 * ((ellip - 0.3) / 0.2) ** 2
        )
        return 0.5 * np.sum(residual**2) - prior

    found = minimize(
        cost, [55.0, 3.0, 0.3], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-11, "maxiter": 2000}
    )
    assert found.success
    values = [result.best[f"galaxy.{name}"] for name in ("flux", "r_eff", "ellip")]
    np.testing.assert_allclose(values, found.x, rtol=2e-5)


def test_other_starts_end_near_the_minimum_of_the_first(blob, monkeypatch):
    """Four starts, of which the later ones end as soon as they are near the first one's minimum."""
    minima = []
    ended = minimiser.minimum_of
    monkeypatch.setattr(minimiser, "minimum_of", lambda *state: minima.append(ended(*state)) or minima[-1])
    monkeypatch.setattr(minimiser, "is_doubtful", lambda *_: True)
    model, image, truth = blob()
    result = fit(model, image, MAP(), progress=False)
    first, *others = minima
    assert [minimum.again for minimum in minima] == [False, True, True, True]
    assert all(minimum.cost - first.cost < 2 * descent.SAME_PEAK for minimum in others)
    assert any(abs(minimum.u - first.u)[0] > 1e-6 for minimum in others)  # they have gone no further
    np.testing.assert_allclose(result.best["galaxy.flux"], truth["galaxy.flux"], rtol=0.1)


def test_one_start_finds_very_bright_components_however_they_lie(blob, x64):
    """Their ellipticities must not go to zero while the angles are still wrong: nothing leads back from there."""
    model, image, _ = blob()
    wide = model.components["galaxy"]
    bright = {"xc": Normal(15, 2), "yc": Normal(13, 2), "flux": LogUniform(10, 1e7)}
    bulge = dataclasses.replace(wide, **bright, r_eff=LogNormal(np.log(2), 0.3))
    disk = dataclasses.replace(wide, xc=15.0, yc=13.0, flux=bright["flux"], r_eff=LogNormal(np.log(5), 0.3))
    model = Model({"bulge": bulge, "disk": disk}, renderer=model.renderer)
    for seed in range(12, 24):
        rng = np.random.default_rng(seed)
        truth = dict(zip(model.free, model.initial.values(), strict=True))
        for name in ("bulge", "disk"):
            truth[f"{name}.flux"] = rng.uniform(3e5, 1e6)
            truth[f"{name}.ellip"] = rng.uniform(0.2, 0.7)
            truth[f"{name}.theta"] = rng.uniform(0, np.pi)
        mock = Image(render(model, image, truth) + rng.normal(size=image.shape), sigma=image.sigma)
        result = fit(model, mock, MAP(), init=model.initial, progress=False)
        assert result.message == ""
        assert result.reduced_chi2 < 1.3


def test_the_rounding_of_a_very_bright_galaxy_does_not_keep_it_from_converging():
    """Its brightest pixel has ten thousand times the noise: in single precision the gradient never vanishes."""
    model = one_sersic(least_flux=30_000.0)
    for number in (87, 138):  # of the calibration's first set
        rng = np.random.default_rng([20261122, number])
        truth = draw_prior(model, rng)
        result = fit(model, mock(model, truth, rng), MAP(), progress=False)
        assert result.message == ""
        assert result.best["galaxy.n"] == pytest.approx(truth["galaxy.n"], abs=0.01)


def test_a_maximum_at_a_bound_is_found(blob):
    model, image, _ = blob(r_eff=6.0)
    bounded = model.replace({"galaxy.r_eff": LogUniform(1.0, 5.0)})
    result = fit(bounded, image, MAP(), progress=False)
    assert result.message == ""
    assert result.best["galaxy.r_eff"] == pytest.approx(5.0, abs=1e-3)
    assert result.best["galaxy.xc"] == pytest.approx(14.3, abs=0.2)


def test_it_says_when_it_does_not_converge(blob, monkeypatch):
    model, image, _ = blob()
    monkeypatch.setattr(minimiser, "FIRST_ITERATIONS", 3)
    monkeypatch.setattr(minimiser, "OTHER_ITERATIONS", 3)
    assert fit(model, image, MAP(), progress=False).message == ""  # the best of the starts goes on
    monkeypatch.setattr(minimiser, "FINAL_ITERATIONS", 4)
    result = fit(model, image, MAP(), progress=False)
    assert "did not converge in 4 iterations" in result.message
    assert np.isfinite(list(result.best.values())).all()


def test_an_angle_of_which_nothing_is_known_is_drawn_uniformly(blob):
    model, image, _ = blob()
    result = fit(model.replace({"galaxy.ellip": Uniform(0, 1e-5)}), image, Laplace(draws=2000), progress=False)
    assert result.message == ""
    theta = result.draws["galaxy.theta"].ravel() % np.pi
    assert kstest(theta / np.pi, "uniform").pvalue > 1e-3
    assert result.best["galaxy.flux"] == pytest.approx(1000, rel=0.2)


def test_what_cannot_be_told_apart_is_named():
    paths = ("sky.level", "galaxy.n", "other.level")
    with pytest.raises(ValueError, match=r"parameters are degenerate: (sky|other).level, (sky|other).level"):
        inverse(np.array([[4.0, 0.1, 8.0], [0.1, 1.0, 0.2], [8.0, 0.2, 16.0]]), paths)
    with pytest.raises(ValueError, match=r"does not depend on galaxy\.n at its mode"):
        inverse(np.diag([4.0, 0.0, 16.0]), paths)
    definite = np.array([[4.0, 0.1, 3.0], [0.1, 1e-8, 0.0], [3.0, 0.0, 16e6]]) + np.diag([0.0, 1.0, 0.0])
    np.testing.assert_allclose(inverse(definite, paths), np.linalg.inv(definite), rtol=1e-9)


def test_without_a_normal_approximation_there_is_still_a_best_point(blob, monkeypatch):
    model, image, _ = blob()

    def refuse(curvature, paths):
        raise InputError("no normal approximation: flat")

    monkeypatch.setattr(laplace, "inverse", refuse)
    result = fit(model, image, Laplace(), progress=False)
    assert result.message == "no normal approximation: flat"
    assert result.draws == {}
    assert result.covariance is None
    assert result.best["galaxy.flux"] == pytest.approx(1000, rel=0.2)


def test_a_posterior_that_is_nowhere_finite_is_an_error(blob):
    model, image, _ = blob()
    infinite = Image(image.data, sigma=np.full(image.shape, 1e-25))
    with pytest.raises(ValueError, match="not finite at the starting values"):
        fit(model, infinite, MAP(), progress=False)


def test_values_of_any_unit_are_whole(blob):
    """Values keep their digits whatever the unit: 2e-6 must not come back as 0 (a defect of others)."""
    model, image, _ = blob()
    tiny_model, tiny_image, _ = blob(unit=1e-9)
    usual, tiny = (fit(m, i, MAP(), progress=False).best for m, i in ((model, image), (tiny_model, tiny_image)))
    assert tiny["galaxy.flux"] == pytest.approx(1e-9 * usual["galaxy.flux"], rel=1e-4)
    assert tiny["galaxy.r_eff"] == pytest.approx(usual["galaxy.r_eff"], rel=1e-4)


@pytest.mark.parametrize("columns", [1, 3, 7])
def test_gradient_and_curvature_are_those_of_finite_differences(blob, monkeypatch, x64, columns):
    model, image, truth = blob()
    monkeypatch.setattr(likelihood, "COLUMN_PIXELS", columns * image.data.size)
    density = Density.of(model, image)
    u = np.asarray(density.unconstrain(truth)) + 0.05
    point = jax.jit(descent.evaluate)(density, u, descent.Aim(np.float64(1.0), np.float64(0.0)))

    residuals = jax.jit(lambda v: density.residuals(density.constrain(v)).ravel())
    log_prior = jax.jit(lambda v: density.log_prior(v))
    steps = 1e-4 * np.eye(u.size)
    jacobian = np.stack([(residuals(u + h) - residuals(u - h)) / 2e-4 for h in steps])
    slope = np.array([(log_prior(u + h) - log_prior(u - h)) / 2e-4 for h in steps])
    bend = np.array([(log_prior(u + h) - 2 * log_prior(u) + log_prior(u - h)) / 1e-8 for h in steps])
    np.testing.assert_allclose(point.gradient, jacobian @ residuals(u) - slope, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(point.curvature, jacobian @ jacobian.T - np.diag(bend), rtol=1e-5, atol=1e-3)
