"""The confusion table of the verdict: how far a fit is from the truth, and what the verdict says of it.

Run as `python tests/benchmarks/bench_verdict.py`, or a small part of it with
`--single 6 --double 2 --neighbour 2 --methods MAP Laplace`. GalSim renders single galaxies (signal-to-noise ratio 10
to 300), bulges in disks, and galaxies with a neighbour; `guess` and `fit` measure them with their defaults.

The error of a fit is the largest |value - truth| / sd over the parameters of the target: mean and sd of the draws,
circular for angles. MAP has no errors: Laplace's are taken. *within*: at most 3 sd; *near*: at most 5 sd; *beyond*:
more. Targets: no fit beyond 5 sd is "ok"; of single galaxies measured within their errors, fewer than 10 % are "bad".
"""

import argparse
import itertools
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import galsim
import numpy as np

import sersiclab as sl
from sersiclab.results import circular


METHODS = {"MAP": sl.MAP(), "Laplace": sl.Laplace(), "Importance": sl.Importance(), "SVI": sl.SVI(), "NUTS": sl.NUTS()}
KINDS = ("single", "double", "neighbour")
LEVELS = ("ok", "caution", "bad")
DISTANCES = ("within", "near", "beyond")
WITHIN, NEAR = 3.0, 5.0
UNKNOWN = 0.1  # of the value, or of the size for centres: the error where a method gives none
GALSIM = galsim.GSParams(folding_threshold=1e-3, maxk_threshold=1e-4, kvalue_accuracy=1e-6, maximum_fft_size=16384)
PSF = galsim.Moffat(beta=3.5, fwhm=2.8, trunc=11.0, gsparams=GALSIM)

Parameters = dict[str, float]


class Case(NamedTuple):
    """A simulated image, the model to fit, and what is true of the target's components, by the name in the model."""

    kind: str
    number: int
    image: sl.Image
    model: sl.Model
    truth: dict[str, Parameters]


class Row(NamedTuple):
    """What a fit of a case gave."""

    kind: str
    method: str
    level: str
    distance: str
    reasons: tuple[str, ...]


def drawn(parameters: Parameters, size: int) -> np.ndarray:
    """One Sérsic component of unit flux, convolved with the PSF, rendered by GalSim."""
    q = 1.0 - parameters["ellip"]
    profile = galsim.Sersic(parameters["n"], half_light_radius=parameters["r_eff"] * np.sqrt(q), gsparams=GALSIM)
    sheared = profile.shear(q=q, beta=(parameters["theta"] + 0.5 * np.pi) * galsim.radians)
    middle = 0.5 * (size - 1)
    placed = sheared.shift(parameters["xc"] - middle, parameters["yc"] - middle)
    convolved = galsim.Convolve(placed, PSF, gsparams=GALSIM)
    return convolved.drawImage(None, nx=size, ny=size, scale=1.0).array.astype(float)


def observed(rng: np.random.Generator, components: dict[str, Parameters], size: int) -> sl.Image:
    """The image with Gaussian noise of unit sigma."""
    light = sum((part["flux"] * drawn(part, size) for part in components.values()), np.zeros((size, size)))
    psf = PSF.drawImage(nx=25, ny=25, scale=1.0).array.astype(float)
    return sl.Image(light + rng.normal(size=light.shape), sigma=1.0, psf=psf / psf.sum())


def shape(rng: np.random.Generator, r_eff: tuple[float, float], n: tuple[float, float]) -> Parameters:
    """Size, index, ellipticity and angle."""
    return {
        "r_eff": float(np.exp(rng.uniform(*np.log(r_eff)))),
        "n": float(np.exp(rng.uniform(*np.log(n)))),
        "ellip": float(rng.uniform(0.0, 0.7)),
        "theta": float(rng.uniform(0.0, np.pi)),
    }


def centre(rng: np.random.Generator, size: int) -> Parameters:
    """A centre within half a pixel of the image's."""
    return {axis: 0.5 * (size - 1) + float(rng.uniform(-0.5, 0.5)) for axis in ("xc", "yc")}


def with_flux(rng: np.random.Generator, components: dict[str, Parameters], size: int, low: float, high: float) -> None:
    """Scale the fluxes, of which the sum is one, to a signal-to-noise ratio between `low` and `high`."""
    light = sum((part["flux"] * drawn(part, size) for part in components.values()), np.zeros((size, size)))
    factor = float(np.exp(rng.uniform(np.log(low), np.log(high)))) / np.sqrt(np.sum(light**2))
    for part in components.values():
        part["flux"] *= factor


