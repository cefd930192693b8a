"""The public names of the package, grouped by the room that defines them."""

import inspect
from types import ModuleType
from typing import NamedTuple

import sersiclab


class Group(NamedTuple):
    """A page of the reference."""

    slug: str
    title: str
    about: str


CATALOGUES = Group("catalogue", "Catalogues", "Fits of many galaxies, tables of the results, and recovery of mocks.")
GROUPS = {
    "data": Group("data", "Data", "Images with their error maps, PSFs and masks."),
    "datasets": Group("datasets", "Example images", "Small images that come with the package."),
    "detection": Group("detection", "Detection", "Finding the target and masking its neighbours."),
    "guess": Group("guess", "First guess", "A model with priors, from the pixels."),
    "model": Group("model", "Model", "Models, the images that they predict, and their posterior densities."),
    "profiles": Group(
        "profiles",
        "Profiles",
        "Components of a model. [The conventions](../../conventions.md) hold for all.",
    ),
    "parameters": Group("parameters", "Parameters and priors", "What a parameter of a profile may be."),
    "noise": Group("noise", "Noise", "Likelihoods of the pixels, given to `sl.Model` as `noise=`."),
    "rendering": Group("rendering", "Renderers", "Ways to draw a model, given to `sl.Model` as `renderer=`."),
    "inference": Group("inference", "Inference", "Methods, and the functions that run them."),
    "catalogue": CATALOGUES,
    "recovery": CATALOGUES,
    "batch": Group("batch", "Batches", "Fits of many galaxies at once."),
    "results": Group("results", "Results", "The fit, its summaries and its verdict."),
    "documents": Group("documents", "Documents", "Models as JSON and as Python code."),
    "io": Group("io", "Files of other programs", "Files of GALFIT and imfit, and saved fits."),
    "widget": Group("widget", "Widget", "The interactive editor; see [how to use it](../../widget.md)."),
    "runtime": Group("runtime", "Running", "Settings of the running process, and the errors of the package."),
}


def public_names() -> dict[str, object]:
    """Return the public objects of the package by name."""
    names = [name for name in _listed_names() if not name.startswith("__")]
    return {name: getattr(sersiclab, name) for name in names}


def _listed_names() -> list[str]:
    listed = getattr(sersiclab, "__all__", None)
    if listed is not None:
        return list(listed)
    ours = [name for name, value in vars(sersiclab).items() if _is_ours(value)]
    return [*ours, "datasets", "io", "Editor", "Workbench"]


def _is_ours(value: object) -> bool:
    return getattr(value, "__module__", "").startswith("sersiclab.")


def public_groups() -> dict[Group, dict[str, object]]:
    """Return the members of each group; those of public modules by their names with the module's."""
    members: dict[str, dict[str, object]] = {room: {} for room in GROUPS}
    for name, member in public_names().items():
        if inspect.ismodule(member):
            room = member.__name__.split(".")[1]
            members[room] |= {f"{name}.{key}": value for key, value in _functions(member).items()}
        else:
            members[_room(member)][name] = member
    pages: dict[Group, dict[str, object]] = {}
    for room, found in members.items():
        if found:
            pages.setdefault(GROUPS[room], {}).update(found)
    return {group: _concrete_first(found) for group, found in pages.items()}


def _concrete_first(members: dict[str, object]) -> dict[str, object]:
    """Put base classes, which only authors of new classes need, last."""
    return dict(sorted(members.items(), key=lambda item: item[0].startswith("Abstract")))


def _room(member: object) -> str:
    module = getattr(member, "__module__", None) or type(member).__module__
    room = module.split(".")[1] if module.startswith("sersiclab.") else "parameters"
    if room not in GROUPS:
        raise ValueError(f"no page of the reference holds {member!r} of {module}: add its room to GROUPS")
    return room


def _functions(module: ModuleType) -> dict[str, object]:
    """The functions that a public module defines, and that the package does not offer by a shorter name."""
    shorter = list(public_names().values())
    functions = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    return {
        name: value
        for name, value in functions.items()
        if not name.startswith("_") and value.__module__.startswith(module.__name__) and value not in shorter
    }
