"""What identifies a model or a recipe, so that a run that is resumed can tell whether it is still the same.

A model is identified by a digest of its document. A function is identified by its module, its name and a digest of its
bytecode, constants, defaults and enclosed values; functions of sersiclab itself by their name, since its version is
recorded separately. A `functools.partial` adds its arguments, an object the values of its fields, except those of a
dataclass that are declared with `compare=False`. Functions that are called by the recipe, and files that it reads, are
not looked at.
"""

import dataclasses
import functools
import hashlib
import json
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from sersiclab.documents.spec import to_dict
from sersiclab.model import Model
from sersiclab.runtime.errors import InputError, InputTypeError


PACKAGE = __name__.partition(".")[0]
# Longer descriptions of an argument are replaced by a digest.
LONGEST = 200
MODEL = "Model"


def recipe_name(recipe: Any) -> str:
    """Return the name of a recipe without its arguments; "Model" for a model."""
    if isinstance(recipe, Model):
        return MODEL
    if isinstance(recipe, functools.partial):
        return recipe_name(recipe.func)
    if isinstance(recipe, types.MethodType):
        return _function(recipe.__func__)
    if isinstance(recipe, types.FunctionType):
        return _function(recipe)
    if isinstance(recipe, type | types.BuiltinFunctionType):
        return f"{recipe.__module__}.{recipe.__qualname__}"
    return _name_of(type(recipe)) + _digest_of_call(recipe)


def recipe_identity(recipe: Any) -> str:
    """Return the name of a recipe with its arguments; for a model a digest of its document."""
    if isinstance(recipe, Model):
        return f"{MODEL}#{_digest_of_model(_Same(recipe))}"
    if isinstance(recipe, functools.partial):
        given = [
            *map(described_value, recipe.args),
            *(f"{k}={described_value(v)}" for k, v in _sorted(recipe.keywords)),
        ]
        return f"{recipe_identity(recipe.func)}({', '.join(given)})"
    if isinstance(recipe, types.MethodType):
        return f"{recipe_name(recipe)} of {described_value(recipe.__self__)}"
    if isinstance(recipe, types.FunctionType | types.BuiltinFunctionType | type):
        return recipe_name(recipe)
    return f"{recipe_name(recipe)}{_fields(recipe)}"


def model_json(model: Model) -> str:
    """Return the document of a model as JSON; an empty text if it has a part that no document can hold."""
    try:
        return json.dumps(to_dict(model))
    except (InputError, InputTypeError):
        return ""


def digest(*parts: str | bytes) -> str:
    """Return 16 hexadecimal digits that stand for these texts."""
    found = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


@dataclasses.dataclass(frozen=True, eq=False)
class _Same:
    """A model as a key that is equal only to itself."""

    model: Model

    def __hash__(self) -> int:
        return id(self.model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.model is self.model


@functools.lru_cache(maxsize=16)
def _digest_of_model(same: _Same) -> str:
    return digest(model_json(same.model) or repr(same.model))


def described_value(value: Any) -> str:
    """Return a text that is the same for equal values, in every process."""
    text = _described(value)
    return text if len(text) <= LONGEST else f"{type(value).__name__}#{digest(text)}"


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array{value.shape}#{digest(value.dtype.str, np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_described(k)}: {_described(v)}" for k, v in value.items()) + "}"
    if isinstance(value, set | frozenset):  # whose order differs between processes
        return "{" + ", ".join(sorted(map(_described, value))) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(_described, value)) + ")"
    if isinstance(value, types.CodeType):
        return _code(value)
    if callable(value) or isinstance(value, Model):
        return recipe_identity(value)
    if dataclasses.is_dataclass(value):
        return _name_of(type(value)) + _fields(value)
    text = repr(value)
    return text if " at 0x" not in text else _name_of(type(value))


def _fields(value: Any) -> str:
    names = [f.name for f in dataclasses.fields(value) if f.compare] if dataclasses.is_dataclass(value) else []
    held = {name: getattr(value, name) for name in names} if names else getattr(value, "__dict__", {})
    return f"({', '.join(f'{name}={described_value(part)}' for name, part in held.items())})"


def _function(function: types.FunctionType) -> str:
    name = f"{function.__module__}.{function.__qualname__}"
    if function.__module__.partition(".")[0] == PACKAGE:
        return name
    cells = [_enclosed(cell) for cell in function.__closure__ or ()]
    defaults = _described(function.__defaults__), _described(function.__kwdefaults__ or {})
    return f"{name}#{digest(_code(function.__code__), *defaults, *cells)}"


def _enclosed(cell: types.CellType) -> str:
    try:
        value = cell.cell_contents
    except ValueError:  # not assigned yet
        return ""
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, types.FunctionType) else _described(value)


def _code(code: types.CodeType) -> str:
    return digest(code.co_code, *map(_described, code.co_consts), *code.co_names, *code.co_varnames)


def _digest_of_call(recipe: Any) -> str:
    call = vars(type(recipe)).get("__call__")
    if not isinstance(call, types.FunctionType) or call.__module__.partition(".")[0] == PACKAGE:
        return ""
    return f"#{digest(_function(call))}"


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _sorted(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(mapping.items())
