"""Sequential Monte Carlo: weights of modes and evidence against quadrature and exact results; runs that are stopped."""

import itertools
import re

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import sersiclab as sl
from sersiclab.inference import smc, tempering
from sersiclab.inference.student_mixtures import StudentMixture, mixture_of


SIDE = 22


def psf(sigma=1.6, side=11):
    y, x = np.indices((side, side)) - side // 2
    found = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    return found / found.sum()


def two_stars():
    """Two stars on an image that is about the same in a mirror, of which the model has one."""
    stars = {"one": sl.PointSource(xc=5.2, yc=10.0, flux=30.0), "other": sl.PointSource(xc=15.8, yc=10.0, flux=30.0)}
    empty = sl.Image(np.zeros((SIDE, SIDE)), sigma=0.5, psf=psf())
    image = sl.simulate(sl.Model(stars), empty, seed=2)
    more = sl.render(sl.Model({"star": sl.PointSource(xc=5.2, yc=10.0, flux=0.4)}), empty)
    image = sl.Image(0.5 * (image.data + image.data[:, ::-1]) + more, sigma=0.5, psf=psf())
    star = sl.PointSource(xc=sl.Uniform(1.0, 20.0, init=6.0), yc=10.0, flux=sl.LogUniform(3.0, 300.0, init=25.0))
    return sl.Model({"star": star}), image


def by_quadrature(model, image):
    """The evidence and the share of the posterior at xc < 10.5, by sums over a grid of the unconstrained space."""
    posterior = sl.Posterior(model, image)
    x, flux = np.linspace(1.01, 19.99, 1500), np.linspace(10.0, 50.0, 160)
    chi2 = np.empty((len(x), len(flux)))
    # A picture is linear in the flux, so that one for each place is enough.
    for i, xc in enumerate(x):
        unit = sl.render(model.replace({"star.xc": float(xc), "star.flux": 1.0}), image)
        square, mixed = np.sum((unit / 0.5) ** 2), np.sum(unit * image.data / 0.25)
        chi2[i] = np.sum((image.data / 0.5) ** 2) - 2 * flux * mixed + flux**2 * square
    log_prior = -np.log(19.0) - np.log(flux * np.log(100.0))
    constant = -image.data.size * np.log(0.5 * np.sqrt(2 * np.pi))
    logs = constant - 0.5 * chi2 + log_prior + np.log((x[1] - x[0]) * (flux[1] - flux[0]))
    assert posterior.density.used == image.data.size
    return logsumexp(logs), np.exp(logsumexp(logs[x < 10.5]) - logsumexp(logs))


@pytest.mark.parametrize("seed", [0, 1])
def test_two_modes_of_known_weights(seed):
    model, image = two_stars()
    evidence, share = by_quadrature(model, image)
    assert 0.05 < share < 0.95
    fit = sl.fit(model, image, sl.SMC(), seed=seed, progress=False)
    found = np.mean(fit.draws["star.xc"] < 10.5)
    ess = fit.summary()["ess_bulk"].min()
    assert ess > 400
    assert abs(found - share) < 3 * np.sqrt(share * (1 - share) / ess)
    assert fit.log_evidence == pytest.approx(evidence, abs=0.1)
    assert np.ptp(fit.stats["log_evidence"]) < 0.2
    assert len(fit.modes) == 2
    np.testing.assert_allclose(fit.modes["share"].sort_values(), sorted([found, 1 - found]), atol=1e-9)
    places = fit.modes["star.xc"].sort_values()
    np.testing.assert_allclose(places, [5.2, 15.8], atol=0.3)
    assert fit.verdict.level == "caution"
    assert re.search(r"The posterior has 2 modes, with \d+% and \d+% of the draws: star.xc is", str(fit.verdict))


