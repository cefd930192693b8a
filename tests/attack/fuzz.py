"""Random images and models, and random and damaged files: each must give a finite answer or a message.

Run by hand for as long as one likes, each round with a seed of its own, which is printed where a rule is broken:

    python -m pytest tests/attack/test_fuzz.py -m slow            ten minutes
    SERSICLAB_FUZZ_SECONDS=60 SERSICLAB_FUZZ_SEED=7 python -m pytest tests/attack/test_fuzz.py -m slow
"""

import gzip
import json
import math
import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

import sersiclab as sl
from sersiclab.parameters import parameter_info
from sersiclab.profiles import PROFILES
from sersiclab.profiles.base import size_name

from ..peak_memory import peak_memory
from .case import limited
from .documents import document
from .images import psf
from .programs import IMFIT, MENU, SERSIC, SKY


Rng = np.random.Generator
NAMED = (ValueError, TypeError, OSError)
SECONDS = 240.0  # that any one round may take, on a machine that does other things
MOST_MEMORY = 4 * 2**30  # bytes more than before a round
SHAPES = ((24, 30), (31, 20))  # few, so that programs are compiled once


class Broken(AssertionError):
    """A rule was broken."""


def need(holds: Any, what: str) -> None:
    if not holds:
        raise Broken(what)


