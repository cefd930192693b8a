"""Noise models: how the data scatter about the model image."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.core
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float

from sersiclab.data.planes import mask_of, plane_of
from sersiclab.noise import distributions, whitening
from sersiclab.parameters import Parameter, check_parameters, document_parameters, nested, parameter
from sersiclab.parameters.priors import LogNormal, Uniform
from sersiclab.parameters.scalars import Scalar
from sersiclab.runtime.errors import InputError, InputTypeError


Pixels = Float[Array, "y x"]

# The smallest number of pixels for each correlation that is measured.
MEASURED_PIXELS = 20


class AbstractNoise(eqx.Module):
    """Base class of noise models: the distribution of the data about the model image.

    Parameters of the noise, if any, are parameters of the model, with paths such as "noise.nu".
    """

    def __init_subclass__(cls) -> None:
        document_parameters(cls)

    def __check_init__(self) -> None:
        check_parameters(self)

    @abstractmethod
    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        """Return the distribution of the data.

        Arguments:
            mean: the model image.
            sigma: the image's error map, in the same unit and of the same shape.

        Returns:
            The distribution of all pixels together, or of each.
        """

    def among(self, valid: Bool[np.ndarray, "y x"]) -> "AbstractNoise":
        """Return the noise for an image with a mask.

        Arguments:
            valid: True where a pixel is used.

        Returns:
            The noise; `self`, unless it depends on the mask.
        """
        return self

    def inflated(self, mean: Pixels, sigma: Pixels, inflation: Scalar, floor: Scalar) -> dist.Distribution:
        """Return the distribution of the data with sigma' = sqrt((inflation sigma)^2 + floor^2).

        Arguments:
            mean: the model image.
            sigma: the image's error map.
            inflation: the factor on sigma.
            floor: noise that sigma lacks, in image units.

        Returns:
            The distribution, as that of `distribution`.
        """
        return self.distribution(mean, jnp.hypot(inflation * sigma, floor))


class AbstractNormalNoise(AbstractNoise):
    """Base class of Gaussian noise: minus the log likelihood is half a sum of squares, plus a constant."""

    @abstractmethod
    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        """Return residuals as independent numbers of unit variance.

        Arguments:
            residual: data - model.
            sigma: the image's error map.

        Returns:
            The numbers, one for each pixel.
        """


class GaussianNoise(AbstractNormalNoise):
    """Independent Gaussian noise with the image's `sigma`: the log likelihood is -chi^2 / 2, plus a constant.

    Example:
        >>> sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))}, noise=sl.GaussianNoise()).noise
        GaussianNoise()
    """

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return dist.Normal(mean, sigma)

    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        return residual / sigma


class CorrelatedNoise(AbstractNormalNoise):
    """Gaussian noise with the image's `sigma` that is correlated between neighbouring pixels, as in drizzled data.

    `CorrelatedNoise.of_kernel(kernel)` is white noise convolved with a kernel, and
    `CorrelatedNoise.measured(residual, mask=...)` estimates the correlation. If a wave number has less than 2 % of the
    power of white noise, correlations are reduced until it has that.

    The log likelihood of a pixel is conditional on the pixels before it, in the order of the rows, within a window
    (`noise.whitening`). The sum agrees with the dense multivariate normal distribution of the unmasked pixels to a
    fraction of a unit; masked pixels are integrated out.

    Arguments:
        correlation: the correlation of two pixels that are (dy, dx) apart, in units of sigma: an array with odd sides
            and 1 at its middle, the same at opposite offsets.

    Raises:
        ValueError: the correlation is not such an array.
        TypeError: it is not an array of real numbers.

    Example:
        >>> noise = sl.CorrelatedNoise([[0.0, 0.2, 0.0], [0.2, 1.0, 0.2], [0.0, 0.2, 0.0]])
        >>> noise.correlation[1]
        (0.2, 1.0, 0.2)
    """

    correlation: whitening.Correlation = eqx.field(converter=whitening.as_correlation, static=True)

    @classmethod
    def of_kernel(cls, kernel: Any) -> "CorrelatedNoise":
        """Return the noise that white noise becomes by convolution with `kernel`, a drizzle drop or a smoothing.

        Arguments:
            kernel: an array of any shape (y, x) and normalisation.

        Returns:
            The noise.

        Raises:
            ValueError: the kernel is not finite, or zero everywhere.

        Example:
            >>> noise = sl.CorrelatedNoise.of_kernel(np.ones((1, 2)))
            >>> [round(rho, 3) for rho in noise.correlation[0]]
            [0.5, 1.0, 0.5]
        """
        return cls(whitening.correlation_of(kernel))

    @classmethod
    def measured(cls, residual: Any, *, mask: Any = None, reach: int = 3) -> "CorrelatedNoise":
        """Return the noise with the correlation of residuals, best measured on sky far from any source.

        Arguments:
            residual: (data - model) / sigma, an array of shape (y, x).
            mask: True where a pixel is not used, of the same shape.
            reach: largest distance that is measured, in pixels to each side.

        Returns:
            The noise.

        Raises:
            ValueError: too few pixels are used for this `reach`.

        Example:
            >>> white = np.random.default_rng(1).normal(size=(100, 100))
            >>> noise = sl.CorrelatedNoise.measured((white[:, 1:] + white[:, :-1]) / np.sqrt(2), reach=1)
            >>> round(noise.correlation[1][0], 1)
            0.5
        """
        array = plane_of("residual", residual).astype(float)
        valid = np.isfinite(array) & ~(np.zeros(array.shape, bool) if mask is None else mask_of(mask, array.shape))
        if isinstance(reach, bool) or not isinstance(reach, int) or reach < 1:
            raise InputError(f"reach must be a number of pixels, 1 or more, got {reach!r}")
        if valid.sum() < MEASURED_PIXELS * (2 * reach + 1) ** 2:
            raise InputError(f"residual has {valid.sum()} pixels that are used: too few for correlations up to {reach}")
        return cls(whitening.measured(array, valid, reach))

    def among(self, valid: Bool[np.ndarray, "y x"]) -> "AbstractNoise":
        if isinstance(valid, jax.core.Tracer):
            raise InputTypeError("the mask of an image with CorrelatedNoise can't be an argument of a jitted function")
        weights, rest = whitening.predictors(whitening.tamed(self.correlation), np.asarray(valid))
        return _Prepared(self.correlation, weights, rest)

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return self.among(np.ones(np.shape(mean), bool)).distribution(mean, sigma)

    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        noise: Any = self.among(np.ones(np.shape(residual), bool))
        return noise.whitened(residual, sigma)


class _Prepared(AbstractNormalNoise):
    """Correlated noise of an image with a mask: the weights that predict each pixel from those before it."""

    correlation: whitening.Correlation = eqx.field(static=True)
    weights: Float[Array | np.ndarray, "m y x"]
    rest: Float[Array | np.ndarray, "y x"]

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return distributions.Correlated(mean, sigma, self)

    def whitened(self, residual: Pixels, sigma: Pixels) -> Pixels:
        window = whitening.window_of(whitening.tamed(self.correlation))
        return whitening.whiten(residual / sigma, self.weights, self.rest, window)


class StudentTNoise(AbstractNoise):
    """Student-t noise, which allows for outliers.

    The image's `sigma` is its standard deviation, so its scale is smaller: sigma sqrt((nu - 2) / nu). The tails fall as
    |residual|^-(nu + 1); for large nu it is Gaussian.

    Example:
        >>> sl.StudentTNoise(nu=sl.Uniform(2.5, 20.0)).nu
        Uniform(low=2.5, high=20.0)
    """

    nu: Parameter = parameter(low=2.0, open_low=True, default=5.0, doc="degrees of freedom")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return distributions.StudentT(self.nu, mean, sigma * jnp.sqrt((self.nu - 2) / self.nu))


class MixtureNoise(AbstractNoise):
    """Gaussian noise with the image's `sigma`, and a `fraction` of outliers that scatter `factor` times as much.

    p = (1 - fraction) N(mean, sigma) + fraction N(mean, factor sigma) (Hogg, Bovy & Lang 2010, arXiv:1008.4686).

    Example:
        >>> sl.MixtureNoise(factor=20.0).fraction
        Uniform(low=0.0, high=0.5, init=0.02)
    """

    fraction: Parameter = parameter(
        low=0.0,
        high=1.0,
        default=Uniform(0.0, 0.5, init=0.02),  # pyright: ignore[reportCallIssue]
        doc="fraction of the pixels that are outliers",
    )
    factor: Parameter = parameter(low=1.0, default=10.0, doc="width of the outliers, in sigma")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return distributions.NormalMixture(mean, sigma, self.fraction, self.factor)


class HuberNoise(AbstractNoise):
    """Pseudo-Huber noise: Gaussian within `delta` sigma, with exponential tails beyond.

    -ln p = delta^2 (sqrt(1 + r^2 / delta^2) - 1) + constant, with r = (data - mean) / sigma: the hyperbolic
    distribution, whose normalisation is sigma 2 delta exp(delta^2) K_1(delta^2).

    Example:
        >>> sl.HuberNoise(delta=1.5).delta
        1.5
    """

    delta: Parameter = parameter(low=0.0, open_low=True, default=2.0, doc="residual at which the tails begin, in sigma")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return distributions.PseudoHuber(mean, sigma, self.delta)


class PoissonNoise(AbstractNoise):
    """Poisson noise of counts (Cash 1979, ApJ 228, 939); the image's `sigma` is not used.

    gain (data + sky) has a Poisson distribution with the mean gain (model + sky), where `sky` is the sky that was
    subtracted from the data. Data below zero counts are taken as zero. A model below zero counts is impossible: there
    the likelihood falls steeply but remains finite, so that a search can return from there.

    Example:
        >>> sl.PoissonNoise(gain=2.5, sky=120.0).gain
        2.5
    """

    gain: Parameter = parameter(low=0.0, open_low=True, default=1.0, unit="counts / image", doc="counts per image unit")
    sky: Parameter = parameter(default=0.0, unit="image", doc="the sky that was subtracted")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return distributions.Counts(mean, self.gain, self.sky)

    def inflated(self, mean: Pixels, sigma: Pixels, inflation: Scalar, floor: Scalar) -> dist.Distribution:
        gain: Any = self.gain / inflation**2
        return distributions.Counts(mean, gain, self.sky + gain * floor * floor)


class InflatedNoise(AbstractNoise):
    """Another noise with an unreliable error map: sigma' = sqrt((inflation sigma)^2 + floor^2).

    For Poisson noise sigma is sqrt((model + sky) / gain). The gain is then divided by inflation^2, and (gain floor)^2
    counts are added to the data and to the mean, as is done for read noise (Snyder et al. 1995, J. Opt. Soc. Am. A
    12, 272).

    Arguments:
        base: the noise whose error map is inflated, of independent pixels.

    Raises:
        TypeError: `base` is not a noise of independent pixels, or is inflated already.

    Example:
        >>> noise = sl.InflatedNoise(sl.GaussianNoise(), inflation=sl.LogNormal(0.0, 0.3))
        >>> noise.floor
        0.0
    """

    base: AbstractNoise = nested("the noise whose error map is inflated")
    inflation: Parameter = parameter(low=0.0, open_low=True, default=LogNormal(0.0, 0.5), doc="factor on sigma")
    floor: Parameter = parameter(low=0.0, default=0.0, unit="image", doc="noise that sigma lacks")

    def __check_init__(self) -> None:
        if not isinstance(self.base, AbstractNoise):
            raise InputTypeError(f"InflatedNoise.base must be a noise model such as GaussianNoise(), got {self.base!r}")
        if isinstance(self.base, InflatedNoise | CorrelatedNoise):
            raise InputTypeError(f"InflatedNoise.base must be of independent pixels, not inflated, got {self.base!r}")

    def distribution(self, mean: Pixels, sigma: Pixels) -> dist.Distribution:
        return self.base.inflated(mean, sigma, self.inflation, self.floor)


NOISES: tuple[type[AbstractNoise], ...] = (
    GaussianNoise,
    StudentTNoise,
    MixtureNoise,
    HuberNoise,
    PoissonNoise,
    InflatedNoise,
    CorrelatedNoise,
)
