"""Methods with noise that is not Gaussian: against scipy's densities, minimisers and quadrature."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats as st

from sersiclab.data.image import Image
from sersiclab.inference import MAP, NUTS, Importance, Laplace, fit
from sersiclab.model import Model, render
from sersiclab.noise import GaussianNoise, HuberNoise, InflatedNoise, MixtureNoise, PoissonNoise, StudentTNoise
from sersiclab.parameters.priors import LogUniform, Normal, Uniform
from sersiclab.profiles import FlatSky

from .conftest import BlobRenderer


SIGMA = 2.0


def contaminated(shape=(12, 15), seed=2):
    """A sky of 5 with a tenth of the pixels far off, all on one side."""
    rng = np.random.default_rng(seed)
    data = 5 + SIGMA * rng.normal(size=shape)
    return np.where(rng.random(shape) < 0.1, data + 30 * SIGMA, data)


def sky(noise, level=Normal(4, 3)):  # noqa: B008 (immutable)
    return Model({"sky": FlatSky(level)}, noise=noise, renderer=BlobRenderer())


# name -> (noise, minus the log likelihood in scipy, given the level and the noise's parameter, which starts at)
CASES = {
    "Student t": (StudentTNoise(nu=4.0), lambda x, level: st.t(4, level, SIGMA / np.sqrt(2)).logpdf(x)),
    "pseudo-Huber": (HuberNoise(delta=1.5), lambda x, level: st.genhyperbolic(1, 2.25, 0, level, 3.0).logpdf(x)),
    "mixture": (
        MixtureNoise(fraction=0.1, factor=30.0),
        lambda x, level: np.log(0.9 * st.norm(level, SIGMA).pdf(x) + 0.1 * st.norm(level, 30 * SIGMA).pdf(x)),
    ),
}


def posterior(data, log_density):
    """Of the level on a grid: its values and their probabilities."""
    level = np.linspace(3.5, 8, 1501)
    log_posterior = np.array([np.sum(log_density(data, one)) for one in level]) + st.norm(4, 3).logpdf(level)
    weights = np.exp(log_posterior - log_posterior.max())
    return level, weights / weights.sum()


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_robust_noise_is_scipys(case):
    noise, log_density = case
    data = contaminated()
    level, weights = posterior(data, log_density)
    mean = weights @ level
    sd = np.sqrt(weights @ (level - mean) ** 2)
    image = Image(data, sigma=SIGMA)
    laplace = fit(sky(noise), image, Laplace(), progress=False)
    assert laplace.best["sky.level"] == pytest.approx(level[np.argmax(weights)], abs=0.03 * sd + 0.003)
    assert 3 * np.sqrt(laplace.covariance[0, 0]) == pytest.approx(sd, rel=0.03)
    assert laplace.message == ""
    # Gaussian noise would be drawn away by the outliers: 10 % of 30 sigma.
    assert data.mean() - mean > 10 * sd


def test_parameters_of_the_noise_are_fitted_with_the_rest():
    """Level, inflation and floor against scipy's minimiser; the curvature by finite differences."""
    rng = np.random.default_rng(5)
    sigma = np.geomspace(0.2, 3.0, 15 * 12).reshape(12, 15)
    data = 5 + np.hypot(1.4 * sigma, 0.5) * rng.normal(size=sigma.shape)
    low, high = np.log([0.2, 5.0])
    noise = InflatedNoise(GaussianNoise(), inflation=LogUniform(0.2, 5.0), floor=Uniform(0, 2.0))

    def parameters(u):
        share = 1 / (1 + np.exp(-u))
        return 4 + 3 * u[0], np.exp(low + (high - low) * share[1]), 2.0 * share[2]

    def objective(u):
        level, inflation, floor = parameters(u)
        log_likelihood = st.norm(level, np.hypot(inflation * sigma, floor)).logpdf(data).sum()
        # The priors are uniform in the share, whose slope is share (1 - share).
        share = 1 / (1 + np.exp(-u[1:]))
        return -log_likelihood + 0.5 * u[0] ** 2 - np.sum(np.log(share * (1 - share)))

    truth = scipy.optimize.minimize(objective, np.zeros(3), method="BFGS", options={"gtol": 1e-4})
    steps = 1e-3 * np.eye(3)

    def bend(a, b):
        corners = ((a + b, 1), (a - b, -1), (b - a, -1), (-a - b, 1))
        return sum(sign * objective(truth.x + corner) for corner, sign in corners) / 4e-6

    hessian = np.array([[bend(a, b) for b in steps] for a in steps])
    result = fit(sky(noise), Image(data, sigma=sigma), Laplace(), progress=False)
    found = np.array([result.best[path] for path in ("sky.level", "noise.inflation", "noise.floor")])
    sds = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert list(result.best) == ["sky.level", "noise.inflation", "noise.floor"]
    for value, at, sd in zip(found, parameters(truth.x), sds, strict=True):
        assert value == pytest.approx(at, abs=0.05 * sd)
    np.testing.assert_allclose(np.sqrt(np.diag(result.covariance)), sds, rtol=0.05)
    assert result.verdict.level == "ok"