def image(rng: Rng) -> sl.Image:
    """A valid image of noise and a source, in any unit, with any of what images may have."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    unit = 10.0 ** rng.choice([0, 0, 0, -38, -30, -15, 15, 30])
    y, x = np.indices(shape)
    centre = rng.uniform(0.2, 0.8, 2) * shape
    light = rng.choice([0.0, 30.0, 1e4]) * np.exp(-np.hypot(y - centre[0], x - centre[1]) / rng.uniform(0.5, 6))
    data = (light + rng.normal(size=shape) + rng.choice([0.0, 0.0, 50.0])) * unit
    mask = rng.random(shape) < rng.choice([0.0, 0.05, 0.6])
    if rng.random() < 0.2:
        mask[:, : rng.integers(1, 8)] = True
        data[mask] = math.nan
    mask[int(centre[0]), int(centre[1])] = False
    data = np.where(np.isnan(data) & ~mask, 0.0, data)
    side, fine = rng.choice([[0, 1], [9, 1], [8, 1], [21, 3]])
    kernel = None if side == 0 else psf(int(side), float(rng.uniform(0.9, 1.6) * fine))
    dtype = rng.choice([">f8", "f8"]) if unit < 1e-30 else rng.choice([">f8", "f4", "f8"])
    sigma = unit * (rng.uniform(0.5, 2.0, shape) if rng.random() < 0.5 else 1.0)
    options = {"zeropoint": 25.0, "pixel_scale": 0.2} if rng.random() < 0.5 else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sl.Image(data.astype(dtype), sigma=sigma, mask=mask, psf=kernel, psf_oversampling=int(fine), **options)


def profile(rng: Rng, cls: Any, shape: tuple[int, int], unit: float) -> Any:
    """A profile with numbers in their ranges, often at an end."""
    values = {}
    for name, info in parameter_info(cls).items():
        low, high = info.low, info.high
        if name in ("xc", "yc"):
            low, high = -5.0, shape[name == "xc"] + 5.0
        elif info.unit.startswith("image"):
            low, high = 0.0, 1e4 * unit
        elif info.unit == "pixel":
            low, high = max(low, 0.1), min(high, 60.0)
        low, high = (max(low, -10.0) if math.isinf(low) else low), (min(high, 10.0) if math.isinf(high) else high)
        if size_name(cls) and cls is sl.Sersic and name == "n":
            low, high = 0.5, 8.0
        step = 1e-3 * (high - low) if info.open_low and low == info.low else 0.0
        values[name] = float(rng.choice([low + step, high, rng.uniform(low + step, high)]))
    return cls(**values)


def draw(rng: Rng) -> str:
    """Every profile is drawn, finite, or refused by name."""
    seen = image(rng)
    unit = float(np.median(seen.sigma))
    cls = PROFILES[rng.integers(len(PROFILES))]
    renderer = [sl.HybridRenderer(), sl.PixelRenderer(), sl.FourierRenderer()][rng.choice(3, p=[0.7, 0.2, 0.1])]
    try:
        source = profile(rng, cls, seen.shape, unit)
        model = sl.Model({"g": source}, renderer=renderer)
    except (TypeError, ValueError) as error:
        need(any(name in str(error) for name in parameter_info(cls)) or cls.__name__ in str(error), f"unnamed: {error}")
        return "refused"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = sl.render(model, seen)
    if any("pixels of the picture are not finite" in str(each.message) for each in told):
        return "told"
    need(np.isfinite(found).all(), f"{source} is drawn with {np.count_nonzero(~np.isfinite(found))} pixels not finite")
    return "drawn"


def guessed(rng: Rng) -> str:
    """A guess, and its Laplace approximation: finite, or bad by its verdict; saved and loaded the same."""
    seen = image(rng)
    what = rng.choice(["sersic", "exponential", "point_source"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sl.guess(seen, str(what))
        start = model.initial
        need(all(math.isfinite(value) for value in start.values()), f"a guess is not finite: {start}")
        need(np.isfinite(sl.render(model, seen)).all(), "a guess is not drawn")
        method = sl.MAP() if rng.random() < 0.5 else sl.Laplace(draws=20)
        fit = sl.fit(model, seen, method, seed=int(rng.integers(2**63)), progress=False)
        values = np.concatenate([[*fit.best.values()], *(d.ravel() for d in fit.draws.values())])
        level = fit.verdict.level
        need(np.isfinite(values).all() or level == "bad", f"values are not finite, and the verdict is {level}")
        need(math.isfinite(fit.chi2) or level == "bad", f"chi2 is {fit.chi2}, and the verdict is {level}")
        path = fit.save(folder() / "guessed.asdf")
        again = sl.load(path)
    need(all(np.array_equal(again.draws[p], fit.draws[p]) for p in fit.draws), "draws changed in a file")
    need(again.best == fit.best and again.verdict.level == level, "a fit changed in a file")
    return f"fitted, {level}"


@cache
def folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="sersiclab-fuzz-"))


@cache
def whole_files() -> dict[str, bytes]:
    """A sound file for every reader."""
    place = folder()
    rng = np.random.default_rng(0)
    data = rng.normal(10.0, 1.0, (12, 14))
    fits.writeto(place / "gal.fits", data, overwrite=True)
    summed = fits.HDUList([fits.PrimaryHDU(data), fits.ImageHDU(np.ones_like(data), name="ERR")])
    summed.writeto(place / "sum.fits", checksum=True, overwrite=True)
    plain, pixels = place / "gal.fits", sl.Image(data, sigma=1.0)
    model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(10, 1))})
    best = {"sky.level": 10.0}
    sl.Fit(model, pixels, sl.MAP(), 0, {}, best).save(place / "fit.asdf")
    with sl.Workbench(pixels, model) as workbench:
        workbench.save(place / "session.json", overwrite=True)
    stars = fits.BinTableHDU.from_columns(
        [fits.Column("PSF_MASK", "25E", dim="(5,5,1)", array=np.ones((1, 25), np.float32))], name="PSF_DATA"
    )
    for key, value in {
        "PSF_SAMP": 1.0,
        "PSFNAXIS": 3,
        "PSFAXIS1": 5,
        "PSFAXIS2": 5,
        "PSFAXIS3": 1,
        "POLNAXIS": 0,
    }.items():
        stars.header[key] = value
    stars.writeto(place / "a.psf", overwrite=True)
    return {
        "fits": plain.read_bytes(),
        "sum.fits": (place / "sum.fits").read_bytes(),
        "fits.gz": gzip.compress(plain.read_bytes(), mtime=0),
        "psf": (place / "a.psf").read_bytes(),
        "asdf": (place / "fit.asdf").read_bytes(),
        "feedme": (MENU + SERSIC + SKY).replace("G) none", "G) fuzz.constraints").encode(),
        "constraints": b"1 n 0.5 to 6\n1 x -3 3\n1_2 n offset\n",
        "dat": IMFIT.encode(),
        "reg": b"image\nellipse(7,6,3,2,30) # text={sky}\n-circle(3,3,2)\npolygon(1,1,5,1,5,5)\n",
        "session.json": (place / "session.json").read_bytes(),
        "model.json": json.dumps(document()).encode(),
    }


def damaged(rng: Rng, content: bytes) -> bytes:
    """A file with bits flipped, parts cut, doubled, moved or overwritten, or nothing but noise."""
    if rng.random() < 0.05:
        return rng.bytes(int(rng.integers(0, 6000)))
    raw = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, max(len(raw), 1)))
        end = min(len(raw), at + int(rng.integers(1, 40)))
        kind = rng.integers(6)
        if kind == 0 and raw:
            raw[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del raw[at:]
        elif kind == 2:
            raw[at:at] = raw[at:end]
        elif kind == 3:
            del raw[at:end]
        elif kind == 4:
            words = [b"nan", b"1e999", b"-1", b"0", b"9" * 400, b"''", b"{", b"[", b"\xff\xfe", b"T", b"END"]
            raw[at:end] = words[int(rng.integers(len(words)))]
        else:
            raw[at:end] = rng.bytes(end - at)
    return bytes(raw)


def read(rng: Rng) -> str:
    """A damaged file is read, finite, or refused by its name."""
    files = whole_files()
    kind = str(rng.choice(list(files)))
    path = folder() / f"fuzz.{kind}"
    path.write_bytes(damaged(rng, files[kind]))
    pixels = sl.Image(np.ones((12, 14)), sigma=1.0)
    readers: dict[str, Callable[[], Any]] = {
        "psf": lambda: sl.Image.read(np.ones((12, 14)), sigma=1.0, psf=path),
        "asdf": lambda: sl.load(path),
        "feedme": lambda: sl.io.read_galfit(path),
        "constraints": lambda: sl.io.read_galfit(_menu()),
        "dat": lambda: sl.io.read_imfit(path, np.ones((12, 14)), sigma=1.0),
        "reg": lambda: sl.io.read_regions(path.read_bytes().decode("utf-8", "replace")),
        "session.json": lambda: _workbench().load(path),
        "model.json": lambda: sl.from_dict(json.loads(path.read_bytes())),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = readers.get(kind, lambda: sl.Image.read(path, sigma=1.0))()
    except NAMED:
        return f"{kind}: refused"
    for part in found if isinstance(found, tuple) else (found,):
        if isinstance(part, sl.Image):
            need(np.isfinite(part.data[part.valid]).all(), f"{kind}: pixels are not finite, and not masked")
            need(part.psf is None or np.isfinite(part.psf).all(), f"{kind}: a PSF is not finite")
        if isinstance(part, sl.Model):
            need(all(math.isfinite(value) for value in part.initial.values()), f"{kind}: a model begins at NaN")
    return f"{kind}: read" if pixels is not None else ""


def _menu() -> Path:
    path = folder() / "whole.feedme"
    path.write_bytes(whole_files()["feedme"])
    return path


@cache
def _workbench() -> sl.Workbench:
    return sl.Workbench(sl.Image(np.ones((12, 14)), sigma=1.0), sl.Model({"sky": sl.FlatSky(level=sl.Normal(10, 1))}))


KINDS: dict[str, Callable[[Rng], str]] = {"draw": draw, "guess": guessed, "read": read}
SHARES = {"draw": 0.15, "guess": 0.01, "read": 0.84}
QUICK = {"draw": 0.02, "guess": 0.0, "read": 0.98}  # little of what must be compiled


def round_of(seed: int, shares: dict[str, float] = SHARES) -> str:
    """Return the outcome of the round with this seed. Raises `Broken`, with the seed, if it breaks a rule."""
    before = peak_memory()
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(list(shares), p=list(shares.values())))
    try:
        with limited(SECONDS):
            found = KINDS[kind](rng)
    except Broken as error:
        raise Broken(f"seed {seed}, {kind}: {error}") from error
    except BaseException as error:
        raise Broken(f"seed {seed}, {kind}: {type(error).__name__}: {error}") from error
    memory = peak_memory() - before
    need(memory < MOST_MEMORY, f"seed {seed}, {kind}: {memory / 2**30:.1f} GB")
    return f"{kind}: {found}"


def fuzz(
    first: int, seconds: float, *, rounds: float = math.inf, shares: dict[str, float] = SHARES
) -> tuple[Counter[str], list[str]]:
    """Return the outcomes of rounds, for a time or a number of rounds, and the rules that were broken."""
    counts, broken = Counter[str](), []
    end, seed = time.monotonic() + seconds, first
    while time.monotonic() < end and seed < first + rounds:
        try:
            counts[round_of(seed, shares)] += 1
        except Broken as error:
            broken.append(str(error))
        seed += 1
    return counts, broken
