"""Rendering Gaussian mixtures: narrow ones in Fourier space, wide ones in real space."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float
from scipy.fft import next_fast_len

from sersiclab.image import Image
from sersiclab.profiles import AbstractMixture, AbstractProfile, AbstractSky
from sersiclab.profiles.decomposition import SPACING
from sersiclab.psf import transfer_function
from sersiclab.rendering.base import AbstractCanvas, AbstractRenderer


class HybridCanvas(AbstractCanvas):
    """What `HybridRenderer` derives from an image.

    The padded grid has frequencies `ky`, `kx >= 0` (radians per pixel) and pixels `y`, `x`, which
    continue to negative coordinates at the end. Where the PSF is oversampled the spectrum extends
    beyond the grid's band; it consists of several tiles, whose frequencies are those of the band
    shifted by `shift`, and `transfer` holds one plane for each; the first is the band itself.
    """

    shape: tuple[int, int] = eqx.field(static=True)
    transfer: Complex[Array, "tile ky kx"]
    shift: Float[Array, "tile 2"]
    ky: Float[Array, " ky"]
    kx: Float[Array, " kx"]
    y: Float[Array, " y"]
    x: Float[Array, " x"]


class Mixture(eqx.Module):
    """Sources as mixtures of concentric Gaussians, stacked."""

    xc: Float[Array, " s"]
    yc: Float[Array, " s"]
    flux: Float[Array, " s"]
    ellip: Float[Array, " s"]
    theta: Float[Array, " s"]
    point: Float[Array, " s"]
    core: Float[Array, "s j"]
    wing: Float[Array, "s l"]


class HybridRenderer(AbstractRenderer):
    """Draws narrow Gaussians in Fourier space and wide ones in real space, without wrap-around.

    Widths are fixed in pixels: those up to `split` are drawn in Fourier space, where they are exact
    however narrow, the others on the padded pixel grid, where they are exact however wide. `padding` is
    the least number of pixels by which the grid exceeds the image; it must hold twice the reach of
    what is drawn in Fourier space.
    """

    split: float = eqx.field(default=7.0, static=True, kw_only=True)
    padding: int = eqx.field(default=64, static=True, kw_only=True)
    narrowest: float = eqx.field(default=0.1, static=True, kw_only=True)

    def prepare(self, image: Image) -> HybridCanvas:
        shape = (int(image.data.shape[0]), int(image.data.shape[1]))
        side = (0, 0) if image.psf is None else image.psf.shape
        oversampling = image.psf_oversampling
        pad = [max(self.padding, math.ceil(s / oversampling)) for s in side]
        ny, nx = (2 * next_fast_len(math.ceil((n + p) / 2)) for n, p in zip(shape, pad, strict=True))
        ky = 2 * np.pi * np.fft.fftfreq(ny)
        kx = 2 * np.pi * np.fft.rfftfreq(nx)
        reach = 1 if image.psf is None else oversampling // 2
        shifts, planes = [], []
        for m in sorted(range(-reach, reach + 1), key=abs):
            for l in sorted(range(-reach, reach + 1), key=abs):
                shift = (2 * np.pi * m, 2 * np.pi * l)
                plane = transfer_function(
                    image.psf,
                    ky + shift[0],
                    kx + shift[1],
                    oversampling=oversampling,
                    includes_pixel=image.psf_includes_pixel,
                )
                if not planes or np.abs(plane).max() > 1e-7:
                    shifts.append(shift)
                    planes.append(plane)
        y, x = np.arange(ny), np.arange(nx)
        return HybridCanvas(
            shape=shape,
            transfer=jnp.asarray(np.array(planes), dtype=complex),
            shift=jnp.asarray(np.array(shifts), dtype=float),
            ky=jnp.asarray(ky, dtype=float),
            kx=jnp.asarray(kx, dtype=float),
            y=jnp.asarray(np.where(y < (shape[0] + ny) // 2, y, y - ny), dtype=float),
            x=jnp.asarray(np.where(x < (shape[1] + nx) // 2, x, x - nx), dtype=float),
        )

    def render(self, components: Mapping[str, AbstractProfile], canvas: HybridCanvas) -> Float[Array, "y x"]:
        mixtures, skies = self._sort(components, canvas)
        image = jnp.zeros(canvas.shape, canvas.x.dtype)
        if mixtures:
            _, stacked = self._stack(mixtures, canvas)
            image = _to_image(self._spectrum(stacked, canvas), canvas)
        return image + sum((_brightness(sky, canvas) for sky in skies.values()), start=jnp.zeros_like(image))

    def render_components(
        self, components: Mapping[str, AbstractProfile], canvas: HybridCanvas
    ) -> dict[str, Float[Array, "y x"]]:
        mixtures, skies = self._sort(components, canvas)
        parts = {name: _brightness(sky, canvas) for name, sky in skies.items()}
        if mixtures:
            names, stacked = self._stack(mixtures, canvas)

            def one(mixture: Mixture) -> Float[Array, "y x"]:
                single = jax.tree.map(lambda leaf: leaf[None], mixture)
                return _to_image(self._spectrum(single, canvas), canvas)

            images = lax.map(one, stacked)
            parts.update({name: images[i] for i, name in enumerate(names)})
        return {name: parts[name] for name in components}

    def _sort(
        self, components: Mapping[str, AbstractProfile], canvas: HybridCanvas
    ) -> tuple[dict[str, AbstractMixture], dict[str, AbstractSky]]:
        mixtures = {k: c for k, c in components.items() if isinstance(c, AbstractMixture)}
        skies = {k: c for k, c in components.items() if isinstance(c, AbstractSky)}
        for name, component in components.items():
            if name not in mixtures and name not in skies:
                raise TypeError(f"HybridRenderer can't draw {name}, a {type(component).__name__}")
        return mixtures, skies

    def _widths(self, canvas: HybridCanvas) -> tuple[np.ndarray, np.ndarray]:
        first = math.log(self.narrowest)
        n_core = math.ceil((math.log(self.split) - first) / SPACING - 1e-9)
        widest = 8 * max(canvas.x.size, canvas.y.size)
        n_all = math.ceil((math.log(widest) - first) / SPACING)
        widths = first + SPACING * np.arange(n_all)
        return widths[:n_core], widths[n_core:]

    def _stack(
        self, mixtures: Mapping[str, AbstractMixture], canvas: HybridCanvas
    ) -> tuple[list[str], Mixture]:
        dtype = canvas.x.dtype
        core, wing = self._widths(canvas)
        log_width = jnp.asarray(np.concatenate([core, wing]), dtype)

        def describe(profile: AbstractMixture) -> Mixture:
            ellip, theta = profile.shape()
            fractions, point = profile.weights(log_width)
            values = (profile.xc, profile.yc, profile.flux, ellip, theta, point)
            return Mixture(
                *(jnp.asarray(v, dtype) for v in values), fractions[: core.size], fractions[core.size :]
            )

        kinds: dict[Any, list[str]] = {}
        for name, profile in mixtures.items():
            kinds.setdefault(type(profile), []).append(name)
        names, groups = [], []
        for group in kinds.values():
            names.extend(group)
            arrays = [jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), mixtures[name]) for name in group]
            groups.append(jax.vmap(describe)(jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays)))
        return names, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *groups)

    def _spectrum(self, mixture: Mixture, canvas: HybridCanvas) -> Complex[Array, "ky kx"]:
        core, wing = (jnp.asarray(w, canvas.x.dtype) for w in self._widths(canvas))

        def add(total: Any, one: Mixture) -> tuple[Any, None]:
            tiles = jax.vmap(lambda shift: _core(one, core, canvas.ky + shift[0], canvas.kx + shift[1], canvas))
            spectrum = jnp.sum(canvas.transfer * tiles(canvas.shift), axis=0)
            return (total[0] + spectrum, total[1] + _wing(one, wing, canvas)), None

        start = (
            jnp.zeros(canvas.transfer.shape[1:], canvas.transfer.dtype),
            jnp.zeros((canvas.y.size, canvas.x.size), canvas.x.dtype),
        )
        (spectrum, plane), _ = lax.scan(add, start, mixture)
        return spectrum + canvas.transfer[0] * jnp.fft.rfft2(plane)


def _outer(operation: Any, y: Array, x: Array) -> Array:
    return operation(y[:, None], x[None, :])


def _quadratic(x: Array, y: Array, a: Array, b: Array, c: Array) -> Array:
    """a x² + 2 b x y + c y² on the grid of y and x."""
    return (a * x**2)[None, :] + (2 * b * y)[:, None] * x[None, :] + (c * y**2)[:, None]


def _core(one: Mixture, log_width: Array, ky: Array, kx: Array, canvas: HybridCanvas) -> Array:
    s, c, q = jnp.sin(one.theta), jnp.cos(one.theta), 1.0 - one.ellip
    # Along the major axis k_along = -kx s + ky c, across it k_across = kx c + ky s.
    kappa = _quadratic(kx, ky, s**2 + (q * c) ** 2, (q**2 - 1.0) * s * c, c**2 + (q * s) ** 2)
    sigma2 = jnp.exp(2 * log_width)
    values = jnp.einsum("j,jab->ab", one.core, jnp.exp(-0.5 * sigma2[:, None, None] * kappa))
    xc, fade_x = _held(one.xc, canvas.shape[1], canvas.x.size)
    yc, fade_y = _held(one.yc, canvas.shape[0], canvas.y.size)
    phase = jnp.exp(-1j * ky * yc)[:, None] * jnp.exp(-1j * kx * xc)[None, :]
    return one.flux * fade_x * fade_y * (one.point + values) * phase


def _held(centre: Array, size: int, padded: int) -> tuple[Array, Array]:
    """A centre, held where it is too far outside the image to matter, and a factor that fades it there."""
    far = (padded - size) / 2
    held = jnp.clip(centre, -far, size - 1 + far)
    t = jnp.clip(1.0 - jnp.abs(centre - held) / 4, 0.0, 1.0)
    return held, t * t * (3.0 - 2.0 * t)


def _wing(one: Mixture, log_width: Array, canvas: HybridCanvas) -> Array:
    s, c, q = jnp.sin(one.theta), jnp.cos(one.theta), 1.0 - one.ellip
    p = 1.0 / q
    m2 = _quadratic(
        canvas.x - one.xc, canvas.y - one.yc, s**2 + (p * c) ** 2, (p**2 - 1.0) * s * c, c**2 + (p * s) ** 2
    )
    precision = jnp.exp(-2 * log_width)
    brightness = one.flux * one.wing * precision / (2 * jnp.pi * q)
    return jnp.einsum("j,jab->ab", brightness, jnp.exp(-0.5 * precision[:, None, None] * m2))


def _to_image(spectrum: Complex[Array, "ky kx"], canvas: HybridCanvas) -> Float[Array, "y x"]:
    image = jnp.fft.irfft2(spectrum, s=(canvas.y.size, canvas.x.size))
    return image[: canvas.shape[0], : canvas.shape[1]]


def _brightness(sky: AbstractSky, canvas: HybridCanvas) -> Float[Array, "y x"]:
    y = canvas.y[: canvas.shape[0]] - (canvas.shape[0] - 1) / 2
    x = canvas.x[: canvas.shape[1]] - (canvas.shape[1] - 1) / 2
    return sky.brightness(*jnp.meshgrid(x, y))
