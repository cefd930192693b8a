"""Time of rendering, in units of one inverse FFT of the padded image measured beside it.

Run `python tests/benchmarks/bench_rendering.py [--sizes 64 128] [--sources 1 5] [--dtypes float32]`, on a CPU or a
GPU; all of it takes a quarter of an hour. Where pysersic is installed (the extra `benchmark`) its renderers follow
ours at each size. "no PSF" is the same scene without a PSF, in units of the time with one. "grad" is the value and
gradient of the log posterior density; for pysersic, that of χ². Compile times are those of render, gradient and
Jacobian, tracing included.

Targets: render at 128² within 6 inverse FFTs and faster than pysersic's default renderer, without a PSF within twice
the time with one; gradient within 4 renders
at every size; its compilation within 3 s for one source on two quiet cores, within 1.5 times that for 50; its value in
a second process that has the persistent cache within 1 s of the call.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from timing import Timing, measure

import sersiclab as sl
from sersiclab.model.density import Density


HEADER = (
    f"{'renderer':17s} {'dtype':8s} {'side':>4s} {'sources':>7s} {'irfft2':>8s} {'render':>17s} {'grad':>17s}"
    f" {'grad/render':>11s} {'Jacobian':>17s}   compile (s)"
)
RANGES = {  # of the sources' parameters; of centres in sides of the image
    "xc": (0.2, 0.8),
    "yc": (0.2, 0.8),
    "flux": (50.0, 150.0),
    "r_eff": (2.0, 8.0),
    "n": (0.8, 5.0),
    "ellip": (0.1, 0.7),
    "theta": (0.0, 3.0),
}
THEIRS = {
    "PixelRenderer": "pysersic pixel",
    "FourierRenderer": "pysersic fourier",
    "HybridRenderer": "pysersic default",
}


def a_psf(side: int = 41, fwhm: float = 4.0) -> np.ndarray:
    x = np.arange(side) - (side - 1) / 2
    psf = np.exp(-(x[:, None] ** 2 + x**2) * 4 * np.log(2) / fwhm**2)
    return psf / psf.sum()


def a_galaxy(side: int, rng: np.random.Generator) -> sl.Sersic:
    at = {name: rng.uniform(*ends) * (side if name in ("xc", "yc") else 1) for name, ends in RANGES.items()}
    return sl.Sersic(
        xc=sl.Normal(at["xc"], 1.0),
        yc=sl.Normal(at["yc"], 1.0),
        flux=sl.LogUniform(1.0, 1e4, init=at["flux"]),
        r_eff=sl.LogUniform(0.5, 40.0, init=at["r_eff"]),
        n=sl.Uniform(0.5, 8.0, init=at["n"]),
        ellip=sl.Uniform(0.0, 0.9, init=at["ellip"]),
        theta=sl.Angle(init=at["theta"]),
    )


def a_density(side: int, count: int, psf: np.ndarray | None) -> tuple[Density, jax.Array]:
    """A posterior density of noise, and the point at which it is measured."""
    rng = np.random.default_rng(count)
    model = sl.Model({f"galaxy{i}": a_galaxy(side, rng) for i in range(count)})
    density = Density.of(model, sl.Image(rng.normal(size=(side, side)), sigma=1.0, psf=psf))
    return density, density.unconstrain(model.initial)


def value_and_gradient(density: Density, u: jax.Array) -> Any:
    return jax.value_and_grad(density.log_density)(u)


def inverse_fft(padded: tuple[int, int], dtype: Any) -> Timing:
    return measure(lambda s: jnp.fft.irfft2(s, s=padded), jnp.ones((padded[0], padded[1] // 2 + 1), dtype))


def row(name: str, side: int, count: int, unit: Timing, timings: list[Timing | None]) -> str:
    times = ["-".rjust(17) if t is None else f"{1e3 * t.run:8.2f}ms {t.run / unit.run:5.1f}x" for t in timings]
    compiles = ", ".join("-" if t is None else f"{t.compile:.1f}" for t in timings)
    render, grad, _ = timings
    times.insert(2, f"{grad.run / render.run:10.1f}x" if grad and render else "")
    dtype = jnp.zeros(()).dtype.name
    return f"{name:17s} {dtype:8s} {side:4d} {count:7d} {1e3 * unit.run:6.2f}ms {' '.join(times)}   {compiles}"


def render(density: Density, u: jax.Array) -> jax.Array:
    return density.mean(density.constrain(u))


def without_psf(side: int, count: int, render_time: float, gradient_time: float) -> str:
    """Times without a PSF, as ratios to those with one."""
    density, u = a_density(side, count, None)
    timings = [measure(render, density, u), measure(value_and_gradient, density, u)]
    times = (
        f"{name} {1e3 * timing.run:.2f}ms {timing.run / other:.1f}x"
        for name, timing, other in zip(("render", "grad"), timings, (render_time, gradient_time), strict=True)
    )
    compiles = ", ".join(f"{timing.compile:.1f}" for timing in timings)
    return f"{'no PSF':17s} {jnp.zeros(()).dtype.name:8s} {side:4d} {count:7d} {', '.join(times)}   {compiles}"


def ours(side: int, count: int) -> str:
    density, u = a_density(side, count, a_psf())
    unit = inverse_fft(density.canvas.padded, density.canvas.transfer.dtype)
    timings = [measure(render, density, u), measure(value_and_gradient, density, u)]
    jacobian = measure(lambda d, u: jax.jacfwd(lambda v: render(d, v))(u), density, u) if count == 1 else None
    unblurred = without_psf(side, count, timings[0].run, timings[1].run)
    return row("sersiclab", side, count, unit, [*timings, jacobian]) + "\n" + unblurred


def theirs(name: str, side: int) -> str:
    rendering = importlib.import_module("pysersic.rendering")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        renderer = getattr(rendering, name)((side, side), jnp.asarray(a_psf(), dtype=jnp.float32))
    rng = np.random.default_rng(1)
    at = [rng.uniform(*ends) * (side if name in ("xc", "yc") else 1) for name, ends in RANGES.items()]

    def render(theta: jax.Array) -> jax.Array:
        return renderer.render_source(dict(zip(RANGES, theta, strict=True)), "sersic")

    def chi2(theta: jax.Array) -> jax.Array:
        return jnp.sum(render(theta) ** 2)

    theta = jnp.asarray(at, dtype=float)
    timings = [measure(render, theta), measure(jax.value_and_grad(chi2), theta), measure(jax.jacfwd(render), theta)]
    return row(THEIRS[name], side, 1, inverse_fft((side, side), jnp.complex64), timings)


def start(folder: str) -> None:
    """Print the seconds from the first call of a gradient at 128² to its value, in this new process."""
    sl.persistent_cache(folder)
    density, u = a_density(128, 1, a_psf())
    began = time.perf_counter()
    jax.block_until_ready(jax.jit(value_and_gradient)(density, u))
    print(f"{time.perf_counter() - began:.2f}")


def starts() -> str:
    """The start of a first process, which fills the persistent cache, and of a second one."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--start", folder]
        first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    return (
        f"gradient at 128², call to value: {first.strip()} s, in a second process (persistent cache) {second.strip()} s"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--sources", type=int, nargs="+", default=[1, 5, 50])
    parser.add_argument("--dtypes", nargs="+", choices=["float32", "float64"], default=["float32", "float64"])
    parser.add_argument("--start", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.start:
        return start(options.start)
    pysersic = importlib.util.find_spec("pysersic") is not None
    print(f"JAX {jax.__version__} on {jax.devices()[0].device_kind}; pysersic {'' if pysersic else 'is not '}installed")
    print(HEADER)
    for dtype in options.dtypes:
        jax.config.update("jax_enable_x64", dtype == "float64")
        for side in options.sizes:
            for count in options.sources:
                print(ours(side, count), flush=True)
            for name in THEIRS if pysersic and dtype == "float32" else ():
                print(theirs(name, side), flush=True)
    return print(starts())


if __name__ == "__main__":
    main()
