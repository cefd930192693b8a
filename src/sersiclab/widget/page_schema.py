"""The schema of the editor: the declarations of classes, methods and presets that its page needs."""

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
from sersiclab.widget.method_options import options_of
from sersiclab.widget.presets import PRESETS
from sersiclab.widget.session import noise_document


# The noise models that need only numbers.
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
    """Return the schema of the package and of the user's own `types`, with the options of methods and the presets.

    It has the noise models that can be chosen, each with its initial document; None for the one that is measured.
    """
    document = schema(types, METHODS)
    methods = {cls.__name__: {**document["methods"][cls.__name__], "options": options_of(cls)} for cls in METHODS}
    starts = {type(noise).__name__: noise_document(noise) for noise in CHOSEN}
    noises = {name: {**document["noises"][name], "document": start} for name, start in starts.items()}
    correlated = document["noises"][CorrelatedNoise.__name__]
    noises[CorrelatedNoise.__name__] = {**correlated, "title": CORRELATED, "document": None}
    return {**document, "methods": methods, "presets": list(PRESETS), "noises": noises}
