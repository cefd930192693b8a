"""Reading a model's parameters by path, filling them with numbers, and replacing them.

A tree is read as `owners`: a mapping from a name to the module that owns the parameters, so that the parameter `n` of
the component `bulge` has the path `"bulge.n"`. Only this module looks inside a parameter field; everything else asks
`free`, `initial` or `at`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np

from sersiclab.parameters.base import AbstractParameter, AbstractPrior, AbstractVarying, ImageLabel, Parameter, Tied
from sersiclab.parameters.declarations import declared, nested_modules, own_parameters, parameter_info
from sersiclab.parameters.documenting import in_unit
from sersiclab.parameters.scalars import Scalar, described, is_number, is_scalar
from sersiclab.runtime.errors import InputError, InputTypeError


Owners = Mapping[str, eqx.Module]
M = TypeVar("M", bound=eqx.Module)


def parameters(owners: Owners) -> dict[str, Parameter]:
    """Return every parameter by path: a number, a prior or a tie."""
    return {
        f"{owner_name}.{name}": value
        for owner_name, owner in owners.items()
        for name, value in own_parameters(owner).items()
    }


def expanded(found: Mapping[str, Parameter], labels: Sequence[ImageLabel]) -> dict[str, Parameter]:
    """Return parameters by path, with the nodes of each that varies, such as `galaxy.flux.g`, in its place.

    As long as the images are not known, a parameter with one prior for all nodes counts as one parameter.
    """
    result: dict[str, Parameter] = {}
    for path, value in found.items():
        result |= nodes_of(path, value, labels) if isinstance(value, AbstractVarying) else {path: value}
    return result


def nodes_of(path: str, value: AbstractVarying, labels: Sequence[ImageLabel]) -> dict[str, Parameter]:
    """Return the nodes of a parameter that varies, by path. Raises `ValueError` if one is missing or unknown."""
    given = value.given
    if not labels:
        return {f"{path}.{name}" if name else path: node for name, node in given.items()}
    names = value.nodes(path, labels)
    if "" not in given and set(names) != set(given):
        raise InputError(f"{path} must have a value for each of {list(names)}, got {list(given)}")
    return {f"{path}.{name}": given.get("", given.get(name)) for name in names}


def base_path(path: str) -> str:
    """Return the path of the parameter to which a node belongs; a parameter's own path is returned unchanged."""
    return ".".join(path.split(".")[:2]) if isinstance(path, str) else path


def free(owners: Owners, labels: Sequence[ImageLabel] = ()) -> dict[str, AbstractPrior]:
    """Return the free parameters by path, in the order of the tree; `labels` are those of the images, if known."""
    return {path: p for path, p in expanded(parameters(owners), labels).items() if isinstance(p, AbstractPrior)}


def initial(owners: Owners, labels: Sequence[ImageLabel] = ()) -> dict[str, float]:
    """Return the starting value of every free parameter: the `init` of its prior, else its median."""
    return {path: start(path, prior) for path, prior in free(owners, labels).items()}


def start(path: str, prior: AbstractPrior) -> Any:
    """Return the starting value of a free parameter; raise `ValueError` if its prior is traced and has no `init`."""
    if prior.init is not None:
        return float(prior.init) if is_number(prior.init) else prior.init
    if not all(is_number(leaf) for leaf in jax.tree.leaves(prior)):
        raise InputError(f"{path} must have a value: inside a jitted function the median of its prior is not known")
    try:
        return prior.median()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def check_values(
    owners: Owners, values: Mapping[str, Any], labels: Sequence[ImageLabel] = (), *, draws: bool = False
) -> None:
    """Raise if `values` names an unknown path or holds a number outside its parameter's range.

    With `draws` it may hold arrays of numbers, whose ranges are not checked.
    """
    known = {f"{o}.{name}": info for o, owner in owners.items() for name, info in parameter_info(owner).items()}
    if labels:
        known = {path: known[base_path(path)] for path in expanded(parameters(owners), labels)}
    for path, value in values.items():
        if path not in known:
            raise InputError(f"values has {path!r}, which is not a parameter of this model; it has {list(known)}")
        if not draws:
            known[path].check(path, value)
        elif not is_scalar(value) and getattr(getattr(value, "dtype", None), "kind", "") not in ("f", "i", "u"):
            raise InputTypeError(f"{path} must be a number, or an array of them, got {described(value)}")


def at_joint(owners: Owners, values: Mapping[str, Scalar], labels: Sequence[ImageLabel]) -> dict[str, eqx.Module]:
    """Return the modules with a number for every free parameter and node. Ties are kept: they may follow functions."""
    missing = [path for path in free(owners, labels) if path not in values]
    if missing:
        raise InputError(f"{missing[0]} is free and has no value; values must hold {list(free(owners, labels))}")
    return replace(owners, {path: values[path] for path in free(owners, labels)}, labels)


