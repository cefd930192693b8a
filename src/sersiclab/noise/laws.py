"""Noise: how the data scatter around the model image."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax.core
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.special import gammaln
from jaxtyping import Array, Bool, Float
from numpyro.distributions import constraints

from sersiclab.data.planes import mask_of, plane_of
from sersiclab.noise import whitening
from sersiclab.parameters import Parameter, check_parameters, nested, parameter
from sersiclab.parameters.priors import LogNormal, Uniform
from sersiclab.parameters.scalars import Scalar
from sersiclab.runtime.errors import InputError, InputTypeError


Pixels = Float[Array, "y x"]

LEAST_COUNTS = 1e-6  # below so many expected counts the likelihood goes on as a straight line,
FALL = 1e3  # which falls by at least so much a count
STIRLING_COUNTS = 8.0  # from so many on Stirling's series is exact in single precision
EXPONENT = 40.0  # the density of a pseudo-Huber law is left out where it is below exp(-EXPONENT)
NODES = 64  # of the integral that normalises it; the trapezoidal rule converges exponentially
SAMPLE_NODES = 2048
MEASURED_PIXELS = 20  # for each correlation that is measured


class AbstractNoise(eqx.Module):
    """A likelihood. Its parameters, if any, are those of the model, under the name `noise`."""

    def __check_init__(self) -> None:
        check_parameters(self)

    @abstractmethod
    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        """The distribution of the data, given the model image and the image's error map."""

    def among(self, valid: Bool[np.ndarray, "y x"]) -> "AbstractNoise":
        """The same noise, of an image whose `valid` pixels count: itself, unless it must know of them."""
        return self

    def inflated(self, mean: Pixels, sigma: Pixels, inflation: Scalar, floor: Scalar) -> dist.Distribution:
        """The distribution of the data with sigma' = sqrt((inflation sigma)^2 + floor^2)."""
        return self.distribution(mean, jnp.hypot(inflation * sigma, floor))


class AbstractNormalNoise(AbstractNoise):
    """Gaussian noise without parameters: minus the log likelihood is half a sum of squares, and a constant."""

    @abstractmethod
    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        """data - model as independent numbers of unit variance."""


class GaussianNoise(AbstractNormalNoise):
    """Independent Gaussian noise with the image's `sigma`: the likelihood of chi square."""

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return dist.Normal(mean, sigma)

    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        return residual / sigma


class CorrelatedNoise(AbstractNormalNoise):
    """Gaussian noise with the image's `sigma`, correlated between neighbouring pixels as drizzled data are.

    `correlation[dy, dx]` is that of two pixels at a distance, the same everywhere in units of sigma: an array
    of odd sides with 1 in its middle. `CorrelatedNoise.of_kernel(kernel)` is that of white noise convolved with
    a kernel, `CorrelatedNoise.measured(residual, mask=...)` estimates it. Where it leaves a wave number less
    than 2 % of the power of white noise, correlations are made smaller until it does not.

    The log likelihood of a pixel is that given the pixels before it, in the order of the rows, within a window
    (`noise.whitening`). The sum agrees with the dense multivariate normal distribution of the unmasked pixels to a
    fraction of a unit; masked pixels are integrated out.
    """

    correlation: whitening.Correlation = eqx.field(converter=whitening.as_correlation, static=True)

    @classmethod
    def of_kernel(cls, kernel: Any) -> "CorrelatedNoise":
        """Of white noise that was convolved with `kernel`, as by a drop of drizzle or a smoothing."""
        return cls(whitening.correlation_of(kernel))

    @classmethod
    def measured(cls, residual: Any, *, mask: Any = None, reach: int = 3) -> "CorrelatedNoise":
        """The correlation of residuals in units of sigma, within `reach` pixels to each side.

        Best are pixels of the sky, far from any source: `mask` is True where a pixel does not count.
        """
        array = plane_of("residual", residual).astype(float)
        valid = np.isfinite(array) & ~(np.zeros(array.shape, bool) if mask is None else mask_of(mask, array.shape))
        if isinstance(reach, bool) or not isinstance(reach, int) or reach < 1:
            raise InputError(f"reach must be a number of pixels, 1 or more, got {reach!r}")
        if valid.sum() < MEASURED_PIXELS * (2 * reach + 1) ** 2:
            raise InputError(f"residual has {valid.sum()} pixels that count: too few for correlations up to {reach}")
        return cls(whitening.measured(array, valid, reach))

    def among(self, valid: Bool[np.ndarray, "y x"]) -> "AbstractNoise":
        if isinstance(valid, jax.core.Tracer):
            raise InputTypeError("the mask of an image with CorrelatedNoise can't be an argument of a jitted function")
        weights, rest = whitening.predictors(whitening.tamed(self.correlation), np.asarray(valid))
        return _CorrelatedNoise(self.correlation, weights, rest)

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return self.among(np.ones(np.shape(mean), bool)).distribution(mean, sigma)

    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        noise: Any = self.among(np.ones(np.shape(residual), bool))
        return noise.whitened(residual, sigma)


