"""Joint fits of several bands, in units of a fit of one band measured beside it, compile time apart.

Run as `python tests/benchmarks/bench_bands.py`; a few minutes. Compile times are those of new processes without a
cache, from the call of `sl.fit` with MAP. Run times are medians of fits of galaxies that differ. Stamps have 64²
pixels, and all bands one shape. The model has a flux and a sky for every band, and a size and an index that are linear
functions of wavelength.

Targets: five bands compile within 1.6 times the time of one, twenty within 2 times; a MAP of five bands takes at most
8 times that of one.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

import sersiclab as sl


SIDE, REPEATS, PROCESSES = 64, 9, 3
BANDS = (1, 5, 20)


def model(number: int) -> sl.Model:
    """Return the model of a number of bands; of one band, an ordinary one."""
    one = number == 1
    galaxy = sl.Sersic(
        xc=sl.Normal(32, 2),
        yc=sl.Normal(31, 2),
        flux=sl.LogUniform(1, 1e4, init=150.0) if one else sl.PerBand(sl.LogUniform(1, 1e4, init=150.0)),
        r_eff=sl.LogUniform(0.5, 30, init=5.0) if one else sl.Polynomial(sl.LogUniform(0.5, 30, init=5.0)),
        n=sl.Uniform(0.5, 8, init=2.0) if one else sl.Polynomial(sl.Uniform(0.5, 8, init=2.0)),
        ellip=sl.Uniform(0, 0.9, init=0.3),
        theta=sl.Angle(init=0.6),
    )
    level = sl.Normal(0, 0.1)
    return sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(level if one else sl.PerImage(level))})


def data(number: int, seed: int) -> sl.Image | sl.Images:
    """Return mock images of a galaxy whose size falls with wavelength; of one band, an Image."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((31, 31)) - 15
    centre, shape = 31.5 + rng.normal(size=2), {"ellip": rng.uniform(0.1, 0.6), "theta": rng.uniform(0, 3)}
    images, wavelengths = {}, np.linspace(0.4, 2.0, number)
    for i, wavelength in enumerate(wavelengths):
        psf = (1 + (x**2 + y**2) / (2.6 + 0.05 * i) ** 2) ** -3.0
        empty = sl.Image(np.zeros((SIDE, SIDE)), sigma=np.full((SIDE, SIDE), 0.05), psf=psf / psf.sum())
        galaxy = sl.Sersic(xc=centre[0], yc=centre[1], flux=200.0, r_eff=5.0 - wavelength, n=1.5 + wavelength, **shape)
        images[f"b{i}"] = sl.simulate(sl.Model({"galaxy": galaxy}), empty, seed=int(rng.integers(2**31)))
    if number == 1:
        return images["b0"]
    return sl.Images(images, wavelengths=dict(zip(images, wavelengths.tolist(), strict=True)))


def fit_seconds(number: int, seed: int) -> float:
    """Return the seconds of a MAP."""
    images = data(number, seed)
    began = time.perf_counter()
    sl.fit(model(number), images, sl.MAP(), progress=False)
    return time.perf_counter() - began


def compile_seconds(number: int) -> float:
    """Return what the first MAP of a new process takes longer than the second, which compiles nothing."""
    return fit_seconds(number, 0) - fit_seconds(number, 0)


def in_new_process(number: int) -> float:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JAX_COMPILATION_CACHE")}
    command = [sys.executable, __file__, "--part", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, help="number of bands whose compilation this process measures")
    options = parser.parse_args()
    if options.part:
        print(json.dumps(compile_seconds(options.part)))
        return
    compiled = {number: [] for number in BANDS}
    for _ in range(PROCESSES):  # in turns, as the machine's speed changes
        for number, found in compiled.items():
            found.append(in_new_process(number))
    one = np.median(compiled[1])
    for number, found in compiled.items():
        ratio = np.median(found) / one
        print(f"{number:3d} bands: compile {np.median(found):6.2f} s = x {ratio:.2f}  {np.round(found, 2)}")
    for number in BANDS:
        fit_seconds(number, 0)
    ran = {number: [] for number in BANDS}
    for seed in range(1, REPEATS + 1):
        for number, found in ran.items():
            found.append(fit_seconds(number, seed))
    one = np.median(ran[1])
    for number, found in ran.items():
        print(f"{number:3d} bands: MAP {1e3 * np.median(found):7.1f} ms = x {np.median(found) / one:.2f}")


if __name__ == "__main__":
    main()
