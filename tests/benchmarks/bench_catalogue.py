"""A catalogue of galaxies: the batch engine, `fit_many` from guess to file, loops of `sl.fit` and pysersic, in one run.

Run as `python tests/benchmarks/bench_catalogue.py`; `--number 64` is a quick look. Stamps of 64² pixels hold a Sérsic
galaxy and a sky, rendered by sersiclab with noise: bright (signal-to-noise ratio 50 to 300), faint (5 to 20), masked
(a tenth of the pixels) and blended (a neighbour in the model). All rates are those of warm programs; compilation is
printed apart. CPU time counts all threads and workers. On a machine with a GPU the engine uses it unchanged.

Targets, on two cores: engine 60 fits/s, at 20 ms of CPU time for bright galaxies and 45 ms for faint ones; end to end
25 fits/s; 99 % of the answers within 0.1 sd of `sl.fit` with all its starts, and sigma within 2 %; memory flat within
5 % over 3000 fits.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import jax
import numpy as np
import psutil

import sersiclab as sl
from sersiclab.inference.batch.together import fit_together
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search import minimiser


SIDE = 64
KINDS = ("bright", "faint", "masked", "blended")
WHAT = {"galaxy": "sersic", "sky": "flat_sky"}
CLOSE, CLOSE_SIGMA = 0.1, 0.02  # of sd; of sigma
BIG = 2**20  # bytes

Pair = tuple[sl.Model, sl.Image]


def psf() -> np.ndarray:
    """A Gaussian of a FWHM of three pixels."""
    square = (np.arange(25) - 12.0) ** 2
    samples = np.exp(-4 * np.log(2) * (square[:, None] + square) / 9.0)
    return samples / samples.sum()


def galaxy(rng: np.random.Generator, xc: float, yc: float) -> sl.Sersic:
    return sl.Sersic(
        xc=xc + rng.uniform(-1, 1),
        yc=yc + rng.uniform(-1, 1),
        flux=1.0,
        r_eff=rng.uniform(2, 6),
        n=rng.uniform(0.8, 4.0),
        ellip=rng.uniform(0.1, 0.6),
        theta=rng.uniform(0, np.pi),
    )


def stamp(kind: str, number: int) -> sl.Image:
    """A mock image, of which the noise has sigma 1."""
    rng = np.random.default_rng([KINDS.index(kind), number])
    low, high = (5.0, 20.0) if kind == "faint" else (50.0, 300.0)
    middle = 0.5 * (SIDE - 1)
    parts: dict[str, Any] = {"galaxy": galaxy(rng, middle, middle)}
    if kind == "blended":
        parts["other"] = galaxy(rng, middle + rng.choice([-12.0, 12.0]), middle + rng.uniform(-8, 8))
    empty = sl.Image(np.zeros((SIDE, SIDE)), sigma=1.0, psf=psf())
    light = sl.render(sl.Model(parts), empty)
    light = light * rng.uniform(low, high) / np.sqrt(np.sum(light**2))
    mask = rng.random(light.shape) < 0.1 if kind == "masked" else None
    return sl.Image(light + 0.3 + rng.normal(size=light.shape), sigma=1.0, psf=psf(), mask=mask)


def recipe(image: sl.Image) -> sl.Model:
    """A Sérsic galaxy and a sky."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sl.guess(image, WHAT)


def blend(image: sl.Image) -> sl.Model:
    """The same with a Sérsic component for each detected neighbour."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sl.guess(image, WHAT, sources="auto")


def cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work returns, its seconds, and its CPU seconds."""
    began, used = time.perf_counter(), cpu()
    found = work()
    return found, time.perf_counter() - began, cpu() - used


def report(name: str, number: int, seconds: float, used: float, note: str = "") -> float:
    print(
        f"{name:44s} {number / seconds:7.1f} fits/s  {1e3 * seconds / number:7.1f} ms  "
        f"CPU {1e3 * used / number:7.1f} ms a fit  {note}",
        flush=True,
    )
    return number / seconds


def engine(pairs: list[Pair], method: Any) -> list[Any]:
    return fit_together(pairs, method, list(range(len(pairs))), Monitor("benchmark"))


def bench_engine(pairs: dict[str, list[Pair]]) -> dict[str, list[Any]]:
    """Rates of the engine, and the fits by Laplace."""
    found = {}
    for method in (sl.MAP(), sl.Laplace()):
        for kind, some in pairs.items():
            _, seconds, used = clocked(lambda some=some, method=method: engine(some[:16], method))
            print(f"  first 16 {kind}, with compilation: {seconds:.1f} s, CPU {used:.1f} s")
            fits, seconds, used = clocked(lambda some=some, method=method: engine(some, method))
            report(f"engine, {type(method).__name__}, {kind}", len(some), seconds, used)
            if method.number_of_draws:
                found[kind] = fits
    return found


def bench_loop(pairs: dict[str, list[Pair]], most: int) -> None:
    """Rates of a loop of `sl.fit`."""
    for method in (sl.MAP(), sl.Laplace()):
        for kind, some in pairs.items():
            few = some[:most]
            sl.fit(*few[0], method, progress=False)  # compiles
            _, seconds, used = clocked(
                lambda few=few, method=method: [sl.fit(*pair, method, progress=False) for pair in few]
            )
            report(f"loop of sl.fit, {type(method).__name__}, {kind}", len(few), seconds, used)


