"""Jobs that are fitted in no time, and recipes that go wrong; other processes import them."""

import os
import signal
import threading
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

import sersiclab as sl


MODEL = sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 1.0))})
BAD = {
    "nan": "InputError: data must be finite",
    "masked": "InputError: mask excludes every pixel",
    "no file": "FileNotFoundError: data: there is no file",
    "psf": "InputError: psf must have a positive sum",
    "recipe": "ZeroDivisionError: division by zero",
}


def sky(number: int, **options) -> sl.Image:
    """A stamp of noise about a level of 2."""
    return sl.Image(np.random.default_rng(number).normal(2.0, 1.0, (6, 7)), sigma=1.0, **options)


def model_of(image: sl.Image, *, width: float = 1.0) -> sl.Model:
    return sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, width))})


def other_model_of(image: sl.Image) -> sl.Model:
    return sl.Model({"sky": sl.FlatSky(level=sl.Normal(0.0, 1.0))})


def model_with_a_warning(image: sl.Image) -> sl.Model:
    warnings.warn("this galaxy is odd", stacklevel=2)
    return model_of(image)


def broken_recipe(image: sl.Image) -> sl.Model:
    return 1 / 0  # pyright: ignore[reportReturnType]


def sleeping_recipe(image: sl.Image) -> sl.Model:
    time.sleep(60)
    return MODEL


def fatal_recipe(image: sl.Image) -> sl.Model:
    os.kill(os.getpid(), signal.SIGKILL)
    return MODEL


def fatal_once(mark: Path, image: sl.Image) -> sl.Model:
    """Kills the worker, unless it did so before."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return MODEL


def model_with_ctrl_c(image: sl.Image) -> sl.Model:
    """Presses Ctrl-C a second later, when the fit is under way."""
    threading.Timer(1.0, signal.raise_signal, [signal.SIGINT]).start()
    return MODEL


def once_missing(mark: Path) -> sl.Image:
    """A file that is not there the first time."""
    if not mark.exists():
        mark.touch()
        raise FileNotFoundError("not yet")
    return sky(1)


def of_nan() -> sl.Image:
    return sl.Image(np.full((6, 7), np.nan), sigma=1.0)


def of_masked() -> sl.Image:
    return sl.Image(np.zeros((6, 7)), sigma=1.0, mask=np.ones((6, 7), bool))


def of_zero_psf() -> sl.Image:
    return sl.Image(np.zeros((6, 7)), sigma=1.0, psf=np.zeros((5, 5)))


def good(count: int, recipe=MODEL, *, first: int = 0) -> list[sl.Job]:
    return [sl.Job(f"g{number}", partial(sky, number), recipe) for number in range(first, first + count)]


def bad() -> list[sl.Job]:
    """A job for each of `BAD`."""
    return [
        sl.Job("nan", of_nan, MODEL),
        sl.Job("masked", of_masked, MODEL),
        sl.Job("no file", "missing.fits", MODEL),
        sl.Job("psf", of_zero_psf, MODEL),
        sl.Job("recipe", partial(sky, 1), broken_recipe),
    ]


def gone_later() -> sl.Image:
    return sky(1)


def assert_same(a: sl.Catalogue, b: sl.Catalogue) -> None:
    """Bit for bit, except the seconds."""
    assert a.table.colnames == b.table.colnames
    for name in set(a.table.colnames) - {"seconds"}:
        np.testing.assert_array_equal(np.asarray(a.table[name]), np.asarray(b.table[name]), err_msg=name)


def many(jobs, folder=None, method=None, **options) -> sl.Catalogue:
    method = sl.Laplace(draws=50) if method is None else method
    return sl.fit_many(jobs, method, folder=folder, progress=False, **options)
