"""A fit of many sources on a large image, as a script: `python -m tests.inference.large_field SIDE SOURCES`.

The last line that it prints is JSON: the peak of memory in bytes, how often the progress moved, the longest part of the
run for which it stood still, the mean square of (best - truth) / sd, and of each cancelled run after how many seconds
it ended, and after how many it had said it would.
"""

import itertools
import json
import math
import re
import sys
import time

import numpy as np
from tests.peak_memory import peak_memory

import sersiclab as sl


def scene(side: int, number: int, seed: int = 1) -> tuple[sl.Model, sl.Image, dict[str, float]]:
    """Sersic galaxies anywhere, with priors that begin near the truth, and a sky."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((31, 31)) - 15
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    components, truth = {}, {"sky.level": 0.03}
    for i in range(number):
        xc, yc = rng.uniform(10, side - 10, 2)
        r_eff, n = np.exp(rng.uniform(np.log(2), np.log(15))), rng.uniform(0.7, 4.5)
        flux, ellip, theta = 30 * r_eff * 10 ** rng.uniform(1.3, 2.3), rng.uniform(0.1, 0.7), rng.uniform(0, np.pi)
        values = {"xc": xc, "yc": yc, "flux": flux, "r_eff": r_eff, "n": n, "ellip": ellip, "theta": theta}
        truth |= {f"s{i}.{name}": float(value) for name, value in values.items()}
        off = rng.normal(size=7)
        components[f"s{i}"] = sl.Sersic(
            xc=sl.Normal(xc + 0.3 * off[0], 1.0),
            yc=sl.Normal(yc + 0.3 * off[1], 1.0),
            flux=sl.LogUniform(flux / 30, flux * 30, init=flux * np.exp(0.2 * off[2])),
            r_eff=sl.LogUniform(0.3, 80, init=r_eff * np.exp(0.2 * off[3])),
            n=sl.TruncatedNormal(2, 1.5, low=0.5, high=8, init=float(np.clip(n + 0.3 * off[4], 0.6, 7))),
            ellip=sl.Uniform(0, 0.9, init=float(np.clip(ellip + 0.1 * off[5], 0.05, 0.85))),
            theta=sl.Angle(init=(theta + 0.2 * off[6]) % np.pi),
        )
    model = sl.Model(components | {"sky": sl.FlatSky(level=sl.Normal(0, 0.1))})
    empty = sl.Image(np.zeros((side, side)), sigma=np.ones((side, side)), psf=psf / psf.sum())
    return model, sl.simulate(model, empty, truth, seed=seed), truth


def cancelled(model: sl.Model, image: sl.Image, seconds: float) -> tuple[float, float]:
    """How long a run took to end, and how long it announced, when it was cancelled `seconds` after its first step.

    An announcement within half a second counts. A compilation, which can't be interrupted, may take any time.
    """
    run = sl.start(model, image, sl.MAP())
    while run.progress.step < 2:
        time.sleep(0.05)
    time.sleep(seconds)
    run.cancel()
    began, said = time.perf_counter(), 0.5
    while (progress := run.progress).state in ("running", "compiling"):
        after = time.perf_counter() - began
        if after < 0.5 and (found := re.search(r"within about (\d+) s", progress.message)):
            said = max(said, after + float(found.group(1)))
        if after < 0.5 and "cannot be interrupted" in progress.message:
            said = math.inf
        time.sleep(0.02)
    late = time.perf_counter() - began
    assert np.isfinite(list(run.wait().best.values())).all()
    return late, said


def pulls(fit: sl.Fit, truth: dict[str, float]) -> list[float]:
    """(best - truth) / sd of each parameter, angles on the half circle."""
    found = []
    for path, draws in fit.draws.items():
        away = fit.best[path] - truth[path]
        away = (away + np.pi / 2) % np.pi - np.pi / 2 if path.endswith("theta") else away
        found.append(float(away / draws.std()))
    return found


def moves(seen: list[tuple[float, int]]) -> list[float]:
    """Return the times at which the progress moved."""
    return [time for (_, before), (time, step) in itertools.pairwise(seen) if step > before]


def main() -> None:
    side, number = map(int, sys.argv[1:])
    model, image, truth = scene(side, number)
    seen: list[tuple[float, int]] = []
    began = time.perf_counter()
    run = sl.start(
        model,
        image,
        sl.Laplace(draws=300),
        on_progress=lambda progress: seen.append((time.perf_counter() - began, progress.step)),
    )
    fit = run.wait()
    seconds = time.perf_counter() - began
    result = {
        "message": fit.message,
        "seconds": seconds,
        "timing": dict(fit.timing),
        "moves": len(moved := moves(seen)),
        "standstill": float(np.diff([0.0, *moved, seconds]).max() / seconds),
        "mean_square_pull": float(np.mean(np.square(pulls(fit, truth)))),
        "reduced_chi2": float(fit.reduced_chi2),
        "cancelled": [cancelled(model, image, after) for after in (0.0, 3.0, 20.0)],
        "peak": peak_memory(),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
