"""Documents: a model as plain JSON, and as the Python code that builds it.

A node of the tree is `{"type": class name, field: value, ...}`; the reading and the writing walk the
classes' own fields, so a new class needs nothing here. Paths in problems are those of parameters:
"galaxy.n", "galaxy" for a component, "" for the whole document. What is nested in a component, as in
`{"type": "Boxy", "profile": {"type": "Sersic", "n": 4, ...}, "c0": 0.1}`, has the component's path: "galaxy.n".
"""

import dataclasses
import inspect
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

import equinox as eqx
import jax
import numpy as np
import numpyro.distributions as dist

from sersiclab.documents.schema import VERSION, check_classes
from sersiclab.documents.schema import schema as schema
from sersiclab.model import Model, checked_model
from sersiclab.noise import NOISES
from sersiclab.parameters import ParameterInfo, Tied, nested_modules, parameter_info, ties
from sersiclab.parameters.links import LINKS
from sersiclab.parameters.priors import PRIORS
from sersiclab.parameters.scalars import is_number
from sersiclab.profiles import MODIFIERS, PROFILES, AbstractProfile, installed_profiles
from sersiclab.rendering import RENDERERS, AbstractRenderer, HybridRenderer
from sersiclab.runtime.errors import InputError, InputTypeError


_KNOWN: tuple[type, ...] = (Model, *PROFILES, *MODIFIERS, *PRIORS, Tied, *NOISES, *RENDERERS, *LINKS)
_REQUIRED = dataclasses.MISSING


class SpecError(InputError):
    """A document that is no model. `problems` lists all that is wrong, `[{"path", "message"}, ...]`."""

    def __init__(self, problems: Sequence[Mapping[str, str]]) -> None:
        self.problems = [dict(problem) for problem in problems]
        self.path = self.problems[0]["path"]
        messages = [problem["message"] for problem in self.problems]
        listed = "".join(f"\n- {message}" for message in messages)
        super().__init__(messages[0] if len(messages) == 1 else f"the document has {len(messages)} problems:{listed}")


def to_dict(model: Model) -> dict[str, Any]:
    """The model as a document of plain JSON values."""
    return {"version": VERSION, **to_document(checked_model(model))}


def from_dict(document: Mapping[str, Any], types: Sequence[type] = ()) -> Model:
    """The model of a document; `types` holds the user's own classes that it names.

    Raises `SpecError` with every problem found.
    """
    reader = _Reader(types)
    return reader.module(reader.unversioned(document), Model)


def to_document(module: eqx.Module) -> dict[str, Any]:
    """Any module of plain fields, such as a prior or a method, as a document without a version."""
    return _document(module, "")


def from_document(document: Mapping[str, Any], types: Sequence[type] = ()) -> Any:
    """The module of a document without a version. Raises `SpecError` with every problem found."""
    return _Reader(types).module(document, eqx.Module)


def own_types(model: Model) -> tuple[type, ...]:
    """The classes of profiles in a model that are the user's own: what `from_dict` must be told."""
    modules: list[eqx.Module] = list(model.components.values())
    for module in modules:
        modules.extend(nested_modules(module).values())
    return tuple(dict.fromkeys(type(module) for module in modules if type(module) not in _KNOWN))


def to_python(model: Model) -> str:
    """Python code that builds the model, with defaults left out."""
    imports: set[str] = {"import sersiclab as sl"}
    code = _expression(checked_model(model), imports)
    return "\n".join(sorted(imports)) + f"\n\n\nmodel = {code}\n"


@dataclasses.dataclass(frozen=True)
class _Argument:
    """One argument of a class of the tree: what the field or the signature declares of it."""

    name: str
    default: Any
    keyword_only: bool
    bases: tuple[type, ...]
    is_mapping: bool = False
    in_distribution: bool = False
    is_nested: bool = False
    info: ParameterInfo | None = None


def _arguments(cls: type) -> dict[str, _Argument]:
    if issubclass(cls, dist.Distribution):
        return _distribution_arguments(cls)
    infos = parameter_info(cls) if issubclass(cls, eqx.Module) else {}
    return {
        field.name: _Argument(
            name=field.name,
            default=field.default if field.default_factory is _REQUIRED else field.default_factory(),
            keyword_only=field.kw_only is True or field.name in infos,
            bases=_bases(field.type) or (eqx.Module,),
            is_mapping=get_origin(field.type) in (dict, Mapping),
            is_nested="nested" in field.metadata,
            info=infos.get(field.name),
        )
        for field in dataclasses.fields(cls)
        if field.init
    }


