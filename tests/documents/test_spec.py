"""Documents: round trips of every class, printed code, and reports about bad documents."""

import json
import math

import equinox as eqx
import hypothesis.strategies as hs
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings

import sersiclab as sl
from sersiclab.documents.schema import schema
from sersiclab.documents.spec import SpecError, from_dict, from_document, own_types, to_dict, to_document, to_python
from sersiclab.model import Model
from sersiclab.parameters import Parameter, Tied, parameter, parameter_info, priors
from sersiclab.parameters.priors import PRIORS
from sersiclab.profiles import (
    MODIFIERS,
    PROFILES,
    AbstractElliptical,
    AbstractSky,
    Bent,
    Boxy,
    Exponential,
    FlatSky,
    FourierModes,
    PointSource,
    Sersic,
)
from sersiclab.rendering import RENDERERS, HybridRenderer


EXAMPLES = {
    "Normal": priors.Normal(0.1, 2),
    "Normal init": priors.Normal(0.1, 2, init=1 / 3),
    "TruncatedNormal": priors.TruncatedNormal(4, 1, low=0.5, high=8),
    "TruncatedNormal low": priors.TruncatedNormal(4, 1, low=0.5),
    "TruncatedNormal open": priors.TruncatedNormal(4, 1),
    "LogNormal": priors.LogNormal(1, 0.5, init=2),
    "Uniform": priors.Uniform(-1, 1),
    "LogUniform": priors.LogUniform(1e-9, 1e-7),
    "Angle": priors.Angle(init=0.3),
    "Custom": priors.Custom(dist.Gamma(2.0, 0.1)),
    "Custom of a prior's name": priors.Custom(dist.Normal(2.0, 0.1)),
    "Custom of integers": priors.Custom(dist.StudentT(3), init=1.0),
    "Custom nested": priors.Custom(dist.TruncatedNormal(1.0, 2.0, low=0.5, high=9.0)),
}


class Plateau(AbstractSky):
    level: Parameter = parameter(low=0.0, unit="image/pixel", doc="level")
    cut: Parameter = parameter(doc="cut", default=2.0)

    def brightness(self, x, y):
        return self.level + 0 * x


class Method(eqx.Module):
    draws: int = 500
    tolerance: float = 1e-3
    guide: str = "normal"
    steps: tuple[float, ...] = (0.1, 0.2)
    chains: int | None = None
    prior: priors.AbstractPrior = eqx.field(default_factory=priors.Angle)


def example_document():
    sersic = {"xc": 1.0, "yc": 2.0, "flux": 3.0, "r_eff": 4.0, "n": 1.0, "ellip": 0.1, "theta": 0.2}
    galaxy = {"type": "Sersic", **sersic, "n": {"type": "Uniform", "low": 1, "high": 5}}
    star = {"type": "PointSource", "xc": {"type": "Tied", "to": "galaxy.xc"}, "yc": 2, "flux": 1}
    return {"version": 1, "type": "Model", "components": {"galaxy": galaxy, "star": star}}


def run(code):
    names = {}
    exec(code, names)
    return names["model"]


def through_json(model, types=()):
    return from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)), types)


def midpoint(info):
    return 0.5 * (info.low + info.high) if math.isfinite(info.low) and math.isfinite(info.high) else 1 / 3


def test_every_prior_has_an_example():
    assert {type(prior) for prior in EXAMPLES.values()} == set(PRIORS)


@pytest.mark.parametrize("prior", EXAMPLES.values(), ids=list(EXAMPLES))
def test_round_trips_of_every_prior(prior):
    tie = Tied("disk.theta", scale=0.1, offset=-2)
    model = Model({"disk": Exponential(xc=tie, yc=0, flux=1e-20, r_eff=1, ellip=0, theta=prior)})
    assert through_json(model) == model
    assert run(to_python(model)) == model
    assert from_document(to_document(prior)) == prior


