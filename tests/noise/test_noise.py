"""Noise models against scipy, and the laws that every one keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats as st
from numpyro.infer.util import log_density

import sersiclab.noise as sl
from sersiclab.data.image import Image
from sersiclab.documents.spec import from_dict, to_dict, to_python
from sersiclab.model import Model, joint
from sersiclab.model.density import Density
from sersiclab.model.simulate import simulate
from sersiclab.noise import NOISES, log_normalisation, log_poisson
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Normal, Uniform
from sersiclab.profiles import FlatSky


MEAN, SIGMA = 3.0, 2.0


def hyperbolic(delta, sigma=SIGMA):
    """scipy's symmetric hyperbolic distribution."""
    return st.genhyperbolic(p=1, a=delta**2, b=0, loc=MEAN, scale=delta * sigma)


# name -> (noise with numbers for parameters, its log density in scipy)
DENSITIES = {
    "Gaussian": (sl.GaussianNoise(), st.norm(MEAN, SIGMA).logpdf),
    "Student t": (sl.StudentTNoise(nu=4.0), st.t(4, MEAN, SIGMA / np.sqrt(2)).logpdf),
    "mixture": (
        sl.MixtureNoise(fraction=0.1, factor=5.0),
        lambda x: np.log(0.9 * st.norm(MEAN, SIGMA).pdf(x) + 0.1 * st.norm(MEAN, 5 * SIGMA).pdf(x)),
    ),
    "pseudo-Huber": (sl.HuberNoise(delta=1.5), hyperbolic(1.5).logpdf),
    "inflated": (
        sl.InflatedNoise(sl.GaussianNoise(), inflation=1.5, floor=4.0),
        st.norm(MEAN, 5.0).logpdf,
    ),
    "inflated pseudo-Huber": (
        sl.InflatedNoise(sl.HuberNoise(delta=3.0), inflation=0.5),
        hyperbolic(3.0, 0.5 * SIGMA).logpdf,
    ),
}


@pytest.fixture(params=DENSITIES, ids=list(DENSITIES))
def pair(request):
    return DENSITIES[request.param]


def law(noise, mean=MEAN, sigma=SIGMA, shape=(1, 1)):
    return noise.distribution(jnp.full(shape, mean), jnp.full(shape, sigma))


def test_every_class_is_covered():
    elsewhere = {sl.PoissonNoise, sl.CorrelatedNoise}
    assert {type(noise) for noise, _ in DENSITIES.values()} | elsewhere == set(NOISES)


def test_density_is_scipys(pair):
    noise, logpdf = pair
    x = MEAN + SIGMA * np.array([-40.0, -3.0, -0.1, 0.0, 0.5, 2.0, 15.0])
    found = noise.distribution(jnp.full(7, MEAN), jnp.full(7, SIGMA)).log_prob(x)
    np.testing.assert_allclose(found, logpdf(x), rtol=2e-5, atol=2e-5)


def test_samples_have_the_density(pair):
    noise, logpdf = pair
    samples = np.asarray(law(noise, shape=(100, 200)).sample(jax.random.key(1))).ravel()
    inside = [scipy.integrate.quad(lambda x: np.exp(logpdf(x)), MEAN - w, MEAN + w)[0] for w in (1.0, 4.0, 9.0)]
    found = [np.mean(np.abs(samples - MEAN) < w) for w in (1.0, 4.0, 9.0)]
    np.testing.assert_allclose(found, inside, atol=5 * 0.5 / np.sqrt(samples.size))
    assert np.mean(samples > MEAN) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(samples.size))


@pytest.mark.parametrize("delta", [0.05, 0.5, 2.0, 10.0, 60.0])
def test_normalisation_of_pseudo_huber(delta):
    exact = np.log(2 * delta * scipy.special.k1e(delta**2))
    assert float(log_normalisation(delta)) == pytest.approx(exact, abs=1e-5)


def test_pseudo_huber_has_delta_squared():
    """Others leave it out: then a small residual of r sigma costs r^2 / (2 delta^2) instead of r^2 / 2."""
    x = np.array([[MEAN, MEAN + 0.01 * SIGMA]])
    at_peak, beside = np.ravel(law(sl.HuberNoise(delta=3.0), shape=(1, 2)).log_prob(x)).astype(float)
    assert at_peak - beside == pytest.approx(0.5 * 0.01**2, rel=0.05)


