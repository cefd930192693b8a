"""Bad and odd inputs of the functions that take a model and an image, of the methods, and of `Run`."""

import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

import sersiclab as sl

from .case import Case, named, right, told
from .images import DATA, SHAPE, image, with_value
from .models import GALAXY, galaxy
from .nonsense import NONSENSE, refused


SEEDS = ("None", "text", "text of a number", "True", "NaN", "infinity", "complex", "list", "array of one", "object")
IMAGES = {
    "an array": DATA,
    "a JAX array": jax.numpy.asarray(DATA),
    "a list": DATA.tolist(),
    "a masked array": np.ma.array(DATA),
    "a path": "sci.fits",
    "a path object": Path("sci.fits"),
    "nothing": None,
    "a number": 3.0,
    "the class": sl.Image,
    "a model": sl.Model({"s": sl.FlatSky(level=0.0)}),
    "a list of images": [image()],
}


def flat(prior: Any = None) -> sl.Model:
    return sl.Model({"sky": sl.FlatSky(level=prior or sl.Normal(10.0, 1.0))})


MODELS = {
    "a profile": galaxy(),
    "a dict": {"g": galaxy()},
    "nothing": None,
    "a name": "sersic",
    "the class": sl.Model,
    "an image": image(),
    "a document": sl.to_dict(flat()),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "render": sl.render,
    "render_components": sl.render_components,
    "render_error": sl.render_error,
    "simulate": sl.simulate,
    "joint": sl.joint,
    "Posterior": sl.Posterior,
    "fit": lambda model, image: sl.fit(model, image, sl.MAP(), progress=False),
    "start": lambda model, image: sl.start(model, image, sl.MAP()),
}


def cases(_: Path) -> Iterator[Case]:
    yield from arguments()
    yield from values()
    yield from methods()
    yield from runs()
    yield from guesses()
    yield from others()


def arguments() -> Iterator[Case]:
    for name, function in FUNCTIONS.items():
        for kind, given in IMAGES.items():
            yield named(name, f"image is {kind}", lambda f=function, g=given: f(flat(), g), "image must be an Image")
        for kind, given in MODELS.items():
            yield named(name, f"model is {kind}", lambda f=function, g=given: f(g, image()), "model must be a Model")
    for kind, given in IMAGES.items():
        yield named("guess", f"image is {kind}", lambda g=given: sl.guess(g), "image must be an Image")
        yield named("detect", f"image is {kind}", lambda g=given: sl.detect(g), "image must be an Image")
    for name in ("fit", "start"):
        call = getattr(sl, name)
        quiet = {"progress": False} if name == "fit" else {}
        for kind, make in NONSENSE.items():
            text = "method must be an object such as NUTS() or MAP(), got"
            go = lambda make=make, call=call, q=quiet: call(flat(), image(), make(), **q)  # noqa: E731
            yield named(name, f"method = {kind}", go, text)
        for kind in SEEDS:
            make = NONSENSE[kind]
            go = lambda make=make, call=call, q=quiet: call(flat(), image(), sl.MAP(), seed=make(), **q)  # noqa: E731
            yield named(name, f"seed = {kind}", go, "seed must be a whole number, not negative, got")
        for seed in (-1, 2**63, 2**64, 10**400):
            go = lambda s=seed, call=call, q=quiet: call(flat(), image(), sl.MAP(), seed=s, **q)  # noqa: E731
            yield named(name, f"seed = {seed:.3g}" if seed < 1e300 else "seed of 400 digits", go, "seed must be")
        inits: dict[str, tuple[Any, str]] = {
            "a number": (3.0, "init must be {path: number}, a Fit or None, got float"),
            "a list": ([1.0], "init must be {path: number}, a Fit or None, got list"),
            "an unknown path": ({"x.y": 1.0}, "init has ['x.y'], which are not free parameters"),
            "a text": ({"sky.level": "a"}, "sky.level must be a number"),
            "NaN": ({"sky.level": math.nan}, "sky.level must be finite"),
            "None": ({"sky.level": None}, "sky.level must be a number"),
            "an array": ({"sky.level": np.ones(3)}, "sky.level must be a number"),
        }
        for kind, (init, text) in inits.items():
            go = lambda i=init, call=call, q=quiet: call(flat(), image(), sl.MAP(), init=i, **q)  # noqa: E731
            yield named(name, f"init with {kind}", go, text)
        bounded = flat(sl.Uniform(0.0, 20.0))
        go = lambda m=bounded, call=call, q=quiet: call(m, image(), sl.MAP(), init={"sky.level": 21.0}, **q)  # noqa: E731
        yield named(name, "init outside the prior", go, "init: sky.level must lie in its prior's [0, 20], got 21")
        fixed = sl.Model({"sky": sl.FlatSky(level=1.0)})
        go = lambda m=fixed, call=call, q=quiet: call(m, image(), sl.MAP(), **q)  # noqa: E731
        yield named(name, "nothing is free", go, "model has no free parameter")
        huge = sl.Laplace(draws=10**13)
        go = lambda h=huge, call=call, q=quiet: call(flat(), image(), h, **q)  # noqa: E731
        yield named(name, "draws beyond memory", go, "Laplace of 10000000000000 draws", "GB", "fewer draws")
    for name in ("fit", "start"):
        for kind in ("True", "NaN", "list", "object", "dict", "bytes"):
            go = lambda make=NONSENSE[kind], n=name: getattr(sl, n)(flat(), image(), checkpoint=make())  # noqa: E731
            yield named(name, f"checkpoint = {kind}", go, "checkpoint must be")
        for kind in ("None", "text", "True", "NaN", "list", "object", "complex"):
            every = {"checkpoint": "a.asdf", "checkpoint_every": NONSENSE[kind]()}
            go = lambda e=every, n=name: getattr(sl, n)(flat(), image(), **e)  # noqa: E731
            yield named(name, f"checkpoint_every = {kind}", go, "checkpoint_every must")
        for kind, path in {"another suffix": "a.fits", "a missing folder": "none/a.asdf"}.items():
            go = lambda p=path, n=name: getattr(sl, n)(flat(), image(), checkpoint=p)  # noqa: E731
            yield named(name, f"checkpoint of {kind}", go, ".asdf" if kind == "another suffix" else "does not exist")
    for kind in ("text", "True", "NaN", "list", "object", "dict"):
        go = lambda make=NONSENSE[kind]: sl.start(flat(), image(), sl.MAP(), on_progress=make())  # noqa: E731
        yield named("start", f"on_progress = {kind}", go, "on_progress must be a function of a Progress, or None, got")
    for kind, make in NONSENSE.items():
        yield named("resume", f"fit = {kind}", lambda make=make: sl.resume(make()), "fit must be a Fit")
    yield named("resume", "a model", lambda: sl.resume(flat()), "fit must be a Fit")


