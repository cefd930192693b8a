"""The centre and the width of a PSF, and signs that something is wrong with it."""

import dataclasses
import functools
import math
import warnings
from typing import Any, Literal, get_args

import jax.core
import numpy as np
from jaxtyping import Float

from sersiclab.data.planes import plane_of
from sersiclab.data.psf import transfer_function
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.runtime.memory import check_memory


Centre = Literal["array", "peak", "centroid"]
CENTRES: tuple[Centre, ...] = get_args(Centre)

# A Gaussian of a FWHM of two samples has this much of its transfer function at the highest frequency that samples
# carry, half of it aliased. Pixels of galaxies are then wrong by up to 6e-4 of the peak, and by much more for sharper
# PSFs: 1.4 % at a FWHM of 1.3 samples, 4 % at 1.0.
FEWEST_SAMPLES, ALIASED = 2.0, 0.06
# Pixels, in addition to the distance between the peak and the centroid, since the centre of an asymmetric PSF is a
# matter of definition. The centroids of real PSFs (HSC, KiDS, Legacy Surveys, HST) lie up to 0.13 off centre, and then
# 0.07 from the peak.
OFF_CENTRE = 0.1
# Finely sampled PSFs may be off by less, and by multiples of half a sample, the mark of a peak at N/2 or at N/2 + 1.
HALF_SAMPLES, LEAST_OFF_CENTRE = 0.1, 0.02
PIXEL_MOMENT = 1 / 12  # pixels²: the second moment of a pixel's response along an axis
BYTES_A_PIXEL = 8  # of half a complex spectrum, in double precision
LEAKING = 0.1  # of the PSF's transfer function at one cycle per pixel, where a pixel's response is zero
ROUGH = 0.03  # share of the core's squares that a smooth profile may leave (0.01 of an Airy disk) in a PSF
NARROW = 1.2  # FWHM in pixels; the moments of wider PSFs depend on their wings
WRAPPED = "the psf is not centred in its array: its light lies in the corners; bring it together with np.fft.fftshift"


@dataclasses.dataclass(frozen=True)
class Smooth:
    """The elliptical Moffat profile fitted to a PSF's core, in samples: `(1 + d' shape d)^-beta` about `centre`."""

    centre: tuple[float, float]  # y, x
    shape: Float[np.ndarray, "2 2"]
    beta: float
    misfit: float  # the residual share of the core's sum of squares

    @property
    def fwhm(self) -> float:
        """Full width at half maximum along the narrowest direction, in samples."""
        return self._width(float(np.linalg.eigvalsh(self.shape)[-1]))

    @property
    def widest(self) -> float:
        """Full width at half maximum along the widest direction, in samples."""
        return self._width(float(np.linalg.eigvalsh(self.shape)[0]))

    def _width(self, steepness: float) -> float:
        return 2.0 * math.sqrt((2.0 ** (1.0 / self.beta) - 1.0) / steepness)

    def at(self, y: Any, x: Any) -> Any:
        """Return the profile's height at offsets from its centre, in samples; 1 at the centre."""
        (a, b), (_, c) = self.shape
        return (1.0 + a * y**2 + 2.0 * b * y * x + c * x**2) ** -self.beta


def smooth_psf(psf: Float[np.ndarray, "v u"]) -> Smooth:
    """Fit a Moffat profile to the samples of a PSF's core; exact for Moffat PSFs, close for Gaussian ones."""
    margin = 3  # so that a PSF of one sample has neighbours, which are zero
    padded = np.pad(np.asarray(psf, float), margin)
    padded /= padded.max()
    peak = np.unravel_index(np.argmax(padded), padded.shape)
    bright = int(np.sum(padded > 0.5))
    half = max(2, math.ceil(1.5 * math.sqrt(bright / math.pi)))
    box = tuple(slice(max(middle - half, 0), middle + half + 1) for middle in map(int, peak))
    core = padded[box]
    within = tuple(int(p) - s.start for p, s in zip(peak, box, strict=True))
    smooth = _fitted(core.tobytes(), core.shape, within, bright)
    centre = [float(middle) - margin + offset for middle, offset in zip(peak, smooth.centre, strict=True)]
    return dataclasses.replace(smooth, centre=(centre[0], centre[1]))


