"""Docstrings of public names: their examples run."""

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
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


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(WITH_EXAMPLES[name]) or ""
    test = PARSER.get_doctest(text, dict(NAMES), name, None, 0)
    said: list[str] = []
    with mpl.rc_context({"backend": "agg"}):
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append)
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
MOST_USED = [
    "Image",
    "Image.read",
    "Model",
    "fit",
    "start",
    "resume",
    "NUTS",
    "SVI",
    "Laplace",
    "Importance",
    "MAP",
    "Fit",
    "Run",
    "Posterior",
    "detect",
    "render",
    "joint",
    "simulate",
    "Tied",
    "Normal",
    "Uniform",
    "LogUniform",
    "parameter",
    "Sersic",
    "Exponential",
    "PointSource",
    "FlatSky",
    "GaussianNoise",
    "HybridRenderer",
    "PixelRenderer",
    "io.read_galfit",
    "io.write_galfit",
    "io.read_imfit",
    "io.write_imfit",
    "io.read_regions",
    "datasets.example",
]
WITHOUT_ARGUMENTS = {"MAP", "Run", "GaussianNoise"}


@pytest.mark.parametrize("name", MOST_USED)
def test_the_most_used_names_have_arguments_and_an_example(name: str) -> None:
    text = inspect.getdoc(public_objects()[name]) or ""
    assert examples(public_objects()[name])
    if name not in WITHOUT_ARGUMENTS:
        assert re.search(r"^(Arguments:|Attributes:|Parameters, each)", text, re.MULTILINE)
