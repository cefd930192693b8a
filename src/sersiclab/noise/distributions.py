"""Distributions of pixels about a mean, for numpyro, which lacks them or compiles them slowly."""

from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammaln
from numpyro.distributions import constraints

from sersiclab.noise import whitening


# Below this expected number of counts the Poisson log likelihood is continued as a straight line.
LEAST_COUNTS = 1e-6
# Least slope of that line, per count.
LEAST_SLOPE = 1e3
# From this number of counts on, Stirling's series is exact in single precision.
STIRLING_COUNTS = 8.0
# The density of a pseudo-Huber distribution is neglected where it is below exp(-MOST_EXPONENT).
MOST_EXPONENT = 40.0
# Nodes of the integral that normalises it; the trapezoidal rule converges exponentially.
NODES = 64
# Nodes of the cumulative distribution from which it is drawn.
SAMPLE_NODES = 2048


class Whitening(Protocol):
    """Correlated noise that is prepared for a mask."""

    @property
    def correlation(self) -> whitening.Correlation:
        """The correlation of neighbouring pixels."""
        ...

    @property
    def rest(self) -> Any:
        """The standard deviation of a pixel given those before it, in units of sigma."""
        ...

    def whitened(self, residual: Any, sigma: Any, /) -> Any:
        """Return data - model as independent numbers of unit variance."""
        ...


class PixelLaw(dist.Distribution):
    """A distribution of real pixels about a mean."""

    support = constraints.real  # pyright: ignore[reportAssignmentType]
    reparametrized_params: ClassVar[list[str]] = []


class Correlated(PixelLaw):
    """Correlated pixels, each conditional on those before it. The sum of the log densities is the joint log density."""

    def __init__(self, mean: Any, sigma: Any, noise: Whitening) -> None:
        self.mean_, self.sigma, self.noise = mean, sigma, noise
        super().__init__(batch_shape=jnp.shape(mean), event_shape=())

    def log_prob(self, value: Any) -> Any:
        white = self.noise.whitened(value - self.mean_, self.sigma)
        return dist.Normal().log_prob(white) - jnp.log(self.sigma * self.noise.rest)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        correlation = whitening.tamed(self.noise.correlation)
        return self.mean_ + self.sigma * whitening.draw(key, correlation, (*sample_shape, *self.batch_shape))


class StudentT(dist.StudentT):
    """numpyro's distribution, sampled by the polar method (Bailey 1994, Math. Comp. 62, 779), which compiles fast."""

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        law: Any = self  # numpyro does not type its fields
        u, turn = jax.random.uniform(key, (2, *sample_shape, *self.batch_shape), minval=jnp.finfo(float).tiny)
        radius = jnp.sqrt(law.df * jnp.expm1(-2 / law.df * jnp.log(u)))
        return law.loc + law.scale * radius * jnp.cos(2 * jnp.pi * turn)


class NormalMixture(PixelLaw):
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
    """Return ln of the integral of exp(-delta^2 (sqrt(1 + r^2 / delta^2) - 1)) over r.

    It is 2 delta exp(delta^2) K_1(delta^2). With r = delta sinh t the integrand falls so fast that the trapezoidal rule
    is exact to rounding.
    """
    end = jnp.arccosh(1 + MOST_EXPONENT / delta**2)
    t = end * jnp.linspace(0.0, 1.0, NODES)
    # cosh t - 1, without its cancellation
    values = jnp.exp(-2 * (delta * jnp.sinh(0.5 * t)) ** 2) * jnp.cosh(t)
    return jnp.log(2 * delta * end / (NODES - 1) * (jnp.sum(values) - 0.5 * values[0] - 0.5 * values[-1]))


class PseudoHuber(PixelLaw):
    def __init__(self, mean: Any, sigma: Any, delta: Any) -> None:
        self.mean_, self.sigma, self.delta = mean, sigma, delta
        super().__init__(batch_shape=jnp.shape(mean), event_shape=())

    def log_prob(self, value: Any) -> Any:
        square = ((value - self.mean_) / self.sigma) ** 2
        # delta^2 (sqrt(1 + x) - 1), without its cancellation
        falling = square / (1 + jnp.sqrt(1 + square / self.delta**2))
        return -falling - log_normalisation(self.delta) - jnp.log(self.sigma)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw by the inverse of the cumulative distribution, on a fine grid."""
        end = jnp.arccosh(1 + MOST_EXPONENT / jnp.asarray(self.delta) ** 2)
        t = end * jnp.linspace(-1.0, 1.0, SAMPLE_NODES)
        density = jnp.exp(-2 * (self.delta * jnp.sinh(0.5 * t)) ** 2) * jnp.cosh(t)
        below = jnp.cumsum(density) - 0.5 * density
        u = jax.random.uniform(key, (*sample_shape, *self.batch_shape))
        return self.mean_ + self.sigma * self.delta * jnp.sinh(jnp.interp(u, below / jnp.sum(density), t))


class Counts(PixelLaw):
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
    """Return the log of the Poisson probability, counts ln(expected) - expected - ln(counts!).

    `counts` may be any real numbers >= 0. Written as a deviance, the result stays precise in single precision for
    millions of counts.
    """
    mean = jnp.maximum(expected, LEAST_COUNTS)
    some = jnp.where(counts > 0, counts, 1.0)
    excess = (mean - some) / some
    near = jnp.where(excess > -0.5, excess, 0.0)
    logarithm = jnp.where(excess > -0.5, jnp.log1p(near), jnp.log(mean / some))
    deviance = jnp.where(counts > 0, counts * (excess - logarithm), mean)
    missing = jnp.minimum(expected - LEAST_COUNTS, 0.0)
    return _log_peak(counts) - deviance + missing * (counts / LEAST_COUNTS + LEAST_SLOPE)


def _log_peak(counts: Any) -> Any:
    """Return counts ln(counts) - counts - ln(counts!), by Stirling's series where the terms would cancel."""
    few = jnp.where(counts > 0, jnp.clip(counts, LEAST_COUNTS, STIRLING_COUNTS), 1.0)
    many = jnp.maximum(counts, STIRLING_COUNTS)
    series = -0.5 * jnp.log(2 * jnp.pi * many) - 1 / (12 * many) + 1 / (360 * many**3)
    exact = jnp.where(counts > 0, few * jnp.log(few) - few - gammaln(few + 1), 0.0)
    return jnp.where(counts < STIRLING_COUNTS, exact, series)
