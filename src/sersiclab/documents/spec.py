"""Documents: a model as plain JSON, and back.

A node of the tree is `{"type": class name, field: value, ...}`. Reading and writing follow the fields that classes
declare, so a new class needs nothing here. Paths in problems are those of parameters: "galaxy.n", "galaxy" for a
component, "" for the whole document. A profile nested in a component, as in
`{"type": "Boxy", "profile": {"type": "Sersic", "n": 4, ...}, "c0": 0.1}`, has the component's path: "galaxy.n".
"""

import dataclasses
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import numpyro.distributions as dist

from sersiclab.documents.nodes import REQUIRED, Argument, arguments_of, document_of, inner_path, label_of
from sersiclab.documents.nodes import SpecError as SpecError
from sersiclab.documents.schema import VERSION, check_classes
from sersiclab.documents.schema import schema as schema
from sersiclab.documents.scripts import to_python as to_python
from sersiclab.model import Model, checked_model
from sersiclab.noise import NOISES
from sersiclab.parameters import ParameterInfo, Tied, nested_modules, parameter_info, ties
from sersiclab.parameters.image_shift import SHIFT, Shift
from sersiclab.parameters.links import LINKS
from sersiclab.parameters.priors import PRIORS
from sersiclab.parameters.scalars import is_number
from sersiclab.parameters.varying import VARYING
from sersiclab.profiles import MODIFIERS, PROFILES, installed_profiles
from sersiclab.rendering import RENDERERS, AbstractRenderer, HybridRenderer
from sersiclab.runtime.errors import InputError, InputTypeError


_KNOWN: tuple[type, ...] = (Model, *PROFILES, *MODIFIERS, *PRIORS, Tied, *VARYING, *NOISES, *RENDERERS, *LINKS, Shift)


def to_dict(model: Model) -> dict[str, Any]:
    """Convert a model to a document of plain JSON values.

    Arguments:
        model: the model.

    Returns:
        A dictionary that `json.dump` writes and `from_dict` reads.

    Raises:
        TypeError: if the model has a part that no document can hold, such as a function.
        ValueError: if a number is not finite.

    Example:
        >>> import sersiclab as sl
        >>> model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(0, 1))})
        >>> sl.to_dict(model)["components"]["sky"]["level"]
        {'type': 'Normal', 'loc': 0.0, 'scale': 1.0}
    """
    return {"version": VERSION, **to_document(checked_model(model))}


def from_dict(document: Mapping[str, Any], types: Sequence[type] = ()) -> Model:
    """Build the model of a document.

    Arguments:
        document: a document from `to_dict`, or equivalent JSON.
        types: the user's own classes that it names.

    Returns:
        The model.

    Raises:
        SpecError: a `ValueError` with every problem found, as `error.problems`.
        TypeError: if `types` is not a sequence of classes.

    Example:
        >>> import sersiclab as sl
        >>> model = sl.Model({"sky": sl.FlatSky(level=sl.Normal(0, 1))})
        >>> sl.from_dict(sl.to_dict(model)) == model
        True
    """
    reader = _Reader(types)
    return reader.module(reader.unversioned(document), Model)


def to_document(module: eqx.Module) -> dict[str, Any]:
    """Convert a module of plain fields, such as a prior or a method, to a document without a version."""
    return document_of(module, "")


def from_document(document: Mapping[str, Any], types: Sequence[type] = ()) -> Any:
    """Build the module of a document without a version. Raises `SpecError` with every problem found."""
    return _Reader(types).module(document, eqx.Module)


def own_types(model: Model) -> tuple[type, ...]:
    """Return the user's own classes of profiles in a model, which `from_dict` needs as `types`."""
    modules: list[eqx.Module] = list(model.components.values())
    for module in modules:
        modules.extend(nested_modules(module).values())
    return tuple(dict.fromkeys(type(module) for module in modules if type(module) not in _KNOWN))


