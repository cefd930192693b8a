"""Bad and odd inputs of `Fit`, its methods, `compare`, and `load`; and odd fits, for which there is no good answer."""

import gzip
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import sersiclab as sl
from sersiclab.documents import storage
from sersiclab.documents.fit_format import to_tree

from .case import Case, named, right, told
from .images import DATA, image
from .nonsense import NONSENSE, refused
from .runs import IMAGES, MODELS, flat


PATH = "sky.level"
DRAWS = 10.0 + 0.08 * np.random.default_rng(1).normal(size=(2, 30))
WRONG_DRAWS = (
    "text",
    "complex",
    "list",
    "ragged list",
    "empty list",
    "array of three",
    "cube",
    "object",
    "NaN",
    "None",
    "quantity",
)


def fit(**changes: Any) -> sl.Fit:
    """A sound fit of a flat sky by draws that NumPy made."""
    whole = {"model": flat(), "image": image(), "method": sl.NUTS(draws=30), "seed": 0, "draws": {PATH: DRAWS}}
    return sl.Fit(**whole | {"best": {PATH: 10.0}, "stats": {"lp": -DRAWS}} | changes)


@cache
def sound() -> sl.Fit:
    return fit()


@cache
def best_alone() -> sl.Fit:
    return fit(method=sl.MAP(), draws={}, stats={})


def cases(folder: Path) -> Iterator[Case]:
    yield from fields()
    yield from methods(folder)
    yield from comparisons()
    yield from odd_fits()
    yield from joint_fits(folder)
    yield from files(folder)
    yield from contents(folder)


def fields() -> Iterator[Case]:
    for kind, given in MODELS.items():
        yield named("Fit", f"model is {kind}", lambda g=given: fit(model=g), "model must be a Model")
    for kind, given in IMAGES.items():
        yield named("Fit", f"image is {kind}", lambda g=given: fit(image=g), "image must be an Image")
    yield from refused("Fit", "method", lambda v: fit(method=v), "method must be", fine=("None",))
    whole = ("None", "text", "True", "NaN", "complex", "list", "array of one", "object", "infinity")
    yield from refused(
        "Fit", "seed", lambda v: fit(seed=v), "seed must be", only=whole, also={"negative": -1, "2^63": 2**63}
    )
    yield from refused(
        "Fit", "best", lambda v: fit(best=v), "best must", also={"of another": {"x.y": 1.0}, "empty": {}}
    )
    some = ("None", "text", "True", "complex", "list", "array of one", "array of three", "object", "quantity", "dict")
    yield from refused(
        "Fit", "a best value", lambda v: fit(best={PATH: v}), f"best[{PATH!r}] must be a number, got", only=some
    )
    yield from refused(
        "Fit", "draws", lambda v: fit(draws=v), "draws must", fine=("dict",), also={"of another": {"x.y": DRAWS}}
    )
    yield from refused(
        "Fit",
        "a draw",
        lambda v: fit(draws={PATH: v}),
        "draws",
        only=WRONG_DRAWS,
        also={"of another shape": DRAWS[:1], "none": DRAWS[:, :0]},
    )
    yield from refused("Fit", "stats", lambda v: fit(stats=v), "stats", fine=("dict",))
    yield from refused("Fit", "a statistic", lambda v: fit(stats={"lp": v}), "stats", only=WRONG_DRAWS)
    wide = {"2 x 2": np.eye(2), "of one axis": np.ones(1), "empty": np.zeros((0, 0))}
    yield from refused("Fit", "covariance", lambda v: fit(covariance=v), "covariance must", fine=("None",), also=wide)
    yield from refused("Fit", "status", lambda v: fit(status=v), "status must be", also={"unknown": "splendid"})
    texts = ("text", "empty text", "text of a number", "NumPy text")
    yield from refused("Fit", "message", lambda v: fit(message=v), "message must be a string, got", fine=texts)
    yield from refused(
        "Fit",
        "timing",
        lambda v: fit(timing=v),
        "timing",
        fine=("dict",),
        also={"of texts": {"run": "1 s"}, "negative": {"run": -1.0}, "NaN seconds": {"run": math.nan}},
    )
    yield from refused("Fit", "derived", lambda v: fit(derived=v), "derived", also={"a number": {"B/T": 3.0}})
    yield from refused("Fit", "versions", lambda v: fit(versions=v), "versions")


