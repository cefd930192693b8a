"""Importance sampling: exact where it can be known, honest where it fails."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

from sersiclab.data.image import Image
from sersiclab.inference import MAP, Importance, Laplace, fit, importance, start
from sersiclab.inference.candidates import TAIL, WideTails, about_heaviest, effective, mixture, refit, tail_effective
from sersiclab.inference.coordinates.bend import bend
from sersiclab.inference.importance import resample
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model import Model
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky
from sersiclab.results import circular
from sersiclab.results.diagnostics import arviz, pareto_smoothed


PATHS = ["galaxy.flux", "sky.level"]


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_it_is_exact_for_linear_parameters(linear, unit):
    model, image, mean, covariance = linear(unit=unit)
    result = fit(model, image, Importance(draws=2000), progress=False)
    check(result, mean, covariance, effective=1600)
    widths = unit * np.array([30.0, 0.1])
    np.testing.assert_allclose(result.covariance * np.outer(widths, widths), covariance, rtol=0.2)
    np.testing.assert_allclose((np.array([result.best[path] for path in PATHS]) - mean) / widths, 0, atol=2e-3)
    assert result.stats["efficiency"][0, 0] > 0.88
    assert (result.status, result.message, result.verdict.level) == ("complete", "", "ok")


def test_it_is_exact_in_double_precision(linear, x64):
    model, image, mean, covariance = linear()
    check(fit(model, image, Importance(), progress=False), mean, covariance, effective=800)


def check(result, mean, covariance, *, effective):
    """Means within 5, variances within 6 Monte Carlo errors."""
    draws = np.stack([result.draws[path].ravel() for path in PATHS])
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(draws.mean(axis=1) - mean) / sd, 5 / np.sqrt(effective))
    np.testing.assert_array_less(np.abs(draws.var(axis=1) / sd**2 - 1), 6 * np.sqrt(2 / effective))
    assert abs(np.corrcoef(draws)[0, 1] - covariance[0, 1] / sd.prod()) < 5 / np.sqrt(effective)
    assert result.summary()["ess_bulk"].min() > 0.7 * effective


def faint_sky():
    """A sky of three sigma with a log-uniform prior: a skewed posterior."""
    data = np.random.default_rng(4).normal(size=(5, 6))
    data += 3 / np.sqrt(data.size) - data.mean()
    return Model({"sky": FlatSky(LogUniform(0.1, 10))}), Image(data, sigma=1.0)


def test_it_is_exact_where_the_posterior_is_not_normal():
    model, image = faint_sky()
    result = fit(model, image, Importance(draws=4000), progress=False)
    level = np.geomspace(0.1, 10, 100_001)
    density = np.exp(-0.5 * np.sum((image.data.ravel()[:, None] - level) ** 2, axis=0))
    below = np.cumsum(density) / np.sum(density)  # in equal steps of ln level
    for quantile in (0.05, 0.16, 0.5, 0.84, 0.95):
        exact = np.interp(quantile, below, level)
        share = np.mean(result.draws["sky.level"] < exact)
        assert share == pytest.approx(quantile, abs=5 * np.sqrt(quantile * (1 - quantile) / 2000))
    laplace = fit(model, image, Laplace(draws=4000), progress=False)
    assert np.mean(laplace.draws["sky.level"] < np.interp(0.16, below, level)) < 0.05  # which is not exact here


@pytest.fixture
def misplaced(monkeypatch):
    """Candidates from a hundredth of the posterior's width, two standard deviations off."""

    def narrow(problem, monitor, minimum):
        found = bend(problem, monitor, minimum)
        return found._replace(axes=0.01 * found.axes, centre=found.centre + 200.0)

    monkeypatch.setattr(importance, "bend", narrow)


def test_a_proposal_that_misses_the_posterior_is_found_out(linear, misplaced, monkeypatch):
    monkeypatch.setattr(importance, "ROUNDS", 1)
    model, image, *_ = linear()
    result = fit(model, image, Importance(draws=500), progress=False)
    assert result.stats["pareto_k"][0, 0] > 0.7
    assert result.verdict.level == "bad"
    assert "use SMC() or NUTS()" in str(result.verdict)
    np.linalg.cholesky(result.covariance)  # still good enough to begin another fit with


