"""Variational inference: exact for normal posteriors, best in its family for others, honest about the rest."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from sersiclab.data.image import Image
from sersiclab.documents.spec import from_document, to_document
from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, fit, guides, start
from sersiclab.inference.running import monitor
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model import Model, render
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import FlatSky
from sersiclab.results import Fit


PATIENCE = 300.0
FLOW = SVI(guide="flow")
LOW, HIGH = 0.1, 10.0


@pytest.fixture
def faint_sky():
    """A sky of two sigma with a log-uniform prior: a skewed posterior. With it, its density on a grid of u."""
    data = np.random.default_rng(4).normal(size=(5, 6))
    data += 2 / np.sqrt(data.size) - data.mean()
    model, image = Model({"sky": FlatSky(LogUniform(LOW, HIGH))}), Image(data, sigma=1.0)
    level = np.geomspace(LOW, HIGH, 40_003)[1:-1]
    share = np.log(level / LOW) / np.log(HIGH / LOW)
    u = np.log(share / (1 - share))
    log_density = -0.5 * np.sum((data.ravel()[:, None] - level) ** 2, axis=0) + np.log(share * (1 - share))
    return model, image, u, log_density - log_density.max()


def exact_quantile(faint_sky, quantile):
    """The level below which so much of the posterior lies."""
    _, _, u, log_density = faint_sky
    below = np.cumsum(np.exp(log_density) * np.gradient(u))
    return LOW * (HIGH / LOW) ** (1 / (1 + np.exp(-np.interp(quantile, below / below[-1], u))))


def test_the_bound_is_the_evidence_where_the_posterior_is_normal(linear):
    """By Bayes' theorem at the posterior's mean, in scipy."""
    model, image, mean, covariance = linear()
    result = fit(model, image, SVI(), progress=False)
    picture = render(model, image, dict(zip(model.free, mean, strict=True)))
    use = image.valid
    evidence = (
        norm.logpdf(image.data[use], picture[use], image.sigma[use]).sum()
        + norm.logpdf(mean, [120.0, 0.05], [30.0, 0.1]).sum()
        - multivariate_normal(mean, covariance).logpdf(mean)
    )
    assert result.stats["elbo"][0, 0] == pytest.approx(evidence, abs=0.01)
    assert result.stats["pareto_k"][0, 0] < 0.4
    widths = np.array([30.0, 0.1])
    np.testing.assert_allclose(result.covariance * np.outer(widths, widths), covariance, rtol=0.02, atol=1e-4)
    assert (result.status, result.message, result.verdict.level) == ("complete", "", "ok")


def test_the_normal_guide_is_the_nearest_normal(faint_sky):
    """That of the least divergence, found by quadrature."""
    model, image, u, log_density = faint_sky
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)

    def divergence(place):
        points = place[0] + np.exp(place[1]) * nodes
        return -place[1] - np.average(np.interp(points, u, log_density), weights=weights)

    mean, log_sd = minimize(divergence, [u[np.argmax(log_density)], 0.0], method="Nelder-Mead").x
    result = fit(model, image, SVI(draws=4000), progress=False)
    drawn = exact_u(result.draws["sky.level"])
    sd = np.exp(log_sd)
    assert drawn.mean() == pytest.approx(mean, abs=0.1 * sd)
    assert drawn.std() == pytest.approx(sd, rel=0.1)
    assert np.sqrt(result.covariance[0, 0]) == pytest.approx(drawn.std(), rel=0.06)


def exact_u(level):
    share = np.log(level / LOW) / np.log(HIGH / LOW)
    return np.log(share / (1 - share))


def test_a_flow_bends_to_the_posterior(faint_sky):
    model, image, *_ = faint_sky
    normal, bent = (fit(model, image, method, progress=False) for method in (SVI(draws=4000), SVI("flow", draws=4000)))
    assert bent.stats["elbo"][0, 0] > normal.stats["elbo"][0, 0] + 0.02
    assert worst_share(faint_sky, bent) < 0.05 < worst_share(faint_sky, normal)


def worst_share(faint_sky, result):
    """By how much the share of the draws below an exact quantile is wrong, at worst."""
    quantiles = (0.05, 0.16, 0.5, 0.84, 0.95)
    return max(abs(np.mean(result.draws["sky.level"] < exact_quantile(faint_sky, q)) - q) for q in quantiles)


@pytest.mark.parametrize("method", [Importance(FLOW, 3000), NUTS(warmup=200, draws=1500, transport=FLOW)])
def test_methods_that_build_on_a_flow_are_exact(faint_sky, method):
    model, image, *_ = faint_sky
    result = fit(model, image, method, progress=False)
    effective = result.summary()["ess_bulk"].min()
    assert effective > 500
    assert worst_share(faint_sky, result) < 4.5 * 0.5 / np.sqrt(effective)


def test_galaxies_have_the_widths_that_nuts_finds(blob):
    model, image, _ = blob()
    reference = fit(model, image, NUTS(warmup=150, draws=1000), progress=False)
    for method in (SVI(draws=3000), SVI("flow", draws=3000), NUTS(warmup=100, draws=600, transport=FLOW)):
        result = fit(model, image, method, progress=False)
        for path, draws in reference.draws.items():
            assert result.draws[path].std() == pytest.approx(draws.std(), rel=0.12), (method, path)
            assert abs(result.draws[path].mean() - draws.mean()) < 0.15 * draws.std(), (method, path)


def test_many_parameters():
    """Skies upon each other, of which the data tell the sum: more of them than gradients are computed at once."""
    levels = np.linspace(-1, 1, 18)
    data = np.random.default_rng(2).normal(size=(5, 7))
    model = Model({f"sky{i}": FlatSky(Normal(level, 0.5)) for i, level in enumerate(levels)})
    result = fit(model, Image(data, sigma=1.0), SVI("flow", draws=2000, steps=150), progress=False)
    covariance = np.linalg.inv(np.eye(18) / 0.25 + data.size)
    mean = covariance @ (levels / 0.25 + data.sum())
    drawn = np.stack([draws.ravel() for draws in result.draws.values()])
    np.testing.assert_allclose(drawn.mean(axis=1), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(drawn), covariance, atol=0.05)


def test_double_precision(linear, x64):
    model, image, mean, covariance = linear()
    for method in (SVI(), SVI("flow", steps=20)):
        draws = fit(model, image, method, progress=False).draws["galaxy.flux"]
        assert draws.mean() == pytest.approx(mean[0], abs=0.2 * np.sqrt(covariance[0, 0]))
        assert draws.std() == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.2)


def test_the_verdict_knows_a_guide_that_misses(linear):
    model, image, *_ = linear()
    good = fit(model, image, SVI(), progress=False)

    def verdict(k, log_weight=good.stats["log_weight"]):
        stats = good.stats | {"pareto_k": np.full_like(good.stats["pareto_k"], k), "log_weight": log_weight}
        return Fit(model, image, SVI(), seed=0, draws=good.draws, best=good.best, stats=stats).verdict

    assert verdict(0.4).level == "ok"
    assert verdict(0.8).level == "caution"  # the weights say that means and errors are right all the same
    assert "Importance(proposal=SVI())" in str(verdict(0.8))
    assert verdict(1.1).level == "bad"
    assert "NUTS()" in str(verdict(1.1))
    flux = good.draws["galaxy.flux"]
    x = (flux - flux.mean()) / flux.std()
    elsewhere = norm.logpdf(x, 1.0, 0.8) - norm.logpdf(x)  # the posterior lies a sigma away
    moved = verdict(0.4, elsewhere - np.log(np.exp(elsewhere).sum()))
    assert moved.level == "bad"
    assert "galaxy.flux" in str(moved)


def test_another_galaxy_compiles_nothing(blob, traces):
    model, image, _ = blob()
    methods = (SVI(), SVI("flow", steps=3), NUTS(warmup=5, draws=5, transport=SVI("flow", steps=3)))
    for method in methods:
        fit(model, image, method, progress=False)
    other, image, _ = blob(seed=9, xc=16.0, mask=np.eye(*image.shape))
    traces.clear()
    for method in methods:
        result = fit(other.replace({"galaxy.xc": Normal(16, 5)}), image, method, progress=False)
        assert result.timing["compile"] == 0
    fit(other, image, Importance(proposal=SVI()), progress=False)
    assert traces == []


@pytest.fixture
def when_fitting(monkeypatch):
    """`when_fitting("phase", act)`: `act(monitor)` at the second step of a phase."""

    def plan(name, act):
        advance = Monitor.advance

        def acting(self, step, **counts):
            if self.progress.phase == name and step == 2:
                act(self)
            advance(self, step, **counts)

        monkeypatch.setattr(Monitor, "advance", acting)

    return plan


@pytest.mark.parametrize("phase", ["fitting the guide", "fitting the flow"])
def test_cancelling_keeps_the_guide(blob, when_fitting, phase):
    model, image, _ = blob()
    when_fitting(phase, Monitor.cancel)
    run = start(model, image, SVI("flow", draws=200, steps=10**6))
    result = run.wait(PATIENCE)
    assert run.progress.state == "cancelled"
    assert result.status.startswith("cancelled after ")
    assert "the guide may not have settled" in result.status
    assert result.draws["galaxy.flux"].shape == (1, 200)
    assert result.draws["galaxy.flux"].mean() == pytest.approx(1000, rel=0.1)
    assert result.verdict.level != "ok"
    np.testing.assert_array_equal(run.draws["galaxy.theta"], result.draws["galaxy.theta"])


def test_cancelled_while_it_is_checked(blob, monkeypatch):
    model, image, _ = blob()
    monkeypatch.setattr(Monitor, "phase", cancel_at("weighing", Monitor.phase))
    result = fit(model, image, SVI(draws=200), progress=False)
    assert result.draws["galaxy.flux"].size > 0
    assert result.status.startswith("cancelled")


def cancel_at(name, phase):
    def cancelling(self, new, **counts):
        phase(self, new, **counts)
        if new == name:
            self.cancel()

    return cancelling


@pytest.mark.parametrize("method", [Importance(proposal=SVI()), NUTS(transport=SVI())])
def test_what_builds_on_a_cancelled_guide_is_a_laplace_approximation(blob, when_fitting, method):
    model, image, _ = blob()
    when_fitting("fitting the guide", Monitor.cancel)
    result = start(model, image, method).wait(PATIENCE)
    assert isinstance(result.method, Laplace)
    assert result.status == "cancelled before the first draw"


def test_pausing_and_going_on(blob, when_fitting):
    """The guide is the same as without the pause."""
    model, image, _ = blob()
    method = SVI("flow", steps=20)
    undisturbed = fit(model, image, method, progress=False)
    when_fitting("fitting the flow", Monitor.pause)
    states = []

    def told(progress):
        states.append(progress.state)
        if progress.state == "paused":
            run.resume()

    run = start(model, image, method, on_progress=told)
    result = run.wait(PATIENCE)
    assert "paused" in states
    np.testing.assert_array_equal(result.draws["galaxy.flux"], undisturbed.draws["galaxy.flux"])


def test_the_bound_is_reported_during_the_run(blob, monkeypatch):
    monkeypatch.setattr(monitor, "REPORT_SECONDS", 0.0)
    told = []
    model, image, _ = blob()
    start(model, image, SVI(), on_progress=told.append).wait(PATIENCE)
    assert any(progress.message.startswith("ELBO -") for progress in told)
    assert told[-1].message == ""


def test_ctrl_c_gives_draws_of_the_guide(blob, when_fitting, press_ctrl_c):
    model, image, _ = blob()
    when_fitting("fitting the flow", press_ctrl_c)
    result = fit(model, image, SVI("flow", steps=10**6), progress=False)
    assert result.status.startswith("cancelled after")
    assert result.draws["galaxy.flux"].size > 0


def test_a_posterior_that_is_nowhere_finite_is_an_error(blob, monkeypatch):
    model, image, _ = blob()

    def nothing(*_):
        return lambda z: (np.full(len(z), np.nan), np.full(z.shape, np.nan))

    monkeypatch.setattr(guides, "_gradients_of", nothing)
    with pytest.raises(ValueError, match="the posterior is not finite about its mode"):
        fit(model, image, SVI(), progress=False)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SVI(guide="bnaf"), ValueError, r"SVI.guide must be one of \['normal', 'flow'\], got 'bnaf'"),
        (lambda: SVI(draws=0), ValueError, "SVI.draws must be at least 1, got 0"),
        (lambda: SVI(steps=1.5), TypeError, "SVI.steps must be a whole number, got 1.5"),
        (lambda: NUTS(transport=MAP()), TypeError, r'NUTS.transport must be SVI\(guide="flow"\) or None, got MAP'),
    ],
)
def test_options_are_checked(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("method", [SVI(), FLOW, Importance(proposal=FLOW), NUTS(transport=FLOW), NUTS()])
def test_methods_are_documents(method):
    types = (SVI, Importance, NUTS, Laplace)
    assert from_document(to_document(method), types=types) == method