@pytest.mark.parametrize("nu", [4.0, 5.0, 30.0])
def test_student_t_has_the_standard_deviation_sigma(nu):
    """Others have 1.3 to 1.6 times that, and fix nu at 5 whatever the user says."""
    r = np.sinh(np.linspace(-9, 9, 20_001))
    noise = sl.StudentTNoise(nu=nu)
    density = np.exp(noise.distribution(jnp.zeros(r.size), jnp.full(r.size, SIGMA)).log_prob(r).astype(float))
    assert np.trapezoid(density, r) == pytest.approx(1, abs=1e-4)
    assert np.trapezoid(density * r**2, r) == pytest.approx(SIGMA**2, rel=1e-3)


def test_outliers_are_inflated_too():
    inflated = law(sl.InflatedNoise(sl.MixtureNoise(fraction=0.2, factor=6.0), inflation=3.0))
    plain = law(sl.MixtureNoise(fraction=0.2, factor=6.0), sigma=3 * SIGMA)
    assert float(inflated.log_prob(40.0)[0, 0]) == float(plain.log_prob(40.0)[0, 0])


@pytest.mark.parametrize("mean", [1e-5, 0.3, 4.0, 50.0, 1e4, 1e6])
def test_poisson_is_scipys(mean):
    counts = np.unique(np.round(mean + np.sqrt(mean) * np.arange(-4, 5)).clip(0))
    expected = st.poisson(mean).logpmf(counts)
    np.testing.assert_allclose(log_poisson(counts.astype("f4"), np.float32(mean)), expected, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize(("gain", "sky"), [(1.0, 0.0), (4.0, 2.5), (0.2, -1.0)])
def test_poisson_has_gain_and_sky(gain, sky):
    """Others ignore both. The data lie on a lattice of 1/gain, and the density times that sums to one."""
    data = np.arange(200) / gain - sky
    mean = jnp.full(200, 12.0 / gain - sky)
    noise = sl.PoissonNoise(gain=gain, sky=sky)
    probability = np.exp(noise.distribution(mean, jnp.ones(200)).log_prob(data).astype(float)) / gain
    assert probability.sum() == pytest.approx(1, abs=1e-5)
    assert (probability * data).sum() == pytest.approx(12.0 / gain - sky, rel=1e-4)
    samples = noise.distribution(jnp.full(20_000, 12.0 / gain - sky), None).sample(jax.random.key(0))
    assert np.var(samples) == pytest.approx(12.0 / gain**2, rel=5 * np.sqrt(2 / 20_000))


def test_poisson_noise_is_inflated_and_has_read_noise():
    """Its mean and variance are those of the sum; where counts are many, it is that of scipy's normal."""
    gain, sky, inflation, floor, mean = 2.0, 3.0, 1.5, 4.0, 100.0
    noise = sl.InflatedNoise(sl.PoissonNoise(gain=gain, sky=sky), inflation=inflation, floor=floor)
    expected = st.norm(mean, np.sqrt(inflation**2 * (mean + sky) / gain + floor**2))
    x = np.linspace(mean - 60, mean + 60, 4001)
    density = np.exp(np.asarray(noise.distribution(jnp.full(4001, mean), None).log_prob(x), dtype=float))
    first = np.trapezoid(density * x, x)
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=1e-3)
    assert first == pytest.approx(mean, abs=1e-2)
    assert np.trapezoid(density * (x - first) ** 2, x) == pytest.approx(expected.var(), rel=5e-3)
    np.testing.assert_allclose(density, expected.pdf(x), atol=0.03 * expected.pdf(mean))
    samples = noise.distribution(jnp.full(20_000, mean), None).sample(jax.random.key(0))
    assert np.var(samples) == pytest.approx(expected.var(), rel=5 * np.sqrt(2 / 20_000))


def test_an_error_map_in_small_units_is_inflated():
    """Of 1e-21, as in erg / s / cm2 / A, whose square is no number in single precision."""
    law = sl.InflatedNoise(sl.GaussianNoise(), inflation=2.0).distribution(jnp.zeros(1), jnp.full(1, 1e-21))
    assert float(law.log_prob(jnp.full(1, 2e-21))[0]) == pytest.approx(st.norm(0, 2e-21).logpdf(2e-21), rel=1e-5)