def test_more_rounds_find_the_posterior_or_say_that_they_have_not(linear, misplaced, monkeypatch):
    monkeypatch.setattr(importance, "ROUNDS", 12)
    model, image, mean, covariance = linear()
    result = fit(model, image, Importance(draws=2000), progress=False)
    assert result.stats["pareto_k"][0, 0] < 0.5
    assert result.verdict.level == "ok"
    check(result, mean, covariance, effective=800)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_draws_on_until_the_tails_are_known(blob, monkeypatch, seed):
    """A galaxy with a signal-to-noise ratio of 8, whose posterior is far from normal."""
    model, image, _ = blob(flux=100.0, seed=seed)
    found = fit(model, image, Importance(), progress=False)
    assert found.summary()[["ess_bulk", "ess_tail"]].to_numpy().min() > 400
    again = fit(model, image, Importance(), progress=False)
    for path, draws in found.draws.items():
        np.testing.assert_array_equal(draws, again.draws[path])
    monkeypatch.setattr(importance, "MOST_CANDIDATES", 1.0)
    first = fit(model, image, Importance(), progress=False)
    assert first.summary()[["ess_bulk", "ess_tail"]].to_numpy().min() < 400


@pytest.mark.parametrize("seed", [3, 7, 16, 20])
@pytest.mark.parametrize("truth", [{"flux": 100.0}, {"flux": 300.0, "ellip": 0.1}, {"flux": 1000.0, "ellip": 0.05}])
def test_galaxies_that_may_be_round_have_usable_weights(blob, truth, seed):
    """The rounder the galaxy, the less is known of its angle: a funnel, which normal proposals don't cover."""
    model, image, _ = blob(seed=seed, **truth)
    found = fit(model, image, Importance(), progress=False)
    assert found.stats["pareto_k"][0, 0] < importance.USABLE_K
    assert found.summary()[["ess_bulk", "ess_tail"]].to_numpy().min() > 400


@pytest.mark.parametrize("share", [1e-6, 0.0, 0.3, 0.99, np.nan])
@pytest.mark.parametrize("k", [0.2, 0.6, 0.9, np.inf, np.nan])
def test_the_search_for_candidates_ends(share, k):
    total, rounds = 1500, 1
    while number := importance._next(total, share, k, first=1500, rounds=rounds):
        assert 0 < number <= importance.GROWTH * total
        total, rounds = total + number, rounds + 1
    assert total <= importance.MOST_CANDIDATES * 1500
    assert rounds <= 12


def test_settled_weights_need_no_more_candidates():
    assert importance._next(1500, 1.0, 0.4, first=1500, rounds=1) == 0
    assert importance._next(1500, 1.0, 0.6, first=1500, rounds=1) > 0
    assert importance._next(1500, 1.0, 0.6, first=1500, rounds=importance.ROUNDS) == 0
    assert importance._next(3000, 0.5, 0.4, first=1500, rounds=2) == 3000


def test_the_effective_number_in_the_tails():
    """By the scatter of the weighted share below a quantile over many samples."""
    assert tail_effective(np.random.default_rng(1).normal(size=(5000, 2)), np.ones(5000)) == pytest.approx(5000)
    rng, low, shares, told, kish = np.random.default_rng(6), norm.ppf(TAIL), [], [], []
    for _ in range(400):
        z = rng.normal(scale=0.8, size=(2000, 1))  # too narrow: the largest weights lie in the tails
        weights = np.exp(norm.logpdf(z) - norm.logpdf(z, scale=0.8))[:, 0]
        weights /= weights.sum()
        shares.append(weights[z[:, 0] < low].sum())
        told.append(tail_effective(z, weights))
        kish.append(effective(weights))
    expected = TAIL * (1 - TAIL) / np.var(shares)
    assert np.median(told) == pytest.approx(expected, rel=0.3)
    assert np.median(kish) > 1.5 * expected


def test_cancelled_while_it_draws_on_it_keeps_its_draws(blob, monkeypatch):
    advance, steps = Monitor.advance, []

    def cancel_in_the_second_round(self, step, **counts):
        if self.progress.phase == "weighing":
            if steps and step < steps[-1]:
                self.cancel()
            steps.append(step)
        advance(self, step, **counts)

    monkeypatch.setattr(Monitor, "advance", cancel_in_the_second_round)
    model, image, _ = blob(flux=100.0)
    result = fit(model, image, Importance(), progress=False)
    assert result.status == "cancelled before the weights had settled"
    assert result.draws["galaxy.flux"].shape == (1, 1000)


def test_too_few_draws_to_tell(linear):
    model, image, *_ = linear()
    result = fit(model, image, Importance(draws=3), progress=False)
    assert result.draws["galaxy.flux"].shape == (1, 3)
    assert result.verdict.level == "bad"
    assert "Too few draws to judge the fit: 3; increase `draws`." in result.verdict.reasons