@functools.lru_cache(maxsize=64)
def _fitted(samples: bytes, shape: tuple[int, int], peak: tuple[int, ...], bright: int) -> Smooth:
    """Fit the profile to samples about the brightest, at `peak`; `bright` of them exceed half its height.

    Images of a catalogue share a PSF, whose fit takes longer than a galaxy's. The centre is relative to the peak.
    """
    from scipy.optimize import least_squares

    core = np.frombuffer(samples).reshape(shape)
    y, x = np.indices(shape) - np.array(peak)[:, None, None]

    def profile(p: Float[np.ndarray, " 6"]) -> tuple[Smooth, Any]:
        lower = np.array([[math.exp(p[2]), 0.0], [p[3], math.exp(p[4])]])
        smooth = Smooth((p[0], p[1]), lower @ lower.T, math.exp(p[5]), 0.0)
        return smooth, smooth.at(y - p[0], x - p[1])

    def misfit(p: Float[np.ndarray, " 6"]) -> Any:
        _, model = profile(p)
        return (core - model * np.sum(core * model) / np.sum(model**2)).ravel()

    beta = 3.0
    start = 0.5 * math.log((2.0 ** (1 / beta) - 1.0) * np.pi / bright)
    bounds = np.array([[-1.5, 1.5], [-1.5, 1.5], [-7, 3], [-3, 3], [-7, 3], [math.log(1.2), math.log(1000.0)]])
    found = least_squares(misfit, [0, 0, start, 0, start, math.log(beta)], bounds=tuple(bounds.T), x_scale=0.1)
    smooth, _ = profile(found.x)
    return dataclasses.replace(smooth, misfit=float(np.sum(found.fun**2) / np.sum(core**2)))


def origin_of(psf: Float[np.ndarray, "v u"], centre: Centre) -> tuple[float, float]:
    """Return the PSF's centre in its array, (v, u) in samples from 0; see `Image`."""
    middle = ((psf.shape[0] - 1) / 2, (psf.shape[1] - 1) / 2)
    if centre != "array" and isinstance(psf, jax.core.Tracer):
        raise InputTypeError(
            f'psf_centre must be "array" where the psf is an argument of a jitted function, got {centre!r}'
        )
    return middle if centre == "array" else _peak(psf) if centre == "peak" else _centroid(psf)


def _peak(psf: Float[np.ndarray, "v u"]) -> tuple[float, float]:
    """Return the maximum of the band-limited function through the samples, near the brightest one."""
    at = np.array(np.unravel_index(np.argmax(psf), psf.shape), float)
    v, u = (np.arange(side) for side in psf.shape)
    steps = np.linspace(-1.0, 1.0, 9)
    for step in 0.3 ** np.arange(16):
        rows, columns = at[0] + step * steps, at[1] + step * steps
        light = np.sinc(rows[:, None] - v) @ psf @ np.sinc(columns[:, None] - u).T
        # Along a plateau, the middle.
        best = np.argwhere(light >= light.max() - 1e-12 * abs(light.max())).mean(axis=0)
        at = np.array([np.interp(best[0], range(9), rows), np.interp(best[1], range(9), columns)])
    return float(at[0]), float(at[1])