def methods(folder: Path) -> Iterator[Case]:
    share = lambda s: s["sky"].level / 2  # noqa: E731
    yield from refused(
        "Fit.derive", "fn", lambda v: sound().derive(v, name="x"), "fn must be a function", fine=("class", "function")
    )
    functions: dict[str, tuple[Callable[..., Any], str]] = {
        "an unknown component": (lambda s: s["disk"].flux, "'x'"),
        "an unknown parameter": (lambda s: s["sky"].flux, "'x'"),
        "a text": (lambda s: "a", "'x'"),
        "an array": (lambda s: s["sky"].level * np.ones(3), "'x'"),
        "None": (lambda s: None, "'x'"),
        "a branch": (lambda s: 1.0 if s["sky"].level > 0 else 0.0, "jax.numpy"),
        "math": (lambda s: math.sqrt(s["sky"].level), "jax.numpy"),
        "no arguments": (lambda: 1.0, "'x'"),
    }
    for kind, (function, text) in functions.items():
        yield named("Fit.derive", f"fn gives {kind}", lambda f=function: sound().derive(f, name="x"), text)
    texts = ("text", "text of a number", "NumPy text")
    yield from refused(
        "Fit.derive", "name", lambda v: sound().derive(share, name=v), "name must be a string", fine=texts
    )
    yield named("Fit.derive", "a parameter's name", lambda: sound().derive(share, name=PATH), "name must differ")
    yield from refused(
        "Fit.derive",
        "unit",
        lambda v: sound().derive(share, name="u", unit=v),
        "unit must be a string",
        fine=(*texts, "empty text"),
    )
    counts = ("None", "text", "True", "NaN", "infinity", "list", "complex", "object", "array of three")
    yield from refused(
        "Fit.posterior_predictive",
        "n",
        lambda v: sound().posterior_predictive(v),
        "n must be",
        only=counts,
        also={"zero": 0, "negative": -1, "half": 0.5},
    )
    yield from refused(
        "Fit.posterior_predictive",
        "seed",
        lambda v: sound().posterior_predictive(2, seed=v),
        "seed must be",
        only=counts,
        also={"negative": -1},
    )
    for name in ("prior", "predictive"):
        yield from refused(
            "Fit.to_arviz",
            name,
            lambda v, name=name: sound().to_arviz(**{name: v}),
            f"{name} must be",
            only=counts,
            also={"negative": -1},
        )
    yield from refused(
        "Fit.to_arviz",
        "seed",
        lambda v: sound().to_arviz(prior=2, seed=v),
        "seed must be",
        only=counts,
        also={"negative": -1},
    )
    yield from refused(
        "Fit.plot_posterior",
        "seed",
        lambda v: sound().plot_posterior(seed=v),
        "seed must be",
        only=counts,
        also={"negative": -1},
    )
    for name in ("posterior", "log_likelihood", "model_sd"):
        call = lambda name=name: getattr(best_alone(), name)  # noqa: E731
        yield named(f"Fit.{name}", "without draws", call, "needs draws, and MAP made none: use Laplace() or NUTS()")
    for name in ("posterior_predictive", "to_arviz", "plot_posterior", "plot_corner"):
        call = lambda name=name: getattr(best_alone(), name)()  # noqa: E731
        yield named(f"Fit.{name}", "without draws", call, "needs draws, and MAP made none: use Laplace() or NUTS()")
    for kind, paths in {
        "unknown": ["x.y"],
        "a number": [3],
        "None": [None],
        "empty": [],
        "a text": PATH,
        "nothing": 3,
    }.items():
        yield named("Fit.plot_corner", f"paths {kind}", lambda p=paths: sound().plot_corner(p), "paths must")
    for name in ("radial_profile", "curve_of_growth"):
        yield named(f"Fit.{name}", "of a sky", lambda name=name: getattr(sound(), name)(), "the model has no source")
    for name in ("agreement", "compare"):
        for kind in ("None", "text", "True", "dict", "object"):
            call = lambda make=NONSENSE[kind], name=name: getattr(sound(), name)(make())  # noqa: E731
            yield named(f"Fit.{name}", f"other = {kind}", call, "other", "must be a Fit")
    texts = ("text", "empty text", "text of a number", "NumPy text")
    yield from refused(
        "Fit.to_latex", "caption", lambda v: sound().to_latex(caption=v), "caption must be a string", fine=texts
    )
    taken = folder / "taken"
    taken.write_text("the user's own")
    for name, suffix in {"save": ".asdf", "write_fits": ".fits", "write_regions": ".reg"}.items():
        own = taken.with_suffix(suffix)
        own.write_text("the user's own")
        target = best_alone() if name == "write_regions" else sound()
        call = lambda p, name=name, target=target: getattr(target, name)(p)  # noqa: E731
        yield named(f"Fit.{name}", "a file of another", lambda c=call, p=own: c(p), own.name, "overwrite=True")
        yield named(
            f"Fit.{name}", "a missing folder", lambda c=call, s=suffix: c(folder / f"none/a{s}"), "does not exist"
        )
        (folder / f"folder{suffix}").mkdir()
        yield named(f"Fit.{name}", "a folder", lambda c=call, s=suffix: c(folder / f"folder{s}"), "is a folder")
        for kind in ("None", "True", "NaN", "list", "dict", "object", "bytes"):
            yield named(f"Fit.{name}", f"path = {kind}", lambda c=call, make=NONSENSE[kind]: c(make()), "path must be")
    yield named("Fit.save", "another suffix", lambda: sound().save(folder / "a.fits"), "must end in .asdf")


