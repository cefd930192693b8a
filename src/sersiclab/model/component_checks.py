"""Checks of the parts of a model: their types and names, and whether all can be drawn wherever a tie may lead."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeGuard

from sersiclab import parameters
from sersiclab.noise import AbstractNoise
from sersiclab.parameters import Owners, ties
from sersiclab.parameters.base import ImageLabel
from sersiclab.parameters.image_shift import SHIFT, Shift
from sersiclab.parameters.links import AbstractLink
from sersiclab.parameters.scalars import is_number
from sersiclab.profiles import AbstractMixture, AbstractProfile
from sersiclab.rendering import AbstractRenderer
from sersiclab.runtime.errors import InputError, InputTypeError


def is_name(name: Any) -> TypeGuard[str]:
    """Return whether a component may have this name: an identifier of visible characters that is not reserved."""
    return isinstance(name, str) and name.isidentifier() and name.isprintable() and name not in ("noise", "renderer")


def check_name(name: Any) -> None:
    """Raise `ValueError` unless a component may have this name."""
    if not is_name(name):
        raise InputError(f"a component's name must be an identifier other than 'noise' and 'renderer', got {name!r}")


def check_shift(shift: Any, taken: Collection[str]) -> None:
    """Raise unless `shift` is one, or None, and its name is not among those that are taken."""
    if shift is None:
        return
    if not isinstance(shift, Shift):
        raise InputTypeError(f"shift must be a Shift, such as model.with_shift makes it, got {shift!r}")
    if SHIFT in taken:
        raise InputError(f"a part of a model with a shift can't have the name {SHIFT!r}, which is that of the shift")


def check_tied_limits(owners: Owners, renderer: AbstractRenderer) -> None:
    """Raise if the renderer can't draw a component over the whole range of a tied parameter."""
    mixtures = {name: part for name, part in owners.items() if isinstance(part, AbstractMixture)}
    narrow = {f"{name}.{key}" for name, part in mixtures.items() for key in part.limits}
    for path, ends in ties.ranges(owners).items() if narrow else ():
        for end in ends if path in narrow else ():
            name, key = path.split(".", 1)
            try:
                renderer.check(name, parameters.with_parameters(mixtures[name], {key: end}))
            except InputError as error:
                raise InputError(f"{path} is tied, and may be {end:g}: {error}") from None


def by_name(argument: str, example: str) -> Callable[[Any], dict[str, Any]]:
    """Return a converter of mappings to dictionaries. It raises `TypeError`, naming the argument, for anything else."""

    def converted(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InputTypeError(f"{argument} must be a mapping of names, such as {example}, got {value!r}")
        return dict(value)

    return converted


def labels_of(value: Any) -> tuple[ImageLabel, ...]:
    """Return the labels of images. Raises `TypeError` for anything but a sequence of them."""
    if not isinstance(value, list | tuple) or not all(_is_label(label) for label in value):
        raise InputTypeError(f"images must be Images, or their labels (name, band, wavelength), got {value!r}")
    return tuple(ImageLabel(*label) for label in value)


def _is_label(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return False
    name, band, wavelength = value
    return isinstance(name, str) and isinstance(band, str) and (wavelength is None or is_number(wavelength))


def check_parts(components: Mapping[str, Any], noise: Any, renderer: Any, links: Mapping[str, Any]) -> None:
    """Raise `TypeError` or `ValueError` unless the parts of a model are what they must be, with suitable names."""
    if not components:
        raise InputError("components must hold at least one profile, got none")
    for name, component in components.items():
        check_name(name)
        if not isinstance(component, AbstractProfile):
            raise InputTypeError(f"components[{name!r}] must be a profile such as Sersic(...), got {component!r}")
    if not isinstance(noise, AbstractNoise):
        raise InputTypeError(f"noise must be a noise model such as GaussianNoise(), got {noise!r}")
    if not isinstance(renderer, AbstractRenderer):
        raise InputTypeError(f"renderer must be a renderer such as HybridRenderer(), got {renderer!r}")
    for name, link in links.items():
        check_name(name)
        if not isinstance(link, AbstractLink):
            raise InputTypeError(f"links[{name!r}] must be a link such as TotalFlux(...), got {link!r}")
        if name in components:
            raise InputError(f"links: {name!r} is the name of a component")
