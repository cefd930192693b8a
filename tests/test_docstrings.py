"""Docstrings of public names: their examples run, and they have the sections that they need."""

import ast
import dataclasses
import doctest
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import sersiclab as sl


SOURCE = Path(sl.__file__).parent
PARSER = doctest.DocTestParser()
NAMES = {"sl": sl, "np": np, "jax": jax, "jnp": jnp, "Path": Path}  # which every example may use
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_objects() -> dict[str, Any]:
    """The public names, those of the public modules, and the public members of classes."""
    found: dict[str, Any] = {}
    for name in sl.__all__:
        value = getattr(sl, name)
        if inspect.ismodule(value):
            found |= {f"{name}.{key}": getattr(value, key) for key in value.__all__}
        elif not isinstance(value, str):
            found[name] = value
    classes = {name: value for name, value in found.items() if isinstance(value, type)}
    return found | {f"{name}.{key}": value for name, cls in classes.items() for key, value in own(cls)}


def own(cls: type) -> Iterator[tuple[str, Any]]:
    """The public members that sersiclab defines, in the class or its bases."""
    for base in cls.__mro__:
        if base.__module__.startswith("sersiclab"):
            for key, value in vars(base).items():
                if not key.startswith("_"):
                    yield key, value if isinstance(value, property) else getattr(base, key, None)


def examples(value: Any) -> list[doctest.Example]:
    return PARSER.get_examples(inspect.getdoc(value) or "")


WITH_EXAMPLES = {name: value for name, value in public_objects().items() if examples(value)}


@pytest.fixture(scope="module")
def fits() -> dict[str, Any]:
    """Two fits of an image, which examples of the methods of `Fit` and of the widget start from."""
    places = {"xc": sl.Normal(13.0, 0.3), "yc": sl.Normal(11.5, 0.3), "ellip": 0.3, "theta": 0.7}
    galaxy = sl.Sersic(**places, flux=sl.LogUniform(10, 1e3), r_eff=sl.LogUniform(1, 10), n=sl.Uniform(0.5, 4.0))
    model = sl.Model({"galaxy": galaxy})
    best = {"galaxy.xc": 13.0, "galaxy.yc": 11.5, "galaxy.flux": 100.0, "galaxy.r_eff": 3.0, "galaxy.n": 1.5}
    psf = sl.datasets.moffat(9, fwhm=3.0, beta=3.0)
    image = sl.simulate(model.at(best), sl.Image(np.zeros((24, 27)), sigma=0.05, psf=psf), seed=1)
    both = joint(galaxy, image, best)
    return {
        "image": image,
        "model": model,
        "fit": drawn(model, image, best),
        "other": other(model, image, best),
        "both": both,
    }


def joint(galaxy: sl.Sersic, image: sl.Image, best: dict[str, float]) -> sl.JointFit:
    """A fit of the same image in two bands, from which examples of the methods of `JointFit` start."""
    galaxy = dataclasses.replace(galaxy, flux=sl.PerBand(galaxy.flux))
    images = sl.Images({band: dataclasses.replace(image, band=band) for band in "gr"})
    model = sl.Model({"galaxy": galaxy}).for_images(images)
    single = drawn(model.of("g"), image, best)
    draws = {path: single.draws[".".join(path.split(".")[:2])] for path in model.free}
    values = {path: best[".".join(path.split(".")[:2])] for path in model.free}
    return sl.JointFit(model, images, sl.NUTS(), 1, draws, values)


def drawn(model: sl.Model, image: sl.Image, best: dict[str, float]) -> sl.Fit:
    """A fit whose draws scatter by a known error about the best values."""
    scatter = np.random.default_rng(1).normal(size=(len(best), 2, 50))
    scatter = (scatter - scatter.mean((1, 2), keepdims=True)) / scatter.std((1, 2), ddof=1, keepdims=True)
    errors = {"galaxy.xc": 0.01, "galaxy.yc": 0.01, "galaxy.flux": 1.0, "galaxy.r_eff": 0.03, "galaxy.n": 0.05}
    draws = {path: best[path] + errors[path] * unit for path, unit in zip(best, scatter, strict=True)}
    return sl.Fit(model, image, sl.NUTS(), 1, draws, best)


def other(model: sl.Model, image: sl.Image, best: dict[str, float]) -> sl.Fit:
    return drawn(model, image, {**best, "galaxy.r_eff": 3.5})


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str, fits: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(WITH_EXAMPLES[name]) or ""
    named = {**fits, "fit": fits["both"]} if name.startswith("JointFit") else fits
    test = PARSER.get_doctest(text, NAMES | named, name, None, 0)
    said: list[str] = []
    with mpl.rc_context({"backend": "agg"}):
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append)
        plt.close("all")
    assert result.attempted == len(test.examples) > 0
    assert not result.failed, "".join(said)