class _CorrelatedNoise(AbstractNormalNoise):
    """Correlated noise that knows the mask: how each pixel is predicted from those before it."""

    correlation: whitening.Correlation = eqx.field(static=True)
    weights: Float[Array | np.ndarray, "m y x"]
    rest: Float[Array | np.ndarray, "y x"]

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return _Correlated(mean, sigma, self)

    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        window = whitening.window_of(whitening.tamed(self.correlation))
        return whitening.whiten(residual / sigma, self.weights, self.rest, window)


class StudentTNoise(AbstractNoise):
    """Student-t noise, for outliers: `sigma` is its standard deviation, so its scale is less.

    scale = sigma sqrt((nu - 2) / nu). The tails fall as |residual|^-(nu + 1); a Gaussian is nu = infinity.
    """

    nu: Parameter = parameter(low=2.0, open_low=True, default=5.0, doc="degrees of freedom")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return _StudentT(self.nu, mean, sigma * jnp.sqrt((self.nu - 2) / self.nu))


class MixtureNoise(AbstractNoise):
    """Gaussian noise with the image's `sigma`, but for a `fraction` of outliers, `factor` times as wide.

    p = (1 - fraction) N(mean, sigma) + fraction N(mean, factor sigma) (Hogg, Bovy & Lang 2010,
    arXiv:1008.4686).
    """

    fraction: Parameter = parameter(
        low=0.0,
        high=1.0,
        default=Uniform(0.0, 0.5, init=0.02),  # pyright: ignore[reportCallIssue]
        doc="share of the pixels that are outliers",
    )
    factor: Parameter = parameter(low=1.0, default=10.0, doc="width of the outliers in sigma")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return _NormalMixture(mean, sigma, self.fraction, self.factor)


class HuberNoise(AbstractNoise):
    """Pseudo-Huber noise: Gaussian within `delta` sigma, exponential beyond.

    -ln p = delta^2 (sqrt(1 + r^2 / delta^2) - 1) + constant, with r = (data - mean) / sigma: the
    hyperbolic distribution, whose normalisation is sigma 2 delta exp(delta^2) K_1(delta^2).
    """

    delta: Parameter = parameter(low=0.0, open_low=True, default=2.0, doc="where the tails begin, in sigma")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return _PseudoHuber(mean, sigma, self.delta)


class PoissonNoise(AbstractNoise):
    """Counting noise (Cash 1979, ApJ 228, 939): the image's `sigma` is not used.

    gain (data + sky) has a Poisson distribution with the mean gain (model + sky), where `sky` is what was
    subtracted from the data. Data below zero counts are taken as zero. A model below zero counts is
    impossible; its likelihood falls steeply, but is finite and leads back.
    """

    gain: Parameter = parameter(low=0.0, open_low=True, default=1.0, unit="counts / image", doc="counts per image unit")
    sky: Parameter = parameter(default=0.0, unit="image", doc="the sky that was subtracted")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return _Counts(mean, self.gain, self.sky)

    def inflated(self, mean: Pixels, sigma: Pixels, inflation: Scalar, floor: Scalar) -> dist.Distribution:
        gain: Any = self.gain / inflation**2
        return _Counts(mean, gain, self.sky + gain * floor * floor)