def comparisons() -> Iterator[Case]:
    yield from refused("compare", "fits", lambda v: sl.compare(v), "fits must be")
    yield named("compare", "numbers", lambda: sl.compare({"a": 1, "b": 2}), "fits must be a mapping of names to fits")
    yield named("compare", "one fit", lambda: sl.compare({"a": sound()}), "two")
    other = fit(image=image(data=DATA[:, 1:], sigma=1.0))
    yield named("compare", "other pixels", lambda: sl.compare({"a": sound(), "b": other}), "has an image of shape")
    whole = ("text", "True", "NaN", "infinity", "list", "complex", "object")
    both = {"a": sound(), "b": sound()}
    yield from refused(
        "compare",
        "patch",
        lambda v: sl.compare(both, patch=v),
        "patch must be",
        only=whole,
        also={"zero": 0, "negative": -1, "half": 0.5},
    )


def odd_fits() -> Iterator[Case]:
    """What is asked of a fit whose values are not finite, or that has one draw: an answer, told by its verdict."""
    level = lambda fit: fit.verdict.level  # noqa: E731
    for kind, value in {"NaN": math.nan, "infinite": math.inf}.items():
        best = fit(best={PATH: value}, draws={}, stats={}, method=sl.MAP())
        yield told("Fit.verdict", f"best is {kind}", lambda b=best: b, "bad", word=level)
        drawn = fit(draws={PATH: np.full((2, 30), value)})
        yield told("Fit.verdict", f"draws are {kind}", lambda d=drawn: d, "bad", word=level)
        one = DRAWS.copy()
        one[1, 3] = value
        odd = fit(draws={PATH: one})
        yield told("Fit.verdict", f"one draw is {kind}", lambda d=odd: d, "bad", word=level)
        stats = fit(stats={"lp": np.full((2, 30), value)})
        yield told("Fit.verdict", f"statistics are {kind}", lambda s=stats: s, "a", word=level)
        spread = fit(covariance=np.full((1, 1), value), draws={}, stats={}, method=sl.MAP())
        yield told("Fit.verdict", f"covariance is {kind}", lambda s=spread: s, "bad", word=level)
    single = fit(draws={PATH: DRAWS[:1, :1]}, stats={}, method=sl.NUTS(draws=1, chains=1))
    yield told("Fit.verdict", "one draw", lambda: single, "bad", word=level)
    yield told(
        "Fit.verdict",
        "a constant chain",
        lambda: fit(draws={PATH: np.full((2, 30), 10.0)}, stats={}),
        "bad",
        word=level,
    )
    yield told(
        "Fit.verdict", "cancelled", lambda: fit(status="cancelled"), "did not finish", word=lambda f: str(f.verdict)
    )
    yield told(
        "Fit.verdict", "a message", lambda: fit(message="lost its way"), "lost its way", word=lambda f: str(f.verdict)
    )
    yield right(
        "Fit.reduced_chi2", "no freedom", lambda: fit(image=sl.Image([[10.0]], sigma=1.0)).reduced_chi2, math.isnan
    )
    yield right(
        "Fit.chi2", "the sum of squares", lambda: sound().chi2, lambda c: abs(c - np.sum((DATA - 10.0) ** 2)) < 1e-2
    )
    yield right("Fit.dof", "pixels less parameters", lambda: sound().dof, lambda n: n == DATA.size - 1)
    yield right(
        "Fit.summary",
        "best alone",
        lambda: best_alone().summary(),
        lambda t: t.loc[PATH, "best"] == 10.0 and np.isnan(t.loc[PATH, "mean"]),
    )
    yield right(
        "Fit.residual", "where masked", lambda: fit(image=image(mask=np.eye(12, 14))).residual, lambda r: r[3, 3] == 0.0
    )
    yield right(
        "Fit.white_residual",
        "white noise",
        lambda: sound().white_residual - sound().residual,
        lambda r: np.abs(r).max() < 1e-6,
    )
    yield right("Fit.model_image", "a sky", lambda: sound().model_image, lambda a: np.allclose(a, 10.0))
    yield right("Fit.infos", "by path", lambda: sound().infos, lambda infos: list(infos) == [PATH])
    yield right("Fit.log_evidence", "of MAP", lambda: best_alone().log_evidence, math.isnan)
    yield named("Fit.modes", "of MAP", lambda: best_alone().modes, "modes needs draws")
    yield right("Fit.modes", "of one mode", lambda: sound().modes["share"].tolist(), lambda shares: shares == [1.0])
    yield right("Fit.bic", "of MAP", lambda: best_alone().bic, math.isfinite)
    yield right("Fit.approximation", "of MAP", lambda: best_alone().approximation, lambda found: found is None)
    yield right("Fit.render_error", "of a sky", lambda: sound().render_error.max_sigma, lambda e: e < 1e-4)
    yield right("Fit.observables", "without a zero-point", lambda: sound().observables, lambda found: found == {})
    yield right(
        "Fit.to_table", "of MAP", lambda: best_alone().to_table()["sky_level"][0].value, lambda value: value == 10.0
    )
    yield right("Fit.plot", "of MAP", lambda: best_alone().plot(), lambda figure: len(figure.axes) >= 3)
    yield right("RenderError", "printed", lambda: repr(sound().render_error), lambda text: "max_sigma" in text)