def test_a_model_below_zero_counts_is_finite_and_leads_back():
    counts, expected = jnp.array([0.0, 0.0, 3.0, 3.0]), jnp.array([-1.0, 0.0, -5.0, 0.0])
    evaluate = jax.jit(lambda mean: (log_poisson(counts, mean), jax.grad(lambda m: log_poisson(counts, m).sum())(mean)))
    value, slope = evaluate(expected)
    assert np.isfinite(value).all()
    assert np.all(slope >= 1e3 * 0.999)
    # Below zero every count costs more than ten in log likelihood for a hundredth of a count.
    assert np.all(evaluate(expected - 0.01)[0] < value - 9)
    # Data below zero count as zero.
    noise = sl.PoissonNoise().distribution(jnp.ones(2), jnp.ones(2))
    assert np.ptp(noise.log_prob(jnp.array([-2.0, 0.0]))) == 0


MODELS = [
    sl.StudentTNoise(nu=Uniform(2.5, 30)),
    sl.MixtureNoise(),
    sl.HuberNoise(),
    sl.PoissonNoise(gain=2.0, sky=3.0),
    sl.InflatedNoise(sl.MixtureNoise(factor=7.0), floor=Tied("noise.fraction", scale=2.0)),
]


@pytest.fixture(params=MODELS, ids=lambda noise: type(noise).__name__)
def model(request):
    return Model({"sky": FlatSky(Normal(5, 1))}, noise=request.param)


def test_documents_and_code_give_the_same_noise(model):
    assert from_dict(to_dict(model)) == model
    namespace = {}
    exec(to_python(model), namespace)
    assert namespace["model"] == model


@pytest.mark.parametrize("noise", [MODELS[3], MODELS[4]], ids=["Poisson", "inflated mixture"])
def test_log_density_is_numpyros(noise):
    model = Model({"sky": FlatSky(Normal(5, 1))}, noise=noise)
    rng = np.random.default_rng(3)
    image = Image(rng.normal(5, 2, size=(4, 5)), sigma=2.0, mask=np.eye(4, 5))
    density, u = Density.of(model, image), jnp.linspace(-0.4, 0.3, len(model.free))
    values = density.constrain(u)
    expected = float(log_density(joint, (model, image), {}, values)[0])
    pixels = density.pointwise_log_likelihood(values)
    assert np.all(np.asarray(pixels)[image.mask] == 0)
    assert float(density.log_prior(u, jacobian=False) + jnp.sum(pixels)) == pytest.approx(expected, rel=1e-5)


def test_mocks_have_the_noise():
    model = Model({"sky": FlatSky(Normal(5, 1))}, noise=sl.PoissonNoise(gain=2.0, sky=3.0))
    mock = simulate(model, Image(np.zeros((80, 90)), sigma=7.0), {"sky.level": 6.0}, seed=2)
    assert mock.data.mean() == pytest.approx(6.0, abs=5 * np.sqrt(4.5 / 7200))
    assert np.var(mock.data) == pytest.approx((6.0 + 3.0) / 2.0, rel=5 * np.sqrt(2 / 7200))


def test_parameters_of_an_inflated_noise_are_the_models():
    noise = sl.InflatedNoise(sl.StudentTNoise(nu=Uniform(2.5, 30)), floor=Uniform(0, 1))
    model = Model({"sky": FlatSky(1.0)}, noise=noise)
    assert set(model.free) == {"noise.inflation", "noise.floor", "noise.nu"}
    assert model.initial["noise.inflation"] == pytest.approx(1.0)
    assert model.replace({"noise.nu": 3.0}).noise.base == sl.StudentTNoise(nu=3.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sl.StudentTNoise(nu=2.0), ValueError, r"StudentTNoise.nu must lie in \(2, inf\), got 2"),
        (lambda: sl.StudentTNoise(nu=Uniform(1, 9)), ValueError, "StudentTNoise.nu must lie in"),
        (lambda: sl.MixtureNoise(fraction=1.5), ValueError, r"MixtureNoise.fraction must lie in \[0, 1\], got 1.5"),
        (lambda: sl.HuberNoise(delta=0.0), ValueError, r"HuberNoise.delta must lie in \(0, inf\), got 0"),
        (lambda: sl.PoissonNoise(gain=-1.0), ValueError, "PoissonNoise.gain must lie in"),
        (lambda: sl.InflatedNoise("gaussian"), TypeError, r"InflatedNoise.base must be a noise model such as"),
        (
            lambda: sl.InflatedNoise(sl.InflatedNoise(sl.GaussianNoise())),
            TypeError,
            "not inflated, got Inflated",
        ),
    ],
)
def test_mistakes_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