@pytest.mark.parametrize("cls", PROFILES)
def test_round_trips_of_every_profile(cls):
    fixed = cls(**{name: midpoint(info) for name, info in parameter_info(cls).items()})
    narrow = {
        name: priors.Uniform(midpoint(info), midpoint(info) + 0.01, init=midpoint(info) + 1 / 300)
        for name, info in parameter_info(cls).items()
    }
    model = Model({"second": fixed, "first": cls(**narrow)})
    assert through_json(model) == model
    assert list(through_json(model).components) == ["second", "first"]
    assert run(to_python(model)) == model


class Pearl(AbstractElliptical):
    xc: Parameter = parameter(unit="pixel", doc="x")
    yc: Parameter = parameter(unit="pixel", doc="y")
    flux: Parameter = parameter(doc="flux")
    radius: Parameter = parameter(low=0.0, open_low=True, unit="pixel", doc="radius")
    ellip: Parameter = parameter(low=0.0, high=0.9, doc="ellipticity")
    theta: Parameter = parameter(unit="rad", doc="angle")

    def radial(self, m):
        return (m < self.radius) / (math.pi * self.radius**2)


def reshaped(**changes):
    galaxy = Sersic(**{"xc": 1, "yc": 2, "flux": 3, "r_eff": 4, "n": 1, "ellip": 0.1, "theta": 0.2, **changes})
    return Boxy(FourierModes(galaxy, a4=priors.Uniform(-0.1, 0.1)), c0=0.3)


def test_round_trips_of_nested_profiles():
    plain = reshaped(n=priors.Uniform(1, 4), xc=Tied("star.xc"))
    pearl = Bent(Pearl(xc=1, yc=2, flux=3, radius=priors.LogUniform(1, 9), ellip=0, theta=0), b2=1)
    model = Model({"galaxy": plain, "pearl": pearl, "star": PointSource(xc=Tied("galaxy.yc"), yc=2, flux=1)})
    assert list(model.free) == ["galaxy.n", "galaxy.a4", "pearl.radius"]
    document = to_dict(model)
    assert document["components"]["galaxy"]["profile"]["profile"]["type"] == "Sersic"
    assert own_types(model) == (Pearl,)
    assert through_json(model, own_types(model)) == model
    assert run(to_python(model)) == model
    assert "sl.Boxy(\n        sl.FourierModes(" in to_python(model)


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (lambda d: d["profile"].update(n=12), "galaxy.n", r"^galaxy.n must lie in \[0.1, 10\], got 12$"),
        (lambda d: d["profile"].update(m=1), "galaxy.m", r"^galaxy.m is unknown: Sersic has xc"),
        (lambda d: d["profile"].pop("n") and None, "galaxy.n", r"^galaxy.n is missing: Sersic needs it$"),
        (lambda d: d.update(c0=9), "galaxy.c0", r"^galaxy.c0 must lie in \[-1, 4\], got 9$"),
        (lambda d: d.pop("profile") and None, "galaxy.profile", r"^galaxy.profile is missing: Boxy needs it$"),
        (lambda d: d.update(profile=3), "galaxy", r"^galaxy must be a mapping with a type \(Sersic, .*\), got 3$"),
        (
            lambda d: d.update(profile={"type": "FlatSky", "level": 1}),
            "galaxy",
            r"^galaxy has the type 'FlatSky'; expected Sersic, .*Nuker, NukerBrightness, Boxy",
        ),
        (
            lambda d: d.update(profile={"type": "Boxy", "profile": d["profile"]}),
            "galaxy",
            r"^galaxy: Boxy.c0 is a parameter of its profile too$",
        ),
    ],
)
def test_a_bad_nested_profile_is_reported(change, path, message):
    document = to_dict(Model({"galaxy": Boxy(reshaped().profile.profile)}))
    change(document["components"]["galaxy"])
    with pytest.raises(SpecError, match=message) as caught:
        from_dict(document)
    assert [problem["path"] for problem in caught.value.problems] == [path]