class InflatedNoise(AbstractNoise):
    """Another noise, with an error map that is not trusted: sigma' = sqrt((inflation sigma)^2 + floor^2).

    That of Poisson noise is sqrt((model + sky) / gain). It becomes sigma' with the gain over inflation^2, and
    with (gain floor)^2 counts more in the data and in the mean, as is done for read noise (Snyder et al. 1995,
    J. Opt. Soc. Am. A 12, 272).
    """

    base: AbstractNoise = nested()
    inflation: Parameter = parameter(low=0.0, open_low=True, default=LogNormal(0.0, 0.5), doc="factor on sigma")
    floor: Parameter = parameter(low=0.0, default=0.0, unit="image", doc="noise that sigma does not know of")

    def __check_init__(self) -> None:
        if not isinstance(self.base, AbstractNoise):
            raise InputTypeError(f"InflatedNoise.base must be a noise model such as GaussianNoise(), got {self.base!r}")
        if isinstance(self.base, InflatedNoise | CorrelatedNoise):
            raise InputTypeError(f"InflatedNoise.base must be of independent pixels, not inflated, got {self.base!r}")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return self.base.inflated(mean, sigma, self.inflation, self.floor)


class _Law(dist.Distribution):
    """A distribution of real pixels about a mean."""

    support = constraints.real  # pyright: ignore[reportAssignmentType]
    reparametrized_params: ClassVar[list[str]] = []


class _Correlated(_Law):
    """Pixels one after the other, each given those before it; the sum of their log densities is that of all."""

    def __init__(self, mean: Any, sigma: Any, noise: _CorrelatedNoise) -> None:
        self.mean_, self.sigma, self.noise = mean, sigma, noise
        super().__init__(batch_shape=jnp.shape(mean), event_shape=())

    def log_prob(self, value: Any) -> Any:
        white = self.noise.whitened(value - self.mean_, self.sigma)
        return dist.Normal().log_prob(white) - jnp.log(self.sigma * self.noise.rest)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        correlation = whitening.tamed(self.noise.correlation)
        return self.mean_ + self.sigma * whitening.draw(key, correlation, (*sample_shape, *self.batch_shape))


class _StudentT(dist.StudentT):
    """numpyro's, with samples by the polar method (Bailey 1994, Math. Comp. 62, 779), which compiles soon."""

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        law: Any = self  # whose fields numpyro does not type
        u, turn = jax.random.uniform(key, (2, *sample_shape, *self.batch_shape), minval=jnp.finfo(float).tiny)
        radius = jnp.sqrt(law.df * jnp.expm1(-2 / law.df * jnp.log(u)))
        return law.loc + law.scale * radius * jnp.cos(2 * jnp.pi * turn)


class _NormalMixture(_Law):
    def __init__(self, mean: Any, sigma: Any, fraction: Any, factor: Any) -> None:
        self.mean_, self.sigma, self.fraction, self.factor = mean, sigma, fraction, factor
        super().__init__(batch_shape=jnp.shape(mean), event_shape=())

    def log_prob(self, value: Any) -> Any:
        inner = dist.Normal(self.mean_, self.sigma).log_prob(value) + jnp.log1p(-self.fraction)
        outer = dist.Normal(self.mean_, self.factor * self.sigma).log_prob(value) + jnp.log(self.fraction)
        return jnp.logaddexp(inner, outer)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        shape, (which, how) = (*sample_shape, *self.batch_shape), jax.random.split(key)
        width = jnp.where(jax.random.bernoulli(which, self.fraction, shape), self.factor, 1.0)
        return self.mean_ + self.sigma * width * jax.random.normal(how, shape)


def log_normalisation(delta: Any) -> Any:
    """ln of the integral of exp(-delta^2 (sqrt(1 + r^2 / delta^2) - 1)) over r, 2 delta exp(delta^2) K_1(delta^2).

    With r = delta sinh t it is a fast falling integral, for which the trapezoidal rule is exact to rounding.
    """
    end = jnp.arccosh(1 + EXPONENT / delta**2)
    t = end * jnp.linspace(0.0, 1.0, NODES)
    # cosh t - 1, without its cancellation
    values = jnp.exp(-2 * (delta * jnp.sinh(0.5 * t)) ** 2) * jnp.cosh(t)
    return jnp.log(2 * delta * end / (NODES - 1) * (jnp.sum(values) - 0.5 * values[0] - 0.5 * values[-1]))


