"""Nodes of documents: the arguments of the classes of a model's tree, and their values as plain JSON."""

import dataclasses
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

import equinox as eqx
import jax
import numpy as np
import numpyro.distributions as dist

from sersiclab.parameters import ParameterInfo, parameter_info
from sersiclab.parameters.base import AbstractVarying
from sersiclab.parameters.scalars import is_number
from sersiclab.runtime.errors import InputError, InputTypeError


REQUIRED = dataclasses.MISSING


class SpecError(InputError):
    """A document is not a valid model; `problems` lists everything wrong with it, `[{"path", "message"}, ...]`."""

    def __init__(self, problems: Sequence[Mapping[str, str]]) -> None:
        self.problems = [dict(problem) for problem in problems]
        self.path = self.problems[0]["path"]
        messages = [problem["message"] for problem in self.problems]
        listed = "".join(f"\n- {message}" for message in messages)
        super().__init__(messages[0] if len(messages) == 1 else f"the document has {len(messages)} problems:{listed}")


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument of a class of the tree, as its field or signature declares it."""

    name: str
    default: Any
    keyword_only: bool
    bases: tuple[type, ...]
    is_mapping: bool = False
    in_distribution: bool = False
    is_nested: bool = False
    holds_nodes: bool = False
    info: ParameterInfo | None = None


def arguments_of(cls: type) -> dict[str, Argument]:
    if issubclass(cls, dist.Distribution):
        return _distribution_arguments(cls)
    infos = parameter_info(cls) if issubclass(cls, eqx.Module) else {}
    return {
        field.name: Argument(
            name=field.name,
            default=field.default if field.default_factory is REQUIRED else field.default_factory(),
            keyword_only=field.kw_only is True or field.name in infos,
            bases=_bases(field.type) or (eqx.Module,),
            is_mapping=get_origin(field.type) in (dict, Mapping),
            is_nested="nested" in field.metadata,
            holds_nodes=issubclass(cls, AbstractVarying) and field.name == "prior",
            info=infos.get(field.name),
        )
        for field in dataclasses.fields(cls)
        if field.init
    }


def _distribution_arguments(cls: type) -> dict[str, Argument]:
    return {
        name: Argument(
            name=name,
            default=REQUIRED if argument.default is argument.empty else argument.default,
            keyword_only=argument.kind is argument.KEYWORD_ONLY,
            bases=(dist.Distribution,),
            in_distribution=True,
        )
        for name, argument in inspect.signature(cls).parameters.items()
        if name != "validate_args"
    }


def _bases(annotation: Any) -> tuple[type, ...]:
    """Return the classes of the tree in an annotation such as `dict[str, AbstractProfile]`."""
    if inspect.isclass(annotation) and issubclass(annotation, eqx.Module | dist.Distribution):
        return (annotation,)
    return tuple(base for argument in get_args(annotation) for base in _bases(argument))


def inner_path(path: str, argument: Argument) -> str:
    """Return the path of an argument of the node at `path`."""
    return path if argument.is_nested else f"{path}.{argument.name}".lstrip(".")


def label_of(path: str) -> str:
    return path or "the document"


def document_of(node: Any, path: str) -> dict[str, Any]:
    document: dict[str, Any] = {"type": type(node).__name__}
    for name, argument in arguments_of(type(node)).items():
        if not hasattr(node, name):
            raise InputTypeError(f"{label_of(path)} can't be written as a document: {type(node).__name__} hides {name}")
        value = getattr(node, name)
        empty = (each is None or (isinstance(each, Mapping | tuple) and not each) for each in (value, argument.default))
        if not all(empty):
            document[name] = plain_value(value, inner_path(path, argument))
    return document


def plain_value(value: Any, path: str) -> Any:
    if isinstance(value, eqx.Module | dist.Distribution):
        return document_of(value, path)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, list | tuple):
        return [plain_value(item, path) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain_value(item, str(key)) for key, item in value.items()}
    if not is_number(value):
        raise InputTypeError(f"{path} can't be written as a document: {value!r}")
    number = value.item() if isinstance(value, np.generic | np.ndarray | jax.Array) else value
    if not math.isfinite(number):
        raise SpecError([{"path": path, "message": f"{path} must be finite to be written, got {number}"}])
    return number