def _centroid(psf: Float[np.ndarray, "v u"]) -> tuple[float, float]:
    """Return the centroid in a round Gaussian window of the PSF's width that is centred on the centroid.

    Without a window, the centroid would be dominated by noise in the wings. Bertin & Arnouts 1996 (XWIN_IMAGE).
    """
    smooth = smooth_psf(psf)
    sigma2 = max(smooth.fwhm / 2.3548, 0.7) ** 2
    v, u = np.indices(psf.shape)
    at = np.array(smooth.centre)
    for _ in range(100):
        weighted = psf * np.exp(-((v - at[0]) ** 2 + (u - at[1]) ** 2) / (2 * sigma2))
        step = 2.0 * np.array([np.sum(weighted * (v - at[0])), np.sum(weighted * (u - at[1]))]) / np.sum(weighted)
        at += step
        if np.abs(step).max() < 1e-9:
            break
    return float(at[0]), float(at[1])


def normalised_psf(psf: Any) -> Float[np.ndarray, "v u"]:
    """Return the PSF's samples with sum 1; masked samples count as zero."""
    array = plane_of("psf", psf)
    masked = np.ma.getmaskarray(psf) if np.ma.isMaskedArray(psf) else np.zeros(array.shape, bool)
    if masked.any():
        warnings.warn(f"psf has {masked.sum()} masked samples: they count as zero", stacklevel=5)
        array[masked] = 0.0
    if not np.isfinite(array).all():
        raise InputError(f"psf must be finite, got {(~np.isfinite(array)).sum()} bad pixels")
    total = float(array.sum(dtype=np.float64))
    if not total > 0:
        raise InputError(f"psf must have a positive sum, got {total:g}")
    if abs(total - 1) > 0.01:
        warnings.warn(f"psf sums to {total:g}; it is normalised to 1", stacklevel=5)
    return array / array.dtype.type(total)


def centre_name(value: Any) -> Centre:
    """Return the checked name of a definition of the PSF's centre."""
    if not isinstance(value, str) or value not in CENTRES:
        raise InputError(f"psf_centre must be one of {', '.join(map(repr, CENTRES))}, got {value!r}")
    return value


def judge_psf(
    psf: Float[np.ndarray, "v u"], *, pixels: int, oversampling: int, includes_pixel: bool, centre: Centre
) -> None:
    """Warn if a PSF shifts the galaxy, cannot include the pixel's response, or is sampled too coarsely.

    Raises `InputError` if it is so fine that the spectrum of an image of this number of `pixels` exceeds the memory.
    """
    smooth = smooth_psf(psf)
    # A spectrum ends at about 1.5 cycles per FWHM, or where the samples' own does; an image's is one cycle wide.
    fine = float(min(oversampling, 10**100))
    tiles = min(fine, 3.0 * fine / smooth.fwhm + 1.0) ** 2
    remedy = "give the PSF with fewer samples per pixel"
    check_memory(f"psf_oversampling={oversampling} of a psf this sharp", BYTES_A_PIXEL * pixels * tiles, remedy)
    if _has_one_peak(psf, smooth):
        narrow = without_pixel(psf, smooth, oversampling) if includes_pixel else None
        problems = [off_centre(psf, oversampling, centre), narrow or too_coarse(psf, smooth, oversampling)]
    else:
        swapped = np.fft.fftshift(psf)
        problems = [WRAPPED if _has_one_peak(swapped, smooth_psf(swapped)) else None]
    for problem in problems:
        if problem is not None:
            warnings.warn(problem, stacklevel=5)


def off_centre(psf: Float[np.ndarray, "v u"], oversampling: int, centre: Centre) -> str | None:
    """Return a warning if both the PSF's peak and its centroid lie off its array's centre; else None."""
    if centre != "array":
        return None
    middle = np.array(origin_of(psf, "array"))
    offsets = [np.array(origin_of(psf, way)) - middle for way in ("peak", "centroid")]
    offset = min(offsets, key=lambda found: float(np.hypot(*found)))
    pixels = offset / oversampling
    distance, largest = float(np.hypot(*pixels)), float(np.abs(offset).max())
    shifted = largest > 0.5 - HALF_SAMPLES and float(np.abs(offset - np.round(2 * offset) / 2).max()) < HALF_SAMPLES
    lopsided = float(np.hypot(*(offsets[0] - offsets[1]))) / oversampling
    if distance < OFF_CENTRE + lopsided and not (shifted and distance > LEAST_OFF_CENTRE):
        return None
    return (
        f"the psf is not centred in its array: it lies {pixels[1]:+.3g} pixels off in x and {pixels[0]:+.3g} in y, and "
        'shifts every source by as much; give psf_centre="peak" or "centroid"'
    )


