"""Correlated noise: against the dense multivariate normal distribution, and drizzled frames."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from sersiclab.data.image import Image
from sersiclab.documents.spec import from_dict, to_dict, to_python
from sersiclab.inference import MAP, Laplace, fit
from sersiclab.model import Model
from sersiclab.model.simulate import simulate
from sersiclab.noise import CorrelatedNoise, GaussianNoise, InflatedNoise, whitening
from sersiclab.parameters.priors import Normal
from sersiclab.profiles import FlatSky, Sersic
from sersiclab.results import Fit


KERNELS = {
    "drop": np.outer([0.3, 1.0, 0.3], [0.3, 1.0, 0.3]),
    "hat": np.outer([0.5, 1.0, 0.5], [0.5, 1.0, 0.5]),  # passes nothing at the highest wave numbers
    "oblong": np.array([[0.1, 0.4, 1.0, 0.4, 0.1], [0.0, 0.1, 0.3, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]),
}
SHAPE = (13, 17)


def dense(correlation: whitening.Correlation, valid: np.ndarray) -> np.ndarray:
    """The correlation matrix of the valid pixels, entry by entry."""
    rho = np.array(correlation)
    places = np.argwhere(valid)
    matrix = np.zeros((len(places), len(places)))
    for i, one in enumerate(places):
        for j, other in enumerate(places):
            dy, dx = np.array(rho.shape) // 2 + one - other
            if 0 <= dy < rho.shape[0] and 0 <= dx < rho.shape[1]:
                matrix[i, j] = rho[dy, dx]
    return matrix


@pytest.fixture
def valid(rng: np.random.Generator) -> np.ndarray:
    valid = rng.random(SHAPE) > 0.1
    valid[5:8, 6:10] = False
    return valid


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_the_likelihood_is_that_of_the_dense_normal_of_unmasked_pixels(kernel, valid, rng) -> None:
    noise = CorrelatedNoise.of_kernel(kernel)
    matrix = dense(whitening.tamed(noise.correlation), valid)
    sigma = rng.uniform(0.5, 2.0, SHAPE)
    covariance = matrix * np.outer(sigma[valid], sigma[valid])
    bound = noise.among(valid)
    found, exact = [], []
    for _ in range(5):
        data = np.full(SHAPE, 1e3)  # masked pixels must not matter
        data[valid] = rng.multivariate_normal(np.full(valid.sum(), 2.0), covariance)
        law = bound.distribution(jnp.full(SHAPE, 2.0), jnp.asarray(sigma))
        found.append(np.asarray(law.log_prob(jnp.asarray(data)), dtype=float)[valid].sum())
        exact.append(multivariate_normal(np.full(valid.sum(), 2.0), covariance).logpdf(data[valid]))
    np.testing.assert_allclose(found, exact, atol=1.0)
    # A difference between models, which is what fits live on: the information on a source of three pixels' width.
    y, x = np.indices(SHAPE)
    source = np.exp(-((y - 6.3) ** 2 + (x - 8.1) ** 2) / 18)
    white = np.asarray(bound.whitened(jnp.asarray(source), jnp.ones(SHAPE)), dtype=float)[valid]
    assert white @ white == pytest.approx(source[valid] @ np.linalg.solve(matrix, source[valid]), rel=0.02)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_predictions_solve_the_normal_equations_of_the_pixels_that_are_there(kernel, valid) -> None:
    correlation = whitening.tamed(whitening.correlation_of(kernel))
    before = whitening.offsets(whitening.window_of(correlation))
    weights, rest = whitening.predictors(correlation, valid)
    for y, x in np.ndindex(SHAPE):
        places = before + np.array([y, x])
        inside = np.all((places >= 0) & (places < SHAPE), axis=1)
        there = inside & valid[tuple(np.where(inside[:, None], places, 0).T)]
        among = whitening.between(correlation, before[there, None] - before[None, there])
        own = whitening.between(correlation, before[there])
        expected = np.linalg.solve(among, own)
        np.testing.assert_allclose(weights[there, y, x], expected, atol=1e-12)
        assert not weights[~there, y, x].any()
        assert rest[y, x] == pytest.approx(np.sqrt(1 - expected @ own), abs=1e-12)


def test_noise_without_correlation_is_gaussian_noise(rng) -> None:
    data = jnp.asarray(rng.normal(size=SHAPE))
    laws = [noise.distribution(0 * data, 1 + 0 * data) for noise in (CorrelatedNoise([[1.0]]), GaussianNoise())]
    np.testing.assert_allclose(laws[0].log_prob(data), laws[1].log_prob(data), rtol=1e-6)


def test_draws_have_the_correlation(rng) -> None:
    noise = CorrelatedNoise.of_kernel(KERNELS["oblong"])
    rho = np.array(whitening.tamed(noise.correlation))
    law = noise.distribution(jnp.zeros((60, 70)), jnp.ones((60, 70)))
    drawn = np.asarray(jax.vmap(law.sample)(jax.random.split(jax.random.key(1), 200)))
    assert drawn.std() == pytest.approx(1.0, rel=0.01)
    ny, nx = rho.shape[0] // 2, rho.shape[1] // 2
    for dy, dx in ((0, 1), (1, 0), (1, 2), (1, -1), (0, 4)):
        product = drawn[:, 5:50, 10:60] * drawn[:, 5 + dy : 50 + dy, 10 + dx : 60 + dx]
        assert product.mean() == pytest.approx(rho[ny + dy, nx + dx], abs=0.01)


def drizzled(rng, number: int, shape=(32, 36), scale=0.6, drop=0.8, frames=4) -> np.ndarray:
    """Mean images of dithered frames of white noise, dropped as squares of side `drop` on pixels of side `scale`."""

    def overlap(size: int, shift: float) -> np.ndarray:
        inputs = np.arange(-3, int(size * scale) + 4) + shift
        low, high = inputs - drop / 2, inputs + drop / 2
        edges = (np.arange(size)[:, None] - 0.5) * scale
        return np.maximum(np.minimum(high, edges + scale) - np.maximum(low, edges), 0.0)

    total, weight = np.zeros((number, *shape)), np.zeros(shape)
    for frame in range(frames):
        along_y, along_x = overlap(shape[0], 0.5 * (frame // 2)), overlap(shape[1], 0.5 * (frame % 2))
        white = rng.normal(size=(number, along_y.shape[1], along_x.shape[1]))
        total += np.einsum("yi,nij,xj->nyx", along_y, white, along_x, optimize=True)
        weight += np.outer(along_y.sum(1), along_x.sum(1))
    return total / weight


def test_errors_are_right_for_drizzled_noise(rng) -> None:
    """The flux of a galaxy, by a correlation measured on one blank field: its error is the scatter over mocks."""
    mocks = drizzled(rng, 400)
    sigma = mocks.std(axis=0)
    blank = drizzled(rng, 1, shape=(150, 150))[0]
    noise = CorrelatedNoise.measured(blank / blank.std(), reach=4)
    fixed = {"xc": 17.2, "yc": 15.4, "r_eff": 4.0, "n": 1.0, "ellip": 0.3, "theta": 0.5}
    model = Model({"galaxy": Sersic(flux=Normal(0, 1e4), **fixed)}, noise=noise)
    mask = np.zeros(sigma.shape, bool)
    mask[3:9, 20:30] = True
    image = Image(mocks[0], sigma=sigma, mask=mask)
    result = fit(model, image, Laplace(), progress=False)
    sd = 1e4 * float(np.sqrt(result.covariance[0, 0]))
    # The flux of the others: least squares on what the noise makes white.
    bound = noise.among(~mask)
    whiten = jax.jit(jax.vmap(lambda plane: bound.whitened(plane, jnp.asarray(sigma))))
    profile = fit_profile(model, image)
    white = np.asarray(whiten(jnp.asarray(np.concatenate([profile[None], mocks]))), dtype=float)[:, ~mask]
    fluxes = white[1:] @ white[0] / (white[0] @ white[0])
    assert result.best["galaxy.flux"] == pytest.approx(fluxes[0], abs=0.02 * sd)
    assert fluxes.std() == pytest.approx(sd, rel=0.1)
    # Were they thought independent, errors would be too small by nearly two.
    naive = fit(Model(model.components), image, Laplace(), progress=False)
    assert 1e4 * float(np.sqrt(naive.covariance[0, 0])) < 0.75 * fluxes.std()


def fit_profile(model: Model, image: Image) -> np.ndarray:
    from sersiclab.model import render

    return render(model, image, {"galaxy.flux": 1.0})


def test_noise_without_power_at_some_wave_numbers_is_what_it_says(rng) -> None:
    """Convolved in numpy: its whitened residuals have a variance of 0.63, and neighbours are correlated."""
    white = rng.normal(size=(42, 52))
    plane = np.array([[np.sum(KERNELS["hat"] * white[y : y + 3, x : x + 3]) for x in range(50)] for y in range(40)])
    image = Image(plane / np.sqrt(np.sum(KERNELS["hat"] ** 2)), sigma=1.0)
    model = Model({"sky": FlatSky(Normal(0, 1))}, noise=CorrelatedNoise.of_kernel(KERNELS["hat"]))
    result = Fit(model, image, MAP(), seed=0, draws={}, best={"sky.level": float(image.data.mean())})
    assert 0.5 < np.var(result.white_residual) < 0.8
    assert str(result.verdict).startswith("ok: MAP gives best values without errors")
    assert len(result.verdict.reasons) == 1


def test_the_verdict_takes_what_is_white_for_chi2() -> None:
    noise = CorrelatedNoise.of_kernel(KERNELS["drop"])
    blank = Image(np.zeros((40, 50)), sigma=1.0)
    model = Model({"sky": FlatSky(Normal(0, 1))}, noise=noise)
    image = simulate(model, blank, {"sky.level": 0.3}, seed=3)
    right = fit(model, image, Laplace(), progress=False)
    assert right.verdict.level == "ok"
    assert np.std(right.white_residual) == pytest.approx(1.0, abs=0.08)
    wrong = fit(Model(model.components), image, Laplace(), progress=False)
    assert "Neighbouring pixels of the sky are correlated" in str(wrong.verdict)
    assert right.covariance[0, 0] > 2 * wrong.covariance[0, 0]


def test_a_measured_correlation_is_the_true_one(rng) -> None:
    noise = CorrelatedNoise.of_kernel(KERNELS["drop"])
    plane = np.asarray(noise.distribution(jnp.zeros((200, 220)), jnp.ones((200, 220))).sample(jax.random.key(2)))
    mask = rng.random(plane.shape) < 0.2
    found = np.array(CorrelatedNoise.measured(np.where(mask, np.nan, plane), mask=mask, reach=3).correlation)
    expected = np.zeros((7, 7))
    expected[1:6, 1:6] = noise.correlation
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_it_is_a_document_and_code() -> None:
    model = Model({"sky": FlatSky(Normal(0, 1))}, noise=CorrelatedNoise([[0, 0.3, 0], [0.3, 1, 0.3], [0, 0.3, 0]]))
    assert from_dict(to_dict(model)) == model
    scope: dict = {}
    exec(to_python(model), scope)
    assert scope["model"] == model


@pytest.mark.parametrize(
    ("correlation", "message"),
    [
        (np.ones((2, 3)), r"2-d array of odd sides, got shape \(2, 3\)"),
        ([[0.5]], "must be 1 at its middle, got 0.5"),
        ([[0.2, 1, 0.1]], "the same at opposite offsets"),
        ([[np.nan, 1, np.nan]], "must be finite"),
        ([[2.0, 1, 2.0]], r"must lie in \[-1, 1\]"),
    ],
)
def test_what_is_no_correlation_is_refused(correlation, message) -> None:
    with pytest.raises(ValueError, match=message):
        CorrelatedNoise(correlation)


def test_it_can_neither_be_inflated_nor_measured_on_nothing() -> None:
    with pytest.raises(TypeError, match=r"InflatedNoise\.base must be of independent pixels"):
        InflatedNoise(CorrelatedNoise([[1.0]]))
    with pytest.raises(ValueError, match="too few for correlations up to 3"):
        CorrelatedNoise.measured(np.zeros((20, 20)), reach=3)
    with pytest.raises(ValueError, match="reach must be a number of pixels, 1 or more, got 0"):
        CorrelatedNoise.measured(np.zeros((20, 20)), reach=0)