def test_what_the_renderer_refuses_is_a_problem_of_the_parameter():
    document = example_document()
    document["components"]["galaxy"]["n"] = 0.2
    with pytest.raises(SpecError, match=r"^galaxy.n in HybridRenderer must lie in \[0.5, 8\], got 0.2") as caught:
        from_dict(document)
    assert caught.value.path == "galaxy.n"
    document["renderer"] = {"type": "FourierRenderer"}
    document["components"]["galaxy"] = to_document(Boxy(reshaped().profile.profile))
    document["components"]["star"]["xc"] = 1.0
    with pytest.raises(SpecError, match=r"^FourierRenderer can't draw .*'galaxy'.*, a Boxy") as caught:
        from_dict(document)
    assert caught.value.path == "galaxy"


@pytest.mark.parametrize("cls", RENDERERS)
def test_round_trips_of_every_renderer(cls):
    model = Model({"sky": FlatSky(level=0.0)}, renderer=cls())
    assert through_json(model) == model
    assert run(to_python(model)) == model


@hs.composite
def _priors(draw):
    families = {name: family for name, family in schema()["priors"].items() if name != "Custom"}
    name = draw(hs.sampled_from(sorted(families)))
    document = {"type": name}
    for field in families[name]["fields"]:
        low = -1e12 if field["low"] is None else field["low"]
        document[field["name"]] = draw(hs.floats(low, 1e12, exclude_min=True))
    if "low" in document:
        low, high = sorted((document["low"], document["high"]))
        document |= {"low": low, "high": np.nextafter(high, np.inf).item() if low == high else high}
    return document


@given(_priors(), hs.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=60, deadline=None)
def test_any_prior_the_schema_allows_is_a_model(prior, number):
    numbers = {"xc": 0, "yc": 0, "flux": 1, "r_eff": 1, "ellip": 0}  # an angle takes every prior
    disk = {"type": "Exponential", **numbers, "theta": prior}
    model = from_dict({"version": 1, "type": "Model", "components": {"disk": disk}})
    model = model.with_component("offset", FlatSky(level=number))
    assert through_json(model) == model
    assert run(to_python(model)) == model


def test_the_document_is_the_agreed_one():
    model = Model({"sky": FlatSky(level=priors.TruncatedNormal(1, 2, low=0, init=np.float32(0.5)))})
    document = to_dict(model)
    del document["renderer"]
    assert document == {
        "version": 1,
        "type": "Model",
        "components": {
            "sky": {
                "type": "FlatSky",
                "level": {"type": "TruncatedNormal", "loc": 1.0, "scale": 2.0, "low": 0.0, "init": 0.5},
            }
        },
        "noise": {"type": "GaussianNoise"},
    }


def test_null_leaves_an_end_open_and_defaults_may_be_left_out():
    document = example_document()
    document["components"]["galaxy"]["xc"] = {"type": "TruncatedNormal", "loc": 1, "scale": 1, "low": None, "high": 3}
    document["components"]["galaxy"]["xc"]["init"] = None
    assert from_dict(document).free["galaxy.xc"] == priors.TruncatedNormal(1, 1, high=3)


def test_a_model_at_values_is_a_document_too():
    model = from_dict(example_document())
    assert through_json(model.at({"galaxy.n": np.float64(3)})) == model.at({"galaxy.n": 3.0})


def test_the_users_own_classes():
    model = Model({"king": Plateau(level=priors.LogUniform(1, 2))})
    assert through_json(model, [Plateau]) == model
    assert f"from {__name__} import Plateau" in to_python(model)
    with pytest.raises(SpecError, match=r"king has the type 'Plateau'; expected Sersic, .*TiltedSky, .*Bent$"):
        from_dict(to_dict(model))
    row = schema(types=[Plateau])["profiles"]["Plateau"]
    assert row["title"] == "Plateau"
    assert row["doc"] == ""
    assert [p["name"] for p in row["parameters"]] == ["level", "cut"]
    assert "cut" not in to_python(model)


