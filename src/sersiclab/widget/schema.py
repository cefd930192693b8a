"""The schema of the editor: what its front end must know of classes, methods and presets."""

from collections.abc import Sequence
from typing import Any

from sersiclab.inference import METHODS
from sersiclab.schema import schema
from sersiclab.widget.options import options_of
from sersiclab.widget.presets import PRESETS


def editor_schema(types: Sequence[type]) -> dict[str, Any]:
    """The schema of the package and of the user's own `types`, with the options of methods and the presets."""
    document = schema(types, METHODS)
    methods = {cls.__name__: {**document["methods"][cls.__name__], "options": options_of(cls)} for cls in METHODS}
    return {**document, "methods": methods, "presets": list(PRESETS)}