def files(folder: Path) -> Iterator[Case]:
    """What is not a file of a fit at all."""
    texts = {
        "empty": b"",
        "a text": b"hello",
        "zeros": bytes(4096),
        "a FITS file": b"SIMPLE  =                    T".ljust(2880),
        "a gzip": gzip.compress(b"x"),
        "a pickle": b"\x80\x04N.",
    }
    texts |= {
        "a header alone": b"#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n",
        "YAML alone": b"#ASDF 1.0.0\n%YAML 1.1\n--- !!python/object:os.system ls\n...\n",
    }
    texts |= {
        "a foreign tree": b"#ASDF 1.0.0\n%YAML 1.1\n---\nroman: {meta: 3}\n...\n",
        "brackets": b"#ASDF 1.0.0\n%YAML 1.1\n---\na: " + b"[" * 2000 + b"\n...\n",
    }
    bomb = (
        "#ASDF 1.0.0\n%YAML 1.1\n---\nsersiclab:\n  a0: &a0 [x, x]\n"
        + "".join(f"  a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
        + "...\n"
    )
    texts["a bomb of aliases"] = bomb.encode()
    for kind, content in texts.items():
        path = folder / f"{kind.replace(' ', '_')}.asdf"
        path.write_bytes(content)
        yield named("load", kind, lambda p=path: sl.load(p), path.name)
    yield named("load", "nothing there", lambda: sl.load(folder / "none.asdf"), "there is no file", "none.asdf")
    yield named("load", "a folder", lambda: sl.load(folder), "must end in .asdf")
    for kind in ("None", "True", "NaN", "list", "dict", "object", "bytes"):
        yield named("load", f"path = {kind}", lambda make=NONSENSE[kind]: sl.load(make()), "path must be")
    whole = sound().save(folder / "whole.asdf")
    for kind in ("None", "text", "True", "object", "class"):
        yield named(
            "load", f"types = {kind}", lambda make=NONSENSE[kind]: sl.load(whole, types=make()), "types must be"
        )
    content = whole.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9, 0.999):
        path = folder / f"cut_{share}.asdf"
        path.write_bytes(content[: int(share * len(content))])
        yield right("load", f"cut at {share:.1%}", lambda p=path: _same_or_named(p), bool)
    rng = np.random.default_rng(5)
    begin = content.index(b"\xd3BLK")
    for at in rng.integers(begin + 60, len(content) - 1, 12).tolist():
        path = folder / f"flipped_{at}.asdf"
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        whole_or_named = lambda p=path: _same_or_named(p)  # noqa: E731
        yield right("load", f"byte {at} flipped", whole_or_named, bool)
    yield right("load", "the whole", lambda: sl.load(whole).draws[PATH], lambda draws: np.array_equal(draws, DRAWS))