def test_methods_are_documents_too():
    method = Method(draws=10, steps=(0.5,), chains=2)
    document = json.loads(json.dumps(to_document(method)))
    assert document["steps"] == [0.5]
    assert from_document(document, [Method]) == method
    assert schema(methods=[Method])["methods"] == {"Method": {"doc": ""}}


def test_printed_code_reads_like_code():
    model = Model(
        {
            "galaxy": Sersic(xc=priors.Normal(60, 1), yc=60, flux=1, r_eff=4, n=4, ellip=0, theta=priors.Angle()),
            "sky": FlatSky(level=priors.TruncatedNormal(0, 0.01, low=-1)),
        }
    )
    assert to_python(model) == (
        "import sersiclab as sl\n"
        "\n"
        "\n"
        "model = sl.Model({\n"
        '    "galaxy": sl.Sersic(\n'
        "        xc=sl.Normal(60.0, 1.0),\n"
        "        yc=60.0,\n"
        "        flux=1.0,\n"
        "        r_eff=4.0,\n"
        "        n=4.0,\n"
        "        ellip=0.0,\n"
        "        theta=sl.Angle(),\n"
        "    ),\n"
        '    "sky": sl.FlatSky(level=sl.TruncatedNormal(0.0, 0.01, low=-1.0)),\n'
        "})\n"
    )