def values() -> Iterator[Case]:
    model = sl.Model({"g": sl.Sersic(**GALAXY | {"n": sl.Uniform(1, 4)})})
    for name in ("render", "render_components", "simulate", "render_error"):
        call = getattr(sl, name)
        wrong = ("text", "number", "list", "True", "array of three", "object", "generator", "complex", "infinity")
        for kind in wrong:
            make = NONSENSE.get(kind, lambda: 3.0)
            yield named(
                name, f"values = {kind}", lambda c=call, v=make: c(model, image(), v()), "values must be a mapping"
            )
        for kind in ("None", "text", "True", "NaN", "infinity", "minus infinity", "a number of 400 digits", "complex",
                     "list", "array of one", "array of three", "quantity", "object", "dict"):  # fmt: skip
            make = NONSENSE[kind]
            yield named(name, f"g.n = {kind}", lambda c=call, v=make: c(model, image(), {"g.n": v()}), "g.n must be")
        for kind, given in {"above": 99.0, "below": -1.0}.items():
            text = "g.n must lie in"
            yield named(name, f"g.n {kind} its range", lambda c=call, v=given: c(model, image(), {"g.n": v}), text)
        for kind, path in {"unknown": "g.w", "no dot": "n", "a number": 3, "None": None}.items():
            text = "is not a parameter of this model; it has"
            yield named(name, f"a path that is {kind}", lambda c=call, p=path: c(model, image(), {p: 1.0}), text)
    for kind in SEEDS:
        call = lambda make=NONSENSE[kind]: sl.simulate(flat(), image(), seed=make())  # noqa: E731
        yield named("simulate", f"seed = {kind}", call, "seed must be a whole number")
    for seed in (-1, 2**63):
        yield named("simulate", f"seed = {seed}", lambda s=seed: sl.simulate(flat(), image(), seed=s), "seed must be")
    finite = lambda mock: np.isfinite(mock.data).all()  # noqa: E731
    for seed in (2**31, 2**32, 2**63 - 1):
        yield right("simulate", f"seed = {seed}", lambda s=seed: sl.simulate(flat(), image(), seed=s), finite)
    pair = lambda: [sl.simulate(flat(), image(), seed=s).data for s in (1, 2**32 + 1)]  # noqa: E731
    yield right("simulate", "seeds that differ in high bits", pair, lambda both: (both[0] != both[1]).any())
    bright = sl.Model({"sky": sl.FlatSky(level=1e30)})
    yield right(
        "render", "a sky of 1e30", lambda: sl.render(bright, image()), lambda a: np.allclose(a, 1e30, rtol=1e-6)
    )
    none = lambda: sl.render_components(flat(), image())["sky"]  # noqa: E731
    yield right("render_components", "a sky alone", none, lambda a: np.allclose(a, 10.0))