def _same_or_named(path: Path) -> bool:
    """Whether a file is refused by name, or its draws are those that were saved (padding may differ)."""
    try:
        found = sl.load(path)
    except ValueError as error:
        return path.name in str(error)
    return np.array_equal(found.draws[PATH], DRAWS) and np.array_equal(found.image.data, DATA)


def contents(folder: Path) -> Iterator[Case]:
    """Whole files with values that no fit has: each leaf replaced by each kind of nonsense that a file can hold."""
    parts = ("seed", "status", "message", "best", "draws", "stats", "covariance", "model", "method", "image")
    planes = ("data", "sigma", "mask", "psf", "gain", "zeropoint", "band", "pixel_scale", "unit")
    options = ("psf_oversampling", "psf_centre", "psf_includes_pixel")
    leaves = {name: name for name in parts} | {f"image/{name}": name for name in (*planes, *options)}
    values = {
        "text": "abc",
        "number": 3.5,
        "negative": -1,
        "list": ["a", 1],
        "NaN": math.nan,
        "array": np.ones((2, 2)),
        "dict": {"a": 1},
        "nothing": None,
    }
    fine = {("message", "text"), ("stats", "dict"), ("image/band", "text"), ("image/zeropoint", "negative")}
    spare = ("gain", "zeropoint", "band", "pixel_scale", "unit", "mask", "psf")
    fine |= {(leaf, "nothing") for leaf in ("covariance", "method", *(f"image/{name}" for name in spare))}
    fine |= {(leaf, "number") for leaf in ("image/zeropoint", "image/pixel_scale", "image/gain", "image/sigma")}
    for leaf, word in leaves.items():
        for kind, value in values.items():
            if (leaf, kind) in fine:
                continue
            path = edited(folder, leaf, value, kind)
            yield named("load", f"{leaf} is {kind}", lambda p=path: sl.load(p), path.name, word)
    for leaf in ("timing", "versions", "derived", "image/wcs", "image/provenance"):
        for kind, value in values.items():
            if kind != "nothing" and not (leaf == "timing" and kind == "dict"):
                path = edited(folder, leaf, value, kind)
                yield told(
                    "load", f"{leaf} is {kind}", lambda p=path: sl.load(p), path.name, leaf.split("/")[-1], "left out"
                )