# name -> (change to the example document, path of the problem, message)
MISTAKES = {
    "not a mapping": (lambda d: [d], "", r"^the document must be a mapping, got \[.*\]$"),
    "no version": (
        lambda d: d.pop("version") and None,
        "",
        r"^the document's version must be a number such as 1, got None$",
    ),
    "newer": (lambda d: d.update(version=2), "", r"^the document has version 2, made by a newer sersiclab; this.* 1$"),
    "no model": (lambda d: d.update(type="Sersic"), "", r"^the document has the type 'Sersic'; expected Model$"),
    "no components": (lambda d: d.update(components={}), "", r"^components must hold at least one profile, got none$"),
    "list of components": (lambda d: d.update(components=[]), "", r"^components must be a mapping from names .* \[\]$"),
    "unknown top key": (lambda d: d.update(scene=1), "scene", r"^scene is unknown: Model has components, noise, ren"),
    "bad name": (lambda d: d["components"].update({"a b": {"type": "FlatSky", "level": 0}}), "", r"got 'a b'$"),
    "number for a component": (
        lambda d: d["components"].update(galaxy=3),
        "galaxy",
        r"^galaxy must be a mapping with a type \(Sersic, .*\), got 3$",
    ),
    "unknown profile": (
        lambda d: d["components"]["galaxy"].update(type="Sersik"),
        "galaxy",
        r"^galaxy has the type 'Sersik'; expected Sersic, Exponential, .*TiltedSky, .*Bent$",
    ),
    "no type": (lambda d: d["components"]["star"].pop("type") and None, "star", r"^star has no type, got \{"),
    "prior for a component": (
        lambda d: d["components"].update(star={"type": "Angle"}),
        "star",
        r"^star has the type 'Angle'; expected Sersic",
    ),
    "missing": (lambda d: d["components"]["galaxy"].pop("n") and None, "galaxy.n", r"^galaxy.n is missing: Sersic nee"),
    "unknown key": (lambda d: d["components"]["star"].update(n=1), "star.n", r"^star.n is unknown: PointSource has xc"),
    "out of range": (
        lambda d: d["components"]["galaxy"].update(n=12),
        "galaxy.n",
        r"^galaxy.n must lie in \[0.1, 10\], got 12$",
    ),
    "not finite": (
        lambda d: d["components"]["star"].update(yc=math.inf),
        "star.yc",
        r"^star.yc must be a finite number, got inf$",
    ),
    "text": (lambda d: d["components"]["star"].update(yc="2"), "star.yc", r"^star.yc must be a number, a .*, got '2'$"),
    "list": (lambda d: d["components"]["star"].update(yc=[2]), "star.yc", r"^star.yc must be a number, a .*\(2,\)$"),
    "true": (lambda d: d["components"]["star"].update(yc=True), "star.yc", r"^star.yc must be a number, .* got True$"),
    "null": (lambda d: d["components"]["star"].update(yc=None), "star.yc", r"^star.yc must be a number, .* got None$"),
    "prior out of range": (
        lambda d: d["components"]["galaxy"]["n"].update(high=12),
        "galaxy.n",
        r"^galaxy.n must lie in \[0.1, 10\], but its prior .* allows \[1, 12\]; truncate the prior$",
    ),
    "init out of prior": (
        lambda d: d["components"]["galaxy"]["n"].update(init=7),
        "galaxy.n",
        r"^galaxy.n: init must lie in its prior's \[1, 5\], got 7$",
    ),
    "prior upside down": (
        lambda d: d["components"]["galaxy"]["n"].update(low=6),
        "galaxy.n",
        r"^galaxy.n: Uniform needs low < high, got low=6, high=5$",
    ),
    "prior of text": (
        lambda d: d["components"]["galaxy"].update(n={"type": "TruncatedNormal", "loc": "4", "scale": 1}),
        "galaxy.n",
        r"^galaxy.n: TruncatedNormal.loc must be a number, got '4'$",
    ),
    "prior lacks a field": (
        lambda d: d["components"]["galaxy"]["n"].pop("low") and None,
        "galaxy.n",
        r"^galaxy.n.low is missing: Uniform needs it$",
    ),
    "unknown prior": (
        lambda d: d["components"]["galaxy"]["n"].update(type="Flat"),
        "galaxy.n",
        r"^galaxy.n has the type 'Flat'; expected Normal, TruncatedNormal, .*Tied, ",
    ),
    "unknown distribution": (
        lambda d: d["components"]["star"].update(xc={"type": "Custom", "base": {"type": "Gama"}}),
        "star.xc",
        r"^star.xc.base has the type 'Gama'; expected a distribution of numpyro$",
    ),
    "distribution of text": (
        lambda d: d["components"]["star"].update(xc={"type": "Custom", "base": {"type": "Normal", "loc": "a"}}),
        "star.xc",
        r"^star.xc.base.loc must be a number or a distribution, got 'a'$",
    ),
    "distribution out of range": (
        lambda d: d["components"]["star"].update(xc={"type": "Custom", "base": {"type": "Normal", "scale": -1}}),
        "star.xc",
        r"^star.xc.base: .*scale",
    ),
    "tied to nowhere": (
        lambda d: d["components"]["star"].update(xc={"type": "Tied", "to": "blob.xc"}),
        "star.xc",
        r"^star.xc is tied to 'blob.xc', which is not a parameter of this model$",
    ),
    "noise of the wrong kind": (
        lambda d: d.update(noise={"type": "FlatSky", "level": 0}),
        "noise",
        r"^noise has the type 'FlatSky'; expected GaussianNoise",
    ),
    "no renderer": (lambda d: d.update(renderer=None), "", r"^renderer must be a renderer such as .*, got None$"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
def test_a_bad_document_is_reported(mistake):
    change, path, message = mistake
    document = example_document()
    replaced = change(document)
    with pytest.raises(SpecError, match=message) as caught:
        from_dict(document if replaced is None else replaced)
    assert caught.value.path == path
    assert caught.value.problems == [{"path": path, "message": str(caught.value)}]


def test_all_problems_are_reported_at_once():
    document = example_document()
    document["components"]["galaxy"] |= {"n": 12, "ellip": 2, "m": 1}
    document["components"]["star"]["type"] = "Star"
    with pytest.raises(SpecError, match=r"^the document has 4 problems:\n- galaxy.m is unknown") as caught:
        from_dict(document)
    assert [problem["path"] for problem in caught.value.problems] == ["galaxy.m", "galaxy.n", "galaxy.ellip", "star"]


def test_a_circle_of_ties_is_a_problem_of_all_its_members():
    document = example_document()
    document["components"]["galaxy"]["xc"] = {"type": "Tied", "to": "star.xc"}
    with pytest.raises(SpecError, match=r"galaxy.xc is tied in a circle: galaxy.xc -> star.xc -> galaxy.xc") as caught:
        from_dict(document)
    assert [problem["path"] for problem in caught.value.problems] == ["galaxy.xc", "star.xc"]


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(SpecError, match=r"^renderer.split must be finite to be written, got inf$"):
        to_dict(Model({"sky": FlatSky(level=0.0)}, renderer=HybridRenderer(split=math.inf)))
    mixture = dist.MixtureSameFamily(dist.Categorical(np.ones(2) / 2), dist.Normal(np.zeros(2), 1.0))
    with pytest.raises(TypeError, match=r"sky.level.base.* can't be written as a document"):
        to_dict(Model({"sky": FlatSky(level=priors.Custom(mixture))}))


def test_the_schema_tells_what_the_classes_declare():
    document = schema()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document["profiles"]) == [cls.__name__ for cls in (*PROFILES, *MODIFIERS)]
    assert {name for name, one in document["profiles"].items() if one["kind"] == "modifier"} == {
        "Boxy",
        "FourierModes",
        "Bent",
    }
    assert [row["name"] for row in document["profiles"]["Boxy"]["parameters"]] == ["c0"]
    sersic = document["profiles"]["Sersic"]
    assert (sersic["title"], sersic["kind"]) == ("Sérsic", "source")
    index = {"name": "n", "low": 0.5, "high": 8.0, "unit": "", "doc": "Sérsic index", "usual": None, "start": None}
    index["logarithmic"] = True
    assert index in sersic["parameters"]
    slope = next(row for row in document["profiles"]["Moffat"]["parameters"] if row["name"] == "beta")
    assert (slope["low"], slope["usual"], slope["start"]) == (1.01, [1.5, 10.0], 2.5)
    assert sersic["parameters"][0]["low"] is None
    assert document["profiles"]["FlatSky"]["kind"] == "sky"
    assert document["profiles"]["FlatSky"]["title"] == "Flat sky"
    assert list(document["priors"]) == [cls.__name__ for cls in PRIORS]
    assert document["priors"]["Normal"]["fields"] == [
        {"name": "loc", "low": None, "high": None, "default": 0.0},
        {"name": "scale", "low": 0.0, "high": None, "default": 1.0},
    ]
    assert document["priors"]["Custom"]["fields"] == []
    assert all(len(profile["doc"]) > 10 and profile["title"] for profile in document["profiles"].values())


@pytest.mark.parametrize("cls", [cls for cls in PRIORS if cls is not priors.Custom])
def test_the_schemas_defaults_make_a_prior(cls):
    fields = schema()["priors"][cls.__name__]["fields"]
    assert isinstance(cls(**{field["name"]: field["default"] for field in fields}), cls)


def test_the_schema_tells_which_families_a_parameter_takes():
    rows = [row for profile in schema()["profiles"].values() for row in profile["parameters"]]
    assert {row["low"] for row in rows} > {None, 0.0}
    for cls in (priors.Normal, priors.LogNormal, priors.Angle):
        family = schema()["priors"][cls.__name__]
        low, high = (
            end if end is not None else sign * math.inf for end, sign in zip(family["support"], (-1, 1), strict=True)
        )
        assert cls(**{field["name"]: field["default"] for field in family["fields"]}).support() == (low, high)
    for cls in (priors.Uniform, priors.LogUniform, priors.TruncatedNormal, priors.Custom):
        assert schema()["priors"][cls.__name__]["support"] is None


def test_the_names_are_public():
    assert (sl.to_dict, sl.from_dict, sl.to_python) == (to_dict, from_dict, to_python)