class _Reader:
    """Reads documents and collects their problems; a node with a problem is read as None."""

    def __init__(self, types: Sequence[type]) -> None:
        check_classes(types)
        self.problems: list[dict[str, str]] = []
        self._types = {cls.__name__: cls for cls in (*installed_profiles(), *_KNOWN, *types)}

    def unversioned(self, document: Any) -> dict[str, Any] | None:
        """Return the document without its version; None if this version can't be read."""
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
        """Return the module of a whole document. Raises `SpecError` with every problem found."""
        try:
            module = None if self.problems else self.node(document, "", (base,))
        except RecursionError:
            self._problem("", "the document is nested too deeply")
        if self.problems:
            raise SpecError(self.problems)
        return module  # pyright: ignore[reportPossiblyUnboundVariable] (or it has a problem)

    def node(self, document: Any, path: str, bases: tuple[type, ...]) -> Any:
        """Return the module or distribution of a document."""
        before, cls = len(self.problems), self._class(document, path, bases)
        if cls is None:
            return None
        arguments = arguments_of(cls)
        given = {key: value for key, value in document.items() if key != "type"}
        self._check_keys(cls, given, arguments, path)
        values = {
            key: self._value(value, inner_path(path, arguments[key]), arguments[key])
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
                cls(**values, validate_args=True)  # raises for invalid values
            return cls(**values)
        except _refusals(cls) as error:
            self._problem(path, f"{path}: {error}" if path else str(error))
            return None

    def _problem(self, path: str, message: str) -> None:
        # A problem inside a prior is one of the parameter, "galaxy.n".
        self.problems.append({"path": ".".join(path.split(".")[:2]), "message": message})

    def _class(self, document: Any, path: str, bases: tuple[type, ...]) -> type | None:
        names = [name for name, cls in self._types.items() if issubclass(cls, bases)]
        expected = ", ".join(names) or "a distribution of numpyro"
        if not isinstance(document, Mapping):
            self._problem(path, f"{label_of(path)} must be a mapping with a type ({expected}), got {document!r}")
        elif "type" not in document:
            self._problem(path, f"{label_of(path)} has no type, got {document!r}; expected {expected}")
        else:
            name = document["type"]
            known = (self._types.get(name), getattr(dist, name, None)) if isinstance(name, str) else ()
            for cls in known:
                if inspect.isclass(cls) and issubclass(cls, bases):
                    return cls
            self._problem(path, f"{label_of(path)} has the type {name!r}; expected {expected}")
        return None

    def _check_keys(self, cls: type, given: Mapping[str, Any], arguments: dict[str, Argument], path: str) -> None:
        dot = f"{path}." if path else ""
        fields = ", ".join(arguments) or "no fields"
        for key in (key for key in given if key not in arguments):
            self._problem(f"{dot}{key}", f"{dot}{key} is unknown: {cls.__name__} has {fields}")
        for name, argument in arguments.items():
            if argument.default is REQUIRED and name not in given:
                self._problem(f"{dot}{name}", f"{dot}{name} is missing: {cls.__name__} needs it")

    def _value(self, value: Any, path: str, argument: Argument) -> Any:
        if argument.is_mapping:
            if not isinstance(value, Mapping):
                self._problem("", f"{path} must be a mapping from names to documents, got {value!r}")
                return None
            return {str(key): self.node(item, str(key), argument.bases) for key, item in value.items()}
        if argument.holds_nodes and isinstance(value, Mapping) and "type" not in value:
            nodes = dataclasses.replace(argument, holds_nodes=False)
            return {str(name): self._value(item, f"{path}.{name}", nodes) for name, item in value.items()}
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
        except (InputError, InputTypeError) as error:
            self._problem(path, str(error))

    def _check_ties(self, fields: Mapping[str, Any]) -> None:
        parts = {"noise": fields.get("noise"), SHIFT: fields.get("shift")}
        others = {name: part for name, part in parts.items() if isinstance(part, eqx.Module)}
        owners = {**fields.get("components", {}), **fields.get("links", {}), **others}
        for path, message in ties.problems(owners).items():
            self._problem(path, message)

    def _check_renderer(self, fields: Mapping[str, Any]) -> None:
        renderer = fields.get("renderer", HybridRenderer())
        components = fields.get("components", {}) if isinstance(renderer, AbstractRenderer) else {}
        for name, component in components.items():
            known = {f"{name}.{key}" for key in parameter_info(component)}
            try:
                renderer.check(name, component)
            except (InputError, InputTypeError) as error:
                subject = str(error).split(maxsplit=1)[0]
                self._problem(subject if subject in known else name, str(error))


def _refusals(cls: type) -> tuple[type[Exception], ...]:
    """Return the errors with which a class refuses its arguments; those of other packages raise Python's own."""
    return (InputError, InputTypeError) if cls.__module__.startswith("sersiclab.") else (TypeError, ValueError)
