"""The schema of the editor: what its front end must know of classes, methods and presets."""

from collections.abc import Sequence
from typing import Any

from sersiclab.documents.schema import schema
from sersiclab.inference import METHODS
from sersiclab.noise import (
    AbstractNoise,
    CorrelatedNoise,
    GaussianNoise,
    HuberNoise,
    InflatedNoise,
    MixtureNoise,
    PoissonNoise,
    StudentTNoise,
)
from sersiclab.widget.options import options_of
from sersiclab.widget.presets import PRESETS
from sersiclab.widget.session import noise_document


# Those that need nothing but numbers.
CHOSEN: tuple[AbstractNoise, ...] = (
    GaussianNoise(),
    StudentTNoise(),
    MixtureNoise(),
    HuberNoise(),
    PoissonNoise(),
    InflatedNoise(GaussianNoise()),
)

CORRELATED = "Correlated (measured on the sky)"


def editor_schema(types: Sequence[type]) -> dict[str, Any]:
    """The schema of the package and of the user's own `types`, with the options of methods and the presets.

    Of noises, those that can be chosen, each with the document that it begins with; None for the one that is measured.
    """
    document = schema(types, METHODS)
    methods = {cls.__name__: {**document["methods"][cls.__name__], "options": options_of(cls)} for cls in METHODS}
    starts = {type(noise).__name__: noise_document(noise) for noise in CHOSEN}
    noises = {name: {**document["noises"][name], "document": start} for name, start in starts.items()}
    correlated = document["noises"][CorrelatedNoise.__name__]
    noises[CorrelatedNoise.__name__] = {**correlated, "title": CORRELATED, "document": None}
    return {**document, "methods": methods, "presets": list(PRESETS), "noises": noises}