def _distribution_arguments(cls: type) -> dict[str, _Argument]:
    return {
        name: _Argument(
            name=name,
            default=_REQUIRED if argument.default is argument.empty else argument.default,
            keyword_only=argument.kind is argument.KEYWORD_ONLY,
            bases=(dist.Distribution,),
            in_distribution=True,
        )
        for name, argument in inspect.signature(cls).parameters.items()
        if name != "validate_args"
    }


def _bases(annotation: Any) -> tuple[type, ...]:
    """The classes of the tree that an annotation such as `dict[str, AbstractProfile]` speaks of."""
    if inspect.isclass(annotation) and issubclass(annotation, eqx.Module | dist.Distribution):
        return (annotation,)
    return tuple(base for argument in get_args(annotation) for base in _bases(argument))


def _inner(path: str, argument: _Argument) -> str:
    """The path of an argument of the node at `path`."""
    return path if argument.is_nested else f"{path}.{argument.name}".lstrip(".")


def _label(path: str) -> str:
    return path or "the document"


def _document(node: Any, path: str) -> dict[str, Any]:
    document: dict[str, Any] = {"type": type(node).__name__}
    for name, argument in _arguments(type(node)).items():
        if not hasattr(node, name):
            raise InputTypeError(f"{_label(path)} can't be written as a document: {type(node).__name__} hides {name}")
        value = getattr(node, name)
        if not all(each is None or (isinstance(each, Mapping) and not each) for each in (value, argument.default)):
            document[name] = _plain(value, _inner(path, argument))
    return document


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, eqx.Module | dist.Distribution):
        return _document(value, path)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, path) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, str(key)) for key, item in value.items()}
    if not is_number(value):
        raise InputTypeError(f"{path} can't be written as a document: {value!r}")
    number = value.item() if isinstance(value, np.generic | np.ndarray | jax.Array) else value
    if not math.isfinite(number):
        raise SpecError([{"path": path, "message": f"{path} must be finite to be written, got {number}"}])
    return number