class _PseudoHuber(_Law):
    def __init__(self, mean: Any, sigma: Any, delta: Any) -> None:
        self.mean_, self.sigma, self.delta = mean, sigma, delta
        super().__init__(batch_shape=jnp.shape(mean), event_shape=())

    def log_prob(self, value: Any) -> Any:
        square = ((value - self.mean_) / self.sigma) ** 2
        # delta^2 (sqrt(1 + x) - 1), without its cancellation
        falling = square / (1 + jnp.sqrt(1 + square / self.delta**2))
        return -falling - log_normalisation(self.delta) - jnp.log(self.sigma)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        """By the inverse of the cumulative distribution, on a fine grid."""
        end = jnp.arccosh(1 + EXPONENT / jnp.asarray(self.delta) ** 2)
        t = end * jnp.linspace(-1.0, 1.0, SAMPLE_NODES)
        density = jnp.exp(-2 * (self.delta * jnp.sinh(0.5 * t)) ** 2) * jnp.cosh(t)
        below = jnp.cumsum(density) - 0.5 * density
        u = jax.random.uniform(key, (*sample_shape, *self.batch_shape))
        return self.mean_ + self.sigma * self.delta * jnp.sinh(jnp.interp(u, below / jnp.sum(density), t))


class _Counts(_Law):
    """A Poisson distribution, scaled and shifted; its density is that of a continuous quantity."""

    def __init__(self, mean: Any, gain: Any, sky: Any) -> None:
        self.mean_, self.gain, self.sky = mean, gain, sky
        super().__init__(batch_shape=jnp.shape(mean), event_shape=())

    def log_prob(self, value: Any) -> Any:
        counts = jnp.maximum(self.gain * (value + self.sky), 0.0)
        return log_poisson(counts, self.gain * (self.mean_ + self.sky)) + jnp.log(self.gain)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        expected = jnp.maximum(self.gain * (self.mean_ + self.sky), 0.0)
        return jax.random.poisson(key, expected, (*sample_shape, *self.batch_shape)) / self.gain - self.sky


def log_poisson(counts: Any, expected: Any) -> Any:
    """ln of the Poisson probability, counts ln(expected) - expected - ln(counts!), for any real `counts` >= 0.

    In the form of a deviance, which keeps its digits in single precision for millions of counts.
    """
    mean = jnp.maximum(expected, LEAST_COUNTS)
    some = jnp.where(counts > 0, counts, 1.0)
    excess = (mean - some) / some
    near = jnp.where(excess > -0.5, excess, 0.0)
    logarithm = jnp.where(excess > -0.5, jnp.log1p(near), jnp.log(mean / some))
    deviance = jnp.where(counts > 0, counts * (excess - logarithm), mean)
    missing = jnp.minimum(expected - LEAST_COUNTS, 0.0)
    return _log_peak(counts) - deviance + missing * (counts / LEAST_COUNTS + FALL)


def _log_peak(counts: Any) -> Any:
    """counts ln(counts) - counts - ln(counts!), by Stirling's series where its terms would cancel."""
    few = jnp.where(counts > 0, jnp.clip(counts, LEAST_COUNTS, STIRLING_COUNTS), 1.0)
    many = jnp.maximum(counts, STIRLING_COUNTS)
    series = -0.5 * jnp.log(2 * jnp.pi * many) - 1 / (12 * many) + 1 / (360 * many**3)
    exact = jnp.where(counts > 0, few * jnp.log(few) - few - gammaln(few + 1), 0.0)
    return jnp.where(counts < STIRLING_COUNTS, exact, series)


NOISES: tuple[type[AbstractNoise], ...] = (
    GaussianNoise,
    StudentTNoise,
    MixtureNoise,
    HuberNoise,
    PoissonNoise,
    InflatedNoise,
    CorrelatedNoise,
)
