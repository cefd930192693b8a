"""Time of inference, compile and run apart: MAP, Laplace and NUTS on a mock and on a real galaxy of 121² pixels.

Run as `python tests/benchmarks/bench_inference.py`. Targets, on two cores: MAP and Laplace together below
2 s, NUTS to a bulk ESS of 400 for every parameter below 15 s, once compiled. The real galaxy is `gal1` of
HSC, if `../shared/data` is there; its table compares with an independent fit (`reference`).
"""

import time

import numpy as np
from hsc import HSC, PUBLISHED, galaxy, sersic

from sersiclab.data.image import Image
from sersiclab.inference import MAP, NUTS, Laplace, fit
from sersiclab.model import render


TRUTH = {"xc": 60.3, "yc": 59.2, "flux": 1000.0, "r_eff": 5.0, "n": 2.5, "ellip": 0.4, "theta": 0.8}
WANTED_ESS = 400


def mock(seed: int) -> Image:
    y, x = np.indices((31, 31)) - 15
    psf = (1 + (x**2 + y**2) / 2.2**2) ** -2.5
    empty = Image(np.zeros((121, 121)), sigma=np.full((121, 121), 0.05), psf=psf / psf.sum())
    data = render(sersic(), empty, {f"galaxy.{name}": value for name, value in TRUTH.items()})
    noise = np.random.default_rng(seed).normal(scale=0.05, size=data.shape)
    return Image(data + noise, sigma=empty.sigma, psf=empty.psf)


def timed(label: str, image: Image, method, **options):
    began, cpu = time.perf_counter(), time.process_time()
    result = fit(sersic(), image, method, progress=False, **options)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    compiled, ran = result.timing["compile"], result.timing["run"]
    print(
        f"{label:34s} wall {wall:6.2f} s (compile {compiled:5.2f}, run {ran:6.2f}), CPU {cpu:6.2f} s  {result.message}"
    )
    return result


def sampler(label: str, image: Image, method: NUTS, **options):
    result = timed(label, image, method, **options)
    table, seconds = result.summary(), result.timing["run"]
    least, stats = table["ess_bulk"].min(), result.stats
    # The warm-up is paid once; the draws in proportion to the ESS wanted.
    steps = stats["n_steps"].sum()
    share = method.draws / (method.draws + method.warmup)
    needed = seconds * (1 - share) + seconds * share * min(1.0, WANTED_ESS / least)
    print(
        f"{'':34s} least bulk ESS {least:.0f} ({least / seconds:.0f} per second), tail {table['ess_tail'].min():.0f}, "
        f"largest r_hat {table['r_hat'].max():.4f}, {steps / stats['lp'].size:.1f} leapfrogs a draw, acceptance "
        f"{stats['acceptance_rate'].mean():.2f}, {stats['diverging'].sum()} divergences; "
        f"about {needed:.1f} s to a bulk ESS of {WANTED_ESS}"
    )
    return result


def methods(name: str, image: Image, again: Image):
    print(f"--- {name}")
    timed("MAP, first", image, MAP())
    timed("MAP, compiled", again, MAP())
    timed("Laplace, compiled", again, Laplace())
    sampler("NUTS, first", image, NUTS())
    sampler("NUTS, compiled, another image", again, NUTS(), seed=1)
    return sampler("NUTS, compiled, short", image, NUTS(warmup=120, draws=150), seed=2)


def main() -> None:
    methods("mock, 121²", mock(1), mock(2))
    if not HSC.is_dir():
        print("no ../shared/data/hsc: the real galaxy is left out")
        return
    print("--- gal1, 121² (compiled by the mock where the shapes agree)")
    image = galaxy("gal1")
    timed("MAP, first", image, MAP())
    best = timed("MAP, compiled", image, MAP())
    laplace = timed("Laplace, compiled", image, Laplace())
    sampler("NUTS, first", image, NUTS())
    result = sampler("NUTS, compiled", image, NUTS(), seed=1)
    table = result.summary()[["mean", "sd", "r_hat", "ess_bulk", "ess_tail"]]
    table["MAP"] = list(best.best.values())
    table["Laplace sd"] = [laplace.draws[path].std() for path in table.index]
    table["reference"] = [PUBLISHED["gal1"][path.split(".")[1]] for path in table.index]
    print(table.to_string(float_format=lambda value: f"{value:.6g}"))
    print(f"chi2 at the MAP {best.chi2:.1f} (reference 21.9e3)")


if __name__ == "__main__":
    main()
