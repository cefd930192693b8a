"""Time of rendering: `python tests/benchmarks/bench_rendering.py [--sizes 64 128] [--sources 1 5]`.

Each time is also given as a multiple of one inverse FFT of the padded size, measured beside it.
"""

import argparse
import importlib.util
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from timing import Timing, measure

from sersiclab.image import Image
from sersiclab.profiles import Sersic
from sersiclab.rendering import HybridRenderer
from sersiclab.rendering.canvas import Canvas


HEADER = (
    f"{'renderer':18s} {'dtype':8s} {'side':>5s} {'sources':>7s} {'irfft2':>9s}"
    f" {'render':>17s} {'value and grad':>17s} {'Jacobian':>17s}   compile (s)"
)


def a_psf(side: int = 41, fwhm: float = 4.0) -> np.ndarray:
    x = np.arange(side) - (side - 1) / 2
    psf = np.exp(-(x[:, None] ** 2 + x**2) * 4 * np.log(2) / fwhm**2)
    return psf / psf.sum()


def some_sources(count: int, side: int) -> jax.Array:
    """Parameters xc, yc, flux, r_eff, n, ellip, theta of each source."""
    rng = np.random.default_rng(count)
    low = np.array([0.2 * side, 0.2 * side, 50.0, 2.0, 0.8, 0.1, 0.0])
    high = np.array([0.8 * side, 0.8 * side, 150.0, 8.0, 5.0, 0.7, 3.0])
    return jnp.asarray(rng.uniform(low, high, (count, 7)), dtype=float)


def inverse_fft(padded: tuple[int, int], dtype: Any) -> Timing:
    spectrum = jnp.ones((padded[0], padded[1] // 2 + 1), dtype)
    return measure(lambda s: jnp.fft.irfft2(s, s=padded), spectrum)


def row(name: str, side: int, count: int, unit: Timing, timings: list[Timing | None]) -> str:
    times = ["-".rjust(17) if t is None else f"{1e3 * t.run:8.2f}ms {t.run / unit.run:5.1f}x" for t in timings]
    compiles = ", ".join("-" if t is None else f"{t.compile:.1f}" for t in timings)
    dtype = jnp.zeros(()).dtype.name
    return f"{name:18s} {dtype:8s} {side:5d} {count:7d} {1e3 * unit.run:7.2f}ms {' '.join(times)}   {compiles}"


def ours(side: int, count: int) -> str:
    renderer = HybridRenderer()
    canvas = renderer.prepare(Image(np.zeros((side, side)), sigma=1.0, psf=a_psf()))
    data = jnp.zeros((side, side))

    def render(theta: jax.Array, canvas: Canvas) -> jax.Array:
        return renderer.render({f"s{i}": Sersic(*theta[i]) for i in range(count)}, canvas)

    def chi2(theta: jax.Array, canvas: Canvas) -> jax.Array:
        return jnp.sum((render(theta, canvas) - data) ** 2)

    theta = some_sources(count, side)
    unit = inverse_fft(canvas.padded, canvas.transfer.dtype)
    timings = [measure(render, theta, canvas), measure(jax.value_and_grad(chi2), theta, canvas)]
    jacobian = measure(jax.jacfwd(render), theta, canvas) if count == 1 else None
    return row("HybridRenderer", side, count, unit, [*timings, jacobian])


def theirs(name: str, side: int, count: int) -> str:
    rendering = importlib.import_module("pysersic.rendering")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        renderer = getattr(rendering, name)((side, side), jnp.asarray(a_psf(), dtype=jnp.float32))

    def render(theta: jax.Array) -> jax.Array:
        names = ("xc", "yc", "flux", "r_eff", "n", "ellip", "theta")
        images = [renderer.render_source(dict(zip(names, source, strict=True)), "sersic") for source in theta]
        return sum(images[1:], images[0])

    theta = some_sources(count, side)
    unit = inverse_fft((side, side), jnp.complex64)
    timings = [measure(render, theta), measure(jax.value_and_grad(lambda t: jnp.sum(render(t) ** 2)), theta)]
    return row(f"pysersic {name[:8]}", side, count, unit, [*timings, measure(jax.jacfwd(render), theta)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--sources", type=int, nargs="+", default=[1, 5, 50])
    options = parser.parse_args()
    print(HEADER)
    for double in (False, True):
        jax.config.update("jax_enable_x64", double)
        for side in options.sizes:
            for count in options.sources:
                print(ours(side, count), flush=True)
    jax.config.update("jax_enable_x64", False)
    if importlib.util.find_spec("pysersic") is None:
        print("pysersic is not installed: its renderers are left out")
        return
    for name in ("PixelRenderer", "FourierRenderer", "HybridRenderer"):
        for side in options.sizes:
            print(theirs(name, side, 1), flush=True)


if __name__ == "__main__":
    main()