def edited(folder: Path, leaf: str, value: Any, kind: str) -> Path:
    tree = to_tree(vars(sound()))
    *parents, last = leaf.split("/")
    node: Any = tree
    for name in parents:
        node = node[name]
    node[last] = value
    return storage.write(folder / f"{leaf.replace('/', '_')}_{kind}.asdf", "fit", tree)


def joint(**changes: Any) -> sl.JointFit:
    """A sound fit of flat skies in two bands."""
    images = sl.Images({"g": image(), "r": image()})
    model = sl.Model({"sky": sl.FlatSky(sl.PerBand(sl.Normal(0.0, 20.0)))}).for_images(images)
    draws = {f"{PATH}.{name}": DRAWS for name in images}
    whole = {"model": model, "images": images, "method": sl.NUTS(draws=30), "seed": 0, "draws": draws}
    return sl.JointFit(**whole | {"best": dict.fromkeys(draws, 10.0)} | changes)


@cache
def sound_joint() -> sl.JointFit:
    return joint()


def joint_fits(folder: Path) -> Iterator[Case]:
    sky = sl.Model({"sky": sl.FlatSky(sl.PerBand(sl.Normal(0.0, 20.0)))})
    for name, value in (("one image", image()), ("a dict", {"g": image()}), ("None", None)):
        yield named("JointFit", f"images: {name}", lambda value=value: joint(images=value), "images must be Images")
    yield named("JointFit", "other images", lambda: joint(images=sl.Images({"g": image()})), "got none for r")
    yield named("JointFit", "model of no images", lambda: joint(model=sky), "model")
    yield named("JointFit", "draws of one band", lambda: joint(draws={f"{PATH}.g": DRAWS}), "draws must hold")
    yield named("JointFit.of", "unknown", lambda: sound_joint().of("z"), "is not an image of this fit")
    yield named("JointFit.log_likelihood_of", "unknown", lambda: sound_joint().log_likelihood_of("z"), "not an image")
    yield named("JointFit.derive", "no name", lambda: sound_joint().derive(lambda s: 1.0, name=""), "name must be")
    yield named("JointFit.to_arviz", "negative", lambda: sound_joint().to_arviz(prior=-1), "prior must be")
    for value in ("", "red", None, float("nan"), -1.0):
        yield named("JointFit.at_wavelength", repr(value), lambda v=value: sound_joint().at_wavelength(v), "wavelength")
    yield named("JointFit.plot_bands", "unknown", lambda: sound_joint().plot_bands(["sky.size"]), "paths must be")
    yield named("JointFit.plot_rgb", "two images", lambda: sound_joint().plot_rgb(), "three images")
    yield named("JointFit.plot_rgb", "text", lambda: sound_joint().plot_rgb("gri"), "images must be three names")  # pyright: ignore[reportArgumentType]
    yield named("JointFit.plot_corner", "unknown", lambda: sound_joint().plot_corner(["sky.size"]), "sky.size")
    yield right("JointFit.modes", "of one mode", lambda: sound_joint().modes["share"].tolist(), lambda s: s == [1.0])
    yield named("JointFit.compare", "a number", lambda: sound_joint().compare(3), "fits must be a mapping")
    yield named("JointFit.compare", "a fit of one image", lambda: sound_joint().compare(sound()), "one image")
    yield named("JointFit.agreement", "a number", lambda: sound_joint().agreement(3), "other must be a Fit")  # pyright: ignore[reportArgumentType]
    yield named("JointFit.to_latex", "caption", lambda: sound_joint().to_latex(caption=3), "caption must be")  # pyright: ignore[reportArgumentType]
    yield named("JointFit.write_regions", "a file", lambda: sound_joint().write_regions("a.reg"), "folder must be")
    yield named("JointFit.write_fits", "no folder", lambda: sound_joint().write_fits(folder / "no" / "a.fits"), "no")
    yield named("JointFit.save", "suffix", lambda: sound_joint().save(folder / "a.txt"), ".asdf")
