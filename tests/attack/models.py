"""Bad and odd inputs of profiles, priors, ties, noise, renderers, `Model` and its methods, and documents of models."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import sersiclab as sl
from sersiclab.noise import NOISES
from sersiclab.parameters import parameter_info
from sersiclab.parameters.links import LINKS
from sersiclab.parameters.priors import PRIORS
from sersiclab.profiles import MODIFIERS, PROFILES
from sersiclab.rendering import RENDERERS

from .case import Case, named, right
from .nonsense import EXOTIC, NONSENSE, refused, taken


GALAXY = {"xc": 6.0, "yc": 5.0, "flux": 100.0, "r_eff": 2.0, "n": 3.0, "ellip": 0.2, "theta": 0.3}
HUGE = "a number of 400 digits"
# The kinds of nonsense that every field is tried with; the others are tried with one field of each class.
FEW = ("None", "text", "True", "NaN", "infinity", HUGE, "complex", "list", "array of three", "quantity", "object")


def cases(_: Path) -> Iterator[Case]:
    yield from profiles()
    yield from priors()
    yield from custom()
    yield from ties()
    yield from functions_of_band()
    yield from noises_and_renderers()
    yield from models()
    yield from methods()


def values_of(cls: Any) -> dict[str, float]:
    """A number within the range of each parameter of a class."""
    found = {}
    for name, info in parameter_info(cls).items():
        low, high = info.usual or (info.low, info.high)
        ends = (low if math.isfinite(low) else 0.0, high if math.isfinite(high) else max(low, 0.0) + 2.0)
        found[name] = 0.5 * (ends[0] + ends[1])
    return found


def galaxy(**changes: Any) -> sl.Sersic:
    return sl.Sersic(**GALAXY | changes)


def model(**changes: Any) -> sl.Model:
    free = {"n": sl.Uniform(0.5, 8), "flux": sl.LogUniform(1, 1e4)}
    return sl.Model({"a": galaxy(**free), "b": galaxy(**changes), "s": sl.FlatSky(level=sl.Normal(0, 1))})


def profiles() -> Iterator[Case]:
    for cls in PROFILES:
        made = values_of(cls)
        for position, (name, info) in enumerate(parameter_info(cls).items()):
            call = lambda v, cls=cls, made=made, name=name: cls(**made | {name: v})  # noqa: E731
            yield from refused(
                cls.__name__,
                name,
                call,
                f"{cls.__name__}.{name} must ",
                only=tuple(NONSENSE) if position == 0 and cls is sl.Sersic else FEW,
            )
            ends = {"below": info.low - 1.0} if math.isfinite(info.low) else {}
            ends |= {"above": info.high + 1.0} if math.isfinite(info.high) else {}
            ends |= {"at its open end": info.low} if info.open_low else {}
            for kind, value in ends.items():
                phrase = f"{cls.__name__}.{name} must lie in {info.interval}, got"
                yield named(cls.__name__, f"{name} {kind}", lambda v=value, call=call: call(v), phrase)
                wide = sl.Normal(value, 1.0)
                phrases = (f"{cls.__name__}.{name} must lie in {info.interval}", "truncate the prior")
                yield named(cls.__name__, f"prior of {name} {kind}", lambda v=wide, call=call: call(v), *phrases)
        yield named(cls.__name__, "no arguments", lambda cls=cls: cls(), "missing", next(iter(made), ""))
        yield named(cls.__name__, "an unknown argument", lambda cls=cls, made=made: cls(**made, colour=1.0), "colour")
    yield from taken("Sersic", "flux", lambda v: float(galaxy(flux=v).flux), lambda flux: flux == 3.0)
    yield named("Sersic", "an angle's prior for a length", lambda: galaxy(xc=sl.Angle()), "Sersic.xc", "rad")
    yield named("Sersic", "init outside its prior", lambda: galaxy(n=sl.Uniform(1, 2, init=3)), "init", "[1, 2]")
    for cls in MODIFIERS:
        for value in (None, 3.0, "sersic", sl.Sersic, sl.FlatSky(level=0.0), [galaxy()]):
            kind = getattr(value, "__name__", None) or repr(value)[:20]
            made = {name: 0.0 for name in parameter_info(cls)}
            call = lambda cls=cls, value=value, made=made: cls(value, **made)  # noqa: E731
            yield named(cls.__name__, f"of {kind}", call, cls.__name__, "profile")
    yield named(
        "Boxy", "of a point", lambda: sl.Boxy(sl.PointSource(xc=1.0, yc=1.0, flux=1.0), c0=0.1), "Boxy", "PointSource"
    )
    yield named("Boxy", "twice the same", lambda: sl.Boxy(sl.Boxy(galaxy(), c0=0.1), c0=0.1), "c0")
    for abstract in ("AbstractExtended", "AbstractElliptical", "AbstractModifier", "AbstractNoise", "AbstractRenderer"):
        yield named(abstract, "made", lambda abstract=abstract: getattr(sl, abstract)(), abstract, "abstract")
    yield named(
        "AbstractProfile",
        "as a component",
        lambda: sl.Model({"g": sl.AbstractProfile()}),
        "components['g']",
        "AbstractProfile",
    )
    yield named("parameter", "without its doc", lambda: sl.parameter(), "doc")
    yield named("parameter", "an unknown option", lambda: sl.parameter(doc="x", colour=1), "colour")
    yield named("parameter", "reversed", lambda: sl.parameter(doc="x", low=3.0, high=1.0), "low")


def priors() -> Iterator[Case]:
    makers: dict[str, Callable[[Any], Any]] = {
        "Normal.loc": lambda v: sl.Normal(v, 1.0),
        "Normal.scale": lambda v: sl.Normal(0.0, v),
        "Normal.init": lambda v: sl.Normal(0.0, 1.0, init=v),
        "TruncatedNormal.loc": lambda v: sl.TruncatedNormal(v, 1.0, low=0.0),
        "TruncatedNormal.scale": lambda v: sl.TruncatedNormal(0.0, v, low=0.0),
        "TruncatedNormal.low": lambda v: sl.TruncatedNormal(0.0, 1.0, low=v),
        "TruncatedNormal.high": lambda v: sl.TruncatedNormal(0.0, 1.0, high=v),
        "LogNormal.loc": lambda v: sl.LogNormal(v, 1.0),
        "LogNormal.scale": lambda v: sl.LogNormal(0.0, v),
        "Uniform.low": lambda v: sl.Uniform(v, 9.0),
        "Uniform.high": lambda v: sl.Uniform(-9.0, v),
        "LogUniform.low": lambda v: sl.LogUniform(v, 9.0),
        "LogUniform.high": lambda v: sl.LogUniform(1e-9, v),
        "Angle.init": lambda v: sl.Angle(init=v),
    }
    open_ends = {"TruncatedNormal.low": ("None", "minus infinity"), "TruncatedNormal.high": ("None", "infinity")}
    open_ends |= {name: ("None",) for name in makers if name.endswith("init")}
    for label, call in makers.items():
        cls, name = label.split(".")
        also = {"zero": 0.0, "negative": -1.0} if name == "scale" or cls == "LogUniform" else {}
        yield from refused(cls, name, call, f"{label} must be", fine=open_ends.get(label, ()), also=also)
        yield from taken(cls, name, lambda v, call=call, name=name: float(getattr(call(v), name)), lambda x: x == 3.0)
        for kind, make in EXOTIC.items():
            yield named(cls, f"{name} = {kind}", lambda call=call, make=make: call(make()), f"{label} must be a number")
    for cls, ends in (("Uniform", (2, 1)), ("Uniform", (1, 1)), ("LogUniform", (2, 1)), ("Uniform", (1, math.nan))):
        yield named(
            cls,
            f"between {ends}",
            lambda cls=cls, ends=ends: getattr(sl, cls)(*ends),
            cls,
            "low" if ends[1] == ends[1] else "high",
        )
    yield named("TruncatedNormal", "reversed", lambda: sl.TruncatedNormal(0, 1, low=2, high=1), "low < high, got low=2")
    yield right(
        "TruncatedNormal",
        "far out",
        lambda: sl.TruncatedNormal(0, 1, low=39, high=60).median(),
        lambda m: abs(m - 39.0178) < 1e-3,
    )
    yield right("LogNormal", "huge", lambda: sl.LogNormal(700.0, 1.0).median(), math.isfinite)
    yield named(
        "LogNormal",
        "overflows",
        lambda: sl.Model({"s": sl.FlatSky(level=sl.LogNormal(1e4, 1.0))}).initial,
        "s.level",
    )
    for cls in PRIORS:
        yield named(cls.__name__, "an unknown argument", lambda cls=cls: cls(colour=1), "argument")
    yield named("Sersic", "a prior's class", lambda: galaxy(n=sl.Uniform), "Sersic.n must be")
    yield named("Sersic", "numpyro's distribution", lambda: galaxy(n=dist.Uniform(0.5, 8)), "Sersic.n must be")


LAWS: dict[str, tuple[dist.Distribution, float]] = {
    "Normal(60, 1)": (dist.Normal(60.0, 1.0), 60.0),
    "Normal of 1e6": (dist.Normal(1e6, 10.0), 1e6),
    "Cauchy": (dist.Cauchy(40.0, 1.0), 40.0),
    "Laplace": (dist.Laplace(-70.0, 2.0), -70.0),
    "Exponential of 1e8": (dist.Exponential(1e-8), 1e8 * math.log(2)),
    "LogUniform of 1e-15": (dist.LogUniform(1e-20, 1e-10), 1e-15),
    "Weibull": (dist.Weibull(2.0, 1.5), 2 * math.log(2) ** (1 / 1.5)),
    "Pareto": (dist.Pareto(2.0, 3.0), 2 * 2 ** (1 / 3)),
    "Gumbel": (dist.Gumbel(50.0, 2.0), 50 - 2 * math.log(math.log(2))),
}
NO_LAWS: dict[str, Callable[[], Any]] = {
    "Poisson": lambda: dist.Poisson(3.0),
    "Bernoulli": lambda: dist.Bernoulli(0.3),
    "Delta": lambda: dist.Delta(1.0),
    "of two numbers": lambda: dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2)),
    "Dirichlet": lambda: dist.Dirichlet(jnp.ones(3)),
    "a batch": lambda: dist.Normal(jnp.zeros(3), 1.0),
    "a batch of one": lambda: dist.Normal(jnp.zeros(1), 1.0),
    "improper": lambda: dist.ImproperUniform(dist.constraints.real, (), ()),
    "NaN": lambda: dist.Normal(math.nan, 1.0, validate_args=False),
    "negative scale": lambda: dist.Normal(0.0, -1.0, validate_args=False),
    "no scale": lambda: dist.Normal(0.0, 0.0, validate_args=False),
    "reversed": lambda: dist.Uniform(3.0, 1.0, validate_args=False),
    "masked": lambda: dist.Normal(0.0, 1.0).mask(False),
    "its class": lambda: dist.Normal,
    "ours": lambda: sl.Normal(0.0, 1.0),
}


def custom() -> Iterator[Case]:
    for kind, (law, expected) in LAWS.items():
        close = lambda m, e=expected: abs(m - e) <= 2e-5 * abs(e)  # noqa: E731
        yield right("Custom", f"median of {kind}", lambda law=law: sl.Custom(law).median(), close)
    for kind, make in NO_LAWS.items():
        yield named("Custom", kind, lambda make=make: sl.Custom(make()), "Custom needs a")
    yield from refused("Custom", "base", lambda v: sl.Custom(v), "Custom needs a numpyro distribution, got")
    yield from refused("Custom", "init", lambda v: sl.Custom(dist.Normal(0, 1), init=v), "Custom.init", fine=("None",))


def ties() -> Iterator[Case]:
    for name in ("scale", "offset"):
        yield from refused("Tied", name, lambda v, name=name: sl.Tied("a.n", **{name: v}), f"Tied.{name} must be")
    texts = ("text", "empty text", "text of a number", "NumPy text")
    yield from refused("Tied", "to", lambda v: sl.Tied(v), "Tied.to must be a path", fine=texts)
    yield from refused("Tied", "by", lambda v: sl.Tied("a.n", by=v), "Tied.by must be a Tied", fine=("None",))
    yield named("Tied", "by a product", lambda: sl.Tied("a.n", by=sl.Tied("a.n", by=sl.Tied("a.n"))), "Tied.by")
    t = sl.Tied
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "to nothing": ({"n": t("c.n")}, "b.n is tied to 'c.n', which is not a parameter"),
        "to no path": ({"n": t("")}, "b.n is tied to ''"),
        "to a component": ({"n": t("a")}, "b.n is tied to 'a'"),
        "to the renderer": ({"n": t("renderer.n")}, "b.n is tied to 'renderer.n'"),
        "to itself": ({"n": t("b.n")}, "b.n is tied in a circle"),
        "in a circle": ({"n": t("b.r_eff"), "r_eff": t("b.n")}, "is tied in a circle"),
        "out of its range": ({"ellip": t("a.n", scale=0.2)}, "b.ellip must lie in [0, 0.95], but it is tied to a.n"),
        "below its range": ({"n": t("a.n", scale=-1.0)}, "b.n must lie in"),
        "to what has no range": ({"n": t("s.level")}, "b.n must lie in"),
        "always zero": ({"r_eff": t("a.n", scale=0.0)}, "b.r_eff must lie in (0, inf)"),
        "by what has no range": ({"r_eff": t("a.n", by=t("s.level"))}, "b.r_eff must lie in"),
        "by nothing": ({"r_eff": t("a.n", by=t("x.y"))}, "b.r_eff is tied to 'x.y'"),
        "to a number out of range": ({"ellip": t("b.n", scale=0.5)}, "b.ellip must lie in [0, 0.95]"),
        "beyond the renderer": ({"n": t("a.n", scale=2.0)}, "b.n"),
    }
    for kind, (changes, phrase) in wrong.items():
        yield named("Model", f"tied {kind}", lambda changes=changes: model(**changes), phrase)
    fine: dict[str, dict[str, Any]] = {
        "to another": {"n": t("a.n")},
        "in a chain": {"flux": t("b.r_eff"), "r_eff": t("a.n")},
        "with a scale": {"r_eff": t("a.n", scale=2.0)},
        "with both": {"n": t("a.n", scale=-1.0, offset=8.5)},
        "by another": {"flux": t("a.flux", by=t("a.n"))},
        "a centre to the sky": {"xc": t("s.level")},
    }
    for kind, changes in fine.items():
        yield right("Model", f"tied {kind}", lambda changes=changes: model(**changes).free, lambda free: len(free) == 3)
    for size in (1500, 3000):
        yield right("Model", f"a chain of {size} ties", lambda size=size: chain(size).free, lambda free: len(free) == 1)
        yield named(
            "Model", f"a circle of {size} ties", lambda size=size: chain(size, circle=True), "tied in a circle", "..."
        )


def chain(size: int, *, circle: bool = False) -> sl.Model:
    """Skies, each of which follows the one before it."""
    skies = {f"s{i}": sl.FlatSky(level=sl.Tied(f"s{i - 1}.level")) for i in range(1, size)}
    first = sl.Tied(f"s{size - 1}.level") if circle else sl.Normal(0.0, 1.0)
    return sl.Model({"s0": sl.FlatSky(level=first), **skies})


def functions_of_band() -> Iterator[Case]:
    prior = sl.LogUniform(0.5, 20.0)
    for cls in (sl.PerBand, sl.PerImage, sl.Polynomial):
        for value in ("wide", 3.0, None, [prior]):
            label = f"prior: {value!r}"[:40]
            yield named(cls.__name__, label, lambda c=cls, v=value: c(v), f"{cls.__name__}.prior must be")
        yield named(cls.__name__, "no prior", lambda c=cls: c({}), f"{cls.__name__}.prior must hold")
        yield named(cls.__name__, "NaN", lambda c=cls: c({"g": math.nan}), "prior['g'] must be finite")
    for value in (-1, 1.5, "two", None):
        yield named(
            "Polynomial", f"degree {value!r}", lambda v=value: sl.Polynomial(prior, degree=v), "Polynomial.degree"
        )
    for value in ((0.5,), (), (0.9, 0.4), (0.4, 0.4), (-1.0, 1.0), (0.4, math.nan), "blue", 3):
        yield named("Spline", f"knots {value!r}", lambda v=value: sl.Spline(prior, knots=v), "Spline.knots")
    yield named("Spline", "prior", lambda: sl.Spline("wide", knots=(0.4, 0.9)), "Spline.prior must be")


def noises_and_renderers() -> Iterator[Case]:
    for cls in NOISES:
        for name, info in parameter_info(cls).items():
            made = values_of(cls) | ({"base": sl.GaussianNoise()} if cls is sl.InflatedNoise else {})
            call = lambda v, cls=cls, made=made, name=name: cls(**made | {name: v})  # noqa: E731
            if True:
                yield from refused(cls.__name__, name, call, f"{cls.__name__}.{name} must", only=FEW)
            below = {"below": info.low - 1.0} if math.isfinite(info.low) else {}
            for kind, value in below.items():
                yield named(
                    cls.__name__,
                    f"{name} {kind}",
                    lambda v=value, call=call: call(v),
                    f"{cls.__name__}.{name} must lie in",
                )
        yield named(cls.__name__, "an unknown argument", lambda cls=cls: cls(colour=1), "argument")
    yield from refused("InflatedNoise", "base", lambda v: sl.InflatedNoise(v), "InflatedNoise", only=FEW)
    yield from refused("CorrelatedNoise", "of_kernel", lambda v: sl.CorrelatedNoise.of_kernel(v), "kernel", only=FEW)
    for cls in RENDERERS:
        for name in (field for field in cls.__dataclass_fields__ if field != "takes_stacks"):
            call = lambda v, cls=cls, name=name: cls(**{name: v})  # noqa: E731
            endless = ("infinity", HUGE, "NaN", "NumPy NaN", "JAX NaN", "minus infinity") if name == "split" else ()
            yield from refused(cls.__name__, name, call, f"{cls.__name__}.{name} must", fine=("masked", *endless))
            yield named(cls.__name__, f"{name} negative", lambda call=call: call(-1), f"{name}")
        yield named(cls.__name__, "an unknown argument", lambda cls=cls: cls(colour=1), "argument")


def models() -> Iterator[Case]:
    one = {"g": galaxy()}
    yield from refused(
        "Model",
        "components",
        lambda v: sl.Model(v),
        "components",
        fine=("dict",),
        also={"a profile": galaxy(), "none": {}, "a list of one": [galaxy()], "a model": sl.Model(one)},
    )
    yield from refused(
        "Model",
        "a component",
        lambda v: sl.Model({"g": v}),
        "components['g'] must be a profile such as Sersic(...), got",
    )
    names = {
        "a space": "a b",
        "a dot": "a.b",
        "a number": "3",
        "noise": "noise",
        "renderer": "renderer",
        "a keyword": "class",
    }
    for kind, name in names.items():
        if kind != "a keyword":
            yield named(
                "Model",
                f"a name with {kind}",
                lambda name=name: sl.Model({name: galaxy()}),
                "name must be an identifier",
            )
    for kind in ("None", "True", "NaN", "bytes", "tuple of three", "object", "class"):
        yield named(
            "Model",
            f"name = {kind}",
            lambda make=NONSENSE[kind]: sl.Model({make(): galaxy()}),
            "name must be an identifier",
        )
    for kind in ("constructor", "__proto__", "toString", "Größe", "lambda_"):
        yield right(
            "Model",
            f"a component called {kind}",
            lambda kind=kind: list(sl.Model({kind: galaxy()}).components),
            lambda n: len(n) == 1,
        )
    yield from refused(
        "Model", "noise", lambda v: sl.Model(one, noise=v), "noise must be a noise model such as GaussianNoise(), got"
    )
    yield from refused(
        "Model",
        "renderer",
        lambda v: sl.Model(one, renderer=v),
        "renderer must be a renderer such as HybridRenderer(), got",
    )
    yield from refused("Model", "links", lambda v: sl.Model(one, links=v), "links")
    yield named("Model", "noise of its class", lambda: sl.Model(one, noise=sl.GaussianNoise), "noise must be")
    yield named("Model", "an unknown option", lambda: sl.Model(one, colour=1), "colour")
    many = {f"g{i}": galaxy(n=sl.Uniform(1, 4)) for i in range(200)}
    yield right("Model", "200 components", lambda: len(sl.Model(many).free), lambda n: n == 200)
    small = galaxy(n=0.3)
    yield named(
        "Model", "an index that the renderer can't draw", lambda: sl.Model({"g": small}), "g.n", "PixelRenderer"
    )
    wide = galaxy(n=sl.Uniform(0.3, 8))
    yield named("Model", "a prior that the renderer can't draw", lambda: sl.Model({"g": wide}), "g.n", "PixelRenderer")


def methods() -> Iterator[Case]:
    m = model()
    paths = {"an unknown path": "x.y", "no dot": "a", "empty": "", "a number": 3, "None": None}
    for kind, path in paths.items():
        yield named(
            "Model.replace", kind, lambda path=path: m.replace({path: 1.0}), "is not a parameter of this model; it has"
        )
        yield named(
            "Model.at",
            kind,
            lambda path=path: m.at({**m.initial, path: 1.0}),
            "is not a parameter of this model; it has",
        )
    for entry in ("replace", "at"):
        name = "changes" if entry == "replace" else "values"
        call = lambda v, entry=entry: getattr(m, entry)(v)  # noqa: E731
        yield from refused(f"Model.{entry}", name, call, f"{name} must be a mapping", fine=("dict",))
    yield from refused("Model.replace", "a value", lambda v: m.replace({"a.n": v}), "a.n must be")
    yield named("Model.replace", "a value out of range", lambda: m.replace({"a.n": 99.0}), "a.n must lie in")
    yield from refused(
        "Model.at",
        "a value",
        lambda v: m.at({**m.initial, "a.n": v}),
        "a.n",
        only=("None", "text", "True", "NaN", "infinity", "complex", "dict", "object", "quantity"),
    )
    yield named("Model.at", "a value out of range", lambda: m.at({**m.initial, "a.n": 99.0}), "n must lie in")
    yield named("Model.at", "a value missing", lambda: m.at({}), "a.", "is free and has no value")
    yield from refused(
        "Model.with_component", "component", lambda v: m.with_component("c", v), "components['c'] must be a profile"
    )
    yield named(
        "Model.with_component", "name", lambda: m.with_component("noise", galaxy()), "name must be an identifier"
    )
    yield from refused("Model.without", "name", lambda v: m.without(v), "is not a component of this model; it has")
    yield named(
        "Model.without",
        "the only one",
        lambda: sl.Model({"g": galaxy()}).without("g"),
        "components must hold at least one",
    )
    yield named(
        "Model.without",
        "what others follow with a scale",
        lambda: sl.Model({"a": galaxy(n=sl.Uniform(0.5, 4)), "b": galaxy(n=sl.Tied("a.n", scale=2.0))}).without("a"),
        "give it a prior of its own first",
    )
    yield right(
        "Model.without",
        "the follower",
        lambda: len(
            sl.Model({"a": galaxy(n=sl.Uniform(0.5, 4)), "b": galaxy(n=sl.Tied("a.n", scale=2.0))}).without("b").free
        ),
        lambda n: n == 1,
    )
    yield right("Model.without", "another", lambda: len(m.without("b").free), lambda n: n == 3)
    for kind, pair in {
        "unknown": ("a", "x"),
        "twice": ("a", "a"),
        "a sky": ("a", "s"),
        "numbers": (3, 4),
        "None": (None, "a"),
        "lists": (["a"], "b"),
    }.items():
        phrase = "two components" if kind == "twice" else "is not a parameter of this model"
        yield named("Model.with_total_flux", kind, lambda pair=pair: m.with_total_flux(*pair), phrase)
    yield named(
        "Model.with_total_flux",
        "fraction of two",
        lambda: m.with_total_flux("a", "b", fraction=2.0),
        "fraction must lie in [0, 1]",
    )
    yield named(
        "Model.with_total_flux", "a taken name", lambda: m.with_total_flux("a", "b", name="a"), "name must differ"
    )
    yield named(
        "Model.with_total_flux",
        "no name",
        lambda: m.with_total_flux("a", "b", name="a b"),
        "name must be an identifier",
    )
    yield named(
        "Model.with_total_flux",
        "a number for a name",
        lambda: m.with_total_flux("a", "b", name=3),
        "name must be an identifier",
    )
    for kind, pair in {
        "unknown": ("a.n", "b.x"),
        "components": ("a", "b"),
        "the same": ("a.n", "a.n"),
        "numbers": (3, 4),
        "centres": ("a.xc", "b.xc"),
        "None": (None, "a.n"),
    }.items():
        yield named(
            "Model.with_order",
            kind,
            lambda pair=pair: m.with_order(*pair),
            {"centres": "may be negative", "the same": "a.n"}.get(kind, "is not a parameter of this model"),
        )
    yield named(
        "Model.with_order", "ratio of two", lambda: m.with_order("b.r_eff", "a.r_eff", ratio=2.0), "ratio must lie in"
    )
    for kind, name in {"first": "g", "unknown": "z", "number": 3, "None": None}.items():
        text = "is the first image" if kind == "first" else "is not an image of this model"
        yield named("Model.with_shift", kind, lambda name=name: _of_two().with_shift(name, prior=0.5), text)
    for axis in ("dx", "dy"):
        call = lambda v, axis=axis: sl.Shift(**{axis: v})  # noqa: E731
        yield from refused("Shift", axis, call, f"Shift.{axis} must", only=FEW)
    yield right(
        "Model.owners", "hold the noise", lambda: list(m.owners), lambda names: names == ["a", "b", "s", "noise"]
    )
    yield right("Model.free", "by path", lambda: list(m.free), lambda paths: paths == ["a.flux", "a.n", "s.level"])
    yield right(
        "Model.initial", "medians", lambda: m.initial, lambda v: v["a.n"] == 4.25 and abs(v["a.flux"] - 100) < 1e-9
    )
    yield from of_images()
    yield named("TotalFlux", "without a fraction", lambda: sl.TotalFlux(flux=1.0), "fraction")
    yield from refused(
        "TotalFlux", "flux", lambda v: sl.TotalFlux(flux=v, fraction=0.5), "TotalFlux.flux must", only=FEW
    )
    for cls in LINKS:
        made = values_of(cls) | {name: 0.5 for name in parameter_info(cls)}
        for name, info in parameter_info(cls).items():
            call = lambda v, cls=cls, made=made, name=name: cls(**made | {name: v})  # noqa: E731
            if (cls, name) != (sl.TotalFlux, "flux"):
                yield from refused(cls.__name__, name, call, f"{cls.__name__}.{name} must", only=FEW)
            if math.isfinite(info.high):
                text = f"{cls.__name__}.{name} must lie in"
                yield named(cls.__name__, f"{name} above", lambda call=call, v=info.high + 1: call(v), text)


def _of_two() -> sl.Model:
    """Return a model of the images g and r."""
    labels = (("g", "g", None), ("r", "r", None))
    return sl.Model({"sky": sl.FlatSky(sl.PerImage(sl.Normal(0.0, 1.0)))}, images=labels)


def of_images() -> Iterator[Case]:
    """A model of several images, before and after these are known."""
    unbound = sl.Model({"s": sl.FlatSky(sl.PerImage({"g": sl.Normal(0.0, 1.0), "r": 2.0}))})
    image = sl.Image(np.zeros((4, 5)), sigma=1.0)
    bound = unbound.for_images(sl.Images({"g": image, "r": image}))
    yield right("Model.of", "an image", lambda: unbound.of("r").components["s"].level, lambda level: level == 2.0)
    yield named("Model.of", "another image", lambda: unbound.of("z"), "is not known: use model.for_images")
    yield from refused("Model.of", "name", bound.of, "is not an image of this model; it has")
    yield right("Model.for_images", "by path", lambda: list(bound.free), lambda paths: paths == ["s.level.g"])
    yield from refused(
        "Model.for_images", "images", unbound.for_images, "images must be Images, or their labels", fine=("empty list",)
    )
    yield named(
        "Model.for_images", "too few", lambda: unbound.for_images(sl.Images({"g": image})), "must have a value for each"
    )
    yield right("Model.varies", "of both", lambda: (bound.varies, bound.of("g").varies), lambda v: v == (True, False))
    yield right("Model.first", "of g", lambda: list(bound.first.free), lambda paths: paths == ["s.level"])
    yield right("Model.starts", "of g", lambda: bound.starts, lambda starts: starts["s.level"] == 0.0)