def at(owners: Owners, values: Mapping[str, Scalar]) -> dict[str, eqx.Module]:
    """Return the modules with a number for every parameter: fixed, given in `values`, or tied to one.

    If `values` holds arrays of draws, so do the modules; arrays are not checked.
    """
    fill = filled if any(map(np.ndim, values.values())) else with_parameters
    found = {path: values.get(path, value) for path, value in parameters(owners).items()}
    numbers: dict[str, Any] = {}
    for path in in_order(found):
        value = found[path]
        if isinstance(value, Tied):
            value = _followed(value, numbers) * (1.0 if value.by is None else _followed(value.by, numbers))
        elif isinstance(value, AbstractParameter):
            raise InputError(f"{path} is free and has no value; values must hold {list(free(owners))}")
        numbers[path] = value
    return {
        owner_name: fill(owner, {n: numbers[f"{owner_name}.{n}"] for n in parameter_info(owner)})
        for owner_name, owner in owners.items()
    }


def filled(owner: M, values: Mapping[str, Any]) -> M:
    """Return a copy of a module with other parameters, without the checks of its constructor."""
    known = declared(type(owner))
    parts = [values[name] if info is not None else filled(getattr(owner, name), values) for name, info in known.items()]
    return eqx.tree_at(lambda owner: [getattr(owner, name) for name in known], owner, parts) if known else owner


def _followed(tie: Tied, numbers: Mapping[str, Any]) -> Any:
    return tie.scale * numbers[tie.to] + tie.offset


def in_order(found: Mapping[str, Parameter]) -> list[str]:
    """Return the paths, each after those that it follows, except paths in a circle or tied to one.

    A path that does not exist counts as known.
    """
    waiting = {
        path: {to for to in value.targets if to in found} if isinstance(value, Tied) else set()
        for path, value in found.items()
    }
    followers: dict[str, list[str]] = {}
    for path, targets in waiting.items():
        for to in targets:
            followers.setdefault(to, []).append(path)
    order = [path for path, targets in waiting.items() if not targets]
    for path in order:  # the list grows during the loop
        for follower in followers.get(path, ()):
            waiting[follower].discard(path)
            if not waiting[follower]:
                order.append(follower)
    return order


def with_parameters(owner: M, values: Mapping[str, Parameter]) -> M:
    """Return a copy of a module with some parameters replaced, its own or those of nested modules."""
    if not values:
        return owner
    changes: dict[str, Any] = {name: value for name, value in values.items() if name in parameter_info(type(owner))}
    for field, module in nested_modules(owner).items():
        inner = {name: values[name] for name in parameter_info(module) if name in values}
        changes[field] = with_parameters(module, inner)
    return dataclasses.replace(owner, **changes)


def replace(
    owners: Owners, changes: Mapping[str, Parameter], labels: Sequence[ImageLabel] = ()
) -> dict[str, eqx.Module]:
    """Return copies of the modules with the parameters, or nodes, in `changes`, `{path: parameter}`, replaced."""
    known = parameters(owners)
    by_owner: dict[str, dict[str, Parameter]] = {}
    for path, value in _whole(known, changes, labels).items():
        if path not in known:
            raise InputError(f"{path!r} is not a parameter of this model; it has {list(known)}")
        owner_name, name = path.split(".", 1)
        info = parameter_info(owners[owner_name])[name]
        info.check(path, in_unit(value, info.unit))
        by_owner.setdefault(owner_name, {})[name] = value
    return {name: with_parameters(owner, by_owner.get(name, {})) for name, owner in owners.items()}


def _whole(
    known: Mapping[str, Parameter], changes: Mapping[str, Parameter], labels: Sequence[ImageLabel]
) -> dict[str, Parameter]:
    """Return the changes with those of nodes as changes of the parameters to which they belong."""
    whole: dict[str, Parameter] = {}
    for path, value in changes.items():
        base = base_path(path)
        node = path.removeprefix(base).removeprefix(".") if isinstance(path, str) else ""
        varying = whole.get(base, known.get(base)) if node else None
        if not node or not isinstance(varying, AbstractVarying):
            whole[path] = value
            continue
        nodes = {name.removeprefix(f"{base}."): each for name, each in nodes_of(base, varying, labels).items()}
        if node not in nodes:
            raise InputError(f"{path!r} is not a parameter of this model; {base} has {list(nodes)}")
        whole[base] = dataclasses.replace(varying, prior={**nodes, node: value})
    return whole