def test_components_that_may_be_exchanged_have_equal_weights():
    """Two exponential disks with the same priors: the posterior is the same with their names swapped."""
    disk = {"xc": 10.3, "yc": 10.6, "ellip": 0.2, "theta": 0.4}

    def free(flux, r_eff):
        return sl.Exponential(**disk, flux=sl.LogUniform(10, 1000, init=flux), r_eff=sl.LogUniform(0.5, 20, init=r_eff))

    truth = {"a": sl.Exponential(**disk, flux=90, r_eff=1.5), "b": sl.Exponential(**disk, flux=150, r_eff=5.0)}
    image = sl.simulate(sl.Model(truth), sl.Image(np.zeros((SIDE, SIDE)), sigma=0.15, psf=psf()), seed=1)
    fit = sl.fit(sl.Model({"a": free(80, 2), "b": free(120, 4)}), image, sl.SMC(), progress=False)
    swapped = np.mean(fit.draws["a.r_eff"] > fit.draws["b.r_eff"])
    assert abs(swapped - 0.5) < 3 * np.sqrt(0.25 / fit.summary()["ess_bulk"].min())
    assert len(fit.modes) == 2
    for name, values in {"flux": (90, 150), "r_eff": (1.5, 5.0)}.items():
        both = np.sort([fit.draws[f"a.{name}"], fit.draws[f"b.{name}"]], axis=0)
        pulls = (both.mean(axis=(1, 2)) - values) / both.std(axis=(1, 2))
        assert np.abs(pulls).max() < 4


def test_the_evidence_of_a_normal_posterior_is_exact(x64):
    rng = np.random.default_rng(1)
    image = sl.Image(2.0 + 0.5 * rng.normal(size=(5, 6)), sigma=0.5)
    model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(1.0, 2.0)), "star": sl.PointSource(xc=2.0, yc=2.0, flux=0.0)})
    fit = sl.fit(model, image, sl.SMC(), progress=False)
    covariance = 0.25 * np.eye(30) + 4.0
    exact = multivariate_normal(np.full(30, 1.0), covariance).logpdf(image.data.ravel())
    assert fit.log_evidence == pytest.approx(exact, abs=0.05)
    mean = (1.0 / 4.0 + image.data.sum() / 0.25) / (1.0 / 4.0 + 30 / 0.25)
    sd = (1.0 / 4.0 + 30 / 0.25) ** -0.5
    draws = fit.draws["sky.level"]
    assert abs(draws.mean() - mean) < 4 * sd / np.sqrt(1000)
    assert draws.std() == pytest.approx(sd, rel=0.1)
    assert len(fit.modes) == 1
    assert "modes" not in str(fit.verdict)


def test_a_seed_decides_everything():
    model, image = two_stars()
    one, again, other = (sl.fit(model, image, sl.SMC(draws=100), seed=seed, progress=False) for seed in (3, 3, 4))
    assert np.array_equal(one.draws["star.xc"], again.draws["star.xc"])
    assert not np.array_equal(one.draws["star.xc"], other.draws["star.xc"])