def bench_agreement(pairs: dict[str, list[Pair]], found: dict[str, list[Any]], most: int) -> None:
    """How many answers are those of `sl.fit` with all its starts; the others are listed."""
    doubtful, minimiser.is_doubtful = minimiser.is_doubtful, lambda *_: True
    same = total = 0
    for kind, some in pairs.items():
        for number, (pair, fit) in enumerate(zip(some[:most], found[kind], strict=False)):
            alone = sl.fit(*pair, sl.Laplace(), seed=number, progress=False)
            total += 1
            if not (isinstance(fit, sl.Fit) and fit.draws and alone.draws):
                agree = isinstance(fit, sl.Fit) and bool(fit.draws) == bool(alone.draws)
                off, wide, worst = 0.0, 0.0, "no draws in either" if agree else "draws in one alone"
            else:
                sds = {path: float(np.std(draws)) for path, draws in alone.draws.items()}
                offs = {path: abs(fit.best[path] - alone.best[path]) / sds[path] for path in sds if "theta" not in path}
                wides = {path: abs(float(np.std(fit.draws[path])) / sds[path] - 1) for path in sds}
                worst = max(offs, key=offs.__getitem__)
                off, wide = offs[worst], max(wides.values())
                agree = off <= CLOSE and wide <= CLOSE_SIGMA
            same += agree
            if not agree:
                print(f"  {kind} {number}: {worst} by {off:.2f} sd, sigma by {wide:.1%}; {alone.message}")
    minimiser.is_doubtful = doubtful
    print(f"answers within {CLOSE} sd, and sigma within {CLOSE_SIGMA:.0%}: {same} of {total} ({same / total:.1%})")


def bench_whole(images: dict[str, list[sl.Image]], workers: int) -> None:
    """Rates from images to a catalogue on disk."""
    jobs = [sl.Job(f"{kind}-{i}", image, recipe) for kind in images for i, image in enumerate(images[kind])]
    jobs.sort(key=lambda job: int(job.id.split("-")[1]))

    def run(executor: Any, some: list[sl.Job]) -> dict[str, int]:
        with tempfile.TemporaryDirectory() as folder:
            made = sl.fit_many(some, sl.Laplace(), folder=f"{folder}/run", executor=executor, progress=False)
            return made.counts()["verdict"]

    run(None, jobs[:64])
    verdicts, seconds, used = clocked(lambda: run(None, jobs))
    report("fit_many, Laplace, in this process", len(jobs), seconds, used, str(verdicts))
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        _, seconds, _ = clocked(lambda: run(pool, jobs[: 128 * workers]))
        print(f"  {workers} workers begin, compile and fit {min(len(jobs), 128 * workers)}: {seconds:.1f} s")
        children = [child for child in psutil.Process().children(recursive=True) if child.is_running()]
        before = sum(sum(child.cpu_times()[:2]) for child in children)
        _, seconds, used = clocked(lambda: run(pool, jobs))
        used += sum(sum(child.cpu_times()[:2]) for child in children) - before
        report(f"fit_many, Laplace, {workers} processes", len(jobs), seconds, used)


def bench_memory(image: sl.Image, fits: int) -> None:
    """The memory of this process while it makes a catalogue of many galaxies."""
    process, sizes = psutil.Process(), []
    for turn in range(6):
        jobs = [sl.Job(f"{turn}-{i}", image, recipe) for i in range(fits // 6)]
        sl.fit_many(jobs, sl.MAP(), progress=False)
        sizes.append(process.memory_info().rss / BIG)
    print(f"memory after every {fits // 6} of {fits} fits, MiB: {', '.join(f'{size:.0f}' for size in sizes)}")


def bench_pysersic(images: list[sl.Image]) -> None:
    """pysersic's MAP of the same stamps, if it is installed."""
    try:
        from pysersic import FitSingle, SourceProperties
    except ImportError:
        print("pysersic is not installed: pip install 'sersiclab[benchmark]'")
        return

    def fit(image: sl.Image) -> Any:
        arrays = {"data": image.data.astype(np.float32), "rms": image.sigma.astype(np.float32)}
        prior = SourceProperties(arrays["data"]).generate_prior("sersic", sky_type="flat")
        return FitSingle(**arrays, psf=psf().astype(np.float32), prior=prior).find_MAP(jax.random.PRNGKey(0))

    _, seconds, used = clocked(lambda: [fit(image) for image in images])
    report("loop of pysersic, find_MAP, bright", len(images), seconds, used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=256, help="number of bright, and of faint galaxies")
    parser.add_argument("--few", type=int, default=48, help="number of each kind that are fitted one by one, too")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", type=int, default=3000, help="number of fits over which memory is watched")
    options = parser.parse_args()
    counts = {"bright": options.number, "faint": options.number, "masked": options.few, "blended": options.few}
    images = {kind: [stamp(kind, i) for i in range(count)] for kind, count in counts.items()}
    made, seconds, used = clocked(
        lambda: {kind: [(blend if kind == "blended" else recipe)(im) for im in some] for kind, some in images.items()}
    )
    report("guess", sum(counts.values()), seconds, used)
    pairs = {kind: list(zip(made[kind], images[kind], strict=True)) for kind in KINDS}
    found = bench_engine(pairs)
    bench_loop({kind: pairs[kind] for kind in ("bright", "faint")}, options.few)
    bench_agreement(pairs, found, options.few)
    bench_whole({kind: images[kind] for kind in ("bright", "faint")}, options.workers)
    bench_memory(images["bright"][0], options.memory)
    bench_pysersic(images["bright"][:6])
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