def test_an_angle_without_information_is_uniform(blob):
    model, image, _ = blob(ellip=0.0, seed=6)
    result = fit(model.replace({"galaxy.ellip": 0.0}), image, Importance(draws=2000), progress=False)
    turns = np.exp(2j * result.draws["galaxy.theta"])
    assert abs(np.mean(turns)) < 5 / np.sqrt(500)
    assert circular.sd(result.draws["galaxy.theta"].ravel()) > 0.8
    assert result.draws["galaxy.flux"].mean() == pytest.approx(1000, rel=0.2)


@pytest.fixture
def cancelled_when_weighing(monkeypatch):
    """The user cancels as soon as the first candidates are finished."""
    advance = Monitor.advance

    def cancel_when_weighing(self, step, **counts):
        if self.progress.phase == "weighing":
            self.cancel()
        advance(self, step, **counts)

    monkeypatch.setattr(Monitor, "advance", cancel_when_weighing)


def test_cancelling_keeps_what_is_finished(blob, cancelled_when_weighing):
    model, image, _ = blob()
    run = start(model, image, Importance(draws=100_000))
    result = run.wait(300)
    count = result.draws["galaxy.flux"].shape[1]
    assert 0 < count < 1000
    assert result.status == f"cancelled after {count} of 100000 draws"
    assert run.progress.state == "cancelled"
    np.testing.assert_array_equal(run.draws["galaxy.theta"], result.draws["galaxy.theta"])


def test_cancelled_before_the_first_draw_it_is_a_laplace_approximation(blob, cancelled_when_weighing, monkeypatch):
    monkeypatch.setattr(importance, "CANDIDATES", 1000)
    model, image, _ = blob()
    result = fit(model, image, Importance(draws=2), progress=False)
    assert isinstance(result.method, Laplace)
    assert result.message == "cancelled before the first draw of Importance: this is the Laplace approximation"
    assert result.status == "cancelled before the first draw"


def test_ctrl_c_gives_what_is_finished(blob, monkeypatch, press_ctrl_c):
    advance = Monitor.advance

    def interrupt_when_weighing(self, step, **counts):
        if self.progress.phase == "weighing" and step < 1000:
            press_ctrl_c(self)
        advance(self, step, **counts)

    monkeypatch.setattr(Monitor, "advance", interrupt_when_weighing)
    model, image, _ = blob()
    result = fit(model, image, Importance(draws=10**6), progress=False)
    assert result.status.startswith("cancelled after ")
    assert 0 < result.draws["galaxy.flux"].shape[1] < 10**6