class _Reader:
    """Reads documents and gathers their problems; a node with a problem is read as None."""

    def __init__(self, types: Sequence[type]) -> None:
        check_classes(types)
        self.problems: list[dict[str, str]] = []
        self._types = {cls.__name__: cls for cls in (*installed_profiles(), *_KNOWN, *types)}

    def unversioned(self, document: Any) -> dict[str, Any] | None:
        """The document without its version; None if we can't read that version."""
        if not isinstance(document, Mapping):
            self._problem("", f"the document must be a mapping, got {document!r}")
            return None
        version = document.get("version")
        if type(version) is not int or version < 1:
            self._problem("", f"the document's version must be a number such as {VERSION}, got {version!r}")
            return None
        if version > VERSION:
            newer = f"the document has version {version}, made by a newer sersiclab; this one reads {VERSION}"
            self._problem("", newer)
            return None
        return {key: value for key, value in document.items() if key != "version"}

    def module(self, document: Any, base: type) -> Any:
        """The module of a whole document. Raises `SpecError` with every problem found."""
        try:
            module = None if self.problems else self.node(document, "", (base,))
        except RecursionError:
            self._problem("", "the document is nested too deeply")
        if self.problems:
            raise SpecError(self.problems)
        return module  # pyright: ignore[reportPossiblyUnboundVariable] (or it has a problem)

    def node(self, document: Any, path: str, bases: tuple[type, ...]) -> Any:
        """The module or distribution of a document."""
        before, cls = len(self.problems), self._class(document, path, bases)
        if cls is None:
            return None
        arguments = _arguments(cls)
        given = {key: value for key, value in document.items() if key != "type"}
        self._check_keys(cls, given, arguments, path)
        values = {
            key: self._value(value, _inner(path, arguments[key]), arguments[key])
            for key, value in given.items()
            if key in arguments
        }
        if len(self.problems) == before and cls is Model:
            self._check_ties(values)
            self._check_renderer(values)
        if len(self.problems) > before:
            return None
        try:
            if issubclass(cls, dist.Distribution):
                cls(**values, validate_args=True)  # raises on values that it can't have
            return cls(**values)
        except (TypeError, ValueError) as error:
            self._problem(path, f"{path}: {error}" if path else str(error))
            return None

    def _problem(self, path: str, message: str) -> None:
        # What is wrong inside a prior is a problem of the parameter, "galaxy.n".
        self.problems.append({"path": ".".join(path.split(".")[:2]), "message": message})

    def _class(self, document: Any, path: str, bases: tuple[type, ...]) -> type | None:
        names = [name for name, cls in self._types.items() if issubclass(cls, bases)]
        expected = ", ".join(names) or "a distribution of numpyro"
        if not isinstance(document, Mapping):
            self._problem(path, f"{_label(path)} must be a mapping with a type ({expected}), got {document!r}")
        elif "type" not in document:
            self._problem(path, f"{_label(path)} has no type, got {document!r}; expected {expected}")
        else:
            name = document["type"]
            known = (self._types.get(name), getattr(dist, name, None)) if isinstance(name, str) else ()
            for cls in known:
                if inspect.isclass(cls) and issubclass(cls, bases):
                    return cls
            self._problem(path, f"{_label(path)} has the type {name!r}; expected {expected}")
        return None

    def _check_keys(self, cls: type, given: Mapping[str, Any], arguments: dict[str, _Argument], path: str) -> None:
        dot = f"{path}." if path else ""
        fields = ", ".join(arguments) or "no fields"
        for key in (key for key in given if key not in arguments):
            self._problem(f"{dot}{key}", f"{dot}{key} is unknown: {cls.__name__} has {fields}")
        for name, argument in arguments.items():
            if argument.default is _REQUIRED and name not in given:
                self._problem(f"{dot}{name}", f"{dot}{name} is missing: {cls.__name__} needs it")

    def _value(self, value: Any, path: str, argument: _Argument) -> Any:
        if argument.is_mapping:
            if not isinstance(value, Mapping):
                self._problem("", f"{path} must be a mapping from names to documents, got {value!r}")
                return None
            return {str(key): self.node(item, str(key), argument.bases) for key, item in value.items()}
        if isinstance(value, Mapping) or argument.is_nested:
            value = self.node(value, path, argument.bases)
            if value is None:
                return None
        elif isinstance(value, list | tuple):
            items = dataclasses.replace(argument, info=None)
            value = tuple(self._value(item, path, items) for item in value)
        elif isinstance(value, float) and not math.isfinite(value):
            self._problem(path, f"{path} must be a finite number, got {value}")
            return None
        elif argument.in_distribution and not is_number(value):
            self._problem(path, f"{path} must be a number or a distribution, got {value!r}")
            return None
        if argument.info is not None:
            self._check_parameter(argument.info, path, value)
        return value

    def _check_parameter(self, info: ParameterInfo, path: str, value: Any) -> None:
        try:
            info.check(path, value)
        except (TypeError, ValueError) as error:
            self._problem(path, str(error))

    def _check_ties(self, fields: Mapping[str, Any]) -> None:
        noise = {"noise": fields["noise"]} if isinstance(fields.get("noise"), eqx.Module) else {}
        owners = {**fields.get("components", {}), **fields.get("links", {}), **noise}
        for path, message in ties.problems(owners).items():
            self._problem(path, message)

    def _check_renderer(self, fields: Mapping[str, Any]) -> None:
        renderer = fields.get("renderer", HybridRenderer())
        components = fields.get("components", {}) if isinstance(renderer, AbstractRenderer) else {}
        for name, component in components.items():
            known = {f"{name}.{key}" for key in parameter_info(component)}
            try:
                renderer.check(name, component)
            except (TypeError, ValueError) as error:
                subject = str(error).split(maxsplit=1)[0]
                self._problem(subject if subject in known else name, str(error))


def _expression(value: Any, imports: set[str]) -> str:
    """Code that builds a value; the imports that it needs are added to `imports`."""
    if isinstance(value, eqx.Module | dist.Distribution):
        return _call(value, imports)
    if isinstance(value, Mapping):
        lines = [f'"{key}": {_expression(item, imports)},' for key, item in value.items()]
        return "{\n" + textwrap.indent("\n".join(lines), "    ") + "\n}"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_expression(item, imports)}, " for item in value).rstrip() + ")"
    plain = _plain(value, "a value")
    return f'"{plain}"' if isinstance(plain, str) and plain.isprintable() and '"' not in plain else repr(plain)


def _call(node: Any, imports: set[str]) -> str:
    arguments = []
    for name, argument in _arguments(type(node)).items():
        value = getattr(node, name)
        required = argument.default is _REQUIRED
        if required or _plain(value, name) != _plain(argument.default, name):
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