def methods() -> Iterator[Case]:
    counts = {"Laplace.draws": 1, "Importance.draws": 1, "SMC.draws": 2, "SVI.draws": 1, "SVI.steps": 1,
              "NUTS.warmup": 0, "NUTS.draws": 1, "NUTS.chains": 1, "NUTS.max_tree_depth": 1}  # fmt: skip
    whole = tuple(kind for kind in NONSENSE if kind != "a number of 400 digits")
    for label, least in counts.items():
        cls, name = label.split(".")
        call = lambda v, cls=cls, name=name: getattr(sl, cls)(**{name: v})  # noqa: E731
        also = {"a float": 3.0, "half": 0.5}
        yield from refused(cls, name, call, f"{label} must be a whole number, got", only=whole, also=also)
        yield named(cls, f"{name} too few", lambda c=call, v=least - 1: c(v), f"{label} must be at least {least}, got")
    also = {"zero": 0.0, "one": 1.0, "negative": -1.0}
    yield from refused(
        "NUTS", "target_accept", lambda v: sl.NUTS(target_accept=v), "NUTS.target_accept must", also=also
    )
    fine = ("True", "NumPy False")
    yield from refused(
        "NUTS", "adapt_mass", lambda v: sl.NUTS(adapt_mass=v), "NUTS.adapt_mass must be True or False", fine=fine
    )
    yield from refused(
        "NUTS", "transport", lambda v: sl.NUTS(transport=v), "NUTS.transport must be SVI", fine=("None",)
    )
    yield named(
        "NUTS", "max_tree_depth of 99", lambda: sl.NUTS(max_tree_depth=99), "NUTS.max_tree_depth must be at most"
    )
    yield from refused("SVI", "guide", lambda v: sl.SVI(guide=v), "SVI.guide must be")
    for cls in ("MAP", "Laplace", "Importance", "SMC", "SVI", "NUTS"):
        call = lambda cls=cls: getattr(sl, cls)(colour=1)  # noqa: E731
        yield named(cls, "an unknown option", call, "colour")


@cache
def finished() -> sl.Run:
    run = sl.start(flat(), image(), sl.MAP())
    run.wait(120)
    return run


def runs() -> Iterator[Case]:
    yield right("Run.wait", "twice", lambda: finished().wait().best["sky.level"], lambda b: abs(b - DATA.mean()) < 0.05)
    yield right("Run.cancel", "after the end", lambda: (finished().cancel(), finished().done)[1], bool)
    yield right(
        "Run.pause", "after the end", lambda: (finished().pause(), finished().resume(), finished().done)[2], bool
    )
    yield right("Run.resume", "without a pause", lambda: (finished().resume(), finished().done)[1], bool)
    yield right("Run.draws", "of MAP", lambda: finished().draws, lambda draws: draws == {})
    yield right("Run.progress", "at the end", lambda: finished().progress.state, lambda state: state == "done")
    yield right("Run.done", "at the end", lambda: finished().done, bool)
    for kind in ("text", "True", "NaN", "complex", "list", "array of three", "object", "dict"):
        call = lambda make=NONSENSE[kind]: finished().wait(make())  # noqa: E731
        yield named("Run.wait", f"timeout = {kind}", call, "timeout must be")
    yield named("Run.wait", "timeout negative", lambda: finished().wait(-1.0), "timeout must")
    yield named(
        "resume", "a finished fit", lambda: sl.resume(finished().wait()), "fit has no chains to continue", "complete"
    )
    faint = image(data=DATA * 1e-38, sigma=1e-38)
    scaled = flat(sl.Normal(1e-37, 1e-38))
    yield right("fit", "an image of 1e-38", lambda: sl.fit(scaled, faint, sl.MAP(), progress=False).best["sky.level"],
                lambda b: abs(b / (DATA.mean() * 1e-38) - 1) < 1e-3)  # fmt: skip
    for seed in (2**31, 2**32, 2**63 - 1):
        laplace = lambda s=seed: sl.fit(flat(), image(), sl.Laplace(draws=20), seed=s, progress=False)  # noqa: E731
        yield right("fit", f"seed = {seed}", laplace, lambda fit: np.isfinite(fit.draws["sky.level"]).all())


