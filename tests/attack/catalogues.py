"""Bad and odd inputs to catalogues: jobs, runs of many fits, their folders and what is read from them."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import sersiclab as sl

from .case import Case, named, right
from .nonsense import NONSENSE


def flat(level: Any = None) -> sl.Model:
    return sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 1.0) if level is None else level)})


def image(level: float = 2.0) -> sl.Image:
    return sl.Image(np.full((6, 7), level), sigma=1.0)


def job(name: str = "a", given: Any = None, model: Any = None) -> sl.Job:
    return sl.Job(name, image() if given is None else given, flat() if model is None else model)


def many(jobs: Any, method: Any = sl.MAP(), **options: Any) -> Any:  # noqa: B008 (frozen)
    return sl.fit_many(jobs, method, progress=False, **options)


def cases(folder: Path) -> Iterator[Case]:
    yield from jobs()
    yield from tables()
    yield from runs(folder)
    yield from rows()
    yield from folders(folder)
    yield from readings()
    yield from recoveries()


def jobs() -> Iterator[Case]:
    for kind in ("None", "True", "NaN", "list", "object", "dict", "complex"):
        yield named("Job", f"id = {kind}", lambda m=NONSENSE[kind]: sl.Job(m(), image()), "id must be text")
        yield named("Job", f"image = {kind}", lambda m=NONSENSE[kind]: sl.Job("a", m()), "image of job 'a' must be")
        yield named(
            "Job", f"model = {kind}", lambda m=NONSENSE[kind]: sl.Job("a", image(), m()), "model of job 'a' must be"
        )
    yield named("Job", "images that are none", lambda: sl.Job("a", {"g": 3}), "image of job 'a'", "'g'")
    yield named("Job", "no images", lambda: sl.Job("a", {}), "image of job 'a'", "at least one")
    yield named("Job", "an empty id", lambda: sl.Job("  ", image()), "id must name the galaxy")


def tables() -> Iterator[Case]:
    row = {"id": "a", "x": 3.0, "y": 3.0}
    given: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
        "no positions": (lambda: sl.jobs([{"id": "a"}], image()), ("position",)),
        "two galaxies of one name": (lambda: sl.jobs([row, row], image()), ("'a'",)),
        "a table that is a number": (lambda: sl.jobs(3, image()), ("table",)),
        "a table that is absent": (lambda: sl.jobs("none.ecsv", image()), ("none.ecsv",)),
        "a mosaic that is absent": (lambda: sl.jobs([row], "none.fits"), ("none.fits",)),
        "a column that is absent": (lambda: sl.jobs([row], image(), x="X", y="y"), ("'X'",)),
        "a size of zero": (lambda: sl.jobs([row], image(), size=0), ("size", "0")),
        "a size of NaN": (lambda: sl.jobs([row], image(), size=math.nan), ("size", "nan")),
        "an unknown treatment of neighbours": (lambda: sl.jobs([row], image(), neighbours="drop"), ("neighbours",)),
        "a model of an unknown profile": (lambda: sl.jobs([row], image(), model="cersic"), ("cersic",)),
        "no bands": (lambda: sl.jobs([row], {}), ("image", "band")),
        "a band that is no name": (lambda: sl.jobs([row], {"HSC-g": image()}), ("'HSC-g'", "identifier")),
        "a band of nothing": (lambda: sl.jobs([row], {"g": None}, sigma=1.0), ("band g", "image")),
        "an argument of an unknown band": (
            lambda: sl.jobs([row], {"g": image()}, psf={"r": np.ones((3, 3))}),
            ("psf", "'r'", "g"),
        ),
        "bands of different shapes": (
            lambda: sl.jobs([row], {"g": image(), "r": np.ones((3, 3))}, sigma={"r": 1.0}),
            ("g and r", "WCS"),
        ),
        "neighbours in several bands": (lambda: sl.jobs([row], {"g": image()}, neighbours="model"), ("neighbours",)),
        "a segmentation map of another shape": (
            lambda: sl.jobs([row], image(), segmentation=np.zeros((3, 3), int)),
            ("segmentation",),
        ),
    }
    for name, (call, fragments) in given.items():
        yield named("jobs", name, call, *fragments)


def runs(folder: Path) -> Iterator[Case]:
    for kind in ("None", "True", "NaN", "object", "complex"):
        yield named("fit_many", f"jobs = {kind}", lambda m=NONSENSE[kind]: many(m()), "jobs must be")
    for kind in ("None", "text", "True", "NaN", "list", "object"):
        yield named("fit_many", f"method = {kind}", lambda m=NONSENSE[kind]: many([job()], m()), "method must be")
        if kind != "None":
            yield named(
                "fit_many", f"executor = {kind}", lambda m=NONSENSE[kind]: many([job()], executor=m()), "executor must"
            )
            yield named(
                "fit_many", f"timeout = {kind}", lambda m=NONSENSE[kind]: many([job()], timeout=m()), "timeout must"
            )
            yield named("fit_many", f"chunk = {kind}", lambda m=NONSENSE[kind]: many([job()], chunk=m()), "chunk must")
        yield named("fit_many", f"seed = {kind}", lambda m=NONSENSE[kind]: many([job()], seed=m()), "seed must be")
    yield named("fit_many", "a chunk of none", lambda: many([job()], chunk=0), "chunk must be at least 1, got 0")
    yield named("fit_many", "a negative timeout", lambda: many([job()], timeout=-1.0), "timeout must")
    yield named("fit_many", "an image among the jobs", lambda: many([image()]), "Job")
    yield named("fit_many", "two jobs of one name", lambda: many([job(), job()]), "'a'")
    taken = folder / "taken"
    yield named(
        "fit_many", "a folder that is a file", lambda: taken.write_text("x") and many([job()], folder=taken), "taken"
    )
    yield right("fit_many", "no jobs", lambda: many([]), lambda found: len(found) == 0)
    yield right(
        "fit_many",
        "a job that fails beside one that does not",
        lambda: many([job(), job("b", lambda: 3)]),
        lambda found: found.failed == ["b"] and found.table["status"].tolist() == ["done", "failed"],
    )


def failing(text: str) -> Callable[[sl.Image], sl.Model]:
    def recipe(_: sl.Image) -> sl.Model:
        raise RuntimeError(text)

    return recipe


def rows() -> Iterator[Case]:
    """Jobs of which the row says what went wrong."""
    wrong: dict[str, tuple[sl.Job, str]] = {
        "a recipe that raises": (job(model=failing("no such luck")), "RuntimeError: no such luck"),
        "a recipe that returns nothing": (job(model=lambda image: None), "must return a Model, got None"),
        "a reader that returns a number": (job(given=lambda: 3), "must return an Image, got 3"),
        "a file that is absent": (job(given="none.fits"), "none.fits"),
        "a model without a free parameter": (job(model=flat(1.0)), "model has no free parameter"),
        "a PSF of zeros": (job(given=lambda: sl.Image(np.ones((6, 7)), sigma=1.0, psf=np.zeros((3, 3)))), "psf"),
        "an image of NaN": (job(given=lambda: sl.Image(np.full((6, 7), np.nan), sigma=1.0)), "data"),
        "an image that is masked": (
            job(given=lambda: sl.Image(np.ones((6, 7)), sigma=1.0, mask=np.ones((6, 7)))),
            "mask excludes every pixel",
        ),
    }
    for name, (given, words) in wrong.items():

        def is_told(found: Any, words: str = words) -> bool:
            return found.failed == ["a"] and words in str(found.table["message"][0])

        yield right("fit_many", name, lambda given=given: many([given]), is_told)


def folders(folder: Path) -> Iterator[Case]:
    yield named("read_catalogue", "no such folder", lambda: sl.read_catalogue(folder / "none"), "none")
    (folder / "empty").mkdir()
    yield named("read_catalogue", "a folder without a run", lambda: sl.read_catalogue(folder / "empty"), "empty")
    for kind in ("None", "True", "NaN", "list", "object"):
        yield named(
            "read_catalogue", f"folder = {kind}", lambda m=NONSENSE[kind]: sl.read_catalogue(m()), "folder must be"
        )
    damaged: dict[str, Callable[[Path], Any]] = {
        "a damaged part": lambda run: next(run.glob("part-*")).write_bytes(b"PAR1 nothing"),
        "a configuration that is no JSON": lambda run: (run / "run.json").write_text("{"),
        "a configuration without its method": lambda run: (run / "run.json").write_text(json.dumps({"format": 1})),
    }
    for number, (name, damage) in enumerate(damaged.items()):
        run = folder / f"run{number}"

        def read(run: Path = run, damage: Callable[[Path], Any] = damage) -> Any:
            many([job()], folder=run)
            damage(run)
            return sl.read_catalogue(run).table

        yield named("read_catalogue", name, read, run.name)
    other = folder / "other"

    def again(**options: Any) -> Any:
        many([job()], folder=other)
        return many([job()], folder=other, **options)

    yield named("fit_many", "another method in the same folder", lambda: again(method=sl.Laplace()), "MAP()", "Laplace")
    yield named("fit_many", "another seed in the same folder", lambda: again(seed=3), "seed")


def readings() -> Iterator[Case]:
    found = many([job(), job("b", lambda: 3)])
    yield named("Catalogue", "fit of an unknown name", lambda: found.fit("c"), "'c'")
    yield named("Catalogue", "fit of a failure", lambda: found.fit("b"), "'b' has no fit")
    yield named("Catalogue", "retry of an unknown name", lambda: found.retry(["c"]), "'c'")
    yield named("Catalogue", "retry by a text", lambda: found.retry(["b"], "map"), "method must be")
    yield right("Catalogue", "retry of a failure", lambda: found.retry(progress=False), lambda new: new.failed == ["b"])
    yield right("Catalogue", "fit of a galaxy", lambda: found.fit("a"), lambda fit: fit.status == "complete")


def recoveries() -> Iterator[Case]:
    noisy = sl.Image(np.random.default_rng(0).normal(size=(8, 9)), sigma=1.0)
    fit = sl.fit(flat(), noisy, sl.Laplace(draws=50), progress=False)

    def recover(fitted: Any = fit, n: Any = 5, **options: Any) -> sl.Recovery:
        return sl.recover(fitted, n, progress=False, **options)

    for kind in ("text", "True", "NaN", "list", "object", "dict"):
        given = NONSENSE[kind]
        yield named("recover", f"fitted = {kind}", lambda m=given: recover(m()), "fitted must be")
        yield named("recover", f"n = {kind}", lambda m=given: recover(n=m()), "n must be")
        yield named("recover", f"noise = {kind}", lambda m=given: recover(noise=m()), "noise must")
        yield named("recover", f"psf = {kind}", lambda m=given: recover(psf=m()), "psf")
    without = sl.fit(flat(), noisy, sl.MAP(), progress=False)
    yield named("recover", "a fit without draws", lambda: recover(without), "Laplace()", "MAP")
    yield named("recover", "patches for a single fit", lambda: recover(noise="patches"), 'noise="patches" needs')
    failed = many([job("b", lambda: 3)])
    yield named("recover", "a catalogue of failures", lambda: recover(failed), "no galaxy with a fit")
    yield named("Recovery", "an unknown parameter", lambda: recover().offsets("x.y"), "'x.y' was not recovered")