def single(number: int) -> Case:
    """One Sérsic galaxy on 48² pixels."""
    rng, size = np.random.default_rng([1, number]), 48
    truth = {"galaxy": centre(rng, size) | shape(rng, (1.5, 7.0), (0.6, 6.0)) | {"flux": 1.0}}
    with_flux(rng, truth, size, 10.0, 300.0)
    image = observed(rng, truth, size)
    return Case("single", number, image, sl.guess(image), truth)


def double(number: int) -> Case:
    """A bulge in an exponential disk on 64² pixels."""
    rng, size = np.random.default_rng([2, number]), 64
    share, middle = float(rng.uniform(0.15, 0.7)), centre(rng, size)
    bulge = middle | shape(rng, (1.2, 2.5), (1.5, 5.0)) | {"flux": share}
    disk = middle | shape(rng, (5.0, 9.0), (1.0, 1.0)) | {"flux": 1.0 - share}
    truth = {"bulge": bulge, "disk": disk}
    with_flux(rng, truth, size, 50.0, 500.0)
    image = observed(rng, truth, size)
    return Case("double", number, image, sl.guess(image, "sersic_exp"), truth)


def neighbour(number: int) -> Case:
    """A galaxy at the centre and another, up to three times as bright, 11 to 18 pixels away; modelled or masked."""
    rng, size = np.random.default_rng([3, number]), 48
    galaxy = centre(rng, size) | shape(rng, (2.0, 5.0), (0.7, 4.0)) | {"flux": 1.0}
    truth = {"galaxy": galaxy}
    with_flux(rng, truth, size, 30.0, 300.0)
    away, turn = float(rng.uniform(11.0, 18.0)), float(rng.uniform(0.0, 2 * np.pi))
    place = {"xc": galaxy["xc"] + away * np.cos(turn), "yc": galaxy["yc"] + away * np.sin(turn)}
    ratio = float(np.exp(rng.uniform(np.log(0.1), np.log(3.0))))
    other = place | shape(rng, (1.5, 4.0), (0.7, 4.0)) | {"flux": ratio * galaxy["flux"]}
    image = observed(rng, truth | {"neighbour": other}, size)
    if number % 2 == 0:
        return Case("neighbour", number, image, sl.guess(image, sources="auto"), truth)
    masked = sl.detect(image).masked(image)
    return Case("neighbour", number, masked, sl.guess(masked), truth)


def cases(numbers: dict[str, int]) -> Iterator[Case]:
    makers = {"single": single, "double": double, "neighbour": neighbour}
    for kind in KINDS:
        yield from (makers[kind](number) for number in range(numbers[kind]))


def values(fit: sl.Fit, reference: sl.Fit | None) -> dict[str, tuple[float, float]]:
    """The value and the error of each parameter; the errors are those of `reference` if the fit has none."""
    found = {}
    for path in fit.model.free:
        angle = path.endswith(".theta")
        spread = circular.sd if angle else np.std
        drawn_by = fit if fit.draws else reference
        sd = float(spread(drawn_by.draws[path])) if drawn_by is not None and drawn_by.draws else float("nan")
        middle = circular.mean if angle else np.mean
        found[path] = float(middle(fit.draws[path])) if fit.draws else fit.best[path], sd
    return found


def pull(key: str, value: float, sd: float, truth: Parameters) -> float:
    """|value - truth| in units of the error."""
    off = abs(circular.near(value, truth[key]) - truth[key]) if key == "theta" else abs(value - truth[key])
    scale = {"xc": truth["r_eff"], "yc": truth["r_eff"], "theta": np.pi}.get(key, abs(truth[key]))
    return off / (sd if np.isfinite(sd) and sd > 0 else UNKNOWN * scale)


def largest_pull(found: dict[str, tuple[float, float]], truth: dict[str, Parameters]) -> tuple[float, str]:
    """The largest pull and its path, with the components named as they match best."""
    best = np.inf, ""
    for order in itertools.permutations(truth):
        pulls = [(0.0, "")]
        for name, true in zip(truth, order, strict=True):
            own = {path.split(".")[1]: pair for path, pair in found.items() if path.split(".")[0] == name}
            pulls += [(pull(key, *pair, truth[true]), f"{name}.{key}") for key, pair in own.items()]
        best = min(best, max(pulls))
    return best


def fitted(case: Case, method: str, patience: float, folder: Path | None) -> sl.Fit:
    """The fit by a method, read from `folder` if it has been kept there."""
    place = None if folder is None else folder / f"{case.kind}-{case.number}-{method}.asdf"
    if place is not None and place.exists():
        return sl.load(place)
    run = sl.start(case.model, case.image, METHODS[method])
    try:
        found = run.wait(patience)
    except TimeoutError:
        run.cancel()
        found = run.wait()
    if place is not None:
        found.save(place)
    return found


