"""A fit of several images: its parts by image, its draws as ArviZ's objects, what is derived, and comparisons."""

import dataclasses
import pickle

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import sersiclab as sl
from sersiclab.results.derived import parameter_sds
from sersiclab.results.diagnostics import arviz
from sersiclab.runtime.errors import InputError, InputTypeError

from .conftest import galaxy


def test_each_image_has_the_joint_values(fit: sl.JointFit) -> None:
    for name, one in fit.each().items():
        assert one.best["galaxy.flux"] == pytest.approx(fit.best[f"galaxy.flux.{name}"], rel=1e-6)
        assert one.best["galaxy.xc"] == pytest.approx(fit.best["galaxy.xc"], rel=1e-6)
        assert np.allclose(one.draws["sky.level"], fit.draws[f"sky.level.{name}"])
        assert np.allclose(one.draws["galaxy.theta"], fit.draws["galaxy.theta"])
    ends = {"g": "at_0.47", "i": "at_0.75"}  # the nodes of a straight line are its ends
    for name, node in ends.items():
        assert np.allclose(fit.of(name).draws["galaxy.r_eff"], fit.draws[f"galaxy.r_eff.{node}"], rtol=1e-5)
    middle = fit.of("r").draws["galaxy.r_eff"]
    low, high = (fit.draws[f"galaxy.r_eff.{node}"] for node in ends.values())
    share = (0.6176 - 0.4702) / (0.749 - 0.4702)
    assert np.allclose(middle, low ** (1 - share) * high**share, rtol=1e-5)


def test_sums_over_the_images(fit: sl.JointFit) -> None:
    assert fit.chi2 == pytest.approx(sum(np.sum(one.residual**2) for one in fit.each().values()))
    assert fit.dof == 3 * 24 * 26 - len(fit.model.free)
    assert fit.reduced_chi2 == fit.chi2 / fit.dof
    likelihood = sum(float(one.log_likelihood["data"][0, 5].sum()) for one in fit.each().values())
    together = sum(float(fit.log_likelihood[name][0, 5].sum()) for name in fit.images)
    assert together == pytest.approx(likelihood, rel=1e-6)
    number = 3 * 24 * 26
    at_best = -0.5 * fit.chi2 - number * np.log(0.05 * np.sqrt(2 * np.pi))
    assert fit.bic == pytest.approx(-2 * at_best + len(fit.model.free) * np.log(number), abs=0.01)


def test_an_image_that_there_is_not(fit: sl.JointFit) -> None:
    with pytest.raises(InputError, match=r"'z' is not an image of this fit; it has \['g', 'r', 'i'\]"):
        fit.of("z")
    with pytest.raises(InputError, match="'z' is not an image"):
        fit.log_likelihood_of("z")


def test_posterior_has_variables_for_each_image(fit: sl.JointFit) -> None:
    groups = fit.posterior
    assert set(groups["posterior"].data_vars) == {*fit.model.free, *(name.replace("/", "_") for name in fit.derived)}
    assert groups["posterior"]["galaxy.flux.g"].shape == (1, 400)
    assert groups["log_likelihood"]["r"].dims == ("chain", "draw", "pixel_r")
    assert groups["observed_data"]["i"].dims == ("y_i", "x_i")
    assert {"sigma_g", "mask_g", "sigma_i"} <= set(groups["constant_data"].data_vars)
    likelihood = groups["log_likelihood"]["r"]
    assert np.array_equal(likelihood.values, fit.log_likelihood["r"].values)
    y, x = int(likelihood["y_r"][30]), int(likelihood["x_r"][30])
    best = dataclasses.replace(fit.of("r"), draws={p: a[:, :1] for p, a in fit.of("r").draws.items()}, stats={})
    rendered = sl.render(best.model, best.image, {path: float(a[0, 0]) for path, a in best.draws.items()})
    term = -0.5 * ((fit.images["r"].data - rendered)[y, x] / 0.05) ** 2 - np.log(0.05 * np.sqrt(2 * np.pi))
    assert float(likelihood[0, 0, 30]) == pytest.approx(term, abs=1e-3)
    loo = arviz().loo(groups, var_name="r")
    assert float(loo.elpd_loo if arviz().__version__.startswith("0.") else loo.elpd) > 500


def test_predictive_groups(fit: sl.JointFit) -> None:
    groups = fit.to_arviz(prior=40, predictive=30, seed=2)
    drawn = {name: groups["posterior_predictive"][name] for name in fit.images}
    assert drawn["g"].shape == (1, 30, 24 * 26)
    noise = {name: each.values - each.values.mean(1, keepdims=True) for name, each in drawn.items()}
    assert abs(np.corrcoef(noise["g"].ravel(), noise["r"].ravel())[0, 1]) < 0.05  # each image has noise of its own
    assert np.std(noise["g"]) == pytest.approx(0.05, rel=0.05)
    flux = groups["prior"]["galaxy.flux.g"].values
    assert flux.shape == (1, 40)
    assert np.all((flux >= 1) & (flux <= 1e4))
    assert groups["observed_data"]["g"].dims == ("pixel_g",)


def test_methods_without_draws_have_no_posterior(fit: sl.JointFit) -> None:
    best = dataclasses.replace(fit, draws={}, stats={}, method=sl.MAP(), derived={})
    for what in ("posterior", "log_likelihood"):
        with pytest.raises(InputError, match=f"{what} needs draws, and MAP made none"):
            getattr(best, what)
    with pytest.raises(InputError, match="to_arviz needs draws"):
        best.to_arviz()


