"""A model as the Python code that builds it."""

import textwrap
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import numpyro.distributions as dist

from sersiclab.documents.nodes import REQUIRED, arguments_of, plain_value
from sersiclab.model import Model, checked_model
from sersiclab.profiles import AbstractProfile


def to_python(model: Model) -> str:
    """Return Python code that builds a model, without arguments that equal their defaults.

    Arguments:
        model: the model.

    Returns:
        A script that defines `model`.

    Raises:
        TypeError: if the model has a part that no document can hold.

    Example:
        >>> import sersiclab as sl
        >>> print(sl.to_python(sl.Model({"sky": sl.FlatSky(level=0.5)})))
        import sersiclab as sl
        <BLANKLINE>
        <BLANKLINE>
        model = sl.Model({
            "sky": sl.FlatSky(level=0.5),
        })
        <BLANKLINE>
    """
    imports: set[str] = {"import sersiclab as sl"}
    code = _expression(checked_model(model), imports)
    return "\n".join(sorted(imports)) + f"\n\n\nmodel = {code}\n"


def _expression(value: Any, imports: set[str]) -> str:
    """Return code that builds a value, and add the imports that it needs to `imports`."""
    if isinstance(value, eqx.Module | dist.Distribution):
        return _call(value, imports)
    if isinstance(value, Mapping):
        lines = [f'"{key}": {_expression(item, imports)},' for key, item in value.items()]
        return "{\n" + textwrap.indent("\n".join(lines), "    ") + "\n}"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_expression(item, imports)}, " for item in value).rstrip() + ")"
    plain = plain_value(value, "a value")
    return f'"{plain}"' if isinstance(plain, str) and plain.isprintable() and '"' not in plain else repr(plain)


def _call(node: Any, imports: set[str]) -> str:
    arguments = []
    for name, argument in arguments_of(type(node)).items():
        value = getattr(node, name)
        required = argument.default is REQUIRED
        if required or plain_value(value, name) != plain_value(argument.default, name):
            code = _expression(value, imports)
            arguments.append(code if required and not argument.keyword_only else f"{name}={code}")
    name = _imported_name(type(node), imports)
    if isinstance(node, AbstractProfile) and len(arguments) > 1:
        return f"{name}(\n" + textwrap.indent(",\n".join(arguments), "    ") + ",\n)"
    return f"{name}({', '.join(arguments)})"


def _imported_name(cls: type, imports: set[str]) -> str:
    package = cls.__module__.split(".")[0]
    if package == "sersiclab":
        return f"sl.{cls.__name__}"
    if package == "numpyro":
        imports.add("import numpyro.distributions as dist")
        return f"dist.{cls.__name__}"
    if cls.__module__ != "__main__":
        imports.add(f"from {cls.__module__} import {cls.__name__}")
    return cls.__name__