def _has_one_peak(psf: Float[np.ndarray, "v u"], smooth: Smooth) -> bool:
    """Return whether the samples above half the maximum lie together and follow a smooth profile."""
    v, u = np.nonzero(psf > 0.5 * psf.max())
    together = np.hypot(v - smooth.centre[0], u - smooth.centre[1]).max() < 2.0 * max(smooth.fwhm, 1.0)
    return bool(together and smooth.misfit < ROUGH)


def too_coarse(psf: Float[np.ndarray, "v u"], smooth: Smooth, oversampling: int) -> str | None:
    """Return a warning if the PSF is sharper than its samples can represent; else None."""
    identity = np.count_nonzero(psf) == 1  # which means no blurring
    if identity or smooth.fwhm >= FEWEST_SAMPLES or aliased(psf, smooth) < ALIASED:
        return None
    return (
        f"the psf has a FWHM of {smooth.fwhm / oversampling:.2g} pixels, {sampling(smooth, oversampling)}: samples so "
        f"coarse (fewer than {FEWEST_SAMPLES:g} per FWHM) can't represent it, and sources are rendered wrongly near "
        "their centres; give a more finely sampled PSF, with psf_oversampling="
    )


def aliased(psf: Float[np.ndarray, "v u"], smooth: Smooth) -> float:
    """Return the PSF's transfer function at the highest frequency of its samples, with its alias, for any centre.

    The two cancel if the centre lies midway between two samples; their derivatives, which are those of a normal
    distribution, then add up.
    """
    largest = 0.0
    for axis in (0, 1):
        light = psf.sum(axis=1 - axis, dtype=float) / psf.sum(dtype=float)
        place = np.arange(light.size) - smooth.centre[axis]
        wave = np.exp(1j * np.pi * place)
        width = (smooth.fwhm / 2.3548) ** 2 * np.pi
        value, slope = np.sum(light * wave).real, np.sum(light * place * wave).imag / width
        largest = max(largest, math.hypot(value, slope))
    return largest


def sampling(smooth: Smooth, oversampling: int) -> str:
    """Return how finely the PSF is sampled, in words."""
    return "sampled once per pixel" if oversampling == 1 else f"or {smooth.fwhm:.2g} of its samples"


def without_pixel(psf: Float[np.ndarray, "v u"], smooth: Smooth, oversampling: int) -> str | None:
    """Return a warning if the PSF is too narrow to include a pixel's response; else None."""
    if oversampling == 1:
        v, u = np.indices(psf.shape)
        weights = np.asarray(psf, float) / np.sum(psf, dtype=float)
        spread = min(float(np.sum(weights * (axis - np.sum(weights * axis)) ** 2)) for axis in (v, u))
        narrow = smooth.fwhm < NARROW and spread < PIXEL_MOMENT
    else:
        k = np.array([0.0, 2 * np.pi])
        transfer = np.abs(transfer_function(psf, k, k, oversampling=oversampling))
        narrow = max(transfer[0, 1], transfer[1, 0]) > LEAKING
    if not narrow:
        return None
    once = ", or sampled too coarsely (give an oversampled one, with psf_oversampling=)" if oversampling == 1 else ""
    return (
        f"the psf, of a FWHM of {smooth.fwhm / oversampling:.2g} pixels, is narrower than a pixel's own response, "
        f"which psf_includes_pixel=True says it contains: is it optical (psf_includes_pixel=False){once}?"
    )