def test_no_example_is_left_out() -> None:
    run = {example.source for value in WITH_EXAMPLES.values() for example in examples(value)}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                written = PARSER.get_examples(ast.get_docstring(node) or "")
                assert {example.source for example in written} <= run, f"{path}: {node}"
                assert not any(doctest.SKIP in example.options for example in written)


# Most used, and therefore with an example, and with their arguments if they have any.
MOST_USED = """
    Image Image.read Image.cutout Image.convert Images Images.read Model Model.at Model.replace Model.with_component
    Model.with_total_flux Model.with_order Model.without guess detect fit start resume NUTS SVI Laplace Importance
    MAP Run Fit Fit.summary
    Fit.derive Fit.compare Fit.agreement Fit.plot Fit.plot_corner Fit.posterior_predictive
    Fit.to_arviz Fit.to_table Fit.to_latex Fit.radial_profile Fit.curve_of_growth Fit.write_fits Fit.write_regions
    Fit.save load compare Posterior render render_components render_error joint simulate Tied Normal TruncatedNormal
    LogNormal Uniform LogUniform Angle Custom parameter Sersic Exponential PointSource FlatSky GaussianNoise
    StudentTNoise CorrelatedNoise InflatedNoise HybridRenderer PixelRenderer to_dict from_dict to_python schema
    persistent_cache io.load io.read_galfit io.write_galfit io.read_imfit io.write_imfit io.read_regions
    datasets.example datasets.truth Workbench Editor
""".split()  # noqa: SIM905 (one name a line would fill two pages)
WITHOUT_ARGUMENTS = {"MAP", "Run", "GaussianNoise", "Angle", "Model.without", "schema", "persistent_cache"}
WITHOUT_ARGUMENTS |= {"Fit.summary", "Fit.plot", "Fit.to_table", "Fit.radial_profile", "Fit.curve_of_growth"}
SECTION = r"^{}:\n((?:    .*\n?|\n)*)"


@pytest.mark.parametrize("name", MOST_USED)
def test_the_most_used_names_have_arguments_and_an_example(name: str) -> None:
    text = inspect.getdoc(public_objects()[name]) or ""
    assert examples(public_objects()[name])
    if name not in WITHOUT_ARGUMENTS:
        assert re.search(r"^(Arguments:|Attributes:|Parameters, each)", text, re.MULTILINE)


def is_function(value: Any) -> bool:
    """Whether this is a function or a method, jitted or not."""
    return inspect.isroutine(value) and not isinstance(value, cached_property)


FUNCTIONS = {name: value for name, value in public_objects().items() if is_function(value)}


def undescribed(function: Any) -> list[str]:
    """The parameters of a function that its docstring does not describe, and "returns" without its result.

    The section on arguments may refer to those of another name, and a short docstring may describe them in its text.
    """
    text = inspect.getdoc(function) or ""
    section = re.search(SECTION.format("Arguments"), text, re.MULTILINE)
    described = section[1] if section else ""
    signature = inspect.signature(function)
    names = [name for name in signature.parameters if name != "self"]
    if not section and len(names) == 1:
        described = text
    elsewhere = re.search(r"rguments\b.* are those of `", text) is not None
    missing = [
        name
        for name in names
        if not (elsewhere or re.search(rf"\b{name}\b", described) or (not section and f"`{name}`" in text))
    ]
    gives = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    if gives and not text.startswith("Return") and not re.search(SECTION.format("Returns"), text, re.MULTILINE):
        missing.append("returns")
    return missing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_and_result_is_described(name: str) -> None:
    assert inspect.getdoc(FUNCTIONS[name])
    assert undescribed(FUNCTIONS[name]) == []


def test_every_public_class_and_property_is_described() -> None:
    found = {
        name: value for name, value in public_objects().items() if isinstance(value, type | property | cached_property)
    }
    assert len(found) > 130
    assert [name for name, value in found.items() if not inspect.getdoc(value)] == []


def test_what_is_not_described_is_found() -> None:
    def function(size: int, other: int) -> int:
        """Measure the `size`."""
        return size + other

    assert undescribed(function) == ["other", "returns"]
    function.__doc__ = "Return it.\n\nArguments:\n    size: in pixels.\n"
    assert undescribed(function) == ["other"]
    function.__doc__ = "Measure it.\n\nArguments:\n    size, other: in pixels.\n\nReturns:\n    It.\n"
    assert undescribed(function) == []