def measured(case: Case, methods: list[str], options: argparse.Namespace) -> Iterator[Row]:
    """The verdict on each method's fit of a case; each is printed."""
    laplace = fitted(case, "Laplace", options.patience, options.keep)
    for name in methods:
        began = time.perf_counter()
        fit = laplace if name == "Laplace" else fitted(case, name, options.patience, options.keep)
        largest, path = largest_pull(values(fit, laplace), case.truth)
        distance = DISTANCES[int(np.searchsorted([WITHIN, NEAR], largest))]
        verdict = fit.verdict
        seconds = time.perf_counter() - began
        print(
            f"{case.kind} {case.number:3d} {name:10s} {largest:8.1f} sd in {path:18s} {seconds:5.1f} s  {verdict}",
            flush=True,
        )
        yield Row(case.kind, name, verdict.level, distance, verdict.reasons)


def template(reason: str) -> str:
    """A reason without its numbers and paths, so that like ones count together."""
    plain = re.sub(r"\b(galaxy|bulge|disk|neighbour_\d+|sky)\.\w+", "PATH", reason)
    return re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", plain)[:110]


def print_table(rows: list[Row], methods: list[str]) -> None:
    columns = list(itertools.product(LEVELS, DISTANCES))
    print("\n" + " " * 22 + "".join(f"{level:^24s}" for level in LEVELS))
    print(f"{'':22s}" + "".join(f"{distance:>8s}" for _, distance in columns))
    for kind, method in itertools.product(KINDS, methods):
        counts = Counter((row.level, row.distance) for row in rows if (row.kind, row.method) == (kind, method))
        if counts:
            print(f"{kind:10s} {method:10s} " + "".join(f"{counts[column] or '-':>8}" for column in columns))


def print_rates(rows: list[Row], methods: list[str]) -> None:
    beyond_ok = sum((row.level, row.distance) == ("ok", "beyond") for row in rows)
    print(f"\nmore than {NEAR:g} sd from the truth and ok: {beyond_ok} (target: 0)")
    for kind, method in itertools.product(KINDS, methods):
        right = [row for row in rows if (row.kind, row.method, row.distance) == (kind, method, "within")]
        bad, caution = (sum(row.level == level for row in right) for level in ("bad", "caution"))
        if right:
            print(
                f"{kind:10s} {method:10s} within its errors and bad: {bad:3d} of {len(right)} "
                f"({bad / len(right):.0%}), caution: {caution:3d} ({caution / len(right):.0%})"
            )


def print_reasons(rows: list[Row], methods: list[str], most: int = 6) -> None:
    for method in methods:
        counts = Counter(template(text) for row in rows if row.method == method for text in row.reasons)
        print(f"\n{method}, the most frequent reasons:")
        for text, count in counts.most_common(most):
            print(f"{count:5d}  {text}")
    false = Counter(template(row.reasons[0]) for row in rows if (row.level, row.distance) == ("bad", "within"))
    print("\nfirst reasons of fits within their errors that are called bad:")
    for text, count in false.most_common(2 * most):
        print(f"{count:5d}  {text}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--single", type=int, default=60, help="number of single galaxies")
    parser.add_argument("--double", type=int, default=30, help="number of bulges in disks")
    parser.add_argument("--neighbour", type=int, default=20, help="number of galaxies with a neighbour")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--nuts-every", type=int, default=6, help="use NUTS on every K-th galaxy only")
    parser.add_argument("--nuts-draws", type=int, default=sl.NUTS().draws, help="draws of each chain of NUTS")
    parser.add_argument("--patience", type=float, default=45.0, help="seconds after which a fit is cancelled")
    parser.add_argument("--keep", type=Path, help="folder of fits, to which those that it lacks are added")
    return parser.parse_args()


def main() -> None:
    chosen, rows, began = arguments(), [], time.perf_counter()
    METHODS["NUTS"] = sl.NUTS(draws=chosen.nuts_draws)
    warnings.simplefilter("ignore")
    for case in cases({kind: getattr(chosen, kind) for kind in KINDS}):
        skipped = {"NUTS"} if case.number % chosen.nuts_every else set()
        rows += measured(case, [name for name in chosen.methods if name not in skipped], chosen)
    print_table(rows, chosen.methods)
    print_rates(rows, chosen.methods)
    print_reasons(rows, chosen.methods)
    print(f"\n{len(rows)} fits in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