def test_another_galaxy_compiles_nothing(blob, traces):
    model, image, _ = blob()
    fit(model, image, Importance(), progress=False)
    other, image, _ = blob(seed=9, xc=16.0, mask=np.eye(*image.shape))
    traces.clear()
    fit(other.replace({"galaxy.xc": Normal(16, 5)}), image, Importance(draws=77), progress=False)
    assert traces == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"draws": 0}, ValueError, "Importance.draws must be at least 1, got 0"),
        ({"proposal": MAP()}, TypeError, r"Importance.proposal must be Laplace\(\) or SVI\(\), got MAP"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        Importance(**options)


@pytest.mark.parametrize("k", [0.2, 0.5, 1.0])
def test_pareto_k_of_weights_with_a_known_tail(k):
    """u^-k, for uniform u, has a Pareto tail of exactly this k."""
    u = np.random.default_rng(2).uniform(size=20_000)
    log_weights, found = pareto_smoothed(-k * np.log(u))
    assert found == pytest.approx(k, abs=0.12)
    assert np.exp(log_weights).sum() == pytest.approx(1)
    # Smoothing changes the largest alone, and keeps their order.
    order = np.argsort(u)
    assert np.all(np.diff(log_weights[order]) <= 1e-12)
    rest = order[1000:]
    np.testing.assert_allclose(np.diff(log_weights[rest]), np.diff(-k * np.log(u[rest])), atol=1e-9)


def test_weights_that_are_all_alike_or_none():
    log_weights, k = pareto_smoothed(np.full(50, 3.0))
    assert k == 0
    np.testing.assert_allclose(np.exp(log_weights), 1 / 50)
    log_weights, k = pareto_smoothed(np.where(np.arange(50) == 7, 2.0, -np.inf))
    assert np.exp(log_weights[7]) == pytest.approx(1)
    assert np.isfinite(log_weights).all()


def test_resampling_rounds_up_or_down():
    rng = np.random.default_rng(5)
    weights = rng.exponential(size=60)
    weights /= weights.sum()
    counts = np.array([np.bincount(resample(rng, weights, 40), minlength=60) for _ in range(300)])
    assert np.all(counts >= np.floor(40 * weights))
    assert np.all(counts <= np.ceil(40 * weights))
    np.testing.assert_allclose(counts.mean(axis=0), 40 * weights, atol=5 * 0.5 / np.sqrt(300))


def test_draws_that_repeat_count_once():
    """The effective sample size of ArviZ is that of the mean: the draws' number squared by the squared repeats'."""
    rng = np.random.default_rng(8)
    z, log_weights = rng.normal(size=3000), rng.normal(size=3000)
    weights = np.exp(log_weights) / np.exp(log_weights).sum()
    chosen = resample(rng, weights, 2000)
    expected = 2000**2 / np.sum(np.bincount(chosen) ** 2.0)
    found = arviz().ess(xr.Dataset({"z": (("chain", "draw"), z[chosen][None])}), method="mean")["z"]
    assert expected < 1500
    assert float(found) == pytest.approx(expected, rel=0.25)


def law(size, *, off=0.0, stretch=1.0):
    """A law about a point, along axes that are not those of the coordinates."""
    factor = np.linalg.cholesky(np.full((size, size), 0.4) + 0.6 * np.eye(size))
    return WideTails(np.full(size, off), stretch * factor)


def volume_within(z, log_density, radius):
    return np.mean((np.linalg.norm(z, axis=1) < radius) / np.exp(log_density))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_candidates_have_the_density_that_they_say(size):
    z = law(size, off=0.5).sample(np.random.default_rng(1), 400_000)
    volume = {1: 8.0, 2: np.pi * 16, 3: 4 / 3 * np.pi * 64}[size]
    assert volume_within(z, law(size, off=0.5).log_density(z), 4.0) == pytest.approx(volume, rel=0.02)


def test_candidates_of_two_laws_have_the_density_of_both():
    laws, numbers = [law(2), law(2, off=2.0, stretch=0.5)], [100_000, 300_000]
    rng = np.random.default_rng(2)
    z = np.concatenate([one.sample(rng, number) for one, number in zip(laws, numbers, strict=True)])
    assert volume_within(z, mixture(laws, numbers, z), 3.0) == pytest.approx(np.pi * 9, rel=0.02)


@pytest.mark.parametrize("size", [2, 12])
def test_candidates_far_along_one_axis(size):
    """A posterior that is twice as wide along one axis is covered, however many others there are."""
    one = WideTails.standard(size)
    z = one.sample(np.random.default_rng(3), 20_000)
    widths = np.where(np.arange(size) == 1, 2.0, 1.0)
    ratios = -0.5 * np.sum((z / widths) ** 2, axis=1) - one.log_density(z)
    log_weights, k = pareto_smoothed(ratios)
    assert k < 0.5
    assert np.exp(log_weights) @ z[:, 1] ** 2 == pytest.approx(4.0, rel=0.15)


def test_a_law_is_fitted_to_weighted_candidates():
    rng, start = np.random.default_rng(4), WideTails.standard(2)
    z = start.sample(rng, 200_000)
    mean, covariance = np.array([0.6, -0.3]), np.array([[0.8, 0.3], [0.3, 0.5]])
    away = z - mean
    target = -0.5 * np.sum(away * np.linalg.solve(covariance, away.T).T, axis=1)
    found = refit(start, z, target - start.log_density(z))
    np.testing.assert_allclose(found.centre, mean, atol=0.02)
    np.testing.assert_allclose(found.factor @ found.factor.T, covariance, atol=0.02)
    # With all the weight on one candidate there is still a covariance.
    lonely = refit(start, z[:50], np.where(np.arange(50) == 7, 0.0, -1e30))
    assert np.linalg.cond(lonely.factor) < 10


def test_a_law_covers_what_the_others_have_missed():
    """Another mode, a fifth of the posterior, eight sigma from where the candidates are drawn."""
    far = np.array([8.0, 0.0])

    def log_target(z):
        near, away = norm.logpdf(z).sum(axis=1), norm.logpdf(z - far).sum(axis=1)
        return np.logaddexp(np.log(0.8) + near, np.log(0.2) + away)

    rng, laws = np.random.default_rng(5), [WideTails.standard(2)]
    z = laws[0].sample(rng, 4000)
    for _ in range(2):
        laws.append(about_heaviest(laws[0], z, log_target(z) - mixture(laws, [4000] * len(laws), z)))
        z = np.concatenate([z, laws[-1].sample(rng, 4000)])
    log_weights, k = pareto_smoothed(log_target(z) - mixture(laws, [4000] * 3, z))
    assert k < 0.7
    assert np.exp(log_weights)[z[:, 0] > 4].sum() == pytest.approx(0.2, abs=0.02)