def test_counts_in_one_pixel_are_a_gamma_distribution():
    """With a uniform prior the posterior of gain (level + sky), given its counts, is exactly a gamma distribution."""
    image = Image(np.array([[7 / 2.0 - 1.5]]), sigma=1.0)
    model = sky(PoissonNoise(gain=2.0, sky=1.5), Uniform(-1.5, 50.0))
    mode = fit(model, image, MAP(), progress=False)
    assert mode.best["sky.level"] == pytest.approx(7 / 2 - 1.5, abs=2e-3)
    truth = st.gamma(8, loc=-1.5, scale=0.5)
    for method, effective in ((Importance(draws=3000), 1500), (NUTS(draws=1500, warmup=200), 600)):
        draws = fit(model, image, method, progress=False).draws["sky.level"]
        for quantile in (0.05, 0.5, 0.95):
            share = np.mean(draws < truth.ppf(quantile))
            assert share == pytest.approx(quantile, abs=5 * np.sqrt(quantile * (1 - quantile) / effective))


def test_counts_of_a_galaxy_against_a_minimiser_of_scipy(linear):
    """Flux and sky of a faint galaxy, whose model is negative in part of the prior's range."""
    model, image, *_ = linear()
    model = Model(model.components, noise=PoissonNoise(), renderer=model.renderer)
    design = np.stack([render(model, image, dict(zip(model.free, unit, strict=True))) for unit in np.eye(2)], axis=-1)
    rng = np.random.default_rng(4)
    data = rng.poisson(design @ [200.0, 0.2]).astype(float)
    image = Image(data, sigma=image.sigma, mask=image.mask)
    use = image.valid

    def objective(x):
        expected = design[use] @ x
        if np.any(expected <= 0):
            return np.inf
        prior = 0.5 * ((x - [120, 0.05]) / [30, 0.1]) ** 2
        return -st.poisson(expected).logpmf(data[use]).sum() + prior.sum()

    truth = scipy.optimize.minimize(
        objective, [150.0, 0.3], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-7}
    )
    result = fit(model, image, Laplace(), progress=False)
    sds = [30 * np.sqrt(result.covariance[0, 0]), 0.1 * np.sqrt(result.covariance[1, 1])]
    np.testing.assert_allclose((np.array([*result.best.values()]) - truth.x) / sds, 0, atol=0.02)
    # The Hessian is that of the Poisson likelihood: sum of counts / expected^2 times the design squared.
    curvature = (design[use] * (data[use] / (design[use] @ truth.x) ** 2)[:, None]).T @ design[use]
    exact = np.linalg.inv(curvature + np.diag([30.0**-2, 0.1**-2]))
    np.testing.assert_allclose(sds, np.sqrt(np.diag(exact)), rtol=0.02)
    # From a start at which the model is negative everywhere.
    again = fit(model, image, MAP(), init={"galaxy.flux": -50.0, "sky.level": -0.1}, progress=False)
    np.testing.assert_allclose((np.array([*again.best.values()]) - truth.x) / sds, 0, atol=0.05)
    assert again.message == ""


def test_the_verdict_judges_noise_by_its_own_lights():
    image = Image(contaminated(), sigma=SIGMA)
    assert fit(sky(MixtureNoise(factor=30.0)), image, MAP(), progress=False).verdict.level == "ok"
    small = fit(sky(StudentTNoise()), Image(image.data, sigma=0.2 * SIGMA), MAP(), progress=False).verdict
    assert small.level == "bad"
    assert "less likely than the noise model expects" in str(small)
    large = fit(sky(StudentTNoise()), Image(image.data.clip(0, 10), sigma=5 * SIGMA), MAP(), progress=False).verdict
    assert "the noise is overestimated" in str(large)
