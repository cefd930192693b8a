"""A first model of a source in several images, from those of each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sersiclab.data.image_set import Images
from sersiclab.data.planes import place_of
from sersiclab.data.registration import frame_between
from sersiclab.model.model import Model
from sersiclab.model.reprojection import mapped_model
from sersiclab.parameters import AbstractPrior, Parameter, ParameterInfo, own_parameters, parameter_info
from sersiclab.parameters.base import ImageLabel
from sersiclab.parameters.priors import LogUniform
from sersiclab.parameters.varying import PerBand, PerImage, Polynomial
from sersiclab.profiles import AbstractSky
from sersiclab.profiles.default_priors import is_length


WIDER = 10.0  # factor by which the prior of a flux is wider in a band in which the source was not measured


def positions_in(images: Images, position: Any) -> dict[str, Any]:
    """Return where to look for the source in every image that has data: a position, or None for the middle.

    A position in pixels is one of the first image; without one, the source is at the first image's middle.
    """
    from astropy.coordinates import SkyCoord

    first, place = images.names[0], position
    if isinstance(position, SkyCoord):
        return dict.fromkeys(images.used, position)
    ny, nx = images.frame.shape
    about = (0.5 * (nx - 1), 0.5 * (ny - 1)) if position is None else place_of(position)
    found: dict[str, Any] = {}
    for name in images.used:
        frame = frame_between(images.frame, images[name], about, names=(first, name))
        x, y = frame.to_image(*about)
        found[name] = place if name == first else (float(x), float(y))
    return found


def combined(models: Mapping[str, Model], images: Images, best: str) -> Model:
    """Return the model of all images from those of each, where `best` is the one in which the source is clearest.

    Arguments:
        models: of the images that have data, each in its own pixels.
        images: the images.
        best: the name of the image whose model has the best centre, size and shape.
    """
    labels = tuple(label for label in images.labels if label.name in models)
    base = _in_first(models[best], images, best)
    components = {}
    for name, component in base.components.items():
        held = {other: model.components.get(name) for other, model in models.items()}
        own, is_sky = own_parameters(component), isinstance(component, AbstractSky)
        changes = {
            key: _joined(info, own[key], key, held, labels, sky=is_sky)
            for key, info in parameter_info(component).items()
        }
        components[name] = dataclasses.replace(component, **changes)
    return Model(components, noise=base.noise, renderer=base.renderer, images=labels)


def _in_first(model: Model, images: Images, name: str) -> Model:
    """Return the model of an image in the first image's pixels."""
    if name == images.names[0]:
        return model
    start = model.at(model.initial).components.values()
    place = next((own_parameters(part) for part in start if not isinstance(part, AbstractSky)), None)
    if place is None:
        return model
    about = (float(place["xc"]), float(place["yc"]))
    return mapped_model(model, frame_between(images[name], images.frame, about, names=(name, images.names[0])))


def _joined(
    info: ParameterInfo,
    value: Parameter,
    key: str,
    held: Mapping[str, Any],
    labels: tuple[ImageLabel, ...],
    *,
    sky: bool,
) -> Parameter:
    """Return a parameter of the joint model, as a function of the image where it varies."""
    if not isinstance(value, AbstractPrior):
        return value
    if sky:
        return PerImage({label.name: own_parameters(held[label.name])[key] for label in labels})
    if info.unit.startswith("image"):
        return PerBand(_fluxes(value, key, held, labels))
    if is_length(info) or key == "n":
        return _smooth(value, labels)
    return value


def _fluxes(value: AbstractPrior, key: str, held: Mapping[str, Any], labels: tuple[ImageLabel, ...]) -> dict[str, Any]:
    """Return the prior of a flux in each band, as it was measured in the first image of the band."""
    priors: dict[str, Any] = {}
    for label in labels:
        measured = held[label.name]
        own = _wider(value) if measured is None else own_parameters(measured)[key]
        priors.setdefault(label.band, own)
    return priors


def _wider(prior: AbstractPrior) -> AbstractPrior:
    if not isinstance(prior, LogUniform):
        return prior
    return LogUniform(low=prior.low / WIDER, high=prior.high * WIDER, init=prior.init)


def _smooth(prior: AbstractPrior, labels: tuple[ImageLabel, ...]) -> Parameter:
    """Return a linear function of wavelength, or of the band if wavelengths are not known; a prior for one band."""
    if len({label.band for label in labels}) == 1:
        return prior
    if any(label.wavelength is None for label in labels):
        return PerBand(prior)
    return Polynomial(prior, degree=1)