def test_derived_quantities_have_a_value_in_every_image(fit: sl.JointFit) -> None:
    fit = dataclasses.replace(fit, derived={})
    before = fit.posterior
    found = fit.derive(lambda s: s["galaxy"].flux / s["galaxy"].r_eff ** 2, name="density/area", unit="pix-2")
    for name, draws in found.items():
        one = fit.of(name)
        assert np.allclose(draws, one.draws["galaxy.flux"] / one.draws["galaxy.r_eff"] ** 2, rtol=1e-4)
        assert one.derived["density/area"].unit == "pix-2"
        assert f"density/area.{name}" in fit.summary().index
        assert f"density_area.{name}" in fit.posterior["posterior"]
    assert fit.posterior is not before
    again = pickle.loads(pickle.dumps(fit))
    assert again.of("r").derived["density/area"].best == fit.of("r").derived["density/area"].best
    assert fit.bands().loc["density/area", ("g", "value")] == pytest.approx(found["g"].mean())


def test_derived_quantities_without_draws_have_errors_to_first_order(fit: sl.JointFit) -> None:
    drawn, best = dataclasses.replace(fit, derived={}), dataclasses.replace(fit, draws={}, stats={}, derived={})
    for one in (drawn, best):
        one.derive(lambda s: s["galaxy"].flux / s["galaxy"].r_eff ** 2, name="density")
    for name in fit.images:
        assert best.derived[f"density.{name}"].sd == pytest.approx(drawn.derived[f"density.{name}"].sd, rel=0.15)


@pytest.mark.parametrize("name", ["galaxy.flux", "sky.level"])
def test_a_derived_quantity_needs_a_name_of_its_own(fit: sl.JointFit, name: str) -> None:
    with pytest.raises(InputError, match="name must differ from those of other quantities"):
        fit.derive(lambda s: s["galaxy"].flux, name=name)


def test_wrong_names_of_derived_quantities(fit: sl.JointFit) -> None:
    with pytest.raises(InputTypeError, match="name must be a string such as 'B/T', got 3"):
        fit.derive(lambda s: s["galaxy"].flux, name=3)  # pyright: ignore[reportArgumentType]


def test_the_evidence_of_a_normal_posterior_is_exact() -> None:
    """One sky level for two images: the data are jointly normal, with the variance of the prior in common."""
    rng, shape = np.random.default_rng(1), (5, 6)
    images = sl.Images({name: sl.Image(2.0 + 0.5 * rng.normal(size=shape), sigma=0.5) for name in "ab"})
    model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(1.0, 2.0)), "star": sl.PointSource(xc=2.0, yc=2.0, flux=0.0)})
    fit = sl.fit(model, images, sl.Laplace(draws=50), progress=False)
    data = np.concatenate([image.data.ravel() for image in images.values()])
    covariance = 0.25 * np.eye(data.size) + 4.0
    assert fit.log_evidence == pytest.approx(
        multivariate_normal(np.full(data.size, 1.0), covariance).logpdf(data), abs=1e-3
    )


def test_comparison_with_fits_of_other_images_is_refused(fit: sl.JointFit, images: sl.Images) -> None:
    with pytest.raises(InputError, match="'this' has the images g, r, i, 'other' has the images g, r"):
        fit.compare({name: fit.of(name) for name in ("g", "r")})
    with pytest.raises(InputError, match="'this' has the images g, r, i, 'other' has one image"):
        fit.compare(fit.of("g"))
    moved = dataclasses.replace(fit, images=images.with_image("r", images["i"]))
    with pytest.raises(InputError, match="the data of 'this' and 'other' of image 'r' differ in 624 pixels"):
        fit.compare(moved)
    with pytest.raises(InputTypeError, match="fits must be a mapping"):
        fit.compare(3)
    with pytest.raises(InputTypeError, match=r"fits\['other'\] must be a fit, or a mapping"):
        fit.compare({"g": 3})
    with pytest.raises(InputError, match="must hold at least one fit"):
        fit.compare({})


def test_a_fit_agrees_with_itself(fit: sl.JointFit) -> None:
    table = fit.agreement(fit)
    assert list(table.index) == list(fit.summary().index)
    assert (table["in_sigma"] == 0).all()
    with pytest.raises(InputTypeError, match="other must be a Fit"):
        fit.agreement(3)  # pyright: ignore[reportArgumentType]


def test_what_a_notebook_shows(fit: sl.JointFit) -> None:
    assert repr(fit).startswith("JointFit(Laplace, images g, r, i, galaxy, sky, 12 free parameters, 1 x 400 draws")
    shown = fit._repr_html_()
    assert "galaxy.r_eff.at_0.47" in shown
    assert f"<b>{fit.verdict.level}</b>" in shown


@pytest.mark.parametrize("unit", [1.0, 1e-30])
def test_an_image_has_the_covariance_of_its_own_parameters(unit: float, images: sl.Images) -> None:
    """To first order it gives the spread of the draws, of a size between the nodes too, in any unit."""
    scaled = sl.Images(
        {
            name: sl.Image(unit * one.data, sigma=unit * one.sigma, psf=one.psf, band=name)
            for name, one in images.items()
        }
    )
    flux = sl.PerBand(sl.LogUniform(unit, 1e4 * unit, init=100.0 * unit))
    model = sl.Model(
        {
            "galaxy": galaxy(flux=flux, r_eff=sl.Polynomial(sl.LogUniform(0.5, 20.0))),
            "sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0.0, 0.05 * unit))),
        }
    )
    fit = sl.fit(model, scaled, sl.Laplace(draws=2000), progress=False)
    for one in fit.each().values():
        sds = parameter_sds(one)
        assert len(sds) == 7
        for path, draws in one.draws.items():
            assert sds[path] == pytest.approx(float(draws.std()), rel=0.15), path