def guesses() -> Iterator[Case]:
    yield from refused("guess", "what", lambda v: sl.guess(image(), v), "what")
    wrong = {
        "an unknown profile": {"g": "serric"},
        "an empty mapping": {},
        "nothing": {"g": None},
        "an abstract class": sl.AbstractProfile,
        "a modifier": sl.Boxy,
        "a profile": galaxy(),
    }
    for kind, what in wrong.items():
        yield named("guess", f"what is {kind}", lambda w=what: sl.guess(image(), w), "what")
    yield named(
        "guess", "a name that is none", lambda: sl.guess(image(), {"a b": "sersic"}), "name must be an identifier"
    )
    yield named(
        "guess", "a name that is a number", lambda: sl.guess(image(), {3: "sersic"}), "name must be an identifier"
    )
    whole = (
        "True",
        "NaN",
        "infinity",
        "None",
        "text",
        "complex",
        "list",
        "array of one",
        "object",
        "generator",
        "quantity",
    )
    text = 'sources must be "auto" or a positive integer, got'
    yield from refused(
        "guess",
        "sources",
        lambda v: sl.guess(image(), sources=v),
        text,
        only=whole,
        also={"zero": 0, "negative": -1, "half": 0.5},
    )
    fine = ("None", "generator")
    yield from refused("guess", "position", lambda v: sl.guess(image(), position=v), "position must be", fine=fine)
    yield from refused("detect", "position", lambda v: sl.detect(image(), position=v), "position must be", fine=fine)
    for kind, place in {
        "outside": (99, 5),
        "NaN": (math.nan, 5),
        "infinite": (math.inf, 5),
        "texts": ("a", "b"),
        "three": (1, 2, 3),
    }.items():
        yield named("guess", f"position {kind}", lambda p=place: sl.guess(image(), position=p), "position must")
        yield named("detect", f"position {kind}", lambda p=place: sl.detect(image(), position=p), "position must")
    yield from refused(
        "guess",
        "noise",
        lambda v: sl.guess(image(), noise=v),
        "noise must be a noise model",
        only=("None", "text", "NaN", "object", "class", "dict"),
    )
    yield told("guess", "noise alone", lambda: sl.guess(image()), "no source is detected above the noise")
    flat_image = image(data=np.full(SHAPE, 10.0))
    yield told("guess", "a constant image", lambda: sl.guess(flat_image), "no source is detected above the noise")
    yield told("guess", "zeros", lambda: sl.guess(image(data=np.zeros(SHAPE))), "no source is detected above the noise")
    yield told("guess", "one pixel", lambda: sl.guess(sl.Image([[5.0]], sigma=1.0)), "")
    yield told("guess", "a negative source", lambda: sl.guess(image(data=with_value(DATA, -1e4))), "")
    seen = lambda: sl.detect(image()).sources  # noqa: E731
    yield right("detect", "noise alone", seen, lambda sources: len(sources) == 1 and not sources[0].detected)
    yield right("Detection.target", "of noise", lambda: sl.detect(image()).target, lambda t: math.isfinite(t.flux))
    found = sl.detect(image())
    for kind in IMAGES:
        yield named(
            "Detection.masked", f"image is {kind}", lambda g=IMAGES[kind]: found.masked(g), "image must be an Image"
        )
    yield named(
        "Detection.masked", "another image", lambda: found.masked(sl.Image(np.ones((3, 4)), sigma=1.0)), "shape"
    )
    some = ("None", "text", "True", "NaN", "infinity", "complex", "object", "dict")
    yield from refused(
        "Detection.masked",
        "keep",
        lambda v: found.masked(image(), keep=v),
        "keep must",
        only=some,
        also={"negative": -1, "half": 0.5, "NaN place": [(math.nan, 3)]},
    )


def others() -> Iterator[Case]:
    blocked = Path(__file__) / "cache"
    yield named("persistent_cache", "in a file", lambda: sl.persistent_cache(blocked), "cache")
    for kind in ("True", "NaN", "list", "dict", "object", "complex"):
        yield named(
            "persistent_cache",
            f"path = {kind}",
            lambda make=NONSENSE[kind]: sl.persistent_cache(make()),
            "path must be",
        )
    yield right("schema", "every profile", lambda: sl.schema()["profiles"], lambda profiles: "Sersic" in profiles)
    for kind in ("None", "text", "True", "list", "object", "class"):
        yield named("schema", f"types = {kind}", lambda make=NONSENSE[kind]: sl.schema(make()), "types must be")
    yield right("datasets.names", "all", sl.datasets.names, lambda names: "example" in names)
    for kind in ("None", "text", "True", "NaN", "list", "object", "dict"):
        yield named(
            "datasets.example",
            f"name = {kind}",
            lambda make=NONSENSE[kind]: sl.datasets.example(make()),
            "name must be one of",
        )