@pytest.mark.parametrize("draws", [2, 31])
def test_few_draws(draws):
    """Populations have enough points to be moved, of which few are kept."""
    model, image = two_stars()
    fit = sl.fit(model, image, sl.SMC(draws=draws), progress=False)
    assert fit.draws["star.xc"].shape == (2, draws // 2)
    assert np.abs(fit.draws["star.flux"] - 30.0).max() < 6 * 3.0
    assert fit.verdict.level == "bad"
    assert fit.log_evidence == pytest.approx(sl.fit(model, image, sl.SMC(), progress=False).log_evidence, abs=0.5)


def test_a_source_that_the_data_do_not_need_may_vanish():
    """The second source is not there: most of the posterior has it too faint to be seen, and its shape is free."""
    galaxy = sl.Sersic(xc=10.3, yc=10.6, flux=60.0, r_eff=3.0, n=1.0, ellip=0.2, theta=0.4)
    image = sl.simulate(sl.Model({"galaxy": galaxy}), sl.Image(np.zeros((SIDE, SIDE)), sigma=0.3, psf=psf()), seed=3)
    disk = sl.Exponential(
        xc=10.3, yc=10.6, flux=sl.LogUniform(0.1, 1000), r_eff=sl.LogUniform(0.5, 20), ellip=0.2, theta=0.4
    )
    bulge = sl.Sersic(
        xc=10.3, yc=10.6, flux=sl.LogUniform(1, 1000), r_eff=sl.LogUniform(0.5, 20), n=1.0, ellip=0.2, theta=0.4
    )
    fit = sl.fit(sl.Model({"bulge": bulge, "disk": disk}), image, sl.SMC(), progress=False)
    sizes = fit.draws["disk.r_eff"][fit.draws["disk.flux"] < 1.0]
    assert sizes.size > 100
    # Its prior: uniform in ln r_eff.
    quartiles = 0.5 * 40 ** np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(np.log(np.quantile(sizes, [0.25, 0.5, 0.75]) / quartiles), 0, atol=0.35)
    total = fit.draws["bulge.flux"] + fit.draws["disk.flux"]
    assert abs(total.mean() - 60.0) < 4 * total.std()


@pytest.mark.parametrize("sweeps", [0, 3])
def test_a_cancelled_run_goes_on(sweeps, monkeypatch):
    model, image = two_stars()
    counts, run = itertools.count(), None
    sweep = tempering._move_by

    def counted(*arguments):
        if next(counts) == sweeps:
            run.cancel()
        return sweep(*arguments)

    monkeypatch.setattr(tempering, "_move_by", counted)
    run = sl.start(model, image, sl.SMC(draws=200))
    fit = run.wait(300)
    monkeypatch.setattr(tempering, "_move_by", sweep)
    assert fit.status == "cancelled with 1 of 2 populations at the posterior"
    assert fit.draws["star.xc"].shape == (1, 100)
    whole = sl.resume(fit, progress=False)
    assert whole.status == "complete"
    assert isinstance(whole.method, sl.SMC)
    assert whole.draws["star.xc"].shape == (2, 100)


def test_a_run_that_is_cancelled_on_its_way_is_the_laplace_approximation(monkeypatch):
    """From a peak that is much wider than the posterior there are several steps to it."""
    model, image = two_stars()
    monkeypatch.setattr(smc, "FIRST_WIDTH", 30.0)
    advance = tempering.Population.advance

    def cancelling(population):
        advance(population)
        if population.power < 1:
            run.cancel()

    monkeypatch.setattr(tempering.Population, "advance", cancelling)
    run = sl.start(model, image, sl.SMC(draws=200))
    fit = run.wait(300)
    assert fit.status == "cancelled before the first draw"
    assert "this is the Laplace approximation" in fit.message
    monkeypatch.setattr(tempering.Population, "advance", advance)
    whole = sl.resume(fit, progress=False)
    assert whole.status == "complete"
    assert isinstance(whole.method, sl.SMC)
    assert whole.draws["star.xc"].shape == (2, 100)


def test_a_mixture_is_a_density_and_finds_clusters(rng):
    """It integrates to one, its points have its density, and a fit finds where points are."""
    factors = np.array([np.diag([0.5, 1.0]), [[0.7, 0.0], [0.4, 0.3]]])
    law = StudentMixture(np.array([0.3, 0.7]), np.array([[-4.0, 0.0], [3.0, 1.0]]), factors, 6)
    axis = np.linspace(-40, 40, 801)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.sum(np.exp(law.log_density(grid))) * 0.01 == pytest.approx(1.0, abs=2e-3)
    points = law.sample(rng, 4000)
    assert np.mean(points[:, 0] < -0.5) == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose(law.responsibilities(points).sum(axis=0), 1.0)
    found = mixture_of(rng, points, most=2, degrees=6, rounds=30)
    order = np.argsort(found.centres[:, 0])
    np.testing.assert_allclose(found.shares[order], [0.3, 0.7], atol=0.05)
    np.testing.assert_allclose(found.centres[order], law.centres, atol=0.15)
    assert np.mean(found.log_density(points) - law.log_density(points)) > -0.03


def test_too_few_points_have_few_components(rng):
    assert len(mixture_of(rng, rng.normal(size=(30, 3)), most=8, degrees=6, rounds=3).shares) == 2
    assert len(mixture_of(rng, rng.normal(size=(10, 3)), most=8, degrees=6, rounds=3).shares) == 1


def test_the_best_values_are_those_of_the_highest_mode_wherever_the_search_began():
    model, image = two_stars()
    began = model.replace({"star.xc": sl.Uniform(1.0, 20.0, init=15.0)})
    fit = sl.fit(began, image, sl.SMC(draws=200), progress=False)
    assert sl.fit(began, image, sl.MAP(), init={"star.xc": 15.0}, progress=False).best["star.xc"] > 15.0
    assert fit.best["star.xc"] == pytest.approx(5.2, abs=0.5)
    lower = fit.best | {"star.xc": 15.8}
    posterior = sl.Posterior(began, image)
    assert posterior.log_likelihood(posterior.unconstrain(fit.best)) > posterior.log_likelihood(
        posterior.unconstrain(lower)
    )
